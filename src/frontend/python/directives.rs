//! Comments that speak to envrace.

use super::positions::Positions;
use crate::facts::Directive;
use ruff_python_ast::token::Tokens;
use ruff_text_size::Ranged;

/// The directives among the comments of `text`.
pub(super) fn directives(text: &str, tokens: &Tokens, positions: &Positions) -> Vec<Directive> {
    if !text.contains("envrace:") {
        return Vec::new();
    }
    tokens
        .iter()
        .filter(|token| token.kind().is_comment())
        .filter_map(|token| {
            let comment = text.get(token.range().to_std_range())?;
            let directive = comment.trim_start_matches('#').trim_start().strip_prefix("envrace:")?;
            let span = positions.span(token.range());
            Some(Directive {
                text: directive.trim().to_string(),
                span,
                own_line: positions.is_first_on_line(span),
            })
        })
        .collect()
}
