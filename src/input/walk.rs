//! Finding the source files below a folder. What is passed over is counted, since a silent skip reads like "clean".

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use globset::GlobSet;
use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::facts::{Language, Problem, ProblemKind};

use super::globs::Globs;
use super::read::{head, lower_case};
use super::{by_name, by_shebang};

/// How far a walk reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Not into hidden files and folders, nor into what ignore files name.
    Tracked,
    /// Everything but `.git` (persona auditor).
    Everything,
}

/// A source file that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Relative to the root, with `/`; undecodable names are shown with U+FFFD.
    pub relative: String,
    /// By which it can be opened.
    pub path: PathBuf,
    pub language: Language,
}

/// How much a walk passed over. An ignored folder counts once: nobody looked inside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Hidden, or named by an ignore file.
    pub ignored: u64,
    /// Named by the configuration's `exclude`.
    pub excluded: u64,
    /// Symbolic links, which are not followed.
    pub symlinks: u64,
    /// Archives inside archives.
    pub archives: u64,
}

impl PassedOver {
    /// All of them.
    pub fn total(self) -> u64 {
        self.ignored + self.excluded + self.symlinks + self.archives
    }

    /// Adds what another walk passed over.
    pub fn add(&mut self, other: PassedOver) {
        self.ignored += other.ignored;
        self.excluded += other.excluded;
        self.symlinks += other.symlinks;
        self.archives += other.archives;
    }
}

/// What a walk found, sorted by path.
#[derive(Debug, Default)]
pub struct Walked {
    pub files: Vec<Found>,
    pub passed_over: PassedOver,
    /// Folders that could not be entered, and files that are no regular ones. Paths are relative to the root.
    pub problems: Vec<Problem>,
}

/// Counts from all threads of one walk.
#[derive(Default)]
struct Tally {
    entries: AtomicU64,
    visited: AtomicU64,
    excluded: AtomicU64,
    symlinks: AtomicU64,
    files: Mutex<Vec<Found>>,
    problems: Mutex<Vec<Problem>>,
}

/// Finds every source file below `root` (resolved, absolute), with `jobs` threads (0: as many as there are cores).
pub fn walk(root: &Path, reach: Reach, excludes: &Globs, jobs: usize) -> Walked {
    let tally = Arc::new(Tally::default());
    let hide = reach == Reach::Tracked;
    let mut builder = WalkBuilder::new(root);
    builder
        .hidden(hide)
        .ignore(hide)
        .parents(hide)
        .git_ignore(hide)
        .git_exclude(hide)
        .threads(jobs);
    // What one user's own machine ignores must not change what is reported.
    builder.git_global(false);
    let (counts, excludes) = (Arc::clone(&tally), excludes.clone());
    builder.filter_entry(move |entry| keeps(entry, &excludes, &counts));
    builder.build_parallel().run(|| {
        Box::new(|result| {
            match result {
                Ok(entry) => visit(root, &entry, &tally),
                Err(error) => complain(root, &error, &tally),
            }
            WalkState::Continue
        })
    });
    finish(&tally)
}

fn keeps(entry: &DirEntry, excludes: &Globs, tally: &Tally) -> bool {
    if entry.file_name() == ".git" {
        return false;
    }
    let excluded = excludes.matches(entry.path());
    if excluded {
        tally.excluded.fetch_add(1, Ordering::Relaxed);
    }
    !excluded
}

fn visit(root: &Path, entry: &DirEntry, tally: &Tally) {
    if entry.depth() > 0 {
        tally.visited.fetch_add(1, Ordering::Relaxed);
    }
    let Some(kind) = entry.file_type() else { return };
    if kind.is_dir() || entry.depth() == 0 {
        // The walk does not say what it leaves out, so what is there is counted beside it.
        let names = fs::read_dir(entry.path()).into_iter().flatten().flatten();
        let there = names.filter(|child| child.file_name() != ".git").count();
        tally.entries.fetch_add(there as u64, Ordering::Relaxed);
    } else if kind.is_symlink() {
        tally.symlinks.fetch_add(1, Ordering::Relaxed);
    } else if !kind.is_file() {
        if by_name(entry.path()).is_some() {
            push(
                &tally.problems,
                problem(relative(root, entry.path()), "not a regular file".to_owned()),
            );
        }
    } else if let Some(found) = found_file(root, entry.path(), None) {
        push(&tally.files, found);
    }
}

/// The file at `path` below `root` as a source file: in `language`, else by its name, else by its `#!` line where it has
/// no extension.
pub fn found_file(root: &Path, path: &Path, language: Option<Language>) -> Option<Found> {
    let by_head = || {
        if path.extension().is_none() {
            by_shebang(&head(path))
        } else {
            None
        }
    };
    let language = language.or_else(|| by_name(path)).or_else(by_head)?;
    Some(Found {
        relative: relative(root, path),
        path: path.to_owned(),
        language,
    })
}

fn complain(root: &Path, error: &ignore::Error, tally: &Tally) {
    let path = failed_path(error).map_or_else(|| ".".to_owned(), |path| relative(root, path));
    let cause = error.io_error().map_or_else(|| error.to_string(), lower_case);
    push(&tally.problems, problem(path, cause));
}

fn failed_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => failed_path(err),
        ignore::Error::Loop { child, .. } => Some(child),
        _ => None,
    }
}

fn finish(tally: &Tally) -> Walked {
    let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let (excluded, symlinks) = (load(&tally.excluded), load(&tally.symlinks));
    let seen = load(&tally.visited) + excluded;
    let ignored = load(&tally.entries).saturating_sub(seen);
    let mut files = take(&tally.files);
    files.sort();
    let mut problems = take(&tally.problems);
    problems.sort_by(|a, b| a.path.cmp(&b.path));
    Walked {
        files,
        passed_over: PassedOver {
            ignored,
            excluded,
            symlinks,
            archives: 0,
        },
        problems,
    }
}

/// Every regular file below `root` whose path relative to it matches `patterns`, hidden and ignored ones too, sorted.
/// For files that a program reaches through a path pattern of its own (`plugins/*/plugin.py`).
pub fn find(root: &Path, patterns: &GlobSet) -> Vec<PathBuf> {
    walkdir::WalkDir::new(root)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git")
        .flatten()
        .filter(|entry| entry.file_type().is_file())
        .filter(|entry| {
            entry
                .path()
                .strip_prefix(root)
                .is_ok_and(|path| patterns.is_match(path))
        })
        .map(walkdir::DirEntry::into_path)
        .collect()
}

/// `path` relative to `root`, with `/`, for people and for facts.
fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}

fn problem(path: String, message: String) -> Problem {
    Problem {
        path,
        kind: ProblemKind::Io,
        message,
        line: None,
    }
}

fn push<T>(list: &Mutex<Vec<T>>, item: T) {
    list.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .push(item);
}

fn take<T>(list: &Mutex<Vec<T>>) -> Vec<T> {
    std::mem::take(&mut *list.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use globset::{GlobBuilder, GlobSetBuilder};

    /// A folder with the given files (a name that ends in `/` is a folder), and its resolved path.
    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a name below the folder has a parent"))
                .expect("folders can be made");
            fs::write(path, text).expect("files can be written");
        }
        let root = folder.path().canonicalize().expect("the folder was just made");
        (folder, root)
    }

    fn names(walked: &Walked) -> Vec<&str> {
        walked.files.iter().map(|found| found.relative.as_str()).collect()
    }

    const REPOSITORY: [(&str, &str); 8] = [
        (".git/config", ""),
        (".gitignore", "build/\n*.gen.py\n"),
        (".hidden/h.py", ""),
        ("a/b.c", ""),
        ("a/x.gen.py", ""),
        ("build/deep/out.py", ""),
        ("tool", "#!/usr/bin/env python3\n"),
        ("notes.txt", ""),
    ];

    #[test]
    fn ignored_files_are_counted_not_read() {
        let (_folder, root) = tree(&REPOSITORY);
        let walked = walk(&root, Reach::Tracked, &Globs::none(), 2);
        assert_eq!(names(&walked), ["a/b.c", "tool"]);
        // .gitignore, .hidden, build (one folder, nobody looks inside) and x.gen.py.
        assert_eq!(
            walked.passed_over,
            PassedOver {
                ignored: 4,
                excluded: 0,
                symlinks: 0,
                archives: 0
            }
        );
        assert!(walked.problems.is_empty());
    }

    #[test]
    fn an_auditor_gets_everything_but_the_repository_itself() {
        let (_folder, root) = tree(&REPOSITORY);
        let walked = walk(&root, Reach::Everything, &Globs::none(), 1);
        assert_eq!(
            names(&walked),
            [".hidden/h.py", "a/b.c", "a/x.gen.py", "build/deep/out.py", "tool"]
        );
        assert_eq!(walked.passed_over.total(), 0);
    }

    #[test]
    fn excluded_folders_are_counted_once() {
        let (_folder, root) = tree(&[("a/x.py", ""), ("a/y.py", ""), ("b.py", "")]);
        let excludes = Globs::new(&root, &["a".to_owned()]).expect("`a` is a glob");
        let walked = walk(&root, Reach::Tracked, &excludes, 2);
        assert_eq!(names(&walked), ["b.py"]);
        assert_eq!(
            walked.passed_over,
            PassedOver {
                ignored: 0,
                excluded: 1,
                symlinks: 0,
                archives: 0
            }
        );
    }

    #[cfg(unix)]
    #[test]
    fn links_loops_and_pipes_stop_nothing() {
        let (_folder, root) = tree(&[("a/x.py", "")]);
        std::os::unix::fs::symlink(&root, root.join("a/loop")).expect("links can be made");
        std::os::unix::fs::symlink("nowhere", root.join("dangling.py")).expect("links can be made");
        nix::unistd::mkfifo(&root.join("pipe.py"), nix::sys::stat::Mode::S_IRWXU).expect("pipes can be made");
        nix::unistd::mkfifo(&root.join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("pipes can be made");
        let walked = walk(&root, Reach::Tracked, &Globs::none(), 2);
        assert_eq!(names(&walked), ["a/x.py"]);
        assert_eq!(walked.passed_over.symlinks, 2);
        let problems: Vec<_> = walked
            .problems
            .iter()
            .map(|p| (p.path.as_str(), p.message.as_str()))
            .collect();
        assert_eq!(problems, [("pipe.py", "not a regular file")]);
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_utf_8_are_shown_lossily() {
        use std::os::unix::ffi::OsStrExt;
        let (_folder, root) = tree(&[]);
        fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9.py")), "").expect("such a name can be made here");
        assert_eq!(
            names(&walk(&root, Reach::Tracked, &Globs::none(), 1)),
            ["caf\u{fffd}.py"]
        );
    }

    #[test]
    fn patterns_reach_ignored_files() {
        let (_folder, root) = tree(&[
            (".gitignore", "plugins\n"),
            ("plugins/a/p.py", ""),
            ("plugins/a/q.py", ""),
            ("p.py", ""),
        ]);
        let mut patterns = GlobSetBuilder::new();
        patterns.add(
            GlobBuilder::new("plugins/*/p.py")
                .literal_separator(true)
                .build()
                .expect("this is a glob"),
        );
        let found = find(&root, &patterns.build().expect("one glob is a set"));
        assert_eq!(found, [root.join("plugins/a/p.py")]);
    }
}
