//! What is kept between runs, by fingerprint: a shelf has a book for each project, and a book's pages are packs of entries.
//!
//! A pack is written once, under another name, and renamed when it is whole; nobody ever changes one. So runs at the same
//! time see whole packs or none, and the worst that can come of them is that something is made twice. Every entry has a
//! check of its own: a damaged one, like a missing one, is simply not there.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::Fingerprint;

/// How a pack begins, and how it ends.
const MAGIC: &[u8; 8] = b"envrpk1\n";

/// An entry of the index: key, where it begins, its length, its check.
const INDEX_ENTRY: usize = 32 + 8 + 8 + 8;

/// The end of a pack: where the index begins, how many entries it has, its check, and the magic.
const FOOTER: usize = 8 + 8 + 8 + MAGIC.len();

/// The most packs of a book: with more, all that is in use is packed anew.
const MOST_PACKS: usize = 8;

/// A pack that was used is marked so, at most this often.
const MARK_EVERY: Duration = Duration::from_secs(60 * 60);

/// What a run that died left behind is swept away after this.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

const PACK: &str = "pack";
const UNFINISHED: &str = "unfinished";

/// A folder of books.
#[derive(Debug, Clone)]
pub struct Shelf {
    folder: PathBuf,
    /// How many bytes all packs may have together.
    limit: u64,
}

/// How much room a shelf takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    pub bytes: u64,
    pub packs: u64,
}

/// What is kept of one project.
#[derive(Debug, Default)]
pub struct Book {
    packs: Vec<Pack>,
    /// The pack, and the place in it.
    places: HashMap<Fingerprint, (usize, Place)>,
}

#[derive(Debug)]
struct Pack {
    path: PathBuf,
    file: File,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at: u64,
    length: u64,
    check: u64,
}

impl Book {
    /// Reads an entry into `bytes`, over what they hold. Whether it is there and whole.
    pub fn read(&self, key: &Fingerprint, bytes: &mut Vec<u8>) -> bool {
        let Some((pack, place)) = self.places.get(key) else {
            return false;
        };
        bytes.resize(place.length as usize, 0);
        self.packs[*pack].file.read_exact_at(bytes, place.at).is_ok() && check(bytes) == place.check
    }

    /// How many entries there are.
    pub fn entries(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

impl Shelf {
    /// The shelf in `folder`, which need not be there yet; its packs may have `limit` bytes together.
    pub fn new(folder: PathBuf, limit: u64) -> Shelf {
        Shelf { folder, limit }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the book of this name. What cannot be read is not in it.
    pub fn open(&self, name: &Fingerprint) -> Book {
        let mut book = Book::default();
        let mut paths = files(&self.place(name), PACK);
        paths.sort();
        for path in paths.into_iter().rev() {
            let Some((pack, places)) = open(&path) else {
                continue;
            };
            let number = book.packs.len();
            for (key, place) in places {
                book.places.entry(key).or_insert((number, place));
            }
            mark(&pack.file);
            book.packs.push(pack);
        }
        book
    }

    /// A pen with which entries are added to the book of this name.
    pub fn pen(&self, name: &Fingerprint) -> Pen {
        Pen {
            shelf: self.clone(),
            folder: self.place(name),
            sheet: Mutex::new(Sheet::Blank),
        }
    }

    /// How much room it takes.
    pub fn room(&self) -> Room {
        let mut room = Room::default();
        for (_, bytes, _) in self.packs() {
            room.bytes += bytes;
            room.packs += 1;
        }
        room
    }

    /// Throws all packs away, and nothing else that may lie in the folder.
    ///
    /// # Errors
    /// Where one cannot be removed.
    pub fn clean(&self) -> io::Result<Room> {
        let room = self.room();
        for book in books(&self.folder) {
            for path in files(&book, PACK).into_iter().chain(files(&book, UNFINISHED)) {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            // Another run may just have put something in.
            let _ = fs::remove_dir(&book);
        }
        Ok(room)
    }

    fn place(&self, name: &Fingerprint) -> PathBuf {
        let hex: String = name.0[..16].iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(hex)
    }

    /// All packs with their sizes and when they were last used.
    fn packs(&self) -> Vec<(PathBuf, u64, SystemTime)> {
        let all = books(&self.folder).into_iter().flat_map(|book| files(&book, PACK));
        all.filter_map(|path| {
            let metadata = fs::metadata(&path).ok()?;
            Some((path, metadata.len(), metadata.modified().ok()?))
        })
        .collect()
    }

    /// Removes what was not used for longest until the rest is within the limit, and what was abandoned.
    fn keep_within(&self) {
        let mut packs = self.packs();
        packs.sort_by_key(|(_, _, used)| *used);
        let mut bytes: u64 = packs.iter().map(|(_, bytes, _)| bytes).sum();
        for (path, size, _) in packs {
            if bytes <= self.limit {
                break;
            }
            if fs::remove_file(&path).is_ok() {
                bytes -= size;
            }
        }
        for book in books(&self.folder) {
            for path in files(&book, UNFINISHED) {
                let age = fs::metadata(&path).and_then(|metadata| metadata.modified());
                if age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED)) {
                    let _ = fs::remove_file(&path);
                }
            }
            // Only an empty one can be removed.
            let _ = fs::remove_dir(&book);
        }
    }
}

/// Adds entries to a book, from any number of threads. Where nothing can be written, it adds none.
#[derive(Debug)]
pub struct Pen {
    shelf: Shelf,
    folder: PathBuf,
    sheet: Mutex<Sheet>,
}

/// What a pen has written so far.
#[derive(Debug)]
enum Sheet {
    Blank,
    Begun(Writer),
    Failed,
}

impl Sheet {
    fn put(&mut self, folder: &Path, key: Fingerprint, bytes: &[u8]) {
        let written = match self {
            Sheet::Failed => return,
            Sheet::Begun(writer) => writer.entry(key, bytes),
            Sheet::Blank => Writer::begin(folder).and_then(|mut writer| {
                writer.entry(key, bytes)?;
                *self = Sheet::Begun(writer);
                Ok(())
            }),
        };
        if written.is_err() {
            *self = Sheet::Failed;
        }
    }
}

impl Pen {
    /// Adds an entry.
    pub fn put(&self, key: Fingerprint, bytes: &[u8]) {
        self.sheet().put(&self.folder, key, bytes);
    }

    fn sheet(&self) -> std::sync::MutexGuard<'_, Sheet> {
        self.sheet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what was added on the shelf. `used`: the keys of the book that this run asked for; the others may be dropped
    /// when there is reason to pack anew. Whether anything was added.
    pub fn close(self, book: &Book, used: impl IntoIterator<Item = Fingerprint>) -> bool {
        let mut sheet = self.sheet.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Sheet::Begun(writer) = &mut sheet else {
            return false;
        };
        let added = writer.at;
        let mut kept: Vec<Fingerprint> = used.into_iter().filter(|key| book.places.contains_key(key)).collect();
        kept.sort_unstable();
        kept.dedup();
        let living: u64 = kept.iter().map(|key| book.places[key].1.length).sum::<u64>() + added;
        let all: u64 = book.places.values().map(|(_, place)| place.length).sum::<u64>() + added;
        let anew = book.packs.len() >= MOST_PACKS || all > living.saturating_mul(2);
        let mut bytes = Vec::new();
        for key in kept.iter().filter(|_| anew) {
            if book.read(key, &mut bytes) {
                sheet.put(&self.folder, *key, &bytes);
            }
        }
        let Sheet::Begun(writer) = sheet else {
            return false;
        };
        if writer.finish().is_err() {
            return false;
        }
        for old in book.packs.iter().filter(|_| anew) {
            // Whoever reads it has it open.
            let _ = fs::remove_file(&old.path);
        }
        self.shelf.keep_within();
        true
    }
}

/// A pack while it is written.
#[derive(Debug)]
struct Writer {
    path: PathBuf,
    out: io::BufWriter<File>,
    at: u64,
    index: Vec<u8>,
    entries: u64,
}

impl Writer {
    fn begin(folder: &Path) -> io::Result<Writer> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        // Newer packs sort behind older ones.
        let name = format!("{:020}-{}-{number}.{UNFINISHED}", now.as_nanos(), std::process::id());
        let path = folder.join(name);
        let file = File::options().write(true).create_new(true).open(&path)?;
        let mut writer = Writer {
            path,
            out: io::BufWriter::with_capacity(1 << 18, file),
            at: MAGIC.len() as u64,
            index: Vec::new(),
            entries: 0,
        };
        writer.out.write_all(MAGIC)?;
        Ok(writer)
    }

    fn entry(&mut self, key: Fingerprint, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.index.extend(key.0);
        for number in [self.at, bytes.len() as u64, check(bytes)] {
            self.index.extend(number.to_le_bytes());
        }
        self.at += bytes.len() as u64;
        self.entries += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        let mut footer = Vec::with_capacity(FOOTER);
        for number in [self.at, self.entries, check(&self.index)] {
            footer.extend(number.to_le_bytes());
        }
        footer.extend(MAGIC);
        self.out.write_all(&self.index)?;
        self.out.write_all(&footer)?;
        self.out.flush()?;
        let name = self.path.with_extension(PACK);
        fs::rename(&self.path, name)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // After the rename there is nothing of this name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Opens a pack and reads its index; nothing where it is no whole pack.
fn open(path: &Path) -> Option<(Pack, Vec<(Fingerprint, Place)>)> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut begin = [0; MAGIC.len()];
    file.read_exact_at(&mut begin, 0).ok()?;
    let mut footer = [0; FOOTER];
    let footer_at = bytes.checked_sub(FOOTER as u64)?;
    file.read_exact_at(&mut footer, footer_at).ok()?;
    let [index_at, entries, index_check] = [0, 8, 16].map(|at| number(&footer, at));
    let length = entries.checked_mul(INDEX_ENTRY as u64)?;
    let whole = begin == *MAGIC && footer[24..] == *MAGIC && index_at.checked_add(length)? == footer_at;
    if !whole {
        return None;
    }
    let mut index = vec![0; length as usize];
    file.read_exact_at(&mut index, index_at).ok()?;
    if check(&index) != index_check {
        return None;
    }
    let places = index.chunks_exact(INDEX_ENTRY).map(|entry| {
        let mut key = [0; 32];
        key.copy_from_slice(&entry[..32]);
        let [at, length, check] = [32, 40, 48].map(|at| number(entry, at));
        (Fingerprint(key), Place { at, length, check })
    });
    let inside =
        |(_, place): &(Fingerprint, Place)| place.at.checked_add(place.length).is_some_and(|end| end <= index_at);
    let places = places.filter(inside).collect();
    let pack = Pack {
        path: path.to_owned(),
        file,
    };
    Some((pack, places))
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

fn check(bytes: &[u8]) -> u64 {
    number(&Fingerprint::of(bytes).0, 0)
}

/// Notes that a pack is in use, for whoever has to throw some away.
fn mark(file: &File) {
    let age = file.metadata().and_then(|metadata| metadata.modified());
    if age.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > MARK_EVERY)) {
        let _ = file.set_modified(SystemTime::now());
    }
}

fn books(folder: &Path) -> Vec<PathBuf> {
    let is_book = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) && path.is_dir()
    };
    listed(folder).filter(is_book).collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    listed(folder)
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

fn listed(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: Fingerprint = Fingerprint([7; 32]);

    fn shelf(limit: u64) -> (tempfile::TempDir, Shelf) {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let shelf = Shelf::new(folder.path().join("kept"), limit);
        (folder, shelf)
    }

    fn key(text: &str) -> Fingerprint {
        Fingerprint::of(text.as_bytes())
    }

    /// Adds entries whose bytes are their names, with `size` bytes behind.
    fn add(shelf: &Shelf, used: &[&str], names: &[&str], size: usize) {
        let book = shelf.open(&NAME);
        let pen = shelf.pen(&NAME);
        for name in names {
            pen.put(key(name), &[name.as_bytes(), &vec![b'.'; size]].concat());
        }
        assert!(
            pen.close(&book, used.iter().map(|name| key(name))),
            "the folder can be written"
        );
    }

    fn has(shelf: &Shelf, name: &str) -> bool {
        let mut bytes = Vec::new();
        let there = shelf.open(&NAME).read(&key(name), &mut bytes);
        assert!(!there || bytes.starts_with(name.as_bytes()));
        there
    }

    #[test]
    fn what_is_added_is_there_again() {
        let (_folder, shelf) = shelf(u64::MAX);
        assert!(shelf.open(&NAME).is_empty());
        add(&shelf, &[], &["a", "b"], 10);
        add(&shelf, &["a", "b"], &["c"], 10);
        assert!(has(&shelf, "a") && has(&shelf, "b") && has(&shelf, "c") && !has(&shelf, "d"));
        assert!(shelf.open(&Fingerprint([8; 32])).is_empty());
        assert_eq!(shelf.room().packs, 2);
        let gone = shelf.clean().expect("it can be removed");
        assert!(gone.bytes > 0 && shelf.room() == Room::default());
        assert!(!has(&shelf, "a"));
    }

    #[test]
    fn what_is_no_longer_used_goes_when_it_is_most() {
        let (_folder, shelf) = shelf(u64::MAX);
        add(&shelf, &[], &["a", "b", "c"], 1000);
        add(&shelf, &["c"], &["d"], 2000);
        assert_eq!(shelf.open(&NAME).entries(), 4);
        add(&shelf, &["c"], &["e"], 10);
        assert_eq!(shelf.open(&NAME).entries(), 2);
        assert!(has(&shelf, "c") && has(&shelf, "e"));
        for number in 0..2 * MOST_PACKS {
            add(&shelf, &["c", "e"], &[&format!("n{number}")], 1);
        }
        assert!(shelf.room().packs as usize <= MOST_PACKS);
        assert!(has(&shelf, "c") && has(&shelf, "e"));
    }

    #[test]
    fn the_longest_unused_goes_first_where_there_is_too_much() {
        let (_folder, shelf) = shelf(5000);
        add(&shelf, &[], &["a"], 2000);
        for path in files(&shelf.place(&NAME), PACK) {
            let old = SystemTime::now() - Duration::from_secs(1000);
            let file = File::options().write(true).open(path).expect("it was just written");
            file.set_modified(old).expect("times can be set");
        }
        add(&shelf, &["a"], &["b"], 1500);
        assert!(has(&shelf, "a") && has(&shelf, "b"));
        add(&shelf, &["a", "b"], &["c"], 1500);
        assert!(!has(&shelf, "a") && has(&shelf, "b") && has(&shelf, "c"));
        assert!(shelf.room().bytes <= 5000);
    }

    #[test]
    fn cleaning_touches_nothing_else() {
        let (folder, shelf) = shelf(u64::MAX);
        add(&shelf, &[], &["a"], 1);
        let other = folder.path().join("kept/notes.txt");
        fs::write(&other, "mine").expect("files can be written");
        shelf.clean().expect("it can be removed");
        assert!(other.exists());
    }

    #[test]
    fn any_damage_is_an_entry_less_and_nothing_worse() {
        let (_folder, shelf) = shelf(u64::MAX);
        add(&shelf, &[], &["a", "b"], 40);
        let path = files(&shelf.place(&NAME), PACK).remove(0);
        let whole = fs::read(&path).expect("it was just written");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            fs::write(&path, &damaged).expect("files can be written");
            // `has` asserts that what is there is right.
            let left = [has(&shelf, "a"), has(&shelf, "b")];
            assert_ne!(left, [true, true], "byte {at}");
        }
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).expect("files can be written");
            assert!(!has(&shelf, "a") && !has(&shelf, "b"), "{length} bytes");
        }
        add(&shelf, &[], &["a"], 1);
        assert!(has(&shelf, "a"));
    }

    #[test]
    fn many_may_write_at_once() {
        let (_folder, shelf) = shelf(u64::MAX);
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let shelf = &shelf;
                scope.spawn(move || {
                    for number in 0..10 {
                        let name = format!("w{writer}-{number}");
                        add(shelf, &[], &[&name], 100);
                        has(shelf, &name);
                    }
                });
            }
        });
        add(&shelf, &[], &["last"], 1);
        assert!(has(&shelf, "last"));
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_kept() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let file = folder.path().join("file");
        fs::write(&file, "").expect("files can be written");
        let shelf = Shelf::new(file.join("below"), u64::MAX);
        let book = shelf.open(&NAME);
        let pen = shelf.pen(&NAME);
        pen.put(NAME, &[1]);
        assert!(!pen.close(&book, []));
        assert_eq!(shelf.room(), Room::default());
    }
}
