//! Who may come in: one public key a person under `keys/`, from which sshd's own file is derived.
//!
//! `keys/USER.key` is the truth; `authorized_keys` may be deleted and comes back. Every change holds `keys/.lock`.

mod authorized;
pub(crate) mod base64;
mod public_key;

pub use authorized::is_in_step;
use authorized::rewrite;
pub use public_key::{KeyError, PublicKey};

use dokuen_core::cmd::Cmd;
use dokuen_core::fs::{self, PRIVATE_FILE};
use dokuen_core::{Host, Lock, Stamp, UserName};

use crate::exit::{Exit, Failure};
use crate::gitolite;

/// Somebody with a key.
#[derive(Debug)]
pub struct Person {
    /// The name the key is filed under.
    pub name: UserName,
    /// The key.
    pub key: PublicKey,
    /// Whether everything that can be done over ssh is open to them.
    pub admin: bool,
    /// When the key was used last, as text for people.
    pub last_use: Option<String>,
}

/// What to do when the name has a key already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfThere {
    /// Another key is refused.
    Refuse,
    /// The new key takes the old one's place; roles stay.
    Replace,
}

/// Everybody, by name.
pub fn people(host: &Host) -> Result<Vec<Person>, Failure> {
    let files = fs::names(&host.keys_dir())?;
    let names = files.iter().filter_map(|file| UserName::parse(file.strip_suffix(".key")?).ok());
    names.map(|name| person(host, name)).filter_map(Result::transpose).collect()
}

/// `None` when there is nobody of this name.
pub fn person(host: &Host, name: UserName) -> Result<Option<Person>, Failure> {
    let Some(bytes) = fs::read_if_there(&host.key_file(&name))? else { return Ok(None) };
    let key = PublicKey::parse(&bytes)
        .map_err(|e| Failure::new(Exit::HostNotReady, format!("`{}`: {e}", host.key_file(&name).display())))?;
    let used = fs::read_if_there(&host.last_use_file(&name))?;
    let last_use = used.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
    Ok(Some(Person { admin: is_admin(host, &name)?, name, key, last_use }))
}

/// Whether a name is an admin's.
pub fn is_admin(host: &Host, name: &UserName) -> Result<bool, Failure> {
    if host.conf.gitolite {
        return gitolite::rights::is_admin(host, name);
    }
    Ok(fs::read_if_there(&host.role_file(name))?.as_deref() == Some(b"admin\n"))
}

/// Files a key under a name and lets it in. Whether they are an admin is written first: a killed command never leaves
/// a key with more rights than were meant.
pub fn add(host: &Host, name: &UserName, key: &PublicKey, admin: bool, there: IfThere) -> Result<(), Failure> {
    let _lock = lock(host)?;
    let people = people(host)?;
    if let Some(other) = people.iter().find(|p| p.key.blob == key.blob && p.name != *name) {
        return Err(Failure::new(Exit::Failed, format!("this key is {}'s already; a key has one name", other.name)));
    }
    let differs = people.iter().any(|p| p.name == *name && p.key.blob != key.blob);
    if differs && there == IfThere::Refuse {
        let text = format!("{name} has another key already");
        return Err(Failure::new(Exit::Failed, text).hint(format!("dokuen adduser {name} --replace < key.pub")));
    }
    authorized::refuse_second_line(host, key)?;
    if !host.key_file(name).exists() {
        // Left by a removal that was killed: whoever gets this name next must not inherit anything.
        forget(host, name)?;
    }
    let before = Files::of(host, name)?;
    let (role, text) = (admin.then(|| b"admin\n".to_vec()), format!("{}\n", key.line()).into_bytes());
    let filed = put(&host.role_file(name), role.as_deref()).and_then(|()| put(&host.key_file(name), Some(&text)));
    filed.map_err(Failure::from).and_then(|()| rewrite(host)).inspect_err(|_| before.put_back(host, name))
}

/// Takes a key out. Its file goes first: from that moment `dokuen-shell` refuses it, whatever sshd's file still says.
/// When that cannot be changed the key is back, and the command has failed; what it leaves after that comes back as an
/// error of its own, with the key gone for good.
pub fn remove(host: &Host, name: &UserName) -> Result<Result<(), Failure>, Failure> {
    let _lock = lock(host)?;
    if !host.key_file(name).exists() {
        // One that was killed half-way: sshd's file follows.
        rewrite(host)?;
        return Err(Failure::new(Exit::NotFound, format!("no such user: {name}")).hint("dokuen keys"));
    }
    let before = Files::of(host, name)?;
    let gone = fs::remove(&host.key_file(name)).map_err(Failure::from);
    gone.and_then(|()| rewrite(host)).inspect_err(|_| before.put_back(host, name))?;
    Ok(forget(host, name))
}

/// sshd's file as the keys are now: whoever comes or goes meanwhile waits, and is in it or not.
pub fn sync(host: &Host) -> Result<(), Failure> {
    let _lock = lock(host)?;
    rewrite(host)
}

/// The lock, and nothing lying about that somebody was killed over.
fn lock(host: &Host) -> Result<Lock, Failure> {
    let lock = Lock::take(&host.keys_lock(), "changing keys")?;
    fs::sweep_unfinished(&host.keys_dir())?;
    if let Some(dir) = host.authorized_keys().parent() {
        fs::sweep_unfinished(dir)?;
    }
    Ok(lock)
}

/// What somebody without a key may have had.
fn forget(host: &Host, name: &UserName) -> Result<(), Failure> {
    for app in host.apps()? {
        fs::remove(&app.access_file(name))?;
    }
    for file in [host.role_file(name), host.last_use_file(name)] {
        fs::remove(&file)?;
    }
    Ok(())
}

/// Somebody's files as they were.
struct Files {
    key: Option<Vec<u8>>,
    role: Option<Vec<u8>>,
}

impl Files {
    fn of(host: &Host, name: &UserName) -> Result<Self, Failure> {
        let (key, role) = (fs::read_if_there(&host.key_file(name))?, fs::read_if_there(&host.role_file(name))?);
        Ok(Self { key, role })
    }

    /// As far as the disk takes it; the failure that led here is the one to tell. A change that could not be made to
    /// last may have been made all the same.
    fn put_back(&self, host: &Host, name: &UserName) {
        let files = [(host.role_file(name), &self.role), (host.key_file(name), &self.key)];
        for (path, bytes) in files {
            if fs::read_if_there(&path).ok().as_ref() != Some(bytes) {
                let _ = put(&path, bytes.as_deref());
            }
        }
        let _ = rewrite(host);
    }
}

fn put(path: &std::path::Path, bytes: Option<&[u8]>) -> Result<(), fs::FsError> {
    match bytes {
        Some(bytes) => fs::replace(path, bytes, PRIVATE_FILE),
        None => fs::remove(path),
    }
}

/// Notes that a key was used. A courtesy: a full disk keeps nobody out.
pub fn note_use(host: &Host, name: &UserName, from: &str) {
    let text = format!("{} UTC from {from}\n", Stamp::now().for_people());
    let _ = fs::replace_report(&host.last_use_file(name), text.as_bytes(), PRIVATE_FILE);
}

/// `SHA256:...` of each key, by OpenSSH itself; it also refuses points that are on no curve.
pub fn fingerprints(host: &Host, keys: &[&PublicKey]) -> Result<Vec<String>, Failure> {
    let lines: Vec<String> = keys.iter().map(|key| format!("{} {}\n", key.kind, key.encoded())).collect();
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let ssh_keygen = Cmd::new("ssh-keygen", std::path::Path::new("/")).env("PATH", host.conf.search_path());
    let out = ssh_keygen.args(["-l", "-f", "-"]).stdin(lines.concat()).run().map_err(|e| {
        Failure::new(Exit::Failed, e)
            .hint("ssh-keygen comes with OpenSSH, and did not take the key or is not installed")
    })?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    Ok(text.lines().map(|line| line.split(' ').nth(1).unwrap_or("-").to_owned()).collect())
}
