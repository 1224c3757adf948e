//! Files of C that are never compiled for the target, since they include what only another system has: `#include <windows.h>`
//! outside of all conditionals, itself or in a header that lies beside them.
//!
//! Nothing that such a file defines exists here. Its functions stand in nobody's way and are called by nobody, and its macros apply
//! nowhere. Where the tree has a header of that name of its own (an emulation), nothing is known.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{FileFacts, Import, Language};

use super::names::{folder_of, join, last_component};

/// Takes out of the files what is never compiled.
pub(super) fn leave_out(files: &mut [FileFacts]) {
    for place in foreign(files) {
        let file = &mut files[place];
        file.functions.truncate(1);
        let top = &mut file.functions[0];
        top.calls.clear();
        top.body.nodes.clear();
        file.types.clear();
    }
}

/// The places of the files that are never compiled.
fn foreign(files: &[FileFacts]) -> BTreeSet<usize> {
    if !including(files).any(|(_, import)| import.elsewhere) {
        return BTreeSet::new();
    }
    let own: FxHashSet<&str> = files.iter().map(|file| last_component(&file.path)).collect();
    let mut found = BTreeSet::new();
    let mut includers: FxHashMap<String, Vec<usize>> = FxHashMap::default();
    for (place, import) in including(files) {
        match import.elsewhere {
            true if !own.contains(last_component(&import.path)) => {
                found.insert(place);
            }
            true => {}
            false => {
                let beside = join(folder_of(&files[place].path), &import.path);
                includers.entry(beside).or_default().push(place);
            }
        }
    }
    let mut open: Vec<usize> = found.iter().copied().collect();
    while let Some(place) = open.pop() {
        let by = includers.get(&files[place].path).into_iter().flatten();
        open.extend(by.copied().filter(|by| found.insert(*by)));
    }
    found
}

/// What C files include whatever the build's options are, each with the place of the file.
fn including(files: &[FileFacts]) -> impl Iterator<Item = (usize, &Import)> {
    let of_c = files
        .iter()
        .enumerate()
        .filter(|(_, file)| file.language == Language::C);
    of_c.flat_map(|(place, file)| {
        let always = file.imports.iter().filter(|import| import.exported);
        always.map(move |import| (place, import))
    })
}
