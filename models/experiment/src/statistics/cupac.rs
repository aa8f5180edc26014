//! A prediction as covariate (CUPAC): what was known of a user before exposure, put together by a linear model that was
//! fitted on other users.

/// Predictions for all units, each by a model that has not seen that unit's outcome: a ridge regression on standardised
/// features, fitted on the units of the other folds. Units are dealt out to the folds in turn, whatever their arm.
///
/// None where rows differ in length, there are fewer units than folds, or something is no number.
pub fn cross_fitted(features: &[Vec<f64>], outcomes: &[f64], folds: usize, ridge: f64) -> Option<Vec<f64>> {
    let width = features.first()?.len();
    let is_sound = features.len() == outcomes.len()
        && folds >= 2
        && features.len() >= 2 * folds
        && ridge > 0.0
        && outcomes.iter().all(|value| value.is_finite())
        && features.iter().all(|row| row.len() == width && row.iter().all(|value| value.is_finite()));
    if !is_sound {
        return None;
    }
    let mut predictions = vec![0.0; outcomes.len()];
    for fold in 0..folds {
        let model = Model::fitted(features, outcomes, |unit| unit % folds != fold, ridge)?;
        for unit in (fold..outcomes.len()).step_by(folds) {
            predictions[unit] = model.predict(&features[unit]);
        }
    }
    Some(predictions)
}

struct Model {
    means: Vec<f64>,
    /// Of each feature, for its deviation from the mean.
    slopes: Vec<f64>,
    intercept: f64,
}

impl Model {
    fn fitted(features: &[Vec<f64>], outcomes: &[f64], is_seen: impl Fn(usize) -> bool, ridge: f64) -> Option<Model> {
        let seen: Vec<usize> = (0..outcomes.len()).filter(|&unit| is_seen(unit)).collect();
        let n = seen.len() as f64;
        let width = features.first()?.len();
        let mean = |feature: usize| seen.iter().map(|&unit| features[unit][feature]).sum::<f64>() / n;
        let means: Vec<f64> = (0..width).map(mean).collect();
        let spread = |feature: usize| {
            let squares = seen.iter().map(|&unit| (features[unit][feature] - means[feature]).powi(2));
            (squares.sum::<f64>() / n).sqrt()
        };
        let spreads: Vec<f64> = (0..width).map(spread).collect();
        // A feature without spread says nothing.
        let told: Vec<usize> = (0..width).filter(|&feature| spreads[feature] > 0.0).collect();
        let intercept = seen.iter().map(|&unit| outcomes[unit]).sum::<f64>() / n;
        let scaled = |unit: usize, feature: usize| (features[unit][feature] - means[feature]) / spreads[feature];
        let mut matrix = vec![vec![0.0; told.len()]; told.len()];
        let mut right = vec![0.0; told.len()];
        for &unit in &seen {
            let row: Vec<f64> = told.iter().map(|&feature| scaled(unit, feature)).collect();
            for i in 0..row.len() {
                right[i] += row[i] * (outcomes[unit] - intercept);
                for j in 0..=i {
                    matrix[i][j] += row[i] * row[j];
                }
            }
        }
        (0..told.len()).for_each(|i| matrix[i][i] += ridge);
        let solved = solved(matrix, right)?;
        let mut slopes = vec![0.0; width];
        told.iter().zip(solved).for_each(|(&feature, slope)| slopes[feature] = slope / spreads[feature]);
        Some(Model { means, slopes, intercept })
    }

    fn predict(&self, features: &[f64]) -> f64 {
        let parts = features.iter().zip(&self.means).zip(&self.slopes);
        self.intercept + parts.map(|((value, mean), slope)| (value - mean) * slope).sum::<f64>()
    }
}

/// Solves a symmetric positive-definite system by Cholesky's method; of the matrix the lower half is read.
fn solved(mut lower: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for i in 0..size {
        for j in 0..=i {
            let sum = lower[i][j] - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            if i != j {
                lower[i][j] = sum / lower[j][j];
            } else if sum > 0.0 {
                lower[i][i] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    for i in 0..size {
        right[i] = (right[i] - (0..i).map(|k| lower[i][k] * right[k]).sum::<f64>()) / lower[i][i];
    }
    for i in (0..size).rev() {
        right[i] = (right[i] - (i + 1..size).map(|k| lower[k][i] * right[k]).sum::<f64>()) / lower[i][i];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::statistics::{Difference, Effect, Moments, Statistic, Values};

    /// Numbers in (−1, 1) that look like chance.
    fn noise(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    #[test]
    fn no_unit_is_predicted_by_its_own_outcome() {
        let mut state = 3;
        let features: Vec<Vec<f64>> = (0..60).map(|_| vec![noise(&mut state), noise(&mut state), 7.0]).collect();
        let mut outcomes: Vec<f64> = features.iter().map(|row| 3.0 + 2.0 * row[0] - row[1]).collect();
        let before = cross_fitted(&features, &outcomes, 5, 1e-9).unwrap();
        for (found, outcome) in before.iter().zip(&outcomes) {
            assert!((found - outcome).abs() < 1e-6, "a line is found: {found} {outcome}");
        }
        outcomes[17] += 1_000.0;
        let after = cross_fitted(&features, &outcomes, 5, 1e-9).unwrap();
        for unit in (0..60).filter(|unit| unit % 5 == 17 % 5) {
            assert_eq!(before[unit], after[unit], "its own fold has not seen it");
        }
        assert!((before[18] - after[18]).abs() > 1.0, "the others have");
    }

    #[test]
    fn several_features_take_more_variance_away_than_one() {
        let mut state = 9;
        let features: Vec<Vec<f64>> = (0..4_000).map(|_| (0..4).map(|_| noise(&mut state)).collect()).collect();
        let outcomes: Vec<f64> =
            features.iter().map(|row| 10.0 + row.iter().sum::<f64>() + 0.5 * noise(&mut state)).collect();
        let predictions = cross_fitted(&features, &outcomes, 5, 1.0).unwrap();
        let error = |covariate: &dyn Fn(usize) -> f64| {
            let arm = |first: usize| {
                let units = (first..outcomes.len()).step_by(2).map(|unit| [outcomes[unit], covariate(unit)]);
                Statistic::Adjusted { values: Values::new(Moments::of(units)), theta: 0.0 }
            };
            Effect::between(&arm(0), &arm(1), Difference::Absolute).unwrap().standard_error
        };
        let (one, all) = (error(&|unit| features[unit][0]), error(&|unit| predictions[unit]));
        // Of the variance 4/3 + 1/12 one feature explains 1/3, all four 4/3.
        assert!(all < 0.3 * one, "{all} {one}");
    }

    #[test]
    fn what_is_no_table_of_numbers_is_refused() {
        let rows = vec![vec![1.0]; 20];
        assert_eq!(cross_fitted(&rows, &[1.0; 19], 5, 1.0), None);
        assert_eq!(cross_fitted(&rows, &[f64::NAN; 20], 5, 1.0), None);
        assert_eq!(cross_fitted(&[], &[], 5, 1.0), None);
        assert_eq!(cross_fitted(&rows, &[1.0; 20], 1, 1.0), None);
    }
}
