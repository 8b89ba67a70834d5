//! What a person sees at a terminal, and what a program sees that is none.

use crate::host::Host;
use crate::outcome::{Outcome, run};

/// At a terminal of so many columns, which is that of `script`.
fn at(host: &Host, columns: u16, variables: &[(&str, &str)], words: &str) -> Outcome {
    let line = format!("stty rows 24 cols {columns}; exec '{}' {words}", host.program().display());
    let mut script = host.command("script");
    script.env("SHELL", "/bin/sh").env("TERM", "xterm").envs(variables.iter().copied());
    run(script.args(["-qec", &line, "/dev/null"]), b"", None)
}

#[test]
fn tables_and_help_fit_the_terminal_and_colours_are_for_those_who_want_them() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    app.dokuen("config:set", &["A_NAME_THAT_IS_LONG=1", "ANOTHER_ONE=2", "ONE_MORE_OF_THEM=3"]).ok();
    for words in ["releases -a hello", "ps -a hello", "domains -a hello"] {
        for columns in [60, 100] {
            let text = at(&host, columns, &[], words).ok().out();
            let longest = text.lines().map(|line| line.trim_end().chars().count()).max().unwrap();
            // Columns of numbers are never cut, and no other to less than eight letters.
            let least = if words.starts_with("ps") { 90 } else { 0 };
            assert!(longest <= usize::from(columns).max(least), "{words} in {columns}: {longest}\n{text}");
        }
        // Nobody's terminal: nothing is cut, and no colour stands in a pipe.
        let whole = host.dokuen(&words.split(' ').collect::<Vec<_>>()).ok().out();
        assert!(!whole.contains('\u{2026}') && !whole.contains('\x1b'), "{whole}");
    }
    let cut = at(&host, 60, &[], "releases -a hello").ok().out();
    assert!(cut.contains('\u{2026}'), "{cut}");
    let help = at(&host, 70, &[], "help").ok().out();
    assert!(help.lines().all(|line| line.trim_end().chars().count() <= 90), "{help}");
    let lines = |variables: &[(&str, &str)]| at(&host, 100, variables, "logs -a hello -n 3").ok().out();
    assert!(lines(&[]).contains("\x1b["));
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        assert!(!lines(&[variable]).contains('\x1b'), "{variable:?}");
    }
    assert!(lines(&[("NO_COLOR", "")]).contains("\x1b["), "an empty NO_COLOR is none");
}

#[test]
fn a_slip_of_the_fingers_is_told_what_was_meant() {
    let host = Host::new();
    for (typed, meant) in [
        (&["restrat"][..], "exist: 'restart', 'ps:restart'\n"),
        (&["config:sett", "-a", "x"], "'config:set'"),
        (&["app:info"], "'apps:info'"),
        (&["realeses", "-a", "x"], "'releases'"),
        (&["domain:add"], "'domains:add'"),
        (&["logs", "-a", "x", "--tial"], "'--tail'"),
        (&["apps", "--jsn"], "'--json'"),
        (&["logs", "-a", "x", "--source", "buid"], "'build'"),
        (&["help", "realeses"], "'releases'"),
    ] {
        let out = host.dokuen(typed).exits(2).stderr_has(meant);
        out.says_nothing_else();
    }
    host.dokuen(&[]).exits(2);
}

#[test]
fn less_is_said_where_less_is_asked_for_and_never_less_than_what_went_wrong() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.push().ok();
    for words in [&["restart"][..], &["scale", "web=2"], &["config:set", "A=1"], &["maintenance:on"], &["apps:lock"]] {
        app.dokuen(words[0], &[&words[1..], &["-q"]].concat()).ok().stdout_is("");
    }
    app.dokuen("apps:unlock", &["-q"]).ok().stdout_is("");
    app.dokuen("config:get", &["A", "-q"]).ok().stdout_is("1\n");
    app.dokuen("scale", &["-q", "nosuch=1"]).exits(2).stderr_has("nosuch").says_nothing_else();
    host.dokuen(&["-q", "apps"]).ok().stdout_is("hello\n");
    let version: serde_json::Value = serde_json::from_str(&host.dokuen(&["version", "--json"]).ok().out()).unwrap();
    assert_eq!((&version["name"], &version["version"]), (&"dokuen".into(), &env!("CARGO_PKG_VERSION").into()));
}
