//! Two mutations of the environment may run at once.
//!
//! ## Why
//!
//! glibc's writers share a lock, so that two of them do not corrupt the array, but which value stays is decided by timing.
//! musl has no lock: two writers free each other's memory. Nothing protects code that stores to `environ` itself.
//!
//! ## Example
//!
//! ```python
//! with ThreadPoolExecutor() as pool:
//!     pool.map(lambda name: os.environ.update(JOB=name), names)   # whose JOB is it?
//! ```
//!
//! ## Instead
//!
//! Keep per-thread settings out of the environment, or hand them to children alone.
//!
//! ## How sure
//!
//! An error where a supported version of the C library corrupts memory; a warning where only the value is left to chance.
//! Two different variables that are both known by name are no pair unless memory is at stake, nor are two changes that leave the
//! same constant; where one of the names is not known, it is a note. So are two different variables of Python's, where only musl
//! and an interpreter without the GIL together put memory at stake.

use crate::finding::{Confidence, Effect, RuleCode, Severity};
use crate::model::{AccessKind, PairKind};

use super::describe::Describe;
use super::{Case, Draft, Rule};

pub const RULE: Rule = Rule {
    code: RuleCode::ER003,
    preview: false,
    text: include_str!("concurrent_env_mutations.rs"),
    judge,
};

fn judge(describe: &Describe<'_, '_>, case: &Case<'_>) -> Option<Draft> {
    if case.pair.kind != PairKind::Race || case.partner != AccessKind::Mutation {
        return None;
    }
    let memory = case.verdict.effect == Effect::Memory;
    let harmless = describe.different_variables(case.pair) || describe.leave_same(case.pair);
    if !memory && harmless {
        return None;
    }
    let sure = describe.confidence(case).0 > Confidence::Low;
    let severity = match memory {
        true if harmless && case.verdict.nearly_nowhere => Severity::Note,
        true if sure && !case.verdict.musl_only => Severity::Error,
        false if !sure => Severity::Note,
        _ => Severity::Warning,
    };
    let mutation = describe.api(&case.pair.mutation);
    let partner = describe.api(&case.pair.partner);
    Some(Draft {
        severity,
        message: format!(
            "{mutation} may run while another thread is in {partner}: {}",
            case.verdict.why
        ),
        help: describe.help(case),
        interleaving: [
            format!(
                "{} runs {mutation} at {}",
                describe.who(&case.pair.mutation),
                describe.place(&case.pair.mutation)
            ),
            format!(
                "{} runs {partner} at {} before the first is done with the variable",
                describe.who(&case.pair.partner),
                describe.place(&case.pair.partner)
            ),
            if memory {
                "both have taken the old array for their own: one of them writes to or frees memory twice".to_owned()
            } else {
                "the later store wins, and everything that follows on either thread sees it".to_owned()
            },
        ],
    })
}
