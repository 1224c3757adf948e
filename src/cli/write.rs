//! Writing files so that nobody ever sees half of one.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::input::lower_case;

use super::error::UserError;

/// Replaces the file at `path`, or makes it: what is written appears at once and whole, or not at all. A file that is
/// there keeps its permissions; a symbolic link keeps leading to it.
///
/// # Errors
/// Where the folder or the file cannot be written.
pub fn atomically(path: &Path, bytes: &[u8]) -> Result<(), UserError> {
    let failed = |error: std::io::Error| UserError::Unwritable {
        file: path.to_string_lossy().into_owned(),
        cause: lower_case(&error),
    };
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let beside = beside(&target);
    let result = write(&target, &beside, bytes);
    if result.is_err() {
        // Nothing is to stay behind; that it cannot be removed is the lesser trouble.
        let _ = fs::remove_file(&beside);
    }
    result.map_err(failed)
}

fn write(target: &Path, beside: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if let Ok(metadata) = fs::metadata(target) {
        fs::set_permissions(beside, metadata.permissions())?;
    }
    fs::rename(beside, target)
}

/// A name in the same folder, so that renaming does not cross file systems.
fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_whole_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let path = folder.path().join("x.py");
        fs::write(&path, "old").expect("files can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("permissions can be set");
        let link = folder.path().join("link.py");
        std::os::unix::fs::symlink("x.py", &link).expect("links can be made");
        atomically(&link, b"new").expect("the folder can be written");
        assert_eq!(fs::read_to_string(&path).expect("the file is there"), "new");
        let mode = fs::metadata(&path).expect("the file is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(link.is_symlink());
        assert_eq!(fs::read_dir(folder.path()).expect("the folder is there").count(), 2);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let error = atomically(Path::new("/no/such/folder/x"), b"x").expect_err("there is no such folder");
        assert_eq!(error.title(), "cannot write `/no/such/folder/x`");
    }
}
