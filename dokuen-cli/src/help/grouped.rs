//! `dokuen help`: every command, by topic.

use clap::Command;

use super::{about, shown};

/// Where what a command is about begins.
const COLUMN: usize = 22;

/// The text, for a terminal of that many columns.
pub fn grouped(topics: &[(&str, Command)], width: usize) -> String {
    let mut text = String::from(
        "A Heroku on your own machine: git push, and the app is live\n\nUsage: dokuen COMMAND [OPTIONS]\n",
    );
    for (title, topic) in topics {
        text.push_str(&format!("\n{title}:\n"));
        for command in shown(topic) {
            text.push_str(&row(command.get_name(), &about(command), width));
        }
    }
    text.push_str("\nEverywhere:\n");
    for (name, about) in [
        ("-a, --application APP", "The app; --app is the same. From a checkout: that of the git remote \"dokuen\""),
        ("-r, --remote REMOTE", "From a checkout: another git remote"),
        ("-j, --json", "Print JSON, for programs, where a command prints data"),
        ("-q, --quiet", "Say less: data without titles, problems, and nothing else"),
        ("    --config FILE", "The conf of the host to work on"),
        ("    --debug", "Show more of what goes wrong"),
        ("-h, --help", "Print help"),
        ("-V, --version", "Print the version"),
    ] {
        text.push_str(&row(name, about, width));
    }
    text.push_str("\ndokuen help COMMAND says more. Underscores and colons are one: config_set is config:set.\n");
    text
}

fn row(name: &str, about: &str, width: usize) -> String {
    let room = width.saturating_sub(COLUMN + 3).max(30);
    let mut lines = wrapped(about, room).into_iter();
    let first = lines.next().unwrap_or_default();
    let head = if name.len() > COLUMN {
        format!("  {name}\n{:COLUMN$}   {first}\n", "")
    } else {
        format!("  {name:COLUMN$} {first}\n")
    };
    lines.fold(head, |text, line| format!("{text}{:COLUMN$}   {line}\n", ""))
}

fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one from the beginning");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, topics};

    #[test]
    fn every_command_has_a_topic_and_one_only() {
        let topics = topics();
        let mut listed: Vec<&str> =
            topics.iter().flat_map(|(_, topic)| topic.get_subcommands()).map(Command::get_name).collect();
        listed.sort_unstable();
        let program = <Cli as clap::CommandFactory>::command();
        let mut all: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
        all.sort_unstable();
        assert_eq!(listed, all);
    }

    #[test]
    fn one_style_and_a_width() {
        for (title, topic) in topics() {
            for command in topic.get_subcommands() {
                let about = about(command);
                assert!(about.starts_with(|c: char| c.is_ascii_uppercase()), "{title}: {about}");
                assert!(!about.ends_with('.'), "{title}: {about}");
            }
        }
        let text = grouped(&topics(), 72);
        assert!(text.lines().all(|line| line.len() <= 90), "{text}");
    }
}
