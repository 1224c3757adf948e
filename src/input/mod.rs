//! Bytes: walking what the user named, language detection, limits. The only room beside `cli` and `confirm` that
//! touches the file system.

use crate::facts::Language;

/// One file that was read.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path relative to the project's root, with `/`, without `./`; inside an archive `a.tar.gz!inner/path`.
    pub path: String,
    pub language: Language,
    /// The text, decoded. Undecodable bytes have become U+FFFD, with a problem that says so.
    pub text: String,
}
