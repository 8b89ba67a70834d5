//! Dying and coming back.

use nix::sys::signal::Signal;

use crate::place::{Place, eventually, is_alive, signal};

#[test]
fn after_a_good_run_it_is_back_at_once() {
    let place = Place::new("");
    let worker = place.runs("worker", "exec sleep 600");
    let child = worker.report().child.unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1100));
    signal(child, Signal::SIGKILL);
    eventually("a new child runs", || worker.report().child.is_some_and(|pid| pid != child && is_alive(pid)));
    assert_eq!(worker.report().restarts, 1);
    assert_eq!(worker.report().last_end, "was ended by signal 9");
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn one_that_ends_at_once_is_not_ready_and_shows_why() {
    let place = Place::new("");
    let mut plan = place.plan("worker", "echo no such config >&2; exit 3", 1);
    plan.checks.alive = std::time::Duration::from_secs(10);
    let failed = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap_err();
    assert_eq!(failed.to_string(), "worker.1 exited with 3 before it was ready");
    assert!(failed.log().iter().any(|line| line.ends_with("no such config")), "{:?}", failed.log());
    eventually("its directory is gone", || dokuen_proc::instances(&place.app).unwrap().is_empty());
}

#[test]
fn usr2_starts_it_anew_with_the_environment_read_anew() {
    let place = Place::new("");
    let worker = place.runs("worker", "echo A is ${A-unset}; exec sleep 600");
    eventually("it has spoken", || place.log("worker.1").contains("A is unset"));
    let name = dokuen_core::EnvName::parse("A").unwrap();
    place.app.env().set(&name, &dokuen_core::EnvValue::new("new").unwrap()).unwrap();
    signal(worker.report().wrapper.unwrap(), Signal::SIGUSR2);
    eventually("it has the new value", || place.log("worker.1").contains("A is new"));
    assert_eq!(worker.report().restarts, 1);
    signal(worker.report().wrapper.unwrap(), Signal::SIGTERM);
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn a_child_gets_a_clean_start() {
    let place = Place::new("");
    let shows = "ls /proc/self/fd | tr '\\n' ' '; echo; grep -E 'Sig(Blk|Ign)' /proc/self/status; ps -o pgid= -p $$ | tr -d ' ' | sed s/^/group=/; echo pid=$$; env | sort; echo over; sleep 600";
    let worker = place.runs("worker", shows);
    eventually("it has spoken", || place.log("worker.1").contains("over"));
    let log = place.log("worker.1");
    let said: Vec<_> = log.lines().filter_map(|l| Some(l.split_once("][worker.1] ")?.1)).collect();
    // `ls` itself has opened the directory as 3.
    assert_eq!(said[0].trim(), "0 1 2 3", "{said:?}");
    for mask in &said[1..3] {
        // The two lowest real-time signals are the C library's own; what it does with them is not ours.
        let standard = u64::from_str_radix(mask.split_once('\t').unwrap().1, 16).unwrap() & 0x7fff_ffff;
        assert_eq!(standard, 0, "{mask}");
    }
    assert_eq!(said[3].trim_start_matches("group="), said[4].trim_start_matches("pid="), "it leads a group of its own");
    let names: Vec<_> = said[5..].iter().filter_map(|l| Some(l.split_once('=')?.0)).collect();
    assert_eq!(
        names,
        [
            "DOKUEN_APP",
            "DOKUEN_INSTANCE",
            "DOKUEN_RELEASE",
            "DYNO",
            "GIT_REV",
            "HOME",
            "HOST",
            "LANG",
            "PATH",
            "PS",
            "PWD",
            "SHLVL",
            "SOURCE_VERSION",
            "_"
        ]
    );
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn a_plain_line_runs_without_a_shell_and_under_the_limits_that_we_were_started_with() {
    let place = Place::new("");
    let worker = place.runs("worker", "sleep 600");
    let child = worker.report().child.unwrap();
    let of = |file: &str| std::fs::read_to_string(format!("/proc/{child}/{file}")).unwrap();
    assert_eq!(of("cmdline").replace('\0', " ").trim(), "/usr/bin/sleep 600");
    assert_eq!(of("stat").split(' ').nth(4), Some(child.to_string().as_str()), "it leads a group of its own");
    let soft = |limits: String| limits.lines().find(|l| l.starts_with("Max open files")).unwrap().to_owned();
    assert_eq!(soft(of("limits")), soft(std::fs::read_to_string("/proc/self/limits").unwrap()));
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
}

#[test]
fn what_only_a_shell_can_run_or_explain_goes_to_a_shell() {
    let place = Place::new("");
    let plan = place.plan("worker", "./start $PS", 1);
    std::fs::write(plan.tree.join("start"), "echo no interpreter named, $1\nexec sleep 600\n").unwrap();
    std::fs::set_permissions(plan.tree.join("start"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let worker = place.runs("worker", "./start $PS");
    eventually("it has spoken", || place.log("worker.1").contains("no interpreter named, worker.1"));
    worker.stop().unwrap();
    worker.wait_gone(std::time::Duration::from_secs(10)).unwrap();
    let mut plan = place.plan("worker", "nosuchprogram --x", 2);
    plan.checks.alive = std::time::Duration::from_secs(10);
    let failed = dokuen_proc::boot(&plan).unwrap().wait_until_ready().unwrap_err();
    assert_eq!(failed.to_string(), "worker.1 exited with 127 before it was ready");
    assert!(failed.log().iter().any(|line| line.contains("nosuchprogram: command not found")), "{:?}", failed.log());
}
