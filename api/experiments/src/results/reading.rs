//! What the design of an experiment adds to the sentences of a comparison.

use super::report::TreatmentReport;
use crate::definition::Covariate;

/// With fewer clusters in an arm their variance is known too badly for what intervals promise.
const CLUSTERS_MIN: f64 = 40.0;

const BANDIT: &str = " The weights followed what was seen: periods of equal weights are compared each for itself, and of an arm \
    that was starved early little is known. People count where they were first.";
/// Where people of all periods are looked at together.
pub(super) const POOLED_OF_BANDIT: &str = " The weights changed while people came, and people of all these times are taken together here: \
    a difference may be one of times rather than of variations.";
const CONTEXTS: &str = " Each context was compared for itself: the effect is that of the mix of contexts in which people came, and \
    may be another in each of them.";
const FEW_CLUSTERS: &str =
    " Whole clusters were divided, and an arm has fewer than 40 of them: the interval is likely too narrow.";
/// As a comparison says it of any covariate.
const ADJUSTED: &str = "adjusted by what was known before";
const PREDICTED: &str = "adjusted by what a model of other people's doings before foretold";

/// What is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Designed<'a> {
    pub is_bandit: bool,
    pub is_contextual: bool,
    /// Of control and of the treatment, where clusters are divided.
    pub clusters: Option<[f64; 2]>,
    pub covariate: Covariate,
    /// An attribute by which people are divided, and which several may share.
    pub shared: Option<&'a str>,
    /// Of a retention, people whose days are not over.
    pub immature: Option<f64>,
}

/// Adds what is true of this design to what is true of any; nothing where there is no effect to speak of.
pub(super) fn add(designed: Designed<'_>, compared: &mut TreatmentReport) {
    if let Some(people) = designed.immature.filter(|people| *people > 0.0) {
        compared.cannot_be_said += &format!(
            " {people} people of the experiment are not yet mature: their days are not over, and they do not count."
        );
    }
    if compared.effect.is_none() {
        return;
    }
    if designed.covariate == Covariate::Prediction {
        compared.can_be_said = compared.can_be_said.replace(ADJUSTED, PREDICTED);
    }
    if let Some([control, treatment]) = designed.clusters {
        compared.can_be_said +=
            &format!(" That is of whole clusters, {control} of control's beside {treatment} of the treatment's.");
        if control.min(treatment) < CLUSTERS_MIN {
            compared.cannot_be_said += FEW_CLUSTERS;
        }
    }
    if let Some(name) = designed.shared {
        compared.cannot_be_said += &format!(
            " Variations were divided by {name}: where several people share one, the range is too narrow. The design of clusters counts each as \
             one; an attribute that is_personal is taken not to be shared."
        );
    }
    if designed.is_contextual {
        compared.can_be_said += CONTEXTS;
    }
    if designed.is_bandit {
        compared.cannot_be_said += BANDIT;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::definition::Metric;
    use crate::results::comparison::compared;
    use footfall_models_experiment::statistics::{Moments, Settings, Statistic, Values, analyse};

    /// Four people of whom half have what they had before, many times over.
    fn arm(lift: f64) -> Statistic {
        let people = (0..4_000).map(|number| {
            let before = f64::from(number % 4);
            [10.0 + lift + before + f64::from(number % 7) / 7.0, before]
        });
        Statistic::Adjusted { values: Values::new(Moments::of(people.collect::<Vec<_>>())), theta: 0.0 }
    }

    fn told(designed: Designed<'_>, lift: f64) -> [String; 2] {
        let metric: Metric =
            serde_json::from_value(serde_json::json!({"measure": {"count": {"source": {"event": "bought"}}}})).unwrap();
        let pair = (arm(0.0), arm(lift));
        let analysis = analyse(&[pair], &Settings::default());
        let mut found = compared("treatment", Some((pair, analysis)), &metric, &Settings::default(), Vec::new());
        add(designed, &mut found);
        [found.can_be_said, found.cannot_be_said]
    }

    #[test]
    fn sentences_of_each_design() {
        let plain = "Treatment is better: the difference is between +4.02 % and +4.36 % (best guess +4.19 %, ";
        let end = "), whenever one looks.";
        let not =
            "Nothing is said of other users, other times or other metrics, nor that the effect is +4.19 % exactly.";
        let usual = Designed::default();
        assert_eq!(told(usual, 0.5), [format!("{plain}{ADJUSTED}{end}"), not.to_owned()]);
        let predicted = Designed { covariate: Covariate::Prediction, ..usual };
        let by_model = "adjusted by what a model of other people's doings before foretold";
        assert_eq!(told(predicted, 0.5), [format!("{plain}{by_model}{end}"), not.to_owned()]);
        let clusters = Designed { clusters: Some([52.0, 39.0]), ..usual };
        let expected = [
            format!("{plain}{ADJUSTED}{end} That is of whole clusters, 52 of control's beside 39 of the treatment's."),
            format!(
                "{not} Whole clusters were divided, and an arm has fewer than 40 of them: the interval is likely too narrow."
            ),
        ];
        assert_eq!(told(clusters, 0.5), expected);
        let early = Designed { immature: Some(12.0), ..usual };
        let expected = format!(
            "{not} 12 people of the experiment are not yet mature: their days are not over, and they do not count."
        );
        assert_eq!(told(early, 0.5)[1], expected);
        assert_eq!(told(Designed { immature: Some(0.0), ..usual }, 0.5)[1], not);
        let shared = Designed { shared: Some("company"), ..usual };
        assert!(told(shared, 0.5)[1].starts_with(&format!("{not} Variations were divided by company: where several")));
        let enough = Designed { clusters: Some([52.0, 40.0]), ..usual };
        assert_eq!(told(enough, 0.5)[1], not);
        let contextual = Designed { is_bandit: true, is_contextual: true, ..usual };
        let expected = [
            format!(
                "{plain}{ADJUSTED}{end} Each context was compared for itself: the effect is that of the mix of contexts in \
                 which people came, and may be another in each of them."
            ),
            format!(
                "{not} The weights followed what was seen: periods of equal weights are compared each for itself, and of an \
                 arm that was starved early little is known. People count where they were first."
            ),
        ];
        assert_eq!(told(contextual, 0.5), expected);
    }
}
