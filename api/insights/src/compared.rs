//! Two groups compared: means, their difference, and whether it may be chance, by the statistics of experiments.

use footfall_models_experiment::statistics::{Difference, Method, Moments, Settings, Statistic, Values, analyse};
use footfall_pipelines_insights::definition::{CompareAnswer, CompareSegment};
use schemars::JsonSchema;
use serde::Serialize;

/// Of the confidence intervals.
const ALPHA: f64 = 0.05;

/// Both groups, and how the second differs from the first. The groups were not drawn by lot: a difference says nothing of
/// its cause.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SegmentsCompared")]
pub(crate) struct Compared {
    pub segments: Vec<ComparedSegment>,
    /// People left out because they are in both.
    pub in_both: u64,
    /// Mean less mean.
    pub absolute: ComparedBy,
    /// The same as a share of the first mean.
    pub relative: ComparedBy,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ComparedSegment {
    pub name: String,
    pub people: u64,
    /// Of the people's numbers; of conversions the share who converted. `null` of nobody.
    pub mean: Option<f64>,
    pub standard_deviation: Option<f64>,
}

/// A difference with its test; numbers are `null` where there are none.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ComparedBy {
    pub estimate: Option<f64>,
    /// To 95 %, if this is the only look.
    pub interval: Option<(f64, f64)>,
    /// Two-sided.
    pub p: Option<f64>,
    /// Of the test, as `Welch's t test`.
    pub method: String,
    pub can_be_said: String,
    pub cannot_be_said: String,
}

impl From<CompareAnswer> for Compared {
    fn from(answer: CompareAnswer) -> Compared {
        let of = |place: usize| answer.segments.get(place).map(moments).unwrap_or_default();
        let by = |difference| compared(of(0), of(1), difference);
        let (absolute, relative) = (by(Difference::Absolute), by(Difference::Relative));
        let segment = |segment: &CompareSegment| {
            let moments = moments(segment);
            let mean = (segment.people > 0).then_some(moments.means[0]);
            let standard_deviation = (segment.people > 1).then(|| moments.variance(0).max(0.0).sqrt());
            ComparedSegment { name: segment.name.clone(), people: segment.people, mean, standard_deviation }
        };
        Compared {
            segments: answer.segments.iter().map(segment).collect(),
            in_both: answer.in_both,
            absolute,
            relative,
        }
    }
}

fn moments(segment: &CompareSegment) -> Moments<1> {
    Moments::from_sums(segment.people as f64, [segment.sum], [[segment.sum_of_squares]])
}

fn compared(first: Moments<1>, second: Moments<1>, difference: Difference) -> ComparedBy {
    let settings = Settings { difference, alpha: ALPHA, method: Method::FixedHorizon, ..Settings::default() };
    let statistic = |moments| Statistic::Mean(Values::new(moments));
    let analysis = analyse(&[(statistic(first), statistic(second))], &settings);
    let finite = |value: &f64| value.is_finite();
    let instead = analysis.instead.as_ref();
    let estimate = analysis.effect.ok().map(|effect| effect.estimate).or(instead.map(|answer| answer.estimate));
    let interval = analysis.test.map(|test| test.interval).or(instead.and_then(|answer| answer.interval));
    let p = analysis.test.map(|test| test.p_value).or(instead.map(|answer| answer.p_value));
    // Those are written of experiments; here the second group is the treatment.
    let said = |text: String| {
        text.replace("Treatment is better", "The second is higher").replace("Treatment is worse", "The second is lower")
    };
    ComparedBy {
        estimate: estimate.filter(finite),
        interval: interval.filter(|(low, high)| low.is_finite() && high.is_finite()),
        p: p.filter(finite),
        method: analysis.method.to_owned(),
        can_be_said: said(analysis.can_be_said),
        cannot_be_said: analysis.cannot_be_said.replace("which is better", "which is higher"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn segment(people: u64, converted: u64) -> CompareSegment {
        let sum = converted as f64;
        CompareSegment { name: String::new(), people, sum, sum_of_squares: sum }
    }

    #[test]
    fn shares_are_compared_and_nothing_is_said_of_nobody() {
        let of = |a, b| Compared::from(CompareAnswer { segments: vec![a, b], in_both: 3 });
        let found = of(segment(1_000, 100), segment(1_000, 150));
        assert_eq!(found.segments[0].mean, Some(0.1));
        assert!((found.absolute.estimate.unwrap() - 0.05).abs() < 1e-12);
        // Of two shares: z = 0.05 / sqrt(0.09009/1000 + 0.12763/1000) = 3.388, two-sided 0.0007.
        assert!((found.absolute.p.unwrap() - 0.000_717).abs() < 2e-5, "{:?}", found.absolute);
        assert!((found.relative.estimate.unwrap() - 0.5).abs() < 1e-12);
        let none = of(segment(0, 0), segment(10, 1));
        assert_eq!((none.segments[0].mean, none.absolute.p), (None, None));
    }
}
