//! Findings made by hand, for confirm's tests.

use crate::finding::{
    Confidence, Effect, Finding, FindingBuilder, Location, Overlap, PartnerKind, RuleCode, Severity, Site, Thread,
};

fn location() -> Location {
    Location {
        path: "a.py".to_owned(),
        line: 1,
        column: 1,
        end_line: 1,
        end_column: 2,
    }
}

/// A site in Python with these catalog entries, shape and source text.
pub fn site(entries: &[&str], shape: Option<&str>, code: &str) -> Site {
    Site {
        location: location(),
        api: "the API".to_owned(),
        entries: entries.iter().map(|entry| (*entry).to_owned()).collect(),
        variable: None,
        shape: shape.map(str::to_owned),
        function: "f".to_owned(),
        chain: Vec::new(),
        thread: None,
        repeated: true,
        language: "python".to_owned(),
        spawns: None,
        code: code.to_owned(),
    }
}

/// An ER001 finding of these two sites.
pub fn finding(mutation: Site, partner: Site) -> Finding {
    let thread = Thread {
        created: location(),
        start: location(),
        entry: "worker".to_owned(),
        many: true,
        joined: None,
        note: None,
    };
    FindingBuilder {
        code: RuleCode::ER001,
        effect: Effect::Memory,
        severity: Severity::Error,
        confidence: Confidence::High,
        message: "a message".to_owned(),
        help: "a help".to_owned(),
        mutation,
        partner: Some(partner),
        partner_kind: PartnerKind::Spawn,
        overlap: Overlap {
            reason: "a reason".to_owned(),
            threads: vec![thread],
            ancestor: "main".to_owned(),
        },
        holds_for: Vec::new(),
        guards: Vec::new(),
        status: None,
        array: None,
        interleaving: vec!["one".to_owned(), "two".to_owned(), "three".to_owned()],
        doubts: Vec::new(),
    }
    .build()
}
