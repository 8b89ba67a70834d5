//! What is written for which release of nginx: nothing that it does not know, and the next best thing in its place.

use super::*;
use crate::catch_all::{Needs, for_build, shows_one};

/// Every line that some releases know and others do not, in the server for unknown names and in a vhost with https.
#[test]
fn each_release_is_given_what_it_knows() {
    let words = [
        "ssl_reject_handshake on;",
        "ssl_certificate \"/own/stand-in.pem\";",
        " ssl http2;",
        "http2 on;",
        "default_server quic reuseport;",
        ":8443 quic;",
        "keepalive_min_timeout 3s;",
        "keepalive_time 1s;",
    ];
    let (old, middle, new) = ([1, 2], [0, 2, 7], [0, 3, 4, 5, 7]);
    for (version, wanted) in [
        (None, &old[..]),
        (Some(Version(1, 15, 3)), &old),
        (Some(Version(1, 18, 0)), &old),
        (Some(Version(1, 19, 3)), &old),
        (Some(Version(1, 19, 4)), &[0, 2]),
        (Some(Version(1, 19, 10)), &middle),
        (Some(Version(1, 22, 1)), &middle),
        (Some(Version(1, 25, 0)), &[0, 2, 4, 5, 7]),
        (Some(Version(1, 25, 1)), &new),
        (Some(Version(1, 27, 3)), &new),
        (Some(Version(1, 27, 4)), &[0, 3, 4, 5, 6, 7]),
        (Some(Version(1, 28, 3)), &[0, 3, 4, 5, 6, 7]),
        (Some(Version(2, 0, 0)), &[0, 3, 4, 5, 6, 7]),
    ] {
        // All are built with what there was of HTTP/3.
        let build = Build { version, http3: version.is_some_and(|version| version >= Version(1, 25, 0)) };
        let text = everything(build);
        let has: Vec<usize> = (0..words.len()).filter(|n| text.contains(words[*n])).collect();
        assert_eq!(has, wanted, "{version:?}: {text}");
    }
}

fn everything(build: Build) -> String {
    let door = listen().and_https(Some("127.0.0.1:8443".parse().unwrap()));
    let data = for_build(&door, Needs { https: true, http3: true }, build);
    let stand_in = StandIn { chain: dir("/own/stand-in.pem"), key: dir("/own/stand-in.key") };
    let stand_in = shows_one(&data, build).then_some(stand_in);
    let settings = Settings::default().with("http3", "on").unwrap();
    let certificates = vec![certificate(&["hello.example.com"])];
    let site = Site { upstream: Upstream::Apps, settings, certificates, ..site() };
    catch_all(&CatchAll { stand_in, ..data }).unwrap() + &render(&site, &door, build).unwrap()
}

/// As long as no app has a certificate there is no https, for any release.
#[test]
fn without_a_certificate_nobody_shows_one() {
    let door = listen().and_https(Some("127.0.0.1:8443".parse().unwrap()));
    for build in [Build::default(), Version(1, 18, 0).into(), Version(1, 28, 3).into()] {
        let data = for_build(&door, Needs::default(), build);
        assert!(!shows_one(&data, build));
        assert!(!catch_all(&data).unwrap().contains("ssl"));
    }
}

#[test]
fn http3_is_written_where_it_is_asked_for_and_there() {
    let secure = |on: &str| Site {
        certificates: vec![certificate(&["hello.example.com"])],
        settings: Settings::default().with("http3", on).unwrap(),
        ..site()
    };
    let door = listen().and_https(Some("127.0.0.1:8443".parse().unwrap()));
    let new = Build { version: Some(Version(1, 28, 3)), http3: true };
    let text = render(&secure("on"), &door, new).unwrap();
    assert_eq!(text.matches("listen 127.0.0.1:8443 quic;").count(), 1, "{text}");
    assert!(text.contains("add_header Alt-Svc 'h3=\":8443\"; ma=86400' always;"), "{text}");
    for (site, build) in [(secure("off"), new), (secure("on"), Version(1, 28, 3).into()), (site(), new)] {
        let text = render(&site, &door, build).unwrap();
        assert!(!text.contains("quic") && !text.contains("Alt-Svc"), "{text}");
    }
}

#[test]
fn connections_to_apps_themselves_are_given_up_soon_or_not_kept() {
    let kept = |upstream, build| {
        let text = render(&Site { upstream, ..site() }, &listen(), build).unwrap();
        let upstream = text.split("\nserver {").next().unwrap();
        upstream.lines().map(str::trim).filter(|l| l.starts_with("keepalive")).collect::<Vec<_>>().join(" ")
    };
    let (none, old, new) = (Build::default(), Build::from(Version(1, 18, 0)), Build::from(Version(1, 22, 1)));
    for build in [none, old, new] {
        assert_eq!(kept(Upstream::Fronts, build), "keepalive 256; keepalive_timeout 10s;");
    }
    assert_eq!(kept(Upstream::Apps, new), "keepalive 256; keepalive_timeout 1s; keepalive_time 1s;");
    assert_eq!((kept(Upstream::Apps, old), kept(Upstream::Apps, none)), (String::new(), String::new()));
}
