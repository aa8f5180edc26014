//! A small HTTP client for a Footfall server: keep-alive, a token, and patience when the server asks for it.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::TokioExecutor;

use crate::error::AppError;
use crate::secured::Connector;
use crate::token::OPERATOR_PREFIX;

/// How often a request is tried when the server is busy or away.
const TRIES: u32 = 8;
/// Longest wait for the head of an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server and who we are to it.
#[derive(Clone)]
pub struct Client {
    pool: Pool<Connector, Full<Bytes>>,
    base: String,
    token: String,
    project: Option<String>,
}

/// A request to send.
pub struct Call<'a> {
    pub method: Method,
    pub path: &'a str,
    pub content_type: &'static str,
    pub accept: &'static str,
    pub body: Bytes,
    /// The revision that a change is meant for.
    pub if_match: Option<String>,
}

impl<'a> Call<'a> {
    /// A POST.
    pub fn post(path: &'a str, content_type: &'static str, body: impl Into<Bytes>) -> Call<'a> {
        Call { method: Method::POST, path, content_type, accept: "application/json", body: body.into(), if_match: None }
    }

    /// A GET.
    pub fn get(path: &'a str) -> Call<'a> {
        Call {
            method: Method::GET,
            path,
            content_type: "",
            accept: "application/json",
            body: Bytes::new(),
            if_match: None,
        }
    }
}

impl Client {
    /// A client of `base`, as `http://127.0.0.1:8080` or `https://footfall.example.org`.
    pub fn new(base: &str, token: &str) -> Result<Client, AppError> {
        let base = base.trim_end_matches('/').to_owned();
        let is_secured = base.starts_with("https://");
        if !is_secured && !base.starts_with("http://") {
            return Err(AppError::Usage(format!("{base:?}: an address begins with http:// or https://")));
        }
        let connector = Connector::new(is_secured).map_err(|detail| AppError::Server(base.clone(), detail))?;
        let pool = Pool::builder(TokioExecutor::new()).build(connector);
        Ok(Client { pool, base, token: token.to_owned(), project: None })
    }

    /// The same, acting for one project (operators alone).
    pub fn for_project(&self, project: &str) -> Client {
        Client { project: Some(project.to_owned()), ..self.clone() }
    }

    /// Where the server is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// True when the server takes our token for its operator's.
    pub async fn knows_operator(&self) -> bool {
        let call = Call::get("/v1/operator/imports/none");
        let asked = tokio::time::timeout(Duration::from_secs(5), self.once(&call));
        matches!(asked.await, Ok(Ok(response)) if response.status() == StatusCode::OK)
    }

    /// Sends until it is answered with something else than "later", and wants success.
    pub async fn send(&self, call: &Call<'_>) -> Result<Response<Incoming>, AppError> {
        let mut wait = Duration::from_millis(100);
        for tried in 1.. {
            let answered = self.once(call).await;
            let last = tried == TRIES;
            match answered {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if is_later(response.status()) && !last => {
                    wait = retry_after(&response).unwrap_or(wait * 2);
                }
                Ok(response) => return Err(self.refused(response).await),
                Err(error) if last => return Err(error),
                Err(_) => wait *= 2,
            }
            tokio::time::sleep(wait.min(Duration::from_secs(10))).await;
        }
        Err(AppError::Server(self.base.clone(), "does not answer".into()))
    }

    /// Sends and reads the whole answer.
    pub async fn text(&self, call: &Call<'_>) -> Result<Bytes, AppError> {
        let body = self.send(call).await?.into_body();
        Ok(body.collect().await.map_err(|error| self.broken(error))?.to_bytes())
    }

    /// The same; `None` where there is no such thing.
    pub async fn find(&self, call: &Call<'_>) -> Result<Option<Bytes>, AppError> {
        match self.once(call).await {
            Ok(response) if response.status() == StatusCode::NOT_FOUND => Ok(None),
            _ => self.text(call).await.map(Some),
        }
    }

    /// Sends and reads the answer as JSON.
    pub async fn json<T: serde::de::DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, AppError> {
        serde_json::from_slice(&self.text(call).await?).map_err(|error| self.broken(error))
    }

    /// Asks once and reads the answer as JSON; `None` when there is none, or "later".
    pub async fn try_json<T: serde::de::DeserializeOwned>(&self, call: &Call<'_>) -> Result<Option<T>, AppError> {
        let Ok(response) = self.once(call).await else { return Ok(None) };
        let status = response.status();
        if !status.is_success() {
            return if is_later(status) { Ok(None) } else { Err(self.refused(response).await) };
        }
        let Ok(body) = response.into_body().collect().await else { return Ok(None) };
        serde_json::from_slice(&body.to_bytes()).map(Some).map_err(|error| self.broken(error))
    }

    async fn once(&self, call: &Call<'_>) -> Result<Response<Incoming>, AppError> {
        let (path, at) = self.place(call.path);
        let mut request = Request::builder().method(call.method.clone()).uri(format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.header(AUTHORIZATION, format!("Bearer {}{at}", self.token));
        }
        if !call.content_type.is_empty() {
            request = request.header(CONTENT_TYPE, call.content_type);
        }
        if let Some(revision) = &call.if_match {
            request = request.header(IF_MATCH, revision);
        }
        let request = request.header(ACCEPT, call.accept).body(Full::new(call.body.clone()));
        let request = request.map_err(|error| self.broken(error))?;
        let answer = tokio::time::timeout(PATIENCE, self.pool.request(request)).await;
        answer.map_err(|_| self.broken("no answer in time"))?.map_err(|error| self.broken(cause(&error)))
    }

    /// How the operator says which project is meant: in the path of the API, behind the token at the doors.
    fn place(&self, path: &str) -> (String, String) {
        let project = self.project.as_deref().filter(|_| self.token.starts_with(OPERATOR_PREFIX));
        match project {
            Some(project) if path == "/v1/sql" => (format!("/v1/projects/{project}/sql"), String::new()),
            Some(project) if !path.starts_with("/v1/operator/") => (path.to_owned(), format!("@{project}")),
            _ => (path.to_owned(), String::new()),
        }
    }

    async fn refused(&self, response: Response<Incoming>) -> AppError {
        let status = response.status();
        let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let detail = ["detail", "message", "title"].iter().find_map(|name| problem[name].as_str());
        let code = problem["code"].as_str().map(|code| format!(" ({code})")).unwrap_or_default();
        let faults = problem["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .skip(1)
            .filter_map(|fault| Some(format!("\n  {} {}", fault["pointer"].as_str()?, fault["detail"].as_str()?)));
        let faults: String = faults.collect();
        self.broken(format!("answered {status}{code}: {}{faults}", detail.unwrap_or("no reason given")))
    }

    fn broken(&self, detail: impl ToString) -> AppError {
        AppError::Server(self.base.clone(), detail.to_string())
    }
}

fn cause(error: &hyper_util::client::legacy::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(deeper) = source.source() {
        source = deeper;
    }
    source.to_string()
}

fn is_later(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}

fn retry_after(response: &Response<Incoming>) -> Option<Duration> {
    response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
