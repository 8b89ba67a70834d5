//! The text of a new `dokuen.conf`. It is written once; from then on it belongs to the people who edit it.

use std::path::{Path, PathBuf};

use dokuen_core::{Conf, NginxKind, Transcript, fs};

use super::answers::Answers;
use crate::exit::Failure;
use crate::printer::Printer;

/// Where sockets are to be.
pub fn run_dir(dir: &Path, nginx: NginxKind) -> PathBuf {
    if nginx == NginxKind::System { "/run/dokuen".into() } else { dir.join("run") }
}

/// YAML with a comment per key. Values stand in JSON's quotes, which every YAML reader takes for text.
pub fn render(dir: &Path, answers: &Answers, cgroup: Option<&str>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let nginx = match answers.nginx {
        NginxKind::Own => "own",
        NginxKind::System => "system",
    };
    let run_dir = run_dir(dir, answers.nginx).display().to_string();
    let bin_path = match &answers.bin_path {
        Some(path) => format!("bin_path: {}\n", quoted(path)),
        None => "#bin_path: \"/opt/my tools/bin\"\n".to_owned(),
    };
    let about = "# Each process of an app has a cgroup below this one, which dokuen-apps.service has from systemd.";
    let cgroup = cgroup.map(|dir| format!("{about}\ncgroup: {}\n", quoted(dir))).unwrap_or_default();
    format!(
        "# Dokuen on this machine. Keys that are left out have defaults: see docs/conf.md.\n\
         # Apps answer at APP.<this>.\n\
         base_domain_name: {base}\n\
         # The host people push to.\n\
         git_server: {server}\n\
         # The account that everything runs as.\n\
         app_user: {user}\n\
         dokuen_dir: {dir}\n\
         # Sockets; must be short.\n\
         run_dir: {run_dir}\n\
         # Directories searched for programs before the system's own.\n\
         {bin_path}\
         # Ports that processes are given.\n\
         min_port: {min}\n\
         max_port: {max}\n\
         # What a process is sent first when it is to stop.\n\
         stop_signal: 15\n\
         # An nginx of Dokuen's own, or the machine's (system).\n\
         nginx: {nginx}\n\
         listen: {listen}\n\
         # Where it listens for https once there is a certificate, or off.\n\
         listen_https: {https}\n\
         {cgroup}",
        base = quoted(answers.base_domain.as_str()),
        server = quoted(&answers.git_server),
        user = quoted(&answers.app_user),
        dir = quoted(&dir.display().to_string()),
        run_dir = quoted(&run_dir),
        min = answers.ports.min(),
        max = answers.ports.max(),
        listen = quoted(&answers.listen.to_string()),
        https = quoted(&answers.listen_https),
    )
}

/// `--gitolite` is an answer that may come later than the others: its line is added, and nothing else is touched.
pub fn put_gitolite_in_front(path: &Path, out: &mut Printer) -> Result<(), Failure> {
    if Conf::load(path)?.gitolite {
        return Ok(());
    }
    let before = fs::read_text(path)?;
    let lines = before.lines().filter(|line| !line.starts_with("gitolite:"));
    let text: String =
        lines.chain(["# Gitolite has the keys and the rules.", "gitolite: true"]).map(|l| format!("{l}\n")).collect();
    fs::replace(path, text.as_bytes(), fs::PRIVATE_FILE)?;
    out.fact(&format!("added \"gitolite: true\" to {}", path.display()));
    Ok(())
}
