//! A machine's nginx, its run directory and its boot units are those of one Dokuen: a second one in another directory would
//! take them from the first, and its apps down.

use std::path::{Path, PathBuf};

use dokuen_core::{NginxKind, fs};

use crate::exit::{Exit, Failure};

/// Where the machine's nginx finds the one.
pub const INCLUDE: &str = "/etc/nginx/conf.d/dokuen.conf";

/// What stands there.
pub fn include(nginx_dir: &Path) -> String {
    format!("include \"{}/*.conf\";\n", nginx_dir.display())
}

/// Refuses a second one beside the machine's nginx. One whose directory is gone is none any more.
pub fn check(dir: &Path, nginx: NginxKind) -> Result<(), Failure> {
    if nginx == NginxKind::Own {
        return Ok(());
    }
    let text = fs::read_if_there(Path::new(INCLUDE))?.unwrap_or_default();
    let other = leads_to(&String::from_utf8_lossy(&text)).filter(|other| is_another(other, dir));
    match other {
        None => Ok(()),
        Some(other) => {
            let other = other.display();
            let text = format!("this machine's nginx leads to the Dokuen in `{other}`, and to one alone");
            let hint = format!("dokuen setup {other}; a second one has an nginx of its own: --nginx own");
            Err(Failure::new(Exit::Usage, text).hint(hint))
        }
    }
}

fn is_another(other: &Path, dir: &Path) -> bool {
    let real = |dir: &Path| dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    other.join("dokuen.conf").exists() && real(other) != real(dir)
}

/// The directory of a Dokuen, by what [`include`] has written.
fn leads_to(text: &str) -> Option<PathBuf> {
    let path = text.trim().strip_prefix("include \"")?.strip_suffix("/nginx/*.conf\";")?;
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_names_its_dokuen() {
        let dir = Path::new("/srv/my dokuen");
        assert_eq!(leads_to(&include(&dir.join("nginx"))).as_deref(), Some(dir));
        for other in ["", "include /etc/nginx/x/*.conf;", "include \"/srv/d/*.conf\";\n"] {
            assert_eq!(leads_to(other), None, "{other}");
        }
    }

    #[test]
    fn a_directory_that_is_gone_or_the_same_by_another_path_is_no_other() {
        let temp = tempfile::tempdir().unwrap();
        let (first, second) = (temp.path().join("first"), temp.path().join("second"));
        for dir in [&first, &second] {
            fs::make_dirs(dir, fs::PUBLIC_DIR).unwrap();
        }
        assert!(!is_another(&first, &second));
        fs::replace(&first.join("dokuen.conf"), b"", fs::PRIVATE_FILE).unwrap();
        assert!(is_another(&first, &second) && !is_another(&first, &first));
        fs::link(&first, &temp.path().join("link")).unwrap();
        assert!(!is_another(&first, &temp.path().join("link")));
    }
}
