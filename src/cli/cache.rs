//! What is kept between runs so that files that did not change need not be parsed again, nor projects analysed again of
//! which none did, and `envrace cache`.
//!
//! Facts depend on a file's own bytes, its path, its language, on the headers that shape its code, and on the frontends;
//! all of that is in the key. On the catalog, the target and the configuration they do not depend: frontends know no API.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::input::{Book, Fingerprint, Pen, Project, Room, Scope, Shelf, lower_case};
use crate::report::sanitise_line;

use super::args::{self, Cache, CacheCommand, Color};
use super::error::UserError;
use super::exit::Exit;
use super::output;

/// What all entries may take together: the facts of some gigabytes of sources.
const LIMIT: u64 = 1 << 30;

/// Names the folder; empty: nothing is kept.
const VARIABLE: &str = "ENVRACE_CACHE_DIR";

/// The frontends and the facts as they are in this program (build.rs), so that no other program's are taken for them.
const FRONTENDS: &str = env!("ENVRACE_FRONTENDS");

/// All sources and rules of this program (build.rs): another one may find something else.
pub const PROGRAM: &str = env!("ENVRACE_PROGRAM");

/// Where facts are kept.
#[derive(Debug)]
pub struct Kept(Shelf);

/// What is kept of one project.
#[derive(Debug)]
pub struct Opened {
    name: Fingerprint,
    book: Book,
    pen: Option<Pen>,
    used: Mutex<BTreeSet<Fingerprint>>,
}

impl Kept {
    /// Where the facts of a project are kept; nowhere where that is not wanted, or the project is no whole one.
    pub fn of(scan: &args::Scan, project: &Project) -> Option<Kept> {
        if scan.no_cache || project.scope == Scope::Named {
            return None;
        }
        folder(scan.cache_dir.as_deref()).map(|folder| Kept(Shelf::new(folder, LIMIT)))
    }

    /// What is kept of the project with this root.
    pub fn open(&self, root: &Path) -> Opened {
        let root = root.as_os_str().as_encoded_bytes();
        let name = Fingerprint::of_all([FRONTENDS.as_bytes(), root]);
        Opened {
            name,
            book: self.0.open(&name),
            pen: Some(self.0.pen(&name)),
            used: Mutex::default(),
        }
    }
}

impl Opened {
    /// What is kept under `key`, else what `make` makes, which is kept from now on.
    pub fn get<T: Serialize + DeserializeOwned>(&self, key: Fingerprint, make: impl FnOnce() -> T) -> T {
        self.find(key).unwrap_or_else(|| {
            let made = make();
            self.put(key, &made);
            made
        })
    }

    /// What is kept under `key`.
    pub fn find<T: DeserializeOwned>(&self, key: Fingerprint) -> Option<T> {
        let found = self.peek(key)?;
        self.uses(key);
        Some(found)
    }

    /// The same of what may be of no use any more.
    pub fn peek<T: DeserializeOwned>(&self, key: Fingerprint) -> Option<T> {
        let mut bytes = Vec::new();
        if !self.book.read(&self.own(key), &mut bytes) {
            return None;
        }
        postcard::from_bytes(&bytes).ok()
    }

    /// Keeps `made` under `key` from now on. What tells it from others; none where it cannot be kept.
    pub fn put<T: Serialize>(&self, key: Fingerprint, made: &T) -> Option<Fingerprint> {
        let bytes = postcard::to_stdvec(made).ok()?;
        self.pen.as_ref()?.put(self.own(key), &bytes);
        Some(Fingerprint::of(&bytes))
    }

    /// What is kept under `key` is still of use.
    pub fn uses(&self, key: Fingerprint) {
        let key = self.own(key);
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
    }

    /// A key as it is in this program's book.
    fn own(&self, key: Fingerprint) -> Fingerprint {
        Fingerprint::of_all([&self.name.0[..], &key.0])
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        let used = std::mem::take(self.used.get_mut().unwrap_or_else(PoisonError::into_inner));
        // Where nothing can be kept, everything is made again the next time, and nobody is the worse for it.
        if let Some(pen) = self.pen.take() {
            pen.close(&self.book, used);
        }
    }
}

/// The folder: as asked, else as the environment says, else where the system keeps such things.
fn folder(asked: Option<&Path>) -> Option<PathBuf> {
    if let Some(asked) = asked {
        return Some(asked.to_owned());
    }
    if let Some(named) = env::var_os(VARIABLE) {
        return (!named.is_empty()).then(|| PathBuf::from(named));
    }
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let home = || env::var_os("HOME").map(PathBuf::from).and_then(absolute);
    let usual = if cfg!(target_os = "macos") {
        home()?.join("Library/Caches")
    } else {
        let chosen = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).and_then(absolute);
        chosen.or_else(|| Some(home()?.join(".cache")))?
    };
    Some(usual.join("envrace"))
}

/// Runs `envrace cache`.
///
/// # Errors
/// Where nothing can be removed.
pub fn run(asked: &Cache, color: Color) -> Result<Exit, UserError> {
    let Some(folder) = folder(asked.cache_dir.as_deref()) else {
        output::print("nothing is kept: no folder is named\n", color)?;
        return Ok(Exit::Clean);
    };
    let shelf = Shelf::new(folder, LIMIT);
    let shown = sanitise_line(&shelf.folder().to_string_lossy());
    let text = match asked.command {
        None => format!("{shown}: {} of at most {}\n", size(shelf.room()), mebibytes(LIMIT)),
        Some(CacheCommand::Clean) => {
            let gone = shelf.clean().map_err(|error| UserError::CacheStays {
                folder: shown.clone(),
                cause: lower_case(&error),
            })?;
            format!("{shown}: {} removed\n", size(gone))
        }
    };
    output::print(&text, color)?;
    Ok(Exit::Clean)
}

fn size(room: Room) -> String {
    mebibytes(room.bytes)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1 << 20) as f64)
}
