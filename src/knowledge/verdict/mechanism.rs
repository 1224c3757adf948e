//! The mechanism of a pair in one sentence, for people.

use super::table::Danger;
use crate::knowledge::entry::{Entry, Role};
use crate::knowledge::target::{Combo, LibcKind};

/// Why the two sides hurt each other, without a full stop.
pub(super) fn sentence(danger: Danger, mutation: &Entry, partner: &Entry, combo: &Combo) -> String {
    let changes = &mutation.display;
    let looks = looks(partner);
    match danger {
        Danger::FreedArray => {
            format!("{looks}; `{changes}` may add a variable, which moves that array and frees the old one")
        }
        Danger::Shrinking => {
            format!(
                "{looks}; `{changes}` closes the gap in that array in place, so that {}",
                shrunk(partner)
            )
        }
        Danger::Rebuilt => format!(
            "{looks}; `{changes}` takes that array apart, so that {}",
            shrunk(partner)
        ),
        Danger::FreedString => format!(
            "{looks}; `{changes}` frees the string that it replaces on {}",
            freer(combo)
        ),
        Danger::FreesForeign => {
            format!("{looks}; if `{changes}` moves `environ` meanwhile, the clean-up frees memory that it does not own")
        }
        Danger::Writers => {
            format!(
                "`{changes}` and `{}` change the same array without a common lock",
                partner.display
            )
        }
        Danger::Timing => format!("{looks}; memory stays sound, but whether the change is seen depends on timing"),
        Danger::Guarded => {
            format!("{looks} under the same internal lock as `{changes}`; what is seen depends on timing alone")
        }
        Danger::Mapping => {
            format!(
                "`{}` uses the language's own mapping, not the C array; what it sees depends on timing",
                partner.display
            )
        }
    }
}

/// What the partner does with the array.
fn looks(partner: &Entry) -> String {
    let name = &partner.display;
    match &partner.role {
        Role::Fork { vfork: true, .. }
        | Role::Spawn {
            passing: super::Passing::Shared,
        } => {
            format!("`{name}` passes the live `environ` array to execve in a child that shares the parent's memory")
        }
        Role::Exec { .. } => {
            format!("`{name}` passes the live `environ` array to execve while other threads still run")
        }
        Role::Fork { vfork: false, .. } | Role::Spawn { .. } => {
            format!("`{name}` forks, and the child keeps whatever state the environment was in at that moment")
        }
        Role::Mutation { .. } => format!("`{name}` changes the same array"),
        _ => format!("`{name}` walks the live `environ` array"),
    }
}

/// What the partner meets in an array that is being taken apart.
fn shrunk(partner: &Entry) -> &'static str {
    match partner.role {
        Role::Read { .. } => "a variable that is always set can be missed",
        Role::Fork { vfork: false, .. }
        | Role::Spawn {
            passing: super::Passing::ForkCopy,
        } => "a child can lack or double variables",
        _ => "execve fails with EFAULT or the child gets variables twice or not at all",
    }
}

fn freer(combo: &Combo) -> &'static str {
    match combo.libc.kind {
        LibcKind::Musl => "musl",
        LibcKind::Glibc => "these versions",
        LibcKind::Macos | LibcKind::Bsd => "this libc",
    }
}
