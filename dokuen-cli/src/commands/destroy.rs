//! `apps:destroy`: an app and everything that is its, after its name was typed twice.

use dokuen_core::{Host, Transcript, fs};

use crate::exit::Failure;
use crate::printer::Printer;
use crate::{front_door, place};

/// Stops the app, takes it out of nginx, and removes its files.
pub fn run(host: &Host, name: &str, confirm: Option<&str>, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, name)?;
    if confirm != Some(app.name.as_str()) {
        let text = format!("this removes {} with its releases, config and logs, for good", app.name);
        return Err(Failure::usage(text).hint(format!("dokuen apps:destroy --application={0} --confirm={0}", app.name)));
    }
    let lock = app.lock("destroying it")?;
    super::shutdown::stop(&app, host)?;
    front_door::remove(host, &app)?;
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
    out.step(&format!("destroyed {}", app.name));
    Ok(())
}
