//! C patterns against a C library that is not this binary's own: a small program made by a C compiler.
//!
//! A binary that carries its own libc (a static one) says nothing about the machine's. So C patterns are then replayed in
//! a program that the machine's `cc` links as it links all others; and where another compiler is named, against its libc.

use std::ffi::{CString, OsString};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::machine::loader_libc;
use super::run::{Bounds, End, Scratch, run_bounded_in};

/// The program's source.
const SOURCE: &str = include_str!("replay/replay.c");

/// The program, ready to run. Its file is gone from the disk already, and its memory goes with this value.
#[derive(Debug)]
pub struct Compiled {
    file: File,
}

impl Compiled {
    /// What to start: a path that is valid in this process and in its descendants that keep their descriptors.
    pub fn program(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

/// Makes the program that replays patterns of C.
///
/// # Errors
/// As [`compile_text`].
pub fn compile(compiler: &Path) -> Result<Compiled, String> {
    let libc = format!("-DLIBC=\"{}\"", loader_libc());
    compile_text(compiler, SOURCE, &libc)
}

/// Makes a program of a text in C, with one option more for the compiler and the linker.
///
/// # Errors
/// One sentence: there is no such compiler, or it cannot make a program here.
pub fn compile_text(compiler: &Path, text: &str, option: &str) -> Result<Compiled, String> {
    let scratch = folder().map_err(|error| format!("no temporary folder can be made: {error}"))?;
    let made = in_folder(compiler, text, option, &scratch.0);
    drop(scratch);
    made
}

fn in_folder(compiler: &Path, text: &str, option: &str, folder: &Path) -> Result<Compiled, String> {
    let failed = |error: io::Error| format!("no program can be made in a temporary folder: {error}");
    fs::write(folder.join(Folder::SOURCE), text).map_err(failed)?;
    // In two steps with names of ours: what a compiler would name itself could not be taken away again after Ctrl-C.
    let to_object = [
        "-O1",
        "-pthread",
        "-pipe",
        option,
        "-c",
        Folder::SOURCE,
        "-o",
        Folder::OBJECT,
    ];
    let to_program = ["-pthread", option, Folder::OBJECT, "-o", Folder::PROGRAM];
    run(compiler, &to_object, folder)?;
    run(compiler, &to_program, folder)?;
    let file = File::open(folder.join(Folder::PROGRAM)).map_err(failed)?;
    // The replay, and the observer between, inherit it.
    fcntl(&file, FcntlArg::F_SETFD(FdFlag::empty())).map_err(|errno| failed(errno.into()))?;
    Ok(Compiled { file })
}

fn run(compiler: &Path, arguments: &[&str], folder: &Path) -> Result<(), String> {
    let shown = compiler.display();
    let mut environment: Vec<(OsString, OsString)> = std::env::vars_os().filter(|(name, _)| name != "TMPDIR").collect();
    environment.push(("TMPDIR".into(), folder.into()));
    let bounds = Bounds {
        wall: Duration::from_secs(60),
        output: 1 << 16,
    };
    let words: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let outcome = run_bounded_in(folder, compiler, &words, &environment, bounds)
        .map_err(|error| format!("the C compiler `{shown}` cannot be started: {error}"))?;
    if outcome.end == End::Exited(0) {
        return Ok(());
    }
    let said = outcome
        .stderr
        .lines()
        .find(|line| line.contains("error"))
        .unwrap_or("nothing");
    Err(format!(
        "the C compiler `{shown}` cannot make the replay: it said {}",
        said.trim()
    ))
}

/// A temporary folder with at most three files of known names, which goes with this value, and on Ctrl-C.
struct Folder(PathBuf, #[allow(dead_code, reason = "kept for its end")] Scratch);

impl Folder {
    const SOURCE: &str = "replay.c";
    const OBJECT: &str = "replay.o";
    const PROGRAM: &str = "replay";
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Whatever a compiler left besides goes too.
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn folder() -> io::Result<Folder> {
    let moment = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let path = std::env::temp_dir().join(format!("envrace-{}-{moment}", std::process::id()));
    // Fails where it exists, so that nobody else's folder is used.
    DirBuilder::new().mode(0o700).create(&path)?;
    let path = path.canonicalize()?;
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes()).unwrap_or_default();
    let files = [Folder::SOURCE, Folder::OBJECT, Folder::PROGRAM].map(|name| text(&path.join(name)));
    let scratch = Scratch::enter(files, text(&path));
    Ok(Folder(path, scratch))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_that_is_not_there_or_cannot_is_a_sentence() {
        let said = compile(Path::new("/nowhere/cc")).expect_err("there is no such compiler");
        assert!(said.contains("`/nowhere/cc` cannot be started"), "{said}");
        let said = compile(Path::new("/bin/false")).expect_err("it compiles nothing");
        assert!(said.contains("cannot make the replay"), "{said}");
    }
}
