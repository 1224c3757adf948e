//! Attributes, methods and elements of objects, and the class hierarchy behind them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    Argument, Event, FieldKey, FunctionIndex, Language, Name, Piece, StoreKind, TypeDecl, TypeKind, Value,
};
use crate::knowledge::{
    ADDRESS_MAKERS, ADDRESS_TYPES, ArgumentRef, ArgumentTest, HOST_TYPES, MatchKind, NEW_PROGRAM, NEW_PROGRAM_CONTEXT,
    ON_THREADS, Predicate, Role,
};

use super::answers::Question;
use super::objects::{Object, Objects};
use super::parameters::{find_argument, passed_by_name};
use super::tree::{CallSite, ClassId, FileId, FuncId, crate_root, last_segment, value_name};
use super::values::{ITEM_SETTERS, Values, is_setter};

/// What `wait` is told so that it waits for all (CPython Lib/concurrent/futures/_base.py; asyncio takes it over).
const ALL_COMPLETED: &str = "ALL_COMPLETED";

impl<'t> Values<'t> {
    /// What `object.name` may be.
    pub(super) fn member(&self, object: &Object, name: &str) -> Objects {
        match object {
            Object::Module(file) => self.member_of_module(*file, name),
            Object::Class(class) => {
                let mut found = self.class_member(*class, name, false);
                // What the class body stores is reached by the class's own name too.
                found.add_all(self.field(*class, name));
                found
            }
            Object::Instance(class, site) => {
                let mut found = Objects::default();
                for member in self.class_member(*class, name, site.is_none()).iter() {
                    match member {
                        // A property stands for what it gives.
                        Object::Function(method) if self.is_property(*method) => found.add_all(self.returned(*method)),
                        other => found.add(other.clone()),
                    }
                }
                found.add_all(self.field(*class, name));
                found
            }
            Object::Super(class) => {
                let mut found = Objects::default();
                for base in self.bases(*class).iter() {
                    match base {
                        Object::Class(base) => found.add_all(self.class_member(*base, name, false)),
                        Object::External(path) => found.add(self.joined_path(*class, path, name)),
                        _ => {}
                    }
                }
                found
            }
            Object::Result(path, made) if made.is_none_or(|made| self.tree.language(made.0) == Language::Rust) => {
                let mut found = self.member_of_outside(path, name);
                found.add_all(self.added_to_outside(made.map(|made| made.0), path, name));
                let locked = made.map(|made| self.locked(made)).unwrap_or_default();
                for object in locked.iter() {
                    found.add_all(self.member(object, name));
                }
                found
            }
            Object::External(path) | Object::Result(path, _) => self.member_of_outside(path, name),
            // `(T)(x).pointer`: the cast is of the whole.
            Object::Pointer(_) => Objects::one(object.clone()),
            Object::Function(_) | Object::Coroutine(_) | Object::Text(_) => Objects::default(),
        }
    }

    /// What lies in the lock of Rust's that a call made or gives the guard of: types of the tree.
    fn locked(&self, made: CallSite) -> Objects {
        self.answers.ask(Question::Locked(made), || {
            let mut found = Objects::default();
            for id in &self.meaning(made).entries {
                let inside = match &self.catalog.entry(*id).role {
                    Role::MakeLock => ArgumentRef::Of {
                        positions: vec![0],
                        keywords: Vec::new(),
                    },
                    Role::Lock { guard: true, of, .. } => of.clone(),
                    _ => continue,
                };
                for (home, value) in self.argument(made, &inside) {
                    for object in self.eval(home, value).iter() {
                        match object {
                            Object::Instance(..) | Object::Class(_) => found.add(object.clone()),
                            Object::Result(_, Some(inner)) => found.add_all(self.locked(*inner)),
                            _ => {}
                        }
                    }
                }
            }
            found
        })
    }

    /// The methods of a name that traits of a function's own crate add to a type from outside: `impl CommandExt for Command`. Where
    /// the function is not known, those of the only crate that adds some.
    fn added_to_outside(&self, func: Option<FuncId>, path: &str, name: &str) -> Objects {
        let root = |func: FuncId| crate_root(&self.tree.file(self.tree.file_of(func)).path);
        let path = path.split_once('(').map_or(path, |(path, _)| path);
        let named = self.tree.classes_by_name.get(last_segment(path)).into_iter().flatten();
        let implementations = named
            .map(|id| &self.tree.classes[id.0 as usize])
            .filter(|class| class.kind == TypeKind::Impl && *class.name == *path);
        let methods: Vec<FuncId> = implementations
            .flat_map(|class| class.methods.get(name).into_iter().flatten().copied())
            .collect();
        let home = func.or(methods.first().copied());
        let is_own = |method: &FuncId| home.is_some_and(|home| root(*method) == root(home));
        if func.is_none() && !methods.iter().all(is_own) {
            return Objects::default();
        }
        let mut found = Objects::default();
        for method in methods.into_iter().filter(is_own) {
            found.add(Object::Function(method));
        }
        found
    }

    fn member_of_outside(&self, path: &Rc<str>, name: &str) -> Objects {
        let known = |members: &FxHashMap<Name, Objects>| members.get(name).cloned();
        if let Some(found) = self.outside_members.borrow().get(path).and_then(known) {
            return found;
        }
        let is_rust = path.contains("::") || self.is_rust_type(path);
        let separator = if is_rust { "::" } else { "." };
        let found = Objects::one(Object::external(&format!("{path}{separator}{name}")));
        let mut members = self.outside_members.borrow_mut();
        let members = members.entry(path.clone()).or_default();
        members.insert(name.into(), found.clone());
        found
    }

    /// `getattr(of, name)`: the attribute, or every method that a name known in part may mean.
    pub(super) fn named_attributes(&self, site: CallSite, of: &ArgumentRef, name: &ArgumentRef) -> Objects {
        let mut found = Objects::default();
        let named = self.argument(site, name).into_iter();
        let names: Vec<String> = named.flat_map(|(home, value)| self.texts(home, value)).collect();
        for (home, value) in self.argument(site, of) {
            for object in self.eval(home, value).iter() {
                for name in &names {
                    if !name.contains(HOLE) {
                        found.add_all(self.member(object, name));
                    } else if let Object::Instance(class, _) | Object::Class(class) = object {
                        found.add_all(self.methods_like(*class, name));
                    }
                }
            }
        }
        found
    }

    /// The methods of a class and its line whose names fit a pattern; none where the pattern is all hole.
    fn methods_like(&self, class: ClassId, pattern: &str) -> Objects {
        let mut found = Objects::default();
        if pattern.chars().filter(|letter| *letter != HOLE).count() < 2 {
            return found;
        }
        let (above, below) = (self.ancestors(class), self.descendants(class));
        for class in above.iter().chain(below.iter()) {
            for (name, methods) in &self.tree.classes[class.0 as usize].methods {
                if fits(pattern, name) {
                    for method in methods {
                        found.add(Object::Function(*method));
                    }
                }
            }
        }
        found
    }

    /// Rust's single-segment type paths (`JoinHandle`) would else be joined with a dot.
    fn is_rust_type(&self, path: &str) -> bool {
        !path.contains('.')
            && !self
                .catalog
                .lookup(Language::Rust, crate::knowledge::MatchKind::Call, path)
                .is_empty()
    }

    fn joined_path(&self, class: ClassId, path: &str, name: &str) -> Object {
        let rust = self.tree.file(self.tree.classes[class.0 as usize].file).language == Language::Rust;
        let separator = if rust { "::" } else { "." };
        Object::external(&format!("{path}{separator}{name}"))
    }

    pub(super) fn module_member(&self, file: FileId, name: &str) -> Objects {
        let mut found = Objects::default();
        let defined = self.name(file, name);
        for object in defined.iter().filter(|object| !is_builtin(object)) {
            found.add(object.clone());
        }
        for import in &self.tree.file(file).imports {
            if import.name.as_deref() == Some(name) {
                found.add_all(self.path_of(file, &import.path));
            }
        }
        if found.is_empty() {
            // A submodule that someone imported elsewhere.
            let relative = format!(".{name}");
            for module in self.python_modules(file, &relative).iter() {
                found.add(Object::Module(*module));
            }
        }
        found
    }

    /// Whether reading a method by its name calls it.
    pub(super) fn is_property(&self, func: FuncId) -> bool {
        self.properties.contains(&func)
    }

    /// The methods that reading a name of an instance calls.
    pub(super) fn properties_of(&self, class: ClassId, name: &str) -> Vec<FuncId> {
        let mut methods = self.method(class, name);
        methods.retain(|method| self.is_property(*method));
        methods
    }

    /// The methods that a store of Python's runs: a property's setter, or that of an element; where something is taken away, the one for
    /// that.
    pub(super) fn run_by_store(&self, func: FuncId, target: &Value, kind: StoreKind) -> Vec<FuncId> {
        let (base, name) = match target {
            Value::Attribute(base, name) if self.setters.contains(name) => (base, name.as_str()),
            Value::Item(base, _) | Value::Element(base) if self.has_item_setters => {
                let [stores, removes] = ITEM_SETTERS;
                (base, if kind == StoreKind::Delete { removes } else { stores })
            }
            _ => return Vec::new(),
        };
        if self.tree.language(func) != Language::Python {
            return Vec::new();
        }
        let of_property = matches!(target, Value::Attribute(..));
        let mut found = Vec::new();
        for object in self.eval(func, base).iter() {
            let Object::Instance(class, _) = object else { continue };
            let mut methods = self.method(*class, name);
            methods.retain(|method| !of_property || is_setter(self.tree.function(*method)));
            found.extend(methods);
        }
        found
    }

    /// What a class has under a name, from its line and, `with_overrides`, from those that derive from it.
    pub(super) fn class_member(&self, class: ClassId, name: &str, with_overrides: bool) -> Objects {
        let asked = (class, with_overrides);
        if let Some(found) = self.members.get(&asked, name, &self.answers) {
            return found;
        }
        let find = || self.find_class_member(class, name, with_overrides);
        let (found, standing) = self.answers.find(find);
        if standing.whole {
            self.members.keep(asked, name, found.clone(), standing);
        }
        found
    }

    /// `Trait::method(x)`: the method of what `x` is, and where that is not known, whichever type's (Rust's reference, "Call
    /// expressions", disambiguating function calls). `objects`: what the path itself leads to.
    pub(super) fn method_by_trait(&self, site: CallSite, path: &str, objects: &Objects) -> Option<Objects> {
        let is_trait = |class: ClassId| self.tree.classes[class.0 as usize].kind == TypeKind::Trait;
        let of_trait = |func: FuncId| self.tree.owner(func).is_some_and(is_trait);
        let mut functions = objects.as_functions().peekable();
        if functions.peek().is_none() || !functions.all(of_trait) {
            return None;
        }
        let (owner, name) = path.rsplit_once("::")?;
        let receiver = &self.tree.call(site).args.first()?.value;
        let owners = self.path_of(self.tree.file_of(site.0), owner);
        let traits = owners.iter().filter_map(|object| match object {
            Object::Class(class) if is_trait(*class) => Some(*class),
            _ => None,
        });
        let traits: Vec<ClassId> = traits.collect();
        if traits.is_empty() {
            return None;
        }
        let mut found = Objects::default();
        for object in self.eval(site.0, receiver).iter() {
            // The name of a struct without fields is the one thing of its type.
            if let Object::Instance(class, _) | Object::Class(class) = object {
                let methods = self.method(*class, name).into_iter();
                methods.for_each(|method| found.add(Object::Function(method)));
            }
        }
        if found.is_empty() {
            for class in traits {
                found.add_all(self.class_member(class, name, true));
            }
        }
        (!found.is_empty()).then_some(found)
    }

    fn find_class_member(&self, class: ClassId, name: &str, with_overrides: bool) -> Objects {
        let mut found = Objects::default();
        for method in self.method(class, name) {
            found.add(Object::Function(method));
        }
        if with_overrides || self.tree.classes[class.0 as usize].kind == TypeKind::Trait {
            for heir in self.descendants(class).iter() {
                for method in self.tree.classes[heir.0 as usize]
                    .methods
                    .get(name)
                    .into_iter()
                    .flatten()
                {
                    found.add(Object::Function(*method));
                }
            }
        }
        if found.is_empty()
            && let Some(nested) = self.nested_class(class, name)
        {
            found.add(Object::Class(nested));
        }
        if found.is_empty() && !self.is_field_of_rust(class, name) {
            for ancestor in self.ancestors(class).iter() {
                for base in self.bases(*ancestor).iter() {
                    if let Object::External(path) = base {
                        if self.stands_for_members(class, path) {
                            found.add_all(self.functions_of_body(class));
                        }
                        found.add(self.joined_path(class, path, name));
                    }
                }
            }
        }
        found
    }

    /// Whether a type of Rust declares a field of this name: what traits from outside give it are methods.
    fn is_field_of_rust(&self, class: ClassId, name: &str) -> bool {
        let is_rust = self.tree.file(self.tree.classes[class.0 as usize].file).language == Language::Rust;
        let declares = |decl: &TypeDecl| decl.fields.iter().any(|field| field.name == name);
        is_rust && self.tree.decls(class).any(|(_, decl)| declares(decl))
    }

    /// The class of this name that stands in the body of a class of Python or of one from which it inherits, nearest first.
    fn nested_class(&self, class: ClassId, name: &str) -> Option<ClassId> {
        let named = self.tree.classes_by_name.get(name)?;
        let stands_in = |outer: ClassId, inner: ClassId| {
            let [outer, inner] = [outer, inner].map(|id| &self.tree.classes[id.0 as usize]);
            let name = inner.name.strip_suffix(name).and_then(|path| path.strip_suffix('.'));
            inner.file == outer.file && name == Some(&*outer.name)
        };
        let line = self.ancestors(class);
        line.iter()
            .find_map(|outer| named.iter().copied().find(|inner| stands_in(*outer, *inner)))
    }

    /// Attributes that a class inherits from this base are what its own body stores (an enumeration's), by the catalog.
    fn stands_for_members(&self, class: ClassId, base: &str) -> bool {
        let language = self.tree.file(self.tree.classes[class.0 as usize].file).language;
        let entries = self.catalog.lookup(language, MatchKind::Base, base);
        entries
            .iter()
            .any(|id| matches!(self.catalog.entry(*id).role, Role::Element { .. }))
    }

    /// The functions that the body of a class stores under a name.
    fn functions_of_body(&self, class: ClassId) -> Objects {
        // One member may be another one: `ESCAPE = CONTROL_3`.
        self.answers.ask(Question::Body(class), || {
            let mut found = Objects::default();
            for (body, value) in self.stored_in_body(class) {
                let stored = self.eval(body, value);
                let functions = stored.iter().filter(|object| matches!(object, Object::Function(_)));
                functions.for_each(|function| found.add(function.clone()));
            }
            found
        })
    }

    /// What the body of a class stores, without what is evidently no function.
    fn stored_in_body(&self, class: ClassId) -> Vec<(FuncId, &'t Value)> {
        let mut found = Vec::new();
        for (file, decl) in self.tree.decls(class) {
            let Some(body) = decl.body.map(|body| self.tree.func(file, body)) else {
                continue;
            };
            super::tree::each_event(&self.tree.function(body).body, &mut |event| {
                if let Event::Store { value, .. } = event
                    && !is_data(value)
                {
                    found.push((body, &**value));
                }
            });
        }
        found
    }

    /// The method of this name along the class's line, nearest first; all overloads of the nearest class that has one.
    pub(super) fn method(&self, class: ClassId, name: &str) -> Vec<FuncId> {
        for ancestor in self.ancestors(class).iter() {
            if let Some(methods) = self.tree.classes[ancestor.0 as usize].methods.get(name) {
                return methods.clone();
            }
        }
        Vec::new()
    }

    /// The direct bases as objects: classes of the tree or outside paths.
    pub(super) fn bases(&self, class: ClassId) -> Rc<[Object]> {
        if let Some(found) = self.bases.get(&class, &self.answers) {
            return found;
        }
        let (found, standing) = self.answers.find(|| Rc::from(self.find_bases(class)));
        self.bases.keep(class, Rc::clone(&found), standing);
        found
    }

    fn find_bases(&self, class: ClassId) -> Vec<Object> {
        let mut found = Vec::new();
        for (file, decl) in self.tree.decls(class) {
            let module = self.tree.module_function(file);
            for base in &decl.bases {
                for object in self.eval(module, base).iter() {
                    if matches!(object, Object::Class(_) | Object::External(_)) && !found.contains(object) {
                        found.push(object.clone());
                    }
                }
            }
        }
        found
    }

    /// The class itself and its bases inside the tree, nearest first.
    pub(super) fn ancestors(&self, class: ClassId) -> Rc<[ClassId]> {
        if let Some(found) = self.lines.get(&class, &self.answers) {
            return found;
        }
        // The line is remembered before it is complete, so that a base that leads back here finds an end.
        self.lines.begin(class, [class].into());
        let (found, standing) = self.answers.find(|| Rc::from(self.find_ancestors(class)));
        self.lines.keep(class, Rc::clone(&found), standing);
        found
    }

    fn find_ancestors(&self, class: ClassId) -> Vec<ClassId> {
        let mut found = vec![class];
        let mut next = 0;
        while next < found.len() && found.len() < 32 {
            for base in self.bases(found[next]).iter() {
                if let Object::Class(base) = base
                    && !found.contains(base)
                {
                    found.push(*base);
                }
            }
            next += 1;
        }
        found
    }

    /// The classes inside the tree that derive from this one, or implement this trait.
    pub(super) fn descendants(&self, class: ClassId) -> Rc<[ClassId]> {
        if let Some(found) = self.heirs.get(&class, &self.answers) {
            return found;
        }
        let find = || {
            let mut found = Vec::new();
            self.add_heirs(class, &mut FxHashSet::from_iter([class]), &mut found);
            Rc::from(found)
        };
        let (found, standing) = self.answers.find(find);
        self.heirs.keep(class, Rc::clone(&found), standing);
        found
    }

    /// Adds the heirs of a class, each with its own behind it. A trait may be implemented for a type that derives from it
    /// again, so that the way down leads round: every class is `met` and gone into once.
    fn add_heirs(&self, class: ClassId, met: &mut FxHashSet<ClassId>, found: &mut Vec<ClassId>) {
        let name = super::tree::last_segment(&self.tree.classes[class.0 as usize].name);
        for candidate in self.tree.heirs_by_base.get(name).into_iter().flatten() {
            if !met.contains(candidate) && self.ancestors(*candidate).contains(&class) {
                met.insert(*candidate);
                found.push(*candidate);
                self.add_heirs(*candidate, met, found);
            }
        }
    }

    /// The outside paths that a class derives from, directly or through the tree.
    pub(super) fn outside_bases(&self, class: ClassId) -> Vec<String> {
        let mut found = Vec::new();
        for ancestor in self.ancestors(class).iter() {
            for base in self.bases(*ancestor).iter() {
                if let Object::External(path) = base {
                    found.push(path.to_string());
                }
            }
        }
        found
    }

    /// The elements of a container, iterable or mapping; with a literal key, of that key where it is known.
    pub(super) fn elements(&self, func: FuncId, base: &Value, key: Option<&Value>) -> Objects {
        self.deeper(|| self.elements_here(func, base, key))
    }

    fn elements_here(&self, func: FuncId, base: &Value, key: Option<&Value>) -> Objects {
        let file = self.tree.file_of(func);
        match base {
            Value::List(items) => {
                if let Some(Value::Int(at)) = key
                    && let Some(item) = usize::try_from(*at).ok().and_then(|at| items.get(at))
                {
                    return self.eval(func, item);
                }
                self.union(func, items.iter())
            }
            Value::Map(pairs) => {
                let known = key.and_then(Value::as_text);
                let same = pairs
                    .iter()
                    .filter(|(name, _)| known.is_some() && name.as_text() == known);
                let mut found = self.union(func, same.map(|(_, value)| value));
                if found.is_empty() {
                    found = self.union(func, pairs.iter().map(|(_, value)| value));
                }
                found
            }
            Value::Record(record) => {
                let wanted = record.fields.iter().filter(|(name, _)| match (name, key) {
                    (FieldKey::Index(at), Some(Value::Int(wanted))) => i64::from(*at) == *wanted,
                    _ => true,
                });
                self.union(func, wanted.map(|(_, value)| value))
            }
            Value::OneOf(values) => {
                let mut found = Objects::default();
                for value in values {
                    found.add_all(self.elements(func, value, key));
                }
                found
            }
            Value::Await(inner) => self.elements(func, inner, key),
            Value::Call(owner, call) => {
                let site = (self.tree.func(file, *owner), *call);
                self.keyed(func, base, key, |key| self.elements_of_call(site, key))
            }
            Value::Local(..) | Value::Global(_) | Value::Path(_) | Value::Attribute(..) => {
                self.keyed(func, base, key, |key| self.elements_of_place(func, base, key))
            }
            Value::Item(inner, _) | Value::Element(inner) => {
                self.keyed(func, base, key, |key| self.nested_elements(func, inner, key))
            }
            _ => Objects::default(),
        }
    }

    /// The elements of a place under a key. Most places have none that are anything, whatever the key, which is asked once.
    fn keyed(
        &self,
        func: FuncId,
        base: &Value,
        key: Option<&Value>,
        find: impl Fn(Option<&Value>) -> Objects,
    ) -> Objects {
        let all = self.ask_elements(func, base, None, || find(None));
        match key.filter(|key| matches!(key, Value::Int(_) | Value::Text(_))) {
            Some(key) if !all.is_empty() => self.ask_elements(func, base, Some(key), || find(Some(key))),
            _ => all,
        }
    }

    fn union<'v>(&self, func: FuncId, values: impl Iterator<Item = &'v Value>) -> Objects {
        let mut found = Objects::default();
        for value in values {
            found.add_all(self.eval(func, value));
        }
        found
    }

    /// `for a, b in pairs`: the elements of the elements, where those are literals. `for name, thread in threads.items()`,
    /// `for number, thread in enumerate(threads)`: what comes second is an element.
    fn nested_elements(&self, func: FuncId, inner: &Value, key: Option<&Value>) -> Objects {
        let is_python = self.tree.language(func) == Language::Python;
        let mut found = Objects::default();
        for (home, value) in self.sources(func, inner) {
            let children: Vec<&Value> = match value {
                Value::List(items) => items.iter().collect(),
                Value::Map(pairs) => pairs.iter().map(|(_, value)| value).collect(),
                Value::Call(..) if is_python && !matches!(key, Some(Value::Int(0))) => {
                    for (home, passed) in self.passed_by(home, value) {
                        found.add_all(self.elements(home, passed, None));
                    }
                    continue;
                }
                Value::Element(pairs) if is_python => {
                    found.add_all(self.elements(home, pairs, None));
                    continue;
                }
                _ => continue,
            };
            for child in children {
                if matches!(child, Value::List(_) | Value::Map(_) | Value::Record(..)) {
                    found.add_all(self.elements(home, child, key));
                }
            }
        }
        found
    }

    /// The values that are stored into a place, one step back, or the value itself.
    pub(super) fn sources<'v>(&'v self, func: FuncId, value: &'v Value) -> Vec<(FuncId, &'v Value)> {
        let file = self.tree.file_of(func);
        match value {
            Value::Local(owner, index) => {
                let owner = self.tree.func(file, *owner);
                let mut found: Vec<(FuncId, &Value)> = self
                    .local_stores(owner, *index)
                    .iter()
                    .map(|store| (store.function, store.value))
                    .collect();
                if super::tree::local_of(self.tree.function(owner), *index)
                    .parameter
                    .is_some()
                {
                    found.extend(self.passed(owner, *index));
                }
                found
            }
            Value::Global(name) | Value::Path(name) => self
                .shared_stores(file, name)
                .iter()
                .map(|store| (store.function, store.value))
                .collect(),
            Value::Attribute(base, name) => {
                let mut found = Vec::new();
                for object in self.base_of_field(func, base).iter() {
                    if let Object::Instance(class, _) | Object::Class(class) = object {
                        found.extend(
                            self.field_stores(*class, name)
                                .iter()
                                .map(|store| (store.function, store.value)),
                        );
                    }
                    if let Object::Module(module) = object {
                        found.extend(
                            self.global_stores(*module, name)
                                .iter()
                                .map(|store| (store.function, store.value)),
                        );
                    }
                }
                found
            }
            other => vec![(func, other)],
        }
    }

    fn elements_of_place(&self, func: FuncId, base: &Value, key: Option<&Value>) -> Objects {
        let mut found = Objects::default();

        for (home, value) in self.sources(func, base) {
            if !std::ptr::eq(value, base) {
                found.add_all(self.elements(home, value, key));
            }
        }
        found.add_all(self.elements_by_type(func, base));
        // A class that is gone through, as enumerations are, yields its instances.
        if self.tree.language(func) == Language::Python {
            for object in self.eval(func, base).iter() {
                if let Object::Class(class) = object {
                    found.add(Object::Instance(*class, None));
                }
            }
        }
        if found.is_empty() {
            found.add_all(self.sent_to(func, base));
        }
        if let Some(name) = self.spoken(func, base) {
            for store in self.item_stores(&name) {
                if let Value::Item(target, _) | Value::Element(target) = store.target
                    && self.same_place(func, base, store.function, target)
                {
                    found.add_all(self.eval(store.function, store.value));
                    // `running[name] = (thread, since)`
                    if let Value::List(_) = store.value {
                        found.add_all(self.elements(store.function, store.value, None));
                    }
                }
            }
            for (home, value) in self.inserted(func, base, &name) {
                found.add_all(self.eval(home, value));
                found.add_all(self.elements(home, value, None));
            }
        }

        found
    }

    /// What the declared type of a local says of its elements.
    fn elements_by_type(&self, func: FuncId, base: &Value) -> Objects {
        let mut found = Objects::default();
        if let Value::Local(owner, index) = base {
            let owner = self.closure(func, *owner);
            if let Some(ty) = &super::tree::local_of(self.tree.function(owner), *index).ty {
                for inner in &ty.args {
                    found.add_all(self.instances_of(self.tree.file_of(owner), inner));
                }
            }
        }
        found
    }

    /// What method calls put into a container that goes by this name (`.append(x)`), each value in its function.
    fn inserted(&self, func: FuncId, base: &Value, name: &str) -> Vec<(FuncId, &'t Value)> {
        let mut found = Vec::new();
        for site in self.inserts.get(name).into_iter().flatten() {
            let Value::Attribute(receiver, method) = &self.tree.call(*site).callee else {
                continue;
            };
            let language = self.tree.language(site.0);
            for id in self.catalog.lookup_any(language, MatchKind::Call, method) {
                if let Role::Insert { value, .. } = &self.catalog.entry(*id).role
                    && self.same_place(func, base, site.0, receiver)
                {
                    found.extend(self.argument(*site, value));
                }
            }
        }
        found
    }

    /// The calls whose results are put into a list of Python's: `[create_task(f()) for …]`, `tasks.append(create_task(f()))`.
    pub(super) fn calls_put_into<'v>(&'v self, func: FuncId, base: &'v Value) -> Vec<(FuncId, &'v Value)> {
        if self.tree.language(func) != Language::Python {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (home, source) in self.sources(func, base) {
            if let Value::List(values) = source {
                found.extend(values.iter().map(|value| (home, value)));
            }
        }
        if let Some(name) = self.spoken(func, base) {
            found.extend(self.inserted(func, base, &name));
        }
        found.retain(|(_, value)| matches!(value, Value::Call(..)));
        found
    }

    /// Whether two values, each in its function, speak of the same variable.
    pub(super) fn same_place(&self, func: FuncId, a: &Value, other: FuncId, b: &Value) -> bool {
        let same_file = self.tree.file_of(func) == self.tree.file_of(other);
        match (a, b) {
            (Value::Local(..), Value::Local(..)) => same_file && a == b,
            (Value::Global(x), Value::Global(y)) => {
                a == b
                    && (same_file
                        || self.tree.language(func) == Language::C
                            && self.global_key(self.tree.file_of(func), x)
                                == self.global_key(self.tree.file_of(other), y))
            }
            (Value::Attribute(x, n), Value::Attribute(y, m)) => {
                n == m && {
                    let left = self.base_of_field(func, x);
                    let right = self.base_of_field(other, y);
                    left.iter()
                        .any(|object| right.iter().any(|other| self.related(object, other)))
                }
            }
            (Value::Path(a), Value::Path(b)) => a == b,
            (Value::Global(name), Value::Attribute(base, member))
            | (Value::Attribute(base, member), Value::Global(name)) => {
                name == member && {
                    let (home, elsewhere) = if matches!(a, Value::Global(_)) {
                        (func, other)
                    } else {
                        (other, func)
                    };
                    let module = Object::Module(self.tree.file_of(home));
                    self.eval(elsewhere, base).contains(&module)
                }
            }
            _ => false,
        }
    }

    fn related(&self, a: &Object, b: &Object) -> bool {
        match (a, b) {
            (Object::Instance(x, _) | Object::Class(x), Object::Instance(y, _) | Object::Class(y)) => {
                x == y || self.ancestors(*x).contains(y) || self.ancestors(*y).contains(x)
            }
            _ => a == b,
        }
    }

    fn elements_of_call(&self, site: CallSite, key: Option<&Value>) -> Objects {
        let mut found = Objects::default();
        let objects = self.callee(site);
        if objects.is_empty() {
            return self.elements_by_entries(site, &self.entries_of_call(site), key);
        }
        for object in objects.iter() {
            match object {
                Object::Function(func) => {
                    for (home, value) in self.values_at(site, *func) {
                        found.add_all(self.elements(home, value, key));
                    }
                    if self.tree.function(*func).is_generator {
                        found.add_all(self.returned(*func));
                    }
                }
                Object::External(path) => {
                    found.add_all(self.elements_by_entries(site, &self.entries_for(site, path), key));
                }
                _ => {}
            }
        }
        found
    }

    /// The elements of a call's result, by what the entries say of it.
    fn elements_by_entries(
        &self,
        site: CallSite,
        entries: &[crate::knowledge::EntryId],
        key: Option<&Value>,
    ) -> Objects {
        let mut found = Objects::default();
        for id in entries {
            match &self.catalog.entry(*id).role {
                Role::Pass { of } | Role::Element { of } => {
                    for (home, value) in self.argument(site, of) {
                        found.add_all(self.elements(home, value, key));
                    }
                }
                Role::Paths { of } => {
                    for (home, value) in self.argument(site, of) {
                        for text in self.texts(home, value) {
                            found.add(Object::Text(text.replace('*', &HOLE.to_string()).into()));
                        }
                    }
                }
                // `map`: what the function returns, once for each element.
                Role::CallsNow {
                    entry, scope: false, ..
                } => {
                    for func in self.handed_functions(site, entry) {
                        found.add_all(self.returned(func));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whether every predicate on the arguments of a call holds.
    pub(super) fn arguments_fit(&self, site: CallSite, predicates: &[Predicate]) -> bool {
        predicates.iter().all(|predicate| {
            let tests = &predicate.any_of;
            match self.tested(site, &predicate.argument) {
                None => tests.contains(&ArgumentTest::Absent) || tests.contains(&ArgumentTest::False),
                Some((func, value)) => tests.iter().any(|test| {
                    self.passes(func, value, *test)
                        || *test == ArgumentTest::MayBeNone
                            && func == site.0
                            && !self.unset_ways(site, value).is_empty()
                }),
            }
        })
    }

    /// As [`Values::arguments_fit`], for the clauses of a pragma.
    pub(super) fn clauses_fit(&self, func: FuncId, clauses: &[Argument], predicates: &[Predicate]) -> bool {
        predicates.iter().all(|predicate| {
            let ArgumentRef::Of { positions, keywords } = &predicate.argument else {
                return false;
            };
            match find_argument(clauses, positions, keywords) {
                None => predicate.any_of.contains(&ArgumentTest::Absent),
                Some(clause) => predicate
                    .any_of
                    .iter()
                    .any(|test| self.passes(func, &clause.value, *test)),
            }
        })
    }

    /// As [`Values::arguments_fit`], for an API that a thread runs: keywords of its own cannot be seen, so only demands that
    /// something be absent are taken to hold.
    pub(super) fn handed_arguments_fit(&self, created: CallSite, predicates: &[Predicate]) -> bool {
        let call = self.tree.call(created);
        predicates.iter().all(|predicate| {
            let ArgumentRef::Of { keywords, .. } = &predicate.argument else {
                return false;
            };
            match passed_by_name(&call.args, keywords) {
                Some(argument) => predicate
                    .any_of
                    .iter()
                    .any(|test| self.passes(created.0, &argument.value, *test)),
                None => {
                    predicate.any_of.contains(&ArgumentTest::Absent) || predicate.any_of.contains(&ArgumentTest::False)
                }
            }
        })
    }

    pub(super) fn tested(&self, site: CallSite, reference: &ArgumentRef) -> Option<(FuncId, &'t Value)> {
        match reference {
            ArgumentRef::Of { positions, keywords } => {
                let call = self.tree.call(site);
                find_argument(&call.args, positions, keywords)
                    .map(|argument| (site.0, &argument.value))
                    .or_else(|| self.handed_through(site, keywords))
            }
            other => self.argument(site, other).into_iter().next(),
        }
    }

    /// `f(**kwargs)` in a function that every evident caller hands one of these keywords: the callers' argument, the live
    /// environment first if one of them hands that.
    fn handed_through(&self, site: CallSite, keywords: &[String]) -> Option<(FuncId, &'t Value)> {
        let call = self.tree.call(site);
        let starred = call
            .args
            .iter()
            .find(|argument| argument.name.as_deref() == Some("**"))?;
        let (owner, index) = self.rest_of(site.0, &starred.value)?;
        if self.gathers_by_position(owner, index) {
            return None;
        }
        let mut handed = Vec::new();
        for caller in self.evident_callers(owner).iter() {
            handed.push((
                caller.0,
                &find_argument(&self.tree.call(*caller).args, &[], keywords)?.value,
            ));
        }
        let live = handed.iter().find(|(home, value)| self.is_live(*home, value));
        live.or(handed.first()).copied()
    }

    fn passes(&self, func: FuncId, value: &Value, test: ArgumentTest) -> bool {
        match test {
            ArgumentTest::Absent => false,
            ArgumentTest::Present => true,
            ArgumentTest::None | ArgumentTest::MayBeNone => matches!(value, Value::None) || self.only_none(func, value),
            ArgumentTest::True => matches!(value, Value::Bool(true)) || matches!(value, Value::Int(n) if *n != 0),
            ArgumentTest::False => matches!(value, Value::Bool(false) | Value::Int(0) | Value::None),
            ArgumentTest::NotFalse => !self.passes(func, value, ArgumentTest::False),
            ArgumentTest::Literal => matches!(value, Value::Text(_) | Value::Int(_) | Value::Bool(_)),
            ArgumentTest::Live => self.is_live(func, value) || self.names_live(func, value),
            ArgumentTest::Own => {
                !matches!(value, Value::None) && !self.only_none(func, value) && !self.is_live(func, value)
            }
            ArgumentTest::Empty => {
                let texts = self.texts(func, value);
                value.as_text() == Some("") || (!texts.is_empty() && texts.iter().all(String::is_empty))
            }
            ArgumentTest::Slash => self.program_text(func, value).is_some_and(|text| text.contains('/')),
            ArgumentTest::NoSlash => !self.program_text(func, value).is_some_and(|text| text.contains('/')),
            ArgumentTest::NoAddress => !self.is_address(func, value),
            ArgumentTest::HostName => self.is_host_name(func, value),
            ArgumentTest::NewProgram => {
                let is_context =
                    |object: &Object| matches!(object, Object::Result(path, _) if **path == *NEW_PROGRAM_CONTEXT);
                self.is_only(func, value, |value| is_one_of(value, &NEW_PROGRAM))
                    || self.eval(func, value).iter().any(is_context)
            }
            ArgumentTest::OnThreads => self.is_only(func, value, |value| is_one_of(value, &ON_THREADS)),
            ArgumentTest::One => self.is_only(func, value, |value| *value == Value::Int(1)),
            ArgumentTest::AllCompleted => self.is_only(func, value, |value| {
                value_name(value).is_some_and(|name| last_segment(name) == ALL_COMPLETED)
                    || value.as_text() == Some(ALL_COMPLETED)
            }),
        }
    }

    /// Whether a value is evidently an address in numbers.
    fn is_address(&self, func: FuncId, value: &Value) -> bool {
        let is_of = |value: &Value, types: &[&str]| {
            let objects = self.eval(func, value);
            let is_one = |object: &Object| match object {
                // What the type itself makes: `SocketAddr::from(([127, 0, 0, 1], 80))`.
                Object::Result(path, _) => {
                    let maker = path.rsplit_once("::").filter(|(_, name)| ADDRESS_MAKERS.contains(name));
                    types.contains(&maker.map_or(path, |(ty, _)| ty))
                }
                // A constant of the type: `Ipv4Addr::LOCALHOST`.
                Object::External(path) => path.rsplit_once("::").is_some_and(|(ty, _)| types.contains(&ty)),
                // The types of hosts are those of addresses without a port.
                Object::Text(text) if types == HOST_TYPES => text.parse::<IpAddr>().is_ok(),
                Object::Text(text) => text.replace(HOLE, "1").parse::<SocketAddr>().is_ok(),
                _ => false,
            };
            !objects.is_empty() && objects.iter().all(is_one)
        };
        let numbered = |value: &Value| match value {
            // `([127, 0, 0, 1], 80)`
            Value::List(pair) => pair.len() == 2 && (matches!(pair[0], Value::List(_)) || is_of(&pair[0], &HOST_TYPES)),
            // `format!("{}:{}", addr.ip(), addr.port())`
            Value::Text(pieces) => {
                let written = |piece: &Piece| match piece {
                    Piece::Literal(text) => text.clone(),
                    Piece::Hole(host) if is_of(host, &HOST_TYPES) => Ipv4Addr::LOCALHOST.to_string(),
                    Piece::Hole(_) => "1".to_owned(),
                };
                let text: String = pieces.iter().map(written).collect();
                text.parse::<SocketAddr>().is_ok() || is_of(value, &ADDRESS_TYPES)
            }
            other => is_of(other, &ADDRESS_TYPES),
        };
        numbered(value) || self.is_only(func, value, numbered)
    }

    /// Whether a value is evidently the name of a host, with a port beside it or not, on some way.
    fn is_host_name(&self, func: FuncId, value: &Value) -> bool {
        let is_name = |host: &str| !host.is_empty() && !host.contains(HOLE) && host.parse::<IpAddr>().is_err();
        let before_port = |text: &str| {
            let host = text.rsplit_once(':').map_or(text, |(host, _)| host);
            is_name(host.trim_start_matches('[').trim_end_matches(']'))
        };
        let host = |value: &Value| match value {
            Value::List(pair) if pair.len() == 2 => self.texts(func, &pair[0]).iter().any(|host| is_name(host)),
            _ => false,
        };
        let pairs = self.sources(func, value).into_iter();
        host(value)
            || pairs.filter(|(home, _)| *home == func).any(|(_, value)| host(value))
            || self.texts(func, value).iter().any(|text| before_port(text))
    }

    /// A local whose only value is `None`.
    fn only_none(&self, func: FuncId, value: &Value) -> bool {
        matches!(value, Value::Local(..)) && self.is_only(func, value, |value| *value == Value::None)
    }

    /// Whether a value, and all that a name of it may stand for, is as `wanted` says.
    fn is_only(&self, func: FuncId, value: &Value, wanted: impl Fn(&Value) -> bool) -> bool {
        let sources = self.sources(func, value);
        wanted(value) || !sources.is_empty() && sources.iter().all(|(_, value)| wanted(value))
    }

    /// The environment that a spawn is given is the live one or another, depending on the path.
    pub(super) fn is_mixed_environment(&self, site: CallSite, entries: &[crate::knowledge::EntryId]) -> bool {
        let predicates = entries.iter().flat_map(|id| &self.catalog.entry(*id).arguments);
        predicates
            .filter(|predicate| predicate.any_of.contains(&ArgumentTest::Live))
            .any(|predicate| {
                self.tested(site, &predicate.argument).is_some_and(|(func, value)| {
                    matches!(value, Value::OneOf(_)) || self.sources(func, value).len() > 1
                })
            })
    }

    /// The program's name: a string, or the first string of a list.
    fn program_text(&self, func: FuncId, value: &Value) -> Option<String> {
        let first = match value {
            Value::List(items) => items.first()?,
            other => other,
        };
        if let Value::Text(_) = first {
            return self.texts(func, first).into_iter().next();
        }
        for (home, source) in self.sources(func, first) {
            if let Value::List(items) = source {
                return items.first().and_then(|item| self.texts(home, item).into_iter().next());
            }
        }
        self.texts(func, first).into_iter().next()
    }

    /// The values that a function returns or yields.
    pub(super) fn returned_values(&self, func: FuncId) -> Vec<(FuncId, &'t Value)> {
        self.returns_of(func).iter().map(|value| (func, *value)).collect()
    }

    /// The function object of a closure index in the file of another function.
    pub(super) fn closure(&self, func: FuncId, index: FunctionIndex) -> FuncId {
        self.tree.func(self.tree.file_of(func), index)
    }

    /// The name by which a value is spoken of in reports.
    pub(super) fn described(&self, func: FuncId, value: &Value) -> String {
        match value {
            Value::Local(..) => self.spoken(func, value).unwrap_or_default().to_string(),
            Value::Attribute(base, name) => format!("{}.{name}", self.described(func, base)),
            Value::Item(base, _) | Value::Element(base) => format!("{}[]", self.described(func, base)),
            Value::Global(name) => name.to_string(),
            Value::Path(path) => path.strip_prefix("crate::").unwrap_or(path).to_owned(),
            Value::Call(_, call) => {
                let site = (func, *call);
                self.tree
                    .function(func)
                    .calls
                    .get(call.0 as usize)
                    .map_or_else(String::new, |_| {
                        let callee = &self.tree.call(site).callee;
                        format!("{}()", value_name(callee).unwrap_or("?"))
                    })
            }
            _ => String::new(),
        }
    }
}

/// What stands for the unknown part of a text.
pub(super) const HOLE: char = '\u{0}';

/// Whether a name fits a pattern with holes.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split(HOLE);
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let last = pieces.pop().unwrap_or("");
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A literal that is no function and holds none.
fn is_data(value: &Value) -> bool {
    match value {
        Value::Unknown | Value::None | Value::Bool(_) | Value::Int(_) | Value::Text(_) => true,
        Value::List(items) | Value::Combined(items) => items.iter().all(is_data),
        _ => false,
    }
}

fn is_builtin(object: &Object) -> bool {
    matches!(object, Object::External(path) if path.starts_with("builtins."))
}

/// Whether a value is one of these texts.
fn is_one_of(value: &Value, texts: &[&str]) -> bool {
    value.as_text().is_some_and(|text| texts.contains(&text))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn names_fit_patterns_with_holes() {
        let cases = [
            ("run_\u{0}", "run_fast", true),
            ("run_\u{0}", "prerun_fast", false),
            ("\u{0}_step", "first_step", true),
            ("\u{0}_step", "first_steps", false),
            ("do_\u{0}_\u{0}_now", "do_a_b_now", true),
            ("do_\u{0}_now", "do_now", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(fits(pattern, name), expected, "{pattern:?} {name}");
        }
    }
}
