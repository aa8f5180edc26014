//! A prediction as covariate (CUPAC): what was known of a user before exposure, put together by a linear model that was
//! fitted on other users.

/// Count, means and sums of products of deviations of as many values per unit as are wanted. They add up like
/// [`super::Moments`]; a linear model needs nothing else of its units.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    pub n: f64,
    pub means: Vec<f64>,
    pub scatter: Vec<Vec<f64>>,
}

impl Joint {
    pub fn none(width: usize) -> Joint {
        Joint { n: 0.0, means: vec![0.0; width], scatter: vec![vec![0.0; width]; width] }
    }

    /// Of the values themselves, all of one length.
    pub fn of<'a>(units: impl Iterator<Item = &'a [f64]> + Clone, width: usize) -> Joint {
        let mut found = Joint::none(width);
        for unit in units.clone() {
            found.n += 1.0;
            found.means.iter_mut().zip(unit).for_each(|(sum, value)| *sum += value);
        }
        found.means.iter_mut().for_each(|sum| *sum /= found.n.max(1.0));
        for unit in units {
            let apart: Vec<f64> = unit.iter().zip(&found.means).map(|(value, mean)| value - mean).collect();
            for (row, left) in found.scatter.iter_mut().zip(&apart) {
                row.iter_mut().zip(&apart).for_each(|(sum, right)| *sum += left * right);
            }
        }
        found
    }

    /// Of both sets of units together.
    pub fn merged(&self, other: &Joint) -> Joint {
        if self.n == 0.0 || other.n == 0.0 {
            return if self.n == 0.0 { other.clone() } else { self.clone() };
        }
        let n = self.n + other.n;
        let apart: Vec<f64> = self.means.iter().zip(&other.means).map(|(own, other)| other - own).collect();
        let weight = self.n * other.n / n;
        let row = |(left, (own, theirs)): (usize, (&Vec<f64>, &Vec<f64>))| {
            let sums = own.iter().zip(theirs).zip(&apart);
            sums.map(|((own, theirs), right)| own + theirs + apart[left] * right * weight).collect()
        };
        Joint {
            n,
            means: self.means.iter().zip(&apart).map(|(mean, apart)| mean + apart * other.n / n).collect(),
            scatter: self.scatter.iter().zip(&other.scatter).enumerate().map(row).collect(),
        }
    }
}

/// A linear model of one value by others.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub intercept: f64,
    /// Of each feature, in its own unit.
    pub slopes: Vec<f64>,
}

impl Linear {
    /// A ridge regression on standardised features: of the value `outcome` on the values `features`. None without units, or
    /// where something is no number.
    pub fn fitted(units: &Joint, features: &[usize], outcome: usize, ridge: f64) -> Option<Linear> {
        let spread = |feature: usize| (units.scatter[feature][feature] / units.n).sqrt();
        // A feature without spread says nothing; what rounding leaves of none is none.
        let is_told = |feature: &usize| spread(*feature) > 1e-12 * units.means[*feature].abs();
        let told: Vec<usize> = features.iter().copied().filter(is_told).collect();
        let scale = |left: usize, right: usize| units.scatter[left][right] / spread(left) / spread(right);
        let row = |(place, &left): (usize, &usize)| {
            let products = told.iter().map(|&right| scale(left, right));
            let mut row: Vec<f64> = products.collect();
            row[place] += ridge;
            row
        };
        let matrix = told.iter().enumerate().map(row).collect();
        let right = told.iter().map(|&feature| units.scatter[feature][outcome] / spread(feature)).collect();
        let solved = solved(matrix, right)?;
        let slope = |feature: &usize| {
            told.iter().position(|known| known == feature).map_or(0.0, |place| solved[place] / spread(*feature))
        };
        let slopes: Vec<f64> = features.iter().map(slope).collect();
        let moved: f64 = features.iter().zip(&slopes).map(|(&feature, slope)| units.means[feature] * slope).sum();
        let intercept = units.means[outcome] - moved;
        let is_sound = units.n > 0.0 && intercept.is_finite() && slopes.iter().all(|slope| slope.is_finite());
        is_sound.then_some(Linear { intercept, slopes })
    }

    pub fn predict(&self, features: &[f64]) -> f64 {
        self.intercept + self.slopes.iter().zip(features).map(|(slope, value)| slope * value).sum::<f64>()
    }
}

/// The models of all folds, each fitted on the units of the others.
pub fn models_of_folds(folds: &[Joint], features: &[usize], outcome: usize, ridge: f64) -> Option<Vec<Linear>> {
    let width = folds.first()?.means.len();
    let others = |own: usize| {
        let others = folds.iter().enumerate().filter(|(fold, _)| *fold != own);
        others.fold(Joint::none(width), |sum, (_, next)| sum.merged(next))
    };
    (0..folds.len()).map(|own| Linear::fitted(&others(own), features, outcome, ridge)).collect()
}

/// Predictions for all units, each by a model that has not seen that unit's outcome: a ridge regression on standardised
/// features, fitted on the units of the other folds. Units are dealt out to the folds in turn, whatever their arm.
///
/// None where rows differ in length, there are fewer units than folds, or something is no number.
pub fn cross_fitted(features: &[Vec<f64>], outcomes: &[f64], folds: usize, ridge: f64) -> Option<Vec<f64>> {
    let dealt: Vec<usize> = (0..outcomes.len()).map(|unit| unit % folds.max(1)).collect();
    cross_fitted_by(features, outcomes, (&dealt, folds), ridge)
}

/// As [`cross_fitted`], with the fold of each unit and how many there are.
pub fn cross_fitted_by(
    features: &[Vec<f64>],
    outcomes: &[f64],
    (dealt, folds): (&[usize], usize),
    ridge: f64,
) -> Option<Vec<f64>> {
    let width = features.first()?.len();
    let is_sound = features.len() == outcomes.len()
        && dealt.len() == outcomes.len()
        && folds >= 2
        && features.len() >= 2 * folds
        && ridge > 0.0
        && outcomes.iter().all(|value| value.is_finite())
        && features.iter().all(|row| row.len() == width && row.iter().all(|value| value.is_finite()));
    if !is_sound {
        return None;
    }
    let with_outcome = |(row, outcome): (&Vec<f64>, &f64)| row.iter().copied().chain([*outcome]).collect();
    let rows: Vec<Vec<f64>> = features.iter().zip(outcomes).map(with_outcome).collect();
    let of_fold = |fold: usize| {
        let units = rows.iter().zip(dealt).filter(move |(_, own)| **own == fold);
        Joint::of(units.map(|(row, _)| row.as_slice()), width + 1)
    };
    let joints: Vec<Joint> = (0..folds).map(of_fold).collect();
    let told: Vec<usize> = (0..width).collect();
    let models = models_of_folds(&joints, &told, width, ridge)?;
    features.iter().zip(dealt).map(|(row, fold)| Some(models.get(*fold)?.predict(row))).collect()
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
