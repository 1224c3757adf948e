//! A mutation may run while another thread reads the environment, without a common guard.
//!
//! ## Why
//!
//! `getenv()` and everything that calls it (`localtime`, `setlocale`, `getaddrinfo`, …) walk the `environ` array without a
//! lock. Up to glibc 2.40 and in musl an addition frees the array under their feet and the reader crashes; a deletion makes
//! them miss variables that were never touched. From glibc 2.41 on the functions are safe beside each other, direct walks of
//! `environ` are not.
//!
//! ## Example
//!
//! ```c
//! pthread_create(&t, NULL, worker, NULL);   /* worker calls localtime() */
//! setenv("TZ", "UTC", 1);
//! ```
//!
//! ## Instead
//!
//! Change the environment before the first thread starts, or hold one lock around every mutation and every read; hidden
//! reads inside libraries are outside any lock of yours.
//!
//! ## How sure
//!
//! An error where a supported version crashes; where the common versions are safe, the pair is `env-seen-by-chance`.

use crate::finding::{Confidence, Effect, RuleCode, Severity};
use crate::model::{AccessKind, PairKind};

use super::describe::Describe;
use super::{Case, Draft, Rule};

pub const RULE: Rule = Rule {
    code: RuleCode::ER002,
    preview: false,
    text: include_str!("env_mutation_during_read.rs"),
    judge,
};

fn judge(describe: &Describe<'_, '_>, case: &Case<'_>) -> Option<Draft> {
    if case.pair.kind != PairKind::Race || case.partner != AccessKind::Read || case.verdict.effect != Effect::Memory {
        return None;
    }
    let sure = describe.confidence(case).0 > Confidence::Low;
    let severity = if sure && !case.verdict.musl_only {
        Severity::Error
    } else {
        Severity::Warning
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
                "{} is in {partner} at {} and walks the environ array",
                describe.who(&case.pair.partner),
                describe.place(&case.pair.partner)
            ),
            format!(
                "{} runs {mutation} at {}: {}",
                describe.who(&case.pair.mutation),
                describe.place(&case.pair.mutation),
                describe.what_changes(case)
            ),
            "the walk goes on in memory that is no longer the environment's: a crash, or a variable that is not found"
                .to_owned(),
        ],
    })
}
