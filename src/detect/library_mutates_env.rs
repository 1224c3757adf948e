//! A public function of a library changes the environment, and its callers' threads are unknown.
//!
//! ## Why
//!
//! Whoever calls it from a program with threads has the race, and cannot see it. The documentation should say so, or the
//! function should take the environment as an argument.
//!
//! ## Example
//!
//! ```text
//! pub fn notify(unset_env: bool) {
//!     if unset_env { unsafe { env::remove_var("NOTIFY_SOCKET") } }
//! }
//! ```
//!
//! ## Instead
//!
//! Return what should be set and let the program do it before its threads start, or make the function `unsafe` with that
//! contract.
//!
//! ## How sure
//!
//! A note, for auditors only: whether there is a race is decided elsewhere.

use crate::facts::{FunctionKind, Visibility};
use crate::finding::{Confidence, Finding, FindingBuilder, Overlap, PartnerKind, RuleCode, Severity};
use crate::model::{Access, AccessKind, Chain, PairSide, Program, SummaryKey};

use super::describe::Describe;

/// The text of this file, for the manual.
pub const TEXT: &str = include_str!("library_mutates_env.rs");

/// A note for every mutation that a public function reaches and that no other finding speaks of.
pub fn findings(describe: &Describe<'_, '_>, program: &Program<'_>, known: &[Finding]) -> Vec<Finding> {
    let engine = &program.engine;
    let tree = engine.values.tree;
    let mut best: std::collections::BTreeMap<_, (u32, Finding)> = std::collections::BTreeMap::new();
    for func in tree.functions() {
        let function = tree.function(func);
        let open = function.visibility == Visibility::Public
            && matches!(function.kind, FunctionKind::Function | FunctionKind::Method)
            && !function.test_only
            && function.name != "main";
        let Some(summary) = engine
            .finished(SummaryKey {
                function: func,
                main: false,
            })
            .filter(|_| open)
        else {
            continue;
        };
        for access in summary.accesses.iter().filter(|access| access.child.is_none()) {
            if engine.sites.get(access.site).kind != AccessKind::Mutation {
                continue;
            }
            let finding = note(describe, access, &tree.display(func));
            if known
                .iter()
                .any(|known| known.mutation.location == finding.mutation.location)
            {
                continue;
            }
            let length = access.chain.length();
            let shorter = best
                .get(&finding.mutation.location)
                .is_none_or(|(other, _)| length < *other);
            if shorter {
                best.insert(finding.mutation.location.clone(), (length, finding));
            }
        }
    }
    best.into_values().map(|(_, finding)| finding).collect()
}

fn note(describe: &Describe<'_, '_>, access: &Access, function: &str) -> Finding {
    let side = PairSide {
        access: access.clone(),
        thread: None,
        start_chain: Chain::default(),
        many: false,
        weak_join: None,
    };
    let verdict = describe.lone_verdict(&side);
    FindingBuilder {
        code: RuleCode::ER007,
        effect: verdict.effect,
        severity: Severity::Note,
        confidence: Confidence::Low,
        message: format!(
            "the public function {function} changes the environment ({}), and its callers' threads are unknown",
            describe.api(&side)
        ),
        help: "say in its documentation that no other thread may run, or return the value instead of setting it"
            .to_owned(),
        mutation: describe.site(&side, None),
        partner: None,
        partner_kind: PartnerKind::Spawn,
        overlap: Overlap {
            reason: format!("{function} is public: any thread of a program that uses it may call it"),
            threads: Vec::new(),
            ancestor: function.to_owned(),
        },
        holds_for: verdict.holds_for,
        guards: Vec::new(),
        status: None,
        array: None,
        interleaving: Vec::new(),
        doubts: vec!["nothing is known of the callers".to_owned()],
    }
    .build()
}
