//! What clients and apps see.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, UdpSocket};
use std::sync::atomic::Ordering;

use dokuen_core::{Domain, fs};
use dokuen_nginx::{ConfPath, Files, Settings, Site, route};

use crate::http::{connect, get, send};
use crate::stage::Stage;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

#[test]
fn a_name_that_no_app_has_gets_404_and_never_an_app() {
    let stage = Stage::new();
    // A name before all others, of which the first would be the default otherwise.
    let _app = stage.serve("0");
    for request in [
        "GET / HTTP/1.1\r\nHost: unknown.test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: _\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://unknown.test/ HTTP/1.1\r\nHost: 0.test\r\nConnection: close\r\n\r\n",
    ] {
        let answer = send(HERE, stage.port, request);
        assert_eq!((answer.status, answer.body.as_str()), (404, "no app has this name\n"), "{request}");
    }
    assert_eq!(send(HERE, stage.port, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n").status, 400);
}

#[test]
fn an_app_learns_who_asked_for_what_and_no_client_can_forge_it() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let forged = [
        "X-Forwarded-For: 6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil",
        "Forwarded: for=6.6.6.6",
        "Proxy: evil",
        "X-Request-Id: evil",
        "X-Forwarded-Port: 6",
        "X-Forwarded-Ssl: evil",
        "X-Forwarded-Scheme: evil",
        "X-Forwarded-Protocol: evil",
        "X-Forwarded-Prefix: /evil",
        "X-Forwarded-Server: evil",
        "Upgrade: h2c",
    ];
    let answer = get(stage.port, &format!("HELLO.test:{}", stage.port), "/a//b?c=%20", &forged);
    assert_eq!(answer.status, 200);
    let head = answer.body;
    let port = stage.port;
    for line in [
        "hello\nGET /a//b?c=%20 HTTP/1.1\r\n",
        &format!("Host: hello.test:{port}\r\n"),
        "X-Real-IP: 127.0.0.1\r\n",
        "X-Forwarded-For: 127.0.0.1\r\n",
        "X-Forwarded-Proto: http\r\n",
        &format!("X-Forwarded-Host: hello.test:{port}\r\n"),
        &format!("X-Forwarded-Port: {port}\r\n"),
        "X-Request-Id: ",
    ] {
        assert!(head.contains(line), "{line}\n{head}");
    }
    for word in ["6.6.6.6", "evil", "https", "Connection", "Upgrade", "Forwarded: "] {
        assert!(!head.replace("X-Forwarded", "").contains(word), "{word}\n{head}");
    }
    assert!(stage.get("hello.test").body.contains("Host: hello.test\r\n"));
}

/// What means something to nginx elsewhere is only a name here.
#[test]
fn no_name_of_an_app_means_something_to_nginx() {
    let stage = Stage::new();
    let users = stage.root.join("users");
    fs::replace_report(&users, b"anna:{PLAIN}secret\n", fs::PUBLIC_FILE).unwrap();
    for app in ["off", "on", "0", "00-a", "00", "http", "server"] {
        let _app = stage.serve(app);
        let settings = Settings::default().with("access-log", "json").unwrap().with("cache", "1m").unwrap();
        let settings = settings.with("rate-limit", "9r/s burst=9").unwrap();
        let files = Files { users: Some(ConfPath::new(&users).unwrap()), ..Files::default() };
        fs::make_dirs(&stage.root.join("logs"), fs::PUBLIC_DIR).unwrap();
        route(&stage.nginx, &Site { settings, files, ..stage.site(app) }).unwrap().keep();
        assert!(stage.vhost(app) > stage.places().catch_all(), "{app}");
        assert_eq!(stage.get(&format!("{app}.test")).status, 401, "{app}");
        let anna = ["Authorization: Basic YW5uYTpzZWNyZXQ="];
        assert_eq!(get(stage.port, &format!("{app}.test"), "/", &anna).status, 200, "{app}");
    }
}

#[test]
fn a_header_is_what_was_set_whatever_it_holds() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    for text in ["{sum}", "a; } server { # \"'\\n", "\\", "\\\"", "{{sum}} {% x %}", "a\\t%20&amp;", &"x".repeat(1000)]
    {
        let settings = Settings::default().with("header.X-A", text).unwrap().with("request-header.X-B", text).unwrap();
        route(&stage.nginx, &Site { settings, ..stage.site("hello") }).unwrap().keep();
        let answer = stage.get("hello.test");
        assert!(answer.head.lines().any(|line| line == format!("X-A: {text}")), "{text}: {}", answer.head);
        assert!(answer.body.contains(&format!("X-B: {text}\r\n")), "{text}: {}", answer.body);
    }
}

/// An app writes its address into what it answers, so what it was told of it is part of what an answer is kept for.
#[test]
fn what_is_kept_for_others_was_asked_for_as_they_do() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let settings = Settings::default().with("cache", "1m").unwrap();
    route(&stage.nginx, &Site { settings, ..stage.site("hello") }).unwrap().keep();
    let host = |host: &str| {
        let answer = get(stage.port, host, "/", &[]);
        assert_eq!(answer.status, 200);
        answer.body.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap().to_owned()
    };
    assert_eq!((host("hello.test:9999"), host("hello.test")), ("hello.test:9999".to_owned(), "hello.test".to_owned()));
}

#[test]
fn connections_to_an_app_are_kept() {
    let stage = Stage::new();
    let app = stage.serve("hello");
    for _ in 0..40 {
        assert_eq!(stage.get("hello.test").status, 200);
    }
    // Each worker keeps one to each slot it has used.
    let most = 12 * stage.workers().len();
    assert!(app.connections.load(Ordering::SeqCst) <= most.min(39), "{:?}", app.connections);
}

#[test]
fn a_switch_of_the_live_symlink_moves_traffic_without_a_reload() {
    let stage = Stage::new();
    let _one = stage.instance("hello", "one");
    let _two = stage.instance("hello", "two");
    stage.switch("hello", "one");
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    let workers = stage.workers();
    for name in ["one", "two", "one"] {
        stage.switch("hello", name);
        for _ in 0..30 {
            let answer = get(stage.port, "hello.test", "/last", &[]);
            assert!(answer.body.starts_with(name), "{name}: {answer:?}");
        }
    }
    assert_eq!(stage.workers(), workers);
}

#[test]
fn a_websocket_passes() {
    let stage = Stage::new();
    let _app = stage.serve("hello");
    let mut stream = connect(HERE, stage.port);
    stream
        .write_all(b"GET /ws HTTP/1.1\r\nHost: hello.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    let mut back = [0; 4];
    stream.write_all(b"ping").unwrap();
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
}

#[test]
fn an_app_that_is_not_running_has_a_page_and_a_502() {
    let stage = Stage::new();
    route(&stage.nginx, &stage.site("hello")).unwrap().keep();
    // Often enough to have tried every slot in each worker: none of them may be taken for dead after that.
    for _ in 0..40 {
        let answer = stage.get("hello.test");
        assert_eq!((answer.status, answer.body.as_str()), (502, "hello is not running\n"));
        assert!(answer.head.contains("Content-Type: text/plain"), "{}", answer.head);
    }
    let _app = stage.instance("hello", "one");
    stage.switch("hello", "one");
    for _ in 0..40 {
        assert_eq!(stage.get("hello.test").status, 200);
    }
}

#[test]
fn long_names_of_two_apps_work() {
    let stage = Stage::new();
    let label = "a".repeat(63);
    for (app, name) in
        [("a", format!("{label}.test")), ("b", format!("{label}.{label}.{label}.{}.test", "b".repeat(56)))]
    {
        let site = Site { domain: Domain::parse(&name).unwrap(), ..stage.site(app) };
        route(&stage.nginx, &site).unwrap().keep();
        assert_eq!(stage.get(&name).body, format!("{app} is not running\n"));
    }
}

#[test]
fn the_sum_of_a_vhost_is_told_on_every_address_but_to_this_machine_only() {
    let stage = Stage::at("root", "0.0.0.0");
    stage.own.start().unwrap();
    let _app = stage.serve("hello");
    let ask = |ip| send(ip, stage.port, "GET /.well-known/dokuen-route HTTP/1.0\r\nHost: hello.test\r\n\r\n");
    assert_eq!((ask(HERE).status, ask(HERE).body.len()), (200, 17));
    let ipv6 = IpAddr::from(Ipv6Addr::LOCALHOST);
    if TcpListener::bind((ipv6, 0)).is_ok() {
        assert_eq!(ask(ipv6), ask(HERE));
    }
    if let Some(ip) = outer_address() {
        assert_eq!(ask(ip).status, 404, "{ip}");
        assert!(send(ip, stage.port, "GET / HTTP/1.0\r\nHost: hello.test\r\n\r\n").body.starts_with("hello\n"));
    }
}

/// Where this machine would send from; connecting a UDP socket sends nothing.
fn outer_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|addr| addr.ip()).filter(|ip| !ip.is_loopback())
}
