//! Every key that a rules file can hold: what its value is, and what it means.
//!
//! This table is the one source of the format. The loader takes no key that does not stand here, the JSON schema
//! (`rules/schema.json`) is made from it, and so is the table of effects in `rules/README.md`.

use super::entry::{Hazard, Repeats, Shape, TeamPart, Turns};
use super::idiom::IDIOMS;
use super::target::Os;
use crate::facts::Language;

/// What the value of a key is.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Text,
    /// A string, or a list of strings.
    Texts,
    Flag,
    /// One argument of a call: `target|1`, `receiver`, `result`, `every`, `last`.
    Argument,
    /// One word of a closed list.
    Word(fn() -> Vec<&'static str>),
    /// One or several words of a closed list.
    Words(fn() -> Vec<&'static str>),
    /// `kind:path`, one or several.
    Match,
    /// Predicates on arguments: a table, or a list of tables of which one suffices.
    Predicates,
    /// A table of version ranges, with [`WHEN`] as its keys.
    When,
    /// A list of tables, with [`EXAMPLE`] as their keys.
    Examples,
}

/// One key of a table.
pub(super) struct Key {
    pub name: &'static str,
    pub value: Value,
    pub required: bool,
    /// One sentence for readers of the schema.
    pub about: &'static str,
}

/// One word of `effect` with the keys that belong to it.
pub(super) struct EffectKeys {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

const fn needs(name: &'static str, value: Value, about: &'static str) -> Key {
    Key {
        name,
        value,
        required: true,
        about,
    }
}

const fn may(name: &'static str, value: Value, about: &'static str) -> Key {
    Key {
        name,
        value,
        required: false,
        about,
    }
}

const fn effect(name: &'static str, about: &'static str, keys: &'static [Key]) -> EffectKeys {
    EffectKeys { name, about, keys }
}

fn names<T>(words: &[(&'static str, T)]) -> Vec<&'static str> {
    words.iter().map(|(name, _)| *name).collect()
}

pub(super) const LANGUAGES: [(&str, Language); 3] = [
    ("c", Language::C),
    ("python", Language::Python),
    ("rust", Language::Rust),
];

pub(super) const HAZARDS: [(&str, Hazard); 2] = [
    ("frees-moved-array", Hazard::FreesMovedArray),
    ("frees-replaced-string", Hazard::FreesReplacedString),
];

pub(super) const MEASURED: [(&str, &str); 3] = [("common", "common"), ("rare", "rare"), ("latent", "latent")];

pub(super) const BUILDS: [(&str, bool); 2] = [("gil", false), ("free", true)];

pub(super) const SYSTEMS: [(&str, Os); 2] = [("linux", Os::Linux), ("other", Os::Other)];

pub(super) const SHAPES: [(&str, Shape); 5] = [
    ("add", Shape::Add),
    ("overwrite", Shape::Overwrite),
    ("delete", Shape::Delete),
    ("clear", Shape::Clear),
    ("unknown", Shape::Unknown),
];

pub(super) const REPEATS: [(&str, Repeats); 3] = [
    ("never", Repeats::Never),
    ("if-several", Repeats::IfSeveral),
    ("always", Repeats::Always),
];

pub(super) const PASSINGS: [(&str, super::Passing); 2] = [
    ("shared", super::Passing::Shared),
    ("fork-copy", super::Passing::ForkCopy),
];

/// Whether a spawn that fails is told as a wait status.
pub(super) const FAILURES: [(&str, bool); 2] = [("status", true), ("error", false)];

/// Whether there are many.
pub(super) const THREADS: [(&str, bool); 2] = [("one", false), ("many", true)];

pub(super) const TURNS: [(&str, Turns); 2] = [("all", Turns::All), ("functions", Turns::Functions)];

pub(super) const TEAM_PARTS: [(&str, TeamPart); 5] = [
    ("all", TeamPart::All),
    ("one", TeamPart::One),
    ("first", TeamPart::First),
    ("task", TeamPart::Task),
    ("tasks", TeamPart::Tasks),
];

/// What the table does; which other keys it may hold depends on it.
pub(super) const EFFECT: Key = needs(
    "effect",
    Value::Word(|| EFFECTS.iter().map(|effect| effect.name).collect()),
    "what it does",
);

/// The keys that every `[[api]]` table may hold besides its effect.
pub(super) const COMMON: &[Key] = &[
    needs("match", Value::Match, "what is matched: kind:path, or a list of them"),
    may(
        "language",
        Value::Word(|| names(&LANGUAGES)),
        "the language; required in a user's file",
    ),
    needs(
        "source",
        Value::Text,
        "where it is known from: file and function, RFC or bug",
    ),
    may("hold", Value::Texts, "intrinsic guards that it holds while it works"),
    may(
        "release",
        Value::Texts,
        "intrinsic guards that it gives up while it works",
    ),
    may("when", Value::When, "the versions for which it applies"),
    may("args", Value::Predicates, "what its arguments must be for it to apply"),
    may(
        "returns",
        Value::Text,
        "the type path of the result, or `self` for the receiver's own type",
    ),
    may(
        "mapping_only",
        Value::Flag,
        "it uses the language's own copy of the environment",
    ),
    may(
        "kept",
        Value::Text,
        "a name for what it keeps: of all calls that keep the same, the first in a process alone does its work",
    ),
    may(
        "hazard",
        Value::Word(|| names(&HAZARDS)),
        "what it does to memory that others still use",
    ),
    may(
        "because",
        Value::Text,
        "a fragment for the finding's reason, about these versions",
    ),
    may(
        "measured",
        Value::Word(|| names(&MEASURED)),
        "what a replay can be expected to show",
    ),
    may("help", Value::Text, "what to do instead, and the mistake that is near"),
    may(
        "help_beside",
        Value::Words(|| names(&SHAPES)),
        "the shapes of a mutation beside which the help is meant; all where absent",
    ),
    may("display", Value::Text, "how a person writes it"),
    may(
        "example",
        Value::Examples,
        "small programs that the tests run through check",
    ),
];

/// The keys of `when`.
pub(super) const WHEN: &[Key] = &[
    may("python", Value::Text, "CPython versions: >=3.11.6,<3.13"),
    may("libc", Value::Text, "a libc and its versions: glibc <2.41"),
    may(
        "build",
        Value::Word(|| names(&BUILDS)),
        "CPython with or without the GIL",
    ),
    may("rust", Value::Text, "Rust versions: >=1.85"),
    may(
        "os",
        Value::Word(|| names(&SYSTEMS)),
        "the kind of system: other stands for macOS and the BSDs",
    ),
    may(
        "named",
        Value::Flag,
        "only where the target names that libc and interpreter itself",
    ),
];

/// The keys of `[[api.example]]`: two whole programs, or what its effect's `[[frame]]` lacks.
pub(super) const EXAMPLE: &[Key] = &[
    may("racy", Value::Text, "a program with a finding at this API"),
    may("safe", Value::Text, "a program without one"),
    may("use", Value::Text, "how a program uses it, for the frame of its effect"),
    may("top", Value::Text, "what stands at the top of the program"),
    may(
        "undo",
        Value::Text,
        "what ends it: an unlock for a lock, a start for a join",
    ),
    may(
        "for",
        Value::Texts,
        "the matches that it shows; all that no other example shows where absent",
    ),
];

/// The keys of `[[frame]]`.
pub(super) const FRAME: &[Key] = &[
    needs("effect", Value::Texts, "the effects that it frames"),
    needs("racy", Value::Text, "a program with a finding, around $use"),
    needs("safe", Value::Text, "a program without one, around $use"),
];

/// The keys of `[[idiom]]`.
pub(super) const IDIOM: &[Key] = &[
    needs("tells", Value::Word(|| names(&IDIOMS)), "what the names tell"),
    needs(
        "names",
        Value::Texts,
        "the bare names, or the paths of what is called by its path",
    ),
    needs("source", Value::Text, "where it is known from"),
];

const OF: Key = may("of", Value::Argument, "what it is about; the receiver where absent");
const ENTRY: Key = needs("entry", Value::Argument, "the function that it runs");

/// Every effect.
pub(super) const EFFECTS: [EffectKeys; 57] = [
    effect(
        "mutation",
        "changes the environment",
        &[
            needs("shape", Value::Word(|| names(&SHAPES)), "what it does to the array"),
            may("key", Value::Argument, "names the variable"),
        ],
    ),
    effect(
        "spawn",
        "starts a program with the live environment",
        &[needs(
            "passing",
            Value::Word(|| names(&PASSINGS)),
            "on shared memory, or from a forked copy",
        )],
    ),
    effect(
        "spawns",
        "says what a spawn of the same match starts",
        &[
            may(
                "program",
                Value::Argument,
                "the program, or the list that begins with it",
            ),
            may("command", Value::Argument, "a command line for /bin/sh -c"),
            may(
                "failure",
                Value::Word(|| names(&FAILURES)),
                "how the caller is told; error where absent",
            ),
        ],
    ),
    effect(
        "read",
        "looks at the environment",
        &[
            may("key", Value::Argument, "names the variable"),
            may(
                "prefix",
                Value::Flag,
                "`key` is how the names of its variables begin, in capitals or not",
            ),
            may(
                "variables",
                Value::Texts,
                "the variables, where they are always the same",
            ),
            may("doubt", Value::Text, "why it may not look at them in fact"),
        ],
    ),
    effect(
        "start",
        "a thread runs `entry`",
        &[
            ENTRY,
            may("method", Value::Text, "the method of its class that runs"),
            may(
                "field",
                Value::Text,
                "the field of it in which the function stands, `*` for every one",
            ),
            may(
                "starts_at",
                Value::Text,
                "the method that starts it, or `later`, or `first` of what comes later",
            ),
            may(
                "threads",
                Value::Word(|| names(&THREADS)),
                "how many run it; one where absent",
            ),
            may(
                "pool",
                Value::Argument,
                "the pool on which it runs, which may be one of processes",
            ),
            may("owner", Value::Argument, "the pool or scope that owns the thread"),
            may(
                "handle",
                Value::Argument,
                "what a join is given; the result where absent",
            ),
            may(
                "process",
                Value::Flag,
                "a process of its own, with an environment of its own",
            ),
            may("detached", Value::Flag, "nobody is expected to join it"),
            may("task", Value::Flag, "a task of a runtime"),
            may(
                "turns",
                Value::Word(|| names(&TURNS)),
                "what a framework runs by turns, on one thread; Python's coroutines where absent",
            ),
        ],
    ),
    effect(
        "runtime",
        "makes a runtime for tasks",
        &[
            needs("threads", Value::Word(|| names(&THREADS)), "whether it has several"),
            may(
                "except",
                Value::Text,
                "keyword=text: the argument by which it is the other kind",
            ),
        ],
    ),
    effect(
        "join",
        "ends threads",
        &[
            may("of", Value::Argument, "the handle of the thread; this or `owner`"),
            may("owner", Value::Argument, "the pool or scope all of whose threads end"),
            may("certain", Value::Flag, "false where it may return before"),
            may(
                "raises",
                Value::Flag,
                "it raises where its time is up, and does not return before",
            ),
        ],
    ),
    effect("detach", "nobody will join it", &[OF]),
    effect(
        "lock",
        "takes a lock",
        &[
            OF,
            may("shared", Value::Flag, "for readers, who do not exclude each other"),
            may("tries", Value::Flag, "it may fail"),
            may(
                "taken",
                Value::Text,
                "what the result is where it did not: true, zero, or a name of zero",
            ),
            may("guard", Value::Flag, "its result or with-block holds it"),
        ],
    ),
    effect("unlock", "gives a lock back", &[OF]),
    effect(
        "team",
        "divides a region among a team of threads",
        &[
            needs("runs", Value::Word(|| names(&TEAM_PARTS)), "who runs it"),
            may("barrier", Value::Flag, "all wait for each other at its end"),
            may("taskwait", Value::Flag, "waits for the tasks made so far"),
        ],
    ),
    effect("make-lock", "makes a lock", &[]),
    effect("receive", "waits until something is sent on the same object", &[OF]),
    effect("send", "lets those who wait on the same object go on", &[OF]),
    effect(
        "channel",
        "makes the two ends of a channel, of which the first one sends",
        &[],
    ),
    effect("settle", "waits until all that was sent is dealt with", &[OF]),
    effect("done", "says that what was received is dealt with", &[OF]),
    effect(
        "together",
        "goes through its arguments together: each element has one of each",
        &[],
    ),
    effect("cached", "keeps what the function gives", &[]),
    effect("test-case", "makes a test of the function with these arguments", &[]),
    effect("serial", "makes a pool that runs one thing after the other", &[]),
    effect(
        "alive",
        "asks whether a thread is alive",
        &[OF, may("done", Value::Flag, "it asks whether it has ended")],
    ),
    effect(
        "quantifier",
        "asks whether some of the elements are true",
        &[OF, may("all", Value::Flag, "it asks whether all of them are")],
    ),
    effect(
        "enters",
        "enters a context manager, which is left with the block that keeps it",
        &[OF],
    ),
    effect("length", "says how many elements there are", &[OF]),
    effect(
        "unfinished",
        "gives a pair, in which come second those of the threads that have not ended",
        &[OF],
    ),
    effect(
        "all-threads",
        "gives all threads that are alive, the one that asks among them: where it is the only one, all others have ended",
        &[may("count", Value::Flag, "it says how many they are")],
    ),
    effect(
        "stream",
        "the result is an iterator that ends when these threads have",
        &[OF],
    ),
    effect("consume", "goes through an iterator to its end", &[OF]),
    effect(
        "calls-now",
        "calls it on this thread",
        &[
            ENTRY,
            may(
                "scope",
                Value::Flag,
                "what is started through the value that it passes ends before it returns",
            ),
            may("once", Value::Argument, "what sees to it that it runs once"),
            may("each", Value::Argument, "it is called with the elements of this"),
            may(
                "repeats",
                Value::Word(|| names(&REPEATS)),
                "it is called any number of times, as in a loop",
            ),
            may("under", Value::Text, "a lock of its own that it holds meanwhile"),
            may(
                "task",
                Value::Flag,
                "it goes on whenever the caller waits, until that waits for the result",
            ),
        ],
    ),
    effect(
        "calls-later",
        "keeps it for later on this thread",
        &[ENTRY, may("again", Value::Flag, "and calls it any number of times")],
    ),
    effect("partial", "binds some of its arguments", &[ENTRY]),
    effect("pass", "the result is the same thing", &[OF]),
    effect(
        "insert",
        "makes a value an element",
        &[
            needs("value", Value::Argument, "the value"),
            may("into", Value::Argument, "the container; the receiver where absent"),
        ],
    ),
    effect("element", "the result is an element", &[OF]),
    effect(
        "attribute",
        "the result is the attribute of that name",
        &[OF, needs("name", Value::Argument, "the name")],
    ),
    effect(
        "symbol",
        "the result is the function of that name, wherever it is defined",
        &[
            needs("name", Value::Argument, "the name"),
            may(
                "into",
                Value::Argument,
                "points to where it is left; the result where absent",
            ),
        ],
    ),
    effect("join-path", "joins pieces of a path", &[]),
    effect("paths", "gives the paths that fit a pattern", &[OF]),
    effect(
        "fork",
        "the result is 0 in the child",
        &[
            may("vfork", Value::Flag, "the child runs on the parent's memory"),
            may(
                "child",
                Value::Text,
                "the variant of an enum that the result is in the child instead",
            ),
        ],
    ),
    effect(
        "exec",
        "replaces the process",
        &[may(
            "environment",
            Value::Argument,
            "the new environment; the live one where absent",
        )],
    ),
    effect("fork-window", "runs it between fork and exec", &[ENTRY]),
    effect("exit", "does not return", &[]),
    effect("abort", "ends the process because something went wrong", &[]),
    effect("report", "says something to a person", &[]),
    effect(
        "run-file",
        "runs the code of a file here",
        &[needs("source_arg", Value::Argument, "its path or text")],
    ),
    effect(
        "run-module",
        "runs the code of a module here",
        &[
            needs("name", Value::Argument, "its name"),
            may(
                "package",
                Value::Argument,
                "the package from which a name that begins with a dot counts",
            ),
            may("again", Value::Flag, "each time, and not on the first import alone"),
        ],
    ),
    effect("parallel-tests", "tests that run beside each other", &[]),
    effect(
        "serial-test",
        "a test that its like wait for",
        &[
            may("group", Value::Argument, "the name of the lock"),
            may("shared", Value::Flag, "beside its like, but not beside the others"),
        ],
    ),
    effect("ignored-test", "a test that does not run beside others", &[]),
    effect("context-manager", "the decorated generator is one", &[]),
    effect("program", "the decorated function is a program of its own", &[]),
    effect("value", "only the type of the result matters", &[]),
    effect("several", "the result goes through any number of things", &[]),
    effect("inert", "known and harmless", &[]),
    effect("heap-array", "makes `environ` a heap array", &[]),
    effect(
        "interpose",
        "stands in front of the function that is looked up with it",
        &[],
    ),
];

/// The keys that belong to an effect.
pub(super) fn keys_of(effect: &str) -> Option<&'static [Key]> {
    let found = EFFECTS.iter().find(|known| known.name == effect);
    found.map(|known| known.keys)
}
