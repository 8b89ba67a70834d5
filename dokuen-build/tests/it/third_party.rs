//! What buildpacks of the world do besides their three scripts: they write `export` with bash's own words, clone other
//! buildpacks themselves, run scripts of the app, and leave profile scripts.

use std::fs;

use dokuen_build::Choice;

use crate::host::{Host, commit, git, named, script};

#[test]
fn an_export_file_may_be_written_in_bashs_own_form() {
    let host = Host::new().with("Procfile", "web: x\n");
    let first = host.pack("first", r#"cd "$(dirname "$0")/.." && echo 'declare -x FROM_FIRST="a b"' >export"#, "");
    let second = host.pack("second", r#"echo "-----> $FROM_FIRST""#, "");
    let outcome = host.build(named(&[first.to_str().unwrap(), second.to_str().unwrap()]));
    assert!(outcome.text().contains("  + a b"), "{}", outcome.text());
    assert!(!first.join("export").exists(), "builds share a buildpack's own directory");
}

#[test]
fn what_a_buildpack_writes_beside_its_scripts_is_gone_with_the_build() {
    let host = Host::new().with("Procfile", "web: x\n");
    // It writes for the first app alone.
    let leaks = r#"[ ! -e "$1/first" ] || echo 'export TOKEN=secret' >"$(dirname "$0")/../export""#;
    let pack = host.repo("leaks", leaks);
    let alone = || named(&[pack.to_str().unwrap()]);
    fs::write(host.app().join("first"), "").unwrap();
    host.build(alone());
    fs::remove_file(host.app().join("first")).unwrap();
    let next = host.pack("next", r#"echo "-----> [${TOKEN:-}]""#, "");
    let text = host.build(named(&[pack.to_str().unwrap(), next.to_str().unwrap()])).text();
    assert!(text.contains("  + []"), "{text}");
    host.assert_clean();
}

/// Like heroku-buildpack-multi: it fetches the others itself, and its release is the last one's.
#[test]
fn a_buildpack_may_run_others_that_it_clones() {
    let multi = r#"set -e
        while read -r url; do
            dir=$(mktemp -d -t packXXXXXX)
            git clone -q "$url" "$dir"
            echo "=====> $("$dir/bin/detect" "$1")"
            "$dir/bin/compile" "$1" "$2" "$3"
            "$dir/bin/release" "$1" >"$1/last_release"
        done <"$1/.buildpacks""#;
    let host = Host::new();
    let one = host.repo("one", "echo '-----> by one' && touch \"$1/by-one\"");
    let two =
        host.pack("two", "test -e \"$1/by-one\" && echo '-----> by two'", "echo 'default_process_types: {web: two}'");
    git(&two, &["init", "-q", "-b", "main"]);
    commit(&two);
    let host = host.with(".buildpacks", &format!("{}\n{}\n", one.display(), two.display()));
    let pack = host.pack("multi", multi, "cat \"$1/last_release\"");
    let outcome = host.build_with(&pack);
    assert_eq!(outcome.slug().procfile().render(), "web: two\n");
    let text = outcome.text();
    assert!(text.contains("=====> one\n  + by one\n=====> two\n  + by two"), "{text}");
    host.assert_clean();
}

/// Like heroku-buildpack-inline: the app is its own buildpack.
#[test]
fn a_buildpack_may_run_scripts_of_the_app() {
    let mut host = Host::new();
    script(&host.app().join("bin/compile"), "echo '-----> inline' && cp \"$3/A\" \"$1/a\"");
    script(&host.app().join("bin/release"), "echo 'default_process_types: {web: inline}'");
    let pack = host.pack("inline", r#"exec "$1/bin/compile" "$@""#, r#"exec "$1/bin/release" "$@""#);
    host.config = dokuen_core::Environment::default().with("A", "value");
    assert_eq!(host.build_with(&pack).slug().procfile().render(), "web: inline\n");
    assert_eq!(host.read("a"), "value");
}

/// Like heroku-buildpack-apt: an `Aptfile`, packages kept in the cache and unpacked into `.apt`, paths for those who come after
/// it by `export` in its own directory, and for the processes by `.profile.d`.
#[test]
fn a_buildpack_may_install_into_the_tree_and_tell_the_next_one_by_export() {
    let apt = r#"set -e
        BUILD_DIR=$1 CACHE_DIR=$2 BP_DIR=$(cd "$(dirname "$0")/.." && pwd)
        mkdir -p "$CACHE_DIR/apt/archives" "$BUILD_DIR/.apt/usr/bin" "$BUILD_DIR/.profile.d"
        while read -r package; do
            if [ -f "$CACHE_DIR/apt/archives/$package" ]; then echo "       Reusing $package"
            else echo "       Fetching $package" && printf '#!/bin/sh\necho "%s says hello"\n' "$package" >"$CACHE_DIR/apt/archives/$package"; fi
            install -m 755 "$CACHE_DIR/apt/archives/$package" "$BUILD_DIR/.apt/usr/bin/$package"
        done <"$BUILD_DIR/Aptfile"
        echo 'export PATH="$HOME/.apt/usr/bin:$PATH"' >"$BUILD_DIR/.profile.d/000_apt.sh"
        echo 'export PATH="$HOME/.apt/usr/bin:$PATH"' >"$BP_DIR/export""#;
    let host = Host::new().with("Aptfile", "tool\n").with("Procfile", "web: tool\n");
    let first = host.pack("apt", apt, "echo '--- {}'");
    let second = host.pack("second", r#"echo "-----> $(tool)""#, "");
    let choice = || named(&[first.to_str().unwrap(), second.to_str().unwrap()]);
    let text = host.build(choice()).text();
    assert!(text.contains("      Fetching tool") && text.contains("  + tool says hello"), "{text}");
    assert!(host.build(choice()).text().contains("      Reusing tool"));
    assert!(host.read(".profile.d/000_apt.sh").contains(".apt/usr/bin"));
    assert!(!first.join("export").exists(), "builds share a buildpack's own directory");
}

#[test]
fn built_in_ones_go_by_their_names_in_the_list_and_after_the_users_own() {
    let host = Host::new().with(".buildpacks", "heroku/static\n").with("index.html", "hi");
    let choice = |host: &Host| Choice::of(None, &host.app(), dokuen_build::Paths::Refused).unwrap();
    let outcome = host.build(choice(&host));
    assert_eq!(outcome.slug().procfile().render(), "web: .static/serve .\n");
    let outcome = host.build(choice(&host));
    assert!(!outcome.text().contains("fetching"), "written once, used again");
    let own = host.pack("static", "true", "echo 'default_process_types: {web: mine}'");
    fs::remove_file(host.app().join("Procfile")).unwrap();
    host.store.install(&crate::host::url(own.to_str().unwrap()), &host.env, &mut dokuen_core::Silent).unwrap();
    assert_eq!(host.build(choice(&host)).slug().procfile().render(), "web: mine\n");
}
