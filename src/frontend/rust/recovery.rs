//! Parsing with recovery: where a file does not parse as a whole, its items are tried one by one, and those that fail
//! are blanked out, so that what remains keeps its positions.

use std::borrow::Cow;
use std::ops::Range;

use crate::facts::{Problem, ProblemKind};

use super::scan::{self, Kind, Token};

/// How deep code may nest, in the measure of [`scan::depth`].
pub(super) const DEPTH_LIMIT: usize = 10_000;

/// How often the bytes of a file may be parsed again in pieces, all levels of nesting together.
const AGAIN: usize = 32;

/// How deep items are taken apart: modules in modules, and what is in those.
const LEVELS: u32 = 100;

/// How many single items are complained about in one file.
const REPORTED: usize = 20;

/// The text with a byte order mark and a `#!` line blanked out, byte for byte.
pub(super) fn without_prelude(text: &str) -> Cow<'_, str> {
    let mark = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let rest = &text[mark..];
    let shebang = if rest.starts_with("#!") && !rest[2..].trim_start().starts_with('[') {
        rest.find('\n').unwrap_or(rest.len())
    } else {
        0
    };
    match mark + shebang {
        0 => Cow::Borrowed(text),
        length => Cow::Owned(format!("{}{}", " ".repeat(length), &text[length..])),
    }
}

/// An item that was given up.
struct Bad {
    range: Range<usize>,
    kind: ProblemKind,
    message: String,
    line: u32,
}

/// Parses `text`, which is `depth` deep; none where nothing could be saved.
pub(super) fn parse(path: &str, text: &str, tokens: &[Token], depth: usize) -> (Option<syn::File>, Vec<Problem>) {
    let problem = |kind, message: String, line| Problem {
        path: path.to_owned(),
        kind,
        message,
        line: Some(line),
    };
    let whole = if depth > DEPTH_LIMIT {
        Err((ProblemKind::Limit, "nested too deeply".to_owned(), 1))
    } else {
        syn::parse_file(text).map_err(|error| describe(&error, 0))
    };
    let (kind, message, line) = match whole {
        Ok(file) => return (Some(file), Vec::new()),
        Err(error) => error,
    };
    let mut bad = Vec::new();
    let mut effort = Effort {
        bytes: text.len().saturating_mul(AGAIN),
        levels: LEVELS,
    };
    let good = try_items(text, tokens, &Wrapper::None, &mut bad, &mut effort);
    if good == 0 {
        return (None, vec![problem(kind, message, line)]);
    }
    let mut blanked = text.as_bytes().to_vec();
    for item in &bad {
        for byte in &mut blanked[item.range.clone()] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    // Bad items begin and end at tokens, so no character was cut in two.
    match String::from_utf8(blanked)
        .ok()
        .and_then(|text| syn::parse_file(&text).ok())
    {
        Some(file) => {
            let problems = bad.into_iter().take(REPORTED).map(|bad| {
                let kind = if bad.kind == ProblemKind::Limit {
                    bad.kind
                } else {
                    ProblemKind::Partial
                };
                problem(kind, bad.message, bad.line)
            });
            (Some(file), problems.collect())
        }
        None => (None, vec![problem(kind, message, line)]),
    }
}

fn describe(error: &syn::Error, lines_before: u32) -> (ProblemKind, String, u32) {
    let line = error.span().start().line as u32 + lines_before;
    (ProblemKind::Parse, error.to_string(), line)
}

/// What must stand around an item for it to parse alone.
enum Wrapper {
    None,
    Impl,
    Trait,
}

impl Wrapper {
    fn parse(&self, item: &str) -> syn::Result<()> {
        let text = match self {
            Wrapper::None => Cow::Borrowed(item),
            Wrapper::Impl => Cow::Owned(format!("impl X {{{item}}}")),
            Wrapper::Trait => Cow::Owned(format!("trait X {{{item}}}")),
        };
        syn::parse_file(&text).map(|_| ())
    }
}

/// How much more is tried.
struct Effort {
    bytes: usize,
    levels: u32,
}

impl Effort {
    /// Takes what trying an item of this length costs; false where that is too much.
    fn take(&mut self, bytes: usize) -> bool {
        let enough = self.bytes >= bytes;
        self.bytes -= bytes.min(self.bytes);
        enough
    }
}

/// Tries every item among `tokens`; returns how many are good.
fn try_items(text: &str, tokens: &[Token], wrapper: &Wrapper, bad: &mut Vec<Bad>, effort: &mut Effort) -> usize {
    let mut good = 0;
    let mut lines = Lines::default();
    for range in scan::items(text, tokens) {
        let item = &tokens[range];
        let (Some(first), Some(last)) = (item.first(), item.last()) else {
            continue;
        };
        if item
            .iter()
            .all(|token| matches!(token.kind, Kind::LineComment | Kind::BlockComment))
        {
            continue;
        }
        let slice = &text[first.start..last.end];
        lines.advance(text, first.start);
        let line = lines.count;
        let error = if !effort.take(slice.len()) {
            let message = "too much of this file does not parse for all of it to be tried";
            (ProblemKind::Limit, message.to_owned(), line + 1)
        } else if scan::depth(text, item) > DEPTH_LIMIT {
            (ProblemKind::Limit, "nested too deeply".to_owned(), line + 1)
        } else {
            match wrapper.parse(slice) {
                Ok(()) => {
                    good += 1;
                    continue;
                }
                Err(error) => describe(&error, line),
            }
        };
        let saved = match inside(text, item) {
            Some((inner, wrapper)) if effort.levels > 0 => {
                let mut worse = Vec::new();
                effort.levels -= 1;
                let saved = try_items(text, inner, &wrapper, &mut worse, effort);
                effort.levels += 1;
                if saved > 0 {
                    bad.append(&mut worse);
                }
                saved
            }
            _ => 0,
        };
        good += saved;
        if saved == 0 {
            let (kind, message, line) = error;
            bad.push(Bad {
                range: first.start..last.end,
                kind,
                message,
                line,
            });
        }
    }
    good
}

/// Counts line ends up to places that come one after the other.
#[derive(Default)]
struct Lines {
    at: usize,
    count: u32,
}

impl Lines {
    fn advance(&mut self, text: &str, to: usize) {
        self.count += memchr::memchr_iter(b'\n', &text.as_bytes()[self.at..to]).count() as u32;
        self.at = to;
    }
}

/// The inside of an `impl`, `trait` or `mod` with a body.
fn inside<'t>(text: &str, item: &'t [Token]) -> Option<(&'t [Token], Wrapper)> {
    let word = |token: &Token| &text[token.start..token.end];
    let open = item.iter().position(|token| word(token) == "{")?;
    if item.last().map(word) != Some("}") {
        return None;
    }
    let wrapper = item[..open].iter().find_map(|token| match word(token) {
        "impl" => Some(Some(Wrapper::Impl)),
        "trait" => Some(Some(Wrapper::Trait)),
        "mod" => Some(Some(Wrapper::None)),
        "fn" | "struct" | "enum" | "macro_rules" | "static" | "const" => Some(None),
        _ => None,
    })??;
    Some((&item[open + 1..item.len() - 1], wrapper))
}
