//! Whose question is next: projects take turns, and none takes all places.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Waiting questions by project, and how many of each are worked on.
pub(crate) struct Turns<J> {
    waiting: HashMap<Arc<str>, VecDeque<J>>,
    /// Projects with waiting questions, whose turn it is first.
    order: VecDeque<Arc<str>>,
    running: HashMap<Arc<str>, usize>,
    running_max: usize,
    waiting_max: usize,
    count: usize,
}

impl<J> Turns<J> {
    /// At most `running_max` of one project are worked on at once, at most `waiting_max` wait.
    pub fn new(running_max: usize, waiting_max: usize) -> Turns<J> {
        let (waiting, order, running) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Turns { waiting, order, running, running_max: running_max.max(1), waiting_max, count: 0 }
    }

    /// Puts a question behind those of its project; gives it back where too many wait.
    pub fn push(&mut self, project: &Arc<str>, question: J) -> Result<(), J> {
        if self.count >= self.waiting_max {
            return Err(question);
        }
        let of_project = self.waiting.entry(project.clone()).or_default();
        if of_project.is_empty() {
            self.order.push_back(project.clone());
        }
        of_project.push_back(question);
        self.count += 1;
        Ok(())
    }

    /// The next question; [`Turns::done`] has to be told when it is answered.
    pub fn pop(&mut self) -> Option<(Arc<str>, J)> {
        let has_place = |project: &Arc<str>| self.running.get(project).copied().unwrap_or(0) < self.running_max;
        let place = self.order.iter().position(has_place)?;
        let project = self.order.remove(place)?;
        let of_project = self.waiting.get_mut(&project)?;
        let question = of_project.pop_front()?;
        if of_project.is_empty() {
            self.waiting.remove(&project);
        } else {
            self.order.push_back(project.clone());
        }
        self.count -= 1;
        *self.running.entry(project.clone()).or_default() += 1;
        Some((project, question))
    }

    /// A question of this project is answered.
    pub fn done(&mut self, project: &Arc<str>) {
        if let Some(running) = self.running.get_mut(project) {
            *running -= 1;
            if *running == 0 {
                self.running.remove(project);
            }
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Takes all that wait.
    pub fn drain(&mut self) -> Vec<J> {
        self.order.clear();
        self.count = 0;
        self.waiting.drain().flat_map(|(_, questions)| questions).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn projects_take_turns() {
        let mut turns = Turns::new(9, 9);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        (1..=3).for_each(|question| turns.push(&a, question).unwrap());
        turns.push(&b, 10).unwrap();
        let order: Vec<i32> = std::iter::from_fn(|| turns.pop().map(|(_, question)| question)).collect();
        assert_eq!(order, [1, 10, 2, 3]);
    }

    #[test]
    fn one_project_leaves_places_to_others() {
        let mut turns = Turns::new(2, 9);
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        (1..=4).for_each(|question| turns.push(&a, question).unwrap());
        assert_eq!((turns.pop().unwrap().1, turns.pop().unwrap().1), (1, 2));
        assert!(turns.pop().is_none());
        turns.push(&b, 10).unwrap();
        assert_eq!(turns.pop().unwrap().1, 10);
        turns.done(&a);
        assert_eq!(turns.pop().unwrap().1, 3);
    }

    #[test]
    fn too_many_are_refused() {
        let mut turns = Turns::new(1, 2);
        let a: Arc<str> = "a".into();
        assert_eq!([1, 2, 3].map(|question| turns.push(&a, question)), [Ok(()), Ok(()), Err(3)]);
        assert_eq!(turns.drain(), [1, 2]);
        assert!(turns.push(&a, 4).is_ok());
    }
}
