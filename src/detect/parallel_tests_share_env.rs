//! Tests that run in parallel change variables that other tests read or change.
//!
//! ## Why
//!
//! `cargo test` runs all tests of one binary on threads of one process. A test that sets a variable sets it for every other
//! test that happens to run, and a test that starts a process or asks the C library may crash.
//!
//! ## Example
//!
//! ```text
//! #[test] fn uses_pager()  { unsafe { env::set_var("PAGER", "less") }; assert_eq!(pager(), "less"); }
//! #[test] fn uses_editor() { unsafe { env::set_var("PAGER", "more") }; /* … */ }
//! ```
//!
//! ## Instead
//!
//! Hand the value to the code under test as an argument, take one common lock in every such test (`#[serial]`, a static
//! `Mutex`), or run one process a test (nextest; then say so: `[target] rust-test-runner = "nextest"`).
//!
//! ## How sure
//!
//! A warning. Two different variables that are both known by name are no pair unless memory is at stake, nor are two changes that
//! leave the same constant. Where memory is
//! safe, it is a note that a test reads or changes a variable whose name is not known on this way, or all of them, and that the
//! child of a test gets a variable which not every program looks at. A note too is a request to a host that is not in the code: most
//! tests ask a server of their own, by its address in numbers, and nothing is looked up.

use crate::finding::{Effect, RuleCode, Severity};
use crate::model::{AccessKind, PairKind};

use super::describe::Describe;
use super::{Case, Draft, Rule};

pub const RULE: Rule = Rule {
    code: RuleCode::ER006,
    preview: false,
    text: include_str!("parallel_tests_share_env.rs"),
    judge,
};

/// What the start of any program looks at: where it is found, and what the loader makes of it (execvp(3), ld.so(8)).
const STARTING: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD"];

fn judge(describe: &Describe<'_, '_>, case: &Case<'_>) -> Option<Draft> {
    if case.pair.kind != PairKind::Tests {
        return None;
    }
    let harmless = describe.different_variables(case.pair)
        || case.partner == AccessKind::Mutation && describe.leave_same(case.pair);
    if case.verdict.effect != Effect::Memory && harmless {
        return None;
    }
    let unlikely = match case.partner {
        AccessKind::Read | AccessKind::Mutation => !describe.names_same_variable(case.pair),
        AccessKind::Spawn => !describe
            .mutated_name(case.pair)
            .is_some_and(|name| STARTING.contains(&name)),
        _ => false,
    };
    let doubted = describe.doubted(&case.pair.partner).is_some();
    let severity = if doubted || unlikely && case.verdict.effect == Effect::Environment {
        Severity::Note
    } else {
        Severity::Warning
    };
    let mutation = describe.api(&case.pair.mutation);
    let partner = describe.api(&case.pair.partner);
    let tests = describe.tests(case.pair);
    let (first, second) = match describe.is_one_test(case.pair) {
        true => (format!("another case of {}", tests.0), format!("a case of {}", tests.1)),
        false => tests.clone(),
    };
    Some(Draft {
        severity,
        message: format!(
            "{} run in parallel and share the environment: {mutation} beside {partner}",
            match describe.is_one_test(case.pair) {
                true => format!("the cases of the test {}", tests.0),
                false => format!("the tests {} and {}", tests.0, tests.1),
            }
        ),
        help: "take one common lock in both tests (#[serial], a static Mutex), hand the value over as an argument, or run \
               one process a test"
            .to_owned(),
        interleaving: [
            format!("{second} is about to reach {partner} at {}", describe.place(&case.pair.partner)),
            format!("{first} runs {mutation} at {}", describe.place(&case.pair.mutation)),
            format!("{second} goes on with what {first} set"),
        ],
    })
}
