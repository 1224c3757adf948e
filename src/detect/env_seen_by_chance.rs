//! Memory is safe, but which variables a child gets, or which value a reader sees, depends on timing.
//!
//! ## Why
//!
//! A lock that both sides hold inside (the GIL, the lock of Rust's std, glibc's own) keeps memory whole and says nothing of
//! order: the child started meanwhile may or may not get the new variable, and the reader either value.
//!
//! ## Example
//!
//! ```text
//! let t = thread::spawn(|| Command::new("make").status());
//! unsafe { env::set_var("CC", "clang") };   // does make get it?
//! ```
//!
//! ## Instead
//!
//! Hand the variable to the child (`env=`, `Command::env`), or change it before the thread starts.
//!
//! ## How sure
//!
//! A warning. Reads pair only where the variable's name may be the same; where one of the names is not known, it is a note.

use crate::finding::{Confidence, Effect, RuleCode, Severity};
use crate::model::{AccessKind, PairKind};

use super::describe::Describe;
use super::{Case, Draft, Rule};

pub const RULE: Rule = Rule {
    code: RuleCode::ER004,
    preview: false,
    text: include_str!("env_seen_by_chance.rs"),
    judge,
};

fn judge(describe: &Describe<'_, '_>, case: &Case<'_>) -> Option<Draft> {
    let fits = matches!(case.partner, AccessKind::Spawn | AccessKind::Read);
    if case.pair.kind != PairKind::Race || !fits || case.verdict.effect != Effect::Environment {
        return None;
    }
    if case.partner == AccessKind::Read && describe.different_variables(case.pair) {
        return None;
    }
    let unknown_name = case.partner == AccessKind::Read && !describe.same_variable(case.pair);
    let low = describe.confidence(case).0 == Confidence::Low;
    let severity = if unknown_name || low {
        Severity::Note
    } else {
        Severity::Warning
    };
    let mutation = describe.api(&case.pair.mutation);
    let partner = describe.api(&case.pair.partner);
    let what = match case.partner {
        AccessKind::Spawn => "the child gets the old or the new variables",
        _ => "the reader gets the old or the new value",
    };
    Some(Draft {
        severity,
        message: format!(
            "whether {partner} comes before or after {mutation} on another thread is left to chance: {what}"
        ),
        help: describe.help(case),
        interleaving: [
            format!(
                "{} is about to run {partner} at {}",
                describe.who(&case.pair.partner),
                describe.place(&case.pair.partner)
            ),
            format!(
                "{} runs {mutation} at {}",
                describe.who(&case.pair.mutation),
                describe.place(&case.pair.mutation)
            ),
            format!("{what}, whichever thread was faster"),
        ],
    })
}
