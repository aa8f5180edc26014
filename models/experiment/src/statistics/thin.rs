//! Thin data: an arm whose mean is known too badly for what the delta method promises.
//!
//! The delta method takes the quotient of two means for normal, with the spread that each arm shows by itself. Of a few conversions that is
//! wrong twice: an arm that has few by chance shows little spread as well, and a quotient of uncertain numbers is lopsided. There each ratio f of the means is
//! asked for itself whether the treatment's mean less f times control's lies beyond chance (Fieller 1954), once by the spread of each arm and once by that of all
//! users together, as it is where the arms are alike (the score test's). A range holds every ratio that one of them leaves.

use super::effect::{Difference, Effect, Refusal, degrees_of_freedom};
use super::metric::{Statistic, adjusted, bilinear, ratio_gradient};
use super::periods::Period;

/// A mean that is known with a greater standard error than this, as a share of itself, is thin: that of 100 conversions is.
const ERROR_MAX: f64 = 0.1;

/// A quadratic of the ratio f.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Quadratic {
    square: f64,
    linear: f64,
    constant: f64,
}

impl Quadratic {
    fn constant(constant: f64) -> Quadratic {
        Quadratic { constant, ..Quadratic::default() }
    }

    fn at(self, f: f64) -> f64 {
        (self.square * f + self.linear) * f + self.constant
    }

    fn times(self, scale: f64) -> Quadratic {
        Quadratic { square: self.square * scale, linear: self.linear * scale, constant: self.constant * scale }
    }

    fn plus(self, other: Quadratic) -> Quadratic {
        Quadratic {
            square: self.square + other.square,
            linear: self.linear + other.linear,
            constant: self.constant + other.constant,
        }
    }
}

/// Control's mean A and the treatment's B, and what varies B − f·A.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Contrast {
    control: f64,
    /// With control's covariate taken off, so that B − A is the adjusted difference.
    treated: f64,
    /// By the spread of each arm.
    apart: Quadratic,
    /// By the spread of all users together.
    together: Quadratic,
}

impl Contrast {
    fn of(a: &Statistic, b: &Statistic) -> Option<Contrast> {
        if a.n() < 2.0 || b.n() < 2.0 {
            return None;
        }
        let (a, b) = adjusted(a, b);
        let all = joint(&a, &b)?;
        let varies = |of_a: &Statistic, of_b: &Statistic| {
            let of_treated = Quadratic::constant(spread(of_b).at(1.0) / b.n());
            spread(of_a).times(1.0 / a.n()).plus(of_treated)
        };
        let control = a.unadjusted_mean();
        let treated = b.mean() + (control - a.mean());
        Some(Contrast { control, treated, apart: varies(&a, &b), together: varies(&all, &all) })
    }

    /// The sum over periods or strata, each by its share of the users. Shares are taken as multinomial, as in post-stratification.
    fn over(parts: &[(f64, Contrast)]) -> Contrast {
        let users: f64 = parts.iter().map(|(users, _)| users).sum();
        let mean = |of: fn(&Contrast) -> f64| parts.iter().map(|(own, part)| own / users * of(part)).sum::<f64>();
        let (control, treated) = (mean(|part| part.control), mean(|part| part.treated));
        let between = Quadratic {
            square: mean(|part| part.control * part.control) - control * control,
            linear: -2.0 * (mean(|part| part.control * part.treated) - control * treated),
            constant: mean(|part| part.treated * part.treated) - treated * treated,
        };
        let between = between.times(1.0 / users);
        let within = |of: fn(&Contrast) -> Quadratic| {
            let parts = parts.iter().map(|(own, part)| of(part).times((own / users).powi(2)));
            parts.fold(between, Quadratic::plus)
        };
        Contrast { control, treated, apart: within(|part| part.apart), together: within(|part| part.together) }
    }

    /// The ratios f that are within so many standard errors. Where control's mean may be nothing for all that is known, it is taken to have
    /// the sign that it shows.
    fn ratios(&self, varies: Quadratic, errors: f64) -> (f64, f64) {
        let (a, b, scale) = (self.control, self.treated, errors * errors);
        // What is left is where square·f² − 2·half·f + constant ≤ 0.
        let square = a * a - scale * varies.square;
        let half = a * b + scale * varies.linear / 2.0;
        let constant = b * b - scale * varies.constant;
        let root = (half * half - square * constant).max(0.0).sqrt();
        // Neither root is a small difference of great numbers.
        let sum = half + root.copysign(half);
        let (one, other) = if sum == 0.0 { (0.0, 0.0) } else { (sum / square, constant / sum) };
        let (low, high) = (one.min(other), one.max(other));
        if square > 0.0 {
            return (low, high);
        }
        // Everything but a gap: of that the side on which the estimate is, if the other has ratios of the other sign alone. A covariate that both arms
        // share may leave a gap among those of one sign, and then both of its sides are possible.
        let everything = (f64::NEG_INFINITY, f64::INFINITY);
        let estimate = b / a;
        let (low, high) = match root > 0.0 && square < 0.0 {
            true if estimate >= 0.0 && estimate >= high && low <= 0.0 => (high, f64::INFINITY),
            true if estimate < 0.0 && estimate <= low && high >= 0.0 => (f64::NEG_INFINITY, low),
            _ => everything,
        };
        let is_left = |f: f64| square * f * f - 2.0 * half * f + constant <= 0.0;
        if is_left(1.0) && !(low..=high).contains(&1.0) { everything } else { (low, high) }
    }
}

/// The variance per user of f times the value less what the covariate takes off.
fn spread(statistic: &Statistic) -> Quadratic {
    match statistic {
        Statistic::Adjusted { values, theta } => Quadratic {
            square: values.variance(0),
            linear: -2.0 * theta * values.covariance(0, 1),
            constant: theta * theta * values.variance(1),
        },
        Statistic::AdjustedRatio { values, theta } => {
            let [m, d, m_before, d_before] = ratio_gradient(values, *theta);
            let (now, before, matrix) = ([m, d, 0.0, 0.0], [0.0, 0.0, m_before, d_before], values.matrix());
            Quadratic {
                square: bilinear(&matrix, &now, &now),
                linear: 2.0 * bilinear(&matrix, &now, &before),
                constant: bilinear(&matrix, &before, &before),
            }
        }
        other => Quadratic { square: other.variance(), ..Quadratic::default() },
    }
}

/// All users of both arms, with the covariate taken off as it is in each. None of quantiles.
fn joint(a: &Statistic, b: &Statistic) -> Option<Statistic> {
    Some(match (a, b) {
        (Statistic::Mean(a), Statistic::Mean(b)) => Statistic::Mean(a.joint(b)),
        (Statistic::Ratio(a), Statistic::Ratio(b)) => Statistic::Ratio(a.joint(b)),
        (Statistic::Adjusted { values: a, theta }, Statistic::Adjusted { values: b, .. }) => {
            Statistic::Adjusted { values: a.joint(b), theta: *theta }
        }
        (Statistic::AdjustedRatio { values: a, theta }, Statistic::AdjustedRatio { values: b, .. }) => {
            Statistic::AdjustedRatio { values: a.joint(b), theta: *theta }
        }
        _ => return None,
    })
}

pub(super) fn is_thin(arm: &Statistic) -> bool {
    let plain = arm.unadjusted();
    let error = (plain.variance() / plain.n()).sqrt() / plain.mean().abs();
    // Also not a number.
    !matches!(error.partial_cmp(&ERROR_MAX), Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal))
}

/// A relative effect of thin data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Thin {
    contrast: Contrast,
    /// With the standard error of "no difference".
    pub effect: Effect,
}

impl Thin {
    /// None where the data are not thin, where nothing is a share of control's mean, or where no user differs from another.
    pub fn of(periods: &[Period], difference: Difference, usual: &Result<Effect, Refusal>) -> Option<Thin> {
        if difference == Difference::Absolute
            || matches!(usual, Err(refusal) if *refusal != Refusal::ZeroNegativeVariance)
        {
            return None;
        }
        let (first, rest) = periods.split_first()?;
        let Period { a, b, .. } = rest.iter().try_fold(*first, |sum, next| sum.joined(next))?;
        if usual.is_ok() && !is_thin(&a) && !is_thin(&b) {
            return None;
        }
        let parts = periods.iter().map(|part| Some((part.users, Contrast::of(&part.a, &part.b)?)));
        let contrast = match parts.collect::<Option<Vec<_>>>() {
            Some(parts) if parts.len() > 1 => Contrast::over(&parts),
            _ => Contrast::of(&a, &b)?,
        };
        let size = contrast.control.abs();
        let variance = contrast.apart.at(1.0).max(contrast.together.at(1.0));
        let standard_error = variance.sqrt() / size;
        if size == 0.0 || !standard_error.is_finite() || standard_error <= 0.0 {
            return None;
        }
        // Where one arm has no spread they are those of the other, where none has any those of all users.
        let found = Some(degrees_of_freedom(&a, &b)).filter(|found| found.is_finite() && *found > 0.0);
        let effect = Effect {
            estimate: (contrast.treated - contrast.control) / size,
            standard_error,
            n: a.n() + b.n(),
            degrees_of_freedom: found.unwrap_or(a.n() + b.n() - 2.0),
            is_stratified: periods.len() > 1,
            control_mean: contrast.control,
            difference,
        };
        Some(Thin { contrast, effect })
    }

    /// The range of so many standard errors.
    pub fn interval(&self, errors: f64) -> (f64, f64) {
        let Contrast { control, apart, together, .. } = self.contrast;
        let by_spread = [apart, together].map(|varies| {
            let (low, high) = self.contrast.ratios(varies, errors);
            if control < 0.0 { (1.0 - high, 1.0 - low) } else { (low - 1.0, high - 1.0) }
        });
        let [one, other] = by_spread;
        (one.0.min(other.0), one.1.max(other.1))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::statistics::{
        Alternative, Method, Moments, Sequential, Settings, Values, analyse, sequential_multiplier,
    };

    fn pair(a: (f64, f64), b: (f64, f64)) -> (Statistic, Statistic) {
        (Statistic::proportion(a.0, a.1), Statistic::proportion(b.0, b.1))
    }

    fn thin(pair: (Statistic, Statistic)) -> Option<Thin> {
        let usual = Effect::between(&pair.0, &pair.1, Difference::Relative);
        Thin::of(&[Period { a: pair.0, b: pair.1, users: pair.0.n() + pair.1.n() }], Difference::Relative, &usual)
    }

    /// Six against one of 200 are 4.65 standard errors of the delta method, and 1.91 of the score test; Fisher's p is 0.12.
    #[test]
    fn a_handful_of_conversions_is_no_verdict() {
        let few = pair((200.0, 6.0), (200.0, 1.0));
        let usual = Effect::between(&few.0, &few.1, Difference::Relative).unwrap();
        assert!((usual.estimate / usual.standard_error + 4.66).abs() < 0.05, "{usual:?}");
        let found = thin(few).unwrap();
        let share: f64 = 7.0 / 400.0;
        let score = (5.0 / 200.0) / (share * (1.0 - share) * 2.0 / 200.0).sqrt();
        assert!((found.effect.estimate / found.effect.standard_error + score).abs() < 1e-9, "{found:?} {score}");
        let analysis = analyse(&[few], &Settings::default());
        assert!(analysis.can_be_said.starts_with("The difference is between"), "{}", analysis.can_be_said);
        let test = analysis.test.unwrap();
        assert!(test.interval.0 < -0.83 && test.interval.1 > 0.0 && test.p_value > 0.05, "{test:?}");
        assert!(analysis.posterior.unwrap().chance_to_win > 0.02, "a chance that fits the test");
    }

    /// A treatment that ends all purchases is worse, whoever has a covariate or not.
    #[test]
    fn nothing_at_all_of_the_treatment_is_a_verdict() {
        let gone = pair((500.0, 40.0), (500.0, 0.0));
        assert_eq!(Effect::between(&gone.0, &gone.1, Difference::Relative), Err(Refusal::ZeroNegativeVariance));
        let analysis = analyse(&[gone], &Settings::default());
        assert!(analysis.can_be_said.starts_with("Treatment is worse"), "{}", analysis.can_be_said);
        let (low, high) = analysis.test.unwrap().interval;
        assert!(low < -1.0 && (-1.0..-0.3).contains(&high), "{low} {high}");
        // Of ten the same says nothing yet, and of none there is nothing to be a share of.
        assert!(analyse(&[pair((500.0, 4.0), (500.0, 0.0))], &Settings::default()).test.unwrap().interval.1 > 0.0);
        assert_eq!(analyse(&[pair((500.0, 0.0), (500.0, 40.0))], &Settings::default()).test, None);
    }

    /// Where no mean is thin everything stays as the oracle has it.
    #[test]
    fn what_is_not_thin_stays() {
        let rich = pair((20_000.0, 2_000.0), (20_000.0, 1_800.0));
        assert_eq!(thin(rich), None);
        let usual = Effect::between(&rich.0, &rich.1, Difference::Relative).unwrap();
        let expected = Sequential::new(0.05, 5_000.0, Alternative::TwoSided).test(&usual).unwrap();
        assert_eq!(analyse(&[rich], &Settings::default()).test, Some(expected));
    }

    /// The ends of a range are as many standard errors away as was asked for, whatever the statistic.
    #[test]
    fn ends_are_where_the_contrast_is_as_many_errors_away() {
        let users = |scale: f64| {
            let user = move |number: i32| {
                [f64::from(number % 17 == 0) * scale * f64::from(number % 5), f64::from(number % 17)]
            };
            Values::new(Moments::of((0..700).map(user).collect::<Vec<_>>()))
        };
        let adjusted_arm = |scale| Statistic::Adjusted { values: users(scale), theta: 0.0 };
        let ratio = |scale| Statistic::Ratio(users(scale));
        for (a, b) in
            [(adjusted_arm(1.0), adjusted_arm(0.8)), (ratio(1.0), ratio(1.3)), pair((300.0, 20.0), (400.0, 9.0))]
        {
            let contrast = Contrast::of(&a, &b).unwrap();
            let (left, right) = adjusted(&a, &b);
            let plain = left.variance() / left.n() + right.variance() / right.n();
            assert!((contrast.apart.at(1.0) / plain - 1.0).abs() < 1e-9, "the spread of the absolute difference");
            assert!((contrast.treated - contrast.control - (right.mean() - left.mean())).abs() < 1e-12);
            for varies in [contrast.apart, contrast.together] {
                let (low, high) = contrast.ratios(varies, 1.5);
                for f in [low, high] {
                    let errors = (contrast.treated - f * contrast.control).abs() / varies.at(f).sqrt();
                    assert!((errors - 1.5).abs() < 1e-6, "{f}: {errors}");
                }
            }
        }
    }

    /// Two of control's users failed, and sixty of the treatment's: how many times as many is open above, not below.
    #[test]
    fn a_control_that_may_be_nothing_leaves_one_end_open() {
        let failed = pair((500.0, 2.0), (500.0, 60.0));
        let found = thin(failed).unwrap();
        let (low, high) = found.interval(sequential_multiplier(1_000.0, 0.05, 5_000.0));
        assert!(low > 0.5 && high == f64::INFINITY, "{low} {high}");
        let settings = Settings { lower_is_better: true, ..Settings::default() };
        assert!(analyse(&[failed], &settings).can_be_said.starts_with("Treatment is worse"));
        let (low, high) = thin(pair((500.0, 1.0), (500.0, 2.0))).unwrap().interval(3.3);
        assert_eq!((low, high), (f64::NEG_INFINITY, f64::INFINITY));
    }

    /// What the covariate takes off is the same in B − f·A for every f, so that ratios around 1.6 are the least likely here: five is not.
    #[test]
    fn a_gap_among_ratios_of_one_sign_leaves_both_of_its_sides() {
        let varies = Quadratic { square: 1.0, linear: -3.0, constant: 2.3 };
        let contrast = Contrast { control: 1.0, treated: 1.0, apart: varies, together: varies };
        let is_left = |f: f64| (1.0 - f).powi(2) <= 4.0 * varies.at(f);
        assert_eq!([-5.0, 1.0, 1.4, 1.6, 1.9, 5.0].map(is_left), [true, true, true, false, true, true]);
        assert_eq!(contrast.ratios(varies, 2.0), (f64::NEG_INFINITY, f64::INFINITY));
        // Without one a gap lies among ratios of the other sign.
        let plain = Quadratic { linear: 0.0, ..varies };
        let contrast = Contrast { control: 1.0, treated: 4.0, apart: plain, together: plain };
        let (low, high) = contrast.ratios(plain, 2.0);
        assert!(low > 0.0 && high == f64::INFINITY, "{low} {high}");
    }

    #[test]
    fn strata_weigh_by_their_users_and_a_negative_control_turns_sides() {
        let strata = [pair((300.0, 6.0), (300.0, 9.0)), pair((100.0, 5.0), (100.0, 4.0))];
        let usual = Effect::of_strata(&strata, Difference::Relative);
        let periods = strata.map(|(a, b)| Period { a, b, users: a.n() + b.n() });
        let found = Thin::of(&periods, Difference::Relative, &usual).unwrap();
        let (control, treated) = (0.75 * 0.02 + 0.25 * 0.05, 0.75 * 0.03 + 0.25 * 0.04);
        assert!((found.contrast.control - control).abs() < 1e-12 && (found.contrast.treated - treated).abs() < 1e-12);
        let absolute = Effect::of_strata(&strata, Difference::Absolute).unwrap();
        assert!((found.contrast.apart.at(1.0).sqrt() / absolute.standard_error - 1.0).abs() < 1e-9, "{absolute:?}");

        let arm = |shift: f64| {
            let user = move |number: i32| [shift + f64::from(number % 9) - 4.0];
            Statistic::Mean(Values::new(Moments::of((0..90).map(user).collect::<Vec<_>>())))
        };
        let found = thin((arm(-1.0), arm(-3.0))).unwrap();
        assert!(found.effect.estimate < 0.0);
        let (low, high) = found.interval(2.0);
        assert!(low < found.effect.estimate && found.effect.estimate < high && high < 0.0, "{low} {high}");
        let fixed = Settings { method: Method::FixedHorizon, ..Settings::default() };
        assert!(analyse(&[(arm(-1.0), arm(-3.0))], &fixed).can_be_said.starts_with("Treatment is worse"));
    }
}
