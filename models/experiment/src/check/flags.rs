//! Cases in the format of GrowthBook's SDK suite (`cases.json`, specification 0.8.0).

use super::compare::{cut, expect};
use super::report::Report;
use crate::Value;
use crate::assign::{
    BucketRange, Condition, Evaluator, HashVersion, Payload, SavedGroups, StickyBuckets, StickyDocument, User, bucket,
    bucket_ranges, choose_variation, decrypt, equal_weights, is_in_namespace, query_string_override, redirects,
};
use crate::value::{NULL, Object};

/// Runs all cases of a file. A section that is not known counts as failed, case by case.
pub fn flags(json: &str) -> Report {
    let sections = match Value::parse(json) {
        Ok(Value::Object(sections)) => sections,
        Ok(_) => return Report::unreadable("the file has to be an object of sections, each a list of cases".into()),
        Err(error) => return Report::unreadable(format!("no JSON: {error}")),
    };
    let mut report = Report::default();
    for (section, cases) in sections.iter() {
        for (index, case) in cases.as_array().unwrap_or_default().iter().enumerate() {
            let case = Case { parts: case.as_array().unwrap_or_default() };
            let named = case.part(0).as_str().filter(|_| !["hash", "getEqualWeights"].contains(&section));
            let name = format!("{section}[{index}] {}", named.unwrap_or_default());
            report.add(name.trim_end(), case.run(section));
        }
    }
    report
}

/// One case: a list whose places mean something else in each section.
struct Case<'a> {
    parts: &'a [Value],
}

impl Case<'_> {
    fn part(&self, index: usize) -> &Value {
        self.parts.get(index).unwrap_or(&NULL)
    }

    fn text(&self, index: usize) -> &str {
        self.part(index).as_str().unwrap_or_default()
    }

    fn count(&self, index: usize) -> usize {
        self.part(index).to_number().max(0.0) as usize
    }

    fn run(&self, section: &str) -> Result<String, String> {
        match section {
            "evalCondition" => self.condition(),
            "hash" => self.hash(),
            "getBucketRange" => self.ranges(),
            "chooseVariation" => self.choose(),
            "getQueryStringOverride" => self.query_string(),
            "inNamespace" => self.namespace(),
            "getEqualWeights" => {
                let weights = equal_weights(self.count(0)).into_iter().map(Value::Number).collect();
                expect(&cut(&Value::Array(weights)), &cut(self.part(1)))
            }
            "decrypt" => {
                let plain = decrypt(self.text(1), self.text(2)).map_or(Value::Null, Value::from);
                expect(&plain, self.part(3))
            }
            "run" => self.experiment(),
            "feature" | "contextualBandit" => self.feature(),
            "stickyBucket" => self.sticky(),
            "urlRedirect" => self.redirect(),
            other => Err(format!("the section «{other}» is not known")),
        }
    }

    fn condition(&self) -> Result<String, String> {
        let condition = Condition::compile(self.part(1), &SavedGroups::read(self.part(4)));
        expect(&condition.holds(self.part(2)).into(), self.part(3))
    }

    fn hash(&self) -> Result<String, String> {
        let version = match self.part(2) {
            Value::Number(1.0) => HashVersion::One,
            Value::Number(2.0) => HashVersion::Two,
            _ => HashVersion::Unknown,
        };
        let found = bucket(&self.part(0).to_text(), &self.part(1).to_text(), version);
        expect(&found.map_or(Value::Null, Value::Number), self.part(3))
    }

    fn ranges(&self) -> Result<String, String> {
        let inputs = self.part(1).as_array().unwrap_or_default();
        let [variations, rest @ ..] = inputs else { return Err("the number of variations is needed".into()) };
        let coverage = rest.first().map_or(1.0, Value::to_number);
        let weights: Option<Vec<f64>> =
            rest.get(1).and_then(Value::as_array).map(|weights| weights.iter().map(Value::to_number).collect());
        let ranges = bucket_ranges(variations.to_number() as usize, coverage, weights.as_deref());
        let found = ranges.iter().map(|range| Value::Array(vec![range.start.into(), range.end.into()])).collect();
        expect(&cut(&Value::Array(found)), &cut(self.part(2)))
    }

    fn choose(&self) -> Result<String, String> {
        let range = |item: &Value| {
            let [start, end, ..] = item.as_array()? else { return None };
            Some(BucketRange { start: start.to_number(), end: end.to_number() })
        };
        let ranges: Vec<_> = self.part(2).as_array().unwrap_or_default().iter().filter_map(range).collect();
        let found = choose_variation(self.part(1).to_number(), &ranges);
        expect(&found.map_or(-1.0, |variation| variation as f64).into(), self.part(3))
    }

    fn query_string(&self) -> Result<String, String> {
        let found = query_string_override(self.text(1), self.text(2), self.count(3));
        expect(&found.map_or(Value::Null, |variation| Value::Number(variation as f64)), self.part(4))
    }

    fn namespace(&self) -> Result<String, String> {
        let [name, start, end, ..] = self.part(2).as_array().unwrap_or_default() else {
            return Err("a namespace has a name, a start and an end".into());
        };
        let found = is_in_namespace(&self.part(1).to_text(), &name.to_text(), start.to_number(), end.to_number());
        expect(&found.into(), self.part(3))
    }

    fn experiment(&self) -> Result<String, String> {
        let payload = Payload::compile(self.part(1));
        let user = User::read(self.part(1));
        let experiment = payload.experiment(self.part(2));
        let assignment = Evaluator::new(&payload, &user).run(&experiment);
        let found = vec![
            assignment.value().cloned().unwrap_or_default(),
            assignment.in_experiment.into(),
            assignment.hash_used.into(),
        ];
        let expected = [3, 4, 5].map(|index| self.part(index).clone());
        expect(&found.into(), &expected.to_vec().into())
    }

    fn feature(&self) -> Result<String, String> {
        let payload = Payload::compile(self.part(1));
        let user = User::read(self.part(1));
        expect(&Evaluator::new(&payload, &user).evaluate(self.text(2)).to_value(), self.part(3))
    }

    fn sticky(&self) -> Result<String, String> {
        let payload = Payload::compile(self.part(1));
        let user = User::read(self.part(1));
        let mut buckets = StickyBuckets::default();
        for document in self.part(2).as_array().unwrap_or_default().iter().filter_map(StickyDocument::read) {
            let unit = user.attributes.get(&document.attribute);
            // A client loads the documents of its own attributes.
            if unit.is_some_and(|unit| *unit.to_text() == *document.value)
                && payload.sticky_attributes().contains(&document.attribute.as_str())
            {
                buckets.insert(document);
            }
        }
        let evaluator = Evaluator::new(&payload, &user);
        let evaluation = evaluator.with_sticky_buckets(&mut buckets).evaluate(self.text(3));
        let found = evaluation.assignment.map_or(Value::Null, |assignment| assignment.to_value());
        expect(&found, self.part(4))?;
        expect(&documents(&buckets), self.part(5))
    }

    fn redirect(&self) -> Result<String, String> {
        let payload = Payload::compile(self.part(1));
        let user = User::read(self.part(1));
        let found = redirects(Evaluator::new(&payload, &user));
        let calls = found.exposures.iter().map(|exposure| {
            let mut call = Object::default();
            call.insert("inExperiment", exposure.in_experiment);
            if let Some(address) = exposure.value().and_then(|value| value.get("urlRedirect")) {
                call.insert("urlRedirect", address.clone());
            }
            call.insert("urlWithParams", found.url.as_deref().unwrap_or_default());
            Value::Object(call)
        });
        expect(&calls.collect::<Vec<_>>().into(), self.part(2))
    }
}

fn documents(buckets: &StickyBuckets) -> Value {
    let shown = buckets.documents.iter().map(|(key, document)| {
        let assignments: Object =
            document.assignments.iter().map(|(name, key)| (name.as_str(), Value::from(key.as_str()))).collect();
        let mut shown = Object::default();
        shown.insert("attributeName", document.attribute.as_str());
        shown.insert("attributeValue", document.value.as_str());
        shown.insert("assignments", assignments);
        (key.as_str(), Value::Object(shown))
    });
    Value::Object(shown.collect())
}
