//! Invitations that are still open: listed, and taken back.

use footfall_ingest_activity::Timestamp;
use serde_json::json;

use super::members::Invitation;
use crate::access::Access;
use crate::account::links::Purpose;
use crate::audit::{Act, Origin};
use crate::database::{Row, statement};
use crate::error::{AccessError, Answer};
use crate::policy::{Permission, Scope};
use crate::session::Caller;

/// Characters of the hash of a link's secret that name it: they tell nothing of the secret.
const ID_CHARACTERS: usize = 32;

/// An invitation that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvitation {
    pub id: String,
    pub email: String,
    /// One project; `None` for the organisation and all its projects.
    pub project: Option<String>,
    pub role: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

impl Access {
    /// Those of an organisation that may still be accepted, by their ids.
    pub fn invitations<'a>(&'a self, organisation: &'a str) -> Answer<'a, Vec<OpenInvitation>> {
        Box::pin(async move {
            let query = "SELECT hash, email, detail, created_at, expires_at FROM links
                WHERE purpose = $1 AND used_at IS NULL AND expires_at > $2 ORDER BY hash";
            let query = statement(query).bind(Purpose::Invitation.name()).bind(self.now());
            let rows = self.database().read(query).await?;
            let open: Result<Vec<_>, AccessError> = rows.iter().map(|row| open(row, organisation)).collect();
            Ok(open?.into_iter().flatten().collect())
        })
    }

    /// Takes an invitation back: its link is worthless at once.
    pub fn withdraw_invitation<'a>(
        &'a self,
        caller: &'a Caller,
        organisation: &'a str,
        id: &'a str,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            let scope = Scope::Organisation(organisation);
            self.authorise(caller, Permission::MembersWrite, scope, origin).await?;
            let open = self.invitations(organisation).await?;
            let invitation = open.into_iter().find(|open| open.id == id).ok_or(AccessError::NotFound("invitation"))?;
            let mut transaction = self.database().write().await?;
            let update =
                "UPDATE links SET used_at = $1 WHERE substr(hash, 1, 32) = $2 AND purpose = $3 AND used_at IS NULL";
            let update = statement(update).bind(self.now()).bind(id).bind(Purpose::Invitation.name());
            if transaction.execute(update).await? == 0 {
                return Err(AccessError::NotFound("invitation"));
            }
            let act = Act::new(caller.actor.clone(), "invitation.withdraw", origin).on("email", &invitation.email);
            let act = act.within(organisation, invitation.project.unwrap_or_default());
            self.record(&mut transaction, act.before(&json!({ "role": invitation.role }))).await?;
            Ok(transaction.commit().await?)
        })
    }
}

/// The invitation of a link, if it is into this organisation.
fn open(row: &Row, organisation: &str) -> Result<Option<OpenInvitation>, AccessError> {
    let detail: String = row.get("detail")?;
    let invitation: Invitation = serde_json::from_str(&detail).map_err(|_| AccessError::Damaged("an invitation"))?;
    if invitation.organisation != organisation {
        return Ok(None);
    }
    let hash: String = row.get("hash")?;
    Ok(Some(OpenInvitation {
        id: hash.chars().take(ID_CHARACTERS).collect(),
        email: row.get("email")?,
        project: Some(invitation.project).filter(|project| !project.is_empty()),
        role: invitation.role,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    }))
}
