//! Kinds of cases that compare two arms.

use super::arms::{alpha, arms, difference};
use super::conventions::{statsmodels_koopman, statsmodels_score_difference};
use super::fields::{Fields, number, optional};
use crate::Value;
use crate::statistics::bayesian::{Posterior, Prior, beta_posterior, posterior};
use crate::statistics::counts::{
    Count, agresti_caffo, fisher, log_ratio, newcombe, pooled_z, score_difference, score_ratio, unpooled_z, wald,
};
use crate::statistics::distribution::{normal_isf, normal_sf};
use crate::statistics::{
    Alternative, Difference, Effect, Refusal, Sequential, Statistic, Test, adjusted, degrees_of_freedom, fallback,
    theta_of, welch,
};

const TUNING: f64 = 5_000.0;

type Arms = (Statistic, Statistic);

fn alternative(config: &Value) -> Result<Alternative, String> {
    match config.get("alternative").and_then(Value::as_str) {
        Some("greater") => Ok(Alternative::Greater),
        Some("lesser" | "less") => Ok(Alternative::Lesser),
        Some("two" | "two-sided" | "two_sided") | None => Ok(Alternative::TwoSided),
        Some(other) => Err(format!("the alternative «{other}» is not known")),
    }
}

fn statistic<'a>(input: &'a Value, kind: &'a str) -> &'a str {
    input.get("statistic").and_then(Value::as_str).unwrap_or(kind)
}

/// Estimate, interval, p-value and standard error, or what can be said instead.
fn test_fields(fields: &mut Fields, effect: &Result<Effect, Refusal>, tested: Option<Test>) {
    match (effect, tested) {
        (Ok(effect), Some(test)) => {
            fields
                .number("point_estimate", effect.estimate)
                .pair("ci", test.interval)
                .number("p_value", test.p_value)
                .number("stderr", effect.standard_error)
                .number("p_value_tail_accurate", test.p_value)
                .number("df", effect.degrees_of_freedom);
        }
        (Err(refusal), _) => fields.refusal = Some(*refusal),
        _ => {}
    }
}

fn describe_fallback(fields: &mut Fields, (a, b): &Arms, difference: Difference, alpha: f64) {
    if fields.refusal.is_none() {
        return;
    }
    fields.instead = fallback::answer(a, b, difference, alpha).map(|answer| {
        let interval = answer.interval.map_or_else(|| "none".to_owned(), |(low, high)| format!("[{low}, {high}]"));
        format!("{}: effect {}, interval {interval}, p {}", answer.method, answer.estimate, answer.p_value)
    });
}

/// `mean_ttest`, `proportion`, `ratio_delta`, `quantile`, `quantile_clustered`, `cuped_ratio`.
pub(super) fn welch_case(kind: &str, input: &Value, config: &Value) -> Result<Fields, String> {
    let both = arms(input, if kind == "proportion" { "proportion" } else { statistic(input, kind) })?;
    let (difference, alpha) = (difference(config)?, alpha(config));
    let effect = Effect::between(&both.0, &both.1, difference);
    let mut fields = Fields::default();
    test_fields(&mut fields, &effect, tested(&effect, config)?);
    describe_fallback(&mut fields, &both, difference, alpha);
    match (&both.0, &both.1) {
        (Statistic::Quantile(a), Statistic::Quantile(b)) => {
            fields.number("variance_a", a.variance()).number("variance_b", b.variance());
            fields.number("variance_a_if_iid", a.variance_if_independent());
            fields.number("variance_b_if_iid", b.variance_if_independent());
        }
        (Statistic::Ratio(_), Statistic::Ratio(_)) => independent_delta(&mut fields, &both, difference),
        (Statistic::AdjustedRatio { .. }, _) => {
            fields.number("theta", theta_of(&adjusted(&both.0, &both.1).0));
        }
        (Statistic::Mean(_), Statistic::Mean(_)) if kind == "proportion" => counts(&mut fields, &both, alpha),
        _ => scipy_welch(&mut fields, &both, alpha),
    }
    Ok(fields)
}

/// SciPy's Welch test of the absolute difference.
fn scipy_welch(fields: &mut Fields, (a, b): &Arms, alpha: f64) {
    let variance = a.variance() / a.n() + b.variance() / b.n();
    let effect = Effect {
        estimate: b.mean() - a.mean(),
        standard_error: variance.sqrt(),
        n: a.n() + b.n(),
        degrees_of_freedom: degrees_of_freedom(a, b),
        is_stratified: false,
        control_mean: a.mean(),
        difference: Difference::Absolute,
    };
    let test = welch(&effect, alpha, Alternative::TwoSided);
    fields.group("scipy_statsmodels", |group| {
        group
            .number("diff", effect.estimate)
            .number("t", effect.estimate / effect.standard_error)
            .number("df", effect.degrees_of_freedom)
            .number("p_value", test.p_value)
            .pair("ci", test.interval);
    });
}

fn independent_delta(fields: &mut Fields, (a, b): &Arms, difference: Difference) {
    let error = |arm: &Statistic| (arm.variance() / arm.n()).sqrt();
    let combined = Effect::between(a, b, difference).map_or(f64::NAN, |effect| effect.standard_error);
    fields.group("independent_delta", |group| {
        group.number("ratio_a", a.mean()).number("ratio_b", b.mean());
        group.number("se_a", error(a)).number("se_b", error(b)).number("se", combined);
    });
}

fn count_of(statistic: &Statistic) -> Option<Count> {
    match statistic {
        Statistic::Mean(values) => Count::new(values.n(), (values.mean(0) * values.n()).round()),
        _ => None,
    }
}

/// Everything that counts allow beyond the normal approximation.
fn counts(fields: &mut Fields, (a, b): &Arms, alpha: f64) {
    let (Some(a), Some(b)) = (count_of(a), count_of(b)) else {
        fields.remarks.push("these are no counts (more successes than users), so nothing is told from them".into());
        return;
    };
    if a.n == 0.0 || b.n == 0.0 {
        fields.remarks.push("an arm without users".into());
        return;
    }
    let (z, p) = pooled_z(a, b);
    let fill = |group: &mut Fields, of_score: (f64, f64), of_ratio: (f64, f64)| {
        group.group("pooled_z", |inner| {
            inner.number("z", z).number("p_value", p);
        });
        group
            .pair("ci_diff_wald", wald(a, b, alpha))
            .pair("ci_diff_agresti-caffo", agresti_caffo(a, b, alpha))
            .pair("ci_diff_newcomb", newcombe(a, b, alpha))
            .pair("ci_diff_score", of_score)
            .pair("ci_ratio_log", log_ratio(a, b, alpha))
            .pair("ci_ratio_score", of_ratio)
            .number("fisher_exact_p", fisher(a, b).unwrap_or(f64::NAN))
            .number("chi2_p_no_correction", p)
            .pair("wilson_a", a.wilson(alpha))
            .pair("clopper_pearson_a", a.clopper_pearson(alpha))
            .pair("wilson_b", b.wilson(alpha))
            .pair("clopper_pearson_b", b.clopper_pearson(alpha));
    };
    let own = (score_difference(a, b, alpha), score_ratio(a, b, alpha));
    fields.group("statsmodels_scipy", |group| fill(group, own.0, own.1));
    let mut convention = |of_score, of_ratio, words| {
        let mut other = Fields::default();
        fill(&mut other, of_score, of_ratio);
        fields.conventions.push(("statsmodels_scipy", Value::Object(other.object), words));
    };
    let of_cubic = statsmodels_score_difference(a, b, alpha);
    let words = "statsmodels' cubic for the score interval of the difference has successes where users belong";
    convention(of_cubic, own.1, words);
    if let Some(of_roots) = statsmodels_koopman(a, b, own.1.1) {
        let words = "statsmodels' score interval of the ratio begins at a root that is none";
        convention(own.0, of_roots, words);
        convention(of_cubic, of_roots, words);
    }
}

/// The test that a case asks for; none if there is no effect to test.
fn tested(effect: &Result<Effect, Refusal>, config: &Value) -> Result<Option<Test>, String> {
    let Ok(effect) = effect else { return Ok(None) };
    let (alpha, side) = (alpha(config), alternative(config)?);
    Ok(Some(match config.get("test").and_then(Value::as_str) {
        Some("sequential") => {
            let tuning = optional(config, "tuning").unwrap_or(TUNING);
            Sequential::new(alpha, tuning, side).test(effect).map_err(|refusal| refusal.code().to_owned())?
        }
        Some("ttest") | None => welch(effect, alpha, side),
        Some(other) => return Err(format!("the test «{other}» is not known")),
    }))
}

/// `cuped`.
pub(super) fn cuped(input: &Value, config: &Value) -> Result<Fields, String> {
    let both = arms(input, statistic(input, "mean"))?;
    let (difference, alpha) = (difference(config)?, alpha(config));
    let plain = (both.0.unadjusted(), both.1.unadjusted());
    let effects = [Effect::between(&both.0, &both.1, difference), Effect::between(&plain.0, &plain.1, difference)];
    let mut fields = Fields::default();
    test_fields(&mut fields, &effects[0], tested(&effects[0], config)?);
    describe_fallback(&mut fields, &both, difference, alpha);
    fields.number("theta", theta_of(&adjusted(&both.0, &both.1).0));
    let unadjusted = tested(&effects[1], config)?;
    fields.group("unadjusted", |group| {
        test_fields(group, &effects[1], unadjusted);
        if let Some(refusal) = group.refusal {
            group.value("error", refusal.code());
        }
    });
    if let (Ok(effect), Ok(plain)) = (&effects[0], &effects[1]) {
        fields.number("variance_ratio", (effect.standard_error / plain.standard_error).powi(2));
        let test = welch(effect, alpha, Alternative::TwoSided);
        let theta = theta_of(&adjusted(&both.0, &both.1).0);
        fields.group("statsmodels_ancova_hc3", |group| {
            group.number("effect", effect.estimate).number("se", effect.standard_error);
            group.number("theta", theta).number("p_value", test.p_value);
        });
    }
    Ok(fields)
}

/// `sequential`.
pub(super) fn sequential(input: &Value, config: &Value) -> Result<Fields, String> {
    let both = arms(input, statistic(input, "mean"))?;
    let (difference, alpha, side) = (difference(config)?, alpha(config), alternative(config)?);
    let effect = Effect::between(&both.0, &both.1, difference);
    let sequence = Sequential::new(alpha, optional(config, "tuning").unwrap_or(TUNING), side);
    let mut fields = Fields::default();
    fields.number("rho", sequence.rho);
    let tested = match effect.as_ref().map(|effect| sequence.test(effect)) {
        Ok(Ok(test)) => Some(test),
        Ok(Err(refusal)) => {
            fields.refusal = Some(refusal);
            fields.value("p_value_error", refusal.code());
            return Ok(fields);
        }
        Err(_) => None,
    };
    test_fields(&mut fields, &effect, tested);
    describe_fallback(&mut fields, &both, difference, alpha);
    let (Ok(effect), Some(test)) = (effect, tested) else { return Ok(fields) };
    fields.pair("fixed_horizon_ci", welch(&effect, alpha, side).interval);
    if side == Alternative::TwoSided {
        let half_width = effect.estimate - test.interval.0;
        let at_bound = Effect { estimate: half_width, ..effect };
        fields.number("check_p_at_halfwidth", sequence.p_value_at(&at_bound, 0.0));
    } else {
        match sequence.one_sided_p_value_by_halving(&effect) {
            Some(p) => {
                fields.conventions.push(("p_value", p.into(), "found by halving until the bound is within 1e-6"))
            }
            None => {
                fields.value("p_value_error", "NUMERICAL_PVALUE_NOT_CONVERGED");
            }
        }
    }
    Ok(fields)
}

/// `bayesian`.
pub(super) fn bayesian(input: &Value, config: &Value) -> Result<Fields, String> {
    let both = arms(input, statistic(input, "mean"))?;
    let (difference, alpha) = (difference(config)?, alpha(config));
    let mut fields = Fields::default();
    fields.value("risk_type", if difference == Difference::Relative { "relative" } else { "absolute" });
    let effect = match Effect::between(&both.0, &both.1, difference) {
        Ok(effect) => effect,
        Err(refusal) => {
            fields.refusal = Some(refusal);
            describe_fallback(&mut fields, &both, difference, alpha);
            return Ok(fields);
        }
    };
    let lower_is_better = config.get("inverse").is_some_and(Value::is_truthy);
    let given = match config.get("prior").filter(|prior| prior.get("proper").is_some_and(Value::is_truthy)) {
        Some(prior) => {
            let is_absolute = prior.get("scale").and_then(Value::as_str) == Some("absolute");
            let scale = if is_absolute { Difference::Absolute } else { Difference::Relative };
            Some(Prior { mean: number(prior, "mean")?, variance: number(prior, "variance")?, scale })
        }
        None => None,
    };
    if let Some(Err(refusal)) = given.map(|prior| prior.in_unit_of(&effect, true)) {
        let plain = posterior(&effect, None, alpha, lower_is_better);
        fields.refusal = Some(refusal);
        fields.instead = Some(format!(
            "without the prior, which is a share of a mean of zero: chance to win {}, effect {}, interval {:?}",
            plain.chance_to_win, plain.mean, plain.interval
        ));
        return Ok(fields);
    }
    let found = |rescales: bool, lower_is_better: bool| {
        let prior = given.and_then(|prior| prior.in_unit_of(&effect, rescales).ok());
        posterior(&effect, prior.as_ref(), alpha, lower_is_better)
    };
    let closed_form = |group: &mut Fields, found: &Posterior| {
        group.number("chance_to_win", found.chance_to_win);
        group.number("loss_if_treatment", found.loss_if_treatment);
        group.number("loss_if_control", found.loss_if_control);
    };
    let compute = |rescales: bool| -> Fields {
        let found = found(rescales, lower_is_better);
        let mut fields = Fields::default();
        fields
            .number("chance_to_win", found.chance_to_win)
            .number("expected", found.mean)
            .pair("ci", found.interval)
            .pair("risk", (found.loss_if_control, found.loss_if_treatment))
            .number("posterior_mean", found.mean)
            .number("posterior_sd", found.deviation)
            .group("closed_form", |group| closed_form(group, &found));
        fields
    };
    for (name, value) in compute(true).object.iter() {
        fields.value(name, value.clone());
    }
    const NAMES: [&str; 7] =
        ["chance_to_win", "expected", "ci", "risk", "posterior_mean", "posterior_sd", "closed_form"];
    let unscaled = compute(false);
    for name in NAMES {
        if let Some(value) = unscaled.object.get(name) {
            fields.conventions.push((
                name,
                value.clone(),
                "gbstats leaves an absolute prior as it is for a relative effect",
            ));
        }
    }
    for rescales in [true, false].into_iter().filter(|_| lower_is_better) {
        let mut group = Fields::default();
        closed_form(&mut group, &found(rescales, false));
        fields.conventions.push(("closed_form", group.object.into(), "a closed form in which more is better"));
    }
    Ok(fields)
}

/// `bayesian_beta_binomial`.
pub(super) fn beta_binomial(input: &Value, config: &Value) -> Result<Fields, String> {
    let count = |name: &str| -> Result<(f64, f64), String> {
        let arm = input.get(name).ok_or_else(|| format!("the arm «{name}» is missing"))?;
        let count = Count::new(number(arm, "n")?, number(arm, "sum")?).ok_or("these are no counts")?;
        Ok((count.successes, count.n))
    };
    let prior = super::fields::numbers(config, "prior").unwrap_or_else(|_| vec![1.0, 1.0]);
    let [prior_a, prior_b] = prior.as_slice() else { return Err("a Beta prior has two parameters".into()) };
    let found = beta_posterior(count("a")?, count("b")?, (*prior_a, *prior_b), alpha(config));
    let mut fields = Fields::default();
    fields
        .number("prob_b_beats_a_quadrature", found.chance_to_win)
        .number("prob_b_beats_a_closed_form", found.chance_to_win)
        .number("expected_loss_choose_b", found.loss_if_treatment)
        .number("expected_loss_choose_a", found.loss_if_control)
        .pair("ci95_b", found.interval)
        .pair("ci95_a", found.interval_control);
    Ok(fields)
}

/// `post_stratification`.
pub(super) fn post_stratification(input: &Value, config: &Value) -> Result<Fields, String> {
    let cells = input.get("cells").and_then(Value::as_array).ok_or("«cells» has to be a list")?;
    let strata = cells.iter().map(|cell| arms(cell, statistic(input, "mean"))).collect::<Result<Vec<_>, _>>()?;
    let difference = difference(config)?;
    let effect = Effect::of_strata(&strata, difference);
    let mut fields = Fields::default();
    test_fields(&mut fields, &effect, tested(&effect, config)?);
    let pooled = strata.iter().copied().map(Some).reduce(|sum, next| {
        let (sum, next) = (sum?, next?);
        Some((sum.0.pooled(&next.0)?, sum.1.pooled(&next.1)?))
    });
    if let Some(Some((a, b))) = pooled {
        let effect = Effect::between(&a, &b, difference);
        let test = tested(&effect, config)?;
        fields.group("pooled", |group| {
            test_fields(group, &effect, test);
            if let Some(refusal) = group.refusal {
                group.value("error", refusal.code());
            }
        });
    }
    Ok(fields)
}

/// `spotify_ztest`, `spotify_chi2`, `spotify_ttest`, `spotify_noninferiority`.
pub(super) fn spotify(kind: &str, input: &Value, config: &Value) -> Result<Fields, String> {
    let both = arms(input, statistic(input, "mean"))?;
    let (a, b) = &both;
    let alpha = alpha(config);
    let mut fields = Fields::default();
    // The relative interval is the absolute one divided by the control mean.
    let scale =
        if difference(config)? == Difference::Relative && config.get("difference").is_some() { a.mean() } else { 1.0 };
    let estimate = b.mean() - a.mean();
    let error = (a.variance() / a.n() + b.variance() / b.n()).sqrt();
    if kind == "spotify_noninferiority" {
        let is_increase = config.get("preferred").and_then(Value::as_str) != Some("decrease");
        let margin = number(config, "margin")?.abs() * a.mean().abs();
        let z = if is_increase { (estimate + margin) / error } else { (margin - estimate) / error };
        let bound = normal_isf(alpha) * error;
        fields.number("difference", estimate).number("p_value", normal_sf(z));
        let whole = if is_increase { (estimate - bound, f64::INFINITY) } else { (f64::NEG_INFINITY, estimate + bound) };
        fields.pair("ci", whole);
        return Ok(fields);
    }
    if kind == "spotify_ttest" {
        let effect = Effect::between(a, b, Difference::Absolute).map_err(|refusal| refusal.code().to_owned())?;
        let test = welch(&effect, alpha, alternative(config)?);
        fields.number("difference", estimate / scale).number("p_value", test.p_value);
        fields.pair("ci", (test.interval.0 / scale, test.interval.1 / scale));
        return Ok(fields);
    }
    let half_width = normal_isf(alpha / 2.0) * error;
    let p_value = match (count_of(a), count_of(b)) {
        (Some(a), Some(b)) if kind == "spotify_chi2" => pooled_z(a, b).1,
        (Some(a), Some(b)) if statistic(input, "mean") == "proportion" => unpooled_z(a, b).1,
        _ => 2.0 * normal_sf((estimate / error).abs()),
    };
    fields.number("difference", estimate / scale).number("p_value", p_value);
    fields.pair("ci", ((estimate - half_width) / scale, (estimate + half_width) / scale));
    Ok(fields)
}
