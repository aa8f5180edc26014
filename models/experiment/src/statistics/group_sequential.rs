//! Planned looks: bounds that spend α as information comes in (Lan and DeMets 1983; Kim and DeMets' power family), by
//! numerical integration of the score process (Armitage, McPherson and Rowe 1969).

use super::distribution::{normal_density, normal_isf, normal_sf};
use super::special::root;

/// The process is not followed below −8 standard deviations.
pub const LOWER_Z: f64 = -8.0;
/// Width of a step of the integration, in standard deviations of an increment.
const STEP: f64 = 0.02;

/// One look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Share of the planned information.
    pub information: f64,
    /// The test statistic has to exceed this.
    pub z_bound: f64,
    /// α spent by this look and those before.
    pub spent: f64,
    /// α spent by this look.
    pub spent_here: f64,
}

/// Bounds for looks at these shares of the information, spending `alpha·t^phi` (half of it above if two-sided). None if the
/// shares do not rise within (0, 1].
pub fn bounds(information: &[f64], alpha: f64, phi: f64, sides: usize) -> Option<Vec<Look>> {
    let rises = information.windows(2).all(|pair| pair[0] < pair[1]);
    if !rises || information.iter().any(|t| !(*t > 0.0 && *t <= 1.0)) || !(0.0..1.0).contains(&alpha) || sides == 0 {
        return None;
    }
    let alpha = alpha / sides as f64;
    let mut looks: Vec<Look> = Vec::new();
    // Density of the process at the last look, as places with weights.
    let mut process: Vec<(f64, f64)> = vec![(0.0, 1.0)];
    let mut before = 0.0;
    for &t in information {
        let spent = alpha * t.powf(phi);
        let spent_here = spent - looks.last().map_or(0.0, |look| look.spent);
        let deviation = (t - before).sqrt();
        let crossing = |bound: f64| -> f64 {
            process.iter().map(|(place, weight)| weight * normal_sf((bound - place) / deviation)).sum()
        };
        let bound = if looks.is_empty() {
            normal_isf(spent_here) * deviation
        } else {
            root(-8.0 * t.sqrt(), 12.0 * t.sqrt(), |bound| spent_here - crossing(bound))
        };
        looks.push(Look { information: t, z_bound: bound / t.sqrt(), spent, spent_here });
        process = advanced(&process, LOWER_Z * t.sqrt(), bound, deviation);
        before = t;
    }
    Some(looks)
}

/// The process one look later, where it has not crossed the bound (Simpson's rule).
fn advanced(process: &[(f64, f64)], low: f64, high: f64, deviation: f64) -> Vec<(f64, f64)> {
    let steps = (((high - low) / (STEP * deviation)).ceil() as usize).next_multiple_of(2).max(2);
    let width = (high - low) / steps as f64;
    let density = |place: f64| -> f64 {
        let near = process.iter().filter(|(from, _)| (place - from).abs() < 9.0 * deviation);
        near.map(|(from, weight)| weight * normal_density((place - from) / deviation) / deviation).sum()
    };
    let weight = |index: usize| match index {
        0 => 1.0,
        last if last == steps => 1.0,
        odd if odd % 2 == 1 => 4.0,
        _ => 2.0,
    };
    let point = |index: usize| {
        let place = low + width * index as f64;
        (place, weight(index) * width / 3.0 * density(place))
    };
    (0..=steps).map(point).collect()
}
