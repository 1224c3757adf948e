//! The environment of a run: victims, sentinels, fillers.

use std::ffi::{CStr, CString};

use super::super::pattern_native::NativeMutation;
use super::Parameters;

/// The name of a variable that a mutator overwrites.
pub const OVERWRITTEN: &CStr = c"ENVRACE_O";

/// The name of a variable that a mutator adds and deletes.
pub const TOGGLED: &CStr = c"ENVRACE_T";

/// The variables of a replay, made once, so that its loops allocate nothing that the program would not.
#[derive(Debug)]
pub struct Names {
    /// Added, or deleted, one a step.
    pub steps: Vec<CString>,
    /// `NAME=value` of the same.
    pub entries: Vec<CString>,
    pub sentinels: Vec<(CString, CString)>,
}

fn c_string(text: String) -> CString {
    CString::new(text).expect("formatted from numbers and literals, so without NUL")
}

impl Names {
    /// The names for these parameters.
    pub fn new(parameters: &Parameters) -> Names {
        let name = |step: usize| format!("ENVRACE_N{step:04}");
        Names {
            steps: (0..parameters.steps).map(|step| c_string(name(step))).collect(),
            entries: (0..parameters.steps)
                .map(|step| c_string(format!("{}=n", name(step))))
                .collect(),
            sentinels: (0..parameters.sentinels)
                .map(|index| {
                    (
                        c_string(format!("ENVRACE_S{index:02}")),
                        c_string(format!("sentinel-{index:02}")),
                    )
                })
                .collect(),
        }
    }
}

/// Whether the mutation takes variables away that must be there first.
fn deletes(mutation: NativeMutation) -> bool {
    matches!(mutation, NativeMutation::Unsetenv | NativeMutation::RemoveVar)
}

/// Empties the environment and fills it: what is to be deleted first, then the sentinels, then `size` more. The first of
/// these makes the array a heap array.
pub fn prepare(parameters: &Parameters, names: &Names, size: u32) {
    let path = std::env::var("PATH").ok().and_then(|path| CString::new(path).ok());
    let set = |name: &CStr, value: &CStr| {
        // SAFETY: both are NUL-terminated, setenv copies them, and the process has one thread yet.
        unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) }
    };
    // SAFETY: the process has one thread yet.
    unsafe { libc::clearenv() };
    if deletes(parameters.mutation) {
        for name in &names.steps {
            set(name, c"v");
        }
    }
    if let Some(path) = path {
        set(c"PATH", &path);
    }
    refill(names, size);
}

/// Sets sentinels and fillers.
pub fn refill(names: &Names, size: u32) {
    let set = |name: &CStr, value: &CStr| {
        // SAFETY: both are NUL-terminated and setenv copies them. Where other threads look at the environment meanwhile,
        // that is the race which is replayed, in a process made for it.
        unsafe { libc::setenv(name.as_ptr(), value.as_ptr(), 1) }
    };
    set(OVERWRITTEN, c"o");
    for (name, value) in &names.sentinels {
        set(name, value);
    }
    for index in 0..size {
        set(&c_string(format!("ENVRACE_F{index:02}")), c"f");
    }
}
