//! Experiments that run by themselves on the pages they target and may send the user to another address.

use url::Url;

use super::evaluate::Evaluator;
use super::outcome::Assignment;
use super::payload::PageExperiment;
use super::url_target::merge_queries;
use crate::Value;

/// What the experiments of a page decided.
#[derive(Debug, Default)]
pub struct Redirects<'a> {
    /// Exposures to record before leaving the page.
    pub exposures: Vec<Assignment<'a>>,
    /// Where to go; none to stay.
    pub url: Option<String>,
}

#[derive(PartialEq, Eq)]
enum Change {
    Redirect,
    Visual,
    Unknown,
}

/// Runs the experiments in order, up to the first redirect experiment that the user is in.
pub fn redirects<'a>(mut evaluator: Evaluator<'a>) -> Redirects<'a> {
    let mut url = None;
    let (payload, user) = (evaluator.payload, evaluator.user);
    evaluator.exposures.get_or_insert_with(Vec::new);
    for page in payload.page_experiments().iter().filter(|page| !page.is_manual) {
        let change = page.change();
        if change == Change::Unknown || (change == Change::Redirect && !page.has_addresses(&user.url)) {
            continue;
        }
        let assignment = evaluator.run(&page.experiment);
        if assignment.in_experiment && change == Change::Redirect {
            url = page.target(&assignment, &user.url);
            break;
        }
    }
    Redirects { exposures: evaluator.exposures.unwrap_or_default(), url }
}

impl PageExperiment {
    fn change(&self) -> Change {
        let any = |names: &[&str]| {
            let has = |variation: &Value| names.iter().any(|name| variation.get(name).is_some());
            self.experiment.variations.iter().any(has)
        };
        if self.experiment.urls.is_some() && any(&["urlRedirect"]) {
            Change::Redirect
        } else if any(&["domMutations", "js", "css"]) {
            Change::Visual
        } else {
            Change::Unknown
        }
    }

    /// False if the page or one of the targets is no address.
    fn has_addresses(&self, page: &str) -> bool {
        let targets = self.experiment.variations.iter().filter_map(redirect_of);
        std::iter::once(page).chain(targets).all(|address| Url::parse(address).is_ok())
    }

    /// The address to go to, unless it is targeted by the same experiment, which would never end.
    fn target(&self, assignment: &Assignment<'_>, page: &str) -> Option<String> {
        let address = redirect_of(assignment.value()?)?;
        let address = if self.keeps_query { merge_queries(page, address) } else { address.to_owned() };
        let is_circular = self.experiment.urls.as_ref().is_some_and(|urls| urls.include(&address));
        (!is_circular).then_some(address)
    }
}

/// The address of a variation, if it has one.
fn redirect_of(variation: &Value) -> Option<&str> {
    variation.get("urlRedirect").and_then(Value::as_str).filter(|address| !address.is_empty())
}
