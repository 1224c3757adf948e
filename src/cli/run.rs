//! `envrace run -- CMD…`: runs a program under the observer and says which of its processes could not be started.
//!
//! The program's output, exit code and signals are its own; all that envrace says goes to standard error, or to a file.

use std::fmt::Write;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::confirm::{Ended, Failure, FollowError, Followed, follow, trace_line};
use crate::finding::{Finding, Site};
use crate::input::lower_case;
use crate::report::{Detail, sanitise_line};
use crate::symptoms::{ExecFailure, Fit, Word, matches};

use super::args::{Color, Run};
use super::error::UserError;
use super::exit::Exit;
use super::output;
use super::scan::{self, Request};

/// Findings that are named for one failure.
const MOST_FINDINGS: usize = 5;
/// Failures that are listed unless all are asked for.
const MOST_LISTED: usize = 30;

/// Runs the command. Ends as the program does.
///
/// # Errors
/// Where the program was not run: a path to match with is missing, it is not there, or nothing can be observed here.
pub fn run(asked: &Run, color: Color, detail: Detail) -> Result<Exit, UserError> {
    // Before the program runs, so that a mistake in the command line costs nothing.
    let findings = findings(asked)?;
    let file = asked.output.as_deref().map(open).transpose()?;
    let name = sanitise_line(
        &asked
            .command
            .first()
            .map(|word| word.to_string_lossy())
            .unwrap_or_default(),
    );
    output::complain(
        &format!(
            "envrace: executing {name} under the observer; set-user-id programs run without their privilege, and no \
             debugger can attach\n"
        ),
        color,
    );
    let followed = follow(&asked.command, asked.active, || {
        output::complain(
            "envrace: the program has ended; waiting for processes that it left behind, which cannot start programs \
             without the observer (Ctrl-C ends them)\n",
            Color::Auto,
        );
    });
    let followed = followed.map_err(|error| refused(&name, error))?;
    let text = report(&name, &followed, findings.as_deref(), detail);
    match file {
        Some(mut file) => file.write_all(text.as_bytes()).map_err(|error| UserError::Output {
            cause: lower_case(&error),
        })?,
        None => output::complain(&text, color),
    }
    Ok(Exit::Program(match followed.ended {
        Ended::Exited(code) => u8::try_from(code).unwrap_or(1),
        Ended::Signalled(signal) => 128u8.wrapping_add(u8::try_from(signal).unwrap_or(0)),
    }))
}

fn findings(asked: &Run) -> Result<Option<Vec<Finding>>, UserError> {
    if asked.within.is_empty() {
        return Ok(None);
    }
    let request = Request::all(&asked.scan);
    let outcome = scan::with_threads(asked.scan.jobs, || scan::run(&asked.within, request))??;
    match outcome.errors.into_iter().next() {
        Some(error) => Err(error),
        None => Ok(Some(outcome.findings)),
    }
}

fn open(path: &Path) -> Result<std::fs::File, UserError> {
    let opened = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    opened.map_err(|error| UserError::Output {
        cause: format!("{}: {}", path.display(), lower_case(&error)),
    })
}

fn refused(name: &str, error: FollowError) -> UserError {
    let command = name.to_owned();
    match error {
        FollowError::Missing => UserError::CommandMissing { command },
        FollowError::NotExecutable(cause) => UserError::CommandRefused {
            command,
            cause: lower_case(&cause),
        },
        FollowError::Observe(cause) => UserError::Unobserved {
            command,
            cause: cause.to_string(),
        },
    }
}

/// What is said when the program has ended.
fn report(name: &str, followed: &Followed, findings: Option<&[Finding]>, detail: Detail) -> String {
    let failed = followed.failures.len() as u64 + followed.omitted;
    let faults = followed
        .failures
        .iter()
        .filter(|failure| failure.event.errno == libc::EFAULT)
        .count();
    let mut out = format!(
        "envrace: {name} {}; it started {}",
        end(followed.ended),
        programs(followed.started)
    );
    let _ = match failed {
        // Writing into a string cannot fail, here and below.
        0 => writeln!(out, ", and no execve failed"),
        _ => writeln!(out, ", and {failed} could not be started, {faults} of them with EFAULT"),
    };
    let most = if detail == Detail::Verbose {
        usize::MAX
    } else {
        MOST_LISTED
    };
    // What a race makes comes first, each kind in the order of time.
    let mut listed: Vec<&Failure> = followed.failures.iter().collect();
    listed.sort_by_key(|failure| failure.event.errno != libc::EFAULT);
    for failure in listed.iter().take(most) {
        describe(&mut out, failure, findings);
    }
    let more = failed.saturating_sub(listed.len().min(most) as u64);
    if more > 0 {
        let _ = writeln!(out, "  and {more} more");
    }
    if followed.searched > 0 && detail == Detail::Verbose {
        let _ = writeln!(
            out,
            "  not counted: {} places of PATH that were tried before a program was found",
            followed.searched
        );
    }
    if faults > 0 && findings.is_none() {
        out.push_str(
            "  help: EFAULT means that the environment moved meanwhile; --in PATH names the findings that fit\n",
        );
    }
    out
}

fn end(ended: Ended) -> String {
    match ended {
        Ended::Exited(code) => format!("ended with status {code}"),
        Ended::Signalled(signal) => format!("was ended by signal {signal}"),
    }
}

fn programs(count: u64) -> String {
    format!("{count} program{}", if count == 1 { "" } else { "s" })
}

fn describe(out: &mut String, failure: &Failure, findings: Option<&[Finding]>) {
    let _ = writeln!(out, "  {}", trace_line(&failure.event));
    if let Some(origin) = &failure.origin {
        let _ = writeln!(
            out,
            "    by thread {} of {} (process {})",
            origin.thread,
            sanitise_line(&origin.name),
            origin.process
        );
    }
    if failure.places > 0 {
        let _ = writeln!(out, "    after {} other places of PATH", failure.places);
    }
    let Some(findings) = findings.filter(|_| failure.event.errno == libc::EFAULT) else {
        return;
    };
    let fitting = fitting(failure, findings);
    for finding in fitting.iter().take(MOST_FINDINGS) {
        let _ = writeln!(out, "    fits {}", named(finding));
    }
    match fitting.len() {
        0 => out.push_str("    fits no finding: its cause may be in code that was not analysed\n"),
        count if count > MOST_FINDINGS => {
            let _ = writeln!(out, "    and {} more", count - MOST_FINDINGS);
        }
        _ => {}
    }
}

/// The findings that a failure fits best.
fn fitting<'a>(failure: &Failure, findings: &'a [Finding]) -> Vec<&'a Finding> {
    let event = &failure.event;
    let failed = ExecFailure {
        program: Some(event.path.clone()).filter(|path| !path.is_empty()),
        arguments: event.arguments.iter().flatten().map(|text| word(text)).collect(),
        errno: event.errno,
        reported: None,
    };
    let fits: Vec<(Fit, &Finding)> = findings
        .iter()
        .filter_map(|finding| Some((matches(finding, &failed)?, finding)))
        .collect();
    let best = fits.iter().map(|(fit, _)| *fit).max();
    let fitting = fits.into_iter().filter(|(fit, _)| Some(*fit) == best);
    fitting.map(|(_, finding)| finding).collect()
}

fn word(text: &str) -> Word {
    Word {
        text: text.to_owned(),
        cut: text.len() >= crate::confirm::MOST_ARGUMENT,
    }
}

fn named(finding: &Finding) -> String {
    let site = |site: &Site| format!("{} at {}:{}", site.api, site.location.path, site.location.line);
    let partner = finding
        .partner
        .as_ref()
        .map(|partner| format!(" beside {}", site(partner)));
    let fingerprint: String = finding.fingerprint.chars().take(16).collect();
    let line = format!(
        "{} ({}): {}{}, fingerprint {fingerprint}",
        finding.rule,
        finding.code.code(),
        site(&finding.mutation),
        partner.unwrap_or_default()
    );
    sanitise_line(&line)
}
