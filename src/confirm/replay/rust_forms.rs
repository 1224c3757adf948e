//! The forms of Rust's standard library.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};

use super::super::pattern_native::{NativeMutation, NativePartner};
use super::super::symptom::Symptom;
use super::environment::{OVERWRITTEN, TOGGLED};
use super::threads::{Scene, Shown};

fn text(name: &std::ffi::CStr) -> &OsStr {
    OsStr::from_bytes(name.to_bytes())
}

/// One step of the mutator.
pub fn mutate(mutation: NativeMutation, scene: &Scene, step: usize) {
    let name = text(&scene.names.steps[step]);
    // SAFETY: std's own lock covers std's own readers. Others may race, on purpose: this process is a forked child that
    // was made to be crashed.
    unsafe {
        match mutation {
            NativeMutation::SetVarAdd => std::env::set_var(name, "n"),
            NativeMutation::SetVarOverwrite => std::env::set_var(text(OVERWRITTEN), name),
            NativeMutation::SetVarToggle => {
                std::env::set_var(text(TOGGLED), "t");
                std::env::remove_var(text(TOGGLED));
            }
            NativeMutation::RemoveVar => std::env::remove_var(name),
            _ => {}
        }
    }
}

/// One trial of the partner.
pub fn partner(partner: NativePartner, scene: &Scene) -> Shown {
    match partner {
        NativePartner::EnvVar => {
            let (name, value) = scene.names.sentinels.last()?;
            let found = std::env::var_os(text(name));
            let gone = found.is_none() && scene.mutation == NativeMutation::Clearenv;
            let whole = found.as_deref() == Some(text(value));
            (!whole && !gone).then_some((Symptom::WrongValue, None))
        }
        NativePartner::EnvVars => {
            std::hint::black_box(std::env::vars_os().count());
            None
        }
        _ => command(partner, scene),
    }
}

fn command(partner: NativePartner, scene: &Scene) -> Shown {
    let mut command = Command::new(text(&scene.check[0]));
    command.args(scene.check[1..].iter().map(|argument| text(argument)));
    command.stdin(Stdio::null());
    match partner {
        NativePartner::CommandEnv => _ = command.env("ENVRACE_C", "c"),
        NativePartner::CommandEnvClear => {
            let sentinels = scene
                .names
                .sentinels
                .iter()
                .map(|(name, value)| (text(name), text(value)));
            command.env_clear().envs(sentinels);
        }
        NativePartner::CommandPreExec => {
            // SAFETY: the closure does nothing.
            unsafe { command.pre_exec(|| Ok(())) };
        }
        _ => {}
    }
    match command.status() {
        Ok(status) => Symptom::of_status(status.into_raw()).map(|symptom| (symptom, None)),
        Err(error) => Some((Symptom::of_errno(error.raw_os_error().unwrap_or(0)), None)),
    }
}
