//! Waits that raise where their time runs out: `future.result(timeout=5)`. What follows such a wait runs after the thread's end; whoever
//! catches the exception, or cleans up behind it, runs beside the thread.

use crate::facts::{Node, Span};
use crate::finding::Confidence;

use super::places::Keys;
use super::state::State;
use super::summary::{Certainty, ChainStep, Live, StartId, Summary};
use super::tree::FuncId;
use super::walk::Walk;

/// A thread that lives on where a function raises since the time is up in which it waits for the thread.
#[derive(Debug, Clone)]
pub struct Overdue {
    pub start: StartId,
    /// The thread as it was before the wait; none where a caller of the function started it.
    pub live: Option<Live>,
    /// Where the wait stands.
    pub place: (FuncId, Span),
}

impl Overdue {
    /// The thread as whoever catches the exception finds it: mostly it was in time.
    pub fn found_alive(&self) -> Option<Live> {
        let doubt = Certainty::because(Confidence::Medium, "the join may end before the thread does");
        let mut live = self.live.clone()?.doubted(&doubt);
        live.story_mut().weak_join = Some(self.place);
        // What was held around the thread may have been let go on the way.
        live.cover(&[]);
        Some(live)
    }
}

/// Adds what is not known, or is known now to be a thread of the function's own.
fn add(known: &mut Vec<Overdue>, more: Overdue) {
    match known.iter_mut().find(|known| known.start == more.start) {
        Some(known) if known.live.is_some() => {}
        Some(known) => *known = more,
        None => known.push(more),
    }
}

impl<'t> Walk<'_, 't> {
    /// A wait begins that ends these threads, or raises.
    pub(super) fn may_be_overdue(&mut self, keys: &Keys, by_owner: bool, span: Span) {
        for start in self.engine.starts_meant(keys, by_owner) {
            let live = self.state.live.get(&start).map(|live| Live::clone(live));
            let place = (self.here, span);
            add(&mut self.overdue, Overdue { start, live, place });
        }
    }

    /// A callee raises where the time is up in which it waits for these.
    pub(super) fn overdue_in(&mut self, summary: &Summary, step: &std::rc::Rc<ChainStep>, certainty: &Certainty) {
        for overdue in &summary.overdue {
            let live = match &overdue.live {
                Some(own) => Some(own.lifted(step, certainty, self.state.heap)),
                None => self.state.live.get(&overdue.start).map(|live| Live::clone(live)),
            };
            add(
                &mut self.overdue,
                Overdue {
                    live,
                    ..overdue.clone()
                },
            );
        }
    }

    /// The waits of a block are over; `outer`: those before it. Returns its own, which also whoever catches around it may meet.
    pub(super) fn overdue_since(&mut self, outer: Vec<Overdue>) -> Vec<Overdue> {
        let own = std::mem::replace(&mut self.overdue, outer);
        own.iter().for_each(|one| add(&mut self.overdue, one.clone()));
        own
    }

    /// This is reached where a wait has raised: the threads that it waited for are alive.
    pub(super) fn revive(&mut self, overdue: &[Overdue]) {
        for live in overdue.iter().filter_map(Overdue::found_alive) {
            if !self.state.live.contains_key(&live.start) {
                self.state.joined.retain(|(start, _)| *start != live.start);
                self.state.live.change().insert(live.start, std::rc::Rc::new(live));
            }
        }
    }

    /// Cleans up behind a block that raised since its time was up.
    pub(super) fn clean_up_overdue(&mut self, raised: State, overdue: &[Overdue], nodes: &'t [Node]) {
        if overdue.is_empty() {
            return;
        }
        let normal = std::mem::replace(&mut self.state, raised);
        self.revive(overdue);
        self.nodes(nodes);
        self.state = normal;
    }
}
