//! Macros that a crate of the tree passes on from a crate of macros that is not in it: `pub use tool_macros::run;`.
//!
//! A procedural macro has to live in a crate of its own (The Rust Reference, "Procedural Macros"), and expands to calls of
//! the crate that passes it on. What those are is not known here; but where that crate has a public function of the macro's
//! own name, it is there for the macro, or does the same.

use crate::facts::{FunctionKind, Language, Value, Visibility};

use super::tree::{FileId, FuncId, crate_root, last_segment};
use super::values::Values;

impl Values<'_> {
    /// The functions that the call of a macro is taken to end in, by its name.
    pub(super) fn behind_macro(&self, file: FileId, callee: &Value) -> Vec<FuncId> {
        if self.tree.file(file).language != Language::Rust {
            return Vec::new();
        }
        let paths: Vec<String> = match callee {
            Value::Path(path) => path.strip_suffix('!').map(str::to_owned).into_iter().collect(),
            Value::Global(name) => {
                let Some(name) = name.strip_suffix('!') else {
                    return Vec::new();
                };
                let stars = self.tree.file(file).imports.iter().filter(|import| import.star);
                stars.map(|import| format!("{}::{name}", import.path)).collect()
            }
            _ => Vec::new(),
        };
        let mut found = Vec::new();
        for path in paths {
            for (root, inner) in self.rust_places(file, &path) {
                if self.passes_on(&root, &inner) {
                    found.extend(self.public_functions(&root, last_segment(&inner)));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a module of a crate re-exports under this path what the tree does not have.
    fn passes_on(&self, root: &str, inner: &str) -> bool {
        let Some((module, name)) = inner.rsplit_once("::") else {
            return false;
        };
        let files = self.rust_module_files(root, module);
        files.iter().any(|file| {
            let imports = self.tree.file(*file).imports.iter();
            let mut named = imports.filter(|import| import.exported && import.name.as_deref() == Some(name));
            named.any(|import| self.rust_in_tree(*file, &import.path, 0).is_empty())
        })
    }

    fn public_functions(&self, root: &str, name: &str) -> Vec<FuncId> {
        let named = self.tree.functions_by_name.get(name).into_iter().flatten();
        let fits = |func: &FuncId| {
            let function = self.tree.function(*func);
            self.tree.language(*func) == Language::Rust
                && matches!(function.kind, FunctionKind::Function | FunctionKind::Method)
                && function.visibility == Visibility::Public
                && !function.test_only
                && crate_root(&self.tree.file(self.tree.file_of(*func)).path) == root
        };
        named.copied().filter(fits).collect()
    }
}
