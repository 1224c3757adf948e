//! Makes text from untrusted files fit for a terminal: escape sequences could move the cursor or hide a finding, and
//! bidirectional controls could show code in another order than it runs in (CVE-2021-42574). What reads logs is a terminal
//! too: GitHub's runner obeys `::name::` where a line begins with it and `##[name]` anywhere, Azure's `##vso[name]`.
//!
//! Every character becomes exactly one character, so that columns stay true.

/// A whole source text: line feeds, tabs and `\r\n` stay.
pub fn source(text: &str) -> String {
    disarm(source_controls(text), false)
}

fn source_controls(text: &str) -> String {
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
    disarm(text.chars().map(visible).collect(), true)
}

/// Serialised JSON: the same document, with escapes for what would act on a terminal or on a runner that reads logs.
pub fn json(serialised: &str) -> String {
    let mut out = String::with_capacity(serialised.len());
    let mut units = [0; 2];
    for c in serialised.chars() {
        if c == '\n' || visible(c) == c {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    // Outside of strings JSON has no number signs.
    if out.contains("##") {
        out = out.replace("##", "#\\u0023");
    }
    out
}

/// Breaks what log readers take for commands; at the beginning of words only where `words` says so, for that is where
/// wrapped lines may begin.
fn disarm(text: String, words: bool) -> String {
    let commands = text.contains("##") || words && text.contains("::");
    if !commands {
        return text;
    }
    let chars: Vec<char> = text.chars().collect();
    let mut out = chars.clone();
    let mut marks = 0;
    for (index, &c) in chars.iter().enumerate() {
        // Two number signs, letters, a bracket.
        match c {
            '#' => marks += 1,
            '[' if marks >= 2 => out[index] = '［',
            c if marks >= 2 && (c.is_alphanumeric() || c == '-') => {}
            _ => marks = 0,
        }
        let begins = index == 0 || chars[index - 1].is_whitespace();
        if words && begins && c == ':' && chars.get(index + 1) == Some(&':') {
            out[index] = '：';
        }
    }
    out.into_iter().collect()
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
    fn nothing_that_commands_a_runner_is_left() {
        assert_eq!(line("::set-output name=a::b"), "：:set-output name=a::b");
        assert_eq!(line("in ::error::x std::env"), "in ：:error::x std::env");
        assert_eq!(
            line("a##[set-env name=x]b ##vso[y] # [z]"),
            "a##［set-env name=x]b ##vso［y] # [z]"
        );
        assert_eq!(source("::std::env ##[x]\n## a"), "::std::env ##［x]\n## a");
    }

    #[test]
    fn json_stays_the_same_document() {
        let hostile = "##[x] \u{202e}\u{9b}\u{7f}\u{e0041} é \\ \" ###vso[";
        let plain = serde_json::to_string(&vec![hostile]).expect("strings serialise");
        let shown = json(&plain);
        assert!(
            !shown.contains("##") && shown.chars().all(|c| visible(c) == c),
            "{shown}"
        );
        assert!(
            shown.contains("\\u202e") && shown.contains("\\udb40\\udc41") && shown.contains('é'),
            "{shown}"
        );
        let read: Vec<String> = serde_json::from_str(&shown).expect("it is still JSON");
        assert_eq!(read, [hostile]);
    }

    #[test]
    fn lines_of_a_source_stay_lines() {
        assert_eq!(source("a\r\nb\rc\td\x0ce\n"), "a\r\nb␍c\td␌e\n");
        assert_eq!(line("a\nb"), "a␊b");
        assert_eq!(source("größe = 'ß'"), "größe = 'ß'");
    }
}
