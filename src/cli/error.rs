//! Every error that a user can meet, in one place: a title, the cause, what helps, and the exit code. All are lower-case
//! fragments. What goes wrong with single files of a project is no error but a problem in the report.

use std::fmt::Write;

use crate::knowledge::{CatalogError, TargetError};
use crate::report::{EarlierError, sanitise_line};

use super::exit::Exit;

/// A place in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// How many characters the caret spans, at least 1.
    pub width: u32,
    /// The line's text.
    pub text: String,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserError {
    /// A path given by hand is not there.
    PathMissing { path: String, cause: String },
    /// A path given by hand is a pipe, socket or device.
    PathSpecial { path: String },
    /// `-` without a word on its language.
    StdinLanguage,
    /// `--config` names a file that cannot be read, or one that was found cannot be.
    ConfigUnreadable { file: String, cause: String },
    /// The configuration is wrong at a place.
    Config {
        at: Excerpt,
        cause: String,
        help: Option<String>,
    },
    /// An `[[api]]` entry of the configuration is wrong.
    Api { error: CatalogError, text: String },
    /// `--target` cannot be understood.
    Target { spec: String, error: TargetError },
    /// `why` was not given `PATH:LINE`.
    NoPlace { text: String },
    /// `explain` or `--rule` names no rule (and no API).
    UnknownName { text: String, help: Option<String> },
    /// `man` was asked for a command that does not exist.
    UnknownCommand { text: String, help: Option<String> },
    /// A baseline cannot be read.
    BaselineUnreadable { file: String, cause: String },
    /// The text of a baseline is none.
    Baseline { at: Excerpt, cause: String },
    /// A file cannot be written.
    Unwritable { file: String, cause: String },
    /// `--since` or `--staged` outside of a working tree.
    NoRepository { path: String },
    /// `--since` names no commit.
    NoCommit { reference: String },
    /// git is not there.
    GitMissing { cause: String },
    /// git refused.
    GitFailed { command: String, cause: String },
    /// A reproducer cannot be written to this folder; `foreign` where that is because of what it holds.
    Emit { path: String, cause: String, foreign: bool },
    /// `--report` names a file that cannot be read.
    ReportUnreadable { file: String, cause: String },
    /// `--report` names a file that is no report.
    ReportWrong { file: String, error: EarlierError },
    /// `apis --effect` names no effect.
    UnknownEffect { text: String, help: String },
    /// `explain -` cannot read its input.
    LogUnreadable { cause: String },
    /// `target --save` cannot write its file.
    TargetUnsaved {
        file: String,
        cause: String,
        help: Option<String>,
    },
    /// `run`: there is no such program.
    CommandMissing { command: String },
    /// `run`: the program cannot be executed.
    CommandRefused { command: String, cause: String },
    /// `run`: nothing can be observed here, so that the program was not run.
    Unobserved { command: String, cause: String },
    /// Threads could not be made.
    Threads { cause: String },
    /// Standard output could not be written.
    Output { cause: String },
    /// A file for a report cannot be made at that place.
    OutputPath { path: String, cause: String },
    /// A plan or sweep is asked for in a format that it does not come in.
    PlanFormat { format: &'static str },
    /// Two reports are to go to one place.
    OutputTwice { path: String },
    /// `cache clean` cannot remove what is kept.
    CacheStays { folder: String, cause: String },
}

impl UserError {
    /// What went wrong, in a few words.
    pub fn title(&self) -> String {
        match self {
            UserError::PathMissing { path, .. } => format!("cannot analyse `{path}`"),
            UserError::PathSpecial { path } => format!("cannot analyse `{path}`"),
            UserError::StdinLanguage => "cannot tell the language of standard input".to_owned(),
            UserError::ConfigUnreadable { file, .. } => format!("cannot read the configuration `{file}`"),
            UserError::Config { .. } | UserError::Api { .. } => "the configuration is wrong".to_owned(),
            UserError::Target { spec, .. } => format!("cannot understand the target `{spec}`"),
            UserError::NoPlace { text } => format!("`{text}` is no place in a file"),
            UserError::UnknownCommand { text, .. } => format!("`{text}` is no command"),
            UserError::UnknownName { text, .. } => format!("`{text}` is no rule, known API, exit code or error"),
            UserError::LogUnreadable { .. } => "cannot read the log from standard input".to_owned(),
            UserError::TargetUnsaved { file, .. } => format!("cannot save the target to `{file}`"),
            UserError::UnknownEffect { text, .. } => format!("`{text}` is no effect"),
            UserError::BaselineUnreadable { file, .. } => format!("cannot read the baseline `{file}`"),
            UserError::Baseline { .. } => "the baseline is wrong".to_owned(),
            UserError::Unwritable { file, .. } => format!("cannot write `{file}`"),
            UserError::NoRepository { path } => format!("cannot tell which lines are changed in `{path}`"),
            UserError::NoCommit { reference } => format!("`{reference}` is no commit"),
            UserError::GitMissing { .. } => "cannot run git".to_owned(),
            UserError::GitFailed { command, .. } => format!("`{command}` failed"),
            UserError::Emit { path, .. } => format!("cannot write a reproducer to `{path}`"),
            UserError::ReportUnreadable { file, .. } => format!("cannot read the report `{file}`"),
            UserError::ReportWrong { file, .. } => format!("cannot use the report `{file}`"),
            UserError::CommandMissing { command } | UserError::CommandRefused { command, .. } => {
                format!("cannot run `{command}`")
            }
            UserError::Unobserved { command, .. } => format!("`{command}` was not run"),
            UserError::Threads { .. } => "cannot start worker threads".to_owned(),
            UserError::Output { .. } => "cannot write the output".to_owned(),
            UserError::OutputPath { path, .. } => format!("cannot write `{path}`"),
            UserError::PlanFormat { format } => format!("a plan or sweep does not come as `{format}`"),
            UserError::OutputTwice { path } if path == "-" => "two reports are to go to standard output".to_owned(),
            UserError::OutputTwice { path } => format!("two reports are to go to `{path}`"),
            UserError::CacheStays { folder, .. } => format!("cannot clean the cache in `{folder}`"),
        }
    }

    /// Why, where that says more than the title.
    pub fn cause(&self) -> Option<String> {
        match self {
            UserError::PathMissing { cause, .. }
            | UserError::ConfigUnreadable { cause, .. }
            | UserError::Config { cause, .. }
            | UserError::BaselineUnreadable { cause, .. }
            | UserError::Baseline { cause, .. }
            | UserError::Unwritable { cause, .. }
            | UserError::GitMissing { cause }
            | UserError::GitFailed { cause, .. }
            | UserError::Emit { cause, .. }
            | UserError::ReportUnreadable { cause, .. }
            | UserError::LogUnreadable { cause }
            | UserError::TargetUnsaved { cause, .. }
            | UserError::CommandRefused { cause, .. }
            | UserError::Unobserved { cause, .. }
            | UserError::Threads { cause }
            | UserError::OutputPath { cause, .. }
            | UserError::CacheStays { cause, .. }
            | UserError::Output { cause } => Some(cause.clone()),
            UserError::PathSpecial { .. } => Some("it is not a regular file, folder or archive".to_owned()),
            UserError::StdinLanguage => Some("it has no name to tell by".to_owned()),
            UserError::Api { error, .. } => Some(error.message.clone()),
            UserError::Target { error, .. } => Some(error.message.clone()),
            UserError::NoPlace { .. } => Some("it does not end in a colon and a line number".to_owned()),
            UserError::NoRepository { .. } => Some("it is in no working tree of git".to_owned()),
            UserError::NoCommit { .. } => Some("git knows no branch, tag or commit of that name here".to_owned()),
            UserError::ReportWrong { error, .. } => Some(error.to_string()),
            UserError::CommandMissing { .. } => Some("there is no such program".to_owned()),
            UserError::UnknownName { .. }
            | UserError::UnknownCommand { .. }
            | UserError::UnknownEffect { .. }
            | UserError::OutputTwice { .. }
            | UserError::PlanFormat { .. } => None,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            UserError::PathMissing { .. } => Some("check the spelling and the working directory".to_owned()),
            UserError::PathSpecial { .. } => Some("pass what comes through a pipe as `-` with --language".to_owned()),
            UserError::StdinLanguage => Some("add --language c, python or rust, or --stdin-filename".to_owned()),
            UserError::ConfigUnreadable { .. } => {
                Some("name another with --config, or none with --no-config".to_owned())
            }
            UserError::Config { help, .. } => help.clone(),
            UserError::Api { error, .. } => error.help.clone(),
            UserError::Target { error, .. } => error.help.clone(),
            UserError::NoPlace { .. } => Some("write it as path:line, for example build.py:12".to_owned()),
            UserError::UnknownName { help, .. } => Some(
                help.clone()
                    .unwrap_or_else(|| "`envrace rules` and `envrace apis` list what there is".to_owned()),
            ),
            UserError::UnknownCommand { help, .. } => {
                Some(help.clone().unwrap_or_else(|| "`envrace --help` lists them".to_owned()))
            }
            UserError::BaselineUnreadable { .. } => {
                Some("write one with `envrace baseline`, or use none with --no-baseline".to_owned())
            }
            UserError::Baseline { .. } => Some("write it anew with `envrace baseline`".to_owned()),
            UserError::NoRepository { .. } => Some("leave out --since and --staged there".to_owned()),
            UserError::NoCommit { .. } => {
                Some("in a shallow clone, fetch it first (`git fetch origin main`)".to_owned())
            }
            UserError::GitMissing { .. } => Some("--since and --staged need it on the PATH".to_owned()),
            UserError::GitFailed { .. } | UserError::Unwritable { .. } => None,
            UserError::Emit { foreign, .. } => {
                foreign.then(|| "name a new or an empty folder, or one with an earlier reproducer".to_owned())
            }
            UserError::ReportUnreadable { .. } => Some("check the spelling and the working directory".to_owned()),
            UserError::ReportWrong { .. } => {
                Some("make one with `envrace check --format json PATH > report.json`".to_owned())
            }
            UserError::UnknownEffect { help, .. } => Some(help.clone()),
            UserError::TargetUnsaved { help, .. } => help.clone(),
            UserError::LogUnreadable { .. } => Some("pass it as `envrace explain - < build.log`".to_owned()),
            UserError::CommandMissing { .. } => Some("check the spelling and PATH".to_owned()),
            UserError::CommandRefused { .. } => None,
            UserError::CacheStays { .. } => Some("remove the folder by hand".to_owned()),
            UserError::Unobserved { .. } => Some(
                "run it without envrace, or allow ptrace (in a container: --cap-add=SYS_PTRACE), outside of any debugger or \
                 strace"
                    .to_owned(),
            ),
            UserError::Threads { .. } => Some("ask for fewer with --jobs".to_owned()),
            UserError::Output { .. } => None,
            UserError::PlanFormat { .. } => Some("--list and --sweep print human or json".to_owned()),
            UserError::OutputPath { .. } => Some("name a file in a folder that is there".to_owned()),
            UserError::OutputTwice { .. } => Some("give each a file of its own with --output FORMAT=FILE".to_owned()),
        }
    }

    /// The exit code that it asks for: what is no mistake in what was asked has lost something.
    pub fn exit(&self) -> Exit {
        match self {
            UserError::Output { .. }
            | UserError::LogUnreadable { .. }
            | UserError::Unwritable { .. }
            | UserError::Emit { foreign: false, .. } => Exit::Lost,
            UserError::Unobserved { .. } => Exit::Program(125),
            UserError::CommandRefused { .. } => Exit::Program(126),
            UserError::CommandMissing { .. } => Exit::Program(127),
            _ => Exit::Usage,
        }
    }

    /// The place that it is about.
    fn excerpt(&self) -> Option<Excerpt> {
        match self {
            UserError::Config { at, .. } | UserError::Baseline { at, .. } => Some(at.clone()),
            UserError::Api { error, text } => Some(Excerpt {
                file: error.file.clone(),
                line: error.line,
                column: error.column,
                width: error.width,
                text: text
                    .lines()
                    .nth((error.line as usize).saturating_sub(1))
                    .unwrap_or("")
                    .to_owned(),
            }),
            _ => None,
        }
    }

    /// The error as it is printed: title, excerpt, cause, help.
    pub fn render(&self) -> String {
        let mut out = format!("\x1b[1;31merror\x1b[0m: {}\n", sanitise_line(&self.title()));
        if let Some(at) = self.excerpt() {
            render_excerpt(&mut out, &at);
        }
        for (label, text) in [("cause", self.cause()), ("help", self.help())] {
            if let Some(text) = text {
                // Writing into a string cannot fail.
                let _ = writeln!(out, "  {label}: {}", sanitise_line(&text));
            }
        }
        out
    }
}

fn render_excerpt(out: &mut String, at: &Excerpt) {
    let number = at.line.to_string();
    let margin = " ".repeat(number.len());
    let text: String = sanitise_line(&at.text.replace('\t', " ")).chars().take(160).collect();
    let caret = " ".repeat((at.column as usize - 1).min(text.chars().count()));
    let room = text.chars().count().saturating_sub(at.column as usize - 1).max(1);
    let carets = "^".repeat((at.width as usize).clamp(1, room));
    let file = sanitise_line(&at.file);
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{margin} --> {file}:{}:{}", at.line, at.column);
    let _ = writeln!(out, "{margin}  |\n {number} | {text}\n{margin}  | {caret}{carets}");
}
