//! Targeting by the address of the page, forcing by its query string, and the addresses of redirects.

use url::Url;

use crate::Value;
use crate::pattern::Pattern;

/// Stands for `*` where an address has to stay an address.
const WILDCARD: &str = "_____";

/// Which addresses an experiment is for: at least one of those included (if there are any), none of those excluded.
#[derive(Clone, Debug, Default)]
pub struct UrlTargets {
    targets: Vec<(bool, Target)>,
}

#[derive(Clone, Debug)]
enum Target {
    Simple(Box<Simple>),
    Regex(Pattern),
    Never,
}

/// An address with `*` for anything, compared part by part.
#[derive(Clone, Debug)]
struct Simple {
    host: Glob,
    path: Glob,
    fragment: Option<Glob>,
    query: Vec<(String, Glob)>,
}

/// Literal pieces, in lower case, between which anything may stand.
#[derive(Clone, Debug)]
struct Glob {
    pieces: Vec<String>,
    is_path: bool,
}

impl UrlTargets {
    /// Reads `[{type: "simple" | "regex", pattern, include}, …]`.
    pub fn read(value: &Value) -> UrlTargets {
        let target = |item: &Value| {
            let pattern = item.get("pattern").and_then(Value::as_str).unwrap_or_default();
            let target = match item.get("type").and_then(Value::as_str) {
                Some("simple") => Simple::read(pattern).map(|simple| Target::Simple(Box::new(simple))),
                Some("regex") => Pattern::compile(pattern, false).ok().map(Target::Regex),
                _ => None,
            };
            let is_included = item.get("include").and_then(Value::as_bool) != Some(false);
            (is_included, target.unwrap_or(Target::Never))
        };
        UrlTargets { targets: value.as_array().unwrap_or_default().iter().map(target).collect() }
    }

    /// True if the address is meant; without any target none is.
    pub fn include(&self, url: &str) -> bool {
        let Ok(url) = base("https://_").and_then(|base| base.join(url)) else {
            // What is no address matches no target, so that only exclusions let it pass.
            return !self.targets.is_empty() && self.targets.iter().all(|(is_included, _)| !is_included);
        };
        let mut has_inclusions = false;
        let mut is_included = false;
        for (includes, target) in &self.targets {
            let matches = target.matches(&url);
            if matches && !includes {
                return false;
            }
            has_inclusions |= includes;
            is_included |= matches;
        }
        !self.targets.is_empty() && (is_included || !has_inclusions)
    }
}

fn base(text: &str) -> Result<Url, url::ParseError> {
    Url::parse(text)
}

impl Target {
    fn matches(&self, url: &Url) -> bool {
        match self {
            Target::Simple(simple) => simple.matches(url),
            Target::Regex(pattern) => {
                let origin = url.origin().ascii_serialization();
                let after_origin = url.as_str().get(origin.len()..).unwrap_or_default();
                pattern.is_match(url.as_str()) || pattern.is_match(after_origin)
            }
            Target::Never => false,
        }
    }
}

impl Simple {
    fn read(pattern: &str) -> Option<Simple> {
        let head = pattern.split([':', '/', '?']).next().unwrap_or_default();
        // A host without a scheme is recognised by its dot.
        let scheme = if head.contains('.') { "https://" } else { "" };
        let text = format!("{scheme}{pattern}").replace('*', WILDCARD);
        let expected = base(&format!("https://{WILDCARD}")).ok()?.join(&text).ok()?;
        Some(Simple {
            host: Glob::new(&host(&expected), false),
            path: Glob::new(expected.path(), true),
            fragment: fragment(&expected).map(|fragment| Glob::new(&fragment, false)),
            query: expected.query_pairs().map(|(name, value)| (name.into(), Glob::new(&value, false))).collect(),
        })
    }

    fn matches(&self, url: &Url) -> bool {
        let query = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        self.host.matches(&host(url))
            && self.path.matches(url.path())
            && self.fragment.as_ref().is_none_or(|glob| glob.matches(&fragment(url).unwrap_or_default()))
            && self.query.iter().all(|(name, glob)| glob.matches(&query(name)))
    }
}

/// Host and port.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The fragment with its `#`; none if it is empty.
fn fragment(url: &Url) -> Option<String> {
    url.fragment().filter(|fragment| !fragment.is_empty()).map(|fragment| format!("#{fragment}"))
}

impl Glob {
    fn new(pattern: &str, is_path: bool) -> Glob {
        let pattern = if is_path {
            let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
            pattern.strip_suffix('/').unwrap_or(pattern)
        } else {
            pattern
        };
        Glob { pieces: pattern.to_lowercase().split(WILDCARD).map(str::to_owned).collect(), is_path }
    }

    fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        if !self.is_path {
            return self.matches_whole(&text);
        }
        // A slash at either end of a path is there or not.
        let starts = [Some(text.as_str()), text.strip_prefix('/')];
        let mut both = starts.into_iter().flatten().flat_map(|text| [Some(text), text.strip_suffix('/')]);
        both.any(|text| text.is_some_and(|text| self.matches_whole(text)))
    }

    /// The pieces occur in order, the first at the start and the last at the end.
    fn matches_whole(&self, text: &str) -> bool {
        let [first, between @ .., last] = self.pieces.as_slice() else {
            return self.pieces.first().is_some_and(|piece| piece == text);
        };
        let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
        for piece in between {
            let Some(at) = rest.find(piece.as_str()) else { return false };
            rest = &rest[at + piece.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

/// The variation that the query string of an address forces by `?experiment=1`.
pub fn query_string_override(experiment: &str, url: &str, variations: usize) -> Option<usize> {
    let query = url.split('?').nth(1)?;
    let query = query.split('#').next().unwrap_or_default();
    let mut pairs = query.split('&').map(|pair| {
        let mut parts = pair.split('=');
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
    });
    let (_, text) = pairs.find(|(name, _)| *name == experiment)?;
    leading_integer(text).filter(|variation| *variation < variations)
}

/// What `parseInt` reads at the start of a text, if it is not negative.
fn leading_integer(text: &str) -> Option<usize> {
    let text = text.trim_start();
    let negative = text.starts_with('-');
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let hexadecimal = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
    let (radix, digits) = hexadecimal.map_or((10, digits), |digits| (16, digits));
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let number = usize::from_str_radix(&digits[..end], radix).ok()?;
    (!negative || number == 0).then_some(number)
}

/// The new address with the parameters of the old one that it does not set itself.
pub fn merge_queries(old: &str, new: &str) -> String {
    let (Ok(old), Ok(mut merged)) = (Url::parse(old), Url::parse(new)) else { return new.to_owned() };
    let mut pairs: Vec<(String, String)> = merged.query_pairs().into_owned().collect();
    let before = pairs.len();
    for (name, value) in old.query_pairs() {
        if !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name.into(), value.into()));
        }
    }
    if pairs.len() > before {
        merged.query_pairs_mut().clear().extend_pairs(pairs);
    }
    merged.into()
}
