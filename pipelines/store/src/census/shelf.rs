//! Counts on disk, a file for each file of the lake, so that a start counts nothing again. A file that is damaged is as none.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::counts::Counts;

/// Of the files; another is read as none.
const FORMAT: u32 = 1;
const ENDING: &str = "counts";

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    of: Part,
    counts: Counts,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Part {
    /// A file of the lake by its path, or the name of rows in a database.
    pub name: String,
    /// Rows of the forgotten in it.
    pub erased: Vec<(u64, u64)>,
}

/// The folder of a project. Nothing in it is needed: a failure costs no more than time.
#[derive(Debug, Clone)]
pub(super) struct Shelf(PathBuf);

impl Shelf {
    pub fn new(folder: &Path, project: &str) -> Shelf {
        Shelf(folder.join(format!("{:032x}", xxh3_128(project.as_bytes()))))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{:032x}.{ENDING}", xxh3_128(name.as_bytes())))
    }

    pub fn load(&self, part: &Part) -> Option<Counts> {
        let bytes = fs::read(self.path(&part.name)).ok()?;
        let (sum, body) = bytes.split_at_checked(17)?;
        if sum != format!("{:016x}\n", xxh3_64(body)).as_bytes() {
            return None;
        }
        let kept: Kept = serde_json::from_slice(body).ok()?;
        (kept.format == FORMAT && kept.of == *part).then_some(kept.counts)
    }

    pub fn save(&self, part: Part, counts: &Counts) {
        let write = || -> io::Result<()> {
            fs::create_dir_all(&self.0)?;
            let path = self.path(&part.name);
            let body = serde_json::to_vec(&Kept { format: FORMAT, of: part.clone(), counts: counts.clone() })?;
            let next = path.with_extension("next");
            fs::write(&next, [format!("{:016x}\n", xxh3_64(&body)).as_bytes(), &body].concat())?;
            fs::rename(&next, &path)
        };
        if let Err(error) = write() {
            tracing::warn!(%error, folder = %self.0.display(), "counts of properties cannot be kept");
        }
    }

    /// Removes all counts but those of these parts.
    pub fn retain<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let wanted: HashSet<PathBuf> = names.map(|name| self.path(name)).collect();
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if !wanted.contains(&entry.path()) {
                // Best effort: it is looked for again.
                drop(fs::remove_file(entry.path()));
            }
        }
    }
}
