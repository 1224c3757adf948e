//! An API beside everything that it can race with, version by version: the table of `envrace explain`.
//!
//! Nothing here is listed. Every cell asks the verdict that findings ask; calls that fare alike on every version are one
//! row.

use std::collections::HashMap;

use crate::facts::Language;
use crate::finding::Effect;

use super::entry::{Entry, Passing, Role};
use super::target::{Combo, Interpreter, Libc, LibcKind, PythonVersion, libc_ranges, python_ranges};
use super::verdict::{ComboVerdict, pair_on};
use super::{Catalog, EntryId, Target, pair_verdict_as};

mod forms;

use forms::{Form, forms};

/// What an access does to the environment, as far as it matters beside what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Access {
    /// A spawn on shared memory.
    Spawn,
    /// A forked copy.
    Fork,
    Read,
    Mutation,
}

impl Access {
    /// What the role is, if it touches the environment at all.
    pub fn of(role: &Role) -> Option<Access> {
        match role {
            Role::Mutation { .. } => Some(Access::Mutation),
            Role::Spawn {
                passing: Passing::Shared,
            }
            | Role::Fork { vfork: true, .. }
            | Role::Exec { environment: None } => Some(Access::Spawn),
            Role::Spawn {
                passing: Passing::ForkCopy,
            }
            | Role::Fork { vfork: false, .. } => Some(Access::Fork),
            Role::Read { .. } => Some(Access::Read),
            _ => None,
        }
    }

    /// A few words for people.
    pub fn words(self) -> &'static str {
        match self {
            Access::Mutation => "mutation",
            Access::Spawn => "spawn on shared memory",
            Access::Fork => "spawn from a forked copy",
            Access::Read => "read",
        }
    }
}

/// What the two do to each other on one combination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// `None` where they are no pair.
    pub effect: Option<Effect>,
    pub rare: bool,
}

/// Some interpreters (all, where there is no text) on which a row reads the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// `CPython 3.11.6 to 3.12`; empty for every one of the target's.
    pub interpreters: Vec<String>,
    /// One for each of the table's columns.
    pub cells: Vec<Cell>,
}

/// Calls that fare alike beside the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub access: Access,
    /// How people write them, with their language; the API's own language first, then in the order of the rules file.
    pub others: Vec<(Language, String)>,
    pub lines: Vec<Line>,
    /// The mechanism where it is worst, in a sentence without a full stop.
    pub why: String,
}

/// One way to call the API beside everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub access: Access,
    /// The ways to call it that fare alike: `cwd=…`; empty for the usual one.
    pub calls: Vec<String>,
    /// The entries that apply, of any version.
    pub entries: Vec<EntryId>,
    /// `glibc <2.41`, `musl`.
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

/// The tables of an API: one for each way to call it that differs. Empty where it touches no environment.
pub fn beside(catalog: &Catalog, language: Language, text: &str, target: &Target) -> Vec<Table> {
    let mut drafts: Vec<Draft> = Vec::new();
    let own: Vec<(EntryId, &Entry)> = catalog
        .iter()
        .filter(|(_, entry)| entry.language == language && entry.text == text)
        .collect();
    let own = forms(&own);
    if own.is_empty() {
        return Vec::new();
    }
    let others = all_forms(catalog, language);
    for form in own {
        let rows = rows(catalog, &form, &others, target);
        let calls = form.call.clone();
        match drafts
            .iter_mut()
            .find(|draft| draft.form.access == form.access && draft.rows == rows)
        {
            Some(same) => {
                same.calls.push(calls);
                let new = form.entries.iter().filter(|id| !same.form.entries.contains(id));
                let new: Vec<EntryId> = new.copied().collect();
                same.form.entries.extend(new);
            }
            None => drafts.push(Draft {
                calls: vec![calls],
                form,
                rows,
            }),
        }
    }
    drafts.into_iter().map(|draft| draft.table(target)).collect()
}

/// A table whose columns are still all libcs of the target.
struct Draft {
    form: Form,
    calls: Vec<String>,
    rows: Vec<WideRow>,
}

/// A combination with its cell; `None` where the call does not exist on it.
type OnCombo = (Combo, Option<Cell>);

/// A row with a cell for every combination: `None` where none of its calls exists.
#[derive(PartialEq)]
struct WideRow {
    access: Access,
    others: Vec<Other>,
    cells: Vec<OnCombo>,
    why: String,
}

/// A call of a row, ordered so that the best one to name comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Other {
    foreign: bool,
    /// What was measured to fail often is what people know.
    seldom: bool,
    /// In the order of the rules files.
    number: usize,
    language: Language,
    written: String,
}

impl WideRow {
    /// Takes in a call whose cells are the same as far as both exist.
    fn take_in(&mut self, access: Access, cells: &[OnCombo]) -> bool {
        let fits = |(known, new): (&OnCombo, &OnCombo)| {
            known.0 == new.0 && (known.1 == new.1 || known.1.is_none() || new.1.is_none())
        };
        let same = self.access == access && self.cells.len() == cells.len();
        if !same || !self.cells.iter().zip(cells).all(fits) {
            return false;
        }
        for (known, new) in self.cells.iter_mut().zip(cells) {
            known.1 = known.1.or(new.1);
        }
        true
    }
}

/// Every call of the language's own APIs and of C's, which every program may hold too.
fn all_forms(catalog: &Catalog, language: Language) -> Vec<Form> {
    let languages: &[Language] = match language {
        Language::C => &[Language::C],
        Language::Python => &[Language::Python, Language::C],
        Language::Rust => &[Language::Rust, Language::C],
    };
    let mut all = Vec::new();
    for &language in languages {
        let own = catalog.iter().filter(|(_, entry)| entry.language == language);
        let mut apis: Vec<Vec<(EntryId, &Entry)>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (id, entry) in own.filter(|(_, entry)| Access::of(&entry.role).is_some()) {
            let place = *places.entry(&entry.text).or_insert(apis.len());
            match apis.get_mut(place) {
                Some(api) => api.push((id, entry)),
                None => apis.push(vec![(id, entry)]),
            }
        }
        all.extend(apis.iter().flat_map(|api| forms(api)));
    }
    all
}

fn rows(catalog: &Catalog, form: &Form, others: &[Form], target: &Target) -> Vec<WideRow> {
    let mut rows: Vec<WideRow> = Vec::new();
    let mut named: Vec<(usize, Other)> = Vec::new();
    for (number, other) in others.iter().enumerate() {
        let (mutation, partner) = match (form.access, other.access) {
            (Access::Mutation, _) => (form, other),
            (_, Access::Mutation) => (other, form),
            _ => continue,
        };
        let cells = cells(catalog, mutation, partner, other, target);
        if cells
            .iter()
            .all(|(_, cell)| cell.is_none_or(|cell| cell.effect.is_none()))
        {
            continue;
        }
        let called = Other {
            foreign: other.language != form.language,
            seldom: !other.is_common(catalog),
            number,
            language: other.language,
            written: other.written(),
        };
        let found = rows.iter_mut().position(|row| row.take_in(other.access, &cells));
        let index = found.unwrap_or(rows.len());
        if found.is_none() {
            rows.push(WideRow {
                access: other.access,
                others: Vec::new(),
                cells,
                why: String::new(),
            });
        }
        named.push((index, called));
    }
    named.sort_by(|a, b| a.1.cmp(&b.1));
    for (index, other) in named {
        let known = rows[index]
            .others
            .iter()
            .any(|known| known.written == other.written && known.language == other.language);
        if !known {
            rows[index].others.push(other);
        }
    }
    for row in &mut rows {
        if let Some(first) = row.others.first() {
            let other = &others[first.number];
            let (mutation, partner) = match form.access {
                Access::Mutation => (form, other),
                _ => (other, form),
            };
            let verdict = pair_verdict_as(catalog, &mutation.entries, mutation.shape, &partner.entries, target);
            row.why = verdict.map(|verdict| verdict.why).unwrap_or_default();
        }
    }
    // Spawns first, since they are what most people ask about; the order of the files within.
    rows.sort_by_key(|row| row.access);
    rows
}

/// The pair on every combination; `None` where the other call does not exist.
fn cells(catalog: &Catalog, mutation: &Form, partner: &Form, other: &Form, target: &Target) -> Vec<OnCombo> {
    // C's functions stand in every program; beside them Python is one dimension for all.
    let python = [mutation, partner].iter().any(|form| form.language == Language::Python);
    let interpreter = if python {
        Interpreter::Matters
    } else {
        Interpreter::Absent
    };
    let exists = |combo: &Combo| other.entries.iter().any(|id| catalog.entry(*id).when.holds(combo));
    let cell = |combo: &Combo| {
        let verdict = pair_on(catalog, &mutation.entries, mutation.shape, &partner.entries, combo);
        Cell::of(verdict.as_ref())
    };
    let combos = target.combos(interpreter).into_iter();
    combos
        .map(|combo| (combo, exists(&combo).then(|| cell(&combo))))
        .collect()
}

impl Cell {
    const NONE: Cell = Cell {
        effect: None,
        rare: false,
    };

    fn of(verdict: Option<&ComboVerdict>) -> Cell {
        Cell {
            effect: verdict.map(|verdict| verdict.effect),
            rare: verdict.is_some_and(|verdict| verdict.rare),
        }
    }
}

impl Draft {
    fn table(self, target: &Target) -> Table {
        let columns = columns(target, &self.rows);
        let rows = self.rows.iter().map(|row| narrow(row, &columns, target)).collect();
        let calls = if self.calls.iter().any(String::is_empty) && self.calls.len() > 1 {
            // The usual way and others that fare alike need no telling apart, unless another table is about others.
            let named = self.calls.iter().filter(|call| !call.is_empty());
            [String::new()].into_iter().chain(named.cloned()).collect()
        } else {
            self.calls.into_iter().filter(|call| !call.is_empty()).collect()
        };
        Table {
            access: self.form.access,
            calls,
            entries: self.form.entries,
            columns: columns
                .iter()
                .map(|column| libc_ranges(target, column).join(", "))
                .collect(),
            rows,
        }
    }
}

/// Neighbouring libcs of a kind on which every row reads the same.
fn columns(target: &Target, rows: &[WideRow]) -> Vec<Vec<Libc>> {
    let column = |libc: Libc| -> Vec<Cell> {
        let cells = rows.iter().flat_map(|row| row.cells.iter());
        cells
            .filter(|(combo, _)| combo.libc == libc)
            .map(|(_, cell)| cell.unwrap_or(Cell::NONE))
            .collect()
    };
    let mut columns: Vec<Vec<Libc>> = Vec::new();
    for &libc in &target.libcs {
        match columns.last_mut() {
            Some(group) if mergeable(group, libc) && column(group[0]) == column(libc) => group.push(libc),
            _ => columns.push(vec![libc]),
        }
    }
    columns
}

fn mergeable(group: &[Libc], libc: Libc) -> bool {
    let kind = group.first().map(|first| first.kind);
    kind == Some(libc.kind) && libc.kind == LibcKind::Glibc
}

fn narrow(row: &WideRow, columns: &[Vec<Libc>], target: &Target) -> Row {
    let cell = |libc: Libc, python: Option<PythonVersion>| {
        let found = row
            .cells
            .iter()
            .find(|(combo, _)| combo.libc == libc && combo.python == python);
        found.and_then(|(_, cell)| *cell).unwrap_or(Cell::NONE)
    };
    let interpreters: Vec<Option<PythonVersion>> = match row.cells.first() {
        Some((Combo { python: Some(_), .. }, _)) => target.pythons.iter().copied().map(Some).collect(),
        _ => vec![None],
    };
    let mut groups: Vec<(Vec<PythonVersion>, Vec<Cell>)> = Vec::new();
    for python in interpreters {
        let cells: Vec<Cell> = columns.iter().map(|column| cell(column[0], python)).collect();
        match groups.iter_mut().find(|(_, known)| *known == cells) {
            Some((pythons, _)) => pythons.extend(python),
            None => groups.push((python.into_iter().collect(), cells)),
        }
    }
    let lines = groups
        .into_iter()
        .map(|(pythons, cells)| Line {
            interpreters: python_ranges(target, &pythons),
            cells,
        })
        .collect();
    Row {
        access: row.access,
        others: row
            .others
            .iter()
            .map(|other| (other.language, other.written.clone()))
            .collect(),
        lines,
        why: row.why.clone(),
    }
}

#[cfg(test)]
mod tests;
