//! What functions of C leave behind a pointer that they are handed: `int find(const char *name, action **out) { *out = run; }`.
//!
//! Hosts ask their plugins for functions that way, and C returns everything that way of which there is more than one.

use rustc_hash::FxHashMap;

use crate::facts::{Condition, Event, FunctionIndex, Language, LocalIndex, Name, Node, Region, RegionKind, Value};
use crate::knowledge::{ArgumentRef, MatchKind, Role};

use super::objects::{Object, Objects};
use super::parameters::{bind, positional};
use super::tree::{CallSite, FileId, FuncId, Tree};
use super::values::{SYMBOL, Values};

/// Texts for which a parameter may be tested, of which one must fit.
type Tested<'t> = Vec<(LocalIndex, &'t str)>;

/// A store through a parameter.
#[derive(Debug)]
struct Out<'t> {
    parameter: LocalIndex,
    value: &'t Value,
    /// The tests around it: `if (!strcmp(name, "run")) *out = run;`.
    tests: Vec<Tested<'t>>,
}

/// A place that a call hands over, by the position of the argument.
type Handed = (CallSite, usize);

/// The stores through parameters, and the places that are handed to such functions.
#[derive(Debug, Default)]
pub(super) struct Outs<'t> {
    stores: FxHashMap<FuncId, Vec<Out<'t>>>,
    fields: FxHashMap<Name, Vec<Handed>>,
    locals: FxHashMap<(FuncId, LocalIndex), Vec<Handed>>,
    globals: FxHashMap<(FileId, Name), Vec<Handed>>,
}

/// Positions of arguments; those far behind count as one.
#[derive(Default)]
struct Positions(u64);

impl Positions {
    fn insert(&mut self, position: usize) {
        self.0 |= 1 << position.min(63);
    }

    fn contains(&self, position: usize) -> bool {
        self.0 & (1 << position.min(63)) != 0
    }
}

/// Whether a store goes through a parameter of its function: the parameter.
fn through(tree: &Tree, func: FuncId, target: &Value) -> Option<LocalIndex> {
    let Value::Item(base, key) = target else { return None };
    let (Value::Local(owner, index), Value::Int(0)) = (base.as_ref(), key.as_ref()) else {
        return None;
    };
    // A block inside the function is one of its own and can store through a local of the function around it.
    if tree.func(tree.file_of(func), *owner) != func {
        return None;
    }
    let local = super::tree::local_of(tree.function(func), *index);
    local.parameter.is_some().then_some(*index)
}

/// Collects the stores through parameters in a region that stands under some tests.
fn collect<'t>(
    tree: &'t Tree,
    func: FuncId,
    region: &'t Region,
    tests: &mut Vec<Tested<'t>>,
    found: &mut Vec<Out<'t>>,
) {
    let depth = tests.len();
    if let RegionKind::Arm { test } = &region.kind {
        let mut tested = Tested::new();
        tested_texts(tree, func, test, &mut tested);
        if !tested.is_empty() {
            tests.push(tested);
        }
    }
    for node in &region.nodes {
        match node {
            Node::Region(inner) => collect(tree, func, inner, tests, found),
            Node::Event(Event::Store { target, value, .. }) => {
                // `*count = 0` leaves nothing behind that anybody asks for.
                let told = !matches!(**value, Value::Unknown | Value::None | Value::Bool(_) | Value::Int(_));
                if let Some(parameter) = through(tree, func, target).filter(|_| told) {
                    found.push(Out {
                        parameter,
                        value,
                        tests: tests.clone(),
                    });
                }
            }
            Node::Event(_) => {}
        }
    }
    tests.truncate(depth);
}

/// The texts with which calls in a test compare parameters.
fn tested_texts<'t>(tree: &'t Tree, func: FuncId, test: &'t Condition, found: &mut Tested<'t>) {
    let own = |owner: &FunctionIndex| tree.func(tree.file_of(func), *owner) == func;
    match test {
        Condition::Not(inner) => tested_texts(tree, func, inner, found),
        Condition::All(tests) | Condition::Any(tests) => {
            tests.iter().for_each(|test| tested_texts(tree, func, test, found));
        }
        Condition::Truthy(Value::Call(owner, call))
        | Condition::Equal(Value::Call(owner, call), _)
        | Condition::Equal(_, Value::Call(owner, call))
            if own(owner) =>
        {
            let args = &tree.call((func, *call)).args;
            let text = args.iter().find_map(|argument| argument.value.as_text());
            let parameter = args.iter().find_map(|argument| match &argument.value {
                Value::Local(owner, index) if own(owner) => Some(*index),
                _ => None,
            });
            if let (Some(text), Some(parameter)) = (text, parameter)
                && super::tree::local_of(tree.function(func), parameter)
                    .parameter
                    .is_some()
            {
                found.push((parameter, text));
            }
        }
        _ => {}
    }
}

impl<'t> Values<'t> {
    /// Indexes what the functions of C among `storing` store through their parameters, and who hands them places.
    pub(super) fn index_outs(&mut self, storing: &[FuncId]) {
        let tree = self.tree;
        let mut outs = Outs::default();
        let mut by_name: FxHashMap<&str, Positions> = FxHashMap::default();
        let mut any = Positions::default();
        for func in storing {
            let function = tree.function(*func);
            let mut found = Vec::new();
            collect(tree, *func, &function.body, &mut Vec::new(), &mut found);
            let places = positional(function);
            for out in &found {
                if let Some(position) = places.iter().position(|local| *local == out.parameter) {
                    by_name.entry(&function.name).or_default().insert(position);
                    any.insert(position);
                }
            }
            if !found.is_empty() {
                outs.stores.insert(*func, found);
            }
        }
        for func in tree.functions().filter(|func| tree.language(*func) == Language::C) {
            for (number, call) in tree.function(func).calls.iter().enumerate() {
                let site = (func, crate::facts::CallIndex(number as u32));
                let may_store = |position: usize| match &call.callee {
                    Value::Global(name) => {
                        by_name
                            .get(name.as_str())
                            .is_some_and(|places| places.contains(position))
                            || any.contains(position) && self.has_global_store(tree.file_of(func), name)
                            || self.finds_symbols(name)
                    }
                    Value::Local(..) | Value::Attribute(..) | Value::Item(..) => any.contains(position),
                    _ => false,
                };
                for (position, argument) in call.args.iter().enumerate() {
                    if self.is_place(func, &argument.value) && may_store(position) {
                        self.hand_over(&mut outs, (site, position));
                    }
                }
            }
        }
        self.outs = outs;
    }

    /// A variable or field, into which something can be stored.
    fn is_place(&self, func: FuncId, value: &Value) -> bool {
        match value {
            Value::Attribute(..) | Value::Local(..) => true,
            Value::Global(name) => self.has_global_store(self.tree.file_of(func), name),
            _ => false,
        }
    }

    fn hand_over(&self, outs: &mut Outs<'t>, handed: Handed) {
        let (site, position) = handed;
        let file = self.tree.file_of(site.0);
        match &self.tree.call(site).args[position].value {
            Value::Attribute(_, name) => outs.fields.entry(name.clone()).or_default().push(handed),
            Value::Local(owner, index) => {
                let key = (self.tree.func(file, *owner), *index);
                outs.locals.entry(key).or_default().push(handed);
            }
            Value::Global(name) => outs.globals.entry((file, name.clone())).or_default().push(handed),
            _ => {}
        }
    }

    /// Whether the catalog knows the function as one that leaves what it finds behind a pointer.
    fn finds_symbols(&self, name: &str) -> bool {
        let entries = self.catalog.lookup(Language::C, MatchKind::Call, name);
        entries
            .iter()
            .any(|id| matches!(self.catalog.entry(*id).role, Role::Symbol { into: Some(_), .. }))
    }

    /// Whether a store goes through a parameter, so that [`Values::index_outs`] wants to know its function.
    pub(super) fn goes_out(&self, func: FuncId, target: &Value) -> bool {
        self.tree.language(func) == Language::C && through(self.tree, func, target).is_some()
    }

    /// What is left in a field of this name, whatever the struct.
    pub(super) fn left_in_fields(&self, name: &str) -> Vec<(FuncId, &'t Value)> {
        let handed = self.outs.fields.get(name).into_iter().flatten();
        handed.flat_map(|handed| self.left_behind(handed)).collect()
    }

    /// What is left in a field of a class, where `fits` says that the base of a place is of that class.
    pub(super) fn left_in_field(&self, name: &str, fits: impl Fn(FuncId, &Value) -> bool) -> Objects {
        let mut found = Objects::default();
        for handed in self.outs.fields.get(name).into_iter().flatten() {
            let (site, position) = *handed;
            if let Value::Attribute(base, _) = &self.tree.call(site).args[position].value
                && fits(site.0, base)
            {
                found.add_all(self.left(handed));
            }
        }
        found
    }

    /// What is left in a local.
    pub(super) fn left_in_local(&self, func: FuncId, index: LocalIndex) -> Objects {
        self.all_left(self.outs.locals.get(&(func, index)))
    }

    /// Whether a function of the tree is handed a local, and stores through what it is handed.
    pub(super) fn is_handed_out(&self, func: FuncId, index: LocalIndex) -> bool {
        self.outs.locals.contains_key(&(func, index))
    }

    /// The same of a variable of a file.
    pub(super) fn is_global_handed_out(&self, file: FileId, name: &str) -> bool {
        self.outs.globals.contains_key(&(file, name.into()))
    }

    /// What is left in a variable of a file.
    pub(super) fn left_in_global(&self, file: FileId, name: &str) -> Objects {
        if self.outs.globals.is_empty() {
            return Objects::default();
        }
        self.all_left(self.outs.globals.get(&(file, name.into())))
    }

    fn all_left(&self, handed: Option<&Vec<Handed>>) -> Objects {
        let mut found = Objects::default();
        for handed in handed.into_iter().flatten() {
            found.add_all(self.left(handed));
        }
        found
    }

    fn left(&self, handed: &Handed) -> Objects {
        let mut found = self.looked_up(handed);
        for (home, value) in self.left_behind(handed) {
            found.add_all(self.eval(home, value));
        }
        found
    }

    /// The values that the functions of a call store into a place that they are handed.
    fn left_behind(&self, handed: &Handed) -> Vec<(FuncId, &'t Value)> {
        let (site, position) = *handed;
        let mut found = Vec::new();
        for object in self.callee(site).iter() {
            let Object::Function(func) = object else { continue };
            let Some(outs) = self.outs.stores.get(func) else {
                continue;
            };
            let Some(parameter) = positional(self.tree.function(*func)).get(position).copied() else {
                continue;
            };
            let meant = outs.iter().filter(|out| out.parameter == parameter);
            let meant = meant.filter(|out| self.is_asked_for(site, *func, &out.tests));
            found.extend(meant.map(|out| (*func, out.value)));
        }
        found
    }

    /// Whether the texts that a call passes are those under whose tests a store stands.
    fn is_asked_for(&self, site: CallSite, func: FuncId, tests: &[Tested<'t>]) -> bool {
        let args = &self.tree.call(site).args;
        let fits = |(parameter, text): &(LocalIndex, &str)| {
            let Some(argument) = bind(self.tree.function(func), *parameter, args, 0) else {
                return true;
            };
            let texts = self.texts(site.0, argument);
            texts.is_empty() || texts.iter().any(|known| known == text || known.contains('\u{0}'))
        };
        tests.iter().all(|tested| tested.iter().any(fits))
    }

    /// `g_module_symbol(module, "run", &run)`.
    fn looked_up(&self, handed: &Handed) -> Objects {
        let (site, position) = *handed;
        let mut found = Objects::default();
        for id in self.entries_of_call(site) {
            if let Role::Symbol { name, into: Some(into) } = &self.catalog.entry(id).role
                && self.is_argument(site, into, position)
            {
                found.add_all(self.symbols(site, name));
            }
        }
        found
    }

    fn is_argument(&self, site: CallSite, reference: &ArgumentRef, position: usize) -> bool {
        let wanted = &self.tree.call(site).args[position].value;
        self.argument(site, reference)
            .iter()
            .any(|(_, value)| std::ptr::eq(*value, wanted))
    }

    /// The functions that a call looks up by a name that it says, itself or through a function that hands the name on.
    pub(super) fn symbols_named_at(&self, site: CallSite) -> Vec<FuncId> {
        let mut found = Objects::default();
        for id in self.entries_of_call(site) {
            if let Role::Symbol { name, .. } = &self.catalog.entry(id).role {
                let is_parameter = |(home, value): &(FuncId, &Value)| self.parameter_of(*home, value).is_some();
                if !self.argument(site, name).iter().any(is_parameter) {
                    found.add_all(self.symbols(site, name));
                }
            }
        }
        let callees = self.callee(site);
        for object in callees.iter() {
            if let Object::Function(func) = object
                && self.tree.language(*func) == Language::C
                && let Some(parameter) = self.symbol_parameter(*func)
                && let Some(argument) = self.bound_argument(site, *func, parameter)
            {
                for name in self.texts(site.0, argument) {
                    found.add_all(self.symbols_of(&name));
                }
            }
        }
        found.as_functions().collect()
    }

    /// What a function returns that looks up a symbol by the name that it is handed: at this call, what has the name that
    /// this call hands over.
    pub(super) fn looked_up_by(&self, site: CallSite, func: FuncId, returned: Objects) -> Objects {
        let is_symbol = |object: &Object| matches!(object, Object::Function(target) if self.is_symbol(*target));
        if self.tree.language(func) != Language::C || !returned.iter().any(is_symbol) {
            return returned;
        }
        let Some(parameter) = self.symbol_parameter(func) else {
            return returned;
        };
        let argument = self.bound_argument(site, func, parameter);
        let names = argument.map_or_else(Vec::new, |argument| self.texts(site.0, argument));
        if names.is_empty() || names.iter().any(|name| name.contains('\u{0}')) {
            return returned;
        }
        let everybody = self.passed(func, parameter).into_iter();
        let asked: Vec<String> = everybody.flat_map(|(home, value)| self.texts(home, value)).collect();
        let mut found = Objects::default();
        for object in returned.iter() {
            match object {
                Object::Function(target) if asked.iter().any(|name| *name == *self.tree.function(*target).name) => {}
                other => found.add(other.clone()),
            }
        }
        for name in &names {
            found.add_all(self.symbols_of(name));
        }
        found
    }

    /// The parameter of a function that it looks up as the name of a symbol.
    pub(super) fn symbol_parameter(&self, func: FuncId) -> Option<LocalIndex> {
        (0..self.tree.function(func).calls.len()).find_map(|number| {
            let site = (func, crate::facts::CallIndex(number as u32));
            self.entries_of_call(site).into_iter().find_map(|id| {
                let Role::Symbol { name, into: None } = &self.catalog.entry(id).role else {
                    return None;
                };
                let mut named = self.argument(site, name).into_iter();
                named.find_map(|(home, value)| {
                    let (owner, parameter) = self.parameter_of(home, value)?;
                    (owner == func).then_some(parameter)
                })
            })
        })
    }

    /// The functions that a dynamic linker may find under the name that a call passes: any of the tree that is not static.
    pub(super) fn symbols(&self, site: CallSite, name: &ArgumentRef) -> Objects {
        let mut found = Objects::default();
        for (home, value) in self.argument(site, name) {
            for name in self.texts(home, value) {
                // What stands in front of the C library's function asks for the one behind itself.
                match self.linkage.is_interposed(self.tree.file_of(site.0), &name) {
                    true => found.add(Object::external(&format!("{SYMBOL}{name}"))),
                    false => found.add_all(self.symbols_of(&name)),
                }
            }
        }
        found
    }

    fn symbols_of(&self, name: &str) -> Objects {
        let mut found = Objects::default();
        for func in self.tree.functions_by_name.get(name).into_iter().flatten() {
            if self.is_symbol(*func) {
                found.add(Object::Function(*func));
            }
        }
        found
    }
}
