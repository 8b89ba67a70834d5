//! The trigger before each of git's services. What somebody may write to and is to be an app becomes one here, before
//! git takes the first push: with the safe settings already in force.
//!
//! A repository is to be an app when there is an app of its name; otherwise when it is a wild one. The rules of Gitolite
//! say more: `option ENV.DOKUEN = app` makes one of any repository, `option ENV.DOKUEN = no` of none.

use std::ffi::OsString;

use dokuen_core::{AppName, Host};

use super::repositories;
use crate::commands::{self, create};
use crate::events::Event;
use crate::exit::Failure;
use crate::place;
use crate::printer::Printer;

/// `dokuen-before-git PRE_GIT REPO USER RIGHT any SERVICE`. Says nothing on standard output, where git's bytes go.
pub fn run(args: &[OsString], out: &mut Printer) -> Result<u8, Failure> {
    let words: Vec<&str> = args.iter().skip(1).filter_map(|word| word.to_str()).collect();
    let ["PRE_GIT", repo, _, "W", ..] = words[..] else { return Ok(0) };
    // A repository of another form, such as a/b, is a plain one.
    let Ok(name) = AppName::parse(repo) else { return Ok(0) };
    let host = place::host(None)?;
    super::receive()?;
    if host.conf.gitolite && host.app(name.clone()).is_none() && is_wanted(&host, &name)? {
        let made = create::create(&host, name.clone());
        if made.is_err() && host.app(name.clone()).is_some() {
            // Two first pushes at once: the other one has made it.
            return Ok(0);
        }
        let exit = made.as_ref().map_or_else(|failure| failure.exit as u8, |_| 0);
        commands::note(&host, &Event::now(Some(name.as_str()), "create", Some(exit)), out);
        made?;
        out.err(&format!("* created {name}\n"));
    }
    Ok(0)
}

fn is_wanted(host: &Host, name: &AppName) -> Result<bool, Failure> {
    match std::env::var("GL_OPTION_DOKUEN").as_deref() {
        Ok("app") => Ok(true),
        Ok("no") => Ok(false),
        _ => Ok(repositories(host)?.join(format!("{name}.git")).join("gl-creator").exists()),
    }
}
