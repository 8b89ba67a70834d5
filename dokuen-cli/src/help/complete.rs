//! Completion: each shell asks `dokuen complete` what could stand at the cursor, so that it knows the apps too.

use clap::{Arg, Command, ValueEnum};

/// The shells that can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// For ~/.bashrc.
    Bash,
    /// For a directory of `fpath`, or ~/.zshrc.
    Zsh,
    /// For ~/.config/fish/completions.
    Fish,
}

/// What a shell reads to know it.
pub fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    }
}

/// bash takes `:` and `=` for ends of words, and wants only what comes after.
const BASH: &str = r#"# dokuen completions bash >> ~/.bashrc
_dokuen() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=$'\n' word lead
    COMPREPLY=($("${COMP_WORDS[0]}" complete -- "$line" 2>/dev/null))
    word=${line##*[[:space:]]}
    lead=${word%"${word##*[:=]}"}
    COMPREPLY=("${COMPREPLY[@]#"$lead"}")
}
complete -F _dokuen dokuen
"#;

const ZSH: &str = r#"#compdef dokuen
# dokuen completions zsh > a directory of fpath/_dokuen
_dokuen() {
    local -a all
    all=("${(@f)$("${words[1]}" complete -- "${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
    [[ -n $all ]] && compadd -Q -- "${all[@]}"
}
(( $+functions[compdef] )) && compdef _dokuen dokuen
"#;

const FISH: &str = "# dokuen completions fish > ~/.config/fish/completions/dokuen.fish\n\
    complete -c dokuen -f -a '(dokuen complete -- (commandline -cp) 2>/dev/null)'\n";

/// What could stand at the end of `line`, which begins with the program's name; `apps` is asked for when it is an app's
/// name.
pub fn complete(program: &Command, line: &str, apps: impl FnOnce() -> Vec<String>) -> Vec<String> {
    let mut words: Vec<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
    let current = if line.ends_with(char::is_whitespace) { String::new() } else { words.pop().unwrap_or_default() };
    let Some(name) = named(&words) else {
        // Colons, as the help has them, also for whoever begins with underscores.
        let spelt = current.replace('_', ":");
        let names = program.get_subcommands().filter(|c| !c.is_hide_set()).map(|c| c.get_name().to_owned());
        let options = options(program).into_iter().filter(|_| current.starts_with('-'));
        let all = names.chain(["help".to_owned()]).filter(|name| name.starts_with(&spelt)).chain(options);
        return all.filter(|name| !current.starts_with('-') || name.starts_with(&current)).collect();
    };
    if name == "help" {
        return program
            .get_subcommands()
            .map(|c| c.get_name().to_owned())
            .filter(|n| n.starts_with(&current))
            .collect();
    }
    let Some(command) = program.find_subcommand(name.replace('_', ":")) else { return Vec::new() };
    let (lead, current) = match current.split_once('=') {
        Some((option, value)) if option.starts_with("--") => (format!("{option}="), value.to_owned()),
        _ => (String::new(), current),
    };
    let option = if lead.is_empty() { words.last().cloned() } else { Some(lead.trim_end_matches('=').to_owned()) };
    let all = match option.and_then(|word| valued(command, &word)) {
        Some(arg) => values(arg, apps),
        None if current.starts_with('-') => options(command),
        None => command.get_positionals().next().map(|arg| values(arg, apps)).unwrap_or_default(),
    };
    all.into_iter().filter(|one| one.starts_with(&current)).map(|one| format!("{lead}{one}")).collect()
}

/// The command that was typed already.
fn named(words: &[String]) -> Option<&str> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--config" | "--remote" | "-r" => drop(rest.next()),
            option if option.starts_with('-') => {}
            name => return Some(name),
        }
    }
    None
}

/// The option of this name, when it takes a value.
fn valued<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let is = |arg: &&Arg| {
        let long = word.strip_prefix("--");
        let short = word.strip_prefix('-').filter(|rest| rest.len() == 1).and_then(|rest| rest.chars().next());
        let alias = |name: &str| arg.get_all_aliases().is_some_and(|all| all.contains(&name));
        long.is_some_and(|name| arg.get_long() == Some(name) || alias(name))
            || (short.is_some() && arg.get_short() == short)
    };
    command.get_arguments().filter(|arg| arg.get_action().takes_values() && !arg.is_positional()).find(is)
}

fn values(arg: &Arg, apps: impl FnOnce() -> Vec<String>) -> Vec<String> {
    if arg.get_value_names().is_some_and(|names| names.iter().any(|name| name.as_str() == "APP")) {
        return apps();
    }
    arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()
}

fn options(command: &Command) -> Vec<String> {
    let longs =
        command.get_arguments().filter(|arg| !arg.is_hide_set() && !arg.is_positional()).filter_map(Arg::get_long);
    longs.map(|long| format!("--{long}")).chain(["--help".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn what_could_stand_at_the_cursor() {
        let apps = || vec!["blog".to_owned(), "shop".to_owned()];
        for (line, wanted) in [
            ("dokuen apps:d", &["apps:destroy"][..]),
            ("dokuen apps_d", &["apps:destroy"]),
            ("dokuen config -a ", &["blog", "shop"]),
            ("dokuen config --application=b", &["--application=blog"]),
            ("dokuen config --app s", &["shop"]),
            ("dokuen apps:info ", &["blog", "shop"]),
            ("dokuen ps --format ", &["text", "json"]),
            ("dokuen completions z", &["zsh"]),
            ("dokuen help releases:d", &["releases:diff"]),
            ("dokuen releases:prune --dr", &["--dry-run"]),
            ("dokuen nonsense -a ", &[]),
        ] {
            assert_eq!(complete(&Cli::command(), line, apps), wanted, "{line}");
        }
        assert!(complete(&Cli::command(), "dokuen ", apps).len() > 40);
    }
}
