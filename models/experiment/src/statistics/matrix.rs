//! Small symmetric systems.

/// The inverse of a symmetric positive-definite matrix by Cholesky's method; none for any other.
pub(super) fn inverse<const D: usize>(matrix: &[[f64; D]; D]) -> Option<[[f64; D]; D]> {
    let mut lower = [[0.0; D]; D];
    for i in 0..D {
        for j in 0..=i {
            let sum = matrix[i][j] - (0..j).map(|k| lower[i][k] * lower[j][k]).sum::<f64>();
            if i != j {
                lower[i][j] = sum / lower[j][j];
            } else if sum > 0.0 {
                lower[i][i] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    let column = |unit: usize| {
        let mut x: [f64; D] = std::array::from_fn(|i| if i == unit { 1.0 } else { 0.0 });
        for i in 0..D {
            x[i] = (x[i] - (0..i).map(|k| lower[i][k] * x[k]).sum::<f64>()) / lower[i][i];
        }
        for i in (0..D).rev() {
            x[i] = (x[i] - (i + 1..D).map(|k| lower[k][i] * x[k]).sum::<f64>()) / lower[i][i];
        }
        x
    };
    // The inverse is symmetric too: its columns are its rows.
    Some(std::array::from_fn(column))
}

/// The product of a matrix and a vector.
pub(super) fn times<const D: usize>(matrix: &[[f64; D]; D], vector: &[f64; D]) -> [f64; D] {
    std::array::from_fn(|i| (0..D).map(|j| matrix[i][j] * vector[j]).sum())
}

/// The inner product.
pub(super) fn dot<const D: usize>(left: &[f64; D], right: &[f64; D]) -> f64 {
    (0..D).map(|i| left[i] * right[i]).sum()
}
