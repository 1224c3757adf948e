//! Which programs of the tree a function of C or Rust can be part of.
//!
//! A source tree makes several programs: a daemon, its tools, a hundred tests. A call through a pointer of which only the type
//! is known may mean any function of that type, but no process has functions of two programs in it. So the way to a place is
//! dropped where no program holds all functions on it.
//!
//! What a program holds is taken from what its code names: `main`, what that calls or takes the address of, the tables that it
//! mentions, what it looks up by name, and so on. That is more than what is linked, never less, but for what is found by no
//! name at all (a linker's section, a module that another project loads): a function that no program names may be part of any.
//! Of functions of one name that several files define no two are in one program: one `main` and many files that each define what
//! it calls are that many programs.
//!
//! What a program outside of the tree would make of a library counts for nothing where programs of the tree use it: two of its
//! functions that no test and no tool brings together meet in no process that anybody can name.
//!
//! Of Rust it is taken from the crates: nobody can depend on a binary, a test, an example or a bench, nor on what a library has for
//! its tests alone (Cargo reference, "Cargo Targets"). What else a library has may be part of any program.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::facts::{
    Attribute, CallIndex, Event, Function, FunctionIndex, FunctionKind, Language, Piece, Value, Visibility,
};

use super::names::folder_of;
use super::tree::{FileId, FuncId, each_event};
use super::values::Values;

/// A set of programs; where nothing is known, all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct InPrograms(Option<Rc<Vec<u64>>>);

impl InPrograms {
    /// Any program.
    pub const ALL: InPrograms = InPrograms(None);

    /// Those that are in both.
    pub fn and(&self, other: &InPrograms) -> InPrograms {
        match (&self.0, &other.0) {
            (None, _) => other.clone(),
            (_, None) => self.clone(),
            (Some(a), Some(b)) if Rc::ptr_eq(a, b) => self.clone(),
            (Some(a), Some(b)) => InPrograms(Some(Rc::new(a.iter().zip(b.iter()).map(|(a, b)| a & b).collect()))),
        }
    }

    /// Those that are in either.
    pub fn or(&self, other: &InPrograms) -> InPrograms {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => InPrograms(Some(Rc::new(a.iter().zip(b.iter()).map(|(a, b)| a | b).collect()))),
            _ => InPrograms::ALL,
        }
    }

    /// No program.
    pub fn is_none(&self) -> bool {
        self.0.as_ref().is_some_and(|words| words.iter().all(|word| *word == 0))
    }

    /// Any program at all.
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether all of the others are in it.
    pub fn covers(&self, other: &InPrograms) -> bool {
        match (&self.0, &other.0) {
            (None, _) => true,
            (_, None) => false,
            (Some(a), Some(b)) => a.iter().zip(b.iter()).all(|(a, b)| b & !a == 0),
        }
    }
}

/// The programs of a tree.
#[derive(Debug, Default)]
pub struct Programs {
    of: FxHashMap<FuncId, InPrograms>,
}

impl Programs {
    /// The programs that a function can be part of.
    pub fn of(&self, func: FuncId) -> InPrograms {
        self.of.get(&func).cloned().unwrap_or_default()
    }

    /// Whether some program holds both functions.
    pub fn share_one(&self, a: FuncId, b: FuncId) -> bool {
        match (self.of.get(&a), self.of.get(&b)) {
            (Some(a), Some(b)) => a == b || !a.and(b).is_none(),
            _ => true,
        }
    }
}

/// What a function names.
struct Named {
    /// What it calls by its name or takes the address of, and the code that initialises the variables that it mentions.
    targets: Vec<FuncId>,
    /// What it has the dynamic linker look up.
    looked_up: Vec<FuncId>,
}

/// Sets that grow, by function.
struct Growing {
    words: usize,
    sets: FxHashMap<FuncId, Vec<u64>>,
    /// Those whose set has grown since it was carried on, each once: a function that hundreds of programs share grows hundreds of
    /// times, and is carried on for many of them at once where it waits for its turn.
    open: VecDeque<FuncId>,
    waiting: FxHashSet<FuncId>,
}

/// Adds a program to a set of programs by their numbers.
fn add(set: &mut [u64], program: usize) {
    set[program / 64] |= 1 << (program % 64);
}

impl Growing {
    fn start(&mut self, func: FuncId, program: usize) {
        let mut set = vec![0; self.words];
        add(&mut set, program);
        self.grow(func, &set);
    }

    fn grow(&mut self, func: FuncId, more: &[u64]) {
        let words = self.words;
        let known = self.sets.entry(func).or_insert_with(|| vec![0; words]);
        let mut grown = false;
        for (word, more) in known.iter_mut().zip(more) {
            grown |= more & !*word != 0;
            *word |= more;
        }
        if grown && self.waiting.insert(func) {
            self.open.push_back(func);
        }
    }
}

impl<'t> Values<'t> {
    /// The programs that the C files of the tree make, or else the Rust files, and which functions each can hold. Nothing is said
    /// where there is one program only.
    pub(super) fn programs(&self) -> Programs {
        let tree = self.tree;
        let is_c = |func: &FuncId| tree.language(*func) == Language::C;
        let mains: BTreeSet<FileId> = tree
            .functions()
            .filter(is_c)
            .filter(|func| tree.function(*func).kind == FunctionKind::Function && tree.function(*func).name == "main")
            .map(|func| tree.file_of(func))
            .chain(self.linkage.interposing_files())
            .collect();
        if mains.is_empty() {
            return self.programs_of_crates();
        }
        let mut named: FxHashMap<FuncId, Vec<FuncId>> = FxHashMap::default();
        let mut shared: FxHashSet<FileId> = FxHashSet::default();
        let mut named_from_outside: FxHashMap<FileId, BTreeSet<&str>> = FxHashMap::default();
        for func in tree.functions().filter(is_c) {
            let Named { targets, looked_up } = self.named_by(func);
            let home = tree.file_of(func);
            // Code of other files that names one of its functions: the file is a part of other programs as well.
            let is_part = |function: &Function| function.kind != FunctionKind::Module && function.name != "main";
            let others = targets.iter().filter(|target| is_part(tree.function(**target)));
            for target in others.filter(|target| tree.file_of(**target) != home) {
                let file = tree.file_of(*target);
                shared.insert(file);
                named_from_outside
                    .entry(file)
                    .or_default()
                    .insert(&tree.function(*target).name);
            }
            named.insert(func, [targets, looked_up].concat());
        }
        let mut closed: FxHashSet<FileId> = mains.iter().copied().filter(|file| !shared.contains(file)).collect();
        // Each program by the file of its `main`, and the file by which it differs from others of the same `main`.
        let mut programs: Vec<(FileId, Option<FileId>)> = Vec::new();
        for main in &mains {
            let parts = self.alternatives(*main, &named_from_outside);
            match parts.is_empty() {
                true => programs.push((*main, None)),
                false => programs.extend(parts.iter().map(|part| (*main, Some(*part)))),
            }
            closed.extend(parts);
        }
        if programs.len() < 2 {
            return self.programs_of_crates();
        }
        let mut growing = Growing {
            words: programs.len().div_ceil(64),
            sets: FxHashMap::default(),
            open: VecDeque::new(),
            waiting: FxHashSet::default(),
        };
        for (program, (main, part)) in programs.iter().enumerate() {
            for file in std::iter::once(main).chain(part) {
                for func in tree.functions_in(*file) {
                    if closed.contains(file) || tree.function(func).name == "main" {
                        growing.start(func, program);
                    }
                }
            }
        }
        let mut by_folder: FxHashMap<&str, Vec<u64>> = FxHashMap::default();
        for (program, (file, _)) in programs.iter().enumerate() {
            let none = || vec![0; growing.words];
            let of_folder = by_folder.entry(folder_of(&tree.file(*file).path)).or_insert_with(none);
            add(of_folder, program);
        }
        self.spread(&mut growing, &named, &closed, |file| {
            by_folder.get(folder_of(&tree.file(file).path))
        });
        let mut interned: BTreeMap<Vec<u64>, Rc<Vec<u64>>> = BTreeMap::new();
        let of = growing.sets.into_iter().map(|(func, set)| {
            let set = interned.entry(set.clone()).or_insert_with(|| Rc::new(set));
            (func, InPrograms(Some(set.clone())))
        });
        Programs { of: of.collect() }
    }

    /// The files that each define what the file of a `main` calls, and that nothing else is wanted of.
    fn alternatives(&self, main: FileId, named_from_outside: &FxHashMap<FileId, BTreeSet<&str>>) -> BTreeSet<FileId> {
        let tree = self.tree;
        let calls = tree.functions_in(main).flat_map(|func| &tree.function(func).calls);
        let called: BTreeSet<&str> = calls
            .filter_map(|call| match &call.callee {
                Value::Global(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let mut found = BTreeSet::new();
        for name in called {
            let defines = |func: &FuncId| tree.function(*func).kind != FunctionKind::Declaration;
            let definitions: Vec<FuncId> = self.named(name).filter(defines).collect();
            let is_apart = |func: &FuncId| {
                let function = tree.function(*func);
                let file = tree.file_of(*func);
                let is_weak = |attribute: &Attribute| super::tree::value_name(&attribute.value) == Some("weak");
                tree.language(*func) == Language::C
                    && function.kind == FunctionKind::Function
                    && function.visibility == Visibility::Public
                    && !function.attributes.iter().any(is_weak)
                    && !tree.file(file).path.ends_with(".h")
                    && file != main
                    && named_from_outside
                        .get(&file)
                        .is_none_or(|names| names.iter().all(|other| *other == name))
            };
            let files: BTreeSet<FileId> = definitions.iter().map(|func| tree.file_of(*func)).collect();
            if files.len() > 1 && files.len() == definitions.len() && definitions.iter().all(is_apart) {
                found.extend(files);
            }
        }
        found
    }

    /// The same for Rust: each file at the root of a crate makes a program, a library's that of its tests. Of a file that no `mod`
    /// names, since a macro does, nothing is said.
    fn programs_of_crates(&self) -> Programs {
        let tree = self.tree;
        let is_rust = |file: &FileId| tree.file(*file).language == Language::Rust;
        let is_root = |file: &FileId| tree.file(*file).module == *"crate";
        let roots: BTreeMap<FileId, Vec<FileId>> = tree
            .file_ids()
            .filter(is_rust)
            .map(|file| (file, self.tops_of(file)))
            .filter(|(_, roots)| !roots.is_empty() && roots.iter().all(is_root))
            .collect();
        let programs: BTreeSet<FileId> = roots.values().flatten().copied().collect();
        if programs.len() < 2 {
            return Programs::default();
        }
        let numbers: FxHashMap<FileId, usize> = programs.iter().copied().zip(0..).collect();
        let closed: FxHashSet<FileId> = programs.iter().copied().filter(|root| self.is_closed(*root)).collect();
        let mut sets: FxHashMap<&[FileId], InPrograms> = FxHashMap::default();
        let mut of = FxHashMap::default();
        for (file, roots) in &roots {
            let is_closed = roots.iter().all(|root| closed.contains(root));
            for func in tree.functions_in(*file).filter(|func| is_closed || self.in_test(*func)) {
                let make = || {
                    let mut set = vec![0; programs.len().div_ceil(64)];
                    roots.iter().for_each(|root| add(&mut set, numbers[root]));
                    InPrograms(Some(Rc::new(set)))
                };
                of.insert(func, sets.entry(roots.as_slice()).or_insert_with(make).clone());
            }
        }
        Programs { of }
    }

    /// Whether no other crate can depend on the crate of a root file: it has a `main` for itself, or is one of the package's tests or
    /// benches. Libraries may have a `main` too, which their binary calls.
    fn is_closed(&self, root: FileId) -> bool {
        let tree = self.tree;
        let path = &tree.file(root).path;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let is_main = |func: FuncId| {
            let function = tree.function(func);
            function.kind == FunctionKind::Function
                && function.visibility == Visibility::Private
                && function.qualified == *"crate::main"
        };
        let is_target = || matches!(folder.rsplit('/').next(), Some("tests" | "benches"));
        name != "lib.rs" && (tree.functions_in(root).any(is_main) || is_target())
    }

    /// Carries programs on to what their functions name; into the file of a program's `main` only within that file. Code that all
    /// programs share and that names something of a folder with programs of its own does so for these (a symbol that is weak, or
    /// that only they link).
    fn spread<'s>(
        &self,
        growing: &mut Growing,
        named: &FxHashMap<FuncId, Vec<FuncId>>,
        closed: &FxHashSet<FileId>,
        of_folder: impl Fn(FileId) -> Option<&'s Vec<u64>>,
    ) {
        let files = (0..self.tree.files.len()).map(|file| of_folder(FileId(file as u32)));
        let of_folder: Vec<Option<&Vec<u64>>> = files.collect();
        let own = |file: FileId| of_folder[file.0 as usize];
        while let Some(func) = growing.open.pop_front() {
            growing.waiting.remove(&func);
            let set = growing.sets[&func].clone();
            let file = self.tree.file_of(func);
            for target in named.get(&func).into_iter().flatten() {
                let home = self.tree.file_of(*target);
                if closed.contains(&home) && home != file {
                    continue;
                }
                match own(home).filter(|_| own(file).is_none()) {
                    Some(own) => {
                        let set: Vec<u64> = set.iter().zip(own).map(|(a, b)| a & b).collect();
                        if set.iter().any(|word| *word != 0) {
                            growing.grow(*target, &set);
                        }
                    }
                    None => growing.grow(*target, &set),
                }
            }
        }
    }

    /// What a function names.
    fn named_by(&self, func: FuncId) -> Named {
        let function = self.tree.function(func);
        let mut names = BTreeSet::new();
        let mut called = BTreeSet::new();
        let mut targets = BTreeSet::new();
        let mut looked_up = BTreeSet::new();
        for (index, call) in function.calls.iter().enumerate() {
            if let Value::Global(name) = &call.callee {
                called.insert(name.as_str());
                let site = (func, CallIndex(index as u32));
                targets.extend(self.callee(site).as_functions());
            } else {
                add_names(&call.callee, &mut names);
            }
            call.args
                .iter()
                .for_each(|argument| add_names(&argument.value, &mut names));
            if matches!(call.callee, Value::Global(_)) {
                looked_up.extend(self.symbols_named_at((func, CallIndex(index as u32))));
            }
        }
        each_event(&function.body, &mut |event| match event {
            Event::Store { target, value, .. } => {
                add_names(target, &mut names);
                add_names(value, &mut names);
            }
            Event::Load { value, .. } | Event::Return { value, .. } => add_names(value, &mut names),
            _ => {}
        });
        let file = self.tree.file_of(func);
        for name in &names {
            targets.extend(self.name(file, name).as_functions());
        }
        for name in names.union(&called) {
            // A variable's initialiser is code at the top of a file.
            let declaring = super::linkage::declares(self.tree, file, name).then_some(file);
            let files = declaring.into_iter().chain(self.sharing_files(file, name));
            targets.extend(files.map(|file| self.tree.func(file, FunctionIndex(0))));
        }
        targets.remove(&func);
        Named {
            targets: targets.into_iter().collect(),
            looked_up: looked_up.into_iter().collect(),
        }
    }
}

/// Adds the names in a value that are no locals.
fn add_names<'v>(value: &'v Value, names: &mut BTreeSet<&'v str>) {
    let mut add = |value: &'v Value| add_names(value, names);
    match value {
        Value::Global(name) => {
            names.insert(name);
        }
        Value::Attribute(base, _) | Value::Element(base) | Value::Await(base) => add(base),
        Value::Item(base, key) => {
            add(base);
            add(key);
        }
        Value::OneOf(all) | Value::List(all) | Value::Combined(all) => all.iter().for_each(add),
        Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            add(key);
            add(value);
        }),
        Value::Record(record) => record.fields.iter().for_each(|(_, value)| add(value)),
        Value::Text(pieces) => pieces.iter().for_each(|piece| match piece {
            Piece::Hole(value) => add(value),
            Piece::Literal(_) => {}
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::Language;
    use crate::model::pairs::pairs_of;

    /// How many pairs these files of C have.
    fn pairs(files: &[(&str, &str)]) -> usize {
        pairs_of(Language::C, files).len()
    }

    #[test]
    fn what_shared_code_names_in_a_programs_folder_is_that_programs() {
        let common = "void tell(void) { work(); } void each(void (*f)(void)) { f(); tell(); }";
        let daemon = "static void *look(void *a) { getenv(\"A\"); return a; }\n\
            void work(void) { pthread_t t; pthread_create(&t, 0, look, 0); }";
        let daemon_main = "static void none(void) {} int main(void) { each(none); return 0; }";
        let tool = "static void none(void) {} int main(void) { each(none); setenv(\"A\", \"1\", 1); return 0; }";
        let shared = [
            ("common/each.c", common),
            ("daemon/work.c", daemon),
            ("daemon/main.c", daemon_main),
        ];
        assert_eq!(pairs(&[&shared[..], &[("tool/main.c", tool)]].concat()), 0);
        // Of a program in the daemon's folder it is a part.
        assert_eq!(pairs(&[&shared[..], &[("daemon/other.c", tool)]].concat()), 1);
        // What a program names itself it holds, wherever that stands.
        let naming = format!("extern void work(void);\n{}", tool.replace("each(none);", "work();"));
        assert_eq!(pairs(&[&shared[..], &[("tool/main.c", &naming)]].concat()), 1);
    }

    const LOOK: &str = "static void *look(void *a) { getenv(\"A\"); return a; }\n";
    const START: &str = "{ pthread_t t; pthread_create(&t, 0, look, 0); return 0; }";
    const SET: &str = "{ setenv(\"A\", \"1\", 1); return 0; }";

    #[test]
    fn two_definitions_of_what_main_calls_are_two_programs() {
        let (start, set) = (format!("{LOOK}int one(void) {START}"), format!("int one(void) {SET}"));
        let main = |called: &str| format!("int main(void) {{ for (;;) one(); {called} return 0; }}");
        let parts = [("start.c", &*start), ("set.c", &*set)];
        assert_eq!(pairs(&[&parts[..], &[("main.c", &*main(""))]].concat()), 0);
        // A file of which something else is wanted may be linked with the other in some way.
        let wanted = format!("{start}\nvoid two(void) {{}}");
        let parts = [("start.c", &*wanted), ("set.c", &*set)];
        assert_eq!(pairs(&[&parts[..], &[("main.c", &*main("two();"))]].concat()), 1);
    }

    #[test]
    fn a_call_means_the_function_that_takes_as_many_arguments() {
        let start = format!("{LOOK}int up(void *m, int n) {START}");
        let main = "int main(void) { int m; up(&m, 0); up(&m, 1); two(); return 0; }";
        let other = |parameters: &str| {
            format!("int up({parameters}) {SET}\nvoid two(void) {{}} int main(void) {{ return 0; }}")
        };
        let count = |parameters: &str| {
            let other = other(parameters);
            pairs(&[("up.c", &*start), ("main.c", main), ("other.c", &*other)])
        };
        assert_eq!(count("void *m"), 0);
        assert_eq!(count("void *m, int n"), 1);
        assert_eq!(count("void *m, ..."), 1);
    }

    #[test]
    fn what_a_header_makes_a_macro_is_no_function() {
        let header = |condition: &str| {
            format!("#ifdef {condition}\nint put(const char *a);\n#else\n#define put(a) setenv(a, a, 1)\n#endif\n")
        };
        let main = format!(
            "#include \"os.h\"\n{LOOK}int main(void) {{ pthread_t t; pthread_create(&t, 0, look, 0); put(\"A\"); return 0; }}"
        );
        let amiga = "int put(const char *a) { return setenv(a, a, 1); }";
        let count = |condition: &str| {
            let header = header(condition);
            pairs(&[("os.h", &*header), ("main.c", &*main), ("os_amiga.c", amiga)])
        };
        assert_eq!(count("AMIGA"), 1);
        assert_eq!(count("OWN_PUT"), 2);
    }
}
