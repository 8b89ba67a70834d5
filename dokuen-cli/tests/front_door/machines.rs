//! The machine's nginx: its workers are another account, which reads what nginx is to answer with and nothing else.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::unistd::{Gid, Group, User, geteuid};

use crate::app::App;
use crate::curl::curl;
use crate::host::{Host, Options, eventually, make_executable};
use crate::outcome::run;
use crate::settings::url;

/// An nginx that is not Dokuen's, with workers of Debian's account for it; ended with the test.
struct Machine {
    host: Host,
    dir: tempfile::TempDir,
    nginx: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("dk").tempdir_in("/tmp").unwrap();
        let nginx = Options::default().nginx.unwrap_or_else(|| dokuen_nginx::find_program("").unwrap());
        // `nginx -s reload` is meant for this one, not for the one of whoever runs the tests.
        let script = dir.path().join("nginx");
        let main = dir.path().join("nginx.conf");
        let text = format!(
            "#!/bin/sh\ncase \"$*\" in '-s reload' | -T) exec {0} -c {1} -p {2} \"$@\" ;; esac\nexec {0} \"$@\"\n",
            nginx.display(),
            main.display(),
            dir.path().display()
        );
        fs::write(&script, text).unwrap();
        make_executable(&script);
        let host = Host::with(Options {
            nginx: Some(script),
            conf: "nginx: system\nstop_timeout: 3\ndrain_timeout: 10\nboot_timeout: 20\n",
            ..Options::default()
        });
        let machine = Self { host, dir, nginx };
        machine.open_up();
        machine.start(&main);
        machine
    }

    /// As `setup` does it for root: nginx's group may enter the run directory. What is above is open, as on a server.
    fn open_up(&self) {
        let conf = self.host.dir().join("dokuen.conf");
        let text: Vec<_> = fs::read_to_string(&conf).unwrap().lines().map(str::to_owned).collect();
        let text = text.iter().filter(|line| *line != "nginx: own").map(|line| format!("{line}\n"));
        fs::write(&conf, text.collect::<String>()).unwrap();
        run(self.host.command(&self.nginx).args(self.own_words("stop")), b"", None).ok();
        for dir in [self.host.temp(), self.dir.path()] {
            fs::set_permissions(dir, fs::Permissions::from_mode(0o711)).unwrap();
        }
        if let Some(group) = group() {
            let run = self.host.dir().join("run");
            nix::unistd::chown(&run, None, Some(group)).unwrap();
            fs::set_permissions(&run, fs::Permissions::from_mode(0o2750)).unwrap();
        }
    }

    fn own_words(&self, signal: &str) -> Vec<String> {
        let own = self.host.dir().join("nginx/own");
        let words =
            ["-c", &own.join("nginx.conf").display().to_string(), "-p", &own.display().to_string(), "-s", signal];
        words.map(str::to_owned).into()
    }

    fn start(&self, main: &Path) {
        let dir = self.dir.path().display().to_string();
        let user = group().map_or("", |_| "user www-data;");
        let temp =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {dir}/{kind};"));
        let text = format!(
            "{user} worker_processes 1; pid {dir}/pid; error_log {dir}/error.log; events {{ }}\nhttp {{ access_log off; {} types \
             {{ text/css css; }} include {}/*.conf; }}\n",
            temp.join(" "),
            self.host.dir().join("nginx").display()
        );
        fs::write(main, text).unwrap();
        run(self.host.command(&self.nginx).arg("-c").arg(main).args(["-p", &dir]), b"", None).ok();
    }
}

impl Machine {
    fn stop(&self) {
        let pid = fs::read_to_string(self.dir.path().join("pid")).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid.map(nix::unistd::Pid::from_raw) {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGTERM);
            eventually("nginx has gone", || nix::sys::signal::kill(pid, None).is_err());
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Only root can choose whom workers run as.
fn group() -> Option<Gid> {
    geteuid().is_root().then(|| Group::from_name("www-data").unwrap().unwrap().gid)
}

/// Whether nginx's account can read a file: asked of the system, as that account.
fn readable(host: &Host, path: &Path) -> bool {
    let mut python = host.command("python3");
    let user = User::from_name("www-data").unwrap().unwrap();
    let text =
        "import os, sys\nos.setgroups([])\nos.setgid(int(sys.argv[2]))\nos.setuid(int(sys.argv[1]))\nopen(sys.argv[3])";
    python.args(["-c", text, &user.uid.to_string(), &user.gid.to_string()]).arg(path);
    run(&mut python, b"", None).code == 0
}

fn shown(app: &App) -> PathBuf {
    app.host.dir().join("nginx/static/hello")
}

#[test]
fn files_of_the_release_are_answered_by_an_nginx_that_can_read_nothing_else_of_it() {
    let machine = Machine::new();
    let host = &machine.host;
    let app = host.app("hello", "python");
    app.with("public/css/site.css", "a{}").with("public/private.txt", "x").with("secret.txt", "s");
    std::os::unix::fs::symlink("/etc/hostname", app.checkout.join("public/out")).unwrap();
    app.commit("links").push().ok();
    app.serves("Hello from Python, version 1");
    let body = |path: &str| {
        let answer = curl(host, &url(&app, path), &["--path-as-is"]);
        (answer.status, answer.body)
    };
    assert!(!shown(&app).exists());
    app.dokuen("nginx:set", &["static./assets=public"]).ok();
    assert_eq!(body("/assets/css/site.css"), (200, "a{}".to_owned()));
    for path in ["/assets/out", "/assets/../secret.txt", "/assets/%2e%2e/secret.txt", "/assets/none", "/assets/"] {
        assert!(matches!(body(path).0, 403 | 404), "{path}");
    }
    // Another name of the same file, not a copy of it.
    let live = app.release("current");
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    assert_eq!(inode(shown(&app).join("current/public/css/site.css")), inode(live.join("public/css/site.css")));
    if geteuid().is_root() {
        assert!(readable(host, &shown(&app).join("current/public/css/site.css")));
        for path in [live.join("public/css/site.css"), live.join("secret.txt"), live.join("server.py")] {
            assert!(path.exists() && !readable(host, &path), "{}", path.display());
        }
        assert!(!readable(host, &app.dir().join("env/DOKUEN_SCALE")));
    }

    // It follows the release, there and back, and nginx hears nothing of it.
    let vhost = || inode(host.dir().join(format!("nginx/{}.conf", app.domain())));
    let before = vhost();
    app.with("public/css/site.css", "b{}").push().ok();
    assert_eq!(body("/assets/css/site.css"), (200, "b{}".to_owned()));
    app.dokuen("rollback", &[]).ok();
    assert_eq!((body("/assets/css/site.css").1.as_str(), vhost()), ("a{}", before));
    // A tree of one release and the link to it.
    assert_eq!(fs::read_dir(shown(&app)).unwrap().count(), 2);

    // Lost, it comes back; killed in the middle, no rest stays.
    fs::remove_dir_all(shown(&app)).unwrap();
    fs::create_dir_all(shown(&app).join(".half/public")).unwrap();
    app.dokuen("restart", &[]).ok();
    assert_eq!(body("/assets/css/site.css").1, "a{}");
    assert_eq!(fs::read_dir(shown(&app)).unwrap().count(), 2);
    fs::remove_dir_all(shown(&app)).unwrap();
    host.dokuen(&["boot"]).ok();
    assert_eq!(body("/assets/css/site.css").1, "a{}");

    // Another directory, and none.
    app.dokuen("nginx:set", &["static./assets=public/css"]).ok();
    assert_eq!((body("/assets/site.css").1.as_str(), body("/assets/private.txt").0), ("a{}", 404));
    assert!(!shown(&app).join("current/public/private.txt").exists());
    app.dokuen("nginx:unset", &["static./assets"]).ok();
    assert!(!shown(&app).exists());
    app.dokuen("nginx:set", &["static./assets=public"]).ok();
    host.dokuen(&["apps:destroy", "--application=hello", "--confirm=hello"]).ok();
    assert!(!shown(&app).exists());
}

/// What it runs it has read long ago; what it would read at its next start is another matter.
#[test]
fn doctor_reads_the_machines_configuration_as_the_next_start_of_nginx_would() {
    let machine = Machine::new();
    let host = &machine.host;
    host.app("hello", "python").push().ok();
    host.dokuen(&["doctor"]).ok().stdout_has("nginx        it would start again");
    let main = machine.dir.path().join("nginx.conf");
    let whole = fs::read_to_string(&main).unwrap();
    fs::write(&main, format!("{whole}servr x;\n")).unwrap();
    let said =
        host.dokuen(&["doctor"]).exits(9).stdout_has("nginx would not start again as it runs now: nginx rejected ");
    said.stdout_has("unknown directive \"servr\" in line 3").stdout_has("-> mend that, then: sudo nginx -t");
    fs::write(&main, whole.replace("include ", "#")).unwrap();
    host.dokuen(&["doctor"]).exits(9).stdout_has("nginx would not start again as it runs now: ");
    fs::write(&main, whole.replace(&format!("include {}/*.conf;", host.dir().join("nginx").display()), "")).unwrap();
    host.dokuen(&["doctor"]).exits(9).stdout_has("nginx does not include nginx/00-default.conf");
}

/// With no nginx to be told, and with settings that cannot be read besides.
#[test]
fn boot_starts_apps_also_where_the_machines_nginx_is_down() {
    let machine = Machine::new();
    let host = &machine.host;
    let app = host.app("hello", "python");
    app.with("public/site.css", "a{}").push().ok();
    app.dokuen("nginx:set", &["static./assets=public"]).ok();
    let vhost = host.dir().join(format!("nginx/{}.conf", app.domain()));
    let settings = app.dir().join("front/settings");
    let kept = fs::read(&settings).unwrap();
    machine.stop();
    for lost in [&vhost, &settings] {
        host.dokuen(&["shutdown"]).ok();
        fs::write(lost, "").unwrap();
        host.dokuen(&["boot"]).exits(8).stdout_has("hello: started").stderr_has("failed to reload nginx");
        app.comes_to_run(&["web.1"]);
    }
    fs::write(&settings, kept).unwrap();
    // Whoever watches tries again until nginx has heard of it.
    let errors = host.temp().join("errors");
    let mut watch = host.command(host.program());
    let watch = watch.args(["boot", "--watch"]).stdout(Stdio::null()).stderr(fs::File::create(&errors).unwrap());
    let mut watch = watch.spawn().unwrap();
    eventually("nginx has not heard", || fs::read_to_string(&errors).unwrap().contains("does not lead to them"));
    machine.start(&machine.dir.path().join("nginx.conf"));
    eventually("it is found", || app.get("/").status == 200);
    // Until then workers with the text of before answer as well.
    eventually("it is proven", || !host.dir().join("nginx/.pending").exists());
    watch.kill().unwrap();
    watch.wait().unwrap();
    app.serves("Hello from Python, version 1");
    assert_eq!(curl(host, &url(&app, "/assets/site.css"), &[]).body, "a{}");
}
