//! `clickhouse://user:password@host:port/database?cluster=NAME&tls=on&ca=FILE`: where the database is.

use std::path::PathBuf;

use crate::StoreError;

const SCHEME: &str = "clickhouse://";
const PORT: u16 = 8123;
const PORT_TLS: u16 = 8443;

/// The parts of a URL. Its `Debug` and [`Address::shown`] leave the password out.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// `http://host:port` or `https://host:port`
    pub http: String,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: String,
    pub cluster: Option<String>,
    pub tls: bool,
    /// Whose certificates are trusted; those of this machine where it is absent.
    pub authority: Option<PathBuf>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Address {
    pub fn parse(url: &str) -> Result<Address, StoreError> {
        let unknown = || StoreError::UnknownUrl { url: without_password(url) };
        let rest = url.strip_prefix(SCHEME).ok_or_else(unknown)?;
        let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, query)| (rest, query));
        let (host, database) = rest.split_once('/').ok_or_else(unknown)?;
        let (login, host) = host.rsplit_once('@').map_or((None, host), |(login, host)| (Some(login), host));
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (Some(decoded(user).ok_or_else(unknown)?), decoded(password)),
            None => (None, None),
        };
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let plain =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let (mut cluster, mut tls, mut authority) = (None, false, None);
        for (name, value) in query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| pair.split_once('=')) {
            match name {
                "cluster" if plain(value) => cluster = Some(value.to_owned()),
                "tls" if ["on", "off"].contains(&value) => tls = value == "on",
                "ca" => authority = Some(PathBuf::from(decoded(value).ok_or_else(unknown)?)),
                _ => return Err(unknown()),
            }
        }
        if host.is_empty() || !plain(database) || (authority.is_some() && !tls) {
            return Err(unknown());
        }
        let (scheme, usual) = if tls { ("https", PORT_TLS) } else { ("http", PORT) };
        let http = if has_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{usual}") };
        Ok(Address {
            http,
            user,
            password: password.filter(|text| !text.is_empty()),
            database: database.to_owned(),
            cluster,
            tls,
            authority,
        })
    }

    /// For people: without user and password.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.http, self.database)
    }
}

fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("{SCHEME}…@{rest}"),
        None => url.to_owned(),
    }
}

/// Percent-encoding undone.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let full = Address::parse("clickhouse://me:p%40ss@db.example:9000/footfall?cluster=main").unwrap();
        assert_eq!(full.http, "http://db.example:9000");
        assert_eq!((full.user.as_deref(), full.password.as_deref()), (Some("me"), Some("p@ss")));
        assert_eq!((full.database.as_str(), full.cluster.as_deref()), ("footfall", Some("main")));
        let short = Address::parse("clickhouse://localhost/f").unwrap();
        assert_eq!((short.http.as_str(), short.user, short.tls), ("http://localhost:8123", None, false));
        let tls = Address::parse("clickhouse://db/f?tls=on&ca=%2Fetc%2Fca.pem").unwrap();
        assert_eq!((tls.http.as_str(), tls.tls), ("https://db:8443", true));
        assert_eq!(tls.authority, Some("/etc/ca.pem".into()));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for url in [
            "file:x",
            "clickhouse://host",
            "clickhouse:///f",
            "clickhouse://h/a b",
            "clickhouse://h/f?x=1",
            "clickhouse://h/f?tls=maybe",
            "clickhouse://h/f?ca=x",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
        let error = Address::parse("clickhouse://me:secret@host").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
