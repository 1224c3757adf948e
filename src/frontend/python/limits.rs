//! What is too deep to be parsed, and is blanked before the parser sees it.
//!
//! The bounds lie above what CPython itself accepts (200 brackets, 100 levels of indentation) or what people write, so
//! nothing that runs is lost; they keep hostile input from overflowing a stack or from taking memory by the gigabyte.

use super::depth::DepthMeter;
use super::positions::Edit;
use super::skim::{Scanner, TokenKind};

/// CPython's `MAXLEVEL`: more nested brackets are a syntax error there.
const MAX_BRACKETS: u32 = 200;

/// CPython's `MAXINDENT`: more levels of indentation are a syntax error there.
const MAX_INDENTS: usize = 100;

/// The deepest tree that one logical line may have. CPython gives up between 1,000 and 10,000, by version.
pub(super) const MAX_DEPTH: u32 = 3000;

/// What [`survey`] found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// An upper bound for the depth of the tree of what is left.
    pub depth: u32,
    /// What takes the refused lines out, with equal length and the same line breaks.
    pub edits: Vec<Edit>,
    /// The offset of the first refused line.
    pub first: Option<usize>,
}

/// Measures the depth of every logical line of `text`.
pub(super) fn survey(text: &str) -> Survey {
    let mut survey = Survey::default();
    let mut meter = DepthMeter::new();
    let mut indents: Vec<usize> = Vec::new();
    let mut too_deep_block = false;
    let mut line: Option<Line> = None;
    for token in Scanner::new(text) {
        match token.kind {
            TokenKind::Comment => continue,
            TokenKind::LineEnd => {
                if let Some(line) = line.take() {
                    let deep = meter.brackets > MAX_BRACKETS || meter.depth() > MAX_DEPTH;
                    if line.refused || deep {
                        let filler = if line.refused {
                            line.filler
                        } else {
                            header_filler(&line)
                        };
                        survey.first.get_or_insert(line.start);
                        survey.edits.push(blank(text, line.start, line.end, filler));
                    } else {
                        survey.depth = survey.depth.max(meter.depth() + 4 * indents.len() as u32);
                    }
                }
                meter.reset();
            }
            kind => {
                let current = line.get_or_insert_with(|| {
                    let inside = enter(&mut indents, column(text, token.start));
                    let refused = !inside;
                    // The block must not become empty, or its header would be an error.
                    let filler = if refused && !too_deep_block { "0" } else { "" };
                    too_deep_block = refused;
                    Line {
                        start: token.start,
                        end: token.end,
                        colon: false,
                        refused,
                        filler,
                    }
                });
                current.end = token.end;
                current.colon = kind == TokenKind::Operator(b':');
                meter.add(token, &text[token.start..token.end]);
            }
        }
    }
    survey
}

/// A logical line while it is scanned.
struct Line {
    start: usize,
    end: usize,
    /// Its last token is a colon, so that a block follows.
    colon: bool,
    /// Its block is too deep.
    refused: bool,
    filler: &'static str,
}

/// What stands for a refused line so that the lines around it keep their structure.
fn header_filler(line: &Line) -> &'static str {
    if line.colon { "if _:" } else { "0" }
}

/// Keeps `indents`, the columns of the open blocks, up to date with a line at `column`. False where it is too deep.
fn enter(indents: &mut Vec<usize>, column: usize) -> bool {
    while indents.last().is_some_and(|last| *last > column) {
        indents.pop();
    }
    if indents.last().copied().unwrap_or(0) < column {
        if indents.len() >= MAX_INDENTS {
            return false;
        }
        indents.push(column);
    }
    true
}

/// The column from 0 of the token at `start`, with Python 2's tabs of 8.
pub(super) fn column(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let blank = bytes[..start]
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'))
        .count();
    let mut column = 0;
    for byte in &bytes[start - blank..start] {
        column = match byte {
            b'\t' => (column / 8 + 1) * 8,
            b'\x0c' => 0,
            _ => column + 1,
        };
    }
    column
}

/// Replaces `start..end` by `filler` and spaces, keeping line breaks.
fn blank(text: &str, start: usize, end: usize, filler: &str) -> Edit {
    let mut result: Vec<u8> = text.as_bytes()[start..end]
        .iter()
        .map(|byte| if matches!(byte, b'\n' | b'\r') { *byte } else { b' ' })
        .collect();
    let end_of_filler = filler.len().min(result.len());
    result[..end_of_filler].copy_from_slice(&filler.as_bytes()[..end_of_filler]);
    // ASCII alone was written, so this is lossless.
    Edit {
        start,
        end,
        text: String::from_utf8_lossy(&result).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::python::positions::apply;

    fn rest(text: &str) -> String {
        apply(text, survey(text).edits)
            .0
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn ordinary_code_is_left_alone() {
        let survey = survey("def f(a):\n    return [a, (a + 1)]\n");
        assert!(survey.edits.is_empty() && survey.first.is_none());
        assert!(survey.depth < 20, "{}", survey.depth);
    }

    #[test]
    fn deep_lines_are_blanked_and_the_rest_stays() {
        let deep = format!("x = {}1{}", "(".repeat(300), ")".repeat(300));
        assert_eq!(rest(&format!("a()\n{deep}\nb()\n")), "a()\n0\nb()");
        assert_eq!(rest(&format!("if {deep}:\n    b()\n")), "if _:\n    b()");
        assert_eq!(rest(&format!("a = 1{}\nb()", " + 1".repeat(100_000))), "0\nb()");
    }

    #[test]
    fn deep_blocks_are_blanked() {
        let mut text = String::new();
        for level in 0..300 {
            text += &format!("{}if a:\n", " ".repeat(level));
        }
        text += "b()\n";
        let rest = rest(&text);
        assert_eq!(rest.lines().count(), 103);
        assert!(rest.ends_with("\nb()"), "{rest}");
    }

    #[test]
    fn tabs_go_to_the_next_eighth_column() {
        assert_eq!(column("   \tx", 4), 8);
        assert_eq!(column("\t\tx", 2), 16);
        assert_eq!(column("\t\x0c x", 3), 1);
    }
}
