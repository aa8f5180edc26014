//! The same question to the insights engine, whose projection has persons as numbers and rows in their order: seconds become
//! milliseconds. What it answers is brought into the rows that the SQL gives.

use footfall_ingest_activity::Timestamp;
use footfall_pipelines_insights::definition::{
    Comparison, Condition, ExposedBy, Exposures, ExposuresAnswer, PartOf, PersonCap, PersonMeasure, PersonPart,
    QuantileAround, Selector, Test,
};
use serde_json::{Value, json};

use super::dimensions::{self, Dimension, Level};
use super::division::Division;
use super::exposures::ExposureSource;
use super::facts::Rows;
use super::question::QUANTILE_DEVIATIONS;
use crate::definition::{Aggregate, Cap, Compared, Measure, Metric, Operand, PRODUCTION, QuantileOf, Source};
use crate::environments::ENVIRONMENT;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// What the SQL would have given.
pub(super) struct Projected {
    pub caps: Vec<Option<f64>>,
    pub moments: Rows,
    pub quantiles: Rows,
    /// Of all dimensions, where they were asked for.
    pub levels: Option<Vec<Level>>,
}

/// The question about an experiment until the end of the phase or now.
pub(super) fn exposures(
    source: ExposureSource<'_>,
    metrics: &[&Metric],
    until: Timestamp,
    division: &Division<'_>,
) -> Exposures {
    let days = i64::from(source.experiment.analysis.covariate_days);
    let mut sources = Vec::new();
    let measures = metrics.iter().map(|metric| measure(metric, days, &mut sources)).collect();
    if let Some(environment) = source.environment_of_activity() {
        sources.iter_mut().for_each(|selector| *selector = in_environment(selector, environment));
    }
    Exposures {
        from_ms: Timestamp::from(source.phase.started_at).millis(),
        until_ms: until.millis(),
        arms: source.experiment.variations.len(),
        told_by: source.tellings(),
        told_where: Some(source.told_where()),
        left_out: source.left_out(),
        sources,
        measures,
        counts_first: source.experiment.bandit.is_some(),
        dimensions: division.dimensions.iter().copied().map(by).collect(),
        divided_by: division.divided_by(&source),
        by_activity: division.by_activity(),
    }
}

/// Of what a selector holds for, that from this environment.
fn in_environment(selector: &Selector, environment: &str) -> Selector {
    let property = property(ENVIRONMENT);
    let is = |test: Test| Condition::Property(Comparison { property: property.clone(), test });
    let named = is(Test::Is(vec![environment.to_owned()]));
    let here = match environment == PRODUCTION {
        true => Condition::Any(vec![is(Test::NotSet), named]),
        false => named,
    };
    let conditions = selector.condition.iter().cloned().chain([here]);
    selector.clone().only(Condition::All(conditions.collect()))
}

fn by(dimension: Dimension) -> ExposedBy {
    let properties = dimension.columns().iter().map(|column| format!("activity.{column}"));
    ExposedBy { properties: properties.collect(), needs_last: dimension.needs_last() }
}

/// As questions to the insights name a property.
pub(super) fn property(name: &str) -> String {
    match name.starts_with("activity.") || name.starts_with("properties.") {
        true => format!("properties.{name}"),
        false => name.to_owned(),
    }
}

fn measure(metric: &Metric, covariate_days: i64, sources: &mut Vec<Selector>) -> PersonMeasure {
    let delay_ms = i64::from(metric.window.delay_hours) * HOUR_MS;
    let ends = metric.window.hours.map(|hours| delay_ms + i64::from(hours) * HOUR_MS);
    let mut parts = parts(&metric.measure, (delay_ms, ends), sources);
    if covariate_days > 0 && metric.has_covariate() {
        let before = parts.iter().cloned().map(|part| PersonPart {
            after_ms: -covariate_days * DAY_MS,
            before_ms: Some(0),
            ..part
        });
        let before: Vec<PersonPart> = before.collect();
        parts.extend(before);
    }
    let quantiles = match metric.measure {
        Measure::Quantile { level, of: QuantileOf::Person, .. } => {
            Some(QuantileAround { level, z: QUANTILE_DEVIATIONS })
        }
        _ => None,
    };
    let cap = metric.cap.map(|cap| match cap {
        Cap::At(level) => PersonCap::At(level),
        Cap::Quantile(level) => PersonCap::Quantile(level),
    });
    let matures_ms = metric.matures_days().map(|days| i64::from(days) * DAY_MS);
    PersonMeasure { parts, cap, quantiles, matures_ms }
}

fn parts(measure: &Measure, (after_ms, before_ms): (i64, Option<i64>), sources: &mut Vec<Selector>) -> Vec<PersonPart> {
    let mut part = |source: &Source, of: PartOf| {
        let wanted = selector(source);
        let place = sources.iter().position(|known| *known == wanted).unwrap_or(sources.len());
        if place == sources.len() {
            sources.push(wanted);
        }
        PersonPart { source: place, of, after_ms, before_ms }
    };
    match measure {
        Measure::Count { source } => vec![part(source, PartOf::Rows)],
        Measure::Sum { source, operand } | Measure::Quantile { source, operand, .. } => {
            vec![part(source, PartOf::Sum(number(operand)))]
        }
        Measure::Unique { source, property: name } => vec![part(source, PartOf::Different(property(name)))],
        Measure::Conversion { source } => vec![part(source, PartOf::Happened)],
        Measure::Retention { source, from_day, to_day } => vec![PersonPart {
            after_ms: i64::from(*from_day) * DAY_MS,
            before_ms: Some(i64::from(*to_day) * DAY_MS),
            ..part(source, PartOf::Happened)
        }],
        Measure::Ratio { numerator, denominator } => [numerator, denominator]
            .map(|side| match side {
                Aggregate::Count { source } => part(source, PartOf::Rows),
                Aggregate::Sum { source, operand } => part(source, PartOf::Sum(number(operand))),
            })
            .into(),
        Measure::Mean { source, operand } => {
            vec![part(source, PartOf::Sum(number(operand))), part(source, PartOf::Numbers(number(operand)))]
        }
    }
}

fn number(operand: &Operand) -> String {
    match operand {
        Operand::Amount => "activity.amount".to_owned(),
        Operand::Property(name) => property(name),
    }
}

fn selector(source: &Source) -> Selector {
    let conditions = source.filters.iter().map(|filter| {
        let test = match &filter.is {
            Compared::OneOf(values) => Test::Is(values.clone()),
            Compared::NoneOf(values) => Test::IsNot(values.clone()),
            Compared::AtLeast(bound) => Test::AtLeast(*bound),
            Compared::AtMost(bound) => Test::AtMost(*bound),
            Compared::Set(true) => Test::Set,
            Compared::Set(false) => Test::NotSet,
        };
        Condition::Property(Comparison { property: property(&filter.property), test })
    });
    let conditions: Vec<Condition> = conditions.collect();
    let named = Selector::named(&source.event);
    if conditions.is_empty() { named } else { named.only(Condition::All(conditions)) }
}

impl Projected {
    /// The answer as rows.
    pub fn of(answer: ExposuresAnswer, asked: &Exposures, division: &Division<'_>) -> Projected {
        let mut columns: Vec<String> = ["variation", "part", "n"].map(str::to_owned).into();
        let first = answer.cells.first().map_or([].as_slice(), |cell| cell.measures.as_slice());
        for (index, measure) in first.iter().enumerate() {
            let parts = measure.means.len();
            columns.extend([format!("m{index}_n"), format!("m{index}_people")]);
            columns.extend((0..parts).map(|part| format!("m{index}_mean{part}")));
            for left in 0..parts {
                columns.extend((left..parts).map(|right| format!("m{index}_c{left}_{right}")));
            }
        }
        let width = columns.len();
        let key = |arm: usize| division.arms.get(arm).copied().unwrap_or_default();
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for cell in &answer.cells {
            let mut row = vec![json!(key(cell.arm)), json!(division.part(cell)), json!(cell.people)];
            for measure in &cell.measures {
                row.extend([json!(measure.people), json!(measure.people)]);
                row.extend(measure.means.iter().map(|mean| json!(mean)));
                row.extend(measure.scatter.iter().map(|scatter| json!(scatter / measure.people.max(1.0))));
            }
            rows.push(row);
        }
        if answer.several > 0 {
            // Of people in several variations no number is looked at but how many they are.
            let mut row = vec![json!(""), json!(""), json!(answer.several)];
            row.resize(width, json!(0.0));
            rows.push(row);
        }
        let quantiles = quantiles(&answer, &division.arms);
        let is_whole = asked.dimensions.len() == Dimension::ALL.len();
        let levels = is_whole.then(|| dimensions::exposed_levels(&answer.dimensions));
        Projected { caps: answer.caps, moments: Rows { columns, rows }, quantiles, levels }
    }
}

fn quantiles(answer: &ExposuresAnswer, variations: &[&str]) -> Rows {
    let wanted: Vec<usize> = (0..answer.quantiles.len()).filter(|&index| !answer.quantiles[index].is_empty()).collect();
    let mut columns = vec!["variation".to_owned()];
    for index in &wanted {
        columns.push(format!("q{index}"));
        for arm in 0..variations.len() {
            columns.extend([format!("q{index}_low{arm}"), format!("q{index}_high{arm}")]);
        }
    }
    let row = |(arm, key): (usize, &&str)| {
        let mut row = vec![json!(key)];
        for &index in &wanted {
            // An arm without people has no row.
            let [level, low, high] = answer.quantiles[index].get(arm).copied().flatten()?;
            row.push(json!(level));
            (0..variations.len()).for_each(|_| row.extend([json!(low), json!(high)]));
        }
        Some(row)
    };
    let rows = match wanted.is_empty() {
        true => Vec::new(),
        false => variations.iter().enumerate().filter_map(row).collect(),
    };
    Rows { columns, rows }
}
