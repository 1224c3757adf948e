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
            Pattern::Python { partner, .. } => partner.spawns(),
            Pattern::Native { partner, .. } => partner.spawns(),
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
        ("python", "python") => Ok(Pattern::Python {
            mutation: pattern_python::mutation_of(&finding.mutation)?,
            partner: python_partner(finding, partner)?,
        }),
        // Python's own changes of the environment are calls of the C library's functions.
        ("c" | "rust" | "python", "c" | "rust") => native(finding, partner),
        ("c" | "rust", "python") => Ok(Pattern::Python {
            mutation: PythonMutation::of_native(pattern_native::mutation_of(&finding.mutation)?)?,
            partner: python_partner(finding, partner)?,
        }),
        (one, other) => Err(format!("no replay for a {one} mutation beside a {other} partner")),
    }
}

/// Where the replay has one API in the place of another that does the same: a sentence for each.
pub fn stand_ins(finding: &Finding) -> Vec<String> {
    let Ok(pattern) = recognise(finding) else {
        return Vec::new();
    };
    let (mutation, partner) = match &pattern {
        Pattern::Python { mutation, partner } => (mutation.to_string(), partner.to_string()),
        Pattern::Native { mutation, partner } => (mutation.to_string(), partner.to_string()),
    };
    let crosses = |site: &Site| {
        let python = matches!(pattern, Pattern::Python { .. });
        python != (site.language == "python")
    };
    let stands_in = |site: &Site, own: &dyn Fn(&Site) -> bool| crosses(site) || own(site);
    let mutation_stands_in = |site: &Site| match site.language.as_str() {
        "python" => pattern_python::mutation_stands_in(site),
        _ => pattern_native::mutation_stands_in(site),
    };
    let partner_stands_in = |site: &Site| match site.language.as_str() {
        "python" => pattern_python::partner_stands_in(site),
        _ => pattern_native::partner_stands_in(site),
    };
    let sentence = |form: String, site: &Site| format!("the replay has `{form}` in the place of `{}`", site.api);
    let mut sentences = Vec::new();
    if stands_in(&finding.mutation, &mutation_stands_in) {
        sentences.push(sentence(mutation, &finding.mutation));
    }
    let replayable = matches!(finding.partner_kind, PartnerKind::Spawn | PartnerKind::Read);
    if let Some(site) = finding.partner.as_ref().filter(|_| replayable)
        && stands_in(site, &partner_stands_in)
    {
        sentences.push(sentence(partner, site));
    }
    sentences
}

fn python_partner(finding: &Finding, partner: &Site) -> Result<PythonPartner, String> {
    match finding.partner_kind {
        PartnerKind::Fork => Ok(pattern_python::fork_window_of(partner)),
        PartnerKind::Spawn | PartnerKind::Read => pattern_python::partner_of(partner),
        PartnerKind::Mutation => Err(
            "CPython changes the environment under its lock: two mutations leave nothing that a replay could see fail"
                .to_owned(),
        ),
    }
}

fn native(finding: &Finding, partner: &Site) -> Result<Pattern, String> {
    let mutation = pattern_native::mutation_of(&finding.mutation)?;
    let partner = match finding.partner_kind {
        PartnerKind::Fork => NativePartner::ForkWindow,
        kind @ (PartnerKind::Spawn | PartnerKind::Read) => pattern_native::partner_of(partner, kind)?,
        PartnerKind::Mutation => NativePartner::Mutation(pattern_native::mutation_of(partner)?),
    };
    Ok(Pattern::Native { mutation, partner })
}
