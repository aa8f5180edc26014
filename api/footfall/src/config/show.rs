//! `footfall config`: what is in force, as TOML that can be used as a file.

use toml::Value;

use super::Layers;

pub(super) fn to_toml(layers: &Layers) -> String {
    let mut out = String::new();
    let mut section = "";
    for entry in layers.iter() {
        let (in_section, name) = entry.name.split_once('.').unwrap_or(("", &entry.name));
        if in_section != section {
            section = in_section;
            out.push_str(&format!("\n[{section}]\n"));
        }
        let line = format!("{name} = {}", masked(name, &entry.value));
        out.push_str(&format!("{line:<44} # {}\n", entry.origin));
    }
    out
}

/// Values of secrets, and passwords inside URLs, are not shown.
fn masked(name: &str, value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    let secret = ["token", "secret", "password"].iter().any(|word| name.ends_with(word));
    if secret && !text.is_empty() {
        return Value::String("********".into());
    }
    Value::String(without_parameter(&without_password(text).unwrap_or_else(|| text.clone())))
}

/// PostgreSQL takes a password among the parameters of its URL as well.
fn without_parameter(url: &str) -> String {
    let Some((place, parameters)) = url.split_once('?').filter(|(place, _)| place.contains("://")) else {
        return url.to_owned();
    };
    let shown = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().ends_with("password") => format!("{name}=********"),
        _ => parameter.to_owned(),
    };
    let parameters: Vec<String> = parameters.split('&').map(shown).collect();
    format!("{place}?{}", parameters.join("&"))
}

fn without_password(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (user, host) = authority.rsplit_once('@')?;
    let user = user.split_once(':').map_or(user, |(user, _)| user);
    Some(format!("{scheme}://{user}:********@{host}{path}"))
}
