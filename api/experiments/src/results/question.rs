//! The one question that an experiment asks: exposures, all metrics of each person, moments by variation and day of exposure.

use serde_json::Value;

use crate::definition::{Cap, Covariate, Design, Measure, Metric, PART_SEPARATOR};

use super::dimensions::Dimension;
use super::exposures::ExposureSource;
use super::measures::{self, Columns, Counted};
use super::prediction::{self, Predictions};
use super::sql::Binder;
use super::strata::Strata;

/// Between the quantiles around one and itself lie so many standard deviations: 95 %.
pub(super) const QUANTILE_DEVIATIONS: f64 = 1.959_963_984_540_054;

/// SQL and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub sql: String,
    pub params: Value,
}

/// A metric with the columns that its people have.
pub(super) struct Measured<'a> {
    pub metric: &'a Metric,
    pub columns: Columns,
}

impl Measured<'_> {
    /// Values of a unit after exposure and before it. Of a cluster each sum has the number of its people beside it.
    pub fn widths(&self, has_clusters: bool) -> (usize, usize) {
        let width = |columns: &Vec<String>| if has_clusters && columns.len() == 1 { 2 } else { columns.len() };
        (width(&self.columns.post), width(&self.columns.pre))
    }
}

/// How metrics of a question stand in its answer.
pub(super) struct Plan<'a> {
    pub measured: Vec<Measured<'a>>,
    /// Of each person, where a prediction is the covariate.
    pub features: usize,
    pub has_clusters: bool,
    by_level: bool,
    people: String,
    binder: Binder,
}

/// Into which parts the people of a variation fall.
#[derive(Debug, Clone, Copy)]
pub enum Parts<'a> {
    /// By the day of the first exposure, as `2026-05-04`.
    Days,
    /// By that day and by strata, as `2026-05-04`, the place of the level and 1 for who did anything before, with separators between.
    Strata(Strata<'a>),
    /// By the last of these times before the first exposure; as they are written, ascending.
    Periods(&'a [String]),
    Levels(Dimension),
    /// By the variation of another experiment, people of both from the later exposure on.
    Beside(ExposureSource<'a>),
}

/// The question about an experiment, `until` being the end of the phase or now, as RFC 3339.
pub fn question(source: ExposureSource<'_>, metrics: &[&Metric], until: &str, caps: &[Option<f64>]) -> Question {
    plan(source, metrics, until, Parts::Days).moments(caps, &Predictions::default())
}

pub(super) fn plan<'a>(source: ExposureSource<'_>, metrics: &[&'a Metric], until: &str, parts: Parts<'_>) -> Plan<'a> {
    let mut binder = Binder::default();
    let has_clusters = matches!(source.experiment.design, Design::Clusters { .. });
    const DAY: &str = "substr(CAST(date_trunc('day', u.first_at) AS VARCHAR), 1, 10)";
    let (dimensions, part) = match &parts {
        Parts::Days => (&[][..], DAY.to_owned()),
        Parts::Strata(strata) => (strata.dimensions(), DAY.to_owned()),
        Parts::Periods(starts) => (&[][..], period(starts, &mut binder)),
        Parts::Levels(dimension) => (std::slice::from_ref(dimension), "u.d0".to_owned()),
        Parts::Beside(_) => (&[][..], "u.beside".to_owned()),
    };
    let contexts = source.experiment.contexts().map_or(0, <[_]>::len);
    let is_by_leaf = contexts > 0 && matches!(parts, Parts::Periods(_));
    let part = match is_by_leaf {
        true => format!("concat({part}, {}, coalesce(u.leaf, ''))", binder.bind(PART_SEPARATOR.to_string())),
        false => part,
    };
    // People without a cluster are the part without a name of nobody's variation.
    let part = if has_clusters { format!("CASE WHEN u.cluster IS NULL THEN '' ELSE {part} END") } else { part };
    let units = match &parts {
        Parts::Beside(other) => beside(source, *other, &mut binder, until),
        _ => source.units("", &mut binder, until, dimensions),
    };
    let analysis = &source.experiment.analysis;
    // What was before the later of two exposures may be the work of the earlier.
    let days = if matches!(parts, Parts::Beside(_)) { 0 } else { analysis.covariate_days };
    let environment = source.environment_of_activity();
    let counted = Counted { covariate_days: days, environment, until: Some(until) };
    let measured: Vec<Measured<'a>> = metrics
        .iter()
        .map(|metric| Measured { metric, columns: measures::columns(metric, counted, &mut binder) })
        .collect();
    let mut columns = String::new();
    for (index, measured) in measured.iter().enumerate() {
        for (part, expression) in measured.columns.post.iter().chain(&measured.columns.pre).enumerate() {
            columns += &match &measured.columns.is_over {
                None => format!(",\n    coalesce({expression}, 0.0) AS m{index}_{part}"),
                Some(is_over) => {
                    format!(",\n    CASE WHEN {is_over} THEN coalesce({expression}, 0.0) END AS m{index}_{part}")
                }
            };
        }
    }
    let part = match &parts {
        Parts::Strata(strata) => strata.part(&part, &measured, &mut binder),
        _ => part,
    };
    let predicts = days > 0 && analysis.covariate == Covariate::Prediction;
    let features = if predicts { prediction::features(metrics, days, &mut binder) } else { Vec::new() };
    for (index, feature) in features.iter().enumerate() {
        columns += &format!(",\n    coalesce({feature}, 0.0) AS x{index}");
    }
    if predicts {
        columns += &format!(",\n    {} AS fold", prediction::fold(has_clusters));
    }
    let mut events: Vec<String> = Vec::new();
    for source in metrics.iter().flat_map(|metric| metric.measure.sources()) {
        let event = binder.bind(source.event.as_str());
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let joined = if events.is_empty() { "false".to_owned() } else { format!("a.event IN ({})", events.join(", ")) };
    let joined = match predicts {
        true => {
            format!("({joined} OR a.timestamp < u.first_at AND a.timestamp >= u.first_at - INTERVAL '{days} days')")
        }
        false => joined,
    };
    let until = binder.bind(until);
    let cluster = if has_clusters { ", u.cluster" } else { "" };
    let group = match &parts {
        Parts::Levels(_) => ", u.d0",
        Parts::Strata(strata) if strata.levels.is_some() => ", u.d0",
        Parts::Beside(_) => ", u.beside",
        Parts::Periods(_) if is_by_leaf => ", u.leaf",
        Parts::Days | Parts::Periods(_) | Parts::Strata(_) => "",
    };
    let people = format!(
        "WITH {units},\npeople AS (\n  SELECT u.person_id, u.variation{cluster}, {part} AS part{columns}\n  FROM units AS u\n\
         \x20 LEFT JOIN activity AS a ON a.person_id = u.person_id AND {joined} AND a.timestamp < {until}\n  GROUP BY u.person_id, u.variation, u.first_at{cluster}{group})"
    );
    let by_level = matches!(parts, Parts::Levels(_));
    Plan { measured, features: features.len(), has_clusters, by_level, people, binder }
}

/// Units of both experiments, each with one variation in either.
fn beside(source: ExposureSource<'_>, other: ExposureSource<'_>, binder: &mut Binder, until: &str) -> String {
    let (own, others) = (source.units("own_", binder, until, &[]), other.units("other_", binder, until, &[]));
    format!(
        "{own},\n{others},\nunits AS (\n  SELECT o.person_id, greatest(o.first_at, b.first_at) AS first_at, o.variation, b.variation AS beside\n\
         \x20 FROM own_units AS o JOIN other_units AS b ON b.person_id = o.person_id\n  WHERE o.variation <> '' AND b.variation <> '')"
    )
}

fn period(starts: &[String], binder: &mut Binder) -> String {
    let names: Vec<String> = starts.iter().map(|start| binder.bind(start.as_str())).collect();
    let Some(last) = names.last() else { return "''".to_owned() };
    let cases = names.iter().zip(names.iter().skip(1));
    let cases: String = cases.map(|(name, end)| format!(" WHEN u.first_at < {end} THEN {name}")).collect();
    // Never a constant, which would not be a column to group by.
    format!("CASE WHEN u.variation = '' THEN ''{cases} ELSE {last} END")
}

impl Plan<'_> {
    /// Rows: variation, part, n, then for each metric its means, and the population covariances of the upper triangle. Where clusters
    /// are divided n are clusters, and `people` are theirs.
    pub fn moments(self, caps: &[Option<f64>], predictions: &Predictions) -> Question {
        let is_plain = !self.has_clusters && predictions.iter().all(Option::is_none);
        let value = |index: usize, part: usize| match is_plain {
            true => self.capped(caps, index, part),
            false => format!("v{index}_{part}"),
        };
        let mut columns = String::new();
        for (index, measured) in self.measured.iter().enumerate() {
            let (post, pre) = measured.widths(self.has_clusters);
            let parts = post + pre;
            if measured.columns.is_over.is_some() {
                columns += &match self.has_clusters {
                    true => format!(",\n  sum(v{index}_1) AS m{index}_people"),
                    false => format!(",\n  count({0}) AS m{index}_n, count({0}) AS m{index}_people", value(index, 0)),
                };
            }
            for part in 0..parts {
                columns += &format!(",\n  avg({}) AS m{index}_mean{part}", value(index, part));
            }
            for left in 0..parts {
                for right in left..parts {
                    let product = match left == right {
                        true => format!("var_pop({})", value(index, left)),
                        false => format!("covar_pop({}, {})", value(index, left), value(index, right)),
                    };
                    columns += &format!(",\n  {product} AS m{index}_c{left}_{right}");
                }
            }
        }
        let valued = if is_plain { String::new() } else { self.valued(caps, predictions) };
        let (table, people) = match (is_plain, self.has_clusters) {
            (true, _) => ("people", ""),
            (false, true) => ("clustered", ", sum(people) AS people"),
            (false, false) => ("valued", ""),
        };
        let sql = format!(
            "{}{valued}\nSELECT variation, part, count(*) AS n{people}{columns}\nFROM {table} GROUP BY variation, part ORDER BY variation, part",
            self.people
        );
        Question { sql, params: self.binder.into_params() }
    }

    /// A value as the metric cuts it.
    fn capped(&self, caps: &[Option<f64>], index: usize, part: usize) -> String {
        let cap = match self.measured.get(index).and_then(|measured| measured.metric.cap) {
            Some(Cap::At(level)) => Some(level),
            _ => caps.get(index).copied().flatten(),
        };
        match cap {
            // A double in any case: LEAST of a double and an integer would be asked to agree on a type.
            Some(level) => format!("least(m{index}_{part}, CAST({level} AS DOUBLE))"),
            None => format!("m{index}_{part}"),
        }
    }

    /// Tables after `people`: of each person what is averaged, and where clusters are divided the sums of each.
    fn valued(&self, caps: &[Option<f64>], predictions: &Predictions) -> String {
        let (mut values, mut sums) = (String::new(), String::new());
        for (index, measured) in self.measured.iter().enumerate() {
            let (post, pre) = (measured.columns.post.len(), measured.columns.pre.len());
            let models = predictions.get(index).and_then(Option::as_ref);
            let features = (0..self.features).map(|feature| format!("x{feature}"));
            let known: Vec<String> =
                features.chain((post..post + pre).map(|part| self.capped(caps, index, part))).collect();
            let mut place = 0;
            for part in 0..post + pre {
                let model = part.checked_sub(post).and_then(|before| models?.get(before));
                let value =
                    model.map_or_else(|| self.capped(caps, index, part), |model| prediction::expression(model, &known));
                values += &format!(",\n    {value} AS w{index}_{part}");
                sums += &format!(",\n    coalesce(sum(w{index}_{part}), 0.0) AS v{index}_{place}");
                place += 1;
                let is_alone = if part < post { post == 1 } else { pre == 1 };
                if is_alone {
                    sums += &format!(", CAST(count(w{index}_{part}) AS DOUBLE) AS v{index}_{place}");
                    place += 1;
                }
            }
        }
        if !self.has_clusters {
            let values = values.replace(" AS w", " AS v");
            return format!(",\nvalued AS (\n  SELECT variation, part{values}\n  FROM people)");
        }
        // A cluster is one unit however its people came, but for levels, which it may straddle.
        let (part, group) = if self.by_level { ("part", ", part") } else { ("min(part) AS part", "") };
        format!(
            ",\nvalued AS (\n  SELECT variation, part, cluster{values}\n  FROM people),\nclustered AS (\n  SELECT variation, cluster, {part}, count(*) AS people{sums}\n\
             \x20 FROM valued GROUP BY variation, cluster{group})"
        )
    }

    /// A row for each person of a variation, of those whom the first metric has anything of where there is one: their id,
    /// and how many they are.
    pub fn of_arm(self, variation: &str, after: &str, limit: usize) -> Question {
        let Plan { people, measured, mut binder, .. } = self;
        let counted = if measured.is_empty() { "" } else { " AND m0_0 <> 0" };
        let (variation, after) = (binder.bind(variation), binder.bind(after));
        let sql = format!(
            "{people}\nSELECT person_id, people\nFROM (SELECT person_id, count(*) OVER () AS people FROM people\n\
             \x20 WHERE variation = {variation} AND part <> ''{counted}) AS wanted\n\
             WHERE person_id > {after} ORDER BY person_id LIMIT {limit}"
        );
        Question { sql, params: binder.into_params() }
    }

    /// One row for each fold of people: what the models that predict a value are made of; none where there are none.
    pub fn folds(self, caps: &[Option<f64>]) -> Option<Question> {
        if self.features == 0 {
            return None;
        }
        let columns = prediction::columns(self.features, &self.measured, |index, part| self.capped(caps, index, part));
        let sql = format!(
            "{}\nSELECT fold, count(*) AS n{columns}\nFROM people WHERE variation <> '' GROUP BY fold ORDER BY fold",
            self.people
        );
        Some(Question { sql, params: self.binder.into_params() })
    }

    /// One row: for each metric that is cut at a quantile of everybody's values, that quantile.
    pub fn caps(self) -> Option<Question> {
        let levels = self.measured.iter().enumerate();
        let levels = levels.filter_map(|(index, measured)| Some((index, measures::cap_level(measured.metric)?)));
        let columns: Vec<String> = levels
            .map(|(index, level)| format!("percentile_cont({level}) WITHIN GROUP (ORDER BY m{index}_0) AS cap{index}"))
            .collect();
        if columns.is_empty() {
            return None;
        }
        let sql = format!("{}\nSELECT {} FROM people WHERE variation <> ''", self.people, columns.join(", "));
        Some(Question { sql, params: self.binder.into_params() })
    }

    /// Rows by variation: for each quantile metric the quantile, and those around it for `n` people.
    pub fn quantiles(self, n_of: &[(String, f64)]) -> Option<Question> {
        let mut columns = Vec::new();
        for (index, measured) in self.measured.iter().enumerate() {
            let Measure::Quantile { level, .. } = measured.metric.measure else { continue };
            if measured.metric.is_of_events() {
                continue;
            }
            let at = |level: f64| format!("percentile_cont({level}) WITHIN GROUP (ORDER BY m{index}_0)");
            columns.push(format!("{} AS q{index}", at(level)));
            for (arm, (_, n)) in n_of.iter().enumerate() {
                let (low, high) = around(level, *n);
                columns.push(format!("{} AS q{index}_low{arm}", at(low)));
                columns.push(format!("{} AS q{index}_high{arm}", at(high)));
            }
        }
        if columns.is_empty() {
            return None;
        }
        let sql = format!(
            "{}\nSELECT variation, {} FROM people WHERE variation <> '' GROUP BY variation",
            self.people,
            columns.join(", ")
        );
        Some(Question { sql, params: self.binder.into_params() })
    }
}

/// The levels at which the quantiles around one are taken, ν ± z √(ν(1 − ν)/n).
pub(super) fn around(level: f64, n: f64) -> (f64, f64) {
    let half = QUANTILE_DEVIATIONS * (level * (1.0 - level) / n.max(1.0)).sqrt();
    ((level - half).clamp(0.0, 1.0), (level + half).clamp(0.0, 1.0))
}
