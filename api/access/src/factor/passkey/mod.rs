//! Passkeys (WebAuthn 3): as the only factor, as the second, or for a step-up. Signatures by ring; no attestation is asked for.

mod ceremony;
mod credential;
#[cfg(test)]
mod tests;

use ceremony::{Ceremony, Party, authenticator_data_of, challenge_of, octets, read_authenticator_data, signed_message};
use credential::{ALGORITHMS, PublicKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Purpose;
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::database::{DatabaseError, Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::secret::base64url;
use crate::session::Tokens;

/// What a browser returns from `navigator.credentials.create()`, fields in URL-safe base64.
#[derive(Debug, Clone, Deserialize)]
pub struct PasskeyRegistration {
    pub client_data_json: String,
    pub attestation_object: String,
}

/// What a browser returns from `navigator.credentials.get()`, fields in URL-safe base64.
#[derive(Debug, Clone, Deserialize)]
pub struct PasskeyResponse {
    pub id: String,
    pub client_data_json: String,
    pub authenticator_data: String,
    pub signature: String,
}

impl Access {
    /// Options for `navigator.credentials.create()`, in the JSON that `parseCreationOptionsFromJSON` takes.
    pub fn begin_passkey_registration<'a>(&'a self, account: &'a str) -> Answer<'a, Value> {
        Box::pin(async move {
            let owner = self.account(account).await?;
            let challenge = self.open_challenge(Purpose::RegisterPasskey, Some(account)).await?;
            let known = "SELECT id FROM passkeys WHERE account_id = $1";
            let known = self.database().read(statement(known).bind(account)).await?;
            let known = known.iter().map(|row| Ok(json!({ "type": "public-key", "id": row.get::<String>("id")? })));
            let known: Vec<Value> = known.collect::<Result<_, AccessError>>()?;
            Ok(json!({
                "challenge": challenge,
                "rp": { "id": self.party()?.id, "name": "Footfall" },
                "user": { "id": base64url(account.as_bytes()), "name": owner.email, "displayName": owner.name },
                "pubKeyCredParams": ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg })),
                "excludeCredentials": known,
                "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
                "attestation": "none",
                "timeout": 300_000,
            }))
        })
    }

    /// Adds the passkey that was made. The caller has checked the step-up where the account has a factor already.
    pub fn finish_passkey_registration<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
        response: &'a PasskeyRegistration,
        origin: &'a Origin,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            crate::account::sign_up::check_name(name)?;
            let party = self.party()?;
            let client_data = octets(&response.client_data_json).ok_or(AccessError::Factor)?;
            let challenge = challenge_of(&client_data, Ceremony::Create, &party).ok_or(AccessError::Factor)?;
            let attempt = self.attempt_challenge(Purpose::RegisterPasskey, &challenge).await?;
            if attempt.account.as_deref() != Some(account) {
                return Err(AccessError::Factor);
            }
            let made = octets(&response.attestation_object).and_then(|object| authenticator_data_of(&object));
            let made = made.and_then(|data| read_authenticator_data(&data, &party)).ok_or(AccessError::Factor)?;
            let (id, key) = made.credential.ok_or(AccessError::Factor)?;
            let mut transaction = self.database().write().await?;
            self.close_challenge(&mut transaction, &attempt).await?;
            let insert = "INSERT INTO passkeys (id, account_id, public_key, sign_count, backed_up, name, created_at)
                          VALUES ($1, $2, $3, $4, $5, $6, $7)";
            let insert = statement(insert).bind(base64url(&id)).bind(account).bind(key.to_text());
            let insert = insert.bind(i64::from(made.sign_count)).bind(i64::from(made.backed_up)).bind(name.trim());
            match transaction.execute(insert.bind(self.now())).await {
                Err(DatabaseError::Unique) => return Err(AccessError::Conflict("this passkey is registered already")),
                other => drop(other?),
            }
            self.factors_changed(&mut transaction, account, "a passkey was added", "passkey.add", origin).await?;
            self.commit(transaction).await
        })
    }

    /// Removes a passkey. The caller has checked the step-up. The last way in stays.
    pub fn remove_passkey<'a>(&'a self, account: &'a str, id: &'a str, origin: &'a Origin) -> Answer<'a, ()> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let delete = statement("DELETE FROM passkeys WHERE id = $1 AND account_id = $2").bind(id).bind(account);
            if transaction.execute(delete).await? == 0 {
                return Err(AccessError::NotFound("passkey"));
            }
            let stranded = "SELECT id FROM accounts WHERE id = $1 AND password_hash IS NULL
                            AND NOT EXISTS (SELECT 1 FROM passkeys WHERE account_id = $1)";
            if transaction.one(statement(stranded).bind(account)).await?.is_some() {
                return Err(AccessError::Conflict("it is the only way into this account; set a password first"));
            }
            self.factors_changed(&mut transaction, account, "a passkey was removed", "passkey.remove", origin).await?;
            self.commit(transaction).await
        })
    }

    /// Options for `navigator.credentials.get()`. They name no passkeys, so they tell nothing about any account.
    pub fn begin_passkey_use(&self) -> Answer<'_, Value> {
        Box::pin(async move {
            let challenge = self.open_challenge(Purpose::UsePasskey, None).await?;
            let id = self.party()?.id;
            Ok(json!({ "challenge": challenge, "rpId": id, "userVerification": "required", "timeout": 300_000 }))
        })
    }

    /// Signs in by passkey alone: what one has, and what one knows or is.
    pub fn sign_in_with_passkey<'a>(&'a self, response: &'a PasskeyResponse, origin: &'a Origin) -> Answer<'a, Tokens> {
        Box::pin(async move {
            let mut transaction = self.database().write().await?;
            let account = match self.check_passkey(&mut transaction, None, response).await {
                Ok(account) => account,
                Err(AccessError::Factor) => {
                    drop(transaction);
                    let act = Act::new(Actor::Anonymous, "session.create", origin).on("factor", "passkey");
                    self.record_alone(act.refused()).await?;
                    return Err(AccessError::Factor);
                }
                Err(other) => return Err(other),
            };
            let tokens = self.begin_session(&mut transaction, &account, true, origin).await?;
            let act = Act::new(Actor::Account(account), "session.create", origin).on("session", &tokens.session);
            self.record(&mut transaction, act.after(&json!({ "by": ["passkey"] }))).await?;
            self.commit(transaction).await?;
            Ok(tokens)
        })
    }

    /// Checks a response and spends its challenge in `transaction`; returns whose passkey it was.
    pub(super) async fn check_passkey(
        &self,
        transaction: &mut Transaction,
        account: Option<&str>,
        response: &PasskeyResponse,
    ) -> Result<String, AccessError> {
        let party = self.party()?;
        let client_data = octets(&response.client_data_json).ok_or(AccessError::Factor)?;
        let challenge = challenge_of(&client_data, Ceremony::Get, &party).ok_or(AccessError::Factor)?;
        self.spend_passkey_challenge(transaction, &challenge).await?;
        let query = "SELECT account_id, public_key FROM passkeys JOIN accounts ON accounts.id = account_id
                     WHERE passkeys.id = $1 AND disabled_at IS NULL";
        let row = transaction.one(statement(query).bind(&response.id)).await?.ok_or(AccessError::Factor)?;
        let owner: String = row.get("account_id")?;
        if account.is_some_and(|account| account != owner) {
            return Err(AccessError::Factor);
        }
        let key = PublicKey::from_text(&row.get::<String>("public_key")?).ok_or(AccessError::Damaged("a passkey"))?;
        let bytes = octets(&response.authenticator_data).ok_or(AccessError::Factor)?;
        let data = read_authenticator_data(&bytes, &party).ok_or(AccessError::Factor)?;
        let signature = octets(&response.signature).ok_or(AccessError::Factor)?;
        if !key.verifies(&signed_message(&bytes, &client_data), &signature) {
            return Err(AccessError::Factor);
        }
        // A counter that does not grow means a copied authenticator (WebAuthn 3, 7.2 step 22); synced passkeys stay at 0.
        let count = i64::from(data.sign_count);
        let update = "UPDATE passkeys SET sign_count = $1, last_used_at = $2, backed_up = $3
                      WHERE id = $4 AND (sign_count < $1 OR (sign_count = 0 AND $1 = 0))";
        let update = statement(update).bind(count).bind(self.now()).bind(i64::from(data.backed_up));
        let updated = transaction.execute(update.bind(&response.id)).await?;
        if updated == 1 { Ok(owner) } else { Err(AccessError::Factor) }
    }

    /// In the caller's transaction: counting the attempt apart would wait for SQLite's one writer, which the caller holds.
    /// A refused response so leaves its challenge open; guessing a signature is not what a limit of attempts is for.
    async fn spend_passkey_challenge(&self, transaction: &mut Transaction, challenge: &str) -> Result<(), AccessError> {
        let spend = "UPDATE challenges SET used_at = $1
                     WHERE hash = $2 AND purpose = 'use_passkey' AND used_at IS NULL AND expires_at > $1";
        let hash = crate::secret::sha256_hex(challenge.as_bytes());
        let spent = transaction.execute(statement(spend).bind(self.now()).bind(hash)).await?;
        if spent == 1 { Ok(()) } else { Err(AccessError::Factor) }
    }

    fn party(&self) -> Result<Party, AccessError> {
        let broken = || AccessError::invalid("public_url", "it is no http or https address");
        let url = url::Url::parse(&self.settings().public_url).map_err(|_| broken())?;
        let id = url.host_str().ok_or_else(broken)?.to_owned();
        Ok(Party { origin: url.origin().ascii_serialization(), id })
    }
}
