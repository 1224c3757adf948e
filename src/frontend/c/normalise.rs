//! Tokens as people write them to tokens that the grammar reads.
//!
//! Without the headers, `NAME(args) {`, `BEGINaction … ENDaction`, `FOREACH(x, list) {`, a macro without its semicolon,
//! or a type as an argument do not read as C. Here they are rewritten into something of the same meaning that does. Each
//! made-up token stands at the place of the token beside it, so that positions stay right.

use std::collections::HashMap;
use std::ops::Range;

use super::brackets::{UNPAIRED, pair_brackets};
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

/// The part of every word.
fn parts(tokens: &[Token], texts: &Texts) -> Vec<Option<Part>> {
    tokens
        .iter()
        .map(|token| (token.kind == Kind::Word).then(|| words::part(texts.of(token))))
        .collect()
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
pub(super) enum Scope {
    File,
    Function,
}

pub(super) struct Normaliser<'t, 's> {
    pub tokens: &'t [Token],
    pub pairs: Vec<u32>,
    /// What part each token plays that is a word.
    parts: Vec<Option<Part>>,
    ends: HashMap<String, Vec<usize>>,
    pub texts: &'t mut Texts<'s>,
    pub out: Vec<Token>,
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

    pub fn opens_line(&self, index: usize) -> bool {
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
            if at == start
                && let Some(next) = self.item_opening(at)
            {
                (start, at) = (next, next);
                continue;
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
                    Brace::Data => {
                        at = self.pair(at).unwrap_or(self.tokens.len()) + 1;
                        if self.opens_line(at) && matches!(self.part(at), Some(Part::Qualifier | Part::Type)) {
                            // A semicolon is missing; what follows is a declaration of its own.
                            self.code(start..at, Scope::File);
                            start = at;
                        }
                    }
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
        // A parenthesis on the next line belongs to the first statement of the body: `BEGINwork` / `(void)f();`.
        let after = match self.is(at + 1, b'(') && !self.opens_line(at + 1) {
            true => self.pair(at + 1)? + 1,
            false => at + 1,
        };
        if token.opens_line
            && (self.opens_line(after) || self.is(after, b';'))
            && let Some(next) = self.begin_end_block(at, after)
        {
            return Some(next);
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
}
