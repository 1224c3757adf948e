//! The picture as SVG: lanes at the left, the words of each event beside them, brackets between the two sides of a finding.

use std::fmt::Write;

use crate::detect::{EventKind, EventView};

use super::layout::{Layout, MOST_LINKS, ROW};
use super::{Drawn, Graph, escape, label, lane_name, verb, whereabouts};

/// Colours that people with any colour vision tell apart (Okabe and Ito), for threads; the first thread is grey.
const LANES: [&str; 6] = ["#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a6d3b"];

/// So many brackets can be told apart at a glance.
const FEW: usize = 8;

/// The style of the drawing, on light and on dark ground.
pub const STYLE: &str = "\
.pic{--ink:#1c1e21;--soft:#5f6670;--line:#c9ced6;--stripe:#f4f6f8;--ground:#ffffff;--race:#c62828;--spawn:#b35c00;--read:#1f5fbf;\
font:13px system-ui,'DejaVu Sans',sans-serif}\
@media (prefers-color-scheme:dark){.pic{--ink:#e6e8eb;--soft:#a3abb6;--line:#444b55;--stripe:#22262c;--ground:#181b1f;\
--race:#ff7b72;--spawn:#ffb057;--read:#7db4ff}}\
.pic text{fill:var(--ink)}.pic .soft{fill:var(--soft);font-size:11.5px}.pic .name{font-weight:600}.pic .title{font-size:16px;font-weight:600}\
.pic .stripe{fill:var(--stripe)}.pic .ground{fill:var(--ground)}.pic .lead{stroke:var(--line);stroke-dasharray:1 4}\
.pic .first{stroke:var(--soft)}.pic .life{stroke-linecap:round}.pic .mutation{fill:var(--race)}.pic .spawn{fill:var(--spawn)}\
.pic .read{fill:var(--ground);stroke:var(--read);stroke-width:2.5}.pic .verb{font-weight:600}.pic .verb.mutation{fill:var(--race)}\
.pic .verb.spawn{fill:var(--spawn)}.pic .verb.read{fill:var(--read);stroke:none}\
.pic .race{fill:none;stroke:var(--race);stroke-width:1.8;stroke-dasharray:5 3}.pic .badge{fill:var(--race)}.pic .badge-text{fill:var(--ground);font-size:11px;font-weight:700}\
.pic .faint{opacity:.55}.pic .in-race{fill:var(--race);font-size:11.5px}";

/// The picture as a document of its own.
pub fn svg(graph: &Graph) -> String {
    let drawn = graph.drawn();
    let mut body = String::new();
    let (mut width, mut height) = (980.0_f64, 16.0);
    if drawn.is_empty() {
        let _ = writeln!(body, r#"<text x="20" y="40">{}</text>"#, escape(&graph.nothing()));
        height += 48.0;
    }
    for program in &drawn {
        let layout = Layout::new(program);
        let _ = writeln!(body, r#"<g transform="translate(0 {height})">"#);
        let title = super::shorten(&program.title(), 76);
        let _ = writeln!(body, r#"<text class="title" x="20" y="22">{}</text>"#, escape(&title));
        body.push_str(r#"<g transform="translate(0 30)">"#);
        draw(&mut body, program, &layout, false);
        body.push_str("</g></g>\n");
        width = width.max(layout.width);
        height += layout.height + 54.0;
    }
    legend(&mut body, height);
    height += 46.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pic\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\">\n<title>Threads and the environment</title>\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n"
    )
}

/// A program as an element for the page, its events linked to their excerpts.
pub fn element(drawn: &Drawn) -> String {
    let layout = Layout::new(drawn);
    let mut out = format!(
        "<svg class=\"pic\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\">\n",
        escape(&format!("threads of {}", drawn.program.name)),
        w = layout.width,
        h = layout.height,
    );
    draw(&mut out, drawn, &layout, true);
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, drawn: &Drawn, layout: &Layout, linked: bool) {
    let program = drawn.program;
    for row in (1..program.events.len()).step_by(2) {
        let y = layout.row(row) - ROW / 2.0;
        let _ = writeln!(
            out,
            r#"<rect class="stripe" x="0" y="{y}" width="{}" height="{ROW}"/>"#,
            layout.width
        );
    }
    for lane in 0..program.lanes.len() {
        lifeline(out, drawn, layout, lane);
        name(out, drawn, layout, lane);
    }
    for (row, event) in program.events.iter().enumerate() {
        let x = layout.lanes[event.lane];
        let _ = writeln!(
            out,
            r#"<line class="lead" x1="{}" x2="{}" y1="{y}" y2="{y}"/>"#,
            x + 8.0,
            layout.text - 6.0,
            y = layout.row(row)
        );
    }
    for (number, link) in drawn.links.iter().enumerate().take(MOST_LINKS) {
        bracket(out, drawn, layout, number, link);
    }
    for (row, event) in program.events.iter().enumerate() {
        if linked {
            let says = format!("{} {}", verb(event.kind), event.label);
            let id = format!("p{}e{row}", drawn.number);
            let _ = write!(out, r##"<a href="#{id}" aria-label="{}">"##, escape(&says));
            let y = layout.row(row) - ROW / 2.0;
            let _ = write!(
                out,
                r#"<rect class="hit" x="0" y="{y}" width="{}" height="{ROW}"/>"#,
                layout.width
            );
        }
        glyph(out, layout, row, event);
        words(out, drawn, layout, row, event);
        if linked {
            out.push_str("</a>");
        }
        out.push('\n');
    }
}

/// The colour of a lane, as an attribute; the first thread's is the style's.
fn stroke(lane: usize) -> String {
    match lane {
        0 => r#"class="life first""#.to_owned(),
        lane => format!(r#"class="life" stroke="{}""#, LANES[(lane - 1) % LANES.len()]),
    }
}

fn lifeline(out: &mut String, drawn: &Drawn, layout: &Layout, lane: usize) {
    let life = layout.lives[lane];
    let x = layout.lanes[lane];
    let from = life.from.map_or(layout.top - 26.0, |row| layout.row(row));
    let end = layout.row(drawn.program.events.len().max(1) - 1) + ROW / 2.0 - 4.0;
    let until = life.until.map_or(end, |row| layout.row(row));
    let width = if lane == 0 { 3.0 } else { 6.0 };
    let _ = writeln!(
        out,
        r#"<line {} x1="{x}" x2="{x}" y1="{from}" y2="{until}" stroke-width="{width}"/>"#,
        stroke(lane)
    );
    if drawn.program.lanes[lane].many {
        // A second line beside it: several threads.
        let beside = x + 7.0;
        let _ = writeln!(
            out,
            r#"<line {} x1="{beside}" x2="{beside}" y1="{}" y2="{until}" stroke-width="2.5"/>"#,
            stroke(lane),
            from + 5.0
        );
    }
    if life.until.is_none() && life.from.is_some() {
        // It goes on: nothing that is known here ends it.
        let _ = writeln!(
            out,
            r#"<path {} fill="none" stroke-width="2.5" d="M{} {}l5 6l5 -6"/>"#,
            stroke(lane),
            x - 5.0,
            until + 2.0
        );
    }
}

fn name(out: &mut String, drawn: &Drawn, layout: &Layout, lane: usize) {
    let program = drawn.program;
    let x = layout.lanes[lane];
    let y = layout.top - 34.0;
    let full = escape(&lane_name(program, lane, 400));
    if layout.aslant {
        let text = escape(&lane_name(program, lane, 19));
        let _ = writeln!(
            out,
            r#"<text class="name" transform="translate({} {}) rotate(-38)">{text}<title>{full}</title></text>"#,
            x - 2.0,
            y + 4.0
        );
    } else {
        let view = &program.lanes[lane];
        let number = if lane == 0 { String::new() } else { format!("T{lane} ") };
        let text = escape(&super::shorten(&format!("{number}{}", view.name), 19));
        let kind = match (lane, view.many, layout.lives[lane].from) {
            (0, true, _) => "any of their threads",
            (0, ..) => "first thread",
            (_, true, _) => "several threads",
            (_, false, None) => "alive all the time",
            _ => "one thread",
        };
        let _ = writeln!(
            out,
            r#"<text class="name" x="{x}" y="{}" text-anchor="middle">{text}<title>{full}</title></text>
<text class="soft" x="{x}" y="{y}" text-anchor="middle">{kind}</text>"#,
            y - 15.0
        );
    }
}

/// The sign of an event on its lane; for a start or join also the line to the other lane.
fn glyph(out: &mut String, layout: &Layout, row: usize, event: &EventView) {
    let (x, y) = (layout.lanes[event.lane], layout.row(row));
    let _ = match event.kind {
        EventKind::Mutation => write!(out, r#"<path class="mutation" d="M{x} {}l9 9l-9 9l-9 -9z"/>"#, y - 9.0),
        EventKind::Spawn => write!(out, r#"<path class="spawn" d="M{} {}l17 9l-17 9z"/>"#, x - 7.0, y - 9.0),
        EventKind::Read => write!(out, r#"<circle class="read" cx="{x}" cy="{y}" r="7"/>"#),
        EventKind::Start(lane) => {
            let to = layout.lanes[lane];
            let back = if to > x { -7.0 } else { 7.0 };
            write!(
                out,
                r#"<line {s} x1="{x}" x2="{to}" y1="{y}" y2="{y}" stroke-width="2"/><path {s} fill="none" stroke-width="2" d="M{} {}l{} 5l{back} 5"/><circle {s} fill="none" cx="{x}" cy="{y}" r="3" stroke-width="4"/>"#,
                to + back,
                y - 5.0,
                -back,
                s = stroke(lane)
            )
        }
        EventKind::Join { lane, sure } => {
            let from = layout.lanes[lane];
            let dash = if sure { "" } else { r#" stroke-dasharray="4 4""# };
            write!(
                out,
                r#"<line {s} x1="{from}" x2="{x}" y1="{y}" y2="{y}" stroke-width="2"{dash}/><line {s} x1="{x}" x2="{x}" y1="{}" y2="{}" stroke-width="5"/>"#,
                y - 7.0,
                y + 7.0,
                s = stroke(lane)
            )
        }
    };
}

fn words(out: &mut String, drawn: &Drawn, layout: &Layout, row: usize, event: &EventView) {
    let class = match event.kind {
        EventKind::Mutation => "verb mutation",
        EventKind::Spawn => "verb spawn",
        EventKind::Read => "verb read",
        EventKind::Start(_) | EventKind::Join { .. } => "verb",
    };
    let (x, y) = (layout.text, layout.row(row));
    let mut text = label(event, 46);
    // The sentence of a start or join begins with its verb.
    if let Some(rest) = text.strip_prefix(verb(event.kind)) {
        text = rest.trim_start().to_owned();
    }
    let numbers: Vec<String> = drawn
        .links
        .iter()
        .filter(|link| link.mutation == row || link.partner == row)
        .map(|link| (link.finding + 1).to_string())
        .collect();
    let numbers = match numbers.len() {
        0 => String::new(),
        1..=6 => format!("finding {}", numbers.join(", ")),
        more => format!("{more} findings"),
    };
    let _ = write!(
        out,
        r#"<text x="{x}" y="{}"><tspan class="{class}">{}</tspan> {}</text><text class="soft" x="{x}" y="{}">{}<tspan class="in-race" dx="8">{numbers}</tspan></text>"#,
        y - 2.0,
        verb(event.kind),
        escape(&text),
        y + 13.0,
        escape(&whereabouts(drawn, &event.place, &event.function, 62)),
    );
}

/// The bracket between the two sides of a finding, with its number.
fn bracket(out: &mut String, drawn: &Drawn, layout: &Layout, number: usize, link: &crate::detect::Link) {
    let events = &drawn.program.events;
    let end = |event: usize| {
        let many = drawn.program.lanes[events[event].lane].many;
        (
            layout.lanes[events[event].lane] + if many { 14.0 } else { 11.0 },
            layout.row(event),
        )
    };
    let ((ax, ay), (bx, by)) = (end(link.mutation), end(link.partner));
    let x = layout.track(number);
    // Apart from the dotted lines that lead to the words.
    let (ay, by) = (
        ay + if ay <= by { 3.0 } else { -3.0 },
        by + if ay <= by { -3.0 } else { 3.0 },
    );
    // The two sides may be one event: it races with itself in another thread.
    let (ay, by) = if (ay - by).abs() < 8.0 {
        (ay - 15.0, ay + 9.0)
    } else {
        (ay, by)
    };
    let finding = link.finding + 1;
    // Among many, the one that is pointed at is to stand out.
    let faint = if drawn.links.len() > FEW { " faint" } else { "" };
    let middle = (ay + by) / 2.0;
    let _ = writeln!(
        out,
        r#"<g class="link{faint} l{finding}"><path class="race" d="M{ax} {ay}H{x}V{by}H{bx}"/><circle class="badge" cx="{x}" cy="{middle}" r="8.5"/><text class="badge-text" x="{x}" y="{}" text-anchor="middle">{finding}</text></g>"#,
        middle + 4.0
    );
}

/// What the signs mean, in one line at `y`.
fn legend(out: &mut String, y: f64) {
    let _ = writeln!(out, r#"<g transform="translate(20 {y})">{}</g>"#, signs());
}

/// The legend as an element for the page.
pub fn legend_element() -> String {
    format!(
        "<svg class=\"pic legend\" viewBox=\"-12 -14 960 28\" width=\"960\" height=\"28\" role=\"img\" \
         aria-label=\"diamond: changes the environment; triangle: starts a program with it; ring: reads it; dashed bracket: can run \
         at the same time\">{}</svg>\n",
        signs()
    )
}

fn signs() -> String {
    concat!(
        r#"<path class="mutation" d="M0 -9l9 9l-9 9l-9 -9z"/><text x="16" y="4">changes the environment</text>"#,
        r#"<path class="spawn" d="M195 -9l17 9l-17 9z"/><text x="220" y="4">starts a program with it</text>"#,
        r#"<circle class="read" cx="392" cy="0" r="7"/><text x="406" y="4">reads it</text>"#,
        r##"<line class="life" stroke="#0072b2" stroke-width="6" x1="478" x2="496" y1="0" y2="0"/>"##,
        r#"<text x="506" y="4">a thread is alive</text>"#,
        r##"<path class="life" stroke="#0072b2" stroke-width="6" d="M632 0h18"/><path class="life" stroke="#0072b2" stroke-width="2.5" d="M632 7h18"/>"##,
        r#"<text x="660" y="4">several</text>"#,
        r#"<path class="race" d="M728 0h34"/><text x="770" y="4">can run at the same time</text>"#,
    )
    .to_owned()
}
