//! Every command from one end to the other, on the host itself and over ssh: its exit status, what it says and where,
//! and its JSON by its schema. A command that is in `docs/commands.md` and not in this table fails.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::app::App;
use crate::door::Door;
use crate::outcome::{Outcome, run};
use crate::pem::Pem;
use crate::schema::complaints;

/// A line as it is typed, ` < ` and what it reads; its exit status, and what stands in its output and in its errors:
/// nothing where nothing may, `*` where anything may.
///
/// APP is the app, USER a person, PACK a buildpack; KEY, PEM and EXPORT are things to read, HOOK is a URL. `git push` is
/// git's. What begins with `host: ` is for the host itself: over ssh it must be refused.
const TABLE: &[(&str, i32, &str, &str)] = &[
    ("version", 0, "dokuen ", ""),
    ("completions bash", 0, "complete ", ""),
    ("man config:set", 0, ".SH NAME", ""),
    ("host: setup DIR --yes", 0, "* ready", "*"),
    ("create APP", 0, "* created APP\n", ""),
    ("create APP", 1, "", "the app APP exists already"),
    ("apps", 0, "APP\n", ""),
    ("ps -a APP", 0, "*", ""),
    ("releases -a APP", 0, "  release", ""),
    ("deploy -a APP", 3, "", "nothing was pushed to APP yet"),
    ("buildpacks:install PACK", 0, "*", ""),
    ("buildpacks", 0, "null: ", ""),
    ("buildpacks:uninstall null", 0, "*", ""),
    ("config:set -a APP A=1 'B=two words'", 0, "* set A, B for APP\n", ""),
    ("config:import -a APP < C='three'\n", 0, "set C for APP", ""),
    ("config:import -a APP < C three\n", 2, "", "standard input"),
    ("config -a APP", 0, "A=1\nB=two words\nC=three\n", ""),
    ("config:get -a APP B", 0, "two words\n", ""),
    ("config:get -a APP NONE", 1, "", "NONE is not set"),
    ("config:export -a APP", 0, "A=1\n", ""),
    ("host: config:edit -a APP", 0, "nothing has changed", ""),
    ("config:unset -a APP C", 0, "* unset C for APP\n", ""),
    ("storage:create -a APP data", 0, "STORAGE_DATA=", ""),
    ("storage -a APP", 0, "STORAGE_DATA", ""),
    ("storage:destroy -a APP data", 2, "", "--confirm"),
    ("storage:destroy -a APP data --confirm data", 0, "data", ""),
    ("git push", 0, "*", "deployed APP v1"),
    ("apps:info APP", 0, "release     v1\n", ""),
    ("ps:wait -a APP", 0, "APP is up", ""),
    ("ps -a APP", 0, "web.1", ""),
    ("scale -a APP web=2", 0, "scaled APP to web=2", ""),
    ("scale -a APP", 0, "web=2\n", ""),
    ("scale -a APP web=x", 2, "", "web=x"),
    ("restart -a APP", 0, "* restarted APP\n", ""),
    ("logs -a APP -n 5", 0, "[web.1]", ""),
    ("run -a APP sh -c 'cat; echo \"$A\"; exit 7' < in\n", 7, "in\n1\n", ""),
    ("run -a APP true", 0, "", ""),
    ("run:detached -a APP sh -c 'echo said; exec sleep 600'", 0, "run.1", ""),
    ("run:list -a APP", 0, "running", ""),
    ("cron -a APP", 0, "job", ""),
    ("cron:run -a APP job", 0, "*", ""),
    ("cron:logs -a APP job", 0, "done", ""),
    ("cron:run -a APP none", 3, "", "none"),
    ("deploy -a APP --rev master", 0, "deployed APP v2", ""),
    ("run:logs -a APP run.1", 0, "said", ""),
    ("run:stop -a APP run.1", 0, "run.1", ""),
    ("releases -a APP", 0, "* v2", ""),
    ("releases:info -a APP v1", 0, "release     v1\n", ""),
    ("releases:info -a APP v9", 3, "", "APP has no release v9"),
    ("releases:diff -a APP v1 v2", 0, "v1 ", ""),
    ("rollback -a APP v1", 0, "v3", ""),
    ("releases:prune -a APP", 0, "*", ""),
    ("builds -a APP", 0, "v1", ""),
    ("builds:output -a APP", 0, "*", ""),
    ("builds:purge-cache -a APP", 0, "*", ""),
    ("deploys:cancel -a APP", 1, "", "nothing of APP is being deployed"),
    ("domains:add -a APP www.APP.test", 0, "1 name", ""),
    ("domains -a APP", 0, "www.APP.test", ""),
    ("domains:set -a APP shop.APP.test", 0, "1 name", ""),
    ("domains:remove -a APP www.APP.test", 3, "", "www.APP.test is no name that was added"),
    ("domains:remove -a APP shop.APP.test", 0, "no name", ""),
    ("domains:clear -a APP", 0, "no name", ""),
    ("certs:add -a APP < PEM", 0, "https answers", ""),
    ("certs -a APP", 0, "APP", ""),
    ("certs:remove -a APP", 0, "no certificate", ""),
    ("certs:auto -a APP --directory https://127.0.0.1:1/", 1, "having a certificate made", "! "),
    ("certs:auto:disable -a APP", 3, "", "! "),
    ("certs:renew -a APP", 3, "", "! "),
    ("certs:revoke -a APP", 3, "", "! "),
    ("nginx:set -a APP client-max-body-size=2m", 0, "*", ""),
    ("nginx:show -a APP", 0, "2m", ""),
    ("nginx:unset -a APP client-max-body-size", 0, "*", ""),
    ("nginx:test -a APP", 0, "*", ""),
    ("nginx:rebuild", 0, "*", ""),
    ("maintenance:on -a APP", 0, "*", ""),
    ("maintenance -a APP", 0, "on", ""),
    ("maintenance:off -a APP", 0, "*", ""),
    ("apps:lock APP -m audit", 0, "APP is locked", ""),
    ("deploy -a APP --rev master", 5, "", "audit"),
    ("apps:unlock APP", 0, "*", ""),
    ("webhooks:add -a APP HOOK --event crash", 0, "webhook 1 hears", ""),
    ("webhooks -a APP", 0, "crash", ""),
    ("webhooks:test -a APP", 0, "200", ""),
    ("webhooks:remove -a APP 1", 0, "*", ""),
    ("adduser USER < KEY", 0, "USER", ""),
    ("keys", 0, "USER", ""),
    ("grant -a APP USER", 0, "USER", ""),
    ("access -a APP", 0, "collaborator", ""),
    ("revoke -a APP USER", 0, "USER", ""),
    ("removeuser USER", 0, "USER", ""),
    ("shutdown -a APP", 0, "stopped APP", ""),
    ("boot -a APP", 0, "APP: started", ""),
    ("apps:export APP --releases", 0, "dokuen-export.json", ""),
    ("apps:import --name APP-two < EXPORT", 0, "* imported APP-two\n", ""),
    ("apps:rename -a APP-two APP-three", 0, "renamed APP-two to APP-three", ""),
    ("apps:destroy APP-three", 2, "", "--confirm=APP-three"),
    ("apps:destroy APP-three --confirm APP-three", 0, "* destroyed APP-three\n", ""),
    ("apps:destroy nosuch --force", 3, "", "no such app"),
    ("events -a APP", 0, "boot", ""),
    ("doctor", EITHER, "*", "*"),
];

/// 0, or 9 when this machine is not as the doctor wants it.
const EITHER: i32 = -1;

/// What succeeds only with somebody else's help, and where that is tested.
const ELSEWHERE: [(&str, &str); 5] = [
    ("certs:auto", "front_door::acme"),
    ("certs:auto:disable", "front_door::acme"),
    ("certs:renew", "front_door::acme"),
    ("certs:revoke", "front_door::acme"),
    ("deploys:cancel", "builds::pushed"),
];

/// The commands of the reference, and whether they print JSON.
fn reference() -> Vec<(String, bool)> {
    let text = include_str!("../../../docs/commands.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| [`")?.split_once("`](#"));
    rows.map(|(name, rest)| (name.to_owned(), rest.trim_end().ends_with("| yes |"))).collect()
}

fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap()
}

/// The first word of a line: its command.
fn command(line: &str) -> &str {
    line.trim_start_matches("host: ").split(' ').next().unwrap()
}

#[test]
fn the_table_has_every_command() {
    let missing = |(name, _): &&(String, bool)| {
        let rows: Vec<_> = TABLE.iter().filter(|row| command(row.0) == name).collect();
        let succeeds = rows.iter().any(|row| row.1 <= 0) || ELSEWHERE.iter().any(|(one, _)| one == name);
        rows.is_empty() || !succeeds
    };
    let reference = reference();
    assert!(reference.len() > 80, "{reference:?}");
    assert_eq!(reference.iter().filter(missing).collect::<Vec<_>>(), Vec::<&(String, bool)>::new());
    let names: BTreeSet<&str> = reference.iter().map(|(name, _)| name.as_str()).collect();
    let unknown = TABLE.iter().map(|row| command(row.0)).filter(|name| *name != "git" && !names.contains(name));
    assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// One way to type commands.
struct Way<'a> {
    door: &'a Door,
    app: App,
    over_ssh: bool,
    hook: String,
    export: Vec<u8>,
    wrong: Vec<String>,
}

impl Way<'_> {
    fn filled(&self, text: &str) -> String {
        let pack = self.door.host.buildpack("buildpack-null").display().to_string();
        let user = if self.over_ssh { "zoe" } else { "yan" };
        let text = text.replace("APP", &self.app.name).replace("USER", user).replace("PACK", &pack);
        text.replace("HOOK", &self.hook).replace("DIR", &self.door.host.dir().display().to_string())
    }

    fn input(&self, word: &str) -> Vec<u8> {
        match word {
            "PEM" => Pem::of(&self.door.host, &self.app.name, &[&self.app.domain()]).text(),
            "KEY" => {
                std::fs::read(self.door.key(if self.over_ssh { "zoe" } else { "yan" }).with_extension("pub")).unwrap()
            }
            "EXPORT" => self.export.clone(),
            text => text.as_bytes().to_vec(),
        }
    }

    fn type_it(&self, line: &str, input: &[u8]) -> Outcome {
        if line == "git push" {
            return self.door.git("anna", &self.app, &["push", "-q", "dokuen", "master"]);
        }
        if self.over_ssh {
            return self.door.ssh_given("anna", &format!("dokuen {line}"), input);
        }
        let program = self.door.host.program();
        if command(line) == "config:edit" {
            // An editor needs a terminal.
            let mut script = self.door.host.command("script");
            let line = format!("'{}' {line}", program.display());
            let script = script.envs([("SHELL", "/bin/sh"), ("EDITOR", "true")]).args(["-qec", &line, "/dev/null"]);
            return run(script, input, None);
        }
        run(self.door.host.command(program).args(words(line)), input, None)
    }

    fn row(&mut self, row: &(&str, i32, &str, &str)) {
        let (line, input) = row.0.split_once(" < ").unwrap_or((row.0, ""));
        let (line, input) = (self.filled(line), self.input(input));
        let here_only = line.strip_prefix("host: ").map(str::to_owned);
        let refused = here_only.is_some() && self.over_ssh;
        let line = here_only.unwrap_or(line);
        let (exit, out, err) = if refused { (4, "", "on the host itself") } else { (row.1, row.2, row.3) };
        let said = self.type_it(&line, &input);
        if command(&line) == "apps:export" {
            self.export = said.out.clone();
        }
        let is = |have: &str, wanted: &str| match wanted {
            "*" => true,
            "" => have.is_empty(),
            text => have.contains(&self.filled(text)),
        };
        let exits = said.code == exit || (exit == EITHER && matches!(said.code, 0 | 9));
        if !exits || !is(&said.out(), out) || !is(&said.err, err) || said.err.contains("panicked") {
            let short: String = said.to_string().chars().take(1500).collect();
            self.wrong.push(format!("{line}: {exit}, {out:?}, {err:?}\n{short}"));
        }
        let changes = command(&line) == "scale" && line.contains('=');
        if matches!(said.code, 0 | 9)
            && !changes
            && reference().iter().any(|(name, json)| *json && name == command(&line))
        {
            self.json(&line);
        }
    }

    /// The same as JSON, which fits its schema and says no more than that.
    fn json(&mut self, line: &str) {
        let said = self.type_it(&format!("{line} --json"), b"");
        let name = match command(line) {
            "logs" => "log".to_owned(),
            "events" => "event".to_owned(),
            "config:get" => "config".to_owned(),
            name => name.replace(':', "-"),
        };
        let text = said.out();
        let pieces: Vec<&str> = if name == "log" || name == "event" { text.lines().collect() } else { vec![&text] };
        let bad = |piece: &&str| match serde_json::from_str::<Value>(piece) {
            Ok(value) => complaints(&name, &value),
            Err(e) => vec![e.to_string()],
        };
        let all: Vec<String> = pieces.iter().flat_map(bad).collect();
        if !all.is_empty() || !matches!(said.code, 0 | 9) {
            self.wrong.push(format!("{line} --json: {all:?}\n{said}"));
        }
    }
}

/// Takes whatever is posted.
fn hook() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    url
}

#[track_caller]
fn walk(over_ssh: bool) {
    let door = Door::with_anna();
    door.keep("anna");
    let app = App::copied(&door.host, "shop", "types");
    app.with("app.json", r#"{"cron": [{"name": "job", "schedule": "@yearly", "command": "echo done"}]}"#);
    if over_ssh {
        app.git(&["remote", "set-url", "dokuen", &door.url("shop")]).ok();
    }
    let mut way = Way { door: &door, app, over_ssh, hook: hook(), export: Vec::new(), wrong: Vec::new() };
    TABLE.iter().for_each(|row| way.row(row));
    assert!(way.wrong.is_empty(), "{} rows:\n{}", way.wrong.len(), way.wrong.join("\n"));
    way.app.serves("Hello from types, version 1");
}

#[test]
fn every_command_on_the_host_itself() {
    walk(false);
}

#[test]
fn every_command_over_ssh() {
    walk(true);
}
