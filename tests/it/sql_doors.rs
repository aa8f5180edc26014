//! PostgreSQL's protocol and Flight SQL beside REST: the same rows, under the same keys, roles, masks and limits; the clients
//! that people have.

use std::process::Stdio;
use std::time::Duration;

use hyper::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::accounts::{PASSWORD, Person, mailed_by, owner, stranger, token_of};
use crate::gear::{cache, interpreter, root, script, skip};
use crate::seed::Seed;
use crate::server::{Server, binary, free_port};

/// A server with both doors.
async fn empty(more: &[(&str, &str)]) -> (Server, u16, u16) {
    let (postgres, flight) = (free_port(), free_port());
    let (first, second) = (format!("127.0.0.1:{postgres}"), format!("127.0.0.1:{flight}"));
    let settings = [("FOOTFALL_POSTGRES_LISTEN", first.as_str()), ("FOOTFALL_FLIGHT_LISTEN", second.as_str())];
    (Server::start_with(&[&settings, more].concat()).await, postgres, flight)
}

/// The same with a few thousand activities.
async fn open() -> (Server, u16, u16) {
    let (server, postgres, flight) = empty(&[]).await;
    let (url, key) = (server.url(), server.write_key().to_owned());
    let told = server.run(&[
        "demo",
        "--days",
        "10",
        "--per-day",
        "250",
        "--people",
        "200",
        "--total",
        "0",
        "--to",
        &url,
        "--key",
        &key,
    ]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    // All of it: doors are compared.
    let accepted = server.metric("footfall_accepted_total", "").await as i64;
    assert!(accepted >= 1_000, "{accepted}");
    assert_eq!(server.until("SELECT count(*) FROM activity", accepted).await, accepted);
    (server, postgres, flight)
}

/// What four people see: rows by one column, by a property and a list of what is not seen, by another column, and all rows without what is masked.
/// The first is whom every other act of the test asks as.
fn policies_of() -> [(&'static str, Value, Value); 4] {
    let is = |column: &str, texts: &[&str]| json!({"is": {"value": {"column": column}, "one_of": texts}});
    let pro = json!({"is": {"value": {"property": "plan"}, "one_of": ["pro", "free"]}});
    let quiet = json!({"is_not": {"value": {"column": "event"}, "none_of": ["rsvp", "O'Neil"]}});
    [
        ("Partner", is("event", &["$pageview", "search", "visit"]), json!(["email", "city"])),
        ("Regional", json!({"all": [quiet, {"any": [is("country", &["DE", "FR"]), pro]}]}), json!(["amount"])),
        ("Phones", is("os", &["iOS", "Android"]), json!([])),
        ("Masked", json!("everything"), json!(["email", "city", "amount", "page_path", "ip"])),
    ]
}

/// A member of the project with a role of their own; a token that outlives the test. Any of `senders` may send the invitation.
pub async fn seer(
    owner: &Person<'_>,
    senders: &[&Server],
    organisation: &str,
    (name, rows, masks): (&str, &Value, &Value),
) -> String {
    let server = owner.server;
    let permissions = ["sql.run", "activity.read", "insights.read", "flags.write"];
    let role = json!({"name": name, "permissions": permissions, "masks": masks, "rows": rows});
    let role = owner.post(&format!("/v1/organisations/{organisation}/roles"), role).await;
    let address = format!("{}@example.org", name.to_lowercase());
    let invitation = json!({"email": address, "role": role["id"], "project": "default"});
    owner.post(&format!("/v1/organisations/{organisation}/invitations"), invitation).await;
    let secret = mailed_by(senders, &address, "invitation").await;
    let accepted = json!({"secret": secret, "name": name, "password": PASSWORD});
    let accepted = stranger(server).post("/v1/invitations/acceptance", accepted).await;
    let member = Person { server, token: token_of(&accepted["session"]) };
    let token = member.post("/v1/account/tokens", json!({"name": "doors", "scopes": permissions})).await;
    let token = token["key"].as_str().expect("a token").to_owned();
    server.knows(&token, server.write_key());
    token
}

#[tokio::test]
async fn the_same_rows_come_through_every_door() {
    if let Err(missing) = interpreter("sql_doors.py") {
        return skip("the doors of SQL", &missing);
    }
    let (server, postgres, flight) = open().await;
    let owner = owner(&server).await;
    let organisation = owner.get("/v1/organisations").await["items"][0]["id"].as_str().unwrap().to_owned();
    let mut policies = Vec::new();
    for (name, rows, masks) in policies_of() {
        let token = seer(&owner, &server.with_api(), &organisation, (name, &rows, &masks)).await;
        policies.push(json!({"name": name, "token": token, "role": {"rows": rows, "masks": masks}}));
    }
    let partner = policies[0]["token"].as_str().unwrap();
    // Whoever sees a part names no cohort in flags either: its ids would go to every client.
    let bearer = format!("Bearer {partner}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let (url, group) = (format!("{}/v1/projects/default/saved-groups", server.url()), json!({"attribute": "id"}));
    for (more, status) in [(json!({"values": ["x"]}), 201), (json!({"cohort": "keen"}), 422)] {
        let mut definition = group.clone();
        definition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = json!({"key": format!("g{status}"), "definition": definition}).to_string();
        let answer = server.http.send(Method::POST, &url, &headers, body).await.expect("an answer");
        assert_eq!(answer.status, status, "{}", answer.text());
    }

    let select = json!({"activities": ["$pageview"]});
    let keen = json!({"key": "keen", "name": "Keen", "definition": {"did": {"select": select, "from_ms": 0, "until_ms": 4_000_000_000_000_i64, "at_least": 3}}});
    owner.post("/v1/projects/default/cohorts", keen).await;

    let (postgres, flight, seed) =
        (postgres.to_string(), flight.to_string(), Seed::announced("sql doors").next().to_string());
    let (url, program, policies) = (server.url(), binary(), Value::from(policies).to_string());
    let (processes, settings) = (server.answering().join(" "), server.settings().to_string());
    let environment = [
        ("FOOTFALL_URL", url.as_str()),
        ("FOOTFALL_PG_PORT", &postgres),
        ("FOOTFALL_FLIGHT_PORT", &flight),
        ("FOOTFALL_READ_KEY", server.read_key()),
        ("FOOTFALL_POLICIES", &policies),
        ("FOOTFALL_TEST_SEED", &seed),
        ("FOOTFALL_BIN", program.to_str().unwrap()),
        ("FOOTFALL_DATA", server.data().to_str().unwrap()),
        ("FOOTFALL_SETTINGS", &settings),
        ("FOOTFALL_PROCESSES", &processes),
    ];
    let account = script("sql_doors.py", &environment).await;
    assert_eq!(account["compared"], 500, "{account}");
    assert!(account["cohorts"].as_array().is_some_and(|counts| counts.len() == 2), "{account}");
    let restricted = &account["restricted"];
    assert_eq!(
        (&restricted["asked"], restricted["policies"].as_array().map(Vec::len)),
        (&json!(500), Some(4)),
        "{account}"
    );
    assert_eq!(restricted["tables"].as_array().map(Vec::len), Some(5), "{account}");
    assert!(account["rows"].as_u64() > Some(2_000) && restricted["rows"].as_u64() > Some(2_000), "{account}");
    assert!(restricted["refused"].as_u64() > Some(10) && restricted["said_twice"].as_u64() > Some(200), "{account}");
}

/// What `program` printed.
async fn printed(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output =
        tokio::time::timeout(Duration::from_secs(900), command.output()).await.expect("in time").expect(program);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !stderr.contains("ERROR"), "{program} {arguments:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

fn has(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).exists())
}

/// psql's `\copy`, and its Ctrl-C.
async fn copies_and_ends(server: &Server, environment: &[(&str, &str)]) {
    let file = server.data().with_extension("csv");
    let count = server.number("SELECT count(*) FROM activity").await;
    let copy = format!("\\copy (SELECT event, amount FROM activity) TO '{}' CSV HEADER", file.display());
    printed("psql", &["-X", "-q", "-c", &copy], environment).await;
    let text = std::fs::read_to_string(&file).expect("psql has written it");
    assert_eq!(text.lines().next(), Some("event,amount"));
    assert_eq!(text.lines().count() as i64, count + 1);

    let sql = "SELECT count(*) FROM activity a, activity b, activity c WHERE a.message_id < b.message_id AND b.event <> c.event";
    let mut psql = Command::new("psql");
    psql.args(["-X", "-c", sql]).envs(environment.iter().copied()).kill_on_drop(true);
    psql.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let psql = psql.spawn().expect("psql starts");
    let running = async || server.metric("footfall_sql_running", "").await;
    server.eventually("psql's question is worked on", async || running().await == 1.0).await;
    let pid = psql.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)).expect("it runs");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    let ended =
        tokio::time::timeout(Duration::from_secs(240), psql.wait_with_output()).await.expect("in time").unwrap();
    let told = String::from_utf8_lossy(&ended.stderr);
    assert!(told.contains("ended by its asker"), "{told}");
    server.eventually("its turn is free", async || running().await == 0.0).await;
}

#[tokio::test]
async fn psql_and_jdbc_look_around_and_ask() {
    let driver = cache().join("java/postgresql.jar");
    if !has("psql") || !has("java") || !driver.exists() {
        return skip("psql and JDBC", "psql, java or the driver is missing; run tests/install.sh");
    }
    let (server, port, _) = open().await;
    let port = port.to_string();
    let login = [("PGPASSWORD", server.read_key()), ("PGHOST", "127.0.0.1"), ("PGPORT", &port), ("PGUSER", "anyone")];
    let environment: Vec<_> = login.into_iter().chain([("PGDATABASE", "default"), ("PAGER", "cat")]).collect();
    let psql = async |commands: &[&str]| {
        let arguments: Vec<&str> = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
            .into_iter()
            .chain(commands.iter().flat_map(|command| ["-c", command]))
            .collect();
        printed("psql", &arguments, &environment).await
    };
    let tables = psql(&["\\dt"]).await;
    assert!(tables.contains("public|activity|") && tables.contains("public|persons|"), "{tables}");
    assert!(psql(&["\\l"]).await.contains("default|"));
    let columns = psql(&["\\d activity"]).await;
    assert!(columns.contains("event|text|") && columns.contains("timestamp|timestamp with time zone|"), "{columns}");
    // Both catalogues give a column the same type.
    let differing = "SELECT c.table_name, c.column_name, c.udt_name, t.typname FROM information_schema.columns AS c \
        JOIN pg_class AS r ON r.relname = c.table_name JOIN pg_attribute AS a ON a.attrelid = r.oid AND a.attname = c.column_name \
        JOIN pg_type AS t ON t.oid = a.atttypid WHERE c.table_schema = 'public' AND t.typname <> c.udt_name";
    assert_eq!(psql(&[differing]).await.trim(), "");
    let types = psql(&["SELECT DISTINCT udt_name, data_type FROM information_schema.columns ORDER BY 1"]).await;
    assert!(types.contains("timestamptz|timestamp with time zone") && types.contains("text|text"), "{types}");
    let count = server.number("SELECT count(*) FROM activity").await.to_string();
    assert_eq!(psql(&["BEGIN; SELECT count(*) FROM activity; COMMIT"]).await.trim(), count);

    copies_and_ends(&server, &environment).await;

    // What other clients ask of the catalogue when they connect.
    let recorded = std::fs::read_to_string(root().join("tests/data/postgres_clients.sql")).unwrap();
    let mut asked = 0;
    for paragraph in recorded.split("\n\n").skip(1) {
        let (title, sql) = paragraph.trim().split_once('\n').unwrap();
        let rows = psql(&[sql]).await;
        assert!(!title.contains(" some:") || !rows.trim().is_empty(), "{title}: no rows");
        asked += 1;
    }
    assert!(asked >= 15, "{asked}");

    let source = root().join("tests/sdk/SqlDoor.java");
    let url = server.url();
    let java =
        [("FOOTFALL_PG_PORT", port.as_str()), ("FOOTFALL_READ_KEY", server.read_key()), ("FOOTFALL_URL", url.as_str())];
    let arguments = ["-Xmx256m", "-cp", driver.to_str().unwrap(), source.to_str().unwrap()];
    let told: serde_json::Value = serde_json::from_str(printed("java", &arguments, &java).await.trim()).unwrap();
    assert_eq!(told["total"].to_string(), count, "{told}");
}

/// A certificate for `localhost` that nobody else has signed, and its key.
fn certificate(folder: &std::path::Path, name: &str) -> (String, String) {
    let path = |ending: &str| folder.join(format!("{name}.{ending}")).to_str().expect("UTF-8").to_owned();
    let (certificate, key) = (path("crt"), path("key"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .expect("openssl runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

#[tokio::test]
async fn the_doors_speak_tls() {
    if let Err(missing) = interpreter("sql_doors_tls.py") {
        return skip("the doors of SQL over TLS", &missing);
    }
    if !has("openssl") {
        return skip("the doors of SQL over TLS", "no openssl");
    }
    let folder = tempfile::TempDir::with_prefix("footfall-test-").expect("a folder");
    let ((own, key), (other, _)) = (certificate(folder.path(), "own"), certificate(folder.path(), "other"));
    let (postgres, flight) = (free_port().to_string(), free_port().to_string());
    let (first, second) = (format!("127.0.0.1:{postgres}"), format!("127.0.0.1:{flight}"));
    let settings = [
        ("FOOTFALL_POSTGRES_LISTEN", first.as_str()),
        ("FOOTFALL_FLIGHT_LISTEN", second.as_str()),
        ("FOOTFALL_SERVER_TLS_CERTIFICATE", own.as_str()),
        ("FOOTFALL_SERVER_TLS_KEY_FILE", key.as_str()),
    ];
    let mut server = Server::part("", folder.path().join("data"), &settings);
    server.make_keys();
    // Its HTTP speaks TLS too, which the helper of these tests does not: the script waits for the doors.
    server.begin();
    let environment = [
        ("FOOTFALL_PG_PORT", postgres.as_str()),
        ("FOOTFALL_FLIGHT_PORT", flight.as_str()),
        ("FOOTFALL_READ_KEY", server.read_key()),
        ("FOOTFALL_OWN_CERTIFICATE", own.as_str()),
        ("FOOTFALL_OTHER_CERTIFICATE", other.as_str()),
    ];
    assert_eq!(script("sql_doors_tls.py", &environment).await, json!({"doors": 2}));
}

/// A session at PostgreSQL's door, message by message.
struct Session(TcpStream);

impl Session {
    async fn begin(port: u16, key: &str) -> Session {
        let mut session = Session(TcpStream::connect(("127.0.0.1", port)).await.expect("a connection"));
        let startup = [&196_608_i32.to_be_bytes()[..], b"user\0anyone\0database\0default\0\0"].concat();
        session.send(None, &startup).await;
        assert_eq!(session.until(b'R').await, 3_i32.to_be_bytes(), "a password is asked for");
        session.send(Some(b'p'), &[key.as_bytes(), b"\0"].concat()).await;
        session.until(b'Z').await;
        session
    }

    async fn send(&mut self, letter: Option<u8>, body: &[u8]) {
        let length = (body.len() as i32 + 4).to_be_bytes();
        let message: Vec<u8> = letter.into_iter().chain(length).chain(body.iter().copied()).collect();
        self.0.write_all(&message).await.expect("it is sent");
    }

    /// What the next message of this kind says.
    async fn until(&mut self, letter: u8) -> Vec<u8> {
        loop {
            let found = self.0.read_u8().await.expect("a message");
            let length = self.0.read_i32().await.expect("its length");
            let mut body = vec![0; length as usize - 4];
            self.0.read_exact(&mut body).await.expect("its body");
            match found {
                b'E' if letter != b'E' => panic!("{}", String::from_utf8_lossy(&body)),
                found if found == letter => return body,
                _ => {}
            }
        }
    }

    /// Until the door says that it closes, and does.
    async fn hears_of_the_end(mut self) {
        let told = self.until(b'E').await;
        assert!(String::from_utf8_lossy(&told).contains("57P01"), "{}", String::from_utf8_lossy(&told));
        assert_eq!(self.0.read(&mut [0]).await.expect("an end"), 0);
    }
}

/// The program stops: who is being answered has the answer, whoever asks nothing is told, and nobody holds it up.
#[tokio::test]
async fn sessions_end_between_two_questions() {
    // Longer than the test waits: nobody is cut off.
    let settings = [("FOOTFALL_SERVER_DRAIN", "0s"), ("FOOTFALL_SERVER_SHUTDOWN_TIMEOUT", "1h")];
    let (mut server, port, _) = empty(&settings).await;
    let (mut asks, idle) =
        (Session::begin(port, server.read_key()).await, Session::begin(port, server.read_key()).await);
    let stranger = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    asks.send(Some(b'P'), b"\0SELECT 1\0\0\0").await;
    asks.send(Some(b'B'), b"\0\0\0\0\0\0\0\0").await;
    asks.send(Some(b'E'), b"\0\0\0\0\0").await;
    asks.send(Some(b'H'), b"").await;
    asks.until(b'C').await;
    server.signal(Signal::TERM);
    idle.hears_of_the_end().await;
    asks.send(Some(b'S'), b"").await;
    asks.until(b'Z').await;
    asks.hears_of_the_end().await;
    server.stop().await;
    drop(stranger);
}

/// The end of what PostgreSQL's door says to whom it lets in.
const READY: &[u8] = b"Z\0\0\0\x05I";

/// A session with `key`, and what it was told until then.
async fn session(port: u16, key: &str) -> (TcpStream, Vec<u8>) {
    let framed = |letter: &[u8], body: &[u8]| {
        let mut bytes = letter.to_vec();
        bytes.extend((body.len() as u32 + 4).to_be_bytes());
        bytes.extend(body);
        bytes
    };
    let mut startup = 196_608_u32.to_be_bytes().to_vec();
    startup.extend(b"user\0me\0database\0default\0\0");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    stream.write_all(&framed(b"", &startup)).await.expect("it is open");
    let mut asks_password = [0; 9];
    stream.read_exact(&mut asks_password).await.expect("an answer");
    let mut told = asks_password.to_vec();
    // Where it was refused already, nobody takes the password.
    drop(stream.write_all(&framed(b"p", &[key.as_bytes(), &b"\0"[..]].concat())).await);
    while !told.ends_with(READY) && stream.read_buf(&mut told).await.unwrap_or(0) > 0 {}
    (stream, told)
}

#[tokio::test]
async fn strangers_keep_no_places() {
    let (postgres, flight) = (free_port(), free_port());
    let (first, second) = (format!("127.0.0.1:{postgres}"), format!("127.0.0.1:{flight}"));
    let settings = [
        ("FOOTFALL_POSTGRES_LISTEN", first.as_str()),
        ("FOOTFALL_POSTGRES_CONNECTIONS", "1"),
        ("FOOTFALL_FLIGHT_LISTEN", second.as_str()),
        ("FOOTFALL_SERVER_HEADER_TIMEOUT", "5s"),
    ];
    let server = Server::start_with(&settings).await;
    let silent = async |port: u16| TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let _strangers = (silent(postgres).await, silent(postgres).await);
    let (held, told) = session(postgres, server.read_key()).await;
    assert!(told.ends_with(READY), "{}", String::from_utf8_lossy(&told));
    let (_, told) = session(postgres, server.read_key()).await;
    assert!(String::from_utf8_lossy(&told).contains("53300"), "one has the only place");
    drop(held);
    let mut stranger = silent(flight).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), stranger.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok(), "it is still open");
}
