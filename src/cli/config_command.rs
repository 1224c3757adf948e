//! `envrace config`: what applies to a project, and the schema of configuration files.

use super::args::ConfigArgs;
use super::config::{self, Asked};
use super::error::UserError;
use super::scan;

/// The text that was asked for.
///
/// # Errors
/// A path that is not there, a configuration or a target that is wrong.
pub fn run(asked: &ConfigArgs) -> Result<String, UserError> {
    if asked.schema {
        return Ok(config::schema());
    }
    let mut errors = Vec::new();
    let planned = scan::projects(std::slice::from_ref(&asked.path), &asked.scan, &mut errors)?;
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let command_line = Asked {
        persona: asked.scan.persona,
        preview: asked.scan.preview,
        target: scan::named_target(&asked.scan)?,
    };
    let mut text = String::new();
    for (project, _) in planned {
        let config = scan::config_of(&asked.scan, &project)?;
        text.push_str(&config::show(&config, &command_line, project.prefix.root()));
    }
    Ok(text)
}
