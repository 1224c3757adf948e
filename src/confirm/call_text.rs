//! The keywords of a flagged call, read from its source text.
//!
//! How CPython starts a child depends on the call's own arguments (`shell=True`, `cwd=`, `env=`). A finding carries the
//! call's text; this is the little that confirm takes from it. The text chooses among known forms and is never run.

/// A call's arguments as text, split at the top level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallText {
    positional: Vec<String>,
    keywords: Vec<(String, String)>,
}

/// What the first positional argument looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A literal whose first string holds a slash.
    Path,
    /// A literal whose first string holds none.
    Name,
    /// Anything that is no literal.
    Unknown,
}

impl CallText {
    /// Reads the outermost call in `code`; text without one has no arguments.
    pub fn parse(code: &str) -> CallText {
        let mut found = CallText::default();
        for argument in arguments(code) {
            match keyword(argument) {
                Some((name, value)) => found.keywords.push((name.to_owned(), value.to_owned())),
                None => found.positional.push(argument.to_owned()),
            }
        }
        found
    }

    /// The value of a keyword argument, as text.
    pub fn keyword(&self, name: &str) -> Option<&str> {
        self.keywords
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }

    /// The positional argument of this index, as text.
    pub fn positional(&self, index: usize) -> Option<&str> {
        self.positional.get(index).map(String::as_str)
    }

    /// Present and not `None`.
    pub fn has_keyword(&self, name: &str) -> bool {
        self.keyword(name).is_some_and(|value| value != "None")
    }

    /// Surely true.
    pub fn keyword_is_true(&self, name: &str) -> bool {
        matches!(self.keyword(name), Some("True" | "1"))
    }

    /// Surely false.
    pub fn keyword_is_false(&self, name: &str) -> bool {
        matches!(self.keyword(name), Some("False" | "0"))
    }

    /// What the first positional argument looks like (or `args=`).
    pub fn first(&self) -> Shape {
        let Some(text) = self.positional(0).or(self.keyword("args")) else {
            return Shape::Unknown;
        };
        let text = text.trim_start_matches(['[', '(', ' ']);
        let text = text.trim_start_matches(['b', 'r', 'f', 'u', 'B', 'R', 'F', 'U']);
        let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return Shape::Unknown;
        };
        let inside = text[1..].split(quote).next().unwrap_or_default();
        if inside.contains('/') { Shape::Path } else { Shape::Name }
    }
}

/// The texts between the top-level commas of the outermost call.
fn arguments(code: &str) -> Vec<&str> {
    let Some(open) = code.find('(') else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut quote = None;
    let mut start = open + 1;
    let mut escaped = false;
    for (at, c) in code.char_indices().skip_while(|(at, _)| *at <= open) {
        if let Some(end) = quote {
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == end {
                quote = None;
            }
            continue;
        }
        match c {
            '"' | '\'' => quote = Some(c),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' | ']' | '}' => {
                parts.push(&code[start..at]);
                start = code.len();
                break;
            }
            ',' if depth == 0 => {
                parts.push(&code[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < code.len() {
        parts.push(&code[start..]);
    }
    parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

/// `name=value`, not a comparison.
fn keyword(argument: &str) -> Option<(&str, &str)> {
    let (name, value) = argument.split_once('=')?;
    let name = name.trim();
    let word = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (word && !value.starts_with('=')).then(|| (name, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_told_from_text_that_looks_like_them() {
        let call = CallText::parse("subprocess.call('a, shell=True', env={'x': f(1, y=2)}, cwd=None)");
        assert_eq!(call.keyword("shell"), None);
        assert_eq!(call.keyword("env"), Some("{'x': f(1, y=2)}"));
        assert!(!call.has_keyword("cwd"));
        assert_eq!(call.keyword("y"), None);
    }

    #[test]
    fn comparisons_and_stars_are_no_keywords() {
        let call = CallText::parse("f(a == b, *c, **d)");
        assert_eq!(
            call,
            CallText {
                positional: vec!["a == b".into(), "*c".into(), "**d".into()],
                keywords: vec![]
            }
        );
    }

    #[test]
    fn the_first_argument_shows_whether_path_is_searched() {
        assert_eq!(CallText::parse("run(['gcc', '-o', 'a/b'])").first(), Shape::Name);
        assert_eq!(CallText::parse("run(('/bin/ls',))").first(), Shape::Path);
        assert_eq!(CallText::parse("run(args=[b'./x'])").first(), Shape::Path);
        assert_eq!(CallText::parse("run(command)").first(), Shape::Unknown);
    }

    #[test]
    fn broken_text_is_no_reason_to_panic() {
        for text in [
            "",
            "(",
            "f(",
            "f('",
            "f('\\",
            "f(é='",
            ")(",
            "f(]],=,==)",
            "日本(日='本')",
        ] {
            let call = CallText::parse(text);
            assert_eq!(call.keyword("shell"), None, "{text}");
            let _shape = call.first();
        }
    }
}
