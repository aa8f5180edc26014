//! Whether two experiments that run at the same time change each other's effect.

use super::distribution::{student_isf, student_two_sided};
use super::effect::Refusal;
use super::metric::Statistic;
use super::multiplicity::benjamini_hochberg;

/// The effect of the second experiment's treatment among those whom the first treats, less that among the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interaction {
    pub estimate: f64,
    pub standard_error: f64,
    pub degrees_of_freedom: f64,
    pub p_value: f64,
    /// Benjamini and Hochberg's over the pairs that were looked at together.
    pub p_value_adjusted: f64,
    pub interval: (f64, f64),
}

/// Of one pair: `cells[first][second]`, 0 being control. Welch's test with Satterthwaite's degrees of freedom over four cells.
pub fn interaction(cells: &[[Statistic; 2]; 2], alpha: f64) -> Result<Interaction, Refusal> {
    let all = [&cells[0][0], &cells[0][1], &cells[1][0], &cells[1][1]].map(|cell| cell.unadjusted());
    if all.iter().any(Statistic::has_no_variance) {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let [neither, second, first, both] = all.map(|cell| cell.mean());
    let parts = all.map(|cell| (cell.variance() / cell.n(), cell.n()));
    let variance: f64 = parts.iter().map(|(part, _)| part).sum();
    let degrees_of_freedom = variance * variance / parts.iter().map(|(part, n)| part * part / (n - 1.0)).sum::<f64>();
    let (estimate, standard_error) = ((both - first) - (second - neither), variance.sqrt());
    let p_value = student_two_sided(estimate / standard_error, degrees_of_freedom);
    let half_width = student_isf(alpha / 2.0, degrees_of_freedom) * standard_error;
    let interval = (estimate - half_width, estimate + half_width);
    Ok(Interaction { estimate, standard_error, degrees_of_freedom, p_value, p_value_adjusted: p_value, interval })
}

/// Of many pairs; those without an answer count as no test.
pub fn interactions(pairs: &[[[Statistic; 2]; 2]], alpha: f64) -> Vec<Result<Interaction, Refusal>> {
    let mut found: Vec<Result<Interaction, Refusal>> = pairs.iter().map(|cells| interaction(cells, alpha)).collect();
    let p_values: Vec<f64> = found.iter().map(|one| one.as_ref().map_or(f64::NAN, |one| one.p_value)).collect();
    for (one, adjusted) in found.iter_mut().zip(benjamini_hochberg(&p_values)) {
        if let Ok(one) = one {
            one.p_value_adjusted = adjusted;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn mean(n: f64, mean: f64, variance: f64) -> Statistic {
        Statistic::mean_of_sums(n, n * mean, variance * (n - 1.0) + n * mean * mean)
    }

    #[test]
    fn what_both_do_together_is_set_apart() {
        let cells = [[mean(100.0, 1.0, 4.0), mean(100.0, 1.5, 4.0)], [mean(100.0, 2.0, 4.0), mean(100.0, 4.5, 4.0)]];
        let found = interaction(&cells, 0.05).unwrap();
        // (4.5 − 2) − (1.5 − 1), with four variances of 4/100 each; equal cells have the sum of their degrees of freedom.
        assert!((found.estimate - 2.0).abs() < 1e-12 && (found.standard_error - 0.4).abs() < 1e-12, "{found:?}");
        assert!((found.degrees_of_freedom - 396.0).abs() < 1e-6, "{found:?}");
        // t = 5 with 396 degrees of freedom.
        assert!(found.p_value > 8e-7 && found.p_value < 9e-7, "{found:?}");
        let alike = interaction(&[[cells[0][0], cells[0][1]], [mean(100.0, 2.0, 4.0), mean(100.0, 2.5, 4.0)]], 0.05);
        assert!(alike.unwrap().p_value > 0.999);
    }

    #[test]
    fn many_pairs_are_corrected_together() {
        let none = [[mean(50.0, 1.0, 1.0); 2]; 2];
        let some = [[mean(50.0, 1.0, 1.0), mean(50.0, 1.0, 1.0)], [mean(50.0, 1.0, 1.0), mean(50.0, 1.6, 1.0)]];
        let flat = [[mean(50.0, 1.0, 0.0); 2]; 2];
        let found = interactions(&[none, some, flat], 0.05);
        let (first, second) = (found[0].unwrap(), found[1].unwrap());
        assert_eq!(found[2], Err(Refusal::ZeroNegativeVariance));
        assert!((second.p_value_adjusted - 2.0 * second.p_value).abs() < 1e-15);
        assert_eq!(first.p_value_adjusted, first.p_value);
    }
}
