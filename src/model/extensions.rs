//! C that Python imports: a module is the file that defines its initialiser, and has what its method tables name.
//!
//! Both are CPython's linkage, as symbols are C's: the initialiser's name is fixed by the import system, and the tables'
//! type by the headers (Python/C API, "Initialising C modules" and "Common object structures").

use crate::facts::{FieldKey, FunctionKind, Language, Value};

use super::names::{common_components, folder_of};
use super::objects::{Object, Objects};
use super::tree::{FileId, FuncId};
use super::values::Values;

/// What stands before a module's name in the name of its initialiser.
pub(super) const INITIALISER: &str = "PyInit_";

/// The type of the entries of a method table: the name, then the function.
const METHOD: &str = "PyMethodDef";

impl Values<'_> {
    /// The initialisers of the C modules that an import path may mean, the nearest ones.
    pub(super) fn extension_modules(&self, file: FileId, path: &str) -> Vec<FuncId> {
        let name = path.rsplit('.').next().unwrap_or(path);
        let from = &self.tree.file(file).path;
        let initialisers = self.tree.functions_by_name.get(format!("{INITIALISER}{name}").as_str());
        let found: Vec<(usize, FuncId)> = initialisers
            .into_iter()
            .flatten()
            .filter(|func| {
                self.tree.language(**func) == Language::C && self.tree.function(**func).kind == FunctionKind::Function
            })
            .map(|func| {
                let home = &self.tree.file(self.tree.file_of(*func)).path;
                (common_components(folder_of(home), from), *func)
            })
            .collect();
        let nearest = found.iter().map(|(near, _)| *near).max();
        found
            .into_iter()
            .filter(|(near, _)| Some(*near) == nearest)
            .map(|(_, func)| func)
            .collect()
    }

    /// What `module.name` is where the module is written in C: by the tables of its file, else by those of its folder.
    pub(super) fn extension_member(&self, file: FileId, path: &str) -> Objects {
        let mut found = Objects::default();
        let Some((module, name)) = path.rsplit_once('.') else {
            return found;
        };
        for initialiser in self.extension_modules(file, module) {
            let home = self.tree.file_of(initialiser);
            found.add_all(self.in_tables(name, |other| other == home));
            if found.is_empty() {
                let folder = folder_of(&self.tree.file(home).path);
                found.add_all(self.in_tables(name, |other| folder_of(&self.tree.file(other).path) == folder));
            }
        }
        found
    }

    fn in_tables(&self, name: &str, fits: impl Fn(FileId) -> bool) -> Objects {
        let mut found = Objects::default();
        for (home, fields) in self.records_of(METHOD) {
            let field = |at: usize, key: &str| {
                fields.iter().find_map(|(known, value)| match known {
                    FieldKey::Index(index) if *index as usize == at => Some(value),
                    FieldKey::Name(known) if known == key => Some(value),
                    _ => None,
                })
            };
            if !fits(self.tree.file_of(*home)) || field(0, "ml_name").and_then(Value::as_text) != Some(name) {
                continue;
            }
            if let Some(function) = field(1, "ml_meth") {
                for object in self.eval(*home, function).iter() {
                    if matches!(object, Object::Function(_)) {
                        found.add(object.clone());
                    }
                }
            }
        }
        found
    }
}
