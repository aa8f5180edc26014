//! Sample-ratio mismatch: whether the arms got the users they should have, at any moment, and in which dimension not.

use libm::lgamma;

use super::counts::binomial;
use super::distribution::chi_squared_sf;
use super::multiplicity::benjamini_hochberg;

/// An app shows a warning below this.
pub const P_VALUE_WARNING: f64 = 0.001;
/// How strongly the always-valid test expects small deviations: pseudo-users of its prior.
const CONCENTRATION: f64 = 100.0;
/// With fewer expected users in an arm the chi-squared approximation is poor.
const EXPECTED_MIN: f64 = 5.0;

/// A check of users against weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioCheck {
    pub chi_squared: f64,
    /// Arms that should get users, less one.
    pub degrees_of_freedom: f64,
    pub p_value: f64,
    /// For two arms with few users: the binomial test.
    pub p_value_exact: Option<f64>,
    /// Lindon and Malek's test, which stays true whenever one looks (arXiv 2011.03567).
    pub p_value_always_valid: f64,
}

/// Checks users against weights, which need not sum to 1. A user in an arm of weight 0 is a mismatch for certain.
pub fn ratio_check(users: &[f64], weights: &[f64]) -> RatioCheck {
    let arms: Vec<(f64, f64)> = users.iter().copied().zip(weights.iter().copied()).collect();
    let total: f64 = users.iter().sum();
    let weight: f64 = weights.iter().filter(|weight| **weight > 0.0).sum();
    let planned: Vec<(f64, f64)> = arms.iter().filter(|arm| arm.1 > 0.0).map(|arm| (arm.0, arm.1 / weight)).collect();
    let degrees_of_freedom = planned.len().saturating_sub(1) as f64;
    let strays = arms.iter().any(|(users, weight)| *users > 0.0 && (weight.is_nan() || *weight <= 0.0));
    let certain = |p_value| RatioCheck {
        chi_squared: if p_value == 0.0 { f64::INFINITY } else { 0.0 },
        degrees_of_freedom,
        p_value,
        p_value_exact: None,
        p_value_always_valid: p_value,
    };
    if total <= 0.0 || (degrees_of_freedom == 0.0 && !strays) {
        return certain(1.0);
    }
    if strays {
        return certain(0.0);
    }
    let chi_squared = planned.iter().map(|(users, share)| (users - share * total).powi(2) / (share * total)).sum();
    let is_small = planned.iter().any(|(_, share)| share * total < EXPECTED_MIN);
    let exact = match planned.as_slice() {
        [(first, share), _] if is_small => binomial(*first, total, *share),
        _ => None,
    };
    RatioCheck {
        chi_squared,
        degrees_of_freedom,
        p_value: chi_squared_sf(chi_squared, degrees_of_freedom),
        p_value_exact: exact,
        p_value_always_valid: always_valid(&planned),
    }
}

/// Checks periods that each had weights of their own: users of each arm, and its weight.
pub fn ratio_check_of_periods(periods: &[(Vec<f64>, Vec<f64>)]) -> RatioCheck {
    let checks: Vec<RatioCheck> = periods.iter().map(|(users, weights)| ratio_check(users, weights)).collect();
    let seen = |(users, _): &(Vec<f64>, Vec<f64>)| users.iter().sum::<f64>() > 0.0;
    let with_users = || periods.iter().zip(&checks).filter(|(period, _)| seen(period));
    let chi_squared: f64 = with_users().map(|(_, check)| check.chi_squared).sum();
    let degrees_of_freedom: f64 = with_users().map(|(_, check)| check.degrees_of_freedom).sum();
    // Bayes factors of periods with different users multiply.
    let ln_factor = |(users, weights): &(Vec<f64>, Vec<f64>)| {
        let weight: f64 = weights.iter().sum();
        let planned: Vec<(f64, f64)> = users.iter().zip(weights).map(|(users, one)| (*users, one / weight)).collect();
        if planned.iter().any(|(users, share)| *users > 0.0 && *share <= 0.0) {
            return f64::INFINITY;
        }
        let planned: Vec<(f64, f64)> = planned.into_iter().filter(|(_, share)| *share > 0.0).collect();
        ln_bayes_factor(&planned)
    };
    let ln_factor: f64 = with_users().map(|(period, _)| ln_factor(period)).sum();
    let p_value = match degrees_of_freedom {
        // Somebody is where nobody should be.
        _ if chi_squared.is_infinite() => 0.0,
        0.0 => 1.0,
        _ => chi_squared_sf(chi_squared, degrees_of_freedom),
    };
    let p_value_always_valid = (-ln_factor).exp().min(1.0);
    RatioCheck { chi_squared, degrees_of_freedom, p_value, p_value_exact: None, p_value_always_valid }
}

/// 1 / (Bayes factor of "any shares", with a Dirichlet prior around the plan, against the planned shares), at most 1.
fn always_valid(planned: &[(f64, f64)]) -> f64 {
    (-ln_bayes_factor(planned)).exp().min(1.0)
}

fn ln_bayes_factor(planned: &[(f64, f64)]) -> f64 {
    let total: f64 = planned.iter().map(|(users, _)| users).sum();
    let of_arm = |(users, share): &(f64, f64)| {
        let prior = CONCENTRATION * share;
        lgamma(prior + users) - lgamma(prior) - users * share.ln()
    };
    lgamma(CONCENTRATION) - lgamma(CONCENTRATION + total) + planned.iter().map(of_arm).sum::<f64>()
}

/// A level of a dimension ("browser", "Safari 17") whose users are off.
#[derive(Clone, Debug, PartialEq)]
pub struct Suspect {
    pub level: usize,
    pub p_value: f64,
    /// Benjamini and Hochberg's, over all levels.
    pub p_value_adjusted: f64,
    /// Observed over planned share of each arm, less one; of an arm that should have no users, how many it has.
    pub deviations: Vec<f64>,
}

/// For each level its own check, the strongest mismatch first: where to look for the cause.
pub fn root_cause(levels: &[Vec<f64>], weights: &[f64]) -> Vec<Suspect> {
    let p_values: Vec<f64> = levels.iter().map(|users| ratio_check(users, weights).p_value).collect();
    let adjusted = benjamini_hochberg(&p_values);
    let weight: f64 = weights.iter().sum();
    let suspect = |(level, users): (usize, &Vec<f64>)| {
        let total: f64 = users.iter().sum();
        let deviation = |(users, share): (&f64, &f64)| {
            let planned = total * share / weight;
            if planned > 0.0 { users / planned - 1.0 } else { *users }
        };
        Suspect {
            level,
            p_value: p_values[level],
            p_value_adjusted: adjusted[level],
            deviations: users.iter().zip(weights).map(deviation).collect(),
        }
    };
    let mut suspects: Vec<Suspect> = levels.iter().enumerate().map(suspect).collect();
    suspects.sort_by(|x, y| x.p_value.total_cmp(&y.p_value));
    suspects
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn periods_with_weights_of_their_own_are_no_mismatch() {
        let periods = [(vec![500.0, 500.0], vec![0.5, 0.5]), (vec![103.0, 897.0], vec![0.1, 0.9])];
        let check = ratio_check_of_periods(&periods);
        assert!(check.p_value > 0.5 && check.p_value_always_valid > 0.9, "{check:?}");
        assert_eq!(check.degrees_of_freedom, 2.0);
        let pooled = ratio_check(&[603.0, 1_397.0], &[0.5, 0.5]);
        assert!(pooled.p_value < 1e-50, "as if the weights had stayed: {pooled:?}");
        let off = ratio_check_of_periods(&[(vec![500.0, 500.0], vec![0.5, 0.5]), (vec![200.0, 800.0], vec![0.1, 0.9])]);
        assert!(off.p_value < 1e-10 && off.p_value_always_valid < 1e-6, "{off:?}");
    }

    /// An arm that gets nobody any more is no cause of anything, unless somebody is there.
    #[test]
    fn of_an_arm_without_weight_users_are_told() {
        let suspects = root_cause(&[vec![400.0, 600.0, 0.0], vec![500.0, 500.0, 7.0], vec![0.0; 3]], &[0.5, 0.5, 0.0]);
        let of = |level: usize| &suspects.iter().find(|suspect| suspect.level == level).unwrap().deviations;
        let near = |found: &[f64], wanted: [f64; 3]| found.iter().zip(wanted).all(|(x, y)| (x - y).abs() < 1e-12);
        assert!(near(of(0), [-0.2, 0.2, 0.0]), "{suspects:?}");
        assert!(near(of(1), [500.0 / 503.5 - 1.0, 500.0 / 503.5 - 1.0, 7.0]), "{suspects:?}");
        assert!(near(of(2), [0.0; 3]), "{suspects:?}");
    }

    #[test]
    fn one_period_is_checked_as_ever() {
        let (users, weights) = (vec![480.0, 520.0], vec![0.5, 0.5]);
        let (one, plain) = (ratio_check_of_periods(&[(users.clone(), weights.clone())]), ratio_check(&users, &weights));
        assert_eq!((one.p_value, one.p_value_always_valid), (plain.p_value, plain.p_value_always_valid));
        let strays = ratio_check_of_periods(&[(vec![1.0, 5.0], vec![0.0, 1.0])]);
        assert_eq!((strays.p_value, strays.p_value_always_valid), (0.0, 0.0));
    }
}
