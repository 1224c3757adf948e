//! `envrace confirm --emit DIR`: writes reproducers instead of replaying.

use std::path::Path;

use crate::confirm::{EmitError, Reproducer, may_hold_reproducers, reproducers, write_reproducer};
use crate::finding::Finding;
use crate::input::lower_case;
use crate::report::sanitise_line;

use super::args::Color;
use super::error::UserError;
use super::exit::Exit;
use super::output;

/// Writes one reproducer for each pattern of these findings: to the directory itself where there is one pattern, else to a
/// folder in it for each. Ends with [`Exit::Lost`] where a finding has none.
///
/// # Errors
/// Where the directory is somebody else's or cannot be written.
pub fn run(findings: &[Finding], directory: &Path, color: Color) -> Result<Exit, UserError> {
    let (made, without) = reproducers(findings);
    if made.len() > 1 {
        may_hold_reproducers(directory).map_err(refused)?;
    }
    for reproducer in &made {
        let folder = if made.len() == 1 {
            directory.to_owned()
        } else {
            directory.join(reproducer.slug())
        };
        write_reproducer(reproducer, &folder).map_err(refused)?;
        output::print(&written(reproducer, &folder), color)?;
    }
    for (index, reason) in &without {
        let mutation = &findings[*index].mutation.location;
        let line = format!("{}:{}: no reproducer: {reason}", mutation.path, mutation.line);
        output::complain(&format!("{}\n", sanitise_line(&line)), color);
    }
    if findings.is_empty() {
        output::print("no findings, so nothing was written\n", color)?;
    }
    Ok(if without.is_empty() { Exit::Clean } else { Exit::Lost })
}

fn written(reproducer: &Reproducer, folder: &Path) -> String {
    let count = reproducer.findings.len();
    let line = format!(
        "{}: {} in {}, for {count} finding{}; run it with {}",
        folder.display(),
        reproducer.pattern,
        reproducer.language.name(),
        if count == 1 { "" } else { "s" },
        folder.join("run.sh").display(),
    );
    sanitise_line(&line) + "\n"
}

fn refused(error: EmitError) -> UserError {
    let (path, cause, foreign) = match error {
        EmitError::Foreign(path) => (path, "it holds files that no reproducer left there".to_owned(), true),
        EmitError::NoDirectory(path) => (path, "it is not a directory".to_owned(), false),
        EmitError::Io(path, cause) => (path, lower_case(&cause), false),
    };
    UserError::Emit {
        path: path.display().to_string(),
        cause,
        foreign,
    }
}
