//! Numbers as units: the bucket of a number is that of the text which JavaScript makes of it, to the last digit of the double.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use footfall_models_experiment::Value;
use footfall_models_experiment::assign::{Evaluator, HashVersion, Payload, User, bucket};
use proptest::prelude::*;

const PAYLOAD: &str = r#"{"features": {"f": {"rules": [
    {"key": "exp", "hashVersion": 2, "variations": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}]}}}"#;

/// The bucket and variation of a user whose id is written like this in JSON.
fn assigned(payload: &Payload, id: &str) -> (f64, usize) {
    let user = User::read(&Value::parse(&format!(r#"{{"attributes": {{"id": {id}}}}}"#)).expect("JSON"));
    let assignment = Evaluator::new(payload, &user).evaluate("f").assignment.expect("in the experiment");
    (assignment.bucket.expect("a bucket"), assignment.variation)
}

#[test]
fn two_thousand_doubles_fall_where_their_javascript_text_does() {
    let rows: Vec<(String, String)> = serde_json::from_str(include_str!("data/number_texts.json")).unwrap();
    assert_eq!(rows.len(), 2_000);
    let payload = Payload::parse(PAYLOAD, None).unwrap();
    for (digits, text) in &rows {
        let expected = bucket("exp", text, HashVersion::Two);
        for written in [digits, text] {
            let (place, variation) = assigned(&payload, written);
            assert_eq!(Some(place), expected, "{written} is {text} in JavaScript");
            assert_eq!(variation, assigned(&payload, &format!("\"{text}\"")).1);
            assert_eq!(Value::parse(written).unwrap().to_text(), *text);
        }
    }
}

proptest! {
    #[test]
    fn a_double_survives_its_json_text(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        for written in [format!("{number:e}"), format!("{number:.17e}")] {
            let read = Value::parse(&written).unwrap().as_number().unwrap();
            prop_assert_eq!(read.to_bits(), number.to_bits(), "{}", written);
            let text = Value::Number(read).to_text().into_owned();
            prop_assert_eq!(text.parse::<f64>().unwrap(), number);
        }
    }
}
