//! Where strings end, for the [scan](super::skim) of tokens: plain ones, and interpolated ones, whose replacement
//! fields hold code and so strings again.

use super::skim::is_name_byte;

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
pub(super) fn skip_plain(bytes: &[u8], quote: usize) -> usize {
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
#[derive(Debug, Clone, Copy)]
enum Inside {
    /// In the text of a string with this quote, of this length.
    Text { quote: u8, length: usize },
    /// In a replacement field; `brackets` are open in it.
    Field { brackets: u32 },
    /// In a field's format, after its colon.
    Format,
}

/// A scan of an interpolated string.
struct Interpolated<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The strings and fields around, the innermost last.
    outer: Vec<Inside>,
    inside: Inside,
    /// How many of the strings are closed by the end of the line at the latest.
    single_lines: usize,
    /// Operators, brackets and words in the outermost field so far.
    weight: u32,
    finished: bool,
}

/// The offset past the interpolated string whose opening quote is at `quote`, and the largest number of operators,
/// brackets and words in one of its fields, which bounds the depth of what the field holds.
pub(super) fn skip_interpolated(bytes: &[u8], quote: usize) -> (usize, u32) {
    let length = quote_length(bytes, quote);
    let mut scan = Interpolated {
        bytes,
        at: quote + length,
        outer: Vec::new(),
        inside: Inside::Text {
            quote: bytes[quote],
            length,
        },
        single_lines: usize::from(length == 1),
        weight: 0,
        finished: false,
    };
    let mut heaviest = 0;
    while !scan.finished && scan.at < bytes.len() {
        match scan.inside {
            Inside::Text { quote, length } => scan.text(quote, length),
            Inside::Format => scan.format(),
            Inside::Field { brackets } => scan.field(brackets),
        }
        heaviest = heaviest.max(scan.weight);
    }
    (scan.at.min(bytes.len()), heaviest)
}

impl Interpolated<'_> {
    fn open(&mut self, inside: Inside, length: usize) {
        if self.outer.is_empty() {
            self.weight = 0;
        }
        self.weight += 1;
        self.single_lines += usize::from(matches!(inside, Inside::Text { length: 1, .. }));
        self.outer.push(std::mem::replace(&mut self.inside, inside));
        self.at += length;
    }

    fn close(&mut self, length: usize) {
        self.single_lines -= usize::from(matches!(self.inside, Inside::Text { length: 1, .. }));
        self.at += length;
        match self.outer.pop() {
            Some(inside) => self.inside = inside,
            None => self.finished = true,
        }
    }

    fn text(&mut self, quote: u8, length: usize) {
        let byte = self.bytes[self.at];
        let next = self.bytes.get(self.at + 1);
        match byte {
            // `\{` is no escape: the field begins all the same.
            b'\\' => self.at += if next == Some(&b'{') { 1 } else { 2 },
            b'\n' | b'\r' if length == 1 => self.finished = true,
            b'{' if next == Some(&b'{') => self.at += 2,
            b'{' => self.open(Inside::Field { brackets: 0 }, 1),
            _ if byte == quote && closes(self.bytes, self.at, byte, length) => self.close(length),
            _ => self.at += 1,
        }
    }

    fn format(&mut self) {
        match self.bytes[self.at] {
            b'{' => self.open(Inside::Field { brackets: 0 }, 1),
            b'}' => self.close(1),
            b'\n' | b'\r' if self.single_lines > 0 => self.finished = true,
            _ => self.at += 1,
        }
    }

    fn field(&mut self, brackets: u32) {
        let byte = self.bytes[self.at];
        match byte {
            b'"' | b'\'' => return self.nested(byte),
            b'(' | b'[' | b'{' => {
                self.inside = Inside::Field { brackets: brackets + 1 };
                self.weight += 1;
            }
            b'}' if brackets == 0 => return self.close(1),
            b')' | b']' | b'}' => {
                self.inside = Inside::Field {
                    brackets: brackets.saturating_sub(1),
                }
            }
            b':' if brackets == 0 => self.inside = Inside::Format,
            b'\n' | b'\r' if self.single_lines > 0 && brackets == 0 => {
                self.finished = true;
                return;
            }
            _ => {
                let next = self.bytes.get(self.at + 1);
                let word_goes_on = is_name_byte(byte) && next.is_some_and(|next| is_name_byte(*next));
                self.weight += u32::from(!word_goes_on);
            }
        }
        self.at += 1;
    }

    /// A string in a field, interpolated or plain by its prefix.
    fn nested(&mut self, quote: u8) {
        let before = self.bytes[..self.at].iter().rev().take(3);
        let mut prefix = before.take_while(|byte| b"rRbBuUfFtT".contains(byte));
        if prefix.any(|byte| b"fFtT".contains(byte)) {
            let length = quote_length(self.bytes, self.at);
            self.open(Inside::Text { quote, length }, length);
        } else {
            self.at = skip_plain(self.bytes, self.at);
        }
    }
}
