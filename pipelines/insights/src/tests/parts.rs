//! An answer for a part of the people is that of the naive reference as if there were no others.

use proptest::prelude::*;

use super::given::{Given, given, given_giant};
use super::{asked, cases, cells, question, same};
use crate::definition::Question;
use crate::projection::{Snapshot, split_person};
use crate::reference::World;
use crate::{Control, Engine};

/// The world with the people of one in so many segments alone.
fn part_of(snapshot: &Snapshot, world: &World, one_in: usize) -> World {
    let part: Vec<u32> = snapshot.segments().into_iter().step_by(one_in).collect();
    let is_in = |person: &String| {
        snapshot.dictionaries.persons.find(person).is_some_and(|ordinal| part.contains(&split_person(ordinal).0))
    };
    let mut world = world.clone();
    world.rows.retain(|row| is_in(&row.person));
    world
}

fn check(given: &Given, questions: &[Question], threads: usize) -> Result<(), TestCaseError> {
    let folder = tempfile::tempdir().unwrap();
    for (name, snapshot, world) in &given.build(folder.path()) {
        let all = snapshot.segments().len();
        for question in questions {
            let question = given.of_season(question);
            let control = Control::default();
            let engine = Engine { threads };
            for one_in in [2, 64] {
                let part = engine.ask_part(snapshot, &question, &control, one_in).unwrap();
                prop_assert_eq!(part.is_some(), all > 1, "{}", name);
                if let Some(part) = part {
                    same(name, &question, &part.answer, &part_of(snapshot, world, one_in).answer(&question))?;
                }
            }
            prop_assert_eq!(control.progress(), (0, 0), "parts are no progress");
            // The last part is the whole.
            prop_assert!(engine.ask_part(snapshot, &question, &control, 1).unwrap().is_none());
            let whole = engine.ask_under(snapshot, &question, &control).unwrap();
            same(name, &question, &whole.answer, &world.answer(&question))?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn parts_are_the_references(
        given in given(),
        trends in prop::collection::vec(asked::trend(), 2),
        funnels in prop::collection::vec(asked::funnel(), 2),
        others in prop::collection::vec(question(), 3),
        people in prop::collection::vec(asked::people(), 2),
        cells in prop::collection::vec(cells::cell(), 2),
        places in prop::collection::vec(asked::places(), 1),
        segments in prop::collection::vec(asked::segments(), 2),
        threads in 1usize..3,
    ) {
        let all = [trends, funnels, others, people, cells, places, segments].concat();
        check(&given, &all, threads)?;
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn parts_beside_one_giant_person_are_the_references(given in given_giant(), questions in prop::collection::vec(question(), 3)) {
        check(&given, &questions, 2)?;
    }
}
