//! How a variable is handed to one child, in Python and in Rust.

use std::collections::BTreeMap;

use crate::facts::{Call, Event, Function, Language, Piece, Span, StoreKind, Value};
use crate::knowledge::{ArgumentTest, MatchKind};
use crate::model::{FuncId, SiteId};

use super::{Bytes, Ground, Group, Set};

/// A run of events of one function, and what is known of its sites.
pub(super) struct Events<'a, 'p, 't> {
    pub ground: &'a Ground<'p, 't>,
    pub func: FuncId,
    pub function: &'a Function,
    pub run: &'a [&'a Event],
    /// The mutations of the function.
    pub mutations: &'a [SiteId],
    pub spawns: &'a BTreeMap<(FuncId, Span), SiteId>,
}

/// A mutation whose statement can be taken away.
struct Candidate {
    set: Set,
    /// The texts of its key and its value.
    key: String,
    value: String,
    /// Evaluating the value later is the same.
    plain: bool,
    /// Python: what was stored into (`os.environ`).
    base: String,
}

impl Events<'_, '_, '_> {
    /// The groups in this run: candidates that follow each other and then a spawn, nothing else between them.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        let mut pending: Vec<Candidate> = Vec::new();
        let mut chain: Vec<&Call> = Vec::new();
        for event in self.run {
            match event {
                Event::Load { .. } | Event::Drop { .. } => {}
                Event::Store { .. } => {
                    chain.clear();
                    match self.stored(event) {
                        Some(candidate) => pending.push(candidate),
                        None => pending.clear(),
                    }
                }
                Event::Call(index) => {
                    let call = &self.function.calls[index.0 as usize];
                    if let Some(spawn) = self.spawns.get(&(self.func, call.span)) {
                        chain.push(call);
                        groups.extend(self.group(std::mem::take(&mut pending), &chain, *spawn));
                        chain.clear();
                    } else if let Some(candidate) = self.called(call) {
                        chain.clear();
                        pending.push(candidate);
                    } else {
                        // A builder's methods begin where the spawn begins, which is only seen at the spawn.
                        chain.push(call);
                    }
                }
                _ => {
                    pending.clear();
                    chain.clear();
                }
            }
        }
        groups
    }

    fn site(&self, span: Span) -> Option<(SiteId, String)> {
        let sites = &self.ground.engine.sites;
        let site = self.mutations.iter().find(|site| sites.get(**site).span == span)?;
        Some((*site, sites.get(*site).variable.clone()?))
    }

    /// `os.environ["K"] = v` as a statement on a line of its own.
    fn stored(&self, event: &Event) -> Option<Candidate> {
        let Event::Store {
            target: Value::Item(..),
            kind: StoreKind::Assign,
            value,
            span,
            ..
        } = event
        else {
            return None;
        };
        let (site, variable) = self.site(*span)?;
        let text = self.ground.text(self.func)?;
        let target = text.get(span.start as usize..span.end as usize)?;
        let (base, key) = target.strip_suffix(']')?.split_once('[')?;
        let statement = line_of(text, span.start as usize)?;
        let line = text.get(statement.clone())?;
        let alone = text.get(statement.start..span.start as usize)?.trim().is_empty();
        let value_text = text
            .get(span.end as usize..statement.end)?
            .trim()
            .strip_prefix('=')?
            .trim();
        let named = base.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if !alone || !named || line.contains('\t') && line.contains('#') || !is_one_expression(value_text) {
            return None;
        }
        Some(Candidate {
            set: Set {
                site,
                variable,
                statement,
            },
            key: key.trim().to_owned(),
            value: value_text.to_owned(),
            plain: is_plain(value),
            base: base.to_owned(),
        })
    }

    /// `unsafe { std::env::set_var("K", v) };` as a statement on lines of its own.
    fn called(&self, call: &Call) -> Option<Candidate> {
        if self.ground.engine.sites.get(self.site(call.span)?.0).language != Language::Rust {
            return None;
        }
        let (site, variable) = self.site(call.span)?;
        let text = self.ground.text(self.func)?;
        let whole = text.get(call.span.start as usize..call.span.end as usize)?;
        let [key, value] = call.args.as_slice() else {
            return None;
        };
        let of = |span: Span| text.get(span.start as usize..span.end as usize).map(str::to_owned);
        if whole.contains('\n') || key.name.is_some() || value.name.is_some() {
            return None;
        }
        Some(Candidate {
            set: Set {
                site,
                variable,
                statement: rust_statement(text, call.span.start as usize, whole)?,
            },
            key: of(key.span)?,
            value: of(value.span)?,
            plain: is_plain(&value.value),
            base: String::new(),
        })
    }

    fn group(&self, candidates: Vec<Candidate>, chain: &[&Call], spawn: SiteId) -> Option<Group> {
        let language = self.ground.engine.sites.get(spawn).language;
        let call = *chain.last()?;
        if candidates.is_empty() {
            return None;
        }
        let (edit, in_place) = match language {
            Language::Python if chain.len() == 1 => (self.python(&candidates, call, spawn)?, false),
            Language::Rust => self.rust(&candidates, chain, spawn)?,
            _ => return None,
        };
        let mut edits: Vec<(Bytes, String)> = Vec::new();
        let text = self.ground.text(self.func)?;
        for candidate in &candidates {
            let statement = candidate.set.statement.clone();
            let replacement = if in_place {
                let receiver = &edit.1;
                let line = text.get(statement.clone())?;
                let indent: String = line.chars().take_while(|c| c.is_whitespace() && *c != '\n').collect();
                let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                format!("{indent}{receiver}.env({}, {});{end}", candidate.key, candidate.value)
            } else {
                String::new()
            };
            edits.push((statement, replacement));
        }
        if !in_place {
            edits.push(edit);
        }
        // Statements in order, then the spawn; anything else is not understood.
        let ordered = edits.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start);
        ordered.then(|| Group {
            path: self.ground.path(self.func).to_owned(),
            sets: candidates.into_iter().map(|candidate| candidate.set).collect(),
            spawn,
            edits,
        })
    }

    /// `env={**os.environ, "K": v}` behind the last argument, or around the live environment that is passed.
    fn python(&self, candidates: &[Candidate], call: &Call, spawn: SiteId) -> Option<(Bytes, String)> {
        let text = self.ground.text(self.func)?;
        let items: Vec<String> = candidates
            .iter()
            .map(|candidate| format!("{}: {}", candidate.key, candidate.value))
            .collect();
        let base = &candidates[0].base;
        let mapping = format!("{{**{base}, {}}}", items.join(", "));
        let later = candidates.iter().all(|candidate| candidate.plain);
        if candidates.iter().any(|candidate| candidate.base != *base)
            || !(later || call.args.iter().all(|arg| is_plain(&arg.value)))
            || call
                .args
                .iter()
                .any(|arg| matches!(arg.name.as_deref(), Some("*" | "**" | "env")))
        {
            return None;
        }
        if self.ground.every_entry_asks(spawn, ArgumentTest::Live) {
            let live = call.args.iter().find(|arg| {
                text.get(arg.span.start as usize..arg.span.end as usize) == Some(base.as_str()) && arg.name.is_none()
            })?;
            return Some((live.span.start as usize..live.span.end as usize, mapping));
        }
        if !self.ground.every_entry_asks(spawn, ArgumentTest::Absent) {
            return None;
        }
        let end = call.args.last()?.span.end as usize;
        Some((end..end, format!(", env={mapping}")))
    }

    /// `.env("K", v)` on the builder: behind its constructor, or, where it has a name, in place of the statements.
    fn rust(&self, candidates: &[Candidate], chain: &[&Call], spawn: SiteId) -> Option<((Bytes, String), bool)> {
        let catalog = self.ground.engine.values.catalog;
        let entries = &self.ground.engine.sites.get(spawn).entries;
        let has_env = entries.iter().all(|id| {
            let path = &catalog.entry(*id).path;
            let owner = path.rsplit_once("::").map_or("", |(owner, _)| owner);
            let method = format!("{owner}::env");
            !catalog.lookup(Language::Rust, MatchKind::Call, &method).is_empty()
        });
        let call = *chain.last()?;
        let first = *chain.first()?;
        if !has_env || entries.is_empty() || chain.iter().any(|part| part.span.start != call.span.start) {
            return None;
        }
        let text = self.ground.text(self.func)?;
        if let Value::Attribute(receiver, _) = &first.callee
            && matches!(**receiver, Value::Local(..))
        {
            let name: String = text
                .get(call.span.start as usize..)?
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            return (!name.is_empty()).then_some(((0..0, name), true));
        }
        let constructed = matches!(first.callee, Value::Path(_) | Value::Global(_));
        let later = candidates.iter().all(|candidate| candidate.plain);
        if !constructed || !(later || first.args.iter().all(|arg| is_plain(&arg.value))) {
            return None;
        }
        let end = first.span.end as usize;
        let calls: String = candidates
            .iter()
            .map(|candidate| format!(".env({}, {})", candidate.key, candidate.value))
            .collect();
        Some(((end..end, calls), false))
    }
}

/// A value that is the same, and costs nothing, whenever it is evaluated within these two statements.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::None | Value::Bool(_) | Value::Int(_) | Value::Local(..) | Value::Global(_) | Value::Path(_) => true,
        Value::Text(pieces) => pieces.iter().all(|piece| match piece {
            Piece::Literal(_) => true,
            Piece::Hole(inner) => is_plain(inner),
        }),
        Value::List(items) => items.iter().all(is_plain),
        _ => false,
    }
}

/// The line around an offset, with its end.
fn line_of(text: &str, offset: usize) -> Option<Bytes> {
    let start = text.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
    let end = text.get(offset..)?.find('\n').map_or(text.len(), |at| offset + at + 1);
    Some(start..end)
}

/// Whether a piece of Python is one expression that ends on its line: brackets closed, no comment, no second statement or
/// target, nothing that is only allowed at the top of a statement.
fn is_one_expression(text: &str) -> bool {
    let mut open = Vec::new();
    let mut quote: Option<char> = None;
    let mut last = ' ';
    for c in text.chars() {
        match (quote, c) {
            (_, '\\' | '#' | ';' | '\n') => return false,
            (Some(mark), c) if c == mark => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => open.push(c),
            // Each closing bracket takes its opening one along.
            (None, ')' | ']' | '}') if open.pop().is_none() => return false,
            (None, ',') if open.is_empty() => return false,
            (None, '=') if open.is_empty() => return false,
            (None, '=') if last == ':' => return false,
            _ => {}
        }
        last = c;
    }
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let odd = words
        .into_iter()
        .any(|word| matches!(word, "yield" | "await" | "lambda"));
    !text.is_empty() && quote.is_none() && open.is_empty() && !odd && !text.contains("'''") && !text.contains("\"\"\"")
}

/// The lines of a Rust statement that is this call alone, `unsafe` block, its line ends and a comment on its safety
/// included.
fn rust_statement(text: &str, offset: usize, call: &str) -> Option<Bytes> {
    let own = line_of(text, offset)?;
    let line = text.get(own.clone())?.trim();
    let inside = |line: &str| {
        let block = line.strip_prefix("unsafe")?.trim_start().strip_prefix('{')?.trim();
        let block = block
            .strip_suffix(';')
            .unwrap_or(block)
            .trim_end()
            .strip_suffix('}')?
            .trim();
        Some(block.strip_suffix(';').unwrap_or(block).trim_end().to_owned())
    };
    let mut range = own.clone();
    if inside(line).as_deref() == Some(call) {
        // One line says it all.
    } else if line.strip_suffix(';').map(str::trim_end) == Some(call) {
        let above = own.start.checked_sub(1).and_then(|end| line_of(text, end));
        let below = line_of(text, own.end).filter(|below| !below.is_empty());
        let said = |range: &Option<Bytes>| range.clone().and_then(|range| text.get(range)).map_or("", str::trim);
        if said(&above) == "unsafe {" {
            if !matches!(said(&below), "}" | "};") {
                return None;
            }
            range = above?.start..below?.end;
        }
    } else {
        return None;
    }
    Some(with_safety_comment(text, range))
}

/// Takes in a comment right above that says why the block is sound.
fn with_safety_comment(text: &str, range: Bytes) -> Bytes {
    let mut start = range.start;
    while let Some(above) = start.checked_sub(1).and_then(|end| line_of(text, end)) {
        let line = text.get(above.clone()).map_or("", str::trim);
        if !line.starts_with("//") {
            break;
        }
        start = above.start;
        if line.to_lowercase().starts_with("// safety") {
            return start..range.end;
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_expressions_are_moved() {
        for right in ["x", "'a,b' if x else y", "f(a=1, b=2)", "{'a': 1}['a']"] {
            assert!(is_one_expression(right), "{right}");
        }
        for wrong in [
            "a = b", "(1,", "x  # y", "x; y", "yield x", "1, 2", "'a", "", "(a := 1)", "'''a'''",
        ] {
            assert!(!is_one_expression(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_rust_statement_takes_its_block_and_its_proof_along() {
        let call = "set_var(\"A\", v)";
        let taken = |text: &str| {
            let offset = text.find("set_var").expect("the text of this test holds the call");
            rust_statement(text, offset, call).map(|range| text[range].to_owned())
        };
        for whole in [
            "    unsafe { set_var(\"A\", v) };\n",
            "    unsafe { set_var(\"A\", v); }\r\n",
            "set_var(\"A\", v);\n",
            "    unsafe {\n        set_var(\"A\", v);\n    }\n",
            "    // SAFETY: no other\n    // thread\n    unsafe { set_var(\"A\", v) }\n",
        ] {
            assert_eq!(taken(&format!("x();\n{whole}y();\n")).as_deref(), Some(whole));
        }
        assert_eq!(taken("unsafe { set_var(\"A\", v); other() }\n"), None);
        assert_eq!(taken("let x = set_var(\"A\", v);\n"), None);
        assert_eq!(taken("unsafe {\nset_var(\"A\", v);\nother();\n}\n"), None);
    }
}
