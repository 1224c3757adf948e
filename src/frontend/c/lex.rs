//! C text to tokens: what stands before the grammar.
//!
//! The preprocessor's own work (conditionals that cut statements in two, macros that open functions) has to be undone
//! before a grammar can read the rest, and that can only be done on tokens. Directives come out whole, one token a
//! logical line; comments are dropped, except those that speak to envrace.

use serde::{Deserialize, Serialize};

use crate::facts::Directive;

use super::text::Lines;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// Identifier or keyword.
    Word,
    Number,
    /// String literal with its prefix and quotes.
    Text,
    Char,
    /// One byte of punctuation.
    Mark(u8),
    /// A preprocessor line from `#` to its end, continuation lines included.
    Directive,
}

/// One token.
///
/// `start..end` is its text: bytes of the file, or past the file's end of the pool of made-up texts (see
/// [`Tokens::word`]). `at..at_end` is the place in the file that stands for it in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub start: u32,
    pub end: u32,
    pub at: u32,
    pub at_end: u32,
    pub kind: Kind,
    /// The first token on its line.
    pub opens_line: bool,
}

impl Token {
    /// Whether it is the punctuation `mark`.
    pub fn is(&self, mark: u8) -> bool {
        self.kind == Kind::Mark(mark)
    }
}

/// The file's text with the texts that were made up on the way.
pub(super) struct Texts<'s> {
    source: &'s str,
    made: String,
}

impl<'s> Texts<'s> {
    pub fn new(source: &'s str) -> Texts<'s> {
        Texts {
            source,
            made: String::new(),
        }
    }

    /// The text of a token.
    pub fn of(&self, token: &Token) -> &str {
        let (start, end) = (token.start as usize, token.end as usize);
        match start.checked_sub(self.source.len()) {
            None => self.source.get(start..end).unwrap_or(""),
            Some(offset) => self.made.get(offset..end - self.source.len()).unwrap_or(""),
        }
    }

    /// A made-up token that reports as standing where `place` does.
    pub fn make(&mut self, text: &str, kind: Kind, place: &Token) -> Token {
        let start = (self.source.len() + self.made.len()) as u32;
        self.made.push_str(text);
        Token {
            start,
            end: start + text.len() as u32,
            at: place.at,
            at_end: place.at_end,
            kind,
            opens_line: false,
        }
    }

    /// Keeps the next made-up token from touching the one before it.
    pub fn part(&mut self) {
        self.made.push(' ');
    }

    /// A made-up word.
    pub fn word(&mut self, text: &str, place: &Token) -> Token {
        self.make(text, Kind::Word, place)
    }

    /// Made-up punctuation of one byte.
    pub fn mark(&mut self, mark: u8, place: &Token) -> Token {
        self.make(&(mark as char).to_string(), Kind::Mark(mark), place)
    }
}

/// Splits `source[from..to]` into tokens. With `directives` given, lines that begin with `#` become directive tokens and
/// envrace's comments are collected; without, `#` is plain punctuation (the body of a macro).
pub(super) fn lex(source: &str, from: usize, to: usize, mut file: Option<(&Lines, &mut Vec<Directive>)>) -> Vec<Token> {
    let bytes = &source.as_bytes()[..to];
    let mut tokens = Vec::with_capacity((to - from) / 5);
    let mut at = from;
    let mut opens_line = true;
    while at < to {
        let byte = bytes[at];
        let start = at;
        let kind;
        match byte {
            b'\n' => {
                opens_line = true;
                at += 1;
                continue;
            }
            b' ' | b'\t' | b'\r' | 0x0b | 0x0c | b'\\' => {
                at += 1;
                continue;
            }
            b'/' if matches!(bytes.get(at + 1), Some(b'*' | b'/')) => {
                at = comment_end(bytes, at);
                if let Some((lines, directives)) = file.as_mut() {
                    directives.extend(envrace_comment(source, start, at, opens_line, lines));
                }
                continue;
            }
            b'#' if opens_line && file.is_some() => (kind, at) = (Kind::Directive, directive_end(bytes, at)),
            _ => (kind, at) = token_at(bytes, at),
        }
        tokens.push(Token {
            start: start as u32,
            end: at as u32,
            at: start as u32,
            at_end: at as u32,
            kind,
            opens_line,
        });
        opens_line = false;
    }
    tokens
}

/// The kind and the end of the token that begins at `at`.
fn token_at(bytes: &[u8], at: usize) -> (Kind, usize) {
    match bytes[at] {
        b'"' => (Kind::Text, quote_end(bytes, at)),
        b'\'' => (Kind::Char, quote_end(bytes, at)),
        b'0'..=b'9' => (Kind::Number, number_end(bytes, at)),
        b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => (Kind::Number, number_end(bytes, at)),
        byte if is_word(byte) => {
            let length = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
            let end = at + length;
            let prefix = matches!(&bytes[at..end], b"L" | b"u" | b"U" | b"u8");
            match bytes.get(end) {
                Some(b'"') if prefix => (Kind::Text, quote_end(bytes, end)),
                Some(b'\'') if prefix => (Kind::Char, quote_end(bytes, end)),
                _ => (Kind::Word, end),
            }
        }
        byte => (Kind::Mark(byte), at + 1),
    }
}

/// Bytes of identifiers; everything past ASCII counts as such, so that no token ends inside a character.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn number_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        let signed = matches!(bytes[at], b'+' | b'-') && matches!(bytes[at - 1], b'e' | b'E' | b'p' | b'P');
        let hexadecimal =
            signed && matches!(bytes[at - 1], b'e' | b'E') && bytes[..at].iter().rev().take(20).any(|b| *b == b'x');
        if !(is_word(bytes[at]) || bytes[at] == b'.' || (signed && !hexadecimal)) {
            break;
        }
        at += 1;
    }
    at
}

/// The end of a string or character literal that begins at `at`; an unclosed one ends with its line.
fn quote_end(bytes: &[u8], at: usize) -> usize {
    let quote = bytes[at];
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    // A backslash as the file's last byte steps past the end; one before a longer character is met byte by byte.
    bytes.len()
}

fn comment_end(bytes: &[u8], at: usize) -> usize {
    if bytes[at + 1] == b'/' {
        let mut at = at;
        while at < bytes.len() && (bytes[at] != b'\n' || bytes[at - 1] == b'\\') {
            at += 1;
        }
        return at;
    }
    memchr::memmem::find(&bytes[at + 2..], b"*/").map_or(bytes.len(), |offset| at + 2 + offset + 2)
}

/// The end of a logical line: continuation lines and comments that span lines belong to it.
fn directive_end(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => return at,
            b'\\' => {
                at += 1;
                if bytes.get(at) == Some(&b'\r') {
                    at += 1;
                }
                at += 1;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => at = comment_end(bytes, at),
            b'/' if bytes.get(at + 1) == Some(&b'/') => return comment_end(bytes, at),
            b'"' => at = quote_end(bytes, at),
            _ => at += 1,
        }
    }
    bytes.len()
}

fn envrace_comment(source: &str, start: usize, end: usize, own_line: bool, lines: &Lines) -> Option<Directive> {
    let text = source.get(start + 2..end)?;
    let text = text.strip_suffix("*/").unwrap_or(text);
    let text = text
        .trim_start_matches(['*', '!', '/'])
        .trim()
        .strip_prefix("envrace:")?;
    Some(Directive {
        text: text.trim().to_owned(),
        span: lines.span(start as u32, end as u32),
        own_line,
    })
}
