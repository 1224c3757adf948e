//! Macro definitions, and their expansion where the text does not read as C without it.

use std::collections::HashMap;

use crate::facts::Span;

use super::lex::{Kind, Texts, Token};
use super::words;

/// A `#define`.
#[derive(Debug)]
pub(super) struct Macro {
    pub name: String,
    /// The place of the name.
    pub name_at: Token,
    /// Parameters of a function-like macro.
    pub parameters: Option<Vec<String>>,
    /// The last parameter takes all that is left.
    pub variadic: bool,
    pub body: Vec<Token>,
    /// It may be defined or not (`#ifdef X`), so that the name may also mean itself.
    pub optional: bool,
    /// It comes from a header that is another file, for its shape.
    pub foreign: bool,
    pub span: Span,
}

impl Macro {
    /// Reads a definition from the tokens after `#define`.
    pub fn parse(source: &str, tokens: Vec<Token>, span: Span) -> Option<Macro> {
        let text = |token: &Token| &source[token.start as usize..token.end as usize];
        let name_at = *tokens.first().filter(|token| token.kind == Kind::Word)?;
        let opens = tokens
            .get(1)
            .is_some_and(|token| token.is(b'(') && token.start == name_at.end);
        let mut found = Macro {
            name: text(&name_at).to_owned(),
            name_at,
            parameters: None,
            variadic: false,
            body: Vec::new(),
            optional: false,
            foreign: false,
            span,
        };
        let mut body = 1;
        if opens {
            let close = tokens.iter().position(|token| token.is(b')'))?;
            let mut parameters: Vec<String> = Vec::new();
            for token in &tokens[2..close] {
                match token.kind {
                    Kind::Word => parameters.push(text(token).to_owned()),
                    Kind::Mark(b'.') => found.variadic = true,
                    _ => {}
                }
            }
            let named_rest = tokens[2..close]
                .iter()
                .rev()
                .find(|token| !token.is(b'.'))
                .is_some_and(|token| token.kind == Kind::Word);
            if found.variadic && !named_rest {
                parameters.push("__VA_ARGS__".to_owned());
            }
            found.parameters = Some(parameters);
            body = close + 1;
        }
        found.body = tokens[body..].to_vec();
        Some(found)
    }

    /// The body of a function-like macro as code, if it does anything: `#x` becomes a string, `a ## b` one word.
    pub fn code(&self, texts: &mut Texts) -> Option<Vec<Token>> {
        let parameters = self.parameters.as_ref()?;
        let declares = |token: &Token| words::is_type(texts.of(token)) || words::is_qualifier(texts.of(token));
        if self.body.first().is_some_and(declares) && self.body.last().is_some_and(|last| last.is(b')')) {
            // The head of a function, which is none.
            return None;
        }
        let mut depth = [0_i32; 2];
        let mut acts = false;
        for token in &self.body {
            let text = texts.of(token);
            acts |= token.kind == Kind::Word && !words::is_keyword(text) && !parameters.iter().any(|name| name == text);
            match token.kind {
                Kind::Mark(b'{') => depth[0] += 1,
                Kind::Mark(b'}') => depth[0] -= 1,
                Kind::Mark(b'(') => depth[1] += 1,
                Kind::Mark(b')') => depth[1] -= 1,
                _ => {}
            }
            if depth.iter().any(|depth| *depth < 0) {
                return None;
            }
        }
        if !acts || depth != [0, 0] {
            return None;
        }
        let mut out: Vec<Token> = Vec::with_capacity(self.body.len());
        let mut rest = self.body.iter().peekable();
        while let Some(token) = rest.next() {
            if !token.is(b'#') {
                out.push(*token);
                continue;
            }
            if rest.next_if(|next| next.is(b'#')).is_none() {
                rest.next();
                out.push(texts.make("\"\"", Kind::Text, token));
                continue;
            }
            // `, ## __VA_ARGS__` is a mere list; elsewhere two words become one that names nothing else.
            let joins = out.last().is_some_and(|before| before.kind == Kind::Word);
            if let (true, Some(next)) = (
                joins,
                rest.next_if(|next| matches!(next.kind, Kind::Word | Kind::Number)),
            ) && let Some(before) = out.pop().filter(|before| before.end - before.start < LONGEST)
            {
                let glued = format!("{}__{}", texts.of(&before), texts.of(next));
                out.push(texts.make(&glued, Kind::Word, &before));
            }
        }
        Some(out)
    }

    /// Whether the body is an expression, whose value a use has.
    pub fn is_expression(&self, texts: &Texts) -> bool {
        let Some(first) = self.body.first() else { return false };
        let word = texts.of(first);
        let mut depth = 0;
        let ends = self.body.iter().any(|token| {
            depth += i32::from(token.is(b'(')) - i32::from(token.is(b')'));
            depth == 0 && (token.is(b';') || token.is(b'{'))
        });
        !ends && !first.is(b'{') && !words::is_statement(word) && !words::is_type(word) && !words::is_qualifier(word)
    }
}

/// When a macro's uses are replaced by its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Left as it stands: a call, or a name that is bound to what it names.
    Keep,
    Always,
    /// Only as an element of an initialiser.
    Element,
    /// Only outside functions, where a call cannot stand.
    FileScope,
}

/// Where a use of a macro stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FileScope,
    Element,
    Code,
}

/// The most tokens that expansion may add to a file, and how deep expansions may nest.
const BUDGET: usize = 300_000;
pub(super) const DEPTH: usize = 24;

/// The longest word to which `##` still glues another.
const LONGEST: u32 = 256;

struct Frame {
    tokens: Vec<Token>,
    at: usize,
    /// The macro that these tokens come from.
    of: Option<usize>,
}

struct Expander<'m, 's> {
    macros: &'m [Macro],
    by_name: HashMap<&'m str, (usize, Use)>,
    texts: &'m mut Texts<'s>,
    frames: Vec<Frame>,
    out: Vec<Token>,
    braces: i32,
    parens: i32,
    budget: usize,
    /// How many more tokens may be looked through for the ends of arguments.
    patience: usize,
}

/// A file's tokens after the expansion of its macros.
pub(super) struct Expanded {
    pub tokens: Vec<Token>,
    /// They would have expanded to more than is read.
    pub cut: bool,
}

/// Replaces the uses of those macros that open or close something, or stand where C has no place for a call.
pub(super) fn expand(tokens: Vec<Token>, macros: &[Macro], texts: &mut Texts) -> Expanded {
    let mut by_name: HashMap<&str, (usize, Use)> = HashMap::new();
    for (index, found) in macros.iter().enumerate() {
        by_name.entry(&found.name).or_insert((index, use_of(found, texts)));
    }
    by_name.retain(|_, (_, found)| *found != Use::Keep);
    if by_name.is_empty() {
        return Expanded { tokens, cut: false };
    }
    let mut expander = Expander {
        macros,
        by_name,
        texts,
        out: Vec::with_capacity(tokens.len()),
        frames: vec![Frame {
            tokens,
            at: 0,
            of: None,
        }],
        braces: 0,
        parens: 0,
        budget: BUDGET,
        patience: BUDGET * 20,
    };
    while let Some(frame) = expander.frames.last_mut() {
        let Some(token) = frame.tokens.get(frame.at).copied() else {
            expander.frames.pop();
            continue;
        };
        frame.at += 1;
        if token.kind != Kind::Word || !expander.replace(token) {
            expander.push(token);
        }
    }
    Expanded {
        cut: expander.budget == 0 || expander.patience == 0,
        tokens: expander.out,
    }
}

/// Decides by a macro's body how its uses are treated.
fn use_of(found: &Macro, texts: &Texts) -> Use {
    let (mut braces, mut parens, mut lowest) = (0, 0, 0);
    let (mut complex, mut keywords) = (false, false);
    for token in &found.body {
        match token.kind {
            Kind::Mark(b'{') => braces += 1,
            Kind::Mark(b'}') => braces -= 1,
            Kind::Mark(b'(') => parens += 1,
            Kind::Mark(b')') => parens -= 1,
            _ => {}
        }
        lowest = lowest.min(braces).min(parens);
        keywords |= token.kind == Kind::Word && words::is_keyword(texts.of(token));
        complex |= matches!(token.kind, Kind::Mark(b'(' | b'{' | b';' | b'[' | b'='));
    }
    let Some(first) = found.body.first() else {
        return match found.parameters {
            None => Use::Always,
            Some(_) => Use::FileScope,
        };
    };
    if braces != 0 || parens != 0 || lowest < 0 {
        return Use::Always;
    }
    let last = found.body.last().map_or("", |token| texts.of(token));
    let opens_statement = match texts.of(first) {
        "for" | "while" | "switch" | "else" => last != ";" && last != "}",
        "if" => last == ")" || last == "else",
        "case" | "default" | "." | "[" => true,
        _ => false,
    };
    if opens_statement {
        return Use::Always;
    }
    match &found.parameters {
        None if keywords || found.foreign || complex && !found.optional => Use::Always,
        None => Use::Keep,
        Some(parameters) if runs_argument(found, parameters, texts) => Use::Always,
        Some(_) if first.is(b'{') => Use::Element,
        Some(_) => Use::FileScope,
    }
}

/// Whether the uses of a macro that another file defines must be expanded: those that open or close something, make
/// functions or entries of tables, or stand for a piece of code.
pub(super) fn shapes_code(found: &Macro, texts: &Texts) -> bool {
    let holds = |marks: &[u8]| found.body.iter().any(|token| marks.iter().any(|mark| token.is(*mark)));
    let balanced = |open: u8, close: u8| {
        let count = |mark: u8| found.body.iter().filter(|token| token.is(mark)).count();
        count(open) == count(close)
    };
    match use_of(found, texts) {
        Use::Keep => false,
        Use::Element => true,
        Use::FileScope => holds(b"{"),
        // An expression, type or keyword under another name is none; what stands for nothing takes itself away.
        Use::Always => {
            found.parameters.is_some()
                || found.body.is_empty()
                || holds(b"{};=")
                || !balanced(b'(', b')')
                || !balanced(b'[', b']')
        }
    }
}

/// An argument stands as a statement between others (`lock(); stmt; unlock();`), so that it runs there and not before.
fn runs_argument(found: &Macro, parameters: &[String], texts: &Texts) -> bool {
    let ends = |token: &Token| token.is(b';') || token.is(b'{') || token.is(b'}');
    found.body.windows(3).any(|three| {
        let [before, token, after] = three else { return false };
        ends(before)
            && token.kind == Kind::Word
            && (after.is(b';') || after.is(b'}'))
            && parameters.iter().any(|name| name == texts.of(token))
    })
}

impl Expander<'_, '_> {
    fn push(&mut self, token: Token) {
        match token.kind {
            Kind::Mark(b'{') => self.braces += 1,
            Kind::Mark(b'}') => self.braces = (self.braces - 1).max(0),
            Kind::Mark(b'(') => self.parens += 1,
            Kind::Mark(b')') => self.parens = (self.parens - 1).max(0),
            Kind::Mark(b';') => self.parens = 0,
            _ => {}
        }
        self.out.push(token);
    }

    fn place(&self) -> Place {
        match self.out.last().map(|token| token.kind) {
            Some(Kind::Mark(b',' | b'{' | b'=')) if self.braces > 0 && self.parens == 0 => Place::Element,
            // After a type a name is being declared, though a macro may have the same name elsewhere.
            Some(Kind::Word) if self.braces == 0 && self.parens == 0 && self.ends_with_type() => Place::Code,
            Some(Kind::Mark(b'*')) if self.braces == 0 => Place::Code,
            _ if self.braces == 0 && self.parens == 0 => Place::FileScope,
            _ => Place::Code,
        }
    }

    fn ends_with_type(&self) -> bool {
        self.out
            .last()
            .is_some_and(|last| !words::is_qualifier(self.texts.of(last)))
    }

    /// Puts a macro's body in the place of its use; `false` where the use stays.
    fn replace(&mut self, token: Token) -> bool {
        let Some((index, found)) = self.by_name.get(self.texts.of(&token)).copied() else {
            return false;
        };
        let fits = match found {
            Use::Always => true,
            Use::Element => self.place() != Place::Code,
            Use::FileScope => self.place() == Place::FileScope,
            Use::Keep => false,
        };
        let active = self.frames.iter().any(|frame| frame.of == Some(index));
        if !fits || active || self.frames.len() >= DEPTH || self.budget == 0 {
            return false;
        }
        if token.at < self.macros[index].span.start {
            // Before its definition a name means itself: fields of a struct are often shadowed like that later on.
            return false;
        }
        let after_name = self.frames.last().map_or(0, |frame| frame.at);
        let found = &self.macros[index];
        let arguments = match found.parameters {
            None => Vec::new(),
            Some(_) => match self.arguments() {
                Some(arguments) => arguments,
                None => return false,
            },
        };
        let tokens = self.substitute(found, &arguments, token);
        if tokens.len() > self.budget {
            self.budget = 0;
            if let Some(frame) = self.frames.last_mut() {
                frame.at = after_name;
            }
            return false;
        }
        self.budget -= tokens.len();
        self.frames.push(Frame {
            tokens,
            at: 0,
            of: Some(index),
        });
        true
    }

    /// Takes the arguments of a use off the current frame; nothing is taken where there are none.
    fn arguments(&mut self) -> Option<Vec<Vec<Token>>> {
        let frame = self.frames.last_mut()?;
        if !frame.tokens.get(frame.at)?.is(b'(') {
            return None;
        }
        let mut arguments = vec![Vec::new()];
        let mut depth = 0;
        for (offset, token) in frame.tokens[frame.at + 1..].iter().enumerate() {
            self.patience = self.patience.checked_sub(1)?;
            match token.kind {
                Kind::Mark(b')') if depth == 0 => {
                    frame.at += offset + 2;
                    return Some(arguments);
                }
                Kind::Mark(b',') if depth == 0 => {
                    arguments.push(Vec::new());
                    continue;
                }
                Kind::Mark(b'(' | b'[' | b'{') => depth += 1,
                Kind::Mark(b')' | b']' | b'}') => depth -= 1,
                _ => {}
            }
            if let Some(last) = arguments.last_mut() {
                last.push(*token);
            }
        }
        None
    }

    fn substitute(&mut self, found: &Macro, arguments: &[Vec<Token>], place: Token) -> Vec<Token> {
        let parameters = found.parameters.as_deref().unwrap_or(&[]);
        let mut out: Vec<Token> = Vec::with_capacity(found.body.len());
        let mut paste = false;
        let mut index = 0;
        while index < found.body.len() {
            let token = found.body[index];
            let next = found.body.get(index + 1);
            if token.is(b'#') && next.is_some_and(|next| next.is(b'#')) {
                paste = true;
                index += 2;
                continue;
            }
            if token.is(b'#') && next.is_some_and(|next| next.kind == Kind::Word) {
                out.push(self.texts.make("\"\"", Kind::Text, &place));
                index += 2;
                continue;
            }
            let from = out.len();
            match parameters
                .iter()
                .position(|name| token.kind == Kind::Word && *name == self.texts.of(&token))
            {
                Some(position) if found.variadic && position + 1 == parameters.len() => {
                    for (offset, argument) in arguments.iter().skip(position).enumerate() {
                        if offset > 0 {
                            out.push(self.texts.mark(b',', &place));
                        }
                        out.extend_from_slice(argument);
                    }
                }
                Some(position) => out.extend_from_slice(arguments.get(position).map_or(&[][..], Vec::as_slice)),
                None => out.push(Token {
                    at: place.at,
                    at_end: place.at_end,
                    opens_line: false,
                    ..token
                }),
            }
            let short = from > 0 && out[from - 1].end - out[from - 1].start < LONGEST;
            if paste && short && out.len() > from && out[from].kind != Kind::Mark(b',') {
                let glued = format!("{}{}", self.texts.of(&out[from - 1]), self.texts.of(&out[from]));
                let kind = out[from - 1].kind;
                out[from - 1] = self.texts.make(&glued, kind, &place);
                out.remove(from);
            }
            paste = false;
            index += 1;
            if out.len() > BUDGET {
                break;
            }
        }
        out
    }
}
