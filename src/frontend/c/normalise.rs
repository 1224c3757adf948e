//! Tokens as people write them to tokens that the grammar reads.
//!
//! Without the headers, `NAME(args) {`, `BEGINaction … ENDaction`, `FOREACH(x, list) {`, a macro without its semicolon,
//! or a type as an argument do not read as C. Here they are rewritten into something of the same meaning that does. Each
//! made-up token stands at the place of the token beside it, so that positions stay right.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::header;
use super::lex::{Kind, Texts, Token};
use super::words::{self, Part};

/// A function definition in the rewritten tokens.
#[derive(Debug)]
pub(super) struct Found {
    pub name: String,
    /// From the header's first token to the closing brace.
    pub tokens: Range<usize>,
    /// The body's opening brace.
    pub brace: usize,
}

/// Rewrites a file's tokens; says where its functions are.
pub(super) fn normalise(tokens: &[Token], texts: &mut Texts, source: &str) -> (Vec<Token>, Vec<Found>) {
    let mut normaliser = Normaliser {
        pairs: pair_brackets(tokens, source),
        parts: parts(tokens, texts),
        ends: block_ends(tokens, texts),
        tokens,
        texts,
        out: Vec::with_capacity(tokens.len() + 64),
        found: Vec::new(),
    };
    normaliser.file_scope();
    (normaliser.out, normaliser.found)
}

/// Rewrites the body of a macro, which is code of a function.
pub(super) fn normalise_code(tokens: &[Token], texts: &mut Texts, source: &str) -> Vec<Token> {
    let mut normaliser = Normaliser {
        pairs: pair_brackets(tokens, source),
        parts: parts(tokens, texts),
        ends: HashMap::new(),
        tokens,
        texts,
        out: Vec::with_capacity(tokens.len() + 8),
        found: Vec::new(),
    };
    normaliser.code(0..tokens.len(), Scope::Function);
    normaliser.out
}

/// The longest run of words that is taken for a declaration.
const RUN: usize = 32;

/// The part of every word.
fn parts(tokens: &[Token], texts: &Texts) -> Vec<Option<Part>> {
    tokens
        .iter()
        .map(|token| (token.kind == Kind::Word).then(|| words::part(texts.of(token))))
        .collect()
}

/// No bracket closes this one.
const UNPAIRED: u32 = u32::MAX;

/// For every opening bracket the index of the one that closes it, and the other way round.
fn pair_brackets(tokens: &[Token], source: &str) -> Vec<u32> {
    let (pairs, complete) = pair_with(tokens, source, false);
    match complete {
        true => pairs,
        // Some brace is missing: a closing brace in the first column ends everything.
        false => pair_with(tokens, source, true).0,
    }
}

fn pair_with(tokens: &[Token], source: &str, first_column_closes: bool) -> (Vec<u32>, bool) {
    let mut pairs = vec![UNPAIRED; tokens.len()];
    let mut stack: Vec<(usize, u8)> = Vec::new();
    let mut braces = 0;
    for (index, token) in tokens.iter().enumerate() {
        let Kind::Mark(mark) = token.kind else { continue };
        match mark {
            b'(' | b'[' | b'{' => {
                braces += usize::from(mark == b'{');
                stack.push((index, mark));
            }
            b')' | b']' => {
                let wanted = if mark == b')' { b'(' } else { b'[' };
                if stack.last().is_some_and(|(_, open)| *open == wanted) {
                    let (open, _) = stack.pop().expect("the stack has a last element");
                    pairs[open] = index as u32;
                    pairs[index] = open as u32;
                }
            }
            b'}' if braces > 0 => {
                let first_column = token.start == 0 || source.as_bytes().get(token.start as usize - 1) == Some(&b'\n');
                let wanted = if first_column_closes && first_column { braces } else { 1 };
                for _ in 0..wanted {
                    while stack.last().is_some_and(|(_, open)| *open != b'{') {
                        stack.pop();
                    }
                    if let Some((open, _)) = stack.pop() {
                        pairs[index] = open as u32;
                        pairs[open] = UNPAIRED;
                    }
                }
                let opening = pairs[index] as usize;
                pairs[opening] = index as u32;
                braces -= wanted;
            }
            _ => {}
        }
    }
    (pairs, braces == 0)
}

/// Words that open a line and hold `END`, with their places: what may close a `BEGIN…`.
fn block_ends(tokens: &[Token], texts: &Texts) -> HashMap<String, Vec<usize>> {
    let mut ends: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, token) in tokens.iter().enumerate() {
        if token.opens_line && token.kind == Kind::Word {
            let word = texts.of(token);
            if word.contains("END") || word.contains("End") || word.contains("end") {
                ends.entry(word.to_owned()).or_default().push(index);
            }
        }
    }
    ends
}

/// What an opening brace at file scope opens.
enum Brace {
    Function,
    /// `extern "C" {`
    Linkage,
    /// A type's body or an initialiser.
    Data,
}

/// Where code stands that is rewritten.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    File,
    Function,
}

/// What a pair of braces holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Statements,
    /// An initialiser.
    Data,
    /// A struct's or union's body.
    Fields,
    Enumerators,
}

pub(super) struct Normaliser<'t, 's> {
    pub tokens: &'t [Token],
    pub pairs: Vec<u32>,
    /// What part each token plays that is a word.
    parts: Vec<Option<Part>>,
    ends: HashMap<String, Vec<usize>>,
    pub texts: &'t mut Texts<'s>,
    out: Vec<Token>,
    found: Vec<Found>,
}

impl Normaliser<'_, '_> {
    pub fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| self.texts.of(token))
    }

    pub fn is(&self, index: usize, mark: u8) -> bool {
        self.tokens.get(index).is_some_and(|token| token.is(mark))
    }

    pub fn is_word(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == Kind::Word)
    }

    /// A word that is no keyword.
    pub fn is_name(&self, index: usize) -> bool {
        self.part(index) == Some(Part::Name)
    }

    /// What part a word plays; `None` for what is no word.
    pub fn part(&self, index: usize) -> Option<Part> {
        self.parts.get(index).copied().flatten()
    }

    fn opens_line(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.opens_line)
    }

    /// The bracket that closes the one at `index`.
    pub fn pair(&self, index: usize) -> Option<usize> {
        self.pairs
            .get(index)
            .copied()
            .filter(|pair| *pair != UNPAIRED && *pair as usize > index)
            .map(|pair| pair as usize)
    }

    fn file_scope(&mut self) {
        let (mut start, mut at) = (0, 0);
        while at < self.tokens.len() {
            if at == start {
                if let Some(next) = self.item_opening(at) {
                    (start, at) = (next, next);
                    continue;
                }
            }
            match self.tokens[at].kind {
                Kind::Mark(b'(' | b'[') => at = self.pair(at).unwrap_or(at) + 1,
                Kind::Mark(b';') => match self.old_style_body(start, at) {
                    Some(brace) => {
                        at = self.function(start, brace);
                        start = at;
                    }
                    None => {
                        match header::prototype(self, start, at) {
                            Some(head) => {
                                self.out.extend(head);
                                self.out.push(self.tokens[at]);
                            }
                            None => self.code(start..at + 1, Scope::File),
                        }
                        at += 1;
                        start = at;
                    }
                },
                Kind::Mark(b'{') => match self.brace_role(start, at) {
                    Brace::Function => {
                        at = self.function(start, at);
                        start = at;
                    }
                    Brace::Linkage => {
                        at += 1;
                        start = at;
                    }
                    Brace::Data => at = self.pair(at).unwrap_or(self.tokens.len()) + 1,
                },
                Kind::Mark(b'}') => {
                    self.code(start..at, Scope::File);
                    at += 1;
                    start = at;
                }
                _ => at += 1,
            }
        }
        self.code(start..self.tokens.len(), Scope::File);
    }

    /// Takes what stands at the beginning of an item and is none; returns where the next item begins.
    fn item_opening(&mut self, at: usize) -> Option<usize> {
        let token = self.tokens[at];
        if token.is(b';') || token.is(b'}') {
            return Some(at + 1);
        }
        if !self.is_name(at) {
            return None;
        }
        let after = match self.is(at + 1, b'(') {
            true => self.pair(at + 1)? + 1,
            false => at + 1,
        };
        if token.opens_line && (self.opens_line(after) || self.is(after, b';')) {
            if let Some(next) = self.begin_end_block(at, after) {
                return Some(next);
            }
        }
        if after > at + 1 && self.is_word(after) && self.opens_line(after) && self.old_style_body(at, after).is_none() {
            // A macro without its semicolon.
            self.code(at..after, Scope::File);
            let end = self.texts.mark(b';', &self.tokens[after - 1]);
            self.out.push(end);
            return Some(after);
        }
        let next = self.text(after);
        let lone = after == at + 1 && token.opens_line && (after >= self.tokens.len() || self.opens_line(after));
        if lone && !self.may_be_type_of(after) {
            return Some(after);
        }
        if after == at + 1 && (words::is_qualifier(next) || words::is_type(next)) && next != "const" {
            // A decoration before the declaration's first keyword.
            return Some(after);
        }
        None
    }

    /// Whether what begins at `at`, a line below a lone word, can be a declaration with that word as its type.
    fn may_be_type_of(&self, at: usize) -> bool {
        if at >= self.tokens.len() {
            return false;
        }
        if !self.is_name(at) || self.is_name(at + 1) || self.is(at + 1, b'*') {
            return !self.is_name(at);
        }
        if !self.is(at + 1, b'(') {
            return !self.opens_line(at + 1);
        }
        // A call that ends its line is one more macro; a head goes on with its body or parameters.
        let Some(after) = self.pair(at + 1).map(|close| close + 1) else {
            return true;
        };
        !self.is_word(after) || !self.opens_line(after) || self.old_style_body(at, after).is_some()
    }

    /// `BEGINname … ENDname` without known definitions: a function that is named like the opening macro.
    fn begin_end_block(&mut self, at: usize, after: usize) -> Option<usize> {
        let name = self.text(at);
        let end_name = [("BEGIN", "END"), ("Begin", "End"), ("begin", "end")]
            .iter()
            .find(|(begin, _)| name.contains(begin))
            .map(|(begin, end)| name.replacen(begin, end, 1))?;
        let places = self.ends.get(&end_name)?;
        let end = *places.get(places.partition_point(|place| *place < after))?;
        // Declarations between two such markers are no function's body: `G_BEGIN_DECLS … G_END_DECLS`.
        if name.ends_with("DECLS") || name.ends_with("decls") || end - after > 20_000 {
            return None;
        }
        let name = name.to_owned();
        let place = self.tokens[at];
        let from = self.out.len();
        let int = self.texts.word("int", &place);
        let open = self.texts.mark(b'(', &place);
        let close = self.texts.mark(b')', &place);
        let brace = self.texts.mark(b'{', &place);
        self.out.extend([int, place, open, close, brace]);
        self.code(after..end, Scope::Function);
        self.finish_label(&place);
        let last = self.texts.mark(b'}', &self.tokens[end]);
        self.out.push(last);
        self.found.push(Found {
            name,
            tokens: from..self.out.len(),
            brace: from + 4,
        });
        let next = match self.is(end + 1, b'(') {
            true => self.pair(end + 1).map_or(end + 1, |close| close + 1),
            false => end + 1,
        };
        Some(next)
    }

    /// The body's brace, where the item that seems to end at the semicolon is the head of a definition in the old
    /// style: `int f(a, b) int a; char *b; {`.
    fn old_style_body(&self, start: usize, semicolon: usize) -> Option<usize> {
        let open = (start..semicolon).find(|index| self.is(*index, b'('))?;
        let close = self.pair(open)?;
        let names_only = close > open + 1
            && (open + 1..close).all(|index| match (index - open) % 2 {
                1 => self.is_name(index),
                _ => self.is(index, b','),
            });
        let declares = self.is_word(close + 1) && !words::is_attached(self.text(close + 1));
        if !names_only || !declares || !self.is_name(open.checked_sub(1)?) || open - 1 < start {
            return None;
        }
        let mut at = close + 1;
        let mut previous = close;
        for _ in 0..400 {
            match self.tokens.get(at)?.kind {
                Kind::Mark(b'{') => return self.is(previous, b';').then_some(at),
                Kind::Mark(b'}' | b'=') => return None,
                Kind::Mark(b'(') if !self.is(at + 1, b'*') && !self.is(previous, b')') => return None,
                Kind::Mark(b'(') => {
                    previous = self.pair(at)?;
                    at = previous + 1;
                }
                _ => {
                    previous = at;
                    at += 1;
                }
            }
        }
        None
    }

    fn brace_role(&self, start: usize, brace: usize) -> Brace {
        let mut at = start;
        let mut calls_like = false;
        let mut type_word = None;
        if self.text(start) == "extern" && self.tokens[start + 1].kind == Kind::Text && start + 2 == brace {
            return Brace::Linkage;
        }
        while at < brace {
            match self.tokens[at].kind {
                Kind::Mark(b'=') => return Brace::Data,
                Kind::Mark(b'(') => {
                    let before = at.checked_sub(1).filter(|before| *before >= start);
                    calls_like |= before.is_some_and(|before| self.is_name(before) || self.is(before, b')'));
                    at = self.pair(at).unwrap_or(at);
                }
                Kind::Mark(b'{') => at = self.pair(at).unwrap_or(at),
                Kind::Word => match self.text(at) {
                    "typedef" => return Brace::Data,
                    "struct" | "union" | "enum" => type_word = Some(at),
                    _ => {}
                },
                _ => {}
            }
            at += 1;
        }
        match (calls_like, type_word) {
            (true, _) => Brace::Function,
            // A lone word before a brace is taken for a macro that makes a function's head.
            (false, None) if start + 1 == brace && self.is_name(start) => Brace::Function,
            _ => Brace::Data,
        }
    }

    /// Writes a function with head `start..brace`; returns where the next item begins.
    fn function(&mut self, start: usize, brace: usize) -> usize {
        let close = self.pair(brace).unwrap_or(self.tokens.len());
        let (head, name) = header::rewrite(self, start, brace);
        let from = self.out.len();
        self.out.extend(head);
        let body = self.out.len();
        self.out.push(self.tokens[brace]);
        self.code(brace + 1..close.min(self.tokens.len()), Scope::Function);
        let place = self.tokens[brace];
        self.finish_label(&place);
        // What the brackets' recovery closed early is closed here too.
        let open: i32 = self.out[body..]
            .iter()
            .map(|token| i32::from(token.is(b'{')) - i32::from(token.is(b'}')))
            .sum();
        let last = *self.tokens.get(close).unwrap_or(&self.tokens[brace]);
        for _ in 1..open {
            let extra = self.texts.mark(b'}', &last);
            self.out.push(extra);
        }
        let end = match self.tokens.get(close) {
            Some(token) => *token,
            None => self.texts.mark(b'}', &last),
        };
        self.out.push(end);
        self.found.push(Found {
            name,
            tokens: from..self.out.len(),
            brace: body,
        });
        (close + 1).min(self.tokens.len())
    }

    /// A label at a block's end labels nothing that the grammar knows.
    fn finish_label(&mut self, place: &Token) {
        if self.out.last().is_some_and(|last| last.is(b':')) {
            let nothing = self.texts.mark(b';', place);
            self.out.push(nothing);
        }
    }

    /// Rewrites statements and declarations.
    fn code(&mut self, range: Range<usize>, scope: Scope) {
        let mut state = Code {
            scope,
            boundary: true,
            begins: None,
            in_case: false,
            blocks: Vec::new(),
            assigned: false,
            controls: HashSet::new(),
            replaced: HashMap::new(),
            after: HashMap::new(),
            dropped: HashSet::new(),
            replaced_by_brace: HashSet::new(),
            parens: 0,
        };
        let mut at = range.start;
        while at < range.end {
            at = self.code_token(at, range.end, &mut state);
        }
    }

    /// Writes the token at `at`, or what stands for it; returns the next one's index.
    fn code_token(&mut self, at: usize, end: usize, state: &mut Code) -> usize {
        let token = self.tokens[at];
        if let Some(next) = state.replaced.remove(&at) {
            let zero = self.texts.make("0", Kind::Number, &token);
            self.out.push(zero);
            state.boundary = false;
            if next > at {
                return next;
            }
        }
        if state.dropped.remove(&at) {
            return at + 1;
        }
        let boundary = state.boundary;
        state.boundary = false;
        if boundary {
            state.begins = Some(self.out.len());
        }
        match token.kind {
            Kind::Word => return self.word(at, end, boundary, state),
            Kind::Mark(b'(') => {
                state.parens += 1;
                self.out.push(token);
                if let Some(before) = at.checked_sub(1).filter(|before| self.is_name(*before)) {
                    self.arguments(before, at, state);
                }
                return at + 1;
            }
            Kind::Mark(b')') if state.replaced_by_brace.remove(&at) => {
                state.blocks.pop();
                state.boundary = true;
                let brace = self.texts.mark(b'}', &token);
                self.out.push(brace);
                return at + 1 + usize::from(self.is(at + 1, b';'));
            }
            Kind::Mark(b')') => {
                state.parens = (state.parens - 1).max(0);
                state.boundary = state.controls.contains(&at);
            }
            Kind::Mark(b'{') => {
                let kind = self.block_kind(at, boundary, state);
                state.blocks.push((kind, state.parens));
                state.parens = 0;
                state.assigned = false;
                state.boundary = kind != Block::Data;
            }
            Kind::Mark(b'}') => {
                if boundary {
                    self.finish_label(&token);
                }
                let (kind, parens) = state.blocks.pop().unwrap_or((Block::Statements, 0));
                state.parens = parens;
                state.boundary = kind == Block::Statements && parens == 0;
            }
            Kind::Mark(b';') => {
                state.boundary = !state.in_data();
                state.assigned = false;
            }
            Kind::Mark(b'=') => state.assigned = true,
            Kind::Mark(b',') => state.boundary = state.block() == Block::Enumerators && state.parens == 0,
            Kind::Mark(b':') if state.in_case => {
                state.in_case = false;
                state.boundary = true;
            }
            Kind::Mark(b'&') if self.is_label_address(at) => {
                let zero = self.texts.make("0", Kind::Number, &token);
                self.out.push(zero);
                return at + 3;
            }
            Kind::Mark(b'.') if state.in_case && self.is(at + 1, b'.') && self.is(at + 2, b'.') => {
                // `case 1 ... 9:` keeps its first value.
                return (at..end).find(|index| self.is(*index, b':')).unwrap_or(at + 3);
            }
            _ => {}
        }
        self.out.push(token);
        self.finish_token(at, state);
        at + 1
    }

    fn block_kind(&self, at: usize, boundary: bool, state: &Code) -> Block {
        let mut back = at;
        for _ in 0..6 {
            let Some(before) = back.checked_sub(1) else { break };
            match self.text(before) {
                "struct" | "union" => return Block::Fields,
                "enum" => return Block::Enumerators,
                ")" if self.pairs[before] != UNPAIRED => back = self.pairs[before] as usize,
                _ if self.is_word(before) || self.is(before, b':') => back = before,
                _ => break,
            }
        }
        let data = match self.out.last().map(|token| token.kind) {
            Some(Kind::Mark(b'=' | b',' | b'[')) => true,
            Some(Kind::Mark(b'{')) => state.in_data(),
            Some(Kind::Mark(b')')) => !boundary && !state.after.contains_key(&at),
            _ => false,
        };
        if data { Block::Data } else { Block::Statements }
    }

    /// Writes what was found to follow the token at `at`.
    fn finish_token(&mut self, at: usize, state: &mut Code) {
        if let Some(marks) = state.after.remove(&at) {
            for mark in marks {
                let made = self.texts.mark(*mark, &self.tokens[at]);
                self.out.push(made);
            }
            state.boundary = true;
        }
    }

    /// `&&label`, the address of a label.
    fn is_label_address(&self, at: usize) -> bool {
        self.is(at + 1, b'&')
            && self.tokens[at].end == self.tokens[at + 1].start
            && self.is_name(at + 2)
            && self
                .out
                .last()
                .is_some_and(|token| matches!(token.kind, Kind::Mark(b'=' | b',' | b'{' | b'(' | b'[')))
    }

    fn word(&mut self, at: usize, end: usize, boundary: bool, state: &mut Code) -> usize {
        let token = self.tokens[at];
        let word = self.texts.of(&token).to_owned();
        match word.as_str() {
            "if" | "while" | "for" | "switch" if self.is(at + 1, b'(') => {
                if let Some(close) = self.pair(at + 1) {
                    state.controls.insert(close);
                }
            }
            "else" | "do" => state.boundary = true,
            "case" | "default" => state.in_case = true,
            "goto" if self.is(at + 1, b'*') => {
                let label = self.texts.word("computed", &token);
                self.out.extend([token, label]);
                return (at..end).find(|index| self.is(*index, b';')).unwrap_or(end);
            }
            "__attribute__" if self.is(at + 1, b'(') && state.parens == 0 && !state.assigned => {
                // One between a name and its initialiser reads in front only.
                let close = self.pair(at + 1).filter(|close| self.is(close + 1, b'='));
                if let (Some(close), Some(begins)) = (close, state.begins.filter(|begins| *begins <= self.out.len())) {
                    self.out.splice(begins..begins, self.tokens[at..=close].iter().copied());
                    return close + 1;
                }
            }
            _ if self.unwrap(at, state) => return at + 2,
            _ if self.is_trailing_decoration(at, boundary, state) => {
                return self
                    .pair(at + 1)
                    .filter(|_| self.is(at + 1, b'('))
                    .map_or(at + 1, |close| close + 1);
            }
            _ if state.in_data() || !boundary || state.parens > 0 => {}
            word if words::is_statement(word) => {}
            _ => {
                self.declaration_run(at, end, state);
                if self.is_name(at) {
                    return self.statement_name(at, state);
                }
                if state.dropped.remove(&at) {
                    state.boundary = true;
                    return at + 1;
                }
            }
        }
        self.out.push(token);
        self.finish_token(at, state);
        at + 1
    }

    /// A name at a statement's beginning: a label, or a macro that needs help to read as a statement.
    fn statement_name(&mut self, at: usize, state: &mut Code) -> usize {
        let token = self.tokens[at];
        if state.dropped.remove(&at) {
            state.boundary = true;
            return at + 1;
        }
        if self.is(at + 1, b':') {
            self.out.extend([token, self.tokens[at + 1]]);
            state.boundary = true;
            return at + 2;
        }
        let in_fields = state.block() == Block::Fields && token.opens_line;
        if in_fields && (self.is(at + 1, b'}') || self.is_word(at + 1) && self.opens_line(at + 1)) {
            // A macro alone on its line in a struct.
            state.boundary = true;
            return at + 1;
        }
        if self.is(at + 1, b'(') {
            if let Some(next) = self.declaring_macro(at, state) {
                return next;
            }
        }
        if self.is(at + 1, b'(') && state.scope == Scope::Function && state.block() == Block::Statements {
            if let Some(close) = self.pair(at + 1) {
                let next = close + 1;
                if self.is(close - 1, b';') {
                    // `NAME(statement;)`: the statements may be compiled or not.
                    let open = self.texts.mark(b'{', &token);
                    self.out.push(open);
                    state.blocks.push((Block::Statements, 0));
                    state.replaced_by_brace.insert(close);
                    state.boundary = true;
                    return at + 2;
                }
                let next_opens = self.is_word(next) && self.opens_line(next);
                if self.is(next, b'{') {
                    // A macro that heads a block is taken for a loop.
                    let head = self.texts.word("while", &token);
                    let open = self.texts.mark(b'(', &token);
                    self.out.extend([head, open]);
                    state.after.insert(close, &[b')']);
                } else if next_opens || self.is(next, b'}') || self.text(next) == "else" {
                    state.after.insert(close, &[b';']);
                }
            }
        } else if token.opens_line && state.scope == Scope::Function && state.block() == Block::Statements {
            let next = at + 1;
            let next_opens = self.is_word(next) && self.opens_line(next);
            if next_opens || self.is(next, b'}') || self.is(next, b'{') {
                state.after.insert(at, &[b';']);
            }
        }
        self.out.push(token);
        self.finish_token(at, state);
        at + 1
    }

    /// `NAME(x) *p;`, `NAME(x) int y;`, or in a struct `NAME(x);`: what is no call.
    fn declaring_macro(&mut self, at: usize, state: &mut Code) -> Option<usize> {
        let close = self.pair(at + 1)?;
        let next = close + 1;
        let word = self.text(next);
        if state.block() == Block::Fields && (self.is(next, b';') || self.opens_line(next) || self.is(next, b'}')) {
            state.boundary = true;
            return Some(if self.is(next, b';') { next + 1 } else { next });
        }
        if words::is_type(word) || words::is_qualifier(word) {
            state.boundary = true;
            return Some(next);
        }
        let stars = (next..self.tokens.len())
            .take_while(|index| self.is(*index, b'*'))
            .count();
        let name = next + stars;
        let ends = self
            .tokens
            .get(name + 1)
            .is_some_and(|token| matches!(token.kind, Kind::Mark(b';' | b'=' | b',' | b'[')));
        let declares = stars > 0 && self.is_name(name) && ends
            || stars > 0 && self.is_name(name) && self.is(name + 1, b'(') && state.only_declares();
        if declares {
            self.out.push(self.tokens[at]);
            return Some(next);
        }
        None
    }

    /// Marks the decorations in a declaration's run of words, where there is one word too many to be read.
    fn declaration_run(&mut self, at: usize, end: usize, state: &mut Code) {
        let mut next = at;
        loop {
            let from = next;
            while next < end && next - from < RUN && self.part(next).is_some_and(|part| part != Part::Attached) {
                next += 1;
            }
            for index in header::surplus(self, from..next, from == at) {
                state.dropped.insert(index);
            }
            let stars = next;
            while self.is(next, b'*') {
                next += 1;
            }
            if stars == next || next >= end {
                break;
            }
        }
    }

    /// `int x[3] DECORATION = …`, `int f(int) DECORATION(1, 2);`, `struct … } DECORATION(8);`
    fn is_trailing_decoration(&self, at: usize, boundary: bool, state: &Code) -> bool {
        if boundary || state.parens > 0 || state.in_data() || !self.is_name(at) || !words::is_decoration(self.text(at))
        {
            return false;
        }
        let called = self.is(at + 1, b'(');
        let next = match called {
            true => self.pair(at + 1).map_or(at + 1, |close| close + 1),
            false => at + 1,
        };
        let ends = self
            .tokens
            .get(next)
            .is_none_or(|token| matches!(token.kind, Kind::Mark(b';' | b'=' | b',')))
            || self.is_name(next) && words::is_decoration(self.text(next))
            || words::is_attached(self.text(next));
        match self.out.last().map(|last| last.kind) {
            Some(Kind::Mark(b']')) => ends,
            Some(Kind::Mark(b')')) => ends && state.only_declares() && !state.assigned,
            Some(Kind::Mark(b'}')) => ends && called && state.only_declares() && !state.assigned,
            Some(Kind::Word) => ends && called && !state.assigned,
            _ => false,
        }
    }

    /// A macro around a part of a list or string, which may be compiled or not: `NAME(x,)`, `"a" NAME("b") "c"`. The name
    /// and the parentheses go.
    fn unwrap(&mut self, at: usize, state: &mut Code) -> bool {
        if !self.is_name(at) || !self.is(at + 1, b'(') {
            return false;
        }
        let Some(close) = self.pair(at + 1) else { return false };
        let texts = close > at + 2 && (at + 2..close).all(|index| self.tokens[index].kind == Kind::Text);
        let beside_text = self.tokens.get(close + 1).is_some_and(|next| next.kind == Kind::Text)
            || self.out.last().is_some_and(|last| last.kind == Kind::Text);
        let goes_on = self.tokens.get(close + 1).is_some_and(|next| match next.kind {
            Kind::Mark(mark) => matches!(mark, b'{' | b'&' | b'(' | b'.' | b'}' | b'!'),
            _ => true,
        });
        let after_operand = self.out.last().is_some_and(|last| match last.kind {
            Kind::Mark(mark) => matches!(mark, b')' | b']' | b'}'),
            _ => true,
        });
        let before_comma = self.is(close - 1, b',') && goes_on;
        let after_comma = self.is(at + 2, b',') && after_operand;
        let in_enum = state.boundary_in_enum(self.out.last());
        if !(texts && beside_text || before_comma || after_comma || in_enum) {
            return false;
        }
        state.dropped.insert(close);
        true
    }

    /// Looks at a call's arguments for those that are no expressions: types, operators, nothing at all.
    fn arguments(&mut self, name: usize, open: usize, state: &mut Code) {
        let Some(close) = self.pair(open) else { return };
        let before = name.checked_sub(1);
        let declares = before.is_some_and(|before| {
            self.is_word(before) && !words::is_statement(self.text(before)) && !self.opens_line(name)
                || self.is_word(before) && words::is_type(self.text(before))
        });
        if declares || close == open + 1 {
            return;
        }
        let product = before.is_some_and(|before| self.is(before, b'*'));
        let mut from = open + 1;
        let mut at = from;
        while at <= close {
            if at == close || self.is(at, b',') {
                let typed = !product && self.is_type_argument(from, at);
                if !typed
                    && at > from + 1
                    && self.is_name(from)
                    && self.is_name(from + 1)
                    && words::is_decoration(self.text(from + 1))
                {
                    state.dropped.extend(from + 1..at);
                }
                if typed || (from < at && (from..at).all(|index| self.is_operator(index))) {
                    state.replaced.insert(from, at);
                } else if from == at && (at != close || from > open + 1) {
                    state.replaced.insert(from, from);
                }
                from = at + 1;
            }
            at = match self.tokens[at].kind {
                Kind::Mark(b'(' | b'[' | b'{') => self.pair(at).unwrap_or(at) + 1,
                _ => at + 1,
            };
        }
    }

    fn is_type_argument(&self, from: usize, to: usize) -> bool {
        let first = self.text(from);
        from < to
            && self.is_word(from)
            && (words::is_type(first)
                || words::is_qualifier(first)
                || (to > from + 1 && self.is(to - 1, b'*'))
                || (to == from + 2
                    && self.is_name(from)
                    && self.is_name(from + 1)
                    && !words::is_decoration(self.text(from + 1))))
    }

    fn is_operator(&self, index: usize) -> bool {
        matches!(
            self.tokens[index].kind,
            Kind::Mark(b'<' | b'>' | b'=' | b'!' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^')
        )
    }
}

/// What is known while statements are rewritten.
struct Code {
    scope: Scope,
    /// A statement can begin here.
    boundary: bool,
    /// Where the statement at hand begins in what is written.
    begins: Option<usize>,
    /// Between `case` and its colon.
    in_case: bool,
    /// Open braces: what they hold, and how many parentheses were open around them.
    blocks: Vec<(Block, i32)>,
    /// An `=` was met in the declaration or statement at hand.
    assigned: bool,
    /// Closing parentheses of `if (…)` and the like.
    controls: HashSet<usize>,
    /// Arguments that become `0`: from, to.
    replaced: HashMap<usize, usize>,
    /// Punctuation to write after a token.
    after: HashMap<usize, &'static [u8]>,
    dropped: HashSet<usize>,
    /// Closing parentheses that become closing braces.
    replaced_by_brace: HashSet<usize>,
    parens: i32,
}

impl Code {
    fn block(&self) -> Block {
        self.blocks.last().map_or(Block::Statements, |(kind, _)| *kind)
    }

    fn in_data(&self) -> bool {
        self.block() == Block::Data
    }

    /// At the beginning of an enumerator, where no call can stand.
    fn boundary_in_enum(&self, last: Option<&Token>) -> bool {
        self.block() == Block::Enumerators
            && self.parens == 0
            && last.is_some_and(|last| last.is(b'{') || last.is(b','))
    }

    /// Outside functions, or in a struct.
    fn only_declares(&self) -> bool {
        self.block() == Block::Fields || (self.scope == Scope::File && self.blocks.is_empty())
    }
}
