//! Which bracket closes which, also where some are missing.

use super::lex::{Kind, Token};

/// No bracket closes this one.
pub(super) const UNPAIRED: u32 = u32::MAX;

/// For every opening bracket the index of the one that closes it, and the other way round.
pub(super) fn pair_brackets(tokens: &[Token], source: &str) -> Vec<u32> {
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
