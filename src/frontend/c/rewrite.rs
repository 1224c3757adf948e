//! Statements and declarations as people write them to tokens that the grammar reads.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::brackets::UNPAIRED;
use super::header;
use super::lex::{Kind, Token};
use super::normalise::{Normaliser, Scope};
use super::words::{self, Part};

/// The longest run of words that is taken for a declaration.
const RUN: usize = 32;

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

impl Normaliser<'_, '_> {
    /// A label at a block's end labels nothing that the grammar knows.
    pub fn finish_label(&mut self, place: &Token) {
        if self.out.last().is_some_and(|last| last.is(b':')) {
            let nothing = self.texts.mark(b';', place);
            self.out.push(nothing);
        }
    }

    /// Rewrites statements and declarations.
    pub fn code(&mut self, range: Range<usize>, scope: Scope) {
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
        let next = match token.kind {
            Kind::Word => Some(self.word(at, end, boundary, state)),
            Kind::Mark(mark) => self.punctuation(mark, at..end, boundary, state),
            _ => None,
        };
        if let Some(next) = next {
            return next;
        }
        self.out.push(token);
        self.finish_token(at, state);
        at + 1
    }

    /// Keeps count of brackets and boundaries; returns where to go on where the token at `range.start` was written already.
    fn punctuation(&mut self, mark: u8, range: Range<usize>, boundary: bool, state: &mut Code) -> Option<usize> {
        let (at, end) = (range.start, range.end);
        let token = self.tokens[at];
        match mark {
            b'(' => {
                state.parens += 1;
                self.out.push(token);
                if let Some(before) = at.checked_sub(1).filter(|before| self.is_name(*before)) {
                    self.arguments(before, at, state);
                }
                return Some(at + 1);
            }
            b')' if state.replaced_by_brace.remove(&at) => {
                state.blocks.pop();
                state.boundary = true;
                let brace = self.texts.mark(b'}', &token);
                self.out.push(brace);
                return Some(at + 1 + usize::from(self.is(at + 1, b';')));
            }
            b')' => {
                state.parens = (state.parens - 1).max(0);
                state.boundary = state.controls.contains(&at);
            }
            b'{' => {
                let kind = self.block_kind(at, boundary, state);
                state.blocks.push((kind, state.parens));
                state.parens = 0;
                state.assigned = false;
                state.boundary = kind != Block::Data;
            }
            b'}' => {
                if boundary {
                    self.finish_label(&token);
                }
                let (kind, parens) = state.blocks.pop().unwrap_or((Block::Statements, 0));
                state.parens = parens;
                state.boundary = kind == Block::Statements && parens == 0;
            }
            b';' => {
                state.boundary = !state.in_data();
                state.assigned = false;
            }
            b'=' => state.assigned = true,
            b',' => state.boundary = state.block() == Block::Enumerators && state.parens == 0,
            b':' if state.in_case => {
                state.in_case = false;
                state.boundary = true;
            }
            b'&' if self.is_label_address(at) => {
                let zero = self.texts.make("0", Kind::Number, &token);
                self.out.push(zero);
                return Some(at + 3);
            }
            b'.' if state.in_case && self.is(at + 1, b'.') && self.is(at + 2, b'.') => {
                // `case 1 ... 9:` keeps its first value.
                return Some((at..end).find(|index| self.is(*index, b':')).unwrap_or(at + 3));
            }
            _ => {}
        }
        None
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
            // A computed goto goes on at any label, and macros may hide them all: what follows it is taken to follow it.
            "goto" if self.is(at + 1, b'*') => {
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
        if self.is_function_pointer(at) {
            // A qualifier tells the grammar that this is no call.
            let qualifier = self.texts.word("const", &token);
            self.out.extend([qualifier, token]);
            return at + 1;
        }
        if self.is(at + 1, b'(')
            && let Some(next) = self.declaring_macro(at, state)
        {
            return next;
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
                    state.after.insert(close, b")");
                } else if next_opens || self.is(next, b'}') || self.text(next) == "else" {
                    state.after.insert(close, b";");
                }
            }
        } else if token.opens_line && state.scope == Scope::Function && state.block() == Block::Statements {
            let next = at + 1;
            let next_opens = self.is_word(next) && self.opens_line(next);
            if next_opens || self.is(next, b'}') || self.is(next, b'{') {
                state.after.insert(at, b";");
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

    /// `NAME (*f)(NAME, NAME) = …`: no call is assigned to, so it declares a pointer to a function.
    fn is_function_pointer(&self, at: usize) -> bool {
        let stars = (at + 1..self.tokens.len())
            .take_while(|index| self.is(*index, b'*'))
            .count();
        let open = at + 1 + stars;
        if !self.is(open, b'(') || !self.is(open + 1, b'*') {
            return false;
        }
        let Some(close) = self.pair(open).filter(|close| self.is(close + 1, b'(')) else {
            return false;
        };
        let after = self.pair(close + 1).map(|end| end + 1);
        let inside = open + 2..close;
        inside.clone().any(|index| self.is_name(index))
            && inside
                .clone()
                .all(|index| !self.is(index, b'(') && !self.is(index, b','))
            && after.is_some_and(|after| self.is(after, b'=') && !self.is(after + 1, b'='))
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
