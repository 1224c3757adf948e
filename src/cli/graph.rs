//! `envrace graph`: the thread model as a picture.

use crate::report::Detail;
use crate::report::graph::{self, Graph};

use super::args::{self, Color, Drawing};
use super::check::{complain, progress};
use super::error::UserError;
use super::exit::Exit;
use super::scan::{self, Known, Request};
use super::{output, reports};

/// Runs the command. Findings do not make it fail: that is what `check` is for.
///
/// # Errors
/// What stops the whole run.
pub fn run(asked: &args::Graph, color: Color, detail: Detail) -> Result<Exit, UserError> {
    if let Some(file) = &asked.output {
        reports::writable(file)?;
    }
    let progress = progress(detail);
    let request = Request {
        // What `check` shows, no more and no less.
        fail_on: None,
        known: Known::Configured,
        progress: Some(&progress),
        picture: true,
        ..Request::all(&asked.scan)
    };
    let outcome = scan::with_threads(asked.scan.jobs, || scan::run(&asked.paths, request))??;
    drop(progress);
    complain(&outcome, color);
    let graph = Graph {
        programs: &outcome.programs,
        findings: &outcome.findings,
        problems: &outcome.problems,
        summary: &outcome.summary,
        sources: &outcome.sources,
    };
    let text = match asked.format {
        _ if asked.roots => graph::roots(&graph),
        Drawing::Mermaid => graph::mermaid(&graph),
        Drawing::Dot => graph::dot(&graph),
        Drawing::Svg => graph::svg(&graph),
        Drawing::Html => graph::html(&graph),
    };
    match &asked.output {
        Some(file) => reports::write_file(file, &text)?,
        None => output::raw(&text)?,
    }
    Ok(exit(asked, &outcome))
}

fn exit(asked: &args::Graph, outcome: &scan::Outcome) -> Exit {
    let by_hand = asked.paths.iter().any(|path| path.as_os_str() != ".");
    if let Some(error) = outcome.errors.first() {
        error.exit()
    } else if outcome.problems.iter().any(|problem| problem.kind.loses_input()) {
        Exit::Lost
    } else if by_hand && !outcome.nothing.is_empty() {
        Exit::Nothing
    } else {
        Exit::Clean
    }
}
