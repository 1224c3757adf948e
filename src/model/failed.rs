//! Threads that could not be started: where a start says so there is no such thread.
//!
//! `if (pthread_create(…) != 0)` says it itself, and so does a function that passes the status on. A function of C that starts a thread
//! and says by a status or a handle of its own whether all went well (`if (begin(worker) < 0)`) may as well have failed after the
//! start: the thread is doubted there.

use crate::facts::{Condition, Event, Language, Value};
use crate::finding::Confidence;
use crate::knowledge::{ArgumentRef, Role};

use super::summary::{Certainty, StartId};
use super::tree::{CallSite, FuncId, each_event};
use super::values::Values;
use super::walk::Walk;

/// What is said of a thread whose starter says that something failed.
const TOLD: &str = "the function that starts the thread has said that it failed";

/// The values that a test has found to be true, or to be nought or nothing.
fn answers(test: &Condition, outcome: bool) -> Vec<(&Value, bool)> {
    match test {
        Condition::Not(inner) => answers(inner, !outcome),
        Condition::All(tests) if outcome => tests.iter().flat_map(|test| answers(test, true)).collect(),
        Condition::Any(tests) if !outcome => tests.iter().flat_map(|test| answers(test, false)).collect(),
        Condition::Truthy(value) => vec![(value, outcome)],
        Condition::Equal(value, Value::Int(0) | Value::None) | Condition::Equal(Value::Int(0) | Value::None, value) => {
            vec![(value, !outcome)]
        }
        // `== -1`, `< 0`, `> 0`; a name that it is compared with is that of success.
        Condition::Equal(value, Value::Int(_)) if outcome => vec![(value, true)],
        Condition::Equal(value, Value::Global(_)) if !outcome => vec![(value, true)],
        Condition::Less(value, Value::Int(0)) | Condition::Less(Value::Int(0), value) if outcome => vec![(value, true)],
        _ => Vec::new(),
    }
}

impl Walk<'_, '_> {
    /// Takes in what the test of an arm says of threads that were to be started.
    pub(super) fn hear_of_failures(&mut self, test: &Condition) {
        if self.state.live.is_empty() {
            return;
        }
        for (value, truthy) in answers(test, true) {
            for start in self.failed_if(value, truthy) {
                self.state.fail(start);
            }
            for start in self.doubted_if(value, truthy) {
                if let Some(live) = self.state.live.one(start) {
                    live.certainty = live.certainty.and(&Certainty::because(Confidence::Low, TOLD));
                }
            }
        }
    }

    /// The starts whose result a value is, where that says that they failed: a status that is not zero, or no handle.
    fn failed_if(&self, value: &Value, truthy: bool) -> Vec<StartId> {
        let Value::Call(owner, call) = self.latest(self.here, value) else {
            return Vec::new();
        };
        let site = (self.engine.values.closure(self.here, owner), call);
        let sites = self.engine.statuses(site);
        let failed = |start: &StartId| {
            let begun = self.engine.start(*start).site;
            sites.contains(&begun) && self.gives_handle(begun) != truthy
        };
        self.state.live.keys().copied().filter(failed).collect()
    }

    /// The threads that a callee has started, one each, which gave this value and says by it that something failed.
    fn doubted_if(&self, value: &Value, truthy: bool) -> Vec<StartId> {
        let values = &self.engine.values;
        if values.tree.language(self.here) != Language::C {
            return Vec::new();
        }
        let is_doubted = |start: &StartId| {
            let Some(live) = self.state.live.get(start).filter(|live| !live.many && live.count <= 1) else {
                return false;
            };
            let step = live.chain.first().filter(|step| step.function == self.here);
            let site = step.and_then(|step| values.tree.call_at(self.here, step.span));
            site.is_some_and(|site| values.is_what_gave(site, value) && values.failing_truth(site) == Some(truthy))
        };
        self.state.live.keys().copied().filter(is_doubted).collect()
    }

    /// The value is what a start gave, or the answer to trying for a lock.
    pub(super) fn is_status(&self, value: &Value) -> bool {
        let Value::Call(owner, call) = value else { return false };
        let site = (self.engine.values.closure(self.here, *owner), *call);
        !self.engine.statuses(site).is_empty()
    }

    /// Whether a start gives a handle, and nothing where it fails; else it gives a status, which is zero where it went well.
    fn gives_handle(&self, site: CallSite) -> bool {
        let values = &self.engine.values;
        values.meaning(site).entries.iter().any(|id| {
            let role = &values.catalog.entry(*id).role;
            matches!(
                role,
                Role::Start {
                    handle: ArgumentRef::Result,
                    ..
                }
            )
        })
    }
}

/// How functions say that something failed, by the constants that they return.
#[derive(Default)]
struct Returned {
    nothing: bool,
    words: bool,
    zero: bool,
    positive: bool,
    negative: bool,
    other: bool,
}

impl Values<'_> {
    /// Whether a value is what a call of the same function gave, itself or stored.
    fn is_what_gave(&self, site: CallSite, value: &Value) -> bool {
        let gives =
            |value: &Value| matches!(value, Value::Call(owner, call) if (self.closure(site.0, *owner), *call) == site);
        let mut found = gives(value);
        if matches!(value, Value::Local(..) | Value::Attribute(..) | Value::Global(_)) {
            each_event(&self.tree.function(site.0).body, &mut |event| {
                found |=
                    matches!(event, Event::Store { target, value: stored, .. } if target == value && gives(stored));
            });
        }
        found
    }

    /// Whether what a call gives is true where something failed in the function that is called; nothing where the function does not tell
    /// by what it returns. `NULL` and `FALSE` say that it failed, and so does a number below nought beside nought.
    fn failing_truth(&self, site: CallSite) -> Option<bool> {
        let meaning = self.meaning(site);
        let [edge] = meaning.edges.as_slice() else { return None };
        let mut found = Returned::default();
        for value in self.returns_of(edge.target) {
            self.note_returned(edge.target, value, &mut found);
        }
        let is_number = found.zero || found.positive || found.negative;
        if (found.words || found.nothing) && !is_number {
            Some(false)
        } else if found.negative && !found.positive && !found.words && !found.nothing && (found.zero || found.other) {
            Some(true)
        } else {
            None
        }
    }

    fn note_returned(&self, func: FuncId, value: &Value, found: &mut Returned) {
        match value {
            Value::None => found.nothing = true,
            Value::Bool(_) => found.words = true,
            Value::Global(name) if matches!(name.as_str(), "TRUE" | "FALSE" | "true" | "false") => found.words = true,
            Value::Int(0) => found.zero = true,
            Value::Int(number) => match *number < 0 {
                true => found.negative = true,
                false => found.positive = true,
            },
            Value::Local(owner, index) if self.closure(func, *owner) == func => {
                let stores = self.local_stores(func, *index);
                found.other |= stores.is_empty();
                for store in stores.iter().filter(|store| !matches!(store.value, Value::Local(..))) {
                    self.note_returned(func, store.value, found);
                }
            }
            _ => found.other = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::Language;
    use crate::finding::Confidence;
    use crate::model::pairs::pairs_of;

    /// How sure the pair is of a change in `main` with what a thread looks at that `begin` starts.
    fn confidence(begin: &str, main: &str) -> Vec<Confidence> {
        let text = format!(
            "static void *look(void *a) {{ getenv(\"A\"); return a; }}\n{begin}\nint main(void) {{ {main} return 0; }}"
        );
        let pairs = pairs_of(Language::C, &[("a.c", &text)]).into_iter();
        pairs.map(|pair| pair.certainty.confidence).collect()
    }

    #[test]
    fn a_thread_is_doubted_where_its_starter_says_that_it_failed() {
        let status = "static int begin(void) { pthread_t t; int e = pthread_create(&t, 0, look, 0); \
             if (e) return -1; if (note(t)) return -1; return 0; }";
        let set = "setenv(\"A\", \"1\", 1);";
        let failed = format!("if (begin() < 0) {{ {set} }}");
        assert_eq!(confidence(status, &failed), [Confidence::Low]);
        let kept = format!("int e; e = begin(); if (e < 0) {{ {set} }}");
        assert_eq!(confidence(status, &kept), [Confidence::Low]);
        let went_well = format!("if (begin() == 0) {{ {set} }}");
        assert_eq!(confidence(status, &went_well), [Confidence::High]);
        // What it returns says nothing that is known.
        let count = status.replace("return 0", "return 1");
        assert_eq!(confidence(&count, &failed), [Confidence::High]);
    }

    #[test]
    fn no_handle_says_that_it_failed() {
        let handle = "static pthread_t *begin(void) { pthread_t *t = get(); if (!t) return NULL; \
             if (pthread_create(t, 0, look, 0)) goto fail; return t; fail: put(t); return NULL; }";
        let set = "setenv(\"A\", \"1\", 1);";
        let failed = format!("struct s s; if (!(s.thread = begin())) {{ {set} }}");
        assert_eq!(confidence(handle, &failed), [Confidence::Low]);
        let went_well = format!("struct s s; if ((s.thread = begin())) {{ {set} }}");
        assert_eq!(confidence(handle, &went_well), [Confidence::High]);
    }
}
