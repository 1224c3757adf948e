//! Reproducers: a finding's pattern as a small program that stands alone, for people without envrace.
//!
//! What a reproducer does is chosen from the same closed list of forms as a replay; nothing of the program under
//! analysis goes into its code. The README beside it names the places and says why it fails.

mod c;
mod directory;
mod python;
mod readme;
mod rust;
mod script;

use crate::finding::Finding;

use super::pattern::Pattern;
use super::pattern_native::{NativeMutation, NativePartner};
use super::plan::{Experiment, plan};

pub use directory::{EmitError, may_hold_reproducers, write_reproducer};

/// The files of a directory that stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reproducer {
    /// `os.environ[k] = v beside os.system`.
    pub pattern: String,
    pub language: ProgramLanguage,
    /// Indices into the findings that it stands for, ascending.
    pub findings: Vec<usize>,
    pub files: Vec<EmittedFile>,
}

/// What a reproducer's program is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramLanguage {
    C,
    Python,
    Rust,
}

/// A file of a reproducer, its name without a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmittedFile {
    pub name: &'static str,
    pub text: String,
    pub executable: bool,
}

impl ProgramLanguage {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            ProgramLanguage::C => "C",
            ProgramLanguage::Python => "Python",
            ProgramLanguage::Rust => "Rust",
        }
    }

    /// The name of the program's source.
    fn source(self) -> &'static str {
        match self {
            ProgramLanguage::C => "repro.c",
            ProgramLanguage::Python => "repro.py",
            ProgramLanguage::Rust => "repro.rs",
        }
    }
}

impl Reproducer {
    /// A name for a folder: the pattern in letters and dashes.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.pattern.chars() {
            if c.is_ascii_alphanumeric() || c == '_' {
                slug.push(c.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        slug.trim_end_matches('-').to_owned()
    }
}

/// One reproducer for each pattern of these findings, in the order of the first finding of each; and those findings that
/// have none, with one sentence on why.
pub fn reproducers(findings: &[Finding]) -> (Vec<Reproducer>, Vec<(usize, String)>) {
    let plan = plan(findings);
    let mut without = plan.impossible;
    let mut made = Vec::new();
    for experiment in &plan.experiments {
        match reproducer(experiment, findings) {
            Some(reproducer) => made.push(reproducer),
            None => {
                let reason = format!("no program is known for `{}`", experiment.pattern);
                without.extend(experiment.findings.iter().map(|&index| (index, reason.clone())));
            }
        }
    }
    without.sort();
    (made, without)
}

/// The program in C for a pattern; `None` where it has forms of another language.
pub fn c_program(pattern: &Pattern) -> Option<String> {
    match pattern {
        Pattern::Native { mutation, partner } => c::program(&pattern.to_string(), *mutation, *partner),
        Pattern::Python { .. } => None,
    }
}

fn reproducer(experiment: &Experiment, findings: &[Finding]) -> Option<Reproducer> {
    let pattern = experiment.pattern.to_string();
    let first = &findings[*experiment.findings.first()?];
    let (language, text) = match &experiment.pattern {
        Pattern::Python { mutation, partner } => {
            (ProgramLanguage::Python, python::program(&pattern, *mutation, *partner))
        }
        Pattern::Native { mutation, partner } if is_rust(first, *mutation, *partner) => {
            (ProgramLanguage::Rust, rust::program(&pattern, *mutation, *partner)?)
        }
        Pattern::Native { mutation, partner } => (ProgramLanguage::C, c::program(&pattern, *mutation, *partner)?),
    };
    let of_pattern: Vec<&Finding> = experiment.findings.iter().map(|&index| &findings[index]).collect();
    let plain = |name, text| EmittedFile {
        name,
        text,
        executable: false,
    };
    let readme = readme::text(&experiment.pattern, language, &of_pattern);
    Some(Reproducer {
        pattern,
        language,
        findings: experiment.findings.clone(),
        files: vec![
            plain(directory::README, readme),
            plain("Makefile", script::makefile(language)),
            EmittedFile {
                name: "run.sh",
                text: script::shell(language, experiment.pattern.spawns()),
                executable: true,
            },
            plain(language.source(), text),
        ],
    })
}

/// Forms of the standard library are Rust's alone; the others are written in the language in which they were found.
fn is_rust(finding: &Finding, mutation: NativeMutation, partner: NativePartner) -> bool {
    let std_partner = match partner {
        NativePartner::Mutation(other) => other.is_std(),
        _ => partner.is_std(),
    };
    mutation.is_std() || std_partner || finding.mutation.language == "rust"
}

/// Names and texts of a template's gaps: `PATTERN` for `@PATTERN@`.
type Pieces<'a> = &'a [(&'a str, &'a str)];

/// A template with its gaps filled. Gaps in what fills a gap stay as they are.
fn fill(template: &str, pieces: Pieces<'_>) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        text.push_str(before);
        let gap = pieces.iter().find_map(|(name, piece)| {
            let behind = after[1..].strip_prefix(name)?.strip_prefix('@')?;
            Some((*piece, behind))
        });
        match gap {
            Some((piece, behind)) => {
                text.push_str(piece);
                rest = behind;
            }
            None => {
                text.push('@');
                rest = &after[1..];
            }
        }
    }
    text.push_str(rest);
    text
}

/// The texts of a table whose words occur in `code`, one after another.
fn needed(table: &[(&str, &str)], code: &str) -> String {
    let wanted = table.iter().filter(|(word, _)| code.contains(word));
    wanted.map(|(_, text)| *text).collect()
}

/// A shell's command that compares the kept variables with what they are; 77 where one is lost. None of them at all is
/// as good as all where the mutation empties the environment.
fn check_text(empties: bool) -> String {
    let names: String = (0..12).map(|index| format!("$KEPT_{index:02}")).collect();
    let empty = if empties {
        format!(" || [ -z \"{names}\" ]")
    } else {
        String::new()
    };
    format!("[ \"{names}\" = \"abcdefghijkl\" ]{empty} || exit 77")
}

#[cfg(test)]
mod tests;
