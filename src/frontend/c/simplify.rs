//! Spellings of types and attributes that the grammar does not know, replaced by plainer ones of the same effect.

use super::lex::{Kind, Texts, Token};
use super::words;

/// How far a parenthesis is looked for, in tokens.
const REACH: usize = 400;

/// Rewrites `typeof(x)`, `__alignof__`, pointers to functions in casts and parameters, and attributes in odd places.
pub(super) fn simplify(tokens: Vec<Token>, texts: &mut Texts) -> Vec<Token> {
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut parens = 0_i32;
    let mut at = 0;
    while let Some(token) = tokens.get(at).copied() {
        match token.kind {
            Kind::Mark(b'(') => parens += 1,
            Kind::Mark(b')') => parens = (parens - 1).max(0),
            Kind::Mark(b';' | b'{' | b'}') => parens = 0,
            Kind::Word if is(&tokens, at + 1, b'(') => {
                if let Some(next) = word(&tokens, at, parens, texts, &mut out) {
                    at = next;
                    continue;
                }
            }
            Kind::Word if texts.of(&token).starts_with("__alignof") => {
                out.push(texts.word("sizeof", &token));
                at += 1;
                continue;
            }
            _ => {}
        }
        out.push(token);
        at += 1;
    }
    out
}

fn is(tokens: &[Token], index: usize, mark: u8) -> bool {
    tokens.get(index).is_some_and(|token| token.is(mark))
}

/// The parenthesis that closes the one at `open`.
pub(super) fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0;
    for (offset, token) in tokens.get(open..)?.iter().take(REACH).enumerate() {
        match token.kind {
            Kind::Mark(b'(') => depth += 1,
            Kind::Mark(b')') => depth -= 1,
            Kind::Mark(b';') => return None,
            _ => {}
        }
        if depth == 0 {
            return Some(open + offset);
        }
    }
    None
}

/// A word before a parenthesis; returns where to go on if it was replaced.
fn word(tokens: &[Token], at: usize, parens: i32, texts: &mut Texts, out: &mut Vec<Token>) -> Option<usize> {
    let token = tokens[at];
    let text = texts.of(&token);
    match text {
        "typeof" | "__typeof__" | "__typeof" => {
            let close = closing(tokens, at + 1)?;
            out.push(texts.word("int", &token));
            Some(close + 1)
        }
        "__alignof__" | "__alignof" | "_Alignof" => {
            out.push(texts.word("sizeof", &token));
            Some(at + 1)
        }
        "__attribute__" | "__attribute" => {
            let close = closing(tokens, at + 1)?;
            let cleans = tokens[at..close]
                .iter()
                .any(|token| texts.of(token).contains("cleanup"));
            let odd = parens > 0 || out.last().is_some_and(|last| last.is(b']')) || is(tokens, close + 1, b'=');
            (odd && !cleans).then_some(close + 1)
        }
        _ if words::is_statement(text) || words::is_attached(text) => None,
        _ if words::is_keyword(text) && parens == 0 => None,
        _ => {
            // `type (*)(parameters)` without a name reads as a call.
            let stars = tokens[at + 2..]
                .iter()
                .take(8)
                .take_while(|token| token.is(b'*'))
                .count();
            let close = at + 2 + stars;
            if stars == 0 || !is(tokens, close, b')') || !is(tokens, close + 1, b'(') {
                return None;
            }
            let end = closing(tokens, close + 1)?;
            out.push(token);
            out.push(texts.mark(b'*', &token));
            Some(end + 1)
        }
    }
}
