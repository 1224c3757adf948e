//! Inline ignores: `# envrace: ignore[rule] reason` on the line of the mutation, of the partner or of the thread's
//! start, or alone on a line above it.
//!
//! An ignore without a reason silences nothing, one that silences nothing is reported: both rot otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::{Directive, FileFacts, Language, Problem, ProblemKind};
use crate::finding::{Finding, RuleCode, Suppressed, SuppressedBy};
use crate::input::Sources;
use crate::knowledge::did_you_mean;

use super::places;

/// How many comments of one file are heeded.
const MOST: usize = 2000;

/// One well-formed ignore.
#[derive(Debug, Serialize, Deserialize)]
struct Ignore {
    path: String,
    /// Where the comment stands, for problems.
    at: u32,
    rules: Vec<(RuleCode, Used)>,
    reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Used {
    Yes,
    No,
}

/// Every ignore of a project, and what is wrong with others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ignores {
    ignores: Vec<Ignore>,
    /// Which ignores speak of a line.
    by_line: BTreeMap<(String, u32), Vec<usize>>,
    problems: Vec<Problem>,
}

impl Ignores {
    /// Reads the directives of all files. `sources` tells which line a comment of its own line speaks of.
    pub fn collect(files: &[FileFacts], sources: &Sources) -> Ignores {
        let mut all = Ignores::default();
        for file in files.iter().filter(|file| !file.directives.is_empty()) {
            let below = code_below(sources, file);
            if let Some(first) = file.directives.get(MOST) {
                let message = format!(
                    "more than {MOST} comments of this file speak to envrace; from here on they are not heeded"
                );
                all.problems.push(problem(&file.path, first.span.line, message));
            }
            for directive in file.directives.iter().take(MOST) {
                match parse(&directive.text) {
                    Ok((rules, reason)) => all.add(file, directive, rules, reason, &below),
                    Err(message) => all.problems.push(problem(&file.path, directive.span.line, message)),
                }
            }
        }
        all
    }

    /// Whether a comment of this file speaks to envrace, well-formed or not.
    pub fn speaks_in(&self, path: &str) -> bool {
        let mut paths = self.ignores.iter().map(|ignore| &ignore.path);
        paths.any(|known| known == path) || self.problems.iter().any(|problem| problem.path == path)
    }

    /// Adds those of other files.
    pub fn join(&mut self, other: Ignores) {
        let before = self.ignores.len();
        self.ignores.extend(other.ignores);
        let moved = |places: Vec<usize>| places.into_iter().map(|place| place + before).collect();
        self.by_line
            .extend(other.by_line.into_iter().map(|(line, places)| (line, moved(places))));
        self.problems.extend(other.problems);
    }

    fn add(&mut self, file: &FileFacts, directive: &Directive, rules: Vec<RuleCode>, reason: String, below: &[u32]) {
        let at = directive.span.line;
        let end = directive.span.end_line.max(at);
        let line = if directive.own_line {
            below.get(end as usize).copied().unwrap_or(end + 1)
        } else {
            at
        };
        let rules = rules.into_iter().map(|rule| (rule, Used::No)).collect();
        self.by_line
            .entry((file.path.clone(), line))
            .or_default()
            .push(self.ignores.len());
        self.ignores.push(Ignore {
            path: file.path.clone(),
            at,
            rules,
            reason,
        });
    }

    /// Marks the findings that an ignore silences.
    pub fn apply(&mut self, findings: &mut [Finding]) {
        for finding in findings {
            let lines = places(finding).flat_map(|place| {
                // A call over many lines can carry its comment on any of them; the range is bounded against nonsense.
                let end = place.end_line.clamp(place.line, place.line.saturating_add(200));
                (place.line..=end).map(|line| (place.path.clone(), line))
            });
            let speaking: Vec<usize> = lines
                .filter_map(|line| self.by_line.get(&line))
                .flatten()
                .copied()
                .collect();
            for index in speaking {
                let ignore = &mut self.ignores[index];
                for (rule, used) in &mut ignore.rules {
                    if *rule == finding.code {
                        *used = Used::Yes;
                        finding.suppressed.get_or_insert_with(|| Suppressed {
                            reason: ignore.reason.clone(),
                            by: SuppressedBy::Source,
                        });
                    }
                }
            }
        }
    }

    /// What is wrong with directives, and which ignores silenced nothing. `ran` tells whether a rule was looked for at
    /// all: one that was not is not judged.
    pub fn problems(self, ran: impl Fn(RuleCode) -> bool) -> Vec<Problem> {
        let mut problems = self.problems;
        for ignore in self.ignores {
            let dead: Vec<&str> = ignore
                .rules
                .iter()
                .filter(|(rule, used)| *used == Used::No && ran(*rule))
                .map(|(rule, _)| rule.name())
                .collect();
            if !dead.is_empty() {
                let message = format!("ignore[{}] silences nothing here; remove it", dead.join(", "));
                problems.push(problem(&ignore.path, ignore.at, message));
            }
        }
        problems.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
        problems
    }
}

/// For every line of a file, counted from 0, the first from there on that holds code, counted from 1: other comments and
/// blank lines may stand between. The line itself where none does.
fn code_below(sources: &Sources, file: &FileFacts) -> Vec<u32> {
    let comments: &[&str] = match file.language {
        Language::Python => &["#"],
        Language::C | Language::Rust => &["//", "/*", "*"],
    };
    let holds_code = |line: &str| {
        let code = line.trim();
        !code.is_empty() && !comments.iter().any(|comment| code.starts_with(comment))
    };
    let text = sources.text(&file.path).unwrap_or_default();
    let mut below: Vec<u32> = (1..).zip(text.split('\n')).map(|(line, _)| line).collect();
    let mut next = None;
    for (index, line) in text.split('\n').enumerate().collect::<Vec<_>>().into_iter().rev() {
        if holds_code(line) {
            next = Some(index as u32 + 1);
        }
        below[index] = next.unwrap_or(below[index]);
    }
    below
}

/// The rules and the reason of `ignore[rule, rule] reason`, or what is wrong with it.
fn parse(text: &str) -> Result<(Vec<RuleCode>, String), String> {
    let Some(rest) = text.strip_prefix("ignore") else {
        let word = text.split_whitespace().next().unwrap_or("");
        let name = word.split('[').next().unwrap_or(word);
        let hint = did_you_mean(name, &["ignore"]).map_or_else(String::new, |hint| format!("{hint} "));
        return Err(format!(
            "unknown directive `{word}`; {hint}write `envrace: ignore[rule] reason`"
        ));
    };
    let bracketed = rest
        .trim_start()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'));
    let Some((names, reason)) = bracketed else {
        return Err("an ignore names its rule; write `envrace: ignore[rule] reason`".to_owned());
    };
    let mut rules = Vec::new();
    for name in names.split(',').map(str::trim) {
        let Some(rule) = RuleCode::parse(name) else {
            let help = unknown_rule_help(name).unwrap_or_else(|| "`envrace rules` lists them".to_owned());
            return Err(format!("unknown rule `{name}`; {help}"));
        };
        rules.push(rule);
    }
    let reason = reason
        .trim()
        .trim_start_matches([':', '-'])
        .trim()
        .trim_end_matches("*/")
        .trim();
    if reason.is_empty() {
        return Err("an ignore without a reason silences nothing; write the reason after the bracket".to_owned());
    }
    Ok((rules, reason.to_owned()))
}

/// What was probably meant by a rule's name that is none.
pub fn unknown_rule_help(name: &str) -> Option<String> {
    let known: Vec<&str> = RuleCode::ALL
        .iter()
        .flat_map(|rule| [rule.name(), rule.code()])
        .collect();
    did_you_mean(name, &known)
}

fn problem(path: &str, line: u32, message: String) -> Problem {
    Problem {
        path: path.to_owned(),
        kind: ProblemKind::Directive,
        message,
        line: Some(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Location;
    use crate::frontend;
    use crate::input::Source;
    use crate::triage::tests::finding;

    /// What the ignores in `text` (the file `a.py`) make of one ER001 finding whose mutation is at `line`: the reason that
    /// silences it, and the messages of the problems.
    fn judge(text: &str, line: u32) -> (Option<String>, Vec<String>) {
        let source = Source {
            path: "a.py".to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        };
        let (facts, _) = frontend::lower(&source);
        let mut ignores = Ignores::collect(&[facts], &Sources::new([source]));
        let mut findings = [finding("a.py", line)];
        ignores.apply(&mut findings);
        let problems = ignores
            .problems(|_| true)
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        (
            findings[0].suppressed.take().map(|suppressed| suppressed.reason),
            problems,
        )
    }

    #[test]
    fn an_ignore_speaks_of_its_own_line() {
        let (reason, problems) = judge(
            "x = 1\ny = 2  # envrace: ignore[env-mutation-during-spawn] one thread only\n",
            2,
        );
        assert_eq!(reason.as_deref(), Some("one thread only"));
        assert!(problems.is_empty(), "{problems:?}");
        let (reason, problems) = judge("x = 1  # envrace: ignore[ER001] elsewhere\ny = 2\n", 2);
        assert_eq!(reason, None);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn alone_on_a_line_it_speaks_of_the_next_code() {
        let (reason, _) = judge("# envrace: ignore[er001, ER002]: why not\n\n# more words\nx = 1\n", 4);
        assert_eq!(reason.as_deref(), Some("why not"));
    }

    #[test]
    fn comments_by_the_thousand_are_read_once() {
        let mut text = "# envrace: ignore[ER001] one of many\n".repeat(100_000);
        text.push_str("x = 1\n");
        let (reason, problems) = judge(&text, 100_001);
        assert_eq!(reason.as_deref(), Some("one of many"));
        assert_eq!(problems.len(), 1, "all of them are about the one line");
        assert!(problems[0].contains("more than 2000"), "{problems:?}");
    }

    #[test]
    fn a_rule_that_silences_nothing_is_named() {
        let (reason, problems) = judge("x = 1  # envrace: ignore[ER001, ER003] reason\n", 1);
        assert!(reason.is_some());
        assert_eq!(
            problems,
            ["ignore[concurrent-env-mutations] silences nothing here; remove it"]
        );
    }

    #[test]
    fn without_a_reason_it_silences_nothing() {
        let (reason, problems) = judge("x = 1  # envrace: ignore[ER001]\n", 1);
        assert_eq!(reason, None);
        assert!(problems[0].contains("without a reason"), "{problems:?}");
    }

    #[test]
    fn a_rule_that_did_not_run_is_not_judged() {
        let source = Source {
            path: "a.py".to_owned(),
            language: Language::Python,
            text: "x = 1  # envrace: ignore[ER007] public\n".to_owned(),
        };
        let (facts, _) = frontend::lower(&source);
        let ignores = Ignores::collect(&[facts], &Sources::new([source]));
        assert!(ignores.problems(|rule| rule != RuleCode::ER007).is_empty());
    }

    #[test]
    fn any_line_of_a_long_call_and_the_start_of_the_thread_will_do() {
        let text = "f(\n  1,\n)  # envrace: ignore[ER001] last line\n";
        let source = Source {
            path: "a.py".to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        };
        let (facts, _) = frontend::lower(&source);
        let long = Location {
            end_line: 3,
            ..finding("a.py", 1).mutation.location
        };
        for place in 0..3 {
            let mut found = finding("other.py", 50);
            match place {
                0 => found.mutation.location = long.clone(),
                1 => found.partner.as_mut().expect("the sample has a partner").location = long.clone(),
                _ => found.overlap.threads[0].start = long.clone(),
            }
            let sources = Sources::new([source.clone()]);
            let mut ignores = Ignores::collect(std::slice::from_ref(&facts), &sources);
            let mut findings = [found];
            ignores.apply(&mut findings);
            assert!(findings[0].suppressed.is_some(), "{place}");
        }
    }
}
