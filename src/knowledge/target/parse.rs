//! Versions as people write them: `--target libc=glibc-2.41,python=3.13t`, and the ranges of a `when` table.

use super::{
    LAST_MICRO, Libc, LibcKind, MUSL, PYTHON_POINTS, PythonVersion, Target, TargetError, VersionRange, glibc_points,
};
use crate::knowledge::words::did_you_mean;

const LIBCS: [&str; 7] = ["glibc", "musl", "macos", "bsd", "freebsd", "netbsd", "openbsd"];

impl Target {
    /// The components that can be named.
    pub const KEYS: [&str; 4] = ["libc", "python", "rust", "rust-test-runner"];

    /// Reads `libc=glibc-2.41,python=3.13t,rust=1.85,rust-test-runner=nextest`: `key=value` pairs between commas.
    ///
    /// What is not named keeps its default, the worst case over all versions. A key may stand several times; then the
    /// worst of what it names counts. `python=3.11` means the last release of that minor.
    ///
    /// # Errors
    /// An unknown key, libc or test runner, or a version that is none.
    pub fn parse(text: &str) -> Result<Target, TargetError> {
        let mut target = Target::default();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(wrong(
                    format!("`{pair}` names no value"),
                    Some("write key=value, for example libc=glibc-2.41".to_owned()),
                ));
            };
            target.set(key.trim(), value.trim())?;
        }
        Ok(target)
    }

    /// Sets one component, as `key` and `value` stand in `--target` or in a configuration file. Naming the same key
    /// again adds to what it named before.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), TargetError> {
        match key {
            "libc" => {
                let named = libcs(value)?;
                replace_or_add(&mut self.libcs, named, &mut self.libc_named);
            }
            "python" => {
                let named = pythons(value)?;
                replace_or_add(&mut self.pythons, named, &mut self.python_named);
            }
            "rust" => {
                let (major, minor, micro) = version(value)
                    .ok_or_else(|| wrong(format!("`{value}` is no Rust version"), Some("rust=1.85".to_owned())))?;
                self.rust = Some((major, minor.unwrap_or(0), micro.unwrap_or(0)));
            }
            "rust-test-runner" => {
                self.process_per_test = match value {
                    "nextest" => true,
                    "cargo" | "libtest" => false,
                    _ => {
                        let help = "the test runners are `cargo` and `nextest`".to_owned();
                        return Err(wrong(format!("unknown test runner `{value}`"), Some(help)));
                    }
                };
            }
            _ => {
                let help =
                    did_you_mean(key, &Self::KEYS).unwrap_or_else(|| format!("the keys are {}", Self::KEYS.join(", ")));
                return Err(wrong(format!("unknown target key `{key}`"), Some(help)));
            }
        }
        Ok(())
    }
}

/// The first naming replaces the default, further ones add to it.
fn replace_or_add<T: PartialEq>(list: &mut Vec<T>, named: Vec<T>, already_named: &mut bool) {
    if !*already_named {
        list.clear();
        *already_named = true;
    }
    for item in named {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

fn wrong(message: String, help: Option<String>) -> TargetError {
    TargetError { message, help }
}

/// `glibc`, `glibc-2.36`, `musl`, `musl-1.2.3`, `macos`, `freebsd`.
fn libcs(text: &str) -> Result<Vec<Libc>, TargetError> {
    let (name, number) = match text.find(['-', ' ']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim())),
        None => (text, None),
    };
    let parsed = match number {
        None => None,
        Some(number) => Some(
            version(number).ok_or_else(|| wrong(format!("`{number}` is no version"), Some("glibc-2.41".to_owned())))?,
        ),
    };
    let kind = libc_kind(name).ok_or_else(|| {
        let help = did_you_mean(name, &LIBCS).unwrap_or_else(|| format!("known are {}", LIBCS.join(", ")));
        wrong(format!("unknown libc `{name}`"), Some(help))
    })?;
    Ok(match (kind, parsed) {
        (LibcKind::Glibc, None) => glibc_points().collect(),
        (LibcKind::Musl, None) => vec![MUSL],
        (kind, None) => vec![Libc { kind, version: (0, 0) }],
        (kind, Some((major, minor, _))) => vec![Libc {
            kind,
            version: (major, minor.unwrap_or(0)),
        }],
    })
}

fn libc_kind(name: &str) -> Option<LibcKind> {
    Some(match name {
        "glibc" => LibcKind::Glibc,
        "musl" => LibcKind::Musl,
        "macos" => LibcKind::Macos,
        "bsd" | "freebsd" | "netbsd" | "openbsd" => LibcKind::Bsd,
        _ => return None,
    })
}

/// `3` (every known version), `3.8`, `3.11.7`, `3.13t`.
fn pythons(text: &str) -> Result<Vec<PythonVersion>, TargetError> {
    let (number, free_threaded) = match text.strip_suffix('t') {
        Some(number) => (number, true),
        None => (text, false),
    };
    let Some((major, minor, micro)) = version(number) else {
        let help = "write python=3.11, python=3.11.7 or python=3.13t".to_owned();
        return Err(wrong(format!("`{text}` is no Python version"), Some(help)));
    };
    let Some(minor) = minor else {
        let all = PYTHON_POINTS
            .into_iter()
            .filter(|point| point.free_threaded == free_threaded);
        return Ok(all.collect());
    };
    if free_threaded && (major, minor) < (3, 13) {
        let help = "free-threaded builds exist from 3.13 on".to_owned();
        return Err(wrong(
            format!("there is no free-threaded CPython {major}.{minor}"),
            Some(help),
        ));
    }
    Ok(vec![PythonVersion {
        version: (major, minor, micro.unwrap_or(LAST_MICRO)),
        free_threaded,
    }])
}

/// One to three numbers between dots.
fn version(text: &str) -> Option<(u32, Option<u32>, Option<u32>)> {
    let mut parts = text.split('.');
    let major = number(parts.next()?)?;
    let minor = parts.next().map(number);
    let micro = parts.next().map(number);
    if parts.next().is_some() || minor == Some(None) || micro == Some(None) {
        return None;
    }
    Some((major, minor.flatten(), micro.flatten()))
}

/// Digits alone, below [`LAST_MICRO`].
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        text.parse().ok().filter(|&value| value != LAST_MICRO)
    } else {
        None
    }
}

impl VersionRange {
    /// Reads `>=3.11.6,<3.13`: a lower bound, an upper bound, both, or nothing.
    ///
    /// # Errors
    /// What is wrong, as a fragment for a message.
    pub fn parse(text: &str) -> Result<VersionRange, String> {
        let mut range = VersionRange::default();
        for bound in text.split(',').map(str::trim).filter(|bound| !bound.is_empty()) {
            let (slot, rest) = match (bound.strip_prefix(">="), bound.strip_prefix('<')) {
                (Some(rest), _) => (&mut range.from, rest),
                (None, Some(rest)) if !rest.starts_with('=') => (&mut range.to, rest),
                _ => return Err(format!("`{bound}` is no bound; write >=3.11.6 or <3.13")),
            };
            let (major, minor, micro) =
                version(rest.trim()).ok_or_else(|| format!("`{}` is no version", rest.trim()))?;
            if slot.replace((major, minor.unwrap_or(0), micro.unwrap_or(0))).is_some() {
                return Err(format!("`{text}` bounds the same side twice"));
            }
        }
        Ok(range)
    }
}

/// Reads the libc of a `when` table: `glibc <2.41`, `musl`.
///
/// # Errors
/// What is wrong, as a fragment for a message.
pub fn libc_range(text: &str) -> Result<(LibcKind, VersionRange), String> {
    let (name, range) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    let kind = libc_kind(name).ok_or_else(|| {
        let hint = did_you_mean(name, &LIBCS)
            .map(|hint| format!("; {hint}"))
            .unwrap_or_default();
        format!("unknown libc `{name}`{hint}")
    })?;
    Ok((kind, VersionRange::parse(range)?))
}
