//! What is to be judged for: `--target`, the configuration, this machine. And `envrace target`, which writes it down.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::json;

use crate::confirm::{self, Host};
use crate::input::lower_case;
use crate::knowledge::{Target, TargetError};

use super::args::{Color, Target as Asked, TargetFormat};
use super::config::{self, Choice};
use super::error::UserError;
use super::exit::Exit;
use super::output;

/// The word that stands for this machine.
const HOST: &str = "host";

/// The target of the command line over that of the configuration: a key that both name is the command line's.
///
/// # Errors
/// A spec that cannot be understood, or a file of one that cannot be read.
pub fn target(specs: &[String], configured: &[(String, String)]) -> Result<Target, UserError> {
    let pairs = pairs(specs)?;
    let kept = configured
        .iter()
        .filter(|(key, _)| pairs.iter().all(|(named, _)| named != key));
    let mut target = Target::default();
    for (key, value) in kept.chain(&pairs) {
        target.set(key, value).map_err(|error| UserError::Target {
            spec: format!("{key}={value}"),
            error,
        })?;
    }
    Ok(target)
}

/// The keys and values that specs name, in their order: `key=value`, `host`, `@FILE`, between commas.
///
/// # Errors
/// As [`target`].
pub fn pairs(specs: &[String]) -> Result<Vec<(String, String)>, UserError> {
    let mut pairs = Vec::new();
    for spec in specs {
        for part in spec.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if part == HOST {
                pairs.extend(
                    of_host()
                        .versions
                        .iter()
                        .map(|(key, value)| ((*key).to_owned(), value.clone())),
                );
            } else if let Some(file) = part.strip_prefix('@') {
                pairs.extend(of_file(spec, file)?);
            } else {
                let wrong = |error| UserError::Target {
                    spec: spec.clone(),
                    error,
                };
                Target::parse(part).map_err(wrong)?;
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                pairs.push((key.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
    Ok(pairs)
}

/// This machine, asked once; what does not answer is said once.
fn of_host() -> &'static Host {
    static ASKED: OnceLock<Host> = OnceLock::new();
    ASKED.get_or_init(|| {
        let host = confirm::host();
        for unknown in &host.unknown {
            let text = crate::report::sanitise_line(unknown);
            output::complain(
                &format!("\x1b[1;33mwarning\x1b[0m: {text}; every version of it stays possible\n"),
                Color::Auto,
            );
        }
        host
    })
}

/// The `[target]` table of a file, which may be a whole configuration.
fn of_file(spec: &str, file: &str) -> Result<Vec<(String, String)>, UserError> {
    let pairs = config::load(Choice::File(Path::new(file)), Path::new("."))?.target;
    if pairs.is_empty() {
        return Err(UserError::Target {
            spec: spec.to_owned(),
            error: TargetError {
                message: format!("`{file}` holds no [target] table"),
                help: Some("`envrace target --save FILE` writes one".to_owned()),
            },
        });
    }
    Ok(pairs)
}

/// `envrace target`: prints or saves the table that configurations and `--target @FILE` read.
///
/// # Errors
/// As [`target`], and where the file cannot be written or is something else.
pub fn run(asked: &Asked, color: Color) -> Result<Exit, UserError> {
    let host = [HOST.to_owned()];
    let specs = if asked.spec.is_empty() {
        &host
    } else {
        asked.spec.as_slice()
    };
    let pairs = pairs(specs)?;
    target(specs, &[])?;
    let table = table(&pairs);
    if let Some(file) = &asked.save {
        save(file, &table)?;
        let shown = crate::report::sanitise_line(&file.display().to_string());
        output::complain(&format!("saved to `{shown}`; read it with --target @{shown}\n"), color);
        return Ok(Exit::Clean);
    }
    match asked.format {
        TargetFormat::Toml => output::print(&table, color)?,
        TargetFormat::Json => {
            let grouped = grouped(&pairs);
            let values: serde_json::Map<String, serde_json::Value> = grouped
                .into_iter()
                .map(|(key, values)| (key.to_owned(), json!(values)))
                .collect();
            output::raw(&format!("{}\n", serde_json::Value::Object(values)))?;
        }
    }
    Ok(Exit::Clean)
}

fn grouped(pairs: &[(String, String)]) -> Vec<(&str, Vec<&str>)> {
    let mut grouped: Vec<(&str, Vec<&str>)> = Vec::new();
    for (key, value) in pairs {
        match grouped.iter_mut().find(|(known, _)| known == key) {
            Some((_, values)) if values.contains(&value.as_str()) => {}
            Some((_, values)) => values.push(value),
            None => grouped.push((key, vec![value])),
        }
    }
    grouped
}

/// The `[target]` table; values hold no quotes, for they were read as versions.
fn table(pairs: &[(String, String)]) -> String {
    let mut text = "[target]\n".to_owned();
    for (key, values) in grouped(pairs) {
        let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        match quoted.as_slice() {
            [one] => text.push_str(&format!("{key} = {one}\n")),
            all => text.push_str(&format!("{key} = [{}]\n", all.join(", "))),
        }
    }
    text
}

/// Writes the table; a file that holds anything else is somebody's work.
fn save(file: &Path, table: &str) -> Result<(), UserError> {
    let failed = |cause: String, help: Option<String>| UserError::TargetUnsaved {
        file: file.display().to_string(),
        cause,
        help,
    };
    match fs::read_to_string(file) {
        Ok(known) if !is_target_alone(&known) => {
            let help = "save it to a file of its own, or put the table there by hand".to_owned();
            return Err(failed("it holds more than a [target] table".to_owned(), Some(help)));
        }
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(lower_case(&error), None)),
        _ => {}
    }
    fs::write(file, table).map_err(|error| failed(lower_case(&error), None))
}

fn is_target_alone(text: &str) -> bool {
    let only = |table: toml::Table| table.keys().all(|key| key == "target");
    text.parse().is_ok_and(only)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(specs: &[&str]) -> String {
        let specs: Vec<String> = specs.iter().map(|&spec| spec.to_owned()).collect();
        table(&pairs(&specs).expect("the specs of this test are right"))
    }

    #[test]
    fn a_table_is_what_the_specs_name() {
        assert_eq!(
            written(&["libc=glibc-2.36,python=3.11.2", "libc=musl", "rust-test-runner=nextest"]),
            "[target]\nlibc = [\"glibc-2.36\", \"musl\"]\npython = \"3.11.2\"\nrust-test-runner = \"nextest\"\n"
        );
        assert_eq!(written(&[]), "[target]\n");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("target.toml");
        let specs = ["libc=glibc-2.36,libc=musl,python=3.13t".to_owned()];
        save(&file, &table(&pairs(&specs).expect("they are right"))).expect("the folder is ours");
        save(&file, "[target]\n").expect("it holds nothing else, and may be replaced");
        save(&file, &table(&pairs(&specs).expect("they are right"))).expect("likewise");
        let again = [format!("@{}", file.display())];
        assert_eq!(target(&again, &[]), target(&specs, &[]));
        std::fs::write(&file, "exclude = ['a']\n").expect("the folder is ours");
        assert!(save(&file, "[target]\n").is_err(), "somebody's configuration");
        assert!(target(&again, &[]).is_err(), "there is no table in it");
    }

    #[test]
    fn the_command_line_counts_before_the_configuration() {
        let configured = [
            ("libc".to_owned(), "musl".to_owned()),
            ("python".to_owned(), "3.8".to_owned()),
        ];
        let both = target(&["libc=glibc-2.41".to_owned()], &configured).expect("they are right");
        assert_eq!(both.libcs.len(), 1);
        assert_eq!((both.libcs[0].version, both.pythons[0].version.1), ((2, 41), 8));
    }
}
