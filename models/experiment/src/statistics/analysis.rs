//! One comparison, whole: effect, test, posterior, what replaces them where they fail, and what that means in words.

use super::bayesian::{Posterior, Prior, posterior};
use super::effect::{Difference, Effect, Refusal};
use super::fallback::{self, Answer};
use super::metric::Statistic;
use super::periods::Period;
use super::test::{Alternative, Sequential, Test, welch};
use super::thin::Thin;

/// How a result is tested.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// True at every look; tightest at so many users.
    AlwaysValid { tuning: f64 },
    /// True at one look that was fixed beforehand.
    FixedHorizon,
}

/// What is wanted of a comparison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub difference: Difference,
    pub alpha: f64,
    pub method: Method,
    pub prior: Option<Prior>,
    pub lower_is_better: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            difference: Difference::Relative,
            alpha: 0.05,
            method: Method::AlwaysValid { tuning: 5_000.0 },
            prior: None,
            lower_is_better: false,
        }
    }
}

/// Of means that are known badly.
const THIN: &str =
    " An arm has so few, or such different values, that its mean is known badly: the range allows for that.";

/// The answer, with the name of the formula and its reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    pub effect: Result<Effect, Refusal>,
    pub test: Option<Test>,
    pub posterior: Option<Posterior>,
    /// Where there is no effect by the usual method.
    pub instead: Option<Answer>,
    pub method: &'static str,
    pub can_be_said: String,
    pub cannot_be_said: String,
}

/// Compares treatment with control over strata of users; one stratum if there is but one.
pub fn analyse(strata: &[(Statistic, Statistic)], settings: &Settings) -> Analysis {
    let of_both = |(a, b): &(Statistic, Statistic)| Period { a: *a, b: *b, users: a.n() + b.n() };
    let periods: Vec<Period> = strata.iter().map(of_both).collect();
    told_of(Effect::of_strata(strata, settings.difference), &periods, settings)
}

/// Compares treatment with control over strata of users that were made by what was known before, each arm with its own spread; one stratum
/// if there is but one.
pub fn analyse_strata(strata: &[(Statistic, Statistic)], settings: &Settings) -> Analysis {
    if strata.len() < 2 {
        return analyse(strata, settings);
    }
    let of_both = |(a, b): &(Statistic, Statistic)| Period { a: *a, b: *b, users: a.n() + b.n() };
    let periods: Vec<Period> = strata.iter().map(of_both).collect();
    let analysis = told_of(Effect::post_stratified(strata, settings.difference), &periods, settings);
    let method = match analysis.method {
        "confidence sequence" => "confidence sequence, post-stratified",
        "Welch's t test" => "Welch's t test, post-stratified",
        "confidence sequence of thin data" => "confidence sequence of thin data, post-stratified",
        "Welch's t test of thin data" => "Welch's t test of thin data, post-stratified",
        other => other,
    };
    Analysis { method, ..analysis }
}

/// Compares treatment with control over periods whose weights follow what was seen.
pub fn analyse_periods(periods: &[Period], settings: &Settings) -> Analysis {
    told_of(Effect::of_periods(periods, settings.difference), periods, settings)
}

/// Compares treatment with a control that has none of it: in absolute terms, since nothing is a share of it.
pub fn analyse_above_nothing((a, b): (Statistic, Statistic), settings: &Settings) -> Analysis {
    let settings = Settings { difference: Difference::Absolute, ..*settings };
    let (a, b) = (a.unadjusted(), b.unadjusted());
    told_of(Effect::above_nothing(&a, &b), &[Period { a, b, users: a.n() + b.n() }], &settings)
}

fn told_of(effect: Result<Effect, Refusal>, periods: &[Period], settings: &Settings) -> Analysis {
    let thin = Thin::of(periods, settings.difference, &effect);
    match (effect, thin) {
        // What is told of the effect stays the delta method's where it has any.
        (effect, Some(thin)) => answered(effect.unwrap_or(thin.effect), Some(&thin), periods, settings),
        (Ok(effect), None) => answered(effect, None, periods, settings),
        (Err(refusal), None) => refused(refusal, periods, settings),
    }
}

fn answered(effect: Effect, thin: Option<&Thin>, periods: &[Period], settings: &Settings) -> Analysis {
    let tested = thin.map_or(effect, |thin| thin.effect);
    let (test, method) = match settings.method {
        Method::AlwaysValid { tuning } => {
            let sequence = Sequential::new(settings.alpha, tuning, Alternative::TwoSided);
            (sequence.test(&tested).ok(), "confidence sequence")
        }
        Method::FixedHorizon => (Some(welch(&tested, settings.alpha, Alternative::TwoSided)), "Welch's t test"),
    };
    let method = match (settings.method, thin) {
        (_, None) => method,
        (Method::AlwaysValid { .. }, _) => "confidence sequence of thin data",
        (Method::FixedHorizon, _) => "Welch's t test of thin data",
    };
    let test = test.map(|test| match thin {
        Some(thin) => {
            let errors = (test.interval.1 - tested.estimate) / tested.standard_error;
            Test { interval: thin.interval(errors), ..test }
        }
        None => test,
    });
    let prior = settings.prior.and_then(|prior| prior.in_unit_of(&tested, true).ok());
    let posterior = posterior(&tested, prior.as_ref(), settings.alpha, settings.lower_is_better);
    let unit = |value: f64| told(value, settings.difference);
    let (low, high) = test.map_or((f64::NEG_INFINITY, f64::INFINITY), |test| test.interval);
    let when = match settings.method {
        Method::AlwaysValid { .. } => "whenever one looks",
        Method::FixedHorizon => "if this is the only look",
    };
    let has_covariate =
        periods.iter().any(|cell| matches!(cell.a, Statistic::Adjusted { .. } | Statistic::AdjustedRatio { .. }));
    let adjusted = match (effect.is_stratified, has_covariate) {
        (true, false) => ", weighed over strata",
        (true, true) => ", adjusted by what was known before and weighed over strata",
        (false, true) => ", adjusted by what was known before",
        (false, false) => "",
    };
    let range = format!("between {} and {}", unit(low), unit(high));
    let few = if thin.is_some() { THIN } else { "" };
    let size = format!("{range} (best guess {}{adjusted}), {when}", unit(effect.estimate));
    let is_decided = low > 0.0 || high < 0.0;
    let is_better = (low > 0.0) != settings.lower_is_better;
    let (can_be_said, cannot_be_said) = if is_decided {
        let verdict = if is_better { "better" } else { "worse" };
        (
            format!("Treatment is {verdict}: the difference is {size}."),
            format!(
                "Nothing is said of other users, other times or other metrics, nor that the effect is {} exactly.{few}",
                unit(effect.estimate)
            ),
        )
    } else {
        (
            format!("The difference is {size}."),
            format!(
                "It cannot be said which is better. That is no proof that there is no difference: the range is what is still possible.{few}"
            ),
        )
    };
    Analysis {
        effect: Ok(effect),
        test,
        posterior: Some(posterior),
        instead: None,
        method,
        can_be_said,
        cannot_be_said,
    }
}

fn refused(refusal: Refusal, periods: &[Period], settings: &Settings) -> Analysis {
    let pooled =
        periods.split_first().and_then(|(first, rest)| rest.iter().try_fold(*first, |sum, next| sum.joined(next)));
    let instead = pooled.and_then(|pooled| fallback::answer(&pooled.a, &pooled.b, settings.difference, settings.alpha));
    let unit = |value: f64| told(value, settings.difference);
    let (method, can_be_said, cannot_be_said) = match &instead {
        Some(answer) => {
            let range = answer.interval.map_or_else(
                || "no range can be given".to_owned(),
                |(low, high)| format!("between {} and {}", unit(low), unit(high)),
            );
            (
                answer.method,
                format!(
                    "The difference is {} ({range}), p = {:.2e}, at one fixed look.",
                    unit(answer.estimate),
                    answer.p_value
                ),
                "The data are too thin or too even for the usual method, so this is no answer for repeated looks."
                    .to_owned(),
            )
        }
        None => ("none", "Nothing yet.".to_owned(), reason(refusal).to_owned()),
    };
    Analysis { effect: Err(refusal), test: None, posterior: None, instead, method, can_be_said, cannot_be_said }
}

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::ZeroNegativeVariance => {
            "An arm has too few users, or values that do not vary, to measure a difference by."
        }
        Refusal::BaselineVariationZero => {
            "The control's mean is zero, so nothing is a share of it; ask for the absolute difference."
        }
        Refusal::AlphaTooLarge => "A one-sided sequential test needs an error rate below one half.",
    }
}

fn told(value: f64, difference: Difference) -> String {
    match difference {
        _ if value.is_infinite() => if value > 0.0 { "without bound" } else { "without bound below" }.to_owned(),
        Difference::Relative => format!("{:+.2} %", 100.0 * value),
        Difference::Absolute => format!("{value:+.4}"),
    }
}
