//! Lists, and numbers of any length, in PostgreSQL's forms.

use std::ops::Range;

use bytes::BufMut;

use crate::cells::Cells;

/// `{1,"a b",NULL}`.
pub(crate) fn write_text(items: &Cells, places: Range<usize>, out: &mut Vec<u8>) {
    out.push(b'{');
    let first = places.start;
    let mut text = Vec::new();
    for place in places {
        if place > first {
            out.push(b',');
        }
        if items.is_null(place) {
            out.extend_from_slice(b"NULL");
            continue;
        }
        text.clear();
        items.write_text(place, &mut text);
        let is_plain = |byte: &u8| !matches!(byte, b'{' | b'}' | b',' | b'"' | b'\\') && !byte.is_ascii_whitespace();
        if !text.is_empty() && text.iter().all(is_plain) && !text.eq_ignore_ascii_case(b"null") {
            out.extend_from_slice(&text);
            continue;
        }
        out.push(b'"');
        for &byte in &text {
            if matches!(byte, b'"' | b'\\') {
                out.push(b'\\');
            }
            out.push(byte);
        }
        out.push(b'"');
    }
    out.push(b'}');
}

/// One dimension, counted from 1.
pub(crate) fn write_binary(items: &Cells, places: Range<usize>, item: u32, out: &mut Vec<u8>) {
    let has_null = places.clone().any(|place| items.is_null(place));
    out.put_i32(i32::from(!places.is_empty()));
    out.put_i32(i32::from(has_null));
    out.put_u32(item);
    if places.is_empty() {
        return;
    }
    out.put_i32(i32::try_from(places.len()).unwrap_or(i32::MAX));
    out.put_i32(1);
    let mut value = Vec::new();
    for place in places {
        if items.is_null(place) {
            out.put_i32(-1);
            continue;
        }
        value.clear();
        items.write_binary(place, &mut value);
        out.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
        out.extend_from_slice(&value);
    }
}

/// Decimal digits as groups of four, the first one's weight, the sign, and how many digits stand behind the point.
pub(crate) fn write_numeric(text: &str, out: &mut Vec<u8>) {
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let lead = (4 - whole.len() % 4) % 4;
    let digits: String = [&"0".repeat(lead), whole, fraction, &"0".repeat((4 - fraction.len() % 4) % 4)].concat();
    let groups: Vec<i16> = digits
        .as_bytes()
        .chunks(4)
        .map(|group| group.iter().fold(0, |sum, digit| sum * 10 + i16::from(digit.saturating_sub(b'0'))))
        .collect();
    let weight = (whole.len() + lead) / 4;
    let zeros = groups.iter().take_while(|group| **group == 0).count();
    let tail = groups.iter().rev().take_while(|group| **group == 0).count().min(groups.len() - zeros);
    let shown = &groups[zeros..groups.len() - tail];
    out.put_i16(i16::try_from(shown.len()).unwrap_or(i16::MAX));
    out.put_i16(if shown.is_empty() { 0 } else { weight as i16 - 1 - zeros as i16 });
    out.put_u16(if is_negative { 0x4000 } else { 0 });
    out.put_i16(i16::try_from(fraction.len()).unwrap_or(i16::MAX));
    for group in shown {
        out.put_i16(*group);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(text: &str) -> Vec<i16> {
        let mut out = Vec::new();
        write_numeric(text, &mut out);
        out.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn numbers_are_groups_of_four_digits() {
        assert_eq!(numeric("0"), [0, 0, 0, 0]);
        assert_eq!(numeric("12345.678"), [3, 1, 0, 3, 1, 2345, 6780]);
        assert_eq!(numeric("-0.00012"), [2, -1, 0x4000, 5, 1, 2000]);
        assert_eq!(numeric("10000"), [1, 1, 0, 0, 1]);
        assert_eq!(numeric("18446744073709551615"), [5, 4, 0, 0, 1844, 6744, 737, 955, 1615]);
    }
}
