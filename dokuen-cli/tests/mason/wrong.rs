//! What goes wrong: the old words first, then what failed and why.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::bench::Bench;

#[test]
fn each_problem_has_its_words() {
    let bench = Bench::new();
    let null = bench.pack("null", "true", "");
    for (args, words) in [
        (&["build", "app"][..], "no valid buildpack detected"),
        (&["build", "none"], "no such directory: ROOT/none"),
        (&["build", "app", "-b", "/srv/none/buildpack-x"], "failed to clone buildpack"),
        (&["build", "app", "-b", "cobol"], "BUILDPACK should be a url containing buildpack-NAME.git"),
        (&["build", "app", "-b", "--upload-pack=id"], ""),
        (&["build", "app", "-b", &null, "-t", "zip"], "no such output format: zip"),
        (&["build", "app", "-b", &null, "-o", "none/out"], "no such directory: ROOT/none"),
        (&["buildpacks:uninstall", "x"], "x buildpack is not installed"),
        (&["buildpacks:install", "x"], "BUILDPACK should be a url containing buildpack-NAME.git"),
    ] {
        let said = bench.mason(args);
        if words.is_empty() {
            assert_ne!(said.code, 0);
        } else {
            said.fails(&format!("  ! {words}"));
        }
    }
    bench.assert_clean();
}

#[test]
fn a_compile_that_fails_says_which_and_how() {
    let bench = Bench::new();
    let pack = bench.pack("bad", "echo oh; exit 7", "");
    let said = bench.mason(&["build", "app", "-b", &pack]).fails("  ! compile failed");
    assert_eq!(said.err, "  ! compile failed\n  ! `bin/compile` of bad exited with 7");
    assert!(said.out.contains("\noh"), "{}", said.out);
    assert!(!bench.exists("app.dir"));
    bench.assert_clean();
}

#[test]
fn called_wrongly_it_exits_with_two() {
    let bench = Bench::new();
    for args in [&["nonsense"][..], &[], &["build"], &["build", "app", "--frob"], &["buildpacks:install"]] {
        let said = bench.mason(args);
        assert_eq!((said.code, said.err.is_empty()), (2, false), "{args:?}");
    }
    assert!(bench.mason(&["version"]).ok().out.starts_with("mason "));
    assert!(bench.mason(&["--help"]).ok().out.contains("buildpacks:uninstall"));
}

#[test]
fn a_result_never_takes_the_place_of_the_source() {
    let bench = Bench::new().with("work/app/hello.txt", "hello\n").with("work/other.txt", "other\n");
    let null = bench.pack("null", "true", "");
    std::os::unix::fs::symlink("work", bench.root().join("link")).unwrap();
    for out in ["work/app", "work", ".", "link", "link/app"] {
        let said = bench.mason(&["build", "work/app", "-b", &null, "-o", out, "-t", "dir"]);
        assert!(said.err.ends_with("` is or holds the app: the result must go elsewhere"), "{out}: {}", said.err);
        assert_eq!(said.code, 1, "{out}");
        assert_eq!(bench.read("work/app/hello.txt") + &bench.read("work/other.txt"), "hello\nother\n", "{out}");
    }
    bench.mason(&["build", "work/app", "-b", &null, "-o", "work/app/out"]).ok();
    bench.assert_clean();
}

#[test]
fn ctrl_c_ends_the_build_and_leaves_nothing() {
    for signal in ["INT", "TERM"] {
        let bench = Bench::new();
        let pid = bench.root().join("pid");
        let pack = bench.pack("slow", &format!("echo $$ >'{}'; exec sleep 60", pid.display()), "");
        let mut mason = bench.command(&["build", "app", "-b", &pack]).stderr(Stdio::piped()).spawn().unwrap();
        let slow = bench.eventually(|| fs::read_to_string(&pid).ok().filter(|text| text.ends_with('\n')));
        let kill = Command::new("kill").args(["-s", signal, &mason.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let mut err = String::new();
        mason.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((mason.wait().unwrap().code(), err.as_str()), (Some(1), SAYS), "{signal}");
        bench.eventually(|| (!Path::new("/proc").join(slow.trim()).exists()).then_some(()));
        assert!(!bench.exists("app.dir"));
        bench.assert_clean();
    }
}

const SAYS: &str = "  ! compile failed\n  ! `bin/compile` of slow was interrupted\n";
