//! Names that git can store beside each other. It looks after its hook, and what it refuses then would be live.

use std::collections::BTreeSet;
use std::ops::Bound::{Included, Unbounded};

use dokuen_core::{App, Host, shown};

use crate::exit::{Exit, Failure};
use crate::git;

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
            let text = format!("{} cannot be stored beside {}", shown(name), shown(other));
            Err(Failure::new(Exit::Failed, text).hint(format!("git push dokuen :{} removes that one", shown(other))))
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
