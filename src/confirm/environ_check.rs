//! The child that looks at the environment it was given: `__environ-check`.
//!
//! A shell rebuilds its environment and hides doubled and foreign entries, so replays that can start any program start
//! this one. It reads the block that the kernel copied for it, before any library touched it.
//!
//! Mostly it is `environ_check.c` that is started, see [`super::checker`]; this is its reference, and its stand-in where
//! that could not be compiled or cannot be run.

use std::collections::BTreeMap;
use std::process::ExitCode;

use super::machine::{PROBE_ARGUMENT, PROBE_YES};

/// The hidden command's name.
pub const NAME: &str = "__environ-check";

/// How a child's environment can be torn, by exit code.
const MISSING: u8 = 77;
const DOUBLED: u8 = 78;
const FOREIGN: u8 = 79;

/// Checks this process's environment against the replay's sentinels.
///
/// # Arguments
/// `[count, "emptied"?]`: the sentinels `ENVRACE_S00`… that are present from the replay's beginning to its end; with
/// `emptied`, the replay also clears the environment as a whole, so that none of them is as good as all.
///
/// Exits 0 where all is well or cannot be known, 77 for a missing sentinel, 78 for a doubled variable, 79 for an entry
/// that no one set.
pub fn hidden_main(arguments: &[String]) -> ExitCode {
    if arguments.first().is_some_and(|word| word == PROBE_ARGUMENT) {
        return ExitCode::from(PROBE_YES);
    }
    let count = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(0);
    let emptied = arguments.get(1).is_some_and(|word| word == "emptied");
    match std::fs::read("/proc/self/environ") {
        Ok(block) => ExitCode::from(judge(&block, count, emptied)),
        Err(_) => ExitCode::SUCCESS,
    }
}

/// The name and value of a sentinel.
pub fn sentinel(index: usize) -> (String, String) {
    (format!("ENVRACE_S{index:02}"), format!("sentinel-{index:02}"))
}

/// The exit code for an environment block: entries separated by NUL bytes.
pub fn judge(block: &[u8], count: usize, emptied: bool) -> u8 {
    let mut values = BTreeMap::new();
    for entry in block.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        let Some(equals) = memchr::memchr(b'=', entry) else {
            return FOREIGN;
        };
        let name = &entry[..equals];
        if !known(name, entry) {
            return FOREIGN;
        }
        if values.insert(name, &entry[equals + 1..]).is_some() {
            return DOUBLED;
        }
    }
    let sound = |(name, value): &(String, String)| values.get(name.as_bytes()) == Some(&value.as_bytes());
    let present = (0..count).map(sentinel).filter(sound).count();
    if present == count || (emptied && present == 0) {
        0
    } else {
        MISSING
    }
}

/// The replay names all its variables alike, and their values are plain text; the rest are those that an interpreter or
/// a loader needs, with whatever value.
fn known(name: &[u8], entry: &[u8]) -> bool {
    if name.starts_with(b"ENVRACE_") {
        return entry.iter().all(u8::is_ascii_graphic);
    }
    let others: [&[u8]; 7] = [
        b"PATH",
        b"LANG",
        b"LC_ALL",
        b"LC_CTYPE",
        b"LD_LIBRARY_PATH",
        b"PWD",
        b"_",
    ];
    others.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(entries: &[&str]) -> Vec<u8> {
        entries.iter().flat_map(|entry| entry.bytes().chain([0])).collect()
    }

    const BOTH: [&str; 3] = ["PATH=/bin", "ENVRACE_S00=sentinel-00", "ENVRACE_S01=sentinel-01"];

    #[test]
    fn a_whole_environment_passes() {
        assert_eq!(judge(&block(&BOTH), 2, false), 0);
        assert_eq!(judge(&[], 0, false), 0);
    }

    #[test]
    fn each_kind_of_damage_has_its_code() {
        assert_eq!(judge(&block(&BOTH), 3, false), MISSING);
        assert_eq!(judge(&block(&["ENVRACE_S00=other"]), 1, false), MISSING);
        assert_eq!(judge(&block(&[BOTH[1], BOTH[2], BOTH[1]]), 2, false), DOUBLED);
        assert_eq!(judge(&block(&["\u{1}\u{2}x"]), 0, false), FOREIGN);
        assert_eq!(judge(&block(&["FOREIGN=1"]), 0, false), FOREIGN);
        assert_eq!(judge(&[b'A', b'=', 0xff, 0], 0, false), FOREIGN);
        assert_eq!(judge(b"ENVRACE_N0001=\xff\0", 0, false), FOREIGN);
    }

    #[test]
    fn what_is_the_users_own_may_hold_any_bytes() {
        assert_eq!(judge(b"PATH=/caf\xe9 1\0", 0, false), 0);
    }

    #[test]
    fn an_emptied_environment_is_whole_but_half_of_one_is_not() {
        assert_eq!(judge(&block(&BOTH[..1]), 2, true), 0);
        assert_eq!(judge(&block(&BOTH[..2]), 2, true), MISSING);
    }
}
