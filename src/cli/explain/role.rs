//! What an API does, in words.

use crate::knowledge::{
    ArgumentRef, ArgumentTest, Entry, JoinOf, LibcKind, Os, Passing, Predicate, Role, Shape, VersionRange, When,
};

/// The role in a word: as rules files write it.
pub fn word(entry: &Entry) -> String {
    let debug = format!("{:?}", entry.role);
    let name = debug.split([' ', '{', '(']).next().unwrap_or("");
    let mut word = String::new();
    for (index, c) in name.chars().enumerate() {
        if c.is_uppercase() && index > 0 {
            word.push('-');
        }
        word.extend(c.to_lowercase());
    }
    word
}

/// What it does, in a sentence without a full stop.
pub fn sentence(entry: &Entry) -> String {
    match &entry.role {
        Role::Mutation { shape, .. } => mutation(*shape).to_owned(),
        Role::Spawn {
            passing: Passing::Shared,
        } => "starts a program with the live environment, in a child that shares the parent's memory until execve is done"
            .to_owned(),
        Role::Spawn {
            passing: Passing::ForkCopy,
        } => "starts a program with the live environment, from a forked copy of the parent's memory".to_owned(),
        Role::Spawns { argument, command, .. } => {
            let what = if *command { "the command line for /bin/sh -c" } else { "the program" };
            format!("{what} is {}", named(argument))
        }
        Role::Read { prefix: true, .. } => "looks for variables by how their names begin, in the live environment".to_owned(),
        Role::Read { variables, .. } if variables.is_empty() => "looks at the live environment".to_owned(),
        Role::Read { variables, .. } => format!("looks for {} in the live environment", variables.join(", ")),
        Role::Start { process: true, .. } => "starts a process with an environment of its own".to_owned(),
        Role::Start { entry, many, .. } => {
            let threads = if *many { "threads that run" } else { "a thread that runs" };
            format!("starts {threads} {}", named(entry))
        }
        Role::Join { of, certain, raises } => {
            let whom = match of {
                JoinOf::Handle(argument) | JoinOf::Owner(argument) => named(argument),
            };
            let surely = if *certain { "waits for the end of" } else { "may wait for the end of" };
            let or_raises = if *raises { ", or raises" } else { "" };
            format!("{surely} the threads of {whom}{or_raises}")
        }
        Role::Fork { vfork: true, .. } => "forks; the child runs on the parent's memory".to_owned(),
        Role::Fork { vfork: false, .. } => "forks; the child has a copy of the memory, and of this thread alone".to_owned(),
        Role::Exec { environment: None } => "replaces the process, with the live environment".to_owned(),
        Role::Exec { .. } => "replaces the process, with an environment that it is given".to_owned(),
        Role::Several => "goes through any number of things, one after the other".to_owned(),
        Role::Inert => "known, and harmless".to_owned(),
        Role::ForkWindow { entry } => format!("runs {} between fork and exec, in the child", named(entry)),
        Role::CallsNow { entry, .. } => format!("calls {} here", named(entry)),
        Role::CallsLater { entry, again } => {
            let often = if *again { ", any number of times" } else { "" };
            format!("keeps {} and calls it later{often}", named(entry))
        }
        Role::Lock { of, .. } => format!("takes the lock {}", named(of)),
        Role::Unlock { of } => format!("gives up the lock {}", named(of)),
        Role::HeapArray => "makes environ a heap array, so that the next addition may free it".to_owned(),
        _ => format!("{} (a step of the analysis)", word(entry)),
    }
}

fn mutation(shape: Shape) -> &'static str {
    match shape {
        Shape::Add => "changes the environment: adds a variable, or overwrites one that is there",
        Shape::Overwrite => "changes the environment: overwrites a variable",
        Shape::Delete => "changes the environment: removes a variable",
        Shape::Clear => "changes the environment: empties or rebuilds it",
        Shape::Unknown => "changes the environment in a way that cannot be told",
    }
}

/// An argument as people count.
pub fn named(argument: &ArgumentRef) -> String {
    match argument {
        ArgumentRef::Of { keywords, .. } if !keywords.is_empty() => format!("its argument `{}`", keywords[0]),
        ArgumentRef::Of { positions, .. } => format!("its argument {}", positions.first().map_or(1, |at| at + 1)),
        ArgumentRef::Receiver => "its object".to_owned(),
        ArgumentRef::Result => "its result".to_owned(),
        ArgumentRef::Every => "its arguments".to_owned(),
        ArgumentRef::Last => "its last argument".to_owned(),
    }
}

/// The versions and arguments to which an entry is bound; empty where it always applies.
pub fn conditions(entry: &Entry) -> String {
    let mut parts = versions(&entry.when);
    parts.extend(entry.arguments.iter().filter_map(predicate));
    parts.join("; ")
}

fn versions(when: &When) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(range) = when.python {
        parts.push(format!("CPython {}", bounds(range)));
    }
    match when.free_threaded {
        Some(true) => parts.push("free-threaded".to_owned()),
        Some(false) => parts.push("with the GIL".to_owned()),
        None => {}
    }
    if let Some((kind, range)) = when.libc {
        parts.push(format!("{} {}", kind.name(), bounds(range)).trim_end().to_owned());
    }
    if let Some(range) = when.rust {
        parts.push(format!("Rust {}", bounds(range)));
    }
    match when.os {
        Some(Os::Linux) => parts.push("Linux".to_owned()),
        Some(Os::Other) => parts.push(format!("{}, the BSDs", LibcKind::Macos.name())),
        None => {}
    }
    if when.named {
        parts.push("only where the target names these versions".to_owned());
    }
    parts
}

fn bounds(range: VersionRange) -> String {
    let written = |(major, minor, micro): (u32, u32, u32)| match micro {
        0 => format!("{major}.{minor}"),
        _ => format!("{major}.{minor}.{micro}"),
    };
    let from = range.from.map(|from| format!(">={}", written(from)));
    let to = range.to.map(|to| format!("<{}", written(to)));
    from.into_iter().chain(to).collect::<Vec<_>>().join(",")
}

/// What is demanded of an argument; that it is absent goes without saying.
fn predicate(predicate: &Predicate) -> Option<String> {
    if predicate.any_of.contains(&ArgumentTest::Absent) {
        return None;
    }
    let tests: Vec<&str> = predicate.any_of.iter().map(|test| test_words(*test)).collect();
    let argument = named(&predicate.argument);
    let argument = argument.strip_prefix("its ").unwrap_or(&argument);
    Some(format!("{argument} {}", tests.join(" or ")))
}

fn test_words(test: ArgumentTest) -> &'static str {
    match test {
        ArgumentTest::Absent => "absent",
        ArgumentTest::None | ArgumentTest::MayBeNone => "none",
        ArgumentTest::Live => "the live environment",
        ArgumentTest::Own | ArgumentTest::Present => "given",
        ArgumentTest::Literal => "a literal",
        ArgumentTest::True | ArgumentTest::NotFalse => "true",
        ArgumentTest::False => "false",
        ArgumentTest::Slash => "a path with a slash",
        ArgumentTest::NoSlash => "a name without a slash",
        ArgumentTest::Empty => "empty",
        ArgumentTest::NoAddress => "no address in numbers",
        ArgumentTest::HostName => "a name of a host",
        ArgumentTest::One => "1",
        ArgumentTest::AllCompleted => "ALL_COMPLETED",
        ArgumentTest::NewProgram => "spawn or forkserver",
        ArgumentTest::OnThreads => "threads",
    }
}
