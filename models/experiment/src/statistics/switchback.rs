//! Switchback designs: everybody gets the same variation at one time, and times are divided instead of users.

use super::distribution::{student_isf, student_two_sided};
use super::effect::{Difference, Effect, Refusal};
use super::metric::quadratic;
use super::moments::Moments;

/// Blocks up to which every division is looked at.
const EXACT_BLOCKS_MAX: usize = 16;
/// Divisions that are drawn beyond it.
const DRAWS: u32 = 20_000;

/// A window of time in which one variation was shown to all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Windows of one block are alike (the same weekday and hour, say): their variations were divided within it.
    pub block: u32,
    pub is_treated: bool,
    pub numerator: f64,
    /// Users, orders, or 1 where the window itself is counted.
    pub denominator: f64,
}

/// The difference of the ratio between times with the treatment and without.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Switchback {
    /// Blocks with both variations; others say nothing.
    pub blocks: usize,
    /// The mean over blocks of the difference within each.
    pub estimate: f64,
    pub standard_error: f64,
    pub interval: (f64, f64),
    /// Student's, over blocks.
    pub p_value: f64,
    /// The share of all divisions within blocks that would have shown as much: it needs no distribution.
    pub p_value_by_division: f64,
}

/// Without the windows in which what was shown before may still work: in order of time, the first `carried` after each switch.
pub fn without_carry_over(windows: &[Window], carried: usize) -> Vec<Window> {
    let mut since = usize::MAX;
    let mut kept = Vec::new();
    for (index, window) in windows.iter().enumerate() {
        let is_switch = index > 0 && windows[index - 1].is_treated != window.is_treated;
        since = if is_switch { 0 } else { since.saturating_add(1) };
        if since >= carried {
            kept.push(*window);
        }
    }
    kept
}

/// Control's and the treatment's ratio in each block that has both.
fn rates(windows: &[Window]) -> Vec<[f64; 2]> {
    let mut blocks: Vec<u32> = windows.iter().map(|window| window.block).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let rate = |block: u32, is_treated: bool| {
        let of = windows.iter().filter(|window| window.block == block && window.is_treated == is_treated);
        let (top, bottom) = of.fold((0.0, 0.0), |sum, one| (sum.0 + one.numerator, sum.1 + one.denominator));
        (bottom > 0.0).then_some(top / bottom)
    };
    blocks.into_iter().filter_map(|block| Some([rate(block, false)?, rate(block, true)?])).collect()
}

/// Compares within blocks, so that times of day and days of the week weigh nothing.
pub fn switchback(windows: &[Window], alpha: f64) -> Result<Switchback, Refusal> {
    let differences: Vec<f64> = rates(windows).into_iter().map(|[control, treated]| treated - control).collect();
    let count = differences.len();
    let n = count as f64;
    let estimate = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|one| (one - estimate).powi(2)).sum::<f64>() / (n - 1.0);
    if count < 2 || variance.is_nan() || variance <= 0.0 {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let standard_error = (variance / n).sqrt();
    let half_width = student_isf(alpha / 2.0, n - 1.0) * standard_error;
    Ok(Switchback {
        blocks: count,
        estimate,
        standard_error,
        interval: (estimate - half_width, estimate + half_width),
        p_value: student_two_sided(estimate / standard_error, n - 1.0),
        p_value_by_division: by_division(&differences),
    })
}

/// The effect for whatever test is wanted of it, blocks being the units: of the mean of control's ratios over blocks, what the
/// mean of the treatment's is more (delta method over pairs that belong together).
pub fn effect(windows: &[Window], difference: Difference) -> Result<Effect, Refusal> {
    let pairs: Moments<2> = Moments::of(rates(windows));
    let [control, treated] = pairs.means;
    let gradient = match difference {
        Difference::Absolute => [-1.0, 1.0],
        Difference::Relative if control == 0.0 => return Err(Refusal::BaselineVariationZero),
        Difference::Relative => [-treated / control.powi(2) * control.signum(), 1.0 / control.abs()],
    };
    let covariances = std::array::from_fn(|i| std::array::from_fn(|j| pairs.covariance(i, j)));
    let variance = quadratic(&covariances, &gradient) / pairs.n;
    if pairs.n < 2.0 || variance.is_nan() || variance <= 0.0 {
        return Err(Refusal::ZeroNegativeVariance);
    }
    let scale = if difference == Difference::Relative { control.abs() } else { 1.0 };
    Ok(Effect {
        estimate: (treated - control) / scale,
        standard_error: variance.sqrt(),
        n: pairs.n,
        degrees_of_freedom: pairs.n - 1.0,
        is_stratified: false,
        control_mean: control,
        difference,
    })
}

/// Had a block been divided the other way, its difference would have the other sign.
fn by_division(differences: &[f64]) -> f64 {
    let seen = differences.iter().sum::<f64>().abs();
    // What is equal but for rounding counts as as much.
    let is_as_much = |sum: f64| sum.abs() >= seen * (1.0 - 1e-12);
    if differences.len() <= EXACT_BLOCKS_MAX {
        let all = 1u32 << differences.len();
        let sum = |signs: u32| {
            let signed = differences.iter().enumerate();
            signed.map(|(block, one)| if signs >> block & 1 == 1 { -one } else { *one }).sum::<f64>()
        };
        return (0..all).filter(|&signs| is_as_much(sum(signs))).count() as f64 / f64::from(all);
    }
    // SplitMix64 with a fixed seed: the same answer each time.
    let mut state = 0x5EED_u64;
    let mut bits = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let mut as_much = 0u32;
    for _ in 0..DRAWS {
        let sum: f64 = differences.iter().map(|one| if bits() & 1 == 1 { -one } else { *one }).sum();
        as_much += u32::from(is_as_much(sum));
    }
    f64::from(as_much + 1) / f64::from(DRAWS + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pair(block: u32, base: f64, lift: f64) -> [Window; 2] {
        let window = |is_treated, numerator| Window { block, is_treated, numerator, denominator: 10.0 };
        [window(false, 10.0 * base), window(true, 10.0 * (base + lift))]
    }

    #[test]
    fn times_of_day_weigh_nothing() {
        // Bases from 1 to 1,000: only differences within blocks count.
        let lifts = [1.0, 2.0, 3.0, 2.0];
        let windows: Vec<Window> =
            lifts.iter().zip([1.0, 10.0, 100.0, 1000.0]).zip(0..).flat_map(|((l, b), i)| pair(i, b, *l)).collect();
        let found = switchback(&windows, 0.05).unwrap();
        assert!((found.estimate - 2.0).abs() < 1e-9, "{found:?}");
        // Variance 2/3 of the differences, over four blocks.
        assert!((found.standard_error - (2.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-9, "{found:?}");
        assert_eq!(found.p_value_by_division, 2.0 / 16.0, "all as they are, or all the other way");
        let absolute = effect(&windows, Difference::Absolute).unwrap();
        assert!(
            (absolute.estimate - 2.0).abs() < 1e-9 && (absolute.standard_error - found.standard_error).abs() < 1e-9
        );
        let relative = effect(&windows, Difference::Relative).unwrap();
        assert!((relative.estimate - 2.0 / (1_111.0 / 4.0)).abs() < 1e-9, "{relative:?}");
        assert_eq!(relative.degrees_of_freedom, 3.0);
        assert_eq!(switchback(&windows[..2], 0.05), Err(Refusal::ZeroNegativeVariance), "one block");
    }

    #[test]
    fn drawn_divisions_are_near_the_exact_ones() {
        let lifts: Vec<f64> = (0..16).map(|i| f64::from(i % 5) - 1.5).collect();
        let exact = by_division(&lifts);
        let padded: Vec<f64> = lifts.iter().copied().chain([0.0]).collect();
        let drawn = by_division(&padded);
        assert!((drawn - exact).abs() < 0.02, "{drawn} {exact}");
    }

    #[test]
    fn what_is_carried_over_is_left_out() {
        let window = |is_treated| Window { block: 0, is_treated, numerator: 1.0, denominator: 1.0 };
        let windows = [false, false, true, true, true, false].map(window);
        let kept: Vec<bool> = without_carry_over(&windows, 1).iter().map(|one| one.is_treated).collect();
        assert_eq!(kept, [false, false, true, true]);
        assert_eq!(without_carry_over(&windows, 0).len(), 6);
    }
}
