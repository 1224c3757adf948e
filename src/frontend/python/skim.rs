//! A scan of Python's tokens without building anything, for what must be known before the parser runs.
//!
//! It serves two ends: an upper bound for the depth of the tree that the parser will build, since dropping a tree that
//! is nested 100,000 deep overflows the stack even where building it does not; and the tokens by which
//! [`recovery`](super::recovery) recognises Python 2. It accepts Python 2 and 3 and any nonsense alike.

use super::quotes::{skip_interpolated, skip_plain};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An identifier or keyword.
    Name,
    Number,
    /// A string with its prefix. `weight` bounds the depth of what its replacement fields hold.
    Text {
        weight: u32,
    },
    Open,
    Close,
    /// One byte of any other punctuation.
    Operator(u8),
    Comment,
    /// The end of a logical line: a line break outside of brackets, or the end of the text.
    LineEnd,
}

/// A token at `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

/// Iterates over the tokens of a text.
#[derive(Debug, Clone)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    open: u32,
    finished: bool,
}

/// Words that begin a statement and stand in no expression: where one begins a line, no bracket is open any more,
/// whatever was forgotten before.
const STATEMENT_WORDS: [&[u8]; 17] = [
    b"def",
    b"class",
    b"import",
    b"return",
    b"while",
    b"try",
    b"with",
    b"raise",
    b"del",
    b"global",
    b"pass",
    b"break",
    b"continue",
    b"assert",
    b"except",
    b"finally",
    b"elif",
];

impl<'a> Scanner<'a> {
    /// A scanner at the beginning of `text`.
    pub(super) fn new(text: &'a str) -> Scanner<'a> {
        let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Scanner {
            bytes: text.as_bytes(),
            at,
            open: 0,
            finished: false,
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn token(&mut self, kind: TokenKind, end: usize) -> Token {
        let start = self.at;
        self.at = end.min(self.bytes.len());
        Token {
            kind,
            start,
            end: self.at,
        }
    }

    /// Whether the line that begins at `at` begins with a word of [`STATEMENT_WORDS`].
    fn statement_begins(&self, at: usize) -> bool {
        let rest = &self.bytes[at.min(self.bytes.len())..];
        let blank = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'))
            .count();
        let rest = &rest[blank..];
        let word = rest.iter().take(9).take_while(|byte| is_name_byte(**byte)).count();
        STATEMENT_WORDS.contains(&&rest[..word])
    }

    fn line_break(&mut self) -> Option<Token> {
        let end = if self.byte(self.at) == b'\r' && self.byte(self.at + 1) == b'\n' {
            self.at + 2
        } else {
            self.at + 1
        };
        if self.open > 0 && !self.statement_begins(end) {
            self.at = end;
            return None;
        }
        self.open = 0;
        Some(self.token(TokenKind::LineEnd, end))
    }

    fn name_or_text(&mut self) -> Token {
        let mut end = self.at + 1;
        while is_name_byte(self.byte(end)) {
            end += 1;
        }
        let word = &self.bytes[self.at..end];
        let quote = self.byte(end);
        if (quote == b'"' || quote == b'\'') && word.len() <= 3 && word.iter().all(|byte| b"rRbBuUfFtT".contains(byte))
        {
            let interpolated = word.iter().any(|byte| b"fFtT".contains(byte));
            return self.text(end, interpolated);
        }
        self.token(TokenKind::Name, end)
    }

    /// A string whose opening quote is at `quote`.
    fn text(&mut self, quote: usize, interpolated: bool) -> Token {
        let (end, weight) = if interpolated {
            skip_interpolated(self.bytes, quote)
        } else {
            (skip_plain(self.bytes, quote), 0)
        };
        self.token(TokenKind::Text { weight }, end)
    }

    fn number(&mut self) -> Token {
        let mut end = self.at + 1;
        // A second dot is an attribute's.
        let mut dots = usize::from(self.byte(self.at) == b'.');
        loop {
            let byte = self.byte(end);
            let point = byte == b'.' && dots == 0;
            dots += usize::from(byte == b'.');
            let exponent = matches!(byte, b'+' | b'-')
                && matches!(self.byte(end - 1), b'e' | b'E')
                && !matches!(self.byte(self.at + 1), b'x' | b'X');
            if byte.is_ascii_alphanumeric() || byte == b'_' || point || exponent {
                end += 1;
            } else {
                return self.token(TokenKind::Number, end);
            }
        }
    }
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            if self.at >= self.bytes.len() {
                if self.finished {
                    return None;
                }
                self.finished = true;
                return Some(self.token(TokenKind::LineEnd, self.bytes.len()));
            }
            match self.byte(self.at) {
                b' ' | b'\t' | b'\x0c' => self.at += 1,
                b'\\' if matches!(self.byte(self.at + 1), b'\n' | b'\r') => {
                    let windows = self.byte(self.at + 1) == b'\r' && self.byte(self.at + 2) == b'\n';
                    self.at += if windows { 3 } else { 2 };
                }
                b'\n' | b'\r' => {
                    if let Some(token) = self.line_break() {
                        return Some(token);
                    }
                }
                b'#' => {
                    let rest = &self.bytes[self.at..];
                    let length = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                    return Some(self.token(TokenKind::Comment, self.at + length));
                }
                b'"' | b'\'' => return Some(self.text(self.at, false)),
                b'(' | b'[' | b'{' => {
                    self.open += 1;
                    return Some(self.token(TokenKind::Open, self.at + 1));
                }
                b')' | b']' | b'}' => {
                    self.open = self.open.saturating_sub(1);
                    return Some(self.token(TokenKind::Close, self.at + 1));
                }
                b'0'..=b'9' => return Some(self.number()),
                b'.' if self.byte(self.at + 1).is_ascii_digit() => return Some(self.number()),
                byte if is_name_byte(byte) => return Some(self.name_or_text()),
                byte => return Some(self.token(TokenKind::Operator(byte), self.at + 1)),
            }
        }
    }
}

/// Whether `byte` may stand in a name; every byte beyond ASCII may.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        Scanner::new(text)
            .filter(|token| token.kind != TokenKind::LineEnd)
            .map(|token| &text[token.start..token.end])
            .collect()
    }

    fn lines(text: &str) -> usize {
        Scanner::new(text)
            .filter(|token| token.kind == TokenKind::LineEnd)
            .count()
    }

    #[test]
    fn strings_are_single_tokens() {
        assert_eq!(
            texts(r#"a = ur'x"\'' + b"y" "#),
            ["a", "=", r#"ur'x"\''"#, "+", "b\"y\""]
        );
        assert_eq!(texts("'''a\n'b' # no\n''' # yes"), ["'''a\n'b' # no\n'''", "# yes"]);
        assert_eq!(texts("'open\nx"), ["'open", "x"]);
    }

    #[test]
    fn interpolated_strings_end_where_python_312_ends_them() {
        assert_eq!(texts(r#"f"{a["k"]}" x"#), [r#"f"{a["k"]}""#, "x"]);
        assert_eq!(texts(r#"f"{f"{1}"}" x"#), [r#"f"{f"{1}"}""#, "x"]);
        assert_eq!(texts(r#"f"{a:%H:{w}}" x"#), [r#"f"{a:%H:{w}}""#, "x"]);
        assert_eq!(texts(r#"f"{{" x"#), [r#"f"{{""#, "x"]);
    }

    #[test]
    fn brackets_join_lines_until_a_statement_begins() {
        assert_eq!(lines("f(1,\n2)\nx"), 2);
        assert_eq!(lines("f(1,\ndef g(): pass\n"), 3);
        assert_eq!(lines("a = 1 \\\n + 2\n"), 2);
    }
}
