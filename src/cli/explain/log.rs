//! `envrace explain -`: reads a log from standard input and says what in it speaks of a race, and which findings fit.

use std::fmt::Write;
use std::io::{self, BufRead};
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::finding::Finding;
use crate::input::lower_case;
use crate::report::{Style, paint, sanitise_line};
use crate::symptoms::{Fit, Log, Reader, Seen, matches};

use super::super::args;
use super::super::error::UserError;
use super::super::scan::{self, Request};
use super::api::{hanging, prose};

/// How much of one line is looked at, in bytes; what follows is passed over.
const LINE: usize = 64 * 1024;

/// How many findings are shown of a sign.
const SHOWN: usize = 8;

/// A log that was read, with the findings that it may be about.
pub struct Explained {
    log: Log,
    findings: Option<Vec<Finding>>,
}

impl Explained {
    /// Whether anything in it was recognised.
    pub fn is_empty(&self) -> bool {
        self.log.seen.is_empty()
    }
}

/// Reads standard input to its end, and analyses `paths` where there are any.
///
/// # Errors
/// Where standard input cannot be read, or the analysis is stopped whole.
pub fn explained(paths: &[PathBuf], scan: &args::Scan) -> Result<Explained, UserError> {
    let log = read(&mut io::stdin().lock()).map_err(|error| UserError::LogUnreadable {
        cause: lower_case(&error),
    })?;
    let findings = (!paths.is_empty()).then(|| findings(paths, scan)).transpose()?;
    Ok(Explained { log, findings })
}

fn findings(paths: &[PathBuf], scan: &args::Scan) -> Result<Vec<Finding>, UserError> {
    let request = Request::all(scan);
    let mut outcome = scan::with_threads(scan.jobs, || scan::run(paths, request))??;
    if outcome.errors.is_empty() {
        Ok(outcome.findings)
    } else {
        Err(outcome.errors.remove(0))
    }
}

/// Reads line by line; a line that is too long is looked at as far as it is kept.
fn read(input: &mut impl BufRead) -> io::Result<Log> {
    let mut reader = Reader::default();
    let mut line: Vec<u8> = Vec::new();
    loop {
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            break;
        }
        let end = memchr::memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        line.extend_from_slice(&part[..part.len().min(LINE - line.len())]);
        let used = end.map_or(bytes.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            reader.line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
            line.clear();
        }
    }
    if !line.is_empty() {
        reader.line(&String::from_utf8_lossy(&line));
    }
    Ok(reader.finish())
}

/// A finding that fits, and how well.
struct Fitting<'a> {
    finding: &'a Finding,
    fit: Fit,
}

impl Explained {
    /// The findings that a sign may come from, the best first.
    fn fitting(&self, seen: &Seen) -> Vec<Fitting<'_>> {
        let mut found: Vec<Fitting<'_>> = self
            .findings
            .iter()
            .flatten()
            .filter_map(|finding| {
                let fits = seen.failures.iter().filter_map(|failure| matches(finding, failure));
                fits.max().map(|fit| Fitting { finding, fit })
            })
            .collect();
        found.sort_by_key(|fitting| std::cmp::Reverse((fitting.fit, fitting.finding.confidence)));
        found
    }

    /// For people, in 80 columns.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for seen in &self.log.seen {
            self.seen(&mut out, seen);
            out.push('\n');
        }
        let recognised = self.log.seen.iter().map(|seen| seen.count).sum::<u64>();
        prose(
            &mut out,
            "",
            &match (recognised, self.findings.is_none()) {
                (0, _) => format!("{}: nothing that speaks of a failed start", lines(self.log.lines)),
                (_, true) => format!(
                    "{}, {recognised} recognised; --in PATH names the findings that fit",
                    lines(self.log.lines)
                ),
                (_, false) => format!("{}, {recognised} recognised", lines(self.log.lines)),
            },
        );
        out
    }

    fn seen(&self, out: &mut String, seen: &Seen) {
        let times = if seen.count == 1 {
            String::new()
        } else {
            format!(", {} times", seen.count)
        };
        let mut title = seen.sign.title();
        if let Some((least, most, changes)) = seen.variables {
            let s = if changes == 1 { "" } else { "s" };
            let _ = write!(title, " ({least} to {most}; {changes} change{s})");
        }
        let _ = writeln!(out, "{}{times}", paint(Style::Strong, &title));
        let sample: String = sanitise_line(&seen.sample).chars().take(200).collect();
        hanging(out, &format!("  line {:<6} ", seen.first_line), &sample);
        hanging(out, "  proves      ", seen.sign.proves());
        hanging(out, "  leaves open ", seen.sign.leaves_open());
        if self.findings.is_none() || seen.failures.is_empty() {
            return;
        }
        let fitting = self.fitting(seen);
        if fitting.is_empty() {
            hanging(out, "  fits        ", "no finding");
        }
        for fitting in fitting.iter().take(SHOWN) {
            hanging(out, "  fits        ", &sanitise_line(&fitting.sentence()));
        }
        if fitting.len() > SHOWN {
            hanging(out, "              ", &format!("and {} more", fitting.len() - SHOWN));
        }
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let seen = self.log.seen.iter().map(|seen| {
            let fits = self.fitting(seen);
            json!({
                "sign": seen.sign.title(), "count": seen.count, "line": seen.first_line, "sample": seen.sample,
                "proves": seen.sign.proves(), "leaves_open": seen.sign.leaves_open(),
                "variables": seen.variables.map(|(least, most, changes)| json!({
                    "from": least, "to": most, "changes": changes,
                })),
                "fits": self.findings.as_ref().map(|_| fits.iter().map(Fitting::json).collect::<Vec<_>>()),
            })
        });
        json!({ "kind": "log", "lines": self.log.lines, "seen": seen.collect::<Vec<_>>() })
    }
}

fn lines(number: u64) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} line{s} read")
}

impl Fitting<'_> {
    fn sentence(&self) -> String {
        let finding = self.finding;
        let mutation = &finding.mutation;
        let mut text = format!(
            "{}:{} `{}`",
            mutation.location.path, mutation.location.line, mutation.api
        );
        if let Some(partner) = &finding.partner {
            let _ = write!(
                text,
                " beside {}:{} `{}`",
                partner.location.path, partner.location.line, partner.api
            );
        }
        let _ = write!(text, " ({}; {})", self.words(), finding.rule);
        text
    }

    fn words(&self) -> &'static str {
        match self.fit {
            Fit::Program => "the same program or command",
            Fit::Kind => "started in the same way",
            Fit::Possible => "possible",
        }
    }

    fn json(&self) -> Value {
        let word = match self.fit {
            Fit::Program => "program",
            Fit::Kind => "kind",
            Fit::Possible => "possible",
        };
        json!({ "fit": word, "rule": self.finding.rule, "fingerprint": self.finding.fingerprint,
            "mutation": self.finding.mutation.location, "partner": self.finding.partner.as_ref().map(|site| &site.location) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_an_end_takes_no_more_than_its_share() {
        let mut text = vec![b'x'; 5 * LINE];
        text.extend_from_slice(b"\nreturn code = 32512\r\n\xff\xfe [Errno 14] Bad address");
        let log = read(&mut io::BufReader::with_capacity(1000, text.as_slice())).expect("a slice can be read");
        assert_eq!(log.lines, 3);
        let first: Vec<u64> = log.seen.iter().map(|seen| seen.first_line).collect();
        assert_eq!(first, [3, 2]);
    }
}
