//! "Why did this person get B?": one flag for one user, with what each rule said to it.
//!
//! The value is the doors' own. What a rule lacked is asked of the same evaluator, by features made for the purpose: each has one
//! part of a rule, and is true where that part holds.

use footfall_models_experiment::Value as FlagValue;
use footfall_models_experiment::assign::{Evaluator, Payload, User};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::check::condition;
use crate::definition::{Design, Experiment, ExperimentState, Feature, Prerequisite, Rule, Serve};
use crate::doors::evaluation::{self, Answer, Reason};
use crate::error::ExperimentError;
use crate::experiments::Experiments;
use crate::payloads::{Compiled, ProjectPayloads};

/// Features that are made to ask begin so; no key of a feature does.
const PROBE: &str = "$probe:";

/// For whom it is asked.
#[derive(Debug)]
pub struct Asked<'a> {
    pub environment: &'a str,
    pub id: Option<&'a str>,
    pub attributes: Map<String, Value>,
}

/// What somebody gets of a flag, and why.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Explanation {
    pub value: Value,
    /// In one sentence.
    pub because: String,
    /// The rule that decided.
    pub rule: Option<String>,
    pub experiment: Option<String>,
    pub variation: Option<String>,
    /// Where the hash of the user falls, from 0 to 1.
    pub bucket: Option<f64>,
    /// What was looked at, in order.
    pub steps: Vec<ExplanationStep>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExplanationStep {
    /// A rule's id, or `switch`, `archive`, `prerequisites`, `holdout`, `filters`, `default`.
    pub what: String,
    pub outcome: StepOutcome,
    pub why: String,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// It gave the value.
    Decided,
    /// It does not apply to this user.
    PassedOver,
    /// Something before it has decided.
    NotReached,
}

impl Experiments {
    /// Evaluates a flag as the doors do, and says why.
    pub async fn explain(&self, project: &str, key: &str, asked: Asked<'_>) -> Result<Explanation, ExperimentError> {
        let payloads = self.payloads().now(project).await?;
        let feature = payloads.catalogue.features.get(key).ok_or(ExperimentError::NotFound("feature"))?;
        let compiled = payloads.environment(asked.environment).ok_or(ExperimentError::NotFound("environment"))?;
        let properties = FlagValue::from(&Value::Object(asked.attributes.clone()));
        let user = evaluation::user(&properties, asked.id);
        let now = jiff::Timestamp::from_millisecond(self.now().millis()).unwrap_or_default();
        let mut subject = evaluation::subject(&payloads.catalogue, &user, asked.id, now);
        if let Some(id) = asked.id.filter(|_| payloads.catalogue.keeps_anybody()) {
            subject.hash_id = self.hash_id(project, id, None).await?;
        }
        let answer = evaluation::evaluate_in((asked.environment, &compiled), key, feature, &user, &subject);
        let trace =
            Trace { payloads: &payloads, compiled: &compiled, feature, asked: &asked, user: &user, answer: &answer };
        let (steps, because) = trace.steps();
        let rule = Some(answer.rule.clone()).filter(|rule| !rule.is_empty());
        let Answer { value, experiment, variation, bucket, .. } = answer;
        Ok(Explanation { value, because, rule, experiment, variation, bucket, steps })
    }
}

struct Trace<'a> {
    payloads: &'a ProjectPayloads,
    compiled: &'a Compiled,
    feature: &'a Feature,
    asked: &'a Asked<'a>,
    user: &'a User,
    answer: &'a Answer,
}

impl Trace<'_> {
    /// Every step, and the sentence of the one that decided.
    fn steps(&self) -> (Vec<ExplanationStep>, String) {
        let mut found: Vec<(String, Option<String>, String)> = Vec::new();
        let mut step = |what: &str, decided: Option<String>, passed: &str| {
            found.push((what.to_owned(), decided, passed.to_owned()));
        };
        let environment = self.asked.environment;
        if self.feature.is_archived {
            step("archive", Some("The flag is archived: SDKs are not told of it.".to_owned()), "");
        }
        let off = self.feature.off_in.iter().any(|off| off == environment);
        let off = off.then(|| format!("The flag is switched off in {environment}: everybody gets its off value."));
        step("switch", off, &format!("The flag is switched on in {environment}."));
        if self.feature.posthog_filters.is_some() {
            step("filters", Some(self.by_filters()), "");
        } else {
            if !self.feature.prerequisites.is_empty() {
                let unmet = self.unmet(&self.feature.prerequisites);
                let unmet = unmet.map(|why| format!("{why}: everybody without it gets the off value."));
                step("prerequisites", unmet, "All features that it needs have the wanted values.");
            }
            if let Some(holdout) = &self.feature.holdout {
                step("holdout", self.held_out(holdout), "The user is not held out.");
            }
            for rule in &self.feature.rules {
                let decided = (self.answer.rule == rule.id && !matches!(self.answer.reason, Reason::Off))
                    .then(|| self.given(rule));
                let passed = if decided.is_some() { String::new() } else { self.lacked(rule) };
                step(&rule.id, decided, &passed);
            }
            step("default", Some("No rule applies: the default value.".to_owned()), "");
        }
        told(found)
    }

    fn by_filters(&self) -> String {
        match &self.answer.reason {
            Reason::PostHog(code, Some(condition)) => {
                format!("PostHog's filters: {code}, by condition {}.", condition + 1)
            }
            Reason::PostHog(code, None) => format!("PostHog's filters: {code}."),
            _ => "PostHog's filters.".to_owned(),
        }
    }

    /// What a rule that applies gives, and how it came to this user.
    fn given(&self, rule: &Rule) -> String {
        match &rule.serve {
            Serve::Force { .. } => "Its conditions hold: everybody who meets them gets its value.".to_owned(),
            Serve::Rollout { coverage, hash_attribute, .. } => {
                format!("The hash of {hash_attribute} falls into the {:.4} % that get its value.", coverage * 100.0)
            }
            Serve::Experiment { experiment, .. } => match (&self.answer.variation, self.answer.bucket) {
                (Some(variation), Some(bucket)) => self.divided(experiment, variation, bucket),
                _ => format!("The experiment {experiment} is decided: everybody gets the variation of the decision."),
            },
        }
    }

    /// How a running experiment came to this variation.
    fn divided(&self, key: &str, variation: &str, bucket: f64) -> String {
        let known = self.payloads.catalogue.experiments.get(key);
        let Some((experiment, phase)) = known.and_then(|(experiment, state)| Some((experiment, state.phase()?))) else {
            return format!("The experiment {key} runs, and the hash of the user, {bucket}, falls to {variation}.");
        };
        match &experiment.design {
            Design::Switchback { window_hours, .. } => format!(
                "The experiment {key} divides times, not users: in this window of {window_hours} h everybody gets {variation}."
            ),
            Design::Clusters { .. } => format!(
                "The experiment {key} divides whole clusters: the hash of {}, {bucket}, falls to {variation}, for everybody who \
                 shares it.",
                experiment.hash_attribute
            ),
            Design::People => match experiment.contexts() {
                None => format!("The experiment {key} runs, and the hash of the user, {bucket}, falls to {variation}."),
                Some(contexts) => {
                    let own = self.answer.leaf.as_deref().and_then(|leaf| leaf.parse::<usize>().ok());
                    let place = own.and_then(|leaf| leaf.checked_sub(1)).unwrap_or(contexts.len());
                    let weights = phase.context_weights_now(place, contexts.len());
                    let told = experiment.variations.iter().zip(weights);
                    let told = told.map(|(one, weight)| format!("{} {:.1} %", one.key, weight * 100.0));
                    let told = told.collect::<Vec<_>>().join(", ");
                    let context = match contexts.get(place) {
                        Some(context) => format!(" of the context {}", context.key),
                        None if contexts.is_empty() => String::new(),
                        None => " of users in none of its contexts".to_owned(),
                    };
                    format!(
                        "The bandit {key} runs, the weights{context} are {told} now, and the hash of the user, {bucket}, falls to \
                         {variation}."
                    )
                }
            },
        }
    }

    /// The first thing that a rule lacks.
    fn lacked(&self, rule: &Rule) -> String {
        if rule.is_off {
            return "The rule is switched off.".to_owned();
        }
        if let Some(all) = rule.environments.as_ref().filter(|all| !all.iter().any(|one| one == self.asked.environment))
        {
            return format!("The rule is for {} alone.", all.join(", "));
        }
        if let Some(why) = self.unmet_condition(rule.condition.as_ref()).or_else(|| self.unmet(&rule.prerequisites)) {
            return format!("{why}.");
        }
        match &rule.serve {
            Serve::Force { .. } => "Something of the rule does not hold.".to_owned(),
            Serve::Rollout { coverage, hash_attribute, .. } => self.unhashed(hash_attribute).unwrap_or_else(|| {
                format!(
                    "The hash of {hash_attribute} falls outside of the {:.4} % that get its value.",
                    coverage * 100.0
                )
            }),
            Serve::Experiment { experiment, .. } => match self.payloads.catalogue.experiments.get(experiment) {
                Some((definition, state)) => self.left_out(experiment, definition, state),
                None => format!("There is no experiment {experiment}."),
            },
        }
    }

    fn left_out(&self, key: &str, experiment: &Experiment, state: &ExperimentState) -> String {
        let held = experiment.holdout.as_ref().filter(|_| state.gives_what_is_new());
        if let Some(why) = held.and_then(|holdout| self.held_out(holdout)) {
            return format!("The experiment {key}: {why}");
        }
        let Some(phase) = state.phase().filter(|_| state.is_running()) else {
            return format!("The experiment {key} is {}, and assigns nobody.", state.status.name());
        };
        let lacks = self.unmet_condition(phase.condition.as_ref());
        let lacks = lacks.or_else(|| self.unmet(&experiment.prerequisites));
        if let Some(why) = lacks {
            return format!("The experiment {key}: {why}");
        }
        let has_fallback = experiment.fallback_attribute.as_ref().is_some_and(|name| self.knows(name));
        if let Some(why) = self.unhashed(&experiment.hash_attribute).filter(|_| !has_fallback) {
            return why;
        }
        let place = phase
            .namespace
            .as_ref()
            .map_or(String::new(), |share| format!(" or its part of the namespace {}", share.namespace));
        format!(
            "The hash of the user falls outside of the {:.4} % who take part in {key}{place}.",
            phase.coverage * 100.0
        )
    }

    fn knows(&self, attribute: &str) -> bool {
        self.user.attributes.get(attribute).is_some_and(|value| !value.to_text().is_empty())
    }

    fn unhashed(&self, attribute: &str) -> Option<String> {
        (!self.knows(attribute)).then(|| format!("The user has no {attribute}, by which users are divided."))
    }

    fn held_out(&self, holdout: &str) -> Option<String> {
        let probe = json!({"parentConditions": [{"id": format!("$holdout:{holdout}"), "condition": {"value": "holdoutcontrol"}}]});
        self.holds(probe).then(|| format!("The holdout {holdout} keeps the user from everything new."))
    }

    fn unmet(&self, prerequisites: &[Prerequisite]) -> Option<String> {
        let unmet = prerequisites.iter().find(|needed| {
            !self.holds(json!({"parentConditions": [{"id": needed.feature, "condition": needed.condition}]}))
        })?;
        Some(format!("The feature {} does not have the wanted value", unmet.feature))
    }

    fn unmet_condition(&self, wanted: Option<&Value>) -> Option<String> {
        let wanted = wanted?;
        if self.holds(json!({"condition": wanted})) {
            return None;
        }
        let mut names = condition::attributes(wanted);
        names.dedup();
        let known = names.into_iter().map(|name| match self.user.attributes.get(name) {
            Some(value) => format!("{name} is {}", json!(value)),
            None => format!("{name} is not known"),
        });
        let known: Vec<String> = known.collect();
        Some(format!("The condition is not met ({})", known.join(", ")))
    }

    /// Whether part of a rule holds for the user.
    fn holds(&self, mut part: Value) -> bool {
        let mut parts = self.compiled.parts.clone();
        part["force"] = json!(true);
        if let Some(Value::Object(features)) = parts.get_mut("features") {
            features.insert(PROBE.to_owned(), json!({"defaultValue": false, "rules": [part]}));
        }
        let groups = &self.payloads.catalogue.saved_groups;
        let groups = groups.iter().map(|(key, group)| (key.clone(), json!(group.values)));
        parts.insert("savedGroups".to_owned(), Value::Object(groups.collect()));
        let payload = Payload::compile(&FlagValue::from(&Value::Object(parts)));
        Evaluator::new(&payload, self.user).evaluate(PROBE).is_on()
    }
}

/// The first step that decides; what comes after it was not reached.
fn told(found: Vec<(String, Option<String>, String)>) -> (Vec<ExplanationStep>, String) {
    let mut because = String::new();
    let steps = found.into_iter().map(|(what, decided, passed)| {
        let (outcome, why) = match decided {
            _ if !because.is_empty() => (StepOutcome::NotReached, String::new()),
            Some(why) => {
                because.clone_from(&why);
                (StepOutcome::Decided, why)
            }
            None => (StepOutcome::PassedOver, passed),
        };
        ExplanationStep { what, outcome, why }
    });
    (steps.collect(), because)
}
