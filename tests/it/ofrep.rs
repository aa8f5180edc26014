//! OpenFeature's event stream on the running program: told of a change, an app asks again, and has the new value.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::accounts::{Person, owner};
use crate::experiment::{given_out, of};
use crate::server::{DEADLINE, Server};

const FLAGS: &str = "/ofrep/v1/evaluate/flags";

/// All flags of one user: their value, the tag, and where to listen.
async fn flags(server: &Server, query: &str, known: &str) -> (u16, Value, String) {
    let key = server.write_key().to_owned();
    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json"), ("if-none-match", known)];
    let asked = json!({"context": {"targetingKey": "ada"}}).to_string();
    let answer = server.send(&format!("{FLAGS}{query}"), &headers, asked).await;
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    (answer.status, body, answer.headers.get("etag").cloned().unwrap_or_default())
}

fn value(body: &Value) -> &Value {
    &body["flags"][0]["value"]
}

/// The stream that an answer names.
struct Events {
    connection: TcpStream,
    text: String,
}

impl Events {
    async fn open(server: &Server, answer: &Value) -> Events {
        let stream = &answer["eventStreams"][0];
        assert_eq!(stream["type"], "sse", "{answer}");
        let place = stream["endpoint"]["requestUri"].as_str().expect("an address");
        let address = server.url().trim_start_matches("http://").to_owned();
        let mut connection = TcpStream::connect(&address).await.expect("a connection");
        let request = format!("GET {place} HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
        connection.write_all(request.as_bytes()).await.expect("it is sent");
        let mut events = Events { connection, text: String::new() };
        let head = events.until("retry: ").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        events
    }

    /// What came up to and including a text.
    async fn until(&mut self, wanted: &str) -> String {
        let mut piece = vec![0; 4096];
        loop {
            if let Some(at) = self.text.find(wanted) {
                let rest = self.text.split_off(at + wanted.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let read = tokio::time::timeout(DEADLINE, self.connection.read(&mut piece)).await.expect("in time");
            let length = read.expect("it is readable");
            assert!(length > 0, "the stream ended: {}", self.text);
            self.text.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    }

    /// The data of the next event that has any.
    async fn next(&mut self) -> Value {
        loop {
            self.until("data: ").await;
            let data = self.until("\n\n").await;
            // Between the parts of an event stand the lengths of chunks.
            let json = data.find('{').zip(data.rfind('}')).map(|(from, to)| data[from..=to].to_owned());
            if let Some(json) = json {
                return serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
            }
        }
    }
}

/// What a provider of OpenFeature asks again with: what the event said. Another process than the one that told may be asked.
fn told_of(event: &Value) -> String {
    let said = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("no {name}: {event}")).to_owned();
    format!("?flagConfigEtag={}&flagConfigLastModified={}", said("etag"), said("lastModified"))
}

async fn set(team: &Person<'_>, value: &str) {
    let body = json!({"definition": {"default_value": value}});
    let answer = team.changing(Method::PATCH, &of("features/colour"), body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn who_is_told_of_a_change_asks_again_and_has_it() {
    let server = Server::start().await;
    let team = owner(&server).await;
    let feature = json!({"value_type": "string", "default_value": "blue"});
    team.post(&of("features"), json!({"key": "colour", "definition": feature})).await;
    given_out(&team).await;
    let (status, first, tag) = flags(&server, "", "").await;
    assert_eq!((status, value(&first), tag.is_empty()), (200, &json!("blue"), false), "{first}");
    let mut events = Events::open(&server, &first).await;
    assert_eq!(flags(&server, "", &tag).await.0, 304, "nothing is new");

    set(&team, "red").await;
    let told = events.next().await;
    assert_eq!(told["type"], "refetchEvaluation", "{told}");
    assert!(told["lastModified"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()), "{told}");
    // As OpenFeature's providers ask again: with what the event said, and the tag of what they have.
    let query = told_of(&told);
    let (status, second, next) = flags(&server, &query, &tag).await;
    assert_eq!((status, value(&second)), (200, &json!("red")), "{second}");
    assert_ne!(tag, next);
    assert_eq!(flags(&server, &query, &next).await.0, 304);

    // A change between the answer and the stream that it names is not missed.
    set(&team, "green").await;
    let mut late = Events::open(&server, &second).await;
    assert_eq!(late.next().await["type"], "refetchEvaluation");
    let told = events.next().await;
    assert_eq!(told["type"], "refetchEvaluation");
    let (_, third, last) = flags(&server, &told_of(&told), &next).await;
    assert_eq!(value(&third), "green");
    // What changes nothing for apps is told to nobody.
    let owner = json!({"definition": {"owner": "ada"}});
    assert_eq!(team.changing(Method::PATCH, &of("features/colour"), owner).await.status, 200);
    assert_eq!(flags(&server, "", &last).await.0, 304);
    set(&team, "black").await;
    let next = events.next().await;
    let (_, fourth, _) = flags(&server, &told_of(&next), &last).await;
    assert_eq!((&next["type"], value(&fourth)), (&json!("refetchEvaluation"), &json!("black")));
}

#[tokio::test]
async fn one_address_takes_no_more_than_its_share_of_streams() {
    let server = Server::start_with(&[("FOOTFALL_LIMITS_FLAG_STREAMS_ADDRESS", "2")]).await;
    let feature = json!({"value_type": "string", "default_value": "blue"});
    let team = owner(&server).await;
    team.post(&of("features"), json!({"key": "colour", "definition": feature})).await;
    given_out(&team).await;
    let (_, answer, _) = flags(&server, "", "").await;
    let first = Events::open(&server, &answer).await;
    let second = Events::open(&server, &answer).await;
    // Told by no proxy that is trusted, an address is believed of nobody.
    let path = format!("/sub/{}", server.write_key());
    let ask = async || {
        let url = format!("{}{path}", server.url());
        server.http.send(Method::GET, &url, &[("x-forwarded-for", "192.0.2.1")], "").await
    };
    let refused = ask().await.expect("an answer");
    assert_eq!((refused.status, refused.headers["retry-after"].as_str()), (429, "30"), "{}", refused.text());
    let refused_so_far = server.metric("footfall_flag_streams_refused_total", "limit=\"address\"").await;
    assert_eq!((server.metric("footfall_flag_streams", "").await, refused_so_far), (2.0, 1.0));
    drop(first);
    let gone = async || server.metric("footfall_flag_streams", "").await < 2.0;
    server.eventually("a place is free", gone).await;
    let third = tokio::time::timeout(Duration::from_secs(60), Events::open(&server, &answer)).await;
    assert!(third.is_ok(), "who goes leaves the place");
    drop(second);
}
