//! An upper bound for the depth of the tree that a logical line becomes, from its tokens alone.

use super::skim::{Token, TokenKind};
use ruff_python_ast::token::{TokenKind as ParsedKind, Tokens};

/// One level of brackets while a line's depth is measured.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// Operators and words since the last comma: each may wrap everything before it.
    operators: u32,
    /// The highest of what was closed in this element.
    child: u32,
    /// The highest element so far.
    best: u32,
    /// A lambda stands in it, whose parameters are separated by commas too.
    lambda: bool,
}

impl Level {
    fn height(self) -> u32 {
        self.best.max(self.operators + self.child)
    }
}

/// Bounds the depth of the tree of one logical line, token by token.
#[derive(Debug, Clone)]
pub(super) struct DepthMeter {
    levels: Vec<Level>,
    /// The deepest nesting of brackets so far.
    pub brackets: u32,
    outer: u32,
    deepest: u32,
}

impl DepthMeter {
    /// A meter at the beginning of a logical line.
    pub(super) fn new() -> DepthMeter {
        DepthMeter {
            levels: vec![Level::default()],
            brackets: 0,
            outer: 0,
            deepest: 0,
        }
    }

    /// An upper bound for the depth of the tree so far.
    pub(super) fn depth(&self) -> u32 {
        self.deepest
    }

    /// Begins a new logical line.
    pub(super) fn reset(&mut self) {
        self.levels.clear();
        self.levels.push(Level::default());
        self.brackets = 0;
        self.outer = 0;
        self.deepest = 0;
    }

    fn top(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    /// Takes a token of the scan, whose text is `text`, into account.
    pub(super) fn add(&mut self, token: Token, text: &str) {
        self.count(match token.kind {
            TokenKind::Open => Part::Open,
            TokenKind::Close => Part::Close,
            TokenKind::Operator(b',' | b';') => Part::Comma,
            TokenKind::Operator(_) => Part::Operator,
            TokenKind::Text { weight } => Part::Child(weight),
            TokenKind::Name => match text {
                "lambda" => Part::Lambda,
                "not" | "if" | "else" | "await" | "yield" | "and" | "or" | "in" | "is" | "for" | "async" | "from"
                | "match" | "case" | "class" | "def" | "while" | "with" | "try" | "elif" => Part::Operator,
                _ => Part::Leaf,
            },
            TokenKind::Number | TokenKind::Comment | TokenKind::LineEnd => Part::Leaf,
        });
    }

    fn count(&mut self, part: Part) {
        match part {
            Part::Open => {
                self.top().operators += 1;
                let operators = self.top().operators;
                self.outer += operators + 1;
                self.levels.push(Level::default());
                self.brackets = self.brackets.max(self.levels.len() as u32 - 1);
            }
            Part::Close if self.levels.len() > 1 => {
                let height = self.levels.pop().map_or(0, Level::height) + 1;
                let top = self.top();
                top.child = top.child.max(height);
                let operators = top.operators;
                self.outer = self.outer.saturating_sub(operators + 1);
            }
            Part::Comma => {
                let top = self.top();
                if !top.lambda {
                    top.best = top.height();
                    top.operators = 0;
                    top.child = 0;
                }
            }
            Part::Operator | Part::Close => self.top().operators += 1,
            Part::Child(height) => {
                let top = self.top();
                top.child = top.child.max(height);
            }
            Part::Lambda => {
                let top = self.top();
                top.lambda = true;
                top.operators += 1;
            }
            Part::Leaf => return,
        }
        let depth = self.outer + self.top().height();
        self.deepest = self.deepest.max(depth);
    }
}

/// What a token does to the depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Open,
    Close,
    /// Separates elements that lie beside each other.
    Comma,
    /// May wrap what stands before or after it.
    Operator,
    Lambda,
    /// Is a tree of its own of this height.
    Child(u32),
    Leaf,
}

/// An upper bound for the depth of the tree that was built from `tokens`, by the parser's own idea of where strings
/// end: the scan before it may have been led astray by broken ones.
pub(super) fn depth_of_parsed(tokens: &Tokens) -> u32 {
    let mut meter = DepthMeter::new();
    let (mut deepest, mut indents) = (0, 0u32);
    for token in tokens {
        meter.count(match token.kind() {
            ParsedKind::Newline => {
                deepest = deepest.max(meter.depth() + 4 * indents);
                meter.reset();
                continue;
            }
            ParsedKind::Indent => {
                indents += 1;
                continue;
            }
            ParsedKind::Dedent => {
                indents = indents.saturating_sub(1);
                continue;
            }
            ParsedKind::Lpar
            | ParsedKind::Lsqb
            | ParsedKind::Lbrace
            | ParsedKind::FStringStart
            | ParsedKind::TStringStart => Part::Open,
            ParsedKind::Rpar
            | ParsedKind::Rsqb
            | ParsedKind::Rbrace
            | ParsedKind::FStringEnd
            | ParsedKind::TStringEnd => Part::Close,
            ParsedKind::Comma | ParsedKind::Semi => Part::Comma,
            ParsedKind::Lambda => Part::Lambda,
            kind if kind.is_operator() || kind.is_keyword() => Part::Operator,
            _ => Part::Leaf,
        });
    }
    deepest.max(meter.depth() + 4 * indents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::python::skim::Scanner;

    fn depth(text: &str) -> u32 {
        let mut meter = DepthMeter::new();
        for token in Scanner::new(text) {
            meter.add(token, &text[token.start..token.end]);
        }
        meter.depth()
    }

    #[test]
    fn depth_counts_chains_and_brackets_but_not_lists() {
        assert!(depth(&"(".repeat(500)) >= 500);
        assert!(depth(&format!("1{}", ".a".repeat(500))) >= 499);
        assert!(depth(&format!("x = 1{}", "+1".repeat(500))) >= 500);
        assert!(depth(&format!("x = [{}]", "1, -2, ".repeat(500))) < 10);
        assert!(depth(&"lambda a, b: ".repeat(500)) >= 500);
        assert!(depth(&format!("{}{}", "(".repeat(100), ")+1+1+1".repeat(100))) >= 400);
        assert!(depth(&format!("{}1{}", "f\"{".repeat(100), "}\"".repeat(100))) >= 100);
    }
}
