//! The people of a number, naively: everybody is asked about alone, in a world in which there is nobody else.

use super::places::disk;
use super::{World, buckets_of, scope_of};
use crate::definition::{
    ActivePeriod, Answer, Distribution, Funnel, FunnelStanding, Label, LifecycleStanding, Measure, NamedCohort,
    PathsCell, PeopleAnswer, PeopleOf, PlacesCell, Question, Retention, Scope, Series, TimeBetween, Trend,
};

impl World {
    pub(super) fn people_of(&self, of: &PeopleOf) -> PeopleAnswer {
        let all = self.cell_people(of);
        let (limit, after) = of.page();
        let rest: Vec<String> =
            all.iter().filter(|id| after.is_none_or(|after| id.as_str() > after)).cloned().collect();
        let listed: Vec<String> = rest.iter().take(limit).cloned().collect();
        let next = if rest.len() > limit { listed.last().cloned() } else { None };
        PeopleAnswer { people: all.len() as u64, listed, next }
    }

    /// Ids, ascending.
    pub(super) fn cell_people(&self, of: &PeopleOf) -> Vec<String> {
        let mut people = self.persons();
        people.retain(|person| self.is_in_cell(of, person));
        people
    }

    /// Only this person's rows. Groups of people are worked out before, in the whole world.
    fn alone(&self, person: &str) -> World {
        let rows = self.rows.iter().filter(|row| row.person == person).cloned().collect();
        World { rows, traits: self.traits.clone(), groups: self.groups.clone() }
    }

    /// Whether a person is in the scope, and in the cohort of a label.
    fn is_asked(&self, scope: &Scope, cohorts: &[NamedCohort], label: &Label, person: &str) -> bool {
        let named = match label {
            Label::Cohort(name) => cohorts.iter().find(|named| named.name == *name),
            _ => None,
        };
        let scope = named.map_or(scope.clone(), |named| scope_of(scope, &named.cohort));
        self.persons_of(&scope).iter().any(|one| one == person)
    }

    fn is_in_cell(&self, of: &PeopleOf, person: &str) -> bool {
        let alone = self.alone(person);
        match of {
            PeopleOf::Trend(asked) => self.is_in_trend(&asked.question, &asked.cell, person),
            PeopleOf::Funnel(asked) => {
                let (funnel, cell) = (&asked.question, &asked.cell);
                let starts = cell.bucket_ms.map_or((i64::MIN, i64::MAX), |time| {
                    let buckets = buckets_of(funnel.trend.unwrap(), &funnel.scope, 0);
                    buckets.into_iter().find(|&(from, until)| (from..until).contains(&time)).unwrap()
                });
                let level = self.level(person, funnel, starts).0;
                let stands = match cell.standing {
                    FunnelStanding::Reached => level >= cell.step,
                    FunnelStanding::Dropped => level == cell.step,
                };
                stands
                    && self.is_asked(&funnel.scope, &funnel.cohorts, &cell.label, person)
                    && self.touches(funnel, &cell.label, person)
            }
            PeopleOf::Retention(asked) => {
                let (retention, cell) = (&asked.question, &asked.cell);
                let buckets = buckets_of(retention.bucket, &retention.scope, 0);
                let at = buckets.iter().position(|&(from, until)| (from..until).contains(&cell.start_ms)).unwrap();
                let labels = self.start_labels(retention);
                let starts = self.starts(retention).into_iter();
                let started =
                    starts.filter(|start| start.0 == person && start.1 == at).any(|start| match &cell.label {
                        Label::Values(_) => labels.contains(&cell.label) && cell.label == Label::Values(vec![start.2]),
                        Label::Other => {
                            labels.contains(&Label::Other) && !labels.contains(&Label::Values(vec![start.2]))
                        }
                        _ => true,
                    });
                let asked = self.is_asked(&retention.scope, &retention.cohorts, &cell.label, person);
                let span = (retention.scope.from_ms, retention.scope.until_ms);
                let returns = self.present(person, &retention.returning, &buckets, span);
                let returned = cell.after.map(|after| match retention.unbounded {
                    true => returns.iter().any(|&bucket| bucket >= at + after),
                    false => returns.contains(&(at + after)),
                });
                started && asked && returned.is_none_or(|returned| returned == cell.returned)
            }
            PeopleOf::Paths(asked) => {
                let mut paths = asked.question.clone();
                (paths.top, paths.edge_least) = (usize::MAX, 0);
                let asked_about = self.is_asked(&paths.scope, &[], &Label::Everything, person);
                paths.scope.people = None;
                let answer = alone.paths(&paths);
                asked_about
                    && match &asked.cell {
                        PathsCell::Path(path) => answer.paths.iter().any(|one| one.activities == *path),
                        PathsCell::Edge { place, from, to } => {
                            let is = |edge: &crate::definition::PathEdge| {
                                (edge.place, &edge.from, &edge.to) == (*place, from, to)
                            };
                            answer.edges.iter().any(is)
                        }
                    }
            }
            PeopleOf::Lifecycle(asked) => {
                let mut lifecycle = asked.question.clone();
                let asked_about = self.is_asked(&lifecycle.scope, &[], &Label::Everything, person);
                lifecycle.scope.people = None;
                let answer = alone.answer(&Question::Lifecycle(lifecycle));
                let Answer::Lifecycle(answer) = answer else { unreachable!("it answers what it is asked") };
                let bucket = answer.buckets.iter().rfind(|bucket| bucket.start_ms <= asked.cell.bucket_ms).unwrap();
                let count = match asked.cell.standing {
                    LifecycleStanding::New => bucket.new,
                    LifecycleStanding::Returning => bucket.returning,
                    LifecycleStanding::Resurrecting => bucket.resurrecting,
                    LifecycleStanding::Dormant => bucket.dormant,
                };
                asked_about && count > 0
            }
            PeopleOf::Stickiness(asked) => {
                let stickiness = &asked.question;
                let asked_about = self.is_asked(&stickiness.scope, &[], &Label::Everything, person);
                let buckets = buckets_of(stickiness.bucket, &stickiness.scope, 0);
                let span = (stickiness.scope.from_ms, stickiness.scope.until_ms);
                let present = self.present(person, &stickiness.select, &buckets, span).len();
                asked_about && present > 0 && present == asked.cell.buckets
            }
            PeopleOf::Sessions(asked) => {
                let (sessions, cell) = (&asked.question, &asked.cell);
                let buckets = buckets_of(sessions.bucket, &sessions.scope, 0);
                let bucket_at = |time: i64| buckets.iter().position(|&(from, until)| (from..until).contains(&time));
                let by_value = matches!(cell.label, Label::Values(_) | Label::Other);
                let labels = if by_value { self.session_labels(sessions, person) } else { Vec::new() };
                let has = self.sessions_of(sessions, person).into_iter().enumerate().any(|(place, (session, _))| {
                    let (first, last) = (session[0], session[session.len() - 1]);
                    (!by_value || labels.get(place) == Some(&cell.label))
                        && cell.bucket_ms.is_none_or(|time| bucket_at(time) == bucket_at(first.time_ms))
                        && cell.bounced.is_none_or(|bounced| bounced == (session.len() == 1))
                        && cell.entry.as_ref().is_none_or(|name| *name == first.activity)
                        && cell.exit.as_ref().is_none_or(|name| *name == last.activity)
                });
                has && self.is_asked(&sessions.scope, &[], &Label::Everything, person)
            }
            PeopleOf::Cohort(asked) => self.is_in(&asked.question.cohort, person),
            PeopleOf::Distribution(asked) => {
                let people = Some(crate::definition::Cohort::Listed(vec![person.to_owned()]));
                let asked_about = self.is_asked(&asked.question.scope, &[], &Label::Everything, person);
                let scope = Scope { people, sample: None, ..asked.question.scope.clone() };
                let histogram = self.distribution(&Distribution { scope, ..asked.question.clone() }).histogram;
                let count: u64 = asked.cell.bin.map_or(histogram.iter().sum(), |bin| histogram[bin]);
                asked_about && count > 0
            }
            PeopleOf::ActivePeople(asked) => {
                let scope = &asked.question.scope;
                let days = buckets_of(crate::definition::Bucket::Day, scope, 29);
                let day = days.iter().rposition(|day| day.0 <= asked.cell.day_ms).unwrap();
                let length = match asked.cell.period {
                    ActivePeriod::Day => 1,
                    ActivePeriod::Week => 7,
                    ActivePeriod::Month => 30,
                };
                let span = (days[(day + 1).saturating_sub(length)].0, days[day].1);
                let rows = self.rows_of(person).into_iter();
                let mut inside = rows.filter(|row| (span.0..span.1).contains(&row.time_ms));
                inside.any(|row| self.matches(&asked.question.select, row))
                    && self.is_asked(scope, &[], &Label::Everything, person)
            }
            PeopleOf::TimeBetween(asked) => {
                let asked_about = self.is_asked(&asked.question.scope, &[], &Label::Everything, person);
                let people = Some(crate::definition::Cohort::Listed(vec![person.to_owned()]));
                let scope = Scope { people, sample: None, ..asked.question.scope.clone() };
                let between = TimeBetween { scope, ..asked.question.clone() };
                let (least, most) = (asked.cell.at_least_ms.unwrap_or(0), asked.cell.at_most_ms.unwrap_or(i64::MAX));
                asked_about && self.times_between(&between).iter().any(|one| (least..=most).contains(&one.0))
            }
            PeopleOf::Places(asked) => {
                let visits = self.visits(&asked.question, person);
                match &asked.cell {
                    PlacesCell::Cell { cell, again } => {
                        let here = visits.iter().filter(|visit| visit.0.to_string() == *cell).count();
                        here > usize::from(*again)
                    }
                    PlacesCell::Within { rings } => {
                        let near = disk(&asked.question, *rings);
                        visits.iter().any(|visit| near.contains(&visit.0))
                    }
                }
            }
            PeopleOf::Correlation(asked) => {
                let (question, cell) = (&asked.question, &asked.cell);
                let found = self.factors_of(question, person);
                self.persons_of(&question.funnel.scope).iter().any(|one| one == person)
                    && found.is_some_and(|(converted, factors)| {
                        cell.converted.is_none_or(|wanted| wanted == converted)
                            && cell.factor.as_ref().is_none_or(|factor| factors.contains(factor) == cell.has)
                    })
            }
            PeopleOf::Compare(asked) => {
                let is_in = |segment: usize| {
                    let scope = scope_of(&asked.question.scope, &asked.question.segments[segment].cohort);
                    self.persons_of(&scope).iter().any(|one| one == person)
                };
                match asked.cell.segment {
                    None => is_in(0) && is_in(1),
                    Some(segment) => is_in(segment) && !is_in(1 - segment),
                }
            }
            PeopleOf::Ranking(asked) => {
                let rows = self.matching(&asked.question.scope, &asked.question.select);
                asked.cell.person.as_ref().is_none_or(|one| one == person)
                    && rows.iter().any(|row| {
                        row.person == person && asked.cell.activity.as_ref().is_none_or(|name| *name == row.activity)
                    })
            }
        }
    }

    fn is_in_trend(&self, trend: &Trend, cell: &crate::definition::TrendCell, person: &str) -> bool {
        let mut scope = trend.scope.clone();
        if cell.previous {
            scope = scope.before().unwrap();
        }
        let Series { select, measures } = &trend.series[cell.series];
        let is_of_new = cell.measure.is_some_and(|place| measures[place] == Measure::NewPeople);
        let by_value = matches!(cell.label, Label::Values(_) | Label::Other);
        let whole = Trend { scope: scope.clone(), previous: false, ..trend.clone() };
        let lines = if by_value { self.trend(&whole).lines } else { Vec::new() };
        let has = |label: &Label| lines.iter().any(|line| line.series == cell.series && line.label == *label);
        let buckets = buckets_of(trend.bucket, &scope, 0);
        let bucket = cell.bucket_ms.map(|time| *buckets.iter().find(|one| (one.0..one.1).contains(&time)).unwrap());
        let properties = trend.breakdown.as_ref().map_or(&[][..], |breakdown| &breakdown.properties);
        let rows = self.rows_of(person);
        let first = rows.first().map(|row| row.time_ms);
        let begins = |(from, until): (i64, i64)| first.is_some_and(|first| (from..until).contains(&first));
        let is_new = !is_of_new || (begins((scope.from_ms, scope.until_ms)) && bucket.is_none_or(begins));
        let bucket = bucket.filter(|_| !is_of_new);
        is_new
            && self.is_asked(&scope, &trend.cohorts, &cell.label, person)
            && rows.iter().any(|row| {
                let label = Label::Values(properties.iter().map(|by| self.value_of(by, row)).collect());
                let labelled = match &cell.label {
                    Label::Values(_) => has(&cell.label) && label == cell.label,
                    Label::Other => has(&Label::Other) && !has(&label),
                    _ => true,
                };
                labelled
                    && scope.contains(row.time_ms)
                    && bucket.is_none_or(|(from, until)| (from..until).contains(&row.time_ms))
                    && self.matches(select, row)
            })
    }

    /// Whether a person is of a group of a funnel's breakdown.
    fn touches(&self, funnel: &Funnel, label: &Label, person: &str) -> bool {
        let groups = || self.funnel(funnel).groups;
        let value = || Label::Values(vec![self.touched(person, funnel)]);
        match label {
            Label::Values(_) => *label == value() && groups().iter().any(|group| group.label == *label),
            Label::Other => groups().iter().all(|group| group.label != value()) && funnel.breakdown.is_some(),
            _ => true,
        }
    }

    /// The labels that stand for themselves.
    fn start_labels(&self, retention: &Retention) -> Vec<Label> {
        self.retention(retention).groups.into_iter().map(|group| group.label).collect()
    }
}
