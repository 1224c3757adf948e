//! Makes text from untrusted files fit for a terminal: escape sequences could move the cursor or hide a finding, and
//! bidirectional controls could show code in another order than it runs in (CVE-2021-42574).
//!
//! Every character becomes exactly one character, so that columns stay true.

/// A whole source text: line feeds, tabs and `\r\n` stay.
pub fn source(text: &str) -> String {
    let mut chars = text.chars().peekable();
    let mut result = String::with_capacity(text.len());
    while let Some(c) = chars.next() {
        let kept = matches!(c, '\n' | '\t') || (c == '\r' && chars.peek() == Some(&'\n'));
        result.push(if kept { c } else { visible(c) });
    }
    result
}

/// One line of a report (a message, a path): nothing that ends a line stays.
pub fn line(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// The character itself, or a harmless one that stands for it.
fn visible(c: char) -> char {
    match c {
        // Unicode has a picture for each of the first 32, and for delete.
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // The C1 controls (among them a one-character CSI), line and paragraph separators.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}' => '\u{fffd}',
        // What changes the direction of text, or takes no room at all.
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => '\u{fffd}',
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let hostile = "a\x1b[31mb\x07\u{9b}2J\u{202e}c\u{2066}\x0c\x0b\0\x7f\u{85}\u{2028}d\r";
        let shown = line(hostile);
        assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
        assert!(!shown.contains(['\u{202e}', '\u{2066}', '\u{2028}']));
        assert_eq!(shown.chars().count(), hostile.chars().count());
        assert!(shown.starts_with("a␛[31mb␇"));
    }

    #[test]
    fn lines_of_a_source_stay_lines() {
        assert_eq!(source("a\r\nb\rc\td\x0ce\n"), "a\r\nb␍c\td␌e\n");
        assert_eq!(line("a\nb"), "a␊b");
        assert_eq!(source("größe = 'ß'"), "größe = 'ß'");
    }
}
