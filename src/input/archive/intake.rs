//! What every kind of archive hands its members to: names are made plain, what is no source is passed over, limits are
//! counted.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::facts::{Language, Problem, ProblemKind};

use super::super::walk::PassedOver;
use super::super::{MAX_BYTES, by_name, by_shebang};
use super::{Contents, Limits, Member, is_archive, unreadable};

/// How many bytes of a file without an extension are looked at for its `#!` line.
const HEAD: u64 = 128;

/// How many problems are told one by one; a hostile archive can have one for each of its members.
const MAX_PROBLEMS: usize = 1000;

/// Whether the next member is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Wanted,
    /// A limit was met, and said so.
    Enough,
}

/// What has been taken in so far.
#[derive(Debug)]
pub struct Intake {
    pub limits: Limits,
    members: BTreeMap<String, Member>,
    problems: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`].
    untold: u64,
    passed_over: PassedOver,
    seen: u64,
    kept: u64,
}

impl Intake {
    /// Nothing yet.
    pub fn new(limits: Limits) -> Intake {
        Intake {
            limits,
            members: BTreeMap::new(),
            problems: Vec::new(),
            untold: 0,
            passed_over: PassedOver::default(),
            seen: 0,
            kept: 0,
        }
    }

    /// Takes a regular file whose name in the archive is `name` and whose content `content` gives.
    ///
    /// # Errors
    /// Where the archive itself cannot be read on; a member that is passed over is not read at all.
    pub fn file(&mut self, name: &[u8], content: &mut dyn Read) -> Result<Next, std::io::Error> {
        if !self.count() {
            return Ok(Next::Enough);
        }
        let (name, climbs) = plain(name);
        let path = Path::new(&name);
        if is_archive(path) {
            self.passed_over.archives += 1;
            return Ok(Next::Wanted);
        }
        let mut bytes = Vec::new();
        let language = match by_name(path) {
            Some(language) => language,
            None if path.extension().is_none() => {
                content.take(HEAD).read_to_end(&mut bytes)?;
                match by_shebang(&bytes) {
                    Some(language) => language,
                    None => return Ok(Next::Wanted),
                }
            }
            None => return Ok(Next::Wanted),
        };
        content
            .take(MAX_BYTES + 1 - bytes.len() as u64)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            let limit = format!("larger than {} MiB", MAX_BYTES / (1024 * 1024));
            self.tell(&name, ProblemKind::TooLarge, limit);
            return Ok(Next::Wanted);
        }
        if climbs {
            let message = "the name climbs out of the archive; the file is taken as if it did not";
            self.tell(&name, ProblemKind::Archive, message.to_owned());
        }
        Ok(self.keep(name, language, bytes))
    }

    fn keep(&mut self, name: String, language: Language, bytes: Vec<u8>) -> Next {
        self.kept += bytes.len() as u64;
        if self.kept > self.limits.kept {
            let limit = format!(
                "more than {} MiB of sources; this and what follows is lost",
                self.limits.kept >> 20
            );
            self.tell(&name, ProblemKind::Limit, limit);
            return Next::Enough;
        }
        let member = Member {
            name: name.clone(),
            language,
            bytes,
        };
        // Whoever unpacks it keeps the last of two; a first one that differs is how code is hidden from reviewers.
        let replaced = self.members.insert(name.clone(), member);
        if replaced.is_some() {
            self.twice(&name);
        }
        Next::Wanted
    }

    /// Says that a name occurs twice.
    pub fn twice(&mut self, name: &str) {
        let message = "the name occurs more than once; only the last is analysed, which is what unpacking leaves";
        self.tell(name, ProblemKind::Archive, message.to_owned());
    }

    /// Counts a link, which is not followed.
    pub fn link(&mut self) {
        self.passed_over.symlinks += 1;
    }

    /// Says what is lost or odd, by the member's name (empty for the archive).
    pub fn tell(&mut self, name: &str, kind: ProblemKind, message: String) {
        if self.problems.len() >= MAX_PROBLEMS {
            self.untold += 1;
            return;
        }
        self.problems.push(Problem {
            path: name.to_owned(),
            kind,
            message,
            line: None,
        });
    }

    /// The same for a member that cannot be read while the others can. Silent where it is no source.
    pub fn lose_member(&mut self, name: &[u8], error: &std::io::Error) {
        let (name, _) = plain(name);
        if by_name(Path::new(&name)).is_some() {
            let (kind, message) = unreadable(error);
            self.tell(&name, kind, message);
        }
    }

    fn count(&mut self) -> bool {
        self.seen += 1;
        if self.seen == self.limits.members + 1 {
            let limit = format!("more than {} members; what follows is lost", self.limits.members);
            self.tell("", ProblemKind::Limit, limit);
        }
        self.seen <= self.limits.members
    }

    /// Everything that was taken in.
    pub fn finish(mut self) -> Contents {
        if self.untold > 0 {
            let message = format!("{} further problems of this archive", self.untold);
            self.problems.push(Problem {
                path: String::new(),
                kind: ProblemKind::Limit,
                message,
                line: None,
            });
        }
        Contents {
            members: self.members.into_values().collect(),
            problems: self.problems,
            passed_over: self.passed_over,
        }
    }
}

/// A member's name as a path below the archive, and whether it wanted to be elsewhere (absolute, or with `..`).
pub fn plain(name: &[u8]) -> (String, bool) {
    let text = String::from_utf8_lossy(name);
    let climbs = text.starts_with('/') || text.split('/').any(|part| part == "..");
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "." | ".."))
        .collect();
    (parts.join("/"), climbs)
}
