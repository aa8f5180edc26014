//! Whether an effect wears off or grows: the same measure on each day since a person's exposure.

use std::collections::BTreeMap;

use footfall_api_http::Time;
use footfall_ingest_activity::Timestamp;
use footfall_models_experiment::statistics::distribution::normal_sf;
use footfall_models_experiment::statistics::{Effect, analyse, multiplicity};
use schemars::JsonSchema;
use serde::Serialize;

use super::analysis::{Cells, Frame, Looked, ResultsAsked};
use super::comparison::is_enough;
use super::question::Parts;
use super::reading::POOLED_OF_BANDIT;
use super::report::{Interval, finite};
use super::samples::Cell;
use crate::definition::{Design, Measure, Metric, Window};
use crate::error::ExperimentError;
use crate::experiments::Experiments;

/// Days since exposure that are looked at.
const DAYS_MAX: u32 = 14;
/// Goals that are looked at, the first ones.
const GOALS_MAX: usize = 5;
/// Below this, Holm's over all goals and treatments, the effect changes. It is looked at often.
const P_VALUE_CHANGES: f64 = 0.01;
const DAY_MS: i64 = 24 * 3_600_000;

/// The effect by time since exposure, of each goal and treatment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentNovelty")]
pub struct Novelty {
    pub experiment: String,
    /// Counted from 0.
    pub phase: usize,
    pub from: Time,
    pub until: Time,
    pub goals: Vec<GoalNovelty>,
    /// The question in SQL, and its parameters: the measures are the goals' on each day, goal by goal.
    pub sql: String,
    pub params: serde_json::Value,
}

/// One goal and treatment.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GoalNovelty {
    pub metric: String,
    pub variation: String,
    pub days: Vec<DaySinceExposure>,
    /// Of the first day's effect and that of the later days together, for one look; the effects of different days on the same people are
    /// taken to have nothing to do with each other where that makes it greater, so that it is rather too great.
    pub p_value: Option<f64>,
    /// Holm's over all goals and treatments.
    pub p_value_holm: Option<f64>,
    pub reading: String,
}

/// The effect on one day since exposure, of people all of whose day is over.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct DaySinceExposure {
    /// 0 are the first 24 hours in which the goal counts.
    pub day: u32,
    pub people: f64,
    /// Relative to control's mean on the same day.
    pub effect: Option<f64>,
    pub standard_error: Option<f64>,
    pub interval: Option<Interval>,
}

impl Experiments {
    /// The goals of a phase by days since exposure, of the last phase where none is named.
    pub async fn novelty(&self, project: &str, key: &str, asked: &ResultsAsked) -> Result<Novelty, ExperimentError> {
        let looked = self.looked(project, key, asked).await?;
        let whole = looked.frame();
        if matches!(whole.experiment.design, Design::Switchback { .. }) {
            return Err(ExperimentError::NotFound("effects by days since exposure: times are divided, not people"));
        }
        let goals = goals(&whole, &looked);
        let metrics: Vec<(&str, Metric)> =
            goals.iter().flat_map(|(key, metric, days)| (0..*days).map(|day| (*key, on_day(metric, day)))).collect();
        let metrics: Vec<(&str, &Metric)> = metrics.iter().map(|(key, metric)| (*key, metric)).collect();
        let frame = Frame { metrics, ..whole };
        let answered = self.ask(project, key, &looked, &frame, Parts::Days, false).await?;
        let mut told: Vec<GoalNovelty> = Vec::new();
        let mut first = 0;
        for (metric, _, days) in &goals {
            if let Some((control, treatments)) = frame.experiment.variations.split_first() {
                let of = |one: &str| {
                    let at = |day: u32| day_since(&frame, (first, day), (&control.key, one), &answered.cells, &looked);
                    let days: Vec<DaySinceExposure> = (0..*days).map(at).collect();
                    let (metric, variation, p_value) = ((*metric).to_owned(), one.to_owned(), changes(&days));
                    GoalNovelty { metric, variation, days, p_value, p_value_holm: None, reading: String::new() }
                };
                told.extend(treatments.iter().map(|one| of(&one.key)));
            }
            first += *days as usize;
        }
        let p_values: Vec<f64> = told.iter().map(|one| one.p_value.unwrap_or(f64::NAN)).collect();
        for (one, holm) in told.iter_mut().zip(multiplicity::holm(&p_values)) {
            one.p_value_holm = finite(holm);
            one.reading = reading(one);
            if frame.is_bandit() {
                one.reading += POOLED_OF_BANDIT;
            }
        }
        Ok(Novelty {
            experiment: key.to_owned(),
            phase: looked.number,
            from: looked.phase.started_at,
            until: looked.until,
            goals: told,
            sql: answered.sql,
            params: answered.params,
        })
    }
}

/// The first goals that add up over days, each with so many days as somebody may have been exposed for.
fn goals<'a>(frame: &Frame<'a>, looked: &Looked) -> Vec<(&'a str, &'a Metric, u32)> {
    let passed = Timestamp::from(looked.until).millis() - Timestamp::from(looked.phase.started_at).millis();
    let adds_up = |metric: &Metric| !matches!(metric.measure, Measure::Quantile { .. } | Measure::Retention { .. });
    let is_goal = |key: &str| frame.experiment.goals.iter().any(|goal| goal == key);
    let metrics = frame.metrics.iter().copied().filter(|(key, metric)| is_goal(key) && adds_up(metric));
    let days = |metric: &Metric| {
        let since = passed - i64::from(metric.window.delay_hours) * 3_600_000;
        let known = u32::try_from(since / DAY_MS).unwrap_or(0);
        let counted = metric.window.hours.map_or(DAYS_MAX, |hours| hours.div_ceil(24));
        known.min(counted).min(DAYS_MAX)
    };
    metrics.take(GOALS_MAX).map(|(key, metric)| (key, metric, days(metric))).collect()
}

/// The metric in 24 hours alone. What one person counts for is not cut: the cut was of all days together.
fn on_day(metric: &Metric, day: u32) -> Metric {
    let hours = metric.window.hours.map_or(24, |hours| (hours - day * 24).min(24));
    let window = Window { delay_hours: metric.window.delay_hours + 24 * day, hours: Some(hours) };
    Metric { window, cap: None, ..metric.clone() }
}

/// Of people who were exposed early enough that the whole of this day is over for them.
fn day_since(
    frame: &Frame<'_>,
    (first, day): (usize, u32),
    (a, b): (&str, &str),
    cells: &Cells,
    looked: &Looked,
) -> DaySinceExposure {
    let index = first + day as usize;
    let (_, metric) = frame.metrics[index];
    let needed = i64::from(metric.window.delay_hours + metric.window.hours.unwrap_or(24)) * 3_600_000;
    let until = Timestamp::from(looked.until).millis();
    let is_over = |exposed: &str| {
        let midnight = format!("{exposed}T00:00:00Z").parse::<jiff::Timestamp>();
        midnight.is_ok_and(|start| start.as_millisecond() + DAY_MS + needed <= until)
    };
    let none = BTreeMap::new();
    let arm = |key: &str| -> Option<Cell> {
        let days = cells.get(key).unwrap_or(&none).iter().filter(|(exposed, _)| is_over(exposed));
        days.map(|(_, cell)| cell.clone()).reduce(|sum, next| sum.merged(&next))
    };
    let arms = [arm(a), arm(b)];
    let people = arms.iter().flatten().map(|cell| cell.people).sum();
    let statistic = |cell: &Option<Cell>| cell.as_ref().and_then(|cell| cell.statistics.get(index).copied().flatten());
    let pair = statistic(&arms[0]).zip(statistic(&arms[1])).filter(|pair| is_enough(*pair, metric));
    let analysis = pair.map(|pair| analyse(&[pair], &frame.settings(metric)));
    let effect: Option<Effect> = analysis.as_ref().and_then(|analysis| analysis.effect.ok());
    let interval = analysis.and_then(|analysis| analysis.test).map(|test| Interval::of(test.interval));
    DaySinceExposure {
        day,
        people,
        effect: effect.and_then(|effect| finite(effect.estimate)),
        standard_error: effect.and_then(|effect| finite(effect.standard_error)),
        interval,
    }
}

/// The mean effect of later days, each by its precision, and a standard error that holds however they hang together.
fn later(days: &[DaySinceExposure]) -> Option<(f64, f64)> {
    let known =
        days.iter().skip(1).filter_map(|day| Some((day.effect?, day.standard_error.filter(|error| *error > 0.0)?)));
    let (mut weights, mut sum, mut errors) = (0.0, 0.0, 0.0);
    for (effect, error) in known {
        let weight = 1.0 / (error * error);
        weights += weight;
        sum += weight * effect;
        errors += weight * error;
    }
    (weights > 0.0).then(|| (sum / weights, errors / weights))
}

fn changes(days: &[DaySinceExposure]) -> Option<f64> {
    let first = days.first()?;
    let (effect, error) = (first.effect?, first.standard_error.filter(|error| *error > 0.0)?);
    let (later, later_error) = later(days)?;
    let z = (effect - later) / error.hypot(later_error);
    finite(2.0 * normal_sf(z.abs()))
}

fn reading(one: &GoalNovelty) -> String {
    let percent = |value: f64| format!("{:+.1} %", 100.0 * value);
    let first = one.days.first().and_then(|day| Some((day.effect?, day.standard_error?)));
    let (Some(p_value), Some((first, first_error)), Some((later, later_error))) =
        (one.p_value_holm, first, later(&one.days))
    else {
        return "Nobody was exposed long enough to compare the first day with later ones.".to_owned();
    };
    let sizes = format!("{} on the first day after exposure, {} on later ones", percent(first), percent(later));
    if p_value >= P_VALUE_CHANGES {
        return format!("Nothing says that the effect changes with the time since exposure ({sizes}).");
    }
    // What is within chance of nothing has no direction.
    let turns = later * first < 0.0 && later.abs() > 2.0 * later_error && first.abs() > 2.0 * first_error;
    let verdict = if turns {
        "turns: what the first day says is not what stays"
    } else if later.abs() < first.abs() {
        "wears off: what is new has an effect of its own. Wait, or read later days alone"
    } else {
        "grows with time: people learn. Early days say too little"
    };
    format!("The effect {verdict} ({sizes}).")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(effects: &[f64]) -> Vec<DaySinceExposure> {
        let day = |(day, effect): (usize, &f64)| DaySinceExposure {
            day: u32::try_from(day).unwrap_or(0),
            people: 1_000.0,
            effect: Some(*effect),
            standard_error: Some(0.02),
            interval: None,
        };
        effects.iter().enumerate().map(day).collect()
    }

    fn told(effects: &[f64]) -> String {
        let days = days(effects);
        let p_value = changes(&days);
        let (metric, variation) = (String::new(), String::new());
        reading(&GoalNovelty { metric, variation, days, p_value, p_value_holm: p_value, reading: String::new() })
    }

    #[test]
    fn readings_of_what_stays_wears_off_grows_and_turns() {
        assert!(told(&[0.1, 0.11, 0.09]).starts_with("Nothing says that the effect changes"), "{}", told(&[0.1, 0.11]));
        assert!(told(&[0.3, 0.05, 0.05]).starts_with("The effect wears off"));
        assert!(told(&[0.05, 0.3, 0.3]).starts_with("The effect grows with time"));
        assert!(told(&[0.2, -0.2]).starts_with("The effect turns"));
        assert!(told(&[0.2]).starts_with("Nobody was exposed long enough"));
    }

    #[test]
    fn the_error_of_later_days_is_not_made_smaller_by_their_number() {
        let (effect, error) = later(&days(&[0.0, 0.1, 0.2, 0.3])).unwrap_or_default();
        assert!((effect - 0.2).abs() < 1e-12 && (error - 0.02).abs() < 1e-12);
    }
}
