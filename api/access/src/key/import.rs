//! From the key file of earlier versions (`keys.json`) into the database. Keys keep their texts: only hashes were and are kept,
//! and they are the same hashes.

use footfall_ingest_activity::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::KeyKind;
use crate::access::Access;
use crate::audit::{Act, Actor, Origin};
use crate::changes::Change;
use crate::database::statement;
use crate::error::{AccessError, Answer};
use crate::organisation::check_project_id;

/// A key as the file has it.
#[derive(Deserialize)]
struct FileKey {
    id: String,
    kind: KeyKind,
    project: String,
    #[serde(default)]
    name: String,
    hash: String,
    hint: String,
    created_at: Timestamp,
    #[serde(default)]
    revoked_at: Option<Timestamp>,
}

impl Access {
    /// Takes over the write and read keys of `keys.json`; their projects are made in `organisation` where they are missing.
    /// Keys that are there already are left alone, so it may run again. Returns how many were new.
    pub fn import_key_file<'a>(&'a self, organisation: &'a str, json: &'a [u8], origin: &'a Origin) -> Answer<'a, u64> {
        Box::pin(async move {
            let refuse = |problem: String| AccessError::invalid("keys.json", problem);
            let keys: Vec<FileKey> = serde_json::from_slice(json).map_err(|error| refuse(error.to_string()))?;
            for key in &keys {
                check_project_id(&key.project)?;
                let hash_is_one = key.hash.len() == 64 && key.hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !hash_is_one || !matches!(key.kind, KeyKind::Write | KeyKind::Read) {
                    return Err(refuse(format!("key {} is none of a write or read key", key.id)));
                }
            }
            let (mut transaction, mut added) = (self.database().write().await?, 0);
            for key in &keys {
                let query = statement("SELECT organisation_id FROM projects WHERE id = $1").bind(&key.project);
                match transaction.one(query).await? {
                    None => self.insert_project(&mut transaction, organisation, &key.project, &key.project).await?,
                    Some(row) if row.get::<String>("organisation_id")? == organisation => {}
                    Some(_) => {
                        return Err(AccessError::Conflict("a project of the file belongs to another organisation"));
                    }
                }
                let insert =
                    "INSERT INTO keys (id, hash, kind, organisation_id, project_id, account_id, name, hint, scopes,
                                  created_at, created_by, revoked_at)
                              VALUES ($1, $2, $3, $4, $5, '', $6, $7, '[]', $8, 'keys.json', $9) ON CONFLICT DO NOTHING";
                let insert = statement(insert).bind(&key.id).bind(key.hash.to_lowercase()).bind(key.kind.name());
                let insert = insert.bind(organisation).bind(&key.project).bind(&key.name).bind(&key.hint);
                added += transaction.execute(insert.bind(key.created_at).bind(key.revoked_at)).await?;
                self.note(&mut transaction, Change::Key, &key.id).await?;
            }
            self.note(&mut transaction, Change::Organisation, organisation).await?;
            let act = Act::new(Actor::Operator, "key.import", origin).within(organisation, "");
            self.record(&mut transaction, act.after(&json!({ "keys": added }))).await?;
            self.commit(transaction).await?;
            Ok(added)
        })
    }
}
