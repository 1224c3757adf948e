//! A file before anybody has looked at it: on the disk, or in memory where it came out of an archive, the index or a pipe.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::facts::{Language, Problem};

use super::read::read_into;
use super::stamp::Stamp;
use super::walk::Found;

/// A file with the way to its bytes.
#[derive(Debug, Clone)]
pub struct Raw {
    /// Path relative to the project's root, as in [`super::Source`].
    pub name: String,
    pub language: Language,
    bytes: Bytes,
    stamp: OnceLock<Option<Stamp>>,
}

#[derive(Debug, Clone)]
enum Bytes {
    On(PathBuf),
    Held(Arc<Vec<u8>>),
}

impl Raw {
    /// A file on the disk.
    pub fn found(found: Found) -> Raw {
        Raw {
            name: found.relative,
            language: found.language,
            bytes: Bytes::On(found.path),
            stamp: OnceLock::new(),
        }
    }

    /// A file in memory.
    pub fn held(name: String, language: Language, bytes: Vec<u8>) -> Raw {
        Raw {
            name,
            language,
            bytes: Bytes::Held(Arc::new(bytes)),
            stamp: OnceLock::new(),
        }
    }

    /// Where it lies, if on the disk.
    pub fn path(&self) -> Option<&Path> {
        match &self.bytes {
            Bytes::On(path) => Some(path),
            Bytes::Held(_) => None,
        }
    }

    /// What the file system said of it when this was first asked; none for what is no file on the disk.
    pub fn stamp(&self) -> Option<Stamp> {
        *self.stamp.get_or_init(|| self.path().and_then(Stamp::of))
    }

    /// Its bytes; `buffer` is read into where they are on the disk.
    ///
    /// # Errors
    /// Why they cannot be read.
    pub fn bytes<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Problem> {
        match &self.bytes {
            Bytes::Held(bytes) => Ok(bytes.as_slice()),
            Bytes::On(path) => {
                read_into(path, &self.name, buffer)?;
                Ok(buffer.as_slice())
            }
        }
    }
}
