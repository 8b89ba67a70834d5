//! `apps:destroy`: an app and everything that is its, after its name was typed twice.

use std::io::{BufRead, IsTerminal};

use dokuen_core::{App, Host, Transcript, fs};

use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::apps::DestroyArgs;
use crate::{front_door, place};

/// Stops the app, takes it out of nginx, and removes its files.
pub fn run(host: &Host, args: &DestroyArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, args.app.name())?;
    let name = app.name.as_str();
    let text = format!("this removes {name} with its releases, config and logs, for good");
    let hint = format!("dokuen apps:destroy --application={name} --confirm={name}");
    let typed = match &args.confirm {
        Some(typed) => typed.clone(),
        None if args.force => name.to_owned(),
        None => ask(&text, name, out)?.ok_or_else(|| Failure::usage(text.clone()).hint(hint.clone()))?,
    };
    if typed != name {
        return Err(Failure::usage(text).hint(hint));
    }
    destroy(host, &app)?;
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

/// Stops it, takes it out of nginx, and removes its files; from the rename on there is no such app.
pub fn destroy(host: &Host, app: &App) -> Result<(), Failure> {
    let lock = app.lock("destroying it")?;
    super::shutdown::stop(app, host)?;
    front_door::remove(host, app)?;
    // The name goes first: from then on there is no such app, and what is left is only rubbish to remove.
    let (gone_app, gone_repo) =
        (host.tmp_dir().join(format!("gone-{}", app.name)), host.tmp_dir().join(format!("gone-{}.git", app.name)));
    for gone in [&gone_app, &gone_repo] {
        fs::remove_tree(gone)?;
    }
    fs::rename(app.dir(), &gone_app)?;
    fs::rename(app.repo(), &gone_repo)?;
    drop(lock);
    for rubbish in [&gone_app, &gone_repo, app.run_dir()] {
        fs::remove_tree(rubbish)?;
    }
    Ok(())
}
