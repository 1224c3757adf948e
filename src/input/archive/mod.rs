//! Archives: sdists, crates, wheels and zips are read in memory, and nothing of them is ever written anywhere. An archive
//! is a project of its own whose paths read `a.tar.gz!inner/path`.
//!
//! What an archive holds is somebody else's, perhaps a hostile one's: every size and number has a limit, and whatever is
//! not read is a problem that names the member. A limit never loses what was read before it.

mod intake;
mod tar;
mod zip;

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::facts::{Language, Problem, ProblemKind};

use super::read::{lower_case, open_limited};
use super::walk::PassedOver;
use intake::Intake;

/// The largest archive that is opened: the largest sdists and wheels of registries are smaller.
const MAX_ARCHIVE_BYTES: u64 = 1024 * 1024 * 1024;

/// What one archive may cost.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How many bytes it may expand to, read or passed over.
    expanded: u64,
    /// How many bytes of sources are kept for the analysis.
    kept: u64,
    /// How many members are looked at.
    members: u64,
}

impl Limits {
    const USUAL: Limits = Limits {
        expanded: 4 * 1024 * 1024 * 1024,
        kept: 512 * 1024 * 1024,
        members: 500_000,
    };
}

/// How much a decompressor may keep of what it has written, in KiB: xz's largest preset needs 65 MiB.
const MAX_DICTIONARY_KIB: u32 = 256 * 1024;

/// How members are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Tar,
    TarGz,
    TarXz,
    TarBz2,
    Zip,
}

/// The name endings of archives that package registries use.
const ENDINGS: [(&str, Packing); 11] = [
    (".tar.gz", Packing::TarGz),
    (".tgz", Packing::TarGz),
    (".crate", Packing::TarGz),
    (".whl", Packing::Zip),
    (".zip", Packing::Zip),
    (".egg", Packing::Zip),
    (".tar.xz", Packing::TarXz),
    (".txz", Packing::TarXz),
    (".tar.bz2", Packing::TarBz2),
    (".tbz2", Packing::TarBz2),
    (".tar", Packing::Tar),
];

/// What stands between an archive and a member in a path.
pub const SEPARATOR: char = '!';

/// A source file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path inside, with `/`, without `./` and `..`.
    pub name: String,
    pub language: Language,
    pub bytes: Vec<u8>,
}

/// What an archive holds.
#[derive(Debug, Default)]
pub struct Contents {
    /// The source files, sorted by name, each name once.
    pub members: Vec<Member>,
    /// What was not read. The path is a member's name; empty where it is about the archive.
    pub problems: Vec<Problem>,
    pub passed_over: PassedOver,
}

/// Whether the name is that of an archive.
pub fn is_archive(path: &Path) -> bool {
    packing(path).is_some()
}

fn packing(path: &Path) -> Option<Packing> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let known = |(ending, _): &&(&str, Packing)| name.ends_with(ending) && name.len() > ending.len();
    ENDINGS.iter().find(known).map(|(_, packing)| *packing)
}

/// The archive and the member that `a.tar.gz!inner/path` names, where the former is a file.
pub fn split(path: &Path) -> Option<(&Path, &str)> {
    let text = path.to_str()?;
    text.match_indices(SEPARATOR)
        .map(|(at, _)| (Path::new(&text[..at]), &text[at + 1..]))
        .find(|(archive, inner)| !inner.is_empty() && is_archive(archive) && archive.is_file())
}

/// Reads the source files of the archive at `path`.
pub fn read(path: &Path) -> Contents {
    read_within(path, Limits::USUAL)
}

fn read_within(path: &Path, limits: Limits) -> Contents {
    let mut intake = Intake::new(limits);
    let lost = match open_limited(path, MAX_ARCHIVE_BYTES) {
        Err(lost) => Some(lost),
        Ok(file) => members(path, file, &mut intake),
    };
    if let Some((kind, message)) = lost {
        intake.tell("", kind, message);
    }
    intake.finish()
}

/// Feeds all members to the intake; why it ended before the archive's end, if it did.
fn members(path: &Path, file: File, intake: &mut Intake) -> Option<(ProblemKind, String)> {
    let packed = BufReader::new(file);
    let unpacked: Box<dyn Read> = match packing(path)? {
        Packing::Zip => return zip::members(packed, intake),
        Packing::Tar => Box::new(packed),
        Packing::TarGz => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Packing::TarBz2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Packing::TarXz => Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, MAX_DICTIONARY_KIB)),
    };
    tar::members(unpacked, intake)
}

/// The error of what expands without end.
fn too_much(most: u64) -> std::io::Error {
    let message = format!("expands to more than {} MiB; what follows is lost", most >> 20);
    std::io::Error::new(std::io::ErrorKind::FileTooLarge, message)
}

/// An error of a decompressor or of the file as a problem.
fn unreadable(error: &std::io::Error) -> (ProblemKind, String) {
    match error.kind() {
        std::io::ErrorKind::FileTooLarge => (ProblemKind::Limit, error.to_string()),
        std::io::ErrorKind::UnexpectedEof => (
            ProblemKind::Io,
            "the archive ends too early; what follows is lost".to_owned(),
        ),
        _ => (
            ProblemKind::Io,
            format!("the archive is damaged: {}", lower_case(error)),
        ),
    }
}

#[cfg(test)]
mod tests;
