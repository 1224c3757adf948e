//! Lines of strace: `execve(…) = …`, whole or split over `<unfinished ...>` and `<... execve resumed>`.

use std::collections::BTreeMap;

use super::errno::by_name;
use super::failure::{ExecFailure, Word};

/// How many calls may be unfinished at once; a log that claims more loses the oldest.
const PENDING: usize = 4096;

/// How much of an unfinished call is kept, in bytes.
const KEPT: usize = 8 * 1024;

/// What a line of strace says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traced {
    /// An execve that came to its end.
    Exec(Exec),
    /// A line of strace that says nothing of that.
    Other,
}

/// An execve that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    pub program: String,
    pub arguments: Vec<Word>,
    /// How many variables strace counted before the call.
    pub variables: Option<u32>,
    /// The array that strace read did not end.
    pub unterminated: bool,
    /// `None` where it succeeded.
    pub errno: Option<i32>,
    /// The line on which it began was another one.
    pub split: bool,
}

impl Exec {
    /// The failure, where it is one.
    pub fn failure(&self) -> Option<ExecFailure> {
        Some(ExecFailure {
            program: Some(self.program.clone()),
            arguments: self.arguments.clone(),
            errno: self.errno?,
            reported: None,
        })
    }
}

/// Calls that have begun, by process.
#[derive(Debug, Default)]
pub struct Pending {
    calls: BTreeMap<u32, (u64, String)>,
    begun: u64,
}

/// What a line is, if it is one of strace's at all.
pub fn read(line: &str, pending: &mut Pending) -> Option<Traced> {
    let (pid, text) = process(line);
    if let Some(rest) = text.find("<... execve").map(|at| &text[at..]) {
        let (_, rest) = rest.split_once("resumed>")?;
        let Some((_, begun)) = pending.calls.remove(&pid) else {
            return Some(Traced::Other);
        };
        return Some(exec(&(begun + rest), true).map_or(Traced::Other, Traced::Exec));
    }
    if let Some(call) = call(text) {
        return Some(match call.find("<unfinished ...>") {
            Some(at) => {
                pending.begin(pid, &call[..at]);
                Traced::Other
            }
            None => exec(call, false).map_or(Traced::Other, Traced::Exec),
        });
    }
    // Another system call: its EFAULT is none of execve's.
    let other = text.contains(") = -1 E") || text.starts_with("<... ");
    other.then_some(Traced::Other)
}

impl Pending {
    fn begin(&mut self, pid: u32, text: &str) {
        if self.calls.len() >= PENDING && !self.calls.contains_key(&pid) {
            let oldest = self
                .calls
                .iter()
                .min_by_key(|(_, (begun, _))| *begun)
                .map(|(pid, _)| *pid);
            if let Some(oldest) = oldest {
                self.calls.remove(&oldest);
            }
        }
        self.begun += 1;
        self.calls
            .insert(pid, (self.begun, cut(text, KEPT).trim_end().to_owned()));
    }
}

/// The beginning of a text, at most so many bytes.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..end.unwrap_or(0)]
}

/// The process that a line is about (`[pid 12]`, or the number before it in a file), and the rest of the line.
fn process(line: &str) -> (u32, &str) {
    let line = line.trim_start();
    if let Some(rest) = line.strip_prefix("[pid") {
        let (number, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (number.trim().parse().unwrap_or(0), rest.trim_start());
    }
    let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
    match first.parse() {
        Ok(pid) => (pid, rest.trim_start()),
        Err(_) => (0, line),
    }
}

/// The call of execve in a line, from its name on; a time may stand before it.
fn call(text: &str) -> Option<&str> {
    let at = text.find("execve(").or_else(|| text.find("execveat("))?;
    let before = text[..at].trim_end();
    let time = before
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"[]:. +()".contains(&byte));
    time.then(|| &text[at..])
}

/// `execve("/bin/sh", ["sh", "-c", "cc"...], 0x7ffe… /* 20 vars */) = -1 EFAULT (Bad address)`.
fn exec(text: &str, split: bool) -> Option<Exec> {
    let (name, rest) = text.split_once('(')?;
    let rest = if name == "execveat" {
        rest.split_once(", ").map_or(rest, |(_, rest)| rest)
    } else {
        rest
    };
    let (program, rest) = string(rest.trim_start())?;
    let rest = rest.trim_start_matches([',', ' ']);
    let (arguments, rest) = list(rest);
    let (call, result) = ended(rest)?;
    let errno = match result.strip_prefix("-1 ") {
        Some(error) => Some(by_name(error.split(|c: char| !c.is_ascii_alphanumeric()).next()?)?.number),
        None if result.starts_with('0') => None,
        None => return None,
    };
    Some(Exec {
        program: program.text,
        arguments,
        variables: variables(call),
        unterminated: call.contains("unterminated"),
        errno,
        split,
    })
}

/// The end of a call's arguments, and its result: strace aligns the `=` between them.
fn ended(text: &str) -> Option<(&str, &str)> {
    text.rmatch_indices("= ").find_map(|(at, _)| {
        let call = text[..at].trim_end().strip_suffix(')')?;
        Some((call, &text[at + 2..]))
    })
}

fn variables(call: &str) -> Option<u32> {
    let (_, rest) = call.split_once("/* ")?;
    let (number, rest) = rest.split_once(' ')?;
    rest.starts_with("var").then(|| number.parse().ok()).flatten()
}

/// `["sh", "-c", "cc -c"...]`, of which strace may leave out the end; empty where it is an address or was not read.
fn list(text: &str) -> (Vec<Word>, &str) {
    let Some(mut rest) = text.strip_prefix('[') else {
        return (Vec::new(), text);
    };
    let mut words = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        match string(rest) {
            Some((word, after)) => {
                words.push(word);
                rest = after;
            }
            None => {
                let after = rest.find(']').map_or("", |at| &rest[at + 1..]);
                return (words, after);
            }
        }
    }
}

/// A string of C with strace's mark for one that was cut, and what follows it.
fn string(text: &str) -> Option<(Word, &str)> {
    let body = text.strip_prefix('"')?;
    let mut bytes: Vec<u8> = Vec::new();
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let rest = &body[at + 1..];
                let (cut, rest) = match rest.strip_prefix("...") {
                    Some(rest) => (true, rest),
                    None => (false, rest),
                };
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Some((Word { text, cut }, rest));
            }
            '\\' => escape(&mut chars, &mut bytes),
            c => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    None
}

/// What follows a backslash: a letter, or up to three octal or two hexadecimal digits.
fn escape(chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>, bytes: &mut Vec<u8>) {
    let Some((_, c)) = chars.next() else { return };
    let mut digits = |radix: u32, most: usize, first: u32| {
        let mut value = first;
        for _ in 0..most {
            match chars.peek().and_then(|(_, c)| c.to_digit(radix)) {
                Some(digit) => {
                    value = value * radix + digit;
                    chars.next();
                }
                None => break,
            }
        }
        (value & 0xff) as u8
    };
    let byte = match c {
        'n' => b'\n',
        't' => b'\t',
        'r' => b'\r',
        'v' => 0x0b,
        'f' => 0x0c,
        'x' => digits(16, 2, 0),
        '0'..='7' => digits(8, 2, c.to_digit(8).unwrap_or(0)),
        c => {
            bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
            return;
        }
    };
    bytes.push(byte);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Exec {
        match read(line, &mut Pending::default()) {
            Some(Traced::Exec(exec)) => exec,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn words(exec: &Exec) -> Vec<String> {
        let shown = |word: &Word| format!("{}{}", word.text, if word.cut { "…" } else { "" });
        exec.arguments.iter().map(shown).collect()
    }

    #[test]
    fn a_whole_call_is_read_in_every_dress() {
        let call =
            r#"execve("/bin/sh", ["sh", "-c", "gcc -c a\tb"...], 0x7ffc1 /* 21 vars */) = -1 EFAULT (Bad address)"#;
        for before in [
            "",
            "[pid  4242] ",
            "4242 ",
            "4242 12:00:01.123456 ",
            "[pid 7] 1700000000.5 ",
        ] {
            let exec = one(&format!("{before}{call}"));
            assert_eq!(
                (exec.program.as_str(), exec.errno, exec.variables),
                ("/bin/sh", Some(14), Some(21))
            );
            assert_eq!(words(&exec), ["sh", "-c", "gcc -c a\tb…"]);
            assert!(!exec.split && !exec.unterminated);
        }
        let good = one(r#"execve("/bin/true", ["true"], 0x1 /* 1 var */) = 0"#);
        assert_eq!((good.errno, good.variables, good.failure()), (None, Some(1), None));
        let odd = one(
            r#"execve("/usr/bin/\303\251\x41", ["a", ...], 0x1 /* 3 vars, unterminated */) = -1 E2BIG (Argument list too long)"#,
        );
        assert_eq!(
            (odd.program.as_str(), odd.errno, odd.unterminated),
            ("/usr/bin/éA", Some(7), true)
        );
    }

    #[test]
    fn a_split_call_is_put_together_by_its_process() {
        let mut pending = Pending::default();
        let lines = [
            r#"[pid 11] execve("/bin/sh", ["sh", "-c", "one"], 0x1 /* 20 vars */ <unfinished ...>"#,
            r#"[pid 12] execve("/bin/sh", ["sh", "-c", "two"], 0x1 /* 21 vars */ <unfinished ...>"#,
            r#"[pid 10] read(3,  <unfinished ...>"#,
            r#"[pid 11] <... execve resumed>)       = -1 EFAULT (Bad address)"#,
            r#"[pid 12] <... execve resumed> ) = 0"#,
        ];
        let read: Vec<Option<Traced>> = lines.iter().map(|line| read(line, &mut pending)).collect();
        let Some(Some(Traced::Exec(failed))) = read.get(3) else {
            panic!("{read:?}")
        };
        assert_eq!(
            (words(failed)[2].as_str(), failed.errno, failed.variables, failed.split),
            ("one", Some(14), Some(20), true)
        );
        let Some(Some(Traced::Exec(worked))) = read.get(4) else {
            panic!("{read:?}")
        };
        assert_eq!((words(worked)[2].as_str(), worked.errno), ("two", None));
        assert!(pending.calls.is_empty());
    }

    #[test]
    fn what_is_not_execve_is_nothing() {
        let mut pending = Pending::default();
        assert_eq!(
            read(r#"[pid 1] read(3, 0x1, 10) = -1 EFAULT (Bad address)"#, &mut pending),
            Some(Traced::Other)
        );
        assert_eq!(read("cc: error: execve(2) said no", &mut pending), None);
        assert_eq!(read("collect2: error: ld returned 1 exit status", &mut pending), None);
        assert_eq!(
            read("[pid 3] <... execve resumed>) = 0", &mut pending),
            Some(Traced::Other),
            "its beginning is not in the log"
        );
    }

    #[test]
    fn a_log_that_never_finishes_a_call_takes_no_more_room() {
        let mut pending = Pending::default();
        let long = "x".repeat(1 << 16);
        for pid in 0..10_000 {
            read(&format!("{pid} execve(\"{long}\" <unfinished ...>"), &mut pending);
        }
        assert_eq!(pending.calls.len(), PENDING);
        assert!(pending.calls.values().all(|(_, text)| text.len() <= KEPT));
    }
}
