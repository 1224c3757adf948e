use serde_json::Value;

use super::super::base::Base;
use super::super::sample::{self, Sample};
use crate::facts::ProblemKind;
use crate::finding::{Edit, Fix, Safety, Suppressed, SuppressedBy};

fn log(sample: &Sample) -> Value {
    serde_json::from_str(&super::sarif(&sample.report())).expect("the report is JSON")
}

#[test]
fn a_result_says_what_and_where() {
    let log = log(&sample::seed());
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "ER001");
    assert_eq!(result["ruleIndex"], 0);
    assert_eq!(result["level"], "error");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "plugins/python/plugin.py");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(place["region"]["endColumn"], 36);
    assert_eq!(place["region"]["snippet"]["text"], "os.environ['LD_RUN_PATH'] = 'é'");
    assert_eq!(result["relatedLocations"][0]["id"], 1);
    assert_eq!(
        result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "build.py"
    );
    let message = result["message"]["text"].as_str().expect("messages are text");
    assert!(
        message.contains("spawn [build.py:4](1), thread started at [build.py:8](2)"),
        "{message}"
    );
    assert_eq!(result["suppressions"], Value::Array(vec![]));
    assert_eq!(
        result["partialFingerprints"]["envraceSites/v1"].as_str().map(str::len),
        Some(16)
    );
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][0]["id"], "ER001");
    let help = &log["runs"][0]["tool"]["driver"]["rules"][0]["help"]["markdown"];
    assert!(help.as_str().is_some_and(|help| help.contains("## Instead")), "{help}");
}

#[test]
fn every_thread_has_a_flow_of_its_own() {
    let log = log(&sample::seed());
    let flows = &log["runs"][0]["results"][0]["codeFlows"][0]["threadFlows"];
    let flow = |index: usize| {
        let locations = flows[index]["locations"].as_array().cloned().unwrap_or_default();
        locations
            .iter()
            .map(|step| {
                let place = &step["location"]["physicalLocation"];
                (
                    step["executionOrder"].as_u64().unwrap_or_default(),
                    format!(
                        "{}:{}",
                        place["artifactLocation"]["uri"].as_str().unwrap_or_default(),
                        place["region"]["startLine"]
                    ),
                )
            })
            .collect::<Vec<_>>()
    };
    let step = |order: u64, place: &str| (order, place.to_owned());
    // The starter goes on to the mutation; the worker reaches the spawn between.
    assert_eq!(
        flow(0),
        [
            step(1, "build.py:8"),
            step(3, "build.py:9"),
            step(4, "plugins/python/plugin.py:3")
        ]
    );
    assert_eq!(flow(1), [step(2, "build.py:4")]);
    assert_eq!(flows.as_array().map(Vec::len), Some(2));
}

#[test]
fn two_of_many_threads_are_two_flows() {
    let mut sample = sample::seed();
    sample.findings[0].mutation.thread = Some(0);
    let log = log(&sample);
    let flows = log["runs"][0]["results"][0]["codeFlows"][0]["threadFlows"].clone();
    let ids: Vec<&str> = flows
        .as_array()
        .expect("there are flows")
        .iter()
        .filter_map(|flow| flow["id"].as_str())
        .collect();
    assert_eq!(ids, ["starter", "thread 1", "thread 1, another one"]);
}

#[test]
fn silenced_results_say_why() {
    let mut sample = sample::seed();
    sample.findings[0].suppressed = Some(Suppressed {
        reason: "known".to_owned(),
        by: SuppressedBy::Source,
    });
    let log = log(&sample);
    let suppression = &log["runs"][0]["results"][0]["suppressions"][0];
    assert_eq!(suppression["kind"], "inSource");
    assert_eq!(suppression["justification"], "known");
}

#[test]
fn problems_are_notifications_and_lost_files_an_unsuccessful_run() {
    let mut sample = sample::seed();
    let quiet = log(&sample);
    let invocation = &quiet["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], true);
    assert_eq!(invocation["toolExecutionNotifications"][0]["level"], "note");
    sample.problems[0].kind = ProblemKind::Io;
    let lost = log(&sample);
    let invocation = &lost["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"][0]["level"], "error");
    assert_eq!(invocation["toolExecutionNotifications"][0]["descriptor"]["id"], "io");
}

#[test]
fn evidence_is_in_the_properties() {
    let mut sample = sample::seed();
    sample.findings[0].confirmation = Some(sample::evidence());
    let log = log(&sample);
    let properties = &log["runs"][0]["results"][0]["properties"];
    assert_eq!(properties["confirmation"]["verdict"], "confirmed");
    assert_eq!(properties["confirmation"]["failures"], 121);
    assert_eq!(properties["holds_for"][1], "musl");
}

#[test]
fn paths_are_those_of_the_repository() {
    let mut sample = sample::seed();
    sample.base = Base::new("/home/u/project/sub", "/home/u/project");
    sample.findings[0].mutation.location.path = "a b/ü?.py".to_owned();
    sample.findings[0]
        .partner
        .as_mut()
        .expect("the sample has a partner")
        .location
        .path = "/etc/x.py".to_owned();
    let log = log(&sample);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "sub/a%20b/%C3%BC%3F.py"
    );
    let partner = &result["relatedLocations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(partner["uri"], "file:///etc/x.py");
    assert_eq!(partner.get("uriBaseId"), None);
}

#[test]
fn texts_hold_no_foreign_links_and_no_placeholders() {
    let mut sample = sample::seed();
    sample.findings[0].message = "see [this](http://x) {0}\n\u{202e}".to_owned();
    sample.findings[0].overlap.threads[0].start.path = "a](http://x)[b".to_owned();
    let log = log(&sample);
    let text = log["runs"][0]["results"][0]["message"]["text"]
        .as_str()
        .expect("messages are text");
    assert!(text.starts_with("see [this] (http://x) {{0}}␊\u{fffd}\n"), "{text}");
    assert!(text.contains("[a_(http://x)_b:8](2)"), "{text}");
}

fn fix(safety: Safety) -> Fix {
    let edit = |column: u32, end_column: u32, replacement: &str| Edit {
        location: sample::place("build.py", 4, column, end_column),
        start: 0,
        end: 0,
        replacement: replacement.to_owned(),
    };
    Fix {
        title: "hand {A} to os.system alone".to_owned(),
        safety,
        because: String::new(),
        edits: vec![edit(3, 3, "{x}\u{1b}"), edit(18, 30, "")],
    }
}

#[test]
fn a_safe_fix_is_one_to_apply() {
    let mut sample = sample::seed();
    sample.findings[0].fix = Some(fix(Safety::Safe));
    let log = log(&sample);
    let fixes = &log["runs"][0]["results"][0]["fixes"];
    assert_eq!(fixes[0]["description"]["text"], "hand {{A}} to os.system alone");
    let changes = fixes[0]["artifactChanges"].as_array().expect("a fix has changes");
    assert_eq!(changes.len(), 1, "both edits are in one file: {changes:?}");
    assert_eq!(changes[0]["artifactLocation"]["uri"], "build.py");
    let inserted = &changes[0]["replacements"][0];
    // The text is the file's: nothing of it is escaped as in messages.
    assert_eq!(inserted["insertedContent"]["text"], "{x}\u{1b}");
    let region = &inserted["deletedRegion"];
    assert_eq!((&region["startColumn"], &region["endColumn"]), (&3.into(), &3.into()));
    assert_eq!(changes[0]["replacements"][1]["deletedRegion"]["endColumn"], 30);
}

#[test]
fn an_unsafe_fix_is_none_to_apply() {
    let mut sample = sample::seed();
    sample.findings[0].fix = Some(fix(Safety::Unsafe));
    let log = log(&sample);
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result.get("fixes"), None);
    assert_eq!(result["properties"]["fix"]["safety"], "unsafe");
}

#[test]
fn every_kind_of_problem_is_declared() {
    let log = log(&sample::seed());
    let declared = log["runs"][0]["tool"]["driver"]["notifications"].as_array();
    let declared: Vec<&str> = declared
        .into_iter()
        .flatten()
        .filter_map(|kind| kind["id"].as_str())
        .collect();
    assert_eq!(declared, ProblemKind::ALL.map(ProblemKind::name));
    assert!(declared.contains(&"archive"), "{declared:?}");
}
