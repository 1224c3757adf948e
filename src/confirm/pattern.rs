//! The patterns that can be replayed: a closed list of mutation forms and partner forms.
//!
//! A replay never runs text of the program under analysis. What a finding contributes is a choice from these lists, made
//! by its catalog entries and by the keywords of the call; everything else of the program is left out.

use std::fmt;

use crate::finding::{Finding, PartnerKind, Site};

use super::pattern_native::{self, NativeMutation, NativePartner};
use super::pattern_python::{self, PythonMutation, PythonPartner};

/// What is replayed: both sides of a finding, by form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// In the chosen Python interpreter.
    Python {
        mutation: PythonMutation,
        partner: PythonPartner,
    },
    /// In our own binary, against the libc that it is linked to and Rust's standard library.
    Native {
        mutation: NativeMutation,
        partner: NativePartner,
    },
}

impl Pattern {
    /// The partner starts programs.
    pub fn spawns(&self) -> bool {
        match self {
            Pattern::Python { partner, .. } => !partner.is_read(),
            Pattern::Native { partner, .. } => !partner.is_read() && *partner != NativePartner::ForkWindow,
        }
    }

    /// The partner's own result hides the errno of `execve`.
    pub fn hides_errno(&self) -> bool {
        match self {
            Pattern::Python { .. } => false,
            Pattern::Native { partner, .. } => partner.hides_errno(),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Python { mutation, partner } => write!(out, "{mutation} beside {partner}"),
            Pattern::Native { mutation, partner } => write!(out, "{mutation} beside {partner}"),
        }
    }
}

/// The pattern of a finding, or one sentence on why it has none that can be replayed.
pub fn recognise(finding: &Finding) -> Result<Pattern, String> {
    let Some(partner) = &finding.partner else {
        return Err("the finding has no partner to replay beside it".to_owned());
    };
    match (finding.mutation.language.as_str(), partner.language.as_str()) {
        ("python", "python") => {
            if matches!(finding.partner_kind, PartnerKind::Mutation | PartnerKind::Fork) {
                return Err(format!(
                    "no replay for a Python {} as the partner",
                    finding.partner_kind.name()
                ));
            }
            Ok(Pattern::Python {
                mutation: pattern_python::mutation_of(&finding.mutation)?,
                partner: pattern_python::partner_of(partner)?,
            })
        }
        ("c" | "rust", "c" | "rust") => native(finding, partner),
        (one, other) => Err(format!("no replay for a {one} mutation beside a {other} partner")),
    }
}

fn native(finding: &Finding, partner: &Site) -> Result<Pattern, String> {
    let mutation = pattern_native::mutation_of(&finding.mutation)?;
    let partner = match finding.partner_kind {
        PartnerKind::Fork => NativePartner::ForkWindow,
        PartnerKind::Spawn | PartnerKind::Read => pattern_native::partner_of(partner)?,
        PartnerKind::Mutation => return Err("no replay yet for two mutations at once".to_owned()),
    };
    Ok(Pattern::Native { mutation, partner })
}
