//! Laying out prose for 80 columns, with the few styles that reports use. Escape sequences are always written; whoever
//! prints strips them where they are not wanted.

use super::sanitise;

/// Reports are laid out for this many columns.
pub const WIDTH: usize = 80;

/// Where the text of a labelled section begins.
const INDENT: usize = 12;

/// How a piece of text is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Error,
    Warning,
    Note,
    Label,
    Good,
    Strong,
}

/// `text` in that style. It must have been made safe before.
pub fn paint(style: Style, text: &str) -> String {
    let code = match style {
        Style::Error => "1;31",
        Style::Warning => "1;33",
        Style::Note => "1;36",
        Style::Label => "36",
        Style::Good => "1;32",
        Style::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// Drops the resets between two pieces of the same style: `ariadne` styles every character on its own.
pub fn merge_styles(text: &str) -> String {
    const RESET: &str = "\x1b[0m";
    let mut out = String::with_capacity(text.len());
    let mut active = "";
    let mut rest = text;
    while let Some(at) = rest.find('\x1b') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = rest.find('m').map_or(rest.len(), |end| end + 1);
        let (style, after) = rest.split_at(length);
        if style == RESET && !active.is_empty() && after.starts_with(active) {
            rest = &after[active.len()..];
            continue;
        }
        active = if style == RESET { "" } else { style };
        out.push_str(style);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The words of `text` in lines of at most `width` characters; a longer word gets a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    lines.push(line);
    lines
}

/// Appends a section: a label in the margin, the text beside it, each paragraph wrapped with its second and later lines
/// indented by two.
pub fn section(out: &mut String, label: &str, paragraphs: &[String]) {
    let mut margin = paint(Style::Label, label);
    margin.push_str(&" ".repeat((INDENT - 2).saturating_sub(label.chars().count()).max(1)));
    for paragraph in paragraphs {
        let lines = wrap(&sanitise::line(paragraph), WIDTH - INDENT - 2);
        for (index, line) in lines.iter().enumerate() {
            out.push_str("  ");
            out.push_str(&margin);
            out.push_str(if index > 0 { "  " } else { "" });
            out.push_str(line);
            out.push('\n');
            margin = " ".repeat(INDENT - 2);
        }
    }
}

/// `1 file`, `2 files`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_wrapped_at_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("unbreakable x", 4), ["unbreakable", "x"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn pieces_of_one_style_become_one() {
        let text = "a\x1b[31mb\x1b[0m\x1b[31mc\x1b[0m\x1b[32md\x1b[0m e\x1b[0m";
        assert_eq!(merge_styles(text), "a\x1b[31mbc\x1b[0m\x1b[32md\x1b[0m e\x1b[0m");
        assert_eq!(merge_styles("plain \x1b"), "plain \x1b");
    }

    #[test]
    fn sections_keep_to_the_width_and_to_their_column() {
        let mut out = String::new();
        section(&mut out, "why", &["word ".repeat(40), "next".to_owned()]);
        let plain = out.replace("\x1b[36m", "").replace("\x1b[0m", "");
        assert!(plain.lines().all(|line| line.chars().count() <= WIDTH), "{plain}");
        assert!(plain.starts_with("  why       word word"));
        assert!(plain.ends_with("\n            next\n"));
    }
}
