//! Runs many small checks, a few at a time.

use std::sync::Mutex;

/// How many run at a time.
const AT_ONCE: usize = 2;

/// Calls `check` for every item and returns what went wrong, in the order of the items.
pub fn failures<T: Sync>(items: &[T], check: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    let queue = Mutex::new(items.iter().enumerate());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nothing panics with the lock held").next();
                    let Some((index, item)) = next else { return };
                    if let Some(failure) = check(item) {
                        let mut failures = failures.lock().expect("nothing panics with the lock held");
                        failures.push((index, failure));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("all threads have ended");
    failures.sort();
    failures.into_iter().map(|(_, failure)| failure).collect()
}
