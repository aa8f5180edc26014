//! The rows of one project in one turn, for all tables.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use footfall_ingest_activity::{Activity, Kind, Link, LinkKind, Quarantined, Resolved, Text, Timestamp, Unmerge};
use footfall_pipelines_store::TableRows;
use footfall_pipelines_store::tables::Table;
use uuid::Uuid;

use super::{Graphs, Sources};
use crate::identity::{Claim, IdentityGraph, Made, MergeRow, Outcome, merge_rows_into};
use crate::live::pulse;
use crate::transform::{ActivityRows, Identities, QuarantineRows, resolved_rows, session_parts};
use crate::{JobError, LivePulse};

/// A claim or its undoing, waiting for the end of the turn: the graph changes only when nothing else can fail.
struct Operation<'a> {
    merge_id: Text<'a>,
    made: Made,
    /// Missing for an undo.
    link: Option<Link<'a>>,
}

pub(super) struct ProjectRows<'a> {
    pub name: Arc<str>,
    activity: ActivityRows,
    identities: Identities<'a>,
    quarantine: QuarantineRows,
    resolved: Vec<(String, Timestamp)>,
    operations: Vec<Operation<'a>>,
}

impl<'a> ProjectRows<'a> {
    pub fn new(name: Arc<str>, capacity: usize) -> Self {
        ProjectRows {
            name,
            activity: ActivityRows::with_capacity(capacity),
            identities: Identities::default(),
            quarantine: QuarantineRows::default(),
            resolved: Vec::new(),
            operations: Vec::new(),
        }
    }

    pub fn append(&mut self, activity: &mut Activity<'a>) -> Result<(), JobError> {
        let id = self.identities.observe(&self.name, activity);
        self.activity.append(id, activity)?;
        let link = activity.link.take().or_else(|| {
            let names_a_user = activity.kind == Kind::Identify && activity.identified;
            let user = &activity.distinct_id;
            names_a_user.then(|| Link { kind: LinkKind::Identify, from: user.clone(), into: user.clone() })
        });
        if let Some(link) = link {
            let made = Made { timestamp: activity.timestamp, received_at: activity.received_at };
            self.operations.push(Operation { merge_id: activity.message_id.clone(), made, link: Some(link) });
        }
        Ok(())
    }

    pub fn quarantine(&mut self, item: &Quarantined<'_>) -> Result<(), JobError> {
        Ok(self.quarantine.append(item)?)
    }

    pub fn resolve(&mut self, item: &Resolved<'_>) {
        self.resolved.push((item.quarantine_id.to_string(), item.resolved_at));
    }

    pub fn undo(&mut self, unmerge: &Unmerge<'a>) {
        let made = Made { timestamp: unmerge.requested_at, received_at: unmerge.requested_at };
        self.operations.push(Operation { merge_id: unmerge.merge_id.clone(), made, link: None });
    }

    pub fn finish(
        mut self,
        sources: &Sources<'_>,
        graphs: &mut Graphs,
    ) -> Result<(TableRows, Option<LivePulse>), JobError> {
        let mut rows = TableRows::default();
        let is_watched = sources.live_activities_max > 0 && !self.activity.is_empty();
        if is_watched || !self.operations.is_empty() {
            let graph = graph_of(&self.name, sources, graphs)?;
            let merges = self.decide(graph, &mut rows);
            if !merges.is_empty() {
                rows.batches.insert(Table::PersonMerges, merge_rows_into(&merges)?);
            }
        }
        if !self.quarantine.is_empty() {
            rows.batches.insert(Table::Quarantine, self.quarantine.finish()?);
        }
        if !self.resolved.is_empty() {
            rows.batches.insert(Table::QuarantineResolved, resolved_rows(&self.resolved)?);
        }
        if !self.identities.is_empty() {
            rows.batches.insert(Table::Identities, self.identities.finish()?);
        }
        if self.activity.is_empty() {
            return Ok((rows, None));
        }
        let ids = self.activity.ids().to_vec();
        let activity = self.activity.finish(&self.identities)?;
        rows.batches.insert(Table::SessionParts, session_parts(&activity, &ids)?);
        let graph = graphs.get(&self.name).filter(|_| is_watched);
        let pulse = graph
            .map(|graph| pulse(self.name.clone(), &activity, sources.live_activities_max, |id| graph.person_of(id)));
        rows.batches.insert(Table::Activity, activity);
        Ok((rows, pulse))
    }

    /// Puts the turn's claims to the graph, in order.
    fn decide(&mut self, graph: &mut IdentityGraph, rows: &mut TableRows) -> Vec<MergeRow> {
        let mut merges = Vec::new();
        let mut persons: BTreeMap<Uuid, Uuid> = BTreeMap::new();
        for Operation { merge_id, made, link } in std::mem::take(&mut self.operations) {
            let Some(Link { kind, from, into }) = link else {
                let (row, changes) = graph.undo(&merge_id, made);
                merges.push(row);
                persons.extend(changes);
                continue;
            };
            if graph.is_settled(kind.into(), &from, &into) {
                continue;
            }
            let claim = Claim {
                merge_id: Arc::from(merge_id.as_str()),
                kind: kind.into(),
                from: Arc::from(from.as_str()),
                into: Arc::from(into.as_str()),
            };
            let (row, changes) = graph.claim(claim, made);
            persons.extend(changes);
            if let Some(row) = row {
                if row.outcome == Outcome::Applied {
                    self.identities.mention(&self.name, &from, made.timestamp, false);
                    self.identities.mention(&self.name, &into, made.timestamp, kind != LinkKind::Merge);
                }
                merges.push(row);
            }
        }
        rows.person_changes = persons.into_iter().collect();
        merges
    }
}

fn graph_of<'g>(
    project: &Arc<str>,
    sources: &Sources<'_>,
    graphs: &'g mut Graphs,
) -> Result<&'g mut IdentityGraph, JobError> {
    Ok(match graphs.entry(project.clone()) {
        Slot::Occupied(slot) => slot.into_mut(),
        Slot::Vacant(slot) => slot.insert((sources.graph)(project)?),
    })
}
