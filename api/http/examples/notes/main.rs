//! Serves the notes, for tests from outside: `notes [--write-document FILE]`. Prints the address as its first line.

mod access;
mod resource;
mod site;

use std::io::Write;
use std::sync::Arc;

use footfall_api_http::{Certificate, ServeSettings, Settings, Tls, Undeclared, serve};
use footfall_ingest_activity::SystemClock;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quotas = footfall_api_http::limit::Quotas { address: None, account: None, key: None };
    let settings = Settings { undeclared: Undeclared::Refuse, quotas, ..Settings::default() };
    let built = site::build(settings, Arc::new(SystemClock))?;
    if let [flag, path] = arguments.as_slice()
        && flag == "--write-document"
    {
        std::fs::write(path, site::pretty(&built.document.written()?)?)?;
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let tls = match arguments.as_slice() {
            [flag, chain, key] if flag == "--tls" => {
                let certificate = Certificate { chain: chain.into(), key: key.into() };
                Some(Arc::new(Tls::load(certificate).await?))
            }
            _ => None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        writeln!(std::io::stdout(), "{scheme}://{}", listener.local_addr()?)?;
        std::io::stdout().flush()?;
        let stop = async {
            drop(tokio::signal::ctrl_c().await);
        };
        serve(listener, built.router, ServeSettings::default(), tls, stop).await;
        Ok(())
    })
}
