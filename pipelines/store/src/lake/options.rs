//! Settings of the lake.

/// Settings of the lake; every default is the embedded one.
#[derive(Debug, Clone)]
pub struct LakeOptions {
    /// Fresh rows are written to files when the oldest of them is this old.
    pub flush_age_millis: u64,
    /// … or when there are this many of them in `activity`.
    pub flush_rows: u64,
    /// … or when all of them take this much memory.
    pub flush_bytes: usize,
    /// Join small files in the background.
    pub compact: bool,
    /// How many files of about one size are joined into one.
    pub compact_fan_in: usize,
    /// Files are not joined beyond this many rows.
    pub file_rows_max: u64,
    /// How long a resent activity is recognised, by time of receipt.
    pub dedupe_window_millis: i64,
    /// How long a replaced file stays for readers outside this process.
    pub removed_grace_millis: i64,
    /// Level of Zstandard in the files.
    pub zstd_level: i32,
}

impl Default for LakeOptions {
    fn default() -> Self {
        LakeOptions {
            flush_age_millis: 60_000,
            flush_rows: 250_000,
            flush_bytes: 96 << 20,
            compact: true,
            compact_fan_in: 6,
            file_rows_max: 4_000_000,
            dedupe_window_millis: 32 * 86_400_000,
            removed_grace_millis: 600_000,
            zstd_level: 1,
        }
    }
}
