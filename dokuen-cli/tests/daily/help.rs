//! Help, the reference, man pages and completion: all from one definition.

use std::fs;
use std::path::Path;

use crate::host::Host;
use crate::outcome::run;

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_reference_is_what_the_program_says() {
    let host = Host::new();
    let written = host.dokuen(&["docs:commands"]).ok().out();
    let kept = fs::read_to_string(repository().join("docs/commands.md")).unwrap();
    let differs = written.lines().zip(kept.lines()).find(|(new, old)| new != old);
    assert!(
        written == kept,
        "docs/commands.md is not up to date ({differs:?}); write it anew from the top of the repository:\n\
         cargo run --quiet --bin dokuen -- docs:commands > docs/commands.md"
    );
}

#[test]
fn every_command_of_the_reference_helps_in_every_form() {
    let host = Host::new();
    let reference = fs::read_to_string(repository().join("docs/commands.md")).unwrap();
    let names: Vec<&str> = reference.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(names.len() > 45);
    for name in names {
        let help = host.dokuen(&["help", name]).ok().out();
        assert!(help.contains(&format!("Usage: dokuen {name}")) || name == "setup", "{help}");
        host.dokuen(&[name, "--help"]).ok().stdout_is(&help);
        if name.contains(':') {
            host.dokuen(&["help", &name.replace(':', "_")]).ok().stdout_is(&help);
        }
        let page = host.dokuen(&["man", name]).ok().out();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{name}: {page}");
    }
    host.dokuen(&["config:help"]).ok().stdout_has("Usage: dokuen config");
    host.dokuen(&["-h"]).ok().stdout_has("Config vars:\n").stdout_has("\nEverywhere:\n");
    host.dokuen(&["man"]).ok().stdout_has(".TH dokuen 1");
    host.dokuen(&["man", "nonsense"]).exits(2).stderr_has("\"nonsense\" is no command");
    host.dokuen(&["restrat", "-a", "x"]).exits(2).stderr_has("'restart'");
    host.dokuen(&["config", "--aplication=x"]).exits(2).stderr_has("'--application'");
}

/// `groff` warns of macros and letters that it does not know, and of lines that it cannot break.
#[test]
fn man_shows_every_page_without_a_warning() {
    let host = Host::new();
    let reference = fs::read_to_string(repository().join("docs/commands.md")).unwrap();
    let names = reference.lines().filter_map(|line| line.strip_prefix("### "));
    let mut man = host.command("man");
    man.env("MANWIDTH", "80").env("LANG", "C.UTF-8").args(["--warnings=w", "--pager=cat", "-l"]);
    let mut count = 0;
    for name in std::iter::once("dokuen").chain(names) {
        let page = if name == "dokuen" { host.dokuen(&["man"]) } else { host.dokuen(&["man", name]) };
        let path = host.temp().join(format!("{}.1", name.replace(':', "-")));
        fs::write(&path, page.ok().out).unwrap();
        man.arg(path);
        count += 1;
    }
    let shown = run(&mut man, b"", None).ok();
    assert_eq!(shown.err, "", "groff warns");
    let text = shown.out();
    assert_eq!(text.lines().filter(|line| line.trim_end() == "NAME").count(), count);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

/// What a shell with the completion of `dokuen` offers for a line.
fn offered(host: &Host, shell: &str, script: &str) -> Vec<String> {
    let bin = host.dir().join("bin");
    let mut command = host.command(shell);
    command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let said = run(&mut command, script.as_bytes(), None).ok().out();
    said.lines().map(|line| line.split('\t').next().unwrap().trim().to_owned()).filter(|l| !l.is_empty()).collect()
}

#[test]
fn three_shells_complete_commands_options_and_apps() {
    let host = Host::new();
    for name in ["blog", "shop"] {
        host.dokuen(&["create", name]).ok();
    }
    for (line, wanted) in [
        ("dokuen apps:u", &["apps:unlock"][..]),
        ("dokuen config -a ", &["blog", "shop"]),
        ("dokuen apps:info b", &["blog"]),
        ("dokuen releases:prune --dry", &["--dry-run"]),
    ] {
        let fish = format!("dokuen completions fish | source; complete -C '{line}'\n");
        assert_eq!(offered(&host, "fish", &fish), wanted, "fish: {line}");
        let zsh = format!(
            "compadd() {{ shift 2; print -l -- \"$@\" }}\nsource <(dokuen completions zsh)\n\
             words=(\"${{(@s: :)$(print -r -- '{line}')}}\"); [[ '{line}' == *' ' ]] && words+=('')\nCURRENT=$#words\n_dokuen\n"
        );
        assert_eq!(offered(&host, "zsh", &zsh), wanted, "zsh: {line}");
        // bash itself replaces what stands behind the last colon.
        let behind: Vec<&str> =
            wanted.iter().map(|w| if line.ends_with(":u") { &w["apps:".len()..] } else { w }).collect();
        let bash = format!(
            "source <(dokuen completions bash)\nCOMP_LINE='{line}' COMP_POINT={} COMP_WORDS=(dokuen)\n_dokuen\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            line.len()
        );
        assert_eq!(offered(&host, "bash", &bash), behind, "bash: {line}");
    }
    host.dokuen(&["completions", "tcsh"]).exits(2).stderr_has("[possible values: bash, zsh, fish]");
}
