//! `setup`: run again it repairs and never destroys, in any directory, under any umask.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::app::App;
use crate::host::{Host, Options};
use crate::outcome::run;
use crate::processes;

#[test]
fn run_again_it_repairs_and_keeps_the_conf() {
    let host = Host::new();
    let app = host.app("hello", "python");
    app.push().ok();
    let (conf, pid) = (fs::read(host.dir().join("dokuen.conf")).unwrap(), app.text("/pid"));
    let before = host.snapshot();
    fs::remove_file(host.dir().join("bin/dokuen-wrapper")).unwrap();
    fs::remove_file(host.dir().join("bin/dokuen-deploy")).unwrap();
    fs::remove_dir_all(host.dir().join("boot")).unwrap();
    fs::remove_dir_all(host.dir().join("keys")).unwrap();
    fs::set_permissions(host.dir().join("env"), fs::Permissions::from_mode(0o777)).unwrap();
    host.setup(&["--git-server", "git.example"]).ok().stdout_has("dokuen.conf is kept as it is");
    // The programs are copied anew, since an upgrade is a setup too.
    let changes = before.changes_in(host.dir());
    let not_programs: Vec<_> = changes.iter().filter(|change| !change.starts_with("bin/dokuen")).collect();
    assert_eq!(not_programs, Vec::<&String>::new());
    assert_eq!(fs::read(host.dir().join("dokuen.conf")).unwrap(), conf);
    assert_eq!(app.text("/pid"), pid, "what ran runs on");
    app.greeting("next").push().ok().serving("next");
}

/// Names that sort before the ones of before and behind them: nginx reads files in that order.
#[test]
fn a_base_domain_of_another_day_is_in_nobodys_way() {
    let host = Host::new();
    let (app, other) = (host.app("hello", "python"), host.app("other", "python"));
    app.push().ok();
    other.push().ok();
    let conf = host.dir().join("dokuen.conf");
    let mut base = host.base().to_owned();
    for (now, mend) in [("zz.example", "restart"), ("aa.example", "setup"), ("bb.example", "boot")] {
        let text = fs::read_to_string(&conf).unwrap();
        fs::write(&conf, text.replace(&base, now)).unwrap();
        match mend {
            "restart" => drop([&app, &other].map(|app| app.dokuen("restart", &[]).ok())),
            "setup" => drop(host.setup(&[]).ok()),
            _ => drop(host.dokuen(&["boot"]).ok()),
        }
        for (name, app) in [("hello", &app), ("other", &other)] {
            assert_eq!(app.get_as(&format!("{name}.{now}"), "/pid").status, 200, "{now}");
            assert_ne!(app.get_as(&format!("{name}.{base}"), "/pid").status, 200, "{base} after {now}");
            assert!(!host.dir().join(format!("nginx/{name}.{base}.conf")).exists(), "{base}");
        }
        let left = fs::read_dir(host.dir().join("nginx")).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!left.into_iter().any(|name| name.to_string_lossy().ends_with(".refused")), "{now}");
        base = now.to_owned();
    }
}

/// As a client at another address than the one that the harness has asked for.
fn status_at(host: &Host, listen: &str, domain: &str) -> String {
    let name = format!("Host: {domain}");
    let url = format!("http://{listen}/pid");
    run(host.command("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", &name, &url]), b"", None).out()
}

#[test]
fn all_apps_go_to_another_address_together() {
    let host = Host::new();
    let (app, other) = (host.app("hello", "python"), host.app("other", "python"));
    app.push().ok();
    other.push().ok();
    let (before, conf) = (host.listen().to_string(), host.dir().join("dokuen.conf"));
    let set = |listen: &str| {
        let text = fs::read_to_string(&conf).unwrap();
        let lines = text.lines().map(|line| match line.starts_with("listen:") {
            true => format!("listen: \"{listen}\"\n"),
            false => format!("{line}\n"),
        });
        fs::write(&conf, lines.collect::<String>()).unwrap();
    };
    let answer = |listen: &str| [&app, &other].map(|app| status_at(&host, listen, &app.domain()));
    let port = std::net::TcpListener::bind("127.0.0.2:0").unwrap().local_addr().unwrap().port();
    let after = format!("127.0.0.2:{port}");
    set(&after);
    app.dokuen("restart", &[]).ok();
    assert_eq!((answer(&after), answer(&before)), (["200"; 2].map(str::to_owned), ["000"; 2].map(str::to_owned)));
    // All addresses of that port cannot be had while one of them is.
    set(&format!("0.0.0.0:{port}"));
    for said in [host.setup(&[]).fails(), app.dokuen("restart", &[]).fails()] {
        said.stderr_has("Address already in use").stderr_has("by another port only");
        assert_eq!(answer(&after), ["200"; 2].map(str::to_owned));
    }
    set(&before);
    host.setup(&[]).ok();
    set(&after);
    host.dokuen(&["boot"]).ok();
    assert_eq!(answer(&after), ["200"; 2].map(str::to_owned));
}

/// Where sockets lie: what listens in the place of before is found by nobody, and so starts in the new one.
#[test]
fn another_run_directory_is_in_force_when_setup_ends() {
    let host = Host::new();
    let apps = ["port", "path", "stopped", "worker"].map(|name| {
        let fixture = if name == "worker" { "worker-only" } else { "python" };
        host.app(name, fixture)
    });
    apps[1].dokuen("config_set", &["DOKUEN_LISTEN=path"]).ok();
    apps[3].dokuen("config_set", &["DOKUEN_SCALE=worker=1"]).ok();
    apps.iter().for_each(|app| drop(app.push().ok()));
    apps[2].dokuen("shutdown", &[]).ok();
    let conf = host.dir().join("dokuen.conf");
    let (before, elsewhere) = (host.dir().join("run"), host.temp().join("elsewhere"));
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(&conf, text.replace(&before.display().to_string(), &elsewhere.display().to_string())).unwrap();
    host.setup(&[]).ok().stdout_has("port: started").stdout_has("path: started");
    for app in &apps[..2] {
        app.serves("Hello from Python, version 1").comes_to_run(&["web.1"]);
    }
    apps[2].comes_to_run(&[]);
    apps[3].comes_to_run(&["worker.1"]);
    host.dokuen(&["doctor"]).ok();
    let pid = apps[0].text("/pid");
    host.setup(&[]).ok();
    assert_eq!(apps[0].text("/pid"), pid);
}

#[test]
fn man_knows_the_commands_and_bash_completes_them() {
    let host = Host::new();
    let share = host.dir().join("share");
    let man = |page: &str| {
        let mut man = host.command("man");
        run(man.env("MANPAGER", "cat").arg("-M").arg(share.join("man")).arg(page), b"", None)
    };
    // Each page that the first one names is there.
    let first = man("dokuen").ok().stdout_has("A Heroku on your own machine").out();
    let named: Vec<&str> =
        first.lines().filter_map(|line| line.trim().strip_suffix("(1)")).filter(|line| !line.contains(' ')).collect();
    assert!(named.len() > 45 && named.contains(&"dokuen-config-set"), "{named:?}");
    assert!(named.iter().all(|page| share.join(format!("man/man1/{page}.1")).exists()), "{named:?}");
    man("dokuen-config-set").ok().stdout_has("dokuen-config-set(1)");
    let bash = format!(
        "PATH={}:$PATH; . '{}'; complete -p dokuen\n",
        host.dir().join("bin").display(),
        share.join("bash-completion/completions/dokuen").display()
    );
    run(&mut host.command("bash"), bash.as_bytes(), None).ok().stdout_is("complete -F _dokuen dokuen\n");
    fs::write(share.join("man/man1/dokuen-gone.1"), "").unwrap();
    fs::remove_file(share.join("man/man1/dokuen.1")).unwrap();
    host.setup(&[]).ok().stdout_has("man pages and completion for bash, zsh and fish: ");
    assert!(share.join("man/man1/dokuen.1").exists() && !share.join("man/man1/dokuen-gone.1").exists());
}

#[test]
fn a_directory_with_a_blank_in_its_name() {
    let host = Host::with(Options { name: "my apps", ..Options::default() });
    let app = host.app("hello", "types");
    app.push().ok().serving("Hello from types, version 1");
    app.greeting("two").push().ok().serving("two");
    app.dokuen("scale", &["worker=1"]).ok();
    app.dokuen("run_command", &["sh", "-c", "pwd"]).ok().stdout_has("/my apps/apps/hello/releases/");
    processes::end_all(host.dir());
    host.dokuen(&["boot"]).ok();
    app.serves("two").comes_to_run(&["web.1", "worker.1"]);
}

#[test]
fn nothing_is_writable_by_all_and_no_secret_readable_by_others_whatever_the_umask() {
    for umask in ["0000", "0077"] {
        let options = Options::default();
        let host = Host::not_set_up(&options);
        let with_umask = |program: &Path, args: &[&str]| {
            let mut command = host.command("/bin/sh");
            command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]).arg(program).args(args);
            run(&mut command, b"", None)
        };
        let (listen, dir) = (host.listen().to_string(), host.dir().display().to_string());
        let (min, max) = (host.min_port().to_string(), host.max_port().to_string());
        let setup =
            ["setup", &dir, "--yes", "--nginx=own", "--listen", &listen, "--min-port", &min, "--max-port", &max];
        let base = ["--base-domain", host.base()];
        with_umask(Path::new(env!("CARGO_BIN_EXE_dokuen")), &[&setup[..], &base].concat()).ok();
        with_umask(&host.program(), &["create", "--application=hello"]).ok();
        let app = App::copied(&host, "hello", "python");
        with_umask(&host.program(), &["config_set", "--application=hello", "TOKEN=secret"]).ok();
        let push = format!("{}/.git", app.checkout.display());
        with_umask(Path::new("git"), &["--git-dir", &push, "push", "dokuen", "master"]).ok();
        with_umask(&host.program(), &["restart", "--application=hello"]).ok();
        app.serves("Hello from Python, version 1");
        let mut wrong = Vec::new();
        look(host.dir(), host.dir(), true, &mut wrong);
        assert_eq!(wrong, Vec::<String>::new(), "umask {umask}");
    }
}

/// `open`: whether others can come this far.
fn look(root: &Path, dir: &Path, open: bool, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(dir).unwrap().filter_map(Result::ok) {
        let (path, Ok(meta)) = (entry.path(), entry.path().symlink_metadata()) else { continue };
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if meta.file_type().is_symlink() {
            continue;
        }
        if meta.mode() & 0o002 != 0 {
            wrong.push(format!("{name} is writable by all: {:o}", meta.mode()));
        }
        let secret = ["env/", "keys/", "/env/", "apps/", "repos/", "dokuen.conf"].iter().any(|s| name.contains(s));
        if secret && open && !meta.is_dir() && meta.mode() & 0o044 != 0 {
            wrong.push(format!("{name} can be read by others: {:o}", meta.mode()));
        }
        if meta.is_dir() {
            look(root, &path, open && meta.mode() & 0o005 != 0, wrong);
        }
    }
}

#[test]
fn a_directory_that_cannot_be_is_refused_and_left_alone() {
    let host = Host::not_set_up(&Options::default());
    for bad in ["a;b", "a\nb", "a$b", "a\"b"] {
        let dir = host.temp().join(bad);
        let mut command = host.command(env!("CARGO_BIN_EXE_dokuen"));
        run(command.arg("setup").arg(&dir).arg("--yes"), b"", None).exits(2).stderr_has("the path must not hold");
        assert!(!dir.exists());
    }
    let dir = host.temp().join("d").display().to_string();
    for (flags, said) in [
        (&["--nginx=none"][..], "none"),
        (&["--listen=here"], "here"),
        (&["--min-port=6000", "--max-port=5000"], "min_port 6000 is above max_port 5000"),
        (&["--base-domain=a;b"], "domain \"a;b\""),
        (&["--appuser=a b"], "is no account name"),
        (&["--git-server=h;id"], "is no host name or address"),
    ] {
        let mut command = host.command(env!("CARGO_BIN_EXE_dokuen"));
        let all = ["setup", &dir, "--yes"];
        run(command.args(all).args(flags), b"", None).exits(2).stderr_has(said).stderr_lacks("panicked");
        assert!(!Path::new(&dir).exists(), "{flags:?}");
    }
    // What the conf would be refused for is refused before there is one, or an account.
    let (long, open) = (host.temp().join("l".repeat(60)), host.temp().join("open"));
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    for (dir, said) in [(&long, "socket paths are short"), (&open, "can be written by everybody")] {
        let mut command = host.command(env!("CARGO_BIN_EXE_dokuen"));
        let args = ["--yes", "--nginx=own", "--appuser=dokuen-is-not-there"];
        let refused = run(command.arg("setup").arg(dir).args(args), b"", None).exits(2).stderr_has(said);
        assert!(!String::from_utf8_lossy(&refused.out).contains("account"), "{refused}");
        assert!(!dir.join("dokuen.conf").exists(), "{said}");
    }
    assert!(!long.exists());
    let mut command = host.command(env!("CARGO_BIN_EXE_dokuen"));
    run(command.args(["setup", &dir]), b"", None).exits(2).stderr_has("add --yes to take the defaults");
}

/// PORT-007 of the bad inputs says refuse or warn.
#[test]
fn ports_of_outgoing_connections_are_warned_of() {
    let host = Host::not_set_up(&Options::default());
    let dir = host.dir().display().to_string();
    let mut command = host.command(env!("CARGO_BIN_EXE_dokuen"));
    let listen = host.listen().to_string();
    let ports = ["--min-port=40000", "--max-port=41000", "--listen", &listen];
    let setup = run(command.args(["setup", &dir, "--yes", "--nginx=own"]).args(ports), b"", None).ok();
    if cfg!(target_os = "linux") {
        setup.stderr_has("ports 40000 to 41000 overlap those of outgoing connections");
    }
    host.setup(&[]).ok();
}

/// As root everything runs as the account; anybody else is told that only root can do that.
#[test]
fn an_account_of_its_own() {
    let host = Host::not_set_up(&Options::default());
    // The account must be able to come to its directory.
    fs::set_permissions(host.temp(), fs::Permissions::from_mode(0o755)).unwrap();
    if !nix::unistd::geteuid().is_root() {
        host.setup(&["--appuser=nobody"]).fails().stderr_has("nobody");
        return;
    }
    host.setup(&["--appuser=nobody"]).ok();
    let app = host.app("hello", "types");
    let account = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (nobody, group) = (account.uid.as_raw(), account.gid.as_raw());
    let push = || {
        let mut git = host.command("git");
        // git asks that a repository belongs to whoever works in it.
        git.args(["-c", "safe.directory=*", "push", "dokuen", "master"])
            .current_dir(&app.checkout)
            .uid(nobody)
            .gid(group);
        git.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "safe.directory").env("GIT_CONFIG_VALUE_0", "*");
        run(&mut git, b"", Some(app.clone()))
    };
    push().ok().serving("Hello from types, version 1");
    let pid = app.text("/pid");
    assert_eq!(Path::new("/proc").join(&pid).metadata().unwrap().uid(), nobody);
    app.dokuen("config_set", &["A=1"]).ok();
    for path in [
        "apps/hello/current/Procfile",
        "apps/hello/env/A",
        "apps/hello/logs/dokuen.hello.web.1",
        "repos/hello.git/HEAD",
    ] {
        assert_eq!(host.dir().join(path).metadata().unwrap().uid(), nobody, "{path}");
    }
    for path in ["bin/dokuen", "bin/dokuen-wrapper", "dokuen.conf"] {
        assert_eq!(host.dir().join(path).metadata().unwrap().uid(), 0, "{path}");
    }
    app.dokuen("run_command", &["id", "-un"]).ok().stdout_is("nobody\n");
    app.greeting("two");
    push().ok().serving("two");
}

/// A server of its own: what setup writes outside its directory ends with a namespace. There is no nginx in it, so
/// setup gets no further than to its conf, which is what this is about.
#[test]
fn remotes_of_a_server_have_the_machines_own_name() {
    let host = Host::not_set_up(&Options::default());
    let at = host.temp().display().to_string();
    let root = if nix::unistd::geteuid().is_root() { "--mount" } else { "--map-root-user" };
    let script = format!(
        "cp -a /etc {at}/etc; rm -rf {at}/etc/nginx {at}/etc/systemd; echo '127.0.1.1 box.example.org box' >>{at}/etc/hosts; \
         mount --bind {at}/etc /etc; for dir in /run /usr/local /usr/sbin; do mount -t tmpfs none $dir; done; hostname box; \
         exec \"$0\" setup {at}/d --yes --nginx=system --appuser=nobody"
    );
    let mut setup = host.command("unshare");
    setup.args([root, "--mount", "--uts", "sh", "-ec", &script]).arg(env!("CARGO_BIN_EXE_dokuen"));
    run(&mut setup, b"", None).fails().stdout_has("wrote ").stderr_has("nginx is not installed");
    let conf = fs::read_to_string(host.dir().join("dokuen.conf")).unwrap();
    assert!(conf.contains("\ngit_server: \"box.example.org\"\n"), "{conf}");
}

#[test]
fn a_plist_parser_takes_the_launchd_unit_and_its_keys_are_launchds() {
    let host = Host::with(Options { name: "a b &", ..Options::default() });
    let script = "import plistlib, sys; d = plistlib.load(open(sys.argv[1], 'rb')); print(*sorted(d)); print(d['ProgramArguments'])";
    let mut python = host.command("python3");
    let read = run(python.args(["-c", script]).arg(host.dir().join("boot/dokuen.plist")), b"", None).ok().out();
    let (keys, argv) = read.trim().split_once('\n').unwrap();
    // launchd.plist(5) documents each of these.
    assert_eq!(keys, "AbandonProcessGroup KeepAlive Label ProgramArguments RunAtLoad StandardErrorPath UserName");
    assert_eq!(argv, format!("['{}', 'boot', '--watch']", host.program().display()));
    let script = "import plistlib, sys; d = plistlib.load(open(sys.argv[1], 'rb')); print(*sorted(d)); print(d['ProgramArguments'], d['StartCalendarInterval'])";
    let mut python = host.command("python3");
    let read = run(python.args(["-c", script]).arg(host.dir().join("boot/dokuen-certs.plist")), b"", None).ok().out();
    let argv = format!("['{}', 'certs:renew'] [{{'Hour': 3, 'Minute': 41}}, ", host.program().display());
    assert!(read.contains(&argv), "{read}");
}

/// What systemd does at the stop of the boot unit, in the words of the unit: apps stop when it is stopped, and not when its
/// watcher has ended by a signal, which systemd takes for a stop as well.
#[test]
fn the_boot_unit_stops_apps_only_when_it_is_stopped() {
    let host = Host::with(Options { name: "a b", ..Options::default() });
    let app = host.app("hello", "python");
    app.push().ok();
    let unit = fs::read_to_string(host.dir().join("boot/dokuen.service")).unwrap();
    for line in ["Restart=always", "RestartSec=1", "StartLimitIntervalSec=0"] {
        assert!(unit.lines().any(|l| l == line), "{line}: {unit}");
    }
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStop=")).unwrap().replace("$$", "$");
    let stop = |main: Option<&str>| {
        let mut shell = host.command("/bin/sh");
        main.map(|pid| shell.env("MAINPID", pid));
        run(shell.args(["-c", &line]), b"", None).ok()
    };
    let pid = app.text("/pid");
    stop(None);
    assert_eq!(app.text("/pid"), pid);
    stop(Some("1")).stdout_has("hello stopped");
    assert_eq!(app.runs(), Vec::<String>::new());
}

#[test]
fn the_timer_that_renews_certificates_runs_what_renews_them() {
    let host = Host::with(Options { name: "a b", ..Options::default() });
    let service = fs::read_to_string(host.dir().join("boot/dokuen-certs.service")).unwrap();
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    assert_eq!(line, format!("\"{}\" certs:renew", host.program().display()));
    // The words of the unit, as a shell would split them here.
    run(host.command("/bin/sh").args(["-c", line]), b"", None).ok();
    let timer = fs::read_to_string(host.dir().join("boot/dokuen-certs.timer")).unwrap();
    for line in ["OnCalendar=*-*-* 03,15:00", "Persistent=true", "WantedBy=timers.target"] {
        assert!(timer.lines().any(|l| l == line), "{line}");
    }
}
