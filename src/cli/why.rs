//! `envrace why PATH:LINE`: what is known of a place, and why it is or is not reported.

use std::path::Path;

use crate::detect;
use crate::report::sanitise_line;

use super::args::{Color, Why};
use super::error::UserError;
use super::exit::Exit;
use super::{output, rebase, scan};

/// Runs the command. Ends with [`Exit::Nothing`] where no mutation, spawn or read stands on the line.
///
/// # Errors
/// What stops the whole run.
pub fn run(why: &Why, color: Color) -> Result<Exit, UserError> {
    let (path, line) = place(&why.place)?;
    let lines = scan::with_threads(why.scan.jobs, || {
        let (analysis, relative, prefix, sources) = scan::run_for(Path::new(path), &why.scan)?;
        let lines = detect::why(&analysis, &relative, line);
        Ok::<_, UserError>(
            lines
                .iter()
                .map(|line| rebase::sentence(line, &prefix, &sources))
                .collect::<Vec<_>>(),
        )
    })??;
    if lines.is_empty() {
        let place = sanitise_line(&format!("{path}:{line}"));
        output::print(
            &format!("{place}: no mutation, spawn or read of the environment is known here\n"),
            color,
        )?;
        return Ok(Exit::Nothing);
    }
    let text: String = lines.iter().map(|line| sanitise_line(line) + "\n").collect();
    output::print(&text, color)?;
    Ok(Exit::Clean)
}

/// The path and the line of `path:line`; a column after it is passed over, since editors and compilers write one.
fn place(text: &str) -> Result<(&str, u32), UserError> {
    let wrong = || UserError::NoPlace { text: text.to_owned() };
    let (path, last) = text.rsplit_once(':').ok_or_else(wrong)?;
    let last: u32 = last.parse().map_err(|_| wrong())?;
    match path
        .rsplit_once(':')
        .and_then(|(path, line)| Some((path, line.parse().ok()?)))
    {
        Some((path, line)) if !path.is_empty() => Ok((path, line)),
        _ if path.is_empty() => Err(wrong()),
        _ => Ok((path, last)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_paths_with_a_line() {
        assert_eq!(place("a/b.py:12"), Ok(("a/b.py", 12)));
        assert_eq!(place("a/b.py:12:5"), Ok(("a/b.py", 12)));
        assert_eq!(place("c:x:12"), Ok(("c:x", 12)));
        for wrong in ["a.py", "a.py:", "a.py:x", ":3", ""] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
