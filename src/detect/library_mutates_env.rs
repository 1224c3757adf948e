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

use std::collections::BTreeMap;

use crate::facts::{FunctionKind, Visibility};
use crate::finding::{Confidence, Finding, FindingBuilder, Overlap, PartnerKind, RuleCode, Severity};
use crate::model::{Access, AccessKind, Chain, Engine, FuncId, PairSide, Program, SiteId, SummaryKey};

use super::describe::Describe;

/// The text of this file, for the manual.
pub const TEXT: &str = include_str!("library_mutates_env.rs");

/// A note for every mutation that a public function reaches and that no other finding speaks of.
pub fn findings(describe: &Describe<'_, '_>, program: &Program<'_>, known: &[Finding]) -> Vec<Finding> {
    let engine = &program.engine;
    let tree = engine.values.tree;
    let mut best: BTreeMap<_, (u32, Finding)> = BTreeMap::new();
    // Thousands of functions may come to one mutation: of those the nearest is told of.
    let mut nearest: BTreeMap<SiteId, (FuncId, &Access)> = BTreeMap::new();
    for (func, access) in open_mutations(engine) {
        let known = nearest.entry(access.site).or_insert((func, access));
        if access.chain.length() < known.1.chain.length() {
            *known = (func, access);
        }
    }
    for (func, access) in nearest.into_values() {
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
    best.into_values().map(|(_, finding)| finding).collect()
}

/// The mutations that public functions come to, each with its function.
pub fn open_mutations<'p>(engine: &'p Engine<'_>) -> impl Iterator<Item = (FuncId, &'p Access)> {
    let tree = engine.values.tree;
    let open = tree.functions().filter(move |func| {
        let function = tree.function(*func);
        function.visibility == Visibility::Public
            && matches!(function.kind, FunctionKind::Function | FunctionKind::Method)
            && !function.test_only
            && function.name != "main"
    });
    let summaries = open.filter_map(|function| {
        let summary = engine.finished(SummaryKey { function, main: false })?;
        Some((function, summary))
    });
    let accesses = summaries.flat_map(|(func, summary)| summary.accesses.iter().map(move |access| (func, access)));
    accesses.filter(|(_, access)| access.child.is_none() && engine.sites.get(access.site).kind == AccessKind::Mutation)
}

fn note(describe: &Describe<'_, '_>, access: &Access, function: &str) -> Finding {
    let side = PairSide {
        access: access.clone(),
        thread: None,
        start_chain: Chain::default(),
        many: false,
        weak_join: None,
        overwrites: false,
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
