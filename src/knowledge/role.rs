//! The effect of an `[[api]]` table and the keys that belong to it.

use std::ops::Range;
use std::sync::Arc;

use super::entry::{ArgumentRef, JoinOf, Repeats, Role, StartMoment, Taken};
use super::fields::{Fields, Mistake, word};
use super::keys::{EFFECTS, FAILURES, PASSINGS, REPEATS, SHAPES, TEAM_PARTS, THREADS, TURNS};

/// Reads the keys of one effect.
type Reader = fn(&Fields<'_>) -> Result<Role, Mistake>;

const READERS: [(&str, Reader); EFFECTS.len()] = [
    ("mutation", mutation),
    ("spawn", spawn),
    ("spawns", spawns),
    ("read", read),
    ("start", start),
    ("runtime", runtime),
    ("join", join),
    ("detach", |fields| Ok(Role::Detach { of: of(fields)? })),
    ("lock", lock),
    ("unlock", |fields| Ok(Role::Unlock { of: of(fields)? })),
    ("team", team),
    ("make-lock", |_| Ok(Role::MakeLock)),
    ("receive", |fields| Ok(Role::Receive { of: of(fields)? })),
    ("send", |fields| Ok(Role::Send { of: of(fields)? })),
    ("channel", |_| Ok(Role::Channel)),
    ("settle", |fields| Ok(Role::Settle { of: of(fields)? })),
    ("done", |fields| Ok(Role::Done { of: of(fields)? })),
    ("together", |_| Ok(Role::Together)),
    ("cached", |_| Ok(Role::Cached)),
    ("test-case", |_| Ok(Role::TestCase)),
    ("serial", |_| Ok(Role::Serial)),
    ("alive", |fields| {
        Ok(Role::Alive {
            of: of(fields)?,
            done: flag(fields, "done")?,
        })
    }),
    ("quantifier", |fields| {
        Ok(Role::Quantifier {
            of: of(fields)?,
            all: flag(fields, "all")?,
        })
    }),
    ("enters", |fields| Ok(Role::Enters { of: of(fields)? })),
    ("length", |fields| Ok(Role::Length { of: of(fields)? })),
    ("unfinished", |fields| Ok(Role::Unfinished { of: of(fields)? })),
    ("all-threads", |fields| {
        Ok(Role::AllThreads {
            count: flag(fields, "count")?,
        })
    }),
    ("stream", |fields| Ok(Role::Stream { of: of(fields)? })),
    ("consume", |fields| Ok(Role::Consume { of: of(fields)? })),
    ("calls-now", |fields| {
        Ok(Role::CallsNow {
            entry: entry(fields)?,
            scope: flag(fields, "scope")?,
            each: fields.argument("each")?,
            once: fields.argument("once")?,
            repeats: fields.word("repeats", &REPEATS)?.unwrap_or(Repeats::Never),
            under: fields.text("under")?.map(Arc::from),
            task: flag(fields, "task")?,
        })
    }),
    ("calls-later", |fields| {
        Ok(Role::CallsLater {
            entry: entry(fields)?,
            again: flag(fields, "again")?,
        })
    }),
    ("partial", |fields| Ok(Role::Partial { entry: entry(fields)? })),
    ("pass", |fields| Ok(Role::Pass { of: of(fields)? })),
    ("insert", insert),
    ("element", |fields| Ok(Role::Element { of: of(fields)? })),
    ("attribute", |fields| {
        Ok(Role::Attribute {
            of: of(fields)?,
            name: required(fields, "name")?,
        })
    }),
    ("symbol", |fields| {
        Ok(Role::Symbol {
            name: required(fields, "name")?,
            into: fields.argument("into")?,
        })
    }),
    ("join-path", |_| Ok(Role::JoinPath)),
    ("paths", |fields| Ok(Role::Paths { of: of(fields)? })),
    ("fork", |fields| {
        Ok(Role::Fork {
            vfork: flag(fields, "vfork")?,
            child: fields.text("child")?.map(Arc::from),
        })
    }),
    ("exec", |fields| {
        Ok(Role::Exec {
            environment: fields.argument("environment")?,
        })
    }),
    ("fork-window", |fields| Ok(Role::ForkWindow { entry: entry(fields)? })),
    ("exit", |_| Ok(Role::Exit { fails: false })),
    ("abort", |_| Ok(Role::Exit { fails: true })),
    ("report", |_| Ok(Role::Report)),
    ("run-file", |fields| {
        Ok(Role::RunFile {
            source: required(fields, "source_arg")?,
        })
    }),
    ("run-module", |fields| {
        Ok(Role::RunModule {
            name: required(fields, "name")?,
            package: fields.argument("package")?,
            again: flag(fields, "again")?,
        })
    }),
    ("parallel-tests", |_| Ok(Role::ParallelTests)),
    ("serial-test", |fields| {
        Ok(Role::SerialTest {
            group: fields.argument("group")?,
            shared: flag(fields, "shared")?,
        })
    }),
    ("ignored-test", |_| Ok(Role::IgnoredTest)),
    ("context-manager", |_| Ok(Role::ContextManager)),
    ("program", |_| Ok(Role::Program)),
    ("value", value),
    ("several", |_| Ok(Role::Several)),
    ("inert", |_| Ok(Role::Inert)),
    ("heap-array", |_| Ok(Role::HeapArray)),
    ("interpose", |_| Ok(Role::Interpose)),
];

/// The role that `effect` names, from the keys of its table.
///
/// # Errors
/// An unknown effect, or a key that it needs and that is missing or wrong.
pub(super) fn role(fields: &Fields<'_>, effect: &str, span: Range<usize>) -> Result<Role, Mistake> {
    word(effect, span, "effect", &READERS)?(fields)
}

fn required(fields: &Fields<'_>, key: &'static str) -> Result<ArgumentRef, Mistake> {
    fields.argument(key)?.ok_or_else(|| fields.missing(key))
}

/// What the call is about; the receiver where the table does not say.
fn of(fields: &Fields<'_>) -> Result<ArgumentRef, Mistake> {
    Ok(fields.argument("of")?.unwrap_or(ArgumentRef::Receiver))
}

fn entry(fields: &Fields<'_>) -> Result<ArgumentRef, Mistake> {
    required(fields, "entry")
}

fn flag(fields: &Fields<'_>, key: &'static str) -> Result<bool, Mistake> {
    Ok(fields.flag(key)?.unwrap_or(false))
}

fn mutation(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let shape = fields.word("shape", &SHAPES)?.ok_or_else(|| fields.missing("shape"))?;
    Ok(Role::Mutation {
        shape,
        key: fields.argument("key")?,
    })
}

fn spawns(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let (program, command) = (fields.argument("program")?, fields.argument("command")?);
    let status = fields.word("failure", &FAILURES)?.unwrap_or(false);
    match (program, command) {
        (Some(argument), None) => Ok(Role::Spawns {
            argument,
            command: false,
            status,
        }),
        (None, Some(argument)) => Ok(Role::Spawns {
            argument,
            command: true,
            status,
        }),
        (Some(_), Some(_)) => {
            let span = fields.get("command").map_or(0..0, |value| value.span());
            Err(Mistake::new(span, "`program` and `command` exclude each other"))
        }
        (None, None) => Err(fields
            .missing("program")
            .help(Some("or `command`, for /bin/sh -c".to_owned()))),
    }
}

fn spawn(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let passing = fields
        .word("passing", &PASSINGS)?
        .ok_or_else(|| fields.missing("passing"))?;
    Ok(Role::Spawn { passing })
}

fn read(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let variables = fields
        .texts("variables")?
        .into_iter()
        .map(|name| (*name.get_ref()).to_owned())
        .collect();
    Ok(Role::Read {
        key: fields.argument("key")?,
        prefix: flag(fields, "prefix")?,
        variables,
        doubt: fields.text("doubt")?.map(str::to_owned),
    })
}

fn start(fields: &Fields<'_>) -> Result<Role, Mistake> {
    Ok(Role::Start {
        entry: entry(fields)?,
        method: fields.text("method")?.map(str::to_owned),
        field: fields.text("field")?.map(str::to_owned),
        moment: match fields.text("starts_at")? {
            None => StartMoment::Now,
            Some("later") => StartMoment::Later,
            Some("first") => StartMoment::First,
            Some(method) => StartMoment::Method(method.to_owned()),
        },
        many: fields.word("threads", &THREADS)?.unwrap_or(false),
        process: flag(fields, "process")?,
        pool: fields.argument("pool")?,
        owner: fields.argument("owner")?,
        handle: fields.argument("handle")?.unwrap_or(ArgumentRef::Result),
        detached: flag(fields, "detached")?,
        task: flag(fields, "task")?,
        turns: fields.word("turns", &TURNS)?,
    })
}

/// `except = "keyword=text"`.
fn runtime(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let except = fields.text("except")?.and_then(|text| text.split_once('='));
    Ok(Role::Runtime {
        many: fields
            .word("threads", &THREADS)?
            .ok_or_else(|| fields.missing("threads"))?,
        except: except.map(|(keyword, text)| (keyword.to_owned(), text.to_owned())),
    })
}

/// Exactly one of `of` (a handle) and `owner`.
fn join(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let of = match (fields.argument("of")?, fields.argument("owner")?) {
        (Some(handle), None) => JoinOf::Handle(handle),
        (None, Some(owner)) => JoinOf::Owner(owner),
        _ => return Err(fields.missing("of` or `owner")),
    };
    Ok(Role::Join {
        of,
        certain: fields.flag("certain")?.unwrap_or(true),
        raises: flag(fields, "raises")?,
    })
}

fn lock(fields: &Fields<'_>) -> Result<Role, Mistake> {
    Ok(Role::Lock {
        of: of(fields)?,
        shared: flag(fields, "shared")?,
        tries: flag(fields, "tries")?,
        guard: flag(fields, "guard")?,
        taken: match fields.text("taken")? {
            None | Some("true") => Taken::True,
            Some("zero") => Taken::Zero,
            Some(name) => Taken::Named(name.to_owned()),
        },
    })
}

fn team(fields: &Fields<'_>) -> Result<Role, Mistake> {
    Ok(Role::Team {
        part: fields
            .word("runs", &TEAM_PARTS)?
            .ok_or_else(|| fields.missing("runs"))?,
        barrier: flag(fields, "barrier")?,
        taskwait: flag(fields, "taskwait")?,
    })
}

fn insert(fields: &Fields<'_>) -> Result<Role, Mistake> {
    let into = fields.argument("into")?.unwrap_or(ArgumentRef::Receiver);
    Ok(Role::Insert {
        into,
        value: required(fields, "value")?,
    })
}

fn value(fields: &Fields<'_>) -> Result<Role, Mistake> {
    if fields.text("returns")?.is_none() {
        return Err(fields.missing("returns"));
    }
    Ok(Role::Value)
}
