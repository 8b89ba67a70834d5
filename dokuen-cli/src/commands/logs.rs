//! `logs`: the last lines of an app's processes, merged in time, and what comes after.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use dokuen_core::{App, Host, fs};

use crate::exit::Failure;
use crate::place;
use crate::printer::Printer;
use crate::topics::processes::LogsArgs;

/// How much of the end of each file is looked at.
const END: u64 = 4 * 1024 * 1024;
/// How often new lines are looked for.
const PAUSE: Duration = Duration::from_millis(250);

/// Prints the last lines, and with `-t` follows until the reader goes.
pub fn run(host: &Host, args: &LogsArgs, out: &mut Printer) -> Result<(), Failure> {
    let app = place::app(host, &args.app.application)?;
    let mut lines = Vec::new();
    let mut follow = Follow::default();
    for file in files(&app, args.process.as_deref())? {
        lines.extend(follow.read(&file)?);
    }
    // Stamps sort as text; a stable sort keeps the order within one second and file.
    lines.sort_by(|a, b| a.get(..21).cmp(&b.get(..21)));
    print(&lines[lines.len().saturating_sub(args.lines)..], out);
    while args.tail && !out.reader_has_gone() {
        std::thread::sleep(PAUSE);
        for file in files(&app, args.process.as_deref())? {
            print(&follow.read(&file)?, out);
        }
    }
    Ok(())
}

fn print(lines: &[String], out: &mut Printer) {
    for line in lines {
        out.out(format!("{line}\n").as_bytes());
    }
}

/// Live log files, not the rotated ones: `dokuen.APP.TYPE.N`.
fn files(app: &App, process: Option<&str>) -> Result<Vec<PathBuf>, Failure> {
    let prefix = format!("dokuen.{}.", app.name);
    let wanted = |name: &str| {
        let Some((kind, index)) = name.strip_prefix(&prefix).and_then(|rest| rest.split_once('.')) else {
            return false;
        };
        let live = index.bytes().all(|b| b.is_ascii_digit());
        live && process.is_none_or(|p| p == kind || p == format!("{kind}.{index}"))
    };
    let dir = app.logs_dir();
    Ok(fs::names(&dir)?.into_iter().filter(|n| wanted(n)).map(|n| dir.join(n)).collect())
}

/// How far each file was read; a file that was rotated is read anew.
#[derive(Default)]
struct Follow {
    at: BTreeMap<PathBuf, (u64, u64)>,
}

impl Follow {
    fn read(&mut self, path: &PathBuf) -> Result<Vec<String>, Failure> {
        let mut file = match fs::open(path) {
            Err(e) if e.is_not_found() => return Ok(Vec::new()),
            other => other?,
        };
        let meta = fs::at("inspect", path, file.metadata())?;
        let (inode, offset) = self.at.get(path).copied().unwrap_or((meta.ino(), meta.len().saturating_sub(END)));
        let offset = if inode == meta.ino() && offset <= meta.len() { offset } else { 0 };
        let mut bytes = Vec::new();
        fs::at("read", path, file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(END).read_to_end(&mut bytes)))?;
        // Only whole lines; the wrapper writes them whole, so this waits for nothing but the next look.
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        self.at.insert(path.clone(), (meta.ino(), offset + whole as u64));
        Ok(String::from_utf8_lossy(&bytes[..whole]).lines().map(str::to_owned).collect())
    }
}
