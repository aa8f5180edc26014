//! The arms before exposure: what nobody can have caused must not differ.

use std::collections::BTreeMap;

use footfall_models_experiment::statistics::{Alternative, Difference, Effect, Sequential, multiplicity};

use super::analysis::Frame;
use super::report::{BeforeComparison, BeforeExposure};
use super::samples::Cell;

/// Below this, Holm's over all comparisons, the arms differ.
const P_VALUE_WARNING: f64 = 0.01;

/// Every metric with a covariate, treatment against control. Nothing is compared of a bandit: whoever came at other times has other weights.
pub(super) fn compared(frame: &Frame<'_>, totals: &BTreeMap<String, Cell>) -> BeforeExposure {
    if frame.is_bandit() {
        let reading = "The weights changed while people came, so that the arms have people of other times.".to_owned();
        return BeforeExposure { comparisons: Vec::new(), is_off: false, reading };
    }
    let before = |variation: &str, index: usize| totals.get(variation)?.statistics.get(index)?.as_ref()?.before();
    let analysis = &frame.experiment.analysis;
    let sequence = Sequential::new(analysis.alpha, analysis.tuning, Alternative::TwoSided);
    let mut comparisons = Vec::new();
    if let Some((control, treatments)) = frame.experiment.variations.split_first() {
        for (index, (metric, _)) in frame.metrics.iter().enumerate() {
            for treatment in treatments {
                let pair = before(&control.key, index).zip(before(&treatment.key, index));
                let effect = pair.and_then(|(a, b)| Effect::between(&a, &b, Difference::Absolute).ok());
                let Some(effect) = effect.filter(|effect| effect.standard_error > 0.0) else { continue };
                let p_value = sequence.p_value_at(&effect, 0.0);
                comparisons.push(BeforeComparison {
                    metric: (*metric).to_owned(),
                    variation: treatment.key.clone(),
                    difference: effect.estimate,
                    p_value,
                    p_value_holm: p_value,
                });
            }
        }
    }
    let adjusted = multiplicity::holm(&comparisons.iter().map(|one| one.p_value).collect::<Vec<_>>());
    comparisons.iter_mut().zip(adjusted).for_each(|(one, p_value)| one.p_value_holm = p_value);
    let worst = comparisons.iter().min_by(|a, b| a.p_value_holm.total_cmp(&b.p_value_holm));
    let off = worst.filter(|worst| worst.p_value_holm < P_VALUE_WARNING);
    let reading = match (worst, off) {
        (None, _) => "Nothing is known of people from before their exposure.".to_owned(),
        (Some(_), None) => "Before exposure the arms were alike, as chance makes them.".to_owned(),
        (Some(_), Some(off)) => format!(
            "Before exposure {} already differed from control in {} ({:+.4}): the arms are not alike by chance alone, and an \
             effect below may be this difference. Look at how people are assigned.",
            off.variation, off.metric, off.difference
        ),
    };
    BeforeExposure { is_off: off.is_some(), reading, comparisons }
}
