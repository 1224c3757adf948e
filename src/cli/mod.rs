//! What the user asked: arguments, configuration, every user-facing error with its exit code, a file per command. Drives
//! all other rooms and is used by none.

mod args;
mod baseline;
mod cache;
mod check;
mod config;
mod config_command;
mod confirm;
mod emit;
mod earlier;
mod error;
mod exit;
mod manual;
mod evidence;
mod explain;
mod fix;
mod measure;
mod git;
mod graph;
mod output;
mod plan;
mod progress;
mod rebase;
mod reports;
mod run;
mod scan;
mod target;
mod sift;
mod sweep;
mod ticker;
mod why;
mod write;

use std::ffi::OsString;

use clap::Parser;

use crate::report::{Detail, sanitise_line};

pub use args::Cli;
pub use error::{Excerpt, UserError};
pub use exit::Exit;

/// Does what the arguments (the program's name first) ask for, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let acts = |argument: &OsString| {
                let text = argument.to_string_lossy();
                sanitise_line(&text) != text
            };
            if arguments.iter().any(acts) {
                // The message repeats what it is about, perhaps a name that somebody else chose.
                let text = error.render().to_string();
                let lines: Vec<String> = text.lines().map(sanitise_line).collect();
                output::complain(&(lines.join("\n") + "\n"), args::Color::Never);
            } else {
                // Help and version come this way too; printing them can only fail where nobody reads.
                let _ = error.print();
            }
            return if error.use_stderr() { Exit::Usage } else { Exit::Clean };
        }
    };
    let detail = match (cli.quiet, cli.verbose) {
        (true, _) => Detail::Quiet,
        (_, true) => Detail::Verbose,
        _ => Detail::Normal,
    };
    match dispatch(&cli, detail) {
        Ok(exit) => exit,
        Err(error) => {
            output::complain(&error.render(), cli.color);
            error.exit()
        }
    }
}

fn dispatch(cli: &Cli, detail: Detail) -> Result<Exit, UserError> {
    let text = match &cli.command {
        args::Command::Check(check) => return check::run(check, cli.color, detail),
        args::Command::Why(why) => return why::run(why, cli.color),
        args::Command::Graph(graph) => return graph::run(graph, cli.color, detail),
        args::Command::Confirm(confirm) => return confirm::run(confirm, cli.color, detail),
        args::Command::Explain(asked) => {
            let (text, exit) = explain::explain(asked)?;
            output::print(&text, cli.color)?;
            return Ok(exit);
        }
        args::Command::Target(asked) => return target::run(asked, cli.color),
        args::Command::Baseline(baseline) => return baseline::run(baseline, cli.color),
        args::Command::Cache(asked) => return cache::run(asked, cli.color),
        args::Command::Config(config) => config_command::run(config)?,
        args::Command::Run(run) => return run::run(run, cli.color, detail),
        args::Command::Measure(measure) => return measure::run(measure, cli.color, detail),
        args::Command::Rules => explain::rules(),
        args::Command::Completions { shell } => {
            output::raw(&manual::completions(*shell))?;
            return Ok(Exit::Clean);
        }
        args::Command::Man { command } => {
            output::raw(&manual::man(command.as_deref())?)?;
            return Ok(Exit::Clean);
        }
        args::Command::Apis(asked) => explain::apis(asked)?,
    };
    output::print(&text, cli.color)?;
    Ok(Exit::Clean)
}
