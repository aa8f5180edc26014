//! What is kept in the app's database: items, shares, schedules' next moments and runs.

mod items;
mod runs;
mod shares;

use footfall_api_access::Migration;

pub use items::{Kept, insert, item, items, remove, replace};
pub use runs::{
    Due, INTERRUPTED, Run, claim, due, end_run, forget, forget_runs, move_due, plan, prune, runs, set_alarm, take_up,
};
pub use shares::{Share, ShareKind, add_share, revoke, revoke_all, share, share_by_secret, shares};

/// The area's name among migrations.
pub const AREA: &str = "boards";

/// The tables of this area, ascending.
pub const MIGRATIONS: &[Migration] =
    &[Migration { version: 1, name: "boards", both: include_str!("boards.sql"), sqlite: "", postgres: "" }];
