//! The service behind the routes: items and their changes, each in one transaction with its audit record.

use std::sync::Arc;
use std::time::Duration;

use footfall_api_access::{
    Access, AccessError, Act as Record, Actor, Origin, Permission, RowFilter, Scope, View, Who, decide,
};
use footfall_api_app::Member;
use footfall_api_http::Secret;
use footfall_api_http::limit::{Bucket, Buckets, Quota};
use footfall_ingest_activity::{Clock, Timestamp};
use serde_json::{Value, json};

use crate::answers::Answers;
use crate::built_in;
use crate::document::{Act, Board, Kind, Schedule, Task, question_of, typed};
use crate::error::BoardError;
use crate::faults::{DOCUMENT_BYTES_MAX, Faults};
use crate::storage::{self, Kept};
use crate::yaml::read;

/// Passwords that may be tried on one link, whoever tries, in the time below.
const PASSWORDS: u32 = 30;
const PASSWORDS_WINDOW: Duration = Duration::from_secs(600);

/// Who changes something, and from where.
#[derive(Debug, Clone)]
pub struct Author {
    pub actor: Actor,
    pub origin: Origin,
    /// They see everything there is.
    sees_all: bool,
    asks_sql: bool,
}

impl Author {
    /// The program itself.
    pub(crate) fn system(actor: Actor, origin: Origin) -> Author {
        Author { actor, origin, sees_all: true, asks_sql: true }
    }

    /// As items name them.
    pub fn name(&self) -> String {
        match &self.actor {
            Actor::Account(id) => id.clone(),
            Actor::Key(id) => format!("key:{id}"),
            Actor::Operator => "operator".to_owned(),
            Actor::System => "system".to_owned(),
            Actor::Anonymous => "anonymous".to_owned(),
        }
    }
}

/// What is to be kept.
pub(crate) struct Wanted {
    pub title: String,
    pub content: String,
    pub asks_sql: bool,
}

/// Which revision is meant, as `If-Match` says it.
pub(crate) type Check<'a> = &'a (dyn Fn(i64) -> bool + Send + Sync);

/// Dashboards, questions, annotations, schedules and shares of all projects. Cheap to clone.
#[derive(Clone)]
pub struct Boards(Arc<Inner>);

struct Inner {
    access: Access,
    clock: Arc<dyn Clock>,
    answers: Arc<dyn Answers>,
    secret: Secret,
    buckets: Arc<dyn Buckets>,
}

impl Boards {
    /// Migrates the tables of this area. `secret` signs what viewers of shared dashboards hold; `buckets` count passwords that are
    /// tried, for all processes where they share them.
    pub async fn open(
        access: Access,
        clock: Arc<dyn Clock>,
        answers: Arc<dyn Answers>,
        secret: Secret,
        buckets: Arc<dyn Buckets>,
    ) -> Result<Boards, BoardError> {
        access.database().migrate_area(storage::AREA, storage::MIGRATIONS, &*clock).await?;
        Ok(Boards(Arc::new(Inner { access, clock, answers, secret, buckets })))
    }

    pub fn access(&self) -> &Access {
        &self.0.access
    }

    pub(crate) fn answers(&self) -> &Arc<dyn Answers> {
        &self.0.answers
    }

    pub(crate) fn secret(&self) -> &Secret {
        &self.0.secret
    }

    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Counts a try of a password. Where it cannot be counted a guesser would have no bounds, so nobody is let through.
    pub(crate) async fn try_password(&self, share: &str) -> Result<(), BoardError> {
        let quota = Quota::new(PASSWORDS, PASSWORDS_WINDOW);
        let taken = self.0.buckets.take(Bucket::of("share", share), quota, 1, self.now()).await.map_err(|error| {
            tracing::error!(%error, "passwords of links cannot be counted, so none is looked at");
            AccessError::Busy
        })?;
        match taken.wait {
            Some(wait) => Err(BoardError::PasswordsTried(wait)),
            None => Ok(()),
        }
    }

    /// What a member sees of a project under a permission that the guard has granted.
    pub(crate) fn view(&self, member: &Member, permission: Permission, project: &str) -> Option<View> {
        let subject = &member.caller.subject;
        if matches!(subject.who, Who::Operator) {
            return Some(everything());
        }
        let organisation = self.access().organisation_of(project)?;
        match decide(subject, permission, Scope::Project { organisation: &organisation, project }) {
            footfall_api_access::Decision::Allow(view) => Some(view),
            footfall_api_access::Decision::Deny(_) => None,
        }
    }

    /// Who changes something of a project.
    pub(crate) fn author(&self, member: &Member, origin: Origin, project: &str) -> Author {
        let view = self.view(member, Permission::DashboardsWrite, project);
        Author {
            actor: member.caller.actor.clone(),
            origin,
            sees_all: view.is_some_and(|view| sees_all(&view)),
            asks_sql: self.view(member, Permission::SqlRun, project).is_some(),
        }
    }

    /// One item; a dashboard that is built in as well.
    pub(crate) async fn item(&self, project: &str, kind: Kind, key: &str) -> Result<Kept, BoardError> {
        let found = storage::item(self.access().database(), project, kind, key).await?;
        let found = found.or_else(|| (kind == Kind::Dashboard).then(|| built_in::kept(key)).flatten());
        found.ok_or(BoardError::NotFound(kind.name()))
    }

    pub(crate) async fn create(
        &self,
        project: &str,
        kind: Kind,
        key: &str,
        wanted: Wanted,
        author: &Author,
    ) -> Result<Kept, BoardError> {
        permitted(kind, wanted.asks_sql, author)?;
        self.check_recipients(project, kind, &wanted).await?;
        let now = self.now();
        let item = kept(key, 1, wanted, (now, now), author);
        let mut transaction = self.access().database().write().await?;
        storage::insert(&mut transaction, project, kind, &item).await?;
        self.follow(&mut transaction, project, kind, None, &item).await?;
        let record = self.record(project, kind, key, Act::Create, author, None, Some(&item.content));
        self.access().record(&mut transaction, record).await?;
        transaction.commit().await?;
        Ok(item)
    }

    /// Puts a new content in the place of the revision that `is_meant`.
    pub(crate) async fn replace(
        &self,
        project: &str,
        kind: Kind,
        key: &str,
        wanted: Wanted,
        author: &Author,
        is_meant: Check<'_>,
    ) -> Result<Kept, BoardError> {
        permitted(kind, wanted.asks_sql, author)?;
        self.check_recipients(project, kind, &wanted).await?;
        let before = self.item(project, kind, key).await?;
        if !is_meant(before.revision) {
            return Err(BoardError::Stale);
        }
        let item = kept(key, before.revision + 1, wanted, (before.created_at, self.now()), author);
        let mut transaction = self.access().database().write().await?;
        match before.revision {
            // What is built in becomes the project's own.
            0 => storage::insert(&mut transaction, project, kind, &item).await.map_err(|error| match error {
                BoardError::KeyTaken => BoardError::Stale,
                other => other,
            })?,
            revision => {
                if !storage::replace(&mut transaction, project, kind, revision, &item).await? {
                    return Err(BoardError::Stale);
                }
            }
        }
        self.follow(&mut transaction, project, kind, Some(&before), &item).await?;
        let record = self.record(project, kind, key, Act::Change, author, Some(&before.content), Some(&item.content));
        self.access().record(&mut transaction, record).await?;
        transaction.commit().await?;
        Ok(item)
    }

    /// Removes the revision that `is_meant`; a dashboard that is built in is then as it was.
    pub(crate) async fn remove(
        &self,
        project: &str,
        kind: Kind,
        key: &str,
        author: &Author,
        is_meant: Check<'_>,
    ) -> Result<(), BoardError> {
        let before = self.item(project, kind, key).await?;
        if !is_meant(before.revision) {
            return Err(BoardError::Stale);
        }
        if before.revision == 0 {
            return Err(BoardError::BuiltIn);
        }
        let mut transaction = self.access().database().write().await?;
        if !storage::remove(&mut transaction, project, kind, key, before.revision).await? {
            return Err(BoardError::Stale);
        }
        match kind {
            Kind::Schedule => {
                storage::forget(&mut transaction, project, key).await?;
                // Another schedule under this key has not been asked yet.
                storage::forget_runs(&mut transaction, project, key).await?;
            }
            // Another dashboard under this key must not be what was shared.
            Kind::Dashboard => storage::revoke_all(&mut transaction, project, key, self.now()).await?,
            Kind::Question | Kind::Annotation => {}
        }
        let record = self.record(project, kind, key, Act::Remove, author, Some(&before.content), None);
        self.access().record(&mut transaction, record).await?;
        Ok(transaction.commit().await?)
    }

    /// Answers are sent to members of the organisation, and to its webhooks.
    async fn check_recipients(&self, project: &str, kind: Kind, wanted: &Wanted) -> Result<(), BoardError> {
        if kind != Kind::Schedule {
            return Ok(());
        }
        let schedule: Schedule =
            serde_json::from_str(&wanted.content).map_err(|_| BoardError::Damaged("a schedule"))?;
        let organisation = self.access().organisation_of(project).unwrap_or_default();
        let members = self.access().members(&organisation).await?;
        let webhooks = self.access().webhooks(&organisation).await?;
        let mut faults = Faults::below("/content", None);
        faults.within("to", |faults| {
            faults.each("emails", &schedule.to.emails, |faults, _, email| {
                if !members.iter().any(|member| member.email.eq_ignore_ascii_case(email)) {
                    faults.here("is no address of a member of the organisation");
                }
            });
            faults.each("webhooks", &schedule.to.webhooks, |faults, _, id| {
                if !webhooks.iter().any(|webhook| webhook.id == *id) {
                    faults.here("is no webhook of the organisation");
                }
            });
        });
        match self.item(project, Kind::Question, &schedule.question).await {
            Ok(kept) => {
                let question = question_of(&kept.content)?;
                if let Task::Alert(alert) = schedule.task
                    && let Some(why) = question.unwatchable(alert)
                {
                    faults.at("question", why);
                }
            }
            Err(BoardError::NotFound(_)) => faults.at("question", "is no key of a question here"),
            Err(other) => return Err(other),
        }
        let faults = faults.into_vec();
        if faults.is_empty() { Ok(()) } else { Err(BoardError::Invalid(faults)) }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one record")]
    fn record(
        &self,
        project: &str,
        kind: Kind,
        key: &str,
        act: Act,
        author: &Author,
        before: Option<&str>,
        after: Option<&str>,
    ) -> Record {
        let record = self.act(project, kind.action(act), author).on(kind.name(), key);
        let record = match before {
            Some(before) => record.before(&shown(before)),
            None => record,
        };
        match after {
            Some(after) => record.after(&shown(after)),
            None => record,
        }
    }

    /// A record of something in a project.
    pub(crate) fn act(&self, project: &str, action: &'static str, author: &Author) -> Record {
        let organisation = self.access().organisation_of(project).unwrap_or_default();
        Record::new(author.actor.clone(), action, &author.origin).within(&*organisation, project)
    }
}

/// Nothing is hidden.
pub(crate) fn everything() -> View {
    View { rows: RowFilter::Everything, masks: Default::default() }
}

pub(crate) fn sees_all(view: &View) -> bool {
    view.rows == RowFilter::Everything && view.masks.is_empty()
}

/// What is kept here is answered to others from all rows: whoever sees a part must not be able to ask for more in this way.
fn permitted(kind: Kind, asks_sql: bool, author: &Author) -> Result<(), BoardError> {
    match kind {
        Kind::Annotation => Ok(()),
        _ if !author.sees_all => Err(BoardError::Restricted),
        _ if asks_sql && !author.asks_sql => Err(BoardError::SqlNotPermitted),
        _ => Ok(()),
    }
}

/// The same for who gives a dashboard to the public.
pub(crate) fn may_share(author: &Author) -> Result<(), BoardError> {
    if author.sees_all { Ok(()) } else { Err(BoardError::Restricted) }
}

fn kept(
    key: &str,
    revision: i64,
    wanted: Wanted,
    (created_at, updated_at): (Timestamp, Timestamp),
    author: &Author,
) -> Kept {
    let Wanted { title, content, .. } = wanted;
    Kept { key: key.to_owned(), revision, title, content, created_at, updated_at, updated_by: author.name() }
}

/// For the audit: a document of some size by its beginning.
fn shown(content: &str) -> Value {
    const SHOWN_MAX: usize = 4_000;
    json!({"bytes": content.len(), "text": content.chars().take(SHOWN_MAX).collect::<String>()})
}

/// A dashboard's text as a dashboard, or everything that is wrong with it.
pub(crate) fn board_of(text: &str) -> Result<Board, BoardError> {
    let fault = |detail: String| {
        let fault = footfall_api_http::Fault::new(footfall_api_http::Place::Body, "/text", detail);
        BoardError::Invalid(vec![fault])
    };
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(fault(format!("must have at most {DOCUMENT_BYTES_MAX} bytes")));
    }
    let read = read(text).map_err(|error| fault(error.to_string()))?;
    let board: Board = typed(read.value.clone(), "/dashboard", Some(&read)).map_err(BoardError::Invalid)?;
    let mut faults = Faults::below("/dashboard", Some(&read));
    board.check(&mut faults);
    let faults = faults.into_vec();
    if faults.is_empty() { Ok(board) } else { Err(BoardError::Invalid(faults)) }
}
