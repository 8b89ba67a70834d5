//! Man pages and completion: below the dokuen directory on every host, and where the machine looks for them on a server,
//! as it does for the command itself.

use std::path::{Path, PathBuf};

use dokuen_core::{Host, NginxKind, Transcript, fs};
use nix::unistd::geteuid;

use crate::args;
use crate::exit::Failure;
use crate::help::{self, Shell};
use crate::printer::Printer;

/// Where man, bash, zsh and fish look for what was not packaged by the system.
const MACHINE: &str = "/usr/local/share";
/// Where fish looks on a Debian server: below `/usr/local/share` only where `XDG_DATA_DIRS` says so.
const FISH: &str = "/etc/fish";
/// Where everybody's shell finds a command.
const COMMAND: &str = "/usr/local/bin/dokuen";

/// Writes them anew; pages of commands that are gone go.
pub fn install(host: &Host, out: &mut Printer) -> Result<(), Failure> {
    let files = files()?;
    write(&host.share_dir(), &files)?;
    let server = geteuid().is_root() && host.conf.nginx == NginxKind::System;
    if server {
        write(Path::new(MACHINE), &files)?;
        write(Path::new(FISH), &[(PathBuf::from("completions/dokuen.fish"), help::script(Shell::Fish).into())])?;
        out.fact(&format!("man dokuen, and bash, zsh and fish complete its commands: {MACHINE}"));
        if !link(&host.program(), Path::new(COMMAND))? {
            out.fact(&format!("`{COMMAND}` is somebody else's and stays as it is"));
        }
    } else {
        out.fact(&format!("man pages and completion for bash, zsh and fish: {}", host.share_dir().display()));
    }
    Ok(())
}

/// Whether the link leads to the program. A file, or a link to a program that is there, is another host's or a person's.
fn link(program: &Path, link: &Path) -> Result<bool, Failure> {
    if !link.is_symlink() && link.exists() {
        return Ok(false);
    }
    match fs::link_target(link)? {
        Some(target) if target == program => {}
        Some(_) if link.exists() => return Ok(false),
        _ => {
            fs::make_dirs(link.parent().unwrap_or(link), fs::PUBLIC_DIR)?;
            fs::relink(program, link)?;
        }
    }
    Ok(true)
}

/// Each with its place below a directory `share`, as man-db, bash-completion, zsh and fish have them.
fn files() -> Result<Vec<(PathBuf, Vec<u8>)>, Failure> {
    let completions = [
        ("bash-completion/completions/dokuen", Shell::Bash),
        ("zsh/site-functions/_dokuen", Shell::Zsh),
        ("fish/vendor_completions.d/dokuen.fish", Shell::Fish),
    ];
    let completions = completions.map(|(path, shell)| (PathBuf::from(path), help::script(shell).as_bytes().to_vec()));
    let pages = help::pages(&args::program(None))?.into_iter().map(|(name, page)| (Path::new(PAGES).join(name), page));
    Ok(pages.chain(completions).collect())
}

const PAGES: &str = "man/man1";

/// What is as it should be is left alone: a page less to write is a setup that is quicker.
fn write(share: &Path, files: &[(PathBuf, Vec<u8>)]) -> Result<(), Failure> {
    for (path, bytes) in files {
        let file = share.join(path);
        if fs::read_if_there(&file)?.as_ref() == Some(bytes) {
            continue;
        }
        fs::make_dirs(file.parent().unwrap_or(share), fs::PUBLIC_DIR)?;
        fs::replace_report(&file, bytes, fs::PUBLIC_FILE)?;
    }
    let ours = |name: &str| name == "dokuen.1" || name.starts_with("dokuen-") && name.ends_with(".1");
    let known = |name: &str| files.iter().any(|(path, _)| *path == Path::new(PAGES).join(name));
    for name in fs::names(&share.join(PAGES))?.iter().filter(|name| ours(name) && !known(name)) {
        fs::remove(&share.join(PAGES).join(name))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_put_where_the_command_is_looked_for_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (at, program, other) = (dir.path().join("bin/dokuen"), dir.path().join("ours"), dir.path().join("theirs"));
        fs::replace_report(&program, b"", 0o755).unwrap();
        fs::replace_report(&other, b"", 0o755).unwrap();
        let leads = || fs::link_target(&at).unwrap().unwrap();
        assert!(link(&program, &at).unwrap() && link(&program, &at).unwrap());
        assert_eq!(leads(), program);
        fs::relink(&other, &at).unwrap();
        assert!(!link(&program, &at).unwrap());
        assert_eq!(leads(), other);
        fs::remove(&other).unwrap();
        assert!(link(&program, &at).unwrap(), "a link that leads nowhere is nobody's");
        fs::remove(&at).unwrap();
        fs::replace_report(&at, b"a script", 0o755).unwrap();
        assert!(!link(&program, &at).unwrap() && !at.is_symlink());
    }

    #[test]
    fn pages_come_and_go_with_their_commands_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let pages = dir.path().join(PAGES);
        write(dir.path(), &files().unwrap()).unwrap();
        for name in ["dokuen-gone.1", "other.1"] {
            fs::replace_report(&pages.join(name), b"", fs::PUBLIC_FILE).unwrap();
        }
        fs::replace_report(&pages.join("dokuen-config-set.1"), b"of an older one", fs::PUBLIC_FILE).unwrap();
        write(dir.path(), &files().unwrap()).unwrap();
        assert!(pages.join("other.1").exists() && !pages.join("dokuen-gone.1").exists());
        let page = fs::read_text(&pages.join("dokuen-config-set.1")).unwrap();
        assert!(page.contains(".TH dokuen-config-set 1") && page.contains(".SH SYNOPSIS"), "{page}");
        assert!(!pages.join("dokuen-run-attend.1").exists(), "what is hidden has no page");
        for name in [
            "bash-completion/completions/dokuen",
            "zsh/site-functions/_dokuen",
            "fish/vendor_completions.d/dokuen.fish",
        ] {
            assert!(dir.path().join(name).exists(), "{name}");
        }
    }
}
