//! Zip archives: wheels, eggs, zips.

use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::facts::ProblemKind;

use super::intake::{Intake, Next, plain};
use super::too_much;

/// The end record and the longest comment after it (APPNOTE.TXT 4.3.16), with room for the zip64 records before it.
const TAIL: u64 = 22 + 65_535 + 4096;

/// The signature of the zip64 end record (APPNOTE.TXT 4.3.14), whose count of members can be any number.
const ZIP64_END: &[u8] = b"PK\x06\x06";

/// The signature of an entry of the central directory (APPNOTE.TXT 4.3.12) and its fixed part's length.
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;

/// Feeds all members to the intake; why it ended before the archive's end, if it did.
pub fn members(mut file: impl Read + Seek, intake: &mut Intake) -> Option<(ProblemKind, String)> {
    let most = intake.limits.members;
    match claims_more(&mut file, most) {
        Ok(false) => {}
        Ok(true) => {
            let limit = format!("claims more than {most} members, so none is read");
            return Some((ProblemKind::Limit, limit));
        }
        Err(error) => return Some(super::unreadable(&error)),
    }
    let mut archive = match ZipArchive::new(&mut file) {
        Ok(archive) => archive,
        Err(error) => return Some((ProblemKind::Io, format!("the archive is damaged: {}", sentence(&error)))),
    };
    let mut left = intake.limits.expanded;
    for index in 0..archive.len() {
        match member(&mut archive, index, &mut left, intake) {
            Ok(Next::Wanted) => {}
            Ok(Next::Enough) => return None,
            Err(error) => return Some(super::unreadable(&error)),
        }
    }
    let directory = archive.central_directory_start();
    // Only the names are wanted; a directory that cannot be read again was read before.
    if let Ok(names) = doubled(&mut file, directory) {
        names.iter().for_each(|name| intake.twice(&plain(name).0));
    }
    None
}

fn member<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    left: &mut u64,
    intake: &mut Intake,
) -> Result<Next, io::Error> {
    let (name, encrypted) = match archive.by_index_raw(index) {
        Ok(raw) if raw.is_dir() => return Ok(Next::Wanted),
        Ok(raw) if raw.is_symlink() => {
            intake.link();
            return Ok(Next::Wanted);
        }
        Ok(raw) => (raw.name_raw().to_vec(), raw.encrypted()),
        Err(error) => {
            let message = format!("member {} is damaged: {}", index + 1, sentence(&error));
            intake.tell("", ProblemKind::Io, message);
            return Ok(Next::Wanted);
        }
    };
    if encrypted {
        intake.lose_member(&name, &io::Error::other("it is encrypted"));
        return Ok(Next::Wanted);
    }
    let mut file = match archive.by_index(index) {
        Ok(file) => file,
        Err(error) => {
            intake.lose_member(&name, &io::Error::other(sentence(&error)));
            return Ok(Next::Wanted);
        }
    };
    // Members can share their bytes, so that each is small and all together are not.
    let most = intake.limits.expanded;
    let mut counted = Counted {
        most,
        inner: &mut file,
        left,
        exceeded: false,
    };
    let taken = intake.file(&name, &mut counted);
    match (taken, counted.exceeded) {
        (Err(error), true) => Err(error),
        (Err(error), false) => {
            intake.lose_member(&name, &error);
            Ok(Next::Wanted)
        }
        (taken, _) => taken,
    }
}

/// Whether the end of the file announces more members than are looked at, before anything is allocated for them.
fn claims_more(file: &mut (impl Read + Seek), most: u64) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    file.rewind()?;
    let count = |at: usize| Some(u64::from_le_bytes(tail.get(at + 32..at + 40)?.try_into().ok()?));
    Ok(memchr::memmem::find_iter(&tail, ZIP64_END).any(|at| count(at).is_some_and(|count| count > most)))
}

/// The names that the central directory at `start` holds more than once; the library keeps the last of each.
fn doubled(file: &mut (impl Read + Seek), start: u64) -> io::Result<Vec<Vec<u8>>> {
    file.seek(SeekFrom::Start(start))?;
    let (mut seen, mut twice) = (HashSet::new(), Vec::new());
    let mut fixed = [0; ENTRY_BYTES];
    while file.read_exact(&mut fixed).is_ok() && fixed.starts_with(ENTRY) {
        let length = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
        let mut name = vec![0; length(28).into()];
        file.read_exact(&mut name)?;
        file.seek_relative(i64::from(length(30)) + i64::from(length(32)))?;
        if seen.contains(&name) {
            twice.push(name);
        } else {
            seen.insert(name);
        }
    }
    Ok(twice)
}

fn sentence(error: &ZipError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars
        .next()
        .map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

/// Counts what all members of an archive expand to.
struct Counted<'a, R> {
    inner: R,
    most: u64,
    left: &'a mut u64,
    exceeded: bool,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => *self.left = left,
            None => {
                self.exceeded = true;
                return Err(too_much(self.most));
            }
        }
        Ok(count)
    }
}
