//! Counters in memory shared with the forked runs, and the fork itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use super::super::symptom::Symptom;

/// Symptoms that a run can hold: more kinds than any form can show.
const SYMPTOMS: usize = 24;

/// The shared page.
#[derive(Debug, Default)]
#[repr(C)]
struct Page {
    trials: AtomicU64,
    mutations: AtomicU64,
    failures: AtomicU64,
    first_trial: AtomicU64,
    first_nanoseconds: AtomicU64,
    /// Codes of [`Symptom`], 0 for a free slot, and how often each was seen.
    codes: [AtomicI32; SYMPTOMS],
    counts: [AtomicU64; SYMPTOMS],
}

/// A handle on the page; it lives as long as the process.
#[derive(Debug, Clone, Copy)]
pub struct Board {
    page: &'static Page,
}

impl Board {
    /// Maps the page; `None` where there is no memory.
    pub fn new() -> Option<Board> {
        // SAFETY: an anonymous mapping is zeroed, page-aligned, large enough (checked below), and never unmapped, so the
        // reference is valid for 'static; all zeros is a valid Page, whose fields are atomics.
        unsafe {
            const { assert!(size_of::<Page>() <= 4096) }
            let address = libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            );
            (address != libc::MAP_FAILED).then(|| Board {
                page: &*address.cast::<Page>(),
            })
        }
    }

    /// Sets all to zero, before a run.
    pub fn reset(&self) {
        let page = self.page;
        for counter in [
            &page.trials,
            &page.mutations,
            &page.failures,
            &page.first_trial,
            &page.first_nanoseconds,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        for slot in 0..SYMPTOMS {
            page.codes[slot].store(0, Ordering::Relaxed);
            page.counts[slot].store(0, Ordering::Relaxed);
        }
    }

    /// Counts trials; returns how many there are now.
    pub fn add_trials(&self, count: u64) -> u64 {
        self.page.trials.fetch_add(count, Ordering::Relaxed) + count
    }

    /// Counts a step of the mutator.
    pub fn add_mutation(&self) {
        self.page.mutations.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a symptom of this trial, seen so many seconds after the beginning.
    pub fn add_symptom(&self, symptom: Symptom, trial: u64, seconds: f64) {
        let code = symptom.code();
        for (held, count) in self.page.codes.iter().zip(&self.page.counts) {
            let now = held.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
            if now.is_ok() || now == Err(code) {
                count.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
        if symptom.is_evidence() && self.page.failures.fetch_add(1, Ordering::Relaxed) == 0 {
            self.page.first_trial.store(trial, Ordering::Relaxed);
            self.page
                .first_nanoseconds
                .store((seconds * 1e9) as u64, Ordering::Relaxed);
        }
    }

    pub fn trials(&self) -> u64 {
        self.page.trials.load(Ordering::Relaxed)
    }

    pub fn mutations(&self) -> u64 {
        self.page.mutations.load(Ordering::Relaxed)
    }

    pub fn failures(&self) -> u64 {
        self.page.failures.load(Ordering::Relaxed)
    }

    /// The first failure: its trial in this run, and its seconds.
    pub fn first(&self) -> Option<(u64, f64)> {
        let nanoseconds = self.page.first_nanoseconds.load(Ordering::Relaxed);
        (self.failures() > 0).then(|| (self.page.first_trial.load(Ordering::Relaxed), nanoseconds as f64 / 1e9))
    }

    /// Evidence, and what is none, by name.
    pub fn symptoms(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let mut seen = BTreeMap::new();
        let mut spoiled = BTreeMap::new();
        for (code, count) in self.page.codes.iter().zip(&self.page.counts) {
            if let Some(symptom) = Symptom::of_code(code.load(Ordering::Relaxed)) {
                let place = if symptom.is_spoiled() { &mut spoiled } else { &mut seen };
                *place.entry(symptom.name()).or_default() += count.load(Ordering::Relaxed);
            }
        }
        (seen, spoiled)
    }
}

/// Does something in a forked child and says how that ended: `exit`, `status:N` or `signal:N`; `None` where no process
/// can be forked.
///
/// To be called while the process has one thread, so that the child may do anything.
pub fn in_a_fork(alarm_seconds: u32, action: impl FnOnce()) -> Option<String> {
    // SAFETY: the caller has one thread, so the child's memory is whole; it ends in _exit and never returns from here.
    // waitpid writes one int.
    let status = unsafe {
        let pid = libc::fork();
        if pid < 0 {
            return None;
        }
        if pid == 0 {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            libc::alarm(alarm_seconds);
            action();
            libc::_exit(0);
        }
        let mut status = 0;
        while libc::waitpid(pid, &mut status, 0) < 0 {
            if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                return None;
            }
        }
        status
    };
    Some(if libc::WIFSIGNALED(status) {
        format!("signal:{}", libc::WTERMSIG(status))
    } else if status == 0 {
        "exit".to_owned()
    } else {
        format!("status:{status}")
    })
}
