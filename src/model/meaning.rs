//! What a call, store, load or block means: functions of the tree, entries of the catalog, or both.

use std::rc::Rc;

use crate::facts::{
    AccessForm, Argument, Attribute, Event, FunctionKind, Language, Node, ParameterKind, Span, StoreKind, Value,
};
use crate::finding::Confidence;
use crate::knowledge::{ArgumentRef, EntryId, Idiom, MatchKind, Role, StartMoment};

use super::objects::{Object, Objects};
use super::places::Keys;
use super::summary::Certainty;
use super::tree::{CallSite, ClassId, FuncId};
use super::values::Values;

/// How many targets a call may have that was resolved by guessing.
const GUESSES: usize = 16;

/// How many functions a pointer may mean before following it to a certain one is a guess.
const MANY: usize = 4;

/// How many of them are very many ([`Certainty::wide_guesses`]).
pub(super) const VERY_MANY: usize = 16;

/// A function that a call may reach.
#[derive(Debug, Clone)]
pub struct Edge {
    pub target: FuncId,
    pub certainty: Certainty,
}

/// What a call means.
#[derive(Debug, Clone, Default)]
pub struct Meaning {
    pub edges: Vec<Edge>,
    pub entries: Vec<EntryId>,
    /// Any function of this type whose address is taken.
    pub escaped: Option<Rc<str>>,
    /// Neither the tree nor the catalog knows it.
    pub unknown: bool,
}

/// A thread that a call starts.
#[derive(Debug, Clone)]
pub struct Started {
    pub created: CallSite,
    pub entries: Vec<FuncId>,
    /// What it runs outside the tree, by path.
    pub outside: Vec<String>,
    pub many: bool,
    pub process: bool,
    pub detached: bool,
    pub handles: Keys,
    pub owners: Keys,
    /// It has an owner that the call does not show: a pool's method under another name.
    pub hidden_owner: bool,
    /// A task of a runtime.
    pub task: bool,
}

impl Values<'_> {
    /// What a call means.
    pub fn meaning(&self, site: CallSite) -> Rc<Meaning> {
        if let Some(found) = self.meanings.get(&site, &self.answers) {
            return found;
        }
        let (found, standing) = self.answers.find(|| Rc::new(self.find_meaning(site)));
        self.meanings.keep(site, found.clone(), standing);
        found
    }

    /// Whether a method is called on something that goes through any number of things: `(0..4).map(…)`, `names.iter().map(…)`.
    pub(super) fn goes_through_several(&self, site: CallSite) -> bool {
        match &self.tree.call(site).callee {
            Value::Attribute(receiver, _) => self.is_several(site.0, receiver),
            _ => false,
        }
    }

    fn is_several(&self, func: FuncId, value: &Value) -> bool {
        let Value::Call(owner, call) = value else {
            return matches!(value, Value::List(_));
        };
        let site = (self.closure(func, *owner), *call);
        let meaning = self.meaning(site);
        let mut roles = meaning.entries.iter().map(|id| &self.catalog.entry(*id).role);
        let hands_on = |role: &Role| matches!(role, Role::Pass { .. } | Role::CallsNow { .. });
        roles.clone().any(|role| *role == Role::Several) || roles.any(hands_on) && self.goes_through_several(site)
    }

    fn find_meaning(&self, site: CallSite) -> Meaning {
        let mut meaning = Meaning {
            entries: self.entries_of_call(site),
            ..Meaning::default()
        };
        let objects = self.callee(site);
        // Code that is compiled for tests only does not run where the caller is compiled without.
        let in_test = self.in_test(site.0);
        let sure = self.certainty_of_callee(site);
        for object in objects.iter() {
            for target in self.called(object) {
                let compiled = in_test || !self.tree.function(target).test_only;
                if compiled && !meaning.edges.iter().any(|edge| edge.target == target) {
                    meaning.edges.push(Edge {
                        target,
                        certainty: sure.clone(),
                    });
                }
            }
        }
        self.keep_callable(site, &objects, &mut meaning.edges);
        if meaning.edges.len() > 1 && self.is_looked_up(site) {
            let doubt = "the symbol is looked up by a name that several functions of the tree have";
            for edge in &mut meaning.edges {
                edge.certainty = Certainty::because(Confidence::Low, doubt);
            }
        }
        for entry in self.entries_handed_on(site, &meaning.edges) {
            if !meaning.entries.contains(&entry) {
                meaning.entries.push(entry);
            }
        }
        self.drop_empty_alternatives(&mut meaning);
        // Which of many is meant when a pointer is called is a guess, though one of them surely is.
        if sure.confidence < Confidence::High && meaning.edges.len() >= MANY {
            let wide = u8::from(meaning.edges.len() >= VERY_MANY);
            for edge in &mut meaning.edges {
                edge.certainty.guesses = 1;
                edge.certainty.wide_guesses = wide;
            }
        }
        // Of several definitions of a macro the last is the general one by convention: `#ifdef ODD … #else … #endif`.
        if self.tree.language(site.0) == Language::C {
            meaning.edges.sort_by_key(|edge| {
                std::cmp::Reverse((self.tree.function(edge.target).kind == FunctionKind::Macro).then_some(edge.target))
            });
        }
        if meaning.edges.is_empty() && meaning.entries.is_empty() {
            let known = objects.iter().filter(|object| !matches!(object, Object::Pointer(_)));
            let known = known.count();
            meaning.escaped = objects.iter().find_map(|object| match object {
                Object::Pointer(ty) if known == 0 && self.is_own_type(ty) => Some(ty.clone()),
                _ => None,
            });
            if meaning.escaped.is_none() {
                self.guess(site, known, &objects, &mut meaning);
                self.guess_macro(site, &mut meaning);
            }
        }
        meaning.unknown = meaning.edges.is_empty() && meaning.entries.is_empty() && meaning.escaped.is_none();
        meaning
    }

    /// What the library's own method does of which a method of the tree is a mere cover: `def join(self, timeout=None):
    /// super().join(timeout)`. The call of the cover says how it is called.
    fn entries_handed_on(&self, site: CallSite, edges: &[Edge]) -> Vec<EntryId> {
        let mut found = Vec::new();
        for edge in edges {
            let Some(class) = self.tree.owner(edge.target).filter(|_| self.covers_base(edge.target)) else {
                continue;
            };
            for base in self.outside_bases(class) {
                let path = format!("{base}.{}", self.tree.function(edge.target).name);
                let ids = self.entries_for(site, &path).into_iter();
                found.extend(ids.filter(|id| matches!(self.catalog.entry(*id).role, Role::Join { .. })));
            }
        }
        found
    }

    /// Whether a method surely calls the library's one of its name, and hands it nothing but its own parameters.
    fn covers_base(&self, method: FuncId) -> bool {
        let function = self.tree.function(method);
        if self.tree.language(method) != Language::Python {
            return false;
        }
        let is_own = |argument: &Argument| {
            matches!(&argument.value, Value::None)
                || matches!(&argument.value, Value::Local(owner, index)
                    if self.tree.func(self.tree.file_of(method), *owner) == method
                        && super::tree::local_of(function, *index).parameter.is_some())
        };
        function.body.nodes.iter().any(|node| {
            let Node::Event(Event::Call(index)) = node else {
                return false;
            };
            let args = &function.calls[index.0 as usize].args;
            args.iter().all(is_own) && self.is_base_call((method, *index))
        })
    }

    /// Of the functions that a pointer of C may hold, those that this call can mean. One slot often holds functions of
    /// several types, which the code tells apart by something that is not followed (`void *` fields of a registration, one
    /// list for each kind); but nobody calls a function with too few arguments, or a number where it takes a pointer.
    fn keep_callable(&self, site: CallSite, objects: &Objects, edges: &mut Vec<Edge>) {
        let call = self.tree.call(site);
        let direct = matches!(call.callee, Value::Global(_) | Value::Path(_) | Value::Function(_));
        if self.tree.language(site.0) != Language::C || edges.len() < 2 || direct {
            return;
        }
        let mut pointers: Vec<Rc<str>> = objects
            .iter()
            .filter_map(|object| match object {
                Object::Pointer(ty) => Some(ty.clone()),
                _ => None,
            })
            .collect();
        if let Some(declared) = self.declared_pointer(site.0, &call.callee) {
            let mixed = pointers.iter().any(|pointer| *pointer != declared);
            let exact = |edge: &Edge| {
                let signature = self.tree.function(edge.target).signature.as_ref();
                signature.is_some_and(|signature| super::escaped::normalised(signature) == declared)
            };
            // Functions of several types come together in the slot, and the pointer that is called is of one of them.
            if mixed && edges.iter().any(exact) {
                return edges.retain(exact);
            }
            pointers = vec![declared];
        }
        let fits = |edge: &Edge| {
            let function = self.tree.function(edge.target);
            let Some(signature) = &function.signature else {
                return true;
            };
            takes(signature, call.args.len())
                && (pointers.is_empty() || pointers.iter().any(|pointer| !conflict(pointer, signature)))
        };
        // Where none fits, the code was misread; unless the one that fits is among those that the set had no room for.
        if objects.is_full() || edges.iter().any(fits) {
            edges.retain(fits);
        }
    }

    /// The function type with which the place that is called is declared.
    fn declared_pointer(&self, func: FuncId, callee: &Value) -> Option<Rc<str>> {
        match callee {
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                let ty = super::tree::local_of(self.tree.function(owner), *index).ty.as_ref()?;
                self.pointer_type(self.tree.file_of(owner), ty)
            }
            Value::Attribute(base, name) => self.base_of_field(func, base).iter().find_map(|object| {
                let Object::Instance(class, _) = object else {
                    return None;
                };
                let fields = self.tree.decls(*class).flat_map(|(file, decl)| {
                    let named = decl.fields.iter().filter(|field| field.name == *name);
                    named.filter_map(move |field| Some((file, field.ty.as_ref()?)))
                });
                fields.into_iter().find_map(|(file, ty)| self.pointer_type(file, ty))
            }),
            _ => None,
        }
    }

    /// `#ifdef THREADS void lock(void) { … } #else void lock(void) { } #endif`: the empty one is for builds in which there is
    /// nothing to do, and no thread either.
    fn drop_empty_alternatives(&self, meaning: &mut Meaning) {
        let place = |edge: &Edge| (self.tree.file_of(edge.target), &self.tree.function(edge.target).name);
        let is_empty = |edge: &Edge| self.tree.function(edge.target).body.nodes.is_empty();
        let full: Vec<_> = meaning
            .edges
            .iter()
            .filter(|edge| !is_empty(edge) && self.tree.language(edge.target) == Language::C)
            .map(place)
            .collect();
        meaning
            .edges
            .retain(|edge| !is_empty(edge) || !full.contains(&place(edge)));
    }

    /// Code that is compiled for tests only.
    pub(super) fn in_test(&self, func: FuncId) -> bool {
        let function = self.tree.function(func);
        function.test_only
            || self
                .attribute_entries(func)
                .iter()
                .any(|id| matches!(self.catalog.entry(*id).role, Role::ParallelTests))
            || self.tree.parent(func).is_some_and(|parent| self.in_test(parent))
    }

    /// The functions that run when an object is called.
    fn called(&self, object: &Object) -> Vec<FuncId> {
        match object {
            Object::Function(func) if self.tree.function(*func).kind != FunctionKind::Declaration => vec![*func],
            Object::Class(class) => self.method(*class, "__init__"),
            Object::Instance(class, _) => self.method(*class, "__call__"),
            _ => Vec::new(),
        }
    }

    /// Whether what is called was looked up by its name in what was loaded (`dlsym`).
    fn is_looked_up(&self, site: CallSite) -> bool {
        let callee = &self.tree.call(site).callee;
        let is_symbol = |(home, value): &(FuncId, &Value)| match value {
            Value::Call(owner, call) => {
                let looked_up = (self.closure(*home, *owner), *call);
                let mut entries = self.entries_of_call(looked_up).into_iter();
                entries.any(|id| matches!(self.catalog.entry(id).role, Role::Symbol { .. }))
            }
            _ => false,
        };
        self.tree.language(site.0) == Language::C
            && match callee {
                Value::Local(..) => self.sources(site.0, callee).iter().any(is_symbol),
                callee => is_symbol(&(site.0, callee)),
            }
    }

    /// A call through a value that several things may be stored into is one of several: still certain enough, unless the
    /// place is shared by a whole class of objects.
    fn certainty_of_callee(&self, site: CallSite) -> Certainty {
        let call = self.tree.call(site);
        let mut callee = &call.callee;
        // `callback = entry->callback; callback(x);`
        if let Value::Local(owner, index) = callee {
            let owner = self.tree.func(self.tree.file_of(site.0), *owner);
            let mut stored = self.local_stores(owner, *index).iter().map(|store| store.value);
            callee = stored
                .find(|value| matches!(value, Value::Attribute(..)))
                .unwrap_or(callee);
        }
        match (callee, self.tree.language(site.0)) {
            (Value::Attribute(..), Language::C) => Certainty::because(
                Confidence::Medium,
                "the call goes through a function pointer in a struct",
            ),
            (Value::Item(..) | Value::Element(_), _) => {
                Certainty::because(Confidence::Medium, "the call goes through a table of functions")
            }
            _ => Certainty::SURE,
        }
    }

    /// By name alone, where the receiver's type is not evident.
    fn guess(&self, site: CallSite, known: usize, objects: &Objects, meaning: &mut Meaning) {
        let call = self.tree.call(site);
        let Value::Attribute(receiver, name) = &call.callee else {
            return;
        };
        let language = self.tree.language(site.0);
        if known > 0 || name.starts_with("__") || self.is_built_in(site.0, receiver, 0) {
            return;
        }
        if language == Language::C {
            self.guess_slot(site, name, objects, meaning);
            return;
        }
        let methods: Vec<FuncId> = self
            .tree
            .functions_by_name
            .get(name.as_str())
            .into_iter()
            .flatten()
            .copied()
            .filter(|func| self.tree.owner(*func).is_some() && self.tree.language(*func) == language)
            .filter(|func| language != Language::Rust || self.has_receiver(*func))
            .filter(|func| self.accepts(*func, &call.args))
            .collect();
        let families = self.families(&methods);
        let certainty = match families {
            0 => return,
            1 if self.catalog.tells(language, name, Idiom::Everyday) => Certainty::because(
                Confidence::Low,
                "a method is found by its name, which only one class of the tree has, but things of the language's own library too",
            ),
            1 => Certainty::because(
                Confidence::Medium,
                "a method is found by its name, which only one class of the tree has",
            ),
            _ => Certainty::because(
                Confidence::Low,
                "a method is found by its name alone, which several classes have",
            ),
        };
        for target in methods.into_iter().take(GUESSES) {
            meaning.edges.push(Edge {
                target,
                certainty: certainty.clone(),
            });
        }
    }

    /// Whether a function of Rust can be called as a method (Rust's reference, "Associated functions").
    fn has_receiver(&self, func: FuncId) -> bool {
        let mut parameters = self.tree.function(func).parameters();
        parameters.any(|(_, local)| local.parameter == Some(ParameterKind::Receiver))
    }

    /// A macro from outside the tree, by what the crate that passes it on calls so too.
    fn guess_macro(&self, site: CallSite, meaning: &mut Meaning) {
        let functions = self.behind_macro(self.tree.file_of(site.0), &self.tree.call(site).callee);
        let confidence = if functions.len() > 1 {
            Confidence::Low
        } else {
            Confidence::Medium
        };
        let doubt = "the macro is not in the tree, and is followed by its name to the crate that passes it on";
        meaning
            .edges
            .extend(functions.into_iter().take(GUESSES).map(|target| Edge {
                target,
                certainty: Certainty::because(confidence, doubt),
            }));
    }

    /// Functions stored in fields of this name, whatever the struct.
    fn guess_slot(&self, site: CallSite, name: &str, objects: &Objects, meaning: &mut Meaning) {
        let certainty = Certainty::because(
            Confidence::Low,
            "a function pointer is followed by the name of its field alone",
        );
        let mut found: Vec<Edge> = Vec::new();
        for (home, value) in self.slot_values(name) {
            for object in self.eval(home, value).iter() {
                if let Object::Function(target) = *object
                    && !found.iter().any(|edge| edge.target == target)
                {
                    found.push(Edge {
                        target,
                        certainty: certainty.clone(),
                    });
                }
            }
        }
        self.keep_callable(site, objects, &mut found);
        found.truncate(GUESSES);
        meaning.edges = found;
    }

    /// How many unrelated classes these methods belong to: none, one, or several.
    fn families(&self, methods: &[FuncId]) -> usize {
        let mut classes = methods.iter().filter_map(|method| self.tree.owner(*method));
        let Some(first) = classes.next() else { return 0 };
        let mut others =
            classes.filter(|class| !self.ancestors(*class).contains(&first) && !self.ancestors(first).contains(class));
        if others.next().is_some() { 2 } else { 1 }
    }

    /// Whether a call with these arguments can be meant for the function.
    fn accepts(&self, func: FuncId, args: &[Argument]) -> bool {
        let function = self.tree.function(func);
        let takes_all = |kind| function.parameters().any(|(_, local)| local.parameter == Some(kind));
        if takes_all(ParameterKind::VarPositional) || args.iter().any(Argument::is_starred) {
            return true;
        }
        let normal: Vec<_> = function
            .parameters()
            .filter(|(_, local)| local.parameter == Some(ParameterKind::Normal))
            .collect();
        let needed = normal.iter().filter(|(_, local)| local.default.is_none()).count();
        let positional = args.iter().filter(|argument| argument.name.is_none()).count();
        let named = args.iter().filter_map(|argument| argument.name.as_deref());
        let names_fit = takes_all(ParameterKind::VarKeyword)
            || named
                .clone()
                .all(|name| function.parameters().any(|(_, local)| local.name == name));
        positional <= normal.len() && positional + named.count() >= needed && names_fit
    }

    /// The entries that a store means.
    pub(super) fn store_entries(
        &self,
        func: FuncId,
        target: &Value,
        form: AccessForm,
        kind: StoreKind,
    ) -> Vec<EntryId> {
        let wanted = match kind {
            StoreKind::Delete => MatchKind::Delete,
            // `x |= y` is the call that it stands for.
            StoreKind::Augmented if form != AccessForm::Subscript => return self.augmented(func, target),
            _ => MatchKind::Store,
        };
        self.place_entries(func, target, form, wanted)
    }

    fn augmented(&self, func: FuncId, target: &Value) -> Vec<EntryId> {
        let language = self.tree.language(func);
        let mut found = Vec::new();
        for object in self.eval(func, target).iter() {
            if let Object::External(path) = object {
                found.extend_from_slice(self.lookup(language, MatchKind::Call, &format!("{path}.__ior__")));
            }
        }
        found
    }

    /// The entries that a load means.
    pub(super) fn load_entries(&self, func: FuncId, value: &Value, form: AccessForm) -> Vec<EntryId> {
        self.place_entries(func, value, form, MatchKind::Load)
    }

    fn place_entries(&self, func: FuncId, target: &Value, form: AccessForm, kind: MatchKind) -> Vec<EntryId> {
        let language = self.tree.language(func);
        let (place, subscript) = match (target, form) {
            (Value::Item(base, _) | Value::Element(base), AccessForm::Subscript) => (base.as_ref(), true),
            (other, _) => (other, false),
        };
        // Plain locals are no places of the environment; elements of them may be, through an alias.
        if !subscript && matches!(place, Value::Local(..)) {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut paths: Vec<Rc<str>> = Vec::new();
        match place {
            // A whole store names the variable itself, not what it holds.
            Value::Global(name) if !subscript => match language {
                // In Rust it is the link name of a foreign static.
                Language::C | Language::Rust => paths.push(name.as_str().into()),
                Language::Python => return Vec::new(),
            },
            Value::Path(path) if !subscript => paths.push(path.as_str().into()),
            // Most members are nothing that the catalog knows, whatever they are members of.
            Value::Attribute(_, name) if !subscript && !self.catalog.has_member(language, kind, name) => {}
            Value::Attribute(base, name) if !subscript => {
                for object in self.eval(func, base).iter() {
                    if let Object::External(path) | Object::Result(path, _) = object {
                        paths.push(format!("{path}.{name}").into());
                    }
                }
            }
            _ => {
                for object in self.eval(func, place).iter() {
                    if let Object::External(path) | Object::Result(path, _) = object {
                        paths.push(path.clone());
                    }
                }
            }
        }
        for path in paths {
            for id in self.lookup(language, kind, &path) {
                let entry = self.catalog.entry(*id);
                if entry.is_subscript() == subscript && !found.contains(id) {
                    found.push(*id);
                }
            }
        }
        found
    }

    /// The entries that a with-block's manager means.
    pub(super) fn with_entries(&self, func: FuncId, manager: &Value) -> Vec<EntryId> {
        let language = self.tree.language(func);
        let mut found = Vec::new();
        for object in self.eval(func, manager).iter() {
            let (paths, made) = match object {
                Object::Result(path, made) => (vec![path.to_string()], *made),
                Object::External(path) => (vec![path.to_string()], None),
                Object::Instance(class, _) => (self.outside_bases(*class), None),
                _ => continue,
            };
            let fits = |id: &EntryId| match made {
                Some(made) => self.arguments_fit(made, &self.catalog.entry(*id).arguments),
                None => true,
            };
            for path in paths {
                for id in self.lookup(language, MatchKind::With, &path) {
                    if !found.contains(id) && fits(id) {
                        found.push(*id);
                    }
                }
            }
        }
        found
    }

    /// The threads that a call starts, whether at once or because it is the `start()` of a thread made before.
    pub(super) fn started(&self, site: CallSite) -> Vec<Started> {
        let mut found = Vec::new();
        for id in self.meaning(site).entries.iter() {
            let entry = self.catalog.entry(*id);
            if let Role::Start {
                moment: StartMoment::Now,
                ..
            } = &entry.role
            {
                found.extend(self.thread_of(site, site, *id, None));
            }
        }
        let call = self.tree.call(site);
        let Value::Attribute(receiver, method) = &call.callee else {
            return found;
        };
        if self.starting_methods.contains(method.as_str()) {
            for object in self.eval(site.0, receiver).iter() {
                found.extend(self.deferred(site, object, method));
            }
        }
        found
    }

    /// `t.start()`: the thread that `t` was made as.
    fn deferred(&self, site: CallSite, object: &Object, method: &str) -> Vec<Started> {
        let mut found = Vec::new();
        let begins = |role: &Role| matches!(role, Role::Start { moment: StartMoment::Method(names), .. } if names.split('|').any(|name| name == method));
        match object {
            Object::Result(_, Some(created)) => {
                for id in self.meaning(*created).entries.iter() {
                    if begins(&self.catalog.entry(*id).role) {
                        found.extend(self.thread_of(site, *created, *id, None));
                    }
                }
            }
            Object::Instance(class, created) => {
                let language = self.tree.file(self.tree.classes[class.0 as usize].file).language;
                let mut seen = Vec::new();
                for base in self.outside_bases(*class) {
                    for id in self.catalog.lookup(language, MatchKind::Base, &base) {
                        let role = &self.catalog.entry(*id).role;
                        if begins(role) && !seen.contains(id) {
                            seen.push(*id);
                            found.extend(self.thread_of(site, created.unwrap_or(site), *id, Some(*class)));
                        }
                    }
                }
            }
            _ => {}
        }
        found
    }

    pub(super) fn thread_of(
        &self,
        site: CallSite,
        created: CallSite,
        id: EntryId,
        class: Option<ClassId>,
    ) -> Option<Started> {
        let Role::Start {
            entry,
            method,
            field,
            many,
            process,
            pool,
            owner,
            handle,
            detached,
            task,
            ..
        } = &self.catalog.entry(id).role
        else {
            return None;
        };
        let mut entries = Vec::new();
        let mut outside = Vec::new();
        // The receiver of a class's constructor is the new object itself.
        let handed = match class {
            Some(_) if *entry == ArgumentRef::Receiver => Vec::new(),
            _ => self.entry_values(created, entry),
        };
        for (home, value) in handed {
            if let Some(field) = field {
                self.functions_in_fields(home, value, field, &mut entries);
                continue;
            }
            for object in self.eval(home, value).iter() {
                self.entry_functions(object, method.as_deref(), &mut entries);
                if let (Object::External(path), None) = (object, method) {
                    outside.push(path.to_string());
                }
            }
        }
        // `views.Page.as_view()`: the receiver is a part of the path.
        if let (ArgumentRef::Receiver, Value::Path(path)) = (entry, &self.tree.call(created).callee)
            && let Some((receiver, _)) = path.rsplit_once('.')
        {
            let file = self.tree.file_of(created.0);
            for object in self.path_of(file, receiver).iter() {
                self.entry_functions(object, method.as_deref(), &mut entries);
            }
        }
        // Where nothing stands in the field, it is not a thread that is asked for (`SIGEV_SIGNAL`).
        if field.is_some() && entries.is_empty() {
            return None;
        }
        if let Some(class) = class {
            self.entry_functions(&Object::Instance(class, None), method.as_deref(), &mut entries);
            let calls_base = |func: &FuncId| self.calls_base(*func);
            if entries.is_empty() || entries.iter().any(calls_base) {
                let targets = self.base_target(class, created).into_iter();
                let new: Vec<FuncId> = targets.filter(|target| !entries.contains(target)).collect();
                entries.extend(new);
            }
        }
        let mut handles = vec![super::places::Key::Made(created), super::places::Key::Made(site)];
        for (home, value) in self.argument(created, handle) {
            handles.extend_from_slice(&self.keys(home, value));
        }
        let mut owners = Vec::new();
        let bare = !matches!(self.tree.call(created).callee, Value::Attribute(..));
        let hidden_owner = *owner == Some(ArgumentRef::Receiver) && bare;
        if *owner == Some(ArgumentRef::Result) {
            owners.push(super::places::Key::Made(created));
        }
        if let Some(owner) = owner.as_ref().filter(|_| !hidden_owner) {
            for (home, value) in self.argument(created, owner) {
                owners.extend_from_slice(&self.keys(home, value));
            }
        }
        Some(Started {
            created,
            entries,
            outside,
            many: *many,
            process: *process || pool.as_ref().is_some_and(|pool| self.is_of_processes(created, pool)),
            detached: *detached,
            handles: Keys::of(handles),
            owners: Keys::of(owners),
            hidden_owner,
            task: *task,
        })
    }

    /// Whether an argument is a pool and, whichever one it may be, one of processes: what is submitted to it is a process.
    fn is_of_processes(&self, site: CallSite, pool: &ArgumentRef) -> bool {
        let language = self.tree.language(site.0);
        let is_process = |object: &Object| {
            let Object::Result(path, _) = object else { return false };
            let entries = self
                .catalog
                .lookup(language, MatchKind::Call, &format!("{path}.submit"));
            let mut roles = entries.iter().map(|id| &self.catalog.entry(*id).role);
            roles.any(|role| matches!(role, Role::Start { process: true, .. }))
        };
        let mut pools = self.argument(site, pool).into_iter();
        pools.any(|(home, value)| {
            let objects = self.eval(home, value);
            !objects.is_empty() && objects.iter().all(is_process)
        })
    }

    /// Whether a method calls the one of its name in a class outside of the tree: `super().run()`.
    fn calls_base(&self, method: FuncId) -> bool {
        let calls = 0..self.tree.function(method).calls.len();
        calls
            .into_iter()
            .any(|number| self.is_base_call((method, crate::facts::CallIndex(number as u32))))
    }

    /// Whether a call in a method is one of the method of its name in a class outside of the tree.
    fn is_base_call(&self, site: CallSite) -> bool {
        let name = &self.tree.function(site.0).name;
        let Some(class) = self.tree.owner(site.0) else {
            return false;
        };
        let bases = self.outside_bases(class);
        let is_base = |object: &Object| match object {
            Object::External(path) => bases
                .iter()
                .any(|base| path.strip_prefix(&**base) == Some(&format!(".{name}"))),
            _ => false,
        };
        self.callee(site).iter().any(is_base)
    }

    /// What a thread class of the tree runs by the library's own `run`: `super().__init__(target=f)` in its constructor, the
    /// arguments of the call that made it where its constructor hands them on, or where it has none.
    fn base_target(&self, class: ClassId, created: CallSite) -> Vec<FuncId> {
        let mut found = Vec::new();
        let mut add = |site: CallSite, entry: &ArgumentRef| {
            for (home, value) in self.argument(site, entry) {
                for object in self.eval(home, value).iter() {
                    self.entry_functions(object, None, &mut found);
                }
            }
        };
        let language = self.tree.file(self.tree.classes[class.0 as usize].file).language;
        let starting = |path: &str| {
            let ids = self.catalog.lookup(language, MatchKind::Call, path).iter();
            ids.filter_map(|id| match &self.catalog.entry(*id).role {
                Role::Start { entry, .. } => Some(entry),
                _ => None,
            })
        };
        let inits = self.method(class, "__init__");
        if inits.is_empty() {
            let bases = self.outside_bases(class);
            bases
                .iter()
                .flat_map(|base| starting(base))
                .for_each(|entry| add(created, entry));
        }
        for init in inits {
            for number in 0..self.tree.function(init).calls.len() {
                let site = (init, crate::facts::CallIndex(number as u32));
                for object in self.callee(site).iter() {
                    let Object::External(path) = object else { continue };
                    for entry in path.strip_suffix(".__init__").into_iter().flat_map(starting) {
                        add(site, &self.behind_self(site, entry));
                        add(created, &self.starred_on(site, entry));
                    }
                }
            }
        }
        found
    }

    /// An argument of a constructor that is called by the class's name, with the object before the others:
    /// `Thread.__init__(self, …)`.
    fn behind_self(&self, site: CallSite, argument: &ArgumentRef) -> ArgumentRef {
        let by_super =
            matches!(&self.tree.call(site).callee, Value::Attribute(base, _) if matches!(**base, Value::Super(_)));
        match argument {
            ArgumentRef::Of { positions, keywords } if !by_super => ArgumentRef::Of {
                positions: positions.iter().map(|position| position + 1).collect(),
                keywords: keywords.clone(),
            },
            other => other.clone(),
        }
    }

    /// Of the ways to give an argument to a call those by which the caller of its function gives it too, since the call hands
    /// on what that got: `def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs)`.
    fn starred_on(&self, site: CallSite, argument: &ArgumentRef) -> ArgumentRef {
        let locals = &self.tree.function(site.0).locals;
        let takes = |kind: ParameterKind| locals.iter().any(|local| local.parameter == Some(kind));
        let gives = |star: &str| {
            let mut args = self.tree.call(site).args.iter();
            args.any(|argument| argument.name.as_deref() == Some(star))
        };
        let ArgumentRef::Of { positions, keywords } = argument else {
            return argument.clone();
        };
        // The first of `*args` is the first of all only where no parameter stands before it.
        let by_position = gives("*") && takes(ParameterKind::VarPositional) && !takes(ParameterKind::Normal);
        let by_name = gives("**") && takes(ParameterKind::VarKeyword);
        ArgumentRef::Of {
            positions: if by_position { positions.clone() } else { Vec::new() },
            keywords: if by_name { keywords.clone() } else { Vec::new() },
        }
    }

    /// The functions that a thread runs when it is given an object; `method` names those of its class, by patterns
    /// separated by `|`, where `*` at the end stands for anything.
    pub(super) fn entry_functions(&self, object: &Object, method: Option<&str>, found: &mut Vec<FuncId>) {
        let mut add = |func: FuncId| {
            if self.tree.function(func).kind != FunctionKind::Declaration && !found.contains(&func) {
                found.push(func);
            }
        };
        match (object, method) {
            (Object::Function(func) | Object::Coroutine(func), _) => add(*func),
            (Object::Instance(class, _) | Object::Class(class), Some(patterns)) => {
                for pattern in patterns.split('|') {
                    match pattern.strip_suffix('*') {
                        None => self.method(*class, pattern).into_iter().for_each(&mut add),
                        Some(prefix) => {
                            for ancestor in self.ancestors(*class).iter() {
                                let methods = &self.tree.classes[ancestor.0 as usize].methods;
                                for (_, methods) in methods.iter().filter(|(name, _)| name.starts_with(prefix)) {
                                    methods.iter().copied().for_each(&mut add);
                                }
                            }
                        }
                    }
                }
            }
            (Object::Instance(class, _), None) => self.method(*class, "__call__").into_iter().for_each(&mut add),
            (Object::Class(class), None) => self.method(*class, "__init__").into_iter().for_each(&mut add),
            _ => {}
        }
    }

    /// The functions that an argument hands over.
    pub(super) fn handed_functions(&self, site: CallSite, reference: &ArgumentRef) -> Vec<FuncId> {
        let mut found = Vec::new();
        for (home, value) in self.entry_values(site, reference) {
            for object in self.eval(home, value).iter() {
                self.entry_functions(object, None, &mut found);
            }
            for object in self.elements(home, value, None).iter() {
                self.entry_functions(object, None, &mut found);
            }
        }
        found
    }

    /// The decorators of the tree around a function, innermost last; empty where there is none.
    pub(super) fn decorators(&self, func: FuncId) -> Vec<FuncId> {
        let home = self.home_of(func);
        let mut found = Vec::new();
        for attribute in &self.tree.function(func).attributes {
            for object in self.eval(home, &attribute.value).iter() {
                let Object::Function(decorator) = object else { continue };
                // `@retry(3)`: what the call returns is the decorator.
                let made = self.wrappers(*decorator);
                let is_maker = !attribute.args.is_empty() || made.iter().any(|inner| !self.wrappers(*inner).is_empty());
                match is_maker && !made.is_empty() {
                    true => found.extend(made),
                    false => found.push(*decorator),
                }
            }
        }
        found
    }

    /// The wrappers that a decorator returns: functions nested in it.
    pub(super) fn wrappers(&self, decorator: FuncId) -> Vec<FuncId> {
        self.returned(decorator)
            .iter()
            .filter_map(|object| match object {
                Object::Function(wrapper) if self.nested_in(*wrapper, decorator) => Some(*wrapper),
                _ => None,
            })
            .collect()
    }

    /// The wrappers that stand around a decorated function.
    pub(super) fn wrappers_around(&self, func: FuncId) -> Vec<FuncId> {
        let decorators = self.decorators(func).into_iter();
        decorators.flat_map(|decorator| self.wrappers(decorator)).collect()
    }

    /// Whether a function stands inside another.
    pub(super) fn nested_in(&self, mut inner: FuncId, outer: FuncId) -> bool {
        while let Some(parent) = self.tree.parent(inner) {
            if parent == outer {
                return true;
            }
            inner = parent;
        }
        false
    }

    /// The `drop` methods of the tree that a value of Rust's may have.
    pub(super) fn drops(&self, home: FuncId, value: &Value) -> Vec<FuncId> {
        let mut found = Vec::new();
        for object in self.eval(home, value).iter() {
            // A unit struct's value is written like its type.
            if let Object::Instance(class, _) | Object::Class(class) = object {
                found.extend(self.method(*class, "drop"));
            }
        }
        found
    }

    /// Whether a call makes tasks of what it is handed.
    pub(super) fn makes_tasks(&self, site: CallSite) -> bool {
        let is_task = |id: &EntryId| matches!(self.catalog.entry(*id).role, Role::CallsNow { task: true, .. });
        self.meaning(site).entries.iter().any(is_task)
    }

    /// The entries that a function's decorators or attributes mean.
    pub(super) fn attribute_entries(&self, func: FuncId) -> Vec<EntryId> {
        let attributes = self.tree.function(func).attributes.iter();
        attributes
            .flat_map(|attribute| self.entries_of_attribute(func, attribute))
            .collect()
    }

    /// The entries of an attribute that has no path of its own: it is meant for a macro of some crate that stands on the function as
    /// well (`#[case]` for `#[rstest]`; Rust reference, Procedural Macros).
    fn helper_entries(&self, func: FuncId, name: &str) -> Vec<EntryId> {
        let home = self.home_of(func);
        let mut found = Vec::new();
        for attribute in &self.tree.function(func).attributes {
            for object in self.eval(home, &attribute.value).iter() {
                if let Object::External(path) = object
                    && let Some((of_crate, _)) = path.split_once("::")
                {
                    let path = format!("{of_crate}::{name}");
                    found.extend_from_slice(self.catalog.lookup(Language::Rust, MatchKind::Decorator, &path));
                }
            }
        }
        found
    }

    /// What decorators change before a function runs, and back when it has: `@patch.dict(os.environ, {…})`, on the function or on
    /// the class of a test. The entries of each, and where it stands.
    pub(super) fn changed_around(&self, func: FuncId) -> Vec<(Vec<EntryId>, Span)> {
        let tree = self.tree;
        let (home, function) = (self.home_of(func), tree.function(func));
        let is_test = function.name.starts_with("test");
        let class = tree
            .owner(func)
            .filter(|_| is_test)
            .map(|class| &tree.classes[class.0 as usize]);
        let declared = class.iter().flat_map(|class| &class.decls);
        let of_class = declared.flat_map(|(file, decl)| &tree.file(*file).types[decl.0 as usize].attributes);
        let mut found = Vec::new();
        for attribute in function.attributes.iter().chain(of_class) {
            let mut entries = self.entries_of_attribute(func, attribute);
            entries.retain(|id| {
                let entry = self.catalog.entry(*id);
                matches!(entry.role, Role::Mutation { .. }) && self.clauses_fit(home, &attribute.args, &entry.arguments)
            });
            if !entries.is_empty() {
                found.push((entries, attribute.span));
            }
        }
        found
    }

    /// The entries that one attribute or decorator of a function means.
    pub(super) fn entries_of_attribute(&self, func: FuncId, attribute: &Attribute) -> Vec<EntryId> {
        let language = self.tree.language(func);
        let home = self.home_of(func);
        let mut found = Vec::new();
        let objects = self.eval(home, &attribute.value);
        for object in objects.iter() {
            if let Object::External(path) = object {
                found.extend_from_slice(self.catalog.lookup(language, MatchKind::Decorator, path));
                if language == Language::Rust && !path.contains("::") {
                    found.extend(self.helper_entries(func, path));
                }
            }
        }
        if let (Value::Attribute(_, name), true) = (&attribute.value, objects.is_empty()) {
            found.extend_from_slice(self.catalog.lookup_any(language, MatchKind::Decorator, name));
        }
        found
    }
}

/// The parameters of a function type as text: `fn(int,fn(int)->void)->int`.
pub(super) fn parameters(signature: &str) -> Vec<&str> {
    let Some(rest) = signature.strip_prefix("fn(") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, sign) in rest.char_indices() {
        match sign {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' | ',' if depth == 0 => {
                found.extend(Some(&rest[start..at]).filter(|text| !text.is_empty()));
                start = at + 1;
                if sign == ')' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a function of this type can be called with so many arguments.
fn takes(signature: &str, arguments: usize) -> bool {
    match parameters(signature).as_slice() {
        [fixed @ .., "..."] => arguments >= fixed.len(),
        all => arguments == all.len(),
    }
}

/// Whether one type has a pointer where the other has a number. Names of types say neither.
fn conflict(a: &str, b: &str) -> bool {
    let is_pointer = |text: &str| text.ends_with('*') || text.starts_with("fn(");
    let is_number = |text: &str| {
        let words = [
            "char", "short", "int", "long", "unsigned", "signed", "float", "double", "_Bool",
        ];
        text.split(' ').all(|word| words.contains(&word))
    };
    let (a, b) = (parameters(a), parameters(b));
    a.iter()
        .zip(&b)
        .any(|(a, b)| (is_pointer(a) && is_number(b)) || (is_number(a) && is_pointer(b)))
}

#[cfg(test)]
mod tests {
    use super::{conflict, parameters, takes};

    #[test]
    fn function_types_are_told_apart() {
        assert_eq!(parameters("fn()->int"), [""; 0]);
        assert_eq!(
            parameters("fn(fn(int,void *)->void,char *)->int"),
            ["fn(int,void *)->void", "char *"]
        );
        assert!(takes("fn(int,...)->int", 3) && !takes("fn(int,int)->int", 1));
        assert!(conflict("fn(int,char *)->void", "fn(struct s *,char *)->void"));
        assert!(!conflict("fn(level_t,char *)->void", "fn(struct s *,char *)->void"));
        assert!(!conflict("fn(unsigned int)->void", "fn(int)->void"));
    }
}
