//! How mails leave: over SMTP, or into a folder where a newcomer finds the link.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use footfall_ingest_activity::Timestamp;
use lettre::message::{Attachment, Mailbox, MultiPart};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::Letter;

/// Where mails go.
#[derive(Clone, PartialEq, Eq)]
pub enum MailRoute {
    /// A file each, `.eml` for programs and `.txt` for people.
    Folder(PathBuf),
    /// `smtps://user:password@host` (TLS from the start), `smtp://host?tls=required` (STARTTLS), or `smtp://localhost:1025`.
    Smtp(String),
}

impl std::fmt::Debug for MailRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MailRoute::Folder(folder) => write!(f, "Folder({})", folder.display()),
            // It holds a password.
            MailRoute::Smtp(_) => f.write_str("Smtp(…)"),
        }
    }
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    #[error("the address is not understood: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the mail cannot be built: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("the mail server: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    #[error("the file that goes with it is damaged")]
    File,
    /// Sealed by another vault, or changed since.
    #[error("what it says cannot be read")]
    Sealed,
    #[error("the mail folder: {0}")]
    Folder(#[from] std::io::Error),
}

/// A server that does not answer must not hold up the others' mails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) async fn deliver(
    route: &MailRoute,
    from: &str,
    to: &str,
    letter: &Letter,
    id: &str,
    now: Timestamp,
) -> Result<(), MailError> {
    let sent_at = Duration::from_millis(u64::try_from(now.millis()).unwrap_or_default());
    let message = Message::builder()
        .from(from.parse::<Mailbox>()?)
        .to(Mailbox::new(None, to.parse()?))
        .subject(&letter.subject)
        .message_id(Some(format!("<{id}@footfall>")))
        .date(std::time::UNIX_EPOCH + sent_at)
        .multipart(content(letter)?)?;
    match route {
        MailRoute::Folder(folder) => Ok(write_files(folder, to, letter, id, &message.formatted()).await?),
        MailRoute::Smtp(url) => {
            let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?.timeout(Some(PATIENCE)).build();
            transport.send(message).await?;
            Ok(())
        }
    }
}

/// The text in both forms, and the file where there is one.
fn content(letter: &Letter) -> Result<MultiPart, MailError> {
    let text = MultiPart::alternative_plain_html(letter.text.clone(), letter.html.clone());
    let Some(file) = &letter.file else { return Ok(text) };
    let bytes = STANDARD.decode(&file.base64).map_err(|_| MailError::File)?;
    let content_type = file.content_type.parse().map_err(|_| MailError::File)?;
    Ok(MultiPart::mixed().multipart(text).singlepart(Attachment::new(file.name.clone()).body(bytes, content_type)))
}

async fn write_files(folder: &Path, to: &str, letter: &Letter, id: &str, eml: &[u8]) -> std::io::Result<()> {
    tokio::fs::create_dir_all(folder).await?;
    let text = format!("To: {to}\nSubject: {}\n\n{}", letter.subject, letter.text);
    for (ending, bytes) in [("eml", eml), ("txt", text.as_bytes())] {
        // Links in it open accounts: for its owner alone.
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(folder.join(format!("{id}.{ending}")))
            .await?;
        tokio::io::AsyncWriteExt::write_all(&mut file, bytes).await?;
        tokio::io::AsyncWriteExt::flush(&mut file).await?;
    }
    Ok(())
}
