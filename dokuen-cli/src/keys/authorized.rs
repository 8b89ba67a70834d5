//! `authorized_keys` of the account: Dokuen's lines stand between two markers, everybody else's stay byte for byte.

use std::path::Path;

use dokuen_core::{Host, fs};

use super::{Person, PublicKey, people};
use crate::exit::{Exit, Failure};

const START: &str = "# dokuen start: these lines are written by `dokuen adduser` and `removeuser`";
const END: &str = "# dokuen end";
const MOST: u64 = 16 * 1024 * 1024;

/// Makes Dokuen's part of the file what `keys/` says.
pub(super) fn rewrite(host: &Host) -> Result<(), Failure> {
    let path = host.authorized_keys();
    let (before, after) = before_and_after(host)?;
    if after == before {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("/"));
    if !dir.exists() {
        fs::make_dir(dir, fs::PRIVATE_DIR)?;
    }
    Ok(fs::replace(&path, &after, fs::PRIVATE_FILE)?)
}

/// Whether the file says what `keys/` does.
pub fn is_in_step(host: &Host) -> Result<bool, Failure> {
    let (before, after) = before_and_after(host)?;
    Ok(before == after)
}

fn before_and_after(host: &Host) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    // A line of Dokuen's would be a way past the rules of a Gitolite that stands in front.
    let people = if host.conf.gitolite { Vec::new() } else { people(host)? };
    let shell = host.shell_program();
    let lines: Vec<String> = people.iter().map(|p| line(&shell, p)).collect();
    let path = host.authorized_keys();
    let before = read(&path)?;
    let after = merged(&before, &lines).ok_or_else(|| damaged(&path))?;
    Ok((before, after))
}

/// sshd takes the first line that has the key: one without the forced command would be a free shell.
pub fn refuse_second_line(host: &Host, key: &PublicKey) -> Result<(), Failure> {
    let path = host.authorized_keys();
    let text = read(&path)?;
    let foreign = merged(&text, &[]).ok_or_else(|| damaged(&path))?;
    let encoded = key.encoded();
    let theirs = String::from_utf8_lossy(&foreign).lines().any(|line| line.split(' ').any(|word| word == encoded));
    if !theirs {
        return Ok(());
    }
    let text = format!("this key has a line of its own in `{}`, and opens a shell there", path.display());
    Err(Failure::new(Exit::Failed, text).hint("remove that line first, or use another key"))
}

/// `restrict` takes everything away that OpenSSH can do, now and in later versions (forwarding of ports, agents and
/// X11, `~/.ssh/rc`); `pty` gives back the terminal, which `dokuen run` needs for a console. What runs is decided by the
/// forced command either way: a terminal alone opens nothing.
fn line(shell: &Path, person: &Person) -> String {
    let shell = shell.display().to_string();
    // The account's login shell reads the command; before that sshd turns \" into " and nothing else.
    let command = format!("'{}' {}", shell.replace('\'', "'\\''"), person.name);
    format!("restrict,pty,command=\"{}\" {}", command.replace('"', "\\\""), person.key.line())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    match fs::read_foreign(path, MOST) {
        Err(e) if e.is_not_found() => Ok(Vec::new()),
        other => Ok(other?),
    }
}

fn damaged(path: &Path) -> Failure {
    let text =
        format!("`{}` has one of the lines \"# dokuen start\" and \"# dokuen end\" without the other", path.display());
    Failure::new(Exit::HostNotReady, text).hint("put the missing line back, or remove Dokuen's lines and run it again")
}

/// The file with Dokuen's lines in the place of its old ones, or at the end; `None` when the markers make no pair.
fn merged(before: &[u8], lines: &[String]) -> Option<Vec<u8>> {
    let (mut out, mut at, mut inside) = (Vec::new(), None, false);
    for line in before.split_inclusive(|byte| *byte == b'\n') {
        match (line.starts_with(b"# dokuen start"), line.starts_with(b"# dokuen end")) {
            (true, _) if inside => return None,
            (true, _) => (inside, at) = (true, at.or(Some(out.len()))),
            (_, true) if !inside => return None,
            (_, true) => inside = false,
            _ if !inside => out.extend_from_slice(line),
            _ => {}
        }
    }
    if inside {
        return None;
    }
    if lines.is_empty() {
        return Some(out);
    }
    let block = format!("{START}\n{}\n{END}\n", lines.join("\n"));
    let at = at.unwrap_or(out.len());
    let needs_newline = at == out.len() && !out.is_empty() && !out.ends_with(b"\n");
    out.splice(at..at, if needs_newline { format!("\n{block}") } else { block }.into_bytes());
    Some(out)
}

#[cfg(test)]
mod tests {
    use dokuen_core::UserName;

    use super::*;

    fn after(before: &str, lines: &[&str]) -> Option<String> {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        merged(before.as_bytes(), &lines).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let one = after("ssh-rsa A me", &["K1"]).unwrap();
        assert_eq!(one, format!("ssh-rsa A me\n{START}\nK1\n{END}\n"));
        let two = after(&format!("{one}# mine\n\n"), &["K1", "K2"]).unwrap();
        assert_eq!(two, format!("ssh-rsa A me\n{START}\nK1\nK2\n{END}\n# mine\n\n"));
        assert_eq!(after(&two, &[]).unwrap(), "ssh-rsa A me\n# mine\n\n");
        assert_eq!(after("", &[]).unwrap(), "");
    }

    #[test]
    fn markers_without_a_partner_are_left_for_a_person() {
        for text in ["# dokuen start\nK\n", "K\n# dokuen end\n", "# dokuen start\n# dokuen start\n# dokuen end\n"] {
            assert_eq!(after(text, &["K"]), None, "{text}");
        }
    }

    #[test]
    fn a_path_with_blanks_and_quotes_reaches_the_shell_as_one_word() {
        let key =
            PublicKey::parse(b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ZtEo0G0kq1J0fGm3S8d8Jd0mZ0x9J0bqj0m0gk0aB a\"b");
        let name = UserName::parse("bob").unwrap();
        let person = Person { name, key: key.unwrap(), admin: false, last_use: None };
        insta::assert_snapshot!(line(Path::new("/a b/it's/\"q\"/dokuen-shell"), &person), @r#"restrict,pty,command="'/a b/it'\''s/\"q\"/dokuen-shell' bob" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1ZtEo0G0kq1J0fGm3S8d8Jd0mZ0x9J0bqj0m0gk0aB a"b"#);
    }
}
