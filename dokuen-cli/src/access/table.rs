//! The table command x role, and which commands change something. Both are matches without a default: a new command
//! without a row here does not compile.

use crate::args::{Command, ConfigSetArgs, MaybeApp};

/// What a command asks of the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'a> {
    /// To be on the host: it does not go over ssh, for nobody.
    Local,
    /// To be an admin.
    Admin,
    /// To own this app.
    Owner(&'a str),
    /// To have a role in this app.
    Collaborator(&'a str),
    /// A key, that is all.
    Key,
}

/// The row of a command.
pub fn needs(command: &Command) -> Needs<'_> {
    match command {
        Command::Setup(_) | Command::Tidy | Command::KeysSync => Needs::Local,
        Command::Create(_) | Command::Apps | Command::Buildpacks | Command::Version => Needs::Key,
        Command::BuildpacksInstall(_) | Command::BuildpacksUninstall(_) => Needs::Admin,
        Command::AddUser(_) | Command::RemoveUser(_) | Command::Keys => Needs::Admin,
        Command::Destroy(args) => Needs::Owner(&args.app.application),
        Command::Grant(args) => Needs::Owner(&args.app.application),
        Command::Revoke(args) => Needs::Owner(&args.app.application),
        Command::Access(app)
        | Command::Config(app)
        | Command::Restart(app)
        | Command::Ps(app)
        | Command::Releases(app)
        | Command::Builds(app)
        | Command::DeploysCancel(app)
        | Command::PurgeCache(app) => Needs::Collaborator(&app.application),
        Command::BuildsOutput(args) => Needs::Collaborator(&args.app.application),
        Command::ConfigSet(args) => Needs::Collaborator(&args.app.application),
        Command::ConfigUnset(args) => Needs::Collaborator(&args.app.application),
        Command::Scale(args) => Needs::Collaborator(&args.app.application),
        Command::Run(args) => Needs::Collaborator(&args.app.application),
        Command::Logs(args) => Needs::Collaborator(&args.app.application),
        Command::Rollback(args) => Needs::Collaborator(&args.app.application),
        Command::Prune(args) => Needs::Collaborator(&args.app.application),
        Command::Deploy(args) => Needs::Collaborator(&args.app.application),
        Command::Boot(args) if args.watch => Needs::Local,
        Command::Shutdown(app) => one_or_all(app),
        Command::Boot(args) => one_or_all(&args.app),
        Command::Events(args) => one_or_all(&args.app),
    }
}

/// One app is its people's business, all of them together the admins'.
fn one_or_all(app: &MaybeApp) -> Needs<'_> {
    app.application.as_deref().map_or(Needs::Admin, Needs::Collaborator)
}

/// What a command leaves in the record of events, for which app: names only, since values and arguments may be
/// secrets. `None` when it changes nothing.
pub fn change(command: &Command) -> Option<(Option<&str>, String)> {
    let app = match needs(command) {
        Needs::Owner(app) | Needs::Collaborator(app) => Some(app),
        _ => None,
    };
    let (app, what) = match command {
        Command::Setup(_) | Command::Tidy | Command::KeysSync | Command::Version => return None,
        Command::Apps | Command::Buildpacks | Command::Keys | Command::Access(_) | Command::Events(_) => return None,
        Command::Config(_) | Command::Ps(_) | Command::Logs(_) | Command::Releases(_) => return None,
        Command::Builds(_) | Command::BuildsOutput(_) => return None,
        Command::Scale(args) if args.items.is_empty() => return None,
        Command::Prune(args) if args.dry_run => return None,
        Command::Create(args) => (Some(args.application.as_str()), "create".to_owned()),
        Command::BuildpacksInstall(_) => (None, "buildpacks:install".to_owned()),
        Command::BuildpacksUninstall(args) => (None, format!("buildpacks:uninstall {}", args.name)),
        Command::AddUser(args) => (None, format!("adduser {}{}", args.name, if args.admin { " --admin" } else { "" })),
        Command::RemoveUser(args) => (None, format!("removeuser {}", args.name)),
        Command::Destroy(_) => (app, "apps:destroy".to_owned()),
        Command::Grant(args) => (app, format!("grant {}{}", args.user, if args.owner { " --owner" } else { "" })),
        Command::Revoke(args) => (app, format!("revoke {}", args.user)),
        Command::ConfigSet(args) => (app, format!("config:set {}", names(args))),
        Command::ConfigUnset(args) => (app, format!("config:unset {}", args.names.join(" "))),
        Command::Scale(args) => (app, format!("scale {}", args.items.join(" "))),
        Command::Restart(_) => (app, "restart".to_owned()),
        Command::DeploysCancel(_) => (app, "deploys:cancel".to_owned()),
        Command::PurgeCache(_) => (app, "builds:purge-cache".to_owned()),
        Command::Run(_) => (app, "run".to_owned()),
        Command::Rollback(args) => {
            (app, format!("rollback {}", args.version.as_deref().unwrap_or("to the one before")))
        }
        Command::Prune(_) => (app, "releases:prune".to_owned()),
        Command::Deploy(args) => (app, format!("deploy {}", args.rev.as_deref().unwrap_or_default())),
        Command::Shutdown(_) => (app, "shutdown".to_owned()),
        Command::Boot(_) => (app, "boot".to_owned()),
    };
    Some((app, what.trim_end().to_owned()))
}

fn names(args: &ConfigSetArgs) -> String {
    let words = args.vars.iter().map(|var| var.to_string_lossy());
    let name = |var: &str| if args.nul { Some(var.to_owned()) } else { Some(var.split_once('=')?.0.to_owned()) };
    let names = words.filter_map(|var| name(&var));
    names.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn command(line: &str) -> Command {
        Cli::try_parse_from(line.split(' ')).unwrap().command
    }

    #[test]
    fn all_apps_at_once_are_for_admins() {
        assert_eq!(needs(&command("dokuen shutdown")), Needs::Admin);
        assert_eq!(needs(&command("dokuen shutdown -a x")), Needs::Collaborator("x"));
        assert_eq!(needs(&command("dokuen setup /tmp/x")), Needs::Local);
        assert_eq!(needs(&command("dokuen apps:destroy -a x")), Needs::Owner("x"));
    }

    #[test]
    fn the_record_holds_no_value_and_no_argument_of_a_program() {
        assert_eq!(
            change(&command("dokuen config:set -a x A=secret B=- C")).unwrap(),
            (Some("x"), "config:set A B".into())
        );
        assert_eq!(change(&command("dokuen run -a x sh secret")).unwrap(), (Some("x"), "run".into()));
        assert_eq!(change(&command("dokuen scale -a x")), None);
    }
}
