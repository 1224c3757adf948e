//! What the findings are to hold for: libc, interpreter and Rust versions, and ranges of them.
//!
//! A [`Target`] is a list of *points*: one version for each stretch of versions that behave alike. The default is every
//! stretch that is known to differ, so that the worst of them counts and a finding can say for which it holds.

use std::fmt;

mod describe;
mod parse;

pub use describe::{describe_combos, libc_ranges, python_ranges};
pub use parse::libc_range;

/// The micro version that stands for "the last one of this minor": larger than any real one.
pub const LAST_MICRO: u32 = u32::MAX;

/// glibc 2.31 to 2.43, one point for each stretch that behaves alike: 2.34 brought `closefrom` actions for
/// `posix_spawn`, 2.41 keeps old arrays of `environ`.
const GLIBC_POINTS: [(u32, u32); 4] = [(2, 31), (2, 34), (2, 41), (2, 43)];

/// musl 1.2: `setenv` has been the same throughout.
const MUSL: Libc = Libc {
    kind: LibcKind::Musl,
    version: (1, 2),
};

/// CPython 3.8 to 3.14, one point for each stretch that behaves alike, and the two free-threaded ones.
const PYTHON_POINTS: [PythonVersion; 10] = [
    PythonVersion::with_gil(3, 8, LAST_MICRO),
    PythonVersion::with_gil(3, 9, LAST_MICRO),
    PythonVersion::with_gil(3, 10, LAST_MICRO),
    PythonVersion::with_gil(3, 11, 5),
    PythonVersion::with_gil(3, 11, LAST_MICRO),
    PythonVersion::with_gil(3, 12, LAST_MICRO),
    PythonVersion::with_gil(3, 13, LAST_MICRO),
    PythonVersion::with_gil(3, 14, LAST_MICRO),
    PythonVersion::free_threaded(3, 13, LAST_MICRO),
    PythonVersion::free_threaded(3, 14, LAST_MICRO),
];

/// Which C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LibcKind {
    Glibc,
    Musl,
    Macos,
    Bsd,
}

impl LibcKind {
    /// The name in rules, targets and reports.
    pub fn name(self) -> &'static str {
        match self {
            LibcKind::Glibc => "glibc",
            LibcKind::Musl => "musl",
            LibcKind::Macos => "macos",
            LibcKind::Bsd => "bsd",
        }
    }
}

/// A C library with its version as (major, minor).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Libc {
    pub kind: LibcKind,
    pub version: (u32, u32),
}

/// The kind of system that a libc belongs to, as far as APIs differ by it: CPython uses vfork on Linux alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Os {
    Linux,
    Other,
}

impl Libc {
    /// The system that it belongs to.
    pub fn os(self) -> Os {
        match self.kind {
            LibcKind::Glibc | LibcKind::Musl => Os::Linux,
            LibcKind::Macos | LibcKind::Bsd => Os::Other,
        }
    }

    /// glibc that keeps every old array, so that an addition frees nothing (2.41, commit 7a61e7f557).
    pub fn keeps_old_arrays(self) -> bool {
        self.kind == LibcKind::Glibc && self.version >= (2, 41)
    }
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            LibcKind::Glibc => write!(f, "glibc {}.{}", self.version.0, self.version.1),
            kind => f.write_str(kind.name()),
        }
    }
}

/// A CPython version; `free_threaded` for builds without the GIL. The micro [`LAST_MICRO`] stands for the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PythonVersion {
    pub version: (u32, u32, u32),
    pub free_threaded: bool,
}

impl PythonVersion {
    /// A build with the GIL.
    pub const fn with_gil(major: u32, minor: u32, micro: u32) -> PythonVersion {
        PythonVersion {
            version: (major, minor, micro),
            free_threaded: false,
        }
    }

    /// A build without the GIL.
    pub const fn free_threaded(major: u32, minor: u32, micro: u32) -> PythonVersion {
        PythonVersion {
            version: (major, minor, micro),
            free_threaded: true,
        }
    }
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor, micro) = self.version;
        write!(f, "{major}.{minor}")?;
        if micro != LAST_MICRO {
            write!(f, ".{micro}")?;
        }
        f.write_str(if self.free_threaded { "t" } else { "" })
    }
}

/// A half-open range of versions per component; an absent bound is no bound. One `when` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    pub python: Option<VersionRange>,
    pub libc: Option<(LibcKind, VersionRange)>,
    /// `Some(true)`: free-threaded builds only; `Some(false)`: GIL builds only.
    pub free_threaded: Option<bool>,
    pub rust: Option<VersionRange>,
    pub os: Option<Os>,
    /// Applies only where the target names the libc and the interpreter that it is bound to: an uncommon combination
    /// that the worst case over all versions is not to be made of.
    pub named: bool,
}

impl When {
    /// Whether the entry applies on this combination. A component that the combination leaves open holds.
    pub fn holds(&self, combo: &Combo) -> bool {
        let python = match (self.python, combo.python) {
            (Some(range), Some(python)) => range.contains(python.version),
            _ => true,
        };
        let build = match (self.free_threaded, combo.python) {
            (Some(wanted), Some(python)) => wanted == python.free_threaded,
            _ => true,
        };
        let libc = self.libc.is_none_or(|(kind, range)| {
            kind == combo.libc.kind && range.contains((combo.libc.version.0, combo.libc.version.1, 0))
        });
        let rust = match (self.rust, combo.rust) {
            (Some(range), Some(rust)) => range.contains(rust),
            _ => true,
        };
        let named =
            !self.named || ((self.libc.is_none() || combo.libc_named) && (self.python.is_none() || combo.python_named));
        let os = self.os.is_none_or(|os| os == combo.libc.os());
        python && build && libc && rust && os && named
    }
}

/// `>=3.11.6,<3.13`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VersionRange {
    /// Inclusive.
    pub from: Option<(u32, u32, u32)>,
    /// Exclusive.
    pub to: Option<(u32, u32, u32)>,
}

impl VersionRange {
    /// Whether the version lies in the range.
    pub fn contains(&self, version: (u32, u32, u32)) -> bool {
        self.from.is_none_or(|from| version >= from) && self.to.is_none_or(|to| version < to)
    }
}

/// One libc with one interpreter: what an entry's `when` is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Combo {
    pub libc: Libc,
    /// `None` where no side of the pair is Python.
    pub python: Option<PythonVersion>,
    pub rust: Option<(u32, u32, u32)>,
    /// The user named the libc, so that it is no mere part of the default.
    pub libc_named: bool,
    /// The user named the interpreter.
    pub python_named: bool,
}

/// Everything that a finding is judged for: the worst case over these lists counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub libcs: Vec<Libc>,
    pub pythons: Vec<PythonVersion>,
    pub rust: Option<(u32, u32, u32)>,
    /// One process a test (nextest).
    pub process_per_test: bool,
    /// The user named the libc.
    pub libc_named: bool,
    /// The user named the interpreter.
    pub python_named: bool,
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
        Target {
            libcs: glibc_points().chain([MUSL]).collect(),
            pythons: PYTHON_POINTS.to_vec(),
            rust: None,
            process_per_test: false,
            libc_named: false,
            python_named: false,
        }
    }
}

fn glibc_points() -> impl Iterator<Item = Libc> {
    GLIBC_POINTS.into_iter().map(|version| Libc {
        kind: LibcKind::Glibc,
        version,
    })
}

/// Whether the interpreter is one of the combination's dimensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpreter {
    Matters,
    /// Neither side is Python.
    Absent,
}

impl Target {
    /// Every libc with every interpreter, or every libc alone.
    pub fn combos(&self, interpreter: Interpreter) -> Vec<Combo> {
        let pythons: Vec<Option<PythonVersion>> = match interpreter {
            Interpreter::Matters => self.pythons.iter().copied().map(Some).collect(),
            Interpreter::Absent => vec![None],
        };
        self.libcs
            .iter()
            .flat_map(|&libc| pythons.iter().map(move |&python| (libc, python)))
            .map(|(libc, python)| Combo {
                libc,
                python,
                rust: self.rust,
                libc_named: self.libc_named,
                python_named: self.python_named,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
