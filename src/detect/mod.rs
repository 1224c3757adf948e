//! Program to findings: a file a rule.
//!
//! Each rule file is, in this order, its manual (the doc comment at the top, which is all the documentation that there is
//! and what `envrace explain` prints), its [`Rule`], and the one function that decides whether a judged pair is its. A pair
//! belongs to one rule: the fork window first, then tests, then by effect and partner.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::facts::{FileFacts, NO_THREAD, Problem, ProblemKind};
use crate::finding::{Confidence, Finding, FindingBuilder, RuleCode, Severity};
use crate::input::Sources;
use crate::knowledge::{Catalog, EntryId, PairVerdict, Shape, Target, pair_verdict_as};
use crate::model::{self, AccessKind, Census, MOST_PAIRS, Pair, PairKind, Program, SiteId, SiteInfo, Tree};

mod concurrent_env_mutations;
mod describe;
mod env_mutation_during_read;
mod env_mutation_during_spawn;
mod env_mutation_in_fork_window;
mod env_seen_by_chance;
mod explain;
mod fixes;
mod library_mutates_env;
mod parallel_tests_share_env;
mod picture;

pub use crate::model::{Extent, groups};
use describe::Describe;
pub use picture::{EventKind, EventView, LaneView, Link, ProgramView, links};

/// How much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    /// What a developer wants to see on every commit.
    Regular,
    /// Everything that can be said, notes included.
    Pedantic,
    /// For reading other people's code: unknown callers count, nothing is passed over.
    Auditor,
}

/// What the analysis is to judge by.
#[derive(Debug, Clone)]
pub struct Options {
    pub target: Target,
    pub persona: Persona,
    /// Whether rules in preview have their say.
    pub preview: bool,
    /// Which functions are walked. Auditors and pictures want to know of all that do something.
    pub extent: Extent,
    /// How many steps the analysis of a project may take; [`STEPS`](crate::model::STEPS) where nobody says otherwise.
    pub steps: u64,
}

/// What the analysis found.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Analysis {
    #[serde(with = "written")]
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
    pub census: Census,
    /// Each program's threads, where they were asked for; these are not kept.
    #[serde(skip)]
    pub programs: Vec<ProgramView>,
    /// Explanations by path and line; none where only pairs were wanted.
    explanations: BTreeMap<(String, u32), Vec<String>>,
    /// For files without a site at a line: what can be said of the file.
    roots: Vec<String>,
}

/// Findings inside packed bytes, which cannot hold fields of fields (serde's `flatten`): as JSON, which is their form outside.
mod written {
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::finding::Finding;

    pub fn serialize<S: Serializer>(findings: &[Finding], to: S) -> Result<S::Ok, S::Error> {
        let text = serde_json::to_string(findings).map_err(S::Error::custom)?;
        text.serialize(to)
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Finding>, D::Error> {
        let text = String::deserialize(from)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

impl Analysis {
    /// Adds what was found in other files of the same project.
    pub fn join(&mut self, other: Analysis) {
        self.findings.extend(other.findings);
        sort(&mut self.findings);
        self.problems.extend(other.problems);
        self.census.add(other.census);
        self.programs.extend(other.programs);
        for (place, lines) in other.explanations {
            self.explanations.entry(place).or_default().extend(lines);
        }
        self.roots.extend(other.roots);
        self.roots.sort();
    }
}

/// A kind of finding.
pub struct Rule {
    pub code: RuleCode,
    /// New rules start here: they are only asked where that is wanted, so that an update breaks nobody's build.
    pub preview: bool,
    /// The text of the rule's file, of which the leading `//!` lines are the manual.
    text: &'static str,
    /// Whether the pair is this rule's, and what it says of it.
    judge: fn(&Describe<'_, '_>, &Case<'_>) -> Option<Draft>,
}

/// A pair with the verdict on it.
pub struct Case<'a> {
    pub pair: &'a Pair,
    pub verdict: &'a PairVerdict,
    pub mutation: AccessKind,
    pub partner: AccessKind,
}

/// What a rule says of a pair.
pub struct Draft {
    pub severity: Severity,
    pub message: String,
    pub help: String,
    pub interleaving: [String; 3],
}

impl Rule {
    /// Whether it has its say under these options.
    fn is_asked(&self, options: &Options) -> bool {
        options.preview || !self.preview
    }
}

/// Every rule that is about a pair, in the order in which they are asked.
const RULES: [&Rule; 6] = [
    &env_mutation_in_fork_window::RULE,
    &parallel_tests_share_env::RULE,
    &env_mutation_during_spawn::RULE,
    &env_mutation_during_read::RULE,
    &concurrent_env_mutations::RULE,
    &env_seen_by_chance::RULE,
];

/// How many partners of one kind are listed for a mutation; the others are counted.
const PARTNERS: usize = 4;

/// Finds the pairs in a program and says what each can do.
pub fn analyse(files: Vec<FileFacts>, sources: &Sources, catalog: &Catalog, options: &Options) -> Analysis {
    on_own_stack(files, sources, catalog, options, false)
}

/// As [`analyse`], with each program's threads for a picture.
pub fn analyse_for_picture(files: Vec<FileFacts>, sources: &Sources, catalog: &Catalog, options: &Options) -> Analysis {
    on_own_stack(files, sources, catalog, options, true)
}

fn on_own_stack(
    files: Vec<FileFacts>,
    sources: &Sources,
    catalog: &Catalog,
    options: &Options,
    picture: bool,
) -> Analysis {
    let first = files.first().map(|file| file.path.clone()).unwrap_or_default();
    // Deep call chains recurse in the model; the stack is the analysis's own.
    let joined = std::thread::scope(|scope| {
        let work = || analyse_here(files, sources, catalog, options, picture);
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        thread.map(|thread| thread.join())
    });
    match joined {
        Ok(Ok(analysis)) => analysis,
        Ok(Err(_)) => {
            let message = "an internal error: nothing of this project was analysed; please report it";
            lost(first, ProblemKind::Parse, message.to_owned())
        }
        Err(error) => {
            let message = format!("nothing of this project was analysed, since {NO_THREAD}: {error}");
            lost(first, ProblemKind::Limit, message)
        }
    }
}

/// Stack for the analysis. It is mapped, not touched, so only what is used costs memory; the walk itself takes more where
/// it is not enough.
const STACK: usize = 1 << 30;

/// Nothing, with the reason.
fn lost(path: String, kind: ProblemKind, message: String) -> Analysis {
    let problem = Problem {
        path,
        kind,
        message,
        line: None,
    };
    Analysis {
        problems: vec![problem],
        ..Analysis::default()
    }
}

fn analyse_here(
    files: Vec<FileFacts>,
    sources: &Sources,
    catalog: &Catalog,
    options: &Options,
    picture: bool,
) -> Analysis {
    let tree = Tree::new(files);
    let mut program = model::analyse(&tree, catalog, &options.target, options.steps, options.extent);
    let describe = Describe::new(&program, sources, options);
    let mut problems = program.engine.values.budget.problems(&tree);
    let candidates = judged(&describe, &program, options, &mut problems);
    let (mut findings, omitted) = nearest(candidates);
    if options.persona == Persona::Auditor {
        findings.extend(library_mutates_env::findings(&describe, &program, &findings));
    }
    sort(&mut findings);
    fixes::attach(&program, sources, &mut findings);
    let explained = options.extent != Extent::Pairs;
    let explanations = explained.then(|| explain::all(&describe, &program, &findings, &omitted));
    let census = model::census(&program.engine);
    let roots = explained.then(|| explain::roots(&program));
    let programs = if picture {
        picture::programs(&mut program, sources, options, &findings)
    } else {
        Vec::new()
    };
    Analysis {
        findings,
        problems,
        census,
        programs,
        explanations: explanations.unwrap_or_default(),
        roots: roots.unwrap_or_default(),
    }
}

/// The findings that pairs are. A pair that cannot be told costs itself alone.
fn judged(
    describe: &Describe<'_, '_>,
    program: &Program<'_>,
    options: &Options,
    problems: &mut Vec<Problem>,
) -> Vec<(Finding, u32)> {
    let mut found = Vec::new();
    let mut problem_at = |site: SiteId, kind: ProblemKind, message: String| {
        let site = program.engine.sites.get(site);
        let tree = program.engine.values.tree;
        problems.push(Problem {
            path: tree.file(tree.file_of(site.function)).path.clone(),
            kind,
            message,
            line: Some(site.span.line),
        });
    };
    let pairs = &program.engine.pairs;
    let mut verdicts = Verdicts::default();
    for pair in pairs.iter() {
        let told = AssertUnwindSafe(|| finding(describe, program, pair, options, &mut verdicts));
        match catch_unwind(told) {
            Ok(finding) => found.extend(finding),
            Err(_) => problem_at(
                pair.mutation.access.site,
                ProblemKind::Parse,
                "an internal error in telling a finding; please report it with this file".to_owned(),
            ),
        }
    }
    if let Some(site) = pairs.beyond() {
        problem_at(
            site,
            ProblemKind::Limit,
            format!("more than {MOST_PAIRS} pairs: what else may overlap, with this mutation and others, is not known"),
        );
    }
    found
}

/// What a verdict depends on beside the target: a mutation's entries and shape, and its partner's entries.
type Apis = (Vec<EntryId>, Option<Shape>, Vec<EntryId>);

/// What pairs of the same APIs come to, each asked once: a tree has thousands of pairs, and few APIs.
#[derive(Default)]
struct Verdicts(FxHashMap<Apis, Option<Rc<PairVerdict>>>);

impl Verdicts {
    /// The verdict of a mutation and its partner; none where the pair is harmless.
    fn of(
        &mut self,
        catalog: &Catalog,
        (mutation, shape): (&SiteInfo, Option<Shape>),
        partner: &SiteInfo,
        target: &Target,
    ) -> Option<Rc<PairVerdict>> {
        let key = (mutation.entries.clone(), shape, partner.entries.clone());
        let judge = || pair_verdict_as(catalog, &mutation.entries, shape, &partner.entries, target).map(Rc::new);
        self.0.entry(key).or_insert_with(judge).clone()
    }
}

/// By the mutation's place, then the partner's.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| {
            (
                finding.mutation.location.clone(),
                finding.partner.as_ref().map(|site| site.location.clone()),
                finding.code,
            )
        };
        key(a).cmp(&key(b))
    });
}

/// The finding that a pair is, with the length of its chains.
fn finding(
    describe: &Describe<'_, '_>,
    program: &Program<'_>,
    pair: &Pair,
    options: &Options,
    verdicts: &mut Verdicts,
) -> Option<(Finding, u32)> {
    let engine = &program.engine;
    let mutation = engine.sites.get(pair.mutation.access.site);
    let partner = engine.sites.get(pair.partner.access.site);
    let catalog = engine.values.catalog;
    let verdict = match pair.kind {
        PairKind::ForkWindow => Rc::new(describe.fork_verdict()),
        _ => {
            let shape = match pair.mutation.overwrites {
                true => Some(Shape::Overwrite),
                false => mutation.shape,
            };
            verdicts.of(catalog, (mutation, shape), partner, &options.target)?
        }
    };
    let case = Case {
        pair,
        verdict: &verdict,
        mutation: mutation.kind,
        partner: partner.kind,
    };
    for rule in RULES.iter().filter(|rule| rule.is_asked(options)) {
        if let Some(draft) = (rule.judge)(describe, &case) {
            let length = pair.mutation.access.chain.length() + pair.partner.access.chain.length();
            return Some((build(describe, rule, &case, draft), length));
        }
    }
    None
}

fn build(describe: &Describe<'_, '_>, rule: &Rule, case: &Case<'_>, draft: Draft) -> Finding {
    let (confidence, doubts) = describe.confidence(case);
    // What rests on a guess, or on two doubts at once, is said to those who ask for notes, and stops nobody else.
    let guessed = case.pair.certainty.confidence == Confidence::Low || doubts.len() > 1 && describe.is_rare(case);
    let severity = if guessed { Severity::Note } else { draft.severity };
    let (mutating, partner) = describe.sides(case.pair);
    FindingBuilder {
        code: rule.code,
        effect: case.verdict.effect,
        severity,
        confidence,
        message: draft.message,
        help: draft.help,
        mutation: describe.site(&case.pair.mutation, mutating),
        partner: Some(describe.site(&case.pair.partner, partner)),
        partner_kind: describe.partner_kind(case),
        overlap: describe.overlap(case.pair),
        holds_for: case.verdict.holds_for.clone(),
        guards: describe.guards(case.pair),
        status: describe.status(case),
        array: describe.array(case),
        interleaving: draft.interleaving.to_vec(),
        doubts,
    }
    .build()
}

/// The surest and nearest few partners of each mutation and rule; the others, which are counted on the first of these.
fn nearest(mut candidates: Vec<(Finding, u32)>) -> (Vec<Finding>, Vec<Finding>) {
    candidates.sort_by(|(a, near), (b, far)| {
        let key = |finding: &Finding, length: u32| {
            let partner = finding.partner.as_ref().and_then(|site| site.variable.as_ref());
            let same_variable = partner.is_some() && partner == finding.mutation.variable.as_ref();
            let sure = finding.confidence > Confidence::Low;
            (
                finding.mutation.location.clone(),
                finding.partner_kind.name(),
                std::cmp::Reverse((
                    sure,
                    finding.effect,
                    finding.severity,
                    finding.confidence,
                    same_variable,
                )),
                length,
                finding.partner.as_ref().map(|site| site.location.clone()),
            )
        };
        key(a, *near).cmp(&key(b, *far))
    });
    // Another partner in the same function by the same API says little more: one of each comes first.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut candidates: Vec<(usize, Finding)> = candidates
        .into_iter()
        .map(|(finding, _)| {
            let alike = finding.partner.as_ref().map(|site| (&site.api, &site.function));
            let times = seen
                .entry(format!(
                    "{:?} {:?} {alike:?}",
                    finding.mutation.location, finding.partner_kind
                ))
                .or_default();
            *times += 1;
            (*times, finding)
        })
        .collect();
    candidates.sort_by_key(|(times, finding)| (finding.mutation.location.clone(), finding.partner_kind.name(), *times));
    let (mut kept, mut omitted): (Vec<Finding>, Vec<Finding>) = Default::default();
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (_, finding) in candidates {
        let key = format!("{:?} {:?}", finding.mutation.location, finding.partner_kind);
        match counts.get_mut(&key) {
            Some((count, first)) if *count >= PARTNERS => {
                kept[*first].partners_omitted += 1;
                omitted.push(finding);
            }
            Some((count, _)) => {
                *count += 1;
                kept.push(finding);
            }
            None => {
                counts.insert(key, (1, kept.len()));
                kept.push(finding);
            }
        }
    }
    (kept, omitted)
}

/// Lines of explanation for every mutation, spawn or read at `path:line`; what is known of the program where the line
/// holds none.
pub fn why(analysis: &Analysis, path: &str, line: u32) -> Vec<String> {
    match analysis.explanations.get(&(path.to_owned(), line)) {
        Some(lines) => lines.clone(),
        None => {
            let near: Vec<u32> = analysis
                .explanations
                .keys()
                .filter(|(other, _)| other == path)
                .map(|(_, line)| *line)
                .collect();
            let mut lines = vec![format!(
                "{path}:{line} neither changes the environment nor reads it nor starts a process"
            )];
            if !near.is_empty() {
                let near: Vec<String> = near.iter().map(u32::to_string).collect();
                lines.push(format!("lines of this file that do: {}", near.join(", ")));
            } else if !analysis.roots.iter().any(|known| known == path) {
                lines.push(format!("{path} is not among the files that were analysed"));
            }
            lines
        }
    }
}

/// Whether a rule is in preview.
pub fn is_preview(code: RuleCode) -> bool {
    RULES.iter().any(|rule| rule.code == code && rule.preview)
}

/// Whether a rule has its say at all under these options.
pub fn runs(code: RuleCode, options: &Options) -> bool {
    match code {
        RuleCode::ER007 => options.persona == Persona::Auditor,
        code => RULES.iter().any(|rule| rule.code == code && rule.is_asked(options)),
    }
}

/// The rule's manual as Markdown; its first line is a summary.
pub fn manual(code: RuleCode) -> String {
    let text = match code {
        RuleCode::ER007 => library_mutates_env::TEXT,
        _ => RULES.iter().find(|rule| rule.code == code).map_or("", |rule| rule.text),
    };
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_in_preview_is_only_asked_where_that_is_wanted() {
        let rule = Rule {
            code: RuleCode::ER001,
            preview: true,
            text: "",
            judge: |_, _| None,
        };
        let options = |preview| Options {
            target: Target::default(),
            persona: Persona::Auditor,
            preview,
            extent: Extent::Acts,
            steps: model::STEPS,
        };
        assert!(!rule.is_asked(&options(false)) && rule.is_asked(&options(true)));
        assert!(
            RuleCode::ALL
                .iter()
                .all(|code| runs(*code, &options(false)) || is_preview(*code))
        );
    }

    #[test]
    fn every_rule_has_a_manual_with_its_parts() {
        for code in RuleCode::ALL {
            let manual = manual(code);
            for part in ["## Why", "## Example", "## Instead", "## How sure"] {
                assert!(manual.contains(part), "{} lacks {part}", code.name());
            }
            assert!(!manual.lines().next().unwrap_or("").is_empty(), "{}", code.name());
        }
    }
}
