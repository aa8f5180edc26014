//! Schedules and alerts, and what became of each time that one was asked.

use std::cmp::Reverse;

use axum::Extension;
use axum::extract::State;
use footfall_api_access::Permission;
use footfall_api_app::{May, Member};
use footfall_api_http::{Done, Page, Paging, Path, Problem, Routes, Time, Unfiltered};
use schemars::JsonSchema;
use serde::Serialize;

use super::ItemPlace;
use super::items::routes as items;
use crate::boards::{Boards, sees_all};
use crate::document::{Kind, Schedule};
use crate::error::problem;
use crate::storage;

/// One time that a schedule was asked.
#[derive(Debug, Serialize, JsonSchema)]
struct ScheduleRun {
    id: String,
    due_at: Time,
    began_at: Time,
    ended_at: Option<Time>,
    /// `running`; `sent`; `quiet`, `alarmed`, `recovered` of alerts; `failed`; `interrupted`, and asked again.
    fate: String,
    /// What was found. Empty for roles that see a part of the activity: it is of all.
    detail: String,
}

/// Older ones are not listed.
const RUNS_MAX: i64 = 500;

pub(super) fn routes() -> Routes<Boards, May> {
    let runs_of = "/v1/projects/{project}/schedules/{key}/runs";
    items!(
        Schedule,
        "schedules",
        "Questions that are asked by themselves: answers sent, numbers watched.",
        "schedules",
        get(runs_of, read(), runs, "When it was asked and what became of it, the newest first.").raises(READS),
        post(runs_of, write(), run, "Asks it at once, besides its times.").cost(20).raises(CHANGES),
    )
}

async fn runs(
    State(boards): State<Boards>,
    Extension(member): Extension<Member>,
    Path(place): Path<ItemPlace>,
    paging: Paging<Unfiltered, (Reverse<i64>, Reverse<String>)>,
) -> Result<Page<ScheduleRun>, Problem> {
    boards.item(&place.project, Kind::Schedule, &place.key).await.map_err(problem)?;
    let database = boards.access().database();
    let runs = storage::runs(database, &place.project, &place.key, RUNS_MAX).await.map_err(problem)?;
    let view = boards.view(&member, Permission::DashboardsRead, &place.project);
    let is_shown = view.is_some_and(|view| sees_all(&view));
    let position = |run: &storage::Run| (Reverse(run.began_at.millis()), Reverse(run.id.clone()));
    let after = paging.after.clone();
    let rest = runs.into_iter().filter(|run| after.as_ref().is_none_or(|after| position(run) > *after));
    Ok(Page::of(rest.take(paging.limit + 1).collect(), &paging, position, |run| ScheduleRun {
        id: run.id,
        due_at: run.due_at.into(),
        began_at: run.began_at.into(),
        ended_at: run.ended_at.map(Time::from),
        fate: run.fate,
        detail: if is_shown { run.detail } else { String::new() },
    }))
}

async fn run(State(boards): State<Boards>, Path(place): Path<ItemPlace>) -> Result<Done, Problem> {
    boards.ask_at_once(&place.project, &place.key).await.map(|()| Done).map_err(problem)
}
