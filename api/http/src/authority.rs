//! The seam to accounts, sessions, roles and keys: who sends a request, and whether they may. This crate asks; it never decides.

use async_trait::async_trait;
use http::Method;

use crate::problem::{Kind, Problem};
use crate::stack::Client;

/// One of the named permissions. An enum, of which each route names one.
pub trait Permission: Copy + Send + Sync + 'static {
    /// As `notes.read`.
    fn name(self) -> &'static str;
}

/// Who sends a request, once known. Handlers get it as an `Extension`.
pub trait Subject: Clone + Send + Sync + 'static {
    /// Shares a rate limit and a space of idempotency keys.
    fn account(&self) -> &str;

    /// The key or token that was used, where it has a limit of its own.
    fn key(&self) -> Option<&str>;
}

/// What a request shows. Its text is not printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer`: programs.
    Bearer(String),
    /// The session cookie: browsers. Its request has passed the CSRF defence.
    Session(String),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Credential::Bearer(_) => "Bearer(…)",
            Credential::Session(_) => "Session(…)",
        })
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a, P> {
    /// `None` where being signed in is enough.
    pub permission: Option<P>,
    /// The act is dangerous: the second factor has to be fresh.
    pub step_up: bool,
    pub method: &'a Method,
    /// The path's pattern.
    pub route: &'static str,
    pub operation_id: &'a str,
    /// Names and texts of the path's placeholders: which project, which note. Not checked yet.
    pub places: &'a [(String, String)],
    pub client: &'a Client,
}

/// Knows subjects and decides for every door.
#[async_trait]
pub trait Authority: Send + Sync + 'static {
    type Permission: Permission;
    type Subject: Subject;

    /// Whose credential this is; a problem of 401 where it is nobody's.
    async fn identify(&self, credential: &Credential, client: &Client) -> Result<Self::Subject, Problem>;

    /// Refuses unless the subject may do what is asked: 403, or 404 where not even the existence is theirs to know.
    async fn decide(&self, subject: &Self::Subject, asked: &Asked<'_, Self::Permission>) -> Result<(), Problem>;

    /// Every kind of problem that the two may raise, for the document.
    fn problems(&self) -> &'static [&'static Kind];
}
