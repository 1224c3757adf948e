//! What the file system says of a file, by which one that nobody wrote to is told without reading it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Two writes may fall into one tick of a file system's clock, which on FAT is two seconds long.
const TICK: Duration = Duration::from_secs(2);

/// What a write to a file changes beside its bytes. The time of change is set by the system alone (`inode(7)`), so that also
/// who sets back the time of modification is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    /// In seconds since 1970, and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// That of the regular file at `path`; none where there is none.
    pub fn of(path: &Path) -> Option<Stamp> {
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Stamp {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }

    /// Whether a write from `now` on will surely show in another stamp. A file that was written to only just now may be
    /// written to again within the same tick (Git's "racily clean" entries).
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let age = |(seconds, nanoseconds): (i64, i64)| {
            let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
            now.duration_since(UNIX_EPOCH.checked_add(since)?).ok()
        };
        let is_old = |time| age(time).is_some_and(|age| age > TICK);
        is_old(self.modified) && is_old(self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_write_shows_but_for_those_of_one_tick() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let path = folder.path().join("a.py");
        assert_eq!(Stamp::of(&path), None);
        fs::write(&path, "one").expect("files can be written");
        let first = Stamp::of(&path).expect("it was just written");
        assert_eq!(Stamp::of(&path), Some(first));
        assert!(!first.is_settled(SystemTime::now()));
        assert!(first.is_settled(SystemTime::now() + TICK * 2));
        // Longer, or another file by the same name, whatever the clock says.
        fs::write(&path, "four").expect("files can be written");
        assert_ne!(Stamp::of(&path), Some(first));
        let other = folder.path().join("b.py");
        fs::write(&other, "one").expect("files can be written");
        fs::rename(&other, &path).expect("files can be renamed");
        assert_ne!(Stamp::of(&path), Some(first));
        assert_eq!(Stamp::of(folder.path()), None);
    }

    #[test]
    fn setting_back_the_time_of_modification_does_not_settle_a_file() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let path = folder.path().join("a.py");
        fs::write(&path, "one").expect("files can be written");
        let file = fs::File::options()
            .write(true)
            .open(&path)
            .expect("it was just written");
        file.set_modified(SystemTime::now() - TICK * 100)
            .expect("times can be set");
        let stamp = Stamp::of(&path).expect("it was just written");
        assert!(!stamp.is_settled(SystemTime::now()));
    }
}
