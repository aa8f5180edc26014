//! `footfall demo`: the activity of a made-up city guide app, the same for the same seed, at a chosen rate.

mod item;
mod person;
mod random;
mod session;
mod stream;
mod world;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use footfall_ingest_activity::{Clock, Timestamp};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::client::{Call, Client};
use crate::config::Settings;
use crate::console::{grouped, is_watched, note, renew, say};
use crate::error::AppError;
use crate::operator::Presence;
use crate::wiring;
use stream::{Plan, Stream};

/// What to stream and where to.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Activities a second
    #[arg(long, default_value_t = 20.0)]
    rate: f64,
    /// The same seed tells the same story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many people there are
    #[arg(long, default_value_t = 2000)]
    people: u32,
    /// First fill in this many days of the past, with their nights, weekends and growth
    #[arg(long, visible_alias = "backfill", default_value_t = 0, value_name = "DAYS")]
    days: u32,
    /// Activities a day in the days filled in, on average
    #[arg(long, default_value_t = 3000)]
    per_day: u32,
    /// Stop after this many live activities; 0 stops after the days filled in; without it, never
    #[arg(long)]
    total: Option<u64>,
    /// Server; else the one that runs on the data folder
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// A write key of that server (or FOOTFALL_KEY)
    #[arg(long)]
    key: Option<String>,
}

const DAY: i64 = 86_400_000;
const BATCH_ITEMS: usize = 500;
const IN_FLIGHT: usize = 4;

/// Runs the command.
pub async fn run(arguments: DemoArgs, settings: Settings, clock: Arc<dyn Clock>) -> Result<(), AppError> {
    if !(arguments.rate > 0.0 && arguments.rate <= 1e6) {
        return Err(AppError::Usage("--rate must be above 0".into()));
    }
    let server = server(&arguments, &settings).await?;
    let mut sender =
        Sender { server, under_way: FuturesUnordered::new(), sent: 0, clock, started: Timestamp::default(), told: 0 };
    sender.started = sender.clock.now();
    let now = sender.started;
    if arguments.days > 0 {
        history(&arguments, &mut sender, now).await?;
    }
    live(&arguments, &mut sender).await?;
    sender.finish().await?;
    say(format!("sent {}", sender.sent));
    Ok(())
}

async fn server(arguments: &DemoArgs, settings: &Settings) -> Result<Client, AppError> {
    if let Some(url) = &arguments.to {
        let key = arguments.key.clone().or_else(|| wiring::variable("FOOTFALL_KEY"));
        let missing = || AppError::Usage("--to needs --key ffw_… (or FOOTFALL_KEY)".into());
        return Client::new(url, &key.ok_or_else(missing)?);
    }
    match Presence::find(&settings.data_dir).await {
        Some(server) => Ok(server.for_project(&settings.project)),
        None => Err(AppError::Usage(format!(
            "no server runs on {}: start `footfall`, or name one with --to URL --key ffw_…",
            settings.data_dir.display()
        ))),
    }
}

async fn history(arguments: &DemoArgs, sender: &mut Sender, now: Timestamp) -> Result<(), AppError> {
    // Whole days, so that the same day tells the same story.
    let until = Timestamp::from_millis(now.millis().div_euclid(DAY) * DAY);
    let from = until.plus_millis(-i64::from(arguments.days) * DAY);
    let per_second = f64::from(arguments.per_day) / 86_400.0;
    let (seed, people) = (arguments.seed, arguments.people);
    let mut stream = Stream::new(Plan { seed, people, from, until: now, per_second, seasons: true });
    let (mut batch, mut items) = (String::new(), 0);
    loop {
        let start = batch.len();
        if stream.next(&mut batch) >= now {
            batch.truncate(start);
            break;
        }
        batch.push('\n');
        items += 1;
        if items == BATCH_ITEMS {
            sender.send(std::mem::take(&mut batch), std::mem::take(&mut items)).await?;
        }
    }
    sender.send(batch, items).await
}

async fn live(arguments: &DemoArgs, sender: &mut Sender) -> Result<(), AppError> {
    let total = arguments.total.unwrap_or(u64::MAX);
    let start = sender.clock.now();
    let mut stream = Stream::new(Plan::live(arguments.seed, arguments.people, start, arguments.rate));
    stream.skip_to(start);
    let mut made = 0;
    let (mut batch, mut items) = (String::new(), 0);
    while made < total {
        let begun = batch.len();
        let at = stream.next(&mut batch);
        let ahead = at.millis_since(sender.clock.now());
        if ahead > 0 {
            // What is not due yet waits behind what is.
            let waiting = batch.split_off(begun);
            sender.send(std::mem::take(&mut batch), std::mem::take(&mut items)).await?;
            tokio::time::sleep(Duration::from_millis(ahead.unsigned_abs().max(20))).await;
            batch = waiting;
        }
        batch.push('\n');
        items += 1;
        made += 1;
        if items == BATCH_ITEMS {
            sender.send(std::mem::take(&mut batch), std::mem::take(&mut items)).await?;
        }
    }
    sender.send(batch, items).await
}

type UnderWay = std::pin::Pin<Box<dyn Future<Output = Result<u64, AppError>> + Send>>;

struct Sender {
    server: Client,
    under_way: FuturesUnordered<UnderWay>,
    sent: u64,
    clock: Arc<dyn Clock>,
    started: Timestamp,
    told: i64,
}

impl Sender {
    async fn send(&mut self, batch: String, items: usize) -> Result<(), AppError> {
        if items == 0 {
            return Ok(());
        }
        let server = self.server.clone();
        self.under_way.push(Box::pin(async move {
            server.text(&Call::post("/v1/activity", "application/x-ndjson", batch)).await?;
            Ok(items as u64)
        }));
        while self.under_way.len() >= IN_FLIGHT {
            self.one().await?;
        }
        Ok(())
    }

    async fn one(&mut self) -> Result<(), AppError> {
        if let Some(items) = self.under_way.next().await {
            self.sent += items?;
            self.tell();
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), AppError> {
        while !self.under_way.is_empty() {
            self.one().await?;
        }
        if is_watched() {
            note("");
        }
        Ok(())
    }

    fn tell(&mut self) {
        let millis = self.clock.now().millis_since(self.started).max(1);
        let watched = is_watched();
        if millis - self.told < if watched { 250 } else { 5000 } {
            return;
        }
        self.told = millis;
        let rate = self.sent * 1000 / millis.unsigned_abs();
        let line = format!("{} activities, {} a second", grouped(self.sent), grouped(rate));
        if watched { renew(&line) } else { note(line) }
    }
}
