//! Where paths stand in the repository, for those who read a report elsewhere: code hosts know a file by its path from the
//! repository's root, whatever folder the command was run in. Computed on text alone; nothing is looked up.

/// The folder that shown paths are relative to, and the one that other programs know files by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    folder: Vec<String>,
    root: Vec<String>,
}

impl Default for Base {
    /// Shown paths are those of the repository.
    fn default() -> Base {
        Base::new("/", "/")
    }
}

/// A shown path, as seen from the repository's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Below the root: relative to it, with `/`, without `./`.
    Inside(String),
    /// Elsewhere: absolute.
    Outside(String),
}

impl Base {
    /// Shown paths are relative to `folder`; `root` is the repository. Both are absolute, with `/`.
    pub fn new(folder: &str, root: &str) -> Base {
        Base {
            folder: join(Vec::new(), folder),
            root: join(Vec::new(), root),
        }
    }

    /// Where `path` is.
    pub fn place(&self, path: &str) -> Place {
        let from = if path.starts_with('/') {
            Vec::new()
        } else {
            self.folder.clone()
        };
        let parts = join(from, path);
        match parts.strip_prefix(self.root.as_slice()) {
            Some(inside) => Place::Inside(inside.join("/")),
            None => Place::Outside(format!("/{}", parts.join("/"))),
        }
    }

    /// `path` from the repository's root, absolute where it lies elsewhere.
    pub fn path(&self, path: &str) -> String {
        match self.place(path) {
            Place::Inside(path) | Place::Outside(path) => path,
        }
    }
}

/// Follows `path` from the folder `from`.
fn join(mut from: Vec<String>, path: &str) -> Vec<String> {
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                from.pop();
            }
            part => from.push(part.to_owned()),
        }
    }
    from
}

/// `path` as part of a URI (RFC 3986): all but unreserved characters, a few harmless delimiters and `/` are encoded, so
/// that a colon makes no scheme and a question mark no query.
pub fn encode(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'+' | b'=' | b'@' | b'!' => {
                out.push(byte as char);
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_seen_from_the_root() {
        let base = Base::new("/home/u/project/sub", "/home/u/project");
        let inside = |path: &str| Place::Inside(path.to_owned());
        assert_eq!(base.place("a/b.py"), inside("sub/a/b.py"));
        assert_eq!(base.place("../c.py"), inside("c.py"));
        assert_eq!(base.place("/home/u/project/sub/./d.py"), inside("sub/d.py"));
        assert_eq!(base.place("../../x.py"), Place::Outside("/home/u/x.py".to_owned()));
        assert_eq!(base.place("/etc/y.py"), Place::Outside("/etc/y.py".to_owned()));
        assert_eq!(Base::default().place("a.py"), inside("a.py"));
    }

    #[test]
    fn uris_hold_no_foreign_character() {
        assert_eq!(encode("a b/ü?#%:c.py"), "a%20b/%C3%BC%3F%23%25%3Ac.py");
        assert_eq!(encode("x\n<\"\u{202e}"), "x%0A%3C%22%E2%80%AE");
    }
}
