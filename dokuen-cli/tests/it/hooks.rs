//! Who hears of events: programs in `hooks/` and webhooks, told by a child that nobody waits for.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::host::{Host, eventually, make_executable};

/// A server on loopback that answers as many requests as are given here, each with its status.
struct Server {
    url: String,
    requests: Receiver<(String, String)>,
}

impl Server {
    fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook?token=secret", listener.local_addr().unwrap());
        let (send, requests) = channel();
        std::thread::spawn(move || {
            for status in statuses {
                let (stream, _) = listener.accept().unwrap();
                if send.send(answer(stream, *status)).is_err() {
                    return;
                }
            }
        });
        Self { url, requests }
    }

    #[track_caller]
    fn next(&self) -> (String, Value) {
        let (head, body) = self.requests.recv_timeout(Duration::from_secs(30)).expect("a request came");
        (head, serde_json::from_str(&body).unwrap())
    }
}

fn answer(mut stream: TcpStream, status: u16) -> (String, String) {
    let (mut bytes, mut block) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut block).unwrap();
        bytes.extend_from_slice(&block[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        if body.len() >= length.parse().unwrap() {
            let _ = stream
                .write_all(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
            return (head.to_owned(), body.to_owned());
        }
    }
}

fn log(host: &Host) -> String {
    fs::read_to_string(host.dir().join("notify.log")).unwrap_or_default()
}

#[test]
fn a_webhook_hears_of_what_it_is_for_signed_and_again_until_it_answers() {
    let host = Host::new();
    let app = host.app("hello", "types");
    // The first try is answered badly.
    let server = Server::answering(&[500, 200, 200]);
    let said = app.dokuen_given("webhooks:add", &["-", "--event", "deploy,config"], server.url.as_bytes()).ok().out();
    assert!(said.contains("webhook 1 hears of events at http://127.0.0.1:") && !said.contains("token"), "{said}");
    let secret = said.lines().last().unwrap();
    let file = app.dir().join("webhooks/1");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    app.push().ok();
    let (head, body) = server.next();
    assert!(head.starts_with("POST /hook?token=secret HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("X-Dokuen-Event: deploy\r\n") && head.contains("Content-Type: application/json\r\n"),
        "{head}"
    );
    assert_eq!(
        (&body["kind"], &body["app"], &body["ok"], &body["exit"]),
        (&"deploy".into(), &"hello".into(), &true.into(), &0.into())
    );
    assert!(
        body["at"].as_str().unwrap().ends_with('Z') && body["what"].as_str().unwrap().ends_with("from master"),
        "{body}"
    );
    assert_eq!(server.next().1, body, "what was answered badly comes again");
    let signature = head.lines().find_map(|line| line.strip_prefix("X-Dokuen-Signature: sha256=")).unwrap();
    assert_eq!(signature, hmac(secret, &body, &host));
    // A scale is none of its business, a deploy that fails is.
    app.dokuen("scale", &["worker=1"]).ok();
    app.with("Procfile", "web: exit 3\n").push().fails();
    let (_, body) = server.next();
    assert_eq!((&body["kind"], &body["ok"], &body["exit"]), (&"deploy".into(), &false.into(), &6.into()));
    eventually("the log says so", || log(&host).matches("[hello webhook 1] deploy was told").count() == 2);
    assert!(!log(&host).contains("token") && !log(&host).contains(secret));
    let list: Value = serde_json::from_str(&app.dokuen("webhooks", &["--json"]).ok().out()).unwrap();
    assert_eq!((&list[0]["id"], &list[0]["events"][0]), (&"1".into(), &"config".into()));
    assert!(!list.to_string().contains("token") && !list.to_string().contains(secret));
    host.dokuen(&["webhooks"]).ok().stdout_is("id  events  url\n");
    app.dokuen("webhooks:remove", &["2"]).exits(3).stderr_has("there is no webhook \"2\"");
    app.dokuen("webhooks:remove", &["1"]).ok();
    assert!(!file.exists());
}

#[test]
fn a_test_event_says_what_comes_back() {
    let host = Host::new();
    let app = host.app("hello", "types");
    app.dokuen("webhooks:test", &[]).exits(3).stderr_has("there is no webhook");
    let server = Server::answering(&[200, 500, 200, 503]);
    app.dokuen_given("webhooks:add", &["-", "--event", "deploy"], server.url.as_bytes()).ok();
    app.dokuen("webhooks:add", &["http://127.0.0.1:1/"]).ok();
    let tried = |args: &[&str]| app.dokuen("webhooks:test", args);
    // Whatever kinds it is for, and whether or not others answer.
    let out = tried(&["--json"]).exits(1).stderr_has("1 of 2 webhooks did not take the event");
    let all: Value = serde_json::from_str(&out.out()).unwrap();
    assert_eq!((&all[0]["status"], &all[0]["ok"], &all[0]["error"]), (&200.into(), &true.into(), &Value::Null));
    assert_eq!((&all[1]["status"], &all[1]["ok"]), (&Value::Null, &false.into()));
    assert!(all[1]["error"].as_str().unwrap().contains("connect") && !all.to_string().contains("token"), "{all}");
    let (head, body) = server.next();
    assert!(head.contains("X-Dokuen-Event: test\r\n") && head.contains("X-Dokuen-Signature: sha256="), "{head}");
    assert_eq!((&body["kind"], &body["app"], &body["ok"]), (&"test".into(), &"hello".into(), &true.into()));
    // Once, and no more: the next answer is that of the next command.
    tried(&["1"]).exits(1).stdout_has("it answered 500");
    tried(&["1"]).ok().stdout_has("200");
    tried(&["1", "-q"]).exits(1).stdout_has("503");
    tried(&["7"]).exits(3).stderr_has("there is no webhook \"7\"");
}

/// By somebody else's code.
fn hmac(secret: &str, body: &Value, host: &Host) -> String {
    let script = "import hashlib, hmac, sys; print(hmac.new(sys.argv[1].encode(), sys.stdin.buffer.read(), hashlib.sha256).hexdigest())";
    let mut command = host.command("python3");
    let body = body.to_string();
    crate::outcome::run(command.args(["-c", script, secret]), body.as_bytes(), None).ok().out().trim().to_owned()
}

#[test]
fn programs_of_the_host_are_told_and_nobody_waits_for_them() {
    let host = Host::new();
    let app = host.app("hello", "types");
    let dir = host.dir().join("hooks");
    assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let told = host.temp().join("told");
    let program = |name: &str, script: String| {
        fs::write(dir.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        make_executable(&dir.join(name));
    };
    program("10-slow", "sleep 5; exit 7".to_owned());
    program(
        "20-write",
        format!("echo got $DOKUEN_EVENT of $DOKUEN_APP; echo ${{SECRET-none}}; cat > '{}'", told.display()),
    );
    program("30-open", format!("touch '{}.open'", told.display()));
    fs::set_permissions(dir.join("30-open"), fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(dir.join("40-plain"), "no program").unwrap();
    let begun = Instant::now();
    app.dokuen("config:set", &["SECRET=value"]).ok();
    assert!(begun.elapsed() < Duration::from_secs(4), "the command waited for a hook");
    eventually("the second is told after the first", || log(&host).contains("[20-write] config was told"));
    let log = log(&host);
    for line in ["[10-slow] config: it exited with 7", "[20-write] got config of hello", "[20-write] none"] {
        assert!(log.contains(line), "{line} in {log}");
    }
    let body: Value = serde_json::from_str(&fs::read_to_string(&told).unwrap()).unwrap();
    assert_eq!(body["what"], "config:set SECRET");
    assert!(!body.to_string().contains("value") && !log.contains("30-open") && !log.contains("40-plain"), "{log}");
    assert!(!host.temp().join("told.open").exists(), "what others could write was run");
}

#[test]
fn a_crash_loop_is_told_once() {
    let host = Host::new();
    let app = host.app("hello", "types");
    let (told, hook) = (host.temp().join("told"), host.dir().join("hooks/tell"));
    let script = format!("#!/bin/sh\ntest $DOKUEN_EVENT != crash || cat >> '{}'\n", told.display());
    fs::write(&hook, script).unwrap();
    make_executable(&hook);
    let server = Server::answering(&[200]);
    app.dokuen_given("webhooks:add", &["-", "--event", "crash"], server.url.as_bytes()).ok();
    app.dokuen("storage:create", &[]).ok();
    let until = |file: &str| format!("while test ! -e $STORAGE/{file}; do sleep 0.05; done");
    let (worker, later) = (until("bad"), until("worse"));
    let web = "exec /usr/bin/python3 -S -E -B server.py";
    app.with("Procfile", format!("web: {web}\nworker: {worker}\nlater: {later}\n")).push().ok();
    app.dokuen("scale", &["worker=1", "later=1"]).ok();
    let mut watch = host.command(host.program());
    let watch = watch.args(["boot", "--watch"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut watch = watch.spawn().unwrap();
    // From now on it ends at once, again and again, with growing pauses.
    fs::write(app.dir().join("storage/default/bad"), "").unwrap();
    let text = || fs::read_to_string(&told).unwrap_or_default();
    let comes = |what: &str| {
        let deadline = Instant::now() + Duration::from_secs(90);
        while !(text().contains(what) && text().ends_with('}')) {
            assert!(Instant::now() < deadline, "nobody was told of {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    comes("crash worker.1");
    let body: Value = serde_json::from_str(&text()).unwrap();
    let wanted = ["crash", "hello", "crash worker.1"].map(Value::from);
    assert_eq!([&body["kind"], &body["app"], &body["what"]], wanted.each_ref());
    let (head, posted) = server.next();
    assert!(head.contains("X-Dokuen-Event: crash\r\n"), "{head}");
    assert_eq!(posted, body, "both hear the same");
    host.dokuen(&["events"]).ok().stdout_has("crash worker.1");
    let ps: Value = serde_json::from_str(&app.dokuen("ps", &["--json"]).ok().out()).unwrap();
    let worker = ps.as_array().unwrap().iter().find(|one| one["name"] == "worker.1").unwrap();
    assert_eq!((&worker["state"], &worker["last_end"]), (&"crashed".into(), &"exited with 0".into()));
    assert!(worker["restarts"].as_u64().unwrap() >= 4 && worker["since"].is_string());
    app.dokuen("ps", &[]).ok().stdout_has("worker.1  crashed").stdout_has("exited with 0");
    // When the next one is told of, the first has been looked at again, and was not told of again.
    fs::write(app.dir().join("storage/default/worse"), "").unwrap();
    comes("crash later.1");
    assert_eq!(text().matches("crash worker.1").count(), 1, "{}", text());
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn a_webhook_that_cannot_be_is_refused() {
    let host = Host::new();
    let app = host.app("hello", "types");
    for url in ["ftp://x.test", "file:///etc/passwd", "x", "http://", "http://a b", "-K/etc/passwd", "https://x\"y z"] {
        app.dokuen("webhooks:add", &["--", url]).exits(2).stderr_lacks("passwd");
    }
    app.dokuen("webhooks:add", &["http://127.0.0.1:1", "--event", "deplyo"])
        .exits(2)
        .stderr_has("is no kind of event: deploy, crash");
    assert!(!app.exists("webhooks"));
}
