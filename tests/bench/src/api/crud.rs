//! A resource made, read, listed, replaced and removed at a fixed rate: a fifth and two fifths of the requests write, each with its
//! audit record, in a transaction that is on the disk before the answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::Served;
use super::offered::{self, Offer, Talk};
use super::owner::Owner;
use crate::error::BenchError;
use crate::http::{Connection, request};
use crate::options::Options;
use crate::report::{Report, Table};
use crate::server::Server;

const KINDS: [&str; 5] = ["POST", "GET one", "GET list", "PUT", "DELETE"];
/// What a connection does, over and over, as indices of `KINDS`.
const MIXES: [(&str, &[usize]); 2] = [
    ("20 % writes", &[0, 1, 2, 1, 3, 1, 2, 1, 1, 2, 1, 3, 1, 1, 2, 1, 1, 2, 1, 4]),
    ("40 % writes", &[0, 1, 2, 3, 1, 2, 3, 1, 1, 4]),
];
const CONNECTIONS: usize = 32;

/// One connection with a role of its own.
struct Keeper {
    token: String,
    roles: String,
    name: String,
    steps: &'static [usize],
    /// Lists read first, so that the connections do not all write at one moment.
    ahead: usize,
    step: usize,
    path: String,
    revision: String,
}

impl Keeper {
    fn draft(&self) -> String {
        json!({"name": format!("{} {}", self.name, self.step), "permissions": ["sql.run"], "rows": "everything", "masks": ["email"]})
            .to_string()
    }
}

impl Talk for Keeper {
    fn next(&mut self) -> (usize, String) {
        if self.ahead > 0 {
            return (2, request("GET", &format!("{}?limit=10", self.roles), &self.token, "", ""));
        }
        // A role that could not be made is made again.
        if self.path.is_empty() {
            self.step = 0;
        }
        let kind = self.steps[self.step % self.steps.len()];
        let if_match = format!("If-Match: {}\r\n", self.revision);
        let token = &self.token;
        let text = match kind {
            0 => request("POST", &self.roles, token, "", &self.draft()),
            1 => request("GET", &self.path, token, "", ""),
            2 => request("GET", &format!("{}?limit=10", self.roles), token, "", ""),
            3 => request("PUT", &self.path, token, &if_match, &self.draft()),
            _ => request("DELETE", &self.path, token, &if_match, ""),
        };
        (kind, text)
    }

    fn hear(&mut self, status: u16, connection: &Connection) -> bool {
        if self.ahead > 0 {
            self.ahead -= 1;
            return (200..300).contains(&status);
        }
        if let Some(revision) = connection.field("etag") {
            self.revision = revision.to_owned();
        }
        match self.steps[self.step % self.steps.len()] {
            0 => self.path = connection.field("location").unwrap_or_default().to_owned(),
            4 => self.path.clear(),
            _ => {}
        }
        self.step += 1;
        (200..300).contains(&status)
    }
}

pub async fn measure(options: &Options, report: &mut Report, served: &[Served]) -> Result<(), BenchError> {
    let columns = ["database", "mix", "request", "offered/s", "answered/s", "p50 ms", "p99 ms", "p99.9 ms", "failed"];
    let mut table = report.table("crud", &columns);
    for (name, server, owner) in served {
        for (mix, steps) in MIXES {
            row(options, &mut table, (name, server, owner), (mix, steps)).await?;
        }
    }
    drop(table);
    report.note(&format!(
        "Open loop over {CONNECTIONS} connections: a request waits from the moment it was due. Roles of an organisation, \
         made, replaced and removed, read alone and in lists of ten; a write is one transaction with its audit record."
    ));
    Ok(())
}

async fn row(
    options: &Options,
    table: &mut Table<'_>,
    (name, server, owner): (&str, &Server, &Owner),
    (mix, steps): (&str, &'static [usize]),
) -> Result<(), BenchError> {
    let (rate, roles) = (options.api_rate, format!("/v1/organisations/{}/roles", owner.organisation));
    let (warm, time) = (Duration::from_secs(1), options.cell() * 3);
    let offer = Offer { connections: CONNECTIONS, warm, time, rate: Some(rate) };
    let keeper = |place| Keeper {
        token: owner.token.clone(),
        roles: roles.clone(),
        name: format!("{name} {mix} {place}"),
        steps,
        ahead: place % steps.len(),
        step: 0,
        path: String::new(),
        revision: String::new(),
    };
    let counted = offered::run(server.address, offer, KINDS.len(), keeper).await?;
    let all = [("all", &counted.all)].into_iter();
    for (what, latencies) in all.chain(KINDS.iter().copied().zip(&counted.latencies)) {
        let whole = |value: Value| if what == "all" { value } else { Value::Null };
        let failed = counted.first_failure.map(|(status, kind)| {
            format!("{}, first {} by {status}", counted.failed, KINDS.get(kind).copied().unwrap_or_default())
        });
        table.row(&[
            json!(name),
            json!(mix),
            json!(what),
            whole(json!(rate)),
            whole(json!(counted.answered as f64 / time.as_secs_f64())),
            json!(latencies.quantile_ms(0.5)),
            json!(latencies.quantile_ms(0.99)),
            json!(latencies.quantile_ms(0.999)),
            whole(json!(failed.unwrap_or_else(|| "0".to_owned()))),
        ]);
    }
    Ok(())
}
