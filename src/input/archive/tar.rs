//! Tar archives. The headers are read one by one and long names put together here, since the library would keep a name of
//! any length; GNU and POSIX (pax) forms are those that registries' tools write.

use std::io::{self, Read};

use tar::{Archive, Entry, EntryType};

use crate::facts::ProblemKind;

use super::intake::{Intake, Next};
use super::{too_much, unreadable};

/// The longest name, and the longest pax header, that is read. PATH_MAX is 4096.
const MAX_NAME: u64 = 64 * 1024;

/// Feeds all members to the intake; why it ended before the archive's end, if it did.
pub fn members(unpacked: impl Read, intake: &mut Intake) -> Option<(ProblemKind, String)> {
    let mut archive = Archive::new(Limited {
        inner: unpacked,
        most: intake.limits.expanded,
        seen: 0,
    });
    let entries = match archive.entries() {
        Ok(entries) => entries.raw(true),
        Err(error) => return Some(unreadable(&error)),
    };
    let mut long_name = None;
    let mut any = false;
    for entry in entries {
        let next = entry.and_then(|entry| member(entry, &mut long_name, intake));
        match next {
            Ok(Next::Wanted) => any = true,
            Ok(Next::Enough) => return None,
            Err(error) => return Some(unreadable(&error)),
        }
    }
    (!any).then(|| (ProblemKind::Io, "holds no members".to_owned()))
}

fn member<R: Read>(
    mut entry: Entry<'_, R>,
    long_name: &mut Option<Vec<u8>>,
    intake: &mut Intake,
) -> Result<Next, io::Error> {
    match entry.header().entry_type() {
        EntryType::GNULongName => {
            let mut name = Vec::new();
            entry.take(MAX_NAME).read_to_end(&mut name)?;
            let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            name.truncate(end);
            *long_name = Some(name);
        }
        EntryType::XHeader => {
            let mut header = Vec::new();
            entry.take(MAX_NAME).read_to_end(&mut header)?;
            *long_name = pax_path(&header).or(long_name.take());
        }
        kind => {
            let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            match kind {
                EntryType::Regular | EntryType::Continuous => return intake.file(&name, &mut entry),
                EntryType::Symlink | EntryType::Link => intake.link(),
                EntryType::GNUSparse => {
                    let (name, _) = super::intake::plain(&name);
                    intake.tell(&name, ProblemKind::Archive, "sparse members are not read".to_owned());
                }
                _ => {}
            }
        }
    }
    Ok(Next::Wanted)
}

/// The `path` record of a pax header (POSIX.1-2001, `pax`, "pax Extended Header"): `LENGTH path=VALUE\n`.
fn pax_path(header: &[u8]) -> Option<Vec<u8>> {
    let mut rest = header;
    let mut found = None;
    while let Some(space) = rest.iter().position(|&byte| byte == b' ') {
        let length: usize = std::str::from_utf8(&rest[..space]).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            found = Some(path.strip_suffix(b"\n").unwrap_or(path).to_vec());
        }
        rest = rest.get(length..)?;
    }
    found
}

/// A reader that fails once more has come out of a decompressor than an archive may expand to.
struct Limited<R> {
    inner: R,
    most: u64,
    seen: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.seen += count as u64;
        if self.seen > self.most {
            Err(too_much(self.most))
        } else {
            Ok(count)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pax_path;

    #[test]
    fn pax_headers_name_their_file() {
        assert_eq!(
            pax_path(b"30 mtime=1700000000.000000000\n12 path=a/b\n"),
            Some(b"a/b".to_vec())
        );
        for wrong in [
            &b"12 path"[..],
            b"x path=a\n",
            b"99999999999999999999 path=a\n",
            b"",
            b"0 path=a\n",
        ] {
            assert_eq!(pax_path(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }
}
