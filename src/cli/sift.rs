//! What becomes of a project's findings before they are shown: ignores, baseline, levels, named files, changed lines,
//! confidence, persona; and their paths as the user knows them. Everything that is left out is counted.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::detect::{self, Options, Persona};
use crate::facts::Problem;
use crate::finding::{Confidence, Finding, RuleCode, Severity};
use crate::input::{Project, Scope, lower_case};
use crate::report::Package;
use crate::triage::{self, Baseline, Entry, Run};

use super::config::Config;
use super::error::{Excerpt, UserError};
use super::evidence;
use super::git::Changes;
use super::rebase;
use super::scan::{Analysed, Home, Known, Notes, Outcome, Request};

/// A project with what was found out about it beside its sources.
pub(super) struct Settled<'a> {
    pub project: &'a Project,
    pub config: &'a Config,
    /// Which lines count, where not all do.
    pub changes: Option<Changes>,
}

/// A baseline with what this run says of it.
#[derive(Default)]
pub struct Book {
    /// The folder that its paths are relative to, resolved.
    folder: PathBuf,
    pub baseline: Baseline,
    pub runs: Vec<Run>,
    /// The files that were analysed, relative to the folder.
    files: BTreeSet<String>,
    /// The rules that had their say, by name.
    rules: BTreeSet<&'static str>,
    /// The roots of the projects that were analysed whole.
    roots: Vec<PathBuf>,
}

impl Book {
    /// Whether an entry's rule ran, and its files were looked at or are gone.
    pub fn ran(&self, entry: &Entry) -> bool {
        let looked_at = |path: &str| {
            let file = self.folder.join(path);
            self.files.contains(path) || (!file.exists() && self.roots.iter().any(|root| file.starts_with(root)))
        };
        self.rules.contains(entry.rule.as_str()) && entry.paths().all(looked_at)
    }
}

/// The baseline that counts for a project, and how it knows the project's paths.
struct Shelf<'p> {
    file: PathBuf,
    folder: PathBuf,
    root: &'p Path,
}

impl Shelf<'_> {
    /// A path of the project relative to the folder of the baseline.
    fn place(&self, path: &str) -> String {
        relative(&self.root.join(path), &self.folder)
    }
}

impl Outcome {
    /// Triage of one project, and its results under the paths that the user is to see.
    ///
    /// # Errors
    /// A baseline that cannot be read.
    pub(super) fn take_in(
        &mut self,
        mut analysed: Analysed,
        settled: &Settled,
        request: Request,
    ) -> Result<(), UserError> {
        let project = settled.project;
        let mut findings = std::mem::take(&mut analysed.analysis.findings);
        let mut problems = std::mem::take(&mut analysed.problems);
        problems.append(&mut analysed.analysis.problems);
        let complete = project.scope != Scope::Named && !problems.iter().any(|problem| problem.kind.loses_input());
        if !request.scan.no_ignores {
            analysed.ignores.apply(&mut findings);
            let ignores = std::mem::take(&mut analysed.ignores);
            problems.extend(ignores.problems(|rule| detect::runs(rule, &analysed.options)));
        }
        let shelf = self.open_book(settled, &analysed, request)?;
        if let Some(shelf) = &shelf {
            let run = Run::new(shelf.place(""), target_words(&analysed.options), complete);
            self.know(shelf, run, &mut findings, request);
        }
        if !project.whole {
            problems.retain(|problem| problem.kind.loses_input() || analysed.focus.contains(&problem.path));
        }
        let findings = self.keep(findings, &analysed, settled, request);
        if let Some(shelf) = &shelf
            && let Some(run) = self.books.get_mut(&shelf.file).and_then(|book| book.runs.last_mut())
        {
            run.reported(&findings, &|path| shelf.place(path));
        }
        for problem in &mut problems {
            problem.path = project.prefix.show(&problem.path);
        }
        self.show(findings, problems, analysed, project);
        Ok(())
    }

    /// Marks what the baseline knows, and remembers for it what occurs.
    fn know(&mut self, shelf: &Shelf, mut run: Run, findings: &mut [Finding], request: Request) {
        let place = |path: &str| shelf.place(path);
        run.occurring(findings, &place);
        if let Some(book) = self.books.get_mut(&shelf.file) {
            book.runs.push(run);
            if !matches!(request.known, Known::Written(_)) {
                book.baseline.hide(findings, &place);
            }
        }
    }

    /// What is left to be shown of a project's findings; what is left out is counted.
    fn keep(
        &mut self,
        findings: Vec<Finding>,
        analysed: &Analysed,
        settled: &Settled,
        request: Request,
    ) -> Vec<Finding> {
        let Settled {
            project,
            config,
            changes,
        } = settled;
        let level_of = |path: &str, rule: RuleCode| config.levels.of(&project.root.join(path), rule);
        let (mut findings, off) = triage::set_levels(findings, &level_of);
        self.summary.switched_off += off as u64;
        if !project.whole {
            let all = findings.len();
            findings = triage::touching(findings, &analysed.focus);
            self.summary.elsewhere += (all - findings.len()) as u64;
        }
        if let Some(changes) = changes {
            let (kept, unchanged) = triage::changed(findings, &|place| {
                changes.touch(
                    &project.root.join(&place.path),
                    place.line,
                    place.end_line.max(place.line),
                )
            });
            findings = kept;
            self.summary.unchanged += unchanged as u64;
        }
        let least = request.min_confidence.or(config.min_confidence);
        let (mut findings, below) = triage::at_least(findings, least.unwrap_or(Confidence::Low));
        self.summary.below_confidence += below as u64;
        let fail_on = request.fail_on.or(config.fail_on).unwrap_or(Severity::Warning);
        // Who wants notes to fail the run wants to see them.
        let as_persona = request.notes == Notes::AsPersona;
        if as_persona && analysed.options.persona == Persona::Regular && fail_on > Severity::Note {
            let (kept, notes) = triage::without_notes(findings);
            findings = kept;
            self.summary.notes += notes as u64;
        }
        self.fails |= findings
            .iter()
            .any(|finding| finding.suppressed.is_none() && finding.severity >= fail_on);
        findings
    }

    /// Takes in findings and files under the paths by which the user knows them.
    fn show(
        &mut self,
        mut findings: Vec<Finding>,
        mut problems: Vec<Problem>,
        mut analysed: Analysed,
        project: &Project,
    ) {
        // What was taken alone, or came through a pipe, is no project that could keep anything.
        if project.scope == Scope::Tree {
            self.warnings.extend(evidence::show(&project.root, &mut findings));
            self.homes.push(Home {
                root: project.root.clone(),
                fingerprints: findings.iter().map(|finding| finding.fingerprint.clone()).collect(),
            });
        }
        for finding in &mut findings {
            rebase::finding(finding, &project.prefix, &analysed.sources);
        }
        for program in &mut analysed.analysis.programs {
            rebase::program(program, &project.prefix, &analysed.sources);
        }
        self.summary.left.add(analysed.summary.left);
        self.summary.census.add(analysed.summary.census);
        for (sum, number) in self.summary.languages.iter_mut().zip(analysed.summary.languages) {
            *sum += number;
        }
        if project.scope == Scope::Archive {
            let path = project.prefix.root().to_owned();
            self.packages
                .push(Package::new(path, analysed.summary, &findings, &problems));
        }
        // Only what a report can quote is kept, since many packages can be looked at in one run.
        let mut quoted: BTreeSet<String> = findings.iter().flat_map(Finding::paths).map(str::to_owned).collect();
        let events = analysed.analysis.programs.iter().flat_map(|program| &program.events);
        quoted.extend(events.map(|event| event.place.path.clone()));
        self.programs.append(&mut analysed.analysis.programs);
        analysed
            .sources
            .retain(|path| quoted.contains(&project.prefix.show(path)));
        self.findings.append(&mut findings);
        self.problems.append(&mut problems);
        self.sources.absorb(analysed.sources, &project.prefix);
        self.nothing.append(&mut analysed.nothing);
        self.summary.files += analysed.summary.files;
        self.summary.parsed += analysed.summary.parsed;
        self.summary.passed_over.add(analysed.summary.passed_over);
    }

    /// The baseline that counts for a project, which is in `books` then.
    fn open_book<'p>(
        &mut self,
        settled: &Settled<'p>,
        analysed: &Analysed,
        request: Request,
    ) -> Result<Option<Shelf<'p>>, UserError> {
        let (file, must_exist) = match request.known {
            Known::None => return Ok(None),
            Known::File(file) => (file.to_owned(), true),
            Known::Written(file) => (file.to_owned(), false),
            Known::Configured => match &settled.config.baseline {
                Some(file) => (file.clone(), true),
                None => return Ok(None),
            },
        };
        if !self.books.contains_key(&file) {
            self.books.insert(file.clone(), open(&file, must_exist)?);
        }
        let project = settled.project;
        let book = self.books.entry(file.clone()).or_default();
        let shelf = Shelf {
            file,
            folder: book.folder.clone(),
            root: &project.root,
        };
        book.files
            .extend(analysed.sources.paths().map(|path| shelf.place(path)));
        let ran = RuleCode::ALL
            .iter()
            .filter(|rule| detect::runs(**rule, &analysed.options));
        book.rules.extend(ran.map(|rule| rule.name()));
        if project.scope != Scope::Named {
            book.roots.push(project.root.clone());
        }
        Ok(Some(shelf))
    }

    /// Counts what the baselines list and no longer occurs.
    pub(super) fn count_stale(&mut self) {
        let stale = self
            .books
            .values()
            .map(|book| book.baseline.stale(&book.runs, &|entry| book.ran(entry)));
        self.summary.stale = stale.sum();
    }
}

/// Reads a baseline.
fn open(file: &Path, must_exist: bool) -> Result<Book, UserError> {
    let shown = file.to_string_lossy().into_owned();
    let folder = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| UserError::BaselineUnreadable {
        file: shown.clone(),
        cause: format!("its folder: {}", lower_case(&error)),
    })?;
    let baseline = match fs::read_to_string(file) {
        Ok(text) => Baseline::parse(&text).map_err(|error| {
            let line = text.lines().nth(error.line as usize - 1).unwrap_or("");
            UserError::Baseline {
                at: Excerpt {
                    file: shown.clone(),
                    line: error.line,
                    column: error.column,
                    width: 1,
                    text: line.to_owned(),
                },
                cause: error.message,
            }
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Baseline::default(),
        Err(error) => {
            return Err(UserError::BaselineUnreadable {
                file: shown,
                cause: lower_case(&error),
            });
        }
    };
    Ok(Book {
        folder,
        baseline,
        ..Book::default()
    })
}

/// `path` relative to `folder` (both absolute), with `/`, and `.` for the folder itself.
fn relative(path: &Path, folder: &Path) -> String {
    let common = path
        .components()
        .zip(folder.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = folder.components().count() - common;
    let down = path
        .components()
        .skip(common)
        .filter(|part| matches!(part, Component::Normal(_)))
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = std::iter::repeat_n("..".to_owned(), up).chain(down).collect();
    if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    }
}

/// The target in words that are the same whenever it judges the same.
fn target_words(options: &Options) -> String {
    let target = &options.target;
    let mut words: Vec<String> = target.libcs.iter().map(ToString::to_string).collect();
    words.extend(target.pythons.iter().map(|python| format!("python {python}")));
    words.extend(
        target
            .rust
            .map(|(major, minor, micro)| format!("rust {major}.{minor}.{micro}")),
    );
    if target.process_per_test {
        words.push("nextest".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_baseline() {
        let of = |path: &str, folder: &str| relative(Path::new(path), Path::new(folder));
        assert_eq!(of("/a/b/c.py", "/a"), "b/c.py");
        assert_eq!(of("/a/b/c.py", "/a/ci"), "../b/c.py");
        assert_eq!(of("/a", "/a"), ".");
    }
}
