//! Bytes: what the user named becomes projects, files and decoded text. The only room beside `cli` and `confirm` that
//! touches the file system, so that limits, encodings and odd kinds of files are dealt with once and in one place.
//!
//! Nothing here stops the run: what cannot be read becomes a [`Problem`](crate::facts::Problem) that names the file.

use std::collections::BTreeMap;

use crate::facts::Language;

mod archive;
mod decode;
mod globs;
mod language;
mod project;
mod read;
mod walk;

pub use archive::{Contents, Member, SEPARATOR, read as read_archive};
pub use globs::Globs;
pub use language::{by_name, by_shebang};
pub use project::{PathError, Plan, Prefix, Project, Scope, plan};
pub use read::{MAX_BYTES, lower_case, read_bytes, read_file, read_stdin};
pub use walk::{Found, PassedOver, Reach, Walked, find, found_file, walk};

/// One file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path relative to the project's root, with `/`, without `./`; inside an archive `a.tar.gz!inner/path`.
    pub path: String,
    pub language: Language,
    /// The text, decoded. Undecodable bytes have become U+FFFD, with a problem that says so. A byte order mark is gone.
    pub text: String,
}

/// The text of every file that was read, by path, so that excerpts need no second look at the disk.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: BTreeMap<String, String>,
}

impl Sources {
    /// Keeps the texts of `sources` under their paths.
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Sources {
        Sources {
            files: sources.into_iter().map(|source| (source.path, source.text)).collect(),
        }
    }

    /// The whole text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// The line of that number (from 1) without its line end.
    pub fn line(&self, path: &str, line: u32) -> Option<&str> {
        let index = (line as usize).checked_sub(1)?;
        self.text(path)?
            .split('\n')
            .nth(index)
            .map(|text| text.strip_suffix('\r').unwrap_or(text))
    }

    /// Every path with its text, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Drops the texts of all files that `wanted` does not want, by path.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.files.retain(|path, _| wanted(path));
    }

    /// Takes in the files of another project under the paths by which the user knows them.
    pub fn absorb(&mut self, other: Sources, prefix: &Prefix) {
        self.files
            .extend(other.files.into_iter().map(|(path, text)| (prefix.show(&path), text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        Sources::new([Source {
            path: "a.py".to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        }])
    }

    #[test]
    fn lines_count_from_one_and_lose_their_ends() {
        let sources = sources("one\r\ntwo\n\nfour");
        assert_eq!(sources.line("a.py", 1), Some("one"));
        assert_eq!(sources.line("a.py", 2), Some("two"));
        assert_eq!(sources.line("a.py", 3), Some(""));
        assert_eq!(sources.line("a.py", 4), Some("four"));
        assert_eq!(sources.line("a.py", 5), None);
        assert_eq!(sources.line("a.py", 0), None);
        assert_eq!(sources.line("b.py", 1), None);
    }
}
