//! Whatever goes wrong, what served before serves on, and the next command finds a sound state.

use std::net::TcpListener;
use std::path::Path;

use dokuen_core::{Lock, ServerName, fs};
use dokuen_nginx::{Certificate, ConfPath, Listen, Nginx, NginxError, Site, System, rebuild, route};

use crate::stage::{Stage, chain, eventually, nginx_program};

#[test]
fn a_refused_candidate_changes_nothing() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let (before, workers) = (fs::read(&stage.vhost("hello")).unwrap(), stage.workers());
    let mut site = stage.site("hello");
    site.slots = 0;
    let error = chain(&route(&stage.nginx, &site).unwrap_err());
    let line = "no servers are inside upstream in line 7";
    assert_eq!(error, format!("nginx rejected nginx/hello.test.conf\n{line}"));

    site = stage.site("hello");
    let missing = ConfPath::new(Path::new("/nowhere/at all.pem")).unwrap();
    let names = vec![ServerName::parse("hello.test").unwrap()];
    site.certificates = vec![Certificate { names, chain: missing.clone(), key: missing }];
    let error = chain(&route(&stage.nginx, &site).unwrap_err());
    let lines = "nginx rejected nginx/hello.test.conf\ncannot load certificate \"/nowhere/at all.pem\"";
    assert!(error.starts_with(lines), "{error}");

    // It is refused by the test in the scratch directory already: nobody is told to reload.
    let mut system = System::direct(stage.places().clone(), nginx_program());
    system.reload = vec!["/nowhere/nginx".into()];
    let error = route(&Nginx::System(system), &site).unwrap_err();
    assert!(matches!(error, NginxError::Refused { .. }), "{error}");

    assert_eq!(fs::read(&stage.vhost("hello")).unwrap(), before);
    assert_eq!((stage.workers(), stage.pending()), (workers, None));
    assert_eq!(stage.get("hello.test").status, 200);
    assert_eq!(fs::names(&stage.places().tmp).unwrap(), [""; 0]);
}

#[test]
fn a_bad_file_made_by_hand_is_set_aside_and_stops_no_app() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let bad = stage.places().dir.join("zz.conf");
    fs::replace(&bad, b"server {\n    servr x;\n}\n", fs::PUBLIC_FILE).unwrap();
    // What needs no reload does not meet the bad file at all.
    assert!(!route(&stage.nginx, &stage.site("hello")).unwrap().reloaded());
    assert!(bad.exists());
    let routed = route(&stage.nginx, &stage.site("other")).unwrap();
    let parked = &routed.parked()[0];
    assert_eq!(chain(&parked.error), "nginx rejected nginx/zz.conf\nunknown directive \"servr\" in line 2");
    assert_eq!((&parked.file, parked.restored), (&bad, false));
    routed.keep();
    assert_eq!((stage.get("hello.test").status, stage.get("other.test").status), (200, 502));
    assert!(!bad.exists() && stage.places().dir.join("zz.conf.refused").exists());
    assert_eq!(stage.pending(), None);
}

#[test]
fn a_file_that_was_good_before_it_was_broken_by_hand_serves_on_as_it_was() {
    let stage = Stage::new();
    let _apps = (stage.serve("hello"), stage.serve("third"));
    let own = stage.places().dir.join("own.conf");
    let good =
        "server { listen 127.0.0.1:PORT; server_name own.test; return 418; }".replace("PORT", &stage.port.to_string());
    fs::replace(&own, good.as_bytes(), fs::PUBLIC_FILE).unwrap();
    route(&stage.nginx, &Site { slots: 3, ..stage.site("hello") }).unwrap().keep();
    assert_eq!(stage.get("own.test").status, 418);
    let kept = fs::read(&stage.vhost("third")).unwrap();
    for broken in [&own, &stage.vhost("third")] {
        fs::replace(broken, b"servr x;\n", fs::PUBLIC_FILE).unwrap();
    }
    let routed = route(&stage.nginx, &stage.site("other")).unwrap();
    assert_eq!(routed.parked().iter().map(|parked| parked.restored).collect::<Vec<_>>(), [true, true]);
    routed.keep();
    assert_eq!(["hello.test", "third.test", "own.test"].map(|name| stage.get(name).status), [200, 200, 418]);
    assert_eq!((fs::read_text(&own).unwrap(), fs::read(&stage.vhost("third")).unwrap()), (good, kept));
}

#[test]
fn at_boot_a_bad_file_is_set_aside_and_a_bad_site_stops_no_other() {
    let stage = Stage::at("root", "127.0.0.1");
    let bad = stage.places().dir.join("zz.conf");
    fs::make_dirs(&stage.places().dir, fs::PUBLIC_DIR).unwrap();
    fs::replace(&bad, b"servr x;\n", fs::PUBLIC_FILE).unwrap();
    assert_eq!(
        chain(&stage.own.start().unwrap_err()),
        "nginx rejected nginx/zz.conf\nunknown directive \"servr\" in line 1"
    );

    let mut broken = stage.site("b");
    broken.slots = 0;
    let rebuilt = rebuild(&stage.nginx, &[stage.site("a"), broken, stage.site("c")]).unwrap();
    assert_eq!(rebuilt.refused.iter().map(|(app, _)| app.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(rebuilt.set_aside.iter().map(|parked| &parked.file).collect::<Vec<_>>(), [&bad]);
    let statuses = ["a.test", "b.test", "c.test"].map(|name| stage.get(name).status);
    assert_eq!(statuses, [502, 404, 502]);
    assert!(!bad.exists() && stage.places().dir.join("zz.conf.refused").exists());
}

/// The state that `kill -9` leaves between the rename and the reload: new text on disk, the note, old text in force.
#[test]
fn a_crash_between_rename_and_reload_is_healed_by_the_next_route_of_any_app() {
    let stage = Stage::new();
    let _apps = (stage.serve("hello"), stage.serve("other"));
    let mut site = stage.site("hello");
    site.aliases = vec![ServerName::parse("hello.example").unwrap()];
    let text = vhost_of(&stage, &site);
    for (next, note) in [("hello", "hello.test.conf\n"), ("other", "hello.test.conf 0123456789abcdef hello.test\n")] {
        route(&stage.nginx, &stage.site("hello")).unwrap().keep();
        fs::replace(&stage.places().dir.join(".pending"), note.as_bytes(), fs::PUBLIC_FILE).unwrap();
        fs::replace(&stage.vhost("hello"), &text, fs::PUBLIC_FILE).unwrap();
        assert_eq!(stage.get("hello.example").status, 404);
        let next = if next == "hello" { site.clone() } else { stage.site(next) };
        route(&stage.nginx, &next).unwrap().keep();
        assert_eq!(stage.get("hello.example").status, 200);
        assert_eq!(stage.pending(), None);
    }
}

#[test]
fn what_a_killed_command_left_goes_with_the_next_deploy_unless_somebody_is_at_work() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let places = stage.places();
    let left = [places.tmp.join("nginx-killed/sites"), places.dir.join(".new-a1b2c3")];
    left.iter().for_each(|path| fs::make_dirs(path, fs::PRIVATE_DIR).unwrap());
    let lock = Lock::take(&places.lock, "testing").unwrap();
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    assert!(left.iter().all(|path| path.exists()), "they may be those of whoever holds the lock");
    drop(lock);
    // A killed holder's name is still in its lock.
    fs::replace(&places.lock, b"pid 1 has been testing since yesterday\n", fs::PRIVATE_FILE).unwrap();
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    assert!(!left.iter().any(|path| path.exists()));
    assert!(!Lock::is_signed(&places.lock).unwrap());
}

#[test]
fn a_crash_after_the_reload_costs_no_second_one() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let workers = stage.workers();
    fs::replace(&stage.places().dir.join(".pending"), b"hello.test.conf\n", fs::PUBLIC_FILE).unwrap();
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    assert_eq!((stage.workers(), stage.pending()), (workers, None));
}

#[test]
fn a_name_that_another_app_has_is_refused() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let mut thief = stage.site("thief");
    thief.aliases = vec![ServerName::parse("hello.test").unwrap()];
    let error = route(&stage.nginx, &thief).unwrap_err();
    assert_eq!(error.to_string(), "hello.test belongs to another app: it stands in nginx/hello.test.conf");
    assert!(!stage.vhost("thief").exists());
    assert_eq!((stage.get("hello.test").status, stage.get("thief.test").status), (200, 404));
    assert_eq!(stage.pending(), None);
}

#[test]
fn a_reload_that_fails_silently_is_noticed_and_told_in_nginxs_words() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let before = fs::read(&stage.vhost("hello")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = stage.hasty(Listen::only(taken.local_addr().unwrap()));
    let error = chain(&route(&elsewhere, &stage.site("hello")).unwrap_err());
    assert!(error.contains(&format!("\nbind() to {} failed", taken.local_addr().unwrap())), "{error}");
    assert_eq!(fs::read(&stage.vhost("hello")).unwrap(), before);
    assert_eq!(stage.get("hello.test").status, 200);
    // It could not be proven that the old text is in force, so that is noted, and the next command asks.
    assert!(stage.pending().is_some());
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    assert_eq!(stage.pending(), None);
}

#[test]
fn a_sudo_that_asks_for_a_password_is_an_error_and_nothing_changes() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let mut system = System::through_sudo(stage.places().clone(), nginx_program());
    assert_eq!(&system.reload[..2], ["sudo", "-n"]);
    system.reload = ["/bin/sh", "-c", "echo sudo: a password is required >&2; exit 1"].map(Into::into).to_vec();
    let system = Nginx::System(system);
    let error = chain(&route(&system, &stage.site("other")).unwrap_err());
    assert_eq!(error, "failed to reload nginx\nsudo: a password is required");
    assert!(!stage.vhost("other").exists());
    assert_eq!((stage.get("hello.test").status, stage.get("other.test").status, stage.pending()), (200, 404, None));
}

#[test]
fn a_note_that_says_nothing_is_answered_with_a_reload() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let workers = stage.workers();
    fs::replace(&stage.places().dir.join(".pending"), b"", fs::PUBLIC_FILE).unwrap();
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    assert_eq!(stage.pending(), None);
    eventually("other workers", || stage.workers() != workers);
}

/// The text of a site as a command would write it: it writes it, and takes it back.
fn vhost_of(stage: &Stage, site: &Site) -> Vec<u8> {
    let routed = route(&stage.nginx, site).unwrap();
    let text = fs::read(&stage.vhost(site.app.as_str())).unwrap();
    drop(routed);
    text
}
