//! Names of refs as git can store them. It looks at them after its hook, when a refused one may be live, or a path.

use std::collections::BTreeSet;
use std::ops::Bound::{Included, Unbounded};

use dokuen_core::{App, Host, legible};

use crate::exit::{Exit, Failure};
use crate::git;

/// Refuses a name that would lead out of `refs/`, or to a lock file. git's own client sends none, others may.
pub fn check_form<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), Failure> {
    match names.find(|name| !is_sound(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::new(Exit::Failed, format!("{} is no name of a ref", legible(name)))),
    }
}

fn is_sound(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    name.strip_prefix("refs/").is_some_and(|rest| rest.split('/').all(part))
}

/// Refuses a push that makes a ref `a` beside `a/b`: each is a file, and a file is no directory. With `--atomic` one such
/// ref takes all others of the push with it, and nobody tells a hook whether it is one.
pub fn check(host: &Host, app: &App, made: &[&str]) -> Result<(), Failure> {
    if made.is_empty() {
        return Ok(());
    }
    let there = git::refs(host, app.repo())?;
    let all: BTreeSet<&str> = there.lines().chain(made.iter().copied()).collect();
    match made.iter().find_map(|name| Some((name, in_the_way(name, &all)?))) {
        None => Ok(()),
        Some((name, other)) => {
            let text = format!("{} cannot be stored beside {}", legible(name), legible(other));
            Err(Failure::new(Exit::Failed, text).hint(format!("git push dokuen :{} removes that one", legible(other))))
        }
    }
}

fn in_the_way<'a>(name: &str, all: &BTreeSet<&'a str>) -> Option<&'a str> {
    let above = name.match_indices('/').find_map(|(end, _)| all.get(&name[..end]));
    let inside = format!("{name}/");
    let below =
        all.range::<str, _>((Included(inside.as_str()), Unbounded)).next().filter(|other| other.starts_with(&inside));
    above.or(below).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_below_refs() {
        for good in ["refs/heads/a", "refs/tags/v1.0", "refs/heads/a..b", "refs/x", "refs/heads/ü;$(x)"] {
            check_form([good].into_iter()).unwrap();
        }
        for bad in ["HEAD", "refs", "refs/", "refs/heads/", "refs//x", "refs/heads/../x", "refs/./x", "refs/a.lock/b"] {
            assert!(check_form(["refs/x", bad].into_iter()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_no_directory_of_another() {
        let all = BTreeSet::from(["refs/heads/a", "refs/heads/b/c", "refs/heads/b-c"]);
        for (name, other) in [
            ("refs/heads/a", None),
            ("refs/heads/ab", None),
            ("refs/heads/b/d", None),
            ("refs/heads/a/b/c", Some("refs/heads/a")),
            ("refs/heads/b", Some("refs/heads/b/c")),
            ("refs/heads", Some("refs/heads/a")),
        ] {
            assert_eq!(in_the_way(name, &all), other, "{name}");
        }
    }
}
