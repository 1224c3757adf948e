//! What the manuals of C's functions say of thread safety: rules/manual.toml.

use std::sync::LazyLock;

use serde::Deserialize;

/// Functions of which the manuals say the same, in the words of attributes(7).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manual {
    pub names: Vec<String>,
    /// In the glibc manual: `MT-Safe env`.
    pub glibc: Option<String>,
    /// In the Linux man-pages.
    pub pages: Option<String>,
    /// The file of the manual and the page.
    pub source: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    manual: Vec<Manual>,
}

const TEXT: &str = include_str!("../../rules/manual.toml");

/// All that the manuals say, in the order of the file.
pub fn manuals() -> &'static [Manual] {
    static READ: LazyLock<Vec<Manual>> = LazyLock::new(|| {
        let file: File = toml::from_str(TEXT).expect("a test reads the built-in file");
        file.manual
    });
    &READ
}

/// What they say of one function of C.
pub fn manual(name: &str) -> Option<&'static Manual> {
    manuals()
        .iter()
        .find(|manual| manual.names.iter().any(|known| known == name))
}

impl Manual {
    /// The words: glibc's where it has them.
    pub fn words(&self) -> &str {
        self.glibc.as_deref().or(self.pages.as_deref()).unwrap_or("")
    }

    /// Whether it calls the function safe.
    pub fn is_safe(&self) -> bool {
        self.words().starts_with("MT-Safe")
    }

    /// Whether it says that the function looks at the environment, so that nobody may change it meanwhile.
    pub fn names_environment(&self) -> bool {
        self.words()
            .split_whitespace()
            .any(|word| word == "env" || word == "const:env")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_file_is_read_and_says_something_of_each() {
        for manual in manuals() {
            assert!(!manual.names.is_empty() && !manual.source.is_empty());
            let words = manual.words();
            assert!(
                words.starts_with("MT-Safe") || words.starts_with("MT-Unsafe"),
                "{words}"
            );
        }
        let of = |name: &str| manual(name).map(Manual::words);
        assert_eq!(of("system"), Some("MT-Safe"));
        assert_eq!(of("getenv"), Some("MT-Safe env"));
        assert_eq!(of("putenv"), Some("MT-Unsafe const:env"));
        assert_eq!(of("no_such_function"), None);
    }

    #[test]
    fn no_function_stands_twice() {
        let mut names: Vec<&String> = manuals().iter().flat_map(|manual| &manual.names).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
