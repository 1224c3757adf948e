//! Needs that travel through a function which hands on what it was handed: `def wrapper(*args, **kwargs): return f(*args, **kwargs)`.
//! Whoever calls it decides what `f` gets, as if he called `f` himself. Decorators are made of such functions.

use crate::facts::{Argument, Attribute, CallIndex, Event, Language, LocalIndex, ParameterKind, StoreKind, Value};
use crate::knowledge::Idiom;

use super::needs::{Need, Seen};
use super::objects::Object;
use super::tree::{CallSite, FuncId, each_event, local_of, value_name};
use super::values::Values;

impl Values<'_> {
    /// What becomes of a need at a call that hands on all that the function around it was handed.
    pub(super) fn need_handed_on(&self, site: CallSite, need: &Need, walking: FuncId) -> Option<Need> {
        if site.0 != walking {
            return None;
        }
        let name = &local_of(self.tree.function(need.owner), need.parameter()).name;
        let is_named = |argument: &Argument| argument.name.as_ref() == Some(name);
        if self.tree.call(site).args.iter().any(is_named) {
            return None;
        }
        let rest = self.hands_on_all(site, need.owner)?;
        Some(need.passed_on_by(walking, rest))
    }

    /// What a call makes of a need of what the callee hands on to `further`'s function.
    pub(super) fn passed_need_at_call(&self, site: CallSite, need: &Need, further: &Need, walking: FuncId) -> Seen {
        let (target, parameter) = (further.owner, further.parameter());
        if site.0 == walking
            && let Some(rest) = self.hands_on_all(site, target)
        {
            return Seen::Handed(further.passed_on_by(walking, rest));
        }
        let args = &self.tree.call(site).args;
        match self.bound_argument(site, target, parameter) {
            // Another `*` may come before it.
            Some(_) if args.iter().any(|argument| argument.name.as_deref() == Some("*")) => Seen::Met,
            Some(value) => self.need_of_argument(site, value, further, walking),
            None => match self.default_behind(site, need.owner, further) {
                Some(default) => self.need_of_value(target, default, further),
                None => Seen::Met,
            },
        }
    }

    /// What a parameter is by default, of a function that a call comes to by way of one that hands on what it is handed.
    fn default_behind(&self, site: CallSite, through: FuncId, further: &Need) -> Option<&Value> {
        let by_name = self.is_by_name(site, further.owner) || self.is_by_name(site, through);
        let plain = by_name
            && !self.tree.call(site).args.iter().any(Argument::is_starred)
            && [further.owner, through]
                .iter()
                .all(|func| self.has_known_decorators(*func));
        local_of(self.tree.function(further.owner), further.parameter())
            .default
            .as_deref()
            .filter(|_| plain)
    }

    /// Whether all that stands around a function are decorators of the tree, so that a need on its way to the callers has come through each.
    fn has_known_decorators(&self, func: FuncId) -> bool {
        let home = self.home_of(func);
        let is_known = |attribute: &Attribute| {
            let objects = self.eval(home, &attribute.value);
            let is_own = !objects.is_empty() && objects.iter().all(|object| matches!(object, Object::Function(_)));
            is_own
                || matches!(
                    value_name(&attribute.value),
                    Some("staticmethod" | "classmethod" | "wraps")
                )
        };
        self.tree.function(func).attributes.iter().all(is_known)
    }

    /// Whether a call hands on everything that its function was handed, in order and untouched; and what gathers the rest of it.
    fn hands_on_all(&self, site: CallSite, target: FuncId) -> Option<LocalIndex> {
        let call = self.tree.call(site);
        call.args.iter().any(Argument::is_starred).then_some(())?;
        let function = self.tree.function(site.0);
        let indices = function.parameters().map(|(index, _)| index);
        let (rests, mut leading): (Vec<_>, Vec<_>) = indices.partition(|index| self.gathers(site.0, *index));
        let own = |index: &LocalIndex| Value::Local(self.tree.index_of(site.0).1, *index);
        let starred: Vec<&Value> = call
            .args
            .iter()
            .filter(|argument| argument.is_starred())
            .map(|argument| &argument.value)
            .collect();
        let plain: Vec<&Value> = call
            .args
            .iter()
            .filter(|argument| argument.name.is_none())
            .map(|argument| &argument.value)
            .collect();
        let receives = self
            .tree
            .function(target)
            .parameters()
            .any(|(_, local)| local.parameter == Some(ParameterKind::Receiver));
        // `self.run(*args, **kwargs)` hands on the object as well.
        if let Value::Attribute(base, _) = &call.callee
            && receives
        {
            let first = leading.first().copied()?;
            (**base == own(&first)).then_some(())?;
            leading.remove(0);
        }
        let same = |values: &[&Value], indices: &[LocalIndex]| {
            values.len() == indices.len() && values.iter().zip(indices).all(|(value, index)| **value == own(index))
        };
        let untouched = leading
            .iter()
            .chain(&rests)
            .all(|index| self.is_untouched(site.0, *index));
        let all = same(&starred, &rests) && same(&plain, &leading) && untouched;
        rests.last().copied().filter(|_| all)
    }

    /// Whether a function leaves a parameter and what is in it as it was handed them.
    fn is_untouched(&self, func: FuncId, index: LocalIndex) -> bool {
        if !self.local_stores(func, index).is_empty() {
            return false;
        }
        let own = Value::Local(self.tree.index_of(func).1, index);
        let mut touched = false;
        each_event(&self.tree.function(func).body, &mut |event| match event {
            Event::Store {
                target: Value::Item(base, _) | Value::Element(base),
                kind: StoreKind::Assign | StoreKind::Augmented | StoreKind::Delete,
                ..
            } => touched |= **base == own,
            Event::Call(call) => touched |= self.may_change((func, *call), &own),
            _ => {}
        });
        !touched
    }

    /// Whether a call may change what is in a value: by a method of its, or in a function of the tree that it is handed to.
    fn may_change(&self, site: (FuncId, CallIndex), value: &Value) -> bool {
        let call = self.tree.call(site);
        let by_method = matches!(&call.callee, Value::Attribute(base, method)
            if **base == *value && !self.catalog.tells(Language::Python, method, Idiom::LooksAt));
        let is_handed = call.args.iter().any(|argument| {
            argument.name.as_deref() != Some("*") && argument.name.as_deref() != Some("**") && argument.value == *value
        });
        // What others hand over whole is theirs to change.
        let is_rest = self.rest_of(site.0, value).is_some();
        by_method && is_rest || is_handed && is_rest && !self.meaning(site).edges.is_empty()
    }
}
