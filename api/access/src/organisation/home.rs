//! The organisation of an installation that nobody owns yet: keys and projects have to belong somewhere before the first owner
//! comes. Whoever becomes the first owner takes it over.

use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{Row, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::secret::new_id;

use super::check_project_id;

/// Its name until an owner gives it one.
const NAME: &str = "My organisation";

const OLDEST: &str = "SELECT id FROM organisations ORDER BY created_at, id LIMIT 1";
const UNOWNED: &str = "SELECT id FROM organisations WHERE NOT EXISTS
                       (SELECT 1 FROM members WHERE members.organisation_id = organisations.id)
                       ORDER BY created_at, id LIMIT 1";

impl Access {
    /// Makes the project `id` in the installation's oldest organisation where there is no such project, and an organisation
    /// where there is none. Returns the organisation of the project. For commands of the operator.
    pub fn home_of_project<'a>(&'a self, id: &'a str, origin: &'a Origin) -> Answer<'a, String> {
        Box::pin(async move {
            check_project_id(id)?;
            let mut transaction = self.database().write().await?;
            // Two processes may start at once: one after the other.
            transaction.execute(statement("UPDATE change_head SET sequence = sequence")).await?;
            let known = statement("SELECT organisation_id AS id FROM projects WHERE id = $1").bind(id);
            if let Some(row) = transaction.one(known).await? {
                return Ok(row.get("id")?);
            }
            let organisation = match transaction.one(statement(OLDEST)).await? {
                Some(row) => row.get("id")?,
                None => self.insert_unowned(&mut transaction).await?,
            };
            self.insert_project(&mut transaction, &organisation, id, id).await?;
            self.note(&mut transaction, Change::Organisation, &organisation).await?;
            let act = Act::new(Actor::Operator, "project.create", origin).on("project", id).within(&organisation, id);
            self.record(&mut transaction, act).await?;
            self.commit(transaction).await?;
            Ok(organisation)
        })
    }

    async fn insert_unowned(&self, transaction: &mut Transaction) -> Result<String, AccessError> {
        let (id, now) = (new_id(), self.now());
        let insert = statement("INSERT INTO organisations (id, name, created_at) VALUES ($1, $2, $3)");
        transaction.execute(insert.bind(&id).bind(NAME).bind(now)).await?;
        Ok(id)
    }

    /// The organisation that has waited for its owner; `account` owns it from now on.
    pub(super) async fn take_over_unowned(
        &self,
        transaction: &mut Transaction,
        name: &str,
        account: &str,
    ) -> Result<Option<String>, AccessError> {
        let Some(row) = transaction.one(statement(UNOWNED)).await? else { return Ok(None) };
        let (id, now): (String, _) = (row.get("id")?, self.now());
        let update = statement("UPDATE organisations SET name = $1, version = version + 1 WHERE id = $2");
        transaction.execute(update.bind(name.trim()).bind(&id)).await?;
        let owns = "INSERT INTO members (organisation_id, account_id, role, created_at) VALUES ($1, $2, 'owner', $3)";
        transaction.execute(statement(owns).bind(&id).bind(account).bind(now)).await?;
        Ok(Some(id))
    }

    /// True when the project is one of the organisation already.
    pub(super) async fn has_project(
        &self,
        transaction: &mut Transaction,
        organisation: &str,
        id: &str,
    ) -> Result<bool, AccessError> {
        let query = statement("SELECT organisation_id FROM projects WHERE id = $1").bind(id);
        let owner = transaction.one(query).await?.map(|row: Row| row.get::<String>("organisation_id")).transpose()?;
        Ok(owner.is_some_and(|owner| owner == organisation))
    }
}
