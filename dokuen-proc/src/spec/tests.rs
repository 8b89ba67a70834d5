use dokuen_core::fs;

use super::*;

pub fn sample() -> Spec {
    Spec {
        app: "hello".into(),
        id: InstanceId::parse("g7.web.1").unwrap(),
        version: "v3".into(),
        tree: "/a b/releases/20260101T000000".into(),
        command: "./serve --x=1 # not ours".into(),
        commit: String::new(),
        search_path: "/bin".into(),
        global_env: "/d/env".into(),
        app_env: "/d/apps/hello/env".into(),
        log: "/d/log".into(),
        log_bytes: 1000,
        log_room: Some(LogRoom { most: 9000, instances: "/d/instances".into(), runs: "/d/runs".into() }),
        pid_file: "/d/pid".into(),
        ports_dir: "/d/ports".into(),
        ports: PortRange::new(5000, 5010).unwrap(),
        front: Some(FrontPaths { socket: "/r/i/g7.web.1".into(), onward: "/r/live/1".into(), entry: Entry::Port }),
        stop_signal: Signal::SIGINT,
        stop_timeout: Duration::from_secs(15),
        drain_timeout: Duration::from_secs(30),
        cgroup: Some(("/c/hello.g7.web.1".into(), Bounds { memory: Some(1 << 30), pids: None })),
    }
}

#[test]
fn reads_back_what_it_writes_and_names_a_missing_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spec");
    let at = |entry| Some(FrontPaths { entry, ..sample().front.unwrap() });
    let entries = [Entry::Path("/r/s/g7.web.1".into()), Entry::Fds("/r/s/g7.web.1".into())];
    let direct = entries.map(|entry| Spec { front: at(entry), ..sample() });
    for spec in [sample(), Spec { front: None, cgroup: None, log_room: None, ..sample() }].into_iter().chain(direct) {
        fs::replace(&path, spec.render().as_bytes(), fs::PRIVATE_FILE).unwrap();
        assert_eq!(Spec::load(&path).unwrap(), spec);
    }
    fs::replace(&path, sample().render().replace("tree=", "tee=").as_bytes(), fs::PRIVATE_FILE).unwrap();
    assert!(Spec::load(&path).unwrap_err().to_string().ends_with("has no usable `tree`"));
}

#[test]
fn ids_parse_or_do_not() {
    assert_eq!(InstanceId::parse("g12.urgent-worker.3").unwrap().to_string(), "g12.urgent-worker.3");
    for bad in ["", "g.web.1", "7.web.1", "g7.web", "g7.web.1.2", "g7.w/b.1", "g+7.web.1", "g7.web.-1"] {
        assert_eq!(InstanceId::parse(bad), None, "{bad}");
    }
}
