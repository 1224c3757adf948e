//! The machine on which evidence is taken, and the interpreter that takes it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::finding::Machine;

use super::run::{Bounds, End, run_bounded};

/// A Python interpreter that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The real program, behind any launcher script.
    pub program: PathBuf,
    /// `CPython 3.11.7`, with what makes it special: `(free-threaded)`.
    pub name: String,
    /// The C library that it uses: `glibc 2.36`.
    pub libc: String,
}

/// What the probe prints.
#[derive(Deserialize)]
struct Answer {
    program: String,
    implementation: String,
    version: Vec<u32>,
    free_threaded: bool,
    libc: Option<String>,
}

/// Runs in the interpreter; works from Python 2.7 on, so that an old one can be refused by its version.
const PROBE: &str = r#"
import json, os, platform, sys
try:
    libc = os.confstr('CS_GNU_LIBC_VERSION')
except (AttributeError, ValueError, OSError):
    libc = None
gil = getattr(sys, '_is_gil_enabled', lambda: True)()
print(json.dumps({'program': sys.executable, 'implementation': platform.python_implementation(),
    'version': list(sys.version_info[:3]), 'free_threaded': not gil, 'libc': libc}))
"#;

/// Asks an interpreter who it is.
///
/// # Errors
/// One sentence: it cannot be started, does not answer, or is too old for the replay.
pub fn interpreter(python: &Path) -> Result<Interpreter, String> {
    let shown = python.display();
    let arguments = ["-S", "-B", "-c", PROBE].map(OsString::from);
    // A launcher may need the user's own environment to find the interpreter; the probe changes nothing in it.
    let environment: Vec<_> = std::env::vars_os().collect();
    let bounds = Bounds {
        wall: Duration::from_secs(20),
        output: 1 << 16,
    };
    let outcome = run_bounded(python, &arguments, &environment, bounds)
        .map_err(|error| format!("the Python interpreter `{shown}` cannot be started: {error}"))?;
    if outcome.end != End::Exited(0) {
        let said = outcome.stderr.lines().last().unwrap_or("nothing").trim().to_owned();
        return Err(format!(
            "the Python interpreter `{shown}` does not work: it said {said}"
        ));
    }
    let line = outcome.stdout.lines().last().unwrap_or_default();
    let answer: Answer =
        serde_json::from_str(line).map_err(|_| format!("`{shown}` does not answer like a Python interpreter"))?;
    let version: Vec<String> = answer.version.iter().map(u32::to_string).collect();
    let version = version.join(".");
    if answer.version.as_slice() < [3, 8].as_slice() {
        return Err(format!("`{shown}` is Python {version}; replays need 3.8 or later"));
    }
    let special = if answer.free_threaded { " (free-threaded)" } else { "" };
    Ok(Interpreter {
        program: PathBuf::from(answer.program),
        name: format!("{} {version}{special}", answer.implementation),
        libc: answer.libc.unwrap_or_else(other_libc),
    })
}

/// A libc that does not name itself as glibc does.
fn other_libc() -> String {
    let musl = std::fs::read_dir("/lib").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("ld-musl-"))
    });
    if musl { "musl" } else { "unknown libc" }.to_owned()
}

/// The C library of programs that are linked to musl dynamically, as its loader names itself, and the name of an unknown
/// one where there is no such loader.
pub fn loader_libc() -> String {
    let loaders = std::fs::read_dir("/lib").into_iter().flatten().flatten();
    let is_musl = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("ld-musl-");
    let Some(loader) = loaders.into_iter().find(is_musl) else {
        return "unknown libc".to_owned();
    };
    let bounds = Bounds {
        wall: Duration::from_secs(5),
        output: 1 << 16,
    };
    // Without arguments it prints its name and version, and how to use it.
    let said = run_bounded(&loader.path(), &[], &[], bounds).map_or(String::new(), |outcome| outcome.stderr);
    let version = said.lines().find_map(|line| line.strip_prefix("Version "));
    version.map_or("musl".to_owned(), |version| format!("musl {}", version.trim()))
}

/// The argument by which a hidden command is asked whether it can work here, and the exit code that says yes. Not 0,
/// which any program may answer.
pub const PROBE_ARGUMENT: &str = "probe";
pub const PROBE_YES: u8 = 83;

/// Whether a program answers to a hidden command and can do it here.
///
/// # Errors
/// What the command says against it; empty where it does not answer at all.
pub fn answers(program: &Path, command: &str) -> Result<(), String> {
    let bounds = Bounds {
        wall: Duration::from_secs(5),
        output: 1 << 16,
    };
    match run_bounded(program, &[command, PROBE_ARGUMENT].map(OsString::from), &[], bounds) {
        Ok(outcome) if outcome.end == End::Exited(i32::from(PROBE_YES)) => Ok(()),
        Ok(outcome) => Err(outcome.stdout.lines().last().unwrap_or_default().to_owned()),
        Err(_) => Err(String::new()),
    }
}

/// The machine, as a replay in `interpreter` (or in our own binary, without one) sees it.
pub fn machine(interpreter: Option<&Interpreter>) -> Machine {
    Machine {
        kernel: kernel(),
        libc: interpreter.map_or_else(own_libc, |found| found.libc.clone()),
        runtime: interpreter.map(|found| found.name.clone()),
        interpreter: interpreter.map(|found| found.program.to_string_lossy().into_owned()),
        cores: std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
    }
}

/// This binary carries its C library, which need not be the machine's.
pub const STATIC: bool = cfg!(target_feature = "crt-static");

/// The C library that this binary is linked to.
pub fn own_libc() -> String {
    let name = own_libc_name();
    if STATIC {
        format!("{name} (linked into envrace)")
    } else {
        name
    }
}

fn own_libc_name() -> String {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: gnu_get_libc_version has no preconditions and returns a static NUL-terminated string.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        format!("glibc {}", version.to_string_lossy())
    }
    #[cfg(target_env = "musl")]
    {
        // It keeps its version to itself.
        "musl".to_owned()
    }
    #[cfg(not(any(target_env = "gnu", target_env = "musl")))]
    {
        other_libc()
    }
}

/// System, release and processor: `Linux 6.1.0 x86_64`.
fn kernel() -> String {
    // SAFETY: utsname is an array of bytes for which all zeros is a valid value, and uname gets a pointer to one that
    // outlives the call.
    let (answered, name) = unsafe {
        let mut name: libc::utsname = std::mem::zeroed();
        (libc::uname(&mut name) == 0, name)
    };
    if !answered {
        return "unknown kernel".to_owned();
    }
    let text = |field: &[libc::c_char]| {
        let bytes: Vec<u8> = field.iter().map(|c| *c as u8).take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    format!(
        "{} {} {}",
        text(&name.sysname),
        text(&name.release),
        text(&name.machine)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_interpreter_is_a_sentence() {
        let said = interpreter(Path::new("/nowhere/python3")).unwrap_err();
        assert!(
            said.contains("/nowhere/python3") && said.contains("cannot be started"),
            "{said}"
        );
    }

    #[test]
    fn only_a_program_that_knows_a_command_answers_to_it() {
        assert!(answers(Path::new("/bin/true"), "__replay").is_err());
        assert!(answers(Path::new("/nowhere/program"), "__replay").is_err());
    }

    #[test]
    fn what_is_no_interpreter_is_refused() {
        assert!(interpreter(Path::new("/bin/sh")).is_err());
        assert!(interpreter(Path::new("/bin/true")).is_err());
    }

    #[test]
    fn the_machine_names_kernel_libc_and_cores() {
        let machine = machine(None);
        assert!(machine.cores >= 1 && machine.runtime.is_none());
        assert!(machine.kernel.split(' ').count() >= 3, "{}", machine.kernel);
        assert!(!machine.libc.is_empty());
    }
}
