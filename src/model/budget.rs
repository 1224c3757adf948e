//! How much work the model may do for one project. It is counted in steps and not in seconds, so that the same input ends at
//! the same place on every machine; what is not followed to its end is remembered, and said.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::facts::{Problem, ProblemKind};

use super::tree::{FileId, FuncId, Tree};

/// How many steps the analysis of a project may take, unless somebody says otherwise. docs/reliability.md says what that
/// is in seconds and how far from it real projects are.
pub const STEPS: u64 = 500_000_000;

/// How deep calls and the blocks in them may nest. A frontend lets through at most half of it in one function.
const DEEPEST: u32 = 20_000;

/// How many files are named one by one.
const NAMED: usize = 50;

/// Why a function was not followed to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// The steps were used up.
    Steps,
    /// Calls nest too deeply on the way to it.
    Depth,
    /// The analysis has a mistake.
    Failed,
}

/// The steps that are left, and what was cut.
#[derive(Debug)]
pub struct Budget {
    most: u64,
    left: Cell<u64>,
    depth: Cell<u32>,
    cut: RefCell<BTreeMap<FuncId, Cut>>,
    /// The walk of this function is to fail.
    #[cfg(test)]
    pub fails_in: Cell<Option<FuncId>>,
}

impl Budget {
    /// An allowance of `most` steps.
    pub fn new(most: u64) -> Budget {
        Budget {
            most,
            left: Cell::new(most),
            depth: Cell::new(0),
            cut: RefCell::default(),
            #[cfg(test)]
            fails_in: Cell::new(None),
        }
    }

    /// Takes `steps`; false where there are none left.
    pub fn spend(&self, steps: u64) -> bool {
        let left = self.left.get().saturating_sub(steps);
        self.left.set(left);
        left > 0
    }

    /// Nothing is left.
    pub fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// How many steps were taken.
    pub fn taken(&self) -> u64 {
        self.most - self.left.get()
    }

    /// The next part of the work gets an allowance of its own: what was found is to be told, whatever finding it took.
    pub fn begin_anew(&self) {
        self.left.set(self.most);
    }

    /// Goes one level deeper; false where that is too deep, and nothing is to be left again then.
    pub fn enter(&self) -> bool {
        let deeper = !self.is_too_deep();
        self.depth.set(self.depth.get() + u32::from(deeper));
        deeper
    }

    /// Nothing may lie deeper than where the walk is.
    pub fn is_too_deep(&self) -> bool {
        self.depth.get() >= DEEPEST
    }

    /// Comes back from where [`Budget::enter`] led.
    pub fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }

    /// How deep the walk is.
    pub fn depth(&self) -> u32 {
        self.depth.get()
    }

    /// Goes back to a depth from before a failure.
    pub fn return_to(&self, depth: u32) {
        self.depth.set(depth);
    }

    /// Remembers that a function was not followed to its end; the gravest reason counts.
    pub fn cut(&self, function: FuncId, why: Cut) {
        let mut cut = self.cut.borrow_mut();
        let known = cut.entry(function).or_insert(why);
        *known = why.max(*known);
    }

    /// What was cut, as problems of the files in which it stands.
    pub fn problems(&self, tree: &Tree) -> Vec<Problem> {
        let mut by_file: BTreeMap<(Cut, FileId), Vec<FuncId>> = BTreeMap::new();
        for (function, why) in self.cut.borrow().iter() {
            by_file
                .entry((*why, tree.file_of(*function)))
                .or_default()
                .push(*function);
        }
        let mut problems = Vec::new();
        for why in [Cut::Steps, Cut::Depth, Cut::Failed] {
            let files: Vec<_> = by_file.iter().filter(|((kind, _), _)| *kind == why).collect();
            let named = files.iter().take(NAMED);
            problems.extend(named.map(|((_, file), functions)| self.problem(tree, why, *file, functions)));
            if let Some(((_, file), functions)) = files.get(NAMED) {
                let rest = files.len() - NAMED;
                let mut last = self.problem(tree, why, *file, functions);
                last.message = format!("{}; so it is with {rest} files from here on", last.message);
                problems.push(last);
            }
        }
        problems
    }

    fn problem(&self, tree: &Tree, why: Cut, file: FileId, functions: &[FuncId]) -> Problem {
        let first = functions
            .iter()
            .map(|func| tree.function(*func))
            .min_by_key(|function| function.span.start);
        let name = first.map_or("", |function| function.name.as_str());
        let others = match functions.len() {
            0 | 1 => String::new(),
            2 => " and one more function".to_owned(),
            many => format!(" and {} more functions", many - 1),
        };
        let (kind, message) = match why {
            Cut::Steps => (
                ProblemKind::Limit,
                format!(
                    "the analysis ended after {} steps: what `{name}`{others} of this file do is not known to its end; --max-steps raises the limit",
                    self.most
                ),
            ),
            Cut::Depth => (
                ProblemKind::Limit,
                format!(
                    "calls nest more than {DEEPEST} deep: `{name}`{others} of this file were not followed from there"
                ),
            ),
            Cut::Failed => (
                ProblemKind::Parse,
                format!("an internal error in the analysis of `{name}`{others}; please report it with this file"),
            ),
        };
        Problem {
            path: tree.file(file).path.clone(),
            kind,
            message,
            line: first.map(|function| function.span.line.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Language;
    use crate::frontend;
    use crate::input::Source;
    use crate::knowledge::{Catalog, Target};
    use crate::model::{Engine, Extent, Program};

    fn tree(text: &str) -> Tree {
        let source = Source {
            path: "a.py".to_owned(),
            language: Language::Python,
            text: text.to_owned(),
        };
        Tree::new(vec![frontend::lower(&source).0])
    }

    /// The walk over a text; `prepare` is told of the engine before.
    fn walked(text: &str, steps: u64, prepare: impl FnOnce(&Engine<'_>)) -> (usize, Vec<Problem>) {
        let tree = tree(text);
        let (catalog, target) = (Catalog::builtin(), Target::default());
        let engine = Engine::new(&tree, &catalog, steps);
        prepare(&engine);
        let Program { engine, .. } = crate::model::program::walk_all(engine, &target, Extent::Acts);
        (engine.pairs.iter().count(), engine.values.budget.problems(&tree))
    }

    const RACE: &str = "import os, threading\ndef work():\n    os.system('x')\ndef race():\n    threading.Thread(target=work).start()\n    \
        os.environ['A'] = 'b'\ndef other():\n    race()\ndef bad():\n    other()\n";

    #[test]
    fn a_failure_in_one_function_costs_that_function() {
        let (pairs, problems) = walked(RACE, STEPS, |_| {});
        assert!(pairs == 1 && problems.is_empty(), "{pairs} {problems:?}");
        let fail = |name: &'static str| {
            walked(RACE, STEPS, move |engine| {
                let tree = engine.values.tree;
                let named = tree.functions().find(|func| tree.function(*func).name == name);
                engine.values.budget.fails_in.set(named);
            })
        };
        let (pairs, problems) = fail("bad");
        assert_eq!(pairs, 1, "what stands beside it is found");
        assert_eq!(
            (problems[0].kind, problems[0].line),
            (ProblemKind::Parse, Some(9)),
            "{problems:?}"
        );
        assert!(
            problems[0]
                .message
                .contains("an internal error in the analysis of `bad`;"),
            "{problems:?}"
        );
        let (pairs, problems) = fail("race");
        assert_eq!((pairs, problems.len()), (0, 1), "{problems:?}");
    }

    #[test]
    fn what_nests_too_deeply_is_walked_on_from_there() {
        let many = DEEPEST as usize / 2 + 10;
        let calls = (0..many).map(|n| format!("def f{n}():\n    f{}()\n", n + 1));
        let text = format!(
            "{}{}",
            calls.collect::<String>(),
            RACE.replace("work", &format!("f{many}"))
        );
        let (pairs, problems) = walked(&text, STEPS, |_| {});
        assert_eq!(pairs, 1);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].kind, ProblemKind::Limit);
        assert!(problems[0].message.contains("20000 deep"), "{problems:?}");
    }

    #[test]
    fn steps_are_counted_and_what_is_left_is_said() {
        let budget = Budget::new(3);
        assert!(budget.spend(2) && !budget.spend(5) && budget.is_spent());
        assert_eq!(budget.taken(), 3);
        let (pairs, problems) = walked(RACE, 1, |_| {});
        assert_eq!(pairs, 0);
        assert!(
            problems[0].message.contains("after 1 steps") && problems[0].message.contains("more functions"),
            "{problems:?}"
        );
    }
}
