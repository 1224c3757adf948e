//! C types as far as they matter: what a name's base type is, and what a function pointer takes and gives.

use crate::facts::TypeRef;

/// A type: a base, and what is derived from it, the derivation nearest to the base first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct CType {
    /// `int`, `struct tag`, a typedef's name; empty where unknown.
    pub base: String,
    pub derived: Vec<Derived>,
}

/// One step from a type to the next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Derived {
    Pointer,
    Array,
    Function { parameters: Vec<CType>, variadic: bool },
}

impl CType {
    pub fn named(base: impl Into<String>) -> CType {
        CType {
            base: base.into(),
            derived: Vec::new(),
        }
    }

    /// A function, not a pointer to one.
    pub fn is_function(&self) -> bool {
        matches!(self.derived.last(), Some(Derived::Function { .. }))
    }

    pub fn is_array(&self) -> bool {
        matches!(self.derived.last(), Some(Derived::Array))
    }

    pub fn is_pointer(&self) -> bool {
        matches!(self.derived.last(), Some(Derived::Pointer))
    }

    /// The type of an array's elements or of what a pointer points to.
    pub fn inner(&self) -> CType {
        let mut inner = self.clone();
        inner.derived.pop();
        inner
    }

    /// Where the outermost function stands among the derivations.
    fn function(&self) -> Option<(usize, &[CType], bool)> {
        self.derived
            .iter()
            .enumerate()
            .rev()
            .find_map(|(index, derived)| match derived {
                Derived::Function { parameters, variadic } => Some((index, parameters.as_slice(), *variadic)),
                _ => None,
            })
    }

    /// What a function of this type returns.
    pub fn result(&self) -> CType {
        let end = self.function().map_or(self.derived.len(), |(index, _, _)| index);
        CType {
            base: self.base.clone(),
            derived: self.derived[..end].to_vec(),
        }
    }

    /// The type as facts name it; `None` where nothing is known.
    pub fn reference(&self) -> Option<TypeRef> {
        match self.function() {
            Some(_) => Some(self.argument()),
            None if self.base.is_empty() => None,
            None => Some(plain(self.base.clone())),
        }
    }

    /// The type as an argument of `fn`, where pointers count.
    fn argument(&self) -> TypeRef {
        match self.function() {
            Some((_, parameters, variadic)) => {
                let mut args: Vec<TypeRef> = parameters.iter().map(CType::argument).collect();
                if variadic {
                    args.push(plain("...".to_owned()));
                }
                args.push(self.result().argument());
                TypeRef {
                    name: "fn".into(),
                    args,
                    local: false,
                }
            }
            None => plain(self.text()),
        }
    }

    /// `fn(int,char **)->int` for functions and pointers to them, the type with its stars for the rest.
    pub fn text(&self) -> String {
        match self.function() {
            Some((_, parameters, variadic)) => {
                let mut parts: Vec<String> = parameters.iter().map(CType::text).collect();
                if variadic {
                    parts.push("...".to_owned());
                }
                format!("fn({})->{}", parts.join(","), self.result().text())
            }
            None => {
                let stars = "*".repeat(self.derived.len().min(8));
                match stars.is_empty() {
                    true => self.base.clone(),
                    false => format!("{} {stars}", self.base),
                }
            }
        }
    }
}

fn plain(name: String) -> TypeRef {
    TypeRef {
        name: name.into(),
        args: Vec::new(),
        local: false,
    }
}
