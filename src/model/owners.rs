//! Pairs that no function is the common ancestor of: threads that outlive the method that started them, and tests that
//! run beside each other.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{FunctionKind, Language, Local, Visibility};
use crate::finding::Confidence;
use crate::knowledge::{Idiom, Role, Target};

use super::budget::Cut;
use super::crowd::{Left, Member};
use super::named::same_variable;
use super::pairs::{Pair, PairKind, PairSide};
use super::program::{Engine, SummaryKey};
use super::sites::AccessKind;
use super::summary::{Access, Certainty, Chain};
use super::tree::{ClassId, FileId, FuncId};
use super::whose::Common;

/// Adds both kinds.
pub fn add(engine: &mut Engine<'_>, target: &Target) {
    classes(engine);
    modules(engine);
    packages(engine);
    pointer_types(engine);
    super::handlers::add(engine);
    if !target.process_per_test {
        tests(engine);
    }
}

fn summary(engine: &mut Engine<'_>, function: FuncId) -> std::rc::Rc<super::summary::Summary> {
    engine.summary(SummaryKey { function, main: false })
}

/// A thread that a method leaves alive is alive while the other public methods run.
fn classes(engine: &mut Engine<'_>) {
    for number in 0..engine.values.tree.classes.len() {
        let class = ClassId(number as u32);
        let methods: Vec<FuncId> = engine.values.tree.classes[number]
            .methods
            .values()
            .flatten()
            .copied()
            .collect();
        let name = super::tree::last_segment(&engine.values.tree.classes[class.0 as usize].name).to_owned();
        let doubt = "another method of the class may run while the thread is alive";
        family(engine, &methods, &name, &Certainty::because(Confidence::Medium, doubt));
        test_case(engine, class, &methods, &name);
    }
}

/// A thread that is left alive by what prepares a test is alive while the test runs. Where others inherit the test, what is prepared
/// and what is tested are of one of them, and nothing tells of which.
fn test_case(engine: &mut Engine<'_>, class: ClassId, methods: &[FuncId], name: &str) {
    let tree = engine.values.tree;
    let doubt = match engine.values.descendants(class).is_empty() {
        true => Certainty::SURE,
        false => Certainty::because(
            Confidence::Low,
            "classes inherit the test, and what is prepared may be another one's than what is tested",
        ),
    };
    let of_tests = methods.iter().copied().filter(|method| is_test_file(engine, *method));
    let catalog = engine.values.catalog;
    let prepares = |name: &str| catalog.tells(Language::Python, name, Idiom::PreparesTest);
    let (prepare, others): (Vec<FuncId>, Vec<FuncId>) =
        of_tests.partition(|method| prepares(&tree.function(*method).name));
    for starter in prepare {
        for live in summary(engine, starter).leaks.clone() {
            let live = live.doubted(&doubt);
            for test in others
                .iter()
                .filter(|other| tree.function(**other).name.starts_with("test"))
            {
                for access in summary(engine, *test).accesses.clone() {
                    engine.meet_owned(*test, &access, &live, name);
                }
            }
        }
    }
}

/// A thread that a public function leaves alive is alive while the other public functions of its file run.
fn modules(engine: &mut Engine<'_>) {
    let tree = engine.values.tree;
    for file in tree.file_ids() {
        let functions: Vec<FuncId> = tree
            .functions_in(file)
            .filter(|func| tree.function(*func).kind == FunctionKind::Function && tree.parent(*func).is_none())
            .collect();
        let name = tree.file(file).path.clone();
        let doubt = match tree.file(file).language {
            // Nearly every function of C's is public, and a plugin's functions are called by programs of all kinds.
            Language::C => Certainty::because(
                Confidence::Low,
                "nothing here calls either, and one process need not call both: another public function of the file may run while the thread is alive",
            ),
            Language::Python | Language::Rust => Certainty::because(
                Confidence::Medium,
                "another public function of the file may run while the thread is alive",
            ),
        };
        family(engine, &functions, &name, &doubt);
    }
}

/// A thread that a package of Python's leaves alive when it is imported is alive while the functions in it run: none of them can be
/// called before.
fn packages(engine: &mut Engine<'_>) {
    let tree = engine.values.tree;
    let doubt = Certainty::because(
        Confidence::Medium,
        "the package starts the thread when it is imported, and somebody calls the function after that",
    );
    for file in tree.file_ids() {
        let Some(folder) = tree.package_folder(file) else {
            continue;
        };
        let leaks = summary(engine, tree.module_function(file)).leaks.clone();
        for live in leaks {
            let live = live.doubted(&doubt);
            for function in tree.functions_below(folder) {
                let is_function = tree.function(function).kind == FunctionKind::Function;
                if !is_function || !is_root(engine, function) || is_setup(engine, function) {
                    continue;
                }
                for access in summary(engine, function).accesses.clone() {
                    engine.meet_owned(function, &access, &live, folder.trim_end_matches('/'));
                }
            }
        }
    }
}

/// A thread that a function leaves alive is alive while the others run that are called through a pointer of the same type:
/// an interpreter calls its functions in any order.
fn pointer_types(engine: &mut Engine<'_>) {
    let called: Vec<_> = engine
        .escaped_summaries
        .keys()
        .cloned()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    for ty in called {
        let summary = engine.escaped_summary(&ty);
        let Some(first) = engine.escaped.get(&ty).and_then(|functions| functions.first()).copied() else {
            continue;
        };
        for live in &summary.leaks {
            engine.meet_itself(first, live);
            for access in &summary.accesses {
                engine.meet_owned(first, access, live, &ty);
            }
        }
    }
}

fn family(engine: &mut Engine<'_>, members: &[FuncId], owner: &str, doubt: &Certainty) {
    let open: Vec<FuncId> = members
        .iter()
        .copied()
        .filter(|member| is_open(engine, *member))
        .collect();
    let mut others = Vec::new();
    for member in &open {
        // What threads are made for is not called besides: the pair would be of a thread and itself.
        if !is_setup(engine, *member) && !engine.is_thread_entry(*member) {
            others.push(Member::of(*member, summary(engine, *member)));
        }
    }
    let mut left = Left::default();
    for starter in open {
        for live in summary(engine, starter).leaks.clone() {
            engine.meet_left(starter, &live.doubted(doubt), &others, owner, &mut left);
        }
    }
}

/// Nobody in the tree calls it, so that nobody in the tree says in which order; and it is meant to be called.
fn is_open(engine: &Engine<'_>, func: FuncId) -> bool {
    let function = engine.values.tree.function(func);
    let begins_it_all = function.name == "main" && engine.values.tree.language(func) != Language::Python;
    is_root(engine, func) && function.visibility == Visibility::Public && !begins_it_all && !is_program(engine, func)
}

/// Nobody in the tree calls it, but for tests.
fn is_root(engine: &Engine<'_>, func: FuncId) -> bool {
    engine.callers(func).is_empty()
        && !engine.values.tree.function(func).test_only
        && !is_test_file(engine, func)
        && !engine.values.is_unreached(func)
}

/// A command of a command line: one process runs one of them.
fn is_program(engine: &Engine<'_>, func: FuncId) -> bool {
    let entries = engine.values.attribute_entries(func);
    entries
        .iter()
        .any(|id| engine.values.catalog.entry(*id).role == Role::Program)
}

/// Its functions run one after the other, each for itself.
fn is_test_file(engine: &Engine<'_>, func: FuncId) -> bool {
    engine.values.tree.is_collected(engine.values.tree.file_of(func))
}

/// Runs before any thread of its object can.
fn is_setup(engine: &Engine<'_>, func: FuncId) -> bool {
    let name = &engine.values.tree.function(func).name;
    matches!(name.as_str(), "__init__" | "__new__" | "new" | "default" | "__del__")
}

/// A lock between tests, by the attribute's kind and the group's name.
#[derive(PartialEq)]
struct Serial {
    group: String,
    /// Several may hold it at once.
    shared: bool,
}

struct Test {
    function: FuncId,
    /// The roots of the crates that it is compiled into.
    binaries: Vec<FileId>,
    /// The locks that it takes by attribute: empty where it runs beside any other.
    serial: Vec<Serial>,
    /// It stands for several tests, one for each `#[case(…)]` or use of the macro that makes it.
    several: bool,
    accesses: Vec<Access>,
}

/// All tests of one binary run on threads of one process, at the same time.
fn tests(engine: &mut Engine<'_>) {
    let mut all = collect_tests(engine);
    keep_representatives(engine, &mut all);
    for (number, test) in all.iter().enumerate() {
        for access in &test.accesses {
            if !is_mutation(engine, access) {
                continue;
            }
            for (place, other) in all.iter().enumerate() {
                if !engine.values.budget.spend(1) {
                    return engine.values.budget.cut(test.function, Cut::Steps);
                }
                if place == number && !test.several
                    || !test.binaries.iter().any(|root| other.binaries.contains(root))
                    || same_group(test, other)
                {
                    continue;
                }
                for partner in &other.accesses {
                    // Two mutations are one pair, whichever test comes first.
                    if is_mutation(engine, partner) && place < number {
                        continue;
                    }
                    test_pair(engine, (test.function, access), (other.function, partner));
                }
            }
        }
    }
}

/// Of the tests that make the same access to the same variable under the same guards, two speak for all: those with the shortest
/// ways to it. What one of hundreds of tests can meet, so can another.
fn keep_representatives(engine: &Engine<'_>, all: &mut [Test]) {
    let mut companies: Vec<usize> = Vec::new();
    let mut ways: FxHashMap<_, Vec<(u32, usize, usize)>> = FxHashMap::default();
    for (number, test) in all.iter().enumerate() {
        let alike = |other: &usize| all[*other].binaries == test.binaries && all[*other].serial == test.serial;
        let company = companies.iter().copied().find(alike).unwrap_or_else(|| {
            companies.push(number);
            number
        });
        for (place, access) in test.accesses.iter().enumerate() {
            let key = (
                company,
                access.site,
                access.around.number(),
                access.certainty.rank(),
                access.through_module,
                access.repeated,
                access.certainty.programs.clone(),
                engine.names_on_way(access),
            );
            ways.entry(key)
                .or_default()
                .push((access.chain.length(), number, place));
        }
    }
    let mut kept: FxHashSet<(usize, usize)> = FxHashSet::default();
    for mut ways in ways.into_values() {
        ways.sort_unstable();
        let mut tests: Vec<usize> = Vec::new();
        for (_, test, place) in ways {
            if tests.len() < 2 && !tests.contains(&test) {
                tests.push(test);
                kept.insert((test, place));
            }
        }
    }
    for (number, test) in all.iter_mut().enumerate() {
        let mut place = 0;
        test.accesses.retain(|_| {
            place += 1;
            kept.contains(&(number, place - 1))
        });
    }
}

fn is_mutation(engine: &Engine<'_>, access: &Access) -> bool {
    engine.sites.get(access.site).kind == AccessKind::Mutation
}

fn same_group(a: &Test, b: &Test) -> bool {
    a.serial.iter().any(|own| {
        b.serial
            .iter()
            .any(|other| own.group == other.group && !(own.shared && other.shared))
    })
}

fn collect_tests(engine: &mut Engine<'_>) -> Vec<Test> {
    let mut found = Vec::new();
    for func in engine.values.tree.functions() {
        let function = engine.values.tree.function(func);
        if function.attributes.is_empty() || engine.values.tree.language(func) != Language::Rust {
            continue;
        }
        if engine.values.is_unreached(func) {
            continue;
        }
        let entries = engine.values.attribute_entries(func);
        let roles: Vec<Role> = entries
            .iter()
            .map(|id| engine.values.catalog.entry(*id).role.clone())
            .collect();
        if !roles.contains(&Role::ParallelTests) || roles.contains(&Role::IgnoredTest) {
            continue;
        }
        let cases = roles.iter().filter(|role| **role == Role::TestCase).count();
        let serial = serial_groups(engine, func);
        let binaries = engine.values.binaries_of(engine.values.tree.file_of(func));
        let mut accesses: Vec<Access> = summary(engine, func).accesses.clone();
        for begun in summary(engine, func).starts.clone() {
            let thread = engine.thread_accesses(begun.start);
            let covered = begun.covered.as_deref().unwrap_or_default();
            let covered = [covered, &begun.past].concat();
            accesses.extend(thread.all().iter().map(|(access, _)| Access {
                around: engine.arounds.under(&access.around, &covered),
                certainty: access.certainty.and(&begun.certainty),
                ..access.clone()
            }));
        }
        accesses.retain(|access| access.child.is_none());
        found.push(Test {
            function: func,
            binaries,
            serial,
            several: cases > 1 || is_made_by_macro(engine, func),
            accesses,
        });
    }
    found
}

/// A test that stands in a macro's definition, where the macro makes several of it: its name is one that the macro is handed
/// (`fn $name()`), or the macro is called in more than one place.
fn is_made_by_macro(engine: &Engine<'_>, func: FuncId) -> bool {
    let tree = engine.values.tree;
    let test = tree.function(func);
    let Some(maker) = tree.parent(func) else { return false };
    let is_handed = |local: &Local| local.parameter.is_some() && local.name == test.name;
    tree.function(maker).kind == FunctionKind::Macro
        && (tree.function(maker).locals.iter().any(is_handed) || engine.values.evident_callers(maker).len() > 1)
}

/// `#[serial(a, b)]`: a lock for each group; without one, that of everybody who names none.
fn serial_groups(engine: &Engine<'_>, func: FuncId) -> Vec<Serial> {
    let mut found = Vec::new();
    for attribute in &engine.values.tree.function(func).attributes {
        for id in engine.values.entries_of_attribute(func, attribute) {
            let entry = engine.values.catalog.entry(id);
            let Role::SerialTest { shared, .. } = entry.role else {
                continue;
            };
            // A lock in a file is another one than a lock in the process.
            let kind = entry.returns.as_deref().unwrap_or_default();
            let positional = attribute.args.iter().filter(|argument| argument.name.is_none());
            let mut names: Vec<&str> = positional
                .filter_map(|argument| super::tree::value_name(&argument.value))
                .collect();
            if names.is_empty() {
                names.push("");
            }
            for name in names {
                let serial = Serial {
                    group: format!("{kind} {name}"),
                    shared,
                };
                if !found.contains(&serial) {
                    found.push(serial);
                }
            }
        }
    }
    found
}

fn test_pair(engine: &mut Engine<'_>, a: (FuncId, &Access), b: (FuncId, &Access)) {
    if !engine.values.budget.spend(1) {
        return engine.values.budget.cut(a.0, Cut::Steps);
    }
    let common = engine.common_lock(a.0, a.1.around.guards(), b.1.around.guards());
    if common != Common::Nothing {
        return;
    }
    let side = |access: &Access| PairSide {
        access: access.clone(),
        thread: None,
        start_chain: Chain::default(),
        many: false,
        weak_join: None,
        overwrites: false,
    };
    let pair = Pair {
        kind: PairKind::Tests,
        mutation: side(a.1),
        partner: side(b.1),
        ancestor: a.0,
        certainty: a.1.certainty.and(&b.1.certainty),
        heap: None,
        owner: None,
        partner_test: Some(b.0),
        no_holder: false,
    };
    let variable = |access: &Access| engine.variable_of(access);
    let is_same = variable(a.1)
        .zip(variable(b.1))
        .is_some_and(|(a, b)| same_variable(a, b));
    engine.pairs.add(pair, is_same);
}
