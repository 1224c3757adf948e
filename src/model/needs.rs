//! What the callers of a function must hand over for a place in it to be reached: of `switch (format) { case UTC:
//! putenv(…) }` only those see the mutation that pass `UTC`, or something that is not known.
//!
//! A need speaks of a parameter that its function never assigns. It travels up with the access until a call says what the
//! parameter is: a constant that rules the place out ends the access there, a parameter of the caller's becomes a need of
//! the caller's, anything else meets it. A `goto` into the arm of another test is not seen.
//!
//! That a parameter is the live environment is such a need too: `def put(mapping): mapping['A'] = 'b'` changes it for those
//! who hand over `os.environ`, and for nobody else.
//!
//! So is that an object's method is a certain function: `def execute(self): self.handle()` comes to the `handle` of one
//! class for objects of that class alone.
//!
//! A thread asks its starter in the same way: `job->limits = limits; pthread_create(&id, NULL, entry, job)` makes a test of
//! `job->limits` in `entry` a test of the starter's parameter, where nobody else ever writes that field.

use std::collections::BTreeMap;

use crate::facts::{
    Argument, Attribute, Condition, Event, FunctionKind, Language, LocalIndex, Name, ParameterKind, Region, RegionKind,
    TypeKind, Value, Visibility,
};
use crate::knowledge::Idiom;

use super::higher::is_named_parameter;
use super::objects::Object;
use super::tree::{CallSite, ClassId, FuncId, StoreRef, each_event, each_region, local_of, value_name};
use super::unset::Given as Unset;
use super::values::Values;

/// Through so many names it is followed what a value may be.
pub(super) const DEEPEST: u32 = 4;

/// A constant as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Constant {
    Nothing,
    Bool(bool),
    Int(i64),
    Text(String),
    /// An enumerator, a constant item, or a variant of an enum, by its name.
    Name(Name),
}

impl Constant {
    /// Whether two constants are the same value; none where that is not certain.
    pub(super) fn equals(&self, other: &Constant) -> Option<bool> {
        use Constant::{Bool, Int, Name, Nothing, Text};
        match (self, other) {
            (Nothing, Nothing) => Some(true),
            (Bool(a), Bool(b)) => Some(a == b),
            (Int(a), Int(b)) => Some(a == b),
            (Text(a), Text(b)) => Some(a == b),
            (Name(a), Name(b)) => Some(a == b),
            (Text(_), Nothing | Int(_) | Bool(_)) | (Nothing | Int(_) | Bool(_), Text(_)) => Some(false),
            _ => None,
        }
    }

    /// Whether it counts as true; none where that depends on the language or on a value that is not known.
    pub(super) fn truth(&self) -> Option<bool> {
        match self {
            Constant::Nothing => Some(false),
            Constant::Bool(value) => Some(*value),
            Constant::Int(value) => Some(*value != 0),
            Constant::Text(text) => (!text.is_empty()).then_some(true),
            // The tests of Rust's options and results are tests of truth.
            Constant::Name(name) => match name.as_str() {
                "Some" | "Ok" => Some(true),
                "Err" => Some(false),
                _ => None,
            },
        }
    }
}

/// What is asked of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Asked {
    Truth,
    OneOf(Vec<Constant>),
    /// It is a text that begins so.
    Begins(String),
    /// What its field of this name is, which nobody changes once the object is made.
    Field(Name, Box<Asked>),
    /// It is the live environment, and no copy of it.
    Live,
    /// It is that, or nothing, in the place of which the function takes it: `env = env or os.environ`.
    LiveOrNothing,
    /// Its method of this name is one of these functions.
    Method(Name, Vec<FuncId>),
    /// It is this function.
    Function(FuncId),
    /// It is evidently `None`; the keyword of this name is, of those that a parameter gathers.
    Nothing(Option<Name>),
    /// Of what the function gathers by `*` and `**` and hands on as it is, what this function takes for this parameter meets the
    /// question ([`super::passed_on`]).
    PassedOn(FuncId, LocalIndex, Box<Asked>),
}

impl Asked {
    /// Whether this question and another one of the same thing cannot have these answers both.
    fn excludes(&self, holds: bool, (other, other_holds): (&Asked, bool)) -> bool {
        let differs = |a: &Constant, b: &Constant| a.equals(b) == Some(false);
        let nothing = Asked::OneOf(vec![Constant::Nothing]);
        match (self, other) {
            (Asked::Nothing(None), other) => nothing.excludes(holds, (other, other_holds)),
            (_, Asked::Nothing(None)) => self.excludes(holds, (&nothing, other_holds)),
            (Asked::PassedOn(function, parameter, asked), Asked::PassedOn(other_function, other_parameter, other)) => {
                (function, parameter) == (other_function, other_parameter)
                    && asked.excludes(holds, (other, other_holds))
            }
            (Asked::OneOf(these), Asked::OneOf(others)) => match (holds, other_holds) {
                (true, true) => these.iter().all(|one| others.iter().all(|other| differs(one, other))),
                (true, false) => these.iter().all(|one| others.contains(one)),
                (false, true) => others.iter().all(|one| these.contains(one)),
                (false, false) => false,
            },
            (Asked::OneOf(constants), Asked::Truth) if holds => {
                constants.iter().all(|constant| constant.truth() == Some(!other_holds))
            }
            (Asked::Truth, Asked::OneOf(constants)) if other_holds => {
                constants.iter().all(|constant| constant.truth() == Some(!holds))
            }
            _ => self == other && holds != other_holds,
        }
    }
}

/// What a parameter must be for a place to be reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Need {
    /// The function whose parameter it is.
    pub owner: FuncId,
    parameter: LocalIndex,
    asked: Asked,
    /// The answer that leads there.
    holds: bool,
}

impl Need {
    /// A parameter must evidently be `None`.
    pub(super) fn nothing(owner: FuncId, parameter: LocalIndex) -> Need {
        Need {
            owner,
            parameter,
            asked: Asked::Nothing(None),
            holds: true,
        }
    }

    /// Of what a parameter gathers, the keyword of this name must evidently be left out or `None`.
    pub(super) fn nothing_named(owner: FuncId, parameter: LocalIndex, name: Name) -> Need {
        Need {
            asked: Asked::Nothing(Some(name)),
            ..Need::nothing(owner, parameter)
        }
    }

    /// A parameter must be a function, which is called inside its own function ([`super::callbacks`]).
    pub(super) fn callback(owner: FuncId, parameter: LocalIndex, target: FuncId) -> Need {
        Need {
            owner,
            parameter,
            asked: Asked::Function(target),
            holds: true,
        }
    }

    /// A parameter must be this text.
    pub(super) fn text(owner: FuncId, parameter: LocalIndex, text: &str) -> Need {
        Need {
            owner,
            parameter,
            asked: Asked::OneOf(vec![Constant::Text(text.to_owned())]),
            holds: true,
        }
    }

    /// Whether it is asked of a function that may be farther up than the one at hand.
    pub(super) fn is_of_any_caller(&self) -> bool {
        matches!(self.asked, Asked::Function(_))
    }

    /// The same need, met only by those who evidently hand over nothing, where it is met by nothing and the parameter is that by
    /// default.
    pub(super) fn evidently(self, is_nothing_by_default: impl Fn(FuncId, LocalIndex) -> bool) -> Need {
        let asks = match &self.asked {
            Asked::Truth => !self.holds,
            Asked::OneOf(constants) => self.holds && *constants == [Constant::Nothing],
            _ => false,
        };
        match asks && is_nothing_by_default(self.owner, self.parameter) {
            true => Need::nothing(self.owner, self.parameter),
            false => self,
        }
    }

    /// The same need, asked of what another function gathers and hands on to the one whose parameter it is.
    pub(super) fn passed_on_by(&self, owner: FuncId, rest: LocalIndex) -> Need {
        Need {
            owner,
            parameter: rest,
            asked: Asked::PassedOn(self.owner, self.parameter, Box::new(self.asked.clone())),
            holds: self.holds,
        }
    }

    /// What is asked of the function that what is gathered is handed on to.
    pub(super) fn of_whom_it_is_passed_to(&self) -> Option<Need> {
        match &self.asked {
            Asked::PassedOn(owner, parameter, asked) => Some(Need {
                owner: *owner,
                parameter: *parameter,
                asked: Asked::clone(asked),
                holds: self.holds,
            }),
            _ => None,
        }
    }

    /// The need that is met wherever this one is or the other, where one need can say so: methods of one name.
    fn either(&self, other: &Need) -> Option<Need> {
        let (Asked::Method(name, targets), Asked::Method(other_name, others)) = (&self.asked, &other.asked) else {
            return None;
        };
        let are_alike = self.is_of(other) && name == other_name && self.holds && other.holds;
        are_alike.then(|| {
            let mut targets = [&targets[..], others].concat();
            targets.sort();
            targets.dedup();
            Need {
                asked: Asked::Method(name.clone(), targets),
                ..self.clone()
            }
        })
    }

    /// What is needed whichever of two ways is taken that need this and that.
    pub(super) fn of_either(these: &[Need], others: &[Need]) -> Vec<Need> {
        let either = |need: &Need| match others.contains(need) {
            true => Some(need.clone()),
            false => others.iter().find_map(|other| need.either(other)),
        };
        these.iter().filter_map(either).collect()
    }

    /// It asks for a method.
    pub(super) fn is_of_method(&self) -> bool {
        matches!(self.asked, Asked::Method(..))
    }

    /// The parameter that is asked for.
    pub(super) fn parameter(&self) -> LocalIndex {
        self.parameter
    }

    /// Both are of one parameter.
    fn is_of(&self, other: &Need) -> bool {
        (self.owner, self.parameter) == (other.owner, other.parameter)
    }

    /// Whether no caller meets this one and the other at once, as far as they tell by themselves.
    pub(super) fn excludes(&self, other: &Need) -> bool {
        self.is_of(other) && self.asked.excludes(self.holds, (&other.asked, other.holds))
    }

    /// Whether the other is met wherever this one is.
    pub(super) fn implies(&self, other: &Need) -> bool {
        if !self.is_of(other) {
            return false;
        }
        let (Asked::OneOf(these), Asked::OneOf(others)) = (&self.asked, &other.asked) else {
            return self == other;
        };
        let is_other = |a: &Constant| others.iter().all(|b| a.equals(b) == Some(false));
        match (self.holds, other.holds) {
            (true, true) => these.iter().all(|one| others.contains(one)),
            (false, false) => others.iter().all(|one| these.contains(one)),
            (true, false) => these.iter().all(is_other),
            (false, true) => false,
        }
    }

    /// Whether the place may be reached where the parameter is this constant.
    fn allows(&self, constant: &Constant) -> bool {
        let answer = match &self.asked {
            Asked::Truth => constant.truth(),
            Asked::Live | Asked::Method(..) | Asked::Function(_) => Some(false),
            Asked::PassedOn(..) | Asked::Field(..) => None,
            Asked::Nothing(_) => Some(*constant == Constant::Nothing),
            Asked::Begins(prefix) => match constant {
                Constant::Text(text) => begins_with(text, prefix),
                _ => None,
            },
            Asked::LiveOrNothing => constant.truth().map(|truth| !truth),
            Asked::OneOf(known) => {
                let answers: Vec<Option<bool>> = known.iter().map(|one| one.equals(constant)).collect();
                match answers.contains(&Some(true)) {
                    true => Some(true),
                    false => answers.iter().all(Option::is_some).then_some(false),
                }
            }
        };
        answer.is_none_or(|answer| answer == self.holds)
    }
}

/// Needs in order and without those that others imply: an arm of a long `switch` needs its own constant, not that each of those
/// before was another one. What a parameter must not be is one need.
pub fn in_short(mut needs: Vec<Need>) -> Vec<Need> {
    if needs.len() < 2 {
        return needs;
    }
    needs.sort();
    needs.dedup();
    let mut short: Vec<Need> = Vec::new();
    let mut excluded: BTreeMap<(FuncId, LocalIndex), Vec<Constant>> = BTreeMap::new();
    for need in needs {
        match need.asked {
            Asked::OneOf(constants) if !need.holds => {
                excluded
                    .entry((need.owner, need.parameter))
                    .or_default()
                    .extend(constants);
            }
            _ => short.push(need),
        }
    }
    for ((owner, parameter), mut constants) in excluded {
        constants.sort();
        constants.dedup();
        let need = Need {
            owner,
            parameter,
            asked: Asked::OneOf(constants),
            holds: false,
        };
        if !short.iter().any(|known| known.implies(&need)) {
            short.push(need);
        }
    }
    short
}

/// Whether a text begins with another one, as texts and paths both understand it: paths are compared name by name.
fn begins_with(text: &str, prefix: &str) -> Option<bool> {
    let Some(rest) = text.strip_prefix(prefix) else {
        return Some(false);
    };
    (rest.is_empty() || rest.starts_with('/') || prefix.is_empty() || prefix.ends_with('/')).then_some(true)
}

/// Whether a test holds where there is nothing in a place.
fn finds_nothing(test: &Condition, place: &Value) -> bool {
    match test {
        Condition::Not(inner) => matches!(&**inner, Condition::Truthy(value) if value == place),
        Condition::Equal(value, Value::None) | Condition::Equal(Value::None, value) => value == place,
        _ => false,
    }
}

/// Where a test is asked what must be handed over for it.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// A field that is another function's parameter counts as that, and so does a parameter that a closure captures.
    pub fields: bool,
    /// The arm that is taken where the test holds.
    pub arm: Option<&'a Region>,
}

/// The object on which a call calls a method, or that it hands over.
#[derive(Debug, Clone, Copy)]
enum Given<'v> {
    Value(&'v Value),
    /// A constructor makes an object of the class that is called.
    Made,
    Unknown,
}

/// What a call makes of a need of its callee's.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is met, or nothing speaks against it.
    Met,
    /// It is the caller's own caller who decides.
    Handed(Need),
    /// The place is not reached from this call.
    RuledOut,
}

impl Values<'_> {
    /// What must be handed to a function for a test in it to come out as `holds`.
    pub(super) fn needs(&self, func: FuncId, test: &Condition, holds: bool, asking: Asking<'_>) -> Vec<Need> {
        let need = |value: &Value, asked: Asked| -> Vec<Need> {
            let own = self
                .parameter_until(func, value, asking.arm)
                .map(|parameter| (func, parameter));
            let started = || {
                let outer = self.parameter_in_field(func, value);
                let outer = outer.map(|(store, parameter)| (store.function, parameter));
                outer.or_else(|| self.captured_parameter(func, value))
            };
            let parameter = own.or_else(|| started().filter(|_| asking.fields));
            let found = parameter.map(|parameter| (parameter, asked.clone())).or_else(|| {
                let (parameter, name) = self.field_of_parameter(func, value)?;
                Some(((func, parameter), Asked::Field(name, Box::new(asked))))
            });
            let of = |((owner, parameter), asked)| Need {
                owner,
                parameter,
                asked,
                holds,
            };
            found.map(of).into_iter().collect()
        };
        match test {
            Condition::Not(inner) => self.needs(func, inner, !holds, asking),
            Condition::Truthy(value) => match self.asked_by_method(func, value) {
                Some((place, asked, answer)) => {
                    let mut needs = need(place, asked);
                    needs.iter_mut().for_each(|need| need.holds = holds == answer);
                    needs
                }
                None => need(value, Asked::Truth),
            },
            Condition::Equal(a, b) => match (self.constant(func, a, 0), self.constant(func, b, 0)) {
                (None, Some(constant)) => need(a, Asked::OneOf(vec![constant])),
                (Some(constant), None) => need(b, Asked::OneOf(vec![constant])),
                _ => Vec::new(),
            },
            Condition::All(tests) if holds => tests
                .iter()
                .flat_map(|test| self.needs(func, test, true, asking))
                .collect(),
            Condition::Any(tests) if !holds => tests
                .iter()
                .flat_map(|test| self.needs(func, test, false, asking))
                .collect(),
            Condition::Any(tests) => self.one_of(func, tests, asking).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether no caller meets both needs at once: no object has both of two methods either, where no class has.
    pub(super) fn exclude_each_other(&self, need: &Need, other: &Need) -> bool {
        if need.excludes(other) {
            return true;
        }
        match (&need.asked, &other.asked) {
            (Asked::Method(name, targets), Asked::Method(other_name, others))
                if need.is_of(other) && need.holds && other.holds =>
            {
                let has_other = |target: &FuncId| {
                    let both = |other: &FuncId| self.may_have_both((name, *target), (other_name, *other));
                    others.iter().any(both)
                };
                !targets.iter().any(has_other)
            }
            _ => false,
        }
    }

    /// Whether some object may have this function as its method of a name, and the other one as that of another name.
    fn may_have_both(&self, (name, target): (&str, FuncId), (other, other_target): (&str, FuncId)) -> bool {
        if name == other {
            return target == other_target;
        }
        let Some(owner) = self.tree.owner(target) else {
            return true;
        };
        // Under another name than its own it is hardly ever asked for.
        let is_kept = *self.tree.function(target).name == *name;
        let known = || self.both_methods.get(&(target, other_target), other, &self.answers);
        if let Some(known) = is_kept.then(known).flatten() {
            return known;
        }
        let (found, standing) = self.answers.find(|| {
            let heirs = self.descendants(owner);
            let mut classes = [owner].into_iter().chain(heirs.iter().copied());
            classes.any(|class| self.has_method(class, name, target) && self.has_method(class, other, other_target))
                || self.may_be_given(name, target)
                || self.may_be_given(other, other_target)
        });
        if is_kept && standing.whole {
            self.both_methods.keep((target, other_target), other, found, standing);
        }
        found
    }

    /// What must be handed to a function for a place in it to be the environment.
    pub(super) fn live_need(&self, func: FuncId, place: &Value) -> Option<Need> {
        if !self.is_live(func, place) {
            return None;
        }
        let handed = self.live_through(func, place).map(|parameter| (parameter, Asked::Live));
        let filled = || Some((self.filled_with_live(func, place)?, Asked::LiveOrNothing));
        let (parameter, asked) = handed.or_else(filled)?;
        Some(Need {
            owner: func,
            parameter,
            asked,
            holds: true,
        })
    }

    /// The parameter of a function that a place is, where it is made the live environment in arms alone that found nothing in it.
    fn filled_with_live(&self, func: FuncId, place: &Value) -> Option<LocalIndex> {
        let (owner, index) = self.parameter_of(func, place)?;
        let is_filling = |store: &&StoreRef<'_>| self.is_live(store.function, store.value);
        let fillings = self.local_stores(func, index).iter().filter(is_filling).count();
        if owner != func || fillings == 0 || fillings != self.local_stores(func, index).len() {
            return None;
        }
        let mut under_question = 0;
        each_region(&self.tree.function(func).body, &mut |region| {
            if let RegionKind::Arm { test } = &region.kind
                && finds_nothing(test, place)
            {
                each_event(region, &mut |event| {
                    under_question += usize::from(matches!(event, Event::Store { target, .. } if target == place));
                });
            }
        });
        (under_question == fillings).then_some(index)
    }

    /// `case A: case B:`, where one parameter may be one of several constants.
    fn one_of(&self, func: FuncId, tests: &[Condition], asking: Asking<'_>) -> Option<Need> {
        let mut found: Option<Need> = None;
        for test in tests {
            let need = match self.needs(func, test, true, asking).as_slice() {
                [only] => only.clone(),
                _ => return None,
            };
            let Asked::OneOf(constants) = need.asked.clone() else {
                return None;
            };
            match &mut found {
                None => found = Some(need),
                Some(known) if known.is_of(&need) && known.holds && need.holds => {
                    if let Asked::OneOf(all) = &mut known.asked {
                        all.extend(constants);
                    }
                }
                Some(_) => return None,
            }
        }
        if let Some(Need {
            asked: Asked::OneOf(all),
            ..
        }) = &mut found
        {
            all.sort();
            all.dedup();
        }
        found
    }

    /// What a call makes of a need of the function that it calls. `walking`: the function whose callers will see it.
    pub(super) fn need_at_call(&self, site: CallSite, need: &Need, walking: FuncId) -> Seen {
        if let Some(further) = need.of_whom_it_is_passed_to() {
            return self.passed_need_at_call(site, need, &further, walking);
        }
        if let Asked::Method(name, targets) = &need.asked {
            return self.method_need_at_call(site, need, (name, targets), walking);
        }
        if let Asked::Nothing(named) = &need.asked {
            return self.unset_need_at_call(site, need, named.as_ref(), walking);
        }
        if let Some(handed) = self.need_handed_on(site, need, walking) {
            return Seen::Handed(handed);
        }
        let argument = self.bound_argument(site, need.owner, need.parameter);
        let Some(value) = argument.or_else(|| self.matched_receiver(site, need)) else {
            return match self.default_at_call(site, need.owner, need.parameter) {
                Some(default) => self.need_of_value(need.owner, default, need),
                None => Seen::Met,
            };
        };
        self.need_of_argument(site, value, need, walking)
    }

    /// What a call makes of a need whose parameter is handed this value.
    pub(super) fn need_of_argument(&self, site: CallSite, value: &Value, need: &Need, walking: FuncId) -> Seen {
        let own = |value: &Value| match need.asked {
            Asked::Live => self.live_through(site.0, value),
            _ => self.fixed_parameter(site.0, value),
        };
        if site.0 == walking
            && let Some(parameter) = own(value)
        {
            return Seen::Handed(Need {
                owner: walking,
                parameter,
                ..need.clone()
            });
        }
        let of_value = match &need.asked {
            Asked::Truth | Asked::OneOf(_) | Asked::Begins(_) | Asked::Field(..) => site.0 == walking,
            _ => false,
        };
        if of_value && self.tree.language(walking) == Language::Rust {
            let (home, lent) = self.before_copies(walking, value);
            let handed = |parameter, asked| {
                Seen::Handed(Need {
                    owner: walking,
                    parameter,
                    asked,
                    holds: need.holds,
                })
            };
            if home == walking
                && let Some(parameter) = self.fixed_parameter(walking, lent)
            {
                return handed(parameter, need.asked.clone());
            }
            if let Some((parameter, name)) = self.field_of_parameter(walking, lent) {
                return handed(parameter, Asked::Field(name, Box::new(need.asked.clone())));
            }
        }
        self.need_of_value(site.0, value, need)
    }

    /// What must be handed to a function for a call in it to call back what it hands over: `given.unwrap_or_else(|| …)`.
    pub(super) fn needs_of_call_back(&self, site: CallSite) -> Vec<Need> {
        let Value::Attribute(base, method) = &self.tree.call(site).callee else {
            return Vec::new();
        };
        let tells = |idiom| self.catalog.tells(self.tree.language(site.0), method, idiom);
        let for_something = tells(Idiom::IfSomething);
        if !for_something && !tells(Idiom::IfNothing) {
            return Vec::new();
        }
        let (home, value) = self.before_copies(site.0, base);
        let asking = Asking {
            fields: false,
            arm: None,
        };
        match home == site.0 {
            true => self.needs(site.0, &Condition::Truthy(value.clone()), for_something, asking),
            false => Vec::new(),
        }
    }

    /// [`Values::need_at_call`] of what must be nothing.
    fn unset_need_at_call(&self, site: CallSite, need: &Need, named: Option<&Name>, walking: FuncId) -> Seen {
        match self.given_for(site, (need.owner, need.parameter), named) {
            Unset::Nothing => Seen::Met,
            Unset::Unknown => Seen::RuledOut,
            Unset::Value(value) => {
                let ways = self.unset_ways(site, value);
                match ways.first() {
                    None => Seen::RuledOut,
                    Some(_) if ways.iter().any(|way| way.needs.is_empty()) => Seen::Met,
                    // One need becomes one: of several, whoever meets the first meets it.
                    Some(way) if site.0 == walking => Seen::Handed(way.needs[0].clone()),
                    Some(_) => Seen::Met,
                }
            }
            Unset::Among(rest, name) => match self.rest_of(site.0, rest) {
                Some((owner, index)) if owner == walking && site.0 == walking => {
                    Seen::Handed(Need::nothing_named(walking, index, name))
                }
                _ => Seen::RuledOut,
            },
        }
    }

    /// What is left of a need of a parameter that is this value.
    pub(super) fn need_of_value(&self, func: FuncId, value: &Value, need: &Need) -> Seen {
        if let Asked::Field(name, asked) = &need.asked {
            let inside = Need {
                asked: Asked::clone(asked),
                ..need.clone()
            };
            return match self.written_field(func, value, name) {
                Some((home, value)) => self.need_of_value(home, value, &inside),
                None => Seen::Met,
            };
        }
        if need.asked == Asked::Live {
            return match self.is_live(func, value) {
                true => Seen::Met,
                false => Seen::RuledOut,
            };
        }
        if let Asked::Function(target) = need.asked {
            return match self.is_another_function(func, value, target) {
                true => Seen::RuledOut,
                false => Seen::Met,
            };
        }
        let (func, value) = match self.tree.language(func) {
            Language::Rust => self.before_copies(func, value),
            _ => (func, value),
        };
        let constants = self.constants(func, value);
        let is_ruled_out = match constants.is_empty() {
            false => constants.iter().all(|constant| !need.allows(constant)),
            true => match &need.asked {
                Asked::LiveOrNothing => self.is_new_mapping(func, value),
                Asked::OneOf(asked) => need.holds && *asked == [Constant::Nothing] && self.is_something(func, value),
                _ => false,
            },
        };
        match is_ruled_out {
            true => Seen::RuledOut,
            false => Seen::Met,
        }
    }

    /// The constants that a value may be; none where it may be something else. A local of Python's, of which nobody can have an
    /// address, is what is stored into it, and so is one of Rust's that is not `mut`.
    fn constants(&self, func: FuncId, value: &Value) -> Vec<Constant> {
        let written = || self.written_text(func, value).map(Constant::Text);
        if let Some(constant) = self.constant(func, value, 0).or_else(written) {
            return vec![constant];
        }
        let all = |found: Vec<Option<Constant>>| -> Vec<Constant> {
            let is_told = |constant: &Constant| matches!(constant, Constant::Nothing | Constant::Bool(_));
            // What is added to a number or a text is stored, too.
            let known = found.len() == 1 || found.iter().flatten().all(is_told);
            found
                .into_iter()
                .collect::<Option<Vec<_>>>()
                .filter(|_| known)
                .unwrap_or_default()
        };
        match value {
            Value::OneOf(values) => all(values.iter().map(|value| self.constant(func, value, 0)).collect()),
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                let stores = match self.tree.language(func) {
                    Language::Python => self.stored_alone(owner, *index),
                    Language::Rust if local_of(self.tree.function(owner), *index).fixed => {
                        self.local_stores(owner, *index)
                    }
                    _ => &[],
                };
                let stored = stores.iter();
                all(stored
                    .map(|store| self.constant(store.function, store.value, 0))
                    .collect())
            }
            _ => Vec::new(),
        }
    }

    /// Whether a value of Python's is surely not `None`: it is written out, or made by a class of the tree or by one that is built in.
    fn is_something(&self, func: FuncId, value: &Value) -> bool {
        match value {
            Value::Text(_) | Value::List(_) | Value::Map(_) | Value::Function(_) => true,
            Value::Call(owner, call) => {
                let callees = self.callee((self.closure(func, *owner), *call));
                let makes = |object: &Object| match object {
                    Object::External(path) => self.catalog.tells(Language::Python, path, Idiom::MakesValue),
                    other => self.makes_its_own(other),
                };
                self.tree.language(func) == Language::Python && !callees.is_empty() && callees.iter().all(makes)
            }
            _ => false,
        }
    }

    /// Whether a value is surely a mapping of its own: `{…}`, `dict(…)`, `x.copy()`.
    fn is_new_mapping(&self, func: FuncId, value: &Value) -> bool {
        let is_new = |home: FuncId, value: &Value| match value {
            Value::Map(_) => true,
            Value::Call(owner, call) => match &self.tree.call((self.closure(home, *owner), *call)).callee {
                Value::Attribute(_, method) => self.catalog.tells(Language::Python, method, Idiom::Copies),
                callee => self.eval(home, callee).contains(&Object::external("builtins.dict")),
            },
            _ => false,
        };
        let sources = self.sources(func, value);
        is_new(func, value) || !sources.is_empty() && sources.iter().all(|(home, value)| is_new(*home, value))
    }

    /// What must be handed over for a call in a function to mean this one of several functions: an object that has it as its method, a
    /// callback, the name of a symbol.
    pub(super) fn target_needs(&self, site: CallSite, target: FuncId, begins: bool) -> impl Iterator<Item = Need> {
        let receiver = self.receiver_need(site, target, begins);
        let callback = self.callback_need(site, target);
        [receiver, callback, self.symbol_need(site, target)]
            .into_iter()
            .flatten()
    }

    /// What the object must be on which a call in a function calls a method, for this one of several functions to be meant.
    /// `begins`: a thread may begin with the function, on an object whose class is known exactly.
    fn receiver_need(&self, site: CallSite, target: FuncId, begins: bool) -> Option<Need> {
        let need = self.method_need(site, target, begins)?;
        let owner = self.tree.owner(site.0);
        // What a trait does by itself (`fn call(self) { self.apply() }`) comes to the methods of the type for which it is done.
        let of_trait = owner.is_some_and(|class| self.tree.classes[class.0 as usize].kind == TypeKind::Trait);
        let is_receiver = need.owner == site.0 && self.receiver_of(site.0) == Some(need.parameter);
        // What the class of the method itself has is what most of its objects have.
        let is_usual =
            |class: ClassId| matches!(&need.asked, Asked::Method(name, _) if self.has_method(class, name, target));
        match is_receiver && !begins && !of_trait && owner.is_none_or(is_usual) {
            true => None,
            false => Some(need),
        }
    }

    /// The same, whichever class has it.
    pub(super) fn method_need(&self, site: CallSite, target: FuncId, begins: bool) -> Option<Need> {
        let Value::Attribute(base, name) = &self.tree.call(site).callee else {
            return None;
        };
        let is_rust = self.tree.language(site.0) == Language::Rust;
        if !is_rust && self.tree.language(site.0) != Language::Python || self.tree.owner(target).is_none() {
            return None;
        }
        let (owner, parameter) = match self.own_object(site.0, base) {
            Some(parameter) => (site.0, parameter),
            None => self.captured_parameter(site.0, base).filter(|_| is_rust && begins)?,
        };
        Some(Need {
            owner,
            parameter,
            asked: Asked::Method(name.clone(), vec![target]),
            holds: true,
        })
    }

    /// The receiver or other parameter of a function that a value is, where nothing is ever assigned to it.
    pub(super) fn own_object(&self, func: FuncId, value: &Value) -> Option<LocalIndex> {
        match value {
            Value::Local(owner, index)
                if self.closure(func, *owner) == func && self.receiver_of(func) == Some(*index) =>
            {
                self.local_stores(func, *index).is_empty().then_some(*index)
            }
            // The same object, seen as its bases.
            Value::Super(owner) if self.closure(func, *owner) == func => self.receiver_of(func),
            other => self.fixed_parameter(func, other),
        }
    }

    fn receiver_of(&self, func: FuncId) -> Option<LocalIndex> {
        let mut parameters = self.tree.function(func).parameters();
        let receiver = parameters.find(|(_, local)| local.parameter == Some(ParameterKind::Receiver))?;
        Some(receiver.0)
    }

    fn has_one_of(&self, class: ClassId, name: &str, targets: &[FuncId]) -> bool {
        let methods = self.class_member(class, name, false);
        targets
            .iter()
            .any(|target| methods.contains(&Object::Function(*target)))
    }

    pub(super) fn has_method(&self, class: ClassId, name: &str, target: FuncId) -> bool {
        self.has_one_of(class, name, &[target])
    }

    /// Whether the object that a call makes, and with whose method a thread begins, can have this function as its method of a name.
    fn made_may_have(&self, created: CallSite, need: &Need, (name, target): (&str, FuncId)) -> bool {
        if self.receiver_of(need.owner) != Some(need.parameter) || self.may_be_given(name, target) {
            return true;
        }
        let callees = self.callee(created);
        let mut made = callees.iter().filter(|object| !self.is_class_body(object)).peekable();
        let may_have = |object: &Object| match object {
            Object::Class(class) => !self.method(*class, "__new__").is_empty() || self.has_method(*class, name, target),
            _ => true,
        };
        made.peek().is_none() || made.any(may_have)
    }

    /// A class that makes objects of its own when it is called, or the body with which it is found.
    fn makes_its_own(&self, object: &Object) -> bool {
        match object {
            Object::Class(class) => self.method(*class, "__new__").is_empty(),
            other => self.is_class_body(other),
        }
    }

    /// A class is found with the function that is its body.
    fn is_class_body(&self, object: &Object) -> bool {
        matches!(object, Object::Function(callee) if self.tree.function(*callee).kind == FunctionKind::ClassBody)
    }

    /// [`Values::need_at_call`] of an object's method.
    fn method_need_at_call(
        &self,
        site: CallSite,
        need: &Need,
        (name, targets): (&str, &[FuncId]),
        walking: FuncId,
    ) -> Seen {
        if targets.iter().any(|target| self.may_be_given(name, *target)) {
            return Seen::Met;
        }
        let given = self.object_at_call(site, need);
        if let Given::Value(value) = given
            && let Some(parameter) = self.own_object(site.0, value)
        {
            if site.0 != walking {
                return Seen::Met;
            }
            let is_receiver = self.receiver_of(walking) == Some(parameter);
            let class = self.tree.owner(walking).filter(|_| is_receiver);
            let none_has = |class: ClassId| {
                let below = self.descendants(class);
                let mut line = [class].into_iter().chain(below.iter().copied());
                !line.any(|class| self.has_one_of(class, name, targets))
            };
            return match class.is_some_and(none_has) {
                true => Seen::RuledOut,
                false => Seen::Handed(Need {
                    owner: walking,
                    parameter,
                    ..need.clone()
                }),
            };
        }
        if self.tree.language(site.0) == Language::Rust {
            return match given {
                Given::Value(value) if self.is_told_object(site.0, value) => {
                    match self.type_may_have(site.0, value, (name, targets)) {
                        true => Seen::Met,
                        false => Seen::RuledOut,
                    }
                }
                _ => Seen::Met,
            };
        }
        let objects = match given {
            Given::Value(value) if self.is_wholly_known(site.0, value, 0) => self.eval(site.0, value),
            Given::Value(_) | Given::Unknown => return Seen::Met,
            Given::Made => self.callee(site),
        };
        let mut has = false;
        for object in objects.iter() {
            match object {
                Object::Instance(class, Some(_)) => has |= self.has_one_of(*class, name, targets),
                Object::Class(class) if matches!(given, Given::Made) => has |= self.has_one_of(*class, name, targets),
                Object::Text(_) => {}
                _ => return Seen::Met,
            }
        }
        match has || objects.is_empty() || objects.is_full() {
            true => Seen::Met,
            false => Seen::RuledOut,
        }
    }

    /// Whether a value of Rust's may be of a type whose method of a name is one of these functions. A type is what it is declared to be, and
    /// has no heirs; which one stands behind a trait is open, unless it is seen how the value is made.
    fn type_may_have(&self, func: FuncId, value: &Value, (name, targets): (&str, &[FuncId])) -> bool {
        let (home, made) = self.before_copies(func, value);
        let objects = self.eval(home, made);
        let may_have = |object: &Object| match object {
            Object::Instance(class, _) | Object::Class(class) => {
                let methods = self.class_member(*class, name, false);
                methods.is_empty() || self.has_one_of(*class, name, targets)
            }
            _ => true,
        };
        objects.is_empty() || objects.iter().any(may_have)
    }

    /// Whether all that a value may be is known, not only some of it.
    fn is_wholly_known(&self, func: FuncId, value: &Value, depth: u32) -> bool {
        if depth > DEEPEST {
            return false;
        }
        match value {
            Value::Text(_) => true,
            Value::Call(owner, call) => {
                let callees = self.callee((self.closure(func, *owner), *call));
                let known = |object: &Object| match object {
                    class if self.makes_its_own(class) => true,
                    Object::Function(callee) => {
                        let returns = self.returns_of(*callee);
                        !returns.is_empty()
                            && returns
                                .iter()
                                .all(|value| self.is_wholly_known(*callee, value, depth + 1))
                    }
                    _ => false,
                };
                !callees.is_empty() && callees.iter().all(known)
            }
            Value::OneOf(values) => values.iter().all(|value| self.is_wholly_known(func, value, depth + 1)),
            Value::Local(owner, index) => {
                let owner = self.closure(func, *owner);
                let stores = self.local_stores(owner, *index);
                let known = |store: &StoreRef<'_>| self.is_wholly_known(store.function, store.value, depth + 1);
                let is_parameter = local_of(self.tree.function(owner), *index).parameter.is_some();
                !is_parameter && !stores.is_empty() && stores.iter().all(known)
            }
            Value::Global(_) | Value::Attribute(..) => {
                let sources = self.sources(func, value);
                let known = |(home, value): &(FuncId, &Value)| self.is_wholly_known(*home, value, depth + 1);
                !sources.is_empty() && sources.iter().all(known)
            }
            _ => false,
        }
    }

    /// The object that a call hands over for a need's parameter.
    fn object_at_call(&self, site: CallSite, need: &Need) -> Given<'_> {
        if self.receiver_of(need.owner) != Some(need.parameter) {
            let argument = self.bound_argument(site, need.owner, need.parameter);
            return argument.map_or(Given::Unknown, Given::Value);
        }
        let is_class = |object: &Object| matches!(object, Object::Class(_));
        if self.tree.function(need.owner).name == "__init__" && self.callee(site).iter().all(is_class) {
            return Given::Made;
        }
        match &self.tree.call(site).callee {
            // `Base.execute(command)`
            Value::Attribute(base, _)
                if self.tree.language(site.0) == Language::Python && self.eval(site.0, base).iter().any(is_class) =>
            {
                Given::Unknown
            }
            Value::Attribute(base, _) => Given::Value(base),
            _ => Given::Unknown,
        }
    }

    /// The value on which a call of Rust's calls a method that asks which variant it is.
    fn matched_receiver(&self, site: CallSite, need: &Need) -> Option<&Value> {
        match self.object_at_call(site, need) {
            Given::Value(value) if self.tree.language(site.0) == Language::Rust => Some(value),
            _ => None,
        }
    }

    /// What a parameter is where a call leaves it out: a call of the function by its own name, so that nothing between them can
    /// have put the argument in.
    fn default_at_call(&self, site: CallSite, func: FuncId, parameter: LocalIndex) -> Option<&Value> {
        let function = self.tree.function(func);
        let keeps =
            |attribute: &Attribute| matches!(value_name(&attribute.value), Some("staticmethod" | "classmethod"));
        let plain = self.is_by_name(site, func)
            && function.attributes.iter().all(keeps)
            && !self.tree.call(site).args.iter().any(Argument::is_starred);
        local_of(function, parameter).default.as_deref().filter(|_| plain)
    }

    /// The function's own parameter that a value is, where nothing is ever assigned to it.
    pub(super) fn fixed_parameter(&self, func: FuncId, value: &Value) -> Option<LocalIndex> {
        self.parameter_until(func, value, None)
    }

    /// As [`Values::fixed_parameter`]; what an arm assigns to the parameter that it asks for (`if x is None: x = …`) comes after the
    /// question.
    fn parameter_until(&self, func: FuncId, value: &Value, arm: Option<&Region>) -> Option<LocalIndex> {
        let is_rust = self.tree.language(func) == Language::Rust;
        let is_one = |kind| is_named_parameter(kind) || is_rust && kind == ParameterKind::Receiver;
        let (owner, index) = self.parameter_where(func, value, is_one)?;
        let stores = self.local_stores(func, index).len();
        let mut inside = 0;
        if let Some(arm) = arm.filter(|_| stores > 0) {
            let own = Value::Local(self.tree.index_of(func).1, index);
            each_event(arm, &mut |event| {
                inside += usize::from(matches!(event, Event::Store { target, .. } if *target == own));
            });
        }
        (owner == func && inside == stores).then_some(index)
    }

    /// The parameter of the function around a closure that a value is, where nothing is ever assigned to it.
    pub(super) fn captured_parameter(&self, func: FuncId, value: &Value) -> Option<(FuncId, LocalIndex)> {
        let (owner, index) = self.parameter_of(func, value)?;
        let is_captured = owner != func && self.tree.function(func).kind == FunctionKind::Closure;
        (is_captured && self.local_stores(owner, index).is_empty()).then_some((owner, index))
    }

    /// What a method asks of the value on which it is called, and the answer that it gives then: an option of Rust's to be nothing, or
    /// else something (`x.is_none()`, `x.is_some()`), a text to be empty or to begin with another one.
    fn asked_by_method<'v>(&'v self, func: FuncId, value: &Value) -> Option<(&'v Value, Asked, bool)> {
        let Value::Call(owner, call) = value else { return None };
        let call = self.tree.call((self.closure(func, *owner), *call));
        let Value::Attribute(place, method) = &call.callee else {
            return None;
        };
        let tells = |idiom| self.catalog.tells(self.tree.language(func), method, idiom);
        let is = |constant: Constant| Asked::OneOf(vec![constant]);
        let (asked, answer) = match call.args.as_slice() {
            [] if tells(Idiom::IsNothing) => (is(Constant::Nothing), true),
            [] if tells(Idiom::IsSomething) => (is(Constant::Nothing), false),
            [] if tells(Idiom::IsEmpty) => (is(Constant::Text(String::new())), true),
            [prefix] if tells(Idiom::BeginsWith) => (Asked::Begins(prefix.value.as_text()?.to_owned()), true),
            _ => return None,
        };
        Some((place, asked, answer))
    }

    /// The parameter of some function that a field of a C struct is, where it is never anything else, with the store that makes it so.
    pub(super) fn parameter_in_field(&self, func: FuncId, value: &Value) -> Option<(StoreRef<'_>, LocalIndex)> {
        let Value::Attribute(base, name) = value else {
            return None;
        };
        if self.tree.language(func) != Language::C {
            return None;
        }
        let objects = self.base_of_field(func, base);
        let mut classes = objects.instances();
        let class = classes.next()?;
        let stores = self.field_stores(class, name);
        let [store] = stores.as_slice() else { return None };
        let is_only = classes.all(|other| other == class)
            && self.records_of(&self.tree.classes[class.0 as usize].name).is_empty()
            && self.left_in_fields(name).is_empty();
        let parameter = self.fixed_parameter(store.function, store.value)?;
        is_only.then_some((*store, parameter))
    }

    /// Whether what the call that makes a thread passes on to its entry can meet a need of the entry's.
    pub(super) fn need_of_entry_is_met(&self, need: &Need, created: CallSite) -> bool {
        if let Asked::Method(name, targets) = &need.asked {
            let may_have = |target: &FuncId| self.made_may_have(created, need, (name, *target));
            return targets.iter().any(may_have);
        }
        let handed = self.handed_at(created, need.owner, need.parameter);
        if let Asked::Nothing(_) = need.asked {
            return match handed {
                Some((home, value)) => home == created.0 && !self.unset_ways(created, value).is_empty(),
                None => self.is_unset_by_default(need.owner, need.parameter),
            };
        }
        match handed {
            Some((home, value)) => self.need_of_value(home, value, need) != Seen::RuledOut,
            None => true,
        }
    }

    /// Whether a thread that a call starts can meet a need of the function that starts it. `context`: the calls on the way
    /// there, where they are known.
    pub(super) fn need_of_thread_is_met(&self, need: &Need, context: &[CallSite]) -> bool {
        let mut need = need.clone();
        for site in context.iter().rev() {
            let calls = |function: FuncId| self.meaning(*site).edges.iter().any(|edge| edge.target == function);
            if !calls(need.owner) {
                return true;
            }
            match self.need_at_call(*site, &need, site.0) {
                Seen::Met => return true,
                Seen::RuledOut => return false,
                Seen::Handed(further) => need = further,
            }
        }
        // Nobody but its file can call a static function.
        let tree = self.tree;
        let function = tree.function(need.owner);
        let callers = self.evident_callers(need.owner);
        let known = function.visibility == Visibility::Private
            && !tree.taken_by_name.contains_key(&function.name)
            && !callers.is_empty();
        let rules_out = |site: &CallSite| self.need_at_call(*site, &need, site.0) == Seen::RuledOut;
        !(known && callers.iter().all(rules_out))
    }

    /// The constant that a value is. A macro or constant item stands for what it is defined as.
    pub(super) fn constant(&self, func: FuncId, value: &Value, depth: u32) -> Option<Constant> {
        match value {
            Value::None => Some(Constant::Nothing),
            Value::Bool(value) => Some(Constant::Bool(*value)),
            Value::Int(value) => Some(Constant::Int(*value)),
            Value::Text(_) => value.as_text().map(|text| Constant::Text(text.to_owned())),
            Value::Global(name) if self.tree.language(func) == Language::C && depth < 4 => {
                let stores = self.shared_stores(self.tree.file_of(func), name);
                match stores.as_slice() {
                    [] => is_constant_name(name).then(|| Constant::Name(name.clone())),
                    [only] if is_constant_name(name) => self.constant(only.function, only.value, depth + 1),
                    _ => None,
                }
            }
            Value::Path(path) if self.tree.language(func) == Language::Rust => variant(path),
            Value::Call(owner, call) if self.tree.language(func) == Language::Rust => {
                match &self.tree.call((self.closure(func, *owner), *call)).callee {
                    Value::Path(path) => variant(path),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// The variant of an enum of Rust's that a path means by the way in which it is written, whatever lies in it. Of an enum a value is
/// one variant, so that the name says which, whatever the type is called on the way.
fn variant(path: &str) -> Option<Constant> {
    let mut segments = path.rsplit("::");
    let name = segments.next()?;
    if matches!(name, "Some" | "Ok" | "Err") {
        return Some(Constant::Name(name.into()));
    }
    let of = segments.next()?;
    // Constants that belong to a type are written in capitals throughout.
    let is_variant = name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase);
    (is_variant && of.starts_with(char::is_uppercase)).then(|| Constant::Name(name.into()))
}

/// Written as C's enumerators and macros are.
fn is_constant_name(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase()) && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// What a test asks for: that a parameter of a function is a number, or that it is not.
#[cfg(test)]
pub(super) fn number(owner: FuncId, number: i64, holds: bool) -> Need {
    Need {
        owner,
        parameter: LocalIndex(0),
        asked: Asked::OneOf(vec![Constant::Int(number)]),
        holds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(asked: Asked, holds: bool) -> Need {
        Need {
            owner: FuncId(0),
            parameter: LocalIndex(0),
            asked,
            holds,
        }
    }

    #[test]
    fn constants_meet_needs_or_rule_them_out() {
        let name = |text: &str| Constant::Name(text.into());
        let text = |text: &str| Constant::Text(text.to_owned());
        let one_of = || Asked::OneOf(vec![name("A"), name("B")]);
        let cases = [
            (need(Asked::Truth, true), Constant::Nothing, false),
            (need(Asked::Truth, false), Constant::Nothing, true),
            (need(Asked::Truth, true), Constant::Int(2), true),
            (need(Asked::Truth, false), Constant::Bool(true), false),
            (need(Asked::Truth, true), text(""), true),
            (need(Asked::Truth, true), name("A"), true),
            (need(one_of(), true), name("B"), true),
            (need(one_of(), true), name("C"), false),
            (need(one_of(), false), name("C"), true),
            (need(one_of(), false), name("A"), false),
            (need(one_of(), true), Constant::Int(1), true),
            (need(Asked::OneOf(vec![text("x")]), true), Constant::Nothing, false),
        ];
        for (need, constant, expected) in cases {
            assert_eq!(need.allows(&constant), expected, "{need:?} {constant:?}");
        }
    }

    #[test]
    fn what_one_need_says_no_other_repeats() {
        let owner = FuncId(0);
        let (two, not_one, not_three) = (number(owner, 2, true), number(owner, 1, false), number(owner, 3, false));
        let truth = need(Asked::Truth, true);
        assert!(two.implies(&not_one) && !not_one.implies(&two));
        assert!(!two.implies(&number(owner, 2, false)));
        assert!(!two.implies(&number(FuncId(1), 1, false)));
        let all = vec![
            not_one.clone(),
            truth.clone(),
            two.clone(),
            not_three.clone(),
            two.clone(),
        ];
        assert_eq!(in_short(all), [truth.clone(), two]);
        // What it must not be is one need, which the caller's constant is held against.
        let [rest] = &in_short(vec![not_three.clone(), not_one.clone()])[..] else {
            panic!("one parameter, one need");
        };
        assert!(rest.implies(&not_one) && rest.implies(&not_three) && !not_one.implies(rest));
        assert!(rest.allows(&Constant::Int(2)) && !rest.allows(&Constant::Int(3)));
    }

    #[test]
    fn enumerators_and_macros_are_told_by_how_they_are_written() {
        assert!(is_constant_name("TIME_PRINT_2"));
        assert!(!is_constant_name("mode"));
        assert!(!is_constant_name("kMode"));
        assert!(!is_constant_name("_1"));
    }
}
