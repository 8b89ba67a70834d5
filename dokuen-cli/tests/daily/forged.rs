//! An export that somebody has changed by hand, with a right sum at its end.

use std::io::Read;

use ring::digest::{SHA256, digest};
use tar::{Archive, Builder, EntryType, Header};

/// One entry as it stands in the archive.
pub struct Entry {
    name: String,
    kind: EntryType,
    link: String,
    mode: u32,
    content: Vec<u8>,
}

/// All entries but the last.
pub struct Forged {
    pub entries: Vec<Entry>,
}

impl Forged {
    pub fn of(archive: &[u8]) -> Self {
        let mut entries = Vec::new();
        for entry in Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            let name = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
            let link = entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).unwrap());
            let (kind, mode) = (entry.header().entry_type(), entry.header().mode().unwrap());
            entries.push(Entry { name, kind, link: link.unwrap_or_default(), mode, content });
        }
        assert_eq!(entries.pop().unwrap().name, "end");
        Self { entries }
    }

    pub fn edit(&mut self, name: &str, change: impl Fn(&[u8]) -> Vec<u8>) {
        let entry = self.entries.iter_mut().find(|entry| entry.name == name).unwrap();
        entry.content = change(&entry.content);
    }

    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
    }

    /// At the end of all.
    pub fn add(&mut self, name: &str, content: &[u8]) {
        self.entries.push(entry(name, EntryType::Regular, "", content));
    }

    /// Where the first tree begins.
    pub fn insert(&mut self, name: &str, content: &[u8]) {
        self.put(entry(name, EntryType::Regular, "", content));
    }

    pub fn link(&mut self, name: &str, to: &str) {
        self.put(entry(name, EntryType::Symlink, to, b""));
    }

    pub fn kind(&mut self, name: &str, kind: EntryType) {
        self.put(entry(name, kind, "x", b""));
    }

    /// A name as GNU tar writes long ones.
    pub fn long(&mut self, name: &str) {
        self.put(entry("././@LongLink", EntryType::GNULongName, "", name.as_bytes()));
    }

    /// Those that come one after the other stay so.
    fn put(&mut self, entry: Entry) {
        let first = self.entries.iter().position(|entry| entry.name.starts_with("trees/")).unwrap();
        let last = self.entries.iter().rposition(|entry| entry.name.starts_with("trees/")).unwrap();
        let at = if entry.name.starts_with("trees/") { last + 1 } else { first };
        self.entries.insert(at, entry);
    }

    /// With its end.
    pub fn whole(&self) -> Vec<u8> {
        let mut builder = self.begun();
        let sum: String = digest(&SHA256, builder.get_ref()).as_ref().iter().map(|b| format!("{b:02x}")).collect();
        write(&mut builder, &entry("end", EntryType::Regular, "", format!("{{\"sha256\":\"{sum}\"}}").as_bytes()));
        builder.into_inner().unwrap()
    }

    /// A proper tar that lacks its last entry.
    pub fn cut(&self) -> Vec<u8> {
        self.begun().into_inner().unwrap()
    }

    fn begun(&self) -> Builder<Vec<u8>> {
        let mut builder = Builder::new(Vec::new());
        self.entries.iter().for_each(|entry| write(&mut builder, entry));
        builder
    }
}

fn entry(name: &str, kind: EntryType, link: &str, content: &[u8]) -> Entry {
    Entry { name: name.to_owned(), kind, link: link.to_owned(), mode: 0o644, content: content.to_vec() }
}

/// Whatever the name is, it stands in the header as it is.
fn write(builder: &mut Builder<Vec<u8>>, entry: &Entry) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..entry.name.len()].copy_from_slice(entry.name.as_bytes());
    header.as_old_mut().linkname[..entry.link.len()].copy_from_slice(entry.link.as_bytes());
    header.set_entry_type(entry.kind);
    header.set_mode(entry.mode);
    header.set_mtime(1_000_000_000);
    header.set_size(entry.content.len() as u64);
    header.set_cksum();
    builder.append(&header, entry.content.as_slice()).unwrap();
}
