//! What the server says when it is up.

use std::net::SocketAddr;

use footfall_api_access::{Access, KeyKind, MailRoute};

use crate::config::Settings;
use crate::console::{is_terminal, note, say};
use crate::error::AppError;
use crate::keys;

/// Greets; whoever has no account yet gets the link that makes the first owner, and who has no key on a terminal a pair.
pub async fn show(settings: &Settings, address: SocketAddr, access: &Access) -> Result<(), AppError> {
    let print = |line: String| if is_terminal() { say(line) } else { note(line) };
    let scheme = if settings.server.tls_certificate.is_empty() { "http" } else { "https" };
    print(format!("Footfall listens on {scheme}://{address} and keeps its data in {}", settings.data_dir.display()));
    // Where everybody reaches it from, if that is said; else where it listens.
    let base = match settings.server.public_url.trim_end_matches('/') {
        "" => format!("{scheme}://{address}"),
        public => public.to_owned(),
    };
    print(format!("  The web application: {base}/app"));
    if let MailRoute::Folder(folder) = &access.settings().mail_route {
        print(format!("  Mails are written to {} and not sent: set mail.url to send them", folder.display()));
    }
    if let Some(link) = access.first_owner_link().await? {
        print(format!("  Nobody owns it yet. This link makes the first owner, once: {link}"));
    }
    if keys::any_in_force(access).await? {
        return Ok(());
    }
    if is_terminal() {
        let write = keys::create(access, &settings.project, KeyKind::Write, "first").await?;
        let read = keys::create(access, &settings.project, KeyKind::Read, "first").await?;
        print(format!(
            "  write key  {write}\n  read key   {read}\n  They are shown this once. The page asks for the read key."
        ));
    } else {
        print("  No key yet: footfall keys create --kind write, footfall keys create --kind read".to_owned());
    }
    Ok(())
}
