//! The API of the app under load: what a request pays to be let in, sign-ins a second, and reading and writing at a fixed rate,
//! on SQLite and, where one is named, on PostgreSQL.

mod crud;
mod offered;
pub mod owner;
mod shut;
mod sign_ins;

use crate::error::BenchError;
use crate::options::Options;
use crate::report::Report;
use crate::server::Server;
use owner::Owner;

pub async fn measure(options: &Options, report: &mut Report) -> Result<(), BenchError> {
    report.section("The API of the app");
    let databases = [("SQLite", None), ("PostgreSQL", options.postgres.as_deref())];
    let named = databases.into_iter().filter(|(name, url)| *name == "SQLite" || url.is_some());
    let mut served = Vec::new();
    for (name, url) in named {
        let mut server = Server::on_database(options, &format!("api-{name}"), url)?;
        server.start().await?;
        let owner = Owner::first(&server).await?;
        served.push((name, server, owner));
    }
    shut::measure(options, report, &served).await?;
    sign_ins::measure(options, report, &served).await?;
    crud::measure(options, report, &served).await?;
    for (_, server, _) in &mut served {
        server.stop().await?;
    }
    Ok(())
}

/// A running program with its owner, and the database it is on.
type Served = (&'static str, Server, Owner);
