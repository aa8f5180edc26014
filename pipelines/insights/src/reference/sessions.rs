//! Sessions, naively.

use std::collections::{BTreeMap, BTreeSet};

use super::division::{is_by_person, value_of_session};
use super::{Row, World, buckets_of};
use crate::definition::{By, ByOf, Label, SessionBucket, SessionGroup, Sessions, SessionsAnswer};

impl World {
    /// The sessions of a person that count, each with its value.
    pub(super) fn sessions_of<'w>(&'w self, sessions: &Sessions, person: &str) -> Vec<(Vec<&'w Row>, Option<String>)> {
        let rows = self.rows_of(person);
        let mut found = Vec::new();
        for session in rows.chunk_by(|a, b| b.time_ms - a.time_ms <= sessions.gap_ms) {
            let counts = sessions.scope.contains(session[0].time_ms)
                && session.iter().any(|row| self.matches(&sessions.select, row));
            if counts {
                let by = sessions.breakdown.as_ref().map(|breakdown| &breakdown.properties[0]);
                found.push((session.to_vec(), by.and_then(|by| self.value_of_entry(by, session))));
            }
        }
        found
    }

    fn value_of_entry(&self, by: &By, session: &[&Row]) -> Option<String> {
        let first = session[0];
        if is_by_person(by) {
            return self.value_of_person(by, &first.person);
        }
        if let By::Of(ByOf::Session(_)) = by {
            return value_of_session(by, session);
        }
        let tied = session.iter().filter(|row| row.time_ms == first.time_ms && row.activity == first.activity);
        tied.map(|row| self.value_of(by, row)).min().unwrap()
    }

    pub(super) fn sessions(&self, sessions: &Sessions) -> SessionsAnswer {
        let all: Vec<(Vec<&Row>, Option<String>)> =
            self.persons_of(&sessions.scope).iter().flat_map(|person| self.sessions_of(sessions, person)).collect();
        let (mut entries, mut exits): (BTreeMap<String, u64>, BTreeMap<String, u64>) = Default::default();
        for (session, _) in &all {
            *entries.entry(session[0].activity.clone()).or_default() += 1;
            *exits.entry(session[session.len() - 1].activity.clone()).or_default() += 1;
        }
        let ranked = |counts: BTreeMap<String, u64>| {
            let mut ranked: Vec<(String, u64)> = counts.into_iter().collect();
            ranked.sort_by_key(|one| std::cmp::Reverse(one.1));
            ranked
        };
        let whole: Vec<&Vec<&Row>> = all.iter().map(|one| &one.0).collect();
        let labels = self.labels_of(sessions, &all);
        let groups: BTreeSet<&Label> = labels.iter().collect();
        let group = |label: &Label| {
            let of = all.iter().zip(&labels).filter(|(_, one)| *one == label).map(|(one, _)| &one.0);
            SessionGroup { label: label.clone(), buckets: counted(sessions, &of.collect::<Vec<_>>()) }
        };
        let groups = groups.into_iter().map(group).collect();
        let groups = if sessions.breakdown.is_some() { groups } else { Vec::new() };
        SessionsAnswer { buckets: counted(sessions, &whole), entries: ranked(entries), exits: ranked(exits), groups }
    }

    /// The label of each of these sessions, of all there are.
    fn labels_of(&self, sessions: &Sessions, all: &[(Vec<&Row>, Option<String>)]) -> Vec<Label> {
        let Some(breakdown) = &sessions.breakdown else { return vec![Label::Everything; all.len()] };
        let mut counts: BTreeMap<&Option<String>, usize> = BTreeMap::new();
        all.iter().for_each(|one| *counts.entry(&one.1).or_default() += 1);
        let mut ranked: Vec<(&Option<String>, usize)> = counts.into_iter().collect();
        ranked.sort_by_key(|one| std::cmp::Reverse(one.1));
        let top: Vec<&Option<String>> = ranked.into_iter().take(breakdown.top).map(|one| one.0).collect();
        let label = |value: &Option<String>| match top.contains(&value) {
            true => Label::Values(vec![value.clone()]),
            false => Label::Other,
        };
        all.iter().map(|one| label(&one.1)).collect()
    }

    /// The labels of a person's sessions.
    pub(super) fn session_labels(&self, sessions: &Sessions, person: &str) -> Vec<Label> {
        let persons = self.persons_of(&sessions.scope);
        let all: Vec<_> = persons.iter().flat_map(|person| self.sessions_of(sessions, person)).collect();
        let labels = self.labels_of(sessions, &all);
        all.iter().zip(labels).filter(|(one, _)| one.0[0].person == person).map(|(_, label)| label).collect()
    }
}

fn counted(sessions: &Sessions, all: &[&Vec<&Row>]) -> Vec<SessionBucket> {
    let bucket = |(from, until): (i64, i64)| {
        let mut count = SessionBucket { start_ms: from, ..SessionBucket::default() };
        for session in all.iter().filter(|session| (from..until).contains(&session[0].time_ms)) {
            count.sessions += 1;
            count.duration_ms += (session[session.len() - 1].time_ms - session[0].time_ms) as u64;
            count.bounces += u64::from(session.len() == 1);
            count.rows += session.len() as u64;
        }
        count
    };
    buckets_of(sessions.bucket, &sessions.scope, 0).into_iter().map(bucket).collect()
}
