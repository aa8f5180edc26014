//! Bounds of what projections take: those not asked about for a while leave memory, and the disk when that is short.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use footfall_pipelines_insights::InsightError;

use crate::error::AskError;
use crate::options::InsightsOptions;
use crate::project::Project;

const EVERY: Duration = Duration::from_secs(5);
/// Who was asked about so lately is not put away, whatever they take.
const IN_USE: Duration = Duration::from_secs(30);

/// The folder for projects' folders.
pub(crate) fn open(folder: &Path) -> Result<(), AskError> {
    let failed = |source| InsightError::File { action: "creating", path: folder.to_owned(), source };
    Ok(fs::create_dir_all(folder).map_err(failed)?)
}

/// The folder of a project: its name, with a percent sign and the number of each byte that is neither a letter, a digit,
/// `-` nor `_`.
pub(crate) fn folder_of(folder: &Path, project: &str) -> PathBuf {
    let escaped = project.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    folder.join(format!("project={}", escaped.collect::<String>()))
}

/// When it was last looked whether something has to go.
pub(crate) struct Tended {
    last: Option<Instant>,
    folder: PathBuf,
}

impl Tended {
    pub fn new(options: &InsightsOptions) -> Tended {
        Tended { last: None, folder: options.folder.clone() }
    }

    pub fn is_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= EVERY)
    }

    pub fn tend(&mut self, projects: &[Arc<Project>], options: &InsightsOptions) {
        self.last = Some(Instant::now());
        let all = free_memory(projects, options);
        metrics::gauge!("footfall_insights_memory_bytes").set(all as f64);
        match self.free_disk(projects, options) {
            Ok(bytes) => metrics::gauge!("footfall_insights_disk_bytes").set(bytes as f64),
            Err(error) => tracing::warn!(%error, "what projections take on disk"),
        }
    }

    /// Removes the projections that were asked about longest ago, those in memory last.
    fn free_disk(&self, projects: &[Arc<Project>], options: &InsightsOptions) -> io::Result<u64> {
        let in_memory: HashMap<PathBuf, Instant> = projects
            .iter()
            .filter_map(|project| Some((folder_of(&self.folder, &project.name), project.asked()?)))
            .collect();
        let mut shelves: Vec<(Option<Instant>, SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.is_dir() {
                let (bytes, saved) = measure(&path)?;
                shelves.push((in_memory.get(&path).copied(), saved, bytes, path));
            }
        }
        shelves.sort();
        let mut all: u64 = shelves.iter().map(|(_, _, bytes, _)| bytes).sum();
        for (asked, _, bytes, path) in shelves {
            if all <= options.disk_bytes_max || asked.is_some_and(|asked| asked.elapsed() < IN_USE) {
                break;
            }
            match projects.iter().find(|project| folder_of(&self.folder, &project.name) == path) {
                Some(project) => project.remove(),
                None => fs::remove_dir_all(&path)?,
            }
            tracing::info!(path = %path.display(), bytes, "a projection makes room on disk");
            all -= bytes;
        }
        Ok(all)
    }
}

/// Puts away whom nobody has asked about for a while, and of the others the longest unasked while all take too much.
/// What they take then.
fn free_memory(projects: &[Arc<Project>], options: &InsightsOptions) -> usize {
    let mut resting: Vec<(Instant, usize, &Arc<Project>)> = Vec::new();
    for project in projects {
        resting.extend(project.rests().map(|(asked, bytes)| (asked, bytes, project)));
    }
    resting.sort_by_key(|(asked, bytes, _)| (*asked, *bytes));
    let mut all: usize = projects.iter().map(|project| project.memory_bytes()).sum();
    for (asked, bytes, project) in resting {
        let idle = asked.elapsed();
        if idle >= options.idle_max || (all > options.memory_bytes_max && idle >= IN_USE) {
            project.put_away();
            all -= bytes;
        }
    }
    all
}

/// Bytes of a project's folder, and when it was last saved.
fn measure(folder: &Path) -> io::Result<(u64, SystemTime)> {
    let (mut bytes, mut saved) = (0, SystemTime::UNIX_EPOCH);
    for entry in fs::read_dir(folder)? {
        // A file may have gone since it was listed.
        if let Ok(about) = entry?.metadata() {
            bytes += about.len();
            saved = saved.max(about.modified().unwrap_or(saved));
        }
    }
    Ok((bytes, saved))
}
