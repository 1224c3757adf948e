//! The measured table: shape of the mutation, kind of the partner, libc.

use crate::finding::Effect;
use crate::knowledge::entry::{Entry, Hazard, Shape};
use crate::knowledge::target::{Libc, LibcKind};

/// What the other side does with the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partner {
    /// `execve` copies from the live array while this process goes on.
    Shared,
    /// `fork` copies the whole memory at once.
    ForkCopy,
    Read,
    Mutation,
}

/// The mechanism that makes the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Danger {
    /// An addition frees the array that the other side walks.
    FreedArray,
    /// The array's slots move together while the other side walks it.
    Shrinking,
    /// The array is emptied, replaced or rebuilt.
    Rebuilt,
    /// The replaced string is freed.
    FreedString,
    /// The spawn's own clean-up frees what it does not own.
    FreesForeign,
    /// Two writers without a common lock.
    Writers,
    /// Memory stays sound; what is seen depends on timing.
    Timing,
    /// A common guard keeps memory sound.
    Guarded,
    /// The language's own mapping is used, not the array.
    Mapping,
}

/// One cell of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub effect: Effect,
    pub rare: bool,
    pub danger: Danger,
}

impl Cell {
    pub(super) fn environment(danger: Danger) -> Cell {
        Cell {
            effect: Effect::Environment,
            rare: false,
            danger,
        }
    }

    fn memory(danger: Danger) -> Cell {
        Cell {
            effect: Effect::Memory,
            rare: false,
            danger,
        }
    }

    fn rare(danger: Danger) -> Cell {
        Cell {
            effect: Effect::Memory,
            rare: true,
            danger,
        }
    }
}

/// The cell of a pair, before guards are looked at.
pub(super) fn cell(mutation: &Entry, shape: Shape, partner: &Entry, kind: Partner, libc: Libc) -> Cell {
    if kind == Partner::Mutation {
        return writers(mutation, partner, libc);
    }
    match shape {
        Shape::Add => addition(partner, kind, libc),
        Shape::Overwrite => overwrite(mutation, kind, libc),
        Shape::Delete => deletion(kind, libc),
        Shape::Clear | Shape::Unknown => rebuilding(shape, kind, libc),
    }
}

/// An addition may move the array: `realloc` frees the old one, save where glibc keeps them all (2.41).
fn addition(partner: &Entry, kind: Partner, libc: Libc) -> Cell {
    if partner.hazard == Some(Hazard::FreesMovedArray) {
        return Cell::memory(Danger::FreesForeign);
    }
    match kind {
        _ if libc.keeps_old_arrays() => Cell::environment(Danger::Timing),
        Partner::ForkCopy => Cell::rare(Danger::FreedArray),
        _ => Cell::memory(Danger::FreedArray),
    }
}

/// glibc stores one pointer and never frees a string; musl frees the old one, the BSDs write into it.
fn overwrite(mutation: &Entry, kind: Partner, libc: Libc) -> Cell {
    let frees = libc.kind != LibcKind::Glibc || mutation.hazard == Some(Hazard::FreesReplacedString);
    if frees && kind != Partner::ForkCopy {
        return Cell::memory(Danger::FreedString);
    }
    Cell::environment(Danger::Timing)
}

/// Every libc closes the gap in place, so that the kernel's count and its copy disagree; musl also frees the string.
fn deletion(kind: Partner, libc: Libc) -> Cell {
    match (kind, libc.kind) {
        (Partner::Shared, _) => Cell::memory(Danger::Shrinking),
        // The child's copy lacks or doubles variables; what was freed is still there in it.
        (Partner::ForkCopy, LibcKind::Glibc | LibcKind::Musl) => Cell::environment(Danger::Shrinking),
        (Partner::ForkCopy, _) => Cell::rare(Danger::FreedString),
        (_, LibcKind::Glibc) => Cell::environment(Danger::Shrinking),
        (_, _) => Cell::memory(Danger::FreedString),
    }
}

/// `clearenv`, a loop of deletions, a store to `environ`. glibc 2.41 keeps the arrays that it made itself, and knows nothing
/// of those that the program stores and frees.
fn rebuilding(shape: Shape, kind: Partner, libc: Libc) -> Cell {
    match kind {
        Partner::Shared => Cell::memory(Danger::Rebuilt),
        Partner::ForkCopy => Cell::environment(Danger::Rebuilt),
        _ if shape == Shape::Clear && libc.keeps_old_arrays() => Cell::environment(Danger::Rebuilt),
        _ => Cell::memory(Danger::Rebuilt),
    }
}

/// Two writers: glibc and macOS serialise their own functions, and no libc a plain store to `environ`.
fn writers(mutation: &Entry, partner: &Entry, libc: Libc) -> Cell {
    let locks = matches!(libc.kind, LibcKind::Glibc | LibcKind::Macos);
    let both = [mutation, partner]
        .iter()
        .all(|side| side.hold.iter().any(|guard| guard == "libc-env"));
    if locks && both {
        Cell::environment(Danger::Timing)
    } else {
        Cell::memory(Danger::Writers)
    }
}
