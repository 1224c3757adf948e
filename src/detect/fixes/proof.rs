//! Whether a variable that is set right before a spawn is needed by anything else.

use std::collections::BTreeSet;

use crate::facts::{Language, Value};
use crate::finding::Fix;
use crate::knowledge::{Role, Shape};
use crate::model::AccessKind;

use super::{Ground, Group, edits, fix};

/// Top-level modules of CPython's standard library (`sys.stdlib_module_names` of 3.11).
const STDLIB: &str = include_str!("python_stdlib.txt");

/// Variables that CPython's standard library and interpreter read themselves (every literal name beside `environ` and
/// `getenv` in Lib of 3.11, and those of the C library).
const PYTHON_READS: &str = include_str!("python_reads.txt");

/// Beginnings of names that interpreters, runtimes and loaders read themselves.
const RUNTIMES: [&str; 8] = ["PYTHON", "RUST", "CARGO", "LD_", "LC_", "MALLOC_", "GLIBC_", "PY_"];

/// The fix that a group is: none where something is known to need a variable, and unsafe where that cannot be ruled out.
pub(super) fn judge(ground: &Ground<'_, '_>, group: &Group, all: &[Group]) -> Option<Fix> {
    let names: BTreeSet<&str> = group.sets.iter().map(|set| set.variable.as_str()).collect();
    if names.len() != group.sets.len() || names.iter().any(|name| is_needed(ground, group, name)) {
        return None;
    }
    let doubt = names.iter().find_map(|name| doubt(ground, group, all, name));
    let text = ground.sources.text(&group.path)?;
    let spawn = ground.engine.sites.get(group.spawn);
    let title = format!(
        "hand {} to {} alone",
        names.iter().copied().collect::<Vec<_>>().join(", "),
        spawn.display
    );
    Some(fix(title, doubt, edits(&group.path, text, &group.edits)))
}

/// Something reads the variable by its name or by one that is not known, or takes it away again.
fn is_needed(ground: &Ground<'_, '_>, group: &Group, name: &str) -> bool {
    ground.engine.sites.iter().any(|(site, info)| {
        let same = |variable: &Option<String>| variable.as_deref().is_none_or(|variable| variable == name);
        match info.kind {
            AccessKind::Read if !info.variables.is_empty() => info.variables.iter().any(|variable| variable == name),
            AccessKind::Read => same(&info.variable) && !reads_all(ground, info),
            AccessKind::Mutation => {
                let own = group.sets.iter().any(|set| set.site == site);
                let takes = ground.engine.shape(site) != Shape::Add;
                !own && takes && same(&info.variable)
            }
            AccessKind::Spawn | AccessKind::Fork => false,
        }
    })
}

/// A copy of the whole environment, which is made to be handed on.
fn reads_all(ground: &Ground<'_, '_>, info: &crate::model::SiteInfo) -> bool {
    let catalog = ground.engine.values.catalog;
    info.entries.iter().all(|id| catalog.entry(*id).role.reads_everything())
}

/// Why the variable may be needed elsewhere all the same.
fn doubt(ground: &Ground<'_, '_>, group: &Group, all: &[Group], name: &str) -> Option<String> {
    other_heir(ground, group, all, name)
        .or_else(|| known_reader(ground, name))
        .or_else(|| other_mention(ground, all, name))
        .or_else(|| foreign_code(ground, group))
}

/// Another spawn inherits the environment, or somebody copies it, and does not set the variable itself.
fn other_heir(ground: &Ground<'_, '_>, group: &Group, all: &[Group], name: &str) -> Option<String> {
    let sets_itself = |site| {
        all.iter()
            .any(|other| other.spawn == site && other.sets.iter().any(|set| set.variable == name))
    };
    let spawn = ground.engine.sites.get(group.spawn);
    let heir = ground.engine.sites.iter().find(|(site, info)| match info.kind {
        AccessKind::Spawn => *site != group.spawn && !sets_itself(*site),
        // What the call itself takes of the environment goes to this child.
        AccessKind::Read => {
            let inside =
                info.function == spawn.function && (spawn.span.start..spawn.span.end).contains(&info.span.start);
            !inside && info.variables.is_empty() && info.variable.is_none()
        }
        AccessKind::Mutation | AccessKind::Fork => false,
    });
    heir.map(|(_, info)| {
        format!(
            "{} at {}:{} no longer gets {name}",
            info.display,
            ground.path(info.function),
            info.span.line
        )
    })
}

fn known_reader(ground: &Ground<'_, '_>, name: &str) -> Option<String> {
    let catalog = ground.engine.values.catalog;
    let hidden = catalog.iter().any(
        |(_, entry)| matches!(&entry.role, Role::Read { variables, .. } if variables.iter().any(|known| known == name)),
    );
    let known = hidden
        || PYTHON_READS.split_whitespace().any(|known| known == name)
        || RUNTIMES.iter().any(|start| name.starts_with(start));
    known.then(|| format!("libraries and runtimes read {name} themselves"))
}

/// The name stands somewhere else in the sources.
fn other_mention(ground: &Ground<'_, '_>, all: &[Group], name: &str) -> Option<String> {
    for (path, text) in ground.sources.iter() {
        let own = |at: usize| {
            let sets = all
                .iter()
                .filter(|group| group.path == path)
                .flat_map(|group| &group.sets);
            sets.filter(|set| set.variable == name)
                .any(|set| set.statement.contains(&at))
        };
        for (at, _) in text.match_indices(name) {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let inside = text[..at].chars().next_back().is_some_and(word)
                || text[at + name.len()..].chars().next().is_some_and(word);
            if !inside && !own(at) {
                let line = text[..at].matches('\n').count() + 1;
                return Some(format!("{name} is also named at {path}:{line}"));
            }
        }
    }
    None
}

/// Code that was not analysed runs in the program too.
fn foreign_code(ground: &Ground<'_, '_>, group: &Group) -> Option<String> {
    let tree = ground.engine.values.tree;
    let language = ground.engine.sites.get(group.spawn).language;
    let files = tree.files.iter().filter(|file| file.language == language);
    for file in files {
        let imported = file.imports.iter().map(|import| import.path.as_str());
        let called = file
            .functions
            .iter()
            .flat_map(|function| &function.calls)
            .filter_map(|call| match &call.callee {
                Value::Path(path) => Some(path.as_str()),
                _ => None,
            });
        for path in imported.chain(called) {
            if !is_analysed(ground, language, path) {
                let first = path.split(['.', ':']).next().unwrap_or(path);
                return Some(format!("`{first}` was not analysed, and may read it"));
            }
        }
    }
    None
}

/// Whether a path leads into the analysed sources or the standard library.
fn is_analysed(ground: &Ground<'_, '_>, language: Language, path: &str) -> bool {
    let first = path.split(['.', ':']).next().unwrap_or(path);
    match language {
        // A name without a path is one of the file's own, or of the prelude.
        Language::Rust if !path.contains("::") => true,
        Language::Rust => matches!(first, "std" | "core" | "alloc" | "crate" | "self" | "super" | "Self"),
        Language::Python => {
            let own = |file: &str| {
                let mut parts = file.split('/');
                let module = format!("{first}.py");
                parts.any(|part| part == first || part == module)
            };
            first.is_empty()
                || STDLIB.split_whitespace().any(|known| known == first)
                || ground.engine.values.tree.files.iter().any(|file| own(&file.path))
        }
        Language::C => false,
    }
}
