//! What is known of one API: what it does, and what happens beside whatever it can race with.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::facts::Language;
use crate::finding::Effect;
use crate::knowledge::{Access, Catalog, Cell, Entry, Manual, MatchKind, Row, Table, Target, beside, manual};
use crate::report::{Style, WIDTH, paint, wrap};

use super::names::Name;
use super::role;

/// The width of a column of effects, with the space before it.
const CELL: usize = 13;

/// What a table's first column has at least.
const LABEL: usize = 26;

/// An API with all that is known of it.
pub struct Explained<'a> {
    name: &'a Name,
    entries: Vec<&'a Entry>,
    tables: Vec<Table>,
    catalog: &'a Catalog,
}

impl<'a> Explained<'a> {
    /// Looks everything up and judges every pair for the target.
    pub fn of(catalog: &'a Catalog, name: &'a Name, target: &Target) -> Explained<'a> {
        Explained {
            name,
            entries: catalog
                .iter()
                .map(|(_, entry)| entry)
                .filter(|entry| entry.language == name.language && entry.text == name.text)
                .collect(),
            tables: beside(catalog, name.language, &name.text, target),
            catalog,
        }
    }

    /// For people, in 80 columns.
    pub fn text(&self) -> String {
        let display = self.entries.first().map_or("", |entry| entry.display.as_str());
        let head = paint(Style::Strong, display);
        let mut out = format!("{head} ({}, {})\n", self.name.language.name(), self.name.text);
        for does in self.does() {
            prose(&mut out, "  ", &does);
        }
        for table in &self.tables {
            out.push('\n');
            self.table(&mut out, table);
        }
        if !self.tables.is_empty() {
            out.push('\n');
            prose(&mut out, "", LEGEND);
        }
        out.push('\n');
        self.facts(&mut out);
        out
    }

    /// What it does, each thing once, with the versions for which that is so.
    fn does(&self) -> Vec<String> {
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for entry in &self.entries {
            let (sentence, conditions) = (role::sentence(entry), role::conditions(entry));
            match found.iter_mut().find(|(known, _)| *known == sentence) {
                Some((_, all)) if !all.contains(&conditions) => all.push(conditions),
                Some(_) => {}
                None => found.push((sentence, vec![conditions])),
            }
        }
        found
            .into_iter()
            .map(|(sentence, conditions)| match conditions.as_slice() {
                [one] if !one.is_empty() => format!("{sentence} ({one})"),
                // Which of several is whose business is what the tables are for.
                _ => sentence,
            })
            .collect()
    }

    fn table(&self, out: &mut String, table: &Table) {
        if !table.calls.is_empty() {
            let calls: Vec<&str> = table
                .calls
                .iter()
                .map(|call| if call.is_empty() { "the usual call" } else { call })
                .collect();
            hanging(out, "called with: ", &calls.join("; "));
        }
        let narrow = LABEL + table.columns.len() * CELL <= WIDTH;
        let label = narrow.then(|| WIDTH - table.columns.len() * CELL);
        if let Some(label) = label {
            let heads: String = table.columns.iter().map(|column| format!(" {column:<12}")).collect();
            let head = format!("{:<label$}{heads}", "beside");
            let _ = writeln!(out, "{}", paint(Style::Label, head.trim_end()));
        }
        let kinds = table.rows.iter().any(|row| row.access != table.rows[0].access);
        let mut before = None;
        for (index, row) in table.rows.iter().enumerate() {
            if kinds && before != Some(row.access) {
                let _ = writeln!(out, "{}:", row.access.words());
                before = Some(row.access);
            }
            self.row(out, index + 1, row, table, label);
        }
        reasons(out, &table.rows);
    }

    /// A row; `label` is the width of the first column, where the columns fit beside it.
    fn row(&self, out: &mut String, number: usize, row: &Row, table: &Table, label: Option<usize>) {
        let (first, likewise) = self.others(row);
        let title = format!("{number:>2} {first}");
        let plain = row.lines.first().filter(|line| line.interpreters.is_empty());
        match (plain, label) {
            (Some(line), Some(label)) => cells(out, &title, &line.cells, label),
            _ => {
                let _ = writeln!(out, "{title}");
                for line in &row.lines {
                    let on = interpreters(&line.interpreters);
                    match label {
                        Some(label) => cells(out, &format!("     {on}"), &line.cells, label),
                        None => listed(out, &on, &line.cells, &table.columns),
                    }
                }
            }
        }
        if !likewise.is_empty() {
            prose(out, "     ", &format!("likewise {likewise}"));
        }
    }

    /// The first of a row's calls, and some of the others: a few of each language.
    fn others(&self, row: &Row) -> (String, String) {
        let own = self.name.language;
        let written = |(language, written): &(Language, String)| match *language {
            Language::C if own != Language::C => format!("C's {written}"),
            _ => written.clone(),
        };
        let Some((first, rest)) = row.others.split_first() else {
            return (String::new(), String::new());
        };
        let named = written(first);
        // What is particular about the first goes without saying for the others.
        let particular = first.1.find(" (").map(|at| first.1[at..].to_owned());
        let written = |other: &(Language, String)| {
            let text = written(other);
            let short = particular.as_ref().and_then(|same| text.strip_suffix(same.as_str()));
            short.map_or(text.clone(), str::to_owned)
        };
        let mut parts = Vec::new();
        for language in [Language::Python, Language::Rust, Language::C] {
            let these: Vec<String> = rest.iter().filter(|other| other.0 == language).map(written).collect();
            let listed = if these.len() == 3 { 3 } else { these.len().min(2) };
            let more = these.len() - listed;
            let mut part = these[..listed].join(", ");
            if more > 0 {
                part.push_str(&format!(" and {more} more"));
            }
            parts.extend(Some(part).filter(|part| !part.is_empty()));
        }
        (named, parts.join("; "))
    }

    /// Guards, measurements, help and sources, each once.
    fn facts(&self, out: &mut String) {
        let all = |pick: &dyn Fn(&Entry) -> Vec<String>| -> Vec<String> {
            let mut found = Vec::new();
            for fact in self.entries.iter().flat_map(|entry| pick(entry)) {
                if !found.contains(&fact) {
                    found.push(fact);
                }
            }
            found
        };
        let held = |entry: &Entry| -> Vec<String> { entry.hold.clone() };
        let sections: [(&str, Vec<String>); 4] = [
            ("holds", vec![all(&held).join(", ")]),
            ("measured", all(&|entry| entry.measured.iter().cloned().collect())),
            ("instead", all(&|entry| entry.help.iter().cloned().collect())),
            ("source", all(&|entry| vec![entry.source.clone()])),
        ];
        if let Some(manual) = self.manual() {
            hanging(out, "manual    ", &self.beside_manual(manual));
        }
        for (label, facts) in sections {
            for fact in facts.iter().filter(|fact| !fact.is_empty()) {
                hanging(out, &format!("{label:<9} "), fact);
            }
        }
    }

    /// What the manuals say of a function of C.
    fn manual(&self) -> Option<&'static Manual> {
        let first = self.entries.first()?;
        let c = first.language == Language::C && first.kind == MatchKind::Call;
        c.then(|| manual(&first.path)).flatten()
    }

    /// The manual's word with where it stands, and ours beside it.
    fn beside_manual(&self, manual: &Manual) -> String {
        let lines = self
            .tables
            .iter()
            .flat_map(|table| &table.rows)
            .flat_map(|row| &row.lines);
        let cells = lines.flat_map(|line| &line.cells);
        let worst = cells
            .max_by_key(|cell| (cell.effect, !cell.rare))
            .map(|cell| effect(*cell));
        let changes = self.tables.iter().any(|table| table.access == Access::Mutation);
        let ours = match (worst, manual.is_safe(), manual.names_environment()) {
            (Some("memory" | "rare"), true, false) => {
                "it does not say that the environment is read. Measured and computed: it fails beside a change"
            }
            (Some("memory" | "rare"), true, true) => {
                "safe, it says, while nobody changes the environment. Beside a change it fails"
            }
            (Some("memory" | "rare"), false, _) if changes => "it says so too: not beside anybody who looks or changes",
            (Some("memory" | "rare"), false, _) => "it says so too, for these reasons or others",
            _ => "nothing that is known speaks against it",
        };
        format!("{} ({}); {ours}", manual.words(), manual.source)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let entries = self.entries.iter().map(|entry| {
            json!({
                "match": entry.text, "effect": role::word(entry), "does": role::sentence(entry),
                "applies": role::conditions(entry), "holds": entry.hold, "measured": entry.measured,
                "because": entry.because, "help": entry.help, "source": entry.source,
            })
        });
        let tables = self.tables.iter().map(|table| {
            let sources: Vec<&str> = table
                .entries
                .iter()
                .map(|id| self.catalog.entry(*id).source.as_str())
                .collect();
            json!({
                "as": table.access.words(), "calls": table.calls, "columns": table.columns, "sources": sources,
                "rows": table.rows.iter().map(row_json).collect::<Vec<_>>(),
            })
        });
        json!({
            "name": self.entries.first().map(|entry| &entry.display), "language": self.name.language.name(),
            "match": self.name.text,
            "manual": self.manual().map(|manual| json!({
                "glibc": manual.glibc, "pages": manual.pages, "source": manual.source,
            })),
            "entries": entries.collect::<Vec<_>>(), "beside": tables.collect::<Vec<_>>(),
        })
    }
}

const LEGEND: &str = "memory: a crash, EFAULT or foreign data. rare: that, but seldom. environment: memory stays sound, \
                      and which variables are seen depends on timing. none: no race.";

fn row_json(row: &Row) -> Value {
    let lines = row.lines.iter().map(|line| {
        let cells: Vec<&str> = line.cells.iter().map(|cell| effect(*cell)).collect();
        json!({ "interpreters": line.interpreters, "effects": cells })
    });
    json!({
        "kind": row.access.words(),
        "apis": row.others.iter().map(|(language, written)| json!({ "language": language.name(), "call": written }))
            .collect::<Vec<_>>(),
        "lines": lines.collect::<Vec<_>>(), "why": row.why,
    })
}

/// Why each row is as it is; what all say alike is said once.
fn reasons(out: &mut String, rows: &[Row]) {
    let clauses: Vec<Vec<&str>> = rows.iter().map(|row| row.why.split("; ").collect()).collect();
    let Some(first) = clauses.first() else { return };
    let common: Vec<&str> = first
        .iter()
        .copied()
        .filter(|clause| rows.len() > 1 && clauses.iter().all(|all| all.contains(clause)))
        .collect();
    out.push('\n');
    if !common.is_empty() {
        prose(out, "   ", &format!("{}; and", common.join("; ")));
    }
    for (index, all) in clauses.iter().enumerate() {
        let own: Vec<&str> = all.iter().copied().filter(|clause| !common.contains(clause)).collect();
        if !own.is_empty() {
            hanging(out, &format!("{:>2} ", index + 1), &own.join("; "));
        }
    }
}

/// `CPython up to 3.11.5; 3.13t and later`.
fn interpreters(ranges: &[String]) -> String {
    if ranges.is_empty() {
        return "every version".to_owned();
    }
    let short = ranges.iter().map(|range| {
        let range = range.strip_prefix("CPython").unwrap_or(range);
        let range = range.trim_start_matches([',', ' ']);
        match range.strip_suffix(", free-threaded") {
            Some(range) => match range.split_once(' ') {
                Some((version, rest)) if version != "up" => format!("{version}t {rest}"),
                _ => format!("{range}, free-threaded"),
            },
            None => range.to_owned(),
        }
    });
    format!("CPython {}", short.collect::<Vec<_>>().join("; "))
}

pub fn effect(cell: Cell) -> &'static str {
    match (cell.effect, cell.rare) {
        (None, _) => "none",
        (Some(Effect::Memory), true) => "rare",
        (Some(effect), _) => effect.name(),
    }
}

/// A label and its cells; a label that is too long gets a line of its own.
fn cells(out: &mut String, label: &str, cells: &[Cell], width: usize) {
    let length = label.chars().count();
    let pad = if length < width {
        " ".repeat(width - length)
    } else {
        format!("\n{}", " ".repeat(width))
    };
    let mut line = format!("{label}{pad}");
    for (index, cell) in cells.iter().enumerate() {
        let word = effect(*cell);
        let space = if index + 1 < cells.len() { 12 - word.len() } else { 0 };
        line.push(' ');
        line.push_str(&painted(*cell));
        line.push_str(&" ".repeat(space));
    }
    let _ = writeln!(out, "{line}");
}

fn painted(cell: Cell) -> String {
    let style = match effect(cell) {
        "memory" => Style::Error,
        "rare" | "environment" => Style::Warning,
        _ => Style::Good,
    };
    paint(style, effect(cell))
}

/// As [`cells`] where there are too many columns: one after the other, each with its libc.
fn listed(out: &mut String, on: &str, cells: &[Cell], columns: &[String]) {
    let each: Vec<String> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| format!("{column}: {}", effect(*cell)))
        .collect();
    hanging(out, "     ", &format!("{on}: {}", each.join("; ")));
}

/// Wrapped text with an indent.
pub fn prose(out: &mut String, indent: &str, text: &str) {
    for line in wrap(text, WIDTH - indent.len()) {
        let _ = writeln!(out, "{indent}{line}");
    }
}

/// Wrapped text behind a label, whose further lines stand below the first.
pub fn hanging(out: &mut String, label: &str, text: &str) {
    let indent = label.chars().count();
    for (index, line) in wrap(text, WIDTH - indent).iter().enumerate() {
        let before = if index == 0 {
            label.to_owned()
        } else {
            " ".repeat(indent)
        };
        let _ = writeln!(out, "{before}{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(name: &str, target: &str) -> String {
        let name = Name {
            language: if name.contains("::") {
                Language::Rust
            } else {
                Language::Python
            },
            text: format!("call:{name}"),
        };
        let target = Target::parse(target).expect("the test's target is well-formed");
        let text = Explained::of(&Catalog::builtin(), &name, &target).text();
        anstream::adapter::strip_str(&text).to_string()
    }

    /// Everything but words that are longer than a line fits a terminal.
    #[test]
    fn every_api_fits_eighty_columns() {
        for (api, target) in [
            ("subprocess.run", ""),
            ("os.system", "libc=musl"),
            ("std::env::set_var", ""),
            ("threading.Thread", ""),
        ] {
            let text = explained(api, target);
            let long = text.lines().find(|line| line.chars().count() > WIDTH);
            assert_eq!(long, None, "{api} for {target}");
        }
    }

    #[test]
    fn a_row_says_what_the_verdict_says() {
        let text = explained("os.system", "");
        let row = text.lines().find(|line| line.contains("os.environ[k] = v (new name)"));
        let words: Vec<&str> = row
            .expect("the row is there")
            .split_whitespace()
            .rev()
            .take(3)
            .collect();
        assert_eq!(
            words,
            ["memory", "environment", "memory"],
            "musl, glibc from 2.41 on, glibc before it"
        );
        let text = explained("os.system", "libc=glibc-2.43");
        let row = text.lines().find(|line| line.contains("os.environ[k] = v (new name)"));
        assert!(row.is_some_and(|row| row.ends_with(" environment")), "{text}");
    }
}
