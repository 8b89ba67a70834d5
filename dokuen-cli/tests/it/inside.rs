//! Apps that run `dokuen` themselves: a dashboard, a bot that deploys, whatever hears webhooks. What the command starts is no
//! part of such an app, though it is started below it.

use std::fs;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::app::App;
use crate::host::{Host, eventually};
use crate::processes::is_alive;

/// An app whose worker runs the words that it finds in a file, once.
struct Bot {
    app: App,
    order: PathBuf,
}

impl Bot {
    fn new(host: &Host) -> Self {
        let app = host.app("bot", "python");
        let order = host.temp().join("order");
        let script = format!(
            "while :; do if [ -e {0} ]; then mv {0} {0}.taken; sh {0}.taken >{0}.said 2>&1; mv {0}.taken {0}.done; fi; sleep 0.05; done",
            order.display()
        );
        app.with("bot.sh", script)
            .with("Procfile", "web: exec python3 server.py\nworker: exec sh bot.sh\n")
            .push()
            .ok();
        app.dokuen("scale", &["worker=1"]).ok();
        Self { app, order }
    }

    fn dokuen(&self, words: &str) {
        let text = format!("{} {words}\n", self.app.host.program().display());
        fs::write(self.order.with_extension("new"), text).unwrap();
        fs::rename(self.order.with_extension("new"), &self.order).unwrap();
    }

    fn is_done(&self) {
        let done = self.order.with_extension("done");
        eventually("the bot has done it", || fs::remove_file(&done).is_ok());
    }

    /// The worker's process is killed, and another one runs.
    fn dies(&self) {
        let child = || {
            let all = self.app.host.app_processes();
            all.iter().find(|process| process.words.trim_end().ends_with("sh bot.sh")).map(|process| process.pid)
        };
        let old = child().unwrap();
        kill(Pid::from_raw(old), Signal::SIGKILL).unwrap();
        eventually("another worker runs", || child().is_some_and(|pid| pid != old));
    }
}

#[test]
fn another_app_that_an_app_restarted_outlives_it() {
    let host = Host::new();
    let (bot, other) = (Bot::new(&host), host.app("other", "python"));
    other.push().ok();
    bot.dokuen("restart --application=other");
    bot.is_done();
    let pid = other.text("/pid");
    bot.dies();
    assert_eq!(other.text("/pid"), pid, "its process runs on");
    bot.app.dokuen("scale", &["worker=0"]).ok();
    bot.app.dokuen("restart", &[]).ok();
    assert_eq!(other.text("/pid"), pid);
    other.comes_to_run(&["web.1"]);
}

#[test]
fn an_app_that_restarts_itself_is_there_afterwards() {
    let bot = Bot::new(&Host::new());
    let (before, wrappers) = (bot.app.text("/pid"), bot.app.runs());
    bot.dokuen("restart --application=bot");
    eventually("it is another process", || bot.app.text("/pid") != before);
    eventually("the old one has gone", || !is_alive(before.parse().unwrap()));
    bot.app.comes_to_run(&["web.1", "worker.1"]);
    assert_eq!(bot.app.runs().len(), wrappers.len());
    // What it started goes with it all the same when that is told to.
    bot.app.dokuen("shutdown", &[]).ok();
    bot.app.comes_to_run(&[]);
}

#[test]
fn an_nginx_that_an_app_started_serves_on_without_it() {
    let host = Host::new();
    let (bot, other) = (Bot::new(&host), host.app("other", "python"));
    other.push().ok();
    let master = || fs::read_to_string(host.dir().join("nginx/own/nginx.pid")).ok()?.trim().parse::<i32>().ok();
    let old = master().unwrap();
    kill(Pid::from_raw(old), Signal::SIGQUIT).unwrap();
    eventually("nginx has gone", || !is_alive(old));
    bot.dokuen("boot");
    bot.is_done();
    let pid = other.text("/pid");
    bot.dies();
    bot.app.dokuen("restart", &[]).ok();
    assert_eq!(other.text("/pid"), pid);
    assert!(is_alive(master().unwrap()));
}
