//! When a number is out of bounds.

use crate::document::{Alert, Direction, USUAL_MIN};

/// Makes the median absolute deviation comparable with a standard deviation (Rousseeuw and Croux, 1993).
const SCALE: f64 = 1.4826;

/// What a rule says of numbers in their order; `None`: there are too few to say.
pub fn judge(alert: Alert, numbers: &[f64]) -> Option<(bool, String)> {
    let (last, before) = numbers.split_last()?;
    Some(match alert {
        Alert::Above(bound) => (*last > bound, format!("{last} against at most {bound}")),
        Alert::Below(bound) => (*last < bound, format!("{last} against at least {bound}")),
        Alert::Unusual { deviations, of_last, direction } => {
            let from = before.len().saturating_sub(of_last as usize);
            let window = &before[from..];
            if window.len() < USUAL_MIN as usize {
                return None;
            }
            let middle = median(window);
            let spread = SCALE * median(&window.iter().map(|number| (number - middle).abs()).collect::<Vec<_>>());
            let distance = last - middle;
            // Numbers that never moved: any move is unusual.
            let score = if spread > 0.0 {
                distance / spread
            } else if distance == 0.0 {
                0.0
            } else {
                distance.signum() * f64::INFINITY
            };
            let is_out = match direction {
                Direction::Either => score.abs() > deviations,
                Direction::Up => score > deviations,
                Direction::Down => score < -deviations,
            };
            (is_out, format!("{last} against a usual {middle}, {score:.1} deviations away of at most {deviations}"))
        }
    })
}

fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: [f64; 8] = [100.0, 104.0, 98.0, 102.0, 99.0, 101.0, 100.0, 103.0];

    fn unusual(last: f64, direction: Direction) -> Option<bool> {
        let numbers: Vec<f64> = WEEK.into_iter().chain([last]).collect();
        judge(Alert::Unusual { deviations: 4.0, of_last: 8, direction }, &numbers).map(|(is_out, _)| is_out)
    }

    #[test]
    fn bounds_are_bounds() {
        assert_eq!(judge(Alert::Above(5.0), &[9.0, 5.0]).map(|it| it.0), Some(false));
        assert_eq!(judge(Alert::Above(5.0), &[1.0, 5.5]).map(|it| it.0), Some(true));
        assert_eq!(judge(Alert::Below(5.0), &[4.0]).map(|it| it.0), Some(true));
        assert_eq!(judge(Alert::Below(5.0), &[]), None);
    }

    /// Median 100.5, absolute deviations 0.5 0.5 0.5 1.5 1.5 2.5 2.5 3.5: their median is 1.5, scaled 2.2239; four of them are 8.9.
    #[test]
    fn what_is_unusual_is_far_from_the_median() {
        assert_eq!(unusual(109.0, Direction::Either), Some(false));
        assert_eq!(unusual(110.0, Direction::Either), Some(true));
        assert_eq!(unusual(91.0, Direction::Either), Some(true));
        assert_eq!(unusual(91.0, Direction::Up), Some(false));
        assert_eq!(unusual(110.0, Direction::Down), Some(false));
        let one_wild = [100.0, 104.0, 98.0, 9_000.0, 99.0, 101.0, 100.0, 103.0, 140.0];
        let alert = Alert::Unusual { deviations: 4.0, of_last: 8, direction: Direction::Either };
        assert_eq!(judge(alert, &one_wild).map(|it| it.0), Some(true), "one wild number does not hide another");
        assert_eq!(judge(alert, &[1.0, 2.0, 3.0]), None, "too few to say");
        assert_eq!(judge(alert, &[3.0, 3.0, 3.0, 3.0, 3.0, 3.0]).map(|it| it.0), Some(false));
        assert_eq!(judge(alert, &[3.0, 3.0, 3.0, 3.0, 3.0, 4.0]).map(|it| it.0), Some(true));
    }
}
