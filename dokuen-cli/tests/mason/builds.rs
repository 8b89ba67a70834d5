//! `mason build`, line for line.

use crate::bench::Bench;

const TALK: &str = "echo '-----> hello'; echo '       indented line'; echo '         deeper'; echo 'plain line'; \
                    echo ' !     warning text' >&2; echo; echo ' !     '; echo '       '";

#[test]
fn the_transcript_of_a_named_buildpack() {
    let bench = Bench::new();
    let pack = bench.pack("null", TALK, "echo '--- {}'");
    let said = bench.mason(&["build", "app", "-b", &pack, "-o", "out", "-c", "cache"]).ok();
    insta::assert_snapshot!(said.out, @r"
    * fetching ROOT/packs/buildpack-null
    * detecting buildpack... done
      = name: null
      = url: ROOT/packs/buildpack-null
      = commit: COMMIT
      = display: 
    * compiling...
      caching in ROOT/cache
      + hello
          indented line
            deeper
    plain line
      ! warning text
    * packaging... done
      = type: dir
      = location: ROOT/out
    ");
    assert_eq!(bench.read("out/hello.txt"), "hello\n");
    bench.assert_clean();
}

#[test]
fn an_installed_buildpack_is_found_by_name_and_says_what_it_found() {
    let bench = Bench::new();
    for name in ["zeta", "alpha"] {
        let pack = bench.pack(name, "echo '-----> hi'", "");
        bench.mason(&["buildpacks:install", &pack]).ok();
    }
    let said = bench.mason(&["build", "app"]).ok();
    insta::assert_snapshot!(said.out, @r"
    * detecting buildpack... done
      = name: alpha
      = url: ROOT/packs/buildpack-alpha
      = commit: COMMIT
      = display: ALPHA
    * compiling...
      caching in ROOT/TEMP/cache
      + hi
    * packaging... done
      = type: dir
      = location: ROOT/app.dir
    ");
    bench.assert_clean();
}

#[test]
fn without_an_installed_one_a_built_in_one_is_found() {
    let bench = Bench::new().with("app/index.html", "<h1>hi</h1>");
    let said = bench.mason(&["build", "app"]).ok();
    assert!(said.out.contains("  = name: static\n  = url: built in\n"), "{}", said.out);
    assert_eq!(bench.read("app.dir/Procfile"), "web: .static/serve .\n");
    assert!(!bench.exists("app/.static"), "the source is not touched");
}

#[test]
fn the_environment_names_the_buildpack_before_the_option_does() {
    let bench = Bench::new();
    let (one, two) = (bench.pack("one", "echo one", ""), bench.pack("two", "echo two", ""));
    let said = bench.mason_with(&["build", "app", "-b", &two], &[("BUILDPACK_URL", &one)]).ok();
    assert!(said.out.contains("= name: one"), "{}", said.out);
}

#[test]
fn a_reference_is_a_branch_a_tag_or_a_commit() {
    let bench = Bench::new();
    let pack = bench.pack("ref", "echo first", "");
    bench.git("ref", &["tag", "v1"]);
    bench.git("ref", &["checkout", "-q", "-b", "other"]);
    bench.pack("ref", "echo second", "");
    bench.git("ref", &["checkout", "-q", "main"]);
    for (reference, line) in [("", "first"), ("#main", "first"), ("#v1", "first"), ("#other", "second")] {
        let said = bench.mason(&["build", "app", "-b", &format!("{pack}{reference}"), "-o", "out"]).ok();
        assert!(said.out.contains(&format!("\n{line}\n")), "{reference}: {}", said.out);
    }
    let said = bench.mason(&["build", "app", "-b", &format!("{pack}#none")]);
    said.fails("  ! failed to check out branch none");
}

#[test]
fn quiet_says_nothing_but_what_goes_wrong() {
    let bench = Bench::new();
    let pack = bench.pack("null", TALK, "");
    assert_eq!(bench.mason(&["build", "app", "-b", &pack, "-q"]).ok().out, "");
    let pack = bench.pack("bad", "echo no; exit 3", "");
    let said = bench.mason(&["build", "app", "-b", &pack, "-q", "-o", "bad"]).fails("  ! compile failed");
    assert_eq!((said.out.as_str(), said.err.contains("exited with 3")), ("", true));
}

#[test]
fn env_files_are_config_vars_and_stand_on_top() {
    let bench = Bench::new().with("app/.env", "A=app\nB=app\n").with("vars", "B=file\nNEW=one two\n");
    let release = "printf 'config_vars:\\n  Z: last\\n  A: pack\\n  B: pack\\ndefault_process_types:\\n  web: x\\n'";
    let pack = bench.pack("env", "cat \"$3/NEW\" >seen; test -z \"$NEW\"", release);
    bench.mason(&["build", "app", "-b", &pack, "-e", "vars", "-o", "out"]).ok();
    assert_eq!(bench.read("out/.env"), "Z=last\nA=app\nB=file\nNEW=one two\n");
    assert_eq!(bench.read("out/seen"), "one two");
}

#[test]
fn the_procfile_keeps_its_order_and_the_last_duplicate_of_yaml_is_no_guess() {
    let bench = Bench::new().with("app/Procfile", "urgent-worker: u\nweb: mine\n");
    let pack = bench.pack("p", "true", "printf 'default_process_types: {web: theirs, rake_task: r}\\n'");
    bench.mason(&["build", "app", "-b", &pack, "-o", "out"]).ok();
    assert_eq!(bench.read("out/Procfile"), "web: mine\nrake_task: r\nurgent-worker: u\n");
    for release in ["", "true", "echo '--- {}'", "echo 'addons: [x]'"] {
        let pack = bench.pack("p", "true", release);
        bench.mason(&["build", "app", "-b", &pack, "-o", "out"]).ok();
    }
}
