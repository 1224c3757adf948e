//! Arguments of Python's that are nothing on some ways: `subprocess.run(command, env=env)`, where `env` is `None` by default. The
//! child of those who leave it so gets the live environment, that of all others one of its own.
//!
//! Who leaves it so is asked by a need ([`super::needs`]) that is met only where it is evident: most callers of such a function
//! have made an environment, and what is not known is taken for one.

use crate::facts::{
    Argument, Call, CallIndex, Condition, Event, Language, LocalIndex, Name, Node, ParameterKind, Region,
};
use crate::facts::{RegionKind, StoreKind, Value};
use crate::finding::Confidence;
use crate::knowledge::{ArgumentTest, EntryId};

use super::needs::{Asking, Need};
use super::objects::Object;
use super::summary::Certainty;
use super::tree::{CallSite, FuncId, local_of, value_name};
use super::values::{Values, with_room};

/// Through so many names it is followed what a value may be.
const DEEPEST: u32 = 4;

/// So many ways to one place are told apart.
const MOST_WAYS: usize = 4;

/// How sure it is that nothing is handed over where a test decides of which no caller says how it comes out.
pub(super) fn doubt() -> Certainty {
    Certainty::because(
        Confidence::Medium,
        "the environment that is handed over is None on some ways, which gives the child the live one, and another one elsewhere",
    )
}

/// A way on which a value is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    /// What the function must have been handed.
    pub needs: Vec<Need>,
    /// Nothing else decides it.
    pub is_sure: bool,
}

impl Way {
    /// Nobody is asked.
    fn open(is_sure: bool) -> Way {
        let needs = Vec::new();
        Way { needs, is_sure }
    }

    fn asking(need: Need) -> Way {
        Way {
            needs: vec![need],
            is_sure: true,
        }
    }
}

/// A local that is followed to a call that is handed it.
struct Followed<'v> {
    func: FuncId,
    place: &'v Value,
    call: CallIndex,
    depth: u32,
}

impl Values<'_> {
    /// The ways on which the argument of a call that says with which environment it starts a process is `None`; none where that
    /// asks nothing, since it is left out or is `None` anyway.
    pub(super) fn ways_to_live(&self, site: CallSite, entries: &[EntryId]) -> Vec<Way> {
        let predicates = entries.iter().flat_map(|id| &self.catalog.entry(*id).arguments);
        let mut asking = predicates.filter(|predicate| predicate.any_of.contains(&ArgumentTest::MayBeNone));
        asking
            .find_map(|predicate| {
                let (func, value) = self.tested(site, &predicate.argument)?;
                (func == site.0).then(|| self.unset_ways(site, value))
            })
            .unwrap_or_default()
    }

    /// The ways on which a value is `None` that a call is handed, as far as that is evident.
    pub(super) fn unset_ways(&self, site: CallSite, value: &Value) -> Vec<Way> {
        match self.tree.language(site.0) {
            Language::Python => self.ways_of(site, value, 0),
            Language::C | Language::Rust => Vec::new(),
        }
    }

    fn ways_of(&self, site: CallSite, value: &Value, depth: u32) -> Vec<Way> {
        if depth > DEEPEST {
            return Vec::new();
        }
        match value {
            Value::None => vec![Way::open(true)],
            Value::OneOf(values) if values.contains(&Value::None) => self.ways_of_alternatives(site.0, values),
            Value::Local(owner, index) if self.closure(site.0, *owner) == site.0 => {
                self.ways_of_local(site, value, *index, depth)
            }
            Value::Attribute(base, name) if self.is_field_unset(site.0, base, name) => vec![Way::open(false)],
            Value::Call(owner, call) if self.closure(site.0, *owner) == site.0 => {
                let need = self.looked_up_in_rest(site.0, self.tree.call((site.0, *call)));
                need.map(Way::asking).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// `{**os.environ, **extra} if extra else None`: what the other alternatives are made of decides, where that is handed over.
    fn ways_of_alternatives(&self, func: FuncId, values: &[Value]) -> Vec<Way> {
        let mut parameters = Vec::new();
        for value in values {
            self.add_parameters_in(func, value, &mut parameters);
        }
        match parameters.is_empty() {
            true => vec![Way::open(false)],
            false => vec![Way {
                needs: parameters.into_iter().map(|index| Need::nothing(func, index)).collect(),
                is_sure: true,
            }],
        }
    }

    /// The function's parameters in a value that are `None` by default.
    fn add_parameters_in(&self, func: FuncId, value: &Value, found: &mut Vec<LocalIndex>) {
        match value {
            Value::Local(owner, index)
                if self.closure(func, *owner) == func
                    && self.is_none_by_default(func, *index)
                    && !found.contains(index) =>
            {
                found.push(*index);
            }
            Value::OneOf(values) | Value::List(values) | Value::Combined(values) => {
                values
                    .iter()
                    .for_each(|value| self.add_parameters_in(func, value, found));
            }
            Value::Map(pairs) => pairs
                .iter()
                .for_each(|(_, value)| self.add_parameters_in(func, value, found)),
            Value::Call(owner, call) if self.closure(func, *owner) == func => {
                let args = &self.tree.call((func, *call)).args;
                args.iter()
                    .for_each(|argument| self.add_parameters_in(func, &argument.value, found));
            }
            _ => {}
        }
    }

    fn is_none_by_default(&self, func: FuncId, index: LocalIndex) -> bool {
        local_of(self.tree.function(func), index).default.as_deref() == Some(&Value::None)
    }

    /// What a local may be when it is handed to a call: what its function was handed, or stored into it before.
    fn ways_of_local(&self, site: CallSite, value: &Value, index: LocalIndex, depth: u32) -> Vec<Way> {
        let func = site.0;
        let is_parameter = self.parameter_of(func, value).is_some();
        let handed = match is_parameter && self.may_be_handed_nothing(func, index, depth) {
            true => vec![Way::asking(Need::nothing(func, index))],
            false => Vec::new(),
        };
        let is_own = |home: FuncId| home == func;
        let stores = self.local_stores(func, index);
        if stores.is_empty() {
            return handed;
        }
        if self.is_entered((func, index)) || !stores.iter().all(|store| is_own(store.function)) {
            return Vec::new();
        }
        let followed = Followed {
            func,
            place: value,
            call: site.1,
            depth,
        };
        // The call is come to nowhere: it stands in an annotation or the like.
        self.follow(&followed, &self.tree.function(func).body.nodes, handed)
            .err()
            .unwrap_or_default()
    }

    /// A parameter that is `None` by default, or that somebody hands what may be.
    fn may_be_handed_nothing(&self, func: FuncId, index: LocalIndex, depth: u32) -> bool {
        let hands_nothing = |site: &CallSite| {
            let value = self.bound_argument(*site, func, index);
            value.is_some_and(|value| !self.ways_of(*site, value, depth + 1).is_empty())
        };
        self.is_none_by_default(func, index) || depth < DEEPEST && self.evident_callers(func).iter().any(hands_nothing)
    }

    /// Goes through code in order. `Err`: the call was come to, on these ways.
    fn follow(&self, followed: &Followed<'_>, nodes: &[Node], mut ways: Vec<Way>) -> Result<Vec<Way>, Vec<Way>> {
        for node in nodes {
            ways = match node {
                Node::Event(event) => self.follow_event(followed, event, ways)?,
                Node::Region(region) => with_room(|| self.follow_region(followed, region, ways))?,
            };
        }
        Ok(ways)
    }

    fn follow_event(&self, followed: &Followed<'_>, event: &Event, ways: Vec<Way>) -> Result<Vec<Way>, Vec<Way>> {
        let none = Vec::new();
        Ok(match event {
            Event::Call(call) if *call == followed.call => return Err(ways),
            // `None` has no methods and no elements.
            Event::Call(call) => match &self.tree.call((followed.func, *call)).callee {
                Value::Attribute(base, _) if **base == *followed.place => none,
                _ => ways,
            },
            Event::Store {
                target, value, kind, ..
            } if target == followed.place => match kind {
                StoreKind::Assign => self.ways_of_stored(followed, value),
                _ => none,
            },
            Event::Store {
                target: Value::Item(base, _),
                ..
            } if **base == *followed.place => none,
            Event::Return { .. } | Event::Raise { .. } | Event::Break | Event::Continue => none,
            _ => ways,
        })
    }

    fn ways_of_stored(&self, followed: &Followed<'_>, value: &Value) -> Vec<Way> {
        match value == followed.place {
            true => Vec::new(),
            false => self.ways_of((followed.func, followed.call), value, followed.depth + 1),
        }
    }

    fn follow_region(&self, followed: &Followed<'_>, region: &Region, ways: Vec<Way>) -> Result<Vec<Way>, Vec<Way>> {
        match &region.kind {
            RegionKind::Unreached { .. } => Ok(ways),
            RegionKind::Branch { exhaustive } => self.follow_branch(followed, region, *exhaustive, ways),
            RegionKind::Loop { .. } | RegionKind::Conditional { .. } | RegionKind::Handler => {
                let after = self.follow(followed, &region.nodes, ways.clone())?;
                Ok(either(ways, after))
            }
            _ => self.follow(followed, &region.nodes, ways),
        }
    }

    fn follow_branch(
        &self,
        followed: &Followed<'_>,
        region: &Region,
        exhaustive: bool,
        ways: Vec<Way>,
    ) -> Result<Vec<Way>, Vec<Way>> {
        let (mut rest, mut after) = (ways, Vec::new());
        for node in &region.nodes {
            let Node::Region(arm) = node else { continue };
            let RegionKind::Arm { test } = &arm.kind else { continue };
            let inside = self.narrowed(followed, &rest, test, Some(arm));
            after = either(after, self.follow(followed, &arm.nodes, inside)?);
            rest = self.narrowed(followed, &rest, &Condition::Not(Box::new(test.clone())), None);
        }
        Ok(match exhaustive {
            true => after,
            false => either(after, rest),
        })
    }

    /// The ways that are left where a test holds.
    fn narrowed(&self, followed: &Followed<'_>, ways: &[Way], test: &Condition, arm: Option<&Region>) -> Vec<Way> {
        let told = holds_for_nothing(test, followed.place);
        if told == Some(false) || self.decided(followed.func, test) == Some(false) {
            return Vec::new();
        }
        let asking = Asking { fields: false, arm };
        let needs = self.needs(followed.func, test, true, asking).into_iter();
        let needs: Vec<Need> = needs
            .map(|need| need.evidently(|owner, parameter| self.is_none_by_default(owner, parameter)))
            .collect();
        let is_known = told.is_some() || !needs.is_empty() || *test == Condition::Always;
        let narrow = |way: &Way| {
            let is_excluded = |need: &Need| way.needs.iter().any(|known| known.excludes(need));
            if needs.iter().any(is_excluded) {
                return None;
            }
            let mut way = way.clone();
            // Where others decide, the way of whoever handed over nothing is still his.
            way.is_sure &= is_known || !way.needs.is_empty();
            for need in &needs {
                if !way.needs.contains(need) {
                    way.needs.push(need.clone());
                }
            }
            Some(way)
        };
        ways.iter().filter_map(narrow).collect()
    }

    /// `self.env`, into which nothing else is ever stored than `None`, and parameters that somebody leaves so.
    fn is_field_unset(&self, func: FuncId, base: &Value, name: &str) -> bool {
        let objects = self.base_of_field(func, base);
        let mut classes = objects.iter().map(|object| match object {
            Object::Instance(class, _) => Some(*class),
            _ => None,
        });
        let (Some(Some(class)), None) = (classes.next(), classes.next()) else {
            return false;
        };
        let stores = self.field_stores(class, name);
        !stores.is_empty()
            && stores.iter().all(|store| match store.value {
                Value::None => true,
                value => self.is_left_unset(store.function, value),
            })
    }

    /// A parameter that is `None` by default and that an evident caller leaves out.
    fn is_left_unset(&self, func: FuncId, value: &Value) -> bool {
        let Some((owner, index)) = self.parameter_of(func, value) else {
            return false;
        };
        owner == func
            && self.local_stores(func, index).is_empty()
            && self.is_none_by_default(func, index)
            && self
                .evident_callers(func)
                .iter()
                .any(|site| self.leaves_out(*site, func, index))
    }

    /// Whether a call surely hands nothing over for a parameter.
    fn leaves_out(&self, site: CallSite, func: FuncId, index: LocalIndex) -> bool {
        match self.bound_argument(site, func, index) {
            Some(value) => *value == Value::None,
            None => !self.tree.call(site).args.iter().any(Argument::is_starred),
        }
    }

    /// `kwargs.get('env')`, `kwargs.pop('env', None)`: who calls the function may name it.
    fn looked_up_in_rest(&self, func: FuncId, call: &Call) -> Option<Need> {
        let Value::Attribute(base, method) = &call.callee else {
            return None;
        };
        let (owner, index) = self.rest_of(func, base)?;
        let looks_up =
            matches!(method.as_str(), "get" | "pop") && owner == func && !self.gathers_by_position(func, index);
        let (key, default) = match call.args.as_slice() {
            [key] if **method == *"get" => (key, &Value::None),
            [key, default] => (key, &default.value),
            _ => return None,
        };
        let key = key.value.as_text().filter(|_| looks_up && *default == Value::None)?;
        Some(Need::nothing_named(func, index, key.into()))
    }

    /// What a call hands over for a parameter of which it is asked whether it is nothing; `named`: the parameter gathers the
    /// keywords of which this is one.
    pub(super) fn given_for(&self, site: CallSite, need: (FuncId, LocalIndex), named: Option<&Name>) -> Given<'_> {
        let (owner, parameter) = need;
        let args = &self.tree.call(site).args;
        let value = match named {
            Some(name) => args
                .iter()
                .find(|argument| argument.name.as_ref() == Some(name))
                .map(|found| &found.value),
            None => self.bound_argument(site, owner, parameter),
        };
        let local = local_of(self.tree.function(owner), parameter);
        let rest = args.iter().find(|argument| argument.name.as_deref() == Some("**"));
        match (value, rest) {
            (Some(value), _) => Given::Value(value),
            (None, Some(rest)) => Given::Among(&rest.value, named.unwrap_or(&local.name).clone()),
            (None, None)
                if named.is_some() || self.is_none_by_default(owner, parameter) && self.is_by_name(site, owner) =>
            {
                Given::Nothing
            }
            (None, None) => Given::Unknown,
        }
    }

    /// Whether a function is called by a name that stands for nothing else: `run = partial(run, env=other)` hands over more than
    /// the call shows.
    pub(super) fn is_by_name(&self, site: CallSite, func: FuncId) -> bool {
        let function = self.tree.function(func);
        let callee = &self.tree.call(site).callee;
        let name = match self.tree.owner(func) {
            Some(class) if function.name == "__init__" => &self.tree.classes[class.0 as usize].name,
            _ => &function.name,
        };
        let rebound = match callee {
            Value::Global(name) => !self.shared_stores(self.tree.file_of(site.0), name).is_empty(),
            _ => false,
        };
        value_name(callee) == Some(super::tree::last_segment(name)) && !rebound
    }

    /// Whether nothing is what a thread's function has by default, or what a parameter that gathers keywords holds.
    pub(super) fn is_unset_by_default(&self, func: FuncId, parameter: LocalIndex) -> bool {
        let kind = local_of(self.tree.function(func), parameter).parameter;
        kind == Some(ParameterKind::VarKeyword) || self.is_none_by_default(func, parameter)
    }
}

/// What a call hands over for a parameter.
#[derive(Debug)]
pub(super) enum Given<'v> {
    Value(&'v Value),
    /// It may be among what is passed by `**`, under this name.
    Among(&'v Value, Name),
    /// The call leaves it out, and it is `None` by default.
    Nothing,
    Unknown,
}

/// Whether a test holds where there is nothing in a place; none where something else decides.
fn holds_for_nothing(test: &Condition, place: &Value) -> Option<bool> {
    match test {
        Condition::Truthy(value) => (value == place).then_some(false),
        Condition::Not(inner) => holds_for_nothing(inner, place).map(|holds| !holds),
        Condition::Equal(a, b) => {
            let other = match (a == place, b == place) {
                (true, _) => b,
                (_, true) => a,
                _ => return None,
            };
            match other {
                Value::None => Some(true),
                Value::Text(_) | Value::Int(_) | Value::Bool(_) => Some(false),
                _ => None,
            }
        }
        Condition::All(tests) => told_by(tests, place, false),
        Condition::Any(tests) => told_by(tests, place, true),
        _ => None,
    }
}

/// The outcome of several tests together, of which one that comes out as `deciding` is enough.
fn told_by(tests: &[Condition], place: &Value, deciding: bool) -> Option<bool> {
    let outcomes = || tests.iter().map(|test| holds_for_nothing(test, place));
    match outcomes().any(|outcome| outcome == Some(deciding)) {
        true => Some(deciding),
        false => outcomes().all(|outcome| outcome.is_some()).then_some(!deciding),
    }
}

/// The ways of either.
fn either(mut ways: Vec<Way>, others: Vec<Way>) -> Vec<Way> {
    for way in others {
        if !ways.contains(&way) && ways.len() < MOST_WAYS {
            ways.push(way);
        }
    }
    ways
}
