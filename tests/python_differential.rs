//! An independent parser as oracle: over the interpreter's own standard library, every call (a bare decorator is one too) and every
//! store to an attribute or subscript that `rustpython-parser` sees, the Python frontend sees at the same place, and nothing twice.

use envrace::facts::{Event, FileFacts, Language, Node};
use envrace::input::Source;
use rayon::prelude::*;
use rustpython_parser::Parse;
use rustpython_parser::ast::fold::{self, Fold};
use rustpython_parser::ast::{self, ExprContext, Ranged};
use rustpython_parser::text_size::TextRange;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compared: how often each stretch of source, by its first and last offset, is a call or a store.
#[derive(Default, Debug)]
struct Seen {
    calls: BTreeMap<(usize, usize), usize>,
    /// Stores to and deletions of attributes and subscripts.
    stores: BTreeMap<(usize, usize), usize>,
}

/// Collects what the oracle sees.
#[derive(Default)]
struct Oracle {
    seen: Seen,
}

impl Oracle {
    /// `@property` calls what it names, as `@route("/")` calls what the call gives.
    fn decorators(&mut self, decorators: &[ast::Expr]) {
        for decorator in decorators.iter().filter(|decorator| !decorator.is_call_expr()) {
            *self.seen.calls.entry(offsets(decorator.range())).or_default() += 1;
        }
    }

    fn store(&mut self, context: ExprContext, range: TextRange) {
        if !matches!(context, ExprContext::Load) {
            *self.seen.stores.entry(offsets(range)).or_default() += 1;
        }
    }
}

impl Fold<TextRange> for Oracle {
    type TargetU = TextRange;
    type Error = Infallible;
    type UserContext = ();

    fn will_map_user(&mut self, _: &TextRange) {}

    fn map_user(&mut self, range: TextRange, (): ()) -> Result<TextRange, Infallible> {
        Ok(range)
    }

    fn fold_expr_call(&mut self, node: ast::ExprCall) -> Result<ast::ExprCall, Infallible> {
        *self.seen.calls.entry(offsets(node.range)).or_default() += 1;
        fold::fold_expr_call(self, node)
    }

    fn fold_stmt_function_def(&mut self, node: ast::StmtFunctionDef) -> Result<ast::StmtFunctionDef, Infallible> {
        self.decorators(&node.decorator_list);
        fold::fold_stmt_function_def(self, node)
    }

    fn fold_stmt_async_function_def(
        &mut self,
        node: ast::StmtAsyncFunctionDef,
    ) -> Result<ast::StmtAsyncFunctionDef, Infallible> {
        self.decorators(&node.decorator_list);
        fold::fold_stmt_async_function_def(self, node)
    }

    fn fold_stmt_class_def(&mut self, node: ast::StmtClassDef) -> Result<ast::StmtClassDef, Infallible> {
        self.decorators(&node.decorator_list);
        fold::fold_stmt_class_def(self, node)
    }

    fn fold_expr_attribute(&mut self, node: ast::ExprAttribute) -> Result<ast::ExprAttribute, Infallible> {
        self.store(node.ctx, node.range);
        fold::fold_expr_attribute(self, node)
    }

    fn fold_expr_subscript(&mut self, node: ast::ExprSubscript) -> Result<ast::ExprSubscript, Infallible> {
        self.store(node.ctx, node.range);
        fold::fold_expr_subscript(self, node)
    }

    fn fold_stmt_ann_assign(&mut self, mut node: ast::StmtAnnAssign) -> Result<ast::StmtAnnAssign, Infallible> {
        if node.value.is_none() {
            // `self.x: int` declares and stores nothing.
            match &mut *node.target {
                ast::Expr::Attribute(target) => target.ctx = ExprContext::Load,
                ast::Expr::Subscript(target) => target.ctx = ExprContext::Load,
                _ => {}
            }
        }
        fold::fold_stmt_ann_assign(self, node)
    }
}

fn offsets(range: TextRange) -> (usize, usize) {
    (range.start().to_usize(), range.end().to_usize())
}

/// What the oracle sees in `text`; none where it cannot parse it.
fn oracle(text: &str) -> Option<Seen> {
    let suite = ast::Suite::parse(text, "<file>").ok()?;
    let mut oracle = Oracle::default();
    for statement in suite {
        let Ok(_) = oracle.fold_stmt(statement);
    }
    Some(oracle.seen)
}

/// What the frontend sees.
fn frontend(facts: &FileFacts) -> Seen {
    let mut seen = Seen::default();
    for function in &facts.functions {
        for call in &function.calls {
            *seen
                .calls
                .entry((call.span.start as usize, call.span.end as usize))
                .or_default() += 1;
        }
        stores(&function.body.nodes, &mut seen.stores);
    }
    seen
}

fn stores(nodes: &[Node], seen: &mut BTreeMap<(usize, usize), usize>) {
    for node in nodes {
        match node {
            // Stores to names are among these too, and are passed over when the two are compared.
            Node::Event(Event::Store { span, .. }) => {
                *seen.entry((span.start as usize, span.end as usize)).or_default() += 1;
            }
            Node::Event(_) => {}
            Node::Region(region) => stores(&region.nodes, seen),
        }
    }
}

/// What one file adds to the comparison.
#[derive(Default)]
struct Compared {
    files: usize,
    calls: usize,
    stores: usize,
    refused: usize,
    differences: Vec<String>,
}

fn compare(path: &Path) -> Compared {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Compared::default();
    };
    let name = path.display().to_string();
    let source = Source {
        path: name.clone(),
        language: Language::Python,
        text: text.clone(),
    };
    let (facts, problems) = envrace::frontend::python::lower(&source);
    let Some(expected) = oracle(&text) else {
        return Compared {
            refused: 1,
            ..Compared::default()
        };
    };
    let seen = frontend(&facts);
    let mut differences: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem:?}")).collect();
    let mut differ = |what: &str, at: (usize, usize), theirs: usize, ours: usize| {
        let line = 1 + text[..at.0].matches('\n').count();
        differences.push(format!(
            "{name}:{line}: {theirs} {what}, the frontend sees {ours}: {}",
            &text[at.0..at.1]
        ));
    };
    let all: BTreeSet<(usize, usize)> = expected.calls.keys().chain(seen.calls.keys()).copied().collect();
    for at in all {
        let (theirs, ours) = (
            *expected.calls.get(&at).unwrap_or(&0),
            *seen.calls.get(&at).unwrap_or(&0),
        );
        // The frontend understands Python 2's `print >>file`, which is a mere shift to the oracle.
        if theirs != ours && !text[at.0..].starts_with("print >>") {
            differ("calls", at, theirs, ours);
        }
    }
    for (at, theirs) in &expected.stores {
        let ours = *seen.stores.get(at).unwrap_or(&0);
        if ours != *theirs {
            differ("stores", *at, *theirs, ours);
        }
    }
    let total = |seen: &BTreeMap<(usize, usize), usize>| seen.values().sum();
    Compared {
        files: 1,
        calls: total(&expected.calls),
        stores: total(&expected.stores),
        refused: 0,
        differences,
    }
}

/// The interpreter's standard library; none where there is no interpreter.
fn standard_library() -> Option<PathBuf> {
    let script = "import sysconfig; print(sysconfig.get_paths()['stdlib'])";
    let output = Command::new("python3").args(["-c", script]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.join("os.py").is_file().then_some(path)
}

#[test]
fn the_frontend_sees_what_another_parser_sees() {
    let Some(library) = standard_library() else {
        eprintln!("SKIPPED: no python3 with a standard library on this machine");
        return;
    };
    let files: Vec<PathBuf> = walkdir::WalkDir::new(&library)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != "site-packages")
        .filter_map(Result::ok)
        .map(walkdir::DirEntry::into_path)
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    // The oracle recurses without bounds.
    let pool = rayon::ThreadPoolBuilder::new()
        .stack_size(64 << 20)
        .build()
        .expect("threads can be started");
    let all: Vec<Compared> = pool.install(|| files.par_iter().map(|path| compare(path)).collect());
    let differences: Vec<&String> = all.iter().flat_map(|compared| &compared.differences).collect();
    let sum = |of: fn(&Compared) -> usize| all.iter().map(of).sum::<usize>();
    let (compared, calls, stores) = (sum(|c| c.files), sum(|c| c.calls), sum(|c| c.stores));
    println!(
        "{compared} files, {calls} calls, {stores} stores; {} files refused by the oracle",
        sum(|c| c.refused)
    );
    let shown: Vec<&&String> = differences.iter().take(40).collect();
    assert!(
        differences.is_empty(),
        "{} differences, first: {shown:#?}",
        differences.len()
    );
    assert!(
        compared > 300 && calls > 30_000 && stores > 5_000,
        "too little was compared"
    );
}
