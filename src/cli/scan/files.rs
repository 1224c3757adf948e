//! The files of a project: those of its folder, of its archive, of the index, or those that were named.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::detect::Persona;
use crate::facts::{Language, Problem};
use crate::input::{self, Found, Member, Project, Raw, Reach, Scope};
use crate::report::Summary;

use super::super::args;
use super::super::config::Config;
use super::super::git;
use super::{Ask, Stdin, persona};

/// The files of a project, and what came up in finding them.
#[derive(Default)]
pub(super) struct Files {
    /// Sorted by name.
    pub raw: Vec<Raw>,
    pub problems: Vec<Problem>,
    pub summary: Summary,
    /// The named files that are there.
    pub focus: BTreeSet<String>,
    /// What was named and holds nothing to analyse.
    pub nothing: Vec<String>,
}

/// Finds them.
pub(super) fn of(project: &Project, stdin: Stdin, config: &Config, ask: &Ask) -> Files {
    let mut files = Files::default();
    if let Stdin::Is(language) = stdin {
        let name = ask.scan.stdin_filename.clone().unwrap_or_else(|| "<stdin>".to_owned());
        files.summary.files = 1;
        match input::read_stdin(&name) {
            Ok(bytes) => files.raw.push(Raw::held(name, language, bytes)),
            Err(problem) => files.problems.push(problem),
        }
        return files;
    }
    if project.scope == Scope::Archive {
        open_archive(project, config, &mut files);
        return files;
    }
    let mut found = Vec::new();
    if project.scope == Scope::Tree {
        let reach = if persona(ask.scan, config) == Persona::Auditor {
            Reach::Everything
        } else {
            Reach::Tracked
        };
        let walked = input::walk(&project.root, reach, &config.excludes, ask.scan.jobs);
        let empty = walked.files.is_empty() && walked.problems.is_empty() && walked.passed_over.excluded == 0;
        if project.whole && empty {
            files.nothing.push(project.prefix.root().to_owned());
        }
        found = walked.files;
        files.problems = walked.problems;
        files.summary.passed_over = walked.passed_over;
    }
    for path in &project.named {
        found.extend(named(project, path, config, ask.scan, &mut files));
    }
    let mut staged = BTreeMap::new();
    if let Some(index) = &ask.index {
        take_index(project, config, index, &mut found);
        staged.extend(index.contents.iter());
    }
    found.sort();
    found.dedup();
    files.summary.files = found.len() as u64;
    let raw = |found: Found| match staged.get(&found.path) {
        Some(bytes) => Raw::held(found.relative, found.language, (*bytes).clone()),
        None => Raw::found(found),
    };
    files.raw = found.into_iter().map(raw).collect();
    files
}

/// Leaves out what is not in the index, and puts in what is there and missing in the working tree.
fn take_index(project: &Project, config: &Config, index: &git::Index, found: &mut Vec<Found>) {
    found.retain(|found| index.files.contains(&found.path));
    let missing = index.contents.keys().filter(|path| {
        project.scope == Scope::Tree
            && path.starts_with(&project.root)
            && !path.exists()
            && !config.excludes.matches(path)
    });
    found.extend(missing.filter_map(|path| input::found_file(&project.root, path, None)));
}

/// Takes in the members of an archive. All of them: ignore files and hidden names are no reason to pass over what somebody
/// hands out.
fn open_archive(project: &Project, config: &Config, files: &mut Files) {
    let contents = input::read_archive(&project.root);
    let folder = project.root.parent().unwrap_or(&project.root);
    let (excluded, members): (Vec<Member>, Vec<Member>) = contents
        .members
        .into_iter()
        .partition(|member| config.excludes.matches(&folder.join(&member.name)));
    files.problems = contents.problems;
    files.summary.passed_over = contents.passed_over;
    files.summary.passed_over.excluded += excluded.len() as u64;
    files.summary.files = members.len() as u64;
    for name in project.named.iter().map(|name| name.to_string_lossy()) {
        if members.iter().any(|member| member.name == *name) {
            files.focus.insert(name.into_owned());
        } else if excluded.iter().all(|member| member.name != *name) {
            files.nothing.push(project.prefix.show(&name));
        }
    }
    if project.whole && members.is_empty() && excluded.is_empty() && files.problems.is_empty() {
        files.nothing.push(project.prefix.root().to_owned());
    }
    let raw = members
        .into_iter()
        .map(|member| Raw::held(member.name, member.language, member.bytes));
    files.raw = raw.collect();
}

/// Takes in a file that was named by hand: ignore files and its name do not keep it out, `exclude` does.
fn named(project: &Project, path: &Path, config: &Config, scan: &args::Scan, files: &mut Files) -> Option<Found> {
    if config.excludes.matches(path) {
        // In a tree, the walk has counted it.
        files.summary.passed_over.excluded += u64::from(project.scope == Scope::Named);
        return None;
    }
    let language = scan.language.map(Language::from);
    let found =
        input::found_file(&project.root, path, None).or_else(|| input::found_file(&project.root, path, language));
    let Some(found) = found else {
        let relative = path
            .strip_prefix(&project.root)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned();
        // A program or a picture is said to be one; any other text simply holds nothing to analyse.
        let (_, problem) = input::read_file(path, &relative, Language::C);
        match problem {
            Some(problem) => files.problems.push(problem),
            None => files.nothing.push(project.prefix.show(&relative)),
        }
        return None;
    };
    files.focus.insert(found.relative.clone());
    Some(found)
}
