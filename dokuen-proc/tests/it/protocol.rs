//! An instance as an earlier version has laid it out, and the wrapper and library of this one.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use dokuen_proc::{InstanceId, instances};

use crate::place::{Place, eventually};
use crate::web::App;

fn fixture(name: &str, place: &Place) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/instances/v1").join(name);
    let (min, max) = (place.host.conf.ports.min().to_string(), place.host.conf.ports.max().to_string());
    let text = std::fs::read_to_string(path).unwrap();
    text.replace("@DIR@", &place.dir.path().display().to_string()).replace("@MIN@", &min).replace("@MAX@", &max)
}

/// The directory as the first version made it, its wrapper long dead.
fn laid_out(app: &App) -> dokuen_proc::Instance {
    let place = &app.place;
    // Its tree, and the directories that a boot makes.
    app.ends(&app.runs("port", 7));
    let dir = place.app.instances_dir().join("g1.web.1");
    std::fs::create_dir(&dir).unwrap();
    for (name, text) in [
        ("spec", fixture("spec", place)),
        ("state", fixture("state", place)),
        ("env", fixture("env", place).replace('\n', "\0")),
    ] {
        std::fs::write(dir.join(name), text).unwrap();
    }
    for name in ["control", "log"] {
        nix::unistd::mkfifo(&dir.join(name), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    }
    instances(&place.app).unwrap().into_iter().find(|i| i.id == InstanceId::parse("g1.web.1").unwrap()).unwrap()
}

#[test]
fn an_instance_of_an_earlier_version_is_understood_and_run_on() {
    let app = App::new("stop_timeout: 2");
    let web = laid_out(&app);
    let old = web.report();
    assert_eq!((old.protocol, old.wrapper, old.restarts), (1, Some(4_194_001), 3));
    assert_eq!((old.last_end.as_str(), old.phase.as_str(), old.socket), ("exited with 1", "up", None));
    dokuen_proc::revive(&app.place.host.wrapper(), &web).unwrap();
    eventually("it reports", || web.report().protocol == dokuen_proc::PROTOCOL && web.report().child.is_some());
    let report = web.report();
    let environment = std::fs::read_to_string(format!("/proc/{}/environ", report.child.unwrap())).unwrap();
    assert!(environment.contains("WORD=kept\0"), "{environment}");
    dokuen_proc::switch_to(&app.place.app, std::slice::from_ref(&web)).unwrap().keep();
    assert_eq!(Some(app.ask("/")), report.child);
    app.ends(&web);
}

#[test]
fn a_wrapper_passes_over_what_it_does_not_know_and_refuses_what_it_must_know() {
    let app = App::new("stop_timeout: 2");
    let web = laid_out(&app);
    let spec = web.dir().join("spec");
    let text = std::fs::read_to_string(&spec).unwrap();
    std::fs::write(&spec, format!("protocol=9999\n{text}")).unwrap();
    let refused = dokuen_proc::revive(&app.place.host.wrapper(), &web).unwrap_err().to_string();
    assert!(refused.contains("is of a newer dokuen (protocol 9999"), "{refused}");
    std::fs::write(&spec, format!("{text}colour=blue\n")).unwrap();
    dokuen_proc::revive(&app.place.host.wrapper(), &web).unwrap();
    let mut control = web.control().unwrap().unwrap();
    control.write_all(b"z?").unwrap();
    eventually("it runs", || web.report().protocol == dokuen_proc::PROTOCOL);
    control.write_all(b"zt").unwrap();
    web.wait_gone(Duration::from_secs(20)).unwrap();
}

#[test]
fn a_wrapper_of_an_earlier_version_finds_every_key_in_a_spec_of_this_one() {
    let app = App::new("stop_timeout: 2");
    let web = app.runs("port", 1);
    let text = std::fs::read_to_string(web.dir().join("spec")).unwrap();
    let keys = |text: &str| text.lines().filter_map(|l| Some(l.split_once('=')?.0.to_owned())).collect::<BTreeSet<_>>();
    let missing: Vec<_> = keys(&fixture("spec", &app.place)).difference(&keys(&text)).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
    app.ends(&web);
}
