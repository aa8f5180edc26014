//! A run of message keys on disk: sorted, with its filter in memory. Layout (little-endian):
//!
//! `"FFKEYS1\0"`, count u64, filter words u64, XXH3-64 of all that follows u64, the filter's words, the keys.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use super::key_filter::KeyFilter;
use crate::StoreError;

const MAGIC: &[u8; 8] = b"FFKEYS1\0";
const HEADER_BYTES: u64 = 32;
const KEY_BYTES: usize = 16;
/// Keys read at a time while searching: 4 KiB.
const PAGE_KEYS: u64 = 256;

/// An open run.
#[derive(Debug)]
pub(super) struct KeyRun {
    file: File,
    filter: KeyFilter,
    count: u64,
    keys_at: u64,
}

impl KeyRun {
    /// Writes `keys` (sorted, without repetition) to `path` and syncs the file.
    pub fn write(path: &Path, keys: &[u128]) -> Result<KeyRun, StoreError> {
        let filter = KeyFilter::of(keys);
        let mut body = Vec::with_capacity(filter.words().len() * 8 + keys.len() * KEY_BYTES);
        filter.words().iter().for_each(|word| body.extend_from_slice(&word.to_le_bytes()));
        keys.iter().for_each(|key| body.extend_from_slice(&key.to_le_bytes()));
        let mut hasher = Xxh3::new();
        hasher.update(&body);
        let write = || -> std::io::Result<File> {
            let mut out = BufWriter::new(File::create(path)?);
            out.write_all(MAGIC)?;
            out.write_all(&(keys.len() as u64).to_le_bytes())?;
            out.write_all(&(filter.words().len() as u64).to_le_bytes())?;
            out.write_all(&hasher.digest().to_le_bytes())?;
            out.write_all(&body)?;
            let file = out.into_inner().map_err(|error| error.into_error())?;
            file.sync_all()?;
            File::open(path)
        };
        let file = write().map_err(StoreError::file("writing", path))?;
        let keys_at = HEADER_BYTES + filter.words().len() as u64 * 8;
        Ok(KeyRun { file, filter, count: keys.len() as u64, keys_at })
    }

    /// Opens a run: reads its filter, leaves its keys on disk.
    pub fn open(path: &Path) -> Result<KeyRun, StoreError> {
        let mut file = File::open(path).map_err(StoreError::file("opening", path))?;
        let mut header = [0u8; HEADER_BYTES as usize];
        file.read_exact(&mut header).map_err(StoreError::file("reading", path))?;
        let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap_or_default());
        let (count, words) = (number(8), number(16));
        let keys_at = HEADER_BYTES.saturating_add(words.saturating_mul(8));
        let expected = keys_at.saturating_add(count.saturating_mul(KEY_BYTES as u64));
        let length = file.metadata().map_err(StoreError::file("reading", path))?.len();
        let damaged = |detail: &str| StoreError::Manifest { path: path.to_owned(), detail: detail.to_owned() };
        if &header[..8] != MAGIC || length != expected {
            return Err(damaged("it is no run of message keys, or it was cut short"));
        }
        let mut bytes = vec![0u8; words as usize * 8];
        file.read_exact(&mut bytes).map_err(StoreError::file("reading", path))?;
        let words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let filter = KeyFilter::from_words(words).ok_or_else(|| damaged("its filter is damaged"))?;
        Ok(KeyRun { file, filter, count, keys_at })
    }

    /// Number of keys.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of memory that the filter takes.
    pub fn memory_bytes(&self) -> usize {
        self.filter.words().len() * 8
    }

    /// Calls with the place of each key that may be in the run, as far as memory tells.
    pub fn each_that_may(&self, keys: &[u128], may: impl FnMut(usize)) {
        self.filter.each_that_may(keys, may);
    }

    /// True when `key` is in the run: asks the disk.
    pub fn contains(&self, key: u128) -> Result<bool, std::io::Error> {
        let (mut low, mut high) = (0u64, self.count);
        let (mut least, mut greatest) = (0u128, u128::MAX);
        let mut page = [0u8; PAGE_KEYS as usize * KEY_BYTES];
        while low < high {
            // Uniform keys: the place is where the value lies between its neighbours; one or two reads find it.
            let share = (key.saturating_sub(least) as f64) / ((greatest - least) as f64).max(1.0);
            let guess = low + ((high - low) as f64 * share) as u64;
            let from = guess.saturating_sub(PAGE_KEYS / 2).clamp(low, high - 1);
            let to = (from + PAGE_KEYS).min(high);
            let bytes = &mut page[..(to - from) as usize * KEY_BYTES];
            self.file.read_exact_at(bytes, self.keys_at + from * KEY_BYTES as u64)?;
            let keys = bytes.as_chunks::<KEY_BYTES>().0;
            let (first, last) = (u128::from_le_bytes(keys[0]), u128::from_le_bytes(keys[keys.len() - 1]));
            if key < first {
                (high, greatest) = (from, first);
            } else if key > last {
                (low, least) = (to, last);
            } else {
                return Ok(keys.binary_search_by(|bytes| u128::from_le_bytes(*bytes).cmp(&key)).is_ok());
            }
        }
        Ok(false)
    }

    /// Every key, in order; checks the checksum on the way.
    pub fn read_all(path: &Path) -> Result<Vec<u128>, StoreError> {
        let run = KeyRun::open(path)?;
        let mut reader = BufReader::with_capacity(1 << 16, &run.file);
        let mut bytes = Vec::new();
        std::io::Seek::seek(&mut reader, std::io::SeekFrom::Start(24)).map_err(StoreError::file("reading", path))?;
        reader.read_to_end(&mut bytes).map_err(StoreError::file("reading", path))?;
        let (checksum, body) = bytes.split_at(8);
        let mut hasher = Xxh3::new();
        hasher.update(body);
        if hasher.digest().to_le_bytes() != checksum {
            return Err(StoreError::Manifest { path: path.to_owned(), detail: "its checksum does not match".into() });
        }
        let keys = &body[(run.keys_at - HEADER_BYTES) as usize..];
        Ok(keys.as_chunks::<KEY_BYTES>().0.iter().map(|key| u128::from_le_bytes(*key)).collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    #[test]
    fn finds_what_it_holds_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0u64, 1, 2, 255, 256, 257, 5_000] {
            let mut keys: Vec<u128> = (0..count).map(|n| xxh3_128(&n.to_le_bytes())).collect();
            keys.sort_unstable();
            let path = folder.path().join(format!("{count}.keys"));
            KeyRun::write(&path, &keys).unwrap();
            let run = KeyRun::open(&path).unwrap();
            assert!(keys.iter().all(|&key| run.contains(key).unwrap()));
            let strangers = (count..count + 3_000).filter(|n| run.contains(xxh3_128(&n.to_le_bytes())).unwrap());
            assert_eq!(strangers.count(), 0);
            assert_eq!(KeyRun::read_all(&path).unwrap(), keys);
        }
    }

    #[test]
    fn keys_that_are_not_uniform_are_found_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("skewed.keys");
        let keys: Vec<u128> = (0..3_000u128).chain([u128::MAX - 1, u128::MAX]).collect();
        let run = KeyRun::write(&path, &keys).unwrap();
        assert!(keys.iter().all(|&key| run.contains(key).unwrap()));
        assert!(!run.contains(5_000).unwrap());
    }

    #[test]
    fn damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.keys");
        KeyRun::write(&path, &[1, 2, 3]).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(KeyRun::read_all(&path).is_err());
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        assert!(KeyRun::open(&path).is_err());
    }
}
