//! Asks the app's router as a client would.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use footfall_api_access::{Access, AccessSettings, MailRoute, PasswordCost, Vault};
use footfall_api_app::{App, AppSettings};
use footfall_api_http::limit::Quotas;
use footfall_api_http::{Built, Listed, Peer, Secret, Settings, Undeclared};
use footfall_ingest_activity::Clock;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use ring::hmac;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::stage::Stage;

pub const PASSWORD: &str = "mein Rad hat drei Räder";
pub const OWNER: &str = "owner@example.org";
pub const PROJECT: &str = "shop";

pub struct House<'a> {
    pub stage: &'a Stage,
    pub access: Access,
    pub router: Router,
    pub document: Value,
    pub routes: Vec<Listed>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem.
    pub fn code(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{} {}", self.status, self.text);
        self.json()["code"].as_str().unwrap().to_owned()
    }

    /// The answer was a good one.
    pub fn good(self) -> Answer {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }

    pub fn text(&self, pointer: &str) -> String {
        let value = self.json();
        let text = value.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text at {pointer}: {value}")).to_owned()
    }

    pub fn cookies(&self) -> Vec<String> {
        self.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    /// What a browser sends back.
    pub fn jar(&self) -> String {
        let pairs = self.cookies();
        let pairs: Vec<&str> = pairs.iter().filter_map(|cookie| cookie.split(';').next()).collect();
        pairs.join("; ")
    }
}

pub async fn open(stage: &Stage) -> Access {
    open_at_cost(stage, 64).await
}

async fn open_at_cost(stage: &Stage, memory_kib: u32) -> Access {
    let settings = AccessSettings {
        sign_up_is_open: true,
        password_cost: PasswordCost { memory_kib, passes: 1, lanes: 1 },
        mail_route: MailRoute::Folder(stage.folder.path().join("mails")),
        ..AccessSettings::new("https://footfall.example", stage.folder.path().join("mails"))
    };
    let vault = Vault::open(stage.folder.path()).expect("a vault");
    Access::open(stage.open().await, vault, settings, stage.clock.clone()).await.expect("opened")
}

pub fn settings() -> AppSettings {
    let quotas = Quotas { address: None, account: None, key: None };
    let http = Settings { undeclared: Undeclared::Refuse, quotas, ..Settings::default() };
    AppSettings { http, ..AppSettings::new(Secret::new([42; 32])) }
}

pub async fn house(stage: &Stage) -> House<'_> {
    house_with(stage, settings()).await
}

pub async fn house_with(stage: &Stage, settings: AppSettings) -> House<'_> {
    house_at_cost(stage, settings, 64).await
}

/// With password hashes of so much memory.
pub async fn house_at_cost(stage: &Stage, settings: AppSettings, memory_kib: u32) -> House<'_> {
    let access = open_at_cost(stage, memory_kib).await;
    let clock: Arc<dyn Clock> = stage.clock.clone();
    let built = App::build(settings, access.clone(), clock).expect("the table is clear");
    let Built { router, document, routes } = built;
    House { stage, access, router, document: document.written().expect("the table is clear"), routes }
}

impl House<'_> {
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap() }
    }

    /// `who` is a token; empty for nobody. A body that is not null is sent as JSON.
    pub async fn ask(&self, who: &str, method: &str, uri: &str, headers: &[(&str, &str)], body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(uri);
        request = request.extension(Peer { address: [198, 51, 100, 7].into(), is_tls: true });
        if !who.is_empty() {
            request = request.header("authorization", format!("Bearer {who}"));
        }
        if !body.is_null() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, who: &str, uri: &str) -> Answer {
        self.ask(who, "GET", uri, &[], Value::Null).await
    }

    pub async fn post(&self, who: &str, uri: &str, body: Value) -> Answer {
        self.ask(who, "POST", uri, &[], body).await
    }

    pub async fn delete(&self, who: &str, uri: &str) -> Answer {
        self.ask(who, "DELETE", uri, &[], Value::Null).await
    }

    /// The first owner's access token and their organisation.
    pub async fn owner(&self) -> (String, String) {
        let link = self.access.first_owner_link().await.expect("asked").expect("a link");
        let body = json!({
            "secret": secret_of(&link), "email": OWNER, "name": "Olga", "password": PASSWORD,
            "organisation": "Example", "project": PROJECT,
        });
        let token = self.post("", "/v1/first-owner", body).await.good().text("/access_token");
        let organisation = self.get(&token, "/v1/organisations").await.good().text("/items/0/id");
        (token, organisation)
    }

    /// Signs up and confirms; the whole answer.
    pub async fn sign_up(&self, email: &str) -> Answer {
        self.post("", "/v1/sign-up", json!({ "email": email })).await.good();
        let secret = self.last_secret(email).await;
        let body = json!({"secret": secret, "name": "Ada", "password": PASSWORD});
        self.post("", "/v1/sign-up/confirmation", body).await.good()
    }

    /// Signs in by password; the access token.
    pub async fn sign_in(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD});
        self.post("", "/v1/sign-in", body).await.good().text("/session/access_token")
    }

    /// A new member of the organisation with this role, by invitation.
    pub async fn member(
        &self,
        owner: &str,
        organisation: &str,
        email: &str,
        role: &str,
        project: Option<&str>,
    ) -> String {
        let mut body = json!({"email": email, "role": role});
        if let Some(project) = project {
            body["project"] = json!(project);
        }
        self.post(owner, &format!("/v1/organisations/{organisation}/invitations"), body).await.good();
        let secret = self.last_secret(email).await;
        let body = json!({"secret": secret, "name": "Eve", "password": PASSWORD});
        let answer = self.post("", "/v1/invitations/acceptance", body).await.good();
        assert_eq!(answer.text("/status"), "signed_in");
        answer.text("/session/access_token")
    }

    /// The texts of the mails to `email`, oldest first.
    pub async fn mails(&self, email: &str) -> Vec<String> {
        while self.access.send_mails().await.expect("sent") > 0 {}
        let mut files: Vec<_> = match std::fs::read_dir(self.stage.folder.path().join("mails")) {
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
    pub async fn last_secret(&self, email: &str) -> String {
        let mails = self.mails(email).await;
        let last = mails.last().expect("a mail");
        let line = last.lines().find(|line| line.starts_with("https://")).expect("a link");
        secret_of(line).to_owned()
    }

    /// Switches TOTP on; its secret and the recovery codes.
    pub async fn enrol(&self, token: &str) -> (String, Vec<String>) {
        let begun = self.post(token, "/v1/account/factors/totp", Value::Null).await.good();
        assert!(begun.text("/qr_svg").starts_with("<svg"));
        let secret = begun.text("/secret");
        let body = json!({"code": self.code(&secret)});
        let confirmed = self.post(token, "/v1/account/factors/totp/confirmation", body).await.good().json();
        let codes = confirmed["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned());
        (secret, codes.collect())
    }

    /// The present code of an authenticator (RFC 6238).
    pub fn code(&self, secret: &str) -> String {
        const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let (mut bits, mut held, mut key) = (0u32, 0, Vec::new());
        for letter in secret.chars() {
            bits = bits << 5 | u32::try_from(ALPHABET.find(letter).unwrap()).unwrap();
            held += 5;
            if held >= 8 {
                held -= 8;
                key.push((bits >> held & 0xff) as u8);
            }
        }
        let step = self.stage.clock.now().millis() / 30_000;
        let digest = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
        let at = usize::from(digest.as_ref()[19] & 15);
        let number = u32::from_be_bytes(digest.as_ref()[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

pub fn secret_of(link: &str) -> &str {
    link.rsplit_once('#').expect("a secret").1
}
