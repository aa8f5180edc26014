//! Kinds of cases about traffic, many tests, plans and bounds.

use super::arms::{alpha, arm, arms, difference};
use super::conventions::{gbstats_scaling_factor, growthbook_adjusted_interval, top_two_of_least};
use super::fields::{Fields, list, number, number_of, numbers, optional};
use crate::Value;
use crate::statistics::bandit::{ArmPosterior, USERS_MIN, best_arm_probabilities, top_two_probabilities, weights};
use crate::statistics::capping::{capped, percentile};
use crate::statistics::distribution::chi_squared_sf;
use crate::statistics::group_sequential::{LOWER_Z, bounds};
use crate::statistics::multiplicity::{
    adjusted_interval, benjamini_hochberg, benjamini_yekutieli, bonferroni, hochberg, holm, holm_sidak, hommel,
    rejected_by_benjamini_hochberg,
};
use crate::statistics::power::{MidPlan, Plan, effect_size_of_t, power_of_t, power_of_z, users_for_proportions};
use crate::statistics::srm::ratio_check;
use crate::statistics::{Difference, Effect};

/// `srm`.
pub(super) fn srm(input: &Value, config: &Value) -> Result<Fields, String> {
    let (users, weights) = (numbers(input, "users")?, numbers(config, "weights")?);
    if users.len() != weights.len() {
        return Err("as many weights as arms are needed".into());
    }
    let found = ratio_check(&users, &weights);
    let mut fields = Fields::default();
    fields.number("p_value", found.p_value);
    fields.group("scipy", |group| {
        group.number("chi2", found.chi_squared).number("p_value", found.p_value);
        group.number("df", found.degrees_of_freedom);
    });
    let all_arms = chi_squared_sf(found.chi_squared, users.len() as f64 - 1.0);
    if found.chi_squared.is_finite() && found.degrees_of_freedom > 0.0 {
        fields.conventions.push((
            "p_value",
            all_arms.into(),
            "gbstats counts arms of weight 0 among the degrees of freedom",
        ));
    }
    if users.iter().zip(&weights).any(|(users, weight)| *weight <= 0.0 && *users > 0.0) {
        // gbstats does not look at users in an arm of weight 0.
        let planned: Vec<(f64, f64)> =
            users.iter().copied().zip(weights.iter().copied()).filter(|(_, weight)| *weight > 0.0).collect();
        let (total, weight): (f64, f64) = (users.iter().sum(), weights.iter().sum());
        let expected = |share: f64| share / weight * total;
        let statistic: f64 = planned.iter().map(|(n, w)| (n - expected(*w)).powi(2) / expected(*w)).sum();
        let p = chi_squared_sf(statistic, users.len() as f64 - 1.0);
        fields.conventions.push(("p_value", p.into(), "gbstats does not look at users in an arm of weight 0"));
        fields.remarks.push("users in an arm of weight 0 are a mismatch for certain".into());
    }
    if let Some(exact) = found.p_value_exact {
        fields.remarks.push(format!("few users: the exact binomial p is {exact}"));
    }
    Ok(fields)
}

/// `multiplicity`.
pub(super) fn multiplicity(input: &Value) -> Result<Fields, String> {
    let listed = input.get("p_values").and_then(Value::as_array).ok_or("«p_values» has to be a list")?;
    // Nothing is no test, as what is no number.
    let number = |item: &Value| if item.is_null() { Some(f64::NAN) } else { number_of(item) };
    let p: Option<Vec<f64>> = listed.iter().map(number).collect();
    let p = p.ok_or("«p_values» has to hold numbers")?;
    let mut fields = Fields::default();
    fields
        .numbers("bonferroni", &bonferroni(&p))
        .numbers("holm", &holm(&p))
        .numbers("benjamini_hochberg", &benjamini_hochberg(&p))
        .numbers("benjamini_yekutieli", &benjamini_yekutieli(&p))
        .numbers("hommel", &hommel(&p))
        .numbers("holm_sidak", &holm_sidak(&p))
        .numbers("hochberg", &hochberg(&p));
    for level in ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.10", "0.15", "0.2", "0.20", "0.25"] {
        let rejected = rejected_by_benjamini_hochberg(&p, level.parse().unwrap_or(0.05));
        let rejected: Vec<Value> = rejected.into_iter().map(Value::Bool).collect();
        fields.value(&format!("reject_bh_{level}"), rejected);
    }
    Ok(fields)
}

/// `adjusted_ci`.
pub(super) fn adjusted_ci(input: &Value, config: &Value) -> Result<Fields, String> {
    let interval = numbers(input, "ci")?;
    let [low, high] = interval.as_slice() else { return Err("an interval has two ends".into()) };
    let threshold = optional(config, "threshold").unwrap_or(0.05);
    let (lift, p_adjusted) = (number(input, "lift")?, number(input, "p_adjusted")?);
    let mut fields = Fields::default();
    fields.pair("ci_adjusted", adjusted_interval(lift, (*low, *high), p_adjusted, threshold));
    let (low, high) = growthbook_adjusted_interval(lift, (*low, *high), p_adjusted, threshold);
    let words = "GrowthBook widens both ends or none";
    fields.conventions.push(("ci_adjusted", list(&[low, high]), words));
    Ok(fields)
}

/// `bandit`.
pub(super) fn bandit(input: &Value, config: &Value) -> Result<Fields, String> {
    let items = input.get("arms").and_then(Value::as_array).ok_or("«arms» has to be a list")?;
    let statistics = items.iter().map(|item| arm(item, false)).collect::<Result<Vec<_>, _>>()?;
    let prior = match config.get("prior").filter(|prior| !prior.is_null()) {
        Some(prior) => Some((number(prior, "mean")?, number(prior, "variance")?)),
        None => None,
    };
    let is_on = |name: &str| config.get(name).is_some_and(Value::is_truthy);
    let (lower_is_better, is_top_two) = (is_on("inverse"), is_on("top_two"));
    let posteriors: Vec<ArmPosterior> = statistics
        .iter()
        .map(|arm| ArmPosterior::new(arm.mean(), (arm.variance().max(0.0) / arm.n().max(1.0)).sqrt(), prior))
        .collect();
    let chances = best_arm_probabilities(&posteriors, lower_is_better);
    let floor = optional(config, "min_weight").unwrap_or(0.01);
    let goal = if is_top_two { top_two_probabilities(&posteriors, lower_is_better) } else { chances.clone() };
    let intervals: Vec<(f64, f64)> = statistics
        .iter()
        .zip(&posteriors)
        .map(|(arm, posterior)| posterior.interval_around(arm.mean(), alpha(config)))
        .collect();
    let pick = |of: fn(&ArmPosterior) -> f64| posteriors.iter().map(of).collect::<Vec<f64>>();
    let is_enough = statistics.iter().all(|arm| arm.n() >= USERS_MIN);
    let mut fields = Fields::default();
    fields
        .numbers("best_arm_probability_exact", &chances)
        .numbers("gbstats_best_arm_probabilities_10k_draws", &chances)
        .numbers("gbstats_weights", &weights(&goal, floor))
        .numbers("weights_from_exact", &weights(&goal, floor))
        .numbers("posterior_mean", &pick(|posterior| posterior.mean))
        .numbers("posterior_sd", &pick(|posterior| posterior.deviation))
        .pairs("ci", &intervals)
        .value(
            "message",
            if is_enough { "successfully updated" } else { "total sample size must be at least 100 per variation" },
        );
    if posteriors.iter().any(|posterior| !posterior.deviation.is_finite()) {
        let nothing = Value::Array(vec![0.0.into(); posteriors.len()]);
        let words = "gbstats draws from an infinite deviation, where no arm is ever the best";
        fields.conventions.push(("gbstats_best_arm_probabilities_10k_draws", nothing, words));
    }
    if let Some(shares) = top_two_of_least(&posteriors).filter(|_| is_top_two && lower_is_better) {
        let words = "gbstats takes the second and the third least for the least two";
        fields.conventions.push(("gbstats_weights", list(&weights(&shares, floor)), words));
    }
    if is_top_two {
        fields.remarks.push(format!("exact top-two weights {}", list(&weights(&goal, floor))));
    }
    Ok(fields)
}

/// `power`: sample size of proportions, the t test, or a plan.
pub(super) fn power(input: &Value, config: &Value) -> Result<Fields, String> {
    let alpha = alpha(config);
    let target = optional(config, "power").unwrap_or(0.8);
    let mut fields = Fields::default();
    if let Some(control) = optional(input, "p_control") {
        let found = users_for_proportions(control, number(input, "p_treatment")?, alpha, target);
        fields
            .number("cohen_h", found.cohen_h)
            .number("n_per_arm_cohen_h", found.by_cohen_h)
            .number("n_per_arm_unpooled_wald", found.by_unpooled_variance)
            .number("n_per_arm_pooled", found.by_pooled_variance);
    } else if let Some(size) = optional(input, "effect_size") {
        let n = number(input, "n_per_arm")?;
        fields
            .number("power_t", power_of_t(size, n, alpha))
            .number("power_z", power_of_z(size * (n / 2.0).sqrt(), alpha))
            .number("mde_t_80", effect_size_of_t(n, alpha, target));
    } else {
        let plan = Plan {
            mean: number(input, "mean")?,
            variance: number(input, "variance")?,
            users: number(config, "total_users")?,
            arms: optional(config, "variations").unwrap_or(2.0),
            alpha,
            sequential_tuning: optional(config, "sequential_tuning"),
        };
        let effect = number(input, "effect")?;
        fields.number("standard_error_relative", plan.standard_error(effect)).number("power", plan.power(effect));
        match plan.minimum_detectable_effect(target) {
            Some(found) => fields.number("mde_80", found),
            None if target <= alpha => fields.value("mde_80", "error: power must be greater than alpha."),
            None => fields.value("mde_80", "error: need to increase number of users or reduce number of variations."),
        };
    }
    Ok(fields)
}

/// `mid_experiment_power`.
pub(super) fn mid_experiment_power(input: &Value, config: &Value) -> Result<Fields, String> {
    let statistic = input.get("statistic").and_then(Value::as_str).unwrap_or("mean");
    let (a, b) = arms(input, statistic)?;
    let difference = if config.get("difference").is_some() { difference(config)? } else { Difference::Relative };
    let mut fields = Fields::default();
    let effect = match Effect::between(&a, &b, difference) {
        Ok(effect) => effect,
        Err(refusal) => {
            fields.refusal = Some(refusal);
            fields.value("message", "unsuccessful");
            return Ok(fields);
        }
    };
    let is_on = |name: &str| config.get(name).is_some_and(Value::is_truthy);
    let tuning = optional(config, "sequential_tuning").or_else(|| optional(config, "tuning")).unwrap_or(5_000.0);
    let prior =
        config.get("prior").filter(|prior| prior.get("proper") != Some(&Value::Bool(false)) && !prior.is_null());
    let plan = MidPlan {
        target: optional(config, "target_mde").unwrap_or(0.01),
        target_power: optional(config, "target_power").unwrap_or(0.8),
        goal_metrics: optional(config, "num_goal_metrics").unwrap_or(1.0),
        arms: optional(config, "num_variations").unwrap_or(2.0),
        is_corrected: is_on("p_value_corrected"),
        alpha: alpha(config),
        sequential_tuning: is_on("sequential").then_some(tuning),
        prior: match prior {
            Some(prior) => Some((number(prior, "mean")?, number(prior, "variance")?)),
            None => None,
        },
    };
    let found = plan.evaluate(&effect);
    fields.number("power_now", found.power_now);
    match (found.scaling_factor, found.additional_users) {
        (Some(factor), Some(users)) => {
            fields.number("scaling_factor", factor).number("additional_users", users);
            fields.value("message", "successful");
            if let Some(halved) = gbstats_scaling_factor(&plan, &effect).filter(|_| factor > 0.0) {
                let words = "gbstats halves until the power is within 1e-5 of what is wanted";
                fields.conventions.push(("scaling_factor", halved.into(), words));
                fields.conventions.push(("additional_users", (halved * effect.n).into(), words));
            }
        }
        _ => {
            fields.value("message", "unsuccessful");
            fields.value("error", "could not find upper bound for scaling factor");
        }
    }
    Ok(fields)
}

/// `group_sequential_bounds`.
pub(super) fn group_sequential(input: &Value, config: &Value) -> Result<Fields, String> {
    let information = numbers(input, "information_fractions")?;
    let sides = optional(config, "sides").unwrap_or(2.0) as usize;
    let phi = optional(config, "phi").unwrap_or(1.0);
    let looks = bounds(&information, alpha(config), phi, sides).ok_or("the shares have to rise within (0, 1]")?;
    let z: Vec<f64> = looks.iter().map(|look| look.z_bound).collect();
    let roots: Vec<f64> = information.iter().map(|t| t.sqrt()).collect();
    let before = std::iter::once(0.0).chain(information.iter().copied());
    let steps: Vec<f64> = information.iter().zip(before).map(|(t, before)| (t - before).sqrt()).collect();
    let upper: Vec<f64> = z.iter().zip(&roots).map(|(z, root)| z * root).collect();
    let lower: Vec<f64> = roots.iter().map(|root| LOWER_Z * root).collect();
    // The oracle's grid: steps of a twentieth of an increment's deviation.
    let intervals: Vec<f64> =
        (0..z.len()).map(|look| ((upper[look] - lower[look]) / (0.05 * steps[look])).ceil()).collect();
    let mut fields = Fields::default();
    fields.numbers("z_bounds", &z);
    fields.group("table", |table| {
        table
            .numbers("za", &vec![LOWER_Z; z.len()])
            .numbers("zb", &z)
            .numbers("ya", &lower)
            .numbers("yb", &upper)
            .numbers("pe", &looks.iter().map(|look| look.spent).collect::<Vec<_>>())
            .numbers("pd", &looks.iter().map(|look| look.spent_here).collect::<Vec<_>>())
            .numbers("stdv", &steps)
            .numbers("sdproc", &roots)
            .numbers("nints", &intervals)
            .numbers("information_ratio", &information);
    });
    Ok(fields)
}

/// `capping`.
pub(super) fn capping(input: &Value, config: &Value) -> Result<Fields, String> {
    let values = numbers(input, "values")?;
    let fixed = ["cap", "absolute", "value"].iter().find_map(|name| optional(config, name));
    let cap = match (fixed, optional(config, "percentile")) {
        (Some(cap), _) => cap,
        (None, Some(share)) => {
            let ignores_zeros = config.get("ignore_zeros").is_some_and(Value::is_truthy);
            percentile(&values, share, ignores_zeros).ok_or("there are no values to take a percentile of")?
        }
        (None, None) => return Err("a cap or a percentile is needed".into()),
    };
    let cut = capped(&values, cap);
    let mut fields = Fields::default();
    fields.number("cap", cap);
    fields.group("capped", |group| {
        group.number("n", cut.len() as f64).number("sum", cut.iter().sum());
        group.number("sum_squares", cut.iter().map(|value| value * value).sum());
    });
    Ok(fields)
}
