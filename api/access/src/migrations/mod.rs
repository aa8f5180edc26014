//! The access layer's schema, one step a subject. Columns are `BIGINT` (numbers, times in milliseconds, 0/1) and `TEXT`.

use crate::database::Migration;

macro_rules! step {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            both: include_str!(concat!($name, ".sql")),
            sqlite: "",
            postgres: "",
        }
    };
}

/// All steps, ascending. Later resources of the app append theirs.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        sqlite: include_str!("audit.sqlite.sql"),
        postgres: include_str!("audit.postgres.sql"),
        ..step!(1, "audit")
    },
    step!(2, "mails"),
    step!(3, "accounts"),
    step!(4, "organisations"),
    step!(5, "sessions"),
    step!(6, "factors"),
    step!(7, "keys"),
    step!(8, "alerts"),
    Migration { postgres: include_str!("shared.postgres.sql"), ..step!(9, "shared") },
    step!(10, "webhooks"),
];
