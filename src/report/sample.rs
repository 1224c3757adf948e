//! A finding built by hand, for the tests of the renderers.

use std::collections::BTreeMap;

use crate::detect::ProgramView;
use crate::facts::{Language, Problem, ProblemKind};
use crate::finding::*;
use crate::input::{Source, Sources};
use crate::knowledge::Target;

use super::graph::Graph;
use super::{Base, Detail, Report, Summary};

/// Everything that a report borrows.
pub struct Sample {
    pub findings: Vec<Finding>,
    pub problems: Vec<Problem>,
    pub summary: Summary,
    pub target: Target,
    pub sources: Sources,
    pub detail: Detail,
    pub base: Base,
    pub pictures: bool,
}

impl Sample {
    /// The report of it.
    pub fn report(&self) -> Report<'_> {
        Report {
            findings: &self.findings,
            problems: &self.problems,
            summary: &self.summary,
            target: &self.target,
            sources: &self.sources,
            packages: &[],
            base: &self.base,
            detail: self.detail,
            pictures: self.pictures,
        }
    }

    /// The same report as a graph of these programs.
    pub fn graph<'a>(&'a self, programs: &'a [ProgramView]) -> Graph<'a> {
        Graph {
            programs,
            findings: &self.findings,
            problems: &self.problems,
            summary: &self.summary,
            sources: &self.sources,
        }
    }
}

/// The text of `build.py` in the sample.
pub const BUILD: &str = "\
import os, threading
def worker():
    while True:
        status = os.system('cc')
        if status: os._exit(1)
def main():
    for _ in range(4):
        threading.Thread(target=worker).start()
    exec(open('plugins/python/plugin.py').read())
";

/// The text of `plugins/python/plugin.py` in the sample.
pub const PLUGIN: &str = "import os\nif True:\n    os.environ['LD_RUN_PATH'] = 'é'\n";

/// A place on one line.
pub fn place(path: &str, line: u32, column: u32, end_column: u32) -> Location {
    Location {
        path: path.to_owned(),
        line,
        column,
        end_line: line,
        end_column,
    }
}

fn site(location: Location, api: &str, function: &str, chain: Vec<Step>) -> Site {
    Site {
        location,
        api: api.to_owned(),
        entries: vec![],
        variable: None,
        shape: None,
        function: function.to_owned(),
        chain,
        thread: None,
        repeated: false,
        language: "python".to_owned(),
        spawns: None,
        code: api.to_owned(),
    }
}

fn step(path: &str, line: u32, function: &str, note: &str) -> Step {
    Step {
        path: path.to_owned(),
        line,
        column: 5,
        function: function.to_owned(),
        note: note.to_owned(),
    }
}

/// A small copy of the case that the tool was born from: workers call `os.system` while a plugin is executed.
pub fn builder() -> FindingBuilder {
    let start = place("build.py", 8, 9, 48);
    let thread = Thread {
        created: start.clone(),
        start,
        entry: "worker".to_owned(),
        many: true,
        joined: None,
        note: None,
    };
    FindingBuilder {
        code: RuleCode::ER001,
        effect: Effect::Memory,
        severity: Severity::Error,
        confidence: Confidence::Medium,
        message: "a child may start while the environment moves".to_owned(),
        help: "set the variable before the workers start".to_owned(),
        mutation: site(
            place("plugins/python/plugin.py", 3, 5, 36),
            "os.environ[k] = v",
            "<module>",
            vec![step("build.py", 9, "main", "runs plugins/python/plugin.py")],
        ),
        partner: Some(Site {
            thread: Some(0),
            ..site(place("build.py", 4, 18, 30), "os.system", "worker", vec![])
        }),
        partner_kind: PartnerKind::Spawn,
        overlap: Overlap {
            reason: "the workers are never joined before the plugin runs".to_owned(),
            threads: vec![thread],
            ancestor: "main".to_owned(),
        },
        holds_for: vec!["glibc <2.41".to_owned(), "musl".to_owned()],
        guards: vec![Guard {
            name: "build_lock".to_owned(),
            side: Side::Partner,
        }],
        status: Some(Status {
            kind: StatusKind::SilentExit,
            line: 5,
        }),
        array: Some(ArrayState {
            heap: true,
            reason: "an earlier addition at build.py:1 moved it".to_owned(),
        }),
        interleaving: vec![
            "a worker forks".to_owned(),
            "main moves environ".to_owned(),
            "execve fails".to_owned(),
        ],
        doubts: vec!["worker was matched by its name alone".to_owned()],
    }
}

/// The sample with one finding and one problem.
pub fn seed() -> Sample {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        language: Language::Python,
        text: text.to_owned(),
    };
    Sample {
        findings: vec![builder().build()],
        problems: vec![Problem {
            path: "build.py".to_owned(),
            kind: ProblemKind::Partial,
            message: "a recovered syntax error".to_owned(),
            line: Some(9),
        }],
        summary: Summary {
            files: 2,
            parsed: 2,
            ..Summary::default()
        },
        target: Target::default(),
        sources: Sources::new([source("build.py", BUILD), source("plugins/python/plugin.py", PLUGIN)]),
        detail: Detail::Normal,
        base: Base::default(),
        pictures: true,
    }
}

/// Evidence that the pattern fails.
pub fn evidence() -> Evidence {
    Evidence {
        verdict: Verdict::Confirmed,
        reason: "execve failed".to_owned(),
        pattern: "os.environ[k] = v beside os.system".to_owned(),
        trials: 140,
        failures: 121,
        interval: [0.797, 0.912],
        runs: 8,
        first_failure: Some(FirstFailure {
            trial: 3,
            seconds: 0.42,
        }),
        seen: BTreeMap::from([("EFAULT".to_owned(), 121)]),
        controls: vec![Control {
            kind: "no-mutation".to_owned(),
            trials: 1400,
            failures: 0,
        }],
        active: false,
        machine: Machine {
            kernel: "Linux 6.1".to_owned(),
            libc: "glibc 2.36".to_owned(),
            runtime: Some("CPython 3.11.2".to_owned()),
            interpreter: Some("/usr/bin/python3".to_owned()),
            cores: 4,
        },
        taken: "2026-11-28T05:42:54Z".to_owned(),
        stale: None,
    }
}
