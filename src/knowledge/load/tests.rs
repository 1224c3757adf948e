use super::*;
use crate::knowledge::entry::{ArgumentRef, JoinOf, Passing, Role, Shape, StartMoment};

const ORIGIN: Origin<'static> = Origin {
    file: "test.toml",
    whose: Whose::Builtin(Language::Python),
};

fn entries(text: &str, origin: Origin<'_>) -> Result<Vec<Entry>, CatalogError> {
    rules(text, origin).map(|rules| rules.entries)
}

fn one(text: &str) -> Entry {
    let mut found = entries(text, ORIGIN).unwrap_or_else(|error| panic!("{error} {:?}", error.help));
    assert_eq!(found.len(), 1, "one entry");
    found.remove(0)
}

fn mistake(text: &str) -> CatalogError {
    entries(text, ORIGIN).expect_err("a mistake is in it")
}

fn of(keywords: &[&str], positions: &[u32]) -> ArgumentRef {
    ArgumentRef::Of {
        keywords: keywords.iter().map(|key| (*key).to_owned()).collect(),
        positions: positions.to_vec(),
    }
}

#[test]
fn a_table_becomes_an_entry() {
    let entry = one(r#"
[[api]]
match = "store:os.environ[]"
effect = "mutation"
shape = "add"
key = "0"
hold = ["gil"]
when = { python = ">=3.9,<3.13", libc = "glibc <2.41", build = "gil" }
source = "os.py"
"#);
    assert_eq!(
        (entry.kind, entry.path.as_str(), entry.is_subscript()),
        (MatchKind::Store, "os.environ", true)
    );
    assert_eq!(
        entry.role,
        Role::Mutation {
            shape: Shape::Add,
            key: Some(of(&[], &[0]))
        }
    );
    assert_eq!(entry.display, "os.environ[k] = v");
    assert_eq!(entry.hold, ["gil"]);
    assert_eq!(entry.when.free_threaded, Some(false));
    assert!(!entry.user);
}

#[test]
fn matches_and_alternatives_multiply() {
    let found = entries(
        r#"
[[api]]
match = ["call:a.f", "call:a.g"]
effect = "spawn"
passing = "shared"
args = [{ "cwd|9" = "own" }, { "env" = "absent|none", umask = "own" }]
source = "s"
"#,
        ORIGIN,
    )
    .expect("it is well-formed");
    let texts: Vec<&str> = found.iter().map(|entry| entry.text.as_str()).collect();
    assert_eq!(texts, ["call:a.f", "call:a.f", "call:a.g", "call:a.g"]);
    assert_eq!(found[0].arguments[0].argument, of(&["cwd"], &[9]));
    assert_eq!(found[1].arguments.len(), 2);
    assert_eq!(
        found[0].role,
        Role::Spawn {
            passing: Passing::Shared
        }
    );
}

#[test]
fn defaults_are_the_common_case() {
    let start =
        one("[[api]]\nmatch = 'call:t'\neffect = 'start'\nentry = 'target|1'\nstarts_at = 'start'\nsource = 's'\n");
    let Role::Start {
        entry,
        moment,
        many,
        process,
        pool,
        owner,
        handle,
        detached,
        method,
        field,
        task,
        turns,
    } = start.role
    else {
        panic!("a start");
    };
    assert_eq!(
        (entry, moment),
        (of(&["target"], &[1]), StartMoment::Method("start".to_owned()))
    );
    assert_eq!(
        (many, process, pool, owner, handle, detached, method, field, task, turns),
        (
            false,
            false,
            None,
            None,
            ArgumentRef::Result,
            false,
            None,
            None,
            false,
            None
        )
    );
    let join = one("[[api]]\nmatch = 'with:p'\neffect = 'join'\nowner = 'receiver'\nsource = 's'\n");
    assert_eq!(
        join.role,
        Role::Join {
            of: JoinOf::Owner(ArgumentRef::Receiver),
            certain: true,
            raises: false
        }
    );
}

#[test]
fn mistakes_point_at_the_word_and_say_what_would_be_right() {
    let key =
        mistake("[[api]]\nmatch = 'call:f'\neffect = 'spawn'\npasing = 'shared'\npassing = 'shared'\nsource = 's'\n");
    assert_eq!((key.line, key.column), (4, 1));
    assert_eq!(key.help.as_deref(), Some("did you mean `passing`?"));
    let effect = mistake("[[api]]\nmatch = 'call:f'\neffect = 'spwan'\nsource = 's'\n");
    assert_eq!((effect.line, effect.column), (3, 10));
    assert_eq!(effect.help.as_deref(), Some("did you mean `spawn`?"));
    let test = mistake("[[api]]\nmatch = 'call:f'\neffect = 'inert'\nargs = { env = 'abset' }\nsource = 's'\n");
    assert_eq!(test.help.as_deref(), Some("did you mean `absent`?"));
    let kind = mistake("[[api]]\nmatch = 'cal:f'\neffect = 'inert'\nsource = 's'\n");
    assert_eq!(kind.help.as_deref(), Some("did you mean `call`?"));
    assert_eq!(mistake("[[apis]]\n").line, 1);
}

#[test]
fn what_is_needed_must_be_there() {
    for (table, missing) in [
        ("effect = 'inert'\nsource = 's'", "`match` is missing"),
        ("match = 'call:f'\nsource = 's'", "`effect` is missing"),
        ("match = 'call:f'\neffect = 'inert'", "`source` is missing"),
        ("match = 'call:f'\neffect = 'inert'\nsource = ' '", "`source` is empty"),
        (
            "match = 'call:f'\neffect = 'mutation'\nsource = 's'",
            "`shape` is missing",
        ),
        (
            "match = 'call:f'\neffect = 'join'\nsource = 's'",
            "`of` or `owner` is missing",
        ),
        (
            "match = 'call:f'\neffect = 'value'\nsource = 's'",
            "`returns` is missing",
        ),
        (
            "match = 'call:f'\neffect = 'inert'\nhold = ['gil']\nrelease = ['gil']\nsource = 's'",
            "`gil` is both held and released",
        ),
        (
            "match = 'f'\neffect = 'inert'\nsource = 's'",
            "`f` names no kind of match",
        ),
        (
            "match = 'call:'\neffect = 'inert'\nsource = 's'",
            "`call:` names no path",
        ),
        (
            "match = 'call:f'\neffect = 'lock'\nof = 'a||b'\nsource = 's'",
            "`a||b` names no argument",
        ),
        (
            "match = 'call:f'\neffect = 'inert'\nwhen = { python = '3.9' }\nsource = 's'",
            "`3.9` is no bound; write >=3.11.6 or <3.13",
        ),
        ("match = 7\neffect = 'inert'\nsource = 's'", "`match` is no string"),
    ] {
        assert_eq!(mistake(&format!("[[api]]\n{table}\n")).message, missing, "{table}");
    }
}

#[test]
fn keys_of_another_effect_are_unknown() {
    let error = mistake("[[api]]\nmatch = 'call:f'\neffect = 'unlock'\nentry = '0'\nsource = 's'\n");
    assert_eq!(
        (error.message.as_str(), error.line),
        ("unknown key `entry` of an api with the effect unlock", 4)
    );
}

#[test]
fn mistakes_in_idioms_have_a_place() {
    let idiom = |body: &str| {
        let error = mistake(&format!("[[idiom]]\n{body}"));
        (error.line, error.message)
    };
    let cases = [
        (
            "tells = 'copy'\nnames = ['clone']\nsource = 's'\n",
            (2, "unknown tells `copy`"),
        ),
        (
            "tells = 'copies'\nnames = ['b',\n 'a']\nsource = 's'\n",
            (4, "`a` is out of order"),
        ),
        (
            "tells = 'copies'\nnames = ['a', 'a']\nsource = 's'\n",
            (3, "`a` is out of order"),
        ),
        (
            "tells = 'copies'\nnames = []\nsource = 's'\n",
            (1, "`names` is missing"),
        ),
        ("tells = 'copies'\nnames = ['a']\n", (1, "`source` is missing")),
        ("names = ['a']\nsource = 's'\n", (1, "`tells` is missing")),
    ];
    for (body, (line, message)) in cases {
        assert_eq!(idiom(body), (line, message.to_owned()), "{body}");
    }
}

#[test]
fn broken_toml_has_a_place() {
    let error = mistake("[[api]]\nmatch = \n");
    assert_eq!(error.line, 2);
    assert!(!error.message.is_empty());
}

/// Which keys there are is the business of `keys.rs` alone: each stands there once, and every effect can be read.
#[test]
fn the_table_of_keys_is_well_formed() {
    for effect in &EFFECTS {
        let keys = known_keys(effect.keys, Whose::Users);
        let mut names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(count, names.len(), "{} names a key twice", effect.name);
        assert!(effect.keys.iter().chain(COMMON).all(|key| !key.about.is_empty()));
    }
}

#[test]
fn a_users_file_holds_entries_alone() {
    let origin = Origin {
        file: "own.toml",
        whose: Whose::Users,
    };
    let table = "match = 'call:f'\neffect = 'inert'\nsource = 's'\n";
    let error = entries(&format!("[[apis]]\n{table}"), origin).expect_err("a typing mistake");
    assert_eq!(error.help.as_deref(), Some("did you mean `api`?"));
    let error = entries("[[frame]]\n", origin).expect_err("frames are built in");
    assert_eq!((error.line, error.message.as_str()), (1, "unknown key `frame`"));
    let error = entries("[[idiom]]\n", origin).expect_err("so are idioms");
    assert_eq!((error.line, error.message.as_str()), (1, "unknown key `idiom`"));
    let error = entries(&format!("[[api]]\n{table}"), origin).expect_err("no language");
    assert_eq!(error.message, "`language` is missing");
    let builtin = mistake(&format!("[[api]]\nlanguage = 'c'\n{table}"));
    assert!(
        builtin.message.starts_with("unknown key `language`"),
        "{}",
        builtin.message
    );
}

#[test]
fn an_example_is_two_programs_or_a_use() {
    let table = |example: &str| {
        format!("[[api]]\nmatch = ['call:f', 'call:g']\neffect = 'inert'\nsource = 's'\n[[api.example]]\n{example}\n")
    };
    for right in ["use = 'f()'", "racy = 'a'\nsafe = 'b'", "use = 'g()'\nfor = 'call:g'"] {
        assert!(entries(&table(right), ORIGIN).is_ok(), "{right}");
    }
    for wrong in ["racy = 'a'", "use = 'f()'\nsafe = 'b'", "top = 'x'"] {
        assert_eq!(
            mistake(&table(wrong)).message,
            "an example is `racy` and `safe`, or `use`",
            "{wrong}"
        );
    }
    let stray = mistake(&table("use = 'f()'\nfor = 'call:h'"));
    assert_eq!((stray.line, stray.message.as_str()), (7, "unknown match `call:h`"));
}
