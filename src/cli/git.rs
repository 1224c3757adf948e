//! What git says of changed lines and of the index. git itself is run, at the top of the working tree, with the
//! repository's configuration but for what would start other programs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::UserError;

/// Which lines of a file are changed, from 1, both ends included.
type Lines = Vec<(u32, u32)>;

/// Changed lines by file (absolute, resolved).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    lines: BTreeMap<PathBuf, Lines>,
    /// Files that git does not know yet: every line is new.
    new: BTreeSet<PathBuf>,
}

impl Changes {
    /// Whether any line from `first` to `last` of the file at `path` is changed.
    pub fn touch(&self, path: &Path, first: u32, last: u32) -> bool {
        self.new.contains(path)
            || self
                .lines
                .get(path)
                .is_some_and(|lines| lines.iter().any(|(from, to)| *from <= last && first <= *to))
    }
}

/// What the next commit would hold.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// Every regular file in it (absolute).
    pub files: BTreeSet<PathBuf>,
    /// The content of those that differ in the working tree, or are missing there.
    pub contents: BTreeMap<PathBuf, Vec<u8>>,
}

/// Lines of the working tree around `folder` that differ from where the branch left `reference`, and files that git does
/// not know.
///
/// # Errors
/// Where git cannot be run, `folder` is in no working tree, or `reference` is no commit.
pub fn since(folder: &Path, reference: &str) -> Result<Changes, UserError> {
    let git = Git::at(folder)?;
    let commit = format!("{reference}^{{commit}}");
    let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options", commit.as_str()];
    let Ok(commit) = git.line(&verify) else {
        return Err(UserError::NoCommit {
            reference: reference.to_owned(),
        });
    };
    // What came to the other branch since is none of this one's doing; without a common ancestor all of it counts.
    let base = git.line(&["merge-base", &commit, "HEAD"]).unwrap_or(commit);
    let mut changes = git.changed_lines(&[base.as_str()])?;
    let others = git.run(&["ls-files", "--others", "--exclude-standard", "-z"])?;
    changes.new = zero_ended(&others).map(|path| git.path(path)).collect();
    Ok(changes)
}

/// Lines of the index that differ from the last commit, and the index itself.
///
/// # Errors
/// Where git cannot be run or `folder` is in no working tree.
pub fn staged(folder: &Path) -> Result<(Changes, Index), UserError> {
    let git = Git::at(folder)?;
    let changes = git.changed_lines(&["--cached"])?;
    let mut index = Index::default();
    let mut blobs: BTreeMap<PathBuf, String> = BTreeMap::new();
    let listed = git.run(&["ls-files", "--cached", "--stage", "-z"])?;
    for record in zero_ended(&listed) {
        // `mode hash stage<TAB>path`; links and submodules are no sources, and what is unmerged cannot be committed.
        let Some(tab) = record.iter().position(|byte| *byte == b'\t') else {
            continue;
        };
        let head = String::from_utf8_lossy(&record[..tab]).into_owned();
        if let [mode, hash, "0"] = head.split(' ').collect::<Vec<_>>().as_slice()
            && mode.starts_with("100")
        {
            let path = git.path(&record[tab + 1..]);
            index.files.insert(path.clone());
            blobs.insert(path, (*hash).to_owned());
        }
    }
    let differing = git.run(&["diff-files", "--name-only", "--ignore-submodules", "-z"])?;
    let wanted: Vec<(PathBuf, String)> = zero_ended(&differing)
        .filter_map(|path| blobs.remove_entry(&git.path(path)))
        .collect();
    index.contents = git.contents(&wanted)?;
    Ok((changes, index))
}

/// git in one working tree.
struct Git {
    top: PathBuf,
    /// The variables with which git calls its hooks speak of this working tree.
    ours: bool,
}

/// Variables that lead git to one repository.
const LEADING: [&str; 6] = [
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_WORK_TREE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
];

impl Git {
    fn at(folder: &Path) -> Result<Git, UserError> {
        // In a hook, the variables that git sets are relative to the working directory.
        let cwd = std::env::current_dir().and_then(|cwd| cwd.canonicalize());
        let cwd = cwd.ok().filter(|cwd| folder.starts_with(cwd));
        let ours = cwd.is_some();
        let start = Git {
            top: cwd.unwrap_or_else(|| folder.to_owned()),
            ours,
        };
        let outside = |_| UserError::NoRepository {
            path: folder.display().to_string(),
        };
        let top = match start.run(&["rev-parse", "--show-toplevel"]) {
            Err(error @ UserError::GitMissing { .. }) => return Err(error),
            other => other.map_err(outside)?,
        };
        let top = PathBuf::from(OsStr::from_bytes(top.strip_suffix(b"\n").unwrap_or(&top)));
        Ok(Git {
            top: top.canonicalize().unwrap_or(top),
            ours,
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command
            .args(["--no-pager", "-c", "core.quotepath=false", "-c", "core.fsmonitor=false"])
            .args(["-c", "core.hooksPath=/dev/null"])
            .args(arguments)
            .current_dir(&self.top)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("LC_ALL", "C")
            .env_remove("GIT_EXTERNAL_DIFF")
            .env_remove("GIT_DIFF_OPTS");
        if !self.ours {
            for name in LEADING {
                command.env_remove(name);
            }
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Vec<u8>, UserError> {
        self.finish(self.command(arguments).stdin(Stdio::null()).output(), arguments)
    }

    fn finish(&self, output: std::io::Result<std::process::Output>, arguments: &[&str]) -> Result<Vec<u8>, UserError> {
        let output = output.map_err(|error| UserError::GitMissing {
            cause: crate::input::lower_case(&error),
        })?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(UserError::GitFailed {
            command: format!("git {}", arguments.join(" ")),
            cause: said.lines().next().unwrap_or("it said nothing").to_owned(),
        })
    }

    fn line(&self, arguments: &[&str]) -> Result<String, UserError> {
        let output = self.run(arguments)?;
        Ok(String::from_utf8_lossy(&output).trim_end().to_owned())
    }

    fn path(&self, relative: &[u8]) -> PathBuf {
        self.top.join(OsStr::from_bytes(relative))
    }

    fn changed_lines(&self, what: &[&str]) -> Result<Changes, UserError> {
        let mut arguments = vec!["diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv"];
        arguments.extend([
            "--src-prefix=a/",
            "--dst-prefix=b/",
            "--find-renames",
            "--diff-filter=d",
        ]);
        arguments.extend(["--ignore-submodules", "--no-relative"]);
        arguments.extend(what);
        arguments.push("--");
        let diff = self.run(&arguments)?;
        let lines = changed_lines(&diff)
            .into_iter()
            .map(|(path, lines)| (self.path(&path), lines))
            .collect();
        Ok(Changes {
            lines,
            new: BTreeSet::new(),
        })
    }

    /// The contents of blobs.
    fn contents(&self, blobs: &[(PathBuf, String)]) -> Result<BTreeMap<PathBuf, Vec<u8>>, UserError> {
        if blobs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let arguments = ["cat-file", "--batch"];
        let asked: String = blobs.iter().map(|(_, hash)| format!("{hash}\n")).collect();
        let child = self
            .command(&arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let output = child.and_then(|mut child| {
            let mut stdin = child.stdin.take().expect("it was asked to be piped");
            // Both sides write at once, so that neither waits for the other for ever.
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    // A git that has gone away is reported by its status.
                    let _ = stdin.write_all(asked.as_bytes());
                });
                child.wait_with_output()
            })
        });
        let output = self.finish(output, &arguments)?;
        Ok(batch(&output, blobs))
    }
}

/// The answers of `git cat-file --batch`: a line `hash type size`, that many bytes and a line end for each question.
fn batch(output: &[u8], blobs: &[(PathBuf, String)]) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut rest = output;
    let mut contents = BTreeMap::new();
    for (path, _) in blobs {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            break;
        };
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 1..];
        // `hash missing` has no body.
        let Some(size) = head.split(' ').nth(2).and_then(|size| size.parse::<usize>().ok()) else {
            continue;
        };
        let Some(body) = rest.get(..size) else { break };
        contents.insert(path.clone(), body.to_vec());
        rest = rest.get(size + 1..).unwrap_or_default();
    }
    contents
}

fn zero_ended(output: &[u8]) -> impl Iterator<Item = &[u8]> {
    output.split(|byte| *byte == 0).filter(|part| !part.is_empty())
}

/// The changed lines in a diff without context, by path. Where lines only went away, their neighbours count.
fn changed_lines(diff: &[u8]) -> BTreeMap<Vec<u8>, Lines> {
    let mut files: BTreeMap<Vec<u8>, Lines> = BTreeMap::new();
    let mut path: Option<Vec<u8>> = None;
    // Lines of a hunk that are still to come: what looks like a heading among them is text.
    let mut body = 0_u64;
    for line in diff.split(|byte| *byte == b'\n') {
        if body > 0 && matches!(line.first(), Some(b'+' | b'-')) {
            body -= 1;
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            path = unquoted(name).strip_prefix(b"b/").map(<[u8]>::to_vec);
        } else if let Some(ranges) = line.strip_prefix(b"@@ -")
            && let Some(hunk) = hunk(&String::from_utf8_lossy(ranges))
        {
            body = hunk.body;
            if let Some(path) = &path {
                files.entry(path.clone()).or_default().push(hunk.lines);
            }
        }
    }
    files
}

/// A hunk's changed lines on the new side, and how many lines its body has.
struct Hunk {
    lines: (u32, u32),
    body: u64,
}

/// Reads `10,2 +12,3 @@ …`.
fn hunk(text: &str) -> Option<Hunk> {
    let mut words = text.split(' ');
    let old = range(words.next()?)?;
    let (start, count) = range(words.next()?.strip_prefix('+')?)?;
    let lines = match count {
        0 => (start.max(1), start + 1),
        count => (start, start + count - 1),
    };
    Some(Hunk {
        lines,
        body: u64::from(old.1) + u64::from(count),
    })
}

/// `start` or `start,count`.
fn range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

/// A path as git writes it: in quotes and with escapes as in C where it holds quotes, backslashes or control characters; a
/// tab ends one with a space in it.
fn unquoted(name: &[u8]) -> Vec<u8> {
    let name = name.strip_suffix(b"\t").unwrap_or(name);
    let Some(inner) = name.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return name.to_vec();
    };
    let mut bytes = Vec::new();
    let mut rest = inner;
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let octal = rest.get(..3).and_then(|digits| {
            let text = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(text, 8).ok()
        });
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = &rest[3..];
        } else if let Some((escape, tail)) = rest.split_first() {
            bytes.push(match escape {
                b'a' => 7,
                b'b' => 8,
                b't' => b'\t',
                b'n' => b'\n',
                b'v' => 11,
                b'f' => 12,
                b'r' => b'\r',
                other => *other,
            });
            rest = tail;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(diff: &str) -> Vec<(String, Lines)> {
        changed_lines(diff.as_bytes())
            .into_iter()
            .map(|(path, lines)| (String::from_utf8_lossy(&path).into_owned(), lines))
            .collect()
    }

    #[test]
    fn added_changed_and_deleted_lines_count_on_the_new_side() {
        let diff = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1 +1,2 @@ def f():\n-a\n+b\n+c\n\
                    @@ -9,2 +10,0 @@\n-d\n-e\n";
        assert_eq!(lines(diff), [("x.py".to_owned(), vec![(1, 2), (10, 11)])]);
    }

    #[test]
    fn text_that_looks_like_a_heading_is_text() {
        let diff = "--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+++ b/y\n+@@ -1 +1 @@\n\\ No newline at end of file\n\
                    --- a/z\n+++ b/z\n@@ -3 +3 @@\n-@@ -1 +1 @@\n+q\n";
        assert_eq!(
            lines(diff),
            [("x".to_owned(), vec![(1, 2)]), ("z".to_owned(), vec![(3, 3)])]
        );
    }

    #[test]
    fn a_file_emptied_from_its_first_line_has_a_first_line() {
        assert_eq!(lines("+++ b/x\n@@ -1 +0,0 @@\n-a\n"), [("x".to_owned(), vec![(1, 1)])]);
    }

    #[test]
    fn quoted_paths_are_read() {
        assert_eq!(unquoted(b"\"b/a\\tb\\\"c\\303\\251\""), "b/a\tb\"c\u{e9}".as_bytes());
        assert_eq!(unquoted(b"b/with space.py\t"), b"b/with space.py");
        assert_eq!(unquoted(b"/dev/null"), b"/dev/null");
    }

    #[test]
    fn answers_are_cut_by_their_sizes() {
        let blobs = [("a", "1"), ("b", "2"), ("c", "3")].map(|(path, hash)| (PathBuf::from(path), hash.to_owned()));
        let found = batch(b"1 blob 3\na\nb\n2 missing\n3 blob 0\n\n", &blobs);
        assert_eq!(found.get(Path::new("a")).map(Vec::as_slice), Some(&b"a\nb"[..]));
        assert_eq!(found.get(Path::new("b")), None);
        assert_eq!(found.get(Path::new("c")).map(Vec::as_slice), Some(&b""[..]));
    }

    #[test]
    fn a_place_is_touched_where_lines_meet() {
        let changes = Changes {
            lines: BTreeMap::from([(PathBuf::from("/a"), vec![(3, 5)])]),
            new: BTreeSet::from([PathBuf::from("/n")]),
        };
        let touch = |path: &str, first, last| changes.touch(Path::new(path), first, last);
        assert!(touch("/a", 5, 9) && touch("/a", 1, 3) && touch("/n", 7, 7));
        assert!(!touch("/a", 6, 9) && !touch("/b", 3, 3));
    }
}
