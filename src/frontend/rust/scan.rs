//! A small lexer for what `syn` does not tell: comments, nesting and where one item ends and the next begins.
//!
//! It never fails: whatever it does not know is a one-character punctuation, whatever is not terminated reaches to the
//! end of the text. The tokens it yields lie in order, do not overlap, and leave only white space between them.

use crate::facts::{Directive, Span};

/// What a [`Token`] is, as coarsely as its users need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    LineComment,
    BlockComment,
    /// String, byte string, C string or raw string, quotes included.
    Text,
    Char,
    Lifetime,
    /// Identifier or keyword.
    Word,
    Number,
    Open,
    Close,
    Punctuation,
}

/// A token's place in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    fn is(self, text: &str, expected: &str) -> bool {
        &text[self.start..self.end] == expected
    }

    fn is_comment(self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::BlockComment)
    }
}

/// All tokens of `text`, comments included.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = skip_white_space(text, at) {
        let (kind, end) = token_at(text, start);
        found.push(Token { kind, start, end });
        at = end;
    }
    found
}

fn skip_white_space(text: &str, at: usize) -> Option<usize> {
    text[at..].find(|c: char| !c.is_whitespace()).map(|offset| at + offset)
}

/// The token that begins at `start`, where a character that is no white space stands.
fn token_at(text: &str, start: usize) -> (Kind, usize) {
    let rest = &text[start..];
    let bytes = rest.as_bytes();
    if rest.starts_with("//") {
        return (Kind::LineComment, start + rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::BlockComment, start + block_comment_length(bytes));
    }
    if let Some(length) = text_length(bytes) {
        return (Kind::Text, start + length);
    }
    match bytes[0] {
        b'\'' => quote(rest, start),
        b'b' if bytes.get(1) == Some(&b'\'') => (Kind::Char, start + 1 + char_length(&rest[1..]).unwrap_or(1)),
        b'(' | b'[' | b'{' => (Kind::Open, start + 1),
        b')' | b']' | b'}' => (Kind::Close, start + 1),
        b'0'..=b'9' => (Kind::Number, start + number_length(bytes)),
        _ => {
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let word = word_length(rest);
            if word > 0 {
                (Kind::Word, start + word)
            } else {
                (Kind::Punctuation, start + first)
            }
        }
    }
}

fn word_length(rest: &str) -> usize {
    let body = rest.strip_prefix("r#").unwrap_or(rest);
    let prefix = rest.len() - body.len();
    let length = body
        .find(|c: char| !(c == '_' || c.is_alphanumeric()))
        .unwrap_or(body.len());
    match (length, prefix) {
        (0, 0) => 0,
        (0, _) => 1,
        _ => prefix + length,
    }
}

fn number_length(bytes: &[u8]) -> usize {
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_')
            .count()
    };
    let whole = digits(0);
    let fraction = bytes.get(whole) == Some(&b'.') && bytes.get(whole + 1).is_some_and(u8::is_ascii_digit);
    if fraction { whole + 1 + digits(whole + 1) } else { whole }
}

/// A lifetime, a character or a lone quote.
fn quote(rest: &str, start: usize) -> (Kind, usize) {
    if let Some(length) = char_length(rest) {
        return (Kind::Char, start + length);
    }
    let word = word_length(&rest[1..]);
    if word > 0 {
        (Kind::Lifetime, start + 1 + word)
    } else {
        (Kind::Punctuation, start + 1)
    }
}

/// Length of the character literal at the start of `rest` (which begins with a quote), or none for a lifetime.
fn char_length(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first == '\\' {
        chars.next()?;
        // An escape is short: `\u{10FFFF}` is the longest.
        return chars
            .take(12)
            .take_while(|(_, c)| *c != '\n')
            .find(|(_, c)| *c == '\'')
            .map(|(at, _)| at + 1);
    }
    let (at, second) = chars.next()?;
    (second == '\'' && first != '\'').then_some(at + 1)
}

/// Length of a string of any kind at the start of `bytes`.
fn text_length(bytes: &[u8]) -> Option<usize> {
    let prefix = match bytes {
        [b'"', ..] => 0,
        [b'b' | b'c', b'"', ..] => 1,
        [b'r', b'"' | b'#', ..] => return raw_length(bytes, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] => return raw_length(bytes, 2),
        _ => return None,
    };
    let mut at = prefix + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Some(bytes.len())
}

fn raw_length(bytes: &[u8], prefix: usize) -> Option<usize> {
    let hashes = bytes[prefix..].iter().take_while(|b| **b == b'#').count();
    let open = prefix + hashes;
    if bytes.get(open) != Some(&b'"') {
        return None;
    }
    let mut at = open + 1;
    while let Some(offset) = memchr::memchr(b'"', bytes.get(at..)?) {
        at += offset + 1;
        let closing = bytes[at..].iter().take(hashes).take_while(|b| **b == b'#').count();
        if closing == hashes {
            return Some(at + hashes);
        }
    }
    Some(bytes.len())
}

fn block_comment_length(bytes: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The comments that begin with `envrace:`. Doc comments are documentation and speak to nobody here.
pub(super) fn directives(text: &str, tokens: &[Token]) -> Vec<Directive> {
    let mut found = Vec::new();
    for token in tokens.iter().filter(|token| token.is_comment()) {
        let comment = &text[token.start..token.end];
        let inner = match token.kind {
            Kind::LineComment => &comment[2..],
            _ => comment[2..].strip_suffix("*/").unwrap_or(&comment[2..]),
        };
        if let Some(speech) = inner.trim_start().strip_prefix("envrace:") {
            let line_start = text[..token.start].rfind('\n').map_or(0, |at| at + 1);
            found.push(Directive {
                text: speech.trim().to_owned(),
                span: span_of(text, token.start, token.end),
                own_line: text[line_start..token.start].trim().is_empty(),
            });
            if found.len() == DIRECTIVE_LIMIT {
                break;
            }
        }
    }
    found
}

/// One more than are heeded, which is said of them; the position of each is counted from the top of the file.
const DIRECTIVE_LIMIT: usize = 2001;

/// The [`Span`] of a range of bytes; both ends lie on character boundaries.
pub(super) fn span_of(text: &str, start: usize, end: usize) -> Span {
    let (line, column) = position(text, start);
    let (end_line, end_column) = position(text, end);
    Span {
        start: start as u32,
        end: end as u32,
        line,
        column,
        end_line,
        end_column,
    }
}

fn position(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line as u32, before[line_start..].chars().count() as u32 + 1)
}

/// An upper bound of how deep a recursive parser goes into `tokens`.
///
/// Brackets are not the only way down: `- - - x`, `a.b().c()`, `if … else if …` nest as deeply as they are long. So a
/// level counts its tokens since the last separator, plus the deepest bracket among them. What stands in a macro's
/// brackets is only tokens to the parser, and counts by its brackets alone.
pub(super) fn depth(text: &str, tokens: &[Token]) -> usize {
    let code: Vec<Token> = tokens.iter().copied().filter(|token| !token.is_comment()).collect();
    let mut levels = vec![Level::default()];
    for (index, token) in code.iter().enumerate() {
        match token.kind {
            Kind::Open => levels.push(Level {
                opaque: levels.last().is_some_and(|level| level.opaque) || opens_macro(text, &code[..index]),
                ..Level::default()
            }),
            Kind::Close => {
                if levels.len() > 1 {
                    let inner = levels.pop().map_or(0, |level| level.total());
                    if let Some(level) = levels.last_mut() {
                        level.deepest_child = level.deepest_child.max(inner + 1);
                        let next = code.get(index + 1);
                        if token.is(text, "}") && next.is_none_or(|next| ends_at_brace(text, *next)) {
                            level.reset();
                        }
                    }
                }
            }
            _ => {
                if let Some(level) = levels.last_mut() {
                    if token.is(text, ";") || token.is(text, ",") || is_alternative(text, &code[..=index]) {
                        level.reset();
                    } else if !level.opaque {
                        level.chain += 1;
                    }
                }
            }
        }
    }
    // Unclosed brackets: the file will not parse, but must not be believed shallow either.
    levels.iter().rev().fold(0, |inner, level| {
        (level.chain + level.deepest_child.max(inner + 1)).max(level.deepest)
    })
}

/// Whether the last token is the `|` between two characters of a pattern, which tables have by the thousand.
fn is_alternative(text: &str, tokens: &[Token]) -> bool {
    matches!(tokens, [.., before, bar] if before.kind == Kind::Char && bar.is(text, "|"))
}

/// Whether `next`, standing after a closing brace, begins something new.
fn ends_at_brace(text: &str, next: Token) -> bool {
    match next.kind {
        Kind::Punctuation => next.is(text, "#"),
        Kind::Word => !next.is(text, "else") && !next.is(text, "as"),
        _ => true,
    }
}

/// Whether the bracket after `before` belongs to a macro: `name ! (` or `macro_rules ! name {`.
fn opens_macro(text: &str, before: &[Token]) -> bool {
    match before {
        [.., name, bang] if bang.is(text, "!") => name.kind == Kind::Word && bang.start == name.end,
        [.., bang, name] => name.kind == Kind::Word && bang.is(text, "!"),
        _ => false,
    }
}

#[derive(Default)]
struct Level {
    /// Tokens since the last separator.
    chain: usize,
    /// The deepest bracket since the last separator.
    deepest_child: usize,
    /// The deepest stretch between separators so far.
    deepest: usize,
    opaque: bool,
}

impl Level {
    fn reset(&mut self) {
        self.deepest = self.deepest.max(self.chain + self.deepest_child);
        self.chain = 0;
        self.deepest_child = 0;
    }

    fn total(mut self) -> usize {
        self.reset();
        self.deepest
    }
}

/// The stretches of `tokens` that look like one item each: they end at a `;` or at a closing brace of the outermost
/// level. Ranges of token indices; comments belong to the item that they precede.
pub(super) fn items(text: &str, tokens: &[Token]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut level = 0usize;
    let mut begin = 0;
    for (index, token) in tokens.iter().enumerate() {
        let ends = match token.kind {
            Kind::Open => {
                level += 1;
                false
            }
            Kind::Close => {
                level = level.saturating_sub(1);
                level == 0 && token.is(text, "}") && !continues(text, tokens.get(index + 1))
            }
            _ => level == 0 && token.is(text, ";"),
        };
        if ends {
            found.push(begin..index + 1);
            begin = index + 1;
        }
    }
    if begin < tokens.len() {
        found.push(begin..tokens.len());
    }
    found
}

/// `use a::{b, c};` and `= S { … };` go on after the brace.
fn continues(text: &str, next: Option<&Token>) -> bool {
    next.is_some_and(|next| next.is(text, ";") || next.is(text, ".") || next.is(text, "?"))
}
