//! What a killed wrapper had begun to write is finished by the next one: nothing is lost and nothing doubled.

use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use dokuen_core::fs;

use super::Log;
use super::batch::{LONGEST_BATCH, Made, room};
use crate::spool::Batch;

impl Log {
    /// The batch that a killed wrapper had begun is made again; what is not in the log of it is added.
    pub(super) fn finish_begun(&mut self) {
        let Some((used, batch)) = self.spool.begun() else { return };
        self.restamp(batch.second);
        if let (Ok(waiting), Ok(room)) = (self.spool.waiting(), room(&mut self.batch)) {
            let made = Made::of(&waiting[..used], self.stamp.text.as_bytes(), batch.cut, room);
            let there = self.found(batch, made.len);
            let left = made.len - there;
            if left > 0
                && let Some(bytes) = self.batch.as_deref_mut()
            {
                bytes.copy_within(there..made.len, 0);
                self.write(Made { len: left, ..made }, |_, _| {});
            }
        }
        self.spool.end(used);
        self.spool.rest();
        self.batch = None;
    }

    /// How much of the batch, of `len` bytes, is in the log already.
    fn found(&self, begun: Batch, len: usize) -> usize {
        let batch = &self.batch.as_deref().unwrap_or_default()[..len];
        let is_it = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.ino() == begun.inode);
        // It may have been rotated since, by the killed wrapper or by another of the same name.
        let Some(path) = self.files.all().find(is_it) else { return 0 };
        let Ok(file) = fs::open(&path) else { return 0 };
        let mut tail = vec![0; 4 * LONGEST_BATCH];
        let mut have = 0;
        while let Ok(count @ 1..) = file.read_at(&mut tail[have..], begun.at + have as u64) {
            have += count;
        }
        let tail = &tail[..have];
        // Another wrapper's lines may have come before it.
        if memchr::memmem::find(tail, batch).is_some() {
            return len;
        }
        // A kill can end a write in its middle: then what there is of it is the end of the file.
        if batch.starts_with(tail) { have } else { 0 }
    }
}
