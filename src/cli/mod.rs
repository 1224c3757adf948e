//! What the user asked: arguments, configuration, every user-facing error with its exit code, a file per command. Drives
//! all other rooms and is used by none.

mod args;
mod baseline;
mod check;
mod config;
mod config_command;
mod confirm;
mod emit;
mod earlier;
mod error;
mod exit;
mod evidence;
mod explain;
mod git;
mod output;
mod plan;
mod progress;
mod rebase;
mod run;
mod scan;
mod sift;
mod why;
mod write;

use std::ffi::OsString;

use clap::Parser;

use crate::report::Detail;

pub use args::Cli;
pub use error::{Excerpt, UserError};
pub use exit::Exit;

/// Does what the arguments (the program's name first) ask for, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; printing them can only fail where nobody reads.
            let _ = error.print();
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
        args::Command::Confirm(confirm) => return confirm::run(confirm, cli.color, detail),
        args::Command::Baseline(baseline) => return baseline::run(baseline, cli.color),
        args::Command::Config(config) => config_command::run(config)?,
        args::Command::Run(run) => return run::run(run, cli.color, detail),
        args::Command::Explain { name } => explain::explain(name)?,
        args::Command::Rules => explain::rules(),
        args::Command::Apis { language } => explain::apis(language.map(Into::into)),
    };
    output::print(&text, cli.color)?;
    Ok(Exit::Clean)
}
