//! Accounts, roles and keys on the running program: the first owner, what a role sees in SQL, keys that end, the shell's mending.

use hyper::Method;
use serde_json::{Value, json};

use crate::http::Answer;
use crate::server::Server;
use crate::store;

pub const PASSWORD: &str = "mein Rad hat drei Räder";

/// Somebody who is signed in to the API.
pub struct Person<'a> {
    pub server: &'a Server,
    pub token: String,
}

impl Person<'_> {
    pub async fn call(&self, method: Method, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers =
            [("authorization", bearer.as_str()), ("content-type", "application/json"), ("accept", "application/json")];
        let url = format!("{}{path}", self.server.url());
        self.server.http.send(method, &url, &headers, body.to_string()).await.expect("an answer")
    }

    /// Changes what there is, whatever its revision.
    pub async fn changing(&self, method: Method, path: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json"), ("if-match", "*")];
        let url = format!("{}{path}", self.server.url());
        self.server.http.send(method, &url, &headers, body.to_string()).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, body).await;
        assert!(answer.status < 300, "{path}: {}", answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    async fn ask(&self, sql: &str) -> Answer {
        self.call(Method::POST, "/v1/projects/default/sql", json!({ "sql": sql })).await
    }

    async fn rows(&self, sql: &str) -> Value {
        let answer = self.ask(sql).await;
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
        answer.json()["rows"].clone()
    }
}

pub fn stranger(server: &Server) -> Person<'_> {
    Person { server, token: "nobody".into() }
}

/// The secret of the last link in a text.
fn secret_in(text: &str, purpose: &str) -> String {
    let link = text.rsplit(&format!("/account/{purpose}#")).next().expect("a link");
    link.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect()
}

pub fn token_of(grant: &Value) -> String {
    grant["access_token"].as_str().unwrap_or_else(|| panic!("no token: {grant}")).to_owned()
}

pub async fn owner(server: &Server) -> Person<'_> {
    owner_told_by(server, &server.with_api()).await
}

/// The first owner, where several processes have printed a link and the last one alone is good.
pub async fn owner_told_by<'a>(server: &'a Server, told_by: &[&Server]) -> Person<'a> {
    for teller in told_by {
        let answer = stranger(server).call(Method::POST, "/v1/first-owner", first_owner(teller)).await;
        if answer.status < 300 {
            return Person { server, token: token_of(&answer.json()) };
        }
        assert!(told_by.len() > 1, "/v1/first-owner: {}", answer.text());
    }
    panic!("none of the links is good")
}

fn first_owner(teller: &Server) -> Value {
    let secret = secret_in(&teller.said(), "first-owner");
    json!({"secret": secret, "email": "owner@example.org", "name": "Olga", "password": PASSWORD,
                      "organisation": "Example", "project": "default"})
}

/// The link of the mail that came to `address`.
pub async fn mailed(server: &Server, address: &str, purpose: &str) -> String {
    mailed_by(&server.with_api(), address, purpose).await
}

/// The same, where one of several processes has sent what waits.
pub async fn mailed_by(senders: &[&Server], address: &str, purpose: &str) -> String {
    let started = std::time::Instant::now();
    loop {
        let folders = senders.iter().map(|one| std::fs::read_dir(one.data().join("mails")));
        let texts = folders
            .flatten()
            .flatten()
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "txt"));
        let mut texts = texts.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
        if let Some(text) = texts.find(|text| text.contains(address) && text.contains(purpose)) {
            return secret_in(&text, purpose);
        }
        assert!(started.elapsed() < crate::server::DEADLINE, "no mail to {address}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_first_owner_comes_by_the_printed_link_and_asks() {
    let mut server = Server::start().await;
    server.post(&json!({"event": "visit", "distinctId": "ada"})).await;
    server.until("SELECT count(*) FROM activity", 1).await;
    {
        let owner = owner(&server).await;
        assert_eq!(owner.rows("SELECT event, distinct_id FROM activity").await, json!([["visit", "ada"]]));
        let organisations = owner.get("/v1/organisations").await;
        assert_eq!(organisations["items"].as_array().map(Vec::len), Some(1), "the one that waited: {organisations}");
        assert_eq!(organisations["items"][0]["name"], "Example");
        let keys = owner.get("/v1/projects/default/keys").await;
        assert_eq!(keys["items"].as_array().map(Vec::len), Some(2), "made by the command before: {keys}");
        let document = owner.get("/openapi.json").await;
        assert!(document["paths"]["/v1/projects/{project}/sql"].is_object());
    }
    server.stop().await;
    server.restart().await;
    for one in server.with_api() {
        let said = one.said();
        let last_start = said.rsplit("Footfall listens on").next().unwrap();
        assert!(!last_start.contains("first-owner"), "it is owned: {last_start}");
    }
}

#[tokio::test]
async fn a_role_sees_its_rows_and_nothing_that_is_masked() {
    let server = Server::start().await;
    let rows = json!([
        {"event": "visit", "distinctId": "ada", "properties": {"email": "ada@example.org", "plan": "pro"}},
        {"event": "visit", "distinctId": "bob", "properties": {"email": "bob@example.org", "plan": "free"}},
        {"event": "salary", "distinctId": "bob", "properties": {"amount": 1}},
    ]);
    assert_eq!(server.post(&rows).await.json()["accepted"], 3);
    server.until("SELECT count(*) FROM activity", 3).await;
    let owner = owner(&server).await;
    let organisation = owner.get("/v1/organisations").await["items"][0]["id"].as_str().unwrap().to_owned();
    let role = json!({"name": "Partner", "permissions": ["sql.run", "activity.read"], "masks": ["email"],
                      "rows": {"is": {"value": {"column": "event"}, "one_of": ["visit"]}}});
    let role = owner.post(&format!("/v1/organisations/{organisation}/roles"), role).await;
    let invitation = json!({"email": "pia@example.org", "role": role["id"], "project": "default"});
    owner.post(&format!("/v1/organisations/{organisation}/invitations"), invitation).await;
    let secret = mailed(&server, "pia@example.org", "invitation").await;
    let accepted = json!({"secret": secret, "name": "Pia", "password": PASSWORD});
    let accepted = stranger(&server).post("/v1/invitations/acceptance", accepted).await;
    let partner = Person { server: &server, token: token_of(&accepted["session"]) };

    let seen = partner.rows("SELECT event, properties->>'plan', properties->>'email' FROM activity ORDER BY 2").await;
    assert_eq!(seen, json!([["visit", "free", null], ["visit", "pro", null]]));
    let hidden = partner.rows("SELECT count(*) FROM activity WHERE properties LIKE '%example.org%'").await;
    assert_eq!(hidden, json!([[0]]));
    for table in ["persons", "sessions", "quarantine"] {
        let answer = partner.ask(&format!("SELECT * FROM {table}")).await;
        assert_eq!(answer.json()["code"], "unknown_table", "{table}: {}", answer.text());
    }
    let live = partner.call(Method::GET, "/v1/projects/default/live", Value::Null).await;
    assert_eq!((live.status, &live.json()["code"]), (403, &json!("live_restricted")));
    let keys = partner.call(Method::GET, "/v1/projects/default/keys", Value::Null).await;
    assert_eq!((keys.status, &keys.json()["code"]), (403, &json!("permission_missing")));
    assert_eq!(owner.rows("SELECT count(*) FROM activity").await, json!([[3]]));
}

#[tokio::test]
async fn a_key_that_a_command_makes_or_revokes_counts_at_once() {
    let server = Server::start().await;
    let read = server.key("read");
    let asked = Person { server: &server, token: read.clone() };
    let ask = || asked.call(Method::POST, "/v1/sql", json!({"sql": "SELECT 1"}));
    assert_eq!(ask().await.status, 200);
    let listed = String::from_utf8(server.run(&["keys", "list"]).stdout).unwrap();
    let line = listed.lines().find(|line| line.contains(&read[read.len() - 4..])).expect("it is listed");
    assert!(!listed.contains(&read), "the text of a key is shown once");
    assert!(server.run(&["keys", "revoke", line.split(' ').next().unwrap()]).status.success());
    let refused = ask().await;
    assert_eq!((refused.status, &refused.json()["code"]), (401, &json!("token_refused")));
}

/// A session has ended: at once where one process does everything, a moment later in another one.
async fn is_out(person: &Person<'_>) {
    let status = || async { person.call(Method::GET, "/v1/account", Value::Null).await.status };
    if store::is_services() {
        person.server.eventually("the session has ended", || async { status().await == 401 }).await;
    }
    assert_eq!(status().await, 401, "the session has ended");
}

#[tokio::test]
async fn whoever_runs_it_mends_accounts_from_the_shell() {
    let server = Server::start().await;
    let owner = owner(&server).await;
    let account = owner.get("/v1/account").await;
    let accounts = String::from_utf8(server.run(&["admin", "accounts"]).stdout).unwrap();
    assert!(accounts.contains("owner@example.org") && accounts.contains(account["id"].as_str().unwrap()), "{accounts}");
    assert_eq!(server.run(&["admin", "first-owner"]).status.code(), Some(2), "there is one already");
    assert_eq!(server.run(&["admin", "disable", "nobody@example.org"]).status.code(), Some(2));

    let link = String::from_utf8(server.run(&["admin", "reset-password", "owner@example.org"]).stdout).unwrap();
    let new = "ein anderes Rad mit Klingel";
    let body = json!({"secret": secret_in(&link, "reset-password"), "password": new});
    stranger(&server).post("/v1/password/reset", body).await;
    is_out(&owner).await;
    let sign_in = json!({"email": "owner@example.org", "password": new});
    let grant = stranger(&server).post("/v1/sign-in", sign_in.clone()).await;
    let again = Person { server: &server, token: token_of(&grant["session"]) };
    again.get("/v1/account").await;

    assert!(server.run(&["admin", "disable", "owner@example.org"]).status.success());
    is_out(&again).await;
    assert_eq!(stranger(&server).call(Method::POST, "/v1/sign-in", sign_in.clone()).await.status, 401);
    assert!(server.run(&["admin", "enable", "owner@example.org"]).status.success());
    assert_eq!(stranger(&server).call(Method::POST, "/v1/sign-in", sign_in).await.status, 200);
}

#[tokio::test]
async fn a_changed_audit_record_is_located() {
    let mut server = Server::start().await;
    owner(&server).await;
    server.stop().await;
    let whole = server.run(&["audit", "verify"]);
    let said = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(whole.status.success() && said.trim().ends_with(" 0 faults"), "{said}");
    let exported = String::from_utf8(server.run(&["audit", "export"]).stdout).unwrap();
    let records: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(records.iter().any(|record| record["action"] == "key.create"), "{exported}");
    assert!(!exported.contains(server.read_key()) && !exported.contains(PASSWORD), "a secret is in the audit");

    let tamper = "import sqlite3, sys\n\
        c = sqlite3.connect(sys.argv[1])\n\
        [c.execute(f'DROP TRIGGER {n}') for (n,) in c.execute(\"SELECT name FROM sqlite_master WHERE type = 'trigger'\").fetchall()]\n\
        c.execute(\"UPDATE audit SET action = 'nothing' WHERE sequence = 2\")\n\
        c.commit()";
    let tampering = match server.setting("FOOTFALL_DATABASE_URL") {
        None => {
            std::process::Command::new("python3").args(["-c", tamper]).arg(server.data().join("footfall.db")).output()
        }
        Some(url) => std::process::Command::new("psql")
            .args([
                "--no-psqlrc",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                url,
                "-c",
                "DROP TRIGGER audit_is_not_changed ON audit",
            ])
            .args(["-c", "UPDATE audit SET action = 'nothing' WHERE sequence = 2"])
            .output(),
    };
    let Ok(tampered) = tampering else { return crate::gear::skip("tampering with the audit", "no python3 or psql") };
    assert!(tampered.status.success(), "{}", String::from_utf8_lossy(&tampered.stderr));
    let broken = server.run(&["audit", "verify"]);
    let said = String::from_utf8_lossy(&broken.stdout).into_owned();
    assert!(!broken.status.success() && said.contains("record 2 was changed"), "{said}");
}

#[tokio::test]
async fn the_keys_of_an_earlier_version_stay_in_force() {
    // Keys of 43 characters as earlier versions made them, and their SHA-256.
    let key = |letter: &str| format!("ff{letter}_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO-_");
    let record = |kind: &str, hash: &str| {
        json!({"id": format!("old-{kind}"), "kind": kind, "project": "shop", "name": "web", "hash": hash,
               "hint": "NO-_", "created_at": 1_700_000_000_000_i64})
    };
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let file = json!([record("write", WRITE_HASH), record("read", READ_HASH)]);
    std::fs::write(data.join("keys.json"), file.to_string()).unwrap();
    let mut server = Server::prepare(data.clone(), &[]);
    server.restart().await;
    assert!(!data.join("keys.json").exists() && data.join("keys.json.taken").exists());
    // One process has taken them; the others know them a moment later.
    server.knows(&key("r"), &key("w"));
    let writer = Person { server: &server, token: key("w") };
    writer.post("/v1/activity", json!({"event": "visit", "distinctId": "ada"})).await;
    let reader = Person { server: &server, token: key("r") };
    let answer = reader.post("/v1/sql", json!({"sql": "SELECT 1 AS one"})).await;
    assert_eq!(answer["rows"], json!([[1]]));
    assert_eq!(writer.call(Method::POST, "/v1/sql", json!({"sql": "SELECT 1"})).await.status, 403);
}

const WRITE_HASH: &str = "906dfe39737b8389256cb1506f249cebeec2dc7f79b0f53813995e81ce0cf6cf";
const READ_HASH: &str = "6019afac1f91c2cb87e0c0ee5dc12fcb644e5b30979805e9bb328fa4db449f94";
