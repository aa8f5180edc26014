//! Lists the built files of `dashboards/app/dist`, whose names hold hashes, for `src/application.rs` to embed.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../dashboards/app/dist").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        names.push(entry?.file_name().into_string().map_err(|name| format!("{name:?} is no text"))?);
    }
    names.sort();
    let mut list = "&[".to_owned();
    for name in names {
        write!(list, "({name:?}, include_str!({:?})),", folder.join(&name).display().to_string())?;
    }
    list.push(']');
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("application.rs"), list)?;
    Ok(())
}
