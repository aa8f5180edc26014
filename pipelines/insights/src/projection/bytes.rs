//! The bytes of a run: memory, or a mapped file.

use std::fs::File;
use std::path::Path;

use bytemuck::Pod;
use memmap2::Mmap;

use crate::InsightError;

#[cfg(target_endian = "big")]
compile_error!("runs are read in place and are little-endian");

pub(super) enum Bytes {
    /// Words, so that every section is aligned; the last word may be padding.
    Memory(Vec<u64>),
    Mapped(Mmap),
}

impl Bytes {
    pub fn of(bytes: &[u8]) -> Bytes {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Bytes::Memory(words)
    }

    #[expect(unsafe_code, reason = "mapping is what lets a run larger than memory be read without a copy")]
    pub fn map(path: &Path) -> Result<Bytes, InsightError> {
        let file = File::open(path).map_err(InsightError::file("opening", path))?;
        // SAFETY: a run's file is written once, under another name, and renamed; nothing changes or truncates it after.
        // The bytes are read as plain integers, for which every bit pattern is a value.
        let mapped = unsafe { Mmap::map(&file) }.map_err(InsightError::file("mapping", path))?;
        Ok(Bytes::Mapped(mapped))
    }

    pub fn all(&self) -> &[u8] {
        match self {
            Bytes::Memory(words) => bytemuck::cast_slice(words),
            Bytes::Mapped(mapped) => mapped,
        }
    }

    /// `count` values at `offset`, which the directory's check has found to be inside and aligned.
    pub fn slice<T: Pod>(&self, offset: u64, count: usize) -> &[T] {
        let bytes = self.all().get(offset as usize..offset as usize + count * size_of::<T>()).unwrap_or_default();
        bytemuck::try_cast_slice(bytes).unwrap_or_default()
    }
}
