//! Ways that end in an abort: `if (!ok) { log_error("…"); abort(); }`, and what asserts expand to. Whoever goes one has
//! failed already, and what the way does to the environment before its end matters little: it is weakened, not dropped.

use crate::facts::{Event, Node, Region, RegionKind};
use crate::finding::Confidence;
use crate::knowledge::Role;

use super::summary::Certainty;
use super::tree::{CallSite, FuncId, each_event};
use super::values::Values;

/// So many calls into each other are followed on the way to an abort.
const DEEPEST: u32 = 4;

/// A call that may mean more functions than this is not taken to abort.
const MOST_MEANINGS: usize = 2;

/// How sure something is on such a way.
pub(super) fn doubt() -> Certainty {
    Certainty::because(
        Confidence::Low,
        "the way there ends in an abort: it is taken only where something has failed already",
    )
}

impl Values<'_> {
    /// Whether whoever comes into an arm of `func` surely aborts at its end.
    pub(super) fn fails(&self, func: FuncId, arm: &Region) -> bool {
        self.ends_in_abort(func, &arm.nodes, 0)
    }

    fn ends_in_abort(&self, func: FuncId, nodes: &[Node], depth: u32) -> bool {
        // What stands behind the last call is never come to.
        let is_way_out = |node: &Node| matches!(node, Node::Event(event) if leaves(event) || is_drop(event));
        let end = nodes.iter().rposition(|node| !is_way_out(node));
        let Some((last, before)) = end.and_then(|end| nodes[..=end].split_last()) else {
            return false;
        };
        let aborts = match last {
            Node::Event(Event::Call(call)) => self.aborts((func, *call), depth),
            // What a macro is in some builds, and may be nothing in others.
            Node::Region(region) => {
                let is_plain = matches!(region.kind, RegionKind::Seq | RegionKind::Conditional { .. });
                is_plain && self.ends_in_abort(func, &region.nodes, depth)
            }
            Node::Event(_) => false,
        };
        aborts && !before.iter().any(goes_elsewhere)
    }

    /// Whether a call surely ends the process because something went wrong.
    fn aborts(&self, site: CallSite, depth: u32) -> bool {
        let meaning = self.meaning(site);
        let fails = |id: &crate::knowledge::EntryId| matches!(self.catalog.entry(*id).role, Role::Exit { fails: true });
        let ends = |target: FuncId| self.ends_in_abort(target, &self.tree.function(target).body.nodes, depth + 1);
        let targets = &meaning.edges;
        let followed = depth < DEEPEST && (1..=MOST_MEANINGS).contains(&targets.len());
        meaning.entries.iter().any(fails) || (followed && targets.iter().all(|edge| ends(edge.target)))
    }
}

/// Whether what follows a node may be left out, or be come to past the node.
fn goes_elsewhere(node: &Node) -> bool {
    match node {
        Node::Event(event) => leaves(event),
        Node::Region(region) => {
            let mut found = false;
            each_event(region, &mut |event| found |= leaves(event));
            found
        }
    }
}

fn is_drop(event: &Event) -> bool {
    matches!(event, Event::Drop { .. })
}

fn leaves(event: &Event) -> bool {
    matches!(
        event,
        Event::Return { .. }
            | Event::Break
            | Event::Continue
            | Event::Jump { .. }
            | Event::Label { .. }
            | Event::Raise { .. }
            | Event::Yield { .. }
    )
}
