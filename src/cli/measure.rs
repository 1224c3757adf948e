//! `envrace measure`: holds every pair that the catalog knows against what this machine shows.

use std::io::IsTerminal;

use crate::confirm::matrix::{
    Cell, MatrixSummary, Measured, Measurer, Section, cells, document, heading, measure_musl, musl_version,
};
use crate::confirm::{self, ConfirmOptions};
use crate::facts::Language;
use crate::knowledge::Target;
use crate::report::Detail;

use super::args::{Color, Measure};
use super::error::UserError;
use super::exit::Exit;
use super::output;

/// Seconds for a cell on musl.
const MUSL_SECONDS: u32 = 2;

/// Runs the command. Ends with [`Exit::Findings`] where a measurement contradicts the catalog, with [`Exit::Lost`] where
/// something could not be measured.
///
/// # Errors
/// Where this machine is none that a target can name, or the output cannot be written.
pub fn run(asked: &Measure, color: Color, detail: Detail) -> Result<Exit, UserError> {
    confirm::clean_up_on_signals();
    let measurer = Measurer::new(&ConfirmOptions {
        python: asked.python.clone(),
        budget: asked.budget,
        ..ConfirmOptions::default()
    });
    let target = measurer.target().map_err(|error| UserError::Target {
        spec: "this machine".to_owned(),
        error,
    })?;
    let mut watcher = Watcher {
        shown: detail > Detail::Quiet && std::io::stderr().is_terminal(),
        color,
    };
    let mut sections = Vec::new();
    let mut absent = Vec::new();
    let languages = [Language::C, Language::Python, Language::Rust];
    for language in languages.into_iter().filter(|language| wanted(asked, *language)) {
        match measurer.python() {
            Err(reason) if language == Language::Python => absent.push(reason.clone()),
            _ => sections.push((
                heading(language, &measurer.machine()),
                watcher.measure(cells(language, &target, &asked.only), |cell| measurer.measure(cell)),
            )),
        }
    }
    if wanted(asked, Language::C) {
        match musl_version() {
            Err(reason) => absent.push(reason),
            Ok(version) => sections.push(musl(&version, asked, &mut watcher)?),
        }
    }
    let text = document(&command(asked), &measurer.machine(), &sections, &absent);
    output::raw(&text)?;
    let all = sections
        .iter()
        .flat_map(|(_, cells)| cells)
        .map(|(_, measured)| measured);
    let summary = MatrixSummary::of(all);
    Ok(match summary {
        _ if summary.contradict > 0 => Exit::Findings,
        _ if summary.cannot_run > 0 => Exit::Lost,
        _ => Exit::Clean,
    })
}

fn musl(version: &str, asked: &Measure, watcher: &mut Watcher) -> Result<Section, UserError> {
    let minor: Vec<&str> = version.split('.').take(2).collect();
    let spec = format!("libc=musl-{}", minor.join("."));
    let target = Target::parse(&spec).map_err(|error| UserError::Target { spec, error })?;
    let cells = cells(Language::C, &target, &asked.only);
    let measured = watcher.measure(cells, |cell| measure_musl(cell, MUSL_SECONDS));
    Ok((format!("C on musl {version}"), measured))
}

fn wanted(asked: &Measure, language: Language) -> bool {
    asked.language.is_none_or(|wanted| Language::from(wanted) == language)
}

/// The command line that makes the same document.
fn command(asked: &Measure) -> String {
    let mut command = "envrace measure".to_owned();
    if let Some(language) = asked.language {
        command.push_str(&format!(" --language {}", Language::from(language).name()));
    }
    if !asked.only.is_empty() {
        command.push_str(&format!(" --only '{}'", asked.only));
    }
    command
}

/// Tells whoever watches how far it is.
struct Watcher {
    shown: bool,
    color: Color,
}

impl Watcher {
    fn measure(&mut self, cells: Vec<Cell>, measure: impl Fn(&Cell) -> Measured) -> Vec<(Cell, Measured)> {
        let count = cells.len();
        let mut done = Vec::with_capacity(count);
        for (number, cell) in (1..).zip(cells) {
            if self.shown {
                let line = format!("measuring {number} of {count}: {}\n", cell.pattern);
                output::complain(&line, self.color);
            }
            let measured = measure(&cell);
            done.push((cell, measured));
        }
        done
    }
}
