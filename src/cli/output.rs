//! Writing to the terminal or a pipe: colours as asked, and no noise where the reader has gone away.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

use crate::input::lower_case;
use crate::report::sanitise_line;

use super::args::Color;
use super::error::UserError;

/// Prints `text` to standard output; escape sequences are stripped where colours are not wanted.
///
/// # Errors
/// Where writing fails for another reason than a closed pipe (a full disk).
pub fn print(text: &str, color: Color) -> Result<(), UserError> {
    quiet(AutoStream::new(io::stdout(), choice(color)).lock(), text).map_err(failed)
}

/// Prints `text` to standard error likewise; failures have nowhere to go.
pub fn complain(text: &str, color: Color) {
    let _ = quiet(AutoStream::new(io::stderr(), choice(color)).lock(), text);
}

/// Prints warnings, a sentence each, to standard error.
pub fn warn(sentences: &[String], color: Color) {
    for sentence in sentences {
        let sentence = sanitise_line(sentence);
        complain(&format!("\x1b[1;33mwarning\x1b[0m: {sentence}\n"), color);
    }
}

/// Prints `text` to standard output byte for byte.
///
/// # Errors
/// As [`print`].
pub fn raw(text: &str) -> Result<(), UserError> {
    quiet(io::stdout().lock(), text).map_err(failed)
}

fn failed(error: io::Error) -> UserError {
    UserError::Output {
        cause: lower_case(&error),
    }
}

fn quiet(mut stream: impl Write, text: &str) -> io::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        // Whoever read has seen enough (`| head`).
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

fn choice(color: Color) -> ColorChoice {
    match color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
}
