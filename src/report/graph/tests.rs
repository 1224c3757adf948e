use std::collections::BTreeMap;

use super::super::sample::{self, Sample};
use super::*;
use crate::detect::LaneView;
use crate::finding::Step;

/// The sample's program: two lanes, the worker's several threads.
fn program(sample: &Sample) -> ProgramView {
    let finding = &sample.findings[0];
    let partner = finding.partner.as_ref().expect("the sample has a partner");
    let event = |lane: usize, kind: EventKind, label: &str, place: &Location, function: &str| EventView {
        lane,
        kind,
        label: label.to_owned(),
        variable: None,
        place: place.clone(),
        function: function.to_owned(),
        chain: Vec::new(),
        repeated: false,
    };
    let mut mutation = event(
        0,
        EventKind::Mutation,
        "os.environ[k] = v",
        &finding.mutation.location,
        "<module>",
    );
    mutation.chain = vec![Step {
        path: "build.py".to_owned(),
        line: 9,
        column: 5,
        function: "main".to_owned(),
        note: "runs plugins/python/plugin.py".to_owned(),
    }];
    mutation.variable = Some("LD_RUN_PATH".to_owned());
    let start = &finding.overlap.threads[0].start;
    ProgramView {
        name: "build.py".to_owned(),
        kind: "script",
        lanes: vec![
            LaneView {
                name: "main thread".to_owned(),
                many: false,
                place: sample::place("build.py", 1, 1, 1),
            },
            LaneView {
                name: "worker".to_owned(),
                many: true,
                place: sample::place("build.py", 2, 5, 11),
            },
        ],
        events: vec![
            event(0, EventKind::Start(1), "starts threads of worker", start, "main"),
            event(1, EventKind::Spawn, "os.system", &partner.location, "worker"),
            mutation,
        ],
        hidden: 0,
    }
}

#[test]
fn both_sides_of_a_finding_are_linked() {
    let sample = sample::seed();
    let program = program(&sample);
    let found = links(&program, &sample.findings);
    assert_eq!(
        found,
        [Link {
            finding: 0,
            mutation: 2,
            partner: 1
        }]
    );
}

#[test]
fn mermaid_has_lanes_starts_and_findings() {
    let sample = sample::seed();
    let programs = [program(&sample)];
    let text = mermaid(&sample.graph(&programs));
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[0], "sequenceDiagram");
    assert_eq!(lines[1], "box transparent build.py (script)");
    assert_eq!(lines[3], "participant p0t1 as T1 worker, several");
    assert_eq!(lines[5], "p0t0->>p0t1: starts threads of worker, build.py line 8");
    assert!(
        lines.contains(
            &"Note over p0t0: changes os.environ#91;k#93; #61; v (LD_RUN_PATH), plugins/python/plugin.py line 3"
        ),
        "{text}"
    );
    assert_eq!(
        lines.last(),
        Some(&"p0t0-xp0t1: finding 1#58; error env-mutation-during-spawn, line 3 beside line 4")
    );
}

#[test]
fn dot_has_a_cluster_for_each_thread() {
    let sample = sample::seed();
    let programs = [program(&sample)];
    let text = dot(&sample.graph(&programs));
    for expected in [
        "subgraph cluster_p0_t1 {\n      label=\"T1 worker, several\";",
        "p0e0 -> p0t1 [label=\"starts\"];",
        "p0e2 -> p0e1 [dir=both, constraint=false",
        "label=\"changes os.environ[k] = v (LD_RUN_PATH)\\nplugins/python/plugin.py:3 in <module>\"",
    ] {
        assert!(text.contains(expected), "no `{expected}` in\n{text}");
    }
    assert_eq!(text.matches('{').count(), text.matches('}').count());
}

#[test]
fn the_page_has_lanes_findings_and_excerpts_and_loads_nothing() {
    let sample = sample::seed();
    let programs = [program(&sample)];
    let text = html(&sample.graph(&programs));
    for expected in [
        "Content-Security-Policy\" content=\"default-src 'none';",
        "T1 worker",
        "id=\"f1\"",
        "href=\"#p0e2\"",
        "id=\"p0e2\"",
        "on the way there: build.py:9 runs plugins/python/plugin.py",
        "os.environ[&#39;LD_RUN_PATH&#39;] = &#39;é&#39;",
        "<g class=\"link l1\">",
    ] {
        assert!(text.contains(expected), "no `{expected}` in\n{text}");
    }
    for absent in [
        "<script",
        "http://",
        "https://",
        "src=",
        "url(",
        "@import",
        "javascript:",
    ] {
        assert!(!text.contains(absent), "`{absent}` in the page");
    }
    let ids = text
        .match_indices(" id=\"")
        .map(|(at, _)| text[at + 5..].split('"').next().unwrap_or_default());
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    ids.for_each(|id| *seen.entry(id).or_default() += 1);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
}

#[test]
fn a_drawing_that_stands_alone_names_its_colours() {
    let sample = sample::seed();
    let programs = [program(&sample)];
    let text = svg(&sample.graph(&programs));
    assert!(text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(text.contains("<style>") && text.contains("build.py (script)") && text.contains("several threads"));
    assert!(!text.contains("href"));
}

#[test]
fn nothing_to_draw_is_said_in_every_notation() {
    let mut sample = sample::seed();
    sample.findings.clear();
    for text in [
        mermaid(&sample.graph(&[])),
        dot(&sample.graph(&[])),
        svg(&sample.graph(&[])),
        html(&sample.graph(&[])),
    ] {
        assert!(text.contains("nothing to draw"), "{text}");
    }
}

/// A program whose findings were not asked for is not called free of them.
#[test]
fn what_is_left_out_is_not_called_harmless() {
    let mut sample = sample::seed();
    let programs = [program(&sample)];
    sample.findings.clear();
    assert!(html(&sample.graph(&programs)).contains("is known to harm"));
    sample.summary.elsewhere = 2;
    let text = html(&sample.graph(&programs));
    assert!(
        text.contains("No finding is shown here. 2 findings in all are left out") && !text.contains("harm"),
        "{text}"
    );
}

#[test]
fn roots_are_counted() {
    let sample = sample::seed();
    let programs = [program(&sample)];
    assert_eq!(
        roots(&sample.graph(&programs)),
        "script        build.py: 1 thread, 1 mutation, 1 spawn, 0 reads, 1 finding\n\
         1 program in 2 files; what neither starts threads nor touches the environment is left out\n"
    );
}

#[test]
fn thirty_lanes_stand_apart() {
    let sample = sample::seed();
    for number in [1, 4, 5, 12, 30] {
        let mut view = program(&sample);
        view.lanes = (0..number).map(|_| view.lanes[0].clone()).collect();
        view.events.truncate(1);
        view.events[0].kind = EventKind::Read;
        let drawn = Drawn {
            below: "",
            number: 0,
            program: &view,
            links: Vec::new(),
        };
        let layout = layout::Layout::new(&drawn);
        assert!(
            layout.lanes.windows(2).all(|pair| pair[1] - pair[0] >= 22.0),
            "{number}"
        );
        assert!(layout.lanes.iter().all(|x| *x < layout.gutter), "{number}");
        assert!(layout.width < 1400.0, "{number} lanes are {} wide", layout.width);
    }
}

#[test]
fn paths_are_shown_below_their_common_folder() {
    let sample = sample::seed();
    let mut view = program(&sample);
    assert_eq!(common_folder(&view), "");
    for event in &mut view.events {
        event.place.path = format!("a/b/{}", event.place.path);
    }
    assert_eq!(common_folder(&view), "a/b/");
    view.events[0].place.path = "a/bc/x.py".to_owned();
    assert_eq!(common_folder(&view), "a/");
    view.events[0].place.path = "/x.py".to_owned();
    assert_eq!(common_folder(&view), "");
}

#[test]
fn long_names_keep_their_ends() {
    assert_eq!(shorten("abcdefghij", 10), "abcdefghij");
    assert_eq!(shorten("abcdefghijk", 10), "abc…fghijk");
    assert_eq!(shorten("ääääääääääää", 5).chars().count(), 5);
}
