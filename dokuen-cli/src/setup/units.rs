//! What starts everything again after a reboot, what renews certificates, and what starts scheduled jobs: systemd units and launchd property lists.

use std::path::PathBuf;

use dokuen_core::{Host, NginxKind, fs};

use crate::exit::Failure;

/// Writes all; which of them are installed is the machine's business.
pub fn write(host: &Host) -> Result<(), Failure> {
    let of_launchd = [
        ("dokuen.plist", launchd(host)),
        ("dokuen-certs.plist", renewal_launchd(host)),
        ("dokuen-cron.plist", cron_launchd(host)),
    ];
    for (name, text) in of_systemd(host).into_iter().chain(of_launchd) {
        fs::replace(&host.boot_dir().join(name), text.as_bytes(), fs::PUBLIC_FILE)?;
    }
    Ok(())
}

/// The units of systemd that this host needs: their file names, and what they say.
pub fn of_systemd(host: &Host) -> Vec<(&'static str, String)> {
    let mut units = vec![
        (BOOT, systemd(host)),
        (RENEWAL, renewal(host)),
        (RENEWAL_TIMER, renewal_timer(host)),
        (CRON, cron(host)),
        (CRON_TIMER, cron_timer(host)),
    ];
    units.extend(has_apps_unit(host).then(|| (APPS, apps(host))));
    units
}

/// What starts everything at boot and watches over it.
pub const BOOT: &str = "dokuen.service";

/// What all processes of all apps are in, where systemd gives them cgroups.
pub const APPS: &str = "dokuen-apps.service";
/// Its directory of cgroups.
pub const APPS_CGROUP: &str = "/sys/fs/cgroup/system.slice/dokuen-apps.service";

/// Whether the conf's cgroups are those of that unit.
pub fn has_apps_unit(host: &Host) -> bool {
    host.conf.cgroup.as_ref().and_then(|dir| dir.file_name()).is_some_and(|name| name == APPS)
}

/// What renews certificates, and what starts that.
pub const RENEWAL: &str = "dokuen-certs.service";
/// Twice a day.
pub const RENEWAL_TIMER: &str = "dokuen-certs.timer";

/// What starts scheduled jobs, and what starts that.
pub const CRON: &str = "dokuen-cron.service";
/// Once a minute.
pub const CRON_TIMER: &str = "dokuen-cron.timer";

/// The line for a crontab, where neither systemd nor launchd is the machine's scheduler.
pub fn crontab_line(host: &Host) -> String {
    // cron takes a percent sign for the end of the line.
    let dokuen = host.program().display().to_string().replace('%', "\\%");
    format!("* * * * * '{dokuen}' --quiet cron:tick")
}

/// Where the systemd unit is written.
pub fn systemd_file(host: &Host) -> PathBuf {
    host.boot_dir().join(BOOT)
}

/// `boot --watch` says when all apps were looked after, and stays. `KillMode=process`: it is in nobody's path, so its end
/// touches no wrapper; `ExecStop` is what stops them, in good order.
///
/// systemd runs `ExecStop` also where the watcher has ended by TERM, HUP or INT from elsewhere, which it takes for a clean
/// exit; then there is no `MAINPID`, nobody wants the apps to stop, and the watcher is started again, as often as it takes.
fn systemd(host: &Host) -> String {
    let dokuen = program(host);
    let user = user_line(host);
    let apps = if has_apps_unit(host) { format!("Wants={APPS}\nAfter={APPS}\n") } else { String::new() };
    let wanted_by = if nix::unistd::geteuid().is_root() { "multi-user.target" } else { "default.target" };
    format!(
        "[Unit]\n\
         Description=Dokuen: apps of {dir}\n\
         After=network.target nginx.service\n\
         {apps}\
         {AS_OFTEN_AS_IT_TAKES}\
         \n\
         [Service]\n\
         Type=notify\n\
         KillMode=process\n\
         {RESTART}\
         {user}\
         ExecStart={dokuen} boot --watch\n\
         ExecStop=/bin/sh -c '[ -z \"$$MAINPID\" ] || exec \"$$0\" shutdown' {dokuen}\n\
         TimeoutStartSec=600\n\
         TimeoutStopSec=120\n\
         \n\
         [Install]\n\
         WantedBy={wanted_by}\n",
        dir = host.conf.dokuen_dir.display(),
    )
}

/// In `[Unit]`: no number of starts is too many, by itself or by hand.
const AS_OFTEN_AS_IT_TAKES: &str = "StartLimitIntervalSec=0\n";
/// In `[Service]`: however it ended, but not at once.
const RESTART: &str = "Restart=always\nRestartSec=1\n";

/// `Delegate`: what is in this unit's cgroup is the account's to divide. It is a unit of its own, since systemd does not in
/// every version start one anew whose cgroups are in use, and the boot unit must be startable at any time. The boot unit
/// wants it. Neither its end touches an app, nor is it ended because an app has used up its memory.
fn apps(host: &Host) -> String {
    format!(
        "[Unit]\n\
         Description=Dokuen: cgroups of apps of {dir}\n\
         {AS_OFTEN_AS_IT_TAKES}\
         \n\
         [Service]\n\
         Type=notify\n\
         KillMode=process\n\
         {RESTART}\
         {user}\
         Delegate=memory pids\n\
         TasksMax=infinity\n\
         OOMPolicy=continue\n\
         ExecStart={dokuen} cgroups:hold\n",
        dir = host.conf.dokuen_dir.display(),
        user = user_line(host),
        dokuen = program(host),
    )
}

/// Beside the machine's nginx it is the account's work; else whoever installs the unit is the account.
fn user_line(host: &Host) -> String {
    match host.conf.nginx {
        NginxKind::System => format!("User={}\n", host.conf.app_user),
        NginxKind::Own => String::new(),
    }
}

/// It keeps the old certificate when it fails, says so in the journal, and is tried again by the next turn of the timer.
fn renewal(host: &Host) -> String {
    format!(
        "[Unit]\n\
         Description=Dokuen: certificates of {dir}\n\
         After=network-online.target nginx.service\n\
         Wants=network-online.target\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         {user}\
         ExecStart={dokuen} certs:renew\n\
         TimeoutStartSec=3600\n",
        dir = host.conf.dokuen_dir.display(),
        user = user_line(host),
        dokuen = program(host),
    )
}

/// Twice a day, as authorities ask for; not at the minute at which everybody comes, and made up for after a night off.
fn renewal_timer(host: &Host) -> String {
    format!(
        "[Unit]\n\
         Description=Dokuen: when certificates of {dir} are looked at\n\
         \n\
         [Timer]\n\
         OnCalendar=*-*-* 03,15:00\n\
         RandomizedDelaySec=2h\n\
         Persistent=true\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        dir = host.conf.dokuen_dir.display(),
    )
}

/// Jobs outlive the tick that has started them: `KillMode=process`.
fn cron(host: &Host) -> String {
    format!(
        "[Unit]\n\
         Description=Dokuen: scheduled jobs of {dir}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         KillMode=process\n\
         {user}\
         ExecStart={dokuen} --quiet cron:tick\n\
         TimeoutStartSec=300\n",
        dir = host.conf.dokuen_dir.display(),
        user = user_line(host),
        dokuen = program(host),
    )
}

/// On the minute. What was missed is made up for by the tick itself, which knows what is due.
fn cron_timer(host: &Host) -> String {
    format!(
        "[Unit]\n\
         Description=Dokuen: when scheduled jobs of {dir} are looked for\n\
         \n\
         [Timer]\n\
         OnCalendar=minutely\n\
         AccuracySec=1s\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        dir = host.conf.dokuen_dir.display(),
    )
}

/// systemd splits at blanks and knows `%` as a specifier.
fn program(host: &Host) -> String {
    format!("\"{}\"", host.program().display().to_string().replace('%', "%%"))
}

/// `AbandonProcessGroup`: wrappers outlive the boot command.
fn launchd(host: &Host) -> String {
    let keys = "<key>RunAtLoad</key><true/>\n  <key>KeepAlive</key><true/>\n  <key>AbandonProcessGroup</key><true/>";
    property_list(host, "dokuen.boot", &["boot", "--watch"], keys, "boot.log")
}

fn renewal_launchd(host: &Host) -> String {
    let keys = "<key>StartCalendarInterval</key><array>\
                <dict><key>Hour</key><integer>3</integer><key>Minute</key><integer>41</integer></dict>\
                <dict><key>Hour</key><integer>15</integer><key>Minute</key><integer>41</integer></dict></array>";
    property_list(host, "dokuen.certs", &["certs:renew"], keys, "certs.log")
}

/// `StartCalendarInterval` without a key is every minute.
fn cron_launchd(host: &Host) -> String {
    let keys = "<key>StartCalendarInterval</key><dict/>\n  <key>AbandonProcessGroup</key><true/>";
    property_list(host, "dokuen.cron", &["--quiet", "cron:tick"], keys, "cron.log")
}

/// Keys as launchd.plist(5) documents them.
fn property_list(host: &Host, label: &str, words: &[&str], keys: &str, log: &str) -> String {
    let dokuen = escaped(&host.program().display().to_string());
    let log = escaped(&host.boot_dir().join(log).display().to_string());
    let user = escaped(&host.conf.app_user);
    let words: String = words.iter().map(|word| format!("<string>{word}</string>")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \x20 <key>Label</key><string>{label}</string>\n\
         \x20 <key>ProgramArguments</key><array><string>{dokuen}</string>{words}</array>\n\
         \x20 {keys}\n\
         \x20 <key>UserName</key><string>{user}</string>\n\
         \x20 <key>StandardErrorPath</key><string>{log}</string>\n\
         </dict>\n\
         </plist>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
