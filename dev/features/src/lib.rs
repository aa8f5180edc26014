//! No code: its dependencies pin the features of crates that several packages share.
