//! Rust sources to facts, by `syn`.
//!
//! [`names`] knows what a path means, [`types`], [`patterns`], [`expressions`], [`statements`] and [`items`] lower what
//! their names say, [`macros`] reads what stands inside macros, [`attributes`] what `cfg` leaves of it all, and
//! [`lowering`] holds the state with the rules of what dies when. [`scan`] is a
//! lexer of our own for comments and nesting, and [`recovery`] saves the good items of a file that does not parse.

use crate::facts::{FileFacts, Language, NO_THREAD, Problem, ProblemKind};
use crate::input::Source;

mod attributes;
mod condition;
#[cfg(test)]
mod dump;
mod expressions;
mod extents;
mod items;
mod lowering;
mod macro_definitions;
mod macro_forms;
mod macros;
mod names;
mod owners;
mod patterns;
mod recovery;
mod scan;
mod statements;
#[cfg(test)]
mod tests;
mod types;

use attributes::{Cfg, conditions};
use lowering::Lowering;

/// Stack for parsing: a part for every file, and one for each level of [`scan::depth`]. Measured in debug builds, where
/// frames are largest, on the worst chains there are.
const STACK_BYTES: usize = 16 << 20;
const STACK_BYTES_PER_LEVEL: usize = 48 << 10;

/// Lowers one file; never fails.
///
/// The work is done on a thread of its own: for its stack, and because `proc_macro2` keeps every text that a thread has
/// parsed.
pub fn lower(source: &Source) -> (FileFacts, Vec<Problem>) {
    let text = recovery::without_prelude(&source.text);
    let tokens = scan::tokens(&text);
    let depth = scan::depth(&text, &tokens);
    let stack = STACK_BYTES + depth.min(recovery::DEPTH_LIMIT) * STACK_BYTES_PER_LEVEL;
    let joined = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, || lower_here(source, &text, &tokens, depth))
            .map(|thread| thread.join())
    });
    match joined {
        Ok(Ok(lowered)) => lowered,
        Ok(Err(_)) => lost(source, ProblemKind::Parse, "the parser failed"),
        Err(_) => lost(source, ProblemKind::Limit, &format!("{NO_THREAD} to parse it")),
    }
}

fn lost(source: &Source, kind: ProblemKind, message: &str) -> (FileFacts, Vec<Problem>) {
    let module = module_path(&source.path, &source.text);
    let facts = collect(source, Lowering::new(&source.text, &module));
    let problem = Problem {
        path: source.path.clone(),
        kind,
        message: message.to_owned(),
        line: None,
    };
    (facts, vec![problem])
}

fn lower_here(source: &Source, text: &str, tokens: &[scan::Token], depth: usize) -> (FileFacts, Vec<Problem>) {
    let (file, mut problems) = recovery::parse(&source.path, text, tokens, depth);
    let module = module_path(&source.path, text);
    let mut lowering = Lowering::new(text, &module);
    let mut directives = scan::directives(text, tokens);
    if let Some(file) = file {
        let found = conditions(&file.attrs);
        if let Cfg::Off(text) = found.cfg {
            lowering.off = Some(format!("cfg({text})"));
        }
        lowering.test_only = found.test;
        let items = macro_forms::expand_items(file.items);
        let scope = lowering.scope;
        items.iter().for_each(|item| lowering.declare(scope, item));
        lowering.finish_scopes(scope, &items);
        items.iter().for_each(|item| lowering.item(item));
    }
    for line in std::mem::take(&mut lowering.deep_lines) {
        problems.push(Problem {
            path: source.path.clone(),
            kind: ProblemKind::Partial,
            message: "a macro is nested too deeply to be read".to_owned(),
            line: Some(line),
        });
    }
    let mut facts = collect(source, lowering);
    facts.directives.append(&mut directives);
    (facts, problems)
}

fn collect(source: &Source, mut lowering: Lowering<'_>) -> FileFacts {
    lowering.finish_module();
    FileFacts {
        path: source.path.clone(),
        language: Language::Rust,
        module: lowering.functions[0].qualified.clone(),
        functions: lowering.functions,
        types: lowering.types,
        imports: lowering.imports,
        statics: Vec::new(),
        directives: Vec::new(),
    }
}

/// The module path of a file, from where it lies: below the last `src`, or below `tests`, `examples` and `benches`,
/// whose files are crates of their own. A file elsewhere is a crate if it has a name or a `main` that says so.
fn module_path(path: &str, text: &str) -> String {
    let parts: Vec<&str> = path.rsplit('!').next().unwrap_or(path).split('/').collect();
    let (file, folders) = match parts.split_last() {
        Some((file, folders)) => (file.strip_suffix(".rs").unwrap_or(file), folders),
        None => ("", &[][..]),
    };
    let source = folders.iter().rposition(|folder| *folder == "src");
    let target = folders
        .iter()
        .rposition(|folder| matches!(*folder, "tests" | "examples" | "benches"));
    match (source, target) {
        (Some(source), _) => match &folders[source + 1..] {
            ["bin", rest @ ..] => binary_path(rest, file),
            below => module_below(below, file),
        },
        (None, Some(target)) => binary_path(&folders[target + 1..], file),
        (None, None) if file == "build" || has_main(text) => "crate".to_owned(),
        (None, None) => module_below(&[], file),
    }
}

fn has_main(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches("pub ").trim_start_matches("async ");
        line.starts_with("fn main(")
    })
}

/// A file of a folder in which every file, and every folder with a `main.rs`, is a crate.
fn binary_path(folders: &[&str], file: &str) -> String {
    match folders {
        [] => "crate".to_owned(),
        [_] if file == "main" => "crate".to_owned(),
        _ => module_below(folders, file),
    }
}

fn module_below(folders: &[&str], file: &str) -> String {
    let own = match (folders, file) {
        ([], "lib" | "main") | (_, "mod") => None,
        _ => Some(file),
    };
    let names = folders.iter().copied().chain(own);
    names.fold("crate".to_owned(), |path, name| names::join(&path, name))
}
