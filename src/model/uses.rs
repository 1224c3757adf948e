//! Uses of one start: where a thread is started on what a function was handed, each call on the way to the start makes a thread of
//! its own.
//!
//! What a use runs is known where the way to it is walked. A join may be come to before that, in a function that is walked
//! earlier, so that the uses of a start are made as soon as somebody asks for its handle. What a wrapper joins, or
//! starts a thread into, is mostly a parameter of it or a field of one: it is told apart by what the calls hand over.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{Event, Language, LocalIndex, Value};
use crate::knowledge::{ArgumentRef, EntryId, Role};

use super::higher::Binding;
use super::places::{Key, Keys, meet};
use super::program::{Engine, StartInfo};
use super::summary::StartId;
use super::tree::{CallSite, FuncId, each_event};
use super::values::Values;

/// How many calls may lie between a start and whoever says what it runs.
const DEEPEST: usize = 6;

/// How many uses of a start are made ahead at the most.
const MOST_USES: usize = 256;

/// What tells the uses of one start apart: what it runs, what that captures, and the calls on the way to it.
type Use = (StartId, Vec<FuncId>, Vec<Binding>, Vec<CallSite>);

/// The uses of starts that are known.
#[derive(Default)]
pub struct Uses {
    known: FxHashMap<Use, StartId>,
    /// Those that nobody has come to yet, by their start and the calls on the way.
    expected: FxHashMap<(StartId, Vec<CallSite>), StartId>,
    /// The starts and ways for which there is one.
    ways: FxHashSet<(StartId, Vec<CallSite>)>,
    /// The starts of which the uses were made ahead.
    unfolded: FxHashSet<StartId>,
}

impl Engine<'_> {
    /// One use of a start whose entry depends on the caller.
    pub fn context_start(
        &mut self,
        base: StartId,
        entries: Vec<FuncId>,
        bindings: Vec<Binding>,
        context: &[CallSite],
    ) -> StartId {
        let key = (base, entries.clone(), bindings.clone(), context.to_vec());
        if let Some(known) = self.uses.known.get(&key) {
            return *known;
        }
        let way = (base, context.to_vec());
        let id = match self.uses.expected.remove(&way) {
            Some(expected) => expected,
            None => self.add_way(way),
        };
        let info = &mut self.starts[id.0 as usize];
        info.entries = entries;
        info.bindings = bindings;
        self.uses.known.insert(key, id);
        id
    }

    /// Adds a use that is reached through certain calls; what it runs is not known yet.
    fn add_way(&mut self, way: (StartId, Vec<CallSite>)) -> StartId {
        let (base, context) = &way;
        let base_info = self.start(*base).clone();
        let made = || context.iter().map(|site| Key::Made(*site));
        let (handed, mut told) = self.values.handed_in_context(base_info.created, context);
        // What functions on the way keep and make is another thing at every call.
        told.retain(|key| match key {
            Key::Made(site) => Some(site.0) == context.first().map(|first| first.0),
            Key::Local(owner, _) => context.iter().skip(1).all(|site| site.0 != *owner),
            _ => true,
        });
        told.extend(made());
        let info = StartInfo {
            entries: Vec::new(),
            outside: Vec::new(),
            base: Some(*base),
            context: context.clone(),
            handles: handed.unwrap_or(base_info.handles).with(&made().collect::<Vec<_>>()),
            owners: base_info
                .owners
                .with(&self.values.owners_in_context(base_info.created, context)),
            told: Keys::of(told),
            ..base_info
        };
        self.uses.ways.insert(way);
        self.add_use(info)
    }

    /// Adds a use of a start.
    fn add_use(&mut self, info: StartInfo) -> StartId {
        let id = StartId(self.starts.len() as u32);
        for known in info.handles.iter().chain(&info.owners) {
            self.starts_by_key.entry(known.clone()).or_default().push(id);
        }
        self.starts.push(info);
        id
    }

    /// A thread that a task waits for, as it is seen by who made the task at `site`: it ends where that waits for the task, or for
    /// the group to which it belongs.
    pub fn task_start(&mut self, base: StartId, site: CallSite) -> StartId {
        let key = (base, Vec::new(), Vec::new(), vec![site]);
        if let Some(known) = self.uses.known.get(&key) {
            return *known;
        }
        let owners = match &self.values.tree.call(site).callee {
            Value::Attribute(group, _) => self.values.keys(site.0, group),
            _ => Keys::default(),
        };
        let made = Keys::of(vec![Key::Made(site)]);
        let info = StartInfo {
            handles: made.clone(),
            owners,
            base: Some(base),
            context: vec![site],
            told: made,
            task: true,
            ..self.start(base).clone()
        };
        let id = self.add_use(info);
        self.uses.known.insert(key, id);
        id
    }

    /// The starts whose handle, or owner, these keys mean.
    pub fn starts_meant(&mut self, keys: &Keys, by_owner: bool) -> Vec<StartId> {
        let mut found = self.starts_known(keys, by_owner);
        if !by_owner {
            let before = self.starts.len();
            found.iter().for_each(|start| self.unfold(*start));
            if self.starts.len() > before {
                found = self.starts_known(keys, by_owner);
            }
        }
        // Uses of one start: where the handle tells which use it came from, only that one is meant.
        let others = self.others_than(&found, keys);
        found.retain(|start| !others.contains(start));
        found
    }

    fn starts_known(&self, keys: &Keys, by_owner: bool) -> Vec<StartId> {
        let mut found: Vec<StartId> = Vec::new();
        for id in keys.iter().filter_map(|key| self.starts_by_key.get(key)).flatten() {
            let info = self.start(*id);
            let of = if by_owner { &info.owners } else { &info.handles };
            if meet(of, keys) && !found.contains(id) {
                found.push(*id);
            }
        }
        found.sort();
        found
    }

    /// Of the uses of one start those that are not meant, where these keys tell which are.
    pub fn others_than(&self, starts: &[StartId], keys: &Keys) -> Vec<StartId> {
        let is_told = |start: &&StartId| meet(&self.start(**start).told, keys);
        let told: Vec<StartId> = starts.iter().filter(is_told).copied().collect();
        let bases: Vec<StartId> = told.iter().filter_map(|start| self.start(*start).base).collect();
        let is_other = |start: &&StartId| {
            let base = self.start(**start).base;
            base.is_some_and(|base| bases.contains(&base)) && !told.contains(start)
        };
        starts.iter().filter(is_other).copied().collect()
    }

    /// Makes the uses of a start that runs what a function was handed, as far as the calls of that function tell.
    fn unfold(&mut self, base: StartId) {
        if self.start(base).base.is_some() || !self.uses.unfolded.insert(base) {
            return;
        }
        let info = self.start(base);
        let mut open: Vec<(FuncId, LocalIndex, Vec<CallSite>)> = Vec::new();
        let of_entry = self.values.entry_value(info.created);
        let of_entry = of_entry.and_then(|(home, value)| self.values.parameter_or_rest(home, value));
        let in_slots = info.entries.iter().flat_map(|entry| self.values.slots_of(*entry));
        for (owner, index) in of_entry.into_iter().chain(in_slots) {
            if !self.higher.is_started(owner, index) {
                continue;
            }
            match owner == info.site.0 {
                true => open.push((owner, index, Vec::new())),
                false => {
                    let ways = self.values.ways_of_object(owner, index, info.site.0).into_iter();
                    open.extend(ways.map(|way| (owner, index, way)));
                }
            }
        }
        let mut ways: Vec<Vec<CallSite>> = Vec::new();
        while let Some((owner, index, below)) = open.pop() {
            for caller in self.values.evident_callers(owner).iter() {
                for value in self.values.handed_for(*caller, owner, index) {
                    let way: Vec<CallSite> = std::iter::once(*caller).chain(below.iter().copied()).collect();
                    match self.values.parameter_or_rest(caller.0, value) {
                        Some((outer, own)) if way.len() < DEEPEST => open.push((outer, own, way)),
                        None if !ways.contains(&way) => ways.push(way),
                        _ => {}
                    }
                }
            }
            if ways.len() >= MOST_USES || open.len() >= MOST_USES {
                break;
            }
        }
        ways.sort();
        for way in ways {
            let way = (base, way);
            if !self.uses.ways.contains(&way) {
                let id = self.add_way(way.clone());
                self.uses.expected.insert(way, id);
            }
        }
    }
}

impl<'t> Values<'t> {
    /// What lies at the bottom of fields: `w` of `w->thread.id`.
    pub(super) fn holder<'v>(&self, func: FuncId, value: &'v Value) -> &'v Value {
        let mut holder = value;
        while let (Value::Attribute(base, _), Language::C) = (holder, self.tree.language(func)) {
            holder = base;
        }
        holder
    }

    /// The handles of a start whose handle is a parameter, as the calls on the way to it hand them over:
    /// `int start(pthread_t *t, …) { return pthread_create(t, …); }`; and where the handle lies, or what it lies in, as they
    /// say it. `context`: these calls, the outermost first.
    fn handed_in_context(&self, created: CallSite, context: &[CallSite]) -> (Option<Keys>, Vec<Key>) {
        let mut told: Vec<Key> = Vec::new();
        for site in context {
            self.add_kept(*site, &mut told);
        }
        let meaning = self.meaning(created);
        let handle = meaning
            .entries
            .iter()
            .find_map(|id| match &self.catalog.entry(*id).role {
                Role::Start { handle, .. } => Some(handle),
                _ => None,
            });
        let handle = handle.and_then(|handle| self.argument(created, handle).into_iter().next());
        let Some((mut home, mut value)) = handle else {
            return (None, told);
        };
        let (mut handles, mut is_handle) = (None, true);
        for site in context.iter().rev() {
            let holder = self.holder(home, value);
            let Some((owner, index)) = self.parameter_of(home, holder) else {
                break;
            };
            let enters = self.meaning(*site).edges.iter().any(|edge| edge.target == owner);
            let Some(argument) = self.bound_argument(*site, owner, index).filter(|_| enters) else {
                break;
            };
            is_handle &= std::ptr::eq(holder, value);
            (home, value) = (site.0, argument);
            let keys = self.keys(home, value);
            told.extend_from_slice(&keys);
            if is_handle && !keys.is_empty() {
                handles = Some(keys);
            }
        }
        (handles, told)
    }

    /// Where the function in which a call stands keeps what the call gives: `s->thread = thread_new(work)`.
    fn add_kept(&self, site: CallSite, told: &mut Vec<Key>) {
        each_event(&self.tree.function(site.0).body, &mut |event| {
            if let Event::Store { target, value, .. } = event
                && let Value::Call(owner, call) = &**value
                && (self.closure(site.0, *owner), *call) == site
            {
                told.extend_from_slice(&self.keys(site.0, target));
            }
        });
    }

    /// The owner of a start that a method of the owner's own class makes, as the call of that method tells: `def submit(self, function):
    /// return super().submit(function)` in a class of pools. `context`: as above.
    fn owners_in_context(&self, created: CallSite, context: &[CallSite]) -> Keys {
        let by_receiver = |id: &EntryId| {
            let role = &self.catalog.entry(*id).role;
            matches!(
                role,
                Role::Start {
                    owner: Some(ArgumentRef::Receiver),
                    ..
                }
            )
        };
        let (Value::Attribute(owner, _), Some(site)) = (&self.tree.call(created).callee, context.last()) else {
            return Keys::default();
        };
        let enters = || self.meaning(*site).edges.iter().any(|edge| edge.target == created.0);
        let is_own = || self.own_object(created.0, owner).is_some() && self.tree.owner(created.0).is_some();
        let owned = self.meaning(created).entries.iter().any(by_receiver);
        match &self.tree.call(*site).callee {
            Value::Attribute(base, _) if owned && is_own() && enters() => self.keys(site.0, base),
            _ => Keys::default(),
        }
    }
}
