//! The picture as one self-contained page: the lanes, the findings beside them, and the source of every event on a click.
//!
//! There is no script in it: what is clicked is the target of a link, and the style shows it. So the page's own policy can
//! forbid scripts, pictures, fonts and every request.

use std::fmt::Write;

use crate::detect::EventView;
use crate::finding::{Finding, Location, Site, Verdict};
use crate::input::Sources;

use super::super::text::count;
use super::layout::CLOSE;
use super::{Drawn, Graph, escape, svg, verb};

/// Lines above and below a place in an excerpt.
const AROUND: u32 = 5;

/// Of longer lines the beginning is shown.
const MAX_LINE: usize = 200;

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#5f6670;--line:#d5dae1;--card:#f6f8fa;--ground:#fff;--race:#c62828;--warn:#b35c00;--note:#1f5fbf;--mark:#fff1b8}\
@media (prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#a3abb6;--line:#3a414b;--card:#22262c;--ground:#181b1f;--race:#ff7b72;--warn:#ffb057;--note:#7db4ff;--mark:#4a3f12}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:1500px;padding:20px 24px 45vh;font:15px/1.45 system-ui,'DejaVu Sans',sans-serif;color:var(--ink);background:var(--ground)}\
h1{font-size:22px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 2px;border-top:1px solid var(--line);padding-top:16px}h3{font-size:15px;margin:0 0 4px}\
p{margin:4px 0}.soft{color:var(--soft)}code,pre{font:12.5px/1.5 ui-monospace,'DejaVu Sans Mono',monospace}a{color:inherit}\
.program{display:grid;grid-template-columns:minmax(0,auto) minmax(380px,1fr);gap:22px;align-items:start}.program.wide{grid-template-columns:1fr}.wide .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(400px,1fr))}.lanes{overflow-x:auto}\
.cards{display:flex;flex-direction:column;gap:12px}.card{border:1px solid var(--line);border-left:4px solid var(--note);border-radius:6px;background:var(--card);padding:10px 12px;font-size:14px;overflow-wrap:anywhere}\
.card.error{border-left-color:var(--race)}.card.warning{border-left-color:var(--warn)}.card h3 a{text-decoration:none}.card .level{text-transform:uppercase;font-size:11.5px;letter-spacing:.04em}\
.error .level{color:var(--race)}.warning .level{color:var(--warn)}.note .level{color:var(--note)}.card ol{margin:4px 0;padding-left:20px}.card dl{margin:6px 0 0;display:grid;grid-template-columns:auto 1fr;gap:2px 10px}.card dt{color:var(--soft)}.card dd{margin:0}\
.number{display:inline-block;min-width:19px;height:19px;line-height:19px;border-radius:10px;text-align:center;font-size:11px;font-weight:700;background:var(--race);color:var(--ground);margin-right:6px;padding:0 4px}\
details{margin-top:6px}summary{cursor:pointer;color:var(--soft)}pre{margin:4px 0;padding:8px;overflow-x:auto;background:var(--ground);border:1px solid var(--line);border-radius:4px}pre .here{background:var(--mark);display:inline-block;min-width:100%}pre .no{color:var(--soft);user-select:none}\
.pic .hit{fill:transparent}.pic a{text-decoration:none;cursor:pointer}.pic a:hover .hit,.pic a:focus .hit{fill:var(--mark);fill-opacity:.55}\
.panel{display:none;position:fixed;left:0;right:0;bottom:0;max-height:44vh;overflow:auto;background:var(--card);border-top:2px solid var(--note);padding:10px 24px;box-shadow:0 -6px 20px #0003}.panel:target{display:block}.panel .close{float:right}\
@media (max-width:1000px){.program{grid-template-columns:1fr}}";

/// The page.
pub fn html(graph: &Graph) -> String {
    let drawn = graph.drawn();
    let mut out = String::new();
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" \
         content=\"{POLICY}\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>envrace: threads and the environment</title>\n<style>{STYLE}{}{}</style>\n</head>\n<body>\n",
        svg::STYLE,
        highlights(graph.findings.len())
    );
    heading(&mut out, graph, &drawn);
    let mut cards = Cards {
        graph,
        seen: vec![false; graph.findings.len()],
    };
    for program in &drawn {
        section(&mut out, program, &mut cards);
    }
    rest(&mut out, &mut cards);
    for program in &drawn {
        for (row, event) in program.program.events.iter().enumerate() {
            panel(&mut out, program.number, row, event, graph.sources);
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// A finding that is pointed at or chosen shows its bracket; the others step back.
fn highlights(findings: usize) -> String {
    let mut rules = String::new();
    for number in 1..=findings {
        let chosen = format!("body:has(#f{number}:hover,#f{number}:target)");
        let _ = write!(
            rules,
            "{chosen} .link:not(.l{number}){{opacity:.12}}{chosen} .l{number}{{opacity:1}}{chosen} .l{number} .race{{stroke-width:3.2}}"
        );
    }
    rules
}

fn heading(out: &mut String, graph: &Graph, drawn: &[Drawn]) {
    let findings = graph
        .findings
        .iter()
        .filter(|finding| finding.suppressed.is_none())
        .count() as u64;
    let _ = write!(
        out,
        "<h1>Threads and the environment</h1>\n<p class=\"soft\">{}, {} drawn, {}.</p>\n",
        count(graph.summary.files, "file", "files"),
        count(drawn.len() as u64, "program", "programs"),
        count(findings, "finding", "findings")
    );
    if drawn.is_empty() {
        let _ = writeln!(out, "<p>{}.</p>", escape(&graph.nothing()));
        return;
    }
    out.push_str(
        "<p>Each vertical line is a thread, and time goes down: a thick line is a thread that is alive. A dashed bracket \
         joins the two sides of a finding: a change of the environment, and the program start, read or other change that nothing keeps \
         apart from it; for a change in a forked child, the fork. Click an event to see its source.</p>\n",
    );
    out.push_str(&svg::legend_element());
}

fn section(out: &mut String, drawn: &Drawn, cards: &mut Cards) {
    let program = drawn.program;
    let _ = write!(
        out,
        "<h2>{}</h2>\n<p class=\"soft\">{}, {}{}{}</p>\n<div class=\"{}\">\n<div class=\"lanes\">\n{}</div>\n<div class=\"cards\">\n",
        escape(&program.name),
        program.kind,
        count(program.lanes.len() as u64, "lane", "lanes"),
        match drawn.below {
            "" => String::new(),
            folder => format!("; paths in the picture are below {}", escape(folder)),
        },
        if program.hidden > 0 {
            format!(
                "; {} that no finding is about are not shown",
                count(
                    u64::from(program.hidden),
                    "further event or lane",
                    "further events and lanes"
                )
            )
        } else {
            String::new()
        },
        if program.lanes.len() > CLOSE {
            "program wide"
        } else {
            "program"
        },
        svg::element(drawn)
    );
    let mut shown: Vec<usize> = drawn.links.iter().map(|link| link.finding).collect();
    shown.dedup();
    for finding in &shown {
        cards.add(out, *finding);
    }
    if shown.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", quiet(cards.graph));
    }
    out.push_str("</div>\n</div>\n");
}

/// What is said beside a program without a finding: some may be there that were not asked for.
fn quiet(graph: &Graph) -> String {
    let silenced = graph
        .findings
        .iter()
        .filter(|finding| finding.suppressed.is_some())
        .count() as u64;
    match graph.summary.unshown() + silenced {
        0 => "No finding here: nothing that its threads do at the same time is known to harm.".to_owned(),
        hidden => format!(
            "No finding is shown here. {} in all {} left out: silenced, or not asked for.",
            count(hidden, "finding", "findings"),
            if hidden == 1 { "is" } else { "are" }
        ),
    }
}

/// Findings that stand in no picture, and what could not be read.
fn rest(out: &mut String, cards: &mut Cards) {
    let graph = cards.graph;
    let others: Vec<usize> = (0..graph.findings.len())
        .filter(|index| graph.findings[*index].suppressed.is_none() && !cards.seen[*index])
        .collect();
    if !others.is_empty() {
        out.push_str("<h2>Further findings</h2>\n<div class=\"cards\">\n");
        for index in others {
            cards.add(out, index);
        }
        out.push_str("</div>\n");
    }
    if !graph.problems.is_empty() {
        out.push_str("<h2>Problems</h2>\n<ul>\n");
        for problem in graph.problems {
            let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
            let text = format!("{}{line}: {}", problem.path, problem.message);
            let _ = writeln!(out, "<li>{}</li>", escape(&text));
        }
        out.push_str("</ul>\n");
    }
}

/// Writes findings, each with its address where it stands first: it may be in two programs.
struct Cards<'a> {
    graph: &'a Graph<'a>,
    seen: Vec<bool>,
}

impl Cards<'_> {
    fn add(&mut self, out: &mut String, index: usize) {
        let first = !std::mem::replace(&mut self.seen[index], true);
        card(out, index, &self.graph.findings[index], self.graph.sources, first);
    }
}

fn card(out: &mut String, index: usize, finding: &Finding, sources: &Sources, addressed: bool) {
    let number = index + 1;
    let level = finding.severity.name();
    let id = if addressed {
        format!(" id=\"f{number}\"")
    } else {
        String::new()
    };
    let _ = write!(
        out,
        "<article class=\"card {level}\"{id}>\n<h3><a href=\"#f{number}\"><span class=\"number\">{number}</span>\
         {} ({})</a> <span class=\"level\">{level}, {} confidence</span></h3>\n<p>{}</p>\n<dl>\n",
        escape(&finding.rule),
        finding.code.code(),
        finding.confidence.name(),
        escape(&finding.message)
    );
    let mut row = |name: &str, text: &str| {
        let _ = writeln!(out, "<dt>{name}</dt><dd>{}</dd>", escape(text));
    };
    row("mutation", &site(&finding.mutation));
    if let Some(partner) = &finding.partner {
        row(finding.partner_kind.name(), &site(partner));
    }
    row("why", &finding.overlap.reason);
    if !finding.holds_for.is_empty() {
        row("holds for", &finding.holds_for.join(", "));
    }
    row("instead", &finding.help);
    if let Some(evidence) = &finding.confirmation {
        let verdict = match evidence.verdict {
            Verdict::Confirmed => "confirmed",
            Verdict::NotObserved => "not observed",
            Verdict::Inconclusive => "inconclusive",
            Verdict::CannotRun => "cannot run here",
        };
        row(
            "replay",
            &format!(
                "{verdict}: {} failed in {} of {} trials",
                evidence.pattern, evidence.failures, evidence.trials
            ),
        );
    }
    out.push_str("</dl>\n");
    if !finding.interleaving.is_empty() {
        out.push_str("<details><summary>how it goes wrong</summary><ol>\n");
        for step in &finding.interleaving {
            let _ = writeln!(out, "<li>{}</li>", escape(step));
        }
        out.push_str("</ol></details>\n");
    }
    out.push_str("<details><summary>source</summary>\n");
    for place in std::iter::once(&finding.mutation).chain(&finding.partner) {
        excerpt(out, &place.location, sources);
    }
    out.push_str("</details>\n</article>\n");
}

fn site(site: &Site) -> String {
    let place = &site.location;
    format!("{}:{} in {}: {}", place.path, place.line, site.function, site.api)
}

fn panel(out: &mut String, program: usize, row: usize, event: &EventView, sources: &Sources) {
    let _ = write!(
        out,
        "<section class=\"panel\" id=\"p{program}e{row}\"><a class=\"close\" href=\"#top\">close</a>\n<h3>{} {}</h3>\n",
        verb(event.kind),
        escape(
            event
                .label
                .strip_prefix(verb(event.kind))
                .unwrap_or(&event.label)
                .trim_start()
        )
    );
    if !event.chain.is_empty() {
        out.push_str("<p class=\"soft\">on the way there: ");
        let steps: Vec<String> = event
            .chain
            .iter()
            .map(|step| escape(&format!("{}:{} {}", step.path, step.line, step.note)))
            .collect();
        out.push_str(&steps.join(", then "));
        out.push_str("</p>\n");
    }
    excerpt(out, &event.place, sources);
    out.push_str("</section>\n");
}

/// The lines around a place, its own marked.
fn excerpt(out: &mut String, place: &Location, sources: &Sources) {
    let heading = format!("{}:{}", place.path, place.line);
    let _ = write!(out, "<p><code>{}</code></p>\n<pre>", escape(&heading));
    let from = place.line.saturating_sub(AROUND).max(1);
    let last = place.end_line.clamp(place.line, place.line.saturating_add(AROUND));
    let until = last.saturating_add(AROUND);
    let text = sources.text(&place.path).unwrap_or_default();
    let lines = text
        .lines()
        .enumerate()
        .skip(from as usize - 1)
        .take((until - from + 1) as usize);
    for (index, line) in lines {
        let number = index as u32 + 1;
        let shown: String = line.replace('\t', "    ").chars().take(MAX_LINE).collect();
        let code = format!("<span class=\"no\">{number:>5}  </span>{}", escape(&shown));
        if (place.line..=last).contains(&number) {
            let _ = writeln!(out, "<span class=\"here\">{code}</span>");
        } else {
            let _ = writeln!(out, "{code}");
        }
    }
    out.push_str("</pre>\n");
}
