//! The texts of a dictionary on disk: appended in the order of their codes, and never changed. How many of them count,
//! and the checksum of these, is for the manifest to say; what lies behind is of a save that did not end.

use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use footfall_pipelines_insights::projection::Dictionary;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

/// As far as a file counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Extent {
    pub count: u32,
    pub bytes: u64,
    /// XXH3-64.
    pub checksum: u64,
}

/// What is written of one dictionary.
#[derive(Default)]
pub(crate) struct TextFile {
    extent: Extent,
    sum: Xxh3,
}

impl TextFile {
    /// Appends the texts that are new since the last time.
    pub fn append(&mut self, path: &Path, dictionary: &Dictionary) -> io::Result<Extent> {
        let mut news = Vec::new();
        let count = {
            let names = dictionary.names();
            for code in self.extent.count..names.len() as u32 {
                let text = names.text(code).as_bytes();
                news.extend_from_slice(&(text.len() as u32).to_le_bytes());
                news.extend_from_slice(text);
            }
            names.len() as u32
        };
        if !news.is_empty() {
            let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
            file.set_len(self.extent.bytes)?;
            file.seek(SeekFrom::End(0))?;
            file.write_all(&news)?;
            file.sync_all()?;
            self.sum.update(&news);
            let bytes = self.extent.bytes + news.len() as u64;
            self.extent = Extent { count, bytes, checksum: self.sum.digest() };
        }
        Ok(self.extent)
    }

    /// Reads as much as counts into an empty dictionary; `None` if it is not what was written.
    pub fn load(path: &Path, extent: Extent, into: &Dictionary) -> Option<TextFile> {
        if extent == Extent::default() {
            return Some(TextFile::default());
        }
        let mut bytes = std::fs::read(path).ok()?;
        bytes.truncate(usize::try_from(extent.bytes).ok()?);
        let mut sum = Xxh3::new();
        sum.update(&bytes);
        if bytes.len() as u64 != extent.bytes || sum.digest() != extent.checksum {
            return None;
        }
        let mut texts = Vec::with_capacity(extent.count as usize);
        let mut rest = bytes.as_slice();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (text, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            texts.push(std::str::from_utf8(text).ok()?);
            rest = behind;
        }
        let is_whole = rest.is_empty() && texts.len() == extent.count as usize;
        let codes = into.intern_all(texts.into_iter());
        (is_whole && codes.iter().copied().eq(0..extent.count)).then_some(TextFile { extent, sum })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn dictionary(texts: &[&str]) -> Dictionary {
        let dictionary = Dictionary::default();
        dictionary.intern_all(texts.iter().copied());
        dictionary
    }

    #[test]
    fn what_counts_comes_back_and_what_lies_behind_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let all = dictionary(&["", "a", "päid"]);
        let mut file = TextFile::default();
        let first = file.append(&path, &all).unwrap();
        all.intern("later");
        let second = file.append(&path, &all).unwrap();
        assert_eq!((first.count, second.count), (3, 4));
        for (extent, last) in [(first, "päid"), (second, "later")] {
            let read = Dictionary::default();
            let mut again = TextFile::load(&path, extent, &read).unwrap();
            assert_eq!(read.text(extent.count - 1), last);
            // It goes on where it was, over what lay behind.
            read.intern("other");
            let other = folder.path().join("other");
            std::fs::copy(&path, &other).unwrap();
            let extent = again.append(&other, &read).unwrap();
            let read = Dictionary::default();
            assert!(TextFile::load(&other, extent, &read).is_some());
            assert_eq!(read.text(extent.count - 1), "other");
        }
        for wrong in [Extent { checksum: first.checksum ^ 1, ..first }, Extent { count: 2, ..first }] {
            assert!(TextFile::load(&path, wrong, &Dictionary::default()).is_none());
        }
    }
}
