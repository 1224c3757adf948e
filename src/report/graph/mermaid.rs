//! The picture as a Mermaid sequence diagram: threads are participants, starts and joins are messages, and each finding is
//! a crossed message between its two sides.

use std::fmt::Write;

use crate::detect::{EventKind, EventView};
use crate::finding::{Finding, PartnerKind};

use super::{Drawn, Graph, label, lane_name, shorten, verb};

/// The picture as text that Mermaid draws.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("sequenceDiagram\n");
    let drawn = graph.drawn();
    if drawn.is_empty() {
        let _ = writeln!(out, "  participant nothing as {}", text(&graph.nothing()));
    }
    for program in &drawn {
        participants(&mut out, program);
    }
    for program in &drawn {
        events(&mut out, program, graph);
    }
    out
}

fn participants(out: &mut String, drawn: &Drawn) {
    let program = drawn.program;
    let _ = writeln!(out, "  box transparent {}", text(&shorten(&drawn.title(), 90)));
    for lane in 0..program.lanes.len() {
        let name = lane_name(program, lane, 40);
        let _ = writeln!(out, "    participant {} as {}", id(drawn, lane), text(&name));
    }
    out.push_str("  end\n");
}

fn events(out: &mut String, drawn: &Drawn, graph: &Graph) {
    for (row, event) in drawn.program.events.iter().enumerate() {
        let own = id(drawn, event.lane);
        let says = text(&sentence(drawn, event));
        let _ = match event.kind {
            EventKind::Start(lane) => writeln!(out, "  {own}->>{}: {says}", id(drawn, lane)),
            EventKind::Join { lane, .. } => writeln!(out, "  {}-->>{own}: {says}", id(drawn, lane)),
            _ => writeln!(out, "  Note over {own}: {says}"),
        };
        // A finding stands below the second of its sides.
        for link in drawn.links.iter().filter(|link| link.mutation.max(link.partner) == row) {
            let finding = &graph.findings[link.finding];
            let lane = |event: usize| id(drawn, drawn.program.events[event].lane);
            let says = format!(
                "finding {}: {} {}, {}",
                link.finding + 1,
                finding.severity.name(),
                finding.rule,
                sides(finding),
            );
            let _ = writeln!(
                out,
                "  {}-x{}: {}",
                lane(link.mutation),
                lane(link.partner),
                text(&says)
            );
        }
    }
}

/// Both sides in few words.
fn sides(finding: &Finding) -> String {
    let line = finding.mutation.location.line;
    match (&finding.partner, finding.partner_kind) {
        (None, _) => format!("line {line} on any thread of its callers"),
        (Some(fork), PartnerKind::Fork) => format!("line {line} in the child of line {}", fork.location.line),
        (Some(partner), _) => format!("line {line} beside line {}", partner.location.line),
    }
}

fn sentence(drawn: &Drawn, event: &EventView) -> String {
    let what = label(event, 60);
    let path = shorten(drawn.path(&event.place), 44);
    let place = format!("{path} line {}", event.place.line);
    match event.kind {
        EventKind::Start(_) | EventKind::Join { .. } => format!("{what}, {place}"),
        kind => format!("{} {what}, {place}", verb(kind)),
    }
}

fn id(drawn: &Drawn, lane: usize) -> String {
    format!("p{}t{lane}", drawn.number)
}

/// Text in which nothing is Mermaid's: all but letters, digits and a few harmless signs are written as entity codes.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in super::sanitise::line(text).chars() {
        match c {
            ' ' | '.' | ',' | '_' | '-' | '/' | '(' | ')' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let _ = write!(out, "#{};", u32::from(c));
            }
        }
    }
    out
}
