//! The report for people: a picture of the places in all their files, then what led there, why it overlaps, how it goes
//! wrong, and what to do. The only user of `ariadne`, whose pictures it keeps from being fed what they cannot take.

use std::collections::HashMap;
use std::fmt;

use ariadne::{Color, Config, IndexType, Label, ReportKind};

use crate::finding::{Finding, Location, PartnerKind, Severity};
use crate::input::Sources;

use super::text::{Style, WIDTH, merge_styles, paint, wrap};
use super::{Detail, Report, sanitise, sections, summary};

/// A place on a longer line gets no picture: it is generated code, and would fill the screen.
const MAX_LINE_BYTES: usize = 4 * 1024;

/// Nothing to the right of this column is underlined, except for a place's first character.
const MAX_UNDERLINED: usize = 46;

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
    let fixable = if finding.fix.is_some() { " [fixable]" } else { "" };
    let message = format!(
        "{} ({}){fixable}",
        sanitise::line(&finding.message),
        finding.code.code()
    );
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
        text: "changes the environment".to_owned(),
        color: Color::Red,
    }];
    if let Some(partner) = &finding.partner {
        let text = match finding.partner_kind {
            PartnerKind::Spawn => "starts a program",
            PartnerKind::Read => "reads the environment",
            PartnerKind::Mutation => "changes it too",
            PartnerKind::Fork => "forks",
        };
        all.push(Pointer {
            place: &partner.location,
            text: text.to_owned(),
            color: Color::Yellow,
        });
    }
    for thread in &finding.overlap.threads {
        let what = if thread.many {
            "starts threads"
        } else {
            "starts a thread"
        };
        let entry = shorten(&thread.entry);
        let text = format!("{what}: {entry}");
        all.push(Pointer {
            place: &thread.start,
            text,
            color: Color::Cyan,
        });
    }
    all
}

/// The end of a qualified name, which is what tells it apart, in at most 24 characters.
fn shorten(name: &str) -> String {
    let name = sanitise::line(name);
    let length = name.chars().count();
    if length <= 24 {
        return name;
    }
    format!("…{}", name.chars().skip(length - 23).collect::<String>())
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
                for line in text.lines().skip(1) {
                    out.push_str(merge_styles(line).trim_end());
                    out.push('\n');
                }
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
        // The words of a label stand to the right of what it underlines, and they are to fit too.
        let end = end.min(MAX_UNDERLINED.max(start + 1));
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

#[cfg(test)]
mod tests {
    use super::super::sample::{self, Sample};
    use super::super::text::WIDTH;
    use super::*;
    use crate::facts::Language;
    use crate::input::Source;

    /// The report without colours.
    fn plain(sample: &Sample) -> String {
        anstream::adapter::strip_str(&human(&sample.report())).to_string()
    }

    /// The sample with `text` as the mutation's file, and the mutation at `place`.
    fn with_source(text: &str, place: Location) -> Sample {
        let mut sample = sample::seed();
        let source = |path: &str, text: &str| Source {
            path: path.to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        };
        sample.sources = Sources::new([source(&place.path, text), source("build.py", sample::BUILD)]);
        sample.findings[0].mutation.location = place;
        sample
    }

    #[test]
    fn every_place_is_pictured_in_its_file() {
        let text = plain(&sample::seed());
        for expected in [
            "error[env-mutation-during-spawn]: a child may start",
            "[ plugins/python/plugin.py:3:5 ]",
            "[ build.py:4:18 ]",
            "changes the environment",
            "─ starts a program\n",
            "starts threads: worker",
            "build.py:9 in `main`: runs plugins/python/plugin.py",
            "3. execve fails",
            "exit code 1 and no message; the status is lost at build.py:5",
            "glibc <2.41, musl",
            "the spawn holds `build_lock`, but the mutation does not",
            "confidence is medium: worker was matched by its name alone",
        ] {
            assert!(text.contains(expected), "no `{expected}` in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert!(!text.contains("fingerprint"));
    }

    #[test]
    fn characters_of_several_bytes_do_not_shift_later_files() {
        // In the second file of a picture as well as in the first.
        let mut sample = with_source(
            "# ééééééééé\nöö = os.environ['ß'] = 'é'\n",
            sample::place("p.py", 2, 6, 31),
        );
        assert!(plain(&sample).contains("[ p.py:2:6 ]"), "{}", plain(&sample));
        let finding = &mut sample.findings[0];
        let mutation = std::mem::replace(&mut finding.mutation.location, sample::place("build.py", 9, 5, 10));
        finding.partner.as_mut().expect("the sample has a partner").location = mutation;
        assert!(plain(&sample).contains("[ p.py:2:6 ]"), "{}", plain(&sample));
    }

    #[test]
    fn hostile_text_is_harmless() {
        let hostile = "x = 1\x0c\x0b\n\x1b[2J\u{202e}os.environ['\0'] = '\u{85}\u{2028}'\r\n\x1b]0;owned\x07";
        let mut sample = with_source(hostile, sample::place("a\x1b[1m\u{202e}.py", 2, 1, 99));
        sample.findings[0].message = "message\x1b[5m\r\nwith\u{2066} controls".to_owned();
        sample.findings[0].overlap.threads[0].entry = "entry\x1b[0m".to_owned();
        let painted = human(&sample.report());
        let text = anstream::adapter::strip_str(&painted).to_string();
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!painted.contains(['\u{202e}', '\u{2066}', '\u{2028}']));
        assert!(!painted.contains("\x1b[2J") && !painted.contains("\x1b[5m"));
        assert!(text.contains("a␛[1m\u{fffd}.py:2:1"), "{text}");
    }

    #[test]
    fn places_beyond_the_text_are_clamped_or_named() {
        for place in [
            sample::place("p.py", 1, 900, 950),
            sample::place("p.py", 1, 5, 2),
            sample::place("p.py", 0, 0, 0),
            sample::place("p.py", 77, 1, 2),
            sample::place("p.py", 2, 1, 1),
            Location {
                end_line: 9,
                ..sample::place("p.py", 1, 3, 1)
            },
        ] {
            let text = plain(&with_source("os.environ['é'] = 'é'\n", place.clone()));
            assert!(text.contains("changes the environment"), "{place:?}\n{text}");
        }
        let text = plain(&with_source("", sample::place("p.py", 1, 1, 1)));
        assert!(text.contains("changes the environment"), "{text}");
    }

    #[test]
    fn very_long_lines_are_named_not_drawn() {
        let long = format!("x = '{}'; os.environ['A'] = 'b'\n", "y".repeat(MAX_LINE_BYTES));
        let text = plain(&with_source(&long, sample::place("p.py", 1, 4200, 4210)));
        assert!(text.contains("  p.py:1:4200: changes the environment"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn evidence_is_shown_with_its_controls() {
        let mut sample = sample::seed();
        sample.findings[0].confirmation = Some(sample::evidence());
        let text = plain(&sample);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains("confirmed: os.environ[k] = v beside os.system failed in 121 of 140 trials"),
            "{text}"
        );
        assert!(
            flat.contains("(95 % interval: 79.70 % to 91.20 %) over 8 runs, first at trial 3 after 0.42 s"),
            "{text}"
        );
        assert!(flat.contains("controls failed: no-mutation 0 of 1400"), "{text}");
        assert!(
            !flat.contains("stale") && flat.contains("taken 2026-11-28T05:42:54Z"),
            "{text}"
        );
    }

    #[test]
    fn stale_evidence_says_so_first_and_no_failure_has_a_bound() {
        let mut sample = sample::seed();
        let mut evidence = sample::evidence();
        evidence.stale = Some("the C library was glibc 2.31 and is glibc 2.36 now".to_owned());
        (evidence.failures, evidence.interval) = (0, [0.0, 0.0214]);
        sample.findings[0].confirmation = Some(evidence);
        let text = plain(&sample);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains("replay stale, for the C library was glibc 2.31 and is glibc 2.36 now"),
            "{text}"
        );
        assert!(flat.contains("0 of 140 trials (95 % interval: 0 to 2.14 %)"), "{text}");
    }

    #[test]
    fn silenced_findings_are_counted_not_shown() {
        let mut sample = sample::seed();
        sample.findings[0].suppressed = Some(crate::finding::Suppressed {
            reason: "known".to_owned(),
            by: crate::finding::SuppressedBy::Source,
        });
        let text = plain(&sample);
        assert!(!text.contains("environ[k]") && text.contains("1 silenced"), "{text}");
    }
}
