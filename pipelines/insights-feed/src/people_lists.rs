//! Lists of people that questions name, kept as long as there is room.

use std::sync::Arc;

use footfall_pipelines_insights::PeopleList;

/// Ids in memory together: 64 MB. The newest list stays, whatever its size.
const IDS_MAX: usize = 4_000_000;

/// The one used last stands last.
#[derive(Default)]
pub(crate) struct PeopleLists(Vec<(Arc<str>, Arc<PeopleList>)>);

impl PeopleLists {
    pub fn get(&mut self, project: &str, name: &str) -> Option<Arc<PeopleList>> {
        let place = self.0.iter().position(|(of, list)| &**of == project && list.name() == name)?;
        let found = self.0.remove(place);
        let list = found.1.clone();
        self.0.push(found);
        Some(list)
    }

    pub fn put(&mut self, project: &str, list: Arc<PeopleList>) {
        if self.get(project, list.name()).is_some() {
            return;
        }
        self.0.push((project.into(), list));
        while self.0.len() > 1 && self.0.iter().map(|(_, list)| list.len()).sum::<usize>() > IDS_MAX {
            self.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut lists = PeopleLists::default();
        let list = |name: &str, count: usize| Arc::new(PeopleList::new(name, vec![0; count]));
        lists.put("p", list("a", 2_000_000));
        lists.put("p", list("b", 2_000_000));
        assert!(lists.get("p", "a").is_some() && lists.get("q", "a").is_none());
        lists.put("p", list("c", 1));
        let there: Vec<bool> = ["a", "b", "c"].iter().map(|name| lists.get("p", name).is_some()).collect();
        assert_eq!(there, [true, false, true]);
        lists.put("p", list("d", 5_000_000));
        assert!(lists.get("p", "d").is_some() && lists.get("p", "a").is_none());
    }
}
