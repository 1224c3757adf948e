//! Threads of the observed program that have just loaded the address of the environment's array.
//!
//! Between that load and the walk over the array lies the window of a read: `getenv` and whatever uses it, a walk of
//! the program's own, and the start of a process as well. A thread is held there until another has moved the array. One
//! that is inside a lock which all changes take is held in vain, so a held thread that sees a change is no luck and no
//! mistake: nothing keeps the two apart.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use super::array::{Watched, search};
use super::tracee::{Resume, read, resume};
use super::watchpoint::{Access, MOST_WORDS, hit, instruction, set, stack_pointer};
use super::{Change, ReadEvent};

/// A thread that is kept behind a load.
#[derive(Debug)]
struct Held {
    watched: Watched,
    array: u64,
    instruction: u64,
    since: Instant,
    deadline: Instant,
}

/// What is known about the loads of one program.
#[derive(Debug)]
pub struct Reads {
    root: i32,
    /// `None`: loads are not watched.
    longest: Option<Duration>,
    /// The array that the kernel made for the program.
    first_array: u64,
    /// Addresses of the words that pointed to it when the first thread was started.
    words: Vec<u64>,
    attached: HashSet<i32>,
    /// Threads that have stored to one of the words.
    changers: HashSet<i32>,
    held: HashMap<i32, Held>,
    /// How often a thread was held in vain, by the place in the code.
    in_vain: HashMap<u64, u32>,
    /// Of several that have waited the first to come stays, rather than the last.
    first_stays: bool,
}

/// After so many a place in the code is taken to be inside a lock, and its threads are held no more: a program that
/// waits at every load would never end.
const MOST_IN_VAIN: u32 = 25;

impl Reads {
    /// Nothing is watched before the program has begun.
    pub fn new(root: i32, longest: Option<Duration>) -> Reads {
        Reads {
            root,
            longest,
            first_array: 0,
            words: Vec::new(),
            attached: HashSet::new(),
            changers: HashSet::new(),
            held: HashMap::new(),
            in_vain: HashMap::new(),
            first_stays: false,
        }
    }

    /// No thread is held.
    pub fn is_idle(&self) -> bool {
        self.held.is_empty()
    }

    /// A process stands at the beginning of a new program, nothing of which has run: argc, argv and a null word lie
    /// below its environment. Watchpoints and threads have gone with the old program.
    pub fn begins(&mut self, pid: i32) {
        const WORD: u64 = size_of::<u64>() as u64;
        if pid != self.root || self.longest.is_none() {
            return;
        }
        self.words.clear();
        self.attached.clear();
        self.changers.clear();
        let stack = stack_pointer(pid);
        let argc = word(pid, stack).unwrap_or(0);
        self.first_array = stack + WORD * (argc + 2);
    }

    /// A thread has been started, or starts one: from now on its loads are watched.
    ///
    /// The words are looked for with the first start: the program's libraries are there by then, and a load before it
    /// meets nobody. Where the array has moved before the first start, no word is found and nothing is watched.
    pub fn attach(&mut self, thread: i32) {
        if self.longest.is_none() || self.attached.contains(&thread) || !self.is_thread(thread) {
            return;
        }
        if self.words.is_empty() {
            self.words = search(self.root, self.first_array);
            self.words.truncate(MOST_WORDS);
        }
        if !self.words.is_empty() && set(thread, &self.words) {
            self.attached.insert(thread);
        }
    }

    /// A thread of the program itself, rather than a process that it has started.
    fn is_thread(&self, thread: i32) -> bool {
        Path::new(&format!("/proc/{}/task/{thread}", self.root)).exists()
    }

    /// Loads are watched: there is a thread, and there were words.
    pub fn is_watching(&self) -> bool {
        !self.attached.is_empty()
    }

    /// Takes charge of a thread that a trap has stopped; false where the trap is the program's own.
    pub fn trap(&mut self, thread: i32, report: &mut dyn FnMut(ReadEvent)) -> bool {
        if !self.attached.contains(&thread) {
            return false;
        }
        let Some((number, access)) = hit(thread) else {
            return false;
        };
        let instruction = instruction(thread);
        let spent = self
            .in_vain
            .get(&instruction)
            .is_some_and(|times| *times >= MOST_IN_VAIN);
        let loaded = self
            .words
            .get(number)
            .and_then(|address| Some((*address, word(thread, *address)?)));
        match (access, loaded) {
            (Access::Load, Some((address, array))) if !spent => {
                let since = Instant::now();
                let held = Held {
                    watched: Watched::loaded(thread, array, vec![address]),
                    array,
                    instruction,
                    since,
                    deadline: since + self.time(thread),
                };
                self.held.insert(thread, held);
            }
            (Access::Load, _) => resume(thread, Resume::Continue(0)),
            (Access::Store, _) => {
                self.changers.insert(thread);
                // The held are looked at before the one who stored goes on, so that none is missed.
                self.release_changed(report);
                resume(thread, Resume::Continue(0));
            }
        }
        true
    }

    /// How long a thread is held. One that is known to change the array loads its address on the way, and those who wait
    /// for it would wait in vain.
    fn time(&self, thread: i32) -> Duration {
        let longest = self.longest.unwrap_or_default();
        if self.changers.contains(&thread) {
            longest / 8
        } else {
            longest
        }
    }

    /// Lets go of threads whose array is gone, and of those whose time is over.
    ///
    /// Where several are held that have changed nothing so far, one of them may be about to, and was held at a load of
    /// its own: all go but one, which waits on for them. Always the same choice would let two threads that meet at a
    /// lock go past each other for ever, so the first and the last to come take turns.
    pub fn release_changed(&mut self, report: &mut dyn FnMut(ReadEvent)) {
        let now = Instant::now();
        let changed: Vec<(i32, Change)> = self
            .held
            .iter_mut()
            .map(|(thread, held)| (*thread, held.watched.change_with_memory(*thread, now)))
            .filter_map(|(thread, change)| change.map(|change| (thread, change)))
            .collect();
        for (thread, change) in changed {
            self.release(thread, change, report);
        }
        let mut late: Vec<i32> = self.held.keys().copied().collect();
        late.retain(|thread| now >= self.held[thread].deadline);
        if late.iter().any(|thread| !self.changers.contains(thread)) {
            late = self.held.keys().copied().collect();
            late.sort_by_key(|thread| self.held[thread].since);
            if late.len() > 1 {
                let stays = late.remove(if self.first_stays { 0 } else { late.len() - 1 });
                self.first_stays = !self.first_stays;
                let deadline = now + self.time(stays);
                self.held.entry(stays).and_modify(|held| held.deadline = deadline);
            }
        }
        for thread in late {
            let change = self.held[&thread].watched.change(thread);
            self.release(thread, change, report);
        }
    }

    fn release(&mut self, thread: i32, change: Change, report: &mut dyn FnMut(ReadEvent)) {
        let Some(held) = self.held.remove(&thread) else {
            return;
        };
        if !matches!(change, Change::Moved | Change::Reused) {
            *self.in_vain.entry(held.instruction).or_default() += 1;
        }
        report(ReadEvent {
            thread,
            instruction: held.instruction,
            array: held.array,
            change,
        });
        resume(thread, Resume::Continue(0));
    }

    /// A thread has ended.
    pub fn gone(&mut self, thread: i32) {
        self.attached.remove(&thread);
        self.changers.remove(&thread);
        self.held.remove(&thread);
    }
}

/// A word of a tracee.
fn word(pid: i32, address: u64) -> Option<u64> {
    let bytes = read(pid, address, size_of::<u64>());
    bytes.try_into().ok().map(u64::from_ne_bytes)
}
