//! C to facts.
//!
//! C is read without its headers and without knowing how it is built, so most of the work comes before the grammar:
//! [`lex`] splits the text, [`preprocess`] takes out the `#` lines and decides which arms stay, [`macros`] expands what does
//! not read as C unexpanded, [`normalise`] and [`header`] rewrite the rest that would not. What they leave is written out
//! again ([`text`]), read by tree-sitter, and lowered: [`declare`], [`statements`], [`values`]. Every token keeps its
//! place in the file through all of this.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use tree_sitter::{Node as Syntax, ParseOptions, ParseState, Parser, Tree};

use crate::facts::{
    FileFacts, Function, FunctionKind, Language, Name, OUT_OF_TIME, ParameterKind, Problem, ProblemKind, Visibility,
};
use crate::input::Source;

mod alias;
mod arms;
mod brackets;
mod condition;
mod declarator;
mod declare;
mod elsewhere;
#[cfg(test)]
mod dump;
mod header;
mod headers;
mod initial;
mod lex;
mod literal;
mod macros;
mod normalise;
mod preprocess;
mod rewrite;
mod scope;
mod simplify;
mod statements;
mod switch;
mod test;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod values;
mod words;

use lex::{Texts, Token};
use macros::{Expanded, Macro};
use normalise::Found;
use preprocess::{Dead, Prepared};
use scope::{Builder, Evaluation, Lowering, children};
use text::{Lines, Written};

/// How much work the grammar may take for one file, in hundreds of its steps: some five times what the largest file takes
/// that is read at all. Steps and not seconds, so that a file is the same on every machine.
const STEPS: u32 = 600_000;

/// Steps can be slow where a text has many readings at once; this is what ends those.
const PATIENCE: Duration = Duration::from_secs(20);

pub use headers::{Header, Headers};

/// Lowers one file by itself; never fails.
pub fn lower(source: &Source) -> (FileFacts, Vec<Problem>) {
    lower_with(source, &Headers::default())
}

/// Lowers one file that may be written in macros of these headers; never fails.
pub fn lower_with(source: &Source, headers: &Headers) -> (FileFacts, Vec<Problem>) {
    let lines = Lines::new(&source.text);
    let mut reader = Reader::new(&source.path, headers);
    let mut problems = Problems::new(source);
    let Reading {
        prepared,
        mut texts,
        written,
        found,
        cut,
        tree,
    } = reader.read(&source.text, &lines);
    let (macro_tokens, macro_names) = macro_functions(&prepared.macros, &mut texts, &source.text);
    let empty = Written::new(Vec::new(), &texts);
    let mut lowering = Lowering::new(&lines, &prepared.arms, &prepared.pragmas, &written);
    if let Some(tree) = tree {
        if tree.root_node().has_error() {
            problems.partial(first_error(tree.root_node()).map(|node| lowering.span(node).line));
        }
        lower_tree(&mut lowering, tree.root_node(), &found);
    }
    let lost = lost_functions(&lowering, &found, &written);
    let rescued: Vec<Written> = lost
        .iter()
        .map(|found| Written::new(written.tokens_of(found.tokens.clone()), &texts))
        .collect();
    for (found, piece) in lost.iter().zip(&rescued) {
        lowering.written = piece;
        if let Some(tree) = reader.parse(&piece.text) {
            rescue(&mut lowering, tree.root_node(), found);
        }
    }
    let macro_text = Written::new(macro_tokens, &texts);
    lowering.written = &macro_text;
    let prototypes = lowering.prototypes.len();
    if let Some(tree) = reader.parse(&macro_text.text) {
        lower_macros(&mut lowering, tree.root_node(), &prepared.macros, &macro_names);
    }
    lowering.prototypes.truncate(prototypes);
    lowering.written = &empty;
    alias::stores(&mut lowering, &prepared.macros, &source.text);

    if let Some(line) = lowering.too_deep {
        problems.limit("code nests too deep and was passed over there", Some(line));
    }
    if reader.gave_up {
        problems.limit(OUT_OF_TIME, None);
    }
    if cut {
        problems.limit(
            "its macros expand to too much; some of their uses were left as they stand",
            None,
        );
    }
    let mut functions = lowering.functions;
    let types = lowering.types;
    let module = lowering.current;
    functions[0].locals = module.locals;
    functions[0].calls = module.calls;
    functions[0].body.nodes = module.nodes;
    let prototypes = lowering.prototypes;
    let facts = FileFacts {
        path: source.path.clone(),
        language: Language::C,
        module: String::new(),
        functions: settle(functions, prototypes),
        types,
        imports: prepared.includes,
        statics: lowering.statics,
        directives: prepared.directives,
    };
    (facts, problems.all)
}

/// Problems of one file: at most one of a kind that says where.
struct Problems<'s> {
    source: &'s Source,
    all: Vec<Problem>,
}

impl<'s> Problems<'s> {
    fn new(source: &'s Source) -> Problems<'s> {
        Problems {
            source,
            all: Vec::new(),
        }
    }

    fn partial(&mut self, line: Option<u32>) {
        self.all.push(Problem {
            path: self.source.path.clone(),
            kind: ProblemKind::Partial,
            message: "some of this file does not read as C; the rest of it was understood".to_owned(),
            line,
        });
    }

    fn limit(&mut self, message: &str, line: Option<u32>) {
        self.all.push(Problem {
            path: self.source.path.clone(),
            kind: ProblemKind::Limit,
            message: message.to_owned(),
            line,
        });
    }
}

/// A file before it is lowered.
struct Reading<'s> {
    prepared: Prepared,
    texts: Texts<'s>,
    written: Written,
    found: Vec<Found>,
    /// Macros would have expanded to more than is read.
    cut: bool,
    tree: Option<Tree>,
}

impl Reading<'_> {
    fn has_error(&self) -> bool {
        self.tree.as_ref().is_none_or(|tree| tree.root_node().has_error())
    }
}

/// The grammar, with one allowance of time for all that is read of a file.
struct Reader<'h> {
    path: &'h str,
    headers: &'h Headers,
    parser: Option<Parser>,
    steps: u32,
    until: Instant,
    gave_up: bool,
}

impl<'h> Reader<'h> {
    fn new(path: &'h str, headers: &'h Headers) -> Reader<'h> {
        let mut parser = Parser::new();
        let known = parser.set_language(&tree_sitter_c::LANGUAGE.into()).is_ok();
        Reader {
            path,
            headers,
            parser: known.then_some(parser),
            steps: STEPS,
            until: Instant::now() + PATIENCE,
            gave_up: !known,
        }
    }

    /// Reads a file. Dead code is often no code at all (`#if 0` around prose), so where something does not read as C and
    /// the file reads better without what is never compiled, that is left out.
    fn read<'s>(&mut self, text: &'s str, lines: &Lines) -> Reading<'s> {
        let whole = self.read_with(text, lines, Dead::Kept);
        if !whole.has_error() || !whole.prepared.keeps_dead {
            return whole;
        }
        let living = self.read_with(text, lines, Dead::Dropped);
        match !living.has_error() || living.found.len() >= whole.found.len() {
            true => living,
            false => whole,
        }
    }

    fn read_with<'s>(&mut self, text: &'s str, lines: &Lines, dead: Dead) -> Reading<'s> {
        let mut prepared = preprocess::prepare(text, lines, dead);
        let mut texts = Texts::new(text);
        let tokens = std::mem::take(&mut prepared.tokens);
        let own = prepared.macros.len();
        let shared = self
            .headers
            .used_in(self.path, &prepared.includes, &prepared.macros, &tokens, &mut texts);
        prepared.macros.extend(shared);
        let Expanded { tokens, cut } = macros::expand(tokens, &prepared.macros, &mut texts);
        prepared.macros.truncate(own);
        let tokens = simplify::simplify(tokens, &mut texts);
        let (tokens, found) = normalise::normalise(&tokens, &mut texts, text);
        let written = Written::new(tokens, &texts);
        let tree = self.parse(&written.text);
        Reading {
            prepared,
            texts,
            written,
            found,
            cut,
            tree,
        }
    }

    fn parse(&mut self, text: &str) -> Option<Tree> {
        let until = self.until;
        let steps = &mut self.steps;
        let mut check = |_: &ParseState| {
            *steps = steps.saturating_sub(1);
            *steps == 0 || steps.is_multiple_of(16) && Instant::now() > until
        };
        let options = ParseOptions::new().progress_callback(&mut check);
        let bytes = text.as_bytes();
        let parser = self.parser.as_mut()?;
        let tree = parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or(&[]), None, Some(options));
        if tree.is_none() {
            parser.reset();
            self.gave_up = true;
        }
        tree
    }
}

fn first_error(root: Syntax<'_>) -> Option<Syntax<'_>> {
    let mut node = root;
    loop {
        if node.is_error() || node.is_missing() {
            return Some(node);
        }
        let mut cursor = node.walk();
        node = node
            .children(&mut cursor)
            .find(|child| child.has_error() || child.is_missing())?;
    }
}

/// Lowers everything at file scope.
fn lower_tree(lowering: &mut Lowering, root: Syntax, found: &[Found]) {
    let bodies: HashSet<usize> = found
        .iter()
        .map(|found| lowering.written.start_of(found.brace))
        .collect();
    let mut flat = Vec::new();
    file_items(root, &mut flat);
    let base = Builder::default();
    lowering.current = base;
    lowering.file_items(&flat, &bodies);
}

/// What stands at file scope, through `extern "C"` blocks and around errors.
fn file_items<'t>(root: Syntax<'t>, out: &mut Vec<Syntax<'t>>) {
    let mut waiting = vec![root];
    while let Some(node) = waiting.pop() {
        match node.kind() {
            "translation_unit" | "ERROR" | "linkage_specification" | "declaration_list" => {
                waiting.extend(children(node).into_iter().rev());
            }
            _ => out.push(node),
        }
    }
}

impl Lowering<'_> {
    /// Lowers items of the file scope; functions are those whose bodies begin in `bodies`.
    fn file_items(&mut self, items: &[Syntax], bodies: &HashSet<usize>) {
        for item in items {
            let path = self.arms.path(self.offset(*item));
            let regions: Vec<_> = path.iter().filter_map(|arm| self.arm_region(*arm)).collect();
            if item.kind() == "function_definition" {
                let known = item
                    .child_by_field_name("body")
                    .is_some_and(|body| bodies.contains(&body.start_byte()));
                if known {
                    self.function_definition(*item);
                }
                continue;
            }
            let (_, mut nodes) = self.gather(|lowering| lowering.file_item(*item));
            for (kind, span) in regions.into_iter().rev() {
                if !nodes.is_empty() {
                    nodes = vec![crate::facts::Node::Region(Box::new(crate::facts::Region {
                        kind,
                        nodes,
                        span,
                    }))];
                }
            }
            self.current.nodes.extend(nodes);
        }
    }

    fn file_item(&mut self, item: Syntax) {
        match item.kind() {
            "declaration" => self.file_declaration(item),
            "type_definition" | "struct_specifier" | "union_specifier" | "enum_specifier" => self.type_item(item),
            "expression_statement"
                // `REGISTER(function);` at file scope: a macro that does something with what it names.
                if item
                    .named_child(0)
                    .is_some_and(|child| child.kind() == "call_expression")
                => {
                    self.evaluation = Evaluation::Run;
                    for expression in children(item) {
                        self.discard(expression);
                    }
                    self.evaluation = Evaluation::Constant;
                }
            _ => {}
        }
    }
}

/// The functions that the tree does not have, since something before or in them does not read as C.
fn lost_functions<'f>(lowering: &Lowering, found: &'f [Found], written: &Written) -> Vec<&'f Found> {
    let have: HashSet<u32> = lowering.functions.iter().map(|function| function.span.end).collect();
    found
        .iter()
        .filter(|found| !found.name.is_empty() && !have.contains(&written.end_place(found.tokens.end)))
        .collect()
}

/// Lowers a function from its own text alone.
fn rescue(lowering: &mut Lowering, root: Syntax, found: &Found) {
    let mut items = Vec::new();
    file_items(root, &mut items);
    let definition = items.iter().find(|item| {
        let body = item
            .child_by_field_name("body")
            .filter(|_| item.kind() == "function_definition");
        body.is_some_and(|body| body.start_byte() == lowering.written.start_of(found.brace - found.tokens.start))
    });
    if let Some(definition) = definition {
        lowering.function_definition(*definition);
        return;
    }
    // Not even that: what reads as statements is taken as the body of a function of that name.
    let brace = lowering.written.start_of(found.brace - found.tokens.start);
    let body: Vec<Syntax> = items.into_iter().filter(|item| item.start_byte() >= brace).collect();
    let span = lowering.span(root);
    let mut function = scope::empty_function(&found.name, FunctionKind::Function, span);
    function.name_span = lowering.lines.span(span.start, span.start);
    let outer = lowering.begin_function(function);
    lowering.evaluation = Evaluation::Run;
    lowering.items(&body, span.start);
    lowering.evaluation = Evaluation::Constant;
    lowering.end_function(outer);
}

/// The function-like macros that do something, as functions; with the macro that each comes from.
fn macro_functions(macros: &[Macro], texts: &mut Texts, source: &str) -> (Vec<Token>, Vec<usize>) {
    let mut tokens = Vec::new();
    let mut made = Vec::new();
    for (index, found) in macros.iter().enumerate() {
        let Some(body) = found.code(texts) else { continue };
        let body = simplify::simplify(body, texts);
        let body = normalise::normalise_code(&body, texts, source);
        let place = found.name_at;
        tokens.push(texts.word("int", &place));
        tokens.push(place);
        tokens.push(texts.mark(b'(', &place));
        for (position, parameter) in found.parameters.iter().flatten().enumerate() {
            if position > 0 {
                tokens.push(texts.mark(b',', &place));
            }
            tokens.push(texts.word(parameter, &place));
        }
        tokens.extend([texts.mark(b')', &place), texts.mark(b'{', &place)]);
        let expression = found.is_expression(texts);
        if expression {
            tokens.extend([texts.word("return", &place), texts.mark(b'(', &place)]);
        }
        let last = body.last().copied().unwrap_or(place);
        tokens.extend(body);
        if expression {
            tokens.push(texts.mark(b')', &last));
        }
        tokens.extend([texts.mark(b';', &last), texts.mark(b'}', &last)]);
        made.push(index);
    }
    (tokens, made)
}

fn lower_macros(lowering: &mut Lowering, root: Syntax, macros: &[Macro], made: &[usize]) {
    let by_place: HashMap<u32, &Macro> = made
        .iter()
        .map(|index| (macros[*index].name_at.at, &macros[*index]))
        .collect();
    let mut items = Vec::new();
    file_items(root, &mut items);
    for item in items.into_iter().filter(|item| item.kind() == "function_definition") {
        let Some(found) = by_place.get(&lowering.offset(item)) else {
            continue;
        };
        let at = lowering.functions.len();
        lowering.function_definition(item);
        let Some(function) = lowering.functions.get_mut(at) else {
            continue;
        };
        let count = found.parameters.as_ref().map_or(0, Vec::len);
        declare::as_macro(function, count);
        function.span = found.span;
        if found.variadic
            && let Some(rest) = count.checked_sub(1).and_then(|last| function.locals.get_mut(last))
        {
            rest.parameter = Some(ParameterKind::VarPositional);
        }
    }
}

/// Gives definitions what their prototypes say. A prototype is kept where no definition follows, once a name.
fn settle(mut functions: Vec<Function>, prototypes: Vec<Function>) -> Vec<Function> {
    let mut by_name: HashMap<&str, (Vec<&crate::facts::Attribute>, Visibility)> = HashMap::new();
    for prototype in &prototypes {
        let known = by_name
            .entry(&prototype.name)
            .or_insert((Vec::new(), Visibility::Public));
        known.0.extend(&prototype.attributes);
        if prototype.visibility == Visibility::Private {
            known.1 = Visibility::Private;
        }
    }
    for function in functions
        .iter_mut()
        .filter(|function| function.kind == FunctionKind::Function)
    {
        let Some((attributes, visibility)) = by_name.get(function.name.as_str()) else {
            continue;
        };
        for attribute in attributes {
            if !function.attributes.iter().any(|own| own.value == attribute.value) {
                function.attributes.push((*attribute).clone());
            }
        }
        if *visibility == Visibility::Private {
            function.visibility = Visibility::Private;
        }
    }
    let mut seen: HashSet<Name> = functions
        .iter()
        .filter(|function| function.kind == FunctionKind::Function)
        .map(|function| function.name.clone())
        .collect();
    functions.extend(
        prototypes
            .into_iter()
            .filter(|prototype| seen.insert(prototype.name.clone())),
    );
    functions
}
