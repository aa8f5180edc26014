//! Cases with numbers from other implementations: every kind of `ab_oracle_public.json`.

use super::conventions::STATSMODELS_ROOT_ERROR;
use super::effects;
use super::fields::{Fields, number_of, optional};
use super::plans;
use super::report::Report;
use crate::Value;

/// The tolerance of a case that names none.
const RELATIVE: f64 = 1e-6;
const ABSOLUTE: f64 = 1e-12;
/// Figures that the oracle drew at random: to its stated error.
const DRAWN_ABSOLUTE: f64 = 0.02;
/// Figures that the oracle gives as a cross-check of another method.
const CROSS_CHECK_RELATIVE: f64 = 0.05;
/// Where the oracle refuses, these are its placeholders.
const PLACEHOLDERS: [&str; 14] = [
    "point_estimate",
    "ci",
    "p_value",
    "stderr",
    "chance_to_win",
    "expected",
    "risk",
    "posterior_mean",
    "posterior_sd",
    "fixed_horizon_ci",
    "additional_users",
    "scaling_factor",
    "power_now",
    "closed_form",
];
/// Remarks of the oracle, no results.
const WORDS: [&str; 5] = ["columns", "note", "oracle", "error", "exception"];

/// Runs all cases of a file: an object with `cases`, or a list of cases.
pub fn statistics(json: &str) -> Report {
    let file = match Value::parse(&with_quoted_words(json)) {
        Ok(file) => file,
        Err(error) => return Report::unreadable(format!("no JSON: {error}")),
    };
    let Some(cases) = file.as_array().or_else(|| file.get("cases").and_then(Value::as_array)) else {
        return Report::unreadable("the file has to be a list of cases, or an object with «cases»".into());
    };
    let mut report = Report::default();
    for case in cases {
        let text = |name: &str| case.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = [text("kind"), text("id"), text("name")].into_iter().filter(|part| !part.is_empty());
        report.add(name.collect::<Vec<_>>().join(" · "), run(case));
    }
    report
}

/// Python writes NaN and Infinity without quotes, which is no JSON.
fn with_quoted_words(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut rest, mut in_text) = (json, false);
    while let Some(c) = rest.chars().next() {
        let word = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !in_text && rest.starts_with(word));
        if let Some(word) = word {
            out.push_str(&format!("\"{word}\""));
            rest = &rest[word.len()..];
            continue;
        }
        let length =
            if in_text && c == '\\' { 1 + rest[1..].chars().next().map_or(0, char::len_utf8) } else { c.len_utf8() };
        in_text ^= c == '"';
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

fn run(case: &Value) -> Result<String, String> {
    let part = |name: &str| case.get(name).cloned().unwrap_or_default();
    let (input, config, expected) = (part("input"), part("config"), part("expected"));
    let kind = case.get("kind").and_then(Value::as_str).unwrap_or_default();
    let computed = match (compute(kind, &input, &config), expected.get("exception").and_then(Value::as_str)) {
        (Ok(computed), _) => computed,
        (Err(reason), Some(exception)) => {
            return Ok(format!("note: the oracle fails ({exception}); refused here: {reason}"));
        }
        (Err(reason), None) => return Err(reason),
    };
    let tolerance = case.get("tol");
    let tolerance = Tolerance {
        relative: tolerance.and_then(|tol| optional(tol, "rel")).unwrap_or(RELATIVE),
        absolute: tolerance.and_then(|tol| optional(tol, "abs")).unwrap_or(ABSOLUTE),
    };
    judge(&computed, &expected, tolerance)
}

fn compute(kind: &str, input: &Value, config: &Value) -> Result<Fields, String> {
    match kind {
        "mean_ttest" | "proportion" | "ratio_delta" | "quantile" | "quantile_clustered" | "cuped_ratio" => {
            effects::welch_case(kind, input, config)
        }
        "cuped" => effects::cuped(input, config),
        "sequential" => effects::sequential(input, config),
        "bayesian" => effects::bayesian(input, config),
        "bayesian_beta_binomial" => effects::beta_binomial(input, config),
        "post_stratification" => effects::post_stratification(input, config),
        "spotify_ztest" | "spotify_chi2" | "spotify_ttest" | "spotify_noninferiority" => {
            effects::spotify(kind, input, config)
        }
        "srm" => plans::srm(input, config),
        "multiplicity" => plans::multiplicity(input),
        "adjusted_ci" => plans::adjusted_ci(input, config),
        "bandit" => plans::bandit(input, config),
        "power" => plans::power(input, config),
        "mid_experiment_power" => plans::mid_experiment_power(input, config),
        "group_sequential_bounds" => plans::group_sequential(input, config),
        "capping" => plans::capping(input, config),
        other => Err(format!("the kind «{other}» is not known")),
    }
}

#[derive(Clone, Copy)]
struct Tolerance {
    relative: f64,
    absolute: f64,
}

fn judge(computed: &Fields, expected: &Value, tolerance: Tolerance) -> Result<String, String> {
    let mut remarks = computed.remarks.clone();
    let code = expected.get("error").and_then(Value::as_str).filter(|code| !code.is_empty());
    let code = code.or_else(|| expected.get("p_value_error").and_then(Value::as_str));
    // From what is no number the oracle computes what is no number.
    let is_nan = |name: &&str| expected.get(name).and_then(number_of).is_some_and(f64::is_nan);
    let is_refused =
        code.is_some() || expected.get("exception").is_some() || ["point_estimate", "chance_to_win"].iter().any(is_nan);
    if let Some(code) = code {
        remarks.push(format!("note: the oracle refuses ({code})"));
        let own = computed.refusal.map(|refusal| refusal.code());
        let own = own.or_else(|| computed.object.get("p_value_error").and_then(Value::as_str));
        let own = own.or_else(|| computed.object.get("error").and_then(Value::as_str));
        match (&computed.instead, own) {
            (Some(instead), _) => remarks.push(format!("instead: {instead}")),
            (None, Some(own)) if own == code => remarks.push("refused here too".into()),
            (None, Some(own)) => return Err(format!("the oracle refuses with {code}, here it is {own}")),
            (None, None) => remarks.push(format!("answered here: {}", Value::Object(computed.object.clone()))),
        }
    } else if let Some(refusal) = computed.refusal.filter(|_| !is_refused) {
        return Err(format!("refused ({}), the oracle answers {expected}", refusal.code()));
    }
    let mut worst: f64 = 0.0;
    for (name, wanted) in expected.as_object().into_iter().flat_map(|object| object.iter()) {
        let is_placeholder = is_refused && PLACEHOLDERS.contains(&name);
        if WORDS.contains(&name) || is_placeholder || name == "p_value_error" || (is_refused && name == "message") {
            continue;
        }
        if is_refused && computed.object.get(name).is_none() {
            remarks.push(format!("{name} is not told for such data"));
            continue;
        }
        let found = computed.object.get(name);
        match compare(name, wanted, found, tolerance_of(name, tolerance)) {
            Ok(difference) => worst = worst.max(difference),
            Err(reason) => {
                // Where the oracle computes something else, it need not do so to the digit.
                let loose = Tolerance { relative: tolerance.relative.max(RELATIVE), ..tolerance_of(name, tolerance) };
                let convention = computed
                    .conventions
                    .iter()
                    .find(|(field, value, _)| *field == name && compare(name, wanted, Some(value), loose).is_ok());
                let Some((_, _, words)) = convention else { return Err(reason) };
                let own = found.cloned().unwrap_or_default();
                remarks.push(format!("{name} by the oracle's convention ({words}); here it is {own}"));
            }
        }
    }
    remarks.insert(0, format!("largest difference {worst:.1e}"));
    Ok(remarks.join("; "))
}

fn tolerance_of(name: &str, tolerance: Tolerance) -> Tolerance {
    match name {
        "statsmodels_ancova_hc3" => Tolerance { relative: CROSS_CHECK_RELATIVE, ..tolerance },
        // Statsmodels solves for an effect size only so far.
        "mde_t_80" => Tolerance { absolute: STATSMODELS_ROOT_ERROR, ..tolerance },
        drawn if drawn.starts_with("gbstats_") => Tolerance { absolute: DRAWN_ABSOLUTE, ..tolerance },
        _ => tolerance,
    }
}

/// The largest relative difference, or where it is too large.
fn compare(path: &str, wanted: &Value, found: Option<&Value>, tolerance: Tolerance) -> Result<f64, String> {
    // Null: the oracle has none. An exception: it failed.
    if wanted.is_null() || wanted.get("exception").is_some() {
        return Ok(0.0);
    }
    let Some(found) = found else { return Err(format!("{path} is not computed, expected {wanted}")) };
    if let Some(wanted) = number_of(wanted) {
        let Some(found) = number_of(found) else { return Err(format!("{path}: expected {wanted}, found {found}")) };
        return close(path, wanted, found, tolerance);
    }
    match (wanted, found) {
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            let items = wanted.iter().zip(found).enumerate();
            worst(items.map(|(i, (w, f))| compare(&format!("{path}[{i}]"), w, Some(f), tolerance)))
        }
        (Value::Object(wanted), Value::Object(found)) => {
            let is_refused = wanted.get("error").is_some_and(|error| !error.is_null());
            let is_result = |name: &str| {
                !(WORDS.contains(&name) || name == "p_value_error" || (is_refused && PLACEHOLDERS.contains(&name)))
            };
            let members = wanted.iter().filter(|(name, _)| is_result(name));
            worst(members.map(|(name, w)| compare(&format!("{path}.{name}"), w, found.get(name), tolerance)))
        }
        (wanted, found) if wanted == found => Ok(0.0),
        (wanted, found) => Err(format!("{path}: expected {wanted}, found {found}")),
    }
}

fn worst(differences: impl Iterator<Item = Result<f64, String>>) -> Result<f64, String> {
    differences.into_iter().try_fold(0.0, |worst: f64, difference| Ok(worst.max(difference?)))
}

fn close(path: &str, wanted: f64, found: f64, tolerance: Tolerance) -> Result<f64, String> {
    if wanted.is_nan() || wanted == found {
        return Ok(0.0);
    }
    let distance = (wanted - found).abs();
    let relative = distance / wanted.abs().max(f64::MIN_POSITIVE);
    if distance <= (tolerance.relative * wanted.abs()).max(tolerance.absolute) {
        Ok(if distance <= tolerance.absolute { relative.min(tolerance.relative) } else { relative })
    } else {
        Err(format!("{path}: expected {wanted}, found {found}, difference {relative:.1e}"))
    }
}
