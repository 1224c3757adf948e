//! Bytes: what the user named becomes projects, files and decoded text. The only room beside `cli` and `confirm` that
//! touches the file system, so that limits, encodings and odd kinds of files are dealt with once and in one place.
//!
//! Nothing here stops the run: what cannot be read becomes a [`Problem`](crate::facts::Problem) that names the file.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::facts::Language;

mod archive;
mod decode;
mod globs;
mod language;
mod parts;
mod project;
mod raw;
mod read;
mod screen;
mod shelf;
mod stamp;
mod walk;

pub use archive::{Contents, Member, SEPARATOR, read as read_archive};
pub use globs::Globs;
pub use language::{by_name, by_shebang};
pub use parts::{Parts, parts};
pub use project::{PathError, Plan, Prefix, Project, Scope, plan};
pub use raw::Raw;
pub use read::{MAX_BYTES, inspect, lower_case, read_bytes, read_file, read_into, read_stdin};
pub use screen::{Excuse, Screen, Signs, Sought};
pub use shelf::{Book, Pen, Room, Shelf};
pub use stamp::Stamp;
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

/// The text of every file that was looked at, by path. What lies on the disk is read again when it is asked for, since
/// reports quote few files: keeping all texts of a large tree would take more room than everything else.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: BTreeMap<String, Text>,
}

/// A file's text, or the way to it.
#[derive(Debug, Clone)]
struct Text {
    text: OnceLock<Option<String>>,
    place: Option<Place>,
}

/// Where a text can be read again.
#[derive(Debug, Clone)]
struct Place {
    raw: Raw,
    /// The bytes that were analysed. Where others lie there now, there is no text that fits the findings.
    print: Option<Fingerprint>,
}

impl Text {
    fn get(&self) -> Option<&str> {
        let read = || {
            let Place { raw, print } = self.place.as_ref()?;
            let mut buffer = Vec::new();
            let bytes = raw.bytes(&mut buffer).ok()?;
            let same = print.is_none_or(|print| print == Fingerprint::of(bytes));
            let text = same.then(|| read_bytes(bytes.to_vec(), &raw.name, raw.language).0)?;
            text.map(|source| source.text)
        };
        self.text.get_or_init(read).as_deref()
    }
}

impl Sources {
    /// Keeps the texts of `sources` under their paths.
    pub fn new(sources: impl IntoIterator<Item = Source>) -> Sources {
        let mut all = Sources::default();
        for source in sources {
            all.keep(source);
        }
        all
    }

    /// Keeps a text under its path.
    pub fn keep(&mut self, source: Source) {
        let text = Text {
            text: OnceLock::from(Some(source.text)),
            place: None,
        };
        self.files.insert(source.path, text);
    }

    /// Knows of a file whose text is made when it is asked for. `print`: of the bytes that were analysed.
    pub fn promise(&mut self, raw: Raw, print: Option<Fingerprint>) {
        let name = raw.name.clone();
        let text = Text {
            text: OnceLock::new(),
            place: Some(Place { raw, print }),
        };
        self.files.insert(name, text);
    }

    /// Adds the files of another part of the project.
    pub fn join(&mut self, other: Sources) {
        self.files.extend(other.files);
    }

    /// The whole text of the file at `path`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.get()
    }

    /// The line of that number (from 1) without its line end.
    pub fn line(&self, path: &str, line: u32) -> Option<&str> {
        let index = (line as usize).checked_sub(1)?;
        self.text(path)?
            .split('\n')
            .nth(index)
            .map(|text| text.strip_suffix('\r').unwrap_or(text))
    }

    /// Whether there is a file at `path`.
    pub fn holds(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Every path, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Every path with its text, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.files.iter();
        texts.filter_map(|(path, text)| Some((path.as_str(), text.get()?)))
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

/// A hash of some bytes that nobody can make two different ones for (BLAKE3, 256 bits): what was analysed is told from
/// what looks like it, also where somebody wants it mistaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// That of `bytes`.
    pub fn of(bytes: &[u8]) -> Fingerprint {
        Fingerprint(*blake3::hash(bytes).as_bytes())
    }

    /// That of several pieces, which cannot be mistaken for other pieces that make the same whole.
    pub fn of_all<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for piece in pieces {
            hasher.update(&(piece.len() as u64).to_le_bytes());
            hasher.update(piece);
        }
        Fingerprint(*hasher.finalize().as_bytes())
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

    #[test]
    fn a_promised_text_is_read_when_asked_for_and_must_be_the_same() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let path = folder.path().join("a.py");
        std::fs::write(&path, "one\n").expect("files can be written");
        let found = found_file(folder.path(), &path, None).expect("it is Python by its name");
        let mut sources = Sources::default();
        sources.promise(Raw::found(found), Some(Fingerprint::of(b"one\n")));
        assert!(sources.holds("a.py"));
        assert_eq!(sources.clone().text("a.py"), Some("one\n"));
        std::fs::write(&path, "two\n").expect("files can be written");
        assert_eq!(sources.text("a.py"), None);
        assert_eq!(sources.iter().count(), 0);
        assert_eq!(sources.paths().collect::<Vec<_>>(), ["a.py"]);
    }

    #[test]
    fn pieces_are_told_apart() {
        let whole = Fingerprint::of_all([&b"ab"[..], b"c"]);
        assert_ne!(whole, Fingerprint::of_all([&b"a"[..], b"bc"]));
        assert_eq!(whole, Fingerprint::of_all([&b"ab"[..], b"c"]));
    }
}
