//! What scripts do to whoever runs them: daemons, floods, silence, escape codes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dokuen_build::{Build, BuildError, Choice, Limits, ScriptError, compile};
use dokuen_core::{Collected, Line, Silent, Transcript};

use crate::host::{Host, eventually, named, runs, script, url};

fn host() -> Host {
    Host::new().with("Procfile", "web: x\n")
}

#[test]
fn a_daemon_that_holds_the_pipe_does_not_hold_up_the_build_and_is_ended() {
    let host = host();
    let pack = host.pack("daemon", r#"sleep 300 & echo $! >"$1/pid"; echo "       left""#, "true");
    let started = Instant::now();
    let outcome = host.build_with(&pack);
    outcome.slug();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(outcome.text().ends_with("      left\n  = ended what the build left running"), "{}", outcome.text());
    eventually("the daemon has ended", || !runs(&host.read("pid")));
}

#[test]
fn a_daemon_that_keeps_writing_or_hides_or_is_deaf_is_ended_too() {
    for body in [
        "(while echo; do :; done) &",
        "sleep 300 >/dev/null 2>&1 &",
        "(trap '' TERM; while :; do sleep 1; done) &",
        "setsid sleep 300 >/dev/null 2>&1 &",
    ] {
        let host = host();
        let pack = host.pack("daemon", &format!(r#"{body} echo $! >"$1/pid""#), "true");
        let started = Instant::now();
        host.build_with(&pack).slug();
        assert!(started.elapsed() < Duration::from_secs(3), "{body}: {:?}", started.elapsed());
        eventually(body, || !runs(&host.read("pid")));
    }
}

/// One daemon writes on, another looks for half a second whether the number of their group is still the script's.
#[cfg(all(target_os = "linux", not(dokuen_portable)))]
#[test]
fn a_script_keeps_its_number_until_what_it_left_is_told_to_end() {
    let host = host();
    let looks = r#"(while [ -e /proc/$$ ]; do sleep 0.01; done; sleep 0.1; echo free >"$1/number") &"#;
    let pack = host.pack("daemon", &format!("(while echo; do :; done) &\n{looks}"), "true");
    let built = host.build_with(&pack);
    built.slug();
    assert!(built.text().contains("ended what the build left running"), "{}", built.text());
    assert!(!host.app().join("number").exists(), "somebody else could have had it");
}

#[test]
fn a_daemon_in_a_session_of_its_own_is_ended_whichever_script_left_it() {
    for relative in ["bin/detect", "bin/compile", "bin/release"] {
        let host = host();
        let (pack, pid) = (host.pack("daemon", "true", "true"), host.root().join("pid"));
        script(&pack.join("daemon"), &format!("echo $$ >'{}'; exec sleep 300", pid.display()));
        let leave = r#"setsid "$(dirname "$0")/../daemon" </dev/null >/dev/null 2>&1 &"#;
        script(&pack.join(relative), &format!("{leave}\nuntil [ -s '{}' ]; do sleep 0.01; done", pid.display()));
        host.store.install(&url(pack.to_str().unwrap()), &host.env, &mut Silent).unwrap();
        host.build(Choice::Detect).slug();
        eventually(relative, || !runs(&std::fs::read_to_string(&pid).unwrap()));
    }
}

#[test]
fn too_many_processes_and_a_hog_of_memory_are_ended_and_named() {
    let mut host = host();
    host.limits = Limits { processes: 100, memory: 200 << 20, ..Limits::default() };
    // A bomb with an end, since other tests run beside this one.
    let bomb = host.pack("bomb", "for n in $(seq 400); do sleep 60.0421 & done; wait", "true");
    let started = Instant::now();
    assert!(host.build_with(&bomb).error().contains("`bin/compile` of bomb had more than 100 processes and was ended"));
    eventually("nobody of the bomb runs", || {
        let ps = std::process::Command::new("ps").args(["-eo", "stat=,args="]).output().unwrap();
        let text = String::from_utf8_lossy(&ps.stdout).into_owned();
        !text.lines().any(|line| !line.starts_with('Z') && line.contains("sleep 60.0421"))
    });
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let hog = host.pack("hog", "exec python3 -c 'import time; b = b\"x\" * (600 << 20); time.sleep(60)'", "true");
    assert!(
        host.build_with(&hog).error().contains("`bin/compile` of hog held more than 200 MiB of memory and was ended")
    );
    host.assert_clean();
}

/// Goes away a moment after the build has said something.
struct Leaver(Option<Instant>);

impl Transcript for Leaver {
    fn line(&mut self, line: Line<'_>) {
        if matches!(line, Line::Output(text) if text.contains("working")) {
            self.0 = Some(Instant::now());
        }
    }

    fn is_abandoned(&self) -> bool {
        self.0.is_some_and(|since| since.elapsed() > Duration::from_millis(300))
    }
}

#[test]
fn who_leaves_ends_a_script_that_has_closed_its_output_too() {
    let host = host();
    let pack = host.pack("mute", r#"echo $$ >"$1/pid"; echo working; exec sleep 60 >/dev/null 2>&1"#, "true");
    let started = Instant::now();
    let ended = compile(&host.plan(named(&[pack.to_str().unwrap()])), &mut Leaver(None));
    assert!(matches!(ended, Err(BuildError::Compile(ScriptError::Cancelled { .. }))));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    eventually("it has ended", || !runs(&host.read("pid")));
}

#[test]
fn a_script_that_is_still_open_for_writing_somewhere_is_tried_again() {
    let host = host();
    let pack = host.pack("busy", "echo ran", "true");
    let held = std::fs::OpenOptions::new().append(true).open(pack.join("bin/compile")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(50));
            drop(held);
        });
        assert!(host.build_with(&pack).text().ends_with("\nran"));
    });
}

#[test]
fn a_build_that_closes_its_output_is_waited_for() {
    let host = host();
    let pack = host.pack("mute", r#"exec >/dev/null 2>&1; sleep 0.3; echo done >"$1/done""#, "true");
    host.build_with(&pack).slug();
    assert_eq!(host.read("done"), "done\n");
}

#[test]
fn too_long_is_ended_with_all_its_children() {
    let mut host = host();
    host.limits = Limits { time: Duration::from_millis(300), ..Limits::default() };
    let pack = host.pack("slow", r#"sleep 300 & echo $! >"$1/pid"; wait"#, "true");
    let outcome = host.build_with(&pack);
    assert!(matches!(outcome.result, Err(BuildError::Compile(ScriptError::TimedOut { .. }))), "{}", outcome.error());
    eventually("the child has ended", || !runs(&host.read("pid")));
    host.assert_clean();
}

#[test]
fn a_build_that_is_called_off_ends_at_once() {
    let host = host();
    let pack = host.pack("slow", r#"echo begun; sleep 300 & echo $! >"$1/pid"; wait"#, "true");
    let cancel = AtomicBool::new(false);
    let started = Instant::now();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("the build has begun", || host.app().join("pid").exists());
            cancel.store(true, Ordering::Relaxed);
        });
        let build = Build { cancel: Some(&cancel), ..host.plan(named(&[pack.to_str().unwrap()])) };
        compile(&build, &mut Collected::default())
    });
    assert!(matches!(result, Err(BuildError::Compile(ScriptError::Cancelled { .. }))), "{result:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
    eventually("the child has ended", || !runs(&host.read("pid")));
}

#[test]
fn both_streams_come_in_the_order_of_writing() {
    let host = host();
    let pack = host.pack("order", r#"for n in 1 2 3 4 5 6 7 8 9; do echo "out $n"; echo "err $n" >&2; done"#, "true");
    let lines = host.build_with(&pack).lines;
    let want: Vec<_> = (1..10).flat_map(|n| [format!("out {n}"), format!("err {n}")]).collect();
    assert_eq!(lines[lines.len() - 18..], want);
}

/// Keeps when each line came.
struct Timed(Vec<(Instant, String)>);

impl Transcript for Timed {
    fn line(&mut self, line: Line<'_>) {
        self.0.push((Instant::now(), line.to_string()));
    }
}

#[test]
fn lines_come_as_they_are_written_and_a_begun_one_after_a_second() {
    let host = host();
    let pack = host.pack("slow", "echo first; printf 'and so '; sleep 1.6; echo on", "true");
    let mut out = Timed(Vec::new());
    compile(&host.plan(named(&[pack.to_str().unwrap()])), &mut out).unwrap();
    let end = Instant::now();
    let age = |text: &str| end - out.0.iter().find(|(_, l)| l == text).unwrap_or_else(|| panic!("{:?}", out.0)).0;
    assert!(age("first") > Duration::from_millis(1300));
    assert!(
        (Duration::from_millis(200)..Duration::from_millis(1300)).contains(&age("and so ")),
        "{:?}",
        age("and so ")
    );
    assert!(age("on") < age("and so "));
}

#[test]
fn escape_codes_and_other_bytes_are_shown_as_text() {
    let host = host();
    let body = r#"printf '\033[1;32m-----> Green\033[0m\n\033[2Jcleared\033]0;owned\007\n10%%\r20%%\r\nNUL [\000] bad [\377\300]\n  = url: evil'"#;
    let outcome = host.build_with(&host.pack("noisy", body, "true"));
    insta::assert_snapshot!(outcome.lines[5..].join("\n"), @r"
      caching in ROOT/cache
      + Green
    \x1b[2Jcleared\x1b]0;owned\x07
    10%
    20%
    NUL [\x00] bad [��]
          = url: evil
    ");
}

#[test]
fn the_noisy_fixture_is_tamed() {
    let host = host();
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/buildpacks/buildpack-noisy");
    let outcome = host.build_with(&fixture.canonicalize().unwrap());
    outcome.slug();
    insta::assert_snapshot!(outcome.lines[5..].join("\n"), @r#"
      caching in ROOT/cache
      + Green and bold
          yellow, then a cleared line\x1b[2K
      + Plain heading
          indented
            indented deeper
    not indented
      ! warning text
      ! red warning
          progress 10%
          progress 50%
          progress 100%
    	after a tab
          with CRLF
          stdout 1
          stderr 1
          stdout 2
          stderr 2
          stdout 3
          stderr 3
          stdout 4
          stderr 4
          stdout 5
          stderr 5
          NUL [\x00] and invalid UTF-8 [����]
          bell [\x07] backspace [\x08] title \x1b]0;owned\x07 and \u{9b} C1
          čeština, 日本, 🚀
          = a fact that is not ours
          a line in two halves, of which this is the second
          a last line without its newline
    "#);
}

/// Counts instead of keeping: what grows here is not the test's own.
#[derive(Default)]
struct Counting {
    lines: usize,
    longest: usize,
    bytes: usize,
    last: String,
}

impl Transcript for Counting {
    fn line(&mut self, line: Line<'_>) {
        self.last = line.to_string();
        self.lines += 1;
        self.longest = self.longest.max(self.last.len());
        self.bytes += self.last.len();
    }
}

#[test]
fn a_line_of_200_mb_neither_fills_the_memory_nor_the_transcript() {
    let host = host();
    let pack = host.pack("flood", "head -c 200000000 /dev/zero | tr '\\0' x; echo; echo '-----> the end'", "true");
    let mut out = Counting::default();
    compile(&host.plan(named(&[pack.to_str().unwrap()])), &mut out).unwrap();
    assert_eq!(out.longest, 64 * 1024);
    assert!((16_000_000..17_500_000).contains(&out.bytes), "{}", out.bytes);
    assert_eq!(out.last, "  + the end");
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap().trim().trim_end_matches(" kB");
        assert!(peak.parse::<u64>().unwrap() < 120_000, "{peak} kB");
    }
}
