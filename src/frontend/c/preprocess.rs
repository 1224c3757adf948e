//! Conditionals, definitions, includes and pragmas: every line that begins with `#` is understood here and taken out.
//!
//! Both arms of a conditional that the target leaves open stay in the text, one after the other, where that still reads
//! as C. Where an arm cuts a statement or block in two, only one arm stays; which one is remembered by the condition, so
//! that the closing half of `#ifdef X … #endif` is chosen like its opening half.

use std::collections::HashMap;

use crate::facts::{Directive, Import, Span};

use super::arms::{Arm, Arms, Presence};
use super::condition::{negated, understand};
use super::elsewhere;
use super::lex::{Kind, Token, lex};
use super::macros::Macro;
use super::text::Lines;

/// A `#pragma` line.
#[derive(Debug)]
pub(super) struct Pragma {
    pub text: String,
    pub span: Span,
}

/// A file after the preprocessor's lines are taken out.
#[derive(Default)]
pub(super) struct Prepared {
    pub tokens: Vec<Token>,
    pub arms: Arms,
    pub macros: Vec<Macro>,
    pub includes: Vec<Import>,
    pub pragmas: Vec<Pragma>,
    pub directives: Vec<Directive>,
    /// Some code that is never compiled is among the tokens.
    pub keeps_dead: bool,
}

/// What becomes of code that is never compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dead {
    /// It stays where it reads like C, to be shown as unreached.
    Kept,
    Dropped,
}

/// How a run of tokens nests and what stands at its ends; runs can be joined.
#[derive(Debug, Clone, Copy, Default)]
struct Shape {
    braces: i32,
    lowest_braces: i32,
    parens: i32,
    lowest_parens: i32,
    first: Option<u32>,
    last: Option<u32>,
}

impl Shape {
    fn add(&mut self, index: usize, token: &Token) {
        match token.kind {
            Kind::Mark(b'{') => self.braces += 1,
            Kind::Mark(b'}') => self.braces -= 1,
            Kind::Mark(b'(') => self.parens += 1,
            Kind::Mark(b')') => self.parens -= 1,
            _ => {}
        }
        self.lowest_braces = self.lowest_braces.min(self.braces);
        self.lowest_parens = self.lowest_parens.min(self.parens);
        self.first.get_or_insert(index as u32);
        self.last = Some(index as u32);
    }

    fn join(&mut self, next: &Shape) {
        self.lowest_braces = self.lowest_braces.min(self.braces + next.lowest_braces);
        self.lowest_parens = self.lowest_parens.min(self.parens + next.lowest_parens);
        self.braces += next.braces;
        self.parens += next.parens;
        self.first = self.first.or(next.first);
        self.last = next.last.or(self.last);
    }

    fn is_balanced(&self) -> bool {
        (self.braces, self.lowest_braces, self.parens, self.lowest_parens) == (0, 0, 0, 0)
    }
}

/// An arm that is being read, or was read and waits for its `#endif`.
struct Reading {
    arm: u32,
    /// Range of tokens.
    from: usize,
    to: usize,
    shape: Shape,
}

/// A conditional whose `#endif` has not come yet.
struct Open {
    arms: Vec<Reading>,
    /// The conditions of the arms so far, for the text of `#else`.
    conditions: Vec<String>,
    /// An arm so far is surely compiled, so the rest is not.
    settled: bool,
    /// The last token before the conditional.
    before: Option<u32>,
}

struct Reader<'s> {
    source: &'s str,
    lines: &'s Lines,
    tokens: Vec<Token>,
    /// +1 where a dropped range begins, -1 where it ends.
    dropped: Vec<i32>,
    stack: Vec<Open>,
    /// Shape of what stands outside all conditionals.
    outside: Shape,
    /// Conditions that a choice between arms has taken to hold (or not).
    assumed: HashMap<String, bool>,
    /// Name of an include guard that was met and not yet defined.
    guard: Option<String>,
    macro_arms: Vec<Option<u32>>,
    seen_directives: usize,
    dead: Dead,
    out: Prepared,
}

/// Takes the preprocessor's lines out of a file.
pub(super) fn prepare(source: &str, lines: &Lines, dead: Dead) -> Prepared {
    let mut directives = Vec::new();
    let tokens = lex(source, 0, source.len(), Some((lines, &mut directives)));
    let mut reader = Reader {
        source,
        lines,
        dropped: vec![0; tokens.len() + 1],
        tokens,
        stack: Vec::new(),
        outside: Shape::default(),
        assumed: HashMap::new(),
        guard: None,
        macro_arms: Vec::new(),
        seen_directives: 0,
        dead,
        out: Prepared {
            directives,
            ..Prepared::default()
        },
    };
    for index in 0..reader.tokens.len() {
        let token = reader.tokens[index];
        match token.kind {
            Kind::Directive => reader.directive(index, token),
            _ => reader.shape().add(index, &token),
        }
    }
    let end = source.len() as u32;
    while !reader.stack.is_empty() {
        reader.finish_arm(reader.tokens.len(), end);
        reader.finish_group(end);
    }
    reader.finish()
}

impl Reader<'_> {
    fn shape(&mut self) -> &mut Shape {
        match self.stack.last_mut().and_then(|open| open.arms.last_mut()) {
            Some(reading) => &mut reading.shape,
            None => &mut self.outside,
        }
    }

    fn arm(&self) -> Option<u32> {
        self.stack
            .last()
            .and_then(|open| open.arms.last())
            .map(|reading| reading.arm)
    }

    fn directive(&mut self, index: usize, token: Token) {
        let source = self.source;
        let line = &source[token.start as usize..token.end as usize];
        let name_at = line[1..]
            .find(|c: char| !matches!(c, ' ' | '\t'))
            .map_or(line.len(), |at| at + 1);
        let name_end = line[name_at..]
            .find(|c: char| !c.is_ascii_alphabetic() && c != '_')
            .map_or(line.len(), |at| at + name_at);
        let rest = token.start as usize + name_end;
        self.seen_directives += 1;
        match &line[name_at..name_end] {
            "if" => self.open(index, token, self.condition_text(rest, token), "if"),
            "ifdef" => self.open(index, token, self.condition_text(rest, token), "ifdef"),
            "ifndef" => self.open(index, token, self.condition_text(rest, token), "ifndef"),
            "elif" => self.next_arm(index, token, Some((self.condition_text(rest, token), "if"))),
            "elifdef" => self.next_arm(index, token, Some((self.condition_text(rest, token), "ifdef"))),
            "elifndef" => self.next_arm(index, token, Some((self.condition_text(rest, token), "ifndef"))),
            "else" => self.next_arm(index, token, None),
            "endif" if !self.stack.is_empty() => {
                self.finish_arm(index, token.start);
                self.finish_group(token.end);
            }
            "define" => self.define(rest, token),
            "include" | "include_next" | "import" => self.include(rest, token),
            "pragma" => self.out.pragmas.push(Pragma {
                text: self.condition_text(rest, token),
                span: self.lines.span(token.start, token.end),
            }),
            _ => {}
        }
    }

    /// The text of a condition on one line, without comments and continuations.
    fn condition_text(&self, from: usize, token: Token) -> String {
        let mut text = String::new();
        let mut end = None;
        for part in lex(self.source, from, token.end as usize, None) {
            if end.is_some_and(|end| end != part.start) {
                text.push(' ');
            }
            text.push_str(&self.source[part.start as usize..part.end as usize]);
            end = Some(part.end);
        }
        text
    }

    fn open(&mut self, index: usize, token: Token, text: String, form: &str) {
        let (condition, value) = understand(&text, form);
        // `#ifndef NAME` as a header's first line, with `#define NAME` as its second, holds at the only reading that counts.
        let is_guard = form == "ifndef" && self.seen_directives == 1;
        let before = self.shape().last;
        if is_guard {
            self.guard = Some(text);
        }
        self.stack.push(Open {
            arms: Vec::new(),
            conditions: Vec::new(),
            settled: false,
            before,
        });
        self.begin_arm(index, token, condition, value, form);
    }

    fn begin_arm(&mut self, index: usize, token: Token, condition: String, value: Option<bool>, form: &str) {
        let parent = self
            .stack
            .len()
            .checked_sub(2)
            .and_then(|outer| self.stack[outer].arms.last())
            .map(|reading| reading.arm);
        let Some(open) = self.stack.last_mut() else { return };
        let shown = match form {
            "else" => "#else of a condition that holds".to_owned(),
            _ => format!("#if {condition}"),
        };
        let presence = match (open.settled, value) {
            (true, _) => Presence::Never(match form {
                "else" => format!("#else of #if {}", open.conditions.last().map_or("", String::as_str)),
                _ => shown,
            }),
            (false, Some(true)) => Presence::Always,
            (false, Some(false)) => Presence::Never(shown),
            (false, None) => Presence::When(condition.clone()),
        };
        open.settled |= value == Some(true);
        open.conditions.push(condition);
        let arm = self.out.arms.all.len() as u32;
        self.out.arms.all.push(Arm {
            presence,
            parent,
            start: token.end,
            end: token.end,
        });
        self.out.arms.borders.push((token.end, Some(arm)));
        open.arms.push(Reading {
            arm,
            from: index + 1,
            to: index + 1,
            shape: Shape::default(),
        });
    }

    fn next_arm(&mut self, index: usize, token: Token, condition: Option<(String, &str)>) {
        if self.stack.is_empty() {
            return;
        }
        self.finish_arm(index, token.start);
        match condition {
            Some((text, form)) => {
                let (condition, value) = understand(&text, form);
                self.begin_arm(index, token, condition, value, form);
            }
            None => {
                let open = self.stack.last().map(|open| (&open.conditions, open.arms.iter()));
                let Some((conditions, arms)) = open else { return };
                let text = conditions
                    .iter()
                    .map(|text| negated(text))
                    .collect::<Vec<_>>()
                    .join(" && ");
                let all_dead = arms
                    .clone()
                    .all(|reading| matches!(self.out.arms.all[reading.arm as usize].presence, Presence::Never(_)));
                self.begin_arm(index, token, text, all_dead.then_some(true), "else");
            }
        }
    }

    fn finish_arm(&mut self, index: usize, end: u32) {
        if let Some(reading) = self.stack.last_mut().and_then(|open| open.arms.last_mut()) {
            reading.to = index;
            self.out.arms.all[reading.arm as usize].end = end;
        }
    }

    /// Decides at `#endif` which arms stay.
    fn finish_group(&mut self, end: u32) {
        let Some(open) = self.stack.pop() else { return };
        let never: Vec<u32> = open
            .arms
            .iter()
            .map(|reading| reading.arm)
            .filter(|arm| matches!(self.out.arms.all[*arm as usize].presence, Presence::Never(_)))
            .collect();
        let dead = |reading: &Reading| never.contains(&reading.arm);
        let filled: Vec<&Reading> = open
            .arms
            .iter()
            .filter(|reading| reading.shape.first.is_some())
            .collect();
        let viable: Vec<&Reading> = filled.iter().copied().filter(|reading| !dead(reading)).collect();
        let mut keep: Vec<u32> = match self.reads_in_sequence(&viable, open.before) {
            true => viable.iter().map(|reading| reading.arm).collect(),
            false => self.choose(&open, &viable).into_iter().collect(),
        };
        for reading in filled.iter().filter(|reading| dead(reading)) {
            if self.dead == Dead::Kept && self.is_whole(&reading.shape) && self.begins_item(open.before) {
                keep.push(reading.arm);
                self.out.keeps_dead = true;
            }
        }
        let mut joined = Shape::default();
        for reading in &open.arms {
            match keep.contains(&reading.arm) {
                true => joined.join(&reading.shape),
                false => {
                    self.dropped[reading.from] += 1;
                    self.dropped[reading.to] -= 1;
                }
            }
        }
        self.shape().join(&joined);
        let parent = self.arm();
        self.out.arms.borders.push((end, parent));
    }

    /// Whether all arms can stay, one after the other.
    fn reads_in_sequence(&self, arms: &[&Reading], before: Option<u32>) -> bool {
        match arms {
            [] => true,
            [only] => only.shape.is_balanced(),
            _ => self.begins_item(before) && arms.iter().all(|reading| self.ends_item(&reading.shape)),
        }
    }

    /// Whether a new statement, declaration or list element can begin after the token `before`.
    fn begins_item(&self, before: Option<u32>) -> bool {
        let Some(index) = before else { return true };
        let token = &self.tokens[index as usize];
        match token.kind {
            Kind::Mark(mark) => matches!(mark, b';' | b'{' | b'}' | b',' | b':' | b')'),
            Kind::Word => &self.source[token.start as usize..token.end as usize] == "else" || token.opens_line,
            _ => false,
        }
    }

    /// Whether a run of tokens is made of whole statements, declarations or list elements.
    fn ends_item(&self, shape: &Shape) -> bool {
        let (Some(first), Some(last)) = (shape.first, shape.last) else {
            return true;
        };
        let (first, last) = (self.tokens[first as usize], self.tokens[last as usize]);
        let word = &self.source[first.start as usize..first.end as usize];
        let begins = match first.kind {
            Kind::Word => word != "else",
            Kind::Mark(mark) => matches!(mark, b'{' | b'*' | b'(' | b'+' | b'-' | b';' | b'.' | b'['),
            _ => true,
        };
        begins && shape.is_balanced() && matches!(last.kind, Kind::Mark(b';' | b'}' | b',' | b':'))
    }

    /// Like `ends_item`, for statements and declarations only: what a dead arm must be to be shown as unreached.
    fn is_whole(&self, shape: &Shape) -> bool {
        let last = shape.last.map(|last| self.tokens[last as usize].kind);
        self.ends_item(shape) && matches!(last, Some(Kind::Mark(b';' | b'}')))
    }

    /// The one arm that stays of a conditional that cuts something in two.
    fn choose(&mut self, open: &Open, viable: &[&Reading]) -> Option<u32> {
        let condition_of = |reading: &Reading| {
            let position = open.arms.iter().position(|other| other.arm == reading.arm)?;
            Some(open.conditions[position].clone())
        };
        let always = |reading: &&&Reading| self.out.arms.all[reading.arm as usize].presence == Presence::Always;
        if let Some(sure) = viable.iter().find(always) {
            return Some(sure.arm);
        }
        let mut fallback = None;
        for reading in viable {
            let condition = condition_of(reading)?;
            match self.assumption(&condition) {
                Some(true) => return Some(reading.arm),
                Some(false) => {}
                None => fallback = fallback.or(Some((reading.arm, condition))),
            }
        }
        let (arm, condition) = fallback?;
        self.assume(&condition);
        Some(arm)
    }

    fn assumption(&self, condition: &str) -> Option<bool> {
        match condition.strip_prefix('!') {
            Some(inner) => self.assumed.get(inner).map(|holds| !holds),
            None => self.assumed.get(condition).copied(),
        }
    }

    fn assume(&mut self, condition: &str) {
        match condition.strip_prefix('!') {
            Some(inner) => self.assumed.insert(inner.to_owned(), false),
            None => self.assumed.insert(condition.to_owned(), true),
        };
    }

    fn define(&mut self, from: usize, token: Token) {
        let tokens = lex(self.source, from, token.end as usize, None);
        let Some(found) = Macro::parse(self.source, tokens, self.lines.span(token.start, token.end)) else {
            return;
        };
        if self.seen_directives == 2 && self.guard.as_deref() == Some(found.name.as_str()) {
            if let Some(arm) = self.arm() {
                self.out.arms.all[arm as usize].presence = Presence::Always;
            }
            return;
        }
        let arm = self.arm();
        self.macro_arms.push(arm);
        self.out.macros.push(found);
    }

    fn include(&mut self, from: usize, token: Token) {
        let text = self.source[from..token.end as usize].trim();
        let mut ends = text.chars();
        let close = match ends.next() {
            Some('"') => '"',
            Some('<') => '>',
            _ => return,
        };
        let Some((path, _)) = ends.as_str().split_once(close) else {
            return;
        };
        if self.out.arms.is_dead(self.arm()) {
            return;
        }
        self.out.includes.push(Import {
            path: path.into(),
            name: None,
            star: true,
            exported: !self.out.arms.is_open(self.arm()),
            elsewhere: close == '>' && elsewhere::is_elsewhere(path),
            span: self.lines.span(token.start, token.end),
        });
    }

    fn finish(mut self) -> Prepared {
        let mut hidden = 0;
        let dropped = &self.dropped;
        let mut index = 0;
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.retain(|token| {
            hidden += dropped[index];
            index += 1;
            hidden == 0 && token.kind != Kind::Directive
        });
        self.out.tokens = tokens;
        let arms = std::mem::take(&mut self.macro_arms);
        let known = &self.out.arms;
        for (found, arm) in self.out.macros.iter_mut().zip(&arms) {
            found.optional = known.is_open(*arm);
        }
        let mut arms = arms.into_iter();
        self.out.macros.retain(|_| !known.is_dead(arms.next().flatten()));
        self.out
    }
}
