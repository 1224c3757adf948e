//! From paths relative to a project's root to those that the user sees. Fingerprints were made before, from the former,
//! so that they do not depend on the folder in which the command was run.

use crate::finding::{Finding, Location, Site};
use crate::input::Prefix;

/// Rewrites every path of a finding.
pub fn finding(finding: &mut Finding, prefix: &Prefix) {
    site(&mut finding.mutation, prefix);
    if let Some(partner) = &mut finding.partner {
        site(partner, prefix);
    }
    for thread in &mut finding.overlap.threads {
        place(&mut thread.created, prefix);
        place(&mut thread.start, prefix);
        if let Some(joined) = &mut thread.joined {
            place(joined, prefix);
        }
    }
}

fn site(site: &mut Site, prefix: &Prefix) {
    place(&mut site.location, prefix);
    for step in &mut site.chain {
        step.path = prefix.show(&step.path);
    }
}

fn place(place: &mut Location, prefix: &Prefix) {
    place.path = prefix.show(&place.path);
}
