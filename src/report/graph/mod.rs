//! The thread model as a picture: threads as lanes, what each does to the environment on them, and the pairs that race
//! linked. The same view in four notations.

mod dot;
mod html;
mod layout;
mod mermaid;
mod svg;

use crate::detect::{EventKind, EventView, Link, ProgramView, links};
use crate::facts::Problem;
use crate::finding::{Finding, Location};
use crate::input::Sources;

use super::text::count;
use super::{Summary, sanitise};

pub use dot::dot;
pub use html::html;
pub use mermaid::mermaid;
pub use svg::svg;

/// Everything that a picture shows. Paths are those that the user is to see.
#[derive(Clone, Copy)]
pub struct Graph<'a> {
    pub programs: &'a [ProgramView],
    pub findings: &'a [Finding],
    pub problems: &'a [Problem],
    pub summary: &'a Summary,
    pub sources: &'a Sources,
}

/// A program that is drawn, with the findings in it.
struct Drawn<'a> {
    /// The folder that all its places are in, with the slash at its end; empty where there is none in common. Paths in
    /// the picture are relative to it, or they would be longer than all else.
    below: &'a str,
    /// Its number among those that are drawn, from 0.
    number: usize,
    program: &'a ProgramView,
    links: Vec<Link>,
}

impl<'a> Graph<'a> {
    /// The programs that have more than one thread or a finding.
    fn drawn(&self) -> Vec<Drawn<'a>> {
        let with_links = self
            .programs
            .iter()
            .map(|program| (program, links(program, self.findings)));
        with_links
            .filter(|(program, links)| program.lanes.len() > 1 || !links.is_empty())
            .enumerate()
            .map(|(number, (program, links))| Drawn {
                below: common_folder(program),
                number,
                program,
                links,
            })
            .collect()
    }

    /// What is said where there is nothing to draw.
    fn nothing(&self) -> String {
        let files = count(self.summary.files, "file", "files");
        let threads = match self.summary.census.starts {
            0 => "no thread starts in it".to_owned(),
            _ => "no program in it starts a thread that is known here".to_owned(),
        };
        format!("nothing to draw: {files} read, and {threads}")
    }
}

impl Drawn<'_> {
    /// A place's path as the picture shows it.
    fn path<'p>(&self, place: &'p Location) -> &'p str {
        place.path.strip_prefix(self.below).unwrap_or(&place.path)
    }

    /// The program's name, and what its paths are relative to.
    fn title(&self) -> String {
        let below = match self.below {
            "" => String::new(),
            folder => format!("; paths are below {folder}"),
        };
        format!("{} ({}){below}", self.program.name, self.program.kind)
    }
}

/// The longest folder that the places of all events lie in.
fn common_folder(program: &ProgramView) -> &str {
    let folder = |path: &str| path.rfind('/').map_or(0, |slash| slash + 1);
    let mut paths = program.events.iter().map(|event| event.place.path.as_str());
    let first = paths.next().unwrap_or_default();
    let mut common = &first[..folder(first)];
    for path in paths {
        while !path.starts_with(common) {
            common = &common[..folder(common.trim_end_matches('/'))];
        }
    }
    common
}

/// The programs, one a line: what `--roots` prints.
pub fn roots(graph: &Graph) -> String {
    let mut out = String::new();
    for program in graph.programs {
        let threads = program.lanes.len().saturating_sub(1) as u64;
        let of = |wanted: EventKind| program.events.iter().filter(|event| event.kind == wanted).count() as u64;
        let findings = links(program, graph.findings).len() as u64;
        let mut parts = vec![
            count(threads, "thread", "threads"),
            count(of(EventKind::Mutation), "mutation", "mutations"),
            count(of(EventKind::Spawn), "spawn", "spawns"),
            count(of(EventKind::Read), "read", "reads"),
        ];
        if findings > 0 {
            parts.push(count(findings, "finding", "findings"));
        }
        let line = format!("{:<13} {}: {}", program.kind, program.name, parts.join(", "));
        out.push_str(&sanitise::line(&line));
        out.push('\n');
    }
    let total = count(graph.programs.len() as u64, "program", "programs");
    let files = count(graph.summary.files, "file", "files");
    out.push_str(&format!(
        "{total} in {files}; what neither starts threads nor touches the environment is left out\n"
    ));
    out
}

/// The word for what an event does.
fn verb(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Mutation => "changes",
        EventKind::Spawn => "spawns",
        EventKind::Read => "reads",
        EventKind::Start(_) => "starts",
        EventKind::Join { .. } => "joins",
    }
}

/// What an event does, in one line of at most `most` characters.
fn label(event: &EventView, most: usize) -> String {
    let mut text = event.label.clone();
    if let Some(variable) = &event.variable
        && !text.contains(variable.as_str())
    {
        text = format!("{text} ({variable})");
    }
    if event.repeated && !matches!(event.kind, EventKind::Start(_)) {
        text.push_str(", repeatedly");
    }
    shorten(&sanitise::line(&text), most)
}

/// `path:line in function`, in at most `most` characters.
fn whereabouts(drawn: &Drawn, place: &Location, function: &str, most: usize) -> String {
    let line = format!(":{}", place.line);
    let function = shorten(&sanitise::line(function), most / 3);
    let rest = format!("{line} in {function}");
    let path = sanitise::line(drawn.path(place));
    format!("{}{rest}", shorten(&path, most.saturating_sub(rest.chars().count())))
}

/// At most `most` characters; of longer text the beginning and, more of it, the end, which mostly tells names apart.
fn shorten(text: &str, most: usize) -> String {
    let length = text.chars().count();
    if length <= most {
        return text.to_owned();
    }
    let most = most.max(4);
    let head = most / 3;
    let tail = most - head - 1;
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(length - tail).collect();
    format!("{start}…{end}")
}

/// A lane's name, with its number as it is called elsewhere in the picture.
fn lane_name(program: &ProgramView, lane: usize, most: usize) -> String {
    let view = &program.lanes[lane];
    let name = shorten(&sanitise::line(&view.name), most);
    let many = if view.many { ", several" } else { "" };
    match lane {
        0 => format!("{name}{many}"),
        lane => format!("T{lane} {name}{many}"),
    }
}

/// Text for XML and HTML, in elements and in quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in sanitise::line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
