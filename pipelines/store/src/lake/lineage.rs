//! Which files compaction made of which, for those who keep something derived from files and want to know that the rows
//! of a new file are rows they have.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Joins that are remembered.
const JOINS_MAX: usize = 1024;

/// The joins since the lake was opened, the latest of them.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    inputs: HashMap<Arc<str>, Arc<[String]>>,
    order: VecDeque<Arc<str>>,
}

impl Lineage {
    /// The files whose rows are exactly those of this one; `None` if it is not known to be made of others.
    pub fn inputs(&self, path: &str) -> Option<&[String]> {
        self.inputs.get(path).map(|inputs| &**inputs)
    }

    pub(super) fn record(&mut self, path: String, inputs: Vec<String>) {
        let path: Arc<str> = path.into();
        self.inputs.insert(path.clone(), inputs.into());
        self.order.push_back(path);
        while self.order.len() > JOINS_MAX {
            self.order.pop_front().and_then(|oldest| self.inputs.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_joins_are_remembered() {
        let mut lineage = Lineage::default();
        (0..=JOINS_MAX).for_each(|join| lineage.record(join.to_string(), vec![format!("of {join}")]));
        assert_eq!(lineage.inputs("0"), None);
        assert_eq!(lineage.inputs("1"), Some(&["of 1".to_owned()][..]));
        assert_eq!(lineage.inputs.len(), lineage.order.len());
    }
}
