//! Sites by chance, from a seed that repeats them.

use std::path::Path;

use dokuen_core::cmd::Cmd;
use dokuen_core::{AppName, Domain, Protocol, ServerName, slots_for};
use dokuen_nginx::{Certificate, ConfPath, Files, Page, Redirect, SETTINGS, Site};

use crate::stage::Stage;

/// Numbers that look like chance and are not (xorshift).
pub struct Dice(pub u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn text(&mut self, of: &str, most: usize) -> String {
        let of: Vec<char> = of.chars().collect();
        (0..1 + self.below(most)).map(|_| of[self.below(of.len())]).collect()
    }
}

/// What passes more often than chance does.
const LIKELY: [&str; 26] = [
    "on",
    "off",
    "0",
    "1k",
    "64k",
    "1024k",
    "20m",
    "7g",
    "1ms",
    "30s",
    "12h",
    "30d",
    "3",
    "256",
    "10r/s",
    "7r/m burst=9",
    "192.0.2.7/24",
    "::/0,10.0.0.1",
    "text/css text/html a/b+c",
    "365d include-subdomains preload",
    "json",
    "combined",
    "modern",
    "public",
    "a/b.c",
    "",
];

/// Most of what is thrown is refused, and that is fine: what passes is what counts.
pub fn site(dice: &mut Dice, number: usize, certificate: &Certificate) -> Site {
    let app = AppName::parse(&format!("{}-{number}", dice.text("abcdefghijklmnopqrstuvwxyz0123456789", 40))).unwrap();
    let domain = Domain::parse(&format!("{app}.apps.example")).unwrap();
    let live = ConfPath::new(Path::new("/run/a b/live")).unwrap();
    let mut name = |star: &str| {
        let label = dice.text("abc-019", 60);
        ServerName::parse(&format!("{star}{label}.{number}.{}", dice.one(&["example", "a.example", "b-c.example"])))
    };
    let aliases: Vec<ServerName> = [name(""), name(""), name("*.")].into_iter().filter_map(Result::ok).collect();
    let redirects = [name("").ok(), name("").ok()].into_iter().flatten();
    let redirects = redirects.map(|from| Redirect { from, to: domain.clone() }).collect();
    let base = Site::new(app, domain, live);
    let mut site = Site { aliases, redirects, ..base };
    site.aliases.retain(|alias| site.redirects.iter().all(|redirect| redirect.from != *alias));
    site.redirects.sort_by(|a: &Redirect, b| a.from.cmp(&b.from));
    site.redirects.dedup();
    site.slots = slots_for(dice.below(30) as u16);
    site.https_only = dice.below(2) == 0;
    site.protocol = if dice.below(4) == 0 { Protocol::Grpc } else { Protocol::Http };
    site.maintenance = dice.below(8) == 0;
    if dice.below(2) == 0 {
        let some = site.all_names().into_iter().filter(|_| dice.below(2) == 0).collect();
        site.certificates.push(Certificate { names: some, ..certificate.clone() });
    }
    let path = |path: &str| ConfPath::new(Path::new(path)).unwrap();
    site.files = Files { release: Some(path("/d d/current")), ..Files::default() };
    if dice.below(3) == 0 {
        site.files.users = Some(path("/u u/x.users"));
        site.files.pages.insert(Page::Down, path("/p p/x.html"));
    }
    for _ in 0..dice.below(14) {
        let setting = &SETTINGS[dice.below(SETTINGS.len())];
        let name = match setting.name {
            "static." => format!("static./{}", dice.text("abz.-_/", 8)),
            family if setting.is_family() => family.to_owned() + &dice.text("abXY-", 6),
            plain => plain.to_owned(),
        };
        // As commands do it: refused is refused. Most is, so there are several throws.
        let _ = (0..12).any(|_| site.settings.set(&name, &value(dice)).is_ok());
    }
    site
}

fn value(dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => dice.text("abz019 ;{}\"'\\#$%/.,:-_~*\n", 30),
        1 => dice.text(" ;{}\"\\#'x", 12),
        _ => dice.one(&LIKELY).to_owned(),
    }
}

/// One of its own, for the names that are given to it.
pub fn certificate(stage: &Stage) -> Certificate {
    let (chain, key) = (stage.root.join("c.pem"), stage.root.join("k.pem"));
    let openssl = Cmd::new("openssl", &stage.root).env("PATH", "/usr/bin:/bin").args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=x",
    ]);
    openssl.arg("-keyout").arg(&key).arg("-out").arg(&chain).run().unwrap();
    let path = |path: &Path| ConfPath::new(path).unwrap();
    Certificate { names: Vec::new(), chain: path(&chain), key: path(&key) }
}
