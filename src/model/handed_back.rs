//! What a function gives back of what it was handed: `return envp;` is what this call hands over, not what all callers do.
//!
//! This is told apart for what may be an environment, where a copy must not be taken for the live one. For all else what any
//! caller hands over is near enough: to bind each call's own argument takes twice the time in a tree whose objects are all handed
//! through (`ref(object)`).

use std::rc::Rc;

use crate::facts::{FunctionKind, Language, LocalIndex, ParameterKind, Value};
use crate::knowledge::{MatchKind, Role};

use super::meaning::parameters;
use super::objects::{Object, Objects};
use super::parameters::positional;
use super::tree::{CallSite, FuncId, local_of};
use super::values::Values;

/// The values that a function returns, apart from parameters that it passes on.
#[derive(Debug, Default)]
pub(super) struct HandedBack<'t> {
    pub parameters: Vec<LocalIndex>,
    /// What else it may return, each value with the function in which it stands.
    pub others: Vec<(FuncId, &'t Value)>,
}

/// How many values are looked through for one function.
const MOST: usize = 64;

impl<'t> Values<'t> {
    /// What a call of a function of the tree gets back.
    pub(super) fn returned_at(&self, site: CallSite, func: FuncId) -> Objects {
        if self.handed_back(func).parameters.is_empty() {
            return self.returned(func);
        }
        let mut found = Objects::default();
        for (home, value) in self.values_at(site, func) {
            found.add_all(self.eval(home, value));
        }
        match (&self.tree.function(func).returns, found.is_empty()) {
            (Some(ty), true) => self.instances_of(self.tree.file_of(func), ty),
            _ => found,
        }
    }

    /// The values that a call of a function of the tree may get back.
    pub(super) fn values_at(&self, site: CallSite, func: FuncId) -> Vec<(FuncId, &'t Value)> {
        let handed = self.handed_back(func);
        if handed.parameters.is_empty() {
            return self.returned_values(func);
        }
        let mut found = handed.others.clone();
        for parameter in &handed.parameters {
            match self.bound_argument(site, func, *parameter) {
                Some(value) => found.push((site.0, value)),
                None => {
                    let default = local_of(self.tree.function(func), *parameter).default.as_deref();
                    let home = self.home_of(func);
                    found.extend(default.map(|value| (home, value)));
                }
            }
        }
        found
    }

    /// What a function gives back. Nothing is told apart where it might be wrapped or where a caller's arguments are not seen one
    /// by one.
    pub(super) fn handed_back(&self, func: FuncId) -> Rc<HandedBack<'t>> {
        if let Some(known) = self.handed_back.get(&func, &self.answers) {
            return known;
        }
        // A function that comes back to itself says nothing new there.
        self.handed_back.begin(func, Rc::default());
        let (found, standing) = self.answers.find(|| Rc::new(self.find_handed_back(func)));
        match standing.whole {
            true => self.handed_back.keep(func, Rc::clone(&found), standing),
            false => self.handed_back.forget(&func),
        }
        found
    }

    fn find_handed_back(&self, func: FuncId) -> HandedBack<'t> {
        let function = self.tree.function(func);
        let mut found = HandedBack::default();
        // What stands for the rest of the arguments is bound to none of them.
        let takes_rest = function
            .parameters()
            .any(|(_, local)| local.parameter == Some(ParameterKind::VarPositional));
        if function.is_generator || function.kind == FunctionKind::ClassBody || takes_rest {
            return found;
        }
        let mut open: Vec<&'t Value> = self.returns_of(func).to_vec();
        let mut locals: Vec<LocalIndex> = Vec::new();
        let mut seen = 0;
        while let Some(value) = open.pop() {
            seen += 1;
            if seen > MOST {
                return HandedBack::default();
            }
            match value {
                Value::Local(owner, index) if self.closure(func, *owner) == func => {
                    let parameter = self.parameter_of(func, value).is_some();
                    if !parameter && !self.is_stored_only(func, *index) {
                        found.others.push((func, value));
                    } else if !locals.contains(index) {
                        locals.push(*index);
                        found.parameters.extend(parameter.then_some(*index));
                        for store in self.local_stores(func, *index) {
                            match store.function == func {
                                true => open.push(store.value),
                                false => found.others.push((store.function, store.value)),
                            }
                        }
                    }
                }
                Value::OneOf(values) => open.extend(values),
                Value::Call(owner, call) if self.closure(func, *owner) == func => {
                    self.add_handed_through((func, *call), value, &mut found, &mut open);
                }
                other => found.others.push((func, other)),
            }
        }
        match found
            .parameters
            .iter()
            .any(|index| self.takes_environments(func, *index))
        {
            true => found,
            false => HandedBack::default(),
        }
    }

    /// A parameter that environments are handed over for: in C what is written as a pointer to pointers, elsewhere what somebody
    /// hands the live environment.
    fn takes_environments(&self, func: FuncId, index: LocalIndex) -> bool {
        let function = self.tree.function(func);
        let (_, own) = self.tree.index_of(func);
        match (self.tree.language(func), &function.signature) {
            (Language::C, Some(signature)) => {
                let place = positional(function).iter().position(|local| *local == index);
                let types = parameters(signature);
                place
                    .and_then(|place| types.get(place))
                    .is_some_and(|ty| ty.ends_with("**"))
            }
            _ => self.is_live(func, &Value::Local(own, index)),
        }
    }

    /// What another function hands back that this one returns.
    fn add_handed_through(
        &self,
        site: CallSite,
        value: &'t Value,
        found: &mut HandedBack<'t>,
        open: &mut Vec<&'t Value>,
    ) {
        let objects = self.callee(site);
        let mut functions = objects.as_functions();
        let only = functions.next().filter(|_| objects.iter().count() == 1);
        if let Some(inner) = only
            && !self.tree.function(inner).is_async
            && self.tree.function(inner).attributes.is_empty()
        {
            let handed = self.handed_back(inner);
            let arguments = handed
                .parameters
                .iter()
                .map(|parameter| self.bound_argument(site, inner, *parameter));
            if let Some(arguments) = arguments.collect::<Option<Vec<_>>>()
                && !arguments.is_empty()
            {
                found.others.extend(&handed.others);
                open.extend(arguments);
                return;
            }
        }
        let entries = self.entries_of_call(site);
        let passes = entries.iter().find_map(|id| match &self.catalog.entry(*id).role {
            Role::Pass { of } => Some(self.argument(site, of)),
            _ => None,
        });
        match passes {
            Some(arguments) if objects.as_functions().next().is_none() && !arguments.is_empty() => {
                open.extend(arguments.into_iter().map(|(_, value)| value));
            }
            _ => found.others.push((site.0, value)),
        }
    }

    /// A local that is nothing but what is stored into it.
    fn is_stored_only(&self, func: FuncId, index: LocalIndex) -> bool {
        let local = local_of(self.tree.function(func), index);
        local.parameter.is_none()
            && local.ty.is_none()
            && !self.entered.contains_key(&(func, index))
            && self.left_in_local(func, index).is_empty()
    }

    /// The parameter through which alone a place is the live environment: what a function changes in what it was handed is the
    /// environment only for those who hand it that.
    pub(super) fn live_through(&self, func: FuncId, place: &Value) -> Option<LocalIndex> {
        let mut open = vec![place];
        let mut parameters: Vec<LocalIndex> = Vec::new();
        let mut locals: Vec<LocalIndex> = Vec::new();
        while let Some(value) = open.pop() {
            match value {
                Value::Local(owner, index) if self.closure(func, *owner) == func => {
                    if locals.contains(index) {
                        continue;
                    }
                    locals.push(*index);
                    for store in self.local_stores(func, *index) {
                        match store.function == func {
                            true => open.push(store.value),
                            false if self.is_live(store.function, store.value) => return None,
                            false => {}
                        }
                    }
                    if self.parameter_of(func, value).is_some() {
                        parameters.push(*index);
                    }
                }
                Value::OneOf(values) => open.extend(values),
                other if self.is_live(func, other) => return None,
                _ => {}
            }
            if locals.len() > MOST {
                return None;
            }
        }
        match parameters.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The live environment: a path that the catalog knows as a store of the whole.
    pub(super) fn is_live(&self, func: FuncId, value: &Value) -> bool {
        let language = self.tree.language(func);
        let is_environment = |object: &Object| match object {
            Object::External(path) => !self.lookup(language, MatchKind::Store, path).is_empty(),
            _ => false,
        };
        self.eval(func, value).iter().any(is_environment)
    }

    /// Whether a text is the path of the live environment: `patch.dict('os.environ', …)`.
    pub(super) fn names_live(&self, func: FuncId, value: &Value) -> bool {
        let language = self.tree.language(func);
        let is_environment = |path: &str| !self.lookup(language, MatchKind::Store, path).is_empty();
        value.as_text().is_some_and(is_environment)
    }
}
