//! Import statements: what they execute and bind.

use super::builder::Lowerer;
use super::scopes::imported_path;
use crate::facts::{Event, Import, Name};
use ruff_python_ast::{StmtImport, StmtImportFrom};
use ruff_text_size::TextRange;

impl<'a> Lowerer<'a, '_> {
    pub(super) fn import(&mut self, import: &'a StmtImport) {
        for alias in &import.names {
            let path = alias.name.to_string();
            let name = match &alias.asname {
                Some(name) => Some(name.to_string()),
                None if path.contains('.') => {
                    // `import a.b` executes `a.b` but binds `a`.
                    let first = path.split('.').next().unwrap_or_default().to_string();
                    self.add_import(first.clone(), Some(first.into()), false, alias.range);
                    None
                }
                None => Some(path.clone()),
            };
            self.add_import(path.clone(), name.map(Name::from), false, alias.range);
            let span = self.span(alias.range);
            self.event(Event::Import {
                path: path.into(),
                span,
            });
        }
    }

    pub(super) fn import_from(&mut self, import: &'a StmtImportFrom) {
        for alias in &import.names {
            let path = imported_path(import, alias.name.as_str());
            let star = alias.name.as_str() == "*";
            let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str().into();
            self.add_import(path.clone(), (!star).then_some(name), star, alias.range);
            let span = self.span(alias.range);
            self.event(Event::Import {
                path: path.into(),
                span,
            });
        }
    }

    fn add_import(&mut self, path: String, name: Option<Name>, star: bool, range: TextRange) {
        // What a function or class imports is no name of the module that others could see.
        let exported = self.frames.len() == 1;
        let span = self.span(range);
        self.imports.push(Import {
            path: path.into(),
            name,
            star,
            exported,
            elsewhere: false,
            span,
        });
    }
}
