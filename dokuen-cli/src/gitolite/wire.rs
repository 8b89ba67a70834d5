//! `setup --gitolite`: what ties Gitolite to this host is put in place, as the account, or comes back as lines that say
//! what is left to do. Run again, it repairs.

use std::path::{Path, PathBuf};

use dokuen_core::{App, Host, Transcript, fs};

use super::{COMMAND, TRIGGER, gitolite, not_there, repositories, repository, setting};
use crate::exit::{Exit, Failure};

const START: &str = "# dokuen start: written by `dokuen setup --gitolite`";
const END: &str = "# dokuen end";
/// Gitolite reads its conf as Perl; what stands at its end adds to what stands above.
const BLOCK: &str = "$RC{LOCAL_CODE} ||= \"$ENV{HOME}/local\";
push @{ $RC{ENABLE} }, 'dokuen ua';
push @{ $RC{PRE_GIT} }, 'dokuen-before-git';
";
const MOST: u64 = 1024 * 1024;

/// Everything that can be done is done. Gitolite must have been set up before, with its admin's key.
pub fn wire(host: &Host, out: &mut dyn Transcript) -> Result<Vec<String>, Failure> {
    if setting(host, &["GL_ADMIN_BASE"])?.is_none_or(|dir| !Path::new(&dir).join("conf/gitolite.conf").exists()) {
        return Err(Failure::new(Exit::HostNotReady, "Gitolite was not set up for this account yet")
            .hint(format!("as {}: gitolite setup -pk YOU.pub", host.conf.app_user)));
    }
    let mut left = write_conf(host, out)?;
    if left.is_empty() {
        left.extend(make_links(host, out)?);
    }
    left.extend(from_before(host)?);
    Ok(left)
}

/// What is in the way of a push or a command, as sentences; nothing when all is well.
pub fn faults(host: &Host) -> Result<Vec<String>, Failure> {
    let mut faults = Vec::new();
    if setting(host, &["COMMANDS", COMMAND])?.as_deref() != Some("ua") {
        faults.push("Gitolite does not know the command dokuen".to_owned());
    }
    let Some(links) = links(host)? else { return Ok(faults) };
    for (link, _) in links.iter().filter(|(link, to)| link.canonicalize().ok() != to.canonicalize().ok()) {
        faults.push(format!("`{}` does not lead to Dokuen", link.display()));
    }
    faults.extend(from_before(host)?);
    for app in host.apps()?.iter().filter(|app| !repository::is_from_before(app)) {
        if !app.hook().exists() {
            faults.push(format!("the repository of {} has no hook of Dokuen's", app.name));
        }
    }
    Ok(faults)
}

/// Apps that Gitolite's repositories are not those of yet, each with what moves it there.
fn from_before(host: &Host) -> Result<Vec<String>, Failure> {
    let (apps, others) = (host.apps()?, repositories(host)?);
    let failure = |app: &App| repository::from_before(app, &others.join(format!("{}.git", app.name)));
    let line = |failure: Failure| format!("{failure}; {}", failure.hint.as_deref().unwrap_or_default());
    Ok(apps.iter().filter(|app| repository::is_from_before(app)).map(failure).map(line).collect())
}

/// The lines at the end of `~/.gitolite.rc`; they are taken back when Gitolite cannot read them.
fn write_conf(host: &Host, out: &mut dyn Transcript) -> Result<Vec<String>, Failure> {
    let path = host.conf.app_user_home.join(".gitolite.rc");
    let by_hand = || vec![format!("add to the end of `{}`, before its last line: {}", path.display(), BLOCK.trim())];
    if path.is_symlink() || !path.is_file() {
        return Ok(by_hand());
    }
    let before = fs::read_foreign(&path, MOST)?;
    let after = merged(&String::from_utf8_lossy(&before));
    if after.as_bytes() != before {
        fs::replace(&path, after.as_bytes(), fs::PRIVATE_FILE)?;
    }
    if !matches!(setting(host, &["COMMANDS", COMMAND]), Ok(Some(how)) if how == "ua") {
        fs::replace(&path, &before, fs::PRIVATE_FILE)?;
        return Ok(by_hand());
    }
    out.fact(&format!("Gitolite knows the command dokuen and the trigger (`{}`)", path.display()));
    Ok(Vec::new())
}

/// The conf with Dokuen's lines in place of its old ones, and Perl's `1;` at the end.
fn merged(before: &str) -> String {
    let mut inside = false;
    let theirs = before.split_inclusive('\n').filter(|line| {
        inside |= line.starts_with("# dokuen start");
        let ours = inside;
        inside &= !line.starts_with(END);
        !ours
    });
    let theirs: String = theirs.collect();
    format!("{}\n\n{START}\n{BLOCK}1;\n{END}\n", theirs.trim_end())
}

/// In the directory that Gitolite keeps for its site's own code. A file of somebody else's there is never touched.
fn make_links(host: &Host, out: &mut dyn Transcript) -> Result<Vec<String>, Failure> {
    let mut left = Vec::new();
    for (link, to) in links(host)?.unwrap_or_default() {
        fs::make_dirs(link.parent().unwrap_or(Path::new("/")), fs::PRIVATE_DIR)?;
        if link.symlink_metadata().is_ok_and(|meta| !meta.is_symlink()) {
            left.push(format!("`{}` is there already: let its last line be: exec {}", link.display(), to.display()));
            continue;
        }
        fs::relink(&to, &link)?;
    }
    gitolite(host).args(["setup", "--hooks-only"]).run().map_err(not_there)?;
    out.fact("Gitolite's repositories have Dokuen's hook");
    Ok(left)
}

fn links(host: &Host) -> Result<Option<Vec<(PathBuf, PathBuf)>>, Failure> {
    let Some(local) = setting(host, &["LOCAL_CODE"])?.map(PathBuf::from) else { return Ok(None) };
    let program = |name: &str| host.bin_dir().join(name);
    Ok(Some(vec![
        (local.join("commands").join(COMMAND), program("dokuen")),
        (local.join("triggers").join(TRIGGER), program("dokuen")),
        (local.join("hooks/common/pre-receive"), program("dokuen-deploy")),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_stand_at_the_end_once() {
        let conf = "%RC = (\n    UMASK => 0077,\n);\n\n1;\n\n# vim: set syn=perl:\n";
        let once = merged(conf);
        assert!(once.starts_with("%RC = (\n") && once.ends_with(&format!("{BLOCK}1;\n{END}\n")), "{once}");
        assert_eq!(merged(&once), once);
    }
}
