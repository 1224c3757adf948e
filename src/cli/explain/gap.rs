//! Where the manuals call a function safe and it can fail all the same: `envrace apis --gap`, and docs/man-page-gap.md.

use serde_json::{Value, json};

use crate::facts::Language;
use crate::finding::Effect;
use crate::knowledge::{Access, Catalog, Cell, Manual, Row, Table, Target, beside, manuals};

use super::api::{effect, hanging};

/// A function that the manual calls safe.
struct Gap {
    name: String,
    manual: &'static Manual,
    access: Access,
    /// For each of [`columns`]: the worst that any mutation by a call does to it.
    cells: Vec<Cell>,
    /// The call beside which it fails.
    beside: String,
    measured: Option<String>,
}

/// The libcs that the manuals are about, and musl beside them.
fn columns() -> Target {
    let mut target = Target::default();
    for libc in ["glibc-2.36", "glibc-2.41", "musl"] {
        target
            .set("libc", libc)
            .expect("the three are libcs that a target can name");
    }
    target
}

/// Every function of C that the manual calls safe and that can harm memory on one of the two glibcs.
fn gaps(catalog: &Catalog) -> Vec<Gap> {
    let target = columns();
    let mut gaps = Vec::new();
    for manual in manuals().iter().filter(|manual| manual.is_safe()) {
        for name in &manual.names {
            let tables = beside(catalog, Language::C, &format!("call:{name}"), &target);
            gaps.extend(tables.iter().filter_map(|table| gap(catalog, name, manual, table)));
        }
    }
    // Those first of which the manual does not even say that they look at the environment.
    gaps.sort_by(|a, b| {
        let key = |gap: &Gap| (gap.manual.names_environment(), gap.access, gap.name.clone());
        key(a).cmp(&key(b))
    });
    gaps.dedup_by(|a, b| a.name == b.name && a.cells == b.cells);
    gaps
}

fn gap(catalog: &Catalog, name: &str, manual: &'static Manual, table: &Table) -> Option<Gap> {
    if table.access == Access::Mutation {
        return None;
    }
    // A program that stores into `environ` and frees the array is past what a manual of functions can promise.
    let by_call = |row: &&Row| row.others.iter().any(|(_, written)| !written.contains(" = "));
    let worst = |column: usize| {
        let cells = table.rows.iter().filter(by_call).map(|row| row.lines[0].cells[column]);
        cells.max_by_key(|cell| (cell.effect, !cell.rare))
    };
    // The table may have joined the two glibcs into one column.
    let cells: Vec<Cell> = match table.columns.len() {
        0 => return None,
        2 => vec![worst(0)?, worst(0)?, worst(1)?],
        _ => (0..3).map(worst).collect::<Option<_>>()?,
    };
    let fails = |cell: &Cell| cell.effect == Some(Effect::Memory);
    if !cells[..2].iter().any(fails) {
        return None;
    }
    let row = table
        .rows
        .iter()
        .filter(by_call)
        .find(|row| fails(&row.lines[0].cells[0]))?;
    let measured = table.entries.iter().find_map(|id| catalog.entry(*id).measured.clone());
    let call = table.calls.first().filter(|call| !call.is_empty());
    Some(Gap {
        name: call.map_or(name.to_owned(), |call| format!("{name} ({call})")),
        manual,
        access: table.access,
        cells,
        beside: row
            .others
            .first()
            .map(|(_, written)| written.clone())
            .unwrap_or_default(),
        measured,
    })
}

const HEADS: [&str; 3] = ["glibc 2.36", "glibc 2.41", "musl"];

/// For people, in 80 columns.
pub fn text(catalog: &Catalog) -> String {
    let gaps = gaps(catalog);
    let mut out = format!(
        "{:<28} {:<20} {:<10} {:<10} musl\n",
        "function", "manual", HEADS[0], HEADS[1]
    );
    for gap in &gaps {
        let words: Vec<&str> = gap.cells.iter().map(|cell| short(*cell)).collect();
        let line = format!(
            "{:<28} {:<20} {:<10} {:<10} {}",
            gap.name,
            gap.manual.words(),
            words[0],
            words[1],
            words[2]
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let silent = gaps.iter().filter(|gap| !gap.manual.names_environment()).count();
    out.push('\n');
    hanging(
        &mut out,
        "",
        &format!(
            "{} functions that the manual calls MT-Safe can harm memory where the environment is changed meanwhile; of {silent} \
             it does not say that they look at it at all. `envrace explain MT-Safe` says what the words promise.",
            gaps.len()
        ),
    );
    out
}

/// A word of at most ten letters.
fn short(cell: Cell) -> &'static str {
    match effect(cell) {
        "environment" => "timing",
        word => word,
    }
}

/// For programs.
pub fn json(catalog: &Catalog) -> Value {
    let gaps = gaps(catalog);
    let listed = gaps.iter().map(|gap| {
        let effects: Vec<&str> = gap.cells.iter().map(|cell| effect(*cell)).collect();
        json!({
            "function": gap.name, "glibc": gap.manual.glibc, "pages": gap.manual.pages, "source": gap.manual.source,
            "as": gap.access.words(), "beside": gap.beside, "libcs": HEADS, "effects": effects, "measured": gap.measured,
        })
    });
    json!({ "kind": "gap", "functions": listed.collect::<Vec<_>>() })
}

const HEADER: &str = "\
# Where the manuals say safe

Made by `envrace apis --gap --format markdown`; a test compares the two.

The glibc manual (2.36) and the Linux man-pages (6.03) give every function a word on thread safety. `MT-Safe` says that
it may be called while other threads run; the word `env` behind it, that it reads the environment without a guard, and that
the program has to see to it that nobody changes it meanwhile. `MT-Unsafe const:env` says so of what changes it.

Two things do not follow from these words. Functions that hand the environment to a new program carry no `env`, though they
read the very array that a change moves: whoever goes by the words takes them for safe. And what follows `MT-Safe` is easily
missed. The columns say the worst that a function which changes the environment does to it from another thread, as
`envrace explain` computes it for every pair: `memory` is a crash, EFAULT or foreign data, `rare` the same, but seldom, and
`environment` that it depends on timing what is seen. `beside` names one change that does it; `measured` what a replay can be
expected to show, where the function itself was replayed.
";

/// docs/man-page-gap.md.
pub fn markdown(catalog: &Catalog) -> String {
    let gaps = gaps(catalog);
    let mut out = HEADER.to_owned();
    let parts = [
        ("The manual says MT-Safe and nothing of the environment", false),
        (
            "The manual says MT-Safe, on condition that nobody changes the environment",
            true,
        ),
    ];
    for (title, named) in parts {
        let these: Vec<&Gap> = gaps
            .iter()
            .filter(|gap| gap.manual.names_environment() == named)
            .collect();
        out.push_str(&format!("\n## {title}\n\n{} functions.\n\n", these.len()));
        out.push_str(
            "| function | does | glibc manual | man-pages | 2.36 | 2.41 | musl | beside | measured | source |\n",
        );
        out.push_str("|---|---|---|---|---|---|---|---|---|---|\n");
        for gap in these {
            let words: Vec<&str> = gap.cells.iter().map(|cell| effect(*cell)).collect();
            out.push_str(&format!(
                "| `{}` | {} | {} | {} | {} | `{}` | {} | {} |\n",
                gap.name,
                gap.access.words(),
                gap.manual.glibc.as_deref().unwrap_or("-"),
                gap.manual.pages.as_deref().unwrap_or("-"),
                words.join(" | "),
                gap.beside,
                gap.measured.as_deref().unwrap_or("-"),
                gap.manual.source
            ));
        }
    }
    out
}

/// What the words of the manuals promise, in ours; `None` for other words.
pub fn word(name: &str) -> Option<(&'static str, String)> {
    let found = match name.to_ascii_lowercase().as_str() {
        "mt-safe" => (
            "MT-Safe",
            "The function may be called while other threads run, and its own work is guarded. It promises nothing for what \
             the words behind it name: with `env`, it reads the environment without a guard, and the program must see to it \
             that no thread changes it. That a function which starts a program copies the environment too is not said \
             anywhere: system and popen are plain MT-Safe, and fail beside setenv. `envrace apis --gap` lists them.",
        ),
        "mt-unsafe" => (
            "MT-Unsafe",
            "The function may not be called while other threads run, unless the program does what the words behind it ask \
             for: a lock of its own for `race`, and for `const:env` that no other thread looks at the environment, which \
             no program can promise for its libraries.",
        ),
        "env" => (
            "env",
            "Behind MT-Safe: the function reads the environment (getenv and its like) without a guard. It is safe while no \
             thread changes the environment; up to glibc 2.40 and on musl a change frees what it reads. From glibc 2.41 on \
             getenv and glibc's own writers get along; walking `environ` by hand does not.",
        ),
        "const:env" => (
            "const:env",
            "Behind MT-Unsafe: the function changes the environment, which others take to be constant. The manual asks that \
             it be changed before there are threads, or while none can look at it. glibc's writers share a lock among \
             themselves, so that two of them do each other no harm; readers and execve do not take it.",
        ),
        _ => return None,
    };
    Some((found.0, found.1.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document is what the command prints; `envrace apis --gap --format markdown > docs/man-page-gap.md` makes it anew.
    #[test]
    fn the_document_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/man-page-gap.md");
        let written = std::fs::read_to_string(path).expect("the document is part of the repository");
        assert!(
            written == markdown(&Catalog::builtin()),
            "make docs/man-page-gap.md anew"
        );
        for line in [
            "| `system` | spawn on shared memory | MT-Safe | MT-Safe | memory |",
            "| `getenv` | read | MT-Safe env | MT-Safe env | memory | environment | memory |",
        ] {
            assert!(written.contains(line), "{line}");
        }
        assert!(!written.contains("`setenv` |  mutation"), "a change is not called safe");
    }
}
