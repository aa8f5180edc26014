//! An open access layer with people in it.

use std::sync::Arc;

use footfall_api_access::{
    Access, AccessSettings, Caller, MailRoute, NewAccount, Origin, PasswordCost, SignIn, Tokens, Vault, statement,
};

use crate::stage::Stage;

pub const PASSWORD: &str = "mein Rad hat drei Räder";
pub const PROJECT: &str = "shop";

pub fn origin() -> Origin {
    Origin::new("192.0.2.7", "Test/1.0", "", "request-1")
}

pub fn new(name: &str) -> NewAccount {
    NewAccount { name: name.to_owned(), password: PASSWORD.to_owned() }
}

pub fn settings(stage: &Stage) -> AccessSettings {
    AccessSettings {
        sign_up_is_open: true,
        password_cost: PasswordCost { memory_kib: 64, passes: 1, lanes: 1 },
        mail_route: MailRoute::Folder(stage.folder.path().join("mails")),
        ..AccessSettings::new("https://footfall.example", stage.folder.path().join("mails"))
    }
}

/// A process on the stage's database. Several share one vault.
pub async fn process(stage: &Stage) -> Access {
    let vault = Vault::open(stage.folder.path()).expect("a vault");
    Access::open(stage.open().await, vault, settings(stage), stage.clock.clone()).await.expect("opened")
}

/// The first owner, their tokens and organisation.
pub async fn owner(access: &Access) -> (Tokens, String) {
    let link = access.first_owner_link().await.expect("asked").expect("a link");
    let tokens = access
        .finish_first_owner(secret_of(&link), "owner@example.org", &new("Olga"), "Example", PROJECT, &origin())
        .await
        .expect("made");
    let organisation = access.organisation_of(PROJECT).expect("known").to_string();
    (tokens, organisation)
}

pub async fn caller(access: &Access, tokens: &Tokens) -> Caller {
    access.authenticate(&tokens.access).await.expect("signed in")
}

/// Signs up and confirms.
pub async fn sign_up(access: &Access, stage: &Stage, email: &str) -> Tokens {
    access.sign_up(email, &origin()).await.expect("asked");
    let secret = last_secret(access, stage, email).await;
    access.finish_sign_up(&secret, &new("Ada"), &origin()).await.expect("made")
}

pub async fn sign_in(access: &Access, email: &str) -> Tokens {
    match access.sign_in(email, PASSWORD, &origin()).await.expect("signed in") {
        SignIn::Done(tokens) => tokens,
        SignIn::FactorNeeded { .. } => panic!("a factor is needed"),
    }
}

pub fn secret_of(link: &str) -> &str {
    link.rsplit_once('#').expect("a secret").1
}

/// The texts of the mails to `email`, oldest first.
pub async fn mails(access: &Access, stage: &Stage, email: &str) -> Vec<String> {
    access.send_mails().await.expect("sent");
    let mut files: Vec<_> = match std::fs::read_dir(stage.folder.path().join("mails")) {
        Ok(folder) => folder.map(|entry| entry.expect("an entry").path()).collect(),
        Err(_) => Vec::new(),
    };
    files.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    // The ids in the names sort by time.
    files.sort();
    let texts = files.iter().map(|path| std::fs::read_to_string(path).expect("a mail"));
    texts.filter(|text| text.starts_with(&format!("To: {email}\n"))).collect()
}

/// The secret of the link in the last mail to `email`.
pub async fn last_secret(access: &Access, stage: &Stage, email: &str) -> String {
    let mails = mails(access, stage, email).await;
    let last = mails.last().expect("a mail");
    let line = last.lines().find(|line| line.starts_with("https://")).expect("a link");
    secret_of(line).to_owned()
}

/// Actions and outcomes of the audit, oldest first.
pub async fn acts(access: &Access) -> Vec<String> {
    let records = access.audit_after(None, 0, 1000).await.expect("read");
    records.iter().map(|record| format!("{} {}", record.action, record.outcome)).collect()
}

pub async fn count(access: &Access, sql: &'static str) -> i64 {
    let row = access.database().read_one(statement(sql)).await.expect("read").expect("a row");
    row.get("rows").expect("a number")
}

/// Runs `act` so many times at once and returns the results.
pub async fn at_once<T, F>(times: usize, act: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(tokio::sync::Barrier::new(times));
    let tasks = (0..times).map(|at| {
        let (barrier, act) = (barrier.clone(), act(at));
        tokio::spawn(async move {
            barrier.wait().await;
            act.await
        })
    });
    let mut results = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        results.push(task.await.expect("no panic"));
    }
    results
}
