//! What the program asks by itself: due schedules are claimed (one process does each), asked, and their fate is recorded.

mod files;
mod rules;
mod run;
