//! `confirm --sweep`: a table for each pattern, a line for each value.

use serde_json::json;

use crate::confirm::{Knob, Setting, Sweep, SweepRow, SweepTable};
use crate::report::{json_document, sanitise_line};

/// `--set KNOB=VALUE`: one value for one knob.
///
/// # Errors
/// One sentence on what cannot be understood.
pub fn one_value(text: &str) -> Result<Sweep, String> {
    let sweep = Sweep::parse(text)?;
    if sweep.values.len() == 1 {
        Ok(sweep)
    } else {
        Err("it holds several values, and fixes one: vary it with --sweep".to_owned())
    }
}

/// The setting that `--set` asks for.
pub fn setting(fixed: &[Sweep]) -> Setting {
    let values = fixed.iter().filter_map(|one| Some((one.knob, *one.values.first()?)));
    values.fold(Setting::default(), |setting, (knob, value)| setting.with(knob, value))
}

/// A table for people.
pub fn text(table: &SweepTable, knob: Knob, fixed: &[Sweep]) -> String {
    let fixed: Vec<String> = fixed
        .iter()
        .filter_map(|one| Some(format!(", {} {}", one.knob, one.values.first()?)))
        .collect();
    let mut out = format!("{}{}\n", sanitise_line(&table.pattern), fixed.concat());
    let rows = match &table.rows {
        Ok(rows) => rows,
        Err(reason) => return format!("{out}  cannot run here: {}\n", sanitise_line(reason)),
    };
    let head = [
        "failed runs",
        "95 % interval",
        "failed trials",
        "no mutation",
        "one lock",
    ];
    let [runs, interval, trials, no_mutation, one_lock] = head;
    out.push_str(&format!(
        "{:>14}  {runs:>11}  {interval:>18}  {trials:>15}  {no_mutation:>13}  {one_lock:>13}\n",
        knob.name()
    ));
    for row in rows {
        out.push_str(&line(row));
    }
    let machine = &table.machine;
    let runtime = machine
        .runtime
        .as_ref()
        .map(|name| format!(", {name}"))
        .unwrap_or_default();
    out.push_str(&format!(
        "on {}, {}{runtime}, {} cores\n",
        machine.kernel, machine.libc, machine.cores
    ));
    out
}

fn line(row: &SweepRow) -> String {
    let of = |failed: u64, all: u64| format!("{failed} of {all}");
    let [low, high] = row.interval.map(|rate| rate * 100.0);
    let control = |index: usize| {
        let control = row.controls.get(index);
        control.map_or(String::new(), |control| of(control.failures, control.trials))
    };
    format!(
        "{:>14}  {:>11}  {:>18}  {:>15}  {:>13}  {:>13}\n",
        row.value,
        of(row.failed_runs, row.runs),
        format!("{low:.1} to {high:.1} %"),
        of(row.failures, row.trials),
        control(0),
        control(1)
    )
}

/// The tables as a document.
pub fn document(tables: &[SweepTable], knob: Knob, fixed: &[Sweep]) -> String {
    let rows = |table: &SweepTable| match &table.rows {
        Ok(rows) => rows.iter().map(row).collect(),
        Err(_) => Vec::new(),
    };
    let tables: Vec<_> = tables
        .iter()
        .map(|table| {
            json!({"pattern": table.pattern, "machine": table.machine, "rows": rows(table),
                "reason": table.rows.as_ref().err()})
        })
        .collect();
    let fixed: Vec<_> = fixed
        .iter()
        .map(|one| json!({"knob": one.knob.name(), "value": one.values.first()}))
        .collect();
    let document = json!({"schema": "envrace-sweep/1", "knob": knob.name(), "set": fixed, "tables": tables});
    json_document(&document)
}

fn row(row: &SweepRow) -> serde_json::Value {
    json!({"value": row.value, "runs": row.runs, "failed_runs": row.failed_runs, "interval": row.interval,
        "trials": row.trials, "failures": row.failures, "controls": row.controls})
}
