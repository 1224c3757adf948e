//! In which order the parts of a folder are analysed. The analysis of one part takes one core, and memory by the size of the
//! part. So one thread goes through them from the largest on, which leaves none of those for the others to wait for, and all other threads
//! from the smallest on, so that two large ones are in memory together only where nothing else is left.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is left to be done, from the largest to the smallest.
struct Left<T> {
    jobs: VecDeque<T>,
    /// Whether a thread goes through them from the largest on.
    descending: bool,
}

/// Does all jobs on the threads of the pool that this runs on; `jobs` from the largest to the smallest. The results come in
/// any order.
pub(super) fn run<T: Send, R: Send>(jobs: Vec<T>, job: impl Fn(T) -> R + Sync) -> Vec<R> {
    let left = Mutex::new(Left {
        jobs: jobs.into(),
        descending: false,
    });
    let done = Mutex::new(Vec::new());
    // One closure a thread: another one's cannot be taken over by a thread that waits within a job of its own.
    rayon::broadcast(|_| {
        let descends = !std::mem::replace(&mut locked(&left).descending, true);
        let next = || match descends {
            true => locked(&left).jobs.pop_front(),
            false => locked(&left).jobs.pop_back(),
        };
        while let Some(next) = next() {
            let result = job(next);
            locked(&done).push(result);
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    fn on_threads<R: Send>(count: usize, job: impl FnOnce() -> R + Send) -> R {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
        pool.expect("threads are made").install(job)
    }

    #[test]
    fn everything_is_done_once() {
        for threads in 1..4 {
            let mut done = on_threads(threads, || run((0..100).rev().collect(), |number: u32| number * 2));
            done.sort_unstable();
            assert_eq!(done, (0..100).map(|number| number * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn one_thread_begins_with_the_largest_and_the_other_with_the_smallest() {
        // Both have begun before one of them ends.
        let meeting = Barrier::new(2);
        let first_two = Mutex::new(Vec::new());
        let sizes = vec![90, 80, 2, 1];
        on_threads(2, || {
            run(sizes, |size: u32| {
                let is_first = size == 90 || size == 1;
                if is_first {
                    locked(&first_two).push(size);
                    meeting.wait();
                }
            })
        });
        let mut first_two = first_two.into_inner().expect("no thread panicked");
        first_two.sort_unstable();
        assert_eq!(first_two, [1, 90]);
    }
}
