//! What a number or the name of an error means where a program was to be started.

use crate::knowledge::{Libc, LibcKind};

use super::errno::{ERRNOS, Errno, by_name, by_number, signal};
use super::failure::EFAULT;
use super::libcs::{STATUS_127, SystemEra, popen_says};

/// What somebody has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// An exit code, a wait status, an error's number: the same figure may be each.
    Number(i32),
    Errno(&'static Errno),
}

/// Some facts under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub title: String,
    /// A label and what belongs to it.
    pub lines: Vec<(String, String)>,
}

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// `32512`, `EFAULT`.
    pub name: String,
    /// One sentence.
    pub summary: String,
    pub sections: Vec<Section>,
    /// What to do next.
    pub next: Vec<String>,
}

/// Reads `32512`, `-1`, `0x7f00`, `EFAULT`; `None` for anything else.
pub fn code(text: &str) -> Option<Code> {
    if let Some(errno) = by_name(text) {
        return Some(Code::Errno(errno));
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => i32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    number.map(Code::Number)
}

/// What the code means, first on `libcs`, which are `here` where they are this machine's.
pub fn meaning(code: Code, libcs: &[Libc], here: bool) -> Meaning {
    match code {
        Code::Errno(errno) => of_errno(errno, libcs, here),
        Code::Number(number) => of_number(number, libcs, here),
    }
}

/// The eras of these libcs first, then all others.
fn eras(libcs: &[Libc]) -> (Vec<SystemEra>, Vec<SystemEra>) {
    SystemEra::ALL
        .into_iter()
        .partition(|era| libcs.iter().any(|libc| SystemEra::of(*libc) == *era))
}

fn title(era: SystemEra, libcs: &[Libc], here: bool) -> String {
    let own: Vec<String> = libcs
        .iter()
        .filter(|libc| SystemEra::of(**libc) == era)
        .map(Libc::to_string)
        .collect();
    if here && !own.is_empty() {
        format!("this machine ({})", own.join(", "))
    } else {
        era.versions().to_owned()
    }
}

fn of_errno(errno: &'static Errno, libcs: &[Libc], here: bool) -> Meaning {
    let mut sections = vec![Section {
        title: "How each says it".to_owned(),
        lines: sayings(errno, libcs),
    }];
    let (own, others) = eras(libcs);
    let lines = own.into_iter().chain(others).map(|era| {
        let said = era.says(errno.number);
        let told = match (said.errno_tells, said.value) {
            (true, value) => format!("{value}, and errno is {}", errno.name),
            (false, STATUS_127) => format!("{STATUS_127}, and errno says nothing: the child ended with 127"),
            (false, value) => format!("{value}: the error's number where a status should be"),
        };
        (title(era, libcs, here), told)
    });
    sections.push(Section {
        title: "system() and os.system() where /bin/sh cannot be started for it".to_owned(),
        lines: lines.collect(),
    });
    Meaning {
        name: errno.name.to_owned(),
        summary: format!(
            "{} ({}), {}: {}",
            errno.text,
            errno.number,
            errno.recurs.words(),
            errno.cause
        ),
        sections,
        next: vec![errno.next.to_owned()],
    }
}

fn sayings(errno: &Errno, libcs: &[Libc]) -> Vec<(String, String)> {
    let (number, text) = (errno.number, errno.text);
    let mut lines = vec![
        ("posix_spawn".to_owned(), format!("returns {number}; errno is not set")),
        ("execve".to_owned(), format!("returns -1, errno is {number}")),
    ];
    if errno.number == EFAULT {
        let all: Vec<String> = libcs.iter().map(|libc| popen_says(*libc).to_owned()).collect();
        let mut distinct = all.clone();
        distinct.dedup();
        match distinct.as_slice() {
            [one] => lines.push(("popen".to_owned(), format!("returns {one}"))),
            _ => {
                for (libc, says) in libcs.iter().zip(all) {
                    lines.push((format!("popen, {libc}"), format!("returns {says}")));
                }
            }
        }
    }
    lines.extend([
        (
            "Python".to_owned(),
            format!("subprocess, os.posix_spawn and os.exec* raise OSError: [Errno {number}] {text}"),
        ),
        (
            "Rust".to_owned(),
            format!("Command gives an io::Error: {text} (os error {number})"),
        ),
        ("strace".to_owned(), format!("execve(…) = -1 {} ({text})", errno.name)),
    ]);
    lines
}

fn of_number(number: i32, libcs: &[Libc], here: bool) -> Meaning {
    let mut sections = Vec::new();
    let (own, others) = eras(libcs);
    let near = own
        .into_iter()
        .filter_map(|era| system_section(number, era, title(era, libcs, here)));
    sections.extend(near);
    sections.extend(exit_code(number));
    if let Some(errno) = by_number(number) {
        sections.push(Section {
            title: format!("As an error's number: {} ({})", errno.name, errno.text),
            lines: vec![(errno.recurs.words().to_owned(), errno.cause.to_owned())],
        });
    }
    sections.extend(elsewhere(number, &others));
    Meaning {
        name: number.to_string(),
        summary: summary(number),
        next: next(number, libcs),
        sections,
    }
}

fn summary(number: i32) -> String {
    match decode(number) {
        Some(Ended::Exited(code)) if number > 255 => {
            format!("a wait status: {code} << 8, so a child, or what should have become one, ended with {code}")
        }
        _ if number == -1 => "the child was not started, or nothing is known of its end".to_owned(),
        _ if number < 0 => format!(
            "Python's returncode of a child that was killed by {}",
            signal_words(number.checked_neg().unwrap_or(0))
        ),
        _ if number == 0 => "the child was started, and ended well".to_owned(),
        Some(Ended::Killed(_)) | Some(Ended::Exited(_)) | None => {
            "an exit code, a signal or an error's number: who says it decides".to_owned()
        }
    }
}

enum Ended {
    Exited(i32),
    Killed(i32),
}

/// A wait status.
fn decode(status: i32) -> Option<Ended> {
    if !(0..=0xffff).contains(&status) {
        return None;
    }
    match (status & 0x7f, status >> 8) {
        (0, code) => Some(Ended::Exited(code)),
        (0x7f, _) => None,
        (number, _) => Some(Ended::Killed(number)),
    }
}

fn signal_words(number: i32) -> String {
    signal(number).map_or_else(
        || format!("signal {number}"),
        |name| format!("signal {number} ({name})"),
    )
}

/// What the number says where `system` of this era, or Python's os.system on it, returns it.
fn system_section(number: i32, era: SystemEra, title: String) -> Option<Section> {
    let mut lines = Vec::new();
    match decode(number) {
        Some(Ended::Exited(127)) => lines.push((
            errno_label(era, "unchanged"),
            "the shell ran: it found no such command, or the command itself ended with 127 (a shared library that is \
             missing)"
                .to_owned(),
        )),
        Some(Ended::Exited(126)) => lines.push((
            errno_label(era, "unchanged"),
            "the shell ran and found the command, but could not execute it: no permission, or no program".to_owned(),
        )),
        Some(Ended::Exited(code)) if number > 0 => {
            lines.push((
                errno_label(era, "unchanged"),
                format!("the command ran and ended with {code}"),
            ));
        }
        Some(Ended::Killed(which)) => {
            lines.push((
                "signal".to_owned(),
                format!("the shell was killed by {}", signal_words(which)),
            ));
        }
        _ => {}
    }
    let failing = ERRNOS.iter().filter(|errno| can_start_fail(errno.number));
    let causes: Vec<&Errno> = failing.filter(|errno| era.says(errno.number).value == number).collect();
    for errno in &causes {
        let label = match era {
            SystemEra::RawNumber => "this very number".to_owned(),
            _ if era.says(errno.number).errno_tells => format!("{} {}", errno.name, errno.number),
            _ => format!("errno unchanged, {}", errno.name),
        };
        let text = format!("{}: {}", errno.recurs.words(), shell_cause(errno));
        match lines.last_mut() {
            Some((labels, known)) if *known == text => labels.push_str(&format!(", {label}")),
            _ => lines.push((label, text)),
        }
    }
    if number == -1 {
        let lost = by_name("ECHILD").map_or("", |errno| errno.cause);
        lines.push(("ECHILD 10".to_owned(), lost.to_owned()));
    }
    let title = format!("system() and os.system(), {title}");
    (!lines.is_empty()).then_some(Section { title, lines })
}

/// The errors with which starting `/bin/sh` can fail on an ordinary system.
fn can_start_fail(number: i32) -> bool {
    [
        "EFAULT", "E2BIG", "ENOENT", "EACCES", "ENOEXEC", "ELOOP", "ENOMEM", "EAGAIN",
    ]
    .iter()
    .any(|name| by_name(name).is_some_and(|errno| errno.number == number))
}

/// The cause, where the program is the shell.
fn shell_cause(errno: &Errno) -> String {
    match errno.name {
        "EFAULT" => "another thread changed the environment while the kernel copied it for execve".to_owned(),
        "E2BIG" => "a command of 131,072 bytes or more, a variable as long, or too much of all of them".to_owned(),
        "ENOENT" | "EACCES" | "ENOEXEC" | "ELOOP" => {
            "there is no /bin/sh that can be used (a chroot, a small container); system(NULL) is 0 then".to_owned()
        }
        _ => errno.cause.split(". ").next().unwrap_or(errno.cause).to_owned(),
    }
}

fn errno_label(era: SystemEra, label: &str) -> String {
    match era {
        SystemEra::ForkedShell | SystemEra::Posix | SystemEra::RawNumber => "a child's own".to_owned(),
        _ => format!("errno {label}"),
    }
}

/// What the number says as an exit code: `$?`, make's `Error`, Python's returncode.
fn exit_code(number: i32) -> Option<Section> {
    let says = match number {
        127 => "the shell found no such command, or the command ended with 127 itself; where the caller is system() \
                or a wrapper of it, perhaps no shell ever ran (32512 >> 8)"
            .to_owned(),
        126 => "the shell found the command, but could not execute it".to_owned(),
        129..=192 => format!(
            "a shell says so of a command that was killed by {}",
            signal_words(number - 128)
        ),
        1..=255 => format!("the command ran and ended with {number}"),
        -64..=-1 => format!("subprocess: the child was killed by {}", signal_words(-number)),
        _ => return None,
    };
    Some(Section {
        title: "As an exit code ($?, a make rule's Error, returncode)".to_owned(),
        lines: vec![("means".to_owned(), says)],
    })
}

/// Other C libraries where the number says something else than that the child ended so by itself.
fn elsewhere(number: i32, others: &[SystemEra]) -> Option<Section> {
    let lines: Vec<(String, String)> = others
        .iter()
        .filter_map(|era| {
            let failing = ERRNOS.iter().filter(|errno| can_start_fail(errno.number));
            let names: Vec<&str> = failing
                .filter(|errno| era.says(errno.number).value == number)
                .map(|errno| errno.name)
                .collect();
            let all = ERRNOS.iter().filter(|errno| can_start_fail(errno.number)).count();
            let which = if names.len() == all {
                "any error".to_owned()
            } else {
                names.join(", ")
            };
            (!names.is_empty()).then(|| (era.versions().to_owned(), format!("the shell was not started: {which}")))
        })
        .collect();
    let title = "system() and os.system() elsewhere".to_owned();
    (!lines.is_empty()).then_some(Section { title, lines })
}

fn next(number: i32, libcs: &[Libc]) -> Vec<String> {
    let shell_failed = matches!(number, STATUS_127 | 127 | -1);
    let raw = libcs.iter().any(|libc| SystemEra::of(*libc) == SystemEra::RawNumber) && number == EFAULT;
    let mut steps = Vec::new();
    if shell_failed || raw {
        let tells = libcs
            .iter()
            .all(|libc| libc.kind == LibcKind::Musl || SystemEra::of(*libc).says(EFAULT).errno_tells);
        if tells {
            steps.push(
                "look at errno right after the call (Python: ctypes.get_errno does not see it; trace instead)"
                    .to_owned(),
            );
        }
        steps.push(
            "`strace -f -e trace=execve -o log CMD`, then `envrace explain - < log`: an execve of /bin/sh that fails \
             shows the error; one that succeeds means that the shell ran"
                .to_owned(),
        );
        steps.push("does it fail every time? Then it is the command, its length or the shell, and no race".to_owned());
        steps.push("only now and then? `envrace check` finds what changes the environment meanwhile".to_owned());
    } else if let Some(errno) = by_number(number) {
        steps.push(format!("where it is {}: {}", errno.name, errno.next));
    }
    steps
}

#[cfg(test)]
mod tests;
