//! `apps:export`: an app as a tar on standard output.

use std::io::{self, BufWriter, IsTerminal, Seek, Write};
use std::path::Path;

use dokuen_core::{App, Host, Transcript};

use super::manifest::Manifest;
use super::snapshot::Snapshot;
use super::write::Writer;
use super::{BUNDLE, CERTIFICATE, CONFIG, MANIFEST, OWN, OWN_FILES, PAGES, RELEASES, STORAGE, TREES};
use crate::exit::{Exit, Failure};
use crate::printer::Printer;
use crate::topics::apps::ExportArgs;
use crate::{place, reconcile};

/// It holds every secret of the app, so it never goes to a terminal.
pub fn refuse_terminal() -> Result<(), Failure> {
    if !io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("an export is a tar that holds every secret of the app: it does not go to a terminal")
        .hint("dokuen apps:export APP > APP.tar"))
}

/// The app's lock is held only while what is small is read: trees never change, and a slow reader holds up no deploy.
pub fn run(host: &Host, args: &ExportArgs, out: &mut Printer) -> Result<(), Failure> {
    refuse_terminal()?;
    let app = place::app(host, args.app.name())?;
    let snapshot = {
        let _lock = app.lock("exporting it")?;
        reconcile::reconcile(host, &app)?;
        Snapshot::take(host, &app, args)?
    };
    let mut writer = Writer::new(BufWriter::with_capacity(128 * 1024, io::stdout().lock()));
    let written = write(&mut writer, &app, snapshot, args.storage);
    let left_out = std::mem::take(&mut writer.left_out);
    written.and_then(|()| writer.end()).map_err(|e| {
        Failure::new(Exit::Failed, format!("failed to export {}: {e}", app.name)).hint("what was written is not whole")
    })?;
    for path in left_out {
        out.problem(&format!("left out, since it is no file: {}", path.display()));
    }
    Ok(())
}

fn write(writer: &mut Writer<impl Write>, app: &App, snapshot: Snapshot, storage: bool) -> io::Result<()> {
    let Snapshot { manifest, config, configs, certificate, pages, bundle } = snapshot;
    writer.file(MANIFEST, &text(&manifest))?;
    writer.file(CONFIG, &config.to_nul())?;
    if let Some(pem) = certificate {
        writer.file(CERTIFICATE, &pem)?;
    }
    for (name, bytes) in pages {
        writer.file(&format!("{PAGES}/{name}"), &bytes)?;
    }
    if let Some(mut bundle) = bundle {
        bundle.rewind()?;
        let size = bundle.metadata()?.len();
        writer.stream(BUNDLE, size, &mut bundle)?;
    }
    for (version, config) in configs {
        writer.file(&format!("{RELEASES}/{version}"), &config.to_nul())?;
    }
    for tree in &manifest.trees {
        let dir = app.releases_dir().join(tree);
        let own = dir.join(OWN);
        let stays =
            |path: &Path| path.parent() == Some(own.as_path()) && !OWN_FILES.iter().any(|name| path.ends_with(name));
        writer.tree(&dir, &Path::new(TREES).join(tree), &stays)?;
    }
    for name in manifest.storage.iter().filter(|_| storage) {
        writer.tree(&app.storage().dir().join(name), &Path::new(STORAGE).join(name), &|_| false)?;
    }
    Ok(())
}

fn text(manifest: &Manifest) -> Vec<u8> {
    serde_json::to_vec_pretty(manifest).expect("texts, numbers and lists of them have a JSON form")
}
