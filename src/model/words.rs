//! What a function tells others on queues, with conditions or by variables, and which of it may be its last word: that after
//! which it touches the environment no more.

use rustc_hash::FxHashMap;

use super::places::{Key, Keys};

/// What a function has told so far, in the order of the first times.
#[derive(Default)]
pub struct Words {
    told: Vec<Word>,
    /// For each key, the first of `told` that has it: functions that call much of a program tell thousands of things.
    by_key: FxHashMap<Key, usize>,
}

struct Word {
    keys: Keys,
    /// How often the environment had been touched at the first time; none where that tells nothing of the last time.
    touches: Option<u32>,
}

impl Words {
    /// Something is told after so many touches of the environment; `None` where more may follow of which nobody counts.
    pub fn tell(&mut self, keys: &Keys, touches: Option<u32>) {
        let known = keys.iter().filter_map(|key| self.by_key.get(key)).min();
        match known {
            Some(&known) if touches.is_none() => self.told[known].touches = None,
            Some(_) => {}
            None => {
                for key in keys {
                    self.by_key.entry(key.clone()).or_insert(self.told.len());
                }
                let keys = keys.clone();
                self.told.push(Word { keys, touches });
            }
        }
    }

    /// What was told after all of so many touches.
    pub fn last(&self, touches: u32) -> Vec<Keys> {
        let last = self.told.iter().filter(|word| word.touches == Some(touches));
        last.map(|word| word.keys.clone()).collect()
    }
}
