//! Evidence that outlives the run: `.envrace/evidence.json` in a project's root.
//!
//! Written by `confirm` alone; later checks show it with the finding of the same fingerprint. It holds for the machine
//! on which it was taken, so each entry remembers what it rests on, and what has changed since makes it stale.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::finding::{Evidence, Finding, Verdict};

use super::host;
use super::machine::{STATIC, machine, own_libc};

/// The folder and the file in it.
const FOLDER: &str = ".envrace";
const FILE: &str = "evidence.json";
const SCHEMA: &str = "envrace-evidence/1";

/// What is kept of a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    schema: String,
    /// By fingerprint.
    evidence: BTreeMap<String, Entry>,
}

/// Evidence with what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    confirmation: Evidence,
    /// The C library of the program that took it, which may be another than the one that was tested; the machine's, where
    /// that program carried its own.
    own_libc: String,
    interpreter: Option<Stamp>,
}

/// What tells that a file is still the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    program: PathBuf,
    bytes: u64,
    /// Seconds since 1970.
    modified: u64,
}

/// Why evidence cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    #[error("cannot read `{}`: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("`{}` holds no evidence of envrace's: {cause}; delete it to start anew", path.display())]
    Foreign { path: PathBuf, cause: String },
    #[error("cannot keep evidence in `{}`: {error}", path.display())]
    Unwritable { path: PathBuf, error: io::Error },
}

/// The C library whose change makes evidence stale. What this program carries never changes, so that it asks the machine,
/// once.
fn libc_here() -> String {
    static LIBC: OnceLock<String> = OnceLock::new();
    let ask = || {
        let machines = if STATIC { host::libc().ok() } else { None };
        machines.unwrap_or_else(own_libc)
    };
    LIBC.get_or_init(ask).clone()
}

impl Stamp {
    fn of(program: &Path) -> Option<Stamp> {
        let metadata = fs::metadata(program).ok()?;
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Some(Stamp {
            program: program.to_owned(),
            bytes: metadata.len(),
            modified,
        })
    }
}

impl Kept {
    /// What is kept for the project at `root`: in its root, or in the nearest folder above it in the same repository.
    /// Nothing where there is no such file.
    ///
    /// # Errors
    /// Where the file cannot be read or holds something else.
    pub fn load(root: &Path) -> Result<Kept, KeptError> {
        for folder in root.ancestors() {
            let path = folder.join(FOLDER).join(FILE);
            if path.is_file() {
                return read(&path);
            }
            if folder.join(".git").exists() {
                break;
            }
        }
        Ok(Kept::default())
    }

    /// The evidence for a fingerprint, marked as stale where it was taken on another machine than this one is now.
    pub fn evidence(&self, fingerprint: &str) -> Option<Evidence> {
        let entry = self.evidence.get(fingerprint)?;
        let mut evidence = entry.confirmation.clone();
        evidence.stale = entry.stale();
        Some(evidence)
    }
}

impl Entry {
    fn of(evidence: &Evidence) -> Entry {
        let interpreter = evidence.machine.interpreter.as_ref();
        Entry {
            confirmation: evidence.clone(),
            own_libc: libc_here(),
            interpreter: interpreter.and_then(|program| Stamp::of(Path::new(program))),
        }
    }

    /// What has changed since, in a few words.
    fn stale(&self) -> Option<String> {
        let here = machine(None);
        let taken = &self.confirmation.machine;
        let changed = |what: &str, was: &str, is: &str| Some(format!("{what} was {was} and is {is} now"));
        if taken.kernel != here.kernel {
            return changed("the kernel", &taken.kernel, &here.kernel);
        }
        let libc = libc_here();
        if self.own_libc != libc {
            return changed("the C library", &self.own_libc, &libc);
        }
        let stamp = self.interpreter.as_ref()?;
        let name = taken.runtime.as_deref().unwrap_or("it");
        let program = stamp.program.display();
        match Stamp::of(&stamp.program) {
            None => Some(format!("the interpreter `{program}` ({name}) is gone")),
            Some(now) if now != *stamp => Some(format!("the interpreter `{program}` is no longer that {name}")),
            Some(_) => None,
        }
    }

    /// A confirmation stands until the machine changes: a later run that saw nothing, or could not, takes nothing back.
    fn gives_way_to(&self, newer: &Evidence) -> bool {
        let weight = |verdict: Verdict| match verdict {
            Verdict::Confirmed => 3,
            Verdict::NotObserved => 2,
            Verdict::Inconclusive => 1,
            Verdict::CannotRun => 0,
        };
        self.stale().is_some() || weight(newer.verdict) >= weight(self.confirmation.verdict)
    }
}

/// Keeps the evidence of these findings in `root`, beside what is there already. What could not be run is no evidence.
///
/// The file is replaced in one step, so that a reader sees the old one or the new one, and two writers wait for each
/// other.
///
/// # Errors
/// Where it cannot be written, or is somebody else's file.
pub fn keep<'a>(root: &Path, findings: impl IntoIterator<Item = &'a Finding>) -> Result<(), KeptError> {
    let new: Vec<(&str, &Evidence)> = findings
        .into_iter()
        .filter_map(|finding| Some((finding.fingerprint.as_str(), finding.confirmation.as_ref()?)))
        .filter(|(_, evidence)| evidence.verdict != Verdict::CannotRun)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let folder = root.join(FOLDER);
    let path = folder.join(FILE);
    let failed = |error| KeptError::Unwritable {
        path: path.clone(),
        error,
    };
    fs::create_dir_all(&folder).map_err(failed)?;
    let handle = File::open(&folder).map_err(failed)?;
    let _alone = Flock::lock(handle, FlockArg::LockExclusive).map_err(|(_, errno)| failed(errno.into()))?;
    let mut kept = if path.exists() { read(&path)? } else { Kept::default() };
    SCHEMA.clone_into(&mut kept.schema);
    for (fingerprint, evidence) in new {
        if kept
            .evidence
            .get(fingerprint)
            .is_none_or(|held| held.gives_way_to(evidence))
        {
            kept.evidence.insert(fingerprint.to_owned(), Entry::of(evidence));
        }
    }
    hide(&folder).and_then(|()| replace(&path, &kept)).map_err(failed)
}

/// Keeps the folder out of version control, for evidence is about a machine. What the user has put there stays.
fn hide(folder: &Path) -> io::Result<()> {
    let path = folder.join(".gitignore");
    if path.exists() { Ok(()) } else { fs::write(path, "*\n") }
}

/// Writes a new file beside the old one and puts it in its place.
fn replace(path: &Path, kept: &Kept) -> io::Result<()> {
    let draft = path.with_extension(format!("json.{}", std::process::id()));
    let mut text = serde_json::to_string_pretty(kept)?;
    text.push('\n');
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        let _gone = fs::remove_file(&draft);
    }
    written
}

fn read(path: &Path) -> Result<Kept, KeptError> {
    let text = fs::read_to_string(path).map_err(|error| KeptError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    let foreign = |cause: String| KeptError::Foreign {
        path: path.to_owned(),
        cause,
    };
    let kept: Kept = serde_json::from_str(&text).map_err(|error| foreign(error.to_string()))?;
    if kept.schema != SCHEMA {
        return Err(foreign(format!("its schema is `{}`", kept.schema)));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::experiment::cannot_run;
    use crate::confirm::testing::{finding, site};

    fn confirmed(verdict: Verdict, interpreter: Option<&Path>) -> Finding {
        let mut found = finding(site(&[], Some("add"), "a"), site(&[], None, "b"));
        let mut evidence = cannot_run("a pattern".to_owned(), "a reason".to_owned(), machine(None));
        evidence.verdict = verdict;
        evidence.machine.runtime = interpreter.map(|_| "CPython 3.11.7".to_owned());
        evidence.machine.interpreter = interpreter.map(|path| path.to_string_lossy().into_owned());
        found.confirmation = Some(evidence);
        found
    }

    fn held(root: &Path, found: &Finding) -> Option<Evidence> {
        Kept::load(root).expect("what was kept").evidence(&found.fingerprint)
    }

    #[test]
    fn what_was_kept_is_found_below_and_a_confirmation_stands() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let below = root.path().join("a/b");
        fs::create_dir_all(&below).expect("the directory is ours");
        let found = confirmed(Verdict::Confirmed, None);
        assert_eq!(held(&below, &found), None);
        keep(root.path(), [&found]).expect("the directory is ours");
        assert_eq!(held(&below, &found), found.confirmation);
        keep(root.path(), [&confirmed(Verdict::NotObserved, None)]).expect("the directory is ours");
        assert_eq!(held(&below, &found), found.confirmation);
        let entries = fs::read_dir(root.path().join(FOLDER)).expect("the directory is ours");
        assert_eq!(entries.count(), 2, "no draft is left beside the file and .gitignore");
        fs::create_dir(root.path().join("a/.git")).expect("the directory is ours");
        assert_eq!(
            held(&below, &found),
            None,
            "another repository's evidence is not its own"
        );
    }

    #[test]
    fn evidence_of_an_interpreter_goes_stale_with_it() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let program = root.path().join("python3");
        fs::write(&program, "one").expect("the directory is ours");
        let found = confirmed(Verdict::Confirmed, Some(&program));
        keep(root.path(), [&found]).expect("the directory is ours");
        let stale = || held(root.path(), &found).expect("it was kept").stale;
        assert_eq!(stale(), None);
        fs::write(&program, "another").expect("the directory is ours");
        let said = stale().expect("its interpreter was replaced");
        assert!(said.contains("no longer that CPython 3.11.7"), "{said}");
        // Stale evidence gives way to anything newer.
        let newer = confirmed(Verdict::NotObserved, Some(&program));
        keep(root.path(), [&newer]).expect("the directory is ours");
        assert_eq!(held(root.path(), &found), newer.confirmation);
        fs::remove_file(&program).expect("the directory is ours");
        assert!(stale().is_some_and(|said| said.contains("is gone")));
    }

    #[test]
    fn another_kernel_or_libc_makes_it_stale() {
        let mut entry = Entry::of(
            &confirmed(Verdict::Confirmed, None)
                .confirmation
                .expect("it was just set"),
        );
        assert_eq!(entry.stale(), None);
        entry.own_libc = "glibc 2.0".to_owned();
        assert!(entry.stale().is_some_and(|said| said.contains("glibc 2.0")));
        entry.confirmation.machine.kernel = "Linux 1.0".to_owned();
        assert!(entry.stale().is_some_and(|said| said.contains("Linux 1.0")));
    }

    #[test]
    fn another_file_of_that_name_is_refused_and_left_alone() {
        let root = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(root.path().join(FOLDER)).expect("the directory is ours");
        let path = root.path().join(FOLDER).join(FILE);
        for text in ["not JSON", "{\"schema\": \"other\", \"evidence\": {}}"] {
            fs::write(&path, text).expect("the directory is ours");
            assert!(
                matches!(Kept::load(root.path()), Err(KeptError::Foreign { .. })),
                "{text}"
            );
            assert!(keep(root.path(), [&confirmed(Verdict::Confirmed, None)]).is_err());
            assert_eq!(fs::read_to_string(&path).expect("it is still there"), text);
        }
        assert!(keep(root.path(), [&confirmed(Verdict::CannotRun, None)]).is_ok());
    }
}
