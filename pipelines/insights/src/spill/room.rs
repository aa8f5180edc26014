//! How much one thread of a question may hold of what it gathers.

use std::sync::Arc;

use super::SpillFolder;
use crate::InsightError;
use crate::control::Control;

/// A share of a question's memory, and where the rest goes.
#[derive(Clone, Copy)]
pub(crate) struct Room<'c> {
    spills: Option<(&'c Control, &'c Arc<SpillFolder>)>,
    bytes: usize,
}

impl<'c> Room<'c> {
    /// As much as there is.
    pub fn endless() -> Room<'c> {
        Room { spills: None, bytes: usize::MAX }
    }

    /// One of `shares` equal parts of what the question may hold.
    pub fn share(control: &'c Control, shares: usize) -> Room<'c> {
        match control.spill() {
            Some((folder, bytes)) => Room { spills: Some((control, folder)), bytes: bytes / shares.max(1) },
            None => Room::endless(),
        }
    }

    /// How many entries of a growing collection have room, if one takes `bytes`. While it grows, it is there twice.
    pub fn entries(&self, bytes: usize) -> usize {
        match self.spills {
            Some(_) => (self.bytes / (4 * bytes.max(1))).max(2),
            None => usize::MAX,
        }
    }

    /// Where runs are written; there is one wherever [`Room::entries`] ends.
    pub fn folder(&self) -> Option<&'c Arc<SpillFolder>> {
        self.spills.map(|(_, folder)| folder)
    }

    /// Bytes to read each of so many runs with.
    pub fn buffer(&self, runs: usize) -> usize {
        (self.bytes / (2 * runs.max(1))).clamp(BUFFER_LEAST, BUFFER_MOST)
    }

    /// Runs that can be merged at once.
    pub fn runs(&self) -> usize {
        (self.bytes / (2 * BUFFER_LEAST)).max(4)
    }

    /// Ends the question.
    pub fn fail(&self, error: InsightError) {
        if let Some((control, _)) = self.spills {
            control.fail(error);
        }
    }
}

const BUFFER_LEAST: usize = 4 << 10;
const BUFFER_MOST: usize = 256 << 10;
