//! Finding -> evidence: the flagged pattern is replayed on the machine at hand.
//!
//! `plan` maps findings to experiments, `experiment` carries one out, `judge` turns what was seen into a verdict. A
//! replay runs the *pattern*, in a child process of its own with an environment of its own; it never runs the program
//! under analysis. `witness` runs a program that it is given, as it is, with the observer holding its children and
//! threads at the places where a race would show. The only room of the library that starts processes, and the only one with `unsafe` in it: each block
//! says its proof.

mod call_text;
mod checker;
mod emit;
mod compile;
mod environ_check;
mod experiment;
mod host;
mod follow;
mod guardian;
mod judge;
mod kept;
mod launch;
mod machine;
pub mod matrix;
mod moment;
pub mod observer;
mod pattern;
mod pattern_native;
mod pattern_python;
mod plan;
mod replay;
mod run;
mod setting;
mod statistics;
mod sweep;
mod symptom;
mod tally;
#[cfg(test)]
mod testing;
mod watch;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::finding::{Evidence, Finding, Verdict};

use experiment::{Laboratory, cannot_run, carry_out};

pub use emit::{
    EmitError, EmittedFile, ProgramLanguage, Reproducer, may_hold_reproducers, reproducers, write_reproducer,
};
pub use follow::{Failure, FollowError, Followed, Origin, follow};
pub use host::{Host, host, libc};
pub use kept::{Kept, KeptError, keep};
pub use observer::{Ended, MOST_TEXT as MOST_ARGUMENT, trace_line};
pub use pattern::Pattern;
pub use pattern_python::{Given, PythonMutation, PythonPartner, Subprocess, SubprocessFunction};
pub use plan::{Experiment, Plan, plan};
pub use setting::{Knob, Setting, Sweep};
pub use statistics::interval;
pub use sweep::{SweepRow, SweepTable};
pub use witness::{Seen, Subject, Witness, WitnessError, witness};

/// How to confirm.
#[derive(Debug, Clone)]
pub struct ConfirmOptions {
    /// The interpreter in which Python's patterns are replayed.
    pub python: PathBuf,
    /// For one pattern with its controls. Controls that need more to be conclusive, as on a machine that is busy with
    /// other things, may take up to eight times as long.
    pub budget: Duration,
    /// A program that answers to the hidden commands; `None` for this very program.
    pub helper: Option<PathBuf>,
    /// The C compiler in whose program C patterns are replayed. `None` for this very binary, against the C library that
    /// it is linked to, unless that is its own: then it is `cc`.
    pub compiler: Option<PathBuf>,
    /// Holds each child at the entry of `execve` until its array has moved: a schedule that otherwise needs luck.
    pub active: bool,
    /// Reports each failed `execve` as [`Progress::Trace`].
    pub trace: bool,
}

impl Default for ConfirmOptions {
    fn default() -> ConfirmOptions {
        ConfirmOptions {
            python: PathBuf::from("python3"),
            budget: Duration::from_secs(2),
            helper: None,
            compiler: machine::STATIC.then(|| PathBuf::from("cc")),
            active: false,
            trace: false,
        }
    }
}

/// What happens now, for a progress display.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// An experiment begins: its number from 1, how many there are, its pattern.
    Begins { number: usize, of: usize, pattern: String },
    /// It goes on to its `pattern` or its `controls`.
    Phase(&'static str),
    /// A failed `execve` of the experiment, in strace's form.
    Trace(String),
    /// A trace was asked for and there will be none, for this reason.
    Untraced(String),
    /// It has ended.
    Ended { verdict: Verdict, seconds: f64 },
}

/// How many findings got which verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfirmSummary {
    pub experiments: usize,
    pub confirmed: usize,
    pub not_observed: usize,
    pub inconclusive: usize,
    pub cannot_run: usize,
}

impl ConfirmSummary {
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Confirmed => self.confirmed += 1,
            Verdict::NotObserved => self.not_observed += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
            Verdict::CannotRun => self.cannot_run += 1,
        }
    }
}

/// Replays what can be replayed of `findings` and fills their `confirmation`.
///
/// Takes about `budget` for each distinct pattern. Ctrl-C ends the replays too, once
/// [`clean_up_on_signals`] has been called.
pub fn confirm(
    findings: &mut [Finding],
    options: &ConfirmOptions,
    progress: &mut dyn FnMut(&Progress),
) -> ConfirmSummary {
    let plan = plan(findings);
    let mut summary = ConfirmSummary {
        experiments: plan.experiments.len(),
        ..ConfirmSummary::default()
    };
    let own = machine::machine(None);
    for (index, reason) in plan.impossible {
        let evidence = cannot_run(described(&findings[index]), reason, own.clone());
        summary.count(evidence.verdict);
        findings[index].confirmation = Some(evidence);
    }
    if plan.experiments.is_empty() {
        return summary;
    }
    let patterns = plan.experiments.iter().map(|experiment| &experiment.pattern);
    let laboratory = laboratory(options, Needs::of(patterns));
    if let (true, Err(reason)) = (options.trace, &laboratory.observer) {
        progress(&Progress::Untraced(reason.clone()));
    }
    for (number, experiment) in plan.experiments.iter().enumerate() {
        let began = Instant::now();
        progress(&Progress::Begins {
            number: number + 1,
            of: plan.experiments.len(),
            pattern: experiment.pattern.to_string(),
        });
        let said = std::cell::RefCell::new(&mut *progress);
        let evidence = carry_out(
            &experiment.pattern,
            &laboratory,
            &mut |phase| said.borrow_mut()(&Progress::Phase(phase)),
            &mut |line| said.borrow_mut()(&Progress::Trace(line.to_owned())),
        );
        progress(&Progress::Ended {
            verdict: evidence.verdict,
            seconds: began.elapsed().as_secs_f64(),
        });
        for &index in &experiment.findings {
            summary.count(evidence.verdict);
            findings[index].confirmation = Some(with_conditions(evidence.clone(), &findings[index]));
        }
    }
    summary
}

/// Replays each pattern of `findings` under each value of a knob, and hands its table on as soon as it is filled.
///
/// `fixed` holds the other knobs.
pub fn sweep(
    findings: &[Finding],
    options: &ConfirmOptions,
    values: &Sweep,
    fixed: Setting,
    table: &mut dyn FnMut(&SweepTable),
) {
    let plan = plan(findings);
    let patterns = || plan.experiments.iter().map(|experiment| &experiment.pattern);
    let laboratory = laboratory(options, Needs::of(patterns()));
    patterns().for_each(|pattern| table(&sweep::sweep(pattern, &laboratory, values, fixed)));
}

/// Kills whatever confirm has started when the process gets SIGINT, SIGTERM or SIGHUP; then it ends by that signal.
pub fn clean_up_on_signals() {
    run::clean_up_on_signals();
}

/// The hidden commands by which confirm calls this program; `None` where the first argument is none of them.
///
/// # Arguments
/// `arguments`: the command line without the program's name.
pub fn hidden_main(arguments: &[String]) -> Option<ExitCode> {
    let (name, rest) = arguments.split_first()?;
    match name.as_str() {
        environ_check::NAME => Some(environ_check::hidden_main(rest)),
        replay::NAME => Some(replay::hidden_main(rest)),
        watch::NAME => Some(watch::hidden_main(rest)),
        _ => None,
    }
}

/// What patterns need besides this program. To ask an interpreter takes a tenth of a second where it has a launcher.
#[derive(Debug, Clone, Copy)]
struct Needs {
    python: bool,
    compiler: bool,
}

impl Needs {
    fn of<'a>(patterns: impl Iterator<Item = &'a Pattern> + Clone) -> Needs {
        Needs {
            python: patterns
                .clone()
                .any(|pattern| matches!(pattern, Pattern::Python { .. })),
            compiler: patterns.clone().any(Pattern::is_of_c),
        }
    }
}

/// Finds out once what all experiments use.
fn laboratory(options: &ConfirmOptions, needs: Needs) -> Laboratory {
    std::thread::scope(|scope| {
        let python = needs
            .python
            .then(|| scope.spawn(|| machine::interpreter(&options.python)));
        let laboratory = laboratory_without_python(options, needs);
        let python = python.map(|asked| {
            let failed = |_| Err("the Python interpreter could not be asked".to_owned());
            asked.join().unwrap_or_else(failed)
        });
        Laboratory {
            python: python.unwrap_or(laboratory.python),
            ..laboratory
        }
    })
}

fn laboratory_without_python(options: &ConfirmOptions, needs: Needs) -> Laboratory {
    let compiler = options.compiler.as_ref().filter(|_| needs.compiler);
    let helper = options.helper.clone().or_else(|| std::env::current_exe().ok());
    let helper = helper.filter(|program| machine::answers(program, environ_check::NAME).is_ok());
    let observer = match &helper {
        Some(program) => machine::answers(program, watch::NAME),
        None => Err("this program does not answer to its hidden commands".to_owned()),
    };
    Laboratory {
        python: Err("no pattern needs Python".to_owned()),
        observer,
        checker: checker::Checker::new().map(Arc::new),
        helper,
        compiled: compiler.map(|compiler| compile::compile(compiler).map(Arc::new)),
        active: options.active,
        trace: options.trace,
        budget: options.budget,
    }
}

/// A pattern's name for a finding that has none in the list.
fn described(finding: &Finding) -> String {
    match &finding.partner {
        Some(partner) => format!("{} beside {}", finding.mutation.api, partner.api),
        None => finding.mutation.api.clone(),
    }
}

/// Adds to the shared evidence what this finding's program needs besides, for the replay provides it.
fn with_conditions(mut evidence: Evidence, finding: &Finding) -> Evidence {
    for sentence in pattern::stand_ins(finding) {
        evidence.reason.push_str("; ");
        evidence.reason.push_str(&sentence);
    }
    if evidence.verdict != Verdict::Confirmed {
        return evidence;
    }
    let mut needs = Vec::new();
    if finding.array.as_ref().is_some_and(|array| !array.heap) {
        needs.push("an earlier added variable, which has moved the environment to the heap");
    }
    if !finding.mutation.repeated {
        needs
            .push("the mutation to meet a spawn, and an environment whose size makes it move: the replay repeats both");
    }
    if !needs.is_empty() {
        evidence.reason.push_str("; the program needs besides: ");
        evidence.reason.push_str(&needs.join(", and "));
    }
    evidence
}
