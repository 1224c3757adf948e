//! From offsets in the text that was parsed to spans in the text that was read.
//!
//! The two differ where [`recovery`](super::recovery) rewrote Python 2 syntax. Facts speak of the original alone, so every
//! span passes through here.

use crate::facts::Span;
use ruff_text_size::TextRange;

/// A stretch of the parsed text: from `new` on, positions count from `old`, but never pass `old_end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Segment {
    new: usize,
    old: usize,
    old_end: usize,
}

/// Maps offsets of a rewritten text to offsets of the original.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OffsetMap {
    segments: Vec<Segment>,
}

/// A replacement of `start..end` of the original text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub text: String,
}

impl OffsetMap {
    /// The original offset of `offset` in the rewritten text.
    fn original(&self, offset: usize) -> usize {
        let after = self.segments.partition_point(|segment| segment.new <= offset);
        match after.checked_sub(1) {
            None => offset,
            Some(index) => {
                let segment = self.segments[index];
                (segment.old + (offset - segment.new)).min(segment.old_end)
            }
        }
    }
}

/// Applies `edits` to `text`; an edit that overlaps an earlier one is passed over.
///
/// Returns the new text and the way back.
pub(super) fn apply(text: &str, mut edits: Vec<Edit>) -> (String, OffsetMap) {
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut result = String::with_capacity(text.len() + edits.len() * 2);
    let mut map = OffsetMap::default();
    let mut copied = 0;
    for edit in &edits {
        if edit.start < copied || edit.end < edit.start {
            continue;
        }
        result.push_str(&text[copied..edit.start]);
        map.segments.push(Segment {
            new: result.len(),
            old: edit.start,
            old_end: edit.end,
        });
        result.push_str(&edit.text);
        map.segments.push(Segment {
            new: result.len(),
            old: edit.end,
            old_end: text.len(),
        });
        copied = edit.end;
    }
    result.push_str(&text[copied..]);
    (result, map)
}

/// Every how many bytes a text that is not ASCII has a checkpoint of its characters' count.
const CHECKPOINT: usize = 256;

/// Lines, columns and the way back to the original text.
#[derive(Debug)]
pub(super) struct Positions<'a> {
    original: &'a str,
    map: OffsetMap,
    line_starts: Vec<usize>,
    /// Characters before each multiple of [`CHECKPOINT`]; empty for ASCII, where they are the bytes.
    characters: Vec<usize>,
}

impl<'a> Positions<'a> {
    /// Positions in `original` for offsets into the text that `map` leads back from.
    pub(super) fn new(original: &'a str, map: OffsetMap) -> Positions<'a> {
        let bytes = original.as_bytes();
        let mut line_starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            // In `\r\n` the line ends after the `\n`.
            if bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n') {
                line_starts.push(at + 1);
            }
        }
        let mut characters = Vec::new();
        if !original.is_ascii() {
            let mut count = 0;
            for chunk in bytes.chunks(CHECKPOINT) {
                characters.push(count);
                count += count_characters(chunk);
            }
        }
        Positions {
            original,
            map,
            line_starts,
            characters,
        }
    }

    /// The span of `range` of the parsed text.
    pub(super) fn span(&self, range: TextRange) -> Span {
        let start = self.original_offset(range.start().to_usize());
        let end = self.original_offset(range.end().to_usize()).max(start);
        let (line, column) = self.line_column(start);
        let (end_line, end_column) = self.line_column(end);
        Span {
            start: start as u32,
            end: end as u32,
            line,
            column,
            end_line,
            end_column,
        }
    }

    /// `span` with its line and column moved to where `range` of the parsed text begins, if that is on another line.
    pub(super) fn with_line_of(&self, span: Span, range: TextRange) -> Span {
        let (line, column) = self.line_column(self.original_offset(range.start().to_usize()));
        if line == span.line {
            span
        } else {
            Span { line, column, ..span }
        }
    }

    /// The line, from 1, of an offset into the parsed text.
    pub(super) fn line(&self, offset: usize) -> u32 {
        self.line_column(self.original_offset(offset)).0
    }

    /// Nothing but white space stands before `span` on its line.
    pub(super) fn is_first_on_line(&self, span: Span) -> bool {
        let line_start = self.line_starts[span.line as usize - 1];
        self.original[line_start..span.start as usize].trim().is_empty()
    }

    /// Where the text begins. Where the code of the whole file ends is no fact that anybody asks for: a comment there changes
    /// none.
    pub(super) fn beginning(&self) -> Span {
        self.span(TextRange::default())
    }

    fn original_offset(&self, offset: usize) -> usize {
        let mut offset = self.map.original(offset).min(self.original.len());
        while !self.original.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn line_column(&self, offset: usize) -> (u32, u32) {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let line_start = self.line_starts[line - 1];
        let characters = if self.characters.is_empty() {
            offset - line_start
        } else if offset - line_start <= CHECKPOINT {
            count_characters(&self.original.as_bytes()[line_start..offset])
        } else {
            self.characters_before(offset) - self.characters_before(line_start)
        };
        let column = characters + 1;
        (line as u32, column as u32)
    }

    fn characters_before(&self, offset: usize) -> usize {
        match self.characters.get(offset / CHECKPOINT) {
            Some(count) => {
                let from = offset / CHECKPOINT * CHECKPOINT;
                count + count_characters(&self.original.as_bytes()[from..offset])
            }
            // Either the text is ASCII, or the offset is its end and falls on a checkpoint of its own.
            None => match self.characters.last() {
                None => offset,
                Some(count) => {
                    let from = (self.characters.len() - 1) * CHECKPOINT;
                    count + count_characters(&self.original.as_bytes()[from..offset])
                }
            },
        }
    }
}

/// Characters that begin in `bytes` of UTF-8.
fn count_characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruff_text_size::TextSize;

    fn span(positions: &Positions, start: usize, end: usize) -> (u32, u32, u32, u32) {
        let span = positions.span(TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32)));
        (span.line, span.column, span.end_line, span.end_column)
    }

    #[test]
    fn lines_end_with_any_line_break() {
        let positions = Positions::new("a\r\nb\rc\nd", OffsetMap::default());
        assert_eq!(span(&positions, 3, 4), (2, 1, 2, 2));
        assert_eq!(span(&positions, 5, 6), (3, 1, 3, 2));
        assert_eq!(span(&positions, 7, 8), (4, 1, 4, 2));
    }

    #[test]
    fn columns_count_characters() {
        let text = format!("{}x\ny", "é".repeat(1000));
        let positions = Positions::new(&text, OffsetMap::default());
        assert_eq!(span(&positions, 2000, 2001), (1, 1001, 1, 1002));
        assert_eq!(span(&positions, 2002, 2003), (2, 1, 2, 2));
        let text = "é".repeat(128);
        let positions = Positions::new(&text, OffsetMap::default());
        assert_eq!(span(&positions, 0, 256), (1, 1, 1, 129));
    }

    #[test]
    fn edits_map_back() {
        let text = "\tprint x\ny";
        let edits = vec![
            Edit {
                start: 8,
                end: 8,
                text: ")".into(),
            },
            Edit {
                start: 0,
                end: 1,
                text: "    ".into(),
            },
            Edit {
                start: 6,
                end: 7,
                text: "(".into(),
            },
        ];
        let (new, map) = apply(text, edits);
        assert_eq!(new, "    print(x)\ny");
        let positions = Positions::new(text, map);
        assert_eq!(span(&positions, 4, 12), (1, 2, 1, 9));
        assert_eq!(span(&positions, 13, 14), (2, 1, 2, 2));
    }
}
