//! A claim about ids, and what can become of it.

use std::sync::Arc;

use footfall_ingest_activity::LinkKind;

/// How firmly a claim joins two ids; see [`LinkKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ClaimKind {
    Identify,
    Alias,
    Merge,
}

impl ClaimKind {
    /// The word in the `kind` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            ClaimKind::Identify => "identify",
            ClaimKind::Alias => "alias",
            ClaimKind::Merge => "merge",
        }
    }
}

impl From<LinkKind> for ClaimKind {
    fn from(kind: LinkKind) -> Self {
        match kind {
            LinkKind::Identify => ClaimKind::Identify,
            LinkKind::Alias => ClaimKind::Alias,
            LinkKind::Merge => ClaimKind::Merge,
        }
    }
}

/// The claim that `from` is the same person as `into`. An identify that names one id alone has it in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub merge_id: Arc<str>,
    pub kind: ClaimKind,
    pub from: Arc<str>,
    pub into: Arc<str>,
}

/// What became of a claim, or of its undoing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Two persons became one; or, of an undo, the merge was taken back.
    Applied,
    /// They were one person, but only now is the id known to be an identified user.
    Already,
    /// An identify or alias that names one id alone: from now on it is an identified user.
    Known,
    /// One of the ids is nobody's.
    RefusedKnownBad,
    /// The person that would join has an identified user already.
    RefusedIdentified,
    /// There is no such merge to undo, or it was undone before.
    RefusedUnknownMerge,
}

impl Outcome {
    const ALL: [Outcome; 6] = [
        Outcome::Applied,
        Outcome::Already,
        Outcome::Known,
        Outcome::RefusedKnownBad,
        Outcome::RefusedIdentified,
        Outcome::RefusedUnknownMerge,
    ];

    /// The word in the `outcome` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Applied => "applied",
            Outcome::Already => "already",
            Outcome::Known => "known",
            Outcome::RefusedKnownBad => "refused_known_bad",
            Outcome::RefusedIdentified => "refused_identified",
            Outcome::RefusedUnknownMerge => "refused_unknown_merge",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Outcome> {
        Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }

    /// True for a claim that was turned down.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Outcome::RefusedKnownBad | Outcome::RefusedIdentified | Outcome::RefusedUnknownMerge)
    }
}
