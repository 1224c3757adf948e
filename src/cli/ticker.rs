//! One line on the terminal that says how far a long run is, from its second second on. Files and pipes see nothing.

use std::io::Write;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Walking,
    /// Of that many files.
    Reading(u64),
    Analysing(u64),
}

/// Whoever only looks for a moment is not disturbed.
const PATIENCE: Duration = Duration::from_secs(1);

const REFRESH: Duration = Duration::from_millis(200);

/// How far it is.
#[derive(Debug, Default)]
struct State {
    phase: AtomicU8,
    done: AtomicU64,
    of: AtomicU64,
}

/// Told how far the run is; clears its line when it goes.
#[derive(Debug, Default)]
pub struct Progress {
    state: Arc<State>,
    watcher: Option<(JoinHandle<()>, Arc<Stop>)>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    changed: Condvar,
}

impl Progress {
    /// Says nothing.
    pub fn silent() -> Progress {
        Progress::default()
    }

    /// Writes to standard error, which is a terminal.
    pub fn on_terminal() -> Progress {
        let state = Arc::new(State::default());
        let stop = Arc::new(Stop::default());
        let (seen, asked) = (Arc::clone(&state), Arc::clone(&stop));
        // Where no thread can be made, nothing is shown.
        let thread = std::thread::Builder::new().spawn(move || watch(&seen, &asked)).ok();
        Progress {
            state,
            watcher: thread.map(|thread| (thread, stop)),
        }
    }

    /// Whether the analysis is the last phase that began.
    #[cfg(test)]
    pub fn is_analysing(&self) -> bool {
        self.state.phase.load(Ordering::Relaxed) == 2
    }

    /// A phase begins.
    pub fn enter(&self, phase: Phase) {
        let (number, of) = match phase {
            Phase::Walking => (0, 0),
            Phase::Reading(of) => (1, of),
            Phase::Analysing(of) => (2, of),
        };
        self.state.done.store(0, Ordering::Relaxed);
        self.state.of.store(of, Ordering::Relaxed);
        self.state.phase.store(number, Ordering::Relaxed);
    }

    /// One more file was read.
    pub fn step(&self) {
        self.state.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((thread, stop)) = self.watcher.take() {
            *stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
            stop.changed.notify_all();
            // It has nothing to return.
            let _ = thread.join();
        }
    }
}

fn watch(state: &State, stop: &Stop) {
    let begun = Instant::now();
    let mut shown = false;
    let mut asked = stop.asked.lock().unwrap_or_else(PoisonError::into_inner);
    while !*asked {
        let waited = stop.changed.wait_timeout(asked, REFRESH);
        asked = waited.map_or_else(|broken| broken.into_inner().0, |(asked, _)| asked);
        if let (false, Some(line)) = (*asked, line(state, begun.elapsed())) {
            // Whoever does not see it misses nothing.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
            shown = true;
        }
    }
    if shown {
        let _ = write!(std::io::stderr(), "\r\x1b[K");
    }
}

/// The line after that time; none while patience lasts.
fn line(state: &State, elapsed: Duration) -> Option<String> {
    if elapsed < PATIENCE {
        return None;
    }
    let of = state.of.load(Ordering::Relaxed);
    let done = state.done.load(Ordering::Relaxed).min(of);
    let what = match state.phase.load(Ordering::Relaxed) {
        0 => "looking for sources".to_owned(),
        1 => format!("reading: {done} of {of} files"),
        _ => format!("following threads through {of} files"),
    };
    Some(format!("envrace: {what} ({} s)", elapsed.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_in_the_first_second() {
        let progress = Progress::silent();
        progress.enter(Phase::Reading(9));
        progress.step();
        assert_eq!(line(&progress.state, Duration::from_millis(999)), None);
        assert_eq!(
            line(&progress.state, Duration::from_millis(1001)).as_deref(),
            Some("envrace: reading: 1 of 9 files (1 s)")
        );
        progress.enter(Phase::Analysing(9));
        assert_eq!(
            line(&progress.state, Duration::from_secs(70)).as_deref(),
            Some("envrace: following threads through 9 files (70 s)")
        );
    }

    #[test]
    fn a_watcher_ends_with_its_progress() {
        let progress = Progress::on_terminal();
        progress.enter(Phase::Walking);
        drop(progress);
    }
}
