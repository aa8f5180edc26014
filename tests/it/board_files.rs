//! Dashboards and saved questions as files, applied to a running server from elsewhere with a key, and taken back byte for byte.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::accounts::owner;
use crate::server::Server;

const QUESTION: &str = "# Kept in git.\nfootfall:   question/1\ntitle: \"Buyers\"   # é\nask: {sql: 'SELECT count(*) AS n FROM activity WHERE event = $what'}\nparameters: [{name: what, default: buy}]";
const BOARD: &str =
    "footfall: dashboard/1\ntitle: Sales\ntiles:\n  - {id: a, x: 0, y: 0, width: 4, height: 3, ask: {saved: buyers}}\n";

fn written(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, text).expect("written");
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

// The command waits for answers while a thread of the test passes them on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_applied_to_a_server_elsewhere_and_taken_back() {
    let server = Server::start().await;
    // The commands run on another data folder: they know the server by its address and a key alone.
    let elsewhere = Server::prepare(server.data().with_extension("elsewhere"), &[]);
    let url = server.url();
    let owner = owner(&server).await;
    let scopes = ["dashboards.read", "dashboards.write", "sql.run", "insights.read", "activity.read"];
    let made =
        owner.post("/v1/projects/default/keys", json!({"kind": "service", "name": "git", "scopes": scopes})).await;
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{}\n", made["key"].as_str().expect("a key"))).expect("written");
    let (key, boards) = (key.to_str().expect("UTF-8").to_owned(), folder.path().join("boards"));
    written(&boards, "questions/buyers.yaml", QUESTION);
    written(&boards, "sales.yaml", BOARD);
    written(&boards, "readme.md", "no dashboard");
    let place = boards.to_str().expect("UTF-8");
    let apply = |more: &[&str]| {
        let first: &[&str] = &["dashboards", "apply", place, "--to", &url, "--key-file", &key];
        elsewhere.run(&[first, more].concat())
    };

    let planned = apply(&["--dry-run"]);
    assert!(planned.status.success(), "{}", told(&planned));
    let said = lines(&planned);
    assert_eq!(said[0], "question buyers: would be made");
    assert!(said.contains(&"  + title: Sales".to_owned()), "{said:?}");
    assert_eq!(said.last().map(String::as_str), Some("2 to make, 0 to change, 0 unchanged"));
    assert_eq!(owner.get("/v1/projects/default/questions").await["items"], json!([]), "nothing was changed");
    assert_eq!(lines(&apply(&[])), ["question buyers: made", "sales: made"]);
    assert_eq!(lines(&apply(&[])), ["question buyers: unchanged", "sales: unchanged"]);
    let answer = owner.post("/v1/projects/default/dashboards/sales/answers", json!({"tile": "a"})).await;
    assert!(answer.to_string().contains('n'), "the tile asks the question: {answer}");
    written(&boards, "sales.yaml", &BOARD.replace("Sales", "Sales of ours"));
    let said = lines(&apply(&["--dry-run"]));
    assert!(
        said.contains(&"  - title: Sales".to_owned()) && said.contains(&"  + title: Sales of ours".to_owned()),
        "{said:?}"
    );
    assert_eq!(said.last().map(String::as_str), Some("0 to make, 1 to change, 1 unchanged"));
    assert_eq!(lines(&apply(&[])), ["question buyers: unchanged", "sales: changed"]);

    let exported = folder.path().join("exported");
    let to = exported.to_str().expect("UTF-8");
    for what in ["questions", "dashboards"] {
        let name = if what == "questions" { "buyers" } else { "sales" };
        let done = elsewhere.run(&[what, "export", name, "--to", to, "--from", &url, "--key-file", &key]);
        assert!(done.status.success(), "{}", told(&done));
    }
    assert_eq!(std::fs::read_to_string(exported.join("buyers.yaml")).expect("read"), QUESTION);
    assert_eq!(
        std::fs::read_to_string(exported.join("sales.yaml")).expect("read"),
        BOARD.replace("Sales", "Sales of ours")
    );
    let listed = elsewhere.run(&["questions", "list", "--from", &url, "--key-file", &key]);
    assert_eq!(lines(&listed), ["buyers\tkept\tBuyers"]);

    // What is refused is named with its file, its place and its line; the others are applied, and the command fails.
    written(&boards, "questions/wrong.yaml", "footfall: question/1\ntitle: x\nask:\n  sql: SELECT $who\n");
    written(&boards, "late.yaml", &BOARD.replace("Sales", "Late"));
    let refused = apply(&[]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(lines(&refused), ["question buyers: unchanged", "late: made", "sales: unchanged"]);
    let why = told(&refused);
    assert!(
        why.contains("wrong.yaml")
            && why.contains("document_invalid")
            && why.contains("names $who")
            && why.contains("line 4"),
        "{why}"
    );
}

// The command waits for answers while a thread of the test passes them on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_no_change_and_no_secret_in_the_command_line() {
    let server = Server::start().await;
    let elsewhere = Server::prepare(server.data().with_extension("elsewhere"), &[]);
    let folder = tempfile::tempdir().expect("a folder");
    written(folder.path(), "sales.yaml", BOARD);
    let (place, url) = (folder.path().to_str().expect("UTF-8").to_owned(), server.url());
    let none = elsewhere.run(&["dashboards", "apply", &place, "--to", &url]);
    assert_eq!(none.status.code(), Some(2), "{}", told(&none));
    assert!(told(&none).contains("--key-file"), "{}", told(&none));
    assert_eq!(elsewhere.run(&["dashboards", "apply", &place, "--to", &url, "--key", "x"]).status.code(), Some(2));
    let clear =
        elsewhere.run(&["dashboards", "apply", &place, "--to", "http://footfall.example.org", "--key-file", &place]);
    assert!(told(&clear).contains("TLS"), "{}", told(&clear));
    let key = folder.path().join("key");
    std::fs::write(&key, "nobody's").expect("written");
    let key = key.to_str().expect("UTF-8");
    let wrong = elsewhere.run(&["dashboards", "apply", &place, "--to", &url, "--key-file", key]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(told(&wrong).contains("401"), "{}", told(&wrong));
    // A key that reads activity writes no dashboards.
    std::fs::write(key, server.read_key()).expect("written");
    let reader = elsewhere.run(&["dashboards", "apply", &place, "--to", &url, "--key-file", key]);
    assert_eq!(reader.status.code(), Some(1));
    assert!(told(&reader).contains("40"), "{}", told(&reader));
}
