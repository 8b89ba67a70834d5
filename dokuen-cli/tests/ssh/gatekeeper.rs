//! Debian's Gitolite 3 in front of a host, set up as its own manual says, with its admin repository.

use std::fs;
use std::path::PathBuf;

use crate::app::App;
use crate::door::Door;
use crate::outcome::{Outcome, run};

/// A host behind Gitolite. anna is the admin of both; her clone of `gitolite-admin` is where keys and rules are.
#[derive(Debug)]
pub struct Gatekeeper {
    pub door: Door,
    admin: App,
}

impl Gatekeeper {
    /// Gitolite, then `dokuen setup --gitolite`, then everybody's keys and these rules.
    pub fn with(rules: &str) -> Self {
        let door = Door::new();
        let key = door.key("anna").with_extension("pub");
        run(door.host.command("gitolite").env("HOME", home(&door)).args(["setup", "-pk"]).arg(key), b"", None).ok();
        door.host.setup(&["--gitolite"]).ok().stderr_lacks("left to do: add").stderr_lacks("is there already");
        let admin =
            App { host: door.host.clone(), name: "gitolite-admin".into(), checkout: door.host.temp().join("admin") };
        fs::create_dir_all(&admin.checkout).unwrap();
        door.git("anna", &admin, &["clone", "-q", &door.url("gitolite-admin"), "."]).ok();
        let gate = Self { door, admin };
        for name in ["bob", "carl", "Dora@home"] {
            let to = gate.admin.checkout.join(format!("keydir/{}.pub", name.replace("@home", "")));
            fs::copy(gate.door.key(name).with_extension("pub"), to).unwrap();
        }
        gate.rule(rules);
        gate
    }

    /// Adds rules, as an admin does: by a push.
    pub fn rule(&self, rules: &str) {
        let conf = self.admin.checkout.join("conf/gitolite.conf");
        fs::write(&conf, fs::read_to_string(&conf).unwrap() + rules).unwrap();
        self.admin.commit("rules");
        self.door.git("anna", &self.admin, &["push", "-q", "origin", "HEAD"]).ok();
    }

    /// A checkout of a fixture whose remote is this repository.
    pub fn checkout(&self, name: &str, fixture: &str) -> App {
        let app = App::copied(&self.door.host, name, fixture);
        app.git(&["remote", "set-url", "dokuen", &self.door.url(name)]).ok();
        app
    }

    pub fn push(&self, who: &str, app: &App) -> Outcome {
        self.door.git(who, app, &["push", "dokuen", "master"])
    }

    pub fn home(&self) -> PathBuf {
        home(&self.door)
    }
}

fn home(door: &Door) -> PathBuf {
    door.host.temp().join("home")
}
