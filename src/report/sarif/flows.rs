//! How the two sides of a finding come to overlap, as a code flow with one thread flow for each thread: the thread that
//! starts the other, and each thread that was started.

use crate::finding::{Finding, Site};

use super::Writer;
use super::document::{CodeFlow, Location, ThreadFlow, ThreadFlowLocation};

/// One thread flow while it is made.
struct Lane {
    id: String,
    says: String,
    locations: Vec<ThreadFlowLocation>,
}

impl Lane {
    fn new(id: String, says: String) -> Lane {
        Lane {
            id,
            says,
            locations: Vec::new(),
        }
    }
}

/// The code flow of a finding; none for one that is about no thread.
pub fn flows(writer: &Writer, finding: &Finding) -> Vec<CodeFlow> {
    if finding.overlap.threads.is_empty() {
        return Vec::new();
    }
    let mut order = 0;
    let mut add = |lane: &mut Lane, location: Location, level: usize, importance: &'static str| {
        order += 1;
        lane.locations.push(ThreadFlowLocation {
            location,
            nesting_level: level,
            execution_order: order,
            importance,
        });
    };
    let ancestor = &finding.overlap.ancestor;
    let mut starter = Lane::new("starter".to_owned(), format!("the thread that runs {ancestor}"));
    for thread in &finding.overlap.threads {
        if thread.created != thread.start {
            let says = format!("the thread of {} is made here", thread.entry);
            add(
                &mut starter,
                writer.location(&thread.created, None, &says),
                0,
                "important",
            );
        }
        let says = format!("the thread of {} starts here", thread.entry);
        add(
            &mut starter,
            writer.location(&thread.start, None, &says),
            0,
            "essential",
        );
    }
    // The partner comes first: that order is the schedule of which the finding tells.
    let partner = finding.partner.iter().map(|site| (site, finding.partner_kind.name()));
    let mut others: Vec<Lane> = Vec::new();
    for (site, role) in partner.chain([(&finding.mutation, "mutation")]) {
        let mut lane = lane_of(finding, site, &others);
        let target = lane.as_mut().unwrap_or(&mut starter);
        for (level, step) in site.chain.iter().enumerate() {
            add(target, writer.step(step), level, "important");
        }
        let says = format!("{role}: {}", site.api);
        let location = writer.location(&site.location, Some(&site.function), &says);
        add(target, location, site.chain.len(), "essential");
        others.extend(lane);
    }
    let message = finding.interleaving.iter().enumerate();
    let message: Vec<String> = message.map(|(index, step)| format!("{}. {step}", index + 1)).collect();
    let thread_flows = std::iter::once(starter).chain(others).map(|lane| ThreadFlow {
        id: super::plain(&lane.id),
        message: super::text(&lane.says),
        locations: lane.locations,
    });
    vec![CodeFlow {
        message: super::text(&message.join("; ")),
        thread_flows: thread_flows.collect(),
    }]
}

/// The thread that makes an access; none where it is the one that started the others.
fn lane_of(finding: &Finding, site: &Site, others: &[Lane]) -> Option<Lane> {
    let index = site.thread? as usize;
    let thread = finding.overlap.threads.get(index)?;
    let mut id = format!("thread {}", index + 1);
    let mut says = format!("the thread of {}", thread.entry);
    // Both sides in threads of one start: two of the many.
    if others.iter().any(|lane| lane.id == id) {
        id.push_str(", another one");
        says = format!("another {says}");
    }
    Some(Lane::new(id, says))
}
