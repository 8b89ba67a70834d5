//! What a build does to a tree, and what its transcript says.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use dokuen_build::{BuildError, Choice, Paths};
use dokuen_core::Environment;

use crate::host::{Host, named};

#[test]
fn a_named_buildpack_compiles_in_place() {
    let host = Host::new().with("Procfile", "# mine\nweb: ./serve\n");
    let pack = host.pack(
        "null",
        r#"echo "-----> hello"; echo "       built" | tee "$1/built"; pwd >"$1/cwd""#,
        "echo '--- {}'",
    );
    let outcome = host.build_with(&pack);
    insta::assert_snapshot!(outcome.text(), @r"
    * detecting buildpack... done
      = name: null
      = url: ROOT/packs/buildpack-null
      = display: 
    * compiling...
      caching in ROOT/cache
      + hello
          built
    ");
    assert_eq!(outcome.slug().dir(), host.app());
    assert_eq!(outcome.slug().procfile().render(), "web: ./serve\n");
    assert_eq!(
        (host.read("built"), host.read("cwd").trim()),
        ("       built\n".to_owned(), host.app().to_str().unwrap())
    );
    assert_eq!(host.read("Procfile"), "# mine\nweb: ./serve\n");
    assert_eq!(outcome.slug().buildpacks()[0].name.as_str(), "null");
    host.assert_clean();
}

#[test]
fn a_tree_with_a_procfile_needs_no_buildpack() {
    let host = Host::new().with("Procfile", "web: ./serve\n");
    insta::assert_snapshot!(host.build(Choice::Detect).text(), @r"
    * detecting buildpack... done
      = no buildpack: the Procfile is run as it is
    ");
    assert_eq!(host.read(".env"), "");
}

#[test]
fn nothing_to_detect_and_nothing_to_run_are_said() {
    let outcome = Host::new().build(Choice::Detect);
    insta::assert_snapshot!(outcome.error(), @r"
    no valid buildpack detected
    none knows what is in it: add a Procfile, set BUILDPACK_URL, or install a buildpack
    ");
    assert_eq!(outcome.lines, ["* detecting buildpack... failed"]);
    let host = Host::new();
    let pack = host.pack("null", "true", "true");
    assert!(matches!(host.build_with(&pack).result, Err(BuildError::NothingToRun)));
}

#[test]
fn the_environment_is_a_written_list_and_config_vars_are_files() {
    let mut host = Host::new().with("Procfile", "web: x\n");
    host.config = Environment::default().with("SECRET", " two\nlines\n").with("GIT_DIR", "/nowhere");
    host.env.source_version = Some("0123456".to_owned());
    host.env.extra =
        Environment::default().with("https_proxy", "http://p").with("GIT_DIR", "/x").with("SSH_AUTH_SOCK", "/x");
    let pack = host.pack("env", r#"env >"$1/vars"; ls -ld "$3" "$3/SECRET" | cut -c1-10 >"$1/modes"; cp "$3/SECRET" "$1/secret"; echo "$3" >"$1/where"; ls "$3" >"$1/names""#, "true");
    host.build_with(&pack).slug();
    let vars = host.read("vars");
    let mut names: Vec<_> = vars
        .lines()
        .filter_map(|l| l.split_once('='))
        .map(|(n, _)| n)
        .filter(|n| !["PWD", "_", "SHLVL", "OLDPWD"].contains(n))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["DOKUEN_BUILD", "HOME", "LANG", "PATH", "SOURCE_VERSION", "STACK", "TMPDIR", "https_proxy"]);
    assert!(vars.contains(&format!("HOME={}\n", host.app().display())), "{vars}");
    assert_eq!((host.read("secret").as_str(), host.read("names").as_str()), (" two\nlines\n", "GIT_DIR\nSECRET\n"));
    assert_eq!(host.read("modes"), "drwx------\n-rw-------\n");
    assert!(!std::path::Path::new(host.read("where").trim()).exists());
    host.assert_clean();
}

#[test]
fn release_stands_under_what_the_app_says() {
    let host = Host::new().with("Procfile", "worker: w\nweb: mine\n").with(".env", "MODE=app\nOWN='x y'\n");
    let yaml =
        "cat <<'Y'\nconfig_vars:\n  ZED: 1\n  MODE: 0755\ndefault_process_types:\n  web: theirs\n  rake: rake\nY";
    let pack = host.pack("release", "true", yaml);
    let outcome = host.build_with(&pack);
    assert_eq!(outcome.slug().procfile().render(), "web: mine\nrake: rake\nworker: w\n");
    assert_eq!(host.read("Procfile"), "web: mine\nrake: rake\nworker: w\n");
    assert_eq!(host.read(".env"), "ZED=1\nMODE=app\nOWN=x y\n");
    assert_eq!(outcome.slug().defaults().text("MODE"), Some("app"));
    assert_eq!(host.app().join(".env").metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(host.app().join("Procfile").metadata().unwrap().mode() & 0o777, 0o644);
}

#[test]
fn several_buildpacks_run_in_order_and_hear_what_those_before_exported() {
    let host = Host::new().with("Procfile", "web: x\n");
    let first = host.pack(
        "one",
        r#"echo 'export FROM="it is"; export PATH="$PATH:/one"; cd /' >"${0%/bin/*}/export"; echo "-----> one""#,
        "echo 'default_process_types: {one: x}'",
    );
    let second = host.pack(
        "two",
        r#"echo "-----> two: $FROM ${PATH##*:} $(basename "$PWD")""#,
        "echo 'default_process_types: {two: x}'",
    );
    std::fs::write(host.app().join(".buildpacks"), format!("# c\n{}\n\n{}\n", first.display(), second.display()))
        .unwrap();
    let choice = Choice::of(None, &host.app(), Paths::Allowed).unwrap();
    let outcome = host.build(choice);
    assert_eq!(outcome.slug().procfile().render(), "two: x\nweb: x\n");
    assert!(
        outcome.text().contains("  + one\n") && outcome.text().contains("  + two: it is /one app"),
        "{}",
        outcome.text()
    );
    assert!(!first.join("export").exists(), "builds share the buildpack, so its directory stays as it was");
    assert!(Choice::of(None, &host.app(), Paths::Refused).is_err());
    std::fs::write(host.app().join(".buildpacks"), "/buildpack-x\n".repeat(21)).unwrap();
    let many = Choice::of(None, &host.app(), Paths::Allowed).unwrap_err();
    assert_eq!(many.to_string(), ".buildpacks names 21 buildpacks; 20 are allowed");
    assert_eq!(Choice::of(Some(" "), &host.root(), Paths::Refused).unwrap(), Choice::Detect);
}

#[test]
fn a_failed_step_says_which_and_why() {
    let host = Host::new().with("Procfile", "web: x\n");
    let pack = |name: &str, compile: &str, release: &str| host.build_with(&host.pack(name, compile, release));
    let outcome = pack("f", "echo '-----> a'; echo ' !     broken' >&2; echo kept >\"$2/kept\"; exit 7", "true");
    assert_eq!(outcome.error(), "compile failed\n`bin/compile` of f exited with 7");
    assert!(outcome.text().ends_with("  + a\n  ! broken"), "{}", outcome.text());
    assert_eq!(std::fs::read_to_string(host.root().join("cache/kept")).unwrap(), "kept\n");
    assert_eq!(pack("k", "kill -9 $$", "true").error(), "compile failed\n`bin/compile` of k was ended by signal 9");
    assert_eq!(
        pack("r", "true", "echo no >&2; exit 1").error(),
        "release failed\n`bin/release` of r exited with 1: no"
    );
    assert_eq!(
        pack("y", "true", "echo 'config_vars: {PORT: 1}'").error(),
        "release of y failed\nconfig var PORT is set by the platform"
    );
    assert_eq!(
        pack("g", "true", "exec head -c 1000000000 /dev/zero").error(),
        "release failed\n`bin/release` of g wrote more than 65536 bytes"
    );
    host.assert_clean();
}

#[test]
fn a_script_that_cannot_run_is_named() {
    let host = Host::new().with("Procfile", "web: x\n");
    let pack = host.pack("x", "true", "true");
    std::fs::set_permissions(pack.join("bin/compile"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        host.build_with(&pack).error(),
        "compile failed\n`bin/compile` of x is not executable: `git update-index --chmod=+x bin/compile` in the buildpack mends it"
    );
    std::fs::remove_file(pack.join("bin/compile")).unwrap();
    assert_eq!(host.build_with(&pack).error(), "compile failed\nx has no `bin/compile`");
    let pack = host.pack("norelease", "true", "true");
    std::fs::remove_file(pack.join("bin/release")).unwrap();
    host.build_with(&pack).slug();
}

#[test]
fn what_the_build_plants_is_not_followed() {
    for (name, plant, want) in [
        ("link", r#"ln -sf /etc/passwd "$1/Procfile""#, "symbolic link"),
        ("fifo", r#"rm "$1/Procfile"; mkfifo "$1/Procfile""#, "not a regular file"),
        ("envlink", r#"ln -s /etc/passwd "$1/.env""#, "symbolic link"),
        ("envfifo", r#"mkfifo "$1/.env""#, "not a regular file"),
        ("binary", r#"printf 'A=\377' >"$1/.env""#, "not UTF-8 text"),
        ("noentry", r#"echo FOO >"$1/.env""#, "line 1 of .env"),
        ("dots", r#"echo '../x: y' >"$1/Procfile""#, "line 1 of the Procfile"),
    ] {
        let host = Host::new().with("Procfile", "web: x\n");
        let error = host.build_with(&host.pack(name, plant, "true")).error();
        assert!(error.contains(want), "{name}: {error}");
    }
}

#[test]
fn the_tree_must_be_there() {
    let host = Host::new();
    std::fs::remove_dir(host.app()).unwrap();
    assert_eq!(host.build(named(&["/x/buildpack-y"])).error(), format!("no such directory: {}", host.app().display()));
}
