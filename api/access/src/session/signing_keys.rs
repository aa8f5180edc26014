//! The keys that sign access tokens: sealed in the database, rotated without logging anybody out, published as JWKS.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use footfall_ingest_activity::Timestamp;
use ring::signature::Ed25519KeyPair;
use serde_json::json;

use super::jwt::public_key;
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::{Transaction, statement};
use crate::error::{AccessError, Answer};
use crate::secret::{base64url, from_base64url, new_id, random};

/// A new key signs only after this long: by then every process has read it, so that none refuses its first tokens.
const SETTLE_MILLIS: i64 = 2_000;

struct SigningKey {
    id: String,
    pair: Ed25519KeyPair,
    signs_from: Timestamp,
}

/// The keys whose tokens may be in force.
#[derive(Default)]
pub(crate) struct SigningKeys {
    /// Oldest first.
    own: Vec<SigningKey>,
    public: HashMap<String, Vec<u8>>,
}

impl SigningKeys {
    /// The key that signs at `now`: the newest that has settled.
    pub(super) fn signer(&self, now: Timestamp) -> Option<(&str, &Ed25519KeyPair)> {
        let settled = self.own.iter().rev().find(|key| key.signs_from <= now);
        settled.or(self.own.first()).map(|key| (key.id.as_str(), &key.pair))
    }

    pub(super) fn public_key(&self, id: &str) -> Option<&[u8]> {
        self.public.get(id).map(Vec::as_slice)
    }
}

impl Access {
    /// The public keys as a JWK set (RFC 7517; RFC 8037 for Ed25519).
    pub fn jwks(&self) -> serde_json::Value {
        let keys = self.signing_keys();
        let jwk = |key: &SigningKey| {
            let x = base64url(public_key(&key.pair));
            json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": x })
        };
        json!({ "keys": keys.own.iter().map(jwk).collect::<Vec<_>>() })
    }

    /// Makes a new signing key. Tokens of the old ones stay good until they expire.
    pub fn rotate_signing_keys<'a>(&'a self, actor: Actor, origin: &'a Origin) -> Answer<'a, String> {
        Box::pin(async move {
            let from = self.now().plus_millis(SETTLE_MILLIS);
            let mut transaction = self.database().write().await?;
            let retire = statement("UPDATE signing_keys SET retired_at = $1 WHERE retired_at IS NULL").bind(from);
            transaction.execute(retire).await?;
            let id = self.insert_signing_key(&mut transaction, from).await?;
            self.note(&mut transaction, Change::SigningKeys, &id).await?;
            self.record(&mut transaction, Act::new(actor, "signing_key.rotate", origin).on("signing_key", &id)).await?;
            self.commit(transaction).await?;
            Ok(id)
        })
    }

    /// Makes the first key of an empty database.
    pub(crate) async fn first_signing_key(&self) -> Result<(), AccessError> {
        let mut transaction = self.database().write().await?;
        if transaction.one(statement("SELECT id FROM signing_keys LIMIT 1")).await?.is_none() {
            let id = self.insert_signing_key(&mut transaction, self.now()).await?;
            self.note(&mut transaction, Change::SigningKeys, &id).await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn insert_signing_key(&self, transaction: &mut Transaction, from: Timestamp) -> Result<String, AccessError> {
        let (id, seed) = (new_id(), random::<32>()?);
        let pair = key_pair(&seed)?;
        let insert =
            "INSERT INTO signing_keys (id, public_key, sealed, created_at, signs_from) VALUES ($1, $2, $3, $4, $5)";
        let sealed = self.vault().seal(&context(&id), &seed)?;
        let insert = statement(insert).bind(&id).bind(base64url(public_key(&pair))).bind(sealed);
        transaction.execute(insert.bind(self.now()).bind(from)).await?;
        Ok(id)
    }

    pub(crate) async fn load_signing_keys(&self) -> Result<(), AccessError> {
        // A retired key is needed until the last token it signed has expired.
        let needed = self.now().plus_millis(-2 * self.settings().access_token_millis);
        let query = "SELECT id, public_key, sealed, signs_from FROM signing_keys
                     WHERE retired_at IS NULL OR retired_at > $1 ORDER BY signs_from, id";
        let rows = self.database().read(statement(query).bind(needed)).await?;
        let mut keys = SigningKeys::default();
        for row in rows {
            let id: String = row.get("id")?;
            let seed = self.vault().unseal(&context(&id), &row.get::<String>("sealed")?)?;
            let pair = key_pair(&seed)?;
            // The clear column is for people who look; what is published derives from the sealed half.
            if from_base64url(&row.get::<String>("public_key")?).as_deref() != Some(public_key(&pair)) {
                return Err(AccessError::Damaged("a signing key"));
            }
            keys.public.insert(id.clone(), public_key(&pair).to_vec());
            keys.own.push(SigningKey { id, pair, signs_from: row.time("signs_from")? });
        }
        *self.memory().signing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        self.memory().verified.forget_all();
        Ok(())
    }

    pub(super) fn signing_keys(&self) -> Arc<SigningKeys> {
        self.memory().signing.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn key_pair(seed: &[u8]) -> Result<Ed25519KeyPair, AccessError> {
    Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| AccessError::Damaged("a signing key"))
}

fn context(id: &str) -> String {
    format!("signing_keys/{id}")
}
