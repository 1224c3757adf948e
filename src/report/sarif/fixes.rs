//! The fix of a finding as SARIF knows it: for each file, which regions to replace by which text.

use crate::finding::{Edit, Finding, Location, Safety};

use super::Writer;
use super::document::{ArtifactChange, Fix, Region, Replacement, Text};

/// The fix that may be applied without a look at it, as `--fix` does; none where there is none or it is not safe.
pub fn fixes(writer: &Writer, finding: &Finding) -> Vec<Fix> {
    let safe = finding.fix.iter().filter(|fix| fix.safety == Safety::Safe);
    safe.map(|fix| {
        let mut changes: Vec<ArtifactChange> = Vec::new();
        let mut last = None;
        for edit in &fix.edits {
            // Edits are in the order of their places, so that those of one file follow each other.
            if last != Some(&edit.location.path) {
                changes.push(ArtifactChange {
                    artifact_location: writer.artifact(&edit.location.path),
                    replacements: Vec::new(),
                });
                last = Some(&edit.location.path);
            }
            if let Some(change) = changes.last_mut() {
                change.replacements.push(replacement(edit));
            }
        }
        Fix {
            description: super::text(&fix.title),
            artifact_changes: changes,
        }
    })
    .collect()
}

/// What is inserted is text of a file, not a message: nothing in it is taken for a link or a placeholder.
fn replacement(edit: &Edit) -> Replacement {
    Replacement {
        deleted_region: whole(&edit.location),
        inserted_content: Text {
            text: edit.replacement.clone(),
        },
    }
}

/// A region with all four of its numbers: without the end, it would reach to the end of the line (3.30.8), and what is
/// only inserted would delete it.
fn whole(place: &Location) -> Region {
    Region {
        start_line: place.line,
        start_column: Some(place.column),
        end_line: Some(place.end_line),
        end_column: Some(place.end_column),
        snippet: None,
    }
}
