//! `apps:destroy`: an app and everything that is its, after its name was typed twice.

use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;

use dokuen_core::{App, Host, Lock, Transcript, fs};

use super::rename;
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::apps::DestroyArgs;
use crate::{front_door, oneoffs, place, prune, walk};

/// Stops the app, takes it out of nginx, and removes its files.
pub fn run(host: &Host, args: &DestroyArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, args.app.name())?;
    let name = app.name.as_str();
    let text = format!("this removes {name} with its releases, config, storage and logs, for good");
    let hint = format!("dokuen apps:destroy --application={name} --confirm={name}");
    let typed = match &args.confirm {
        Some(typed) => typed.clone(),
        None if args.force => name.to_owned(),
        None => ask(&text, name, out)?.ok_or_else(|| Failure::usage(text.clone()).hint(hint.clone()))?,
    };
    if typed != name {
        return Err(Failure::usage(text).hint(hint));
    }
    destroy(host, &app, out)?;
    out.step(&format!("destroyed {}", app.name));
    Ok(())
}

/// What a person typed; `None` where there is nobody to ask.
fn ask(text: &str, name: &str, out: &mut Printer) -> Result<Option<String>, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Ok(None);
    }
    out.problem(text);
    out.out(format!("type {name} to go on: ").as_bytes());
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(|e| Failure::new(Exit::Failed, format!("failed to read the answer: {e}")))?;
    Ok(Some(line.trim().to_owned()))
}

/// Stops it, takes it out of nginx, and removes its files; from its last rename on there is no such app.
pub fn destroy(host: &Host, app: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    let _names = Lock::take(&host.apps_lock(), "destroying an app")?;
    let _lock = app.lock("destroying it")?;
    remove(host, app, out)
}

/// As [`destroy`]. The lock of all apps must be held, and the app's.
pub fn remove(host: &Host, app: &App, out: &mut dyn Transcript) -> Result<(), Failure> {
    oneoffs::stop_all(host, app)?;
    rename::settle(host, app)?;
    super::shutdown::stop(app)?;
    front_door::remove(host, app)?;
    rename::forget_links(host, app)?;
    fs::remove_tree(app.run_dir())?;
    fs::remove_tree(&host.scratch_of(&app.name))?;
    let rubbish =
        [format!("gone-{}", app.name), format!("gone-{}.git", app.name)].map(|name| prune::rubbish(host, &name));
    rubbish.iter().try_for_each(|path| fs::remove_tree(path))?;
    give_up_names(app, &rubbish)?;
    walk::finish(out, "removing its files", rubbish.iter().try_for_each(|path| Ok(fs::remove_tree(path)?)));
    Ok(())
}

/// The repository first: killed in between, the app is still there and is destroyed by the next try. The other way round
/// the next app of this name would begin with this one's commits. From here on what is left is only rubbish.
fn give_up_names(app: &App, [gone_app, gone_repo]: &[PathBuf; 2]) -> Result<(), Failure> {
    // Behind Gitolite it is a link, which may lead nowhere by now.
    let has_repo = app.repo().symlink_metadata().is_ok();
    if has_repo {
        fs::rename(app.repo(), gone_repo)?;
    }
    Ok(fs::rename(app.dir(), gone_app).inspect_err(|_| {
        if has_repo {
            let _ = fs::rename(gone_repo, app.repo());
        }
    })?)
}
