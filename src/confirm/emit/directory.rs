//! Writing a reproducer to a directory, and to nothing else.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Reproducer;

/// The file by which a directory of ours is known, and the line that it holds.
pub const README: &str = "README.md";
pub const MARK: &str = "<!-- A reproducer of envrace: writing another one here replaces it. -->";

/// What an earlier reproducer can have left; anything else in the directory stays.
const OURS: [&str; 8] = [
    README,
    "Makefile",
    "run.sh",
    "repro.c",
    "repro.py",
    "repro.rs",
    "repro",
    "trace.txt",
];

/// Why a reproducer cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EmitError {
    /// The directory holds files that no reproducer left there.
    #[error("{0} is not empty, and what is in it is no reproducer")]
    Foreign(PathBuf),
    /// The path is there and no directory.
    #[error("{0} is not a directory")]
    NoDirectory(PathBuf),
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Writes a reproducer's files. The directory is made where it is absent; one that holds an earlier reproducer gets the
/// new one in its place.
///
/// # Errors
/// Where the directory holds anything else, or cannot be written.
pub fn write_reproducer(reproducer: &Reproducer, directory: &Path) -> Result<(), EmitError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| EmitError::Io(path, error)
    };
    match fs::metadata(directory) {
        Ok(found) if !found.is_dir() => return Err(EmitError::NoDirectory(directory.to_owned())),
        Ok(_) => clear(directory)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(directory).map_err(failed(directory))?;
        }
        Err(error) => return Err(EmitError::Io(directory.to_owned(), error)),
    }
    for file in &reproducer.files {
        let path = directory.join(file.name);
        let mode = if file.executable { 0o777 } else { 0o666 };
        // A new file each: nothing is written through a link that somebody left.
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .and_then(|mut open| open.write_all(file.text.as_bytes()))
            .map_err(failed(&path))?;
    }
    Ok(())
}

/// Whether folders for several reproducers may be made here: nothing is here yet, or nothing but reproducers.
///
/// # Errors
/// Where there is anything else.
pub fn may_hold_reproducers(directory: &Path) -> Result<(), EmitError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(EmitError::NoDirectory(directory.to_owned()));
        }
        entries => entries.map_err(|error| EmitError::Io(directory.to_owned(), error))?,
    };
    let foreign = entries.flatten().any(|entry| !is_reproducer(&entry.path()));
    if foreign {
        return Err(EmitError::Foreign(directory.to_owned()));
    }
    Ok(())
}

fn is_reproducer(directory: &Path) -> bool {
    let readme = fs::read_to_string(directory.join(README)).unwrap_or_default();
    readme.lines().any(|line| line == MARK)
}

/// Takes an earlier reproducer away, or says that there is something else.
fn clear(directory: &Path) -> Result<(), EmitError> {
    let failed = |error| EmitError::Io(directory.to_owned(), error);
    if fs::read_dir(directory).map_err(failed)?.next().is_none() {
        return Ok(());
    }
    if !is_reproducer(directory) {
        return Err(EmitError::Foreign(directory.to_owned()));
    }
    for name in OURS {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(())
}
