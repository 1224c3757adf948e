//! How surely `confirm` shows what it claims: each pattern again and again, as a table in Markdown.
//!
//! ```sh
//! cargo test --release --test confirm_series -- --ignored --nocapture          # 100 runs each, about half an hour
//! ENVRACE_SERIES=20 cargo test --release --test confirm_series -- --ignored --nocapture
//! ```
//!
//! Rates depend on the machine and on what else it does, so that none of this runs by itself. `ENVRACE_PYTHON` names the
//! interpreter (`python3`), `ENVRACE_SERIES_ONLY` a part of the rows' names.

mod support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use envrace::confirm::{ConfirmOptions, confirm};
use envrace::finding::{Evidence, Verdict};
use serde_json::{Value, json};

use support::finding::{addition, shaped};

/// What a row must come to.
#[derive(Clone, Copy, PartialEq)]
enum Claim {
    /// Confirmed in so many of a hundred runs at least, each within so many seconds where nothing else runs.
    Confirmed(f64, f64),
    /// Confirmed in every run, with every child held and all on one processor.
    Certain,
    /// Never.
    Never,
}

struct Row {
    name: &'static str,
    finding: envrace::finding::Finding,
    claim: Claim,
}

fn rows() -> Vec<Row> {
    let row = |name, finding, claim| Row { name, finding, claim };
    let often = Claim::Confirmed(0.99, 2.0);
    let python = |partner: &str, code: &str| addition("python", "store:os.environ[]", "spawn", partner, code);
    let c = |mutation: &str, partner: &str| addition("c", mutation, "spawn", partner, "");
    let rust = |partner: &str, code: &str| addition("rust", "call:std::env::set_var", "spawn", partner, code);
    let shell = || python("call:subprocess.call", "subprocess.call(c, shell=True)");
    let command = "call:std::process::Command::status";
    vec![
        row("system, setenv adds", c("call:setenv", "call:system"), often),
        row("system, putenv adds", c("call:putenv", "call:system"), often),
        row("posix_spawn, setenv adds", c("call:setenv", "call:posix_spawn"), often),
        row(
            "os.system, os.environ adds",
            python("call:os.system", "os.system(c)"),
            often,
        ),
        row(
            "subprocess.call(shell=True), os.environ adds",
            shell(),
            Claim::Confirmed(0.97, 3.0),
        ),
        row("libc::system, set_var adds", rust("call:libc::system", ""), often),
        row(
            "subprocess.run(env=copy), os.environ adds",
            python(
                "call:subprocess.run",
                "subprocess.run(['/bin/ls'], env=dict(os.environ))",
            ),
            Claim::Never,
        ),
        row("Command, set_var adds", rust(command, "c.status()"), Claim::Never),
        row(
            "system, setenv overwrites",
            shaped("c", "call:setenv", "overwrite", "call:system"),
            Claim::Never,
        ),
        row(
            "held, one processor: system, setenv adds",
            c("call:setenv", "call:system"),
            Claim::Certain,
        ),
        row(
            "held, one processor: subprocess.call, os.environ adds",
            shell(),
            Claim::Certain,
        ),
    ]
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0.0)
}

/// Keeps this thread, and all that it starts, on the first processor that it may use.
fn stay_on_one_processor() {
    // SAFETY: all zeros is an empty set; both calls get a set that outlives them and its size.
    unsafe {
        let mut all: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut all), 0);
        let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &all));
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(first.expect("a thread runs on some processor"), &mut one);
        assert_eq!(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &one), 0);
    }
}

fn options(row: &Row) -> ConfirmOptions {
    let seconds = match row.claim {
        Claim::Confirmed(_, seconds) => seconds,
        Claim::Certain | Claim::Never => 2.0,
    };
    ConfirmOptions {
        python: PathBuf::from(std::env::var("ENVRACE_PYTHON").unwrap_or_else(|_| "python3".to_owned())),
        helper: Some(PathBuf::from(env!("CARGO_BIN_EXE_envrace"))),
        budget: Duration::from_secs_f64(seconds),
        active: row.claim == Claim::Certain,
        ..ConfirmOptions::default()
    }
}

/// The runs of one row: the evidence and the seconds of each.
fn runs(row: &Row, count: usize) -> Vec<(Evidence, f64)> {
    if row.claim == Claim::Certain {
        stay_on_one_processor();
    }
    let options = options(row);
    let run = || {
        let mut findings = [row.finding.clone()];
        let began = Instant::now();
        confirm(&mut findings, &options, &mut |_| {});
        let [finding] = findings;
        (
            finding.confirmation.expect("confirm fills every finding"),
            began.elapsed().as_secs_f64(),
        )
    };
    (0..count).map(|_| run()).collect()
}

fn percentile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values
        .get((last as f64 * part).round() as usize)
        .copied()
        .unwrap_or(0.0)
}

fn line(row: &Row, runs: &[(Evidence, f64)], load: f64) -> String {
    let confirmed: Vec<&Evidence> = runs
        .iter()
        .map(|run| &run.0)
        .filter(|found| found.verdict == Verdict::Confirmed)
        .collect();
    let held = confirmed.iter().filter(|found| found.active).count();
    let clean = runs
        .iter()
        .filter(|run| run.0.controls.iter().all(|control| control.failures == 0))
        .count();
    let mut seconds: Vec<f64> = runs.iter().map(|run| run.1).collect();
    let mut first: Vec<f64> = confirmed
        .iter()
        .filter_map(|found| found.first_failure.as_ref())
        .map(|first| first.seconds * 1000.0)
        .collect();
    let trials: u64 = runs.iter().map(|run| run.0.trials).sum();
    let failures: u64 = runs.iter().map(|run| run.0.failures).sum();
    format!(
        "| {} | {} of {} | {held} | {clean} | {failures} of {trials} | {:.0} ms | {:.1} / {:.1} s | {load:.1} |",
        row.name,
        confirmed.len(),
        runs.len(),
        percentile(&mut first, 0.5),
        percentile(&mut seconds, 0.5),
        percentile(&mut seconds, 0.95),
    )
}

/// What does not hold of a row, if anything. Where this libc keeps its old arrays nothing need be confirmed.
fn complaint(row: &Row, runs: &[(Evidence, f64)]) -> Option<String> {
    let confirmed = runs.iter().filter(|run| run.0.verdict == Verdict::Confirmed).count() as f64;
    let clean = runs
        .iter()
        .all(|run| run.0.controls.iter().all(|control| control.failures == 0));
    let all = runs.len() as f64;
    let holds = match row.claim {
        Claim::Confirmed(share, _) => confirmed >= share * all,
        Claim::Certain => confirmed == all,
        Claim::Never => confirmed == 0.0 && runs.iter().all(|run| run.0.failures == 0),
    };
    let last = runs
        .iter()
        .map(|run| &run.0)
        .find(|found| found.verdict != Verdict::Confirmed);
    let reason = last.map_or(Value::Null, |found| json!(found.reason));
    (!holds || !clean).then(|| format!("{}: {confirmed} of {all}, controls clean: {clean}; {reason}", row.name))
}

#[test]
#[ignore = "takes about half an hour; prints the table of docs/confirm.md"]
fn each_pattern_is_confirmed_as_often_as_it_is_claimed() {
    let count = number("ENVRACE_SERIES", 100);
    let only = std::env::var("ENVRACE_SERIES_ONLY").unwrap_or_default();
    println!(
        "| pattern | confirmed | held | clean controls | failed trials | first failure, median | seconds, median / p95 | load |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut complaints = Vec::new();
    let mut machine = None;
    for row in rows().into_iter().filter(|row| row.name.contains(&only)) {
        let count = if row.claim == Claim::Certain {
            count.div_ceil(2)
        } else {
            count
        };
        let runs = std::thread::scope(|scope| scope.spawn(|| runs(&row, count)).join().expect("a row does not panic"));
        println!("{}", line(&row, &runs, load()));
        complaints.extend(complaint(&row, &runs));
        let taken = runs.into_iter().next().map(|run| run.0.machine);
        machine = machine.or(taken.filter(|machine| machine.runtime.is_some()));
    }
    println!("\n{machine:?}");
    assert!(complaints.is_empty(), "{complaints:#?}");
}
