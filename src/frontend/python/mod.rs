//! Python sources to facts.
//!
//! The only place that knows `ruff_python_parser`, whose interface may change with every version. The parser recovers
//! from errors; what it would lose of a Python 2 file, [`recovery`] rewrites first. A tree is lowered in one pass: the
//! names of a scope are collected when it is entered ([`scopes`]), then its statements become regions and events
//! ([`statements`]) and its expressions values ([`expressions`]).

mod annotations;
mod builder;
mod comprehensions;
mod conditions;
mod definitions;
mod depth;
mod directives;
#[cfg(test)]
mod dump;
mod expressions;
mod glance;
mod imports;
mod limits;
mod names;
mod patterns;
mod platform;
mod positions;
mod quotes;
mod recovery;
mod scopes;
mod skim;
mod statements;
mod stores;
mod strings;
#[cfg(test)]
mod tests;

pub use glance::only_looks;

use crate::facts::{FileFacts, Function, FunctionKind, Language, Problem, ProblemKind, Region, Span, Visibility};
use crate::input::Source;
use positions::{OffsetMap, Positions, apply};
use ruff_python_ast::ModModule;
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};

/// More alternatives than this for one name or value tell nothing any more.
const MAX_ALTERNATIVES: usize = 16;

/// Trees up to this depth are parsed and lowered on the caller's own stack.
const SHALLOW: u32 = 60;

/// Lowers one file; never fails.
pub fn lower(source: &Source) -> (FileFacts, Vec<Problem>) {
    let text = &source.text;
    let problem = |kind, message: String, line| Problem {
        path: source.path.clone(),
        kind,
        message,
        line,
    };
    if text.len() >= i32::MAX as usize {
        let message = "the file is larger than 2 GiB".to_string();
        return (empty(source), vec![problem(ProblemKind::Limit, message, None)]);
    }
    let survey = limits::survey(text);
    let mut problems = Vec::new();
    if let Some(first) = survey.first {
        let message = format!("{} lines are nested too deeply to be understood", survey.edits.len());
        let line = Positions::new(text, OffsetMap::default()).line(first);
        problems.push(problem(ProblemKind::Limit, message, Some(line)));
    }
    let (facts, errors) = match parse(text, &survey) {
        Some(tree) => tree.facts(source),
        None => {
            let message = "the text is nested too deeply to be understood".to_string();
            problems.push(problem(ProblemKind::Limit, message, None));
            return (empty(source), problems);
        }
    };
    if let Some(errors) = errors {
        let message = match errors.count {
            1 => format!("syntax error recovered from: {}", errors.first),
            count => format!("{count} syntax errors recovered from, the first: {}", errors.first),
        };
        problems.push(problem(ProblemKind::Partial, message, Some(errors.line)));
    }
    (facts, problems)
}

/// Stack for a deep tree: a generous constant, and per level what parsing, lowering and dropping take without
/// optimisation. It is mapped, not touched, so only what is used costs memory.
const STACK_BASE: usize = 4 << 20;
const STACK_PER_LEVEL: usize = 24 << 10;

/// Does `work` on a tree of this depth where the stack is large enough for it.
fn with_stack<T>(depth: u32, work: impl FnOnce() -> T) -> T {
    if depth <= SHALLOW {
        work()
    } else {
        stacker::grow(STACK_BASE + STACK_PER_LEVEL * depth as usize, work)
    }
}

/// The syntax errors of a file.
struct Errors {
    count: usize,
    first: String,
    line: u32,
}

/// A tree with the text that it was built from.
struct Tree {
    text: String,
    map: OffsetMap,
    parsed: Parsed<ModModule>,
    depth: u32,
    errors: Option<Errors>,
}

/// Parses `text` without what `survey` refuses, and once more as Python 2 where that has errors.
///
/// None where the tree turned out to be deeper than the survey found, beyond all limits.
fn parse(text: &str, survey: &limits::Survey) -> Option<Tree> {
    // Blanking keeps every offset, so no way back is needed.
    let (blanked, _) = apply(text, survey.edits.clone());
    let mut tree = parse_bounded(blanked, OffsetMap::default(), survey.depth)?;
    let Some(first) = tree.parsed.errors().first() else {
        return Some(tree);
    };
    let count = tree.parsed.errors().len();
    let errors = Errors {
        count,
        first: first.error.to_string(),
        line: Positions::new(text, OffsetMap::default()).line(first.location.start().to_usize()),
    };
    let (modern, map) = apply(&tree.text, recovery::modernise(&tree.text));
    // Where the rewriting made it deeper, by reading nonsense differently, the parser's own recovery has to do.
    let bounds = limits::survey(&modern);
    if bounds.first.is_none()
        && let Some(again) = parse_bounded(modern, map, bounds.depth)
    {
        let (better, worse) = if again.parsed.errors().len() <= count {
            (again, tree)
        } else {
            (tree, again)
        };
        with_stack(worse.depth, || drop(worse));
        tree = better;
    }
    tree.errors = Some(errors);
    Some(tree)
}

/// Parses `text`, whose tree should be no deeper than `depth`; none where it is, beyond all limits.
fn parse_bounded(text: String, map: OffsetMap, depth: u32) -> Option<Tree> {
    let parsed = with_stack(depth, || parse_unchecked(&text, ParseOptions::from(Mode::Module)))
        .try_into_module()
        .expect("parsing in module mode yields a module");
    let depth = depth.max(depth::depth_of_parsed(parsed.tokens()));
    if depth > 2 * limits::MAX_DEPTH {
        // Even dropping such a tree would overflow the stack.
        std::mem::forget(parsed);
        return None;
    }
    Some(Tree {
        text,
        map,
        parsed,
        depth,
        errors: None,
    })
}

impl Tree {
    /// The facts of the tree, which is dropped where the stack is large enough for that.
    fn facts(self, source: &Source) -> (FileFacts, Option<Errors>) {
        let Tree {
            text,
            map,
            parsed,
            depth,
            errors,
        } = self;
        let facts = with_stack(depth, || {
            let positions = Positions::new(&source.text, map);
            let mut facts = builder::Lowerer::new(&text, &positions).module(parsed.syntax());
            facts.path.clone_from(&source.path);
            facts.directives = directives::directives(&text, parsed.tokens(), &positions);
            drop(parsed);
            facts
        });
        (facts, errors)
    }
}

/// Facts of a file that nothing is known of.
fn empty(source: &Source) -> FileFacts {
    FileFacts {
        path: source.path.clone(),
        language: Language::Python,
        module: String::new(),
        functions: vec![module_function(Span::default())],
        types: Vec::new(),
        imports: Vec::new(),
        statics: Vec::new(),
        directives: Vec::new(),
    }
}

/// The module-level code, still without a body.
fn module_function(span: Span) -> Function {
    Function {
        name: "<module>".into(),
        qualified: "<module>".into(),
        kind: FunctionKind::Module,
        visibility: Visibility::Public,
        owner: None,
        parent: None,
        locals: Vec::new(),
        calls: Vec::new(),
        body: Region::seq(span),
        attributes: Vec::new(),
        is_async: false,
        is_generator: false,
        returns: None,
        signature: None,
        test_only: false,
        span,
        name_span: Span::default(),
    }
}
