//! Context managers of Python's: what happens where one is entered and left, by a with-block or by a call that hands it to such a
//! block, `stack.enter_context(manager)`.

use crate::facts::{Event, Region, Span, Value};
use crate::knowledge::{EntryId, JoinOf, Role};

use super::objects::Object;
use super::places::{Keys, meet};
use super::program::Engine;
use super::sites::AccessKind;
use super::summary::{Certainty, Held, StartId};
use super::tree::{CallSite, ClassId, FuncId, each_event};
use super::values::Values;
use super::walk::Walk;
use super::whose::Owners;

/// The methods that run where a block is entered, and where it is left.
const ENTERING: [&str; 2] = ["__enter__", "__aenter__"];
const LEAVING: [&str; 2] = ["__exit__", "__aexit__"];

/// A context manager that was entered.
pub(super) struct Entered {
    manager: Value,
    /// Where it was entered.
    span: Span,
    /// What the catalog says of it.
    pub entries: Vec<EntryId>,
    classes: Vec<ClassId>,
    /// The guards that it holds until it is left.
    held: Vec<Keys>,
    /// The threads that were alive where it was entered.
    alive: Vec<StartId>,
    /// What keeps it, where that is no with-block of its own.
    keeper: Keys,
}

impl Values<'_> {
    /// The functions of the tree that run where a context manager is entered or left.
    pub(super) fn manager_methods(&self, func: FuncId, manager: &Value) -> Vec<FuncId> {
        let objects = self.eval(func, manager);
        let names = ENTERING.iter().chain(&LEAVING);
        let methods = objects
            .instances()
            .flat_map(|class| names.clone().flat_map(move |name| self.method(class, name)));
        methods.collect()
    }
}

impl Engine<'_> {
    /// The generators of the tree in whose blocks a function runs, since a call of one decorates it (CPython
    /// Lib/contextlib.py ContextDecorator).
    pub(super) fn generators_around(&self, func: FuncId) -> Vec<(FuncId, Span)> {
        let values = &self.values;
        let attributes = values.tree.function(func).attributes.iter();
        let called = attributes.filter_map(|attribute| {
            let objects = values.eval(values.home_of(func), &attribute.value);
            objects.iter().find_map(|object| match object {
                Object::Function(generator) if self.is_context_manager(*generator) => {
                    Some((*generator, attribute.span))
                }
                _ => None,
            })
        });
        called.collect()
    }
}

impl Walk<'_, '_> {
    /// A context manager is entered.
    pub(super) fn enter_manager(&mut self, manager: &Value, span: Span) -> Entered {
        let entries = self.engine.values.with_entries(self.here, manager);
        let classes: Vec<ClassId> = self.engine.values.eval(self.here, manager).instances().collect();
        for class in &classes {
            for name in ENTERING {
                for method in self.engine.values.method(*class, name) {
                    self.enter(method, span, "enters the block: calls", &Certainty::SURE);
                }
            }
        }
        self.touch(&entries, AccessKind::Mutation, span, None, None);
        Entered {
            held: self.hold_scope(manager, &entries),
            alive: self.state.live.keys().copied().collect(),
            manager: manager.clone(),
            span,
            entries,
            classes,
            keeper: Keys::default(),
        }
    }

    /// A context manager is left, at the end of a block.
    pub(super) fn leave_manager(&mut self, entered: &Entered, region: &Region, span: Span) {
        for keys in &entered.held {
            self.state.release(keys);
        }
        for class in &entered.classes {
            for name in LEAVING {
                for method in self.engine.values.method(*class, name) {
                    self.enter(method, entered.span, "leaves the block: calls", &Certainty::SURE);
                }
            }
        }
        self.touch(&entered.entries, AccessKind::Mutation, entered.span, None, None);
        self.join_scope(region, (&entered.manager, span), &entered.entries, &entered.alive);
    }

    /// A call enters a context manager, which a with-block around keeps. What no block of this function keeps is left at a time that
    /// is not known: it is taken to be left at once.
    pub(super) fn enter_kept(&mut self, site: CallSite, manager: &Value, span: Span) {
        let values = &self.engine.values;
        let keeper = match &values.tree.call(site).callee {
            Value::Attribute(receiver, _) => values.keys(site.0, receiver),
            _ => Keys::default(),
        };
        let is_kept = self
            .scopes
            .iter()
            .any(|(home, scope)| meet(&values.keys(*home, scope), &keeper));
        let mut entered = self.enter_manager(manager, span);
        match is_kept {
            true => {
                entered.keeper = keeper;
                self.managers.push(entered);
            }
            false => {
                for keys in &entered.held {
                    self.state.release(keys);
                }
            }
        }
    }

    /// Those of the managers entered since there were so many that a block keeps.
    pub(super) fn managers_kept_by(&mut self, keeper: &Value, since: usize) -> Vec<Entered> {
        if self.managers.len() <= since {
            return Vec::new();
        }
        let keys = self.engine.values.keys(self.here, keeper);
        self.managers
            .extract_if(since.., |entered| meet(&entered.keeper, &keys))
            .collect()
    }

    /// The guards that a with-block takes.
    fn hold_scope(&mut self, manager: &Value, entries: &[EntryId]) -> Vec<Keys> {
        let mut held = Vec::new();
        for id in entries {
            if let Role::Lock { shared, .. } = &self.engine.values.catalog.entry(*id).role {
                let shared = *shared;
                let keys = self.engine.values.keys(self.here, manager);
                if !held.contains(&keys) {
                    let name = self.engine.values.described(self.here, manager);
                    self.state.hold(Held {
                        keys: keys.clone(),
                        of: Owners::default(),
                        name: name.into(),
                        holder: None,
                        test: None,
                        shared,
                    });
                    held.push(keys);
                }
            }
        }
        held
    }

    fn join_scope(&mut self, region: &Region, (manager, span): (&Value, Span), entries: &[EntryId], alive: &[StartId]) {
        for id in entries {
            if let Role::Join { of, certain: true, .. } = &self.engine.values.catalog.entry(*id).role {
                // The tasks of a block go on where it waits for them.
                self.begin_tasks();
                let by_owner = matches!(of, JoinOf::Owner(_));
                let keys = self.engine.values.keys(self.here, manager);
                self.join(&keys, by_owner, true, span);
                let handed = self.made_tasks_in(region, &keys);
                self.join(&handed, false, true, span);
                self.end_hidden(alive, span);
            }
        }
    }

    /// The keys of what a block makes tasks of its manager: `group.create_task(to_thread(f))`.
    fn made_tasks_in(&self, region: &Region, manager: &Keys) -> Keys {
        let values = &self.engine.values;
        let mut handed = Keys::default();
        each_event(region, &mut |event| {
            let Event::Call(index) = event else { return };
            let site: CallSite = (self.here, *index);
            let call = values.tree.call(site);
            let Value::Attribute(receiver, _) = &call.callee else {
                return;
            };
            if meet(&values.keys(self.here, receiver), manager) && values.makes_tasks(site) {
                for argument in &call.args {
                    handed = handed.with(&values.keys(self.here, &argument.value));
                }
            }
        });
        handed
    }

    /// Threads that began in a block through a method of its pool under another name end with the block.
    pub(super) fn end_hidden(&mut self, alive: &[StartId], span: Span) {
        let begun = self.state.live.keys().copied().filter(|start| !alive.contains(start));
        let hidden: Vec<StartId> = begun.filter(|start| self.engine.start(*start).hidden_owner).collect();
        for start in hidden {
            let here = self.here;
            self.engine.note_join(start, here, span);
            self.end(start, false, here, span);
        }
    }
}
