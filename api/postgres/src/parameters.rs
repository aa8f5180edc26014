//! Values that a client binds: from text or binary and a type's object id to what the engine takes.

use std::collections::HashSet;

use bytes::{Buf, Bytes};
use footfall_pipelines_store::query::{ParameterContent, ParameterKind, ParameterValue};

use crate::fault::Fault;
use crate::times::{EPOCH_DAYS, EPOCH_MICROS, write_date, write_timestamp};
use crate::type_ids;
use crate::zone::Clock;

/// What the engine calls a type; `None` where the client leaves it open.
pub(crate) fn kind_of(oid: u32) -> Option<ParameterKind> {
    Some(match oid {
        0 | 705 => return None,
        16 => ParameterKind::Boolean,
        20 | 21 | 23 | 26 => ParameterKind::Integer,
        700 | 701 => ParameterKind::Float,
        1700 => ParameterKind::Decimal,
        1082 => ParameterKind::Date,
        1114 => ParameterKind::Timestamp,
        1184 => ParameterKind::Instant,
        // Drivers say varchar where they mean anything: it takes the type of what it is compared with.
        _ if type_ids::item_of(oid).is_some() => return None,
        _ => ParameterKind::Unknown,
    })
}

/// The numbers that the statement compares with `ANY($number)`: a client may leave the type of such a list open. Read once for all
/// values: there may be 65,535 of them, and a statement may be as long as a message.
pub(crate) fn any_of(sql: &str) -> HashSet<usize> {
    const CALL: &str = "any($";
    let compact: String = sql.split_whitespace().collect::<String>().to_ascii_lowercase();
    let behind = compact.match_indices(CALL).map(|(at, _)| &compact[at + CALL.len()..]);
    let number = |behind: &str| {
        let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = behind.split_at(digits);
        rest.starts_with(')').then(|| number.parse().ok()).flatten()
    };
    behind.filter_map(number).collect()
}

/// The object id of a list of texts.
const TEXT_LIST: u32 = 1009;

/// One bound value.
pub(crate) fn value(oid: u32, bytes: Option<&Bytes>, is_binary: bool) -> Result<ParameterValue, Fault> {
    let kind = kind_of(oid).unwrap_or(ParameterKind::Unknown);
    let Some(bytes) = bytes else { return Ok(ParameterValue::null(kind)) };
    match (type_ids::item_of(oid), is_binary) {
        (Some(item), true) => list_of_binary(item, bytes.clone()),
        (Some(item), false) => list_of_text(item, text(bytes)?),
        (None, true) => Ok(ParameterValue::one(kind, of_binary(oid, bytes)?)),
        (None, false) => Ok(ParameterValue::one(kind, text(bytes)?)),
    }
}

/// The values that were bound for the parameters of `sql`, in the formats `codes` (0 text, 1 binary: none, one for all, or one for each) and of
/// the types `oids` as far as the client has said them; a list that it has not called one is known by `ANY($1)`.
///
/// # Errors
/// A format is missing, or a value is not of its type.
pub(crate) fn bound(
    sql: &str,
    oids: &[u32],
    values: &[Option<Bytes>],
    codes: &[i16],
) -> Result<Vec<ParameterValue>, Fault> {
    let is_binary = |place: usize| match codes {
        [] => Ok(false),
        [all] => Ok(*all == 1),
        each => each.get(place).map(|code| *code == 1).ok_or_else(|| Fault::new("08P01", "a format is missing")),
    };
    let oid_of = |place: usize| oids.get(place).copied().unwrap_or(0);
    let lists = match (0..values.len()).any(|place| oid_of(place) == 0) {
        true => any_of(sql),
        false => HashSet::default(),
    };
    let one = |(place, bytes): (usize, &Option<Bytes>)| {
        let oid = match oid_of(place) {
            0 if lists.contains(&(place + 1)) => TEXT_LIST,
            oid => oid,
        };
        value(oid, bytes.as_ref(), is_binary(place)?)
    };
    values.iter().enumerate().map(one).collect()
}

fn text(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::new("22021", "a parameter is no UTF-8"))
}

fn damaged() -> Fault {
    Fault::new("22P03", "a parameter does not have the length that its type has in binary")
}

/// The text of a value in binary.
fn of_binary(oid: u32, bytes: &[u8]) -> Result<String, Fault> {
    let mut written = Vec::new();
    let fixed = |size: usize| if bytes.len() == size { Ok(bytes) } else { Err(damaged()) };
    Ok(match oid {
        16 => (if fixed(1)?[0] == 0 { "false" } else { "true" }).to_owned(),
        21 => fixed(2)?.get_i16().to_string(),
        23 => fixed(4)?.get_i32().to_string(),
        26 => fixed(4)?.get_u32().to_string(),
        20 => fixed(8)?.get_i64().to_string(),
        700 => fixed(4)?.get_f32().to_string(),
        701 => fixed(8)?.get_f64().to_string(),
        1082 => {
            write_date(fixed(4)?.get_i32().saturating_add(EPOCH_DAYS), &mut written);
            String::from_utf8_lossy(&written).into_owned()
        }
        1114 | 1184 => {
            let clock = if oid == 1184 { Clock::Utc } else { Clock::Bare };
            write_timestamp(fixed(8)?.get_i64().saturating_add(EPOCH_MICROS), clock, &mut written);
            String::from_utf8_lossy(&written).into_owned()
        }
        1700 => numeric(bytes)?,
        2950 => {
            let hex: String = fixed(16)?.iter().map(|byte| format!("{byte:02x}")).collect();
            [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
        }
        3802 => text(bytes.get(1..).ok_or_else(damaged)?)?.to_owned(),
        0 | 18 | 19 | 25 | 114 | 705 | 1042 | 1043 => text(bytes)?.to_owned(),
        _ => return Err(Fault::new("0A000", format!("a parameter of type {oid} in binary: send it as text"))),
    })
}

fn numeric(mut bytes: &[u8]) -> Result<String, Fault> {
    if bytes.len() < 8 {
        return Err(damaged());
    }
    let (count, weight) = (usize::from(bytes.get_u16()), bytes.get_i16());
    let (sign, scale) = (bytes.get_u16(), usize::from(bytes.get_u16()));
    if sign & 0xC000 == 0xC000 || bytes.len() != count * 2 || scale > 1000 || weight.unsigned_abs() > 1000 {
        return Err(Fault::new("22003", "a number that is none, or too long"));
    }
    let groups: Vec<u16> = (0..count).map(|_| bytes.get_u16()).collect();
    let group = |place: i16| usize::try_from(place).ok().and_then(|place| groups.get(place)).copied().unwrap_or(0);
    let whole: String = (0..=weight.max(-1)).map(|place| format!("{:04}", group(place))).collect();
    let whole = whole.trim_start_matches('0');
    let places = (scale.div_ceil(4)) as i16;
    let fraction: String = (1..=places).map(|place| format!("{:04}", group(weight.saturating_add(place)))).collect();
    let (minus, whole) = (if sign == 0x4000 { "-" } else { "" }, if whole.is_empty() { "0" } else { whole });
    Ok(match scale {
        0 => format!("{minus}{whole}"),
        _ => format!("{minus}{whole}.{}", &fraction[..scale]),
    })
}

fn many(items: Vec<ParameterValue>) -> ParameterValue {
    ParameterValue { kind: ParameterKind::Unknown, content: ParameterContent::Many(items) }
}

fn list_of_binary(item: u32, mut bytes: Bytes) -> Result<ParameterValue, Fault> {
    let more = |bytes: &Bytes, size: usize| if bytes.len() >= size { Ok(()) } else { Err(damaged()) };
    more(&bytes, 12)?;
    let dimensions = bytes.get_i32();
    bytes.advance(8);
    if dimensions == 0 {
        return Ok(many(Vec::new()));
    }
    more(&bytes, 8)?;
    let count = usize::try_from(bytes.get_i32()).map_err(|_| damaged())?;
    bytes.advance(4);
    if dimensions != 1 || count > bytes.len() / 4 {
        return Err(Fault::new("0A000", "a list of lists"));
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        more(&bytes, 4)?;
        let length = bytes.get_i32();
        let one = match usize::try_from(length) {
            Ok(length) => {
                more(&bytes, length)?;
                Some(bytes.split_to(length))
            }
            Err(_) => None,
        };
        items.push(value(item, one.as_ref(), true)?);
    }
    Ok(many(items))
}

/// `{1,"a b",NULL}`.
fn list_of_text(item: u32, text: &str) -> Result<ParameterValue, Fault> {
    let wrong = || Fault::new("22P02", "a list is written as {1,2}");
    let inner = text.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).ok_or_else(wrong)?;
    let (mut items, mut word, mut is_quoted, mut is_open) = (Vec::new(), String::new(), false, false);
    let mut put = |word: &mut String, is_quoted: &mut bool| {
        let is_null = !*is_quoted && word.trim().eq_ignore_ascii_case("null");
        let bytes = (!is_null).then(|| Bytes::from(if *is_quoted { word.clone() } else { word.trim().to_owned() }));
        word.clear();
        *is_quoted = false;
        value(item, bytes.as_ref(), false).map(|value| items.push(value))
    };
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => word.push(letters.next().ok_or_else(wrong)?),
            '"' => (is_open, is_quoted) = (!is_open, true),
            ',' if !is_open => put(&mut word, &mut is_quoted)?,
            '{' | '}' if !is_open => return Err(Fault::new("0A000", "a list of lists")),
            letter => word.push(letter),
        }
    }
    if !inner.trim().is_empty() {
        put(&mut word, &mut is_quoted)?;
    }
    Ok(many(items))
}
