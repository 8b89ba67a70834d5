//! `docs/commands.md`: every command with what it takes. The file is written by this and by nobody else.

use clap::{Arg, Command};

use super::{about, shown};

/// The whole file.
pub fn reference(topics: &[(&str, Command)]) -> String {
    let mut text = String::from(
        "# Commands\n\n\
         Written by `dokuen docs:commands` from the definition of the commands; a test compares the two.\n\n\
         Locally `dokuen COMMAND`, over ssh `ssh git@host dokuen COMMAND`, from a checkout `dokuen COMMAND` with the app of the\n\
         git remote `dokuen`. Underscores and colons are one: `config_set` is `config:set`. Exit statuses: [exit-codes.md](exit-codes.md);\n\
         JSON: [json.md](json.md). `-q` says less, `--debug` shows more of what goes wrong, `-h` helps.\n",
    );
    for (title, topic) in topics {
        text.push_str(&format!("\n## {title}\n\n| command | also | does | JSON |\n|---|---|---|---|\n"));
        for command in shown(topic) {
            let also: Vec<String> = command.get_all_aliases().map(|alias| format!("`{alias}`")).collect();
            let json = if command.get_arguments().any(|arg| arg.get_id() == "json") { "yes" } else { "" };
            let name = command.get_name();
            text.push_str(&format!(
                "| [`{name}`](#{}) | {} | {} | {json} |\n",
                anchor(name),
                also.join(", "),
                about(command)
            ));
        }
    }
    for (_, topic) in topics {
        for command in shown(topic) {
            text.push_str(&section(command));
        }
    }
    text
}

fn section(command: &Command) -> String {
    let mut text = format!("\n### {}\n\n{}.\n\n", command.get_name(), about(command));
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_everywhere(arg)) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!(
            "- `{}`{}: {help}\n",
            typed(arg),
            if arg.is_required_set() { "" } else { " (optional)" }
        ));
    }
    text
}

/// Said once, for all of them.
fn is_everywhere(arg: &Arg) -> bool {
    ["json", "format", "help"].iter().any(|id| arg.get_id() == id) && arg.get_long() != Some("format")
        || arg.get_long() == Some("format") && arg.get_default_values().is_empty()
}

/// `-n, --num NUM`, `NAME=VALUE...`.
fn typed(arg: &Arg) -> String {
    let value = arg.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
    let takes = arg.get_action().takes_values();
    if arg.is_positional() {
        let many = arg.get_num_args().is_some_and(|count| count.max_values() > 1);
        return format!("{value}{}", if many { "..." } else { "" });
    }
    let mut names: Vec<String> = arg.get_short().map(|short| format!("-{short}")).into_iter().collect();
    names.extend(arg.get_long().map(|long| format!("--{long}")));
    format!("{}{}", names.join(", "), if takes { format!(" {value}") } else { String::new() })
}

/// As GitHub makes them of headings.
fn anchor(name: &str) -> String {
    name.replace(':', "")
}
