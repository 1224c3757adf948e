//! A copy of the environment, made when the partner's module is loaded, for a partner that can take one. Always unsafe:
//! what is set later does not reach the child.

use crate::facts::{Language, Span};
use crate::finding::{Finding, Fix, PartnerKind};
use crate::knowledge::ArgumentTest;
use crate::model::AccessKind;

use super::{Ground, edits, fix};

/// The name of the copy.
const NAME: &str = "CHILD_ENVIRONMENT";

/// How it is made.
const MADE: &str = "CHILD_ENVIRONMENT = os.environ.copy()";

/// The fix for a finding whose partner is a spawn in Python that can be given an environment.
pub(super) fn of(ground: &Ground<'_, '_>, finding: &Finding) -> Option<Fix> {
    let partner = finding.partner.as_ref()?;
    if finding.partner_kind != PartnerKind::Spawn || partner.language != Language::Python.name() {
        return None;
    }
    let place = &partner.location;
    let (site, info) = ground.engine.sites.iter().find(|(_, info)| {
        info.kind == AccessKind::Spawn
            && (info.span.line, info.span.column) == (place.line, place.column)
            && ground.path(info.function) == place.path
    })?;
    let function = ground.engine.values.tree.function(info.function);
    let call = function.calls.iter().find(|call| call.span == info.span)?;
    let passes_on = call
        .args
        .iter()
        .any(|arg| matches!(arg.name.as_deref(), Some("*" | "**" | "env")));
    let text = ground.sources.text(&place.path)?;
    let made = text.lines().any(|line| line == MADE);
    if !ground.every_entry_asks(site, ArgumentTest::Absent) || passes_on || (text.contains(NAME) && !made) {
        return None;
    }
    let end = call.args.last()?.span.end as usize;
    let prelude = prelude_end(ground, &place.path, text)?;
    if prelude > call.span.start as usize {
        return None;
    }
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut changes = vec![(end..end, format!(", env={NAME}"))];
    if !made {
        changes.insert(0, (prelude..prelude, format!("{line_end}{MADE}{line_end}")));
    }
    let because = "what is set after this module is loaded no longer reaches the child".to_owned();
    let title = format!(
        "hand a copy of the environment, made before the threads start, to {}",
        info.display
    );
    Some(fix(title, Some(because), edits(&place.path, text, &changes)))
}

/// The end of the imports at the top of a module that imports `os` there, with nothing but comments between them.
fn prelude_end(ground: &Ground<'_, '_>, path: &str, text: &str) -> Option<usize> {
    let file = ground.engine.values.tree.files.iter().find(|file| file.path == path)?;
    let mut end: Option<usize> = None;
    let mut os = false;
    for import in file.imports.iter().filter(|import| is_top(text, import.span)) {
        let start = line_start(text, import.span.start as usize);
        let between = match end {
            Some(end) if start > end => text.get(end..start)?,
            _ => "",
        };
        let idle = |line: &str| line.trim().is_empty() || line.starts_with('#');
        if !between.lines().all(idle) {
            break;
        }
        os |= import.path == "os" && import.name.as_deref() == Some("os");
        let span_end = import.span.end as usize;
        let line_end = text
            .get(span_end..)?
            .find('\n')
            .map_or(text.len(), |at| span_end + at + 1);
        end = Some(line_end.max(end.unwrap_or(0)));
    }
    end.filter(|_| os)
}

/// The start of the line around an offset.
fn line_start(text: &str, offset: usize) -> usize {
    text.get(..offset)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1)
}

/// Whether the statement that holds the span begins its line without indentation.
fn is_top(text: &str, span: Span) -> bool {
    let line = text.get(line_start(text, span.start as usize)..).unwrap_or("");
    line.starts_with("import ") || line.starts_with("from ")
}
