//! I1 to I14 of a host, looked at from outside. Each broken one is a line.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::app::App;
use crate::processes;
use crate::world::{FOREIGN, SECRET, World};

/// What must be so at any moment, also in the middle of a fault.
pub fn at_once(world: &World, transcript: &str) -> Vec<String> {
    let mut broken = world.failed_requests();
    broken.truncate(5);
    let mut say = |text: String| broken.push(text);
    for app in [&world.app, &world.other] {
        for link in ["current", "previous"] {
            if let Some(problem) = link_problem(app, link) {
                say(format!("I2: {problem}"));
            }
        }
    }
    if transcript.contains(SECRET) {
        say("I13: a secret is in the transcript".to_owned());
    }
    if transcript.contains("panicked") {
        say(format!("I11: it panicked: {transcript}"));
    }
    let keys = fs::read_to_string(world.home.join(".ssh/authorized_keys")).unwrap_or_default();
    if !keys.lines().any(|l| l == FOREIGN) {
        say(format!("I14: somebody else's key is gone:\n{keys}"));
    }
    if !keys.lines().any(|l| l.starts_with("restrict") && l.contains("dokuen-shell' keeper\"")) {
        say(format!("I14: keeper cannot come in any more:\n{keys}"));
    }
    let token = fs::read_to_string(world.app.dir().join("env/TOKEN")).unwrap_or_default();
    if token != SECRET {
        say("I10: TOKEN has lost its value".to_owned());
    }
    broken
}

/// What must be so besides once a clean command has run: processes, ports, nginx, files.
pub fn after_mending(world: &World) -> Vec<String> {
    let deadline = Instant::now() + Duration::from_secs(25);
    loop {
        let broken = settled(world);
        if broken.is_empty() || Instant::now() > deadline {
            return broken;
        }
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn settled(world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    let mut ports = BTreeSet::new();
    let mut marked = BTreeSet::new();
    for app in world.host_apps() {
        let dir = world.host.dir().join("apps").join(&app);
        let wanted = wanted(&dir);
        let (mut have, mut generations) = (Vec::new(), BTreeSet::new());
        for id in names(&dir.join("instances")) {
            let at = dir.join("instances").join(&id);
            let state = fs::read_to_string(at.join("state")).unwrap_or_default();
            let field = |key: &str| state.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default().to_owned();
            let (generation, name) = id.split_once('.').unwrap_or_default();
            generations.insert(generation.to_owned());
            have.push(name.to_owned());
            if field("phase=") != "up" {
                broken.push(format!("I3: {app} {id} is {:?}", field("phase=")));
            }
            let port = field("port=");
            if !port.is_empty() && !ports.insert(port.clone()) {
                broken.push(format!("I4: port {port} is there twice"));
            }
            marked.insert(at.display().to_string());
        }
        have.sort();
        if have != wanted {
            broken.push(format!("I3: {app} should run {wanted:?} and runs {have:?}"));
        }
        if generations.len() > 1 {
            broken.push(format!("I3: {app} runs generations {generations:?}"));
        }
        broken.extend(state_of(&dir, &app, world));
    }
    let reserved: BTreeSet<String> = names(&world.host.dir().join("ports")).into_iter().collect();
    if reserved != ports {
        broken.push(format!("I4: reserved are {reserved:?}, in use {ports:?}"));
    }
    for process in processes::of_host(world.host.dir()) {
        let known = process.words.starts_with("nginx: ")
            || process.words.split(' ').any(|word| marked.contains(word))
            || marks(process.pid).is_some_and(|mark| marked.contains(&mark));
        if !known && processes::is_alive(process.pid) {
            broken.push(format!("I3: a stray process: {process:?}"));
        }
    }
    if world.host.dir().join("nginx/.pending").exists() {
        broken.push("I5: a change of nginx is noted as pending".to_owned());
    }
    litter(world.host.dir(), world.host.dir(), &mut broken);
    broken
}

fn marks(pid: i32) -> Option<String> {
    let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mark = environ.split(|b| *b == 0).find_map(|e| e.strip_prefix(b"DOKUEN_INSTANCE="))?;
    Some(String::from_utf8_lossy(mark).into_owned())
}

/// The instances that config and Procfile ask for.
fn wanted(dir: &Path) -> Vec<String> {
    if !dir.join("current").exists() || dir.join("stopped").exists() {
        return Vec::new();
    }
    let scale = fs::read_to_string(dir.join("env/DOKUEN_SCALE")).unwrap_or_else(|_| "web=1".to_owned());
    let procfile = fs::read_to_string(dir.join("current/Procfile")).unwrap_or_default();
    let mut all = Vec::new();
    for item in scale.split(',').filter_map(|item| item.split_once('=')) {
        if procfile.lines().any(|line| line.starts_with(&format!("{}:", item.0))) {
            all.extend((1..=item.1.parse::<u32>().unwrap()).map(|n| format!("{}.{n}", item.0)));
        }
    }
    all.sort();
    all
}

/// The ledger, the release in force and the branch agree (I2, I8).
fn state_of(dir: &Path, app: &str, world: &World) -> Vec<String> {
    let mut broken = Vec::new();
    let live = fs::read_to_string(dir.join("live")).unwrap_or_default();
    let Some(version) = live.lines().find_map(|l| l.strip_prefix("version: ")) else {
        // Before its first deploy an app has neither.
        if dir.join("current").symlink_metadata().is_ok() {
            broken.push(format!("I2: {app}: current is there, and live says {live:?}"));
        }
        return broken;
    };
    let record = fs::read_to_string(dir.join(format!("ledger/v{version}/release.yml"))).unwrap_or_default();
    let field = |key: &str| record.lines().find_map(|l| l.strip_prefix(key)).unwrap_or_default().trim().to_owned();
    let current = fs::read_link(dir.join("current")).unwrap_or_default();
    if current.file_name().unwrap_or_default().to_string_lossy() != field("tree: ").trim_matches('\'') {
        broken.push(format!("I2: {app}: current is {}, the ledger says {record}", current.display()));
    }
    let versions = names(&dir.join("ledger"));
    if versions.iter().filter_map(|v| v.strip_prefix('v')?.parse::<u32>().ok()).max() != version.parse().ok() {
        broken.push(format!("I6: {app}: v{version} is live, and the ledger holds {versions:?}"));
    }
    let git = world.host.dir().join(format!("repos/{app}.git/refs/heads/master"));
    let pushed = fs::read_to_string(git).unwrap_or_default();
    if field("what: ") == "deploy" && pushed.trim() != field("commit: ") {
        broken.push(format!("I8: {app}: master is at {pushed}, the live release is of {}", field("commit: ")));
    }
    broken
}

fn link_problem(app: &App, link: &str) -> Option<String> {
    let path = app.dir().join(link);
    let Ok(target) = fs::read_link(&path) else {
        return (link == "current").then(|| format!("{} of {} is missing", link, app.name));
    };
    let to = app.dir().join(&target);
    let whole = to.join(".dokuen/complete").is_file() && target.parent() == Some(Path::new("releases"));
    (!whole).then(|| format!("{link} of {} leads to {}", app.name, target.display()))
}

/// I6: what a killed command has left anywhere.
fn litter(root: &Path, dir: &Path, broken: &mut Vec<String>) {
    for name in names(dir) {
        let path = dir.join(&name);
        let below = path.strip_prefix(root).unwrap().display().to_string();
        let Ok(meta) = path.symlink_metadata() else { continue };
        let in_tmp = dir.ends_with("tmp") && dir.parent() == Some(root);
        let unmarked = dir.ends_with("releases") && !path.join(".dokuen/complete").exists();
        let quarantine = name.starts_with("tmp_objdir");
        if name.starts_with(".new-") || name.starts_with(".v") || in_tmp || unmarked || quarantine {
            broken.push(format!("I6: {below} was left behind"));
        }
        if dir.ends_with("run") && meta.is_dir() && !root.join("apps").join(&name).exists() {
            broken.push(format!("I6: {below} belongs to no app"));
        }
        if meta.is_dir() && name != "own" && name != "cache" && !dir.ends_with("releases") {
            litter(root, &path, broken);
        }
    }
}

pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut all: Vec<String> = entries.collect();
    all.sort();
    all
}

impl World {
    /// Without the links that renames leave.
    pub fn host_apps(&self) -> Vec<String> {
        let apps = self.host.dir().join("apps");
        names(&apps).into_iter().filter(|n| !n.starts_with('.') && !apps.join(n).is_symlink()).collect()
    }
}
