//! A prediction as covariate: what people did before exposure as features, a linear model for each fold of people that was fitted on
//! the others, and that model as SQL. The models need sums of products alone, so that no person leaves the tables.

use footfall_models_experiment::statistics::cupac::{Joint, Linear, models_of_folds};

use super::facts::Rows;
use super::question::Measured;
use super::samples::Named;
use super::sql::Binder;
use crate::definition::Metric;
use crate::error::ExperimentError;

/// People are dealt out to so many folds, by a hash of their id (of their cluster's name, where clusters are divided).
pub(super) const FOLDS: usize = 5;
/// What the standardised features are held back by.
const RIDGE: f64 = 1.0;
/// Different activities of the metrics whose numbers are features.
const EVENTS_MAX: usize = 5;

/// For each metric and each of its values after exposure, the models of all folds; none where nothing predicts it.
pub(super) type Predictions = Vec<Option<Vec<Vec<Linear>>>>;

/// Over the activities `a` of one unit `u`: how much of anything, on how many days, how much lately, and how much of what is measured.
/// Logarithms, since who does twice as much of one thing does not do twice as much of the other.
pub(super) fn features(metrics: &[&Metric], days: u32, binder: &mut Binder) -> Vec<String> {
    let within = |days: u32| format!("a.timestamp < u.first_at AND a.timestamp >= u.first_at - INTERVAL '{days} days'");
    let times = |condition: &str| format!("ln(1.0 + sum(CASE WHEN {condition} THEN 1.0 ELSE 0.0 END))");
    let (before, lately) = (within(days), within(days.div_ceil(4)));
    let active = format!("CAST(count(DISTINCT CASE WHEN {before} THEN date_trunc('day', a.timestamp) END) AS DOUBLE)");
    let mut found = vec![times(&before), active, times(&lately)];
    let mut events: Vec<&str> = Vec::new();
    for source in metrics.iter().flat_map(|metric| metric.measure.sources()) {
        if !events.contains(&source.event.as_str()) && events.len() < EVENTS_MAX {
            events.push(&source.event);
        }
    }
    found.extend(events.into_iter().map(|event| times(&format!("a.event = {} AND {before}", binder.bind(event)))));
    found
}

/// The fold of a unit.
pub(super) fn fold(has_clusters: bool) -> String {
    let of = if has_clusters { "coalesce(u.cluster, '')" } else { "u.person_id" };
    format!("ascii(right(md5({of}), 1)) % {FOLDS}")
}

/// What is asked of each fold: means and population covariances of `features` features and of each metric's values.
pub(super) fn columns(features: usize, measured: &[Measured<'_>], value: impl Fn(usize, usize) -> String) -> String {
    let mut columns = String::new();
    for left in 0..features {
        columns += &format!(",\n  avg(x{left}) AS x{left}");
        for right in left..features {
            columns += &format!(", covar_pop(x{left}, x{right}) AS x{left}_{right}");
        }
    }
    for (index, one) in measured.iter().enumerate() {
        let parts = one.columns.post.len() + one.columns.pre.len();
        for left in (0..parts).filter(|_| !one.columns.pre.is_empty()) {
            columns += &format!(",\n  avg({}) AS y{index}_{left}", value(index, left));
            for right in left..parts {
                let pair = (value(index, left), value(index, right));
                columns += &format!(", covar_pop({}, {}) AS y{index}_{left}_{right}", pair.0, pair.1);
            }
            for feature in 0..features {
                columns += &format!(", covar_pop({}, x{feature}) AS y{index}_{left}_x{feature}", value(index, left));
            }
        }
    }
    columns
}

/// The models that follow from the answer.
pub(super) fn fitted(rows: &Rows, features: usize, measured: &[Measured<'_>]) -> Result<Predictions, ExperimentError> {
    let of = |(index, one): (usize, &Measured<'_>)| {
        let (post, pre) = (one.columns.post.len(), one.columns.pre.len());
        if pre == 0 {
            return Ok(None);
        }
        let mut folds = vec![Joint::none(features + post + pre); FOLDS];
        for row in &rows.rows {
            let row = Named(&rows.columns, row);
            let place = row.number("fold")? as usize;
            if let Some(fold) = folds.get_mut(place) {
                *fold = joint(&row, features, index, post + pre)?;
            }
        }
        // The features, and the same measure before exposure, which stands after the values that are predicted.
        let told: Vec<usize> = (0..features).chain(features + post..features + post + pre).collect();
        let models = (0..post).map(|value| models_of_folds(&folds, &told, features + value, RIDGE));
        Ok(models.collect())
    };
    measured.iter().enumerate().map(of).collect()
}

fn joint(row: &Named<'_>, features: usize, index: usize, parts: usize) -> Result<Joint, ExperimentError> {
    let n = row.number("n")?;
    let mut joint = Joint::none(features + parts);
    joint.n = n;
    let mut set = |left: usize, right: usize, name: String| -> Result<(), ExperimentError> {
        let product = row.number(&name)? * n;
        joint.scatter[left][right] = product;
        joint.scatter[right][left] = product;
        Ok(())
    };
    for left in 0..features {
        (left..features).try_for_each(|right| set(left, right, format!("x{left}_{right}")))?;
    }
    for left in 0..parts {
        let at = features + left;
        (left..parts).try_for_each(|right| set(at, features + right, format!("y{index}_{left}_{right}")))?;
        (0..features).try_for_each(|feature| set(at, feature, format!("y{index}_{left}_x{feature}")))?;
    }
    for feature in 0..features {
        joint.means[feature] = row.number(&format!("x{feature}"))?;
    }
    for part in 0..parts {
        joint.means[features + part] = row.number(&format!("y{index}_{part}"))?;
    }
    Ok(joint)
}

/// The prediction of one value as SQL; `known` are the columns in the order of the models' slopes.
pub(super) fn expression(models: &[Linear], known: &[String]) -> String {
    let model = |(fold, model): (usize, &Linear)| {
        let terms = model.slopes.iter().zip(known).filter(|(slope, _)| **slope != 0.0);
        let terms: String = terms.map(|(slope, column)| format!(" + CAST({slope:e} AS DOUBLE) * {column}")).collect();
        format!(" WHEN {fold} THEN CAST({:e} AS DOUBLE){terms}", model.intercept)
    };
    let cases: String = models.iter().enumerate().map(model).collect();
    format!("CASE fold{cases} END")
}
