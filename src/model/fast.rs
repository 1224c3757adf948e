//! Maps and sets by small numbers, of which the analysis looks up millions. Their hash is a multiplication per number, the
//! same in every run.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

pub type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Numbers>>;
pub type FastSet<K> = HashSet<K, BuildHasherDefault<Numbers>>;

/// Mixes numbers. Texts go through it byte by byte, and belong into other maps.
#[derive(Debug, Default, Clone, Copy)]
pub struct Numbers(u64);

impl Numbers {
    fn mix(&mut self, number: u64) {
        // An odd number near the golden ratio's share of 2^64 (Knuth, The Art of Computer Programming, 6.4).
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Numbers {
    fn finish(&self) -> u64 {
        // The upper bits are the mixed ones, and tables look at both ends.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.mix(u64::from(*byte)));
    }

    fn write_u8(&mut self, number: u8) {
        self.mix(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.mix(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.mix(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.mix(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.mix(number as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_spread_over_both_ends_of_the_hash() {
        let hash = |number: u32| {
            let mut hasher = Numbers::default();
            hasher.write_u32(number);
            hasher.finish()
        };
        let low: HashSet<u64> = (0..1000).map(|number| hash(number) & 0xfff).collect();
        let high: HashSet<u64> = (0..1000).map(|number| hash(number) >> 57).collect();
        assert!(low.len() > 800, "{}", low.len());
        assert!(high.len() > 100, "{}", high.len());
    }
}
