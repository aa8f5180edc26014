//! The configuration in the app's database: definitions, their revisions, what is scheduled, connections.

mod connections;
mod definitions;
mod schedule;
mod sign_ins;

use footfall_api_access::Migration;

pub use connections::Connection;
pub use definitions::{
    Change, GroupOfCohort, Kept, Write, catalogue, generation, groups_of_cohorts, item, items, projects,
    projects_with_switchbacks, revisions,
};
pub(crate) use definitions::{held, lock, set_state, write};
pub(crate) use schedule::{Claim, DONE};
pub use schedule::{ScheduledChange, ScheduledKept};
pub use sign_ins::{SignIn, forget_sign_ins, sign_ins_of};
pub(crate) use sign_ins::{forget_oldest, hash_id, remember};

/// The area's name among migrations.
pub const AREA: &str = "experiments";

/// The tables of this area, ascending.
pub const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "configuration", both: include_str!("configuration.sql"), sqlite: "", postgres: "" },
    Migration {
        version: 2,
        name: "seen_exposures",
        both: include_str!("seen_exposures.sql"),
        sqlite: "",
        postgres: "",
    },
    Migration { version: 3, name: "sign_ins", both: include_str!("sign_ins.sql"), sqlite: "", postgres: "" },
];
