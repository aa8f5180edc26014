//! One due schedule: claimed, asked, told.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use footfall_api_access::{AccessError, Actor, Mail, MailFile, MailRoute, Origin, Transaction};
use footfall_ingest_activity::Timestamp;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::files::{AnswerFile, guarded, numbers_of_insight, numbers_of_rows, of_insight, printed, table_of_insight};
use super::rules::judge;
use crate::answers::{Ready, RowFormat, Span, Unanswered, ready};
use crate::boards::{Author, Boards, everything};
use crate::document::{
    AnswerFormat, Kind, MAIL_BYTES_MAX, Schedule, Task, Values, WEBHOOK_BYTES_MAX, question_of, values_of,
};
use crate::error::BoardError;
use crate::pdf::{Sheet, Table};
use crate::storage::{self, Due, Kept};

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS_AN_HOUR: u64 = 3_600;
const LOOKS_A_MINUTE: u64 = 60;
const ROWS_MAX: u64 = 100_000;
/// Rows that somebody may still leaf through.
const PRINTED_ROWS_MAX: u64 = 5_000;
/// Between tries of what has no answer yet, in minutes: about two hours in all, as far as the next time leaves them.
const PAUSES_MINUTES: &[i64] = &[1, 2, 5, 15, 30, 60];
/// Before what this version of the program cannot read is looked at again.
const UNREAD_MS: i64 = 60 * 60_000;
const RUNS_KEPT_MS: i64 = 90 * 86_400_000;
/// Whoever has been at one for so long is taken to be gone.
const LOST_MS: i64 = 15 * 60_000;

const FAILED: &str = "failed";
const SENT: &str = "sent";

/// What came of one run.
struct Told {
    fate: &'static str,
    detail: String,
    is_alarmed: bool,
    /// Empty: nobody is told.
    title: String,
    file: Option<AnswerFile>,
}

impl Boards {
    /// Asks what is due until `stop` resolves.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut beat = interval(LOOK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = 0u64;
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = beat.tick() => {}
            }
            if let Err(error) = self.tidy_runs(beats).await {
                tracing::error!(%error, "runs of schedules could not be tidied; it is tried again");
            }
            beats += 1;
            let done = tokio::select! {
                () = &mut stop => return,
                done = self.ask_what_is_due() => done,
            };
            if let Err(error) = done {
                tracing::error!(%error, "due schedules could not be asked; it is tried again");
            }
        }
    }

    async fn tidy_runs(&self, beats: u64) -> Result<(), BoardError> {
        let (database, now) = (self.access().database(), self.now());
        if beats == 0 {
            // One process at a time asks: who was at it before, by whatever clock, has ended, or hangs and tells nobody any more.
            storage::take_up(database, Timestamp::from_millis(i64::MAX), now).await?;
        } else if beats.is_multiple_of(LOOKS_A_MINUTE) {
            storage::take_up(database, now.plus_millis(-LOST_MS), now).await?;
        }
        if beats.is_multiple_of(LOOKS_AN_HOUR) {
            storage::prune(database, now.plus_millis(-RUNS_KEPT_MS)).await?;
        }
        Ok(())
    }

    /// Asks what is due; returns how many schedules that was.
    pub async fn ask_what_is_due(&self) -> Result<usize, BoardError> {
        let mut asked = 0;
        for due in storage::due(self.access().database(), self.now()).await? {
            let kept = storage::item(self.access().database(), &due.project, Kind::Schedule, &due.schedule).await?;
            let now = self.now();
            let Some(kept) = kept else {
                let mut transaction = self.access().database().write().await?;
                storage::forget(&mut transaction, &due.project, &due.schedule).await?;
                transaction.commit().await?;
                continue;
            };
            let schedule: Schedule = match serde_json::from_str(&kept.content) {
                Ok(schedule) => schedule,
                // A newer version may have written it, and may be back.
                Err(error) => {
                    tracing::error!(%error, project = due.project, schedule = due.schedule, "a schedule cannot be read");
                    let mut transaction = self.access().database().write().await?;
                    storage::move_due(&mut transaction, &due, due.next_at, now.plus_millis(UNREAD_MS)).await?;
                    transaction.commit().await?;
                    continue;
                }
            };
            // One that is off is asked this once, since somebody wants that.
            let next = schedule.is_enabled.then(|| Timestamp::from_millis(schedule.every.next_after(now.millis())));
            // Claimed first. Who is interrupted before it has told is taken for lost by whoever comes next, who asks again.
            let Some(run) = storage::claim(self.access().database(), &due, next, now).await? else { continue };
            asked += 1;
            let told = match self.ask(&due, &schedule).await {
                Ok(told) => told,
                Err(error) => {
                    if self.put_off(&run, &due, next, &error).await? {
                        continue;
                    }
                    self.failed(&due, &kept, &schedule, &error).await?
                }
            };
            self.tell(&run, &due, &schedule, told).await?;
        }
        Ok(asked)
    }

    /// Makes a schedule due now.
    pub(crate) async fn ask_at_once(&self, project: &str, key: &str) -> Result<(), BoardError> {
        self.item(project, Kind::Schedule, key).await?;
        let mut transaction = self.access().database().write().await?;
        storage::plan(&mut transaction, project, key, Some(self.now())).await?;
        Ok(transaction.commit().await?)
    }

    /// What follows from a change of an item, in its transaction: a schedule's next moment.
    pub(crate) async fn follow(
        &self,
        transaction: &mut Transaction,
        project: &str,
        kind: Kind,
        before: Option<&Kept>,
        item: &Kept,
    ) -> Result<(), BoardError> {
        if kind != Kind::Schedule {
            return Ok(());
        }
        let schedule: Schedule = serde_json::from_str(&item.content).map_err(|_| BoardError::Damaged("a schedule"))?;
        let next = schedule.is_enabled.then(|| schedule.every.next_after(self.now().millis()));
        storage::plan(transaction, project, &item.key, next.map(Timestamp::from_millis)).await?;
        // An alarm is about what was watched by then.
        let is_other = |before: &Kept| {
            let before = serde_json::from_str::<Schedule>(&before.content);
            !before.is_ok_and(|before| before.question == schedule.question && before.task == schedule.task)
        };
        if before.is_some_and(is_other) {
            storage::set_alarm(transaction, project, &item.key, false).await?;
        }
        Ok(())
    }

    async fn ask(&self, due: &Due, schedule: &Schedule) -> Result<Told, BoardError> {
        let kept = self.item(&due.project, Kind::Question, &schedule.question).await?;
        let question = question_of(&kept.content)?;
        let values = values_of(&question.parameters, &Values::new(), |_| true).map_err(BoardError::Invalid)?;
        let time = Span { days: question.days, zone: &question.zone }.at(self.now())?;
        let format = match schedule.task {
            Task::Send(AnswerFormat::Csv) => RowFormat::Csv,
            Task::Send(AnswerFormat::Parquet) => RowFormat::Parquet,
            Task::Send(AnswerFormat::Pdf) | Task::Alert(_) => RowFormat::Json,
        };
        let is_printed = schedule.task == Task::Send(AnswerFormat::Pdf);
        let rows_max = if is_printed { PRINTED_ROWS_MAX } else { ROWS_MAX };
        if let Task::Alert(alert) = schedule.task
            && let Some(why) = question.unwatchable(alert)
        {
            let detail = format!("the question {why}");
            return Err(Unanswered::Refused { code: "insight_refused".to_owned(), detail, position: None }.into());
        }
        let ready = ready(question.ask, time, &question.zone, &values, &[], (format, rows_max))?;
        let sheet = |table: Table| {
            let about = vec![
                format!("{} of {}", schedule.question, due.project),
                format!("Asked {}", self.now().to_rfc3339()),
                format!("{} rows", table.rows.len()),
            ];
            Sheet { title: schedule.title.clone(), about, table, made: self.now() }
        };
        let (file, numbers) = match ready {
            Ready::Insight { question: asked, .. } => {
                let found = self.answers().insight(&due.project, &asked, &everything()).await?;
                let (answer, zone) = (&found.answer, question.zone.as_str());
                let file = match is_printed {
                    true => printed(sheet(table_of_insight(answer, zone, PRINTED_ROWS_MAX as usize)?)).await?,
                    false => of_insight(answer, zone)?,
                };
                (file, numbers_of_insight(&found.answer, self.now(), time))
            }
            Ready::Sql(asked) if is_printed => {
                let bytes = self.answers().sql(&due.project, asked, &everything()).await?;
                let answer = serde_json::from_slice(&bytes).map_err(|_| BoardError::Damaged("an answer"))?;
                (printed(sheet(Table::of_rows(&answer))).await?, Vec::new())
            }
            Ready::Sql(asked) => {
                let bytes = self.answers().sql(&due.project, asked, &everything()).await?;
                let numbers = match format {
                    RowFormat::Json => {
                        let answer = serde_json::from_slice(&bytes).map_err(|_| BoardError::Damaged("an answer"))?;
                        numbers_of_rows(&answer)
                    }
                    _ => Vec::new(),
                };
                let (ending, content_type) = match format {
                    RowFormat::Parquet => ("parquet", "application/vnd.apache.parquet"),
                    _ => ("csv", "text/csv"),
                };
                let bytes = if format == RowFormat::Csv { guarded(&bytes) } else { bytes };
                (AnswerFile { ending, content_type, bytes }, numbers)
            }
        };
        let size = file.bytes.len();
        Ok(match schedule.task {
            Task::Send(_) if size > schedule.to.bytes_max() => {
                let detail = format!("the file has {size} bytes, and at most {} are sent", schedule.to.bytes_max());
                return Err(Unanswered::Refused { code: "answer_too_large".to_owned(), detail, position: None }.into());
            }
            Task::Send(_) => Told {
                fate: SENT,
                detail: format!("{size} bytes"),
                is_alarmed: false,
                title: schedule.title.clone(),
                file: Some(file),
            },
            Task::Alert(alert) => {
                let quiet = |detail: String| Told {
                    fate: "quiet",
                    detail,
                    is_alarmed: false,
                    title: String::new(),
                    file: None,
                };
                match (judge(alert, &numbers), due.is_alarmed) {
                    (None, was) => Told { is_alarmed: was, ..quiet("there are too few numbers to say".to_owned()) },
                    (Some((true, detail)), was) => Told {
                        fate: "alarmed",
                        is_alarmed: true,
                        // Somebody is told when it begins, and not again until it is over.
                        title: if was { String::new() } else { format!("Alert: {}", schedule.title) },
                        detail,
                        file: None,
                    },
                    (Some((false, detail)), true) => {
                        Told { fate: "recovered", title: format!("Over: {}", schedule.title), ..quiet(detail) }
                    }
                    (Some((false, detail)), false) => quiet(detail),
                }
            }
        })
    }

    /// Puts mails and webhooks into their queues, with the record of the run, all or nothing: nothing where another process has taken
    /// the run for interrupted.
    async fn tell(&self, run: &str, due: &Due, schedule: &Schedule, told: Told) -> Result<(), BoardError> {
        let organisation = self.access().organisation_of(&due.project).unwrap_or_default();
        let members = self.access().members(&organisation).await?;
        let mut transaction = self.access().database().write().await?;
        let mut missed: Vec<String> = Vec::new();
        let mut is_for_somebody = false;
        let (fate, detail) = if told.title.is_empty() {
            (told.fate, told.detail.clone())
        } else {
            let size = told.file.as_ref().map_or(0, |file| file.bytes.len());
            let encoded = told.file.as_ref().map(|file| STANDARD.encode(&file.bytes));
            let name = told.file.as_ref().map(|file| format!("{}.{}", due.schedule, file.ending));
            let as_mail = told
                .file
                .as_ref()
                .zip(encoded.clone())
                .zip(name.clone())
                .map(|((file, base64), name)| MailFile { name, content_type: file.content_type.to_owned(), base64 });
            let mail = Mail::Report {
                title: told.title.clone(),
                detail: format!("{} ({} of {}).", told.detail, schedule.title, due.project),
                file: as_mail.filter(|_| size <= MAIL_BYTES_MAX),
            };
            for (at, email) in schedule.to.emails.iter().enumerate() {
                // Whoever stands there twice is told once.
                if schedule.to.emails[..at].iter().any(|other| other.eq_ignore_ascii_case(email)) {
                    continue;
                }
                // Whoever has left the organisation is told nothing more.
                if size > MAIL_BYTES_MAX || !members.iter().any(|member| member.email.eq_ignore_ascii_case(email)) {
                    missed.push(email.clone());
                    continue;
                }
                self.access().enqueue(&mut transaction, email, &mail).await?;
                is_for_somebody = true;
            }
            let file = encoded.zip(name).zip(told.file.as_ref()).filter(|_| size <= WEBHOOK_BYTES_MAX);
            let file = file.map(
                |((base64, name), file)| json!({"name": name, "content_type": file.content_type, "base64": base64}),
            );
            let data = json!({
                "project": due.project, "schedule": due.schedule, "title": schedule.title, "fate": told.fate,
                "detail": told.detail, "file": file,
            });
            let kind = if told.file.is_some() { "schedule.answer" } else { "schedule.alert" };
            for (at, webhook) in schedule.to.webhooks.iter().enumerate() {
                if schedule.to.webhooks[..at].contains(webhook) {
                    continue;
                }
                let is_small = size <= WEBHOOK_BYTES_MAX;
                let is_told = is_small
                    && self.access().announce_to(&mut transaction, &organisation, webhook, kind, &data).await?;
                match is_told {
                    true => is_for_somebody = true,
                    false => missed.push(webhook.clone()),
                }
            }
            // What nobody is sent is not sent.
            let fate = if told.fate == SENT && !is_for_somebody { FAILED } else { told.fate };
            let author = self.system();
            let record = self.act(&due.project, "schedule.send", &author).on("schedule", &due.schedule);
            let record = record.after(&json!({"fate": fate, "to": schedule.to, "not_told": missed}));
            let is_written = schedule.to.emails.iter().any(|email| !missed.contains(email))
                && matches!(self.access().settings().mail_route, MailRoute::Folder(_));
            let detail = if is_written { format!("{}; {WRITTEN}", told.detail) } else { told.detail.clone() };
            self.access().record(&mut transaction, record).await?;
            (fate, with_missed(detail, &missed))
        };
        if !storage::end_run(&mut transaction, run, self.now(), fate, &detail).await? {
            tracing::warn!(project = due.project, schedule = due.schedule, "another process has asked this meanwhile");
            return Ok(());
        }
        storage::set_alarm(&mut transaction, &due.project, &due.schedule, told.is_alarmed).await?;
        Ok(transaction.commit().await?)
    }

    fn system(&self) -> Author {
        Author::system(Actor::System, Origin::default())
    }
}

/// What a run says where mails do not leave.
const WRITTEN: &str = "its mails are written into files on the server, which sends none: set mail.url";

fn with_missed(detail: String, missed: &[String]) -> String {
    if missed.is_empty() { detail } else { format!("{detail}; not told: {}", missed.join(", ")) }
}

impl Boards {
    /// What may have an answer a little later is asked again, before its next time; false: it has failed.
    async fn put_off(
        &self,
        run: &str,
        due: &Due,
        next: Option<Timestamp>,
        error: &BoardError,
    ) -> Result<bool, BoardError> {
        let is_of_now = matches!(
            error,
            BoardError::Unanswered(Unanswered::Later { .. } | Unanswered::Preparing { .. })
                | BoardError::Access(AccessError::Busy)
        );
        let Some(next) = next.filter(|_| is_of_now) else { return Ok(false) };
        // The newest is this one.
        let runs = storage::runs(self.access().database(), &due.project, &due.schedule, 10).await?;
        let tries = runs.iter().skip(1).take_while(|before| before.fate == storage::INTERRUPTED).count();
        let Some(pause) = PAUSES_MINUTES.get(tries) else { return Ok(false) };
        let again = self.now().plus_millis(pause * 60_000);
        if again >= next {
            return Ok(false);
        }
        let detail = format!("{error}; it is asked again at {}", again.to_rfc3339());
        let mut transaction = self.access().database().write().await?;
        if storage::end_run(&mut transaction, run, self.now(), storage::INTERRUPTED, &detail).await? {
            storage::move_due(&mut transaction, due, next, again).await?;
            transaction.commit().await?;
        }
        Ok(true)
    }

    /// A failed question changes no alarm. The first time since the schedule was changed somebody is told, and not again until one has
    /// succeeded.
    async fn failed(
        &self,
        due: &Due,
        kept: &Kept,
        schedule: &Schedule,
        error: &BoardError,
    ) -> Result<Told, BoardError> {
        // The newest is this one.
        let runs = storage::runs(self.access().database(), &due.project, &due.schedule, 10).await?;
        let mut before = runs.iter().skip(1).filter(|before| before.fate != storage::INTERRUPTED);
        let is_known = before.next().is_some_and(|run| run.fate == FAILED && run.began_at > kept.updated_at);
        let title = if is_known { String::new() } else { format!("Failed: {}", schedule.title) };
        let detail = why(due, schedule, error);
        Ok(Told { fate: FAILED, detail, is_alarmed: due.is_alarmed, title, file: None })
    }
}

/// What the run says of a failure.
fn why(due: &Due, schedule: &Schedule, error: &BoardError) -> String {
    match error {
        BoardError::Unanswered(why) => why.to_string(),
        BoardError::NotFound(what) => format!("there is no {what} {}", schedule.question),
        BoardError::Invalid(faults) => faults.iter().map(|fault| fault.detail.clone()).collect::<Vec<_>>().join("; "),
        _ => {
            tracing::error!(%error, project = due.project, schedule = due.schedule, "a schedule failed");
            "the program failed; its tracing says why".to_owned()
        }
    }
}
