//! Archives, the seam: they are recognised by name here and refused by the caller with a clear error, until reading
//! them in memory is built. Each archive will be a project of its own whose paths read `a.tar.gz!inner/path`.

use std::path::Path;

/// The name endings of archives that package registries use.
const ENDINGS: [&str; 9] = [
    ".tar.gz", ".tgz", ".crate", ".whl", ".zip", ".tar.xz", ".txz", ".tar.bz2", ".tar",
];

/// Whether the name is that of an archive.
pub fn is_archive(path: &Path) -> bool {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_their_names() {
        for name in ["a.tar.gz", "x/serde-1.0.0.crate", "w.WHL", "z.zip", "a.tar.bz2"] {
            assert!(is_archive(Path::new(name)), "{name}");
        }
        for name in ["a.gz.py", "tar", "crate.rs", "zip"] {
            assert!(!is_archive(Path::new(name)), "{name}");
        }
    }
}
