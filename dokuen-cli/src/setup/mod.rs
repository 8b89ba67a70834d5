//! `setup DIR`: makes a Dokuen host of a machine, or of just one directory. Run again, it repairs and never destroys.

mod alone;
mod answers;
mod conf_text;
mod machine;
mod machine_name;
mod share;
mod units;

pub use machine::{LAUNCHD_CRON_PLIST, LAUNCHD_PLIST, SYSTEMD_UNIT};
pub use units::{CRON_TIMER, crontab_line, has_apps_unit, systemd_file as boot_unit};

use std::path::{Path, PathBuf};

use dokuen_core::cmd::Cmd;
use dokuen_core::{Conf, Host, NginxKind, Transcript, fs};

use crate::commands::boot;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::program::SetupArgs;
use crate::{doctor, front_door, gitolite, place};

/// Everything that can be done is done; what is left is printed.
pub fn run(args: &SetupArgs, out: &mut Printer) -> Result<(), Failure> {
    let dir = absolute(&args.dir)?;
    let conf_path = dir.join("dokuen.conf");
    out.step(&format!("setting up {}", dir.display()));
    if conf_path.exists() {
        out.fact(&format!("{} is kept as it is", conf_path.display()));
    } else {
        let answers = answers::of(args, out)?;
        // Before anything is made: what cannot be a host leaves no account, and no conf that is in the next one's way.
        let run_dir = conf_text::run_dir(&dir, answers.nginx);
        Conf::check_places(&dir, &run_dir).map_err(|cause| Failure::usage(cause).hint("take another directory"))?;
        alone::check(&dir, answers.nginx)?;
        fs::make_dirs(&dir, fs::PUBLIC_DIR)?;
        machine::make_account(&answers.app_user, args.appgroup.as_deref(), out)?;
        let platform = args.platform.as_deref().unwrap_or(std::env::consts::OS);
        let cgroup = machine::cgroup_of_apps(answers.nginx, platform);
        fs::replace(&conf_path, conf_text::render(&dir, &answers, cgroup).as_bytes(), fs::PRIVATE_FILE)?;
        out.fact(&format!("wrote {}", conf_path.display()));
    }
    if args.gitolite {
        conf_text::put_gitolite_in_front(&conf_path, out)?;
    }
    let host = Host::new(Conf::load(&conf_path)?);
    alone::check(&dir, host.conf.nginx)?;
    machine::share_conf(&conf_path, &host.conf.app_user)?;
    install(&host)?;
    share::install(&host, out)?;
    for line in machine::finish(&host, args.platform.as_deref(), out)? {
        out.problem(&format!("left to do: {line}"));
    }
    start(&host, out)?;
    if host.conf.gitolite {
        for line in gitolite::wire::wire(&host, out)? {
            out.problem(&format!("left to do: {line}"));
        }
    }
    sync_keys(&host)?;
    report(&host, out);
    Ok(())
}

/// sshd's file of keys comes back when there are keys. A child writes it, as the account whose file it is.
fn sync_keys(host: &Host) -> Result<(), Failure> {
    if fs::names(&host.keys_dir())?.iter().any(|name| name.ends_with(".key")) {
        Cmd::new(host.program(), &host.conf.dokuen_dir).arg("keys:sync").run()?;
    }
    Ok(())
}

/// A path that Dokuen's own files can hold as it is: absolute, no control characters, nothing nginx would expand.
fn absolute(dir: &Path) -> Result<PathBuf, Failure> {
    let refused = |text: &str| Failure::usage(format!("{}: {text}", dokuen_core::shown(&dir.to_string_lossy())));
    let dir = std::path::absolute(dir).map_err(|e| refused(&e.to_string()))?;
    let text = dir.to_str().ok_or_else(|| refused("the path is not UTF-8 text"))?;
    if text.chars().any(|c| c.is_control() || "\"'\\$`{};*?[]#:".contains(c)) {
        return Err(refused("the path must not hold control characters or any of \" ' \\ $ ` { } ; * ? [ ] # :"));
    }
    Ok(dir)
}

/// Directories, programs, boot units. Programs are copied, so that a build directory may go.
fn install(host: &Host) -> Result<(), Failure> {
    for (dir, mode) in host.directories() {
        fs::make_dirs(&dir, mode)?;
        machine::set_mode(&dir, mode)?;
    }
    for dir in [host.bin_dir(), host.hooks_dir(), host.boot_dir()] {
        // A setup that was killed over it; programs are large.
        fs::sweep_unfinished(&dir)?;
    }
    let own = place::own_program()?;
    let beside = own.parent().unwrap_or(Path::new("/"));
    for name in ["dokuen", "dokuen-wrapper", "dokuen-acme"] {
        let (from, to) = (beside.join(name), host.bin_dir().join(name));
        if from != to {
            fs::install(&from, &to, fs::PUBLIC_DIR)
                .map_err(|e| Failure::new(Exit::HostNotReady, e).hint("cargo build --release builds all programs"))?;
        }
    }
    for name in ["dokuen-deploy", "dokuen-shell"] {
        fs::relink(Path::new("dokuen"), &host.bin_dir().join(name))?;
    }
    // Beside the programs and so root's where those are: over ssh git runs this hook and no other.
    fs::relink(Path::new("../dokuen-deploy"), &host.hooks_dir().join("pre-receive"))?;
    units::write(host)
}

/// From here on as the account that everything belongs to: so no file of root's is left in its way, and what it is
/// permitted (the one reload through sudo) is proven by using it.
fn start(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    machine::make_run_dir(host)?;
    let watcher = machine::start_watching(host, out)?;
    start_lost(host)?;
    watcher.renew();
    let next_start = next_start(host);
    place::become_account(&host.conf)?;
    // The conf may say another address or another base domain than when apps were routed.
    for (whose, problem) in front_door::rebuild(host)? {
        out.problem(&format!("{whose}: {problem}"));
    }
    match host.conf.nginx {
        NginxKind::Own => {
            out.fact(&format!("nginx of its own answers at {}", front_door::near(host.conf.listen)));
        }
        NginxKind::System => {
            out.fact("nginx answers for unknown names");
        }
    }
    next_start
}

/// The machine's nginx runs by what it has read before, and everything would be down with its next start.
fn next_start(host: &Host) -> Result<(), Failure> {
    if host.conf.nginx == NginxKind::Own {
        return Ok(());
    }
    let accepted = dokuen_nginx::accepts_its_conf(&front_door::nginx(host)?).map_err(Failure::from);
    accepted.map(drop).map_err(|cause| {
        let text = format!("nginx would not start again as it runs now: {cause}");
        Failure::new(cause.exit, text).hint("mend that, then: sudo nginx -t, and setup again")
    })
}

/// What runs and nginx does not find, since the conf names another run directory by now, starts there; by a child, for
/// root has something left to do.
fn start_lost(host: &Host) -> Result<(), Failure> {
    if !host.apps()?.iter().any(|app| boot::is_lost(app).unwrap_or(false)) {
        return Ok(());
    }
    let dokuen = host.program();
    let boot = Cmd::new(&dokuen, &host.conf.dokuen_dir).env("PATH", host.conf.search_path()).args(["boot", "--again"]);
    match fs::at("start", &dokuen, boot.to_std().status())?.success() {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "not everything could be started").hint("dokuen boot")),
    }
}

fn report(host: &Host, out: &mut Printer) {
    if let Some(overlap) = doctor::outgoing_overlap(host) {
        out.problem(&overlap);
        out.problem("choose others with min_port and max_port in dokuen.conf");
    }
    out.step("ready");
    out.fact(&format!("command: {}", host.program().display()));
    out.fact(&format!("apps answer at APP.{}", host.conf.base_domain));
    if host.conf.app_user == "root" {
        out.fact("everything runs as root here: fine for a trial, not for apps that others can reach");
    }
}

/// What `--yes` and flags say, or a person at a terminal.
fn free_port(first: u16) -> u16 {
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 1000).find(free).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_blanks_pass_and_paths_that_are_code_do_not() {
        assert_eq!(absolute(Path::new("/a b/c")).unwrap(), Path::new("/a b/c"));
        for bad in ["/a\nb", "/a$b", "/a;b", "/a\"b", "/a*", "/a:b"] {
            assert!(absolute(Path::new(bad)).is_err(), "{bad:?}");
        }
    }
}
