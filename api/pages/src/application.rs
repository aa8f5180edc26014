//! The web application: what `dashboards/app` was built to. Its page names files by their hashes, so these never change.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Names below `/assets/app/` and texts, by `build.rs`.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/application.rs"));
const PAGE: &str = "index.html";

/// A built file, as it is and compressed.
pub(crate) struct Built {
    pub content_type: &'static str,
    pub text: &'static str,
    pub gzip: Vec<u8>,
    /// Its version as an entity tag.
    pub tag: String,
    name: &'static str,
}

static BUILT: LazyLock<Vec<Built>> =
    LazyLock::new(|| FILES.iter().map(|&(name, text)| Built::new(name, text)).collect());

impl Built {
    fn new(name: &'static str, text: &'static str) -> Built {
        let content_type = match name.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            Some("json") => "application/json",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Built { content_type, text, gzip: compressed(text), tag: format!("\"{:016x}\"", hasher.finish()), name }
    }
}

/// Empty where it could not be compressed: then it goes as it is.
fn compressed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(text.as_bytes());
    written.and_then(|()| encoder.finish()).unwrap_or_default()
}

/// The page of every address below `/app`.
pub(crate) fn page() -> Option<&'static Built> {
    BUILT.iter().find(|built| built.name == PAGE)
}

/// A file that the page or another file names.
pub(crate) fn built(name: &str) -> Option<&'static Built> {
    BUILT.iter().find(|built| built.name == name && name != PAGE)
}
