//! Python 2 made readable for a parser of Python 3.
//!
//! The parser recovers from syntax errors by itself, but where Python 2 differs it loses arguments (`print "%s" % f()`),
//! and where tabs and spaces mix it loses the very structure: a store lands outside of its method. So a file that has
//! errors is rewritten token by token and parsed again; [`OffsetMap`](super::positions::OffsetMap) leads back to the
//! original text.

use super::limits::column;
use super::positions::Edit;
use super::skim::{Scanner, Token, TokenKind};

/// The edits that turn `text`'s Python 2 syntax and inconsistent indentation into Python 3.
pub(super) fn modernise(text: &str) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut indentation = Indentation::default();
    let mut line: Vec<Token> = Vec::new();
    for token in Scanner::new(text) {
        match token.kind {
            TokenKind::Comment => {}
            TokenKind::LineEnd => {
                if let Some(first) = line.first() {
                    let ends_with_colon = line.last().is_some_and(|last| last.kind == TokenKind::Operator(b':'));
                    indentation.line(text, first.start, ends_with_colon, &mut edits);
                    modernise_line(text, &line, &mut edits);
                }
                line.clear();
            }
            _ => line.push(token),
        }
    }
    edits
}

/// The columns of the open blocks, by Python 2's rule that a tab goes to the next multiple of 8.
#[derive(Debug, Default)]
struct Indentation {
    columns: Vec<usize>,
    /// The last line ended with a colon, so that a deeper one begins a block.
    block_begins: bool,
}

impl Indentation {
    /// Gives the line whose first token is at `start` as many spaces as blocks are open.
    fn line(&mut self, text: &str, start: usize, ends_with_colon: bool, edits: &mut Vec<Edit>) {
        let column = column(text, start);
        let mut popped = None;
        while self.columns.last().is_some_and(|last| *last > column) {
            popped = self.columns.pop();
        }
        let current = self.columns.last().copied().unwrap_or(0);
        if current < column {
            match popped {
                // A dedent to no outer level: the line still belongs to the block that it is deeper than.
                Some(_) => self.columns.push(column),
                None if self.block_begins => self.columns.push(column),
                None => {}
            }
        }
        self.block_begins = ends_with_colon;
        let bytes = text.as_bytes();
        let blank = bytes[..start]
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'))
            .count();
        let canonical = " ".repeat(self.columns.len());
        if text[start - blank..start] != canonical {
            edits.push(Edit {
                start: start - blank,
                end: start,
                text: canonical,
            });
        }
    }
}

/// Edits for one logical line.
fn modernise_line(text: &str, line: &[Token], edits: &mut Vec<Edit>) {
    for (at, token) in line.iter().enumerate() {
        modernise_token(text, *token, line.get(at + 1).copied(), edits);
    }
    modernise_backticks(line, edits);
    let body = header_end(text, line);
    if body > 0 {
        modernise_parameters(text, &line[..body], edits);
    }
    let mut depth = 0u32;
    let mut start = body;
    for at in body..=line.len() {
        let ends = match line.get(at).map(|token| token.kind) {
            None => true,
            Some(TokenKind::Open) => {
                depth += 1;
                false
            }
            Some(TokenKind::Close) => {
                depth = depth.saturating_sub(1);
                false
            }
            Some(TokenKind::Operator(b';')) => depth == 0,
            Some(_) => false,
        };
        if ends {
            modernise_statement(text, &line[start..at], edits);
            start = at + 1;
        }
    }
}

/// The number of tokens up to and with the colon that ends the header of a compound statement; 0 for other lines.
fn header_end(text: &str, line: &[Token]) -> usize {
    const HEADERS: [&str; 13] = [
        "if", "elif", "else", "for", "while", "try", "except", "finally", "with", "def", "class", "async", "match",
    ];
    if !HEADERS.contains(&word(text, line, 0)) {
        return 0;
    }
    let (mut depth, mut lambdas) = (0u32, 0u32);
    for (at, token) in line.iter().enumerate() {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            TokenKind::Name if depth == 0 && word(text, line, at) == "lambda" => lambdas += 1,
            TokenKind::Operator(b':') if depth == 0 && lambdas > 0 => lambdas -= 1,
            TokenKind::Operator(b':') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    0
}

/// The text of the token at `at`, empty where there is none.
fn word<'a>(text: &'a str, line: &[Token], at: usize) -> &'a str {
    line.get(at).map_or("", |token| &text[token.start..token.end])
}

/// Integers with a leading zero or an `L`, `ur''`, `<>`, and `async` where it is a mere name.
fn modernise_token(text: &str, token: Token, next: Option<Token>, edits: &mut Vec<Edit>) {
    let source = &text[token.start..token.end];
    let adjacent = next
        .filter(|next| next.start == token.end)
        .map(|next| &text[next.start..next.end]);
    match token.kind {
        TokenKind::Number => {
            let digits = source.trim_end_matches(['l', 'L']);
            if digits.len() < source.len() {
                edits.push(Edit {
                    start: token.start + digits.len(),
                    end: token.end,
                    text: String::new(),
                });
            }
            let octal =
                digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
            if octal && digits.bytes().any(|byte| byte != b'0') {
                edits.push(Edit {
                    start: token.start,
                    end: token.start + 1,
                    text: "0o".into(),
                });
            }
        }
        TokenKind::Text { .. }
            if source.starts_with("ur")
                || source.starts_with("uR")
                || source.starts_with("Ur")
                || source.starts_with("UR") =>
        {
            edits.push(Edit {
                start: token.start,
                end: token.start + 1,
                text: String::new(),
            });
        }
        TokenKind::Operator(b'<') if adjacent == Some(">") => {
            edits.push(Edit {
                start: token.start,
                end: token.end + 1,
                text: "!=".into(),
            });
        }
        TokenKind::Name if source == "async" => {
            let follows = next.map_or("", |next| &text[next.start..next.end]);
            if !matches!(follows, "def" | "for" | "with") {
                edits.push(Edit {
                    start: token.end,
                    end: token.end,
                    text: "_".into(),
                });
            }
        }
        _ => {}
    }
}

/// A pair of backticks is a call of `repr`.
fn modernise_backticks(line: &[Token], edits: &mut Vec<Edit>) {
    let ticks: Vec<&Token> = line
        .iter()
        .filter(|token| token.kind == TokenKind::Operator(b'`'))
        .collect();
    for pair in ticks.chunks_exact(2) {
        edits.push(Edit {
            start: pair[0].start,
            end: pair[0].end,
            text: "repr(".into(),
        });
        edits.push(Edit {
            start: pair[1].start,
            end: pair[1].end,
            text: ")".into(),
        });
    }
}

/// `def f(a, (b, c)):` takes its names apart: the brackets go, the names stay.
fn modernise_parameters(text: &str, header: &[Token], edits: &mut Vec<Edit>) {
    if word(text, header, 0) != "def" {
        return;
    }
    // For each open bracket, whether it is a tuple of parameters; the first is the parameter list itself.
    let mut pairs: Vec<bool> = Vec::new();
    for (at, token) in header.iter().enumerate() {
        match token.kind {
            TokenKind::Open => {
                let before = word(text, header, at.saturating_sub(1));
                let inside = pairs.iter().skip(1).all(|pair| *pair);
                let pair = !pairs.is_empty() && inside && matches!(before, "(" | ",") && word(text, header, at) == "(";
                if pair {
                    edits.push(Edit {
                        start: token.start,
                        end: token.end,
                        text: " ".into(),
                    });
                }
                pairs.push(pair);
            }
            TokenKind::Close if pairs.pop() == Some(true) => {
                edits.push(Edit {
                    start: token.start,
                    end: token.end,
                    text: " ".into(),
                });
            }
            _ => {}
        }
    }
}

/// `print`, `exec` and `raise` as statements.
fn modernise_statement(text: &str, statement: &[Token], edits: &mut Vec<Edit>) {
    let (Some(first), Some(last)) = (statement.first(), statement.last()) else {
        return;
    };
    let Some(second) = statement.get(1) else { return };
    match word(text, statement, 0) {
        "print" if begins_operand(text, *second) => {
            edits.push(Edit {
                start: first.end,
                end: first.end,
                text: "(".into(),
            });
            edits.push(Edit {
                start: last.end,
                end: last.end,
                text: ")".into(),
            });
        }
        "exec" if begins_operand(text, *second) => {
            edits.push(Edit {
                start: first.end,
                end: first.end,
                text: "(".into(),
            });
            if let Some(keyword) = at_top_level(text, statement, "in").first() {
                edits.push(Edit {
                    start: keyword.start,
                    end: keyword.end,
                    text: ",".into(),
                });
            }
            edits.push(Edit {
                start: last.end,
                end: last.end,
                text: ")".into(),
            });
        }
        "raise" if !at_top_level(text, statement, ",").is_empty() => {
            edits.push(Edit {
                start: first.end,
                end: first.end,
                text: " (".into(),
            });
            edits.push(Edit {
                start: last.end,
                end: last.end,
                text: ")".into(),
            });
        }
        _ => {}
    }
}

/// Whether `token`, directly after a word, shows that the word is a statement's keyword and not a name.
fn begins_operand(text: &str, token: Token) -> bool {
    match token.kind {
        TokenKind::Number | TokenKind::Text { .. } | TokenKind::Operator(b'`' | b'~') => true,
        TokenKind::Name => !matches!(
            &text[token.start..token.end],
            "in" | "is" | "and" | "or" | "if" | "else" | "for"
        ),
        // `print [x]`, `print {}`: an index on `print` is never meant.
        TokenKind::Open => &text[token.start..token.end] != "(",
        _ => false,
    }
}

/// The tokens of `statement` outside of brackets whose text is `wanted`.
fn at_top_level<'a>(text: &str, statement: &'a [Token], wanted: &str) -> Vec<&'a Token> {
    let mut depth = 0u32;
    let mut found = Vec::new();
    for token in statement {
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ if depth == 0 && &text[token.start..token.end] == wanted => found.push(token),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::python::positions::apply;

    fn modern(text: &str) -> String {
        apply(text, modernise(text)).0
    }

    #[test]
    fn statements_become_calls() {
        assert_eq!(modern("print x, f(1), # c"), "print( x, f(1),) # c");
        assert_eq!(modern("if a: print 'x' % y; z()"), "if a: print( 'x' % y); z()");
        assert_eq!(modern("exec code in ns, {'in': 1}"), "exec( code , ns, {'in': 1})");
        assert_eq!(modern("exec'x'"), "exec('x')");
        assert_eq!(modern("raise E, 'x' % f(a, b), tb"), "raise ( E, 'x' % f(a, b), tb)");
    }

    #[test]
    fn python_3_is_left_alone() {
        for text in [
            "print(x)",
            "print (x), y",
            "exec(code, ns)",
            "raise E(a, b)",
            "print = 1",
            "x = print",
            "0.5e-3 + 0 + 00",
        ] {
            assert_eq!(modern(text), text);
        }
    }

    #[test]
    fn literals_and_operators() {
        assert_eq!(modern("os.chmod(p, 0755)"), "os.chmod(p, 0o755)");
        assert_eq!(modern("10L + 0xFFL + 0777L"), "10 + 0xFF + 0o777");
        assert_eq!(modern("ur'\\d' <> u'x'"), "r'\\d' != u'x'");
        assert_eq!(modern("x = `f(y)` + `z`"), "x = repr(f(y)) + repr(z)");
        assert_eq!(
            modern("def f(a, (b, c), d=(1, 2)): pass"),
            "def f(a,  b, c , d=(1, 2)): pass"
        );
    }

    #[test]
    fn indentation_follows_python_2() {
        assert_eq!(modern("if a:\n        b\n\tc\nd"), "if a:\n b\n c\nd");
        assert_eq!(modern("if a:\n        b\n    c\nd"), "if a:\n b\n c\nd");
        assert_eq!(modern("a\n  b\nc"), "a\nb\nc");
    }
}
