//! The outcome of a file of cases: a line per case, and a last line `N passed, M failed`.

use std::fmt;

/// How one case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub name: String,
    pub passed: bool,
    /// The largest difference, a remark, or why it failed.
    pub detail: String,
}

/// All cases of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub outcomes: Vec<Outcome>,
}

impl Report {
    pub fn passed(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.passed).count()
    }

    pub fn failed(&self) -> usize {
        self.outcomes.len() - self.passed()
    }

    pub(super) fn add(&mut self, name: impl Into<String>, result: Result<String, String>) {
        let passed = result.is_ok();
        let detail = result.unwrap_or_else(|reason| reason);
        self.outcomes.push(Outcome { name: name.into(), passed, detail });
    }

    /// A file that cannot be read at all is one failed case.
    pub(super) fn unreadable(reason: String) -> Report {
        let mut report = Report::default();
        report.add("the file", Err(reason));
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in &self.outcomes {
            let mark = if outcome.passed { "ok  " } else { "FAIL" };
            let separator = if outcome.detail.is_empty() { "" } else { ": " };
            writeln!(f, "{mark} {}{separator}{}", outcome.name, outcome.detail)?;
        }
        write!(f, "{} passed, {} failed", self.passed(), self.failed())
    }
}
