//! What comes in, entry by entry: small things are kept in memory until all is there, trees go where they will stay.
//!
//! The app is there from the first entry on, with a mark that says that it is none yet, so that trees need not be moved:
//! build tools bake their paths into them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dokuen_core::ledger::Version;
use dokuen_core::releases::{self, Unfinished};
use dokuen_core::{App, AppName, Environment, Host, Lock, Stamp, fs, shown};
use dokuen_nginx::Page;
use nix::errno::Errno;

use super::links::{self, Moved};
use super::manifest::{Manifest, refused};
use super::read::{Item, Kind, broken};
use super::{BUNDLE, CERTIFICATE, CONFIG, MANIFEST, OWN, OWN_FILES, PAGES, RELEASES, STORAGE, TREES, killed};
use crate::commands::create::{self, Birth};
use crate::exit::Failure;
use crate::front_door::sheets;
use crate::topics::apps::ImportArgs;
use crate::unpack::{Unpack, What};

/// Text of so many bytes is no list of what is small.
pub const MOST_OF_MANIFEST: u64 = 32 << 20;
const MOST_OF_CONFIG: u64 = 2 * Environment::MOST_BYTES as u64;
const MOST_OF_PEM: u64 = 1 << 20;

/// An app that is coming in.
pub struct Coming {
    pub app: App,
    pub manifest: Manifest,
    pub config: Option<Environment>,
    pub configs: BTreeMap<Version, Environment>,
    pub certificate: Option<Vec<u8>>,
    pub pages: BTreeMap<Page, Vec<u8>>,
    pub bundle: Option<PathBuf>,
    /// Not marked whole yet.
    pub trees: Vec<Unfinished>,
    /// Where the last entry of a tree went, and those whose entries are over.
    into: Option<(PathBuf, Unpack)>,
    over: Vec<PathBuf>,
    dokuen: PathBuf,
    scratch: PathBuf,
    _lock: Lock,
}

/// Reads the first entry, which says what else there is.
pub fn first(mut item: Item<'_>) -> Result<Manifest, Failure> {
    if item.path != Path::new(MANIFEST) {
        return Err(refused(format!("it does not begin with {MANIFEST}: apps:export makes what is imported")));
    }
    Manifest::parse(&item.bytes(MOST_OF_MANIFEST)?)
}

impl Coming {
    /// Makes the app, which is none yet.
    pub fn begin(host: &Host, args: &ImportArgs, manifest: Manifest) -> Result<Self, Failure> {
        let app = host.app_at(AppName::parse(args.name.as_deref().unwrap_or(&manifest.app))?);
        killed::sweep(host, &app)?;
        let lock = {
            let _names = Lock::take(&host.apps_lock(), "importing an app")?;
            create::make(host, &app, Birth::Importing).map_err(|failure| named(failure, args))?;
            app.lock("importing it")?
        };
        Ok(Self {
            manifest,
            config: None,
            configs: BTreeMap::new(),
            certificate: None,
            pages: BTreeMap::new(),
            bundle: None,
            trees: Vec::new(),
            into: None,
            over: Vec::new(),
            dokuen: host.conf.dokuen_dir.clone(),
            scratch: host.scratch_of(&app.name),
            _lock: lock,
            app,
        })
    }

    /// Makes the directories that the first entry has named.
    pub fn make_directories(&mut self) -> Result<(), Failure> {
        for name in &self.manifest.trees {
            let stamp = Stamp::parse(name).ok_or_else(|| refused("a tree has no name of one"))?;
            self.trees.push(releases::cut_as(&self.app, stamp)?);
        }
        for name in self.manifest.storage()? {
            self.app.storage().create(&name)?;
        }
        fs::remove_tree(&self.scratch)?;
        Ok(fs::make_dirs(&self.scratch, fs::PRIVATE_DIR)?)
    }

    /// The next entry.
    pub fn take(&mut self, mut item: Item<'_>) -> Result<(), Failure> {
        let unknown = || refused(format!("it holds {}, which is not known", shown(&item.path.to_string_lossy())));
        let text = item.path.to_str().map(str::to_owned);
        match text.as_deref() {
            Some(CONFIG) if self.config.is_none() => self.config = Some(config(&mut item)?),
            Some(CERTIFICATE) if self.certificate.is_none() => self.certificate = Some(item.bytes(MOST_OF_PEM)?),
            Some(BUNDLE) if self.bundle.is_none() => self.bundle = Some(self.store_bundle(item)?),
            _ => {
                let mut parts = item.path.components();
                let mut next = || parts.next().and_then(|part| part.as_os_str().to_str()).map(str::to_owned);
                let (room, name) = next().zip(next()).ok_or_else(unknown)?;
                let rest = parts.as_path().to_owned();
                match room.as_str() {
                    PAGES if rest.as_os_str().is_empty() => self.page(&name, item)?,
                    RELEASES if rest.as_os_str().is_empty() => self.config_of(&name, item)?,
                    TREES | STORAGE => self.below(&room, &name, &rest, item)?,
                    _ => return Err(unknown()),
                }
            }
        }
        Ok(())
    }

    fn store_bundle(&self, item: Item<'_>) -> Result<PathBuf, Failure> {
        if item.kind != Kind::File {
            return Err(refused("its repository is no file"));
        }
        let content = item.content;
        let file = What::File { mode: fs::PRIVATE_FILE, mtime: 0, content };
        Unpack::into(&self.scratch).and_then(|mut unpack| unpack.put(Path::new(BUNDLE), file)).map_err(unpacked)?;
        Ok(self.scratch.join(BUNDLE))
    }

    fn page(&mut self, name: &str, mut item: Item<'_>) -> Result<(), Failure> {
        let page = name.strip_suffix(".html").and_then(|name| sheets::page_of(&format!("page.{name}")));
        let page = page.ok_or_else(|| refused(format!("nginx has no page {}", shown(name))))?;
        let bytes = item.bytes(sheets::MOST_OF_A_PAGE as u64)?;
        once(self.pages.insert(page, bytes).is_none())
    }

    fn config_of(&mut self, name: &str, mut item: Item<'_>) -> Result<(), Failure> {
        let version = Version::parse(name).filter(|version| version.to_string() == name);
        let known = version.filter(|version| self.manifest.releases.iter().any(|r| r.version == *version));
        let version = known.ok_or_else(|| refused(format!("there is no release {}", shown(name))))?;
        let config = config(&mut item)?;
        once(self.configs.insert(version, config).is_none())
    }

    /// Something in a tree, or in a storage.
    fn below(&mut self, room: &str, name: &str, rest: &Path, item: Item<'_>) -> Result<(), Failure> {
        let (known, root) = match room {
            TREES => (&self.manifest.trees, self.app.releases_dir().join(name)),
            _ => (&self.manifest.storage, self.app.storage().dir().join(name)),
        };
        if !known.iter().any(|one| one == name) {
            return Err(refused(format!("its first entry does not name {room}/{}", shown(name))));
        }
        if room == TREES && !is_the_trees_own(rest) {
            return Err(refused(format!("{} is nothing that a tree brings along", shown(&rest.to_string_lossy()))));
        }
        let moved = Moved { from: &self.manifest.dir, to: self.app.dir(), dokuen: &self.dokuen };
        let target = match &item.kind {
            Kind::Link(to) => Some(links::target(moved, rest, to).ok_or_else(|| {
                let link = item.path.to_string_lossy();
                refused(format!("the link {} leads to {}", shown(&link), shown(&to.to_string_lossy())))
            })?),
            _ => None,
        };
        let what = match (&item.kind, &target) {
            (Kind::Directory, _) => What::Directory,
            (Kind::Link(_), Some(target)) => What::Link(target),
            _ => What::File { mode: item.mode, mtime: item.mtime, content: item.content },
        };
        self.unpack(root)?.put(rest, what).map_err(unpacked)
    }

    /// All entries of a tree come one after the other.
    fn unpack(&mut self, root: PathBuf) -> Result<&mut Unpack, Failure> {
        if self.into.as_ref().is_none_or(|(at, _)| *at != root) {
            self.over.extend(self.into.take().map(|(at, _)| at));
            once(!self.over.contains(&root))?;
            let unpack = Unpack::into(&root).map_err(unpacked)?;
            self.into = Some((root, unpack));
        }
        self.into.as_mut().map(|(_, unpack)| unpack).ok_or_else(|| refused("it has no tree"))
    }
}

fn once(is: bool) -> Result<(), Failure> {
    if is { Ok(()) } else { Err(refused("something comes twice")) }
}

/// A name that is taken can be another one.
fn named(failure: Failure, args: &ImportArgs) -> Failure {
    match args.name {
        None => failure.hint("dokuen apps:import --name OTHER"),
        Some(_) => failure,
    }
}

/// As it is written, and in no other way.
fn config(item: &mut Item<'_>) -> Result<Environment, Failure> {
    let bytes = item.bytes(MOST_OF_CONFIG)?;
    let config = Environment::from_nul(&bytes);
    if config.to_nul() != bytes {
        return Err(refused(format!("`{}` holds what is no config var", item.path.display())));
    }
    Ok(config)
}

/// Whether it is part of what was built, or one of the files that Dokuen keeps there and that go along. The mark that a
/// tree is whole is never brought along.
fn is_the_trees_own(path: &Path) -> bool {
    match path.strip_prefix(OWN) {
        Ok(own) => own.as_os_str().is_empty() || OWN_FILES.iter().any(|name| own == Path::new(name)),
        Err(_) => true,
    }
}

/// What is wrong with a path is the archive's fault.
fn unpacked(cause: std::io::Error) -> Failure {
    let its = [Errno::EEXIST, Errno::ELOOP, Errno::ENOTDIR, Errno::EISDIR, Errno::ENAMETOOLONG, Errno::EINVAL];
    match cause.raw_os_error() {
        Some(code) if its.contains(&Errno::from_raw(code)) => refused(cause),
        _ => broken(cause),
    }
}
