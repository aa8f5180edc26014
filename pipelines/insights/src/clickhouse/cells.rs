//! The people of a number: how many, and a page of their ids. The same as a group within other statements.

use super::rows::{ms_of, of, people_of, quoted, selected, within};
use super::{correlation, funnel, paths, people, places, questions, retention, sessions, trend};
use crate::definition::{
    Bucket, Buckets, Cohort, FactorOf, FunnelStanding, Label, LifecycleStanding, Measure, NamedCohort, PathsCell,
    PeopleOf, PlacesCell, Scope,
};

pub(super) fn people_of_cell(asked: &PeopleOf) -> Option<Vec<String>> {
    let (who, (limit, after)) = (who(asked)?, asked.page());
    let after = after.map_or("1".to_owned(), |after| format!("person_id > {}", quoted(after)));
    Some(vec![
        format!("SELECT uniqExact(person_id) AS people FROM ({who})"),
        format!("SELECT DISTINCT person_id FROM ({who})\nWHERE {after} ORDER BY person_id LIMIT {limit}"),
    ])
}

/// Their ids, some perhaps more than once. `None` where the cell is none of the question's, or the question cannot be said.
pub(super) fn who(asked: &PeopleOf) -> Option<String> {
    match asked {
        PeopleOf::Trend(asked) => {
            let (question, cell) = (&asked.question, &asked.cell);
            let mut scope = labelled(&question.scope, &question.cohorts, &cell.label);
            if cell.previous {
                scope = scope.before().ok()?;
            }
            let inside = match cell.bucket_ms {
                Some(time) => {
                    let (_, from, until) = bucket_at(question.bucket, &scope, time, 0)?;
                    within(from, until)
                }
                None => "1".to_owned(),
            };
            let series = question.series.get(cell.series)?;
            let is_of_new = match cell.measure {
                Some(place) => series.measures.get(place)? == &Measure::NewPeople,
                None => false,
            };
            Some(trend::people(question, &scope, series, (inside.as_str(), is_of_new), text_of(&cell.label).as_deref()))
        }
        PeopleOf::Funnel(asked) => {
            let (mut question, cell) = (asked.question.clone(), &asked.cell);
            question.scope = labelled(&question.scope, &question.cohorts, &cell.label);
            let at_level = match cell.standing {
                FunnelStanding::Reached => format!("level >= {}", cell.step),
                FunnelStanding::Dropped => format!("level = {}", cell.step),
            };
            let start = match (cell.bucket_ms, question.trend) {
                (Some(time), Some(unit)) => Some(bucket_at(unit, &question.scope, time, 0)?.1),
                (Some(_), None) => return None,
                (None, _) => None,
            };
            Some(funnel::people(&question, &at_level, start, text_of(&cell.label).as_deref()))
        }
        PeopleOf::Retention(asked) => {
            let (mut question, cell) = (asked.question.clone(), &asked.cell);
            question.scope = labelled(&question.scope, &question.cohorts, &cell.label);
            let (place, start_ms, _) = bucket_at(question.bucket, &question.scope, cell.start_ms, 0)?;
            let started = retention::started(&question, start_ms, text_of(&cell.label).as_deref());
            let Some(after) = cell.after else { return Some(started) };
            let all = buckets(question.bucket, &question.scope, 0)?;
            let back = match all.starts().get(place.saturating_add(after)) {
                Some(from_ms) => {
                    let sign = if question.unbounded { ">=" } else { "=" };
                    format!("{} {sign} {from_ms}", ms_of("returned"))
                }
                None => "0".to_owned(),
            };
            let not = if cell.returned { "" } else { "NOT " };
            let returned = format!("SELECT person_id FROM ({}) WHERE {back}", retention::returns(&question));
            Some(format!("SELECT person_id FROM ({started}) WHERE person_id {not}IN ({returned})"))
        }
        PeopleOf::Paths(asked) => {
            let found = paths::occurrences(&asked.question);
            let of_cell = match &asked.cell {
                PathsCell::Path(path) => {
                    let names: Vec<String> = path.iter().map(|name| quoted(name)).collect();
                    format!("path = [{}]", names.join(", "))
                }
                PathsCell::Edge { place, from, to } => {
                    let length = asked.question.length;
                    let front = if asked.question.anchor.is_forward() {
                        String::new()
                    } else {
                        format!(" - {length} + length(path)")
                    };
                    let first = format!("(toInt64({place}) + 1{front})");
                    format!(
                        "{first} >= 1 AND {first} < length(path) AND path[greatest(1, {first})] = {} AND path[greatest(1, {first}) + 1] = {}",
                        quoted(from),
                        quoted(to)
                    )
                }
            };
            Some(format!("SELECT person_id FROM ({found}) WHERE {of_cell}"))
        }
        PeopleOf::Lifecycle(asked) => {
            let standing = match asked.cell.standing {
                LifecycleStanding::New => "new",
                LifecycleStanding::Returning => "returning",
                LifecycleStanding::Resurrecting => "resurrecting",
                LifecycleStanding::Dormant => "dormant",
            };
            let (_, start_ms, _) = bucket_at(asked.question.bucket, &asked.question.scope, asked.cell.bucket_ms, 0)?;
            let standings = questions::standings(&asked.question);
            Some(format!(
                "SELECT person_id FROM ({standings}) WHERE standing = '{standing}' AND {} = {start_ms}",
                ms_of("at")
            ))
        }
        PeopleOf::Stickiness(asked) => Some(format!(
            "SELECT person_id FROM ({}) WHERE n = {}",
            questions::often(&asked.question),
            asked.cell.buckets
        )),
        PeopleOf::Sessions(asked) => {
            let (question, cell) = (&asked.question, &asked.cell);
            let inside = match cell.bucket_ms {
                Some(time) => {
                    let (_, from, until) = bucket_at(question.bucket, &question.scope, time, 0)?;
                    Some(format!("first >= {from} AND first < {until}"))
                }
                None => None,
            };
            let bounced = cell.bounced.map(|bounced| if bounced { "n = 1" } else { "n > 1" }.to_owned());
            let entry = cell.entry.as_ref().map(|name| format!("entry = {}", quoted(name)));
            let exit = cell.exit.as_ref().map(|name| format!("exit = {}", quoted(name)));
            let own = || sessions::label_of(question).unwrap_or_else(|| "NULL".to_owned());
            let label = text_of(&cell.label).map(|label| format!("{} = {label}", own()));
            let all = [inside, bounced, entry, exit, label].into_iter().flatten();
            let conditions: Vec<String> = [sessions::counting(question)].into_iter().chain(all).collect();
            Some(format!("SELECT person_id FROM {} WHERE {}", sessions::every_one(question), conditions.join(" AND ")))
        }
        PeopleOf::Cohort(asked) => {
            Some(format!("SELECT DISTINCT person_id FROM activity WHERE {}", people::cohort(&asked.question.cohort)))
        }
        PeopleOf::Distribution(asked) => {
            let edges = &asked.question.edges;
            let bounds = asked.cell.bin.map_or(Vec::new(), |bin| {
                let low = bin.checked_sub(1).and_then(|bin| edges.get(bin)).map(|edge| format!("value >= {edge:?}"));
                low.into_iter().chain(edges.get(bin).map(|edge| format!("value < {edge:?}"))).collect()
            });
            let inside = if bounds.is_empty() { "1".to_owned() } else { bounds.join(" AND ") };
            Some(format!("SELECT person_id FROM ({}) WHERE {inside}", questions::values(&asked.question)))
        }
        PeopleOf::ActivePeople(asked) => {
            let (question, days) = (&asked.question, asked.cell.period.days());
            let all = buckets(Bucket::Day, &question.scope, 29)?;
            let (place, _, until) = bucket_at(Bucket::Day, &question.scope, asked.cell.day_ms, 29)?;
            if place < 29 {
                return None;
            }
            let from = *all.starts().get((place + 1).saturating_sub(days))?;
            Some(format!(
                "SELECT DISTINCT person_id FROM activity WHERE {} AND {} AND {}",
                within(from, until),
                people_of(&question.scope),
                selected(&question.select)
            ))
        }
        PeopleOf::TimeBetween(asked) => {
            let (question, cell) = (&asked.question, &asked.cell);
            let least = cell.at_least_ms.map(|ms| format!(" AND gap >= {ms}")).unwrap_or_default();
            let most = cell.at_most_ms.map(|ms| format!(" AND gap <= {ms}")).unwrap_or_default();
            let gaps = questions::gaps(question);
            Some(format!("SELECT person_id FROM ({gaps}) WHERE gap <= {}{least}{most}", question.window_ms))
        }
        PeopleOf::Places(asked) => match &asked.cell {
            PlacesCell::Cell { cell, again } => Some(format!(
                "SELECT person_id FROM {} WHERE h3ToString(cell) = {} AND v > {}",
                places::visits(&asked.question),
                quoted(cell),
                u8::from(*again)
            )),
            PlacesCell::Within { rings } => {
                asked.question.catchment.as_ref().filter(|catchment| *rings <= catchment.rings)?;
                let near = places::disk(&asked.question, &rings.to_string())?;
                Some(format!("SELECT person_id FROM {} WHERE has({near}, cell)", places::located(&asked.question)))
            }
        },
        PeopleOf::Correlation(asked) => {
            let (entered, factors) = correlation::people(&asked.question);
            let converted =
                asked.cell.converted.map(|converted| if converted { " AND converted" } else { " AND NOT converted" });
            let factor = asked.cell.factor.as_ref().map(|factor| {
                let (kind, name, value) = match factor {
                    FactorOf::Property { name, value } => ("property", name.as_str(), value),
                    FactorOf::PersonProperty { name, value } => ("person_property", name.as_str(), value),
                    FactorOf::Activity(name) => ("activity", "", name),
                };
                let not = if asked.cell.has { "" } else { "NOT " };
                let (name, value) = (quoted(name), quoted(value));
                format!(
                    " AND person_id {not}IN (SELECT person_id FROM ({factors}) WHERE kind = '{kind}' AND name = {name} AND value = {value})"
                )
            });
            let all = format!("{}{}", converted.unwrap_or_default(), factor.unwrap_or_default());
            Some(format!("SELECT person_id FROM ({entered}) WHERE 1{all}"))
        }
        PeopleOf::Compare(asked) => {
            let [first, second] = asked.question.segments.as_slice() else { return None };
            let (first, second) = (people::cohort(&first.cohort), people::cohort(&second.cohort));
            let wanted = match asked.cell.segment {
                None => format!("({first}) AND ({second})"),
                Some(0) => format!("({first}) AND NOT ({second})"),
                Some(1) => format!("({second}) AND NOT ({first})"),
                Some(_) => return None,
            };
            let everybody = people_of(&asked.question.scope);
            Some(format!("SELECT DISTINCT person_id FROM activity WHERE {everybody} AND {wanted}"))
        }
        PeopleOf::Ranking(asked) => {
            let named = asked.cell.activity.as_ref().map(|name| format!(" AND event = {}", quoted(name)));
            let person = asked.cell.person.as_ref().map(|person| format!(" AND person_id = {}", quoted(person)));
            let rows = of(&asked.question.scope, &asked.question.select);
            let only: String = named.into_iter().chain(person).collect();
            Some(format!("SELECT DISTINCT person_id FROM activity WHERE {rows}{only}"))
        }
    }
}

fn buckets(unit: Bucket, scope: &Scope, before: usize) -> Option<Buckets> {
    Buckets::new(unit, &scope.zone, scope.from_ms, scope.until_ms, before).ok()
}

/// The bucket in which a time lies: its place, its start and its end.
fn bucket_at(unit: Bucket, scope: &Scope, time_ms: i64, before: usize) -> Option<(usize, i64, i64)> {
    let all = buckets(unit, scope, before)?;
    if !(all.from_ms()..all.until_ms()).contains(&time_ms) {
        return None;
    }
    let place = all.of(time_ms);
    Some((place, *all.starts().get(place)?, all.end(place)))
}

/// The scope, limited to the group of a label.
fn labelled(scope: &Scope, cohorts: &[NamedCohort], label: &Label) -> Scope {
    let named = match label {
        Label::Cohort(name) => cohorts.iter().find(|named| named.name == *name),
        _ => None,
    };
    let Some(named) = named else { return scope.clone() };
    let people = Cohort::All(scope.people.iter().cloned().chain([named.cohort.clone()]).collect());
    Scope { people: Some(people), ..scope.clone() }
}

/// A label of values as statements have it.
fn text_of(label: &Label) -> Option<String> {
    match label {
        Label::Everything | Label::Cohort(_) => None,
        Label::Other => Some("'$other'".to_owned()),
        Label::Values(values) => {
            let text = |value: &Option<String>| {
                value.as_ref().map_or("NULL".to_owned(), |value| format!("toNullable({})", quoted(value)))
            };
            Some(format!("toJSONString([{}])", values.iter().map(text).collect::<Vec<_>>().join(", ")))
        }
    }
}
