//! What the server says when it is up.

use std::net::SocketAddr;

use footfall_ingest_activity::Clock;

use crate::config::Settings;
use crate::console::{is_terminal, note, say};
use crate::error::AppError;
use crate::keys::{KeyFile, KeyKind};

/// Greets; a person who has no key yet gets a pair.
pub fn show(settings: &Settings, address: SocketAddr, clock: &dyn Clock) -> Result<(), AppError> {
    let print = |line: String| if is_terminal() { say(line) } else { note(line) };
    print(format!("Footfall listens on http://{address} and keeps its data in {}", settings.data_dir.display()));
    let file = KeyFile::in_folder(&settings.data_dir);
    let has_keys = file.list()?.iter().any(|key| key.revoked_at.is_none());
    if has_keys {
        return Ok(());
    }
    if is_terminal() {
        let write = file.create(KeyKind::Write, &settings.project, "first", clock)?;
        let read = file.create(KeyKind::Read, &settings.project, "first", clock)?;
        print(format!(
            "  write key  {write}\n  read key   {read}\n  They are shown this once. The page asks for the read key."
        ));
    } else {
        print("  No key yet: footfall keys create --kind write, footfall keys create --kind read".to_owned());
    }
    Ok(())
}
