//! The patterns that can be replayed: a closed list of mutation forms and partner forms.
//!
//! A replay never runs text of the program under analysis. What a finding contributes is a choice from these lists, made
//! by its catalog entries and by the keywords of the call; everything else of the program is left out.

use std::fmt;

use crate::finding::{Finding, RuleCode};

use super::pattern_python::{PythonMutation, PythonSpawn, mutation_of, spawn_of};

/// What is replayed: both sides of a finding, by form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// In the chosen Python interpreter.
    Python {
        mutation: PythonMutation,
        spawn: PythonSpawn,
    },
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Python { mutation, spawn } => write!(out, "{mutation} beside {spawn}"),
        }
    }
}

/// The pattern of a finding, or one sentence on why it has none that can be replayed.
pub fn recognise(finding: &Finding) -> Result<Pattern, String> {
    let Some(partner) = &finding.partner else {
        return Err("the finding has no partner to replay beside it".to_owned());
    };
    if !matches!(finding.code, RuleCode::ER001 | RuleCode::ER004 | RuleCode::ER006) {
        return Err(format!("no replay for findings of the rule {}", finding.code.name()));
    }
    match (finding.mutation.language.as_str(), partner.language.as_str()) {
        ("python", "python") => Ok(Pattern::Python {
            mutation: mutation_of(&finding.mutation)?,
            spawn: spawn_of(partner)?,
        }),
        (one, other) => Err(format!("no replay for a {one} mutation beside a {other} partner")),
    }
}
