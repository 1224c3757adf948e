//! What a mutation and its partner can do to each other: computed from shape, passing, guards and versions.
//!
//! The table behind it was measured: every mutation beside every spawn and read, on glibc 2.36, glibc 2.41 and 2.43 and
//! musl 1.2.3, CPython 3.8 to 3.14. What was not measured (macOS, the BSDs) is taken to be unsafe.

use crate::finding::Effect;

use super::entry::{Entry, Passing, Role, Shape};
use super::target::{Combo, Interpreter, LibcKind, describe_combos};
use super::{Catalog, EntryId, Target};
use crate::facts::Language;

mod mechanism;
mod table;

use table::{Cell, Danger, Partner};

/// The verdict of a pair over a whole [`Target`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairVerdict {
    /// The worst effect over the target.
    pub effect: Effect,
    /// The versions for which that effect holds: `glibc <2.41`, `musl`, `CPython 3.11.6 to 3.12`.
    pub holds_for: Vec<String>,
    /// The effect holds on musl alone (severity: warning), and the target has other libcs too.
    pub musl_only: bool,
    /// The effect holds only where musl and an interpreter without the GIL come together, and the target has others too.
    pub nearly_nowhere: bool,
    /// The effect is known but rare enough to lower the confidence: an addition beside fork + exec.
    pub rare: bool,
    /// One sentence on the mechanism.
    pub why: String,
}

/// Judges a pair. Each side is the set of catalog entries that match its site (they differ by version); `None` where the
/// pair is harmless on every version of the target.
pub fn pair_verdict(
    catalog: &Catalog,
    mutation: &[EntryId],
    partner: &[EntryId],
    target: &Target,
) -> Option<PairVerdict> {
    pair_verdict_as(catalog, mutation, None, partner, target)
}

/// As [`pair_verdict`], where the site tells more of the mutation's shape than its entry does: an augmented store or a
/// name that surely exists only overwrites.
pub fn pair_verdict_as(
    catalog: &Catalog,
    mutation: &[EntryId],
    shape: Option<Shape>,
    partner: &[EntryId],
    target: &Target,
) -> Option<PairVerdict> {
    let mutations: Vec<&Entry> = mutation.iter().map(|&id| catalog.entry(id)).collect();
    let partners: Vec<&Entry> = partner.iter().map(|&id| catalog.entry(id)).collect();
    let python = mutations
        .iter()
        .chain(&partners)
        .any(|entry| entry.language == Language::Python);
    let interpreter = if python {
        Interpreter::Matters
    } else {
        Interpreter::Absent
    };
    let judged: Vec<(Combo, Judged)> = target
        .combos(interpreter)
        .into_iter()
        .filter_map(|combo| Some((combo, worst(&mutations, shape, &partners, &combo)?)))
        .collect();
    let effect = judged.iter().map(|(_, judged)| judged.effect).max()?;
    let winning: Vec<&(Combo, Judged)> = judged.iter().filter(|(_, judged)| judged.effect == effect).collect();
    let combos: Vec<Combo> = winning.iter().map(|(combo, _)| *combo).collect();
    let on_musl = |combo: &Combo| combo.libc.kind == LibcKind::Musl;
    let is_rarest = |combo: &Combo| on_musl(combo) && combo.python.is_some_and(|python| python.free_threaded);
    let musl_only = combos.iter().all(on_musl) && target.libcs.iter().any(|libc| libc.kind != LibcKind::Musl);
    let (combo, clearest) = winning.iter().max_by_key(|(combo, judged)| clarity(combo, judged))?;
    Some(PairVerdict {
        effect,
        holds_for: describe_combos(target, &combos),
        musl_only,
        nearly_nowhere: musl_only
            && combos.iter().all(is_rarest)
            && target.pythons.iter().any(|python| !python.free_threaded),
        rare: winning.iter().all(|(_, judged)| judged.rare),
        why: clearest.sentence(combo),
    })
}

/// What a pair comes to on one combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComboVerdict {
    pub effect: Effect,
    pub rare: bool,
}

/// As [`pair_verdict_as`], on one combination alone.
pub fn pair_on(
    catalog: &Catalog,
    mutation: &[EntryId],
    shape: Option<Shape>,
    partner: &[EntryId],
    combo: &Combo,
) -> Option<ComboVerdict> {
    let mutations: Vec<&Entry> = mutation.iter().map(|&id| catalog.entry(id)).collect();
    let partners: Vec<&Entry> = partner.iter().map(|&id| catalog.entry(id)).collect();
    worst(&mutations, shape, &partners, combo).map(|judged| ComboVerdict {
        effect: judged.effect,
        rare: judged.rare,
    })
}

/// The combination whose reason is told is the one that most readers have: no rare one, not musl where glibc has it too,
/// a build with the GIL; then the one of which the entries say most.
fn clarity(combo: &Combo, judged: &Judged<'_>) -> (bool, bool, bool, usize) {
    let gil = combo.python.is_none_or(|python| !python.free_threaded);
    (
        !judged.rare,
        combo.libc.kind != LibcKind::Musl,
        gil,
        judged.because.len(),
    )
}

/// What one combination of versions makes of one pair of entries.
#[derive(Debug, Clone)]
struct Judged<'a> {
    effect: Effect,
    rare: bool,
    danger: Danger,
    mutation: &'a Entry,
    partner: &'a Entry,
    /// What the entries say of these versions.
    because: Vec<&'a str>,
}

impl Judged<'_> {
    fn sentence(&self, combo: &Combo) -> String {
        let mut sentence = mechanism::sentence(self.danger, self.mutation, self.partner, combo);
        for because in &self.because {
            sentence.push_str("; ");
            sentence.push_str(because);
        }
        sentence
    }
}

/// The worst over all entries that apply to the combination.
fn worst<'a>(
    mutations: &[&'a Entry],
    shape: Option<Shape>,
    partners: &[&'a Entry],
    combo: &Combo,
) -> Option<Judged<'a>> {
    let applies = |entry: &&&'a Entry| entry.when.holds(combo);
    mutations
        .iter()
        .filter(applies)
        .flat_map(|mutation| {
            partners
                .iter()
                .filter(applies)
                .map(move |partner| (*mutation, *partner))
        })
        .filter_map(|(mutation, partner)| judge(mutation, shape, partner, combo))
        .max_by_key(|judged| (judged.effect, !judged.rare))
}

/// One pair of entries on one combination; `None` where the two are no pair at all.
fn judge<'a>(mutation: &'a Entry, shape: Option<Shape>, partner: &'a Entry, combo: &Combo) -> Option<Judged<'a>> {
    let Role::Mutation { shape: declared, .. } = mutation.role else {
        return None;
    };
    let shape = shape.unwrap_or(declared);
    let kind = partner_of(&partner.role)?;
    let mut cell = if mutation.mapping_only || partner.mapping_only {
        Cell::environment(Danger::Mapping)
    } else {
        table::cell(mutation, shape, partner, kind, combo.libc)
    };
    if cell.effect == Effect::Memory && common_guard(mutation, partner, combo) {
        cell = Cell::environment(Danger::Guarded);
    }
    Some(Judged {
        effect: cell.effect,
        rare: cell.rare || is_rare(mutation) || is_rare(partner),
        danger: cell.danger,
        mutation,
        partner,
        because: because(cell, mutation, partner),
    })
}

/// An API that touches the environment on its first call alone, say.
fn is_rare(entry: &Entry) -> bool {
    entry.measured.as_deref() == Some("rare")
}

/// What the entries add: they speak of what harms memory on these versions, or of the language's own mapping.
fn because<'a>(cell: Cell, mutation: &'a Entry, partner: &'a Entry) -> Vec<&'a str> {
    let speaks = cell.effect == Effect::Memory || cell.danger == Danger::Mapping;
    let said = [mutation.because.as_deref(), partner.because.as_deref()];
    if speaks {
        said.into_iter().flatten().collect()
    } else {
        Vec::new()
    }
}

/// What the role is as a partner, if it is one.
fn partner_of(role: &Role) -> Option<Partner> {
    match role {
        Role::Spawn {
            passing: Passing::Shared,
        }
        | Role::Fork { vfork: true, .. }
        | Role::Exec { environment: None } => Some(Partner::Shared),
        Role::Spawn {
            passing: Passing::ForkCopy,
        }
        | Role::Fork { vfork: false, .. } => Some(Partner::ForkCopy),
        Role::Read { .. } => Some(Partner::Read),
        Role::Mutation { .. } => Some(Partner::Mutation),
        _ => None,
    }
}

/// Whether both sides hold the same intrinsic guard while they touch the array. The GIL is none in free-threaded
/// builds; libc's own lock is one between its own writers only and is dealt with by the table.
fn common_guard(mutation: &Entry, partner: &Entry, combo: &Combo) -> bool {
    mutation
        .hold
        .iter()
        .filter(|guard| partner.hold.contains(guard))
        .any(|guard| match guard.as_str() {
            "gil" => combo.python.is_some_and(|python| !python.free_threaded),
            "libc-env" => false,
            _ => true,
        })
}

#[cfg(test)]
mod tests;
