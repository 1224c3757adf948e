//! The ways to call an API that its entries tell apart.

use crate::facts::Language;
use crate::knowledge::entry::{ArgumentRef, ArgumentTest, Entry, Role, Shape};
use crate::knowledge::{Catalog, EntryId};

use super::Access;

/// One way to call an API, with the entries that apply to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub language: Language,
    pub access: Access,
    /// How a person writes the API.
    pub display: String,
    /// What is particular about the call: `cwd=…`; empty for the usual one.
    pub call: String,
    /// Those that touch the environment, of any version.
    pub entries: Vec<EntryId>,
    /// What the code tells of a mutation beyond its entry.
    pub shape: Option<Shape>,
}

impl Form {
    /// The API with what is particular about the call.
    pub fn written(&self) -> String {
        if self.call.is_empty() {
            self.display.clone()
        } else {
            format!("{} ({})", self.display, self.call)
        }
    }

    /// Whether a replay is known to show its races often.
    pub(super) fn is_common(&self, catalog: &Catalog) -> bool {
        let measured = |id: &EntryId| catalog.entry(*id).measured.as_deref() == Some("common");
        self.entries.iter().any(measured)
    }
}

/// What the arguments of a call are; the others are absent.
type Call = Vec<(ArgumentRef, ArgumentTest)>;

/// Every way to call one API that touches the environment; `entries` are all of its match.
///
/// An addition stands twice: for a name that is new, and for one that exists, which it only overwrites.
pub fn forms(entries: &[(EntryId, &Entry)]) -> Vec<Form> {
    let mut calls: Vec<Call> = Vec::new();
    for (_, entry) in entries.iter().filter(|(_, entry)| Access::of(&entry.role).is_some()) {
        let call = call(entry, entries);
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    let mut found = Vec::new();
    for call in calls {
        for access in [Access::Mutation, Access::Spawn, Access::Read] {
            found.extend(form(&call, access, entries, &particular(&call, &paths(entries))));
        }
    }
    found
}

/// The form of a call as one of the things that it does: with `Access::Spawn`, as a spawn of either kind.
fn form(
    call: &[(ArgumentRef, ArgumentTest)],
    wanted: Access,
    entries: &[(EntryId, &Entry)],
    particular: &str,
) -> Vec<Form> {
    let does = |entry: &Entry| match Access::of(&entry.role) {
        Some(Access::Fork) => Some(Access::Spawn),
        other => other,
    };
    let applying: Vec<&(EntryId, &Entry)> = entries
        .iter()
        .filter(|(_, entry)| does(entry) == Some(wanted) && applies(entry, call))
        .collect();
    let Some((_, first)) = applying.first() else {
        return Vec::new();
    };
    // Which kind of spawn it is may depend on the version; what it can come to is the worse.
    let access = applying.iter().filter_map(|(_, entry)| Access::of(&entry.role)).min();
    let usual = Form {
        language: first.language,
        access: access.unwrap_or(wanted),
        display: first.display.clone(),
        call: particular.to_owned(),
        entries: applying.iter().map(|(id, _)| *id).collect(),
        shape: None,
    };
    let adds = applying
        .iter()
        .all(|(_, entry)| matches!(entry.role, Role::Mutation { shape: Shape::Add, .. }));
    if !adds {
        return vec![usual];
    }
    let with = |word: &str, shape: Shape| Form {
        call: [usual.call.as_str(), word]
            .iter()
            .filter(|part| !part.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join(", "),
        shape: Some(shape),
        ..usual.clone()
    };
    vec![with("new name", Shape::Add), with("existing name", Shape::Overwrite)]
}

/// The plainest call to which an entry applies.
fn call(entry: &Entry, all: &[(EntryId, &Entry)]) -> Call {
    let mut call = Call::new();
    for predicate in &entry.arguments {
        let absent = [ArgumentTest::Absent, ArgumentTest::False]
            .iter()
            .any(|test| predicate.any_of.contains(test));
        if let (false, Some(test)) = (absent, predicate.any_of.first()) {
            call.push((predicate.argument.clone(), *test));
        }
    }
    // A path cannot be left out: the plain call has one with a slash, of which more is known.
    for (argument, test) in paths(all) {
        if !call.iter().any(|(given, _)| same(given, &argument)) {
            call.push((argument, test));
        }
    }
    call
}

/// The arguments that every call has, as far as entries tell paths with a slash from others.
fn paths(all: &[(EntryId, &Entry)]) -> Call {
    let predicates = || all.iter().flat_map(|(_, entry)| &entry.arguments);
    let mut found = Call::new();
    for predicate in predicates() {
        let tests: Vec<ArgumentTest> = predicates()
            .filter(|other| same(&other.argument, &predicate.argument))
            .flat_map(|other| other.any_of.iter().copied())
            .collect();
        let told = tests
            .iter()
            .any(|test| matches!(test, ArgumentTest::Slash | ArgumentTest::NoSlash));
        if told
            && !tests.contains(&ArgumentTest::Absent)
            && !found.iter().any(|(known, _)| same(known, &predicate.argument))
        {
            found.push((predicate.argument.clone(), ArgumentTest::Slash));
        }
    }
    found
}

/// Whether an entry applies to a call. Arguments that the call does not name are absent.
fn applies(entry: &Entry, call: &[(ArgumentRef, ArgumentTest)]) -> bool {
    entry.arguments.iter().all(|predicate| {
        match call.iter().find(|(argument, _)| same(argument, &predicate.argument)) {
            None => [ArgumentTest::Absent, ArgumentTest::False]
                .iter()
                .any(|test| predicate.any_of.contains(test)),
            Some((_, is)) => predicate.any_of.iter().any(|test| passes(*is, *test)),
        }
    })
}

/// Whether an argument that surely passes one test passes another.
fn passes(is: ArgumentTest, test: ArgumentTest) -> bool {
    use ArgumentTest::{Absent, Empty, False, Literal, Live, NoAddress, NoSlash, None, One, Own, Present, Slash, True};
    match test {
        _ if is == test => true,
        Present => is != Absent,
        Own => !matches!(is, Absent | None | Live),
        Literal => matches!(is, True | False | Slash | Empty | One),
        NoSlash => matches!(is, Own | Present | Literal | Empty),
        NoAddress => is != Absent,
        _ => false,
    }
}

/// Whether two references name the same argument.
fn same(left: &ArgumentRef, right: &ArgumentRef) -> bool {
    match (left, right) {
        (
            ArgumentRef::Of { positions, keywords },
            ArgumentRef::Of {
                positions: others,
                keywords: names,
            },
        ) => positions.iter().any(|at| others.contains(at)) || keywords.iter().any(|name| names.contains(name)),
        (left, right) => left == right,
    }
}

/// What is particular about a call, as a person would write it. What every call has (`given`) goes without saying beside
/// anything else.
fn particular(call: &[(ArgumentRef, ArgumentTest)], given: &[(ArgumentRef, ArgumentTest)]) -> String {
    let told = call.iter().filter(|part| call.len() == 1 || !given.contains(part));
    let words = told.filter_map(|(argument, test)| {
        let name = match argument {
            ArgumentRef::Of { keywords, .. } if !keywords.is_empty() => keywords[0].clone(),
            ArgumentRef::Of { positions, .. } => format!("argument {}", positions.first().map_or(1, |at| at + 1)),
            ArgumentRef::Receiver => "object".to_owned(),
            ArgumentRef::Result => "result".to_owned(),
            ArgumentRef::Every => "any argument".to_owned(),
            ArgumentRef::Last => "last argument".to_owned(),
        };
        let value = match test {
            ArgumentTest::Absent => return None,
            ArgumentTest::None | ArgumentTest::MayBeNone => "none",
            ArgumentTest::Live => "the live environment",
            ArgumentTest::Own | ArgumentTest::Present => "…",
            ArgumentTest::Literal => "a literal",
            ArgumentTest::True | ArgumentTest::NotFalse => "true",
            ArgumentTest::False => "false",
            ArgumentTest::Slash => "a path with a slash",
            ArgumentTest::NoSlash => "a name without a slash",
            ArgumentTest::Empty => "an empty string",
            ArgumentTest::NoAddress => "what may be a name of a host",
            ArgumentTest::HostName => "a name of a host",
            ArgumentTest::One => "1",
            ArgumentTest::AllCompleted => "ALL_COMPLETED",
            ArgumentTest::NewProgram => "spawn",
            ArgumentTest::OnThreads => "threads",
        };
        Some(format!("{name} = {value}"))
    });
    words.collect::<Vec<_>>().join(", ")
}
