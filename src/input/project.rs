//! From the paths that the user gave to the projects that are analysed.
//!
//! A folder is a project. A file stands for the project that it belongs to, since what races with it is mostly in other
//! files: the nearest folder with a configuration, else the repository's root, else the top of the source tree as its
//! build files tell it, else the topmost package of Python's around it, else the folder of the file.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::archive::{self, SEPARATOR, is_archive};
use super::read::lower_case;

/// How root-relative paths are shown: relative to the working directory, or behind the archive that they lie in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    archive: bool,
}

impl Prefix {
    /// A prefix; empty where the root is the working directory.
    pub fn new(text: impl Into<String>) -> Prefix {
        Prefix {
            text: text.into(),
            archive: false,
        }
    }

    /// The prefix of an archive's members: `a.tar.gz!`.
    pub fn archive(path: impl Into<String>) -> Prefix {
        Prefix {
            text: path.into(),
            archive: true,
        }
    }

    /// The path by which the user knows the root-relative path `relative`.
    pub fn show(&self, relative: &str) -> String {
        match self.text.as_str() {
            archive if self.archive && relative.is_empty() => archive.to_owned(),
            archive if self.archive => format!("{archive}{SEPARATOR}{relative}"),
            "" => relative.to_owned(),
            "/" => format!("/{relative}"),
            prefix => format!("{prefix}/{relative}"),
        }
    }

    /// The root itself.
    pub fn root(&self) -> &str {
        if self.text.is_empty() { "." } else { &self.text }
    }
}

/// Which files of a project are analysed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All below the root.
    Tree,
    /// Those that were named, alone.
    Named,
    /// All members of the archive that the root is.
    Archive,
}

/// One thing to analyse on its own.
#[derive(Debug, Clone)]
pub struct Project {
    /// Resolved and absolute; with [`Scope::Archive`] the archive itself.
    pub root: PathBuf,
    pub prefix: Prefix,
    pub scope: Scope,
    /// Files named by hand, resolved; they are analysed whatever ignore files say. In an archive, the members that were
    /// named, by their paths inside.
    pub named: BTreeSet<PathBuf>,
    /// The folder itself was named, so that all its findings are shown; else those that touch a named file.
    pub whole: bool,
}

/// A path given by hand that cannot be analysed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathError {
    /// It is not there or cannot be looked at.
    Missing { path: String, cause: String },
    /// A pipe, socket or device.
    Special { path: String },
}

/// What was made of the paths.
#[derive(Debug, Default)]
pub struct Plan {
    pub projects: Vec<Project>,
    pub errors: Vec<PathError>,
    /// `-` was given.
    pub stdin: bool,
}

/// Makes projects of `paths`. `configured` tells whether a folder holds a configuration; with [`Scope::Named`] every
/// file is taken alone (`--isolated`). `cwd` is the working directory.
pub fn plan(paths: &[PathBuf], scope: Scope, cwd: &Path, configured: &dyn Fn(&Path) -> bool) -> Plan {
    let mut plan = Plan::default();
    let cwd = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
    let mut files = Vec::new();
    for path in paths {
        let shown = path.to_string_lossy().into_owned();
        if path.as_os_str() == "-" {
            plan.stdin = true;
            continue;
        }
        if let Some((archive, member)) = archive::split(&cwd.join(path)) {
            add_archive(&mut plan.projects, archive, &shown, Some(member));
            continue;
        }
        let resolved = cwd
            .join(path)
            .canonicalize()
            .and_then(|real| Ok((real.metadata()?, real)));
        match resolved {
            Err(error) => plan.errors.push(PathError::Missing {
                path: shown,
                cause: lower_case(&error),
            }),
            Ok((metadata, real)) if metadata.is_dir() => {
                let prefix = shown_root(path, &real, &cwd);
                plan.projects.push(whole(real, prefix));
            }
            Ok((metadata, _)) if !metadata.is_file() => plan.errors.push(PathError::Special { path: shown }),
            Ok((_, real)) if is_archive(path) => add_archive(&mut plan.projects, &real, &shown, None),
            Ok((_, real)) => files.push((path, real)),
        }
    }
    drop_nested(&mut plan.projects);
    for (given, real) in files {
        add_file(&mut plan.projects, given, real, scope, &cwd, configured);
    }
    plan
}

fn whole(root: PathBuf, prefix: Prefix) -> Project {
    Project {
        root,
        prefix,
        scope: Scope::Tree,
        named: BTreeSet::new(),
        whole: true,
    }
}

/// Takes in an archive, or the member of it that `shown` names behind the separator.
fn add_archive(projects: &mut Vec<Project>, archive: &Path, shown: &str, member: Option<&str>) {
    let root = archive.canonicalize().unwrap_or_else(|_| archive.to_owned());
    let found = projects
        .iter()
        .position(|project| project.scope == Scope::Archive && project.root == root);
    let index = found.unwrap_or_else(|| {
        let name = match member {
            Some(member) => shown[..shown.len() - member.len()].trim_end_matches(SEPARATOR),
            None => shown,
        };
        projects.push(Project {
            root,
            prefix: Prefix::archive(name.strip_prefix("./").unwrap_or(name)),
            scope: Scope::Archive,
            named: BTreeSet::new(),
            whole: false,
        });
        projects.len() - 1
    });
    match member {
        Some(member) => {
            projects[index].named.insert(PathBuf::from(member));
        }
        None => projects[index].whole = true,
    }
}

/// A folder inside another one that was named too is covered by it. An archive is not: a walk does not open it.
fn drop_nested(projects: &mut Vec<Project>) {
    let mut kept: Vec<Project> = Vec::new();
    let covers = |outer: &Project, inner: &Project| {
        outer.scope == Scope::Tree && inner.scope == Scope::Tree && inner.root.starts_with(&outer.root)
    };
    for project in projects.drain(..) {
        if kept.iter().any(|other| covers(other, &project)) {
            continue;
        }
        kept.retain(|other| !covers(&project, other));
        kept.push(project);
    }
    *projects = kept;
}

fn add_file(
    projects: &mut Vec<Project>,
    given: &Path,
    real: PathBuf,
    scope: Scope,
    cwd: &Path,
    configured: &dyn Fn(&Path) -> bool,
) {
    if let Some(covering) = projects
        .iter_mut()
        .find(|project| project.whole && real.starts_with(&project.root))
    {
        covering.named.insert(real);
        return;
    }
    let folder = real.parent().unwrap_or(Path::new("/"));
    // Alone, every file is a project of its own; otherwise files of one project are analysed together.
    let root = match scope {
        Scope::Named => folder.to_owned(),
        Scope::Tree | Scope::Archive => match project_root(folder, configured) {
            root if root == folder && !is_built(folder, configured) => package_root(folder).to_owned(),
            root => root,
        },
    };
    if let Some(project) = projects
        .iter_mut()
        .find(|project| scope == Scope::Tree && !project.whole && project.root == root)
    {
        project.named.insert(real);
        return;
    }
    let prefix = relative_root(given, &root, cwd);
    projects.push(Project {
        root,
        prefix,
        scope,
        named: BTreeSet::from([real]),
        whole: false,
    });
}

/// What makes a folder the root of a repository.
const REPOSITORIES: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// What says how the sources around it are built: what an unpacked source archive has where no repository is.
const BUILD_FILES: [&str; 11] = [
    "CMakeLists.txt",
    "Cargo.toml",
    "GNUmakefile",
    "Makefile",
    "Makefile.am",
    "PKG-INFO",
    "configure.ac",
    "makefile",
    "meson.build",
    "pyproject.toml",
    "setup.py",
];

/// Whether a folder is the top of something: configured, a repository, or built.
pub(super) fn is_built(folder: &Path, configured: &dyn Fn(&Path) -> bool) -> bool {
    configured(folder)
        || REPOSITORIES.iter().any(|name| folder.join(name).exists())
        || BUILD_FILES.iter().any(|name| folder.join(name).is_file())
}

/// Whether a folder is a project, or lies in one.
pub(super) fn stands_alone(folder: &Path, configured: &dyn Fn(&Path) -> bool) -> bool {
    is_built(folder, configured) || project_root(folder, configured) != folder
}

/// The nearest folder with a configuration or of a repository, else the topmost of the folders around it that are built
/// together, else `folder`.
fn project_root(folder: &Path, configured: &dyn Fn(&Path) -> bool) -> PathBuf {
    let repository = |ancestor: &Path| REPOSITORIES.iter().any(|name| ancestor.join(name).exists());
    let nearest = folder
        .ancestors()
        .find(|ancestor| configured(ancestor) || repository(ancestor));
    nearest
        .unwrap_or_else(|| build_root(folder).unwrap_or(folder))
        .to_owned()
}

/// The topmost of the folders with a build file from the nearest one upwards, with no gap of more than one folder between
/// them: a source tree has one in nearly every folder, what lies above it has none.
fn build_root(folder: &Path) -> Option<&Path> {
    let built = |ancestor: &Path| BUILD_FILES.iter().any(|name| ancestor.join(name).is_file());
    let mut above = folder.ancestors();
    let mut root = above.find(|ancestor| built(ancestor))?;
    let mut gap = 0;
    for ancestor in above {
        if built(ancestor) {
            (root, gap) = (ancestor, 0);
        } else {
            gap += 1;
        }
        if gap > 1 {
            break;
        }
    }
    Some(root)
}

/// The topmost of the packages of Python's in which a folder lies, as one unpacked from a wheel does where nothing is built; else
/// the folder.
fn package_root(folder: &Path) -> &Path {
    let is_package = |folder: &&Path| folder.join("__init__.py").is_file();
    folder.ancestors().take_while(is_package).last().unwrap_or(folder)
}

/// The prefix of a folder as the user wrote it, cleaned.
fn shown_root(given: &Path, real: &Path, cwd: &Path) -> Prefix {
    let climbs = given.components().any(|part| part == Component::ParentDir);
    if climbs || given.is_absolute() {
        return relative_root(given, real, cwd);
    }
    let parts: Vec<_> = given
        .components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Prefix::new(parts.join("/"))
}

/// The resolved `root` relative to the working directory; absolute where it was given so and lies elsewhere.
fn relative_root(given: &Path, root: &Path, cwd: &Path) -> Prefix {
    let common = root
        .components()
        .zip(cwd.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = cwd.components().count() - common;
    if up > 0 && given.is_absolute() {
        return Prefix::new(root.to_string_lossy());
    }
    let down = root
        .components()
        .skip(common)
        .map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = std::iter::repeat_n("..".to_owned(), up).chain(down).collect();
    Prefix::new(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A repository with two packages, of which `b` has a configuration.
    fn repository() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        for name in [
            ".git/HEAD",
            "a/one.py",
            "a/two.py",
            "b/envrace.toml",
            "b/c/three.py",
            "x.tar.gz",
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a name below the folder has a parent"))
                .expect("folders can be made");
            fs::write(path, "").expect("files can be written");
        }
        let root = folder.path().canonicalize().expect("the folder was just made");
        (folder, root)
    }

    fn make(cwd: &Path, paths: &[&str], scope: Scope) -> Plan {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        plan(&paths, scope, cwd, &|folder| folder.join("envrace.toml").exists())
    }

    #[test]
    fn folders_are_projects_under_the_name_they_were_given() {
        let (_folder, root) = repository();
        let plan = make(&root, &["./a/", "b/../b"], Scope::Tree);
        let shown: Vec<_> = plan
            .projects
            .iter()
            .map(|project| project.prefix.show("x.py"))
            .collect();
        assert_eq!(shown, ["a/x.py", "b/x.py"]);
        assert_eq!(make(&root, &["."], Scope::Tree).projects[0].prefix.show("x.py"), "x.py");
        assert_eq!(
            make(&root.join("a"), &["../b"], Scope::Tree).projects[0]
                .prefix
                .show("x.py"),
            "../b/x.py"
        );
    }

    #[test]
    fn nested_folders_are_covered() {
        let (_folder, root) = repository();
        let plan = make(&root, &["b/c", ".", "a", "a/one.py"], Scope::Tree);
        assert_eq!(plan.projects.len(), 1);
        assert!(plan.projects[0].whole);
        assert!(plan.projects[0].named.contains(&root.join("a/one.py")));
    }

    #[test]
    fn a_file_means_its_project() {
        let (_folder, root) = repository();
        let plan = make(&root, &["a/one.py", "a/two.py", "b/c/three.py"], Scope::Tree);
        let roots: Vec<_> = plan.projects.iter().map(|project| project.root.clone()).collect();
        assert_eq!(roots, [root.clone(), root.join("b")]);
        assert_eq!(plan.projects[0].named.len(), 2);
        assert_eq!(plan.projects[1].prefix.show("c/three.py"), "b/c/three.py");
        let below = make(&root.join("a"), &["one.py"], Scope::Tree);
        assert_eq!(below.projects[0].prefix.show("a/one.py"), "../a/one.py");
    }

    #[test]
    fn an_unpacked_tree_is_told_by_its_build_files() {
        let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
        let root = folder.path().canonicalize().expect("the folder was just made");
        for name in [
            "u/p-1.0/setup.py",
            "u/p-1.0/plugins/python/plugin.py",
            "u/q/CMakeLists.txt",
            "u/q/src/net/CMakeLists.txt",
            "u/q/src/net/io.c",
            "u/lone/a.c",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a name below the folder has a parent"))
                .expect("folders can be made");
            fs::write(path, "").expect("files can be written");
        }
        let roots = |file: &str| make(&root, &[file], Scope::Tree).projects[0].root.clone();
        assert_eq!(roots("u/p-1.0/plugins/python/plugin.py"), root.join("u/p-1.0"));
        assert_eq!(roots("u/q/src/net/io.c"), root.join("u/q"));
        assert_eq!(roots("u/lone/a.c"), root.join("u/lone"));
        fs::create_dir(root.join("u/p-1.0/plugins/.git")).expect("folders can be made");
        assert_eq!(
            roots("u/p-1.0/plugins/python/plugin.py"),
            root.join("u/p-1.0/plugins"),
            "a repository says more than a build file"
        );
    }

    #[test]
    fn a_file_of_an_unpacked_package_means_all_of_it() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let root = folder.path().canonicalize().expect("the folder was just made");
        for name in [
            "shop/__init__.py",
            "shop/stock/__init__.py",
            "shop/stock/work.py",
            "tools/one.py",
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a name below the folder has a parent"))
                .expect("folders can be made");
            fs::write(path, "").expect("files can be written");
        }
        let plan = make(&root, &["shop/stock/work.py", "tools/one.py"], Scope::Tree);
        let roots: Vec<_> = plan.projects.iter().map(|project| project.root.clone()).collect();
        assert_eq!(roots, [root.join("shop"), root.join("tools")]);
    }

    #[test]
    fn archives_are_projects_of_their_own() {
        let (_folder, root) = repository();
        let plan = make(&root.join("a"), &["../x.tar.gz"], Scope::Tree);
        let project = &plan.projects[0];
        assert!(project.whole && project.scope == Scope::Archive);
        assert_eq!(project.prefix.show("p/q.py"), "../x.tar.gz!p/q.py");
        assert_eq!(project.prefix.show(""), "../x.tar.gz");
        let plan = make(&root, &["x.tar.gz!p/q.py", "./x.tar.gz!p/r.py"], Scope::Tree);
        assert_eq!(plan.projects.len(), 1);
        assert!(!plan.projects[0].whole);
        assert_eq!(plan.projects[0].named.len(), 2);
        assert_eq!(plan.projects[0].prefix.show("p/q.py"), "x.tar.gz!p/q.py");
    }

    #[test]
    fn isolated_files_stand_alone() {
        let (_folder, root) = repository();
        let plan = make(&root, &["a/one.py", "a/two.py"], Scope::Named);
        assert_eq!(plan.projects.len(), 2);
        assert_eq!(plan.projects[0].root, root.join("a"));
        assert_eq!(plan.projects[0].prefix.show("one.py"), "a/one.py");
    }

    #[test]
    fn what_cannot_be_analysed_does_not_stop_the_rest() {
        let (_folder, root) = repository();
        let plan = make(&root, &["none.py", "a", "x.tar.gz", "-", "/dev/null"], Scope::Tree);
        assert_eq!(plan.projects.len(), 2);
        assert!(plan.stdin);
        let cause = "no such file or directory".to_owned();
        assert_eq!(
            plan.errors,
            [
                PathError::Missing {
                    path: "none.py".to_owned(),
                    cause
                },
                PathError::Special {
                    path: "/dev/null".to_owned()
                },
            ]
        );
    }
}
