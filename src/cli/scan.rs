//! The way from paths to findings that `check`, `why` and `confirm` share: projects, their files read and lowered in
//! parallel, the analysis, triage. What fails for one path or file does not stop the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::detect::{self, Analysis, Options, Persona, ProgramView};
use crate::facts::{FileFacts, Language, Problem, ProblemKind};
use crate::finding::{Confidence, Finding, Severity};
use crate::frontend;
use crate::input::{self, Found, Member, PathError, Prefix, Project, Reach, Scope, Source, Sources};
use crate::knowledge::Target;
use crate::report::{self, Base, Package, Summary};
use crate::triage::Ignores;

use super::args;
use super::config::{self, Choice, Config};
use super::error::UserError;
use super::git;
use super::sift::{Book, Settled};
use super::target::target;
use super::ticker::{Phase, Progress};

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
pub fn options(scan: &args::Scan, config: &Config, target: Target) -> Options {
    Options {
        target,
        persona: persona(scan, config),
        preview: scan.preview || config.preview.unwrap_or(false),
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
    let mut files = files_of(project, stdin, config, ask.scan);
    if let Some(index) = &ask.index {
        take_index(project, config, index, &mut files);
    }
    let members = std::mem::take(&mut files.members);
    ask.enter(Phase::Reading(files.summary.files));
    let read = |found: &Found| {
        ask.step();
        read(found, stdin, ask.index.as_ref())
    };
    let lowered = match project.scope {
        Scope::Archive => lower_members(members, ask),
        Scope::Tree | Scope::Named => read_and_lower(&files.found, &read),
    };
    let (lowered, problems): (Vec<_>, Vec<_>) = lowered.into_iter().unzip();
    files.problems.extend(problems.into_iter().flatten());
    let (facts, sources): (Vec<FileFacts>, Vec<Source>) = lowered.into_iter().flatten().unzip();
    files.summary.parsed = facts.len() as u64;
    let sources = Sources::new(sources);
    let ignores = Ignores::collect(&facts, &sources);
    let options = options(ask.scan, config, ask.target.clone());
    ask.enter(Phase::Analysing(files.summary.parsed));
    for file in &facts {
        files.summary.languages[file.language as usize] += 1;
    }
    let analysis = if ask.picture {
        detect::analyse_for_picture(facts, &sources, &config.catalog, &options)
    } else {
        detect::analyse(facts, &sources, &config.catalog, &options)
    };
    files.summary.census = analysis.census;
    let Files {
        problems,
        summary,
        focus,
        nothing,
        ..
    } = files;
    Analysed {
        analysis,
        sources,
        ignores,
        problems,
        summary,
        focus,
        nothing,
        options,
    }
}

/// The files of a project, and what came up in finding them.
#[derive(Default)]
struct Files {
    found: Vec<Found>,
    /// Those of an archive, with their bytes.
    members: Vec<Member>,
    problems: Vec<Problem>,
    summary: Summary,
    focus: BTreeSet<String>,
    nothing: Vec<String>,
}

fn files_of(project: &Project, stdin: Stdin, config: &Config, scan: &args::Scan) -> Files {
    let mut files = Files::default();
    if let Stdin::Is(language) = stdin {
        let relative = scan.stdin_filename.clone().unwrap_or_else(|| "<stdin>".to_owned());
        files.found.push(Found {
            relative,
            path: PathBuf::new(),
            language,
        });
        files.summary.files = 1;
        return files;
    }
    if project.scope == Scope::Archive {
        open_archive(project, config, &mut files);
        return files;
    }
    if project.scope == Scope::Tree {
        let reach = if persona(scan, config) == Persona::Auditor {
            Reach::Everything
        } else {
            Reach::Tracked
        };
        let walked = input::walk(&project.root, reach, &config.excludes, scan.jobs);
        let empty = walked.files.is_empty() && walked.problems.is_empty() && walked.passed_over.excluded == 0;
        if project.whole && empty {
            files.nothing.push(project.prefix.root().to_owned());
        }
        files.found = walked.files;
        files.problems = walked.problems;
        files.summary.passed_over = walked.passed_over;
    }
    for path in &project.named {
        name_file(project, path, config, scan, &mut files);
    }
    files.found.sort();
    files.summary.files = files.found.len() as u64;
    files
}

/// Leaves out what is not in the index, and puts in what is there and missing in the working tree.
fn take_index(project: &Project, config: &Config, index: &git::Index, files: &mut Files) {
    files.found.retain(|found| index.files.contains(&found.path));
    let missing = index.contents.keys().filter(|path| {
        project.scope == Scope::Tree
            && path.starts_with(&project.root)
            && !path.exists()
            && !config.excludes.matches(path)
    });
    files
        .found
        .extend(missing.filter_map(|path| input::found_file(&project.root, path, None)));
    files.found.sort();
    files.summary.files = files.found.len() as u64;
}

/// Takes in the members of an archive. All of them: ignore files and hidden names are no reason to pass over what somebody
/// hands out.
fn open_archive(project: &Project, config: &Config, files: &mut Files) {
    let contents = input::read_archive(&project.root);
    let folder = project.root.parent().unwrap_or(&project.root);
    let (excluded, members): (Vec<Member>, Vec<Member>) = contents
        .members
        .into_iter()
        .partition(|member| config.excludes.matches(&folder.join(&member.name)));
    files.problems = contents.problems;
    files.summary.passed_over = contents.passed_over;
    files.summary.passed_over.excluded += excluded.len() as u64;
    files.summary.files = members.len() as u64;
    for name in project.named.iter().map(|name| name.to_string_lossy()) {
        if members.iter().any(|member| member.name == *name) {
            files.focus.insert(name.into_owned());
        } else if excluded.iter().all(|member| member.name != *name) {
            files.nothing.push(project.prefix.show(&name));
        }
    }
    if project.whole && members.is_empty() && excluded.is_empty() && files.problems.is_empty() {
        files.nothing.push(project.prefix.root().to_owned());
    }
    files.members = members;
}

/// Takes in a file that was named by hand: ignore files and its name do not keep it out, `exclude` does.
fn name_file(project: &Project, path: &Path, config: &Config, scan: &args::Scan, files: &mut Files) {
    if config.excludes.matches(path) {
        // In a tree, the walk has counted it.
        files.summary.passed_over.excluded += u64::from(project.scope == Scope::Named);
        return;
    }
    match input::found_file(&project.root, path, None)
        .or_else(|| input::found_file(&project.root, path, scan.language.map(Language::from)))
    {
        Some(found) => {
            files.focus.insert(found.relative.clone());
            if !files.found.contains(&found) {
                files.found.push(found);
            }
        }
        None => {
            let relative = path
                .strip_prefix(&project.root)
                .unwrap_or(path)
                .to_string_lossy()
                .into_owned();
            // A program or a picture is said to be one; any other text simply holds nothing to analyse.
            let (_, problem) = input::read_file(path, &relative, Language::C);
            match problem {
                Some(problem) => files.problems.push(problem),
                None => files.nothing.push(project.prefix.show(&relative)),
            }
        }
    }
}

type Lowered = (Option<(FileFacts, Source)>, Vec<Problem>);

/// A file before it is lowered.
type ReadFile = (Option<Source>, Option<Problem>);

/// Reads one file: from standard input, the index or the disk.
fn read(found: &Found, stdin: Stdin, index: Option<&git::Index>) -> ReadFile {
    let staged = index.and_then(|index| index.contents.get(&found.path));
    match (stdin, staged) {
        (Stdin::Is(language), _) => input::read_stdin(&found.relative, language),
        (_, Some(bytes)) => input::read_bytes(bytes.clone(), &found.relative, found.language),
        _ => input::read_file(&found.path, &found.relative, found.language),
    }
}

type Read<'a> = dyn Fn(&Found) -> ReadFile + Sync + 'a;

/// Reads and lowers in parallel; the order of the files stays.
fn read_and_lower(found: &[Found], read: &Read) -> Vec<Lowered> {
    lower_all(found.par_iter().map(read).collect())
}

/// The same for members of an archive, which were read before.
fn lower_members(members: Vec<Member>, ask: &Ask) -> Vec<Lowered> {
    let read = members.into_par_iter().map(|member| {
        ask.step();
        input::read_bytes(member.bytes, &member.name, member.language)
    });
    lower_all(read.collect())
}

fn lower_all(read: Vec<ReadFile>) -> Vec<Lowered> {
    let sources: Vec<&Source> = read.iter().filter_map(|(source, _)| source.as_ref()).collect();
    let shared = frontend::Shared::collect(&sources);
    read.into_par_iter()
        .map(|(source, problem)| {
            let mut problems: Vec<Problem> = problem.into_iter().collect();
            let facts = source.and_then(|source| lower(source, &shared, &mut problems));
            (facts, problems)
        })
        .collect()
}

/// Lowers one file. A frontend does not fail; should one do so all the same, that file is lost and no other.
fn lower(source: Source, shared: &frontend::Shared, problems: &mut Vec<Problem>) -> Option<(FileFacts, Source)> {
    match catch_unwind(AssertUnwindSafe(|| frontend::lower_in(&source, shared))) {
        Ok((facts, found)) => {
            let lost = found.iter().any(|problem| problem.kind == ProblemKind::Parse);
            problems.extend(found);
            (!lost || !facts.functions.is_empty()).then_some((facts, source))
        }
        Err(_) => {
            let message = "an internal error; please report it with this file".to_owned();
            problems.push(Problem {
                path: source.path,
                kind: ProblemKind::Parse,
                message,
                line: None,
            });
            None
        }
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
