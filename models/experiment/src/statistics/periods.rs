//! Periods of an experiment whose weights follow what was seen: within each the weights stayed the same.
//!
//! Over periods an effect is that of a martingale: whatever the weights were made of, within a period they say nothing of the
//! users who are yet to come, as long as a period's own weight does not hang on whom its arms got (Zhang, Janson and Murphy
//! 2020; Hadad et al. 2021). So it weighs as many users as all arms had in it together.

use super::metric::Statistic;
use super::stratified::is_viable;

/// Two arms of one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period {
    pub a: Statistic,
    pub b: Statistic,
    /// Of all arms, also of those that are not compared here.
    pub users: f64,
}

impl Period {
    /// Both periods as one. None for quantiles, which do not add up.
    pub fn joined(&self, other: &Period) -> Option<Period> {
        let (a, b) = (self.a.pooled(&other.a)?, self.b.pooled(&other.b)?);
        Some(Period { a, b, users: self.users + other.users })
    }
}

/// Periods in their order, those in which an arm tells no spread joined with the next, or at the end with the one before: their
/// neighbours had much the same weights and times. None at all if all together tell none.
pub fn joined(periods: impl IntoIterator<Item = Period>) -> Vec<Period> {
    let mut found: Vec<Period> = Vec::new();
    let mut open: Option<Period> = None;
    for period in periods {
        match open.take().map_or(Some(period), |open| open.joined(&period)) {
            Some(grown) if is_viable(&grown) => found.push(grown),
            grown => open = grown,
        }
    }
    if let (Some(rest), Some(last)) = (open, found.last_mut()) {
        *last = last.joined(&rest).unwrap_or(*last);
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::statistics::{Difference, Effect};

    fn period(a: (f64, f64), b: (f64, f64), users: f64) -> Period {
        Period { a: Statistic::proportion(a.0, a.1), b: Statistic::proportion(b.0, b.1), users }
    }

    #[test]
    fn periods_without_spread_join_their_neighbours() {
        let nothing = period((10.0, 0.0), (90.0, 9.0), 300.0);
        let something = period((20.0, 2.0), (80.0, 8.0), 300.0);
        let sizes = |periods: &[Period]| -> Vec<(f64, f64)> {
            joined(periods.iter().copied()).iter().map(|period| (period.a.n(), period.users)).collect()
        };
        assert_eq!(sizes(&[nothing, something, something, nothing]), [(30.0, 600.0), (30.0, 600.0)]);
        assert_eq!(sizes(&[nothing, nothing]), []);
    }

    /// By hand: shares 1/4 and 3/4, effects 0.1 and 0.2, variances p(1 − p)/n.
    #[test]
    fn a_period_weighs_all_users_and_degrees_of_freedom_follow_the_weights() {
        let periods = [period((100.0, 10.0), (50.0, 10.0), 200.0), period((20.0, 4.0), (200.0, 80.0), 600.0)];
        let effect = Effect::of_periods(&periods, Difference::Absolute).unwrap();
        assert!((effect.estimate - (0.1 * 0.25 + 0.2 * 0.75)).abs() < 1e-12);
        let parts = [(0.25, 0.09, 100.0), (0.25, 0.16, 50.0), (0.75, 0.16, 20.0), (0.75, 0.24, 200.0)]
            .map(|(share, variance, n): (f64, f64, f64)| (share * share * variance / n, n - 1.0));
        let sum: f64 = parts.iter().map(|(part, _)| part).sum();
        let between = (0.25 * 0.075_f64.powi(2) + 0.75 * 0.025_f64.powi(2)) / 800.0;
        assert!((effect.standard_error.powi(2) - sum - between).abs() < 1e-12);
        let degrees = sum * sum / parts.iter().map(|(part, degrees)| part * part / degrees).sum::<f64>();
        assert!((effect.degrees_of_freedom / degrees - 1.0).abs() < 1e-12);
        assert!((20.0..40.0).contains(&degrees), "{degrees}");
    }
}
