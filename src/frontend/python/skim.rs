//! A scan of Python's tokens without building anything, for what must be known before the parser runs.
//!
//! It serves two ends: an upper bound for the depth of the tree that the parser will build, since dropping a tree that
//! is nested 100,000 deep overflows the stack even where building it does not; and the tokens by which
//! [`recovery`](super::recovery) recognises Python 2. It accepts Python 2 and 3 and any nonsense alike.

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
        loop {
            let byte = self.byte(end);
            let exponent = matches!(byte, b'+' | b'-')
                && matches!(self.byte(end - 1), b'e' | b'E')
                && !matches!(self.byte(self.at + 1), b'x' | b'X');
            if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || exponent {
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

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The quote's length: 3 where it is tripled.
fn quote_length(bytes: &[u8], quote: usize) -> usize {
    let byte = bytes[quote];
    if bytes.get(quote + 1) == Some(&byte) && bytes.get(quote + 2) == Some(&byte) {
        3
    } else {
        1
    }
}

/// Whether the string that was opened by `length` quotes `quote` closes at `at`.
fn closes(bytes: &[u8], at: usize, quote: u8, length: usize) -> bool {
    bytes.len() >= at + length && bytes[at..at + length].iter().all(|byte| *byte == quote)
}

/// The offset past the plain string whose opening quote is at `quote`. One that is not closed ends with its line, or
/// with the text if it is tripled.
fn skip_plain(bytes: &[u8], quote: usize) -> usize {
    let length = quote_length(bytes, quote);
    let mut at = quote + length;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if bytes.get(at + 1) == Some(&b'\r') && bytes.get(at + 2) == Some(&b'\n') => at += 3,
            b'\\' => at += 2,
            b'\n' | b'\r' if length == 1 => return at,
            byte if byte == bytes[quote] && closes(bytes, at, byte, length) => return at + length,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where a scan inside an interpolated string is.
enum Inside {
    /// In the text of a string with this quote, of this length.
    Text(u8, usize),
    /// In a replacement field; `brackets` are open in it.
    Field { brackets: u32 },
    /// In a field's format, after its colon.
    Format,
}

/// The offset past the interpolated string whose opening quote is at `quote`, and the largest number of operators,
/// brackets and words in one of its fields, which bounds the depth of what the field holds.
fn skip_interpolated(bytes: &[u8], quote: usize) -> (usize, u32) {
    let length = quote_length(bytes, quote);
    let mut stack = vec![Inside::Text(bytes[quote], length)];
    let mut at = quote + length;
    let (mut weight, mut heaviest) = (0u32, 0u32);
    while at < bytes.len() {
        let byte = bytes[at];
        let in_single = stack.iter().any(|inside| matches!(inside, Inside::Text(_, 1)));
        match stack.last_mut() {
            None => break,
            Some(Inside::Text(quote, length)) => match byte {
                // `\{` is no escape: the field begins all the same.
                b'\\' => at += if bytes.get(at + 1) == Some(&b'{') { 1 } else { 2 },
                b'\n' | b'\r' if *length == 1 => return (at, heaviest),
                b'{' if bytes.get(at + 1) == Some(&b'{') => at += 2,
                b'{' => {
                    if stack.len() == 1 {
                        weight = 0;
                    }
                    weight += 1;
                    stack.push(Inside::Field { brackets: 0 });
                    at += 1;
                }
                _ if byte == *quote && closes(bytes, at, byte, *length) => {
                    at += *length;
                    stack.pop();
                }
                _ => at += 1,
            },
            Some(Inside::Format) => match byte {
                b'{' => {
                    weight += 1;
                    stack.push(Inside::Field { brackets: 0 });
                    at += 1;
                }
                b'}' => {
                    stack.pop();
                    at += 1;
                }
                b'\n' | b'\r' if in_single => return (at, heaviest),
                _ => at += 1,
            },
            Some(Inside::Field { brackets }) => match byte {
                b'"' | b'\'' => {
                    let mut prefix = at;
                    while prefix > 0 && at - prefix < 3 && b"rRbBuUfFtT".contains(&bytes[prefix - 1]) {
                        prefix -= 1;
                    }
                    if bytes[prefix..at].iter().any(|byte| b"fFtT".contains(byte)) {
                        let length = quote_length(bytes, at);
                        weight += 1;
                        stack.push(Inside::Text(byte, length));
                        at += length;
                    } else {
                        at = skip_plain(bytes, at);
                    }
                }
                b'(' | b'[' | b'{' => {
                    *brackets += 1;
                    weight += 1;
                    at += 1;
                }
                b')' | b']' => {
                    *brackets = brackets.saturating_sub(1);
                    at += 1;
                }
                b'}' if *brackets > 0 => {
                    *brackets -= 1;
                    at += 1;
                }
                b'}' => {
                    stack.pop();
                    at += 1;
                }
                b':' if *brackets == 0 => {
                    *stack.last_mut().expect("the field that was matched is on the stack") = Inside::Format;
                    at += 1;
                }
                b'\n' | b'\r' if in_single && *brackets == 0 => return (at, heaviest),
                _ => {
                    if !is_name_byte(byte) || !is_name_byte(bytes.get(at + 1).copied().unwrap_or(0)) {
                        weight += 1;
                    }
                    at += 1;
                }
            },
        }
        heaviest = heaviest.max(weight);
        if stack.is_empty() {
            return (at.min(bytes.len()), heaviest);
        }
    }
    (bytes.len(), heaviest)
}

/// One level of brackets while a line's depth is measured.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Operators and words since the last comma: each may wrap everything before it.
    operators: u32,
    /// The highest of what was closed in this element.
    child: u32,
    /// The highest element so far.
    best: u32,
    /// A lambda stands in it, whose parameters are separated by commas too.
    lambda: bool,
}

impl Level {
    fn height(self) -> u32 {
        self.best.max(self.operators + self.child)
    }
}

/// Bounds the depth of the tree of one logical line, token by token.
#[derive(Debug, Clone)]
pub(super) struct DepthMeter {
    levels: Vec<Level>,
    /// The deepest nesting of brackets so far.
    pub brackets: u32,
    outer: u32,
    deepest: u32,
}

impl DepthMeter {
    /// A meter at the beginning of a logical line.
    pub(super) fn new() -> DepthMeter {
        DepthMeter {
            levels: vec![Level::default()],
            brackets: 0,
            outer: 0,
            deepest: 0,
        }
    }

    /// An upper bound for the depth of the tree so far.
    pub(super) fn depth(&self) -> u32 {
        self.deepest
    }

    /// Begins a new logical line.
    pub(super) fn reset(&mut self) {
        self.levels.clear();
        self.levels.push(Level::default());
        self.brackets = 0;
        self.outer = 0;
        self.deepest = 0;
    }

    fn top(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    /// Takes `token`, whose text is `text`, into account.
    pub(super) fn add(&mut self, token: Token, text: &str) {
        match token.kind {
            TokenKind::Open => {
                self.top().operators += 1;
                let operators = self.top().operators;
                self.outer += operators + 1;
                self.levels.push(Level::default());
                self.brackets = self.brackets.max(self.levels.len() as u32 - 1);
            }
            TokenKind::Close if self.levels.len() > 1 => {
                let height = self.levels.pop().map_or(0, Level::height) + 1;
                let top = self.top();
                top.child = top.child.max(height);
                let operators = top.operators;
                self.outer = self.outer.saturating_sub(operators + 1);
            }
            TokenKind::Operator(b',') | TokenKind::Operator(b';') => {
                let top = self.top();
                if !top.lambda {
                    top.best = top.height();
                    top.operators = 0;
                    top.child = 0;
                }
            }
            TokenKind::Operator(_) | TokenKind::Close => self.top().operators += 1,
            TokenKind::Text { weight } => {
                let top = self.top();
                top.child = top.child.max(weight);
            }
            TokenKind::Name => match text {
                "lambda" => {
                    let top = self.top();
                    top.lambda = true;
                    top.operators += 1;
                }
                "not" | "if" | "else" | "await" | "yield" | "and" | "or" | "in" | "is" | "for" | "async" | "from"
                | "match" | "case" | "class" | "def" | "while" | "with" | "try" | "elif" => self.top().operators += 1,
                _ => {}
            },
            TokenKind::Number | TokenKind::Comment | TokenKind::LineEnd => {}
        }
        let depth = self.outer + self.top().height();
        self.deepest = self.deepest.max(depth);
    }
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

    fn depth(text: &str) -> u32 {
        let mut meter = DepthMeter::new();
        for token in Scanner::new(text) {
            meter.add(token, &text[token.start..token.end]);
        }
        meter.depth()
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

    #[test]
    fn depth_counts_chains_and_brackets_but_not_lists() {
        assert!(depth(&"(".repeat(500)) >= 500);
        assert!(depth(&format!("x = 1{}", "+1".repeat(500))) >= 500);
        assert!(depth(&format!("x = [{}]", "1, -2, ".repeat(500))) < 10);
        assert!(depth(&"lambda a, b: ".repeat(500)) >= 500);
        assert!(depth(&format!("{}{}", "(".repeat(100), ")+1+1+1".repeat(100))) >= 400);
        assert!(depth(&format!("{}1{}", "f\"{".repeat(100), "}\"".repeat(100))) >= 100);
    }
}
