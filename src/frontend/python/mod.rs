//! Python sources to facts.
//!
//! The only place that knows `ruff_python_parser`, whose interface may change with every version. The parser recovers
//! from errors; what it would lose of a Python 2 file, [`recovery`] rewrites first. A tree is lowered in one pass: the
//! names of a scope are collected when it is entered ([`scopes`]), then its statements become regions and events
//! ([`statements`]) and its expressions values ([`expressions`]).

mod annotations;
mod builder;
mod conditions;
mod definitions;
mod directives;
#[cfg(test)]
mod dump;
mod expressions;
mod limits;
mod names;
mod patterns;
mod positions;
mod recovery;
mod scopes;
mod skim;
mod statements;
mod strings;
#[cfg(test)]
mod tests;

use crate::facts::{FileFacts, Function, FunctionKind, Language, Problem, ProblemKind, Region, Span, Visibility};
use crate::input::Source;
use positions::{OffsetMap, Positions, apply};
use ruff_python_ast::ModModule;
use ruff_python_parser::{Mode, ParseOptions, Parsed, parse_unchecked};

/// More alternatives than this for one name or value tell nothing any more.
const MAX_ALTERNATIVES: usize = 16;

/// Trees up to this depth are lowered on the caller's own stack.
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
    let work = || lower_text(source, survey.edits);
    let (facts, errors) = if survey.depth > SHALLOW {
        stacker::grow(STACK_BASE + STACK_PER_LEVEL * survey.depth as usize, work)
    } else {
        work()
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
const STACK_BASE: usize = 8 << 20;
const STACK_PER_LEVEL: usize = 48 << 10;

/// The syntax errors of a file.
struct Errors {
    count: usize,
    first: String,
    line: u32,
}

/// Parses and lowers; `refused` takes out what is too deep.
fn lower_text(source: &Source, refused: Vec<positions::Edit>) -> (FileFacts, Option<Errors>) {
    let original = &source.text;
    let (blanked, _) = apply(original, refused);
    let parsed = parse(&blanked);
    if parsed.errors().is_empty() {
        // Blanking keeps every offset, so no way back is needed.
        let positions = Positions::new(original, OffsetMap::default());
        return (facts(source, &blanked, &parsed, &positions), None);
    }
    let plain = Positions::new(original, OffsetMap::default());
    let first = &parsed.errors()[0];
    let errors = Errors {
        count: parsed.errors().len(),
        first: first.error.to_string(),
        line: plain.line(first.location.start().to_usize()),
    };
    let (modern, map) = apply(&blanked, recovery::modernise(&blanked));
    // The rewriting may only add a call's brackets, so that the tree stays within the stack that was measured; where it
    // did more, by reading nonsense differently, the parser's own recovery has to do.
    let bounded = limits::survey(&modern);
    let again = if bounded.first.is_none() {
        Some(parse(&modern))
    } else {
        None
    };
    match again {
        Some(again) if again.errors().len() <= parsed.errors().len() => {
            let positions = Positions::new(original, map);
            (facts(source, &modern, &again, &positions), Some(errors))
        }
        _ => (facts(source, &blanked, &parsed, &plain), Some(errors)),
    }
}

fn parse(text: &str) -> Parsed<ModModule> {
    parse_unchecked(text, ParseOptions::from(Mode::Module))
        .try_into_module()
        .expect("parsing in module mode yields a module")
}

fn facts(source: &Source, text: &str, parsed: &Parsed<ModModule>, positions: &Positions) -> FileFacts {
    let mut facts = builder::Lowerer::new(text, positions).module(parsed.syntax());
    facts.path.clone_from(&source.path);
    facts.directives = directives::directives(text, parsed.tokens(), positions);
    facts
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
