//! Replays real patterns on this machine. Rates depend on it, so only what holds everywhere is asserted: what is safe
//! never fails, a control is clean, and on a libc that frees the old array an addition beside `os.system` is seen.

use std::path::PathBuf;

use envrace::confirm::{ConfirmOptions, confirm};
use envrace::finding::{Evidence, Finding, Verdict};
use serde_json::{Value, json};

fn site(entry: &str, shape: Value, code: &str) -> Value {
    json!({
        "path": "a.py", "line": 1, "column": 1, "end_line": 1, "end_column": 2, "api": entry, "entries": [entry],
        "variable": null, "shape": shape, "function": "f", "chain": [], "repeated": true, "language": "python", "code": code,
    })
}

/// An ER001 finding of an addition to `os.environ` beside this spawn.
fn addition_beside(entry: &str, code: &str) -> Finding {
    let place = json!({"path": "a.py", "line": 1, "column": 1, "end_line": 1, "end_column": 2});
    let finding = json!({
        "rule": "env-mutation-during-spawn", "code": "ER001", "effect": "memory", "severity": "error",
        "confidence": "high", "message": "m", "help": "h",
        "mutation": site("store:os.environ[]", json!("add"), "os.environ['A'] = b"),
        "partner": site(entry, Value::Null, code), "partner_kind": "spawn",
        "overlap": {"reason": "r", "ancestor": "main", "threads": [
            {"created": place, "start": place, "entry": "f", "many": true, "joined": null, "note": null}]},
        "holds_for": [], "guards": [], "status": null, "array": null, "interleaving": ["1", "2", "3"], "doubts": [],
        "partners_omitted": 0, "suppressed": null, "fingerprint": "0", "confirmation": null,
    });
    serde_json::from_value(finding).expect("the literal above has every field of a finding")
}

fn evidence(finding: Finding, options: &ConfirmOptions) -> Evidence {
    let mut findings = [finding];
    confirm(&mut findings, options, &mut |_| {});
    let [finding] = findings;
    finding.confirmation.expect("confirm fills every finding")
}

/// The libc's old array is freed when an addition moves it: glibc before 2.41.
fn frees_the_old_array(libc: &str) -> bool {
    let minor = libc.strip_prefix("glibc 2.").and_then(|rest| rest.parse::<u32>().ok());
    minor.is_some_and(|minor| minor < 41)
}

#[test]
fn an_addition_beside_os_system_is_confirmed_where_the_libc_frees_the_array() {
    let options = ConfirmOptions::default();
    let evidence = evidence(addition_beside("call:os.system", "os.system(c)"), &options);
    if evidence.verdict == Verdict::CannotRun {
        assert!(evidence.reason.contains("python3"), "{}", evidence.reason);
        return;
    }
    assert!(
        evidence.controls.iter().all(|control| control.failures == 0),
        "{evidence:?}"
    );
    assert_eq!(evidence.controls.len(), 2);
    if frees_the_old_array(&evidence.machine.libc) {
        assert_eq!(evidence.verdict, Verdict::Confirmed, "{evidence:?}");
        assert!(evidence.seen["status:32512"] > 0 && evidence.first_failure.is_some());
        assert!(
            evidence.controls.iter().all(|control| control.trials >= 500),
            "{evidence:?}"
        );
    }
}

#[test]
fn an_environment_of_its_own_never_fails() {
    let options = ConfirmOptions::default();
    let finding = addition_beside(
        "call:subprocess.run",
        "subprocess.run(['/bin/ls'], env=dict(os.environ))",
    );
    let evidence = evidence(finding, &options);
    assert_eq!(evidence.failures, 0, "{evidence:?}");
    assert_ne!(evidence.verdict, Verdict::Confirmed);
}

#[test]
fn a_missing_interpreter_cannot_run_and_says_so() {
    let options = ConfirmOptions {
        python: PathBuf::from("/nowhere/python3"),
        ..ConfirmOptions::default()
    };
    let evidence = evidence(addition_beside("call:os.system", "os.system(c)"), &options);
    assert_eq!(evidence.verdict, Verdict::CannotRun);
    assert!(evidence.reason.contains("/nowhere/python3"), "{}", evidence.reason);
}
