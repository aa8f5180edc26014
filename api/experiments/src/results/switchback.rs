//! Results of switchbacks: what people did within each window of time, windows by the variation that was to be shown, pairs of windows
//! compared each for itself.

use footfall_models_experiment::statistics::switchback::{self, Window};
use footfall_models_experiment::statistics::{Alternative, Difference, Method, Sequential, Settings, Test, welch};

use super::analysis::{Frame, Looked};
use super::exposures::ExposureSource;
use super::facts::Rows;
use super::measures::{self, Counted};
use super::question::Question;
use super::report::{
    Arm, BeforeExposure, CurvePoint, Interval, MetricReport, Report, SampleRatio, SwitchbackReport, TreatmentReport,
    VariationReport, Watched, finite,
};
use super::samples::Named;
use super::sql::Binder;
use crate::definition::{Metric, WINDOWS_MAX};
use crate::error::ExperimentError;
use crate::experiments::Experiments;
use crate::windows::Windows;

/// Pairs at which sequential intervals are tightest; with fewer than the least none is told, since the spread of so few is chance.
const PAIRS_TUNING: f64 = 100.0;
const PAIRS_MIN: f64 = 20.0;

const CAVEAT: &str = " Windows of time were divided: people of one window are not independent of each other, and what a window leaves to the \
    next beyond the minutes that are left out is in the effect.";

/// What people did in one window.
struct Seen {
    window: usize,
    people: f64,
    off_schedule: f64,
    /// Of each metric the sum of its values, one or two.
    sums: Vec<Vec<f64>>,
}

impl Experiments {
    pub(super) async fn report_of_windows(
        &self,
        project: &str,
        key: &str,
        looked: &Looked,
        windows: Windows<'_>,
    ) -> Result<Report, ExperimentError> {
        let facts = self.facts().ok_or_else(|| ExperimentError::Facts("no tables are connected".to_owned()))?;
        let frame = looked.frame();
        let metrics: Vec<&Metric> = frame.metrics.iter().map(|(_, metric)| *metric).collect();
        let question = question(looked.source(key), windows, &metrics, &looked.until.to_string());
        let rows = facts.query(project, &question.sql, question.params.clone()).await?;
        let seen = seen(&rows, &metrics)?;
        // Both windows of a pair are over.
        let pairs = windows.over(looked.until) / 2;
        let whole: Vec<&Seen> = seen.iter().filter(|one| one.window / 2 < pairs).collect();
        let mut reports = Vec::new();
        for (index, (metric_key, metric)) in frame.metrics.iter().enumerate() {
            let revision = self.item::<Metric>(project, metric_key).await?.revision;
            reports.push(frame.metric_of_windows((index, revision), (metric_key, metric), windows, &whole));
        }
        super::comparison::correct(&mut reports, frame.experiment.analysis.alpha);
        let people = |arm: usize| -> f64 {
            seen.iter().filter(|one| windows.arm(one.window) == arm).map(|one| one.people).sum()
        };
        let variations = frame.experiment.variations.iter().zip(&frame.phase.weights).enumerate();
        let variations = variations.map(|(arm, (one, weight))| VariationReport {
            key: one.key.clone(),
            people: people(arm),
            weight: *weight,
            clusters: None,
        });
        let (all, off): (f64, f64) =
            seen.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.people, sum.1 + one.off_schedule));
        Ok(Report {
            experiment: key.to_owned(),
            revision: looked.item.revision,
            phase: looked.number,
            environment: looked.item.definition.analysis.environment.clone(),
            from: looked.phase.started_at,
            until: looked.until,
            variations: variations.collect(),
            people_in_several: 0.0,
            people_without_cluster: None,
            people_without_context: None,
            contexts: Vec::new(),
            switchback: Some(SwitchbackReport {
                windows: windows.over(looked.until),
                pairs: whole.iter().map(|one| one.window / 2).collect::<std::collections::BTreeSet<_>>().len(),
                off_schedule: if all > 0.0 { off / all } else { 0.0 },
            }),
            sample_ratio: SampleRatio {
                p_value: 1.0,
                p_value_always_valid: 1.0,
                is_off: false,
                suspects: Vec::new(),
                reading: "Times are divided, not people: how many people a window has may be what the variation does."
                    .to_owned(),
            },
            before_exposure: BeforeExposure {
                comparisons: Vec::new(),
                is_off: false,
                reading: "Times are divided, not people: everybody is in both variations.".to_owned(),
            },
            metrics: reports,
            sql: question.sql,
            params: question.params,
        })
    }
}

/// Rows: window, n people, those among them who were shown the other variation first, and of each metric the sums.
fn question(source: ExposureSource<'_>, windows: Windows<'_>, metrics: &[&Metric], until: &str) -> Question {
    let mut binder = Binder::default();
    let seconds = |millis: i64| format!("{:?}", millis as f64 / 1_000.0);
    let passed = |column: &str| format!("(date_part('epoch', {column}) - {})", seconds(windows.started_millis()));
    let window = |column: &str| format!("CAST(floor({} / {}) AS BIGINT)", passed(column), seconds(windows.millis()));
    let exposures = source.exposures("", &mut binder, until, &format!(",\n    {} AS slot", window("timestamp")));
    let mut columns = String::new();
    let mut sums = String::new();
    for (index, metric) in metrics.iter().enumerate() {
        let counted = Counted { environment: source.environment_of_activity(), ..Counted::default() };
        for (part, expression) in measures::columns(metric, counted, &mut binder).post.iter().enumerate() {
            columns += &format!(",\n    coalesce({expression}, 0.0) AS m{index}_{part}");
            let value = match metric.cap {
                Some(crate::definition::Cap::At(level)) => format!("least(m{index}_{part}, CAST({level} AS DOUBLE))"),
                _ => format!("m{index}_{part}"),
            };
            sums += &format!(",\n  sum({value}) AS s{index}_{part}");
        }
    }
    let mut events: Vec<String> = Vec::new();
    for source in metrics.iter().flat_map(|metric| metric.measure.sources()) {
        let event = binder.bind(source.event.as_str());
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let joined = if events.is_empty() { "false".to_owned() } else { format!("a.event IN ({})", events.join(", ")) };
    let treated: Vec<String> =
        (0..WINDOWS_MAX).filter(|slot| windows.arm(*slot) == 1).map(|slot| slot.to_string()).collect();
    let variations = &source.experiment.variations;
    let name = |arm: usize, binder: &mut Binder| {
        variations.get(arm).map_or("''".to_owned(), |one| binder.bind(one.key.as_str()))
    };
    let (control, treatment) = (name(0, &mut binder), name(1, &mut binder));
    let (until, left_out) = (binder.bind(until), i64::from(windows.carry_over_minutes) * 60);
    let within = format!("{} - slot * {}", passed("timestamp"), seconds(windows.millis()));
    let sql = format!(
        "WITH {exposures},\nunits AS (\n  SELECT person_id, slot, min(timestamp) AS first_at, first_value(variation ORDER BY timestamp, variation) AS variation\n\
         \x20 FROM exposures WHERE variation IS NOT NULL AND slot < {WINDOWS_MAX} AND {within} >= {left_out}\n  GROUP BY person_id, slot HAVING NOT bool_or(excluded)),\n\
         people AS (\n  SELECT u.person_id, u.slot,\n    CASE WHEN u.variation = CASE WHEN u.slot IN ({treated}) THEN {treatment} ELSE {control} END THEN 0.0 ELSE 1.0 END AS off{columns}\n\
         \x20 FROM units AS u\n  LEFT JOIN activity AS a ON a.person_id = u.person_id AND {of_activity} = u.slot AND {joined} AND a.timestamp < {until}\n\
         \x20 GROUP BY u.person_id, u.slot, u.first_at, u.variation)\n\
         SELECT slot, count(*) AS n, sum(off) AS off{sums}\nFROM people GROUP BY slot ORDER BY slot",
        treated = treated.join(", "),
        of_activity = window("a.timestamp"),
    );
    Question { sql, params: binder.into_params() }
}

fn seen(rows: &Rows, metrics: &[&Metric]) -> Result<Vec<Seen>, ExperimentError> {
    let mut binder = Binder::default();
    let widths: Vec<usize> =
        metrics.iter().map(|metric| measures::columns(metric, Counted::default(), &mut binder).post.len()).collect();
    let of = |row: &Vec<serde_json::Value>| {
        let row = Named(&rows.columns, row);
        let sums = widths.iter().enumerate().map(|(index, width)| {
            (0..*width).map(|part| row.number(&format!("s{index}_{part}"))).collect::<Result<Vec<f64>, _>>()
        });
        Ok(Seen {
            window: row.number("slot")? as usize,
            people: row.number("n")?,
            off_schedule: row.number("off")?,
            sums: sums.collect::<Result<_, ExperimentError>>()?,
        })
    };
    rows.rows.iter().map(of).collect()
}

impl Frame<'_> {
    fn metric_of_windows(
        &self,
        (index, revision): (usize, i64),
        (key, metric): (&str, &Metric),
        windows: Windows<'_>,
        seen: &[&Seen],
    ) -> MetricReport {
        let window = |one: &&&Seen| {
            let sums = one.sums.get(index).map_or([].as_slice(), Vec::as_slice);
            Window {
                block: (one.window / 2) as u32,
                is_treated: windows.arm(one.window) == 1,
                numerator: sums.first().copied().unwrap_or(0.0),
                denominator: sums.get(1).copied().unwrap_or(one.people),
            }
        };
        let all: Vec<Window> = seen.iter().map(|one| window(&one)).collect();
        let people: Vec<f64> = seen.iter().map(|one| one.people).collect();
        let arm = |arm: usize, variation: &str| {
            let own: Vec<&Window> = all.iter().filter(|one| usize::from(one.is_treated) == arm).collect();
            let people = seen.iter().filter(|one| windows.arm(one.window) == arm).map(|one| one.people).sum();
            let sum = own.iter().map(|one| one.numerator).sum::<f64>();
            let below: f64 = own.iter().map(|one| one.denominator).sum();
            let variation = variation.to_owned();
            let (variance, adjusted_mean, moments) = (None, None, None);
            Arm { variation, people, mean: finite(sum / below), variance, sum: finite(sum), adjusted_mean, moments }
        };
        let variations = &self.experiment.variations;
        let settings = self.settings(metric);
        let comparisons = variations.iter().skip(1).map(|one| compared(&one.key, (&all, &people), &settings));
        MetricReport {
            key: key.to_owned(),
            revision,
            role: self.role(key),
            lower_is_better: metric.lower_is_better,
            people_not_mature: None,
            adjusted_by: None,
            arms: variations.iter().enumerate().map(|(index, one)| arm(index, &one.key)).collect(),
            comparisons: comparisons.collect(),
        }
    }
}

fn tested(windows: &[Window], settings: &Settings) -> Option<(f64, f64, f64, Option<Test>)> {
    let effect = switchback::effect(windows, Difference::Relative).ok()?;
    let test = match settings.method {
        Method::AlwaysValid { .. } => {
            let sequence = Sequential::new(settings.alpha, PAIRS_TUNING, Alternative::TwoSided);
            sequence.test(&effect).ok().filter(|_| effect.n >= PAIRS_MIN)
        }
        Method::FixedHorizon => Some(welch(&effect, settings.alpha, Alternative::TwoSided)),
    };
    Some((effect.estimate, effect.standard_error, effect.n, test))
}

fn compared(variation: &str, (windows, people): (&[Window], &[f64]), settings: &Settings) -> TreatmentReport {
    let found = tested(windows, settings);
    let at_any_look = Settings { method: Method::AlwaysValid { tuning: PAIRS_TUNING }, ..*settings };
    let watched = tested(windows, &at_any_look).and_then(|(_, _, _, test)| test);
    let by_division = switchback::switchback(windows, settings.alpha).ok().map(|one| one.p_value_by_division);
    let test = found.and_then(|(_, _, _, test)| test);
    let pairs = found.map_or(0.0, |(_, _, pairs, _)| pairs);
    let (can_be_said, cannot_be_said) = match (found, test) {
        (Some((estimate, ..)), Some(test)) => {
            let (low, high) = test.interval;
            let told = |value: f64| format!("{:+.2} %", 100.0 * value);
            let size = format!("between {} and {} (best guess {})", told(low), told(high), told(estimate));
            match (low > 0.0) != (high < 0.0) {
                true => {
                    let verdict = if (low > 0.0) != settings.lower_is_better { "better" } else { "worse" };
                    (
                        format!("Treatment is {verdict}: the difference is {size}, by {pairs} pairs of windows."),
                        format!("Nothing is said of other times.{CAVEAT}"),
                    )
                }
                false => (
                    format!("The difference is {size}, by {pairs} pairs of windows."),
                    format!("It cannot be said which is better.{CAVEAT}"),
                ),
            }
        }
        (Some(_), None) => (
            "Nothing yet.".to_owned(),
            format!(
                "Of {pairs} pairs of windows the spread is not known well enough to look at any time: {PAIRS_MIN} are needed."
            ),
        ),
        (None, _) => ("Nothing yet.".to_owned(), "There are not two pairs of windows that differ.".to_owned()),
    };
    TreatmentReport {
        variation: variation.to_owned(),
        effect: found.and_then(|(estimate, ..)| finite(estimate)),
        standard_error: found.and_then(|(_, error, ..)| finite(error)),
        interval: test.map(|test| Interval::of(test.interval)),
        p_value: test.and_then(|test| finite(test.p_value)),
        p_value_holm: None,
        p_value_false_discovery: None,
        interval_holm: None,
        p_value_by_division: by_division,
        chance_to_win: None,
        expected_loss: None,
        credible_interval: None,
        method: match settings.method {
            Method::AlwaysValid { .. } => "pairs of windows, confidence sequence".to_owned(),
            Method::FixedHorizon => "pairs of windows, Student's t test".to_owned(),
        },
        post_stratified: None,
        instead: None,
        absolute: None,
        watched: watched.map(|test| Watched { interval: Interval::of(test.interval), is_absolute: false }),
        curve: curve(windows, people, settings),
        minimum_detectable_effect: None,
        power: None,
        can_be_said,
        cannot_be_said,
    }
}

/// The effect by the pairs so far.
fn curve(windows: &[Window], people: &[f64], settings: &Settings) -> Vec<CurvePoint> {
    let mut pairs: Vec<u32> = windows.iter().map(|window| window.block).collect();
    pairs.dedup();
    let point = |pair: u32| {
        let so_far: Vec<Window> = windows.iter().copied().filter(|window| window.block <= pair).collect();
        let found = tested(&so_far, settings);
        CurvePoint {
            day: format!("pair {pair}"),
            people: people.iter().take(so_far.len()).sum(),
            effect: found.and_then(|(estimate, ..)| finite(estimate)),
            interval: found.and_then(|(_, _, _, test)| test).map(|test| Interval::of(test.interval)),
        }
    };
    pairs.into_iter().map(point).collect()
}
