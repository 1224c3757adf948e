//! Reading one file, with a limit on its size and without ever waiting on what is no regular file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::facts::{Language, Problem, ProblemKind};

use super::Source;
use super::decode::{complaint, decode};

/// The largest file that is read. SQLite's amalgamation, the largest hand-me-down source in wide use, has 9 MiB; what
/// is beyond 16 is generated data.
pub const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Reads and decodes the file at `path`; `name` is what it is called in the source and in problems.
///
/// Without a source the problem says why; with one, what had to be replaced.
pub fn read_file(path: &Path, name: &str, language: Language) -> (Option<Source>, Option<Problem>) {
    let bytes = open_limited(path, MAX_BYTES).and_then(|file| limited(file, file_too_large));
    finish(bytes, name, language)
}

/// Decodes bytes that were read elsewhere (an archive, the index), as [`read_file`] does.
pub fn read_bytes(bytes: Vec<u8>, name: &str, language: Language) -> (Option<Source>, Option<Problem>) {
    let limited = if bytes.len() as u64 > MAX_BYTES {
        Err(file_too_large())
    } else {
        Ok(bytes)
    };
    finish(limited, name, language)
}

/// The bytes of standard input.
///
/// # Errors
/// Why there are none, as a problem that calls it `name`.
pub fn read_stdin(name: &str) -> Result<Vec<u8>, Problem> {
    limited(io::stdin().lock(), file_too_large).map_err(|lost| problem(name, lost))
}

/// Reads the bytes of the file at `path` into `bytes`, over what it holds.
///
/// # Errors
/// Why it has none, as a problem that calls the file `name`.
pub fn read_into(path: &Path, name: &str, bytes: &mut Vec<u8>) -> Result<(), Problem> {
    let read = open_limited(path, MAX_BYTES).and_then(|mut file| {
        let failed = |error: io::Error| (ProblemKind::Io, lower_case(&error));
        let expected = file.metadata().map_err(failed)?.len().min(MAX_BYTES) as usize;
        // One byte more than there should be, so that the end is seen without another buffer.
        bytes.resize(expected + 1, 0);
        let mut filled = 0;
        loop {
            match file.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
            if filled == bytes.len() {
                if filled as u64 > MAX_BYTES {
                    return Err(file_too_large());
                }
                // It grows while it is read.
                bytes.resize(filled * 2, 0);
            }
        }
        bytes.truncate(filled);
        if filled as u64 > MAX_BYTES {
            return Err(file_too_large());
        }
        Ok(())
    });
    read.map_err(|lost| problem(name, lost))
}

/// What reading the bytes as text would complain of: with [`Ok`] they have a text all the same, with [`Err`] none.
///
/// # Errors
/// What is lost.
pub fn inspect(bytes: &[u8], name: &str, language: Language) -> Result<Option<Problem>, Problem> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(problem(name, file_too_large()));
    }
    match complaint(bytes, language) {
        Ok(complaint) => Ok(complaint.map(|text| problem(name, (ProblemKind::Encoding, text)))),
        Err(lost) => Err(problem(name, lost)),
    }
}

fn problem(name: &str, (kind, message): Lost) -> Problem {
    Problem {
        path: name.to_owned(),
        kind,
        message,
        line: None,
    }
}

/// Why a file has no text: the kind and the words of its problem.
pub(super) type Lost = (ProblemKind, String);

fn finish(bytes: Result<Vec<u8>, Lost>, name: &str, language: Language) -> (Option<Source>, Option<Problem>) {
    match bytes.and_then(|bytes| decode(bytes, language)) {
        Err(lost) => (None, Some(problem(name, lost))),
        Ok(decoded) => {
            let source = Source {
                path: name.to_owned(),
                language,
                text: decoded.text,
            };
            (
                Some(source),
                decoded
                    .complaint
                    .map(|text| problem(name, (ProblemKind::Encoding, text))),
            )
        }
    }
}

/// The first bytes of the file at `path`, for its `#!` line; empty where it cannot be read or is no regular file.
pub(super) fn head(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(file) = open_limited(path, MAX_BYTES) {
        // What cannot be read has no first line; reading it in earnest reports the reason.
        let _ = file.take(128).read_to_end(&mut bytes);
    }
    bytes
}

/// Opens a regular file of at most `most` bytes, without waiting for anybody.
///
/// # Errors
/// Why it is none, as the kind and the words of a problem.
pub(super) fn open_limited(path: &Path, most: u64) -> Result<File, Lost> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a FIFO would otherwise wait for somebody to write to it.
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    }
    let failed = |error: io::Error| (ProblemKind::Io, lower_case(&error));
    let file = options.open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err((ProblemKind::Io, "not a regular file".to_owned()));
    }
    if metadata.len() > most {
        return Err(larger_than(most));
    }
    Ok(file)
}

fn limited(reader: impl Read, too_large: impl Fn() -> Lost) -> Result<Vec<u8>, Lost> {
    let mut bytes = Vec::new();
    reader
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| (ProblemKind::Io, lower_case(&error)))?;
    if bytes.len() as u64 > MAX_BYTES {
        Err(too_large())
    } else {
        Ok(bytes)
    }
}

fn file_too_large() -> Lost {
    larger_than(MAX_BYTES)
}

fn larger_than(most: u64) -> Lost {
    (
        ProblemKind::TooLarge,
        format!("larger than {} MiB", most / (1024 * 1024)),
    )
}

/// The system's words as a lower-case fragment without the error number: `no such file or directory`.
pub fn lower_case(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_lowercase().chain(chars).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_is_a_problem() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let path = folder.path().join("big.c");
        let file = File::create(&path).expect("the folder was just made");
        file.set_len(MAX_BYTES + 1).expect("a sparse file takes no room");
        let (source, problem) = read_file(&path, "big.c", Language::C);
        assert!(source.is_none());
        assert_eq!(problem.map(|problem| problem.kind), Some(ProblemKind::TooLarge));
    }

    #[test]
    fn a_buffer_is_used_again() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let mut bytes = Vec::new();
        for text in ["a longer text", "", "short"] {
            let path = folder.path().join("a.c");
            std::fs::write(&path, text).expect("files can be written");
            assert_eq!(read_into(&path, "a.c", &mut bytes), Ok(()));
            assert_eq!(bytes, text.as_bytes());
        }
        let path = folder.path().join("big.c");
        let file = File::create(&path).expect("the folder was just made");
        file.set_len(MAX_BYTES + 1).expect("a sparse file takes no room");
        let lost = read_into(&path, "big.c", &mut bytes).map_err(|problem| problem.kind);
        assert_eq!(lost, Err(ProblemKind::TooLarge));
    }

    #[test]
    fn folders_and_missing_files_are_problems() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let (_, problem) = read_file(folder.path(), "x.py", Language::Python);
        assert_eq!(
            problem.map(|problem| problem.message).as_deref(),
            Some("not a regular file")
        );
        let (_, problem) = read_file(&folder.path().join("none"), "none", Language::Python);
        assert_eq!(
            problem.map(|problem| problem.message).as_deref(),
            Some("no such file or directory")
        );
    }
}
