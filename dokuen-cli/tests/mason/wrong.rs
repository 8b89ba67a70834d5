//! What goes wrong: the old words first, then what failed and why.

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
