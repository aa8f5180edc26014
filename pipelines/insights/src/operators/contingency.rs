//! Two by two tables: odds ratios, exact and approximate tests, false discovery rates.

use crate::definition::FactorTest;

/// People by having a factor (a, b) or not (c, d), and by converting (a, c) or not (b, d).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    pub a: u64,
    pub b: u64,
    pub c: u64,
    pub d: u64,
}

impl Table {
    /// With one half added to each number, so that there always is one.
    pub fn odds_ratio(self) -> f64 {
        let [a, b, c, d] = [self.a, self.b, self.c, self.d].map(|count| count as f64 + 0.5);
        (a * d) / (b * c)
    }

    /// The smallest number that is expected if there is nothing to it.
    fn least_expected(self) -> f64 {
        let n = (self.a + self.b + self.c + self.d) as f64;
        let row = (self.a + self.b).min(self.c + self.d) as f64;
        let column = (self.a + self.c).min(self.b + self.d) as f64;
        row * column / n
    }

    /// Two-sided.
    pub fn p_value(self) -> (f64, FactorTest) {
        match self.least_expected() < 5.0 {
            true => (self.fisher_exact(), FactorTest::FisherExact),
            false => (self.chi_square(), FactorTest::ChiSquare),
        }
    }

    /// The chance of all tables with these margins that are not more likely than this one.
    fn fisher_exact(self) -> f64 {
        let (row, column, n) = (self.a + self.b, self.a + self.c, self.a + self.b + self.c + self.d);
        let lowest = (row + column).saturating_sub(n);
        let highest = row.min(column);
        let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
        let all = choose(n, column);
        let log = |a: u64| choose(row, a) + choose(n - row, column - a) - all;
        // Equal ones differ by rounding.
        let own = log(self.a) + 1e-7;
        let sum: f64 = (lowest..=highest).map(log).filter(|log| *log <= own).map(f64::exp).sum();
        sum.min(1.0)
    }

    fn chi_square(self) -> f64 {
        let [a, b, c, d] = [self.a, self.b, self.c, self.d].map(|count| count as f64);
        let apart = a * d - b * c;
        let statistic = (a + b + c + d) * apart * apart / ((a + b) * (c + d) * (a + c) * (b + d));
        libm::erfc((statistic / 2.0).sqrt())
    }
}

fn ln_factorial(n: u64) -> f64 {
    libm::lgamma(n as f64 + 1.0)
}

/// For each p-value the false discovery rate at which it would just be found (Benjamini and Hochberg 1995).
pub(crate) fn false_discovery_rates(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut rates = vec![1.0; p_values.len()];
    let mut least = 1.0f64;
    for (rank, &index) in order.iter().enumerate().rev() {
        least = least.min(p_values[index] * p_values.len() as f64 / (rank + 1) as f64);
        rates[index] = least;
    }
    rates
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, wanted: f64) -> bool {
        (value - wanted).abs() < 1e-8 * wanted.abs().max(1.0)
    }

    #[test]
    fn known_tables() {
        // Fisher's tea, and the example of SciPy's documentation (fisher_exact, chi2_contingency).
        assert!(near(Table { a: 3, b: 1, c: 1, d: 3 }.fisher_exact(), 34.0 / 70.0));
        assert!(near(Table { a: 8, b: 2, c: 1, d: 5 }.fisher_exact(), 0.034_965_034_965_034_975));
        assert!(near(Table { a: 0, b: 4, c: 4, d: 0 }.fisher_exact(), 2.0 / 70.0));
        // Pearson's statistic is 35/6 here; the chance was taken from a table of the distribution.
        let p = Table { a: 20, b: 15, c: 10, d: 25 }.chi_square();
        assert!((p - 0.015_727).abs() < 1e-5, "{p}");
        assert!(near(Table { a: 5, b: 5, c: 5, d: 5 }.chi_square(), 1.0));
        assert_eq!(Table { a: 1, b: 1, c: 1, d: 1 }.odds_ratio(), 1.0);
    }

    #[test]
    fn exact_sums_to_one_and_agrees_with_the_approximation_where_numbers_are_large() {
        let all: f64 = (0..=10u64)
            .map(|a| Table { a, b: 10 - a, c: 10 - a, d: 20 + a })
            .map(|table| {
                let choose = |n: u64, k: u64| ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
                (choose(10, table.a) + choose(30, 10 - table.a) - choose(40, 10)).exp()
            })
            .sum();
        assert!(near(all, 1.0), "{all}");
        let table = Table { a: 5_200, b: 4_800, c: 5_000, d: 5_000 };
        assert!((table.fisher_exact() / table.chi_square() - 1.0).abs() < 0.06);
    }

    #[test]
    fn rates_are_those_of_the_paper() {
        let rates = false_discovery_rates(&[0.01, 0.04, 0.03, 0.5]);
        let wanted = [0.04, 0.04 * 4.0 / 3.0, 0.04 * 4.0 / 3.0, 0.5];
        assert!(rates.iter().zip(wanted).all(|(rate, wanted)| near(*rate, wanted)), "{rates:?}");
        assert!(false_discovery_rates(&[]).is_empty());
    }
}
