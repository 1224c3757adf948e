//! Tasks: coroutines that go on by themselves on the thread of whoever made them, whenever that waits for something. What matters of
//! one are the threads that it starts and waits for.

use std::rc::Rc;

use crate::facts::{CallIndex, Event, Node, Region, RegionKind, Span, Value};
use crate::finding::Confidence;
use crate::knowledge::ArgumentRef;

use super::handed_on::Called;
use super::objects::{Object, Objects};
use super::program::SummaryKey;
use super::summary::{Begun, Certainty, Live, StartId, Summary};
use super::tree::{CallSite, FuncId};
use super::values::Values;
use super::walk::Walk;

/// So many threads of a task are told apart: those that it comes to on the shortest ways.
const MOST_TASK_THREADS: usize = 8;

impl Walk<'_, '_> {
    /// A task does here what it does, as far as this thread goes; the threads that it starts and waits for go on whenever this
    /// function waits for something else, until it waits for the task.
    pub(super) fn calls_task(&mut self, site: CallSite, entry: &ArgumentRef, span: Span) {
        for function in self.engine.values.handed_functions(site, entry) {
            // Several tasks of one call, or of one loop, go on beside each other.
            let engine = &self.engine;
            let beside = |live: &Rc<Live>| engine.start(live.start).context == [site];
            if self.state.tasks.iter().any(beside) {
                self.begin_tasks();
            }
            let several = self.engine.values.are_several_of(site, function);
            let dead = self.state.dead;
            self.enter(function, span, "begins the task", &Certainty::SURE);
            // That a task never ends keeps nobody.
            self.state.dead = dead;
            let summary = self.engine.summary(SummaryKey { function, main: false });
            let note = format!("begins the task {}", self.engine.values.tree.display(function));
            let step = Rc::new(self.step(span, note));
            for begun in self.threads_of_task(&summary) {
                let start = self.engine.task_start(begun.start, site);
                let chain = self.behind_inlined(begun.chain.behind(step.clone()));
                let mut live = self.fresh(start, chain, begun.certainty.clone());
                live.many |= several;
                self.state.tasks.retain(|known| known.start != start);
                self.state.tasks.push(Rc::new(live));
            }
            if several {
                // The next of them finds the threads of the one before.
                self.begin_tasks();
                self.enter(function, span, "begins the task", &Certainty::SURE);
                self.state.dead = dead;
            }
        }
    }

    /// The threads that a task starts, waits for and does something on that matters: the nearest few. What its own tasks start is known
    /// from them.
    fn threads_of_task(&mut self, summary: &Summary) -> Vec<Begun> {
        let mut found: Vec<Begun> = Vec::new();
        for begun in &summary.starts {
            let info = self.engine.start(begun.start);
            if info.process || info.task || self.state.live.contains_key(&begun.start) {
                continue;
            }
            if self.engine.is_gathering(begun.start) || !self.engine.thread_accesses(begun.start).all().is_empty() {
                found.push(begun.clone());
            }
        }
        found.sort_by_key(|begun| begun.chain.length());
        found.truncate(MOST_TASK_THREADS);
        found
    }

    /// Tasks run on this thread, once that waits for something.
    pub(super) fn hand_on_tasks(&mut self, tasks: &[FuncId], span: Span) {
        let doubt = "the task runs on this thread, at a time that is not known";
        for task in tasks {
            let certainty = Certainty::because(Confidence::Medium, doubt);
            self.hand_on(*task, span, certainty, Called::Perhaps);
        }
    }

    /// Whether a task was made in each round of a loop that has come to its end.
    fn is_behind_loop_of(&self, start: StartId) -> bool {
        match self.engine.start(start).context[..] {
            [site] if site.0 == self.here => self.engine.values.loops_around(site) > self.loops,
            _ => false,
        }
    }

    /// This function waits for something: its tasks go on.
    pub(super) fn begin_tasks(&mut self) {
        for live in std::mem::take(&mut self.state.tasks) {
            // Callers were told of the thread when the task came to it.
            self.meet_begun(live.start, || live.chain.clone(), &live.certainty);
            let mut company = self.company();
            let mut live = Live::clone(&live);
            live.many |= self.is_behind_loop_of(live.start);
            self.go_live(live, &mut company);
        }
    }
}

impl Values<'_> {
    /// Whether a call that makes tasks is handed several of one function, which a loop made: `gather(*[fetch(x) for x in xs])`.
    fn are_several_of(&self, site: CallSite, function: FuncId) -> bool {
        let starred = self
            .tree
            .call(site)
            .args
            .iter()
            .filter(|argument| argument.name.as_deref() == Some("*"));
        let made = starred.flat_map(|argument| match &argument.value {
            Value::List(items) => items.iter().map(|item| (site.0, item)).collect(),
            value => self.calls_put_into(site.0, value),
        });
        let is_repeated = |(home, item): (FuncId, &Value)| {
            let Value::Call(owner, call) = item else { return false };
            let made = (self.closure(home, *owner), *call);
            let outside = if made.0 == site.0 { self.loops_around(site) } else { 0 };
            let objects = self.eval(home, item);
            objects.contains(&Object::Coroutine(function)) && self.loops_around(made) > outside
        };
        made.into_iter().any(is_repeated)
    }

    /// The coroutines among objects.
    pub(super) fn coroutines(&self, objects: &Objects) -> Vec<FuncId> {
        let coroutine = |object: &Object| match object {
            Object::Coroutine(func) => Some(*func),
            Object::Function(func) if self.tree.function(*func).is_async => Some(*func),
            _ => None,
        };
        objects.iter().filter_map(coroutine).collect()
    }

    /// The coroutines that a function gives back to whoever calls it.
    pub(super) fn coroutines_from(&self, maker: FuncId) -> Vec<FuncId> {
        match self.tree.function(maker).is_async {
            true => vec![maker],
            false => self.coroutines(&self.returned(maker)),
        }
    }

    /// Whether a value is a task, which runs by itself: whoever waits for it does not run what it was made of again.
    pub(super) fn is_task(&self, func: FuncId, value: &Value) -> bool {
        let is_made = |(home, value): &(FuncId, &Value)| match value {
            Value::Call(owner, call) => self.makes_tasks((self.closure(*home, *owner), *call)),
            _ => false,
        };
        let sources = self.sources(func, value);
        !sources.is_empty() && sources.iter().all(is_made)
    }

    /// In how many loops of its function a call stands.
    fn loops_around(&self, site: CallSite) -> u32 {
        fn find(region: &Region, call: CallIndex, loops: u32) -> Option<u32> {
            let loops = loops + u32::from(matches!(region.kind, RegionKind::Loop { .. }));
            region.nodes.iter().find_map(|node| match node {
                Node::Event(Event::Call(index)) => (*index == call).then_some(loops),
                Node::Event(_) => None,
                Node::Region(inner) => find(inner, call, loops),
            })
        }
        find(&self.tree.function(site.0).body, site.1, 0).unwrap_or(0)
    }
}
