//! Strings as far as they are evident: what `+`, `%` and `.format` make of literals and values.

use super::names::attribute;
use crate::facts::{Argument, Piece, Value};
use std::collections::HashMap;

/// Adds literal text, joined to a literal before it.
pub(super) fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Literal(last)) => last.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_string())),
    }
}

/// Adds a value: a string's own pieces where it is put in as it is (`plain`), else a hole.
pub(super) fn push_value(pieces: &mut Vec<Piece>, value: Value, plain: bool) {
    match value {
        Value::Text(inner) if plain => {
            for piece in inner {
                match piece {
                    Piece::Literal(text) => push_literal(pieces, &text),
                    hole => pieces.push(hole),
                }
            }
        }
        other => pieces.push(Piece::Hole(other)),
    }
}

/// `left + right`: a string if either is one.
pub(super) fn add(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Text(pieces), right) => {
            let mut pieces = Vec::from(pieces);
            push_value(&mut pieces, right, true);
            Value::Text(pieces.into())
        }
        (Value::Combined(operands), Value::Text(text)) => {
            // The operands of a sum that ends in a string were strings too.
            let mut pieces: Vec<Piece> = operands.into_iter().map(Piece::Hole).collect();
            push_value(&mut pieces, Value::Text(text), true);
            Value::Text(pieces.into())
        }
        (left, Value::Text(text)) => {
            let mut pieces = vec![Piece::Hole(left)];
            push_value(&mut pieces, Value::Text(text), true);
            Value::Text(pieces.into())
        }
        (left, right) => combined(left, right),
    }
}

/// Two operands of which no more is known.
pub(super) fn combined(left: Value, right: Value) -> Value {
    let mut operands = match left {
        Value::Combined(operands) => Vec::from(operands),
        other => vec![other],
    };
    if operands.len() < super::MAX_ALTERNATIVES * 4 {
        operands.push(right);
    }
    Value::Combined(operands.into())
}

/// `'…' % operand`. A literal tuple, told by `is_tuple`, fills one conversion with each element.
pub(super) fn percent(pieces: Vec<Piece>, operand: Value, is_tuple: bool) -> Value {
    let mut result = Vec::new();
    let conversions = pieces.iter().map(count_conversions).sum::<usize>();
    let mut operands = Operands {
        operand,
        is_tuple,
        single: conversions <= 1,
        next: 0,
        keys: None,
    };
    for piece in pieces {
        match piece {
            Piece::Literal(text) => percent_literal(&text, &mut operands, &mut result),
            hole => result.push(hole),
        }
    }
    Value::Text(result.into())
}

/// What a format's conversions are filled with, one after the other.
struct Operands {
    operand: Value,
    is_tuple: bool,
    /// The format has but one conversion, which takes an operand that is no tuple whole.
    single: bool,
    next: usize,
    /// Where each literal key of a mapping is, made when the first name is asked for.
    keys: Option<HashMap<String, usize>>,
}

impl Operands {
    fn take(&mut self) -> Value {
        let at = self.next;
        self.next += 1;
        match &mut self.operand {
            Value::List(values) if self.is_tuple => values.get_mut(at).map_or(Value::Unknown, take_out),
            operand if self.single => take_out(operand),
            operand => item(operand, Value::Int(at as i64)),
        }
    }

    fn named(&mut self, name: &str) -> Value {
        let Value::Map(items) = &self.operand else {
            return item(&self.operand, Value::text(name));
        };
        let keys = self.keys.get_or_insert_with(|| {
            let literal = |(at, (key, _)): (usize, &(Value, Value))| key.as_text().map(|key| (key.to_string(), at));
            items.iter().enumerate().filter_map(literal).collect()
        });
        keys.get(name).map_or(Value::Unknown, |at| copy(&items[*at].1))
    }
}

/// The value, unless it is too large to be repeated.
fn copy(value: &Value) -> Value {
    if is_small(value) { value.clone() } else { Value::Unknown }
}

/// `base[key]`, unless `base` is too large to be repeated.
fn item(base: &Value, key: Value) -> Value {
    if is_small(base) {
        Value::Item(Box::new(base.clone()), Box::new(key))
    } else {
        Value::Unknown
    }
}

/// Whether a value may be repeated freely.
pub(super) fn is_small(value: &Value) -> bool {
    fn fits(value: &Value, left: &mut usize) -> bool {
        let size = match value {
            Value::Text(pieces) => pieces.iter().map(piece_size).sum::<usize>(),
            Value::Path(text) | Value::Global(text) => 1 + text.len() / 64,
            _ => 1,
        };
        if size > *left {
            return false;
        }
        *left -= size;
        match value {
            Value::Attribute(base, _) | Value::Element(base) | Value::Await(base) => fits(base, left),
            Value::Item(base, key) => fits(base, left) && fits(key, left),
            Value::Text(pieces) => pieces.iter().all(|piece| match piece {
                Piece::Literal(_) => true,
                Piece::Hole(hole) => fits(hole, left),
            }),
            Value::List(values) | Value::OneOf(values) | Value::Combined(values) => {
                values.iter().all(|value| fits(value, left))
            }
            Value::Map(items) => items.iter().all(|(key, value)| fits(key, left) && fits(value, left)),
            _ => true,
        }
    }
    fn piece_size(piece: &Piece) -> usize {
        match piece {
            Piece::Literal(text) => 1 + text.len() / 64,
            Piece::Hole(_) => 1,
        }
    }
    fits(value, &mut 48)
}

/// One conversion of a `%` format: the offset past it, its name, and whether it is plain `%s`.
struct Conversion<'t> {
    end: usize,
    name: Option<&'t str>,
    stars: usize,
    letter: u8,
    plain: bool,
}

/// The conversion whose `%` is at `at`.
fn conversion(text: &str, at: usize) -> Conversion<'_> {
    let bytes = text.as_bytes();
    let mut end = at + 1;
    let mut name = None;
    if bytes.get(end) == Some(&b'(') {
        let close = memchr::memchr(b')', &bytes[end..]).map_or(bytes.len(), |offset| end + offset);
        name = text.get(end + 1..close);
        end = (close + 1).min(bytes.len());
    }
    let flags = end;
    let mut stars = 0;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'*' => stars += 1,
            b'0'..=b'9' | b'#' | b'-' | b' ' | b'+' | b'.' | b'h' | b'l' | b'L' => {}
            _ => break,
        }
        end += 1;
    }
    let letter = bytes.get(end).copied().unwrap_or(0);
    let plain = end == flags && letter == b's';
    end += text[end..].chars().next().map_or(0, char::len_utf8);
    Conversion {
        end,
        name,
        stars,
        letter,
        plain,
    }
}

fn count_conversions(piece: &Piece) -> usize {
    let Piece::Literal(text) = piece else { return 0 };
    let (mut at, mut count) = (0, 0);
    while let Some(offset) = memchr::memchr(b'%', &text.as_bytes()[at..]) {
        let conversion = conversion(text, at + offset);
        count += usize::from(conversion.letter != b'%') + conversion.stars;
        at = conversion.end;
    }
    count
}

fn percent_literal(text: &str, operands: &mut Operands, result: &mut Vec<Piece>) {
    let mut at = 0;
    while let Some(offset) = memchr::memchr(b'%', &text.as_bytes()[at..]) {
        push_literal(result, &text[at..at + offset]);
        let conversion = conversion(text, at + offset);
        for _ in 0..conversion.stars {
            operands.take();
        }
        match (conversion.letter, conversion.name) {
            (b'%', _) => push_literal(result, "%"),
            (_, Some(name)) => push_value(result, operands.named(name), conversion.plain),
            (_, None) => push_value(result, operands.take(), conversion.plain),
        }
        at = conversion.end;
    }
    push_literal(result, &text[at..]);
}

/// `'…'.format(args)`.
pub(super) fn format(pieces: &[Piece], args: &[Argument]) -> Value {
    // Positions after a `*args` are not known.
    let star = args.iter().position(|arg| arg.name.as_deref() == Some("*"));
    let before_star = &args[..star.unwrap_or(args.len())];
    let mut fields = Fields {
        positional: before_star
            .iter()
            .filter(|arg| arg.name.is_none())
            .map(|arg| &arg.value)
            .collect(),
        named: args
            .iter()
            .filter_map(|arg| Some((arg.name.as_deref()?, &arg.value)))
            .collect(),
        automatic: 0,
    };
    let mut result = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(text) => format_literal(text, &mut fields, &mut result),
            hole => result.push(hole.clone()),
        }
    }
    Value::Text(result.into())
}

/// What a format's fields are filled with.
struct Fields<'v> {
    positional: Vec<&'v Value>,
    named: HashMap<&'v str, &'v Value>,
    /// How many fields without a name there were.
    automatic: usize,
}

fn format_literal(text: &str, fields: &mut Fields, result: &mut Vec<Piece>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(offset) = memchr::memchr2(b'{', b'}', &bytes[at..]) {
        let brace = at + offset;
        push_literal(result, &text[at..brace]);
        if bytes.get(brace + 1) == Some(&bytes[brace]) || bytes[brace] == b'}' {
            push_literal(result, &text[brace..=brace]);
            at = brace
                + if bytes.get(brace + 1) == Some(&bytes[brace]) {
                    2
                } else {
                    1
                };
            continue;
        }
        let end = field_end(bytes, brace);
        let field = &text[brace + 1..end];
        let name_end = field.find(['!', ':']).unwrap_or(field.len());
        let value = field_value(&field[..name_end], fields);
        push_value(result, value, name_end == field.len());
        at = (end + 1).min(bytes.len());
    }
    push_literal(result, &text[at..]);
}

/// The offset of the brace that closes the field whose opening brace is at `open`.
fn field_end(bytes: &[u8], open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    bytes.len()
}

/// The value of a field's name: `""`, `0`, `name`, `0.attribute`, `name[key]`.
fn field_value(field: &str, fields: &mut Fields) -> Value {
    let first_end = field.find(['.', '[']).unwrap_or(field.len());
    let first = &field[..first_end];
    let index = if first.is_empty() {
        fields.automatic += 1;
        Some(fields.automatic - 1)
    } else {
        first.parse::<usize>().ok()
    };
    let found = match index {
        Some(index) => fields.positional.get(index),
        None => fields.named.get(first),
    };
    let mut value = found.map_or(Value::Unknown, |value| copy(value));
    let mut rest = &field[first_end..];
    let mut steps = 0;
    while !rest.is_empty() && steps < 8 {
        steps += 1;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            value = attribute(value, &after[..end]);
            rest = &after[end..];
        } else if let Some(after) = rest.strip_prefix('[') {
            let end = after.find(']').unwrap_or(after.len());
            let key = &after[..end];
            let key = key.parse::<i64>().map_or_else(|_| Value::text(key), Value::Int);
            value = Value::Item(Box::new(value), Box::new(key));
            rest = after.get(end + 1..).unwrap_or("");
        } else {
            return Value::Unknown;
        }
    }
    value
}

/// The value itself, leaving [`Value::Unknown`].
fn take_out(value: &mut Value) -> Value {
    std::mem::replace(value, Value::Unknown)
}
