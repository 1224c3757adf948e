//! A log, line by line: what in it speaks of a race, and what only looks like one.
//!
//! However long the log and its lines are, only a sample of each sign and the failures that differ are kept.

use std::collections::BTreeMap;

use crate::facts::Language;
use crate::finding::FailureForm;

use super::errno::by_number;
use super::failure::{EFAULT, ExecFailure};
use super::libcs::STATUS_127;
use super::strace::{Exec, Pending, Traced, cut, read};

/// How much of a line is kept as a sample, in bytes.
const SAMPLE: usize = 400;
/// How many failures that differ are kept of a sign.
const DISTINCT: usize = 64;
/// Of how many programs the numbers of variables are compared.
const PROGRAMS: usize = 256;
const E2BIG: i32 = 7;

/// What a line can show, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sign {
    /// strace saw execve fail with EFAULT.
    ExecFault,
    /// strace read an environment without an end.
    Unterminated,
    /// Python, Rust or another program reports EFAULT.
    Fault,
    /// A wait status of 32512.
    Status32512,
    /// Starts of the same program got different numbers of variables.
    VariablesChange,
    /// An exit code of 127.
    Exit127,
    /// A shell says that it found no command.
    NotFound,
    /// A command line or environment that is too long.
    TooLong,
    /// execve failed with another error.
    ExecError(i32),
}

impl Sign {
    /// What was seen, as a heading.
    pub fn title(self) -> String {
        match self {
            Sign::ExecFault => "execve failed with EFAULT".to_owned(),
            Sign::Unterminated => "strace met an environment without an end".to_owned(),
            Sign::Fault => "a program reports EFAULT (Bad address)".to_owned(),
            Sign::Status32512 => "a status of 32512 (127 << 8)".to_owned(),
            Sign::VariablesChange => "a changing number of variables".to_owned(),
            Sign::Exit127 => "an exit code of 127".to_owned(),
            Sign::NotFound => "a shell found no such command".to_owned(),
            Sign::TooLong => "E2BIG: an argument list that is too long".to_owned(),
            Sign::ExecError(number) => {
                let name = by_number(number).map_or_else(|| number.to_string(), |errno| errno.name.to_owned());
                format!("execve failed with {name}")
            }
        }
    }

    /// What it proves.
    pub fn proves(self) -> &'static str {
        match self {
            Sign::ExecFault => {
                "the kernel met a pointer that led nowhere while it copied the arguments or the environment. Where \
                 strace could read the arguments it was the environment, and something changed or freed it meanwhile"
            }
            Sign::Unterminated => "the array was being changed or had been freed while strace counted it",
            Sign::Fault => {
                "a system call got a pointer that led nowhere; where it was the start of a program, its environment \
                 or arguments were changed meanwhile"
            }
            Sign::Status32512 => "system() or its like got 127 from a shell, or speaks for a shell that never ran",
            Sign::VariablesChange => "the environment was changed while the program ran, between these starts",
            Sign::Exit127 => "a shell, or what should have been one, ended with 127",
            Sign::NotFound => "a shell ran, and looked for the command",
            Sign::TooLong => "the arguments, the environment or one string of them is longer than the kernel takes",
            Sign::ExecError(_) => "the program could not be started, for the reason that the error names",
        }
    }

    /// What it does not prove.
    pub fn leaves_open(self) -> &'static str {
        match self {
            Sign::ExecFault => {
                "which thread changed it; a buffer that was given to putenv and freed looks the same, and so does a \
                 corrupt heap"
            }
            Sign::Unterminated => "that the kernel saw the same a moment later",
            Sign::Fault => "that it was execve: reading or writing with a bad pointer says the same. Trace execve",
            Sign::Status32512 => {
                "that no shell ran: one that finds no such command says the same. A `not found` beside it means that \
                 it did; errno or a trace tells"
            }
            Sign::VariablesChange => {
                "that a change and a start overlapped, or that it was the same process that started both"
            }
            Sign::Exit127 => "anything of a race: a command that is missing says the same, every time",
            Sign::NotFound => "anything of a race; though a PATH that was being changed hides commands too",
            Sign::TooLong => "anything of a race: it fails every time",
            Sign::ExecError(_) => "anything of a race",
        }
    }
}

/// One sign with where it was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub sign: Sign,
    pub count: u64,
    /// From 1.
    pub first_line: u64,
    /// The beginning of that line, as it stands: not fit for a terminal.
    pub sample: String,
    /// Those that differ.
    pub failures: Vec<ExecFailure>,
    /// Numbers that belong to it: from, to, changes.
    pub variables: Option<(u32, u32, u64)>,
}

/// What a log showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    pub lines: u64,
    /// By strength.
    pub seen: Vec<Seen>,
}

/// Reads a log.
#[derive(Debug, Default)]
pub struct Reader {
    lines: u64,
    pending: Pending,
    seen: BTreeMap<Sign, Seen>,
    /// By program: the last, the least and the greatest number of variables, and how often it changed.
    variables: BTreeMap<String, (u32, u32, u32, u64)>,
}

impl Reader {
    /// Takes in the next line, without its end.
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        match read(line, &mut self.pending) {
            Some(Traced::Exec(exec)) => self.exec(&exec, line),
            Some(Traced::Other) => {}
            None => self.text(line),
        }
    }

    /// What it all showed.
    pub fn finish(self) -> Log {
        Log {
            lines: self.lines,
            seen: self.seen.into_values().collect(),
        }
    }

    fn exec(&mut self, exec: &Exec, line: &str) {
        if exec.unterminated {
            self.note(Sign::Unterminated, line, None);
        }
        if let Some(failure) = exec.failure() {
            let sign = match failure.errno {
                EFAULT => Sign::ExecFault,
                E2BIG => Sign::TooLong,
                other => Sign::ExecError(other),
            };
            self.note(sign, line, Some(failure));
        }
        if let Some(number) = exec.variables {
            self.count(&exec.program, number, line);
        }
    }

    fn count(&mut self, program: &str, number: u32, line: &str) {
        if self.variables.len() >= PROGRAMS && !self.variables.contains_key(program) {
            return;
        }
        let known = self
            .variables
            .entry(program.to_owned())
            .or_insert((number, number, number, 0));
        let changed = known.0 != number;
        *known = (
            number,
            known.1.min(number),
            known.2.max(number),
            known.3 + u64::from(changed),
        );
        let (_, least, most, changes) = *known;
        if changed {
            self.note(Sign::VariablesChange, line, None);
            if let Some(seen) = self.seen.get_mut(&Sign::VariablesChange) {
                let clearer = seen.variables.is_none_or(|(.., before)| changes >= before);
                if clearer {
                    seen.variables = Some((least, most, changes));
                }
            }
        }
    }

    /// A line that is none of strace's.
    fn text(&mut self, line: &str) {
        if let Some(language) = fault(line) {
            let failure = ExecFailure::told(EFAULT, FailureForm::Error, language);
            self.note(Sign::Fault, line, Some(failure));
        }
        if ["[Errno 7]", "(os error 7)", "Argument list too long", "E2BIG"]
            .iter()
            .any(|sign| line.contains(sign))
        {
            self.note(Sign::TooLong, line, None);
        }
        let lower = line.to_ascii_lowercase();
        let shell = ["sh:", "bash:", "/bin/sh"].iter().any(|name| lower.contains(name));
        if shell && (lower.contains("not found") || lower.contains("command not found")) {
            self.note(Sign::NotFound, line, None);
        }
        if has_number(line, STATUS_127) {
            let failure = ExecFailure::told(EFAULT, FailureForm::Status, None);
            self.note(Sign::Status32512, line, Some(failure));
        } else if has_number(line, 127)
            && ["exit", "status", "code", "error", "return"]
                .iter()
                .any(|word| lower.contains(word))
        {
            let failure = ExecFailure::told(EFAULT, FailureForm::Status, None);
            self.note(Sign::Exit127, line, Some(failure));
        }
    }

    fn note(&mut self, sign: Sign, line: &str, failure: Option<ExecFailure>) {
        let first_line = self.lines;
        let seen = self.seen.entry(sign).or_insert_with(|| Seen {
            sign,
            count: 0,
            first_line,
            sample: cut(line.trim(), SAMPLE).to_owned(),
            failures: Vec::new(),
            variables: None,
        });
        seen.count += 1;
        if let Some(failure) = failure
            && seen.failures.len() < DISTINCT
            && !seen.failures.contains(&failure)
        {
            seen.failures.push(failure);
        }
    }
}

/// Whether a line reports EFAULT, and in which language's way.
fn fault(line: &str) -> Option<Option<Language>> {
    if line.contains("[Errno 14]") || line.contains("errno=14") {
        return Some(line.contains("[Errno 14]").then_some(Language::Python));
    }
    let rust = line.contains("(os error 14)") || (line.contains("Os {") && line.contains("code: 14,"));
    if rust {
        return Some(Some(Language::Rust));
    }
    (line.contains("Bad address") || has_word(line, "EFAULT")).then_some(None)
}

/// Whether a number stands in a line by itself.
fn has_number(line: &str, number: i32) -> bool {
    has_word(line, &number.to_string())
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars());
        let mut after = after;
        let next = after.next();
        // A full stop ends a sentence; with a digit behind it, it belongs to a number.
        let decimal = next == Some('.') && after.next().is_some_and(|c| c.is_ascii_digit());
        let ends = decimal || next.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !part(before) && !ends
    })
}

#[cfg(test)]
mod tests;
