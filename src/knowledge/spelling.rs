//! By which words of a source an entry announces itself. What an entry speaks of has to be spelt somewhere in a program
//! before the entry can apply, so a program without any of the words needs no further look.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::Language;

use super::catalog::Catalog;
use super::entry::{ArgumentTest, Entry, MatchKind, Role};

/// Words of one language, of which a program holds at least one wherever an entry of the kind applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spelling {
    /// Something changes the environment.
    pub changes: BTreeSet<String>,
    /// Something may run beside something else: threads, tasks, teams, parallel tests. Forks alone do not: what a child changes
    /// matters where its parent had threads, and a process has an environment of its own.
    pub overlaps: BTreeSet<String>,
    /// The last words of what the whole environment is called: the thing itself, which changes where something is stored
    /// into it or its methods are called, and not where it is only looked at.
    pub live: BTreeSet<String>,
    /// The methods that only look at it, whichever of these things it is.
    pub readers: BTreeSet<String>,
    /// Some entry has no word of its own, so that every program may hold what it speaks of.
    pub everywhere: bool,
}

/// Several words of which one is there.
type Clause = BTreeSet<String>;

impl Spelling {
    /// The words for programs in `language`. Rust may declare C's functions and call them, so its words are C's too.
    pub fn of(catalog: &Catalog, language: Language) -> Spelling {
        let mut spelling = Spelling::default();
        let languages = match language {
            Language::Rust => vec![Language::Rust, Language::C],
            other => vec![other],
        };
        for language in languages {
            let own: Vec<&Entry> = catalog
                .iter()
                .map(|(_, entry)| entry)
                .filter(|entry| entry.language == language)
                .collect();
            let known = Known::of(&own);
            spelling.readers.extend(readers(&own));
            spelling.live.extend(known.live.iter().cloned());
            let mut gather = |wanted: fn(&Role) -> bool, words: &mut BTreeSet<String>| {
                let clauses = own.iter().filter(|entry| wanted(&entry.role));
                let clauses: Vec<Vec<Clause>> = clauses.map(|entry| known.clauses(entry)).collect();
                spelling.everywhere |= cover(clauses, words);
            };
            let mut changes = std::mem::take(&mut spelling.changes);
            let mut overlaps = std::mem::take(&mut spelling.overlaps);
            gather(|role| matches!(role, Role::Mutation { .. }), &mut changes);
            gather(overlaps_others, &mut overlaps);
            (spelling.changes, spelling.overlaps) = (changes, overlaps);
        }
        spelling
    }
}

/// The methods of the environment that read it and do nothing else, wherever they are known.
fn readers(entries: &[&Entry]) -> BTreeSet<String> {
    let whole: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.kind == MatchKind::Store)
        .map(|entry| entry.path.as_str())
        .collect();
    let mut methods: BTreeMap<&str, bool> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind == MatchKind::Call) {
        if let Some((owner, method)) = entry.path.rsplit_once('.')
            && whole.contains(owner)
        {
            let reads = matches!(entry.role, Role::Read { .. }) && entry.returns.is_none();
            let only = methods.entry(method).or_insert(true);
            *only &= reads;
        }
    }
    let only = methods.into_iter().filter(|(_, only)| *only);
    only.map(|(method, _)| method.to_owned()).collect()
}

fn overlaps_others(role: &Role) -> bool {
    matches!(
        role,
        Role::Start { process: false, .. } | Role::Runtime { .. } | Role::Team { .. } | Role::ParallelTests
    )
}

/// Adds one clause of each entry: one that is there already, else the one whose shortest word is longest, since short words
/// are common ones. Whether some entry has none.
fn cover(mut entries: Vec<Vec<Clause>>, words: &mut BTreeSet<String>) -> bool {
    // Who leaves no choice goes first.
    entries.sort_by_key(Vec::len);
    let mut without = false;
    for clauses in entries {
        if clauses.iter().any(|clause| clause.is_subset(words)) {
            continue;
        }
        let rarest = |clause: &&Clause| clause.iter().map(String::len).min().unwrap_or(0);
        match clauses.iter().max_by_key(rarest) {
            Some(clause) => words.extend(clause.iter().cloned()),
            None => without = true,
        }
    }
    without
}

/// What all entries of a language say together.
struct Known {
    /// The last words of the entries whose result is of a type, by the type.
    returned: BTreeMap<String, Clause>,
    /// The last words of what the whole environment is called.
    live: Clause,
}

impl Known {
    fn of(entries: &[&Entry]) -> Known {
        let mut known = Known {
            returned: BTreeMap::new(),
            live: Clause::new(),
        };
        for entry in entries {
            if let Some(returned) = entry.returns.as_deref().filter(|returned| *returned != "self") {
                let makers = known.returned.entry(plain(returned).to_owned()).or_default();
                // A maker without a word leaves the type without a clause.
                makers.insert(last(&entry.path).unwrap_or_default().to_owned());
            }
            if entry.kind == MatchKind::Store {
                known.live.extend(last(&entry.path).map(str::to_owned));
            }
        }
        known
    }

    /// The clauses that all hold where the entry applies.
    fn clauses(&self, entry: &Entry) -> Vec<Clause> {
        let mut clauses: Vec<Clause> = last(&entry.path)
            .into_iter()
            .map(|word| Clause::from([word.to_owned()]))
            .collect();
        let only_live =
            |tests: &Vec<ArgumentTest>| !tests.is_empty() && tests.iter().all(|test| *test == ArgumentTest::Live);
        if entry.arguments.iter().any(|predicate| only_live(&predicate.any_of)) && !self.live.is_empty() {
            clauses.push(self.live.clone());
        }
        clauses.extend(self.qualifier(entry));
        clauses
    }

    /// What stands before the last word: a module or type, which is spelt too unless something known is of that type.
    fn qualifier(&self, entry: &Entry) -> Option<Clause> {
        let path = plain(&entry.path);
        let last = last(path)?;
        let qualifier = path[..path.len() - last.len()].trim_end_matches(['.', ':', ' ']);
        // The prelude's and the builtins' names need not be written in full.
        let first = path.split(['.', ':']).next().unwrap_or(path);
        if matches!(first, "std" | "core" | "alloc" | "builtins" | "*") {
            return None;
        }
        let word = self::last(qualifier)?;
        let mut clause = self.returned.get(qualifier).cloned().unwrap_or_default();
        clause.insert(word.to_owned());
        (!clause.contains("")).then_some(clause)
    }
}

/// A path without the part in parentheses that marks a made-up type, and without the mark of a macro.
fn plain(path: &str) -> &str {
    path.split_once('(')
        .map_or(path, |(plain, _)| plain)
        .trim_end_matches('!')
}

/// The last word of a path.
fn last(path: &str) -> Option<&str> {
    let path = plain(path);
    let word = path.rsplit(['.', ':', ' ']).next().unwrap_or(path);
    let spelt = !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_');
    spelt.then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(language: Language) -> Spelling {
        Spelling::of(&Catalog::builtin(), language)
    }

    #[test]
    fn what_changes_the_environment_has_few_words() {
        let c = words(Language::C);
        for word in ["setenv", "putenv", "unsetenv", "clearenv", "environ"] {
            assert!(c.changes.contains(word), "{word}");
        }
        let python = words(Language::Python);
        // `os.environ.update` needs both, and the rarer one will do.
        assert!(python.changes.contains("environ") && !python.changes.contains("update"));
        assert!(!python.changes.contains("pop") && !python.changes.contains("dict"));
        for spelling in [c, python, words(Language::Rust)] {
            assert!(!spelling.everywhere);
            assert!(
                spelling.changes.iter().all(|word| word.len() > 5),
                "{:?}",
                spelling.changes
            );
        }
    }

    #[test]
    fn some_methods_only_look() {
        let python = words(Language::Python);
        assert!(python.live.contains("environ"));
        assert!(python.readers.contains("get"), "{:?}", python.readers);
        for changing in ["pop", "update", "setdefault", "clear", "__setitem__"] {
            assert!(!python.readers.contains(changing), "{changing}");
        }
    }

    #[test]
    fn rust_may_call_c() {
        let rust = words(Language::Rust);
        assert!(rust.changes.contains("set_var") && rust.changes.contains("setenv"));
        assert!(rust.overlaps.contains("pthread_create") && rust.overlaps.contains("test"));
        assert!(rust.overlaps.contains("routes"), "a macro is spelt without its mark");
        for alone in ["fork", "vfork", "preexec_fn", "multiprocessing"] {
            assert!(
                ![&rust, &words(Language::Python)]
                    .iter()
                    .any(|words| words.overlaps.contains(alone)),
                "{alone}"
            );
        }
    }

    #[test]
    fn a_type_that_something_returns_may_go_unspelt() {
        let text = "[[api]]\nlanguage = \"python\"\nmatch = \"call:lib.Jail.add\"\neffect = \"mutation\"\nshape = \"add\"\nsource = \"x\"\n\
                    [[api]]\nlanguage = \"python\"\nmatch = \"call:lib.enter\"\neffect = \"value\"\nreturns = \"lib.Jail\"\nsource = \"x\"\n";
        let catalog = Catalog::with_user(text, "envrace.toml").expect("these are two good tables");
        let own = Spelling::of(&catalog, Language::Python);
        let builtin = words(Language::Python);
        let more: Vec<&String> = own.changes.difference(&builtin.changes).collect();
        assert_eq!(more, ["Jail", "enter"]);
    }

    #[test]
    fn a_users_entry_that_is_a_lone_word_counts() {
        let text = "[[api]]\nlanguage = \"c\"\nmatch = \"call:put_it\"\neffect = \"mutation\"\nshape = \"add\"\nsource = \"x\"\n";
        let catalog = Catalog::with_user(text, "envrace.toml").expect("this is a good table");
        assert!(Spelling::of(&catalog, Language::C).changes.contains("put_it"));
    }
}
