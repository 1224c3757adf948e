//! The processor's own watchpoints: a thread stops when it has loaded a word or stored to it, with no change to its code.
//!
//! Where an architecture has none that is known here, nothing can be watched, and [`set`] says so.

/// Words that can be watched at a time: the processors have four watchpoints, and telling a store from a load takes two.
pub const MOST_WORDS: usize = 2;

/// What a thread did to a watched word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, reason = "nothing can be watched there")
)]
pub enum Access {
    Load,
    Store,
}

#[cfg(target_arch = "x86_64")]
mod registers {
    use std::mem::offset_of;

    use super::{Access, MOST_WORDS};

    /// DR6 says which watchpoint was hit, DR7 which are set.
    const STATUS: usize = 6;
    const CONTROL: usize = 7;
    /// Of the two watchpoints of a word the first stops for loads and stores, the second for stores alone.
    const BOTH: u64 = 0b11;
    const SECOND: u64 = 0b10;
    /// Kind (two bits) and size (two bits, eight bytes) in DR7.
    const LOADS_AND_STORES: u64 = 0b1011;
    const STORES: u64 = 0b1001;

    fn debug_register(number: usize) -> usize {
        offset_of!(libc::user, u_debugreg) + number * size_of::<u64>()
    }

    fn peek(thread: i32, offset: usize) -> u64 {
        // SAFETY: PTRACE_PEEKUSER takes an offset by value; the C library's wrapper has the room for the answer.
        unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, thread, offset, 0usize) as u64 }
    }

    fn poke(thread: i32, offset: usize, value: u64) -> bool {
        // SAFETY: PTRACE_POKEUSER takes offset and value by value, and the kernel checks both.
        unsafe { libc::ptrace(libc::PTRACE_POKEUSER, thread, offset, value as usize) == 0 }
    }

    /// Makes a stopped thread stop after each access to one of these words; false where that is not possible.
    pub fn set(thread: i32, words: &[u64]) -> bool {
        let mut control = 0u64;
        for (word, address) in words.iter().take(MOST_WORDS).enumerate() {
            for (number, kind) in [(2 * word, LOADS_AND_STORES), (2 * word + 1, STORES)] {
                if !poke(thread, debug_register(number), *address) {
                    return false;
                }
                control |= (kind << (16 + 4 * number)) | (1 << (2 * number));
            }
        }
        poke(thread, debug_register(CONTROL), control)
    }

    /// The number of the word at which a thread has stopped, and what it did; to be asked once for a stop.
    pub fn hit(thread: i32) -> Option<(usize, Access)> {
        let status = peek(thread, debug_register(STATUS));
        let hit = (0..MOST_WORDS).find(|word| (status >> (2 * word)) & BOTH != 0)?;
        poke(thread, debug_register(STATUS), 0);
        let stored = (status >> (2 * hit)) & SECOND != 0;
        Some((hit, if stored { Access::Store } else { Access::Load }))
    }

    /// Where a stopped thread goes on: directly behind the access.
    pub fn instruction(thread: i32) -> u64 {
        peek(thread, offset_of!(libc::user, regs.rip))
    }

    /// The end of a stopped thread's stack.
    pub fn stack_pointer(thread: i32) -> u64 {
        peek(thread, offset_of!(libc::user, regs.rsp))
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod registers {
    use super::Access;

    pub fn set(_thread: i32, _words: &[u64]) -> bool {
        false
    }

    pub fn hit(_thread: i32) -> Option<(usize, Access)> {
        None
    }

    pub fn instruction(_thread: i32) -> u64 {
        0
    }

    pub fn stack_pointer(_thread: i32) -> u64 {
        0
    }
}

pub use registers::{hit, instruction, set, stack_pointer};
