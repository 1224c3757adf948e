//! What the findings are to hold for: libc, interpreter and Rust versions, and ranges of them.

/// Which C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LibcKind {
    Glibc,
    Musl,
    Macos,
    Bsd,
}

/// A C library with its version as (major, minor).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Libc {
    pub kind: LibcKind,
    pub version: (u32, u32),
}

/// A CPython version; `free_threaded` for builds without the GIL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PythonVersion {
    pub version: (u32, u32, u32),
    pub free_threaded: bool,
}

/// A half-open range of versions per component; an absent bound is no bound. One `when` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    pub python: Option<VersionRange>,
    pub libc: Option<(LibcKind, VersionRange)>,
    /// `Some(true)`: free-threaded builds only; `Some(false)`: GIL builds only.
    pub free_threaded: Option<bool>,
    pub rust: Option<VersionRange>,
}

/// `>=3.11.6,<3.13`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionRange {
    /// Inclusive.
    pub from: Option<(u32, u32, u32)>,
    /// Exclusive.
    pub to: Option<(u32, u32, u32)>,
}

/// Everything that a finding is judged for: the worst case over these lists counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub libcs: Vec<Libc>,
    pub pythons: Vec<PythonVersion>,
    pub rust: Option<(u32, u32, u32)>,
    /// One process a test (nextest).
    pub process_per_test: bool,
}

/// A `--target` text that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    pub message: String,
    pub help: Option<String>,
}

impl Default for Target {
    /// glibc 2.31 to 2.43 and musl, CPython 3.8 to 3.14 with and without the GIL.
    fn default() -> Target {
        todo!()
    }
}
