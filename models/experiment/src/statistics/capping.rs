//! Extreme values, cut at a level that the data or a person sets.

/// The level below which a share of the values lies (linear between neighbours: Hyndman and Fan's type 7); none without
/// values.
pub fn percentile(values: &[f64], share: f64, ignores_zeros: bool) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !(ignores_zeros && *value == 0.0)).collect();
    sorted.retain(|value| !value.is_nan());
    sorted.sort_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (place.floor(), place.ceil());
    let (low_value, high_value) = (sorted[low as usize], sorted[high as usize]);
    Some(low_value + (high_value - low_value) * (place - low))
}

/// The values, none above the cap.
pub fn capped(values: &[f64], cap: f64) -> Vec<f64> {
    values.iter().map(|value| value.min(cap)).collect()
}
