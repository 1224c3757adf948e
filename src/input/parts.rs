//! A folder that is no project itself but holds several: cargo's registry, an interpreter's packages, unpacked archives side
//! by side. Each of them is analysed on its own, since what they share is a folder and not a process; that is also what keeps
//! the memory and the time of a large folder those of its largest project.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::project::{is_built, stands_alone};

/// What lies beside a package that an installer put there (PyPA, "Recording installed projects"; setuptools' eggs).
const INSTALLED: [&str; 2] = [".dist-info", ".egg-info"];

/// The projects that several files belong to.
#[derive(Debug)]
pub struct Parts {
    /// The number of each file's project.
    numbers: Vec<usize>,
    /// The projects by their folders, relative to the root and in order; empty for what is in no project of its own.
    folders: Vec<PathBuf>,
}

impl Parts {
    /// So many files of one project.
    pub fn whole(files: usize) -> Parts {
        Parts {
            numbers: vec![0; files],
            folders: vec![PathBuf::new()],
        }
    }

    /// Sorts what belongs to the files, in their order, by their projects.
    pub fn sort<T>(&self, all: impl IntoIterator<Item = T>) -> Vec<Vec<T>> {
        let mut sorted: Vec<Vec<T>> = self.folders.iter().map(|_| Vec::new()).collect();
        for (one, number) in all.into_iter().zip(&self.numbers) {
            sorted[*number].push(one);
        }
        sorted.retain(|part| !part.is_empty());
        sorted
    }
}

/// What is known of a folder.
#[derive(Clone)]
enum Folder {
    /// A project, or inside one.
    Of(Rc<Path>),
    /// Everything below it that is installed is a project of its own.
    Installed,
    Plain,
}

/// The projects of `files` (absolute paths below `root`, those of a folder best one after the other). All are of one
/// project where `root` is one itself, or lies in one. `configured` as in [`super::plan`].
pub fn parts(root: &Path, files: &[&Path], configured: &dyn Fn(&Path) -> bool) -> Parts {
    if stands_alone(root, configured) {
        return Parts::whole(files.len());
    }
    let mut known: HashMap<PathBuf, Folder> = HashMap::from([(root.to_owned(), plain(root))]);
    let mut numbers: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut before: Option<(&OsStr, usize)> = None;
    let mut found = Vec::with_capacity(files.len());
    for file in files {
        let folder = file.parent().unwrap_or(root);
        let number = match before.filter(|(before, _)| *before == folder.as_os_str()) {
            Some((_, number)) => number,
            None => {
                let of = place(root, folder, configured, &mut known);
                let project = match &of {
                    Folder::Of(project) => project,
                    // A module without a folder is as much a package.
                    Folder::Installed => *file,
                    Folder::Plain => root,
                };
                let project = project.strip_prefix(root).unwrap_or(Path::new(""));
                let number = numbers.get(project).copied().unwrap_or(numbers.len());
                numbers.entry(project.to_owned()).or_insert(number);
                let is_shared = !matches!(of, Folder::Installed);
                before = is_shared.then_some((folder.as_os_str(), number));
                number
            }
        };
        found.push(number);
    }
    let mut places = vec![0; numbers.len()];
    for (place, number) in numbers.values().enumerate() {
        places[*number] = place;
    }
    Parts {
        numbers: found.into_iter().map(|number| places[number]).collect(),
        folders: numbers.into_keys().collect(),
    }
}

fn plain(folder: &Path) -> Folder {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    match names.any(|name| INSTALLED.iter().any(|end| name.to_string_lossy().ends_with(end))) {
        true => Folder::Installed,
        false => Folder::Plain,
    }
}

fn place(
    root: &Path,
    folder: &Path,
    configured: &dyn Fn(&Path) -> bool,
    known: &mut HashMap<PathBuf, Folder>,
) -> Folder {
    if let Some(found) = known.get(folder) {
        return found.clone();
    }
    let above = match folder.parent() {
        Some(parent) if folder != root && parent.starts_with(root) => place(root, parent, configured, known),
        _ => Folder::Plain,
    };
    let found = match above {
        Folder::Of(project) => Folder::Of(project),
        Folder::Installed => Folder::Of(folder.into()),
        Folder::Plain if is_built(folder, configured) => Folder::Of(folder.into()),
        Folder::Plain => plain(folder),
    };
    known.insert(folder.to_owned(), found.clone());
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn parts_of(names: &[&str]) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let root = folder.path().canonicalize().expect("the folder was just made");
        let files: Vec<PathBuf> = names.iter().map(|name| root.join(name)).collect();
        for path in &files {
            fs::create_dir_all(path.parent().expect("a name below the folder has a parent"))
                .expect("folders can be made");
            fs::write(path, "").expect("files can be written");
        }
        let sources: Vec<&Path> = files
            .iter()
            .map(PathBuf::as_path)
            .filter(|path| super::super::by_name(path).is_some())
            .collect();
        let found = parts(&root, &sources, &|folder| folder.join("envrace.toml").exists());
        let shown = |path: &Path| path.strip_prefix(&root).expect("it is below").display().to_string();
        let pairs = sources.iter().zip(&found.numbers);
        pairs
            .map(|(file, number)| (shown(file), found.folders[*number].display().to_string()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn a_folder_of_projects_is_taken_apart() {
        let found = parts_of(&[
            "a-1.0/Cargo.toml",
            "a-1.0/src/lib.rs",
            "a-1.0/vendor/b/Cargo.toml",
            "a-1.0/vendor/b/src/lib.rs",
            "deep/er/c/setup.py",
            "deep/er/c/pkg/mod.py",
            "loose/x.c",
            "y.c",
        ]);
        let expected = [
            ("a-1.0/src/lib.rs", "a-1.0"),
            ("a-1.0/vendor/b/src/lib.rs", "a-1.0"),
            ("deep/er/c/setup.py", "deep/er/c"),
            ("deep/er/c/pkg/mod.py", "deep/er/c"),
            ("loose/x.c", ""),
            ("y.c", ""),
        ];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn what_is_installed_side_by_side_is_taken_apart() {
        let found = parts_of(&[
            "lib/packages/one/__init__.py",
            "lib/packages/one/sub/a.py",
            "lib/packages/one-1.0.dist-info/METADATA",
            "lib/packages/six.py",
            "lib/os.py",
        ]);
        let expected = [
            ("lib/packages/one/__init__.py", "lib/packages/one"),
            ("lib/packages/one/sub/a.py", "lib/packages/one"),
            ("lib/packages/six.py", "lib/packages/six.py"),
            ("lib/os.py", ""),
        ];
        assert_eq!(found, pairs(&expected));
    }

    #[test]
    fn a_project_stays_whole() {
        for root_file in ["Cargo.toml", "envrace.toml", ".git/HEAD", "configure.ac"] {
            let found = parts_of(&[root_file, "a/Cargo.toml", "a/src/lib.rs", "b/setup.py"]);
            assert_eq!(found, pairs(&[("a/src/lib.rs", ""), ("b/setup.py", "")]), "{root_file}");
        }
    }
}
