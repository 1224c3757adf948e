//! An independent parser as oracle: over the interpreter's own standard library, every call and every store to an
//! attribute or subscript that `rustpython-parser` sees, the Python frontend sees at the same line, and no call twice.

use envrace::facts::{AccessForm, Event, FileFacts, Language, Node};
use envrace::input::Source;
use rayon::prelude::*;
use rustpython_parser::Parse;
use rustpython_parser::ast::fold::{self, Fold};
use rustpython_parser::ast::{self, ExprContext};
use rustpython_parser::text_size::TextRange;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is compared: how often something happens on each line.
#[derive(Default, Debug)]
struct Seen {
    calls: BTreeMap<u32, usize>,
    /// Stores and deletions of attributes and subscripts.
    stores: BTreeMap<u32, usize>,
}

/// The line of each offset of a text.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Lines(std::iter::once(0).chain(ends).collect())
    }

    fn of(&self, offset: usize) -> u32 {
        self.0.partition_point(|start| *start <= offset) as u32
    }
}

/// Collects what the oracle sees.
struct Oracle<'l> {
    seen: Seen,
    lines: &'l Lines,
}

impl Oracle<'_> {
    fn line(&self, range: TextRange) -> u32 {
        self.lines.of(range.start().to_usize())
    }

    fn store(&mut self, context: ExprContext, range: TextRange) {
        if !matches!(context, ExprContext::Load) {
            let line = self.line(range);
            *self.seen.stores.entry(line).or_default() += 1;
        }
    }
}

impl Fold<TextRange> for Oracle<'_> {
    type TargetU = TextRange;
    type Error = Infallible;
    type UserContext = ();

    fn will_map_user(&mut self, _: &TextRange) {}

    fn map_user(&mut self, range: TextRange, (): ()) -> Result<TextRange, Infallible> {
        Ok(range)
    }

    fn fold_expr_call(&mut self, node: ast::ExprCall) -> Result<ast::ExprCall, Infallible> {
        let line = self.line(node.range);
        *self.seen.calls.entry(line).or_default() += 1;
        fold::fold_expr_call(self, node)
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

/// What the oracle sees in `text`; none where it cannot parse it.
fn oracle(text: &str, lines: &Lines) -> Option<Seen> {
    let suite = ast::Suite::parse(text, "<file>").ok()?;
    let mut oracle = Oracle { seen: Seen::default(), lines };
    for statement in suite {
        let Ok(_) = oracle.fold_stmt(statement);
    }
    Some(oracle.seen)
}

/// What the frontend sees.
fn frontend(facts: &FileFacts, lines: &Lines) -> Seen {
    let mut seen = Seen::default();
    for function in &facts.functions {
        for call in &function.calls {
            *seen.calls.entry(lines.of(call.span.start as usize)).or_default() += 1;
        }
        stores(&function.body.nodes, lines, &mut seen.stores);
    }
    seen
}

fn stores(nodes: &[Node], lines: &Lines, seen: &mut BTreeMap<u32, usize>) {
    for node in nodes {
        match node {
            // A path such as `os.environ` is stored to as a whole, though it was written as an attribute.
            Node::Event(Event::Store { form: AccessForm::Whole | AccessForm::Attribute | AccessForm::Subscript, span, .. }) => {
                *seen.entry(lines.of(span.start as usize)).or_default() += 1;
            }
            Node::Event(_) => {}
            Node::Region(region) => stores(&region.nodes, lines, seen),
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
    let Ok(text) = std::fs::read_to_string(path) else { return Compared::default() };
    let lines = Lines::new(&text);
    let name = path.display().to_string();
    let source = Source { path: name.clone(), language: Language::Python, text: text.clone() };
    let (facts, problems) = envrace::frontend::python::lower(&source);
    let Some(expected) = oracle(&text, &lines) else {
        return Compared { refused: 1, ..Compared::default() };
    };
    let seen = frontend(&facts, &lines);
    let mut differences: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem:?}")).collect();
    let all_lines: BTreeSet<u32> = expected.calls.keys().chain(seen.calls.keys()).copied().collect();
    for line in all_lines {
        let (theirs, ours) = (expected.calls.get(&line).unwrap_or(&0), seen.calls.get(&line).unwrap_or(&0));
        if theirs != ours {
            differences.push(format!("{name}:{line}: {theirs} calls, the frontend sees {ours}"));
        }
    }
    for (line, theirs) in &expected.stores {
        let ours = seen.stores.get(line).unwrap_or(&0);
        if ours < theirs {
            differences.push(format!("{name}:{line}: {theirs} stores, the frontend sees {ours}"));
        }
    }
    let total = |lines: &BTreeMap<u32, usize>| lines.values().sum();
    Compared { files: 1, calls: total(&expected.calls), stores: total(&expected.stores), refused: 0, differences }
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
    let pool = rayon::ThreadPoolBuilder::new().stack_size(64 << 20).build().expect("threads can be started");
    let all: Vec<Compared> = pool.install(|| files.par_iter().map(|path| compare(path)).collect());
    let differences: Vec<&String> = all.iter().flat_map(|compared| &compared.differences).collect();
    let sum = |of: fn(&Compared) -> usize| all.iter().map(of).sum::<usize>();
    let (compared, calls, stores) = (sum(|c| c.files), sum(|c| c.calls), sum(|c| c.stores));
    println!("{compared} files, {calls} calls, {stores} stores; {} files refused by the oracle", sum(|c| c.refused));
    let shown: Vec<&&String> = differences.iter().take(40).collect();
    assert!(differences.is_empty(), "{} differences, first: {shown:#?}", differences.len());
    assert!(compared > 300 && calls > 30_000 && stores > 5_000, "too little was compared");
}
