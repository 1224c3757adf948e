//! What parameters are bound to: by the calls that evidently mean their function, by decorators, by whoever is handed the function.

use std::rc::Rc;

use crate::facts::{Argument, FunctionKind, Language, LocalIndex, Name, ParameterKind, Value};
use crate::knowledge::{MatchKind, Role};

use super::objects::{Object, Objects};
use super::tree::{CallSite, FuncId, local_of};
use super::values::Values;

/// How many call sites of one name are looked at for a parameter.
pub(super) const MOST_CALLERS: usize = 200;

/// Calls that are handed a function, each with the place of the argument that it is.
pub(super) type Takers = Rc<[(CallSite, usize)]>;

impl<'t> Values<'t> {
    /// What a parameter may be: what calls hand over, and what a receiver is an object of.
    pub(super) fn parameter(&self, func: FuncId, index: LocalIndex, kind: ParameterKind) -> Objects {
        let local = local_of(self.tree.function(func), index);
        if kind == ParameterKind::Receiver {
            return match self.tree.owner(func) {
                Some(class) if local.name == "cls" => Objects::one(Object::Class(class)),
                Some(class) => Objects::one(Object::Instance(class, None)),
                None => Objects::default(),
            };
        }
        let mut found = Objects::default();
        if let Some(default) = &local.default {
            found.add_all(self.eval(self.home_of(func), default));
        }
        for (caller, value) in self.passed(func, index) {
            found.add_all(self.eval(caller, value));
        }
        found.add_all(self.closure_parameter(func, index));
        for (home, container) in self.called_with_each(func, index) {
            found.add_all(self.elements(home, container, None));
        }
        if positional(self.tree.function(func)).first() == Some(&index) {
            for decorated in self.decorated_with(func) {
                found.add(Object::Function(decorated));
            }
            if local.name == "self" {
                found.add_all(self.wrapped_receivers(func));
            }
        }
        if found.is_empty() && local.ty.is_none() && self.tree.is_collected(self.tree.file_of(func)) {
            let language = self.tree.language(func);
            for id in self.catalog.lookup(language, MatchKind::Parameter, &local.name) {
                let ty = self.catalog.entry(*id).returns.as_deref();
                ty.into_iter().for_each(|ty| found.add(Object::Result(ty.into(), None)));
            }
        }
        found
    }

    /// What a wrapper is called on that a decorator of Python's puts in the place of methods: `def wrapper(self, …)`.
    fn wrapped_receivers(&self, wrapper: FuncId) -> Objects {
        let mut found = Objects::default();
        let decorator = self.tree.parent(wrapper).into_iter();
        for method in decorator.flat_map(|decorator| self.decorated_with(decorator)) {
            if let Some(class) = self.tree.owner(method) {
                found.add(Object::Instance(class, None));
            }
        }
        found
    }

    /// The containers whose elements a closure is called with, one after the other: `handles.into_iter().for_each(|h| …)`.
    pub(super) fn called_with_each(&self, func: FuncId, index: LocalIndex) -> Vec<(FuncId, &'t Value)> {
        let mut found = Vec::new();
        if index.0 != 0 || self.tree.function(func).kind != FunctionKind::Closure {
            return found;
        }
        for site in self.tree.taken_closures.get(&func).into_iter().flatten() {
            for id in self.entries_of_call(*site) {
                if let Role::CallsNow { each: Some(of), .. } = &self.catalog.entry(id).role {
                    found.extend(self.argument(*site, of));
                }
            }
        }
        found
    }

    /// The functions that this one is handed as a decorator: `@f`, or what `@f(x)` returns.
    fn decorated_with(&self, func: FuncId) -> Vec<FuncId> {
        if self.tree.language(func) != Language::Python {
            return Vec::new();
        }
        let maker = self.tree.parent(func).filter(|_| self.tree.owner(func).is_none());
        let own = (func, false);
        let mut found = Vec::new();
        for (decorator, called) in [Some(own), maker.map(|maker| (maker, true))].into_iter().flatten() {
            let name = &self.tree.function(decorator).name;
            for (decorated, value, was_called) in self.decorations.get(name).into_iter().flatten() {
                let means = self
                    .eval(self.home_of(*decorated), value)
                    .contains(&Object::Function(decorator));
                if *was_called == called && means && !found.contains(decorated) {
                    found.push(*decorated);
                }
            }
        }
        found
    }

    /// What evident callers, and starters of threads, pass for a parameter.
    pub(super) fn passed(&self, func: FuncId, index: LocalIndex) -> Vec<(FuncId, &'t Value)> {
        let function = self.tree.function(func);
        let mut found = Vec::new();
        for site in self.evident_callers(func).iter() {
            let call = self.tree.call(*site);
            if let Some(value) = bind(function, index, &call.args, 0) {
                found.push((site.0, value));
            }
        }

        found.extend(self.handed_values(func, index));
        found
    }

    /// What starters of threads, and whoever is handed a function with its arguments, pass for a parameter.
    pub(super) fn handed_values(&self, func: FuncId, index: LocalIndex) -> Vec<(FuncId, &'t Value)> {
        let takers = self.takers(func);
        let handed = |(site, at): &(CallSite, usize)| self.handed_on(*site, *at, func, index);
        takers.iter().filter_map(handed).collect()
    }

    /// What a call that is handed a function passes for a parameter of it.
    pub(super) fn handed_at(&self, site: CallSite, func: FuncId, index: LocalIndex) -> Option<(FuncId, &'t Value)> {
        let takers = self.takers(func);
        let mut here = takers.iter().filter(|(taker, _)| *taker == site);
        here.find_map(|(site, at)| self.handed_on(*site, *at, func, index))
    }

    /// The calls that are handed a function, with the place of the argument that it is.
    fn takers(&self, func: FuncId) -> Takers {
        if let Some(found) = self.takers.get(&func, &self.answers) {
            return found;
        }
        let name = self.tree.function(func).name.as_str();
        let taken = self.tree.taken_by_name.get(name).into_iter().flatten();
        let closures = self.tree.taken_closures.get(&func).into_iter().flatten();
        let sites = taken.chain(closures).take(MOST_CALLERS);
        let means = |site: CallSite, argument: &Argument| {
            let objects = self.eval(site.0, &argument.value);
            objects.contains(&Object::Function(func))
        };
        let place = |site: &CallSite| {
            let args = &self.tree.call(*site).args;
            let at = args.iter().position(|argument| means(*site, argument))?;
            Some((*site, at))
        };
        let (found, standing) = self.answers.find(|| sites.filter_map(place).collect::<Takers>());
        if standing.whole {
            self.takers.keep(func, Rc::clone(&found), standing);
        }
        found
    }

    /// The value that a call passes for a parameter of a function.
    pub(super) fn bound_argument(&self, site: CallSite, func: FuncId, index: LocalIndex) -> Option<&'t Value> {
        bind(self.tree.function(func), index, &self.tree.call(site).args, 0)
    }

    /// The calls that evidently mean a function, by its name.
    pub(super) fn evident_callers(&self, func: FuncId) -> Rc<Vec<CallSite>> {
        if let Some(found) = self.callers.get(&func, &self.answers) {
            return found;
        }
        // Looking for callers asks for values, which may ask for the callers of this one: nothing is known then.
        self.callers.begin(func, Rc::default());
        let (found, standing) = self.answers.find(|| Rc::new(self.find_evident_callers(func)));
        self.callers.keep(func, Rc::clone(&found), standing);
        found
    }

    fn find_evident_callers(&self, func: FuncId) -> Vec<CallSite> {
        let function = self.tree.function(func);
        let is_init = function.owner.is_some() && function.name == "__init__";
        let owner_name = self
            .tree
            .owner(func)
            .map(|class| self.tree.classes[class.0 as usize].name.clone());
        let mut names = vec![function.name.as_str()];
        if is_init && let Some(owner) = &owner_name {
            names.push(super::tree::last_segment(owner));
        }
        let sites = names
            .iter()
            .filter_map(|name| self.tree.calls_by_name.get(*name))
            .flatten()
            .take(MOST_CALLERS);
        sites.copied().filter(|site| self.calls_into(*site, func)).collect()
    }

    fn calls_into(&self, site: CallSite, func: FuncId) -> bool {
        self.callee(site).iter().any(|object| match object {
            Object::Function(target) => *target == func,
            Object::Class(class) => self.method(*class, "__init__").contains(&func),
            _ => false,
        })
    }

    /// `Thread(target=f, args=(a, b))`, `submit(f, a, b)`, `pthread_create(&t, 0, f, a)`: what follows the function, or
    /// stands in `args`, is passed to it.
    fn handed_on(&self, site: CallSite, at: usize, func: FuncId, index: LocalIndex) -> Option<(FuncId, &'t Value)> {
        let call = self.tree.call(site);
        let function = self.tree.function(func);
        let mut keywords = call.args.iter();
        if let Some(Argument {
            value: Value::Map(pairs),
            ..
        }) = keywords.find(|argument| matches!(argument.name.as_deref(), Some("kwargs" | "kwds")))
        {
            let name = local_of(function, index).name.as_str();
            let mut pairs = pairs.iter();
            if let Some((_, value)) = pairs.find(|(key, _)| key.as_text() == Some(name)) {
                return Some((site.0, value));
            }
        }
        if let Some(items) = self.handed_list(site, at) {
            let (_, wanted) = positional(function)
                .into_iter()
                .enumerate()
                .find(|(_, local)| *local == index)
                .map(|(place, local)| (local, place))?;
            return items.get(wanted).map(|value| (site.0, value));
        }
        bind(function, index, &call.args[at + 1..], 0).map(|value| (site.0, value))
    }

    /// What a call that is handed a function passes on to it in a list; `at`: the place of the argument that the function is.
    fn handed_list(&self, site: CallSite, at: usize) -> Option<&'t [Value]> {
        let args = &self.tree.call(site).args;
        let named = args.iter().find(|argument| argument.name.as_deref() == Some("args"));
        // `submit(f, [a], b)` passes a list; `apply_async(f, (a, b))` and `apply_async(f, (a, b), {…})` pass what is in it.
        let after: Vec<&Argument> = args[at + 1..].iter().filter(|after| after.name.is_none()).collect();
        let in_list = match after.as_slice() {
            [list] => Some(*list),
            [list, more] if matches!(more.value, Value::Map(_)) => Some(*list),
            _ => None,
        };
        match &named.or(in_list)?.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// What a call passes on, by position, to the function or API at a place among its arguments.
    pub(super) fn handed_at_position(&self, site: CallSite, at: usize, position: u32) -> Option<(FuncId, &'t Value)> {
        let value = match self.handed_list(site, at) {
            Some(items) => items.get(position as usize),
            None => {
                let after = self.tree.call(site).args[at + 1..].iter();
                let mut by_position = after.filter(|argument| argument.name.is_none());
                by_position.nth(position as usize).map(|argument| &argument.value)
            }
        };
        value.map(|value| (site.0, value))
    }

    /// The parameter of a closure that is handed to an API which passes it something of a known type.
    fn closure_parameter(&self, func: FuncId, index: LocalIndex) -> Objects {
        let mut found = Objects::default();
        if index.0 != 0 || self.tree.function(func).kind != FunctionKind::Closure {
            return found;
        }
        for site in self.tree.taken_closures.get(&func).into_iter().flatten() {
            for entry in self.entries_of_call(*site) {
                let entry = self.catalog.entry(entry);
                if let (Role::CallsNow { .. } | Role::Start { .. }, Some(ty)) = (&entry.role, &entry.returns) {
                    found.add(Object::Result(ty.as_str().into(), Some(*site)));
                }
            }
        }
        found
    }
}

/// The positional parameters, receivers left out.
pub(super) fn positional(function: &crate::facts::Function) -> Vec<LocalIndex> {
    function
        .parameters()
        .filter(|(_, local)| local.parameter == Some(ParameterKind::Normal))
        .map(|(index, _)| index)
        .collect()
}

/// The argument that reaches a parameter, skipping `skip` leading ones.
pub(super) fn bind<'a>(
    function: &crate::facts::Function,
    index: LocalIndex,
    args: &'a [Argument],
    skip: usize,
) -> Option<&'a Value> {
    let name = &local_of(function, index).name;
    if let Some(argument) = args.iter().find(|argument| argument.name.as_ref() == Some(name)) {
        return Some(&argument.value);
    }
    let place = positional(function).iter().position(|local| *local == index)?;
    args.iter()
        .filter(|argument| argument.name.is_none())
        .nth(place + skip)
        .map(|argument| &argument.value)
}

/// The first argument that is passed by one of these keywords.
pub(super) fn passed_by_name<'a>(args: &'a [Argument], keywords: &[String]) -> Option<&'a Argument> {
    let is_one = |name: &Name| keywords.iter().any(|keyword| *name == **keyword);
    args.iter().find(|argument| argument.name.as_ref().is_some_and(is_one))
}

/// The first of these positions and keywords that is present.
pub(super) fn find_argument<'a>(args: &'a [Argument], positions: &[u32], keywords: &[String]) -> Option<&'a Argument> {
    passed_by_name(args, keywords).or_else(|| {
        positions.iter().find_map(|place| {
            let starred = args.iter().position(|argument| argument.name.as_deref() == Some("*"));
            if starred.is_some_and(|at| at <= *place as usize) {
                return None;
            }
            args.iter()
                .filter(|argument| argument.name.is_none())
                .nth(*place as usize)
        })
    })
}
