//! Guards that are held around whole threads. Who starts a thread under a lock and waits for its end before letting go has all that
//! the thread does inside the lock: nobody else who takes it meets any of that.
//!
//! Work that is done once and for all is past for every thread that begins after it, whether anybody waits for its end or not.

use rustc_hash::FxHashMap;

use super::firsts::once_mark;
use super::state::State;
use super::summary::{Begun, Certainty, Held, StartId};

/// The threads that a function has started so far, with the guards that were held as long as each was alive.
#[derive(Debug, Default)]
pub(super) struct Covers(FxHashMap<StartId, Cover>);

/// What is known of one start.
#[derive(Debug, Default)]
struct Cover {
    /// It was alive when control came back to the function, at least once: its end has to be seen there.
    open: bool,
    /// What was held around all of its threads that have ended; nothing where none has.
    held: Option<Vec<Held>>,
    /// The work that had been done once before all of its threads.
    past: Option<Vec<Held>>,
}

impl Cover {
    fn also(&mut self, held: &[Held]) {
        also(&mut self.held, held);
    }
}

/// Keeps of what is known of all ways what holds on one more.
fn also(known: &mut Option<Vec<Held>>, held: &[Held]) {
    match known {
        Some(known) => known.retain(|one| held.iter().any(|other| other.keys == one.keys)),
        None => *known = Some(held.to_vec()),
    }
}

impl Covers {
    /// A thread begins where `state` holds. `covered`: what is held around the whole of it, which is over by now. `past`: what the
    /// callee that starts it had done before.
    pub fn begun(&mut self, start: StartId, (covered, past): (Option<Vec<Held>>, &[Held]), state: &State) {
        let cover = self.0.entry(start).or_default();
        let done = state.surely_held().filter(|held| is_done_once(held));
        let past: Vec<Held> = done.chain(past).cloned().collect();
        also(&mut cover.past, &past);
        match covered {
            Some(covered) => cover.also(&covered),
            None => cover.open = true,
        }
        // The end of the one before it is about to be forgotten.
        for ended in state.ended.iter().filter(|ended| ended.start == start) {
            cover.also(&ended.covered);
        }
    }

    /// Tells the callers of what is known where the function returns.
    pub fn close(mut self, starts: &mut [Begun], exit: &State) {
        for begun in starts {
            let Some(mut cover) = self.0.remove(&begun.start) else {
                continue;
            };
            begun.past = cover.past.take().unwrap_or_default().into();
            let mut ended = exit.ended.iter().filter(|ended| ended.start == begun.start).peekable();
            let outlives = cover.open && ended.peek().is_none();
            if exit.dead || outlives || exit.live.contains_key(&begun.start) {
                continue;
            }
            ended.for_each(|ended| cover.also(&ended.covered));
            begun.covered = cover.held.map(Into::into);
        }
    }
}

/// Whether what is held is only that some work has been done once, which nobody takes back.
fn is_done_once(held: &Held) -> bool {
    // What is taken and given up again has a name by which it is shown.
    held.shared && held.name.is_empty() && once_mark(&held.keys).is_some()
}

/// A thread that another one starts, itself or by way of threads that it starts.
#[derive(Debug, Clone)]
pub(super) struct Below {
    pub thread: StartId,
    /// How surely it is reached on the surest way.
    pub certainty: Certainty,
    /// The guards that are held around the whole of it on every way.
    pub covered: Vec<Held>,
}

impl Below {
    /// A thread itself, as the first of those below it.
    pub fn itself(thread: StartId) -> Below {
        Below {
            thread,
            certainty: Certainty::SURE,
            covered: Vec::new(),
        }
    }

    /// A thread that this one starts. What is around this one is around that one only if this one waits for its end.
    pub fn below(&self, begun: &Begun) -> Below {
        let inside = begun.covered.iter().flat_map(|held| held.iter().chain(&self.covered));
        // What was past for this one is past for that one.
        let past = self.covered.iter().filter(|held| is_done_once(held));
        Below {
            thread: begun.start,
            certainty: self.certainty.and(&begun.certainty),
            covered: inside.chain(&*begun.past).chain(past).cloned().collect(),
        }
    }

    /// Another way to the same thread. Whether it changes what is known.
    pub fn or(&mut self, other: Below) -> bool {
        let before = self.covered.len();
        self.covered
            .retain(|held| other.covered.iter().any(|known| known.keys == held.keys));
        let surer = other.certainty.rank() > self.certainty.rank();
        if surer {
            self.certainty = other.certainty;
        }
        surer || self.covered.len() < before
    }
}
