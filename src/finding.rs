//! A finding: a mutation, its partner, why the two overlap, and how sure we are.
//!
//! Findings are *built*: [`FindingBuilder::build`] demands everything that a finding must have, so that reports only
//! render. The serialised form is the JSON contract `envrace/1` (ARCHITECTURE.md).

use serde::{Deserialize, Serialize};

/// The kinds of findings. Data about each (name, manual) lives with its rule in `detect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RuleCode {
    ER001,
    ER002,
    ER003,
    ER004,
    ER005,
    ER006,
    ER007,
}

impl RuleCode {
    /// Every rule, in order.
    pub const ALL: [RuleCode; 7] = [
        RuleCode::ER001,
        RuleCode::ER002,
        RuleCode::ER003,
        RuleCode::ER004,
        RuleCode::ER005,
        RuleCode::ER006,
        RuleCode::ER007,
    ];

    /// The code: `ER001`.
    pub fn code(self) -> &'static str {
        match self {
            RuleCode::ER001 => "ER001",
            RuleCode::ER002 => "ER002",
            RuleCode::ER003 => "ER003",
            RuleCode::ER004 => "ER004",
            RuleCode::ER005 => "ER005",
            RuleCode::ER006 => "ER006",
            RuleCode::ER007 => "ER007",
        }
    }

    /// The name, by which users call it: `env-mutation-during-spawn`.
    pub fn name(self) -> &'static str {
        match self {
            RuleCode::ER001 => "env-mutation-during-spawn",
            RuleCode::ER002 => "env-mutation-during-read",
            RuleCode::ER003 => "concurrent-env-mutations",
            RuleCode::ER004 => "env-seen-by-chance",
            RuleCode::ER005 => "env-mutation-in-fork-window",
            RuleCode::ER006 => "parallel-tests-share-env",
            RuleCode::ER007 => "library-mutates-env",
        }
    }

    /// How loud a finding of this rule can be.
    pub fn worst(self) -> Severity {
        match self {
            RuleCode::ER001 | RuleCode::ER002 | RuleCode::ER003 | RuleCode::ER005 => Severity::Error,
            RuleCode::ER004 | RuleCode::ER006 => Severity::Warning,
            RuleCode::ER007 => Severity::Note,
        }
    }

    /// The rule of this name or code, in any case.
    pub fn parse(text: &str) -> Option<RuleCode> {
        RuleCode::ALL
            .into_iter()
            .find(|rule| rule.name() == text || rule.code().eq_ignore_ascii_case(text))
    }
}

/// What the pair can do, worst last so that `max` picks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// A child or reader sees a mix of old and new variables.
    Environment,
    /// A child or thread waits for ever.
    Deadlock,
    /// A crash, EFAULT, or foreign data.
    Memory,
}

impl Effect {
    /// The word in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            Effect::Memory => "memory",
            Effect::Deadlock => "deadlock",
            Effect::Environment => "environment",
        }
    }
}

/// How loud a finding is, loudest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    /// The word in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// How sure the analysis is that the two sites can overlap, surest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    Low,
    Medium,
    High,
}

impl Confidence {
    /// The word in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Location {
    pub path: String,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
}

/// One step of a chain: a call, or a file that is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Step {
    pub path: String,
    pub line: u32,
    pub column: u32,
    /// The function in which the step stands.
    pub function: String,
    /// What happens there: `calls build_plugin`, `runs plugins/a/plugin.py`.
    pub note: String,
}

/// A mutation, spawn or read, with the calls that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Site {
    #[serde(flatten)]
    pub location: Location,
    /// As a person writes it: `os.environ[k] = v`, `os.system`.
    pub api: String,
    /// The catalog entries that gave it its meaning, as `match` strings, first the one that decides.
    pub entries: Vec<String>,
    /// The variable's name where it is known.
    pub variable: Option<String>,
    /// Mutation only: `add`, `overwrite`, `delete`, `clear`, `unknown`.
    pub shape: Option<String>,
    /// The function in which it stands; `<module>` for module-level code.
    pub function: String,
    /// From the common ancestor (or the thread's entry) to the site, the site itself not included.
    pub chain: Vec<Step>,
    /// Which of the overlap's threads makes the access, from 0; none: the thread that started them.
    #[serde(default)]
    pub thread: Option<u32>,
    /// The site may run more than once (a loop, a thread of which there are many, a file run per match).
    pub repeated: bool,
    pub language: String,
    /// Spawn only: what it starts, where the catalog says how to tell.
    #[serde(default)]
    pub spawns: Option<Spawned>,
    /// The source text of the site, white space folded: what fingerprints and baselines key on.
    pub code: String,
}

/// What a spawn starts, as far as the code tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Spawned {
    /// It hands a command line to `/bin/sh -c`.
    pub shell: bool,
    /// That command line, or the program's name or path; `*` stands for a part that is not known. None where nothing is.
    pub command: Option<String>,
    /// How the caller learns that `execve` failed: `status` (a wait status, 127 from a shell that never ran) or `error`
    /// (an exception, an error value, errno).
    pub failure: FailureForm,
}

/// How the caller of a spawn learns that the program could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FailureForm {
    Status,
    Error,
}

/// What the partner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PartnerKind {
    Spawn,
    Read,
    Mutation,
    /// ER005: the fork whose window holds the mutation.
    Fork,
}

impl PartnerKind {
    /// The word in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            PartnerKind::Spawn => "spawn",
            PartnerKind::Read => "read",
            PartnerKind::Mutation => "mutation",
            PartnerKind::Fork => "fork",
        }
    }
}

/// A thread of the overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Thread {
    /// Where the thread object is made (`Thread(target=f)`); the same as `start` where making starts it.
    pub created: Location,
    pub start: Location,
    /// The function that it runs.
    pub entry: String,
    /// Several may run at once (a loop, a pool, a server).
    pub many: bool,
    /// Where it is joined, if anywhere that does not end the overlap, and why that does not help.
    pub joined: Option<Location>,
    pub note: Option<String>,
}

/// Why the two sites can run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Overlap {
    /// One sentence.
    pub reason: String,
    /// One thread (the other side is the one that started it) or two.
    pub threads: Vec<Thread>,
    /// The function in which the two sides part.
    pub ancestor: String,
}

/// Which side of the pair something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Side {
    Mutation,
    Partner,
}

/// A lock that one side holds and the other does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Guard {
    pub name: String,
    pub side: Side,
}

/// What becomes of a spawn's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum StatusKind {
    /// It is looked at, and something is said or raised.
    Checked,
    /// Nobody looks.
    Dropped,
    /// The program ends without a word.
    SilentExit,
}

/// What becomes of a spawn's result, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status {
    pub kind: StatusKind,
    pub line: u32,
}

/// Whether `environ` can already be a heap array when the threads start, so that an addition frees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ArrayState {
    /// `true` where something can have put it on the heap.
    pub heap: bool,
    /// One sentence that names who.
    pub reason: String,
}

/// Why a finding is not reported although it is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Suppressed {
    pub reason: String,
    #[serde(default)]
    pub by: SuppressedBy,
}

/// What keeps a finding from being reported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum SuppressedBy {
    /// A comment in the source.
    #[default]
    Source,
    /// The baseline knows it.
    Baseline,
}

/// A change of the source that takes a finding away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fix {
    /// What it does, as a command: `pass LANG to subprocess.run alone`.
    pub title: String,
    pub safety: Safety,
    /// Why it is not safe; empty where it is.
    pub because: String,
    /// In order of place, never overlapping.
    pub edits: Vec<Edit>,
}

/// Whether a fix can be applied without a look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Safety {
    /// The program does the same as before, but for the race: proved from the analysed sources.
    Safe,
    /// Somebody has to decide whether something else needed what it takes away.
    Unsafe,
}

/// A piece of text in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Edit {
    #[serde(flatten)]
    pub location: Location,
    /// Byte offsets in the decoded text of the file.
    pub start: u32,
    pub end: u32,
    pub replacement: String,
}

/// One finding. See [`FindingBuilder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    pub code: RuleCode,
    pub effect: Effect,
    pub severity: Severity,
    pub confidence: Confidence,
    /// One sentence that says what can happen between which two things.
    pub message: String,
    /// What to do instead.
    pub help: String,
    pub mutation: Site,
    pub partner: Option<Site>,
    pub partner_kind: PartnerKind,
    pub overlap: Overlap,
    /// The versions for which the effect holds: `glibc <2.41`, `musl`, `CPython 3.11.6 to 3.12`.
    pub holds_for: Vec<String>,
    pub guards: Vec<Guard>,
    pub status: Option<Status>,
    pub array: Option<ArrayState>,
    /// Exactly three numbered steps of one schedule that goes wrong.
    pub interleaving: Vec<String>,
    /// What makes the confidence less than high: a guessed edge, an unknown caller.
    pub doubts: Vec<String>,
    /// Further partners of the same mutation that are not listed.
    pub partners_omitted: u32,
    pub suppressed: Option<Suppressed>,
    pub fingerprint: String,
    #[serde(default)]
    pub fix: Option<Fix>,
    pub confirmation: Option<Evidence>,
}

impl Finding {
    /// The fingerprint as it would be if every path were what `place` makes of it.
    pub fn fingerprint_at(&self, place: &dyn Fn(&str) -> String) -> String {
        fingerprint(self.code, &self.mutation, self.partner.as_ref(), place)
    }

    /// Every path that it names, sites, chains and threads alike; some more than once.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let sites = [Some(&self.mutation), self.partner.as_ref()].into_iter().flatten();
        let of_sites = sites.flat_map(|site| {
            let steps = site.chain.iter().map(|step| step.path.as_str());
            std::iter::once(site.location.path.as_str()).chain(steps)
        });
        let of_threads = self.overlap.threads.iter().flat_map(|thread| {
            let joined = thread.joined.iter();
            [&thread.created, &thread.start]
                .into_iter()
                .chain(joined)
                .map(|place| place.path.as_str())
        });
        let of_fix = self.fix.iter().flat_map(|fix| &fix.edits);
        of_sites
            .chain(of_threads)
            .chain(of_fix.map(|edit| edit.location.path.as_str()))
    }
}

/// The verdict of an experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Confirmed,
    NotObserved,
    Inconclusive,
    CannotRun,
}

impl Verdict {
    /// The word in JSON and reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Confirmed => "confirmed",
            Verdict::NotObserved => "not-observed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::CannotRun => "cannot-run",
        }
    }
}

/// What an experiment showed; made by `confirm`, rendered by `report`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Evidence {
    pub verdict: Verdict,
    /// Why, in one sentence; for `cannot-run` what is missing.
    pub reason: String,
    /// The pattern that was replayed: `os.environ[k] = v beside os.system`.
    pub pattern: String,
    pub trials: u64,
    pub failures: u64,
    /// 95 % Wilson interval of the failure rate; at zero failures `[0, 3/n]`.
    pub interval: [f64; 2],
    /// Replays started (trials inside one are correlated).
    pub runs: u64,
    pub first_failure: Option<FirstFailure>,
    /// How often each symptom was seen: `EFAULT`, `status:32512`, `torn`, `signal:11`.
    pub seen: std::collections::BTreeMap<String, u64>,
    pub controls: Vec<Control>,
    /// The schedule was forced.
    pub active: bool,
    pub machine: Machine,
    /// When it was taken, in UTC: `2026-11-28T05:42:54Z`.
    #[serde(default)]
    pub taken: String,
    /// Kept evidence only: what has changed on the machine since, so that it no longer holds.
    #[serde(default)]
    pub stale: Option<String>,
}

/// When the first failure came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FirstFailure {
    pub trial: u64,
    pub seconds: f64,
}

/// A control run beside the experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Control {
    /// `no-mutation` or `one-lock`.
    pub kind: String,
    pub trials: u64,
    pub failures: u64,
}

/// The machine on which evidence was taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Machine {
    pub kernel: String,
    pub libc: String,
    /// The interpreter with its micro version, where one was used.
    pub runtime: Option<String>,
    /// The path of that interpreter.
    #[serde(default)]
    pub interpreter: Option<String>,
    pub cores: u32,
}

/// Everything that a finding must have before it exists.
///
/// `mutation`, `overlap` (with at least one thread unless the rule is about an unknown caller) and three interleaving
/// steps are demanded; the fingerprint is computed here.
#[derive(Debug, Clone)]
pub struct FindingBuilder {
    pub code: RuleCode,
    pub effect: Effect,
    pub severity: Severity,
    pub confidence: Confidence,
    pub message: String,
    pub help: String,
    pub mutation: Site,
    pub partner: Option<Site>,
    pub partner_kind: PartnerKind,
    pub overlap: Overlap,
    pub holds_for: Vec<String>,
    pub guards: Vec<Guard>,
    pub status: Option<Status>,
    pub array: Option<ArrayState>,
    pub interleaving: Vec<String>,
    pub doubts: Vec<String>,
}

impl FindingBuilder {
    /// Makes the finding.
    ///
    /// # Panics
    /// In debug builds where an invariant does not hold: an empty message or help, a partner missing where the rule is
    /// about a pair, no thread, not three steps, or less than high confidence without a doubt that says why.
    pub fn build(self) -> Finding {
        let alone = self.code == RuleCode::ER007;
        debug_assert!(!self.message.is_empty() && !self.help.is_empty());
        debug_assert!(alone || self.partner.is_some(), "a pair has a partner");
        debug_assert!(alone || !self.overlap.threads.is_empty(), "an overlap names a thread");
        debug_assert!(alone || self.interleaving.len() == 3, "an interleaving has three steps");
        debug_assert!(
            self.confidence == Confidence::High || !self.doubts.is_empty(),
            "a doubt says why"
        );
        let fingerprint = fingerprint(self.code, &self.mutation, self.partner.as_ref(), &str::to_owned);
        Finding {
            rule: self.code.name().to_owned(),
            code: self.code,
            effect: self.effect,
            severity: self.severity,
            confidence: self.confidence,
            message: self.message,
            help: self.help,
            mutation: self.mutation,
            partner: self.partner,
            partner_kind: self.partner_kind,
            overlap: self.overlap,
            holds_for: self.holds_for,
            guards: self.guards,
            status: self.status,
            array: self.array,
            interleaving: self.interleaving,
            doubts: self.doubts,
            partners_omitted: 0,
            suppressed: None,
            fingerprint,
            fix: None,
            confirmation: None,
        }
    }
}

/// A hash of the rule and the normalised code of both sites, never of line numbers, as 16 hexadecimal digits.
fn fingerprint(code: RuleCode, mutation: &Site, partner: Option<&Site>, place: &dyn Fn(&str) -> String) -> String {
    let mut hash = Fnv::default();
    hash.add(code.code());
    for site in std::iter::once(mutation).chain(partner) {
        hash.add(&place(&site.location.path));
        hash.add(&site.function);
        hash.add(&site.code);
    }
    format!("{:016x}", hash.0)
}

/// 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv), so that fingerprints do not depend on a hasher's seed or on
/// the version of a library.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
