//! With which environment the processes of an app run: what users and buildpacks set, and what the platform sets on top.

use std::path::Path;

use dokuen_core::fs::FsError;
use dokuen_core::{App, EnvStore, Environment, Host, Layers, Port, Storage, read_dotenv};

use crate::instance::Instance;
use crate::spec::{Entry, Spec};

/// What a process is told about itself.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The release's tree.
    pub tree: &'a Path,
    /// `web.1`, `run.7`.
    pub name: &'a str,
    /// Its app.
    pub app: &'a str,
    /// The release number, `v3`.
    pub version: &'a str,
    /// The commit it was built from, or nothing.
    pub commit: &'a str,
}

impl About<'_> {
    fn environment(&self) -> Environment {
        Environment::default()
            .with("HOME", self.tree)
            .with("PS", self.name)
            .with("DYNO", self.name)
            .with("DOKUEN_APP", self.app)
            .with("DOKUEN_RELEASE", self.version)
            .with("GIT_REV", self.commit)
            .with("SOURCE_VERSION", self.commit)
    }
}

/// What a process gets that is no instance, with these config vars of its app: a one-off, or what runs in a release before
/// its processes do.
pub fn environment_of(host: &Host, app: &App, about: About<'_>, config: Environment) -> Result<Environment, FsError> {
    let layers = layers(about.tree, &host.conf.search_path(), &host.global_env(), &app.storage(), config)?;
    Ok(Layers { platform: about.environment(), ..layers }.merged())
}

/// All layers of an instance but the platform's own, with these config vars of its app.
pub(crate) fn lasting_environment(spec: &Spec, config: Environment) -> Result<Environment, FsError> {
    let (global, storage) = (EnvStore::new(&spec.global_env), Storage::beside(&spec.app_env));
    Ok(layers(&spec.tree, &spec.search_path, &global, &storage, config)?.merged())
}

/// What the platform sets on top.
pub(crate) fn platform_environment(spec: &Spec, port: Option<Port>, instance: &Instance) -> Environment {
    let Spec { tree, app, version, commit, .. } = spec;
    let all = About { tree, name: &spec.id.name(), app, version, commit }.environment().with(MARK, instance.dir());
    let entry = spec.front.as_ref().map_or(&Entry::Port, |front| &front.entry);
    match (entry, port) {
        (Entry::Path(socket), _) => all.with("SOCKET", socket),
        // The shell adds LISTEN_PID, which nobody knows before.
        (Entry::Fds(_), _) => all.with("LISTEN_FDS", "1").with("LISTEN_FDNAMES", "web"),
        (Entry::Port, Some(port)) => all.with("PORT", port.to_string()),
        (Entry::Port, None) => all,
    }
}

/// The variable by which a process is known for that of an instance, a one-off or a command, however it was forked.
pub const MARK: &str = "DOKUEN_INSTANCE";

/// The mark that every process of an instance carries in its environment.
pub(crate) fn mark(instance: &Instance) -> String {
    format!("{MARK}={}", instance.dir().display())
}

/// A `.env` that was spoilt since it was built is an error: nothing is started with less than it was built for.
fn layers(
    tree: &Path,
    search_path: &str,
    global: &EnvStore,
    storage: &Storage,
    app: Environment,
) -> Result<Layers, FsError> {
    // Below all that users and buildpacks set.
    let base = Environment::default().with("PATH", search_path).with("LANG", "C.UTF-8").with("HOST", "127.0.0.1");
    let defaults = read_dotenv(&tree.join(".env"))?;
    let (global, storage) = (global.load()?, storage.environment()?);
    Ok(Layers { base, defaults, storage, global, app, platform: Environment::default() })
}
