//! The first owner of an installation, who asks and writes.

use serde_json::{Value, json};

use crate::error::BenchError;
use crate::http::{Connection, request};
use crate::server::Server;

pub const EMAIL: &str = "owner@example.org";
pub const PASSWORD: &str = "mein Rad hat drei Raeder";

/// An owner who has just signed in.
pub struct Owner {
    pub token: String,
    pub organisation: String,
}

impl Owner {
    /// By the printed link.
    pub async fn first(server: &Server) -> Result<Owner, BenchError> {
        let body = json!({"secret": server.first_owner_secret()?, "email": EMAIL, "name": "Olga", "password": PASSWORD,
                          "organisation": "Example", "project": "default"});
        let grant = ask(server, "POST", "/v1/first-owner", "", "", &body.to_string()).await?;
        let token = text(&grant, "/access_token")?;
        let organisations = ask(server, "GET", "/v1/organisations", &token, "", "").await?;
        Ok(Owner { organisation: text(&organisations, "/items/0/id")?, token })
    }
}

fn text(value: &Value, place: &str) -> Result<String, BenchError> {
    let found = value.pointer(place).and_then(Value::as_str);
    found.map(str::to_owned).ok_or(BenchError::Shape("the owner's answer"))
}

/// One exchange; anything but success is an error. `more` are whole lines of the head.
pub async fn ask(
    server: &Server,
    method: &str,
    path: &str,
    token: &str,
    more: &str,
    body: &str,
) -> Result<Value, BenchError> {
    let mut connection = Connection::open(server.address).await?;
    connection.send(request(method, path, token, more, body).as_bytes()).await?;
    let (status, answer) = connection.answer().await?;
    if !(200..300).contains(&status) {
        let body = String::from_utf8_lossy(answer).into_owned();
        return Err(BenchError::Answer { path: path.to_owned(), status, body });
    }
    serde_json::from_slice(answer).map_err(|_| BenchError::Shape("an answer"))
}
