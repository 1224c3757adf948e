//! What an exit code, a wait status or an error means where a program was to be started.

use serde_json::{Value, json};

use crate::confirm;
use crate::knowledge::{Libc, Target};
use crate::report::{Style, paint};
use crate::symptoms::{Code, Meaning, meaning};

use super::api::{hanging, prose};

/// Explains a code for the target's C library; where it names none, for this machine's, which is asked.
pub fn explained(code: Code, target: &Target) -> Meaning {
    if target.libc_named {
        return meaning(code, &target.libcs, false);
    }
    let here = confirm::libc()
        .ok()
        .and_then(|libc| Target::parse(&format!("libc={libc}")).ok());
    match here {
        Some(here) => meaning(code, &here.libcs, true),
        // Nothing is known of this machine: every version is shown alike.
        None => meaning(code, &[] as &[Libc], false),
    }
}

/// For people, in 80 columns.
pub fn text(meaning: &Meaning) -> String {
    let mut out = String::new();
    hanging(&mut out, &format!("{}  ", meaning.name), &meaning.summary);
    for section in &meaning.sections {
        out.push('\n');
        let mut title = String::new();
        prose(&mut title, "", &section.title);
        out.push_str(&paint(Style::Strong, title.trim_end()));
        out.push('\n');
        let width = section
            .lines
            .iter()
            .map(|(label, _)| label.chars().count())
            .max()
            .unwrap_or(0);
        for (label, text) in &section.lines {
            match width {
                0..=28 => hanging(&mut out, &format!("  {label:<width$}  "), text),
                _ => {
                    prose(&mut out, "  ", &format!("{label}:"));
                    prose(&mut out, "      ", text);
                }
            }
        }
    }
    if !meaning.next.is_empty() {
        out.push_str(&format!("\n{}\n", paint(Style::Strong, "What to do next")));
    }
    for step in &meaning.next {
        hanging(&mut out, "  - ", step);
    }
    out
}

/// For programs.
pub fn json(meaning: &Meaning) -> Value {
    let sections = meaning.sections.iter().map(|section| {
        let lines = section
            .lines
            .iter()
            .map(|(label, text)| json!({ "label": label, "text": text }));
        json!({ "title": section.title, "lines": lines.collect::<Vec<_>>() })
    });
    json!({
        "kind": "code", "name": meaning.name, "summary": meaning.summary,
        "sections": sections.collect::<Vec<_>>(), "next": meaning.next,
    })
}
