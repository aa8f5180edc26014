//! The map of requirements in `docs/security.md`: what it names exists, so that it cannot rot.

use std::path::{Path, PathBuf};

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            rust_files(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "rs") {
            found.push(entry);
        }
    }
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn what_the_map_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let map = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let mut files = Vec::new();
    rust_files(&root.join("api"), &mut files);
    rust_files(&root.join("pipelines/store/src"), &mut files);
    let sources: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let is_module = |name: &str| {
        files.iter().any(|path| {
            path.file_stem().is_some_and(|stem| stem == name)
                || path.parent().is_some_and(|folder| folder.ends_with(name))
        })
    };
    let is_there = |name: &str| sources.contains(&format!("fn {name}(")) || is_module(name);
    let (mut looked_at, mut missing) = (0, Vec::new());
    for name in quoted(&map) {
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
        let is_test = is_name && (name.contains("::") || name.matches('_').count() >= 3);
        let is_path = name.ends_with(".rs") || name.ends_with(".sh");
        if is_test {
            looked_at += 1;
            let last = name.rsplit("::").next().unwrap_or(name);
            missing.extend((!is_there(last)).then(|| name.to_owned()));
        } else if is_path {
            looked_at += 1;
            let path = ["access", "http", "app"]
                .iter()
                .find_map(|one| Some(format!("api/{one}/{}", name.strip_prefix(one)?.strip_prefix('/')?)));
            let is_file =
                root.join(path.as_deref().unwrap_or(name)).exists() || files.iter().any(|known| known.ends_with(name));
            missing.extend((!is_file).then(|| name.to_owned()));
        }
    }
    assert!(looked_at > 40, "{looked_at}");
    assert!(missing.is_empty(), "docs/security.md names what is not there: {missing:?}");
}
