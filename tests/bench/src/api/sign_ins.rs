//! Sign-ins a second by the number of people who do it at one time; nearly all of one is argon2id.

use std::time::Duration;

use serde_json::json;

use super::Served;
use super::offered::{self, Offer, Talk};
use super::owner::{EMAIL, PASSWORD};
use crate::error::BenchError;
use crate::http::{Connection, request};
use crate::options::Options;
use crate::report::Report;

struct SignIn(String);

impl Talk for SignIn {
    fn next(&mut self) -> (usize, String) {
        (0, self.0.clone())
    }

    fn hear(&mut self, status: u16, _: &Connection) -> bool {
        status == 200
    }
}

pub async fn measure(options: &Options, report: &mut Report, served: &[Served]) -> Result<(), BenchError> {
    let columns = ["database", "at one time", "sign-ins/s", "p50 ms", "p99 ms", "server CPU ms/sign-in", "failed"];
    let mut table = report.table("sign-ins", &columns);
    let body = json!({"email": EMAIL, "password": PASSWORD}).to_string();
    for (name, server, _) in served {
        for connections in [1, 2, 4] {
            let offer = Offer { connections, warm: Duration::from_millis(500), time: options.cell(), rate: None };
            let before = server.cpu();
            let talker = |_| SignIn(request("POST", "/v1/sign-in", "", "", &body));
            let counted = offered::run(server.address, offer, 1, talker).await?;
            let spent = server.cpu().saturating_sub(before).as_secs_f64();
            let share = offer.time.as_secs_f64() / (offer.time + offer.warm).as_secs_f64();
            let answered = counted.answered.max(1) as f64;
            table.row(&[
                json!(name),
                json!(connections),
                json!(counted.answered as f64 / offer.time.as_secs_f64()),
                json!(counted.all.quantile_ms(0.5)),
                json!(counted.all.quantile_ms(0.99)),
                json!(spent * share * 1e3 / answered),
                json!(match counted.first_failure {
                    Some((status, _)) => format!("{}, first by {status}", counted.failed),
                    None => "0".to_owned(),
                }),
            ]);
        }
    }
    Ok(())
}
