//! Serves the pages with the API of the app on a new folder. Prints one line of JSON: the address, the link of the first owner, and
//! the folder that mails go to.

mod site;

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let site = site::Site::open().await?;
    let told = serde_json::json!({"address": site.address, "link": site.link, "mails": site.mails});
    writeln!(std::io::stdout(), "{told}")?;
    std::io::stdout().flush()?;
    site.serve(async { drop(tokio::signal::ctrl_c().await) }).await
}
