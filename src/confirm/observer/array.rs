//! Whether the array that a child passes to `execve` is the live one, and whether it has moved since.
//!
//! A program's `environ` is a word in the data of its libc or of its executable. At the entry of `execve` that word
//! holds the very address which is passed, unless the child was given an array of its own. Looking for the address in
//! the writable data of the mapped files finds the word in any libc and language, without symbols.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::Change;
use super::tracee::{read, read_near};

/// Words that held the array's address at entry, and the array as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    array: u64,
    /// Addresses of the words.
    words: Vec<u64>,
    before: Vec<u8>,
    /// When it was first seen to have moved, and whether its memory can be freed: the kernel's own array is never.
    moved: Option<(Instant, bool)>,
    /// It was freed before it was looked at: the one who moves it had not yet stored the new address.
    freed: bool,
}

/// Between the store of a new array's address and the release of the old one, where a program does the one after the
/// other.
const RELEASE: Duration = Duration::from_millis(1);
/// More data than this is no libc's and no interpreter's; it is cut, to keep the look short.
const MOST_DATA: u64 = 4 << 20;
const WORD: usize = size_of::<u64>();
/// Bytes of the array that are compared: 512 entries.
const MOST_ARRAY: usize = 4096;

/// Where the words were found, by memory layout: an interpreter has megabytes of data, and starts many children.
#[derive(Debug, Default)]
pub struct Layouts {
    known: HashMap<String, Layout>,
}

#[derive(Debug, Default)]
struct Layout {
    words: Vec<u64>,
    searches: u32,
}

/// Searches of one layout. The first may come while the live word points elsewhere, and find nothing but a copy that
/// the loader keeps of the first array's address; and a program whose children have arrays of their own has no such
/// word, which is not to be looked for with every child.
const MOST_SEARCHES: u32 = 4;

impl Layouts {
    /// Looks for the words that point to `array` in the memory that the tracee uses.
    ///
    /// An allocator's own notes may point to an array that a program has just made for one child. Where `strict`, such
    /// an array has no words: only one that holds strings of the kernel's own, as an inherited environment does.
    pub fn watch(&mut self, pid: i32, array: u64, strict: bool) -> Watched {
        let before = read_near(pid, array, MOST_ARRAY);
        if strict && !is_inherited(pid, array, &before) {
            return Watched {
                array,
                words: Vec::new(),
                before,
                moved: None,
                freed: false,
            };
        }
        let layout = layout(pid);
        let pointing =
            |words: &[u64]| -> Vec<u64> { words.iter().copied().filter(|word| holds(pid, *word, array)).collect() };
        let words = if layout.is_empty() {
            search(pid, array)
        } else {
            let known = self.known.entry(layout).or_default();
            let mut words = pointing(&known.words);
            if words.is_empty() && known.searches < MOST_SEARCHES {
                known.searches += 1;
                words = search(pid, array);
                known.words.extend(&words);
            }
            words
        };
        Watched {
            array,
            words,
            before,
            moved: None,
            freed: false,
        }
    }
}

/// What tells one address space from another, and is the same in forked ones: the first mapping, with its address and
/// file.
fn layout(pid: i32) -> String {
    use std::io::Read;
    let mut start = [0u8; 512];
    let taken = std::fs::File::open(format!("/proc/{pid}/maps")).and_then(|mut maps| maps.read(&mut start));
    let text = String::from_utf8_lossy(&start[..taken.unwrap_or(0)]).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}

/// Whether the word at this address is the array's.
fn holds(pid: i32, word: u64, array: u64) -> bool {
    read(pid, word, WORD) == array.to_ne_bytes()
}

/// The words in the data of mapped files that hold the array's address.
pub fn search(pid: i32, array: u64) -> Vec<u64> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let mut words = Vec::new();
    for (start, end) in data_ranges(&maps) {
        let bytes = read(pid, start, (end - start).min(MOST_DATA) as usize);
        let found = bytes
            .chunks_exact(WORD)
            .enumerate()
            .filter(|(_, word)| *word == array.to_ne_bytes());
        words.extend(found.map(|(index, _)| start + (index * WORD) as u64));
    }
    words
}

/// Whether the first two words of an array, where an allocator keeps its notes on a free block, point to nothing.
fn is_overwritten(pid: i32, array: &[u8]) -> bool {
    let first = array.chunks_exact(WORD).take(2);
    let entries = first.map(|word| u64::from_ne_bytes(word.try_into().expect("chunks of a word")));
    entries
        .take_while(|entry| *entry != 0)
        .any(|entry| read(pid, entry, 1).is_empty())
}

/// The main thread's stack, where the kernel puts the first array and its strings.
fn stack(pid: i32) -> Range<u64> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
    let range = maps.lines().find(|line| line.ends_with("[stack]")).and_then(|line| {
        let (start, end) = line.split(' ').next()?.split_once('-')?;
        Some(u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
    });
    range.unwrap_or(0..0)
}

/// Whether an array is the kernel's own, or has taken over strings from it.
fn is_inherited(pid: i32, array: u64, entries: &[u8]) -> bool {
    let stack = stack(pid);
    let mut entries = entries
        .chunks_exact(WORD)
        .map(|word| u64::from_ne_bytes(word.try_into().expect("chunks of a word")))
        .take_while(|entry| *entry != 0);
    stack.contains(&array) || entries.any(|entry| stack.contains(&entry))
}

impl Watched {
    /// An array that a thread has loaded from these words.
    pub fn loaded(pid: i32, array: u64, words: Vec<u64>) -> Watched {
        let before = read_near(pid, array, MOST_ARRAY);
        let freed = is_overwritten(pid, &before);
        Watched {
            array,
            words,
            before,
            moved: None,
            freed,
        }
    }

    /// No variable of the program points to the array.
    pub fn is_unreferenced(&self) -> bool {
        self.words.is_empty()
    }

    /// What has become of the array since.
    pub fn change(&self, pid: i32) -> Change {
        if self.is_unreferenced() {
            return Change::Unreferenced;
        }
        let moved = self.words.iter().any(|word| {
            let now = read(pid, *word, WORD);
            now.len() == WORD && now != self.array.to_ne_bytes()
        });
        if moved {
            return Change::Moved;
        }
        if self.is_intact(pid) {
            Change::Unchanged
        } else {
            Change::InPlace
        }
    }

    /// The array's memory holds what it held at entry.
    fn is_intact(&self, pid: i32) -> bool {
        let now = read_near(pid, self.array, MOST_ARRAY);
        let end = entries_end(&self.before);
        now.len() >= end && now[..end] == self.before[..end]
    }

    /// What has become of an array that has moved, and of its memory; `None` while it is to be waited for: the array has
    /// not moved, or its memory may still be released.
    pub fn change_with_memory(&mut self, pid: i32, now: Instant) -> Option<Change> {
        if self.change(pid) != Change::Moved {
            return None;
        }
        let (since, freeable) = *self
            .moved
            .get_or_insert_with(|| (now, !stack(pid).contains(&self.array)));
        if freeable && (self.freed || !self.is_intact(pid)) {
            Some(Change::Reused)
        } else {
            (!freeable || now - since >= RELEASE).then_some(Change::Moved)
        }
    }

    /// The number of entries at entry, where the whole array was read.
    pub fn variables(&self) -> Option<usize> {
        count(&self.before)
    }
}

/// Entries before the null word; `None` where there is no null word.
pub fn count(array: &[u8]) -> Option<usize> {
    array
        .chunks_exact(WORD)
        .position(|word| word.iter().all(|byte| *byte == 0))
}

/// The bytes up to the null word and with it.
fn entries_end(array: &[u8]) -> usize {
    count(array).map_or(array.len(), |entries| (entries + 1) * WORD)
}

/// The writable, private ranges of mapped files, each with the nameless range that follows it directly (its bss).
fn data_ranges(maps: &str) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(range), Some(mode)) = (fields.next(), fields.next()) else {
            continue;
        };
        let name = fields.nth(3).unwrap_or_default();
        let Some((start, end)) = range.split_once('-') else {
            continue;
        };
        let (Ok(start), Ok(end)) = (u64::from_str_radix(start, 16), u64::from_str_radix(end, 16)) else {
            continue;
        };
        if !mode.starts_with("rw") {
            continue;
        }
        let follows = ranges.last().is_some_and(|last| last.1 == start);
        if name.starts_with('/') || (name.is_empty() && follows) {
            ranges.push((start, end));
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_bss_of_files_are_looked_at_and_heaps_and_stacks_are_not() {
        let maps = "\
55d000000000-55d000001000 r-xp 00000000 fd:00 1 /usr/bin/x
55d000002000-55d000003000 rw-p 00002000 fd:00 1 /usr/bin/x
55d000003000-55d000004000 rw-p 00000000 00:00 0
55d000010000-55d000020000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000001000 rw-p 00000000 00:00 0
7f0000002000-7f0000003000 rw-p 00000000 fd:00 2 /lib/libc.so.6
7ffd00000000-7ffd00001000 rw-p 00000000 00:00 0 [stack]
";
        let found = data_ranges(maps);
        let expected = [
            (0x55d0_0000_2000, 0x55d0_0000_3000),
            (0x55d0_0000_3000, 0x55d0_0000_4000),
            (0x7f00_0000_2000, 0x7f00_0000_3000),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn entries_are_counted_up_to_the_null_word() {
        let words = |values: &[u64]| values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>();
        assert_eq!(count(&words(&[5, 6, 0, 7])), Some(2));
        assert_eq!(count(&words(&[5, 6])), None);
    }

    #[test]
    fn memory_that_is_used_again_is_told_from_an_array_that_only_moved() {
        use std::sync::atomic::{AtomicU64, Ordering};
        static WORD_OF_ARRAY: AtomicU64 = AtomicU64::new(1);
        let pid = i32::try_from(std::process::id()).expect("process ids are positive 32-bit numbers");
        let word = std::ptr::from_ref(&WORD_OF_ARRAY) as u64;
        let entry = std::ptr::from_ref(c"A=1") as *const u8 as u64;
        let mut array: Box<[u64; 4]> = Box::new([entry, entry, 0, 0]);
        let address = std::ptr::from_ref(array.as_ref()) as u64;
        WORD_OF_ARRAY.store(address, Ordering::SeqCst);
        let mut watched = Watched::loaded(pid, address, vec![word]);
        let now = Instant::now();
        assert_eq!(watched.change_with_memory(pid, now), None);
        WORD_OF_ARRAY.store(1, Ordering::SeqCst);
        assert_eq!(
            watched.change_with_memory(pid, now),
            None,
            "its memory may still be released"
        );
        assert_eq!(watched.change_with_memory(pid, now + RELEASE), Some(Change::Moved));
        array[0] = std::hint::black_box(11);
        std::hint::black_box(&array);
        assert_eq!(watched.change_with_memory(pid, now), Some(Change::Reused));
        // What is no array any more at the load was freed before it.
        WORD_OF_ARRAY.store(address, Ordering::SeqCst);
        let mut freed = Watched::loaded(pid, address, vec![word]);
        WORD_OF_ARRAY.store(1, Ordering::SeqCst);
        assert_eq!(freed.change_with_memory(pid, now), Some(Change::Reused));
    }

    static POINTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

    #[test]
    fn a_word_that_points_to_the_array_is_found_and_seen_to_move() {
        use std::sync::atomic::Ordering;
        let pid = i32::try_from(std::process::id()).expect("process ids are positive 32-bit numbers");
        let mut array: Box<[u64; 4]> = Box::new([10, 20, 0, 0]);
        let address = std::ptr::from_ref(array.as_ref()) as u64;
        // Nothing in this program loads the word, so an optimiser would drop it.
        std::hint::black_box(&POINTER);
        assert_eq!(
            Layouts::default().watch(pid, address, false).change(pid),
            Change::Unreferenced
        );
        POINTER.store(address, Ordering::SeqCst);
        let mut layouts = Layouts::default();
        let watched = layouts.watch(pid, address, false);
        assert_eq!(watched.variables(), Some(2));
        assert_eq!(watched.change(pid), Change::Unchanged);
        array[0] = std::hint::black_box(11);
        std::hint::black_box(&array);
        assert_eq!(watched.change(pid), Change::InPlace);
        POINTER.store(1, Ordering::SeqCst);
        assert_eq!(watched.change(pid), Change::Moved);
        // The words are known now, and none of them holds it any more.
        assert_eq!(layouts.watch(pid, address, false).change(pid), Change::Unreferenced);
    }
}
