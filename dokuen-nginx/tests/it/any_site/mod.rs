//! Whatever is accepted, nginx accepts, and it means exactly that: sites made at random, their vhosts tested by nginx in
//! batches, and what `nginx -T` repeats of them read by a parser of its own and compared with what was asked for.
//!
//! `.ci/any-sites` makes 100,000 of them (`DOKUEN_ANY_SITES`); a run prints its seed, and `DOKUEN_SEED` repeats it.

mod chance;
mod meaning;

use std::collections::BTreeMap;

use dokuen_core::cmd::Cmd;
use dokuen_core::fs;
use dokuen_nginx::{Listen, Site, render, render_default};

use self::chance::{Dice, certificate, site};
use self::meaning::compare;
use crate::parser::parse;
use crate::stage::{Stage, nginx_program};

const BATCH: usize = 100;

#[test]
fn whatever_is_accepted_nginx_accepts_and_it_means_exactly_that() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("DOKUEN_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20);
    let wanted = number("DOKUEN_ANY_SITES").unwrap_or(300) as usize;
    println!("DOKUEN_SEED={seed}");
    let stage = Stage::new();
    let mut dice = Dice(seed | 1);
    let certificate = certificate(&stage);
    let (batches, mut names, mut settings) = (wanted.div_ceil(BATCH), 0, 0);
    for batch in 0..batches {
        let sites: Vec<Site> = (0..BATCH).map(|n| site(&mut dice, batch * BATCH + n, &certificate)).collect();
        check(&stage, &sites);
        names += sites.iter().map(|site| site.all_names().len()).sum::<usize>();
        settings += sites.iter().map(|site| site.settings.given().count()).sum::<usize>();
    }
    let apps = batches * BATCH;
    println!(
        "any sites: {apps} apps with {names} names and {settings} settings, {batches} times through nginx -T: no difference"
    );
}

fn check(stage: &Stage, sites: &[Site]) {
    let dir = stage.root.join("any");
    fs::remove_tree(&dir).unwrap();
    fs::make_dirs(&dir.join("sites"), fs::PUBLIC_DIR).unwrap();
    fs::make_dirs(&dir.join("cache"), fs::PUBLIC_DIR).unwrap();
    let listen = Listen::only("127.0.0.1:1".parse().unwrap()).and_https(Some("127.0.0.1:2".parse().unwrap()));
    let build = stage.nginx.build().unwrap();
    let maps = render_default(sites, &listen, build).unwrap();
    fs::replace_report(&dir.join("sites/00-default.conf"), maps.as_bytes(), fs::PUBLIC_FILE).unwrap();
    for site in sites {
        let text = render(site, &listen, build).unwrap();
        let text = text.replace("/var/cache/nginx", &dir.join("cache").display().to_string());
        let file = dir.join("sites").join(format!("{}.conf", site.app));
        fs::replace_report(&file, text.as_bytes(), fs::PUBLIC_FILE).unwrap();
    }
    let main = format!(
        "pid {0}/pid; error_log {0}/log; events {{ }} http {{ access_log off; include {0}/sites/*.conf; }}",
        dir.display()
    );
    fs::replace_report(&dir.join("nginx.conf"), main.as_bytes(), fs::PUBLIC_FILE).unwrap();
    // Without `-e` it also complains of the log that it was built to write.
    let nginx = Cmd::new(nginx_program(), &dir).args(["-T", "-q", "-p"]).arg(&dir).arg("-e").arg(dir.join("log"));
    let said = nginx.arg("-c").arg(dir.join("nginx.conf")).run().unwrap_or_else(|e| panic!("{e}"));
    let warned = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(!warned.contains("[warn]") || warned.lines().all(|line| line.contains("ssl_stapling")), "{warned}");
    let files = files(&String::from_utf8_lossy(&said.stdout));
    for site in sites {
        let file = format!("{}/sites/{}.conf", dir.display(), site.app);
        compare(site, &parse(&files[&file]), build.http3);
    }
}

/// `nginx -T` repeats each file behind a line that names it.
fn files(said: &str) -> BTreeMap<String, String> {
    let parts = said.split("# configuration file ").skip(1);
    parts.map(|part| part.split_once(":\n").map(|(file, text)| (file.to_owned(), text.to_owned())).unwrap()).collect()
}
