//! Settings of the service, and of one question.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the service.
#[derive(Debug, Clone)]
pub struct InsightsOptions {
    /// Where projections lie, so that a start need not read the lake again. All of it may be removed while the program
    /// does not run.
    pub folder: PathBuf,
    /// Questions worked on at once, over all projects.
    pub questions_concurrent: usize,
    /// … of one project, so that others find room.
    pub questions_concurrent_of_project: usize,
    /// Questions that may wait for their turn; more are refused.
    pub questions_waiting: usize,
    /// A question that is expected to take longer is heavy: such ones leave a place to the others, of a project and of all.
    pub heavy: Duration,
    /// A question that is expected to take so long is answered for a part of the people first, where somebody listens.
    pub parts_after: Duration,
    /// Threads that one question uses.
    pub threads: usize,
    /// Answers kept for questions asked again, in bytes of their JSON.
    pub cache_bytes: usize,
    /// Bytes that the different texts of one property may take; beyond it the property cannot be asked about.
    pub dictionary_bytes_max: usize,
    /// Properties that a project may have kept at once besides the usual ones.
    pub columns_asked_max: usize,
    /// A projection that nobody has asked about for so long leaves memory.
    pub idle_max: Duration,
    /// What projections may take of memory together, beyond which those not in use leave it.
    pub memory_bytes_max: usize,
    /// … of the disk.
    pub disk_bytes_max: u64,
    /// Memory that one question may take while it is worked on. What it gathers beyond half of it goes to disk; who needs
    /// more all the same is refused.
    pub question_bytes_max: usize,
    /// … all questions together.
    pub questions_bytes_max: usize,
    /// Where questions put what they have no memory for. It is emptied at the start.
    pub spill_folder: PathBuf,
    /// What all questions together may have there; beyond it is refused.
    pub spill_bytes_max: u64,
}

impl InsightsOptions {
    /// The defaults for a machine with two cores.
    pub fn new(folder: PathBuf) -> InsightsOptions {
        InsightsOptions {
            spill_folder: folder.with_extension("spill"),
            spill_bytes_max: 8 << 30,
            folder,
            questions_concurrent: 4,
            questions_concurrent_of_project: 3,
            questions_waiting: 256,
            heavy: Duration::from_millis(100),
            parts_after: Duration::from_millis(500),
            threads: 2,
            cache_bytes: 32 << 20,
            dictionary_bytes_max: 64 << 20,
            columns_asked_max: 24,
            idle_max: Duration::from_secs(3600),
            memory_bytes_max: 1 << 30,
            disk_bytes_max: 50 << 30,
            question_bytes_max: 512 << 20,
            questions_bytes_max: 1 << 30,
        }
    }
}

impl InsightsOptions {
    /// What one question may gather in memory: half of what it may take, and no more than its part of what there is for all
    /// that are worked on at once.
    pub(crate) fn gathered_bytes_max(&self) -> usize {
        let part = self.questions_bytes_max / self.questions_concurrent.max(1);
        (self.question_bytes_max / 2).min(part)
    }
}

/// Limits of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskLimits {
    /// It ends after this.
    pub time: Duration,
    /// The answer may be of a moment that lies back as far as this.
    pub age: Duration,
}

impl Default for AskLimits {
    fn default() -> AskLimits {
        AskLimits { time: Duration::from_secs(30), age: Duration::from_secs(1) }
    }
}
