//! The globs of the configuration: `exclude` and the paths of `[[per-path]]`. They hold for everything, also for files
//! named by hand: a hook passes every changed file by hand, and what the project excluded must stay excluded there too.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Compiled patterns and the folder that they are relative to.
#[derive(Debug, Clone)]
pub struct Globs {
    base: PathBuf,
    /// Patterns with a slash: matched from the base.
    anchored: GlobSet,
    /// Patterns without one: matched against any single name.
    names: GlobSet,
}

impl Globs {
    /// Matches nothing.
    pub fn none() -> Globs {
        Globs {
            base: PathBuf::new(),
            anchored: GlobSet::empty(),
            names: GlobSet::empty(),
        }
    }

    /// Compiles `patterns`, which are relative to `base` (the configuration's folder).
    ///
    /// # Errors
    /// The index of the first pattern that is no glob, and why.
    pub fn new(base: &Path, patterns: &[String]) -> Result<Globs, (usize, String)> {
        let mut anchored = GlobSetBuilder::new();
        let mut names = GlobSetBuilder::new();
        for (index, pattern) in patterns.iter().enumerate() {
            let pattern = pattern.strip_prefix("./").unwrap_or(pattern).trim_end_matches('/');
            let glob = compile(pattern.trim_start_matches('/')).map_err(|cause| (index, cause))?;
            if pattern.contains('/') {
                anchored.add(glob)
            } else {
                names.add(glob)
            };
        }
        let built = |builder: GlobSetBuilder| builder.build().map_err(|error| (0, error.to_string()));
        // Paths come from walking the resolved root; the base must be resolved alike to be a prefix of them.
        let base = base.canonicalize().unwrap_or_else(|_| base.to_owned());
        Ok(Globs {
            base,
            anchored: built(anchored)?,
            names: built(names)?,
        })
    }

    /// Whether `path`, or a folder above it up to the base, is matched.
    pub fn matches(&self, path: &Path) -> bool {
        if self.anchored.is_empty() && self.names.is_empty() {
            return false;
        }
        let Ok(relative) = path.strip_prefix(&self.base) else {
            return false;
        };
        relative
            .ancestors()
            .filter(|ancestor| !ancestor.as_os_str().is_empty())
            .any(|ancestor| {
                self.anchored.is_match(ancestor) || ancestor.file_name().is_some_and(|n| self.names.is_match(n))
            })
    }
}

fn compile(pattern: &str) -> Result<Glob, String> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(patterns: &[&str], path: &str) -> bool {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        let excludes = Globs::new(Path::new("/no/such/base"), &patterns).expect("the patterns of this test are globs");
        excludes.matches(&Path::new("/no/such/base").join(path))
    }

    #[test]
    fn a_name_matches_at_any_depth_and_takes_what_is_below() {
        assert!(excludes(&["vendor"], "a/vendor/b/c.py"));
        assert!(excludes(&["*.gen.py"], "a/b/x.gen.py"));
        assert!(!excludes(&["vendor"], "a/vendored/c.py"));
    }

    #[test]
    fn a_slash_anchors_at_the_base() {
        assert!(excludes(&["a/vendor/"], "a/vendor/c.py"));
        assert!(!excludes(&["a/vendor"], "b/a/vendor/c.py"));
        assert!(excludes(&["**/old/*.c"], "x/y/old/z.c"));
        assert!(!excludes(&["a/*.c"], "a/b/z.c"));
        assert!(excludes(&["/top.py"], "top.py"));
        assert!(!excludes(&["/top.py"], "a/top.py"));
    }

    #[test]
    fn what_is_no_glob_is_an_error_with_its_index() {
        let error = Globs::new(Path::new("/"), &["ok".to_owned(), "a[".to_owned()]).unwrap_err();
        assert_eq!(error.0, 1);
    }
}
