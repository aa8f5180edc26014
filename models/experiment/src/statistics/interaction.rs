//! Whether two experiments that run at the same time change each other's effect.

use super::distribution::{chi_squared_sf, student_isf, student_two_sided};
use super::effect::{Difference, Effect, Refusal};
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

/// Of one pair as an effect, for whatever test is wanted of it: `cells[first][second]`, 0 being control. Degrees of freedom are
/// Satterthwaite's over the four cells; the control mean is that of the people whom neither treats.
pub fn contrast(cells: &[[Statistic; 2]; 2]) -> Result<Effect, Refusal> {
    let all = [&cells[0][0], &cells[0][1], &cells[1][0], &cells[1][1]].map(|cell| cell.unadjusted());
    if all.iter().any(Statistic::has_no_variance) {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let [neither, second, first, both] = all.map(|cell| cell.mean());
    let parts = all.map(|cell| (cell.variance() / cell.n(), cell.n()));
    let variance: f64 = parts.iter().map(|(part, _)| part).sum();
    Ok(Effect {
        estimate: (both - first) - (second - neither),
        standard_error: variance.sqrt(),
        n: parts.iter().map(|(_, n)| n).sum(),
        degrees_of_freedom: variance * variance / parts.iter().map(|(part, n)| part * part / (n - 1.0)).sum::<f64>(),
        is_stratified: false,
        control_mean: neither,
        difference: Difference::Absolute,
    })
}

/// Of one pair: Welch's test of [`contrast`].
pub fn interaction(cells: &[[Statistic; 2]; 2], alpha: f64) -> Result<Interaction, Refusal> {
    let Effect { estimate, standard_error, degrees_of_freedom, .. } = contrast(cells)?;
    let p_value = student_two_sided(estimate / standard_error, degrees_of_freedom);
    let half_width = student_isf(alpha / 2.0, degrees_of_freedom) * standard_error;
    let interval = (estimate - half_width, estimate + half_width);
    Ok(Interaction { estimate, standard_error, degrees_of_freedom, p_value, p_value_adjusted: p_value, interval })
}

/// Whether two experiments divide people without regard to each other: the chi-squared test on `people[first][second]`. None
/// where one of them has all its people in one arm.
pub fn independence(people: &[Vec<f64>]) -> Option<f64> {
    let width = people.first()?.len();
    let rows: Vec<f64> = people.iter().map(|row| row.iter().sum()).collect();
    let columns: Vec<f64> = (0..width).map(|column| people.iter().filter_map(|row| row.get(column)).sum()).collect();
    let total: f64 = rows.iter().sum();
    let filled = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count();
    let degrees_of_freedom = filled(&rows).saturating_sub(1) * filled(&columns).saturating_sub(1);
    if degrees_of_freedom == 0 {
        return None;
    }
    let cells = people
        .iter()
        .zip(&rows)
        .flat_map(|(row, of_row)| row.iter().zip(&columns).map(move |(n, of)| (n, of_row * of)));
    let parts =
        cells.filter(|(_, product)| *product > 0.0).map(|(n, product)| (n - product / total).powi(2) * total / product);
    Some(chi_squared_sf(parts.sum(), degrees_of_freedom as f64))
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
    fn people_who_are_divided_twice_the_same_way_are_seen() {
        let found = independence(&[vec![250.0, 250.0], vec![250.0, 250.0]]).unwrap();
        assert!((found - 1.0).abs() < 1e-12, "{found}");
        // Chi-squared 10 with one degree of freedom (Pearson's, without correction).
        let found = independence(&[vec![275.0, 225.0], vec![225.0, 275.0]]).unwrap();
        assert!((found - chi_squared_sf(10.0, 1.0)).abs() < 1e-12, "{found}");
        assert_eq!(independence(&[vec![10.0, 0.0], vec![20.0, 0.0]]), None, "all in one arm");
        assert_eq!(independence(&[]), None);
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
