//! `create`: an app's directories, its bare repository and its hook; each appears whole or not at all.

use std::path::Path;

use dokuen_core::{App, AppName, Host, Lock, Transcript, fs};

use super::rename;
use crate::access::Role;
use crate::archive::killed;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::{git, gitolite, place};

/// Makes the app and prints where to push.
pub fn run(host: &Host, name: &str, out: &mut Printer) -> Result<(), Failure> {
    let app = create(host, AppName::parse(name)?)?;
    out.step(&format!("created {}", app.name));
    out.fact(&format!("url: {}", remote_url(host, &app)));
    out.out(format!("git remote add dokuen {}\n", in_shell(&remote_url(host, &app))).as_bytes());
    Ok(())
}

/// Makes the app. The repository comes first and is renamed into place with its hook, so that nothing can be pushed
/// before the hook is there; the app exists from the moment its directory does.
pub fn create(host: &Host, name: AppName) -> Result<App, Failure> {
    let app = host.app_at(name);
    killed::sweep(host, &app)?;
    // Held for a moment: whoever else makes or destroys an app waits.
    let _names = Lock::take(&host.apps_lock(), "creating an app")?;
    make(host, &app, Birth::Whole)?;
    Ok(app)
}

/// What an app is from the moment its directory is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Birth {
    /// An app.
    Whole,
    /// An import that is under way: no app until its mark is taken away.
    Importing,
}

/// As [`create`]. The lock of all apps must be held.
pub fn make(host: &Host, app: &App, birth: Birth) -> Result<(), Failure> {
    if app.exists() {
        let taken = Failure::new(Exit::Failed, format!("the app {} exists already", app.name));
        return Err(taken.hint(format!("git remote add dokuen {}", in_shell(&remote_url(host, app)))));
    }
    if app.dir().is_symlink() {
        rename::free(host, app)?;
    }
    sweep(&host.apps_dir())?;
    sweep(&host.repos_dir())?;
    make_repository(host, app)?;
    let beside = host.apps_dir().join(format!("{BESIDE}{}", app.name));
    fs::make_dir(&beside, fs::PRIVATE_DIR)?;
    for dir in app.subdirectories() {
        let name = dir.file_name().map(Path::new).unwrap_or(Path::new("."));
        fs::make_dir(&beside.join(name), fs::PRIVATE_DIR)?;
    }
    if let Some(visitor) = place::visitor().filter(|_| !host.conf.gitolite) {
        // Whoever makes an app over ssh owns it from the moment it is there.
        let file = app.access_file(&visitor.user);
        let beside = beside.join(file.strip_prefix(app.dir()).unwrap_or(&file));
        fs::replace(&beside, format!("{}\n", Role::Owner).as_bytes(), fs::PRIVATE_FILE)?;
    }
    if birth == Birth::Importing {
        let mark = app.importing_file();
        fs::replace(&beside.join(mark.strip_prefix(app.dir()).unwrap_or(&mark)), b"", fs::PRIVATE_FILE)?;
    }
    Ok(fs::rename(&beside, app.dir())?)
}

/// How names begin that are not yet whole.
const BESIDE: &str = ".new-";

/// What a killed `create` had not finished.
fn sweep(dir: &Path) -> Result<(), Failure> {
    for name in fs::names(dir)?.into_iter().filter(|name| name.starts_with(BESIDE)) {
        fs::remove_tree(&dir.join(name))?;
    }
    Ok(())
}

fn refuse_commits(host: &Host, app: &App) -> Result<(), Failure> {
    let refs = git::git(host, app.repo()).args(["for-each-ref", "--count=1"]).run()?;
    if refs.stdout.is_empty() {
        return Ok(());
    }
    let repo = app.repo().display();
    let text = format!("`{repo}` has the commits of an app {} that is gone", app.name);
    Err(Failure::new(Exit::Failed, text).hint(format!("mv '{repo}' '{repo}.old', create the app, and push from there")))
}

/// Also run for an app that a killed `create` left half-made: what is there already is kept. One with commits is somebody's:
/// an app's whose directory was removed by hand.
fn make_repository(host: &Host, app: &App) -> Result<(), Failure> {
    if host.conf.gitolite {
        return gitolite::repository::link(host, app);
    }
    if app.repo().exists() {
        return refuse_commits(host, app);
    }
    let beside = host.repos_dir().join(format!("{BESIDE}{}.git", app.name));
    fs::make_dir(&beside, fs::PRIVATE_DIR)?;
    git::git(host, &beside).args(["init", "--quiet", "--bare", "--template="]).arg("--initial-branch=master").run()?;
    let own = [
        // Whatever the umask of whoever pushes.
        ("core.sharedRepository", "0600".to_owned()),
        ("gc.auto", "0".to_owned()),
    ];
    for (key, value) in git::safe_settings(host).into_iter().chain(own) {
        git::git(host, &beside).args(["config", key, &value]).run()?;
    }
    fs::make_dirs(&beside.join("hooks"), fs::PRIVATE_DIR)?;
    // A symlink to the program itself: no shell runs in between, and an upgrade changes every hook at once.
    fs::link(&host.deploy_program(), &beside.join("hooks").join("pre-receive"))?;
    fs::rename(&beside, app.repo())?;
    Ok(())
}

/// Where to push: `user@host:A.git` for whoever comes by ssh and for a host that others reach by it, the path itself for
/// one on this machine.
pub fn remote_url(host: &Host, app: &App) -> String {
    if host.conf.git_server == "localhost" && place::visitor().is_none() {
        return app.repo().display().to_string();
    }
    format!("{}@{}:{}.git", host.conf.app_user, host.conf.git_server, app.name)
}

/// As a shell takes it for one word.
pub fn in_shell(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-@:".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
