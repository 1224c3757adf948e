//! The way from paths to findings that `check`, `why` and `confirm` share: projects, their files ([`files`]), which of them
//! can matter ([`select`]), their facts ([`intake`]), the analysis, triage. What fails for one path or file does not stop
//! the rest.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::detect::{self, Analysis, Options, Persona, ProgramView};
use crate::facts::{Language, Problem, ProblemKind};
use crate::finding::{Confidence, Finding, Severity};
use crate::input::{self, Parts, PathError, Prefix, Project, Raw, Scope, Sources};
use crate::knowledge::Target;
use crate::model::{Extent, STEPS};
use crate::report::{self, Base, Package, Summary};
use crate::triage::Ignores;

use super::args;
use super::cache::Kept;
use super::config::{self, Choice, Config};
use super::error::UserError;
use super::git;
use super::sift::{Book, Settled};
use super::target::target;
use super::ticker::{Phase, Progress};

mod answered;
mod files;
mod intake;
mod select;
mod states;
#[cfg(test)]
mod tests;

use answered::{Answer, Grounds};
use files::Files;
use select::{Picked, Screening};
use states::States;

/// Syntax trees are walked recursively, and hostile ones are deep.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// What was asked, apart from the paths.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub scan: &'a args::Scan,
    pub fail_on: Option<Severity>,
    pub min_confidence: Option<Confidence>,
    /// Told how far the run is.
    pub progress: Option<&'a Progress>,
    /// Each program's threads are wanted, for a picture.
    pub picture: bool,
    pub known: Known<'a>,
    pub lines: Lines<'a>,
    pub notes: Notes,
    /// A file that is understood only in part fails the run, so each must be parsed.
    pub strict: bool,
}

impl<'a> Request<'a> {
    /// Everything that the scan finds.
    pub fn all(scan: &'a args::Scan) -> Request<'a> {
        Request {
            scan,
            // Notes are shown to those whom they fail.
            fail_on: Some(Severity::Note),
            min_confidence: None,
            progress: None,
            picture: false,
            known: Known::None,
            lines: Lines::All,
            notes: Notes::AsPersona,
            strict: false,
        }
    }
}

/// Whether notes are among the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notes {
    /// Where the persona wants them, or they fail the run; else they are counted.
    AsPersona,
    /// Always: a program that reads the findings can tell them by their severity.
    Always,
}

/// Which baseline counts.
#[derive(Debug, Clone, Copy)]
pub enum Known<'a> {
    /// The one that the configuration names, if it does.
    Configured,
    File(&'a Path),
    None,
    /// It is about to be written to this file: nothing is hidden, and it need not be there.
    Written(&'a Path),
}

/// Which lines findings have to touch.
#[derive(Debug, Clone, Copy)]
pub enum Lines<'a> {
    All,
    /// Those that differ from this commit.
    Since(&'a str),
    /// Those of the index that differ from the last commit; the index is what is analysed.
    Staged,
}

/// What came of it.
#[derive(Default)]
pub struct Outcome {
    /// Sorted; silenced ones included.
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
    pub sources: Sources,
    pub summary: Summary,
    /// Each program's threads, where they were asked for.
    pub programs: Vec<ProgramView>,
    pub target: Target,
    /// Where the repository begins.
    pub base: Base,
    /// Some finding reaches its project's `fail-on`.
    pub fails: bool,
    /// Paths that could not be analysed at all.
    pub errors: Vec<UserError>,
    /// Paths given by hand that hold nothing to analyse.
    pub nothing: Vec<String>,
    /// The baselines that counted, by file.
    pub books: BTreeMap<PathBuf, Book>,
    /// What was found in each archive, in the order in which they were named.
    pub packages: Vec<Package>,
    /// The projects that can keep evidence, with the fingerprints of their findings.
    pub homes: Vec<Home>,
    /// What went wrong beside the analysis, a sentence each.
    pub warnings: Vec<String>,
}

/// A project's root, and whose evidence belongs there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Home {
    pub root: PathBuf,
    pub fingerprints: BTreeSet<String>,
}

/// Runs `job` on threads that have the stack and the number that is wanted (0: one a core).
///
/// # Errors
/// Where the threads cannot be made.
pub fn with_threads<T: Send>(jobs: usize, job: impl FnOnce() -> T + Send) -> Result<T, UserError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs)
        .stack_size(STACK_BYTES)
        .build();
    let pool = pool.map_err(|error| UserError::Threads {
        cause: error.to_string(),
    })?;
    Ok(pool.install(job))
}

/// Analyses everything that `paths` name.
///
/// # Errors
/// A mistake in the command line or in a configuration, which stops everything.
pub fn run(paths: &[PathBuf], request: Request) -> Result<Outcome, UserError> {
    let mut outcome = Outcome {
        target: target(&request.scan.target, &[])?,
        base: base(),
        ..Outcome::default()
    };
    for (project, stdin) in projects(paths, request.scan, &mut outcome.errors)? {
        let config = config_of(request.scan, &project)?;
        outcome.target = target(&request.scan.target, &config.target)?;
        let outside = project.scope == Scope::Archive || stdin != Stdin::Absent;
        let git = match (request.lines, outside) {
            (Lines::All, _) | (_, true) => None,
            (Lines::Since(reference), _) => Some((git::since(&project.root, reference)?, None)),
            (Lines::Staged, _) => git::staged(&project.root).map(|(changes, index)| Some((changes, Some(index))))?,
        };
        let (changes, index) = git.unzip();
        let ask = Ask {
            scan: request.scan,
            target: outcome.target.clone(),
            index: index.flatten(),
            progress: request.progress,
            picture: request.picture,
            whole: request.scan.all || request.strict || request.picture,
            kept: Kept::of(request.scan, &project),
        };
        let analysed = analyse(&project, stdin, &config, &ask);
        let settled = Settled {
            project: &project,
            config: &config,
            changes,
        };
        outcome.take_in(analysed, &settled, request)?;
    }
    outcome.count_stale();
    for error in &outcome.errors {
        if let UserError::PathMissing { path, cause } = error {
            outcome.problems.push(io_problem(path, cause));
        }
    }
    report::sort(&mut outcome.findings);
    // Two projects that overlap (a file's and a folder's inside it) see the same pair twice.
    outcome.findings.dedup_by(|a, b| {
        let partner = |finding: &Finding| finding.partner.as_ref().map(|site| site.location.clone());
        a.code == b.code && a.mutation.location == b.mutation.location && partner(a) == partner(b)
    });
    outcome
        .problems
        .sort_by(|a, b| (&a.path, a.line, a.kind, &a.message).cmp(&(&b.path, b.line, b.kind, &b.message)));
    outcome.problems.dedup();
    Ok(outcome)
}

/// The analysis of the project that `path` belongs to, and the path as the project knows it.
///
/// # Errors
/// As [`run`], and where the path cannot be analysed.
pub fn run_for(path: &Path, scan: &args::Scan) -> Result<(Analysis, String, Prefix, Sources), UserError> {
    let mut errors = Vec::new();
    let planned = projects(&[path.to_owned()], scan, &mut errors)?;
    let Some((project, stdin)) = planned.into_iter().next() else {
        let missing = || UserError::PathMissing {
            path: path.display().to_string(),
            cause: "no such file".to_owned(),
        };
        return Err(errors.pop().unwrap_or_else(missing));
    };
    let config = config_of(scan, &project)?;
    let ask = Ask {
        scan,
        target: target(&scan.target, &config.target)?,
        index: None,
        progress: None,
        picture: false,
        // What is asked for is a place, whatever can come of it.
        whole: true,
        kept: Kept::of(scan, &project),
    };
    let analysed = analyse(&project, stdin, &config, &ask);
    let relative = analysed.focus.iter().next().cloned().unwrap_or_default();
    Ok((analysed.analysis, relative, project.prefix, analysed.sources))
}

/// Whether a project's only source is standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdin {
    Absent,
    Is(Language),
}

/// How a project is to be analysed.
struct Ask<'a> {
    scan: &'a args::Scan,
    target: Target,
    /// What is analysed instead of the working tree.
    index: Option<git::Index>,
    progress: Option<&'a Progress>,
    /// Each program's threads are wanted, for a picture.
    picture: bool,
    /// Every file is parsed, and everything that acts is walked.
    whole: bool,
    /// Where facts are kept between runs.
    kept: Option<Kept>,
}

impl Ask<'_> {
    fn enter(&self, phase: Phase) {
        if let Some(progress) = self.progress {
            progress.enter(phase);
        }
    }

    fn step(&self) {
        if let Some(progress) = self.progress {
            progress.step();
        }
    }
}

/// The persona of the command line, else that of the configuration.
pub fn persona(scan: &args::Scan, config: &Config) -> Persona {
    scan.persona.or(config.persona).map_or(Persona::Regular, Persona::from)
}

/// What the rules are to go by.
fn options(ask: &Ask, config: &Config) -> Options {
    let scan = ask.scan;
    let persona = persona(scan, config);
    // An auditor is told of every file that is lost, also where it cannot matter.
    let whole = ask.whole || persona == Persona::Auditor;
    Options {
        target: ask.target.clone(),
        persona,
        extent: if whole { Extent::Acts } else { Extent::Pairs },
        preview: scan.preview || config.preview.unwrap_or(false),
        steps: scan.max_steps.unwrap_or(STEPS),
    }
}

pub(super) fn projects(
    paths: &[PathBuf],
    scan: &args::Scan,
    errors: &mut Vec<UserError>,
) -> Result<Vec<(Project, Stdin)>, UserError> {
    let cwd = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let scope = if scan.isolated { Scope::Named } else { Scope::Tree };
    let configured = |folder: &Path| !scan.no_config && scan.config.is_none() && config::exists_in(folder);
    let plan = input::plan(paths, scope, &cwd, &configured);
    errors.extend(plan.errors.into_iter().map(|error| match error {
        PathError::Missing { path, cause } => UserError::PathMissing { path, cause },
        PathError::Special { path } => UserError::PathSpecial { path },
    }));
    let mut all: Vec<(Project, Stdin)> = plan
        .projects
        .into_iter()
        .map(|project| (project, Stdin::Absent))
        .collect();
    if plan.stdin {
        let by_name = scan
            .stdin_filename
            .as_deref()
            .and_then(|name| input::by_name(Path::new(name)));
        let language = scan
            .language
            .map(Language::from)
            .or(by_name)
            .ok_or(UserError::StdinLanguage)?;
        let project = Project {
            root: cwd,
            prefix: Prefix::default(),
            scope: Scope::Named,
            named: BTreeSet::new(),
            whole: true,
        };
        all.push((project, Stdin::Is(language)));
    }
    Ok(all)
}

/// The working directory and its repository's root, or itself where it is in none.
pub fn base() -> Base {
    let cwd = std::env::current_dir().and_then(|cwd| cwd.canonicalize());
    let Ok(cwd) = cwd else { return Base::default() };
    let root = cwd
        .ancestors()
        .find(|folder| folder.join(".git").exists())
        .unwrap_or(&cwd);
    Base::new(&cwd.to_string_lossy(), &root.to_string_lossy())
}

/// The configuration of a project, as the command line wants it.
///
/// # Errors
/// A file that cannot be read or holds a mistake.
pub(super) fn config_of(scan: &args::Scan, project: &Project) -> Result<Config, UserError> {
    let choice = match &scan.config {
        Some(path) => Choice::File(path),
        None if scan.no_config => Choice::None,
        None => Choice::Nearest,
    };
    // The configuration is the user's: what an archive says of itself is part of what is examined.
    let folder = match project.scope {
        Scope::Archive => project.root.parent().unwrap_or(&project.root),
        Scope::Tree | Scope::Named => &project.root,
    };
    config::load(choice, folder)
}

/// A project after its analysis; all paths are relative to its root.
pub(super) struct Analysed {
    pub analysis: Analysis,
    pub sources: Sources,
    pub ignores: Ignores,
    pub problems: Vec<Problem>,
    pub summary: Summary,
    /// The named files that are analysed.
    pub focus: BTreeSet<String>,
    pub nothing: Vec<String>,
    pub options: Options,
}

fn analyse(project: &Project, stdin: Stdin, config: &Config, ask: &Ask) -> Analysed {
    ask.enter(Phase::Walking);
    let files = files::of(project, stdin, config, ask);
    let Files {
        raw,
        mut problems,
        mut summary,
        focus,
        nothing,
    } = files;
    let options = options(ask, config);
    let kept = ask.kept.as_ref().map(|kept| kept.open(&project.root));
    let states = kept.as_ref().map(|kept| States::open(kept, &config.catalog));
    let part = Part {
        screening: (options.extent == Extent::Pairs).then(|| Screening::new(&config.catalog)),
        kept,
        states: states.unwrap_or_else(States::none),
        grounds: Grounds::new(&config.catalog, &options),
        config,
        options: &options,
        ask,
    };
    ask.enter(Phase::Reading(summary.files));
    let parts = apart(project, raw, ask.scan);
    let several = parts.len() > 1;
    let picked = parts.into_par_iter().enumerate().map(|(number, raw)| {
        let picked = part.pick(&raw);
        (number, raw, picked)
    });
    let mut picked: Vec<(usize, Vec<Raw>, Picked)> = picked.collect();
    // The analysis of one part takes one core. The largest begin first, so that none is left for the others to wait for.
    picked.sort_by_key(|(number, _, picked)| (Reverse(picked.bytes), *number));
    let analyse = |(number, raw, picked)| (number, part.analyse(raw, picked, several));
    let mut found: Vec<(usize, Found)> = picked.into_iter().par_bridge().map(analyse).collect();
    found.sort_by_key(|(number, _)| *number);
    if let Some(kept) = &part.kept {
        part.states.keep(kept);
    }
    let mut all = Found::default();
    for (_, part) in found {
        problems.extend(part.problems);
        summary.left.add(part.left);
        summary.parsed += part.parsed;
        for (known, more) in summary.languages.iter_mut().zip(part.languages) {
            *known += more;
        }
        all.analysis.join(part.analysis);
        all.sources.join(part.sources);
        all.ignores.join(part.ignores);
    }
    summary.census = all.analysis.census;
    Analysed {
        analysis: all.analysis,
        sources: all.sources,
        ignores: all.ignores,
        problems,
        summary,
        focus,
        nothing,
        options,
    }
}

/// The files of a folder by the projects that it holds, where it is no project itself.
fn apart(project: &Project, raw: Vec<Raw>, scan: &args::Scan) -> Vec<Vec<Raw>> {
    let paths: Option<Vec<&Path>> = raw.iter().map(Raw::path).collect();
    let configured = |folder: &Path| !scan.no_config && scan.config.is_none() && config::exists_in(folder);
    let parts = match paths {
        Some(paths) if project.scope == Scope::Tree && project.whole => {
            input::parts(&project.root, &paths, &configured)
        }
        _ => Parts::whole(raw.len()),
    };
    parts.sort(raw)
}

/// How the parts of a folder are analysed.
struct Part<'a> {
    /// Nothing where all is parsed.
    screening: Option<Screening<'a>>,
    kept: Option<super::cache::Opened>,
    states: States,
    grounds: Grounds<'a>,
    config: &'a Config,
    options: &'a Options,
    ask: &'a Ask<'a>,
}

/// What was found in a part.
#[derive(Default)]
struct Found {
    analysis: Analysis,
    sources: Sources,
    ignores: Ignores,
    problems: Vec<Problem>,
    left: report::Left,
    parsed: u64,
    languages: [u64; 3],
}

impl Part<'_> {
    /// Decides which files of a project have to be parsed.
    fn pick(&self, raw: &[Raw]) -> Picked {
        match &self.screening {
            Some(screening) => select::pick(raw, screening, &self.states, &|| self.ask.step()),
            None => Picked::all(raw),
        }
    }

    /// Analyses files that are one project; `several` where it is one of several.
    fn analyse(&self, raw: Vec<Raw>, picked: Picked, several: bool) -> Found {
        let step = || self.ask.step();
        let enter = |phase: Phase| {
            if !several {
                self.ask.enter(phase);
            }
        };
        let read = picked.choices.iter().filter(|choice| choice.is_read());
        let read = read.count();
        enter(Phase::Reading(read as u64));
        let around = intake::around(&raw, &picked.choices, &self.states, self.kept.as_ref());
        let kept = self.kept.as_ref();
        let seen = intake::look(&raw, &picked.choices, &around, &self.states, kept, &step);
        // Pictures are drawn of programs, which are not kept.
        let answers = kept.filter(|_| !self.ask.picture);
        let key = answers.and_then(|_| self.grounds.key(&raw, &picked.choices, &seen));
        let prints: Vec<_> = seen.iter().flatten().map(|seen| seen.print).collect();
        if let (Some(kept), Some(key)) = (answers, key)
            && let Some(answer) = self.grounds.known(kept, key, &raw, &seen)
        {
            let sources = intake::sources(raw, &picked.choices, &prints, &answer.lost);
            let parsed = read - answer.lost.len();
            return found(answer, sources, picked, parsed);
        }
        let taken = intake::take_in(&raw, &picked.choices, &around, seen, kept);
        let (sources, languages) = intake::sources(raw, &picked.choices, &taken.prints, &taken.lost);
        let parsed = taken.facts.len();
        let ignores = Ignores::collect(&taken.facts, &sources);
        let facts = taken
            .facts
            .into_iter()
            .filter(|facts| !taken.remarks.contains(&facts.path));
        enter(Phase::Analysing(parsed as u64));
        let mut analysis = Analysis::default();
        for group in detect::groups(facts.collect()) {
            let found = if self.ask.picture {
                detect::analyse_for_picture(group, &sources, &self.config.catalog, self.options)
            } else {
                detect::analyse(group, &sources, &self.config.catalog, self.options)
            };
            analysis.join(found);
        }
        let mut answer = Answer {
            analysis,
            ignores,
            problems: taken.problems,
            lost: taken.lost,
            prints: taken.prints,
            ..Answer::default()
        };
        if let (Some(kept), Some(key)) = (answers, key)
            && answer.is_lasting()
            // Nobody changed a file meanwhile.
            && answer.prints == prints
            && answer.quote(&sources)
        {
            kept.put(key, &answer);
        }
        found(answer, (sources, languages), picked, parsed)
    }
}

fn found(answer: Answer, (sources, languages): (Sources, [u64; 3]), picked: Picked, parsed: usize) -> Found {
    Found {
        analysis: answer.analysis,
        sources,
        ignores: answer.ignores,
        problems: [picked.problems, answer.problems].concat(),
        left: picked.left,
        parsed: parsed as u64,
        languages,
    }
}

fn io_problem(path: &str, cause: &str) -> Problem {
    Problem {
        path: path.to_owned(),
        kind: ProblemKind::Io,
        message: cause.to_owned(),
        line: None,
    }
}
