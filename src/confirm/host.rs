//! What this machine runs programs with: its C library, its Python, its Rust. Asked for `--target host`.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use super::machine::{STATIC, own_libc};
use super::run::{Bounds, End, run_bounded};

/// The versions that answered, and what did not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// `libc`, `python` and `rust` with their versions as `--target` writes them.
    pub versions: Vec<(&'static str, String)>,
    /// A sentence for each that could not be asked, without a full stop.
    pub unknown: Vec<String>,
}

/// Says its version, and whether it is built without the GIL; from Python 2.7 on, so that an old one is told apart.
const PROBE: &str = "import platform, sys, sysconfig; print(platform.python_implementation(), \
                     '%d.%d.%d' % sys.version_info[:3], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)";

/// Asks `ldd`, `python3` and `rustc`, each for at most a few seconds.
pub fn host() -> Host {
    let mut host = Host::default();
    let asked = [
        ("libc", libc()),
        ("python", python(Path::new("python3"))),
        ("rust", rust(Path::new("rustc"))),
    ];
    for (key, answer) in asked {
        match answer {
            Ok(version) => host.versions.push((key, version)),
            Err(why) => host.unknown.push(why),
        }
    }
    host
}

/// This machine's C library as `--target` writes it: `glibc-2.36`.
///
/// # Errors
/// One sentence on why it is not known.
pub fn libc() -> Result<String, String> {
    let said = ask(Path::new("ldd"), &["--version"])
        .or_else(|_| ask(Path::new("getconf"), &["GNU_LIBC_VERSION"]))
        .unwrap_or_default();
    libc_of(&said)
        .or_else(own)
        .ok_or_else(|| "neither ldd nor getconf tells the C library".to_owned())
}

/// The C library that this program is linked to, where it can only be the machine's.
fn own() -> Option<String> {
    match own_libc().split_once(' ') {
        _ if STATIC => None,
        Some(("glibc", version)) => Some(format!("glibc-{}", two(version)?)),
        _ if cfg!(target_os = "macos") => Some("macos".to_owned()),
        _ if cfg!(target_os = "freebsd") => Some("freebsd".to_owned()),
        _ if cfg!(target_os = "netbsd") => Some("netbsd".to_owned()),
        _ if cfg!(target_os = "openbsd") => Some("openbsd".to_owned()),
        _ => None,
    }
}

/// From what `ldd --version` or `getconf GNU_LIBC_VERSION` says. glibc's ends its first line with the version, musl's
/// names itself and gives the version on the next.
fn libc_of(said: &str) -> Option<String> {
    let lower = said.to_lowercase();
    if let Some(musl) = lower.find("musl libc") {
        let version = lower[musl..].split("version ").nth(1).and_then(two);
        return Some(version.map_or("musl".to_owned(), |version| format!("musl-{version}")));
    }
    let first = lower.lines().next()?;
    let glibc = first.contains("glibc") || first.contains("gnu libc");
    let version = first.split_whitespace().last().and_then(two)?;
    glibc.then(|| format!("glibc-{version}"))
}

/// The first two numbers of a version.
fn two(version: &str) -> Option<String> {
    let mut parts = version.trim().split(['.', '-', '\n', ' ']);
    let (major, minor) = (parts.next()?, parts.next()?);
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (number(major) && number(minor)).then(|| format!("{major}.{minor}"))
}

fn python(program: &Path) -> Result<String, String> {
    let said = ask(program, &["-S", "-B", "-c", PROBE])?;
    let words: Vec<&str> = said.split_whitespace().collect();
    match words.as_slice() {
        ["CPython", version, "0"] => Ok((*version).to_owned()),
        ["CPython", version, _] => Ok(format!("{version}t")),
        [other, ..] => Err(format!("`{}` is {other}, of which nothing is known", program.display())),
        [] => Err(format!("`{}` says nothing of its version", program.display())),
    }
}

fn rust(program: &Path) -> Result<String, String> {
    let said = ask(program, &["--version"])?;
    let version = said.split_whitespace().nth(1).and_then(|word| word.split('-').next());
    version
        .filter(|version| two(version).is_some())
        .map(str::to_owned)
        .ok_or_else(|| format!("`{}` says nothing of its version", program.display()))
}

/// What a program prints on both streams.
fn ask(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    // Launchers such as rustup's and pyenv's find the real program by the user's own environment.
    let environment: Vec<_> = std::env::vars_os().collect();
    let bounds = Bounds {
        wall: Duration::from_secs(20),
        output: 1 << 16,
    };
    let shown = program.display();
    let outcome =
        run_bounded(program, &arguments, &environment, bounds).map_err(|_| format!("there is no `{shown}` to ask"))?;
    let said = outcome.stdout + &outcome.stderr;
    // musl's ldd ends with 1 where it was only asked for its version.
    let musl = said.contains("musl libc");
    match outcome.end {
        End::Exited(0) => Ok(said),
        End::Exited(1) if musl => Ok(said),
        _ => Err(format!("`{shown}` does not work here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libcs_are_told_by_what_ldd_says() {
        for (said, expected) in [
            (
                "ldd (Debian GLIBC 2.36-9+deb12u10) 2.36\nCopyright (C) 2022",
                Some("glibc-2.36"),
            ),
            ("ldd (GNU libc) 2.34\n", Some("glibc-2.34")),
            ("ldd (Ubuntu GLIBC 2.39-0ubuntu8.4) 2.39", Some("glibc-2.39")),
            ("glibc 2.31\n", Some("glibc-2.31")),
            (
                "musl libc (x86_64)\nVersion 1.2.4_git20230717\nDynamic Program Loader",
                Some("musl-1.2"),
            ),
            ("musl libc (x86_64)\n", Some("musl")),
            ("ldd: not found", None),
            ("", None),
        ] {
            assert_eq!(libc_of(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn a_program_that_is_missing_or_another_is_a_sentence() {
        let missing = python(Path::new("/nowhere/python3")).unwrap_err();
        assert_eq!(missing, "there is no `/nowhere/python3` to ask");
        assert!(python(Path::new("/bin/echo")).is_err());
        assert!(rust(Path::new("/bin/true")).is_err());
    }

    #[cfg(target_env = "gnu")]
    #[test]
    fn the_libc_of_this_machine_is_the_one_that_this_test_runs_on() {
        let own = own_libc().replacen(' ', "-", 1);
        assert_eq!(libc(), Ok(own));
    }
}
