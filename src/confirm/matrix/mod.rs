//! What the catalog says of each pair, beside what this machine shows.
//!
//! A cell is a mutation beside a partner. Its claim comes from a small program that goes through the analysis like any
//! other, judged for this machine's libc and interpreter; its measurement from the replay of the same pattern.

mod measure;
mod musl;
mod statements;
mod table;

use crate::detect::{self, Options, Persona};
use crate::facts::Language;
use crate::finding::{Effect, Finding, Location, PartnerKind, Site};
use crate::frontend;
use crate::input::{Source, Sources};
use crate::knowledge::{Catalog, Combo, Interpreter, Target};

use super::pattern::Pattern;
use super::{pattern_native, pattern_python};

pub use measure::{Agreement, Measured, Measurer, Shown};
pub use musl::{measure_musl, musl_version};
pub use table::{Section, Summary as MatrixSummary, document, heading};

use statements::{Mutation, Partner};

/// What the catalog says of a cell on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// No pair, or a harmless one.
    Nothing,
    Environment,
    Deadlock,
    Memory,
}

/// How the catalog says that a cell's effect on memory shows: the word of `measured`, the less of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mark {
    /// One side or both have no mark.
    Unmarked,
    Latent,
    Rare,
    Common,
}

/// A mutation beside a partner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    pub language: Language,
    /// As a program writes them.
    pub mutation: &'static str,
    pub partner: &'static str,
    pub pattern: Pattern,
    pub claim: Claim,
    pub mark: Mark,
}

impl Claim {
    /// The word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Claim::Nothing => "none",
            Claim::Environment => "environment",
            Claim::Deadlock => "deadlock",
            Claim::Memory => "memory",
        }
    }
}

impl Mark {
    /// The word in rules files.
    pub fn name(self) -> &'static str {
        match self {
            Mark::Unmarked => "",
            Mark::Latent => "latent",
            Mark::Rare => "rare",
            Mark::Common => "common",
        }
    }

    fn parse(word: &str) -> Mark {
        match word {
            "common" => Mark::Common,
            "rare" => Mark::Rare,
            "latent" => Mark::Latent,
            _ => Mark::Unmarked,
        }
    }
}

/// The cells of a language, row by row, judged for `target`: those whose `mutation beside partner` contains `wanted`, which is
/// empty for all.
pub fn cells(language: Language, target: &Target, wanted: &str) -> Vec<Cell> {
    let catalog = Catalog::builtin();
    let mut cells = Vec::new();
    for &mutation in statements::mutations(language) {
        for &partner in statements::partners(language) {
            if !format!("{} beside {}", mutation.code, partner.code).contains(wanted) {
                continue;
            }
            if let Ok(pattern) = pattern_of(language, mutation, partner) {
                let mark = |entry| mark(&catalog, language, entry, target);
                let mark = mark(mutation.entry).min(mark(partner.entry));
                let claim = claim(&findings(language, mutation, partner, &catalog, target));
                cells.push(Cell {
                    language,
                    mutation: mutation.code,
                    partner: partner.code,
                    pattern,
                    claim,
                    mark,
                });
            }
        }
    }
    cells
}

/// The pattern that confirm replays for these two sites.
fn pattern_of(language: Language, mutation: Mutation, partner: Partner) -> Result<Pattern, String> {
    let changes = site(language, mutation.entry, Some(mutation.shape), mutation.code);
    let uses = site(language, partner.entry, None, partner.code);
    let kind = if partner.reads {
        PartnerKind::Read
    } else {
        PartnerKind::Spawn
    };
    Ok(match language {
        Language::Python => Pattern::Python {
            mutation: pattern_python::mutation_of(&changes)?,
            partner: pattern_python::partner_of(&uses)?,
        },
        Language::C | Language::Rust => Pattern::Native {
            mutation: pattern_native::mutation_of(&changes)?,
            partner: pattern_native::partner_of(&uses, kind)?,
        },
    })
}

fn site(language: Language, entry: &str, shape: Option<&str>, code: &str) -> Site {
    Site {
        location: Location {
            path: String::new(),
            line: 1,
            column: 1,
            end_line: 1,
            end_column: 1,
        },
        api: entry.to_owned(),
        entries: vec![entry.to_owned()],
        variable: None,
        shape: shape.map(str::to_owned),
        function: String::new(),
        chain: Vec::new(),
        thread: None,
        repeated: true,
        language: language.name().to_owned(),
        spawns: None,
        code: code.to_owned(),
    }
}

/// What the analysis finds in the cell's program.
fn findings(
    language: Language,
    mutation: Mutation,
    partner: Partner,
    catalog: &Catalog,
    target: &Target,
) -> Vec<Finding> {
    let source = Source {
        // A program's root is known by its name.
        path: match language {
            Language::C => "main.c",
            Language::Python => "main.py",
            Language::Rust => "main.rs",
        }
        .to_owned(),
        language,
        text: statements::program(language, mutation, partner),
    };
    let (facts, _problems) = frontend::lower(&source);
    let sources = Sources::new([source]);
    let options = Options {
        target: target.clone(),
        persona: Persona::Pedantic,
        preview: false,
        extent: crate::model::Extent::Pairs,
        steps: crate::model::STEPS,
    };
    let analysis = detect::analyse(vec![facts], &sources, catalog, &options);
    let of_cell = |finding: &Finding| {
        let partners = finding.partner.as_ref().map(|partner| partner.entries.as_slice());
        finding.partner_kind != PartnerKind::Mutation
            && finding.mutation.entries.iter().any(|entry| entry == mutation.entry)
            && partners
                .unwrap_or_default()
                .iter()
                .any(|entry| is_same(entry, partner.entry))
    };
    analysis.findings.into_iter().filter(of_cell).collect()
}

/// The site of a fork and exec is the fork or the exec, by the catalog's choice.
fn is_same(entry: &str, wanted: &str) -> bool {
    let is_exec = |entry: &str| entry.contains("exec") || entry.ends_with("fork");
    entry == wanted || wanted.ends_with("fork") && is_exec(entry)
}

fn claim(findings: &[Finding]) -> Claim {
    match findings.iter().map(|finding| finding.effect).max() {
        None => Claim::Nothing,
        Some(Effect::Environment) => Claim::Environment,
        Some(Effect::Deadlock) => Claim::Deadlock,
        Some(Effect::Memory) => Claim::Memory,
    }
}

/// The best mark among the entries of this text that hold for the target.
fn mark(catalog: &Catalog, language: Language, text: &str, target: &Target) -> Mark {
    let interpreter = if language == Language::Python {
        Interpreter::Matters
    } else {
        Interpreter::Absent
    };
    let combos: Vec<Combo> = target.combos(interpreter);
    let entries = catalog.iter().map(|(_, entry)| entry);
    entries
        .filter(|entry| entry.language == language && entry.text == text)
        .filter(|entry| combos.iter().any(|combo| entry.when.holds(combo)))
        .filter_map(|entry| entry.measured.as_deref().map(Mark::parse))
        .max()
        .unwrap_or(Mark::Unmarked)
}

#[cfg(test)]
mod tests;
