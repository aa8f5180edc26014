//! What being let in costs over HTTP: the same work behind no guard, a session's token, a service key, and a token that is nobody's.

use std::time::Duration;

use serde_json::json;

use super::Served;
use super::offered::{self, Offer, Talk};
use crate::error::BenchError;
use crate::http::{Connection, request};
use crate::options::Options;
use crate::report::Report;

struct Same {
    request: String,
    expected: u16,
}

impl Talk for Same {
    fn next(&mut self) -> (usize, String) {
        (0, self.request.clone())
    }

    fn hear(&mut self, status: u16, _: &Connection) -> bool {
        status == self.expected
    }
}

pub async fn measure(options: &Options, report: &mut Report, served: &[Served]) -> Result<(), BenchError> {
    let columns = ["database", "request", "requests/s", "p50 ms", "p99 ms", "server CPU µs/request", "failed"];
    let mut table = report.table("let-in", &columns);
    for (name, server, owner) in served {
        let role = format!("/v1/organisations/{}/roles/viewer", owner.organisation);
        let requests = [
            ("public, the key set", "/.well-known/jwks.json".to_owned(), "", 200),
            ("signed in, a built-in role", role.clone(), owner.token.as_str(), 200),
            ("nobody's token", role, "eyJhbGciOiJub25lIn0.e30.", 401),
        ];
        for (what, path, token, expected) in requests {
            let offer = Offer { connections: 8, warm: Duration::from_millis(500), time: options.cell(), rate: None };
            let before = server.cpu();
            let talker = |_| Same { request: request("GET", &path, token, "", ""), expected };
            let counted = offered::run(server.address, offer, 1, talker).await?;
            let spent = server.cpu().saturating_sub(before).as_secs_f64();
            let share = offer.time.as_secs_f64() / (offer.time + offer.warm).as_secs_f64();
            let answered = counted.answered.max(1) as f64;
            table.row(&[
                json!(name),
                json!(what),
                json!(answered / offer.time.as_secs_f64()),
                json!(counted.all.quantile_ms(0.5)),
                json!(counted.all.quantile_ms(0.99)),
                json!(spent * share * 1e6 / answered),
                json!(counted.failed),
            ]);
        }
    }
    drop(table);
    report
        .note("8 connections, closed loop. What is paid inside the guard alone: `cargo bench -p footfall-api-access`.");
    Ok(())
}
