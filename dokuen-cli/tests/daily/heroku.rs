//! The commands of Heroku used most, as its users type them: every line of the table in `docs/heroku.md`.

use std::fs;
use std::path::Path;

use crate::app::App;
use crate::host::Host;
use crate::outcome::Outcome;

/// What a line answers: its exit status, and what stands in its output or, where it fails, in its errors.
const SAID: &[(&str, i32, &str)] = &[
    ("create shop", 0, "git remote add dokuen"),
    ("apps:create shop", 1, "the app shop exists already"),
    ("apps", 0, "shop\n"),
    ("apps --json", 0, "\"name\": \"shop\""),
    ("info -a shop", 0, "state       running"),
    ("apps:info -s -a shop", 0, "state=running\n"),
    ("apps:info --json -a shop", 0, "\"release\": \"v1\""),
    ("apps:rename store -a shop", 0, "renamed shop to store"),
    ("rename shop -a store", 0, "renamed store to shop"),
    ("config -a shop", 0, ""),
    ("config -s -a shop", 0, ""),
    ("config --json -a shop", 0, "{}"),
    ("config:set A=1 B='two words' -a shop", 0, "set A, B for shop"),
    ("config:get A -a shop", 0, "1\n"),
    ("config:get A -s -a shop", 0, "A='1'\n"),
    ("config:unset B -a shop", 0, "unset B for shop"),
    ("ps -a shop", 0, "web.1"),
    ("ps --json -a shop", 0, "\"name\": \"web.1\""),
    ("ps:scale web=2 worker+1 -a shop", 0, "scaled shop to web=2,worker=1"),
    ("ps:scale -a shop", 0, "web=2\n"),
    ("ps:restart -a shop", 0, "restarted shop"),
    ("ps:restart web.1 -a shop", 0, "web.1 runs anew"),
    ("ps:restart --dyno-name web.1 -a shop", 0, "web.1 runs anew"),
    ("ps:wait -a shop", 0, "shop is up"),
    ("ps:stop -a shop", 0, "stopped shop"),
    ("ps:start -a shop", 0, "shop: started"),
    ("logs -a shop", 0, "[web.1] "),
    ("logs --num 100 --dyno web.1 -a shop", 0, "[web.1] "),
    ("logs -n 5 -p web -a shop", 0, "[web."),
    ("logs --ps web.1 -a shop", 0, "[web.1] "),
    ("logs -d web.1 -s app -a shop", 0, "[web.1] "),
    ("logs --tail -a shop", 0, "[web.1] "),
    ("run echo hello -a shop", 2, "--application"),
    ("run -a shop --exit-code -- sh -c 'exit 0'", 0, ""),
    ("run -x --no-tty -a shop ls", 0, "Procfile"),
    ("run -e 'A=1;B=2' -a shop env", 0, "B=2\n"),
    ("run:detached -a shop sleep 1", 0, "run."),
    ("releases -a shop", 0, "* v3"),
    ("releases -n 2 -a shop", 0, "* v3"),
    ("releases --json -a shop", 0, "\"release\": \"v3\""),
    ("releases:info v1 -a shop", 0, "release     v1"),
    ("rollback v1 -a shop", 0, "v4"),
    ("releases:rollback v2 -a shop", 0, "v5"),
    ("domains:add example.org -a shop", 0, "1 name"),
    ("domains -a shop", 0, "example.org"),
    ("domains:remove example.org -a shop", 0, "no name"),
    ("certs -a shop", 0, "APP"),
    ("certs:info -a shop", 0, "APP"),
    ("maintenance:on -a shop", 0, ""),
    ("maintenance -a shop", 0, "on"),
    ("maintenance:off -a shop", 0, ""),
    ("keys", 0, ""),
    ("access -a shop", 0, ""),
    ("apps:lock -a shop", 0, "shop is locked"),
    ("apps:unlock -a shop", 0, ""),
    ("webhooks -a shop", 0, ""),
    ("version", 0, "dokuen "),
    ("help ps:scale", 0, "TYPE=COUNT"),
    ("buildpacks:set URL -a shop", 2, "BUILDPACK_URL"),
    ("addons -a shop", 2, "there are no add-ons"),
    ("pg:psql -a shop", 2, "there are no add-ons"),
    ("redis:info -a shop", 2, "there are no add-ons"),
    ("pipelines:promote -a shop", 2, "an app for each stage"),
    ("login", 2, "a key says who you are"),
    ("auth:whoami", 2, "a key says who you are"),
    ("git:remote -a shop", 2, "git remote add dokuen"),
    ("open -a shop", 2, "shows its URL"),
    ("ps:exec -a shop", 2, "dokuen run"),
    ("ps:type -a shop", 2, "the machine is yours"),
    ("dyno:resize -a shop", 2, "the machine is yours"),
    ("drains -a shop", 2, "logs are files"),
    ("apps:destroy -a shop --confirm shop", 0, "destroyed shop"),
];

/// What stands in backticks in the first column, without `heroku` and without what is git's.
fn typed() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/heroku.md")).unwrap();
    let cells = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let lines = cells.flat_map(|cells| {
        let first = format!("`{}", cells.split(" | ").next().unwrap());
        first.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    });
    lines.filter_map(|line| Some(line.strip_prefix("heroku ")?.to_owned())).collect()
}

fn type_it(host: &Host, line: &str) -> Outcome {
    if line.starts_with("logs --tail") {
        // Until its reader has seen enough.
        let mut shell = host.command("sh");
        let script = format!("'{}' {line} | head -n 1", host.program().display());
        return crate::outcome::run(shell.args(["-c", &script]), b"", None);
    }
    let words = shlex::split(line).unwrap();
    host.dokuen(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn every_line_of_the_table_does_what_it_says() {
    let lines = typed();
    assert_eq!(lines, SAID.iter().map(|row| row.0).collect::<Vec<_>>(), "docs/heroku.md and this test differ");
    let host = Host::new();
    let mut wrong = Vec::new();
    for (line, exit, said) in SAID {
        let out = type_it(&host, line);
        let text = if *exit == 0 { out.out() } else { out.err.clone() };
        if out.code != *exit || !text.contains(said) {
            wrong.push(format!("{line}: {exit} {said:?}\n{out}"));
        }
        if *line == "apps:create shop" {
            App::copied(&host, "shop", "types").push().ok();
        }
    }
    assert!(wrong.is_empty(), "{} lines:\n{}", wrong.len(), wrong.join("\n"));
}
