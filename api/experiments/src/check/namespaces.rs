//! Ranges of namespaces: experiments that exclude each other must not overlap.

use crate::catalogue::Catalogue;
use crate::definition::Experiment;
use crate::faults::Faults;

/// Checks the range of one experiment against those of all others that hold theirs. One that was not started yet has to go by what they go by: places in a
/// namespace are those of one attribute.
pub fn check(key: &str, experiment: &Experiment, is_new: bool, catalogue: &Catalogue, faults: &mut Faults) {
    let Some(own) = &experiment.namespace else { return };
    faults.within("namespace", |faults| {
        if !catalogue.namespaces.contains_key(&own.namespace) {
            faults.at("namespace", format!("there is no namespace {:?}", own.namespace));
        }
        if !(0.0 <= own.start && own.start < own.end && own.end <= 1.0) {
            return faults.here("start must be before end, both between 0 and 1");
        }
        for (other_key, (other, state)) in &catalogue.experiments {
            let Some(share) = other.namespace.as_ref().filter(|share| share.namespace == own.namespace) else {
                continue;
            };
            let is_other = other_key != key && state.holds_its_place();
            if is_new && is_other && other.hash_attribute != experiment.hash_attribute {
                faults.here(format!(
                    "excludes nobody from the experiment {other_key}, which goes by {:?} and not by {:?}: take another namespace",
                    other.hash_attribute, experiment.hash_attribute
                ));
            }
            if is_other && own.start < share.end && share.start < own.end {
                faults.here(format!("overlaps with {} to {} of the experiment {other_key}", share.start, share.end));
            }
        }
    });
}
