//! What the catalog's entries do at a call: locks are taken, threads joined, messages sent, functions called now, once or later,
//! programs started and files run.

use std::rc::Rc;

use crate::facts::{Argument, Language, LocalIndex, Span, Value};
use crate::finding::Confidence;
use crate::knowledge::{ArgumentRef, EntryId, JoinOf, Repeats, Role};

use super::firsts::{is_module_mark, kept_mark, once_mark};
use super::handed_on::Called;
use super::higher::Binding;
use super::lent::is_lent_among;
use super::members::HOLE;
use super::objects::{Object, Objects};
use super::places::{Key, Keys, add_new, meet};
use super::program::SummaryKey;
use super::sites::AccessKind;
use super::summary::{Access, Certainty, Held, Live, StartId};
use super::tree::{CallSite, FileId, FuncId};
use super::walk::Walk;
use super::whose::Owners;

/// Why an import is doubted that runs a module.
const IMPORTED_AROUND: &str =
    "the package in which the import stands imports that module itself, so that it is likely to have run";

impl Walk<'_, '_> {
    /// Waits for what a value stands for: a coroutine runs here, and threads and tasks that it is the handle of have ended.
    pub(super) fn awaited(&mut self, value: &Value, span: Span) {
        self.begin_tasks();
        if !self.engine.values.is_task(self.here, value) {
            self.run_made(value, span);
        }
        let (inside, several) = self.gathered(value);
        let started = self.keys_of_started(value);
        let keys = self.engine.values.keys(self.here, value);
        let keys = keys.with(started.iter().chain(inside.iter().flatten()));
        self.join(&keys, false, self.loops > 0 || several, span);
    }

    /// The coroutines that a value stands for run here, for what the call that makes them hands over.
    fn run_made(&mut self, value: &Value, span: Span) {
        let tree = self.engine.values.tree;
        // What a function was handed runs where its callers hand it over.
        let is_python = tree.language(self.here) == Language::Python;
        if let Some(targets) = self.parameter_here(self.here, value).filter(|_| is_python) {
            for target in targets.into_iter().filter(|target| tree.function(*target).is_async) {
                self.invoke(target, None, span, &Certainty::SURE);
            }
            return;
        }
        let values = &self.engine.values;
        let (home, made) = values.before_moves(self.here, value);
        let site: Option<CallSite> = match made {
            Value::Call(owner, call) if home == self.here => Some((values.closure(home, *owner), *call)),
            _ => None,
        };
        // Of a parameter that is called whoever hands it over decides.
        if let Some(makers) = site.and_then(|site| self.called_parameter(site)) {
            for maker in makers {
                // What is a coroutine itself has run at the call.
                if !tree.function(maker).is_async {
                    for coroutine in self.engine.values.coroutines_from(maker) {
                        self.invoke(coroutine, None, span, &Certainty::SURE);
                    }
                }
            }
            return;
        }
        let callees = site.map(|site| values.callee(site)).unwrap_or_default();
        let coroutines = values.coroutines(&values.eval(self.here, value));
        let are_called = coroutines
            .iter()
            .all(|coroutine| callees.contains(&Object::Function(*coroutine)));
        let targets: Vec<_> = coroutines
            .into_iter()
            .map(|coroutine| (coroutine, Certainty::SURE))
            .collect();
        self.one_of(&targets, site.filter(|_| are_called), span);
    }

    /// `await sync_to_async(work)(argument)`: what the call gives ends with the thread on which the callee, itself a result, runs.
    fn keys_of_started(&self, value: &Value) -> Keys {
        let Value::Call(owner, call) = value else {
            return Keys::default();
        };
        let values = &self.engine.values;
        let site: CallSite = (values.closure(self.here, *owner), *call);
        // Of a callee that has a name there may be other calls, which have not ended.
        match &values.tree.call(site).callee {
            callee @ Value::Call(..) => values.keys(site.0, callee),
            _ => Keys::default(),
        }
    }

    /// `await gather(*tasks)`, `await wait(tasks)`: the keys of what the containers hold that the call is handed, and whether it waits
    /// for several things.
    fn gathered(&self, value: &Value) -> (Vec<Keys>, bool) {
        let Value::Call(owner, call) = value else {
            return (Vec::new(), false);
        };
        let values = &self.engine.values;
        let site: CallSite = (values.closure(self.here, *owner), *call);
        let passes = |id: &EntryId| matches!(values.catalog.entry(*id).role, Role::Pass { .. });
        if !values.meaning(site).entries.iter().any(passes) {
            return (Vec::new(), false);
        }
        let args = &values.tree.call(site).args;
        let is_container = |argument: &&Argument| {
            argument.name.as_deref() == Some("*") || !values.calls_put_into(site.0, &argument.value).is_empty()
        };
        let containers = args.iter().filter(is_container);
        let keys: Vec<Keys> = containers
            .map(|argument| values.keys(site.0, &Value::Element(Box::new(argument.value.clone()))))
            .collect();
        let several = !keys.is_empty() || args.iter().filter(|argument| argument.name.is_none()).count() > 1;
        (keys, several)
    }

    /// A value dies: the guards that it holds are released, a `Drop` of the tree runs.
    pub(super) fn dropped(&mut self, value: &Value, span: Span) {
        let objects = self.engine.values.eval(self.here, value);
        self.run_drop(self.here, value, span);
        // The fields die after `drop` has run, and with them the guards that they hold (Rust reference, Destructors).
        let holders = self.engine.values.holders(self.here, value);
        let is_held = |held: &Held| held.holder.is_some_and(|holder| holders.contains(&holder));
        // One function may lock what it is handed: which of its guards this is, the call says.
        let named = self.handed_keys(value);
        let told = |held: &Held| is_held(held) && meet(&held.keys, &named);
        let any_told = self.state.guards.iter().any(told);
        self.state
            .guards
            .retain(|held| if any_told { !told(held) } else { !is_held(held) });
        let keys = self.engine.values.keys(self.here, value);
        self.drop_entries(&objects, &keys, span);
    }

    /// Runs the `Drop` of the tree that a value has.
    fn run_drop(&mut self, home: FuncId, value: &Value, span: Span) {
        for method in self.engine.values.drops(home, value) {
            self.enter(method, span, "drops the value: calls", &Certainty::SURE);
        }
    }

    /// The keys of what the call that made a value was handed.
    fn handed_keys(&self, value: &Value) -> Keys {
        let values = &self.engine.values;
        let mut keys = Vec::new();
        for (home, value) in values.sources(self.here, value).into_iter().chain([(self.here, value)]) {
            if let Value::Call(owner, call) = value {
                let site = (values.closure(home, *owner), *call);
                for argument in &values.tree.call(site).args {
                    keys.extend_from_slice(&values.keys(site.0, &argument.value));
                }
            }
        }
        Keys::of(keys)
    }

    fn drop_entries(&mut self, objects: &Objects, keys: &Keys, span: Span) {
        let language = self.engine.values.tree.language(self.here);
        for object in objects.iter() {
            let Object::Result(path, _) = object else { continue };
            for id in self
                .engine
                .values
                .catalog
                .lookup(language, crate::knowledge::MatchKind::Drop, path)
            {
                if let Role::Join { of, certain: true, .. } = &self.engine.values.catalog.entry(*id).role {
                    let by_owner = matches!(of, JoinOf::Owner(_));
                    self.join(keys, by_owner, true, span);
                }
            }
        }
    }

    /// A module is imported: its code runs here, unless it has run before.
    pub(super) fn import(&mut self, path: &str, span: Span) {
        let file = self.engine.values.tree.file_of(self.here);
        let modules = self.engine.values.imported_modules(file, path);
        if modules.is_empty() {
            for initialiser in self.engine.values.extension_modules(file, path) {
                self.enter(initialiser, span, "imports a C module: runs", &Certainty::SURE);
            }
        }
        for module in modules {
            self.import_module(module, span);
        }
    }

    fn import_module(&mut self, module: FileId, span: Span) {
        let tree = self.engine.values.tree;
        if module != tree.file_of(self.here) && !self.engine.has_run(module, self.here, span.start) {
            let function = tree.module_function(module);
            let note = format!("imports {}: runs", tree.file(module).path);
            let certainty = match self.engine.is_imported_around(module, self.here) {
                true => Certainty::because(Confidence::Low, IMPORTED_AROUND),
                false => Certainty::SURE,
            };
            self.first_import(module, |walk| walk.enter(function, span, &note, &certainty));
        }
    }

    /// The code of a module runs on an import: not where that was done before, and not again behind it.
    fn first_import(&mut self, module: FileId, run: impl FnOnce(&mut Self)) {
        // The innermost module is what an access hangs on: by which others it is come to makes no difference.
        let received = &mut self.state.received;
        let outer: Vec<Keys> = received.extract_if(.., |keys| is_module_mark(keys)).collect();
        self.first_time(self.engine.values.module_mark(module), run);
        self.state.received.extend(outer);
    }

    /// Work is done that a program does once, unless it has been done by now; `mark` is its key ([`super::firsts`]).
    fn first_time(&mut self, mark: Keys, run: impl FnOnce(&mut Self)) {
        if self.state.done.contains(&mark) {
            return;
        }
        self.state.received.push(mark.clone());
        run(self);
        self.state.received.retain(|keys| *keys != mark);
        if self.engine.firsts.contains(&mark) {
            self.state.done.insert(mark);
        }
    }

    /// Everything that the catalog says of a call.
    pub(super) fn roles(&mut self, site: CallSite, entries: &[EntryId], span: Span) {
        let values_catalog = self.engine.values.catalog;
        let under = entries.iter().find_map(|id| match &values_catalog.entry(*id).role {
            Role::CallsNow { under, .. } => under.as_deref(),
            _ => None,
        });
        let own = under.map(|name| Held {
            keys: Keys::of(vec![Key::Outside(name.into())]),
            of: Owners::default(),
            name: name.into(),
            holder: None,
            test: None,
            shared: false,
        });
        self.state.guards.extend(own.clone());
        for kind in [AccessKind::Mutation, AccessKind::Spawn, AccessKind::Read] {
            let alike: Vec<EntryId> = entries
                .iter()
                .copied()
                .filter(|id| access_kind(&values_catalog.entry(*id).role) == Some(kind))
                .collect();
            if !alike.is_empty() {
                let variable = self.engine.key_of_call(site, &alike);
                let mixed = kind == AccessKind::Spawn && self.engine.values.is_mixed_environment(site, &alike);
                let conditional = if mixed { self.assume_tests() } else { Vec::new() };
                let touch = |walk: &mut Self| walk.touch_by_call(site, &alike, kind, span, &variable);
                match alike.iter().find_map(|id| values_catalog.entry(*id).kept.as_ref()) {
                    Some(name) => self.first_time(kept_mark(name), touch),
                    None => touch(self),
                }
                for (place, test) in conditional {
                    self.state.guards[place].test = Some(test);
                }
            }
        }
        let mut done: Vec<&Role> = Vec::new();
        for id in entries {
            let role = &values_catalog.entry(*id).role;
            // A call takes a lock once, however many entries say so.
            let again = matches!(role, Role::Lock { .. }) && done.iter().any(|done| matches!(done, Role::Lock { .. }));
            if again || done.contains(&role) {
                continue;
            }
            done.push(role);
            self.role(site, role, span);
        }
        if let Some(own) = own {
            self.state.release(&own.keys);
        }
    }

    /// A call touches the environment: a spawn on each way on which it hands the live one on.
    fn touch_by_call(
        &mut self,
        site: CallSite,
        entries: &[EntryId],
        kind: AccessKind,
        span: Span,
        variable: &Option<String>,
    ) {
        let callee = &self.engine.values.tree.call(site).callee;
        let ways = match kind {
            AccessKind::Spawn => self.engine.values.ways_to_live(site, entries),
            _ => Vec::new(),
        };
        if ways.is_empty() {
            return self.touch_place(callee, entries, kind, span, (variable.clone(), None));
        }
        for way in ways {
            let Some(needs) = self.needs_here(way.needs) else {
                continue;
            };
            let known = self.needs.len();
            self.needs.extend(needs);
            self.perhaps_unset += u32::from(!way.is_sure);
            self.touch_place(callee, entries, kind, span, (variable.clone(), None));
            self.perhaps_unset -= u32::from(!way.is_sure);
            self.needs.truncate(known);
        }
    }

    /// An environment that is the live one under a test only, beside a lock that is held under a test only: the test is
    /// taken to be the same. Returns what to put back.
    fn assume_tests(&mut self) -> Vec<(usize, Rc<str>)> {
        let guards = self.state.guards.iter_mut().enumerate();
        guards
            .filter_map(|(place, held)| Some((place, held.test.take()?)))
            .collect()
    }

    fn role(&mut self, site: CallSite, role: &Role, span: Span) {
        match role {
            Role::Join { of, certain, raises } => self.join_call(site, of, (*certain, *raises), span),
            Role::Detach { .. } => {}
            Role::Lock {
                of,
                shared,
                tries: false,
                guard,
                ..
            } => self.lock(site, of, *shared, *guard),
            Role::Unlock { of } => {
                for (home, value) in self.arguments(site, of) {
                    let holders = self.engine.values.holders(home, &value);
                    let held = |held: &Held| held.holder.is_some_and(|holder| holders.contains(&holder));
                    if !self.state.guards.iter().any(held) {
                        let keys = self.engine.values.keys(home, &value);
                        self.unlock(&keys);
                        if self.engine.values.tree.language(site.0) == Language::Rust {
                            self.run_drop(home, &value, span);
                        }
                    } else {
                        self.dropped(&value, span);
                    }
                }
            }
            Role::Receive { of } => {
                for (home, value) in self.arguments(site, of) {
                    let queue = self.engine.values.queue(home, &value);
                    self.hear(&queue.keys, span);
                    if !queue.keys.is_empty() && queue.known && !self.state.received.contains(&queue.keys) {
                        self.state.received.push(queue.keys);
                    }
                }
            }
            Role::Send { of } => {
                for (home, value) in self.arguments(site, of) {
                    let queue = self.engine.values.queue(home, &value);
                    if !queue.known {
                        self.send_unknown();
                    }
                    self.send(&queue.keys);
                    self.note_word(&queue.keys, true);
                }
            }
            Role::CallsNow {
                entry,
                scope,
                once: None,
                repeats,
                task,
                ..
            } => match task {
                true => self.calls_task(site, entry, span),
                false => {
                    let asked = self.engine.values.needs_of_call_back(site);
                    let Some(asked) = self.needs_here(asked) else { return };
                    let needs = self.needs.len();
                    self.needs.extend(asked);
                    self.calls_now(site, entry, *scope, *repeats, span);
                    self.needs.truncate(needs);
                }
            },
            Role::CallsNow {
                entry,
                once: Some(control),
                ..
            } => self.calls_once(site, entry, control, span),
            // A task on a runtime without threads of its own.
            Role::Start { entry, task: true, .. } if self.engine.starts_at(site).is_empty() => {
                let tasks = self.engine.values.handed_functions(site, entry);
                self.hand_on_tasks(&tasks, span);
            }
            Role::Enters { of } => {
                for (_, manager) in self.arguments(site, of) {
                    self.enter_kept(site, &manager, span);
                }
            }
            Role::Settle { of } => {
                for (home, value) in self.arguments(site, of) {
                    let keys = self.engine.values.keys(home, &value);
                    self.settle(&keys);
                }
            }
            Role::Done { of } => {
                for (home, value) in self.arguments(site, of) {
                    let keys = self.engine.values.keys(home, &value);
                    self.state.received.retain(|received| !meet(received, &keys));
                }
            }
            Role::Consume { of } => {
                for (home, value) in self.arguments(site, of) {
                    self.drain(home, &value, span);
                }
            }
            Role::CallsLater { entry, again } => {
                let called = if *again { Called::Often } else { Called::Perhaps };
                for func in self.engine.values.handed_functions(site, entry) {
                    let doubt = "the function is handed on and runs at a time that is not known";
                    self.hand_on(func, span, Certainty::because(Confidence::Medium, doubt), called);
                }
            }
            Role::Exec { environment } => {
                if self.engine.values.lives(site, environment.as_ref()) {
                    self.exec(site, span);
                }
                self.state.dead = self.state.dead || self.state.child.is_some();
            }
            Role::ForkWindow { entry } => self.fork_window(site, entry, span),
            Role::Exit { .. } => self.state.dead = true,
            Role::RunFile { source } => self.run_file(site, source, span),
            Role::RunModule { name, package, again } => {
                self.run_module(site, (name, package.as_ref()), *again, span);
            }
            Role::HeapArray => self.out.heap_by_call(&mut self.state.heap, self.engine.heap_site(site)),
            _ => {}
        }
    }

    pub(super) fn arguments(&self, site: CallSite, reference: &ArgumentRef) -> Vec<(FuncId, Value)> {
        self.engine
            .values
            .argument(site, reference)
            .into_iter()
            .map(|(home, value)| (home, value.clone()))
            .collect()
    }

    /// `raises`: where the wait is given up.
    fn join_call(&mut self, site: CallSite, of: &JoinOf, (certain, raises): (bool, bool), span: Span) {
        let (reference, by_owner) = match of {
            JoinOf::Handle(reference) => (reference, false),
            JoinOf::Owner(reference) => (reference, true),
        };
        if *reference == ArgumentRef::Result {
            // The call itself waits for what it started. Where it does so with others, its tasks go on meanwhile.
            if self.engine.values.makes_tasks(site) {
                self.begin_tasks();
            }
            return self.join(&Keys::of(vec![Key::Made(site)]), by_owner, true, span);
        }
        for (home, value) in self.arguments(site, reference) {
            let value = self.latest(home, &value);
            let mut keys = self.engine.values.keys(home, &value);
            // `wait(futures)`, `t.join()` in a loop over them: all. One element by its number: one.
            let single = self.is_single(home, &value);
            if !single && !by_owner {
                let elements = Value::Element(Box::new(value.clone()));
                keys = keys.with(&self.engine.values.keys(home, &elements));
            }
            if !by_owner {
                self.note_joined_through(home, &value, &keys);
            }
            if raises {
                self.may_be_overdue(&keys, by_owner, span);
            }
            let in_turn = self.loops > 0 && !by_owner && (single || is_element(&value));
            if certain && in_turn {
                self.join_in_turn(&keys, false, span);
            } else if certain {
                self.join(&keys, by_owner, self.loops > 0 || !single, span);
            } else {
                for start in self.engine.starts_meant(&keys, by_owner) {
                    self.weak_join(start, "the join may end before the thread does", span);
                }
            }
        }
    }

    /// What is joined may be a parameter of the function that is walked, or lie in what that stands for.
    fn note_joined_through(&mut self, home: FuncId, value: &Value, keys: &Keys) {
        let values = &self.engine.values;
        let parameter = values.parameter_of(home, values.holder(home, value));
        let Some((_, index)) = parameter.filter(|(owner, _)| *owner == self.key.function) else {
            return;
        };
        for start in self.engine.starts_meant(keys, false) {
            if self.engine.start(start).base.is_some() {
                add_new(&mut self.out.joined_through, &[(start, index)]);
            }
        }
    }

    /// The value is one handle and no container of them.
    pub(super) fn is_single(&self, home: FuncId, value: &Value) -> bool {
        match value {
            Value::List(_) => false,
            Value::Item(_, key) => matches!(key.as_ref(), Value::Int(_)),
            other => {
                let values = &self.engine.values;
                !values.eval(home, other).is_empty() && values.elements(home, other, None).is_empty()
            }
        }
    }

    /// Takes a lock; `guard`: it is given back when what the call gives is dropped.
    pub(super) fn lock(&mut self, site: CallSite, of: &ArgumentRef, shared: bool, guard: bool) {
        for (home, value) in self.arguments(site, of) {
            let keys = self.engine.values.keys(home, &value);
            if keys.is_empty() {
                continue;
            }
            let name = self.engine.values.described(home, &value);
            let holder = guard.then_some(site);
            let of = self.engine.values.owners_of_lock(home, &value);
            self.state.hold(Held {
                keys,
                of,
                name: name.into(),
                holder,
                test: None,
                shared,
            });
        }
    }

    /// Gives a lock back.
    pub(super) fn unlock(&mut self, keys: &Keys) {
        if self.state.guards.iter().any(|held| meet(&held.keys, keys)) {
            self.state.release(keys);
        } else if !keys.is_empty() {
            // Rust's guards are given up by who owns them; what is dropped there is mostly none.
            if self.engine.values.tree.language(self.here) != Language::Rust {
                self.state.give_up(keys);
            }
            if !self.out.releases.contains(keys) {
                self.out.releases.push(keys.clone());
            }
        }
    }

    /// Something is sent on a queue: threads that wait for it may go on.
    pub(super) fn send(&mut self, keys: &Keys) {
        if keys.is_empty() {
            return self.send_unknown();
        }
        if !self.state.live.is_empty() {
            let waits = |live: &Live| !live.story.sent.contains(keys);
            let woken = self.alive_where(waits);
            self.state
                .live
                .each(waits, |live| live.story_mut().sent.insert(keys.clone()));
            self.meet_woken(&woken);
        }
        if !self.sends.contains(keys) {
            self.sends.insert(keys.clone());
            self.out.sends.push(keys.clone());
        }
    }

    /// Something is sent, and it is not known on which queue.
    pub(super) fn send_unknown(&mut self) {
        self.out.sends_unknown = true;
        let waits = |live: &Live| !live.story.sent_unknown;
        let woken = self.alive_where(waits);
        self.state.live.each(waits, |live| live.story_mut().sent_unknown = true);
        self.meet_woken(&woken);
    }

    fn alive_where(&self, is: impl Fn(&Live) -> bool) -> Vec<StartId> {
        let alive = self.state.live.values();
        alive.filter(|live| is(live)).map(|live| live.start).collect()
    }

    /// What threads do only after something was sent meets now what other threads do. The threads met when they began, but then
    /// nothing was sent yet, and what has ended since is out of the way.
    fn meet_woken(&mut self, woken: &[StartId]) {
        for start in woken {
            if !self.engine.thread_accesses(*start).waits {
                continue;
            }
            let lives = self.state.live.clone();
            let Some(live) = lives.get(start) else { continue };
            if live.many {
                self.engine.meet_itself(self.key.function, live);
            }
            for other in lives.values() {
                self.engine.meet_threads(self.key.function, live, other);
            }
        }
    }

    /// Everything that was sent is dealt with: a thread that receives from there waits for the next that is sent, unless a
    /// thread that is alive sends it.
    fn settle(&mut self, keys: &Keys) {
        if keys.is_empty() {
            return;
        }
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        for sender in alive {
            let sent = self.engine.thread_sends(sender);
            if sent.unknown || sent.on.iter().any(|sent| meet(sent, keys)) || is_lent_among(&sent.on, keys) {
                return;
            }
        }
        let told = |sent: &Keys| meet(sent, keys);
        self.state.live.each(
            |live| live.story.sent.iter().any(told),
            |live| live.story_mut().sent.retain(|sent| !told(sent)),
        );
    }

    /// An iterator over what threads bring is gone through to its end: they have ended.
    pub(super) fn drain(&mut self, home: FuncId, value: &Value, span: Span) {
        let value = self.latest(home, value);
        let keys = self.engine.values.streamed(home, &value);
        if !keys.is_empty() {
            self.join(&keys, false, true, span);
        }
    }

    fn calls_now(&mut self, site: CallSite, entry: &ArgumentRef, scope: bool, repeats: Repeats, span: Span) {
        let alive: Vec<StartId> = self.state.live.keys().copied().collect();
        let repeats = match repeats {
            Repeats::Never => false,
            Repeats::IfSeveral => self.engine.values.goes_through_several(site),
            Repeats::Always => true,
        };
        let functions = self.handed_here(site, entry);
        // As in a loop, a second round sees the threads that the first one left alive.
        self.loops += u32::from(repeats);
        let begun = |walk: &Self| walk.state.live.keys().any(|start| !alive.contains(start));
        self.call_back(&functions, span);
        if repeats && begun(self) && !self.state.dead {
            self.call_back(&functions, span);
        }
        self.loops -= u32::from(repeats);
        if scope {
            let begun: Vec<StartId> = self
                .state
                .live
                .keys()
                .copied()
                .filter(|start| !alive.contains(start))
                .collect();
            for start in begun {
                let here = self.here;
                self.end(start, false, here, span);
            }
        }
    }

    /// What a value stands for that is a parameter: what is bound to it on this way, else what threads and unknown code hand it.
    /// Evident callers walk the function themselves.
    pub(super) fn parameter_here(&self, home: FuncId, value: &Value) -> Option<Vec<FuncId>> {
        let values = &self.engine.values;
        let (owner, index) = values.parameter_or_rest(home, value)?;
        let bound = self.bound_to(owner, index).cloned();
        Some(bound.unwrap_or_else(|| values.handed_with(owner, index)))
    }

    /// The functions that a parameter is bound to on this way.
    pub(super) fn bound_to(&self, owner: FuncId, index: LocalIndex) -> Option<&Vec<FuncId>> {
        self.binding_of(owner, index).map(|binding| &binding.targets)
    }

    fn binding_of(&self, owner: FuncId, index: LocalIndex) -> Option<&Binding> {
        let mut bound = self.bindings.iter().rev();
        bound.find(|bound| bound.owner == owner && bound.index == index)
    }

    /// What a value is bound to on this way that is a parameter.
    pub(super) fn binding_of_value(&self, home: FuncId, value: &Value) -> Option<&Binding> {
        let (owner, index) = self.engine.values.parameter_of(home, value)?;
        self.binding_of(owner, index)
    }

    /// Whether a value is a parameter that stands for something certain on this way.
    pub(super) fn is_bound(&self, home: FuncId, value: &Value) -> bool {
        self.binding_of_value(home, value).is_some()
    }

    /// Where a thread is made that a value is, as far as this way to it tells.
    pub(super) fn made_here(&self, home: FuncId, value: &Value) -> Vec<CallSite> {
        let values = &self.engine.values;
        let bound = self.binding_of_value(home, value);
        match bound.filter(|bound| !bound.made.is_empty()) {
            Some(bound) => bound.made.clone(),
            None => values.made_at(home, &self.latest(home, value)),
        }
    }

    /// The functions that an argument hands over, as far as this way to the call tells.
    fn handed_here(&self, site: CallSite, entry: &ArgumentRef) -> Vec<FuncId> {
        let values = &self.engine.values;
        let mut handed = values.entry_values(site, entry).into_iter();
        handed
            .find_map(|(home, value)| self.parameter_here(home, value))
            .unwrap_or_else(|| values.handed_functions(site, entry))
    }

    fn call_back(&mut self, functions: &[FuncId], span: Span) {
        for function in functions {
            self.enter(*function, span, "calls back", &Certainty::SURE);
        }
    }

    /// What runs once in the process excludes all that comes after it on any thread, as a writer excludes readers that
    /// never let go; what comes before the call is not ordered.
    fn calls_once(&mut self, site: CallSite, entry: &ArgumentRef, control: &ArgumentRef, span: Span) {
        let functions = self.handed_here(site, entry);
        let controls = self.arguments(site, control);
        let mut controls = controls.iter().map(|(home, value)| (*home, value));
        match controls.find(|(home, value)| !self.engine.values.keys(*home, value).is_empty()) {
            Some((home, value)) => self.call_once(&functions, home, value, span),
            None => self.calls_now(site, entry, false, Repeats::Never, span),
        }
    }

    /// A static is looked at that is initialised when that happens for the first time.
    pub(super) fn initialise(&mut self, value: &Value, span: Span) {
        let functions = self.engine.values.initialisers(self.here, value);
        if !functions.iter().any(|function| self.engine.acts(*function)) {
            return;
        }
        // A program may have hundreds that only look at a variable: what they hold meanwhile would tell apart all that comes
        // after them, and keeps none of it from anything.
        let only_looks = functions.iter().all(|function| {
            let summary = self.engine.summary(SummaryKey {
                function: *function,
                main: false,
            });
            let changes = |access: &Access| self.engine.sites.kind(access.site) == AccessKind::Mutation;
            summary.leaks.is_empty() && !summary.accesses.iter().any(changes)
        });
        match only_looks {
            true => self.call_back(&functions, span),
            false => self.call_once(&functions, self.here, value, span),
        }
    }

    /// What runs once in the process, and what others wait for who come meanwhile: `control` sees to that.
    fn call_once(&mut self, functions: &[FuncId], home: FuncId, control: &Value, span: Span) {
        let held = Held {
            keys: self.engine.values.keys(home, control),
            of: Owners::default(),
            name: self.engine.values.described(home, control).into(),
            holder: None,
            test: None,
            shared: false,
        };
        // What comes after it holds nothing that another thread could take.
        let after = Held {
            shared: true,
            name: Rc::from(""),
            ..held.clone()
        };
        if self.state.guards.contains(&after) {
            return;
        }
        self.state.guards.push(held.clone());
        match once_mark(&held.keys) {
            Some(mark) => self.first_time(mark, |walk| walk.call_back(functions, span)),
            None => self.call_back(functions, span),
        }
        self.state.release(&held.keys);
        self.state.guards.push(after);
    }

    fn exec(&mut self, site: CallSite, span: Span) {
        if self.state.own_array {
            return;
        }
        self.out.execs_live = true;
        if self.state.child.is_some() {
            return self.exec_in_child();
        }
        let entries: Vec<EntryId> = self
            .engine
            .values
            .meaning(site)
            .entries
            .iter()
            .copied()
            .filter(|id| matches!(self.engine.values.catalog.entry(*id).role, Role::Exec { .. }))
            .collect();
        // `if (inherit) lock(); if (!inherit) environ = own; execv(…);`
        let conditional = if self.state.own_under_test {
            self.assume_tests()
        } else {
            Vec::new()
        };
        self.touch(&entries, AccessKind::Spawn, span, None, None);
        for (place, test) in conditional {
            self.state.guards[place].test = Some(test);
        }
    }

    /// The child replaces itself with the live environment: the fork was a spawn.
    pub(super) fn exec_in_child(&mut self) {
        let Some(fork) = self.state.child else { return };
        let Some(point) = self.state.fork_point.clone() else {
            return;
        };
        let site = self.engine.spawn_at_fork(fork);
        let child = std::mem::replace(&mut self.state, (*point).clone());
        self.record_here(site, None);
        self.state = child;
        self.state.dead = true;
    }

    /// `preexec_fn`, `pre_exec`: the function runs in the child.
    fn fork_window(&mut self, site: CallSite, entry: &ArgumentRef, span: Span) {
        let functions = self.engine.values.handed_functions(site, entry);
        let fork = self.engine.fork_window_site(site);
        let before = self.state.clone();
        self.state.fork_point = Some(Rc::new(before.clone()));
        self.state.child = Some(fork);
        for func in functions {
            self.enter(func, span, "runs in the child:", &Certainty::SURE);
        }
        self.state = before;
    }

    fn run_file(&mut self, site: CallSite, source: &ArgumentRef, span: Span) {
        let mut patterns = Vec::new();
        for (home, value) in self.arguments(site, source) {
            patterns.extend(self.engine.values.texts(home, &value));
        }
        let files = self.engine.matching_files(&patterns, self.here);
        self.one_or_none(files.iter(), |walk, module| {
            let function = walk.engine.values.tree.module_function(*module);
            let summary = walk.engine.summary(SummaryKey { function, main: false });
            let note = format!("runs {}", walk.engine.values.tree.file(*module).path);
            walk.apply(&summary, walk.step(span, note), &Certainty::SURE);
        });
    }

    fn run_module(
        &mut self,
        site: CallSite,
        (name, package): (&ArgumentRef, Option<&ArgumentRef>),
        again: bool,
        span: Span,
    ) {
        for text in self.engine.values.module_names(site, name, package) {
            if text.contains(HOLE) {
                self.run_modules_matching(&text, again, span);
            } else if again {
                self.run_again(&text, span);
            } else {
                self.import(&text, span);
            }
        }
    }

    /// Runs one of the modules that a name with holes may mean, or none of them.
    fn run_modules_matching(&mut self, pattern: &str, again: bool, span: Span) {
        let file = self.engine.values.tree.file_of(self.here);
        let modules = self.engine.values.modules_matching(file, pattern);
        self.one_or_none(modules, |walk, module| match again {
            true => walk.run_code(module, span),
            false => walk.import_module(module, span),
        });
    }

    /// Runs the code of a module, for which its packages are imported first.
    fn run_again(&mut self, path: &str, span: Span) {
        if let Some((packages, _)) = path.rsplit_once('.') {
            self.import(packages, span);
        }
        let file = self.engine.values.tree.file_of(self.here);
        if let Some(module) = self.engine.values.named_module(file, path) {
            self.run_code(module, span);
        }
    }

    fn run_code(&mut self, module: FileId, span: Span) {
        let function = self.engine.values.tree.module_function(module);
        let note = format!("runs {}", self.engine.values.tree.file(module).path);
        self.enter(function, span, &note, &Certainty::SURE);
    }
}

/// The kind of access that a role is, if it is one.
pub(super) fn access_kind(role: &Role) -> Option<AccessKind> {
    match role {
        Role::Mutation { .. } => Some(AccessKind::Mutation),
        Role::Spawn { .. } => Some(AccessKind::Spawn),
        Role::Read { .. } => Some(AccessKind::Read),
        _ => None,
    }
}

/// One element of a container, or a part of it: `threads[i]`, `workers[i].thread`.
fn is_element(value: &Value) -> bool {
    match value {
        Value::Item(..) | Value::Element(_) => true,
        Value::Attribute(base, _) => is_element(base),
        _ => false,
    }
}
