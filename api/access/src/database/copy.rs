//! A copy of the whole database at one moment, while it is in use.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::ConnectOptions;

use super::{Backend, Call, Database, DatabaseError};

impl Database {
    /// Writes the database into the file `into`, which must not exist. False from a database that is a server of its own.
    ///
    /// SQLite copies inside one reading transaction: writers go on, and the copy is what one commit left.
    pub fn copy_into<'a>(&'a self, into: &'a Path) -> Call<'a, bool> {
        Box::pin(async move {
            let Backend::Sqlite { writer, .. } = &self.backend else { return Ok(false) };
            let failed = |error: std::io::Error| DatabaseError::Open(format!("{}: {error}", into.display()));
            let path = into.to_str().ok_or_else(|| DatabaseError::Open(format!("{}: not UTF-8", into.display())))?;
            // A connection of its own: those of the pool for reading may write nowhere.
            let mut connection = writer.connect_options().as_ref().clone().connect().await?;
            sqlx::query("VACUUM INTO $1").bind(path).execute(&mut connection).await?;
            fs::set_permissions(into, Permissions::from_mode(0o600)).map_err(failed)?;
            fs::File::open(into).and_then(|file| file.sync_all()).map_err(failed)?;
            Ok(true)
        })
    }
}
