//! `envrace baseline`: writes down what is found now, or drops what no longer occurs.

use std::path::PathBuf;

use crate::input::Project;
use crate::report::sanitise_line;
use crate::triage::Add;

use super::args::{Baseline, Color};
use super::error::UserError;
use super::exit::Exit;
use super::scan::{self, Known, Request};
use super::{output, write};

/// The file where nobody says another.
const DEFAULT: &str = "envrace-baseline.json";

/// Runs the command.
///
/// # Errors
/// What stops the whole run, and where the file cannot be read or written. Nothing is written where a path that was
/// named could not be analysed.
pub fn run(asked: &Baseline, color: Color) -> Result<Exit, UserError> {
    let file = file(asked)?;
    if asked.prune && !file.exists() {
        return Err(UserError::BaselineUnreadable {
            file: file.to_string_lossy().into_owned(),
            cause: "there is nothing to prune".to_owned(),
        });
    }
    let request = Request {
        fail_on: None,
        min_confidence: asked.min_confidence.map(Into::into),
        known: Known::Written(&file),
        ..Request::all(&asked.scan)
    };
    let mut outcome = scan::with_threads(asked.scan.jobs, || scan::run(&asked.paths, request))??;
    if !outcome.errors.is_empty() {
        return Err(outcome.errors.remove(0));
    }
    let Some(book) = outcome.books.get(&file) else {
        return Ok(Exit::Nothing);
    };
    let add = if asked.prune { Add::Nothing } else { Add::Reported };
    let (text, update) = book.baseline.updated(&book.runs, &|entry| book.ran(entry), add);
    write::atomically(&file, text.as_bytes())?;
    let mut parts = vec![format!("{} added", update.added), format!("{} dropped", update.dropped)];
    if update.unjudged > 0 {
        parts.push(format!(
            "{} kept unjudged, since their rule or files did not run",
            update.unjudged
        ));
    }
    let listed = if update.listed == 1 { "finding" } else { "findings" };
    let shown = sanitise_line(&file.to_string_lossy());
    output::print(
        &format!("{shown}: {} {listed}: {}\n", update.listed, parts.join(", ")),
        color,
    )?;
    let lost = outcome.problems.iter().any(|problem| problem.kind.loses_input());
    for problem in outcome.problems.iter().filter(|problem| problem.kind.loses_input()) {
        let text = sanitise_line(&format!("{}: {}", problem.path, problem.message));
        output::complain(&format!("problem[{}]: {text}\n", problem.kind.name()), color);
    }
    Ok(if lost { Exit::Lost } else { Exit::Clean })
}

/// The file to write: as asked, else as configured for the first project.
fn file(asked: &Baseline) -> Result<PathBuf, UserError> {
    if let Some(file) = &asked.output {
        return Ok(file.clone());
    }
    let mut errors = Vec::new();
    let first: Option<Project> = scan::projects(&asked.paths, &asked.scan, &mut errors)?
        .into_iter()
        .map(|(project, _)| project)
        .next();
    let configured = match first {
        Some(project) => scan::config_of(&asked.scan, &project)?.baseline,
        None => None,
    };
    Ok(configured.unwrap_or_else(|| PathBuf::from(DEFAULT)))
}
