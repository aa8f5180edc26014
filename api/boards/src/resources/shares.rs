//! Giving a dashboard away: public links and embeddings. A link's secret is shown once.

use axum::Extension;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use footfall_api_app::{May, Member, Whence, problem as refusal};
use footfall_api_http::{
    Done, Fault, JsonBody, Page, Paging, Path, Place, Problem, Routes, Time, Told, Unfiltered, delete, get, post,
};
use footfall_ingest_activity::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::dashboards::board;
use super::{ItemPlace, write};
use crate::boards::{Author, Boards, may_share};
use crate::document::{Kind, Values, values_of};
use crate::error::{BoardError, CHANGES, READS, problem};
use crate::storage::{self, Share, ShareKind};
use crate::viewing::{TOKEN_BYTES_MAX, Viewing};

const ORIGINS_MAX: usize = 20;
const DAYS_MAX: u32 = 3_650;
const MINUTES_MAX: u32 = 24 * 60;
const PASSWORD_MAX: usize = 256;

/// A share, without its secret.
#[derive(Debug, Serialize, JsonSchema)]
struct DashboardShare {
    id: String,
    kind: ShareKind,
    name: String,
    has_password: bool,
    origins: Vec<String>,
    expires_at: Option<Time>,
    /// It was neither revoked nor is over.
    is_in_force: bool,
    created_at: Time,
    created_by: String,
}

/// A new share, and the address that it is seen at, shown this once.
#[derive(Debug, Serialize, JsonSchema)]
struct NewShare {
    id: String,
    /// Of a link; what follows the `#` is its secret, which browsers do not send. Of an embedding: the address of the frame, to
    /// which a token of `…/tokens` is appended after `#`.
    url: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ShareDraft {
    kind: ShareKind,
    /// What it is for.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// It ends after so many days; never by itself if absent.
    #[schemars(range(min = 1, max = 3650))]
    expires_in_days: Option<u32>,
    /// Of a link: asked of whoever opens it.
    #[schemars(length(min = 8, max = 256))]
    password: Option<String>,
    /// Of an embedding: whose pages may hold it, as `https://example.org`.
    #[serde(default)]
    origins: Vec<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SharePlace {
    #[schemars(length(min = 1, max = 64))]
    project: String,
    #[schemars(length(min = 1, max = 64))]
    key: String,
    #[schemars(length(min = 1, max = 64))]
    share: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EmbedTokenDraft")]
struct TokenDraft {
    /// How long it is good for.
    #[schemars(range(min = 1, max = 1440))]
    minutes: u32,
    /// Values that the viewer cannot change.
    #[serde(default)]
    variables: Values,
}

/// What a frame is given.
#[derive(Debug, Serialize, JsonSchema)]
struct EmbedToken {
    token: String,
    expires_at: Time,
}

pub(super) fn routes() -> Routes<Boards, May> {
    let all = "/v1/projects/{project}/dashboards/{key}/shares";
    let one = "/v1/projects/{project}/dashboards/{key}/shares/{share}";
    let tokens = "/v1/projects/{project}/dashboards/{key}/shares/{share}/tokens";
    Routes::new(
        "shares",
        "Public links and embeddings of dashboards.",
        [
            get(all, write(), list, "The shares of a dashboard, those that have ended too.").raises(READS),
            post(all, write(), create, "Makes a share; its address is shown once.").cost(5).raises(CHANGES),
            delete(one, write(), revoke, "Ends a share at once.").raises(CHANGES),
            post(tokens, write(), token, "A token for a frame, for a page of yours to hand out.").raises(CHANGES),
        ],
    )
}

async fn list(
    State(boards): State<Boards>,
    Path(place): Path<ItemPlace>,
    paging: Paging<Unfiltered, (i64, String)>,
) -> Result<Page<DashboardShare>, Problem> {
    let shares = storage::shares(boards.access().database(), &place.project, &place.key).await.map_err(problem)?;
    let position = |share: &Share| (share.created_at.millis(), share.id.clone());
    let rest = shares.into_iter().filter(|share| paging.after.as_ref().is_none_or(|after| position(share) > *after));
    let rest = rest.take(paging.limit + 1).collect();
    let now = boards.now();
    Ok(Page::of(rest, &paging, position, |share| DashboardShare {
        is_in_force: share.is_in_force(now),
        id: share.id,
        kind: share.kind,
        name: share.name,
        has_password: share.password.is_some(),
        origins: share.origins.split_whitespace().map(str::to_owned).collect(),
        expires_at: share.expires_at.map(Time::from),
        created_at: share.created_at.into(),
        created_by: share.created_by,
    }))
}

/// The hash that a link's secret is found by.
pub(super) fn hash_of(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fault(pointer: &str, detail: impl Into<String>) -> BoardError {
    BoardError::Invalid(vec![Fault::new(Place::Body, pointer, detail)])
}

/// An origin and nothing more: it stands in a header of ours. Pages of this machine need no TLS; `*.` stands for the names below one of
/// two parts or more.
fn is_origin(text: &str) -> bool {
    let (is_plain, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return false,
    };
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| {
        !port.bytes().all(|byte| byte.is_ascii_digit()) || !port.parse::<u16>().is_ok_and(|port| port > 0)
    }) {
        return false;
    }
    if is_plain {
        return host == "localhost" || host == "127.0.0.1";
    }
    let (name, parts_min) = host.strip_prefix("*.").map_or((host, 1), |name| (name, 2));
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        (1..=63).contains(&bytes.len()) && bytes.iter().all(is_plain) && bytes[0] != b'-' && !label.ends_with('-')
    };
    host.len() <= 253 && name.split('.').all(is_label) && name.split('.').count() >= parts_min
}

fn check(draft: &ShareDraft) -> Result<(), BoardError> {
    if draft.name.trim().is_empty() || draft.name.chars().any(char::is_control) {
        return Err(fault("/name", "must be one line, and not empty"));
    }
    let password = draft.password.as_ref();
    if password.is_some_and(|password| !(8..=PASSWORD_MAX).contains(&password.chars().count())) {
        return Err(fault("/password", "must have 8 to 256 characters"));
    }
    if draft.expires_in_days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(fault("/expires_in_days", "must be 1 to 3650"));
    }
    match draft.kind {
        ShareKind::Link if !draft.origins.is_empty() => Err(fault("/origins", "belong to embeddings")),
        ShareKind::Embed if password.is_some() => Err(fault("/password", "belongs to links")),
        ShareKind::Embed if draft.origins.is_empty() || draft.origins.len() > ORIGINS_MAX => {
            Err(fault("/origins", "must be 1 to 20: whose pages may hold the dashboard"))
        }
        _ => match draft.origins.iter().position(|origin| !is_origin(origin)) {
            Some(at) => Err(fault(&format!("/origins/{at}"), "must be an origin, as https://example.org")),
            None => Ok(()),
        },
    }
}

async fn create(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<ItemPlace>,
    JsonBody(draft): JsonBody<ShareDraft>,
) -> Result<Told<NewShare>, Problem> {
    check(&draft).map_err(problem)?;
    let author = boards.author(&member, origin, &place.project);
    may_share(&author).map_err(problem)?;
    boards.item(&place.project, Kind::Dashboard, &place.key).await.map_err(problem)?;
    let password = match &draft.password {
        Some(password) => Some(boards.access().passwords().hash(password).await.map_err(refusal)?),
        None => None,
    };
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(Problem::internal)?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    let now = boards.now();
    let share = Share {
        id: uuid::Uuid::now_v7().simple().to_string(),
        project: place.project.clone(),
        dashboard: place.key.clone(),
        kind: draft.kind,
        name: draft.name,
        secret_hash: if draft.kind == ShareKind::Link { hash_of(&secret) } else { String::new() },
        password,
        origins: draft.origins.join(" "),
        expires_at: draft.expires_in_days.map(|days| now.plus_millis(i64::from(days) * 86_400_000)),
        created_at: now,
        created_by: author.name(),
        revoked_at: None,
    };
    boards.keep_share(&share, &author).await.map_err(problem)?;
    let base = &boards.access().settings().public_url;
    let url = match draft.kind {
        ShareKind::Link => format!("{base}/shared#{secret}"),
        ShareKind::Embed => format!("{base}/embedded/{}", share.id),
    };
    Ok(Told(NewShare { id: share.id, url }))
}

async fn revoke(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<SharePlace>,
) -> Result<Done, Problem> {
    let author = boards.author(&member, origin, &place.project);
    boards.end_share(&place.project, &place.key, &place.share, &author).await.map(|()| Done).map_err(problem)
}

async fn token(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Whence(origin): Whence,
    Path(place): Path<SharePlace>,
    JsonBody(draft): JsonBody<TokenDraft>,
) -> Result<Told<EmbedToken>, Problem> {
    if !(1..=MINUTES_MAX).contains(&draft.minutes) {
        return Err(problem(fault("/minutes", "must be 1 to 1440")));
    }
    may_share(&boards.author(&member, origin, &place.project)).map_err(problem)?;
    let found = storage::share(boards.access().database(), &place.share).await.map_err(problem)?;
    let is_ours = |share: &Share| {
        (share.project.as_str(), share.dashboard.as_str(), share.kind)
            == (place.project.as_str(), place.key.as_str(), ShareKind::Embed)
            && share.is_in_force(boards.now())
    };
    found.filter(is_ours).ok_or_else(|| problem(BoardError::NotFound("embedding")))?;
    let board = board(&boards, &place.project, &place.key).await.map_err(problem)?;
    values_of(&board.variables, &draft.variables, |_| true).map_err(|faults| problem(BoardError::Invalid(faults)))?;
    let ends_ms = boards.now().millis() + i64::from(draft.minutes) * 60_000;
    let viewing = Viewing { share: place.share, ends_ms, variables: draft.variables };
    let token = viewing.sign(boards.secret()).ok_or_else(|| Problem::internal("a token was not signed"))?;
    if token.len() > TOKEN_BYTES_MAX {
        return Err(problem(fault("/variables", "are too long together: no token can hold them")));
    }
    Ok(Told(EmbedToken { token, expires_at: Timestamp::from_millis(ends_ms).into() }))
}

impl Boards {
    async fn keep_share(&self, share: &Share, author: &Author) -> Result<(), BoardError> {
        let mut transaction = self.access().database().write().await?;
        storage::add_share(&mut transaction, share).await?;
        let after = json!({
            "dashboard": share.dashboard, "kind": share.kind, "name": share.name, "has_password": share.password.is_some(),
            "origins": share.origins, "expires_at": share.expires_at.map(|ends| ends.to_rfc3339()),
        });
        let record = self.act(&share.project, "share.create", author).on("share", &share.id).after(&after);
        self.access().record(&mut transaction, record).await?;
        Ok(transaction.commit().await?)
    }

    async fn end_share(&self, project: &str, dashboard: &str, id: &str, author: &Author) -> Result<(), BoardError> {
        let mut transaction = self.access().database().write().await?;
        if !storage::revoke(&mut transaction, project, dashboard, id, self.now()).await? {
            return Err(BoardError::NotFound("share"));
        }
        let record = self.act(project, "share.revoke", author).on("share", id);
        self.access().record(&mut transaction, record).await?;
        Ok(transaction.commit().await?)
    }

    /// Whose pages may hold the frame of an embedding; `None`: there is none in force.
    pub async fn frame_ancestors(&self, share: &str) -> Result<Option<String>, BoardError> {
        let found = storage::share(self.access().database(), share).await?;
        let found = found.filter(|share| share.kind == ShareKind::Embed && share.is_in_force(self.now()));
        Ok(found.map(|share| share.origins))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_origins_and_no_more() {
        for good in [
            "https://example.org",
            "https://a.example.org:8443",
            "https://intranet",
            "http://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:3000",
            "https://*.example.org",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "http://example.org",
            "https://",
            "https://a/b",
            "https://a; script-src *",
            "*",
            "'self'",
            "https://a b",
            "https://A",
            "http://localhost.evil.com",
            "http://localhost-evil.com",
            "http://localhost:",
            "http://localhost:99999",
            "https://*",
            "https://*.",
            "https://*.com",
            "https://a*.example.org",
            "https://example.org:",
            "https://example..org",
            "https://-a.example.org",
            "https://a:b",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
