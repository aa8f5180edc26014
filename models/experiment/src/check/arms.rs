//! The arms of a case: which statistic they are shows in their fields.

use super::fields::{number, optional};
use crate::Value;
use crate::statistics::{Difference, Moments, Quantile, Statistic, Values};

/// Reads one arm. `is_proportion` says that a single sum counts successes.
pub(super) fn arm(value: &Value, is_proportion: bool) -> Result<Statistic, String> {
    let has = |name: &str| value.get(name).is_some();
    if has("quantile") {
        quantile(value)
    } else if has("m_post") {
        let parts = ["m_post", "d_post", "m_pre", "d_pre"];
        let products = [
            ["", "m_post_d_post", "m_post_m_pre", "m_post_d_pre"],
            ["m_post_d_post", "", "m_pre_d_post", "d_post_d_pre"],
            ["m_post_m_pre", "m_pre_d_post", "", "m_pre_d_pre"],
            ["m_post_d_pre", "d_post_d_pre", "m_pre_d_pre", ""],
        ];
        Ok(Statistic::AdjustedRatio { values: values(value, parts, products)?, theta: 0.0 })
    } else if has("post") {
        let products = [["", "post_pre"], ["post_pre", ""]];
        Ok(Statistic::Adjusted { values: values(value, ["post", "pre"], products)?, theta: 0.0 })
    } else if has("m") {
        Ok(Statistic::Ratio(values(value, ["m", "d"], [["", "md"], ["md", ""]])?))
    } else if has("sum_squares") && !is_proportion {
        Ok(Statistic::mean_of_sums(number(value, "n")?, number(value, "sum")?, number(value, "sum_squares")?))
    } else {
        Ok(Statistic::proportion(number(value, "n")?, number(value, "sum")?))
    }
}

/// Sums of the named parts, and sums of their products. A part without squares counts successes.
fn values<const D: usize>(value: &Value, parts: [&str; D], products: [[&str; D]; D]) -> Result<Values<D>, String> {
    let (mut sums, mut matrix, mut is_proportion) = ([0.0; D], [[0.0; D]; D], [false; D]);
    for (i, name) in parts.iter().enumerate() {
        let part = value.get(name).ok_or_else(|| format!("«{name}» is missing"))?;
        sums[i] = number(part, "sum")?;
        let squares = optional(part, "sum_squares");
        is_proportion[i] = squares.is_none();
        matrix[i][i] = squares.unwrap_or(sums[i]);
        for (j, product) in products[i].iter().enumerate().filter(|(j, _)| *j != i) {
            matrix[i][j] = number(value, product)?;
        }
    }
    Ok(Values { moments: Moments::from_sums(number(value, "n")?, sums, matrix), is_proportion })
}

fn quantile(value: &Value) -> Result<Statistic, String> {
    let clusters = match optional(value, "n_clusters") {
        Some(n) => {
            let sums = [number(value, "main_sum")?, number(value, "denominator_sum")?];
            let product = number(value, "main_denominator_sum_product")?;
            let squares = [number(value, "main_sum_squares")?, number(value, "denominator_sum_squares")?];
            Some(Moments::from_sums(n, sums, [[squares[0], product], [product, squares[1]]]))
        }
        None => None,
    };
    Ok(Statistic::Quantile(Quantile {
        n: number(value, "n")?,
        n_star: number(value, "n_star")?,
        level: number(value, "nu")?,
        value: number(value, "quantile")?,
        lower: number(value, "lower")?,
        upper: number(value, "upper")?,
        clusters,
    }))
}

/// Both arms of a case, or of one stratum.
pub(super) fn arms(input: &Value, statistic: &str) -> Result<(Statistic, Statistic), String> {
    let of = |name: &str| {
        let value = input.get(name).ok_or_else(|| format!("the arm «{name}» is missing"))?;
        arm(value, statistic == "proportion")
    };
    Ok((of("a")?, of("b")?))
}

/// Absolute or relative.
pub(super) fn difference(config: &Value) -> Result<Difference, String> {
    match config.get("difference").and_then(Value::as_str) {
        Some("absolute") => Ok(Difference::Absolute),
        Some("relative") | None => Ok(Difference::Relative),
        Some(other) => Err(format!("the difference «{other}» is not known")),
    }
}

pub(super) fn alpha(config: &Value) -> f64 {
    optional(config, "alpha").unwrap_or(0.05)
}
