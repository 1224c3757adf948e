//! Where reports go: standard output in one format, and files in any.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::input::lower_case;
use crate::report::{self, Report};

use super::args::{Color, Format};
use super::error::UserError;
use super::{output, write};

/// `--output FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputArg {
    pub format: Format,
    /// None: standard output.
    pub file: Option<PathBuf>,
}

impl std::str::FromStr for OutputArg {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputArg, String> {
        let (format, file) = text
            .split_once('=')
            .ok_or("write it as FORMAT=FILE, for example sarif=envrace.sarif")?;
        let known = || {
            let names: Vec<&str> = Format::value_variants().iter().map(|format| format.name()).collect();
            names.join(", ")
        };
        let format =
            Format::from_str(format, false).map_err(|_| format!("no format `{format}`: there are {}", known()))?;
        match file {
            "" => Err("the file's name is missing behind the equals sign".to_owned()),
            "-" => Ok(OutputArg { format, file: None }),
            file => Ok(OutputArg {
                format,
                file: Some(PathBuf::from(file)),
            }),
        }
    }
}

/// What is to be written where.
#[derive(Debug)]
pub struct Reports {
    stdout: Format,
    files: Vec<(Format, PathBuf)>,
}

impl Reports {
    /// Sorts out `--format` and `--output`, and looks whether the files can be made, so that nobody waits for an analysis
    /// whose result has nowhere to go.
    ///
    /// # Errors
    /// Two reports for one place, or a file that cannot be made.
    pub fn plan(format: Option<Format>, outputs: &[OutputArg]) -> Result<Reports, UserError> {
        let mut stdout = format;
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        for output in outputs {
            match &output.file {
                None if stdout.is_some() => return Err(twice("-")),
                None => stdout = Some(output.format),
                Some(file) if files.iter().any(|(_, known)| known == file) => {
                    return Err(twice(&file.to_string_lossy()));
                }
                Some(file) => {
                    writable(file)?;
                    files.push((output.format, file.clone()));
                }
            }
        }
        Ok(Reports {
            stdout: stdout.unwrap_or(Format::Human),
            files,
        })
    }

    /// Writes all. What one of them meets does not keep the others from being written; the first error is returned.
    ///
    /// # Errors
    /// Where something cannot be written.
    pub fn write(&self, report: &Report, color: Color) -> Result<(), UserError> {
        self.write_with(report, None, color)
    }

    /// As [`Reports::write`]; `document` stands for the JSON of the report, where that knows more.
    ///
    /// # Errors
    /// As [`Reports::write`].
    pub fn write_with(&self, report: &Report, document: Option<&str>, color: Color) -> Result<(), UserError> {
        let text_in = |format: Format| match (format, document) {
            (Format::Json, Some(document)) => document.to_owned(),
            (format, _) => render(format, report),
        };
        let mut first = Ok(());
        for (format, file) in &self.files {
            first = first.and(write_file(file, &plain(*format, &text_in(*format))));
        }
        let text = text_in(self.stdout);
        first = first.and(if self.stdout.is_prose() {
            output::print(&text, color)
        } else {
            output::raw(&text)
        });
        let silent = |format: &Format| *format == Format::Gitlab;
        if silent(&self.stdout) && self.files.iter().all(|(format, _)| silent(format)) {
            // That format has no place for what went wrong.
            output::complain(&report::summary(report), color);
        }
        first
    }
}

fn twice(place: &str) -> UserError {
    UserError::OutputTwice { path: place.to_owned() }
}

/// The report in a format, with escape sequences where it is for people.
fn render(format: Format, report: &Report) -> String {
    match format {
        Format::Human => report::human(report),
        Format::Concise => report::concise(report),
        Format::Json => report::json(report),
        Format::Jsonl => report::jsonl(report),
        Format::Sarif => report::sarif(report),
        Format::Github => report::github(report),
        Format::Gitlab => report::gitlab(report),
    }
}

/// The text of a report for a file.
fn plain(format: Format, text: &str) -> String {
    if format.is_prose() {
        anstream::adapter::strip_str(text).to_string()
    } else {
        text.to_owned()
    }
}

/// Whether pictures are wanted: not where the terminal says that it cannot show them, which is also how people who use
/// a screen reader ask programs for prose.
pub fn pictures() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether somebody watches standard error.
pub fn watched() -> bool {
    io::stderr().is_terminal()
}

/// Looks whether `file` can be written, without making it.
///
/// # Errors
/// It is a folder, or its folder is not there.
pub fn writable(file: &Path) -> Result<(), UserError> {
    let wrong = |cause: String| {
        Err(UserError::OutputPath {
            path: file.to_string_lossy().into_owned(),
            cause,
        })
    };
    if file.is_dir() {
        return wrong("it is a folder".to_owned());
    }
    let folder = folder_of(file);
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => wrong(format!("`{}` is not a folder", folder.display())),
        Err(error) => wrong(format!("`{}`: {}", folder.display(), lower_case(&error))),
    }
}

fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Writes a file whole or not at all: whoever reads it meanwhile sees the old one.
///
/// # Errors
/// Where the system refuses.
pub fn write_file(file: &Path, text: &str) -> Result<(), UserError> {
    if !fs::metadata(file).is_ok_and(|old| !old.is_file()) {
        return write::atomically(file, text.as_bytes());
    }
    // A device or pipe has nothing to be replaced.
    let open = fs::OpenOptions::new().write(true).open(file);
    let written = open.and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|error| UserError::Unwritable {
        file: file.to_string_lossy().into_owned(),
        cause: lower_case(&error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_a_format_and_a_file() {
        let parsed = |text: &str| text.parse::<OutputArg>();
        assert_eq!(
            parsed("sarif=a=b.sarif"),
            Ok(OutputArg {
                format: Format::Sarif,
                file: Some(PathBuf::from("a=b.sarif")),
            })
        );
        assert_eq!(
            parsed("json=-"),
            Ok(OutputArg {
                format: Format::Json,
                file: None,
            })
        );
        assert!(parsed("sarif").is_err_and(|error| error.contains("FORMAT=FILE")));
        assert!(parsed("sarf=x").is_err_and(|error| error.contains("sarif")));
        assert!(parsed("sarif=").is_err());
    }
}
