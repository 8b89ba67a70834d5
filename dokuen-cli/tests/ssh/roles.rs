//! Who may do what: every command as every kind of person, from the list that `dokuen help` prints.

use crate::door::Door;
use crate::outcome::Outcome;

/// What a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Least {
    Key,
    Collaborator,
    Owner,
    Admin,
    Nobody,
}

/// Commands in a form that changes nothing that the others need. APP is the app, WHO the person.
const ROWS: &[(&str, &str, Least)] = &[
    ("setup", "/tmp/nowhere-at-all", Least::Nobody),
    ("create", "-a WHO-new", Least::Key),
    ("apps", "", Least::Key),
    ("apps:info", "-a APP", Least::Collaborator),
    ("apps:rename", "-a APP a/b", Least::Owner),
    ("apps:lock", "-a APP", Least::Collaborator),
    ("apps:unlock", "-a APP", Least::Collaborator),
    ("apps:export", "-a APP", Least::Owner),
    ("apps:import", "", Least::Key),
    ("apps:destroy", "-a APP", Least::Owner),
    ("config", "-a APP", Least::Collaborator),
    ("config:set", "-a APP A=1", Least::Collaborator),
    ("config:unset", "-a APP A", Least::Collaborator),
    ("config:get", "-a APP A", Least::Collaborator),
    ("config:import", "-a APP", Least::Collaborator),
    ("config:export", "-a APP", Least::Collaborator),
    ("config:edit", "-a APP", Least::Nobody),
    ("config:set", "--global A=1", Least::Admin),
    ("config", "--global", Least::Admin),
    ("scale", "-a APP web=1", Least::Collaborator),
    ("restart", "-a APP", Least::Collaborator),
    ("shutdown", "-a APP", Least::Collaborator),
    ("shutdown", "", Least::Admin),
    ("boot", "-a APP", Least::Collaborator),
    ("boot", "", Least::Admin),
    ("run", "-a APP ls", Least::Collaborator),
    ("run:detached", "-a APP ls", Least::Collaborator),
    ("run:list", "-a APP", Least::Collaborator),
    ("run:stop", "-a APP --all", Least::Collaborator),
    ("run:logs", "-a APP", Least::Collaborator),
    ("run:attend", "-a APP run.1", Least::Nobody),
    ("ps", "-a APP", Least::Collaborator),
    ("ps", "", Least::Key),
    ("logs", "-a APP", Least::Collaborator),
    ("releases", "-a APP", Least::Collaborator),
    ("releases:info", "-a APP", Least::Collaborator),
    ("releases:diff", "-a APP", Least::Collaborator),
    ("releases:prune", "-a APP", Least::Collaborator),
    ("ps:wait", "-a APP --timeout=0", Least::Collaborator),
    ("builds", "-a APP", Least::Collaborator),
    ("builds:output", "-a APP", Least::Collaborator),
    ("deploys:cancel", "-a APP", Least::Collaborator),
    ("builds:purge-cache", "-a APP", Least::Collaborator),
    ("rollback", "-a APP", Least::Collaborator),
    ("buildpacks", "", Least::Key),
    ("buildpacks:install", "/nowhere/buildpack-x", Least::Admin),
    ("buildpacks:uninstall", "x", Least::Admin),
    ("deploy", "-a APP", Least::Collaborator),
    ("adduser", "zoe", Least::Admin),
    ("removeuser", "zoe", Least::Admin),
    ("keys", "", Least::Admin),
    ("access", "-a APP", Least::Collaborator),
    ("grant", "-a APP dora", Least::Owner),
    ("revoke", "-a APP zoe", Least::Owner),
    ("events", "", Least::Admin),
    ("events", "-a APP", Least::Collaborator),
    ("doctor", "", Least::Admin),
    ("cgroups:hold", "", Least::Nobody),
    ("keys:sync", "", Least::Nobody),
    ("cron", "-a APP", Least::Collaborator),
    ("cron:run", "-a APP nothing", Least::Collaborator),
    ("cron:logs", "-a APP nothing", Least::Collaborator),
    ("storage", "-a APP", Least::Collaborator),
    ("storage:create", "-a APP data", Least::Collaborator),
    ("storage:destroy", "-a APP data", Least::Owner),
    ("webhooks", "-a APP", Least::Collaborator),
    ("webhooks", "", Least::Admin),
    ("webhooks:add", "-a APP ftp://nowhere", Least::Collaborator),
    ("webhooks:add", "ftp://nowhere", Least::Admin),
    ("webhooks:remove", "-a APP 1", Least::Collaborator),
    ("webhooks:remove", "1", Least::Admin),
    ("webhooks:test", "-a APP", Least::Collaborator),
    ("webhooks:test", "", Least::Admin),
    ("domains", "-a APP", Least::Collaborator),
    ("domains:add", "-a APP not/a/name", Least::Collaborator),
    ("domains:remove", "-a APP none.test", Least::Collaborator),
    ("domains:set", "-a APP not/a/name", Least::Collaborator),
    ("domains:clear", "-a APP", Least::Collaborator),
    ("certs", "-a APP", Least::Collaborator),
    ("certs:add", "-a APP", Least::Collaborator),
    ("certs:remove", "-a APP", Least::Collaborator),
    ("certs:auto", "-a APP --directory=nowhere", Least::Collaborator),
    ("certs:auto", "-a APP --directory=nowhere --hook=/x", Least::Admin),
    ("certs:auto:disable", "-a APP", Least::Collaborator),
    ("certs:renew", "-a APP", Least::Collaborator),
    ("certs:revoke", "-a APP", Least::Collaborator),
    ("nginx:set", "-a APP nonsense=1", Least::Collaborator),
    ("nginx:unset", "-a APP nonsense", Least::Collaborator),
    ("nginx:show", "-a APP", Least::Collaborator),
    ("nginx:test", "-a APP", Least::Collaborator),
    ("nginx:rebuild", "", Least::Admin),
    ("maintenance", "-a APP", Least::Collaborator),
    ("maintenance:on", "-a APP", Least::Collaborator),
    ("maintenance:off", "-a APP", Least::Collaborator),
    ("completions", "bash", Least::Key),
    ("man", "", Least::Key),
    ("domains", "-a APP", Least::Collaborator),
    ("domains:add", "-a APP blog.test", Least::Collaborator),
    ("domains:add", "-a APP *.blog.test", Least::Admin),
    ("domains:remove", "-a APP blog.test", Least::Collaborator),
    ("domains:set", "-a APP blog.test", Least::Collaborator),
    ("domains:clear", "-a APP", Least::Collaborator),
    ("certs", "-a APP", Least::Collaborator),
    ("certs", "", Least::Admin),
    ("certs:add", "-a APP", Least::Collaborator),
    ("certs:remove", "-a APP", Least::Collaborator),
    ("certs:auto", "-a APP --directory=nonsense", Least::Collaborator),
    ("certs:auto:disable", "-a APP", Least::Collaborator),
    ("certs:renew", "-a APP", Least::Collaborator),
    ("certs:revoke", "-a APP", Least::Collaborator),
    ("nginx:set", "-a APP nonsense=1", Least::Collaborator),
    ("nginx:unset", "-a APP nonsense", Least::Collaborator),
    ("nginx:show", "", Least::Key),
    ("nginx:show", "-a APP", Least::Collaborator),
    ("nginx:test", "-a APP", Least::Collaborator),
    ("nginx:rebuild", "", Least::Admin),
    ("maintenance:on", "-a APP", Least::Collaborator),
    ("maintenance:off", "-a APP", Least::Collaborator),
    ("maintenance", "-a APP", Least::Collaborator),
    ("version", "", Least::Key),
];

fn refused(out: &Outcome) -> bool {
    ["no such app, or none", "only an admin", "only an owner", "on the host itself"].iter().any(|t| out.err.contains(t))
}

fn people() -> Door {
    let door = Door::with_anna();
    for name in ["olga", "carl", "bob", "dora"] {
        door.add(name, &[]).ok();
        door.keep(name);
    }
    door.keep("anna");
    door.ssh("olga", "dokuen create --application=blog").ok();
    door.ssh("olga", "dokuen grant --application=blog carl").ok();
    door
}

#[test]
fn every_command_has_a_row_and_keeps_to_it() {
    let door = people();
    let help = door.ssh("bob", "dokuen help").ok().out();
    let list = help.split("Everywhere:").next().unwrap();
    for name in list
        .lines()
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next())
    {
        assert!(name == "help" || ROWS.iter().any(|row| row.0 == name), "{name} has no row in this test");
    }
    for &(command, args, least) in ROWS {
        for (who, has) in
            [("bob", Least::Key), ("carl", Least::Collaborator), ("olga", Least::Owner), ("anna", Least::Admin)]
        {
            let line = format!("dokuen {command} {}", args.replace("APP", "blog").replace("WHO", who));
            let out = door.ssh(who, &line);
            assert_eq!(refused(&out), has < least, "{who}: {line}\n{out}");
        }
    }
}

#[test]
fn somebody_elses_app_looks_like_none() {
    let door = people();
    for (command, args, _) in ROWS.iter().filter(|row| row.1.contains("APP") && row.2 < Least::Admin) {
        let as_bob = |app: &str| door.ssh("bob", &format!("dokuen {command} {}", args.replace("APP", app)));
        let (theirs, none) = (as_bob("blog"), as_bob("nope"));
        assert_eq!((theirs.code, theirs.out()), (3, String::new()), "{theirs}");
        assert_eq!(theirs.err.replace("blog", "nope"), none.err, "{command}");
        assert_eq!((none.code, none.out()), (3, String::new()), "{none}");
    }
    for service in ["git-receive-pack", "git-upload-pack", "git-upload-archive"] {
        let (theirs, none) =
            (door.ssh("bob", &format!("{service} 'blog.git'")), door.ssh("bob", &format!("{service} 'nope.git'")));
        assert_eq!((theirs.code, theirs.err.replace("blog", "nope")), (none.code, none.err), "{service}");
    }
}

#[test]
fn what_an_app_is_called_now_is_told_to_whoever_may_see_it() {
    let door = people();
    door.ssh("olga", "dokuen apps:rename -a blog news").ok();
    door.ssh("olga", "dokuen create blog").exits(1).stderr_has("blog was renamed to news");
    let refused = door.ssh("bob", "dokuen create blog").exits(1).stderr_has("the name blog is taken");
    assert!(!refused.to_string().contains("news"), "{refused}");
    for app in ["blog", "news"] {
        door.ssh("bob", &format!("dokuen ps -a {app}")).exits(3).stderr_has("no such app, or none that you may use");
    }
}

#[test]
fn a_role_is_given_and_taken() {
    let door = people();
    door.ssh("bob", "dokuen apps").ok().stdout_is("");
    door.ssh("olga", "dokuen grant bob -a blog").ok();
    door.ssh("bob", "dokuen apps").ok().stdout_is("blog\n");
    door.ssh("bob", "dokuen access -a blog")
        .ok()
        .stdout_is("name  role\nbob   collaborator\ncarl  collaborator\nolga  owner\nanna  admin\n");
    door.ssh("bob", "dokuen grant dora -a blog").exits(4).stderr_has("only an owner of blog may do this");
    door.ssh("olga", "dokuen revoke bob -a blog").ok();
    door.ssh("bob", "dokuen config -a blog").exits(3);
    door.ssh("olga", "dokuen grant nobody -a blog").exits(3).stderr_has("no such user: nobody");
}
