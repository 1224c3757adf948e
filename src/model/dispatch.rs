//! A call of a method that several classes have, each of its own. On an object whose class started a thread in one method it is the
//! other method of that class that is called: `def run(self): self.set_up(); self.tear_down()` joins what `set_up` of a class has
//! started where the `tear_down` of that class does, whatever other classes have.

use super::needs::Need;
use super::state::{PathEnd, State};
use super::summary::Live;
use super::tree::{CallSite, FuncId};
use super::values::Values;

/// The functions that one call may mean, each with the place of the path that it takes.
#[derive(Debug, Default)]
pub(super) struct Dispatch {
    targets: Vec<(FuncId, usize)>,
    /// The path of all those that do nothing.
    quiet: Option<usize>,
}

impl Dispatch {
    /// A function that takes a path of its own.
    pub(super) fn add(&mut self, target: FuncId, path: usize) {
        self.targets.push((target, path));
    }

    /// A function that does nothing; whether it is the first of these, whose path is the next one.
    pub(super) fn add_quiet(&mut self, target: FuncId, next: usize) -> bool {
        let is_first = self.quiet.is_none();
        let path = *self.quiet.get_or_insert(next);
        self.targets.push((target, path));
        is_first
    }

    /// Where a thread that was alive `before` has ended on all paths that an object can take whose class started it, it has ended.
    pub(super) fn settle(&self, values: &Values<'_>, site: CallSite, before: &State, ends: &mut [PathEnd]) {
        let started_by_class = |live: &&std::rc::Rc<Live>| live.story.needs.iter().any(Need::is_of_method);
        for live in before.live.values().filter(started_by_class) {
            if ends.iter().all(|end| end.state.live.contains_key(&live.start)) {
                continue;
            }
            let can_take = |target: FuncId| {
                let need = values.method_need(site, target, false);
                let excluded = |need: &Need| live.story.needs.iter().any(|own| values.exclude_each_other(own, need));
                !need.as_ref().is_some_and(excluded)
            };
            let taken: Vec<usize> = self
                .targets
                .iter()
                .filter(|(target, _)| can_take(*target))
                .map(|(_, path)| *path)
                .collect();
            let has_ended = |path: &usize| !ends[*path].state.live.contains_key(&live.start);
            if taken.is_empty() || !taken.iter().all(has_ended) {
                continue;
            }
            for end in &mut *ends {
                end.state.live.change().remove(&live.start);
            }
        }
    }
}
