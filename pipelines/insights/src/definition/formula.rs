//! Formulas over the series of a trend: `A / B * 100`.

use crate::InsightError;

/// A formula: series by their letters (the first is `A`), numbers, `+ - * /` and parentheses.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    Number(f64),
    /// The first measure of this series.
    Series(usize),
    Negative(Box<Formula>),
    Both(Box<Formula>, Sign, Box<Formula>),
}

/// What is done with two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Plus,
    Minus,
    Times,
    Over,
}

const LETTERS_MAX: usize = 200;
const DEPTH_MAX: usize = 32;

impl Formula {
    /// Reads a formula about so many series.
    pub fn parse(text: &str, series: usize) -> Result<Formula, InsightError> {
        if text.chars().count() > LETTERS_MAX {
            return Err(refused(format!("has at most {LETTERS_MAX} characters")));
        }
        let mut reader = Reader { rest: text, series, depth: 0 };
        let formula = reader.sum()?;
        match reader.peek() {
            None => Ok(formula),
            Some(letter) => Err(refused(format!("{text:?}: {letter:?} was not expected"))),
        }
    }

    /// Its value; `None` where a series has none, or of a division by zero.
    pub fn value(&self, series: &impl Fn(usize) -> Option<f64>) -> Option<f64> {
        let value = match self {
            Formula::Number(number) => *number,
            Formula::Series(index) => series(*index)?,
            Formula::Negative(one) => -one.value(series)?,
            Formula::Both(a, sign, b) => {
                let (a, b) = (a.value(series)?, b.value(series)?);
                match sign {
                    Sign::Plus => a + b,
                    Sign::Minus => a - b,
                    Sign::Times => a * b,
                    Sign::Over if b == 0.0 => return None,
                    Sign::Over => a / b,
                }
            }
        };
        Some(value).filter(|value| value.is_finite())
    }
}

fn refused(problem: String) -> InsightError {
    InsightError::question("formulas", problem)
}

struct Reader<'t> {
    rest: &'t str,
    series: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn sum(&mut self) -> Result<Formula, InsightError> {
        let mut left = self.product()?;
        while let Some(sign) = self.sign(&[('+', Sign::Plus), ('-', Sign::Minus)]) {
            left = Formula::Both(Box::new(left), sign, Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Formula, InsightError> {
        let mut left = self.one()?;
        while let Some(sign) = self.sign(&[('*', Sign::Times), ('/', Sign::Over)]) {
            left = Formula::Both(Box::new(left), sign, Box::new(self.one()?));
        }
        Ok(left)
    }

    fn sign(&mut self, signs: &[(char, Sign)]) -> Option<Sign> {
        let letter = self.peek()?;
        let (_, sign) = signs.iter().find(|(known, _)| *known == letter)?;
        self.next();
        Some(*sign)
    }

    fn one(&mut self) -> Result<Formula, InsightError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(refused(format!("is nested more than {DEPTH_MAX} deep")));
        }
        let one = match self.peek() {
            Some('(') => {
                self.next();
                let inner = self.sum()?;
                match self.next() {
                    Some(')') => Ok(inner),
                    _ => Err(refused("a parenthesis is not closed".to_owned())),
                }
            }
            Some('-') => {
                self.next();
                self.one().map(|one| Formula::Negative(Box::new(one)))
            }
            Some(letter @ 'A'..='Z') if (letter as usize - 'A' as usize) < self.series => {
                self.next();
                Ok(Formula::Series(letter as usize - 'A' as usize))
            }
            Some('0'..='9' | '.') => self.number(),
            Some(letter) => Err(refused(format!("{letter:?} is no series, number or parenthesis"))),
            None => Err(refused("ends too early".to_owned())),
        };
        self.depth -= 1;
        one
    }

    fn number(&mut self) -> Result<Formula, InsightError> {
        let end = self.rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest;
        number.parse().map(Formula::Number).map_err(|_| refused(format!("{number:?} is no number")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUES: [Option<f64>; 3] = [Some(6.0), Some(0.0), None];

    fn value(text: &str) -> Option<f64> {
        Formula::parse(text, 3).unwrap().value(&|index| VALUES[index])
    }

    #[test]
    fn products_come_before_sums_and_from_the_left() {
        assert_eq!(value("1 + A*2 - 3"), Some(10.0));
        assert_eq!(value("A - 2 - 1"), Some(3.0));
        assert_eq!(value("A / 2 / 3"), Some(1.0));
        assert_eq!(value("-(A+2)*.5"), Some(-4.0));
    }

    #[test]
    fn what_has_no_value_has_none() {
        assert_eq!(value("A / B"), None);
        assert_eq!(value("A + C"), None);
        assert_eq!(value("B / A"), Some(0.0));
    }

    #[test]
    fn what_is_no_formula_is_refused() {
        let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
        for text in ["", "A +", "(A", "A)", "D", "a", "1..2", "A B", "A ** B", &deep, &"1+".repeat(200)] {
            assert!(Formula::parse(text, 3).is_err(), "{text}");
        }
    }

    fn formula() -> impl Strategy<Value = Formula> {
        let leaf = prop_oneof![
            (0u32..50).prop_map(|n| Formula::Number(f64::from(n) / 4.0)),
            (0usize..3).prop_map(Formula::Series)
        ];
        leaf.prop_recursive(4, 12, 2, |inner| {
            let sign = prop::sample::select(vec![Sign::Plus, Sign::Minus, Sign::Times, Sign::Over]);
            prop_oneof![
                inner.clone().prop_map(|one| Formula::Negative(Box::new(one))),
                (inner.clone(), sign, inner).prop_map(|(a, sign, b)| Formula::Both(Box::new(a), sign, Box::new(b))),
            ]
        })
    }

    fn print(formula: &Formula) -> String {
        match formula {
            Formula::Number(number) => number.to_string(),
            Formula::Series(index) => ["A", "B", "C"][*index].to_owned(),
            Formula::Negative(one) => format!("-({})", print(one)),
            Formula::Both(a, sign, b) => {
                let sign = match sign {
                    Sign::Plus => '+',
                    Sign::Minus => '-',
                    Sign::Times => '*',
                    Sign::Over => '/',
                };
                format!("({}){sign}({})", print(a), print(b))
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(formula in formula()) {
            let text = print(&formula);
            prop_assume!(text.len() <= LETTERS_MAX);
            prop_assert_eq!(Formula::parse(&text, 3).unwrap(), formula);
        }

        #[test]
        fn any_text_is_read_or_refused(text in r"[A-D0-9.+*/() -]{0,40}") {
            let _ = Formula::parse(&text, 3);
        }
    }
}
