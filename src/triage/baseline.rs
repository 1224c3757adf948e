//! Known findings: a file that lists them, so that only new ones are reported.
//!
//! An entry is known by its rule, its path and the normalised code of both sites, never by line numbers: code that moves
//! within its file keeps its entry. Where the same code is found twice, the entry says how often. An entry is only judged
//! (and dropped) where its rule and its files were really looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Suppressed, SuppressedBy};

/// The form of the file.
const SCHEMA: &str = "envrace-baseline/1";

/// What is known by when it is found again.
type Key = (String, String, String);

/// One known finding. Paths are relative to the folder of the baseline, with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The rule's name; one that this version does not know stays as it is.
    pub rule: String,
    /// Of the mutation.
    pub path: String,
    pub fingerprint: String,
    /// How often the same code is found.
    pub count: u64,
    /// The root of the analysed project.
    pub project: String,
    /// The code of the mutation, for people.
    pub mutation: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_path: Option<String>,
    /// The code of the partner, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
}

impl Entry {
    fn of(finding: &Finding, project: &str, place: &dyn Fn(&str) -> String) -> Entry {
        let partner = finding.partner.as_ref();
        Entry {
            rule: finding.rule.clone(),
            path: place(&finding.mutation.location.path),
            fingerprint: finding.fingerprint_at(place),
            count: 1,
            project: project.to_owned(),
            mutation: finding.mutation.code.clone(),
            partner_path: partner.map(|site| place(&site.location.path)),
            partner: partner.map(|site| site.code.clone()),
        }
    }

    fn key(&self) -> Key {
        (self.rule.clone(), self.path.clone(), self.fingerprint.clone())
    }

    /// The files that it is about.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.path.as_str()).chain(self.partner_path.as_deref())
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    /// For what each project was judged: entries are only compared with a run for the same.
    projects: BTreeMap<String, String>,
    entries: Vec<Entry>,
}

/// What is wrong with the text of a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaselineError {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    pub message: String,
}

/// The findings of one analysed project, as a baseline sees them.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The project's root, relative to the folder of the baseline.
    pub project: String,
    /// For what it was judged.
    pub target: String,
    /// Nothing of the project was lost, so that a finding that is not there is gone.
    pub complete: bool,
    occurring: BTreeMap<Key, Entry>,
    reported: BTreeMap<Key, Entry>,
}

impl Run {
    /// The run of the project whose root is `project` for `target`; `complete` says whether nothing of it was lost.
    pub fn new(project: String, target: String, complete: bool) -> Run {
        Run {
            project,
            target,
            complete,
            ..Run::default()
        }
    }

    /// Remembers everything that was found and is not silenced in the source.
    pub fn occurring(&mut self, findings: &[Finding], place: &dyn Fn(&str) -> String) {
        let loud = findings
            .iter()
            .filter(|finding| !is_silenced(finding))
            .map(|finding| Entry::of(finding, &self.project, place));
        tally(&mut self.occurring, loud);
    }

    /// Remembers what would be reported if there were no baseline.
    pub fn reported(&mut self, findings: &[Finding], place: &dyn Fn(&str) -> String) {
        let loud = findings
            .iter()
            .filter(|finding| !is_silenced(finding))
            .map(|finding| Entry::of(finding, &self.project, place));
        tally(&mut self.reported, loud);
    }
}

fn is_silenced(finding: &Finding) -> bool {
    finding
        .suppressed
        .as_ref()
        .is_some_and(|suppressed| suppressed.by == SuppressedBy::Source)
}

fn tally(all: &mut BTreeMap<Key, Entry>, entries: impl Iterator<Item = Entry>) {
    for entry in entries {
        all.entry(entry.key())
            .and_modify(|known| known.count += 1)
            .or_insert(entry);
    }
}

/// What rewriting a baseline did, in findings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Update {
    /// Findings that the baseline now lists.
    pub listed: u64,
    pub added: u64,
    /// They no longer occur.
    pub dropped: u64,
    /// They were not judged: their rule or files did not run.
    pub unjudged: u64,
}

/// See the module.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    projects: BTreeMap<String, String>,
    entries: BTreeMap<Key, Entry>,
    /// How many findings each entry can still hide.
    left: BTreeMap<Key, u64>,
}

impl Baseline {
    /// Reads the text of a baseline.
    ///
    /// # Errors
    /// Where it is none, or none of this form.
    pub fn parse(text: &str) -> Result<Baseline, BaselineError> {
        let wrong = |error: serde_json::Error| {
            let message = error.to_string();
            // The place is told apart from the message.
            let message = message.split(" at line ").next().unwrap_or_default().to_owned();
            BaselineError {
                line: error.line().max(1) as u32,
                column: error.column().max(1) as u32,
                message,
            }
        };
        let document: serde_json::Value = serde_json::from_str(text).map_err(wrong)?;
        let schema = document.get("schema").and_then(serde_json::Value::as_str);
        if schema != Some(SCHEMA) {
            let message = match schema {
                Some(other) => format!("its form is `{other}`, and this version reads `{SCHEMA}`"),
                None => format!("it is no baseline: `schema` is not `{SCHEMA}`"),
            };
            return Err(BaselineError {
                line: 1,
                column: 1,
                message,
            });
        }
        let document: Document = serde_json::from_str(text).map_err(wrong)?;
        let mut baseline = Baseline {
            projects: document.projects,
            ..Baseline::default()
        };
        for entry in document.entries {
            let count = entry.count;
            baseline
                .entries
                .entry(entry.key())
                .and_modify(|known| known.count += count)
                .or_insert(entry);
        }
        baseline.left = baseline
            .entries
            .iter()
            .map(|(key, entry)| (key.clone(), entry.count))
            .collect();
        Ok(baseline)
    }

    /// Marks the findings that it knows, each entry as often as it says. `place` makes a finding's path relative to the
    /// folder of the baseline.
    pub fn hide(&mut self, findings: &mut [Finding], place: &dyn Fn(&str) -> String) {
        for finding in findings.iter_mut().filter(|finding| finding.suppressed.is_none()) {
            let key = Entry::of(finding, "", place).key();
            match self.left.get_mut(&key) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    finding.suppressed = Some(Suppressed {
                        reason: "it is in the baseline".to_owned(),
                        by: SuppressedBy::Baseline,
                    });
                }
                _ => {}
            }
        }
    }

    /// How many of its findings surely no longer occur. `ran` tells whether an entry's rule and files were looked at.
    pub fn stale(&self, runs: &[Run], ran: &dyn Fn(&Entry) -> bool) -> u64 {
        self.kept(runs, ran)
            .map(|(entry, kept, _)| entry.count - kept.min(entry.count))
            .sum()
    }

    /// The entries, how often each is to be kept, and whether it was judged.
    fn kept<'a>(
        &'a self,
        runs: &'a [Run],
        ran: &'a dyn Fn(&Entry) -> bool,
    ) -> impl Iterator<Item = (&'a Entry, u64, bool)> {
        self.entries.iter().map(move |(key, entry)| {
            let run = runs.iter().find(|run| run.project == entry.project && run.complete);
            let same = |run: &Run| self.projects.get(&run.project) == Some(&run.target);
            match run {
                Some(run) if same(run) && ran(entry) => {
                    let now = run.occurring.get(key).map_or(0, |found| found.count);
                    (entry, now.min(entry.count), true)
                }
                _ => (entry, entry.count, false),
            }
        })
    }

    /// The baseline without what no longer occurs, as text; with `add`, what the runs reported is listed too.
    pub fn updated(&self, runs: &[Run], ran: &dyn Fn(&Entry) -> bool, add: Add) -> (String, Update) {
        let mut update = Update::default();
        let mut entries: BTreeMap<Key, Entry> = BTreeMap::new();
        for (entry, kept, judged) in self.kept(runs, ran) {
            update.dropped += entry.count - kept;
            update.unjudged += if judged { 0 } else { kept };
            if kept > 0 {
                let entry = Entry {
                    count: kept,
                    ..entry.clone()
                };
                entries.insert(entry.key(), entry);
            }
        }
        let mut projects = self.projects.clone();
        if add == Add::Reported {
            for run in runs {
                projects.insert(run.project.clone(), run.target.clone());
                for (key, found) in &run.reported {
                    let known = entries.get(key).map_or(0, |entry| entry.count);
                    update.added += found.count.saturating_sub(known);
                    let count = found.count.max(known);
                    entries.insert(key.clone(), Entry { count, ..found.clone() });
                }
            }
        }
        let used: BTreeSet<&str> = entries.values().map(|entry| entry.project.as_str()).collect();
        projects.retain(|project, _| used.contains(project.as_str()));
        update.listed = entries.values().map(|entry| entry.count).sum();
        (text(projects, entries.into_values().collect()), update)
    }
}

/// Whether what is new goes into the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Add {
    Reported,
    Nothing,
}

fn text(projects: BTreeMap<String, String>, entries: Vec<Entry>) -> String {
    let document = Document {
        schema: SCHEMA.to_owned(),
        projects,
        entries,
    };
    let mut text = serde_json::to_string_pretty(&document).expect("plain structs with string keys always serialise");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::RuleCode;
    use crate::triage::tests::finding;

    fn same(path: &str) -> String {
        path.to_owned()
    }

    fn run(findings: &[Finding]) -> Run {
        let mut run = Run {
            project: ".".to_owned(),
            target: "all".to_owned(),
            complete: true,
            ..Run::default()
        };
        run.occurring(findings, &same);
        run.reported(findings, &same);
        run
    }

    fn written(findings: &[Finding]) -> Baseline {
        let (text, _) = Baseline::default().updated(&[run(findings)], &|_| true, Add::Reported);
        Baseline::parse(&text).expect("what was written can be read")
    }

    fn hidden(baseline: &mut Baseline, findings: &mut [Finding]) -> usize {
        baseline.hide(findings, &same);
        findings.iter().filter(|finding| finding.suppressed.is_some()).count()
    }

    #[test]
    fn what_moved_is_known_and_what_is_new_is_not() {
        let mut baseline = written(&[finding("a.py", 3)]);
        let mut now = [finding("a.py", 30), finding("b.py", 3)];
        assert_eq!(hidden(&mut baseline, &mut now), 1);
        assert!(now[0].suppressed.is_some());
    }

    #[test]
    fn the_same_code_twice_needs_two_entries() {
        let twice = [finding("a.py", 3), finding("a.py", 4)];
        assert_eq!(hidden(&mut written(&twice[..1]), &mut twice.clone()), 1);
        assert_eq!(hidden(&mut written(&twice), &mut twice.clone()), 2);
    }

    #[test]
    fn a_finding_silenced_in_the_source_needs_no_entry() {
        let mut silenced = finding("a.py", 3);
        silenced.suppressed = Some(Suppressed {
            reason: "known".to_owned(),
            by: SuppressedBy::Source,
        });
        assert!(written(&[silenced]).entries.is_empty());
    }

    #[test]
    fn only_what_ran_is_dropped() {
        let baseline = written(&[finding("a.py", 3), finding("b.py", 3)]);
        let prune = |run: Run, ran: &dyn Fn(&Entry) -> bool| {
            let (_, update) = baseline.updated(&[run], ran, Add::Nothing);
            (update.listed, update.dropped, update.unjudged)
        };
        let now = run(&[finding("a.py", 9)]);
        assert_eq!(prune(now.clone(), &|_| true), (1, 1, 0));
        assert_eq!(baseline.stale(std::slice::from_ref(&now), &|_| true), 1);
        assert_eq!(prune(now.clone(), &|entry| entry.path != "b.py"), (2, 0, 1));
        let elsewhere = Run {
            project: "sub".to_owned(),
            ..now.clone()
        };
        assert_eq!(prune(elsewhere, &|_| true), (2, 0, 2));
        let incomplete = Run {
            complete: false,
            ..now.clone()
        };
        assert_eq!(prune(incomplete, &|_| true), (2, 0, 2));
        let other_target = Run {
            target: "musl".to_owned(),
            ..now
        };
        assert_eq!(prune(other_target, &|_| true), (2, 0, 2));
    }

    #[test]
    fn one_of_two_that_is_gone_is_counted_down() {
        let baseline = written(&[finding("a.py", 3), finding("a.py", 4)]);
        let (text, update) = baseline.updated(&[run(&[finding("a.py", 3)])], &|_| true, Add::Nothing);
        assert_eq!((update.listed, update.dropped), (1, 1));
        assert!(text.contains("\"count\": 1"), "{text}");
    }

    #[test]
    fn pruning_adds_nothing_and_writing_does() {
        let baseline = written(&[finding("a.py", 3)]);
        let now = run(&[finding("a.py", 3), finding("c.py", 1)]);
        let now = [now];
        assert_eq!(baseline.updated(&now, &|_| true, Add::Nothing).1.listed, 1);
        let (_, update) = baseline.updated(&now, &|_| true, Add::Reported);
        assert_eq!((update.listed, update.added, update.dropped), (2, 1, 0));
    }

    #[test]
    fn rules_of_another_version_stay() {
        let baseline = written(&[finding("a.py", 3)]);
        let (text, _) = baseline.updated(&[], &|_| true, Add::Nothing);
        let text = text.replace(RuleCode::ER001.name(), "rule-of-tomorrow");
        let baseline = Baseline::parse(&text).expect("unknown rules are no mistake");
        let ran = |entry: &Entry| RuleCode::parse(&entry.rule).is_some();
        assert_eq!(baseline.updated(&[run(&[])], &ran, Add::Nothing).1.listed, 1);
    }

    #[test]
    fn what_is_no_baseline_is_an_error_with_its_place() {
        let error = |text: &str| Baseline::parse(text).expect_err("the text of this test is no baseline");
        assert_eq!(error("{\n<<<<<<< HEAD\n").line, 2);
        assert!(error("[]").message.contains("no baseline"));
        assert!(
            error("{\"schema\": \"envrace-baseline/9\"}")
                .message
                .contains("envrace-baseline/9")
        );
        let unknown = "{\"schema\": \"envrace-baseline/1\", \"projects\": {}, \"entries\": [{\"rule\": 1}]}";
        assert!(error(unknown).message.contains("string"), "{}", error(unknown).message);
    }
}
