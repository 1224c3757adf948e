//! Where things stand: byte offsets to lines and columns, and the text that the grammar reads back to the file.

use crate::facts::Span;

use super::lex::{Texts, Token};

/// Offsets to lines and columns.
pub(super) struct Lines {
    /// Offset of every line's first byte.
    starts: Vec<u32>,
    /// Offsets of bytes that continue a character, which columns do not count.
    continuations: Vec<u32>,
}

impl Lines {
    pub fn new(source: &str) -> Lines {
        let bytes = source.as_bytes();
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', bytes).map(|offset| offset as u32 + 1));
        let continuations = match source.is_ascii() {
            true => Vec::new(),
            false => (0..bytes.len() as u32)
                .filter(|offset| bytes[*offset as usize] & 0xc0 == 0x80)
                .collect(),
        };
        Lines { starts, continuations }
    }

    /// Line and column of an offset, both from 1.
    pub fn position(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        let skipped = self.continuations.partition_point(|byte| *byte < offset)
            - self.continuations.partition_point(|byte| *byte < start);
        (line as u32, offset - start - skipped as u32 + 1)
    }

    /// The span of the bytes `start..end`.
    pub fn span(&self, start: u32, end: u32) -> Span {
        let end = end.max(start);
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        Span {
            start,
            end,
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// Text written from tokens for the grammar, with the way back to the file.
pub(super) struct Written {
    pub text: String,
    /// Offset in `text` of every token.
    starts: Vec<u32>,
    tokens: Vec<Token>,
}

impl Written {
    /// Writes tokens one after the other; those that touch in the file touch here, so that operators stay whole.
    pub fn new(tokens: Vec<Token>, texts: &Texts) -> Written {
        let mut text = String::with_capacity(tokens.len() * 6);
        let mut starts = Vec::with_capacity(tokens.len());
        let mut previous = None;
        for token in &tokens {
            if previous.is_some_and(|end| end != token.start) {
                text.push(' ');
            }
            starts.push(text.len() as u32);
            text.push_str(texts.of(token));
            previous = Some(token.end);
        }
        Written { text, starts, tokens }
    }

    /// The place in the file of the written bytes `start..end`.
    pub fn place(&self, start: usize, end: usize) -> (u32, u32) {
        let first = self
            .starts
            .partition_point(|offset| *offset as usize <= start)
            .saturating_sub(1);
        let last = self
            .starts
            .partition_point(|offset| (*offset as usize) < end)
            .saturating_sub(1)
            .max(first);
        match (self.tokens.get(first), self.tokens.get(last)) {
            (Some(first), Some(last)) if last.at_end >= first.at => (first.at, last.at_end),
            (Some(first), _) => (first.at, first.at_end),
            _ => (0, 0),
        }
    }

    /// Offset in the written text of the token `index`.
    pub fn start_of(&self, index: usize) -> usize {
        self.starts.get(index).map_or(self.text.len(), |start| *start as usize)
    }

    /// Some of the tokens.
    pub fn tokens_of(&self, range: std::ops::Range<usize>) -> Vec<Token> {
        self.tokens.get(range).map_or(Vec::new(), <[Token]>::to_vec)
    }

    /// Where in the file the tokens before `end` end.
    pub fn end_place(&self, end: usize) -> u32 {
        end.checked_sub(1)
            .and_then(|last| self.tokens.get(last))
            .map_or(0, |token| token.at_end)
    }
}
