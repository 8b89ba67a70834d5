//! A push of what was built already: the slug of the same files and the same recipe is taken again, where it stands.
//!
//! It is not copied, since build tools bake its path in. Each whole tree holds `.dokuen/slug`: the git tree it was built
//! from, and the recipe it was built with.

use std::path::Path;

use dokuen_build::{Choice, Paths, Slug};
use dokuen_core::ledger;
use dokuen_core::releases::{self, Tree};
use dokuen_core::{App, Environment, Host, Transcript, fs, own_dir_in};

use crate::exit::Failure;
use crate::git::{self, Commit};
use crate::{build, build_dir};

/// The git tree of what a push builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(String);

const NAME: &str = "slug";
const MOST: u64 = 64 * 1024;
/// So many trees are looked at, the newest first: who keeps a thousand does not wait for all of them at each push.
const LOOKED_AT: usize = 100;

impl Source {
    /// `None` when `DOKUEN_BUILD_DIR` names nothing in it: the build says so.
    pub fn of(host: &Host, app: &App, commit: &Commit, config: &Environment) -> Result<Option<Self>, Failure> {
        let part = match config.text("DOKUEN_BUILD_DIR") {
            Some(dir) => {
                build_dir::check(dir)?;
                format!("{}:{dir}", commit.id())
            }
            None => format!("{}^{{tree}}", commit.id()),
        };
        Ok(git::object(host, app.repo(), &part).map(Self))
    }
}

/// Writes down what a slug was made of. Without a recipe it is never taken again.
pub fn note(tree: &Path, source: Option<&Source>, slug: &Slug) -> Result<(), Failure> {
    let (Some(source), Some(recipe)) = (source, slug.recipe()) else { return Ok(()) };
    let text = format!("{}\n{recipe}\n", source.0);
    Ok(fs::replace_report(&file(tree), text.as_bytes(), fs::PRIVATE_FILE)?)
}

/// The newest tree that holds the slug of this source, as it would be built now.
pub fn find(
    host: &Host,
    app: &App,
    source: Option<&Source>,
    config: &Environment,
    out: &mut dyn Transcript,
) -> Result<Option<Tree>, Failure> {
    // What it does to the tree must not be done to one that serves.
    let Some(source) = source.filter(|_| config.text("DOKUEN_AFTER_BUILD").is_none()) else { return Ok(None) };
    let mut notes: Vec<(Tree, String)> = Vec::new();
    for tree in releases::newest_first(app)?.take(LOOKED_AT) {
        // One that cannot be read is one that is not there: what was spoilt is built anew.
        let text = fs::read_foreign(&file(tree.path()), MOST).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let recipe = text.strip_suffix('\n').and_then(|t| t.strip_prefix(&format!("{}\n", source.0)));
        notes.extend(recipe.map(|recipe| (tree, recipe.to_owned())));
    }
    if notes.is_empty() {
        return Ok(None);
    }
    let Some(recipe) = recipe(host, app, source, config, out) else { return Ok(None) };
    let Some((tree, _)) = notes.into_iter().find(|(_, have)| *have == recipe) else { return Ok(None) };
    out.step("nothing to build");
    let of = version_of(app, &tree)?.unwrap_or_else(|| tree.name());
    out.fact(&format!("the slug of {of} is taken again: the same files, buildpacks, config vars and tools"));
    Ok(Some(tree))
}

/// `None` also where it cannot be known: the build that follows says why.
fn recipe(host: &Host, app: &App, source: &Source, config: &Environment, out: &mut dyn Transcript) -> Option<String> {
    let list = git::file(host, app.repo(), &source.0, ".buildpacks");
    let list = list.map(String::from_utf8).transpose().ok()?;
    let choice = Choice::said(config.text("BUILDPACK_URL"), list.as_deref(), Paths::Allowed).ok()?;
    let places = build::Places::of(host, app, config).ok()?;
    Some(places.build(Path::new("/"), choice, None).recipe(out).ok()??.to_string())
}

/// The release that ran it last.
fn version_of(app: &App, tree: &Tree) -> Result<Option<String>, Failure> {
    for version in ledger::versions(app)?.into_iter().rev() {
        if ledger::record(app, version)?.is_some_and(|record| record.tree == tree.name()) {
            return Ok(Some(version.to_string()));
        }
    }
    Ok(None)
}

/// From now on every push is built.
pub fn forget(app: &App) -> Result<(), Failure> {
    for tree in releases::all(app)? {
        fs::remove(&file(tree.path()))?;
    }
    Ok(())
}

fn file(tree: &Path) -> std::path::PathBuf {
    own_dir_in(tree).join(NAME)
}
