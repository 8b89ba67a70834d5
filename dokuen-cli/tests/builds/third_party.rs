//! What three well-known buildpacks do, done the same way by buildpacks of the test: one that clones and runs others, one
//! that runs scripts of the app, one that has apt fetch packages. Scripts of that kind quote nothing and are bash's.

use crate::host::{Host, make_executable};
use crate::pushed::{host, push};

const SERVE: &str = "exec python3 -m http.server --bind 127.0.0.1 $PORT";
const EMPTY: &str = "#!/bin/sh\necho '--- {}'\n";

/// A buildpack in a repository of its own; gives back its path.
fn pack(host: &Host, name: &str, scripts: [(&str, &str); 3]) -> String {
    let scripts = scripts.map(|(script, text)| (script, text.as_bytes()));
    host.buildpack_of(&format!("buildpack-{name}"), &scripts).display().to_string()
}

/// It clones each line of `.buildpacks` into a temporary directory, checks out what stands behind `#`, lets it compile,
/// sources its `export` file, and keeps what the last one's release says.
const MULTI: &str = r#"#!/usr/bin/env bash
set -e
[ -z "${!GIT_*}" ] || { echo "git is told of elsewhere"; exit 1; }
for line in $(grep -v '^$' $1/.buildpacks); do
  into=$(mktemp -d -t packXXXXXX)
  git clone ${line%#*} $into/pack >/dev/null 2>&1
  cd $into/pack
  case $line in *#*) git checkout ${line#*#} >/dev/null 2>&1 ;; esac
  found=$(bin/detect $1)
  echo "=====> $found"
  bin/compile $1 $2 $3
  if [ -e export ]; then source export; fi
  bin/release $1 >$1/.release.out
done
"#;

#[test]
fn one_that_clones_others_and_runs_them() {
    let host = host();
    let of = |text: &'static str, release| {
        [("detect", "#!/bin/sh\necho $(basename $0) of $(pwd)\n"), ("compile", text), ("release", release)]
    };
    let first = "#!/usr/bin/env bash\necho \"export FROM_FIRST='a b'\" >$(cd $(dirname $0)/..; pwd)/export\ncp $3/GREETING $1/greeting\n";
    let second = "#!/usr/bin/env bash\necho \"-----> $FROM_FIRST\"\necho \"$(cat greeting 2>/dev/null || cat $1/greeting), $FROM_FIRST, $STACK\" >$1/index.html\n";
    let release: &'static str =
        "#!/bin/sh\necho 'default_process_types: {web: exec python3 -m http.server --bind 127.0.0.1 $PORT}'\n";
    let (one, two) = (pack(&host, "one", of(first, EMPTY)), pack(&host, "two", of(second, release)));
    // The branch is another state of it.
    let git = |args: &[&str]| assert!(host.command("git").current_dir(&two).args(args).status().unwrap().success());
    git(&["branch", "stable"]);
    git(&["rm", "-q", "bin/compile"]);
    git(&["commit", "-qm", "broken"]);
    let multi = pack(
        &host,
        "multi",
        [("detect", "#!/bin/sh\necho Multi\n"), ("compile", MULTI), ("release", "#!/bin/sh\ncat $1/.release.out\n")],
    );
    let app = host.app("many", "static-page");
    app.git(&["rm", "-q", "Procfile"]).ok();
    app.dokuen("config:set", &[&format!("BUILDPACK_URL={multi}"), "GREETING=hello"]).ok();
    app.with(".buildpacks", format!("file://{one}\nfile://{two}#stable\n"));
    push(&app).goes_live().says("name: multi").says("=====> detect of ").says("  + a b");
    app.serves("hello, a b, heroku-24");
}

#[test]
fn one_that_runs_scripts_of_the_app() {
    let host = host();
    let inline = |script: &str| format!("#!/bin/sh\nexec $1/bin/{script} \"$@\"\n");
    let (detect, compile, release) = (inline("detect"), inline("compile"), inline("release"));
    let url = pack(&host, "inline", [("detect", &detect), ("compile", &compile), ("release", &release)]);
    let app = host.app("inline", "static-page");
    app.git(&["rm", "-q", "Procfile"]).ok();
    app.dokuen("config:set", &[&format!("BUILDPACK_URL={url}"), "GREETING=hello"]).ok();
    std::fs::create_dir(app.checkout.join("bin")).unwrap();
    for (name, text) in [
        ("detect", "echo Inline".to_owned()),
        (
            "compile",
            "echo '-----> inline'; echo \"$(cat $3/GREETING) inline\" >$1/index.html; date >>$2/builds".to_owned(),
        ),
        ("release", format!("echo 'default_process_types: {{web: {SERVE}}}'")),
    ] {
        let path = app.checkout.join("bin").join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        make_executable(&path);
    }
    app.commit("its own buildpack");
    push(&app).goes_live().says("  + inline");
    app.serves("hello inline");
    app.with("note.txt", "x");
    push(&app).goes_live();
    assert_eq!(std::fs::read_to_string(app.dir().join("build/builds")).unwrap().lines().count(), 2);
}

/// apt as an account may run it: with a cache and a state of its own, downloading only; what it fetched is unpacked.
const APT: &str = r#"#!/usr/bin/env bash
set -e
own=$(cd $(dirname $0)/..; pwd)
cache=$2/apt/cache state=$2/apt/state
mkdir -p $cache/archives/partial $state/lists/partial $1/.apt $1/.profile.d
options="-o debug::nolocking=true -o dir::cache=$cache -o dir::state=$state"
echo "-----> Updating lists for $STACK"
apt-get $options update 2>&1 | sed -u 's/^/       /'
for package in $(cat $1/Aptfile); do
  apt-get $options -y -d install --reinstall $package 2>&1 | sed -u 's/^/       /'
done
for deb in $cache/archives/*.deb; do
  echo "-----> Unpacking $(basename $deb)"
  dpkg -x $deb $1/.apt/
done
echo 'export PATH="$HOME/.apt/usr/bin:$PATH"' >$1/.profile.d/000_apt.sh
export PATH="$1/.apt/usr/bin:$PATH"
export | grep -E ' PATH=' >$own/export
"#;

#[test]
fn one_that_has_apt_fetch_packages() {
    let host = host();
    let detect = "#!/bin/sh\n[ -f $1/Aptfile ] && echo Apt\n";
    let apt = pack(&host, "apt", [("detect", detect), ("compile", APT), ("release", EMPTY)]);
    let user = "#!/bin/sh\necho \"-----> at build: $(hello)\"\n";
    let uses = pack(&host, "uses", [("detect", "#!/bin/sh\n"), ("compile", user), ("release", EMPTY)]);
    let app = host.app("packages", "static-page");
    app.with("Procfile", format!("web: hello >index.html; {SERVE}\n"));
    app.with("Aptfile", "hello\n").with(".buildpacks", format!("{apt}\n{uses}\n"));
    push(&app).goes_live().says("name: apt").says("  + Unpacking hello").says("at build: Hello, world!");
    app.serves("Hello, world!");
}
