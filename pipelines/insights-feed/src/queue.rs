//! Whose question is next: projects take turns and none takes all places; of one project the short ones go first, and
//! whatever waits grows older.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// How many may be worked on and wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    /// Questions of one project that are worked on at once.
    pub of_project: usize,
    /// Heavy questions that are worked on at once, over all projects. Of one project it is one less than it may have, so
    /// that a light one finds a place.
    pub heavy: usize,
    /// Questions that wait.
    pub waiting: usize,
    /// A question that costs more is heavy.
    pub light: u64,
}

/// Waiting questions by project, and how many of each are worked on.
pub(crate) struct Turns<J> {
    places: Places,
    waiting: HashMap<Arc<str>, Waiting<J>>,
    /// Projects with waiting questions, whose turn it is first.
    order: VecDeque<Arc<str>>,
    running: HashMap<Arc<str>, Running>,
    heavy: usize,
    count: usize,
    pushed: u64,
}

/// The questions of one project.
struct Waiting<J> {
    /// Cost of the questions that were begun since the first of these came.
    begun: u64,
    /// By the cost begun before they came and their own, then as they came: who waits is passed by others only until as much
    /// was begun as the own question costs.
    questions: BTreeMap<(u64, u64), (u64, J)>,
}

#[derive(Clone, Copy, Default)]
struct Running {
    all: usize,
    heavy: usize,
}

/// A question whose turn it is.
pub(crate) struct Turn<J> {
    pub project: Arc<str>,
    pub question: J,
    is_heavy: bool,
}

impl<J> Turns<J> {
    pub fn new(places: Places) -> Turns<J> {
        let places = Places { of_project: places.of_project.max(1), heavy: places.heavy.max(1), ..places };
        let (waiting, order, running) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Turns { places, waiting, order, running, heavy: 0, count: 0, pushed: 0 }
    }

    /// Puts a question of this cost among those of its project; gives it back where too many wait.
    pub fn push(&mut self, project: &Arc<str>, cost: u64, question: J) -> Result<(), J> {
        if self.count >= self.places.waiting {
            return Err(question);
        }
        let of_project = self.waiting.entry(project.clone()).or_insert_with(|| {
            self.order.push_back(project.clone());
            Waiting { begun: 0, questions: BTreeMap::new() }
        });
        self.pushed += 1;
        of_project.questions.insert((of_project.begun.saturating_add(cost), self.pushed), (cost, question));
        self.count += 1;
        Ok(())
    }

    /// The next question; [`Turns::done`] has to be told when it is answered.
    pub fn pop(&mut self) -> Option<Turn<J>> {
        let found = |(place, project): (usize, &Arc<str>)| Some((place, self.next_of(project)?));
        let (place, key) = self.order.iter().enumerate().find_map(found)?;
        let project = self.order.remove(place)?;
        let of_project = self.waiting.get_mut(&project)?;
        let (cost, question) = of_project.questions.remove(&key)?;
        of_project.begun = of_project.begun.saturating_add(cost);
        if of_project.questions.is_empty() {
            self.waiting.remove(&project);
        } else {
            self.order.push_back(project.clone());
        }
        self.count -= 1;
        let is_heavy = cost > self.places.light;
        self.heavy += usize::from(is_heavy);
        let running = self.running.entry(project.clone()).or_default();
        running.all += 1;
        running.heavy += usize::from(is_heavy);
        Some(Turn { project, question, is_heavy })
    }

    /// The first question of a project that has a place.
    fn next_of(&self, project: &Arc<str>) -> Option<(u64, u64)> {
        let running = self.running.get(project).copied().unwrap_or_default();
        if running.all >= self.places.of_project {
            return None;
        }
        let heavy_of_project = self.places.of_project.saturating_sub(1).max(1);
        let has_heavy_place = running.heavy < heavy_of_project && self.heavy < self.places.heavy;
        let has_place = |cost: u64| cost <= self.places.light || has_heavy_place;
        let questions = &self.waiting.get(project)?.questions;
        questions.iter().find(|(_, (cost, _))| has_place(*cost)).map(|(key, _)| *key)
    }

    /// A question is answered.
    pub fn done(&mut self, turn: &Turn<J>) {
        self.heavy -= usize::from(turn.is_heavy);
        if let Some(running) = self.running.get_mut(&turn.project) {
            running.all -= 1;
            running.heavy -= usize::from(turn.is_heavy);
            if running.all == 0 {
                self.running.remove(&turn.project);
            }
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Takes all that wait, as they came.
    pub fn drain(&mut self) -> Vec<J> {
        self.order.clear();
        self.count = 0;
        let all = self.waiting.drain().flat_map(|(_, waiting)| waiting.questions);
        let mut all: Vec<(u64, J)> = all.map(|((_, pushed), (_, question))| (pushed, question)).collect();
        all.sort_by_key(|(pushed, _)| *pushed);
        all.into_iter().map(|(_, question)| question).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LIGHT: u64 = 10;

    fn turns(of_project: usize, heavy: usize, waiting: usize) -> Turns<u32> {
        Turns::new(Places { of_project, heavy, waiting, light: LIGHT })
    }

    fn name(text: &str) -> Arc<str> {
        text.into()
    }

    /// Questions in the order of their turns, each answered at once.
    fn all(turns: &mut Turns<u32>) -> Vec<u32> {
        let mut order = Vec::new();
        while let Some(turn) = turns.pop() {
            order.push(turn.question);
            turns.done(&turn);
        }
        order
    }

    #[test]
    fn projects_take_turns() {
        let mut turns = turns(9, 9, 9);
        (1..=3).for_each(|question| turns.push(&name("a"), 1, question).unwrap());
        turns.push(&name("b"), 1, 10).unwrap();
        let order: Vec<u32> = std::iter::from_fn(|| turns.pop().map(|turn| turn.question)).collect();
        assert_eq!(order, [1, 10, 2, 3]);
    }

    #[test]
    fn one_project_leaves_places_to_others() {
        let mut turns = turns(2, 9, 9);
        (1..=4).for_each(|question| turns.push(&name("a"), 1, question).unwrap());
        let (first, second) = (turns.pop().unwrap(), turns.pop().unwrap());
        assert_eq!((first.question, second.question), (1, 2));
        assert!(turns.pop().is_none());
        turns.push(&name("b"), 1, 10).unwrap();
        assert_eq!(turns.pop().unwrap().question, 10);
        turns.done(&first);
        assert_eq!(turns.pop().unwrap().question, 3);
    }

    #[test]
    fn too_many_are_refused() {
        let mut turns = turns(1, 1, 2);
        let a = name("a");
        assert_eq!(
            [(5, 1), (1, 2), (1, 3)].map(|(rows, question)| turns.push(&a, rows, question)),
            [Ok(()), Ok(()), Err(3)]
        );
        assert_eq!(turns.drain(), [1, 2]);
        assert!(turns.push(&a, 1, 4).is_ok());
    }

    #[test]
    fn short_ones_go_first_and_what_waits_grows_older() {
        let mut turns = turns(1, 1, 99);
        let a = name("a");
        turns.push(&a, 100, 0).unwrap();
        // Before as many rows were begun as the long one has, short ones that come pass it; then it is its turn.
        let mut order = Vec::new();
        for question in 1..=20 {
            turns.push(&a, 8, question).unwrap();
            let turn = turns.pop().unwrap();
            order.push(turn.question);
            turns.done(&turn);
        }
        assert_eq!(order.iter().position(|question| *question == 0), Some(12), "{order:?}");
        // Of equal ones who came first.
        (30..33).for_each(|question| turns.push(&a, 8, question).unwrap());
        assert_eq!(all(&mut turns), [20, 30, 31, 32]);
    }

    #[test]
    fn a_light_one_finds_a_place_beside_heavy_ones() {
        let mut turns = turns(3, 9, 99);
        let a = name("a");
        (0..4).for_each(|question| turns.push(&a, 1_000, question).unwrap());
        let heavy: Vec<_> = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!(heavy.iter().map(|turn| turn.question).collect::<Vec<_>>(), [0, 1], "one place stays free");
        turns.push(&a, LIGHT, 10).unwrap();
        let light = turns.pop().unwrap();
        assert_eq!(light.question, 10);
        assert!(turns.pop().is_none());
        turns.done(&light);
        assert!(turns.pop().is_none(), "the place is not one for heavy ones");
        turns.done(&heavy[0]);
        assert_eq!(turns.pop().unwrap().question, 2);
    }

    #[test]
    fn heavy_ones_of_all_projects_leave_a_place() {
        let mut turns = turns(3, 3, 99);
        for project in ["a", "b", "c"] {
            (0..2).for_each(|question| turns.push(&name(project), 1_000, question).unwrap());
        }
        let heavy: Vec<_> = std::iter::from_fn(|| turns.pop()).collect();
        assert_eq!(heavy.iter().map(|turn| &*turn.project).collect::<Vec<_>>(), ["a", "b", "c"]);
        turns.push(&name("d"), 1, 7).unwrap();
        assert_eq!(turns.pop().unwrap().question, 7);
        turns.done(&heavy[1]);
        let next = turns.pop().unwrap();
        assert_eq!((&*next.project, next.question), ("a", 1));
    }
}
