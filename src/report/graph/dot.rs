//! The picture in Graphviz's language: a cluster for each thread, with its events in their order.

use std::fmt::Write;

use crate::detect::EventKind;

use super::{Drawn, Graph, label, lane_name, sanitise, verb, whereabouts};

/// The picture as text that `dot` draws.
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph envrace {\n  graph [fontname=\"sans-serif\", compound=true];\n  node [fontname=\"sans-serif\", fontsize=11, shape=box, \
         style=\"rounded\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
    );
    let drawn = graph.drawn();
    if drawn.is_empty() {
        let _ = writeln!(
            out,
            "  nothing [shape=plaintext, label={}];",
            quoted(&[&graph.nothing()])
        );
    }
    for program in &drawn {
        cluster(&mut out, program, graph);
    }
    out.push_str("}\n");
    out
}

fn cluster(out: &mut String, drawn: &Drawn, graph: &Graph) {
    let program = drawn.program;
    let number = drawn.number;
    let title = drawn.title();
    let _ = writeln!(out, "  subgraph cluster_p{number} {{\n    label={};", quoted(&[&title]));
    for lane in 0..program.lanes.len() {
        let _ = writeln!(
            out,
            "    subgraph cluster_p{number}_t{lane} {{\n      label={};\n      color=gray60;",
            quoted(&[&lane_name(program, lane, 60)])
        );
        // An empty cluster would not be drawn.
        let _ = writeln!(out, "      p{number}t{lane} [label=\"\", shape=point, color=gray60];");
        let mut before = format!("p{number}t{lane}");
        for (row, event) in program
            .events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.lane == lane)
        {
            let style = match event.kind {
                EventKind::Mutation => ", color=red3, shape=diamond, style=solid",
                EventKind::Spawn => ", color=darkorange3, shape=rarrow, style=solid",
                EventKind::Read => ", color=blue3, shape=ellipse, style=solid",
                EventKind::Start(_) | EventKind::Join { .. } => "",
            };
            let mut words = label(event, 60);
            if !words.starts_with(verb(event.kind)) {
                words = format!("{} {words}", verb(event.kind));
            }
            let place = whereabouts(drawn, &event.place, &event.function, 60);
            let _ = writeln!(
                out,
                "      p{number}e{row} [label={}{style}];",
                quoted(&[&words, &place])
            );
            let _ = writeln!(
                out,
                "      {before} -> p{number}e{row} [color=gray60, arrowhead=none, weight=8];"
            );
            before = format!("p{number}e{row}");
        }
        out.push_str("    }\n");
    }
    for (row, event) in program.events.iter().enumerate() {
        let _ = match event.kind {
            EventKind::Start(lane) => writeln!(out, "    p{number}e{row} -> p{number}t{lane} [label=\"starts\"];"),
            EventKind::Join { lane, sure } => {
                let style = if sure { "solid" } else { "dashed" };
                let last = program.events.iter().rposition(|event| event.lane == lane);
                let from = last.map_or_else(|| format!("p{number}t{lane}"), |last| format!("p{number}e{last}"));
                writeln!(out, "    {from} -> p{number}e{row} [label=\"joined\", style={style}];")
            }
            _ => Ok(()),
        };
    }
    for link in &drawn.links {
        let finding = &graph.findings[link.finding];
        let says = format!("finding {}", link.finding + 1);
        let _ = writeln!(
            out,
            "    p{number}e{} -> p{number}e{} [dir=both, constraint=false, color=red3, fontcolor=red3, style=dashed, penwidth=2, \
             label={}];",
            link.mutation,
            link.partner,
            quoted(&[&says, &finding.rule])
        );
    }
    out.push_str("  }\n");
}

/// Lines as one quoted string: nothing in them is Graphviz's, neither an escape, nor an entity, nor the end of the string.
fn quoted(lines: &[&str]) -> String {
    let safe = |line: &&str| {
        let line = sanitise::line(line).replace('&', "&amp;");
        line.replace('\\', "\\\\").replace('"', "\\\"")
    };
    format!("\"{}\"", lines.iter().map(safe).collect::<Vec<_>>().join("\\n"))
}
