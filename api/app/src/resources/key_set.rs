//! The public keys of access tokens as a JWK set (RFC 7517).

use axum::extract::State;
use footfall_api_http::{Problem, Routes, Told, get, public};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::gate::Gate;
use crate::permission::May;

/// A JWK set.
#[derive(Serialize, JsonSchema)]
struct KeySet {
    keys: Vec<Value>,
}

pub(crate) fn routes() -> Routes<Gate, May> {
    let open = public("Public keys are public.");
    let about = "The keys by which others can verify access tokens.";
    Routes::new("key set", "Keys of access tokens.", [get("/.well-known/jwks.json", open, show, about)])
}

async fn show(State(gate): State<Gate>) -> Result<Told<KeySet>, Problem> {
    let keys = gate.access.jwks()["keys"].as_array().cloned().unwrap_or_default();
    Ok(Told(KeySet { keys }))
}
