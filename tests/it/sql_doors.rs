//! PostgreSQL's protocol and Flight SQL beside REST: the same rows, under the same keys, roles, masks and limits; the clients
//! that people have.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use crate::accounts::{PASSWORD, mailed, owner, stranger, token_of};
use crate::gear::{cache, interpreter, root, script, skip};
use crate::seed::Seed;
use crate::server::{Server, binary, free_port};

/// A server with both doors and a few thousand activities.
async fn open() -> (Server, u16, u16) {
    let (postgres, flight) = (free_port(), free_port());
    let (first, second) = (format!("127.0.0.1:{postgres}"), format!("127.0.0.1:{flight}"));
    let settings = [("FOOTFALL_POSTGRES_LISTEN", first.as_str()), ("FOOTFALL_FLIGHT_LISTEN", second.as_str())];
    let server = Server::start_with(&settings).await;
    let key = server.write_key().to_owned();
    let told =
        server.run(&["demo", "--days", "10", "--per-day", "250", "--people", "200", "--total", "0", "--key", &key]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    server.until("SELECT count(*) FROM activity", 1_000).await;
    (server, postgres, flight)
}

#[tokio::test]
async fn the_same_rows_come_through_every_door() {
    if let Err(missing) = interpreter("sql_doors.py") {
        return skip("the doors of SQL", &missing);
    }
    let (server, postgres, flight) = open().await;
    let owner = owner(&server).await;
    let organisation = owner.get("/v1/organisations").await["items"][0]["id"].as_str().unwrap().to_owned();
    let role = json!({"name": "Partner", "permissions": ["sql.run", "activity.read"], "masks": ["email", "city"],
                      "rows": {"is": {"value": {"column": "event"}, "one_of": ["$pageview", "search", "visit"]}}});
    let role = owner.post(&format!("/v1/organisations/{organisation}/roles"), role).await;
    let invitation = json!({"email": "pia@example.org", "role": role["id"], "project": "default"});
    owner.post(&format!("/v1/organisations/{organisation}/invitations"), invitation).await;
    let secret = mailed(&server, "pia@example.org", "invitation").await;
    let accepted = json!({"secret": secret, "name": "Pia", "password": PASSWORD});
    let accepted = stranger(&server).post("/v1/invitations/acceptance", accepted).await;
    let partner = token_of(&accepted["session"]);

    let (postgres, flight, seed) =
        (postgres.to_string(), flight.to_string(), Seed::announced("sql doors").next().to_string());
    let (url, program) = (server.url(), binary());
    let environment = [
        ("FOOTFALL_URL", url.as_str()),
        ("FOOTFALL_PG_PORT", &postgres),
        ("FOOTFALL_FLIGHT_PORT", &flight),
        ("FOOTFALL_READ_KEY", server.read_key()),
        ("FOOTFALL_PARTNER", &partner),
        ("FOOTFALL_TEST_SEED", &seed),
        ("FOOTFALL_BIN", program.to_str().unwrap()),
        ("FOOTFALL_DATA", server.data().to_str().unwrap()),
    ];
    let account = script("sql_doors.py", &environment).await;
    assert_eq!(account["compared"], 500, "{account}");
    assert!(account["rows"].as_u64() > Some(2_000) && account["restricted_rows"].as_u64() > Some(100), "{account}");
}

/// What `program` printed.
async fn printed(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(program);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null()).kill_on_drop(true);
    let output =
        tokio::time::timeout(Duration::from_secs(120), command.output()).await.expect("in time").expect(program);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !stderr.contains("ERROR"), "{program} {arguments:?}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

fn has(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).exists())
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
    let count = server.number("SELECT count(*) FROM activity").await.to_string();
    assert_eq!(psql(&["BEGIN; SELECT count(*) FROM activity; COMMIT"]).await.trim(), count);

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
    let java = [("FOOTFALL_PG_PORT", port.as_str()), ("FOOTFALL_READ_KEY", server.read_key())];
    let arguments = ["-Xmx256m", "-cp", driver.to_str().unwrap(), source.to_str().unwrap()];
    let told: serde_json::Value = serde_json::from_str(printed("java", &arguments, &java).await.trim()).unwrap();
    assert_eq!(told["total"].to_string(), count, "{told}");
}
