//! What starts everything again after a reboot: a systemd unit and a launchd property list.

use std::path::PathBuf;

use dokuen_core::{Host, NginxKind, fs};

use crate::exit::Failure;

/// Writes both; which of them is installed is the machine's business.
pub fn write(host: &Host) -> Result<(), Failure> {
    fs::replace(&systemd_file(host), systemd(host).as_bytes(), fs::PUBLIC_FILE)?;
    fs::replace(&host.boot_dir().join("dokuen.plist"), launchd(host).as_bytes(), fs::PUBLIC_FILE)?;
    Ok(())
}

/// Where the systemd unit is written.
pub fn systemd_file(host: &Host) -> PathBuf {
    host.boot_dir().join("dokuen.service")
}

/// `boot --watch` says when all apps were looked after, and stays. `KillMode=process`: it is in nobody's path, so its end
/// touches no wrapper; `ExecStop` is what stops them, in good order.
fn systemd(host: &Host) -> String {
    let dokuen = quoted(&host.bin_dir().join("dokuen").display().to_string());
    let root = host.conf.nginx == NginxKind::System;
    let user = if root { format!("User={}\n", host.conf.app_user) } else { String::new() };
    let wanted_by = if nix::unistd::geteuid().is_root() { "multi-user.target" } else { "default.target" };
    format!(
        "[Unit]\n\
         Description=Dokuen: apps of {dir}\n\
         After=network.target nginx.service\n\
         \n\
         [Service]\n\
         Type=notify\n\
         KillMode=process\n\
         Restart=always\n\
         {user}\
         ExecStart={dokuen} boot --watch\n\
         ExecStop={dokuen} shutdown\n\
         TimeoutStartSec=600\n\
         TimeoutStopSec=120\n\
         \n\
         [Install]\n\
         WantedBy={wanted_by}\n",
        dir = host.conf.dokuen_dir.display(),
    )
}

/// systemd splits at blanks and knows `%` as a specifier.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('%', "%%"))
}

/// Keys as launchd.plist(5) documents them. `AbandonProcessGroup`: wrappers outlive the boot command.
fn launchd(host: &Host) -> String {
    let dokuen = escaped(&host.bin_dir().join("dokuen").display().to_string());
    let log = escaped(&host.boot_dir().join("boot.log").display().to_string());
    let user = escaped(&host.conf.app_user);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n\
         \x20 <key>Label</key><string>dokuen.boot</string>\n\
         \x20 <key>ProgramArguments</key><array><string>{dokuen}</string><string>boot</string><string>--watch</string></array>\n\
         \x20 <key>RunAtLoad</key><true/>\n\
         \x20 <key>KeepAlive</key><true/>\n\
         \x20 <key>AbandonProcessGroup</key><true/>\n\
         \x20 <key>UserName</key><string>{user}</string>\n\
         \x20 <key>StandardErrorPath</key><string>{log}</string>\n\
         </dict>\n\
         </plist>\n"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
