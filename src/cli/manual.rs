//! `envrace completions` and `envrace man`: both are made from the arguments' own table, so that they cannot drift from it.

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::knowledge::did_you_mean;

use super::args::Cli;
use super::error::UserError;

/// The completion script for a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "envrace", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The man page of the program, or of one of its commands, as roff.
///
/// # Errors
/// Where there is no such command.
pub fn man(command: Option<&str>) -> Result<String, UserError> {
    let mut program = Cli::command();
    // Subcommands get the options that belong to all, and their place in the usage line.
    program.build();
    let page = match command {
        None => program,
        Some(name) => of(&program, name)?,
    };
    let mut roff = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut roff)
        .map_err(|error| UserError::Output {
            cause: error.to_string(),
        })?;
    Ok(String::from_utf8_lossy(&roff).into_owned())
}

fn of(program: &Command, name: &str) -> Result<Command, UserError> {
    let commands = program.get_subcommands().filter(|command| command.get_name() != "help");
    let names: Vec<&str> = commands.map(Command::get_name).collect();
    match program.find_subcommand(name).filter(|_| names.contains(&name)) {
        Some(command) => Ok(command.clone().display_name(format!("envrace-{name}"))),
        None => Err(UserError::UnknownCommand {
            text: name.to_owned(),
            help: did_you_mean(name, &names),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_hold_the_options_and_the_exit_codes() {
        let page = man(Some("check")).expect("there is such a command");
        assert!(
            page.contains("envrace\\-check") || page.contains("envrace-check"),
            "{page}"
        );
        assert!(page.contains("fail\\-on"), "{page}");
        assert!(page.contains("Exit codes"), "{page}");
        assert!(man(None).expect("there is a program").contains("confirm"));
    }

    #[test]
    fn a_command_that_does_not_exist_is_an_error_with_the_nearest() {
        let error = man(Some("chek")).expect_err("there is no such command");
        assert!(error.help().is_some_and(|help| help.contains("check")), "{error:?}");
    }

    #[test]
    fn every_shell_gets_a_script() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
            let script = completions(shell);
            assert!(script.contains("envrace") && script.contains("fail-on"), "{shell}");
        }
    }
}
