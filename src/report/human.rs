//! The report for people: a picture of the places in all their files, then what led there, why it overlaps, how it goes
//! wrong, and what to do. The only user of `ariadne`, whose pictures it keeps from being fed what they cannot take.

use std::collections::HashMap;
use std::fmt;

use ariadne::{Color, Config, IndexType, Label, ReportKind};

use crate::finding::{Finding, Location, PartnerKind, Severity};
use crate::input::Sources;

use super::text::{Style, WIDTH, paint, wrap};
use super::{Detail, Report, sanitise, sections, summary};

/// A place on a longer line gets no picture: it is generated code, and would fill the screen.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// The report as text with colours; silenced findings are counted but not shown.
pub fn human(report: &Report) -> String {
    let mut out = String::new();
    let mut gallery = Gallery {
        sources: report.sources,
        prepared: HashMap::new(),
    };
    for finding in report.findings.iter().filter(|finding| finding.suppressed.is_none()) {
        heading(&mut out, finding);
        gallery.draw(&mut out, finding);
        sections::write(&mut out, finding, report.detail);
        out.push('\n');
    }
    if report.detail > Detail::Quiet {
        summary::write(&mut out, report);
    }
    out
}

fn heading(out: &mut String, finding: &Finding) {
    let label = format!("{}[{}]", finding.severity.name(), finding.rule);
    let style = match finding.severity {
        Severity::Error => Style::Error,
        Severity::Warning => Style::Warning,
        Severity::Note => Style::Note,
    };
    let message = format!("{} ({})", sanitise::line(&finding.message), finding.code.code());
    let text = format!("{label}: {message}");
    for (index, line) in wrap(&text, WIDTH - 2).iter().enumerate() {
        let painted = match line.strip_prefix(&label) {
            Some(rest) if index == 0 => format!("{}{}", paint(style, &label), paint(Style::Strong, rest)),
            _ => format!("  {}", paint(Style::Strong, line)),
        };
        out.push_str(&painted);
        out.push('\n');
    }
}

/// A range of characters in the file of that path.
type Range = (String, std::ops::Range<usize>);

/// What is pointed at in a picture.
struct Pointer<'a> {
    place: &'a Location,
    text: String,
    color: Color,
}

fn pointers(finding: &Finding) -> Vec<Pointer<'_>> {
    let mut all = vec![Pointer {
        place: &finding.mutation.location,
        text: "the environment is changed here".to_owned(),
        color: Color::Red,
    }];
    if let Some(partner) = &finding.partner {
        let text = match finding.partner_kind {
            PartnerKind::Spawn => "a program is started here with the live environment",
            PartnerKind::Read => "the environment is read here",
            PartnerKind::Mutation => "the environment is changed here too",
            PartnerKind::Fork => "the process forks here",
        };
        all.push(Pointer {
            place: &partner.location,
            text: text.to_owned(),
            color: Color::Yellow,
        });
    }
    for thread in &finding.overlap.threads {
        let what = if thread.many {
            "threads that run"
        } else {
            "the thread that runs"
        };
        let entry = sanitise::line(&thread.entry);
        let text = format!("starts {what} `{entry}` here");
        all.push(Pointer {
            place: &thread.start,
            text,
            color: Color::Cyan,
        });
    }
    all
}

/// The sources as `ariadne` wants them, made once for each file.
struct Gallery<'a> {
    sources: &'a Sources,
    prepared: HashMap<String, Option<ariadne::Source<String>>>,
}

impl Gallery<'_> {
    /// Appends the picture of a finding; a place that cannot be drawn is named instead.
    fn draw(&mut self, out: &mut String, finding: &Finding) {
        let mut labels: Vec<Label<Range>> = Vec::new();
        let mut first = None;
        let mut unseen = Vec::new();
        for (order, pointer) in pointers(finding).into_iter().enumerate() {
            match self.range(pointer.place) {
                Some(range) => {
                    let range = (pointer.place.path.clone(), range);
                    first.get_or_insert_with(|| range.clone());
                    let label = Label::new(range).with_message(pointer.text).with_color(pointer.color);
                    labels.push(label.with_order(order as i32));
                }
                None => unseen.push(pointer),
            }
        }
        // The span of the report itself decides which place the first heading names.
        if let Some(first) = first {
            let config = Config::new().with_index_type(IndexType::Char);
            let picture = ariadne::Report::build(ReportKind::Error, first)
                .with_config(config)
                .with_labels(labels);
            let mut bytes = Vec::new();
            // Writing into memory cannot fail, and every source that a label names has been prepared.
            if picture.finish().write(&mut *self, &mut bytes).is_ok() {
                let text = String::from_utf8_lossy(&bytes);
                // Its own heading goes: ours says the same in one form for all formats.
                out.push_str(text.split_once('\n').map_or("", |(_, picture)| picture));
            }
        }
        for pointer in unseen {
            let place = pointer.place;
            let text = format!("{}:{}:{}: {}", place.path, place.line, place.column, pointer.text);
            out.push_str(&format!("  {}\n", sanitise::line(&text)));
        }
    }

    /// The range of the first line of `place` in characters of its file.
    fn range(&mut self, place: &Location) -> Option<std::ops::Range<usize>> {
        let source = self.prepare(&place.path)?;
        let line = source.line((place.line as usize).checked_sub(1)?)?;
        let text = source.get_line_text(line)?;
        if text.len() > MAX_LINE_BYTES {
            return None;
        }
        let length = text.trim_end().chars().count();
        let start = (place.column.max(1) as usize - 1).min(length);
        let end = if place.end_line > place.line {
            length
        } else {
            (place.end_column.max(1) as usize - 1).min(length)
        };
        let offset = line.offset();
        Some(offset + start..offset + end.max(start))
    }

    fn prepare(&mut self, path: &str) -> Option<&ariadne::Source<String>> {
        let sources = self.sources;
        let make = || {
            sources
                .text(path)
                .map(|text| ariadne::Source::from(sanitise::source(text)))
        };
        self.prepared.entry(path.to_owned()).or_insert_with(make).as_ref()
    }
}

impl ariadne::Cache<String> for &mut Gallery<'_> {
    type Storage = String;

    fn fetch(&mut self, path: &String) -> Result<&ariadne::Source<String>, impl fmt::Debug> {
        self.prepare(path).ok_or("no such source")
    }

    fn display<'a>(&self, path: &'a String) -> Option<impl fmt::Display + 'a> {
        Some(sanitise::line(path))
    }
}
