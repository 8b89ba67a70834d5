//! What a command asks of the person who typed it. The rows are with the commands, in [`topics`](crate::topics).

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

impl<'a> Needs<'a> {
    /// The app that it is about.
    pub fn app(self) -> Option<&'a str> {
        match self {
            Self::Owner(app) | Self::Collaborator(app) => Some(app),
            Self::Local | Self::Admin | Self::Key => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn command(line: &str) -> Command {
        Cli::try_parse_from(line.split(' ')).unwrap().command
    }

    #[test]
    fn all_apps_at_once_are_for_admins() {
        for (line, needs) in [
            ("dokuen shutdown", Needs::Admin),
            ("dokuen shutdown -a x", Needs::Collaborator("x")),
            ("dokuen setup /tmp/x", Needs::Local),
            ("dokuen apps:destroy -a x", Needs::Owner("x")),
        ] {
            assert_eq!(command(line).topic().needs(), needs, "{line}");
        }
    }

    #[test]
    fn the_record_holds_no_value_and_no_argument_of_a_program() {
        for (line, change) in [
            ("dokuen config:set -a x A=secret B=- C", Some("config:set A B")),
            ("dokuen run -a x sh secret", Some("run")),
            ("dokuen scale -a x", None),
        ] {
            let command = command(line);
            assert_eq!(command.topic().change().as_deref(), change, "{line}");
            assert_eq!(command.topic().app(), Some("x"), "{line}");
        }
    }
}
