//! How much work the model may do for one project. It is counted in steps and not in seconds, so that the same input ends at
//! the same place on every machine; what is not followed to its end is remembered, and said.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use crate::facts::{Problem, ProblemKind};

use super::tree::{FileId, FuncId, Tree};

/// How many steps the analysis of a project may take, unless somebody says otherwise. docs/reliability.md says what that
/// is in seconds and how far from it real projects are.
pub const STEPS: u64 = 1_000_000_000;

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
