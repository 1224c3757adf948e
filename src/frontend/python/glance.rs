//! What a name's use comes to, told from the line that it stands on alone, before anything is parsed.

use std::collections::BTreeSet;
use std::ops::Range;

/// Words before a parenthesis that make no call of it.
const NO_CALLS: [&[u8]; 17] = [
    b"and", b"as", b"assert", b"await", b"del", b"elif", b"else", b"for", b"from", b"if", b"import", b"in", b"not",
    b"or", b"return", b"with", b"yield",
];

/// Whether the name at `place` (a whole identifier of `bytes`) is surely only looked at where it stands: nothing is stored
/// into the thing, and the thing goes nowhere else. `readers` are the methods that only look at it.
///
/// What is not plainly so is not so: a use that goes over several lines, say.
pub fn only_looks(bytes: &[u8], place: Range<usize>, readers: &BTreeSet<String>) -> bool {
    let line_start = memchr::memrchr(b'\n', &bytes[..place.start]).map_or(0, |at| at + 1);
    let line_end = memchr::memchr(b'\n', &bytes[place.end..]).map_or(bytes.len(), |at| place.end + at);
    let before = without_path(&bytes[line_start..place.start]).trim_ascii_end();
    let after = &bytes[place.end..line_end];
    if before.trim_ascii_start().starts_with(b"#") {
        return true;
    }
    match after.first() {
        Some(b'.') => method(&after[1..]).is_some_and(|name| readers.iter().any(|reader| reader.as_bytes() == name)),
        Some(b'[') => element_is_read(before, after),
        _ => is_searched(before, after) || is_imported(&bytes[line_start..place.start], after),
    }
}

/// The name of a method that is called at once.
fn method(after: &[u8]) -> Option<&[u8]> {
    let length = after.iter().take_while(|byte| is_word(**byte)).count();
    (after.get(length) == Some(&b'(')).then_some(&after[..length])
}

/// `x = a[…]`, `return a[…]`, `f(a[…])`, with nothing behind that could make it a target.
fn element_is_read(before: &[u8], after: &[u8]) -> bool {
    let Some(close) = memchr::memchr(b']', after) else {
        return false;
    };
    let (key, rest) = (&after[1..close], after[close + 1..].trim_ascii());
    let simple = |byte: &u8| is_word(*byte) || b" '\".-+/:%{}=!<>".contains(byte);
    let even = |quote: u8| memchr::memchr_iter(quote, key).count().is_multiple_of(2);
    if !key.iter().all(simple) || !even(b'\'') || !even(b'"') || holds_assignment(rest) || rest.ends_with(b"\\") {
        return false;
    }
    // In a row of values it could be a target in a row of targets.
    let value = before.ends_with(b"=") && !rest.starts_with(b",");
    value || ends_with_word(before, b"return") || opens_call(before)
}

/// `k in a:`, `k in a)`, `k in a and …`.
fn is_searched(before: &[u8], after: &[u8]) -> bool {
    let rest = after.trim_ascii_start();
    let follows = matches!(rest.first(), None | Some(b':' | b')' | b'#'))
        || rest.starts_with(b"and ")
        || rest.starts_with(b"or ");
    ends_with_word(before, b"in") && follows
}

/// `from m import a`, under its own name, so that every use of it names it again.
fn is_imported(before: &[u8], after: &[u8]) -> bool {
    let statement = before.trim_ascii_start();
    let plain = |text: &[u8]| {
        let quiet = |byte: &u8| is_word(*byte) || matches!(byte, b' ' | b',' | b'.' | b'\t' | b'\r');
        text.iter().all(quiet) && !text.windows(4).any(|four| four == b" as ")
    };
    statement.starts_with(b"from ") && plain(statement) && plain(after)
}

/// The text without the path of names that leads to what follows: `x = os.` is `x = `.
fn without_path(text: &[u8]) -> &[u8] {
    let path = |byte: &&u8| is_word(**byte) || **byte == b'.';
    match text.last() {
        Some(b'.') => &text[..text.len() - text.iter().rev().take_while(path).count()],
        _ => text,
    }
}

fn opens_call(before: &[u8]) -> bool {
    let Some(callee) = before.strip_suffix(b"(") else {
        return false;
    };
    let length = callee.iter().rev().take_while(|byte| is_word(**byte)).count();
    let word = &callee[callee.len() - length..];
    length > 0 && !NO_CALLS.contains(&word)
}

fn ends_with_word(text: &[u8], word: &[u8]) -> bool {
    let rest = text.strip_suffix(word);
    rest.is_some_and(|rest| rest.last().is_none_or(|byte| !is_word(*byte)))
}

/// Whether an equals sign stands here that compares nothing.
fn holds_assignment(text: &[u8]) -> bool {
    memchr::memchr_iter(b'=', text).any(|at| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        let compares = matches!(before, Some(b'=' | b'!')) || text.get(at + 1) == Some(&b'=');
        !compares
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(text: &str) -> bool {
        let start = text.find("env").expect("the text of this test holds it");
        only_looks(
            text.as_bytes(),
            start..start + 3,
            &["get".to_owned(), "keys".to_owned()].into(),
        )
    }

    #[test]
    fn looking_is_told_from_everything_else() {
        for text in [
            "x = os.env.get('A')\n",
            "for k in os.env.keys():\n",
            "x = os.env['A']\n",
            "    return env[name]",
            "f(os.env['A'])\n",
            "int(os.env[a == b])\n",
            "if 'A' in os.env:\n",
            "if ('A' in env) or x:\n",
            "if 'A' in env and x = y:\n",
            "from os import env\n",
            "from os import path, env, sep\r\n",
            "  # os.env['A'] = 1\n",
        ] {
            assert!(looks(text), "{text}");
        }
        for text in [
            "os.env['A'] = 'b'\n",
            "os.env['A'] += 'b'\n",
            "x = os.env['A'] = 'b'\n",
            "x = os.env['A'], y = 1, 2\n",
            "del os.env['A']\n",
            "for (os.env['A']) in x:\n",
            "(os.env['A'], b) = x\n",
            "with x as env['A']:\n",
            "env.update(a)\n",
            "env.get\n",
            "x = env\n",
            "f(env)\n",
            "f(a, env['A'])\n",
            "f(env[a], b=1)\n",
            "x in env, y\n",
            "from os import env as e\n",
            "from os import (env\n",
            "import env\n",
            "x = env [a]\n",
            "x = env['a'] \\\n = 1\n",
            "x = env[\n'a'] = 1\n",
            "x = env['a'], (\nb) = 1, 2\n",
            "x = env[']'\n] = 1\n",
            "x = env[f(']')]\n",
            "getattr(os, 'env')\n",
            "x = 'from a' + env\n",
            "min = env\n",
        ] {
            assert!(!looks(text), "{text}");
        }
    }
}
