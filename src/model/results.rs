//! What calls give: what a function of the tree returns, what the catalog says of one from outside, a new object, or what was sent.

use std::rc::Rc;

use crate::facts::{Event, Language, Value};
use crate::knowledge::{ArgumentRef, Role};

use super::answers::Question;
use super::objects::{Object, Objects};
use super::tree::{CallSite, FuncId, each_event};
use super::values::Values;

impl<'t> Values<'t> {
    /// What a call may return.
    pub fn call_result(&self, site: CallSite) -> Objects {
        self.answers.ask(Question::Call(site), || {
            let mut found = Objects::default();
            let objects = self.callee(site);
            if objects.is_empty() {
                return self
                    .results_by_entries(site, &self.entries_of_call(site))
                    .unwrap_or_default();
            }
            for object in objects.iter() {
                match object {
                    Object::Function(func) if self.tree.function(*func).is_async => found.add(Object::Coroutine(*func)),
                    Object::Function(func) => {
                        let returned = self.looked_up_by(site, *func, self.returned_at(site, *func));
                        found.add_all(self.fresh_locks(site, *func, returned));
                        if !self.tree.function(*func).attributes.is_empty() {
                            for wrapper in self.wrappers_around(*func) {
                                found.add_all(self.returned(wrapper));
                            }
                        }
                    }
                    Object::Class(class) => found.add(Object::Instance(*class, Some(site))),
                    Object::External(path) => match self.cast(site, path).or_else(|| self.derived(site)) {
                        Some(cast) => found.add_all(cast),
                        None => found.add_all(self.external_result(site, path)),
                    },
                    _ => {}
                }
            }
            found
        })
    }

    /// `T::default()` of Rust where the trait's method is derived: nothing in the tree is its function.
    fn derived(&self, site: CallSite) -> Option<Objects> {
        let file = self.tree.file_of(site.0);
        let Value::Path(path) = &self.tree.call(site).callee else {
            return None;
        };
        let owner = path.strip_suffix("::default")?;
        let mut found = Objects::default();
        for object in self.path_of(file, owner).iter() {
            if let Object::Class(class) = object {
                found.add(Object::Instance(*class, Some(site)));
            }
        }
        (self.tree.file(file).language == Language::Rust && !found.is_empty()).then_some(found)
    }

    /// `(T)(x)` of C looks like a call of `T` until one knows that `T` is a type.
    fn cast(&self, site: CallSite, name: &str) -> Option<Objects> {
        let file = self.tree.file_of(site.0);
        if self.tree.file(file).language != Language::C {
            return None;
        }
        let classes = self.tree.classes_by_name.get(name)?;
        let mut found = Objects::default();
        for class in classes {
            if let Some((home, target)) = self.alias_target(*class) {
                found.add_all(self.instances_of(home, &target));
            }
        }
        Some(found)
    }

    /// A lock that the function makes anew at every call is another one at every call site, so that two callers that each
    /// lock their own exclude nobody.
    fn fresh_locks(&self, site: CallSite, func: FuncId, returned: Objects) -> Objects {
        let made_here = |made: &CallSite| {
            made.0 == func
                && self
                    .entries_of_call(*made)
                    .iter()
                    .any(|id| matches!(self.catalog.entry(*id).role, Role::MakeLock))
                && !self.is_kept(*made)
        };
        if !returned
            .iter()
            .any(|object| matches!(object, Object::Result(_, Some(made)) if made.0 == func))
        {
            return returned;
        }
        let mut found = Objects::default();
        for object in returned.iter() {
            match object {
                Object::Result(ty, Some(made)) if made_here(made) => found.add(Object::Result(ty.clone(), Some(site))),
                other => found.add(other.clone()),
            }
        }
        found
    }

    /// The result of a call is stored into something that outlives the function: a global or a field.
    fn is_kept(&self, made: CallSite) -> bool {
        let mut kept = false;
        each_event(&self.tree.function(made.0).body, &mut |event| {
            if let Event::Store { target, value, .. } = event
                && let Value::Call(_, call) = **value
            {
                kept |= call == made.1 && !matches!(target, Value::Local(..));
            }
        });
        kept
    }

    /// What a function's returns and yields may be.
    pub fn returned(&self, func: FuncId) -> Objects {
        self.answers.ask(Question::Returns(func), || {
            let mut found = Objects::default();
            for value in self.returns.get(&func).into_iter().flatten() {
                found.add_all(self.eval(func, value));
            }
            if let Some(ty) = &self.tree.function(func).returns
                && found.is_empty()
            {
                found.add_all(self.instances_of(self.tree.file_of(func), ty));
            }
            found
        })
    }

    fn external_result(&self, site: CallSite, path: &Rc<str>) -> Objects {
        let known = self.results_by_entries(site, &self.entries_for(site, path));
        known.unwrap_or_else(|| self.made_by_derived(site, path))
    }

    /// What an outside function makes: where it is an associated function that a type of the tree does not define itself
    /// (`Cli::parse()`, by a derive or a trait), that type.
    fn made_by_derived(&self, site: CallSite, path: &Rc<str>) -> Objects {
        if self.tree.language(site.0) == Language::Rust
            && let Some((ty, _)) = path.rsplit_once("::")
        {
            let types = self.rust_in_tree(self.tree.file_of(site.0), ty, 0);
            let mut classes = types.iter().filter_map(|object| match object {
                Object::Class(class) => Some(*class),
                _ => None,
            });
            if let (Some(class), None) = (classes.next(), classes.next()) {
                return Objects::one(Object::Instance(class, Some(site)));
            }
        }
        Objects::one(Object::Result(constructed(path).into(), Some(site)))
    }

    /// The functions that are sent on a queue or channel.
    pub(super) fn sent_to(&self, func: FuncId, queue: &Value) -> Objects {
        let mut found = Objects::default();
        // Each round finds out anew what is sent.
        if !self.sends.is_empty() {
            self.answers.hang();
        }
        let sent = self.sent_functions.borrow().clone();
        if sent.is_empty() {
            return found;
        }
        let keys = self.keys(func, queue);
        for (functions, receiver) in sent.iter() {
            if super::places::meet(receiver, &keys) {
                found.add_all(functions.clone());
            }
        }
        found
    }

    /// Finds out which functions are sent where. Nothing else that travels has an effect of its own.
    pub(super) fn index_sent(&self) {
        let mut sent = Vec::new();
        for site in &self.sends {
            let call = self.tree.call(*site);
            let (Value::Attribute(receiver, _), Some(message)) = (&call.callee, call.args.first()) else {
                continue;
            };
            let mut functions = Objects::default();
            for object in self.eval(site.0, &message.value).iter() {
                if matches!(object, Object::Function(_)) {
                    functions.add(object.clone());
                }
            }
            if !functions.is_empty() {
                sent.push((functions, self.keys(site.0, receiver)));
            }
        }
        *self.sent_functions.borrow_mut() = sent.into();
    }

    /// What the entries say of a call's result; none where they are silent.
    fn results_by_entries(&self, site: CallSite, entries: &[crate::knowledge::EntryId]) -> Option<Objects> {
        let mut found = Objects::default();
        let mut spoken = false;
        for id in entries {
            let entry = self.catalog.entry(*id);
            match &entry.role {
                Role::Pass { of } | Role::Partial { entry: of } => {
                    spoken = true;
                    let by_method = *of == ArgumentRef::Receiver && self.tree.language(site.0) == Language::Python;
                    for (func, value) in self.argument(site, of) {
                        let objects = self.eval(func, value);
                        // A method of that name which nobody in the tree defines gives a text or a container of its own, not
                        // an object of a class of the tree.
                        found.add_all(match by_method {
                            true => objects.without_classes(),
                            false => objects,
                        });
                    }
                }
                Role::Element { of } => {
                    spoken = true;
                    for (func, value) in self.argument(site, of) {
                        found.add_all(self.elements(func, value, None));
                    }
                }
                Role::Receive { of } => {
                    let sent = self
                        .argument(site, of)
                        .into_iter()
                        .map(|(func, value)| self.sent_to(func, value));
                    for objects in sent.collect::<Vec<_>>() {
                        spoken |= !objects.is_empty();
                        found.add_all(objects);
                    }
                }
                Role::Attribute { of, name } => {
                    spoken = true;
                    found.add_all(self.named_attributes(site, of, name));
                }
                Role::Symbol { name, into: None } => {
                    spoken = true;
                    found.add_all(self.symbols(site, name));
                }
                Role::JoinPath => {
                    spoken = true;
                    found.add(Object::Text(self.joined(site).into()));
                }
                _ => {}
            }
            match entry.returns.as_deref() {
                Some("self") => {
                    spoken = true;
                    for (func, value) in self.argument(site, &ArgumentRef::Receiver) {
                        found.add_all(self.eval(func, value));
                    }
                }
                Some(ty) if !matches!(entry.role, Role::CallsNow { .. }) => {
                    spoken = true;
                    found.add(Object::Result(ty.into(), Some(site)));
                }
                _ => {}
            }
        }
        spoken.then_some(found)
    }

    fn joined(&self, site: CallSite) -> String {
        let call = self.tree.call(site);
        let receiver = match &call.callee {
            Value::Attribute(base, _) => Some(base.as_ref()),
            _ => None,
        };
        let parts = receiver
            .into_iter()
            .chain(call.args.iter().map(|argument| &argument.value));
        let texts: Vec<String> = parts
            .map(|value| {
                let texts: Vec<_> = self.texts(site.0, value);
                if texts.len() == 1 {
                    texts[0].clone()
                } else {
                    "\u{0}".to_owned()
                }
            })
            .collect();
        texts.join("/")
    }
}

/// The type that an outside call makes when the catalog is silent: the path itself, or the type before an associated
/// function (`a::Type::new` is an `a::Type`, by Rust's naming convention, RFC 430).
fn constructed(path: &str) -> &str {
    if let Some((ty, _)) = path.rsplit_once("::")
        && ty
            .rsplit("::")
            .next()
            .and_then(|name| name.chars().next())
            .is_some_and(char::is_uppercase)
    {
        return ty;
    }
    path
}
