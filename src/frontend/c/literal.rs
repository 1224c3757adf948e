//! Literals: what numbers, characters and strings are.

use crate::facts::Value;

/// A number as C writes it, without its suffix.
pub(super) fn integer(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let text = text.trim_end_matches(['u', 'U', 'l', 'L']);
    let parsed = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => u64::from_str_radix(&text[2..], 16),
        [b'0', b'b' | b'B', ..] => u64::from_str_radix(&text[2..], 2),
        [b'0', _, ..] => u64::from_str_radix(&text[1..], 8),
        _ => text.parse(),
    };
    let value = parsed.ok()? as i64;
    Some(if negative { value.wrapping_neg() } else { value })
}

/// What a string literal holds, without prefix and quotes, escapes replaced.
pub(super) fn literal(text: &str) -> String {
    let Some(open) = text.find('"') else {
        return String::new();
    };
    let inner = &text[open + 1..];
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    unescape(inner)
}

pub(super) fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\x07'),
            Some('e') => out.push('\x1b'),
            Some('\n') | None => {}
            Some('x') => {
                let digits: String = std::iter::from_fn(|| rest.next_if(char::is_ascii_hexdigit))
                    .take(8)
                    .collect();
                out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
            }
            Some(c @ '0'..='7') => {
                let mut value = c as u32 - '0' as u32;
                for _ in 0..2 {
                    if let Some(digit) = rest.next_if(|c| ('0'..='7').contains(c)) {
                        value = value * 8 + (digit as u32 - '0' as u32);
                    }
                }
                out.extend(char::from_u32(value));
            }
            Some(other) => out.push(other),
        }
    }
    out
}

/// The number that a character literal is.
pub(super) fn character(text: &str) -> Value {
    let inner = text.split_once('\'').map_or("", |(_, rest)| rest);
    let inner = unescape(inner.strip_suffix('\'').unwrap_or(inner));
    let mut chars = inner.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Value::Int(i64::from(c as u32)),
        _ => Value::Unknown,
    }
}
