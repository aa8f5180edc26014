//! `footfall admin …`: what whoever runs this installation can mend from its shell.

use std::sync::Arc;

use clap::Subcommand;
use footfall_api_access::{Access, Actor, Email, Origin};
use footfall_ingest_activity::Clock;

use crate::app;
use crate::config::Settings;
use crate::console::say;
use crate::error::AppError;
use crate::keys::tell_server;

/// `footfall admin …`
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Print a new one-time link that makes the first owner
    FirstOwner,
    /// List the accounts
    Accounts,
    /// Print a one-time link by which somebody chooses a new password
    ResetPassword { email: String },
    /// Take all second factors off an account, whose owner has lost them; its sessions end
    RemoveFactors { email: String },
    /// Switch an account off: its sessions and tokens end
    Disable { email: String },
    /// Switch an account on again
    Enable { email: String },
}

/// Runs the command on the database, beside the running server or without one.
pub async fn run(command: AdminCommand, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    let access = app::open_for_command(&settings, clock).await?;
    let origin = Origin::new("", "footfall admin", "", "");
    match command {
        AdminCommand::FirstOwner => match access.first_owner_link().await? {
            Some(link) => say(link),
            None => return Err(AppError::Usage("There is an account already: see footfall admin accounts".to_owned())),
        },
        AdminCommand::Accounts => list(&access).await?,
        AdminCommand::ResetPassword { email } => {
            let account = account(&access, &email).await?;
            say(access.operator_reset_link(&account, &origin).await?);
        }
        AdminCommand::RemoveFactors { email } => {
            let account = account(&access, &email).await?;
            access.remove_all_factors(&account, &origin).await?;
            say(format!("{email} has no second factor any more, and is signed out everywhere"));
        }
        AdminCommand::Disable { email } => switch(&access, &email, true, &origin).await?,
        AdminCommand::Enable { email } => switch(&access, &email, false, &origin).await?,
    }
    tell_server(&settings).await
}

async fn account(access: &Access, email: &str) -> Result<String, AppError> {
    let folded = Email::parse(email)?.folded;
    let found = access.accounts().await?.into_iter().find(|account| account.email.to_lowercase() == folded);
    let unknown = || AppError::Usage(format!("{email} has no account; footfall admin accounts lists them"));
    found.map(|account| account.id).ok_or_else(unknown)
}

async fn switch(access: &Access, email: &str, disabled: bool, origin: &Origin) -> Result<(), AppError> {
    let account = account(access, email).await?;
    access.set_disabled(&account, disabled, Actor::Operator, origin).await?;
    say(format!("{email} is {}", if disabled { "disabled" } else { "enabled" }));
    Ok(())
}

async fn list(access: &Access) -> Result<(), AppError> {
    for account in access.accounts().await? {
        let state = if account.is_disabled { "disabled" } else { "enabled" };
        let factor = if account.has_factor { "second factor" } else { "password alone" };
        say(format!("{}  {}  {factor}  {state}  {}", account.id, account.created_at.to_rfc3339(), account.email));
    }
    Ok(())
}
