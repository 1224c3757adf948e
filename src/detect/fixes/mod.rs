//! Fixes: changes of the source that take a finding away.
//!
//! One kind is mechanical and can be proved: a variable that is set right before a spawn, in the same stretch of code, and
//! that this child alone needs, is handed to the child instead. [`language`] knows how that is written; [`proof`] asks
//! whether anything else in the analysed sources may need the variable. What cannot be proved is offered as unsafe, with
//! the reason; where something is known to need the variable, nothing is offered.
//!
//! A third way out, a copy of the environment for the partner, is in [`snapshot`] and always unsafe.
//!
//! C has no fix: an `envp` of its own has to be allocated, filled and freed, which is no mechanical change.

mod language;
mod proof;
mod snapshot;

use std::collections::BTreeMap;

use crate::facts::{Event, Language, Node, Region, RegionKind, Span};
use crate::finding::{Edit, Finding, Fix, Location, Safety};
use crate::input::Sources;
use crate::knowledge::{ArgumentRef, ArgumentTest, EntryId};
use crate::model::{AccessKind, Engine, FuncId, Program, SiteId};

/// Where a piece of text stands: the start and end of its bytes.
type Bytes = std::ops::Range<usize>;

/// Variables that are set one after the other right before a spawn, and how to hand them to the child instead.
struct Group {
    path: String,
    /// The mutations, in order.
    sets: Vec<Set>,
    spawn: SiteId,
    /// The changes of the text, in order.
    edits: Vec<(Bytes, String)>,
}

/// One variable that is set by a statement of its own.
struct Set {
    site: SiteId,
    variable: String,
    /// The statement, with its line end.
    statement: Bytes,
}

/// What the fixes go by.
struct Ground<'p, 't> {
    engine: &'p Engine<'t>,
    sources: &'p Sources,
}

impl Ground<'_, '_> {
    fn path(&self, func: FuncId) -> &str {
        let tree = self.engine.values.tree;
        &tree.file(tree.file_of(func)).path
    }

    fn text(&self, func: FuncId) -> Option<&str> {
        self.sources.text(self.path(func))
    }

    /// Whether every entry of a site asks for this of an argument `env`, so that it surely has one.
    fn every_entry_asks(&self, spawn: SiteId, test: ArgumentTest) -> bool {
        let catalog = self.engine.values.catalog;
        let entries = &self.engine.sites.get(spawn).entries;
        let asks = |id: &EntryId| {
            catalog.entry(*id).arguments.iter().any(|predicate| {
                let named_env = match &predicate.argument {
                    ArgumentRef::Of { keywords, .. } => keywords.iter().any(|word| word == "env"),
                    _ => false,
                };
                named_env && predicate.any_of.contains(&test)
            })
        };
        !entries.is_empty() && entries.iter().all(asks)
    }
}

/// Gives each finding the fix that it has.
pub fn attach(program: &Program<'_>, sources: &Sources, findings: &mut [Finding]) {
    if findings.is_empty() {
        return;
    }
    let ground = Ground {
        engine: &program.engine,
        sources,
    };
    let groups = groups(&ground);
    let mut fixes: BTreeMap<(String, u32, u32), Fix> = BTreeMap::new();
    for group in &groups {
        let Some(fix) = proof::judge(&ground, group, &groups) else {
            continue;
        };
        for set in &group.sets {
            let span = ground.engine.sites.get(set.site).span;
            fixes.insert((group.path.clone(), span.line, span.column), fix.clone());
        }
    }
    for finding in findings {
        let place = &finding.mutation.location;
        let known = fixes.get(&(place.path.clone(), place.line, place.column));
        finding.fix = known.cloned().or_else(|| snapshot::of(&ground, finding));
    }
}

/// Every group of the program.
fn groups(ground: &Ground<'_, '_>) -> Vec<Group> {
    let mut mutations: BTreeMap<FuncId, Vec<SiteId>> = BTreeMap::new();
    let mut spawns: BTreeMap<(FuncId, Span), SiteId> = BTreeMap::new();
    for (site, info) in ground.engine.sites.iter() {
        match info.kind {
            AccessKind::Mutation if info.language != Language::C => {
                mutations.entry(info.function).or_default().push(site);
            }
            AccessKind::Spawn => {
                spawns.insert((info.function, info.span), site);
            }
            // What copies the live environment that it is passed, to start a program with it.
            AccessKind::Read if ground.every_entry_asks(site, ArgumentTest::Live) => {
                spawns.insert((info.function, info.span), site);
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    for (func, sites) in mutations {
        let function = ground.engine.values.tree.function(func);
        for run in runs(&function.body) {
            let events = language::Events {
                ground,
                func,
                function,
                run: &run,
                mutations: &sites,
                spawns: &spawns,
            };
            all.extend(events.groups());
        }
    }
    all
}

/// The events that surely follow each other, in order: sequences are laid out flat, every other region is a run of its
/// own and ends the one around it.
fn runs(body: &Region) -> Vec<Vec<&Event>> {
    fn go<'r>(region: &'r Region, current: &mut Vec<&'r Event>, all: &mut Vec<Vec<&'r Event>>) {
        for node in &region.nodes {
            match node {
                Node::Event(event) => current.push(event),
                Node::Region(inner) if inner.kind == RegionKind::Seq => go(inner, current, all),
                Node::Region(inner) => {
                    all.push(std::mem::take(current));
                    let mut own = Vec::new();
                    go(inner, &mut own, all);
                    all.push(own);
                }
            }
        }
    }
    let (mut current, mut all) = (Vec::new(), Vec::new());
    go(body, &mut current, &mut all);
    all.push(current);
    all.retain(|run| run.len() > 1);
    all
}

/// The edits of a fix in the file at `path` with this text.
fn edits(path: &str, text: &str, changes: &[(Bytes, String)]) -> Vec<Edit> {
    changes
        .iter()
        .map(|(range, replacement)| {
            let (line, column) = position(text, range.start);
            let (end_line, end_column) = position(text, range.end);
            Edit {
                location: Location {
                    path: path.to_owned(),
                    line,
                    column,
                    end_line,
                    end_column,
                },
                start: range.start as u32,
                end: range.end as u32,
                replacement: replacement.clone(),
            }
        })
        .collect()
}

/// Line and column, from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = &text[..offset];
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (
        before.matches('\n').count() as u32 + 1,
        before[start..].chars().count() as u32 + 1,
    )
}

/// A fix, safe where there is no reason against it.
fn fix(title: String, doubt: Option<String>, edits: Vec<Edit>) -> Fix {
    Fix {
        title,
        safety: if doubt.is_none() { Safety::Safe } else { Safety::Unsafe },
        because: doubt.unwrap_or_default(),
        edits,
    }
}

#[cfg(test)]
mod tests;
