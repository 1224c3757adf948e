//! What is found must be the same whether every file is parsed or only those that can matter.

use std::path::Path;

use super::intake::{around, look, sources, take_in};
use super::select::{Choice, Picked, Screening, pick};
use super::states::States;
use crate::detect::{self, Analysis, Extent, Options, Persona};
use crate::facts::Language;
use crate::input::{self, Globs, Raw, Reach};
use crate::knowledge::{Catalog, Target};

use super::super::ticker::Progress;

fn picked(raw: &[Raw], screening: &Screening) -> Picked {
    pick(raw, screening, &States::none(), &|| {})
}

/// The findings, as JSON.
fn findings(raw: Vec<Raw>, picked: &Picked, extent: Extent, catalog: &Catalog) -> String {
    let options = Options {
        target: Target::default(),
        persona: Persona::Pedantic,
        preview: true,
        extent,
        steps: crate::model::STEPS,
    };
    let around = around(&raw, &picked.choices, &States::none(), None);
    let seen = look(&raw, &picked.choices, &around, &States::none(), None, &|| {});
    let taken = take_in(&raw, &picked.choices, &around, seen, None);
    let (sources, _) = sources(raw, &picked.choices, &taken.prints, &taken.lost);
    let facts = taken
        .facts
        .into_iter()
        .filter(|facts| !taken.remarks.contains(&facts.path));
    let mut analysis = Analysis::default();
    for group in detect::groups(facts.collect()) {
        analysis.join(detect::analyse(group, &sources, catalog, &options));
    }
    serde_json::to_string_pretty(&analysis.findings).expect("findings are plain data")
}

/// Numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        // Knuth's MMIX multiplier; the upper bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.throw(words.len())]
    }
}

/// Pieces that a program in Python is made of: each stands at the top of a file; `{n}` is the number of another file.
const PYTHON: [&str; 20] = [
    "import os\ndef change():\n    os.environ['A'] = '1'\n",
    "from os import environ as e\ndef change():\n    e.update(A='1')\n",
    "import os\ndef change():\n    getattr(os, 'putenv')('A', '1')\n",
    "from f{n} import *\ndef go():\n    change()\n",
    "import f{n}\ndef go():\n    f{n}.change()\n",
    "import threading, f{n}\ndef main():\n    t = threading.Thread(target=work)\n    t.start()\n    f{n}.change()\n    t.join()\n\
     def work():\n    import os\n    os.system('true')\nmain()\n",
    "from concurrent.futures import ThreadPoolExecutor as P\nimport os, f{n}\nwith P() as p:\n    p.submit(os.system, 'true')\n    f{n}.go()\n",
    "import os\ndef work():\n    os.system('true')\n",
    "import subprocess\ndef work():\n    subprocess.run(['x'], preexec_fn=change)\n",
    "import native{n}\ndef go():\n    native{n}.put()\n",
    "# envrace: ignore[env-mutation-during-spawn] nothing here\nx = 1\n",
    "environment = {'environ': 1}\ndef change():\n    environment['A'] = '1'\n",
    "class Box:\n    def change(self):\n        import os\n        os.environ['A'] = '1'\n",
    "def go(box):\n    box.change()\n",
    "import os\ndef look():\n    x = os.environ['A']\n    return os.environ.get('B', x)\n",
    "from os import environ\ndef look():\n    if 'A' in environ:\n        return environ['A']\n",
    "import f{n}\ndef change():\n    f{n}.environ['A'] = '1'\n",
    "import os\ndef change():\n    x = os.environ\n    x['A'] = '1'\n",
    "def f(:\n    pass\n",
    "exec(open('f{n}.py').read())\n",
];

const C: [&str; 10] = [
    "#include <stdlib.h>\nvoid change(void) { setenv(\"A\", \"1\", 1); }\n",
    "extern char **environ;\nvoid change(void) { environ = 0; }\n",
    "#include <pthread.h>\nvoid change(void);\nstatic void *work(void *p) { system(\"true\"); return 0; }\n\
     int main(void) { pthread_t t; pthread_create(&t, 0, work, 0); change(); pthread_join(t, 0); return 0; }\n",
    "#include \"f{n}.h\"\nvoid go(void) { change(); }\n",
    "int work(void) { return fork(); }\n",
    "static PyObject *put(PyObject *s, PyObject *a) { putenv(\"A=1\"); return 0; }\n\
     static PyMethodDef table[] = {{\"put\", put, 0, 0}, {0}};\nPyMODINIT_FUNC PyInit_native{n}(void) { return 0; }\n",
    "#define DO(x) x##env(\"A\", \"1\", 1)\nvoid change(void) { DO(set); }\n",
    "int environment, setenvs;\nint reset(void) { return environment; }\n",
    "/* envrace: ignore[env-mutation-during-read] gone */\nint x;\n",
    "int main(void) {\n#pragma omp parallel\n{ system(\"true\"); change(); }\nreturn 0; }\n",
];

const RUST: [&str; 9] = [
    "pub fn change() { unsafe { std::env::set_var(\"A\", \"1\") } }\n",
    "use std::env::set_var as put;\npub fn change() { unsafe { put(\"A\", \"1\") } }\n",
    "extern \"C\" { fn setenv(a: *const i8, b: *const i8, c: i32) -> i32; }\npub fn change() { unsafe { setenv(p(), p(), 1); } }\n",
    "extern \"C\" { fn change(); }\npub fn go() { unsafe { change() } }\n",
    "#[test]\nfn one() { unsafe { std::env::set_var(\"A\", \"1\") } }\n#[test]\nfn two() { std::env::var(\"A\").ok(); }\n",
    "mod f{n};\nfn main() { std::thread::spawn(|| { std::process::Command::new(\"x\").status().ok(); }); f{n}::change(); }\n",
    "pub fn set_vars() {}\npub fn environment() {}\n",
    "#[no_mangle]\npub extern \"C\" fn change() { unsafe { std::env::remove_var(\"A\") } }\n",
    "fn broken( {\n",
];

/// A project of some files, each of some pieces.
fn program(dice: &mut Dice) -> Vec<(String, Language, String)> {
    // Most programs are in one language, and lack something.
    let mixed = dice.throw(3) == 0;
    let first = dice.throw(3);
    let files = 1 + dice.throw(4);
    (0..files)
        .map(|number| {
            let language = if mixed { dice.throw(3) } else { first };
            let (pieces, language, name): (&[&str], Language, String) = match language {
                0 => (&C, Language::C, format!("f{number}.{}", dice.pick(&["c", "c", "h"]))),
                1 => (&PYTHON, Language::Python, format!("f{number}.py")),
                _ => (
                    &RUST,
                    Language::Rust,
                    format!("src/{}.rs", ["main", "f1", "f2", "f3"][number]),
                ),
            };
            let text: String = (0..1 + dice.throw(2))
                .map(|_| dice.pick(pieces).replace("{n}", &dice.throw(files).to_string()))
                .collect();
            (name, language, text)
        })
        .collect()
}

fn raw(program: &[(String, Language, String)]) -> Vec<Raw> {
    let mut files = program.to_vec();
    files.sort();
    files
        .into_iter()
        .map(|(name, language, text)| Raw::held(name, language, text.into_bytes()))
        .collect()
}

#[test]
fn a_thousand_programs_have_the_same_findings_when_all_is_parsed() {
    let catalog = Catalog::builtin();
    let screening = Screening::new(&catalog);
    let mut dice = Dice(20);
    let (mut left, mut found) = (0, 0);
    for number in 0..1000 {
        let program = program(&mut dice);
        let picked = picked(&raw(&program), &screening);
        let all = picked.choices.iter().all(|choice| *choice == Choice::Parse);
        // The same files give the same findings; there is something to see where files are left.
        if all && number % 10 != 0 {
            continue;
        }
        left += usize::from(!all);
        let whole = findings(raw(&program), &Picked::all(&raw(&program)), Extent::Acts, &catalog);
        found += usize::from(whole != "[]");
        assert_eq!(
            findings(raw(&program), &picked, Extent::Pairs, &catalog),
            whole,
            "program {number}: {program:#?}"
        );
    }
    assert!(left > 300, "{left} programs have files that are left alone");
    assert!(found > 20, "{found} programs have findings");
}

/// Each theme without one of its files, since a whole one leaves nothing alone.
#[test]
fn the_fixtures_have_the_same_findings_when_all_is_parsed() {
    let catalog = Catalog::builtin();
    let screening = Screening::new(&catalog);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut left = 0;
    for language in ["c", "python", "rust"] {
        for side in ["racy", "safe"] {
            for theme in std::fs::read_dir(root.join(language).join(side)).expect("fixtures are there") {
                let theme = theme.expect("the folder can be listed").path();
                let walked = input::walk(&theme, Reach::Everything, &Globs::none(), 1);
                let files: Vec<Raw> = walked.files.into_iter().map(Raw::found).collect();
                for lacking in 0..=files.len() {
                    let mut raw = files.clone();
                    if lacking < raw.len() {
                        raw.remove(lacking);
                    }
                    let picked = picked(&raw, &screening);
                    if picked.choices.iter().all(|choice| *choice == Choice::Parse) {
                        continue;
                    }
                    left += 1;
                    let whole = findings(raw.clone(), &Picked::all(&raw), Extent::Acts, &catalog);
                    let place = format!("{} without file {lacking}", theme.display());
                    assert_eq!(findings(raw, &picked, Extent::Pairs, &catalog), whole, "{place}");
                }
            }
        }
    }
    assert!(left > 10, "{left} programs have files that are left alone");
}

/// Every entry's example announces itself: what is known of an API is never left alone for want of a word.
#[test]
fn every_racy_example_is_parsed() {
    let catalog = Catalog::builtin();
    let mut programs: Vec<(Language, String)> = catalog
        .iter()
        .flat_map(|(id, entry)| {
            let examples = catalog.examples(id).into_iter();
            examples.map(|example| (entry.language, example.racy))
        })
        .collect();
    programs.sort();
    programs.dedup();
    assert!(programs.len() > 500, "{}", programs.len());
    let screening = Screening::new(&catalog);
    for (language, text) in programs {
        let matters = screening.can_matter(language, text.as_bytes());
        assert!(matters, "{}:\n{text}", language.name());
    }
}

#[test]
fn what_is_left_alone_still_has_its_remarks_and_its_problems() {
    let files = [
        ("a.py", "# envrace: ignore[env-mutation-during-spawn] old\n"),
        ("b.py", "def f(:\n"),
        ("c.py", "\0"),
        ("d.py", "# coding: big5\nx = 'é'\n"),
    ];
    let files: Vec<Raw> = files
        .map(|(name, text)| Raw::held(name.to_owned(), Language::Python, text.as_bytes().to_vec()))
        .into();
    let catalog = Catalog::builtin();
    let picked = picked(&files, &Screening::new(&catalog));
    assert_eq!(
        picked.choices,
        [Choice::Remarks, Choice::Leave, Choice::Lost, Choice::Leave]
    );
    let paths: Vec<&str> = picked.problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["c.py", "d.py"]);
    assert_eq!((picked.left.unchanging, picked.left.alone), (2, 0));
    let around = around(&files, &picked.choices, &States::none(), None);
    let seen = look(&files, &picked.choices, &around, &States::none(), None, &|| {});
    let taken = take_in(&files, &picked.choices, &around, seen, None);
    let (sources, languages) = sources(files, &picked.choices, &taken.prints, &taken.lost);
    assert_eq!((taken.facts.len(), languages), (1, [0, 3, 0]));
    assert!(taken.remarks.contains("a.py") && taken.facts[0].directives.len() == 1);
    assert_eq!(sources.text("b.py"), Some("def f(:\n"));
}

/// Two packages side by side, of which one starts a thread and the other changes the environment, and `files` beside them.
fn found_side_by_side(files: &[&str]) -> usize {
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a name below the folder has a parent"))
            .expect("folders can be made");
        std::fs::write(path, text).expect("files can be written");
    };
    files.iter().for_each(|name| put(name, ""));
    put("b/helper.py", "import os\ndef change():\n    os.environ['A'] = '1'\n");
    put(
        "a/main.py",
        "import os, threading\nfrom helper import change\ndef work():\n    os.system('true')\n\
         thread = threading.Thread(target=work)\nthread.start()\nchange()\nthread.join()\n",
    );
    let scan = super::args::Scan {
        no_cache: true,
        ..super::args::Scan::default()
    };
    let paths = [folder.path().to_owned()];
    let outcome = super::run(&paths, super::Request::all(&scan)).expect("nothing is configured");
    assert_eq!(
        outcome.summary.files,
        2 + files.iter().filter(|name| name.ends_with(".py")).count() as u64
    );
    outcome.findings.len()
}

#[test]
fn a_folder_of_projects_is_no_program() {
    assert_eq!(found_side_by_side(&["a/setup.py", "b/setup.py"]), 0);
    assert_eq!(found_side_by_side(&["a/setup.py", "b/setup.py", "pyproject.toml"]), 1);
    assert_eq!(found_side_by_side(&[]), 1, "without build files it is one tree");
}

/// What a run says of a folder, and whether it had to analyse anything.
fn said(folder: &Path, scan: &super::args::Scan) -> (String, bool) {
    let progress = Progress::silent();
    let request = super::Request {
        progress: Some(&progress),
        ..super::Request::all(scan)
    };
    let outcome = super::run(&[folder.to_owned()], request).expect("nothing is configured wrongly");
    let findings = serde_json::to_string_pretty(&outcome.findings).expect("findings are plain data");
    let quoted = outcome.findings.iter().map(|finding| {
        let place = &finding.mutation.location;
        outcome.sources.line(&place.path, place.line).map(str::to_owned)
    });
    let quoted: Vec<_> = quoted.collect();
    let said = format!("{findings}{quoted:?}{:?}{:?}", outcome.problems, outcome.summary);
    (said, progress.is_analysing())
}

/// After every step, a run that finds the answers of the runs before it says what a run says that finds none; and it analyses
/// only where something changed that findings depend on.
#[test]
fn an_answer_is_kept_until_something_changes_that_it_depends_on() {
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    let shelf = tempfile::tempdir().expect("the test machine has a temporary folder");
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("files can be written");
    let mut kept = super::args::Scan {
        cache_dir: Some(shelf.path().to_owned()),
        ..super::args::Scan::default()
    };
    let racy = "#include <pthread.h>\n#include <stdlib.h>\n#include \"names.h\"\nstatic void *work(void *a)\n{\n    \
                system(\":\");\n    return a;\n}\nint main(void)\n{\n    pthread_t t;\n    pthread_create(&t, 0, work, 0);\n    \
                ADD(\"A\");\n    return pthread_join(t, 0);\n}\n";
    put("main.c", racy);
    put("names.h", "#define ADD(name) setenv(name, \"1\", 1)\n");
    put("other.c", "int other(void)\n{\n    return 0;\n}\n");
    let step = |what: &str, kept: &super::args::Scan, analyses: bool, findings: bool| {
        let fresh = super::args::Scan {
            no_cache: true,
            target: kept.target.clone(),
            max_steps: kept.max_steps,
            ..super::args::Scan::default()
        };
        let (with, analysed) = said(folder.path(), kept);
        assert_eq!(with, said(folder.path(), &fresh).0, "{what}");
        assert_eq!(analysed, analyses, "{what}");
        assert_eq!(with.contains("\"mutation\""), findings, "{what}: {with}");
    };
    step("the first run", &kept, true, true);
    step("nothing changed", &kept, false, true);
    put("notes.txt", "no source\n");
    step("no source changed", &kept, false, true);
    put("other.c", "int other(void)\n{\n    return 0;\n}\n/* nothing */\n");
    step(
        "a comment came at the end of a file that nothing quotes",
        &kept,
        false,
        true,
    );
    put(
        "other.c",
        "int other(void)\n{\n    return 0;\n}\nint more(void)\n{\n    return other();\n}\n",
    );
    step("a function came", &kept, true, true);
    put("main.c", &racy.replace("system(\":\")", "system( \":\")"));
    step("a finding quotes what changed", &kept, true, true);
    put("main.c", &racy.replace("return a;", "return /* it */ a;"));
    step("facts changed their places", &kept, true, true);
    put("main.c", racy);
    step("they are where they were", &kept, true, true);
    put("main.c", &format!("{racy}/* that is all */\n"));
    step("a comment came where no finding quotes the file", &kept, false, true);
    put("main.c", &racy.replace("ADD(\"A\");", "ADD(\"A\"); /* 1 */"));
    step("a comment came beside what a finding quotes", &kept, true, true);
    put("main.c", racy);
    put("names.h", "#define ADD(name) getenv(name)\n");
    step("a macro changed in a header", &kept, true, false);
    put("names.h", "#define ADD(name) setenv(name, \"1\", 1)\n");
    put(
        "main.c",
        &racy.replace(
            "    return a;",
            "    return a; /* envrace: ignore[env-mutation-during-spawn] */",
        ),
    );
    step("a remark came", &kept, true, true);
    step("and is remembered", &kept, false, true);
    put("main.c", &racy.replace("system(\":\")", "a = a"));
    step("the command went", &kept, true, false);
    put("main.c", racy);
    kept.target = vec!["libc=musl".to_owned()];
    step("another target", &kept, true, true);
    kept.target.clear();
    kept.max_steps = Some(1_000);
    step("another allowance", &kept, true, true);
    kept.max_steps = None;
    put(
        "envrace.toml",
        "[[api]]\nlanguage = \"c\"\nmatch = \"call:other\"\neffect = \"mutation\"\nshape = \"add\"\nsource = \"https://example.org\"\n",
    );
    step("another catalog", &kept, true, true);
    step("which is remembered", &kept, false, true);
}

/// Of a file that is old enough the file system's word is taken, and whatever is done to it changes that word.
#[test]
fn a_file_that_nobody_wrote_to_need_not_be_read() {
    let folder = tempfile::tempdir().expect("the test machine has a temporary folder");
    let shelf = tempfile::tempdir().expect("the test machine has a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let put = |name: &str, text: &str| std::fs::write(path(name), text).expect("files can be written");
    let racy = "import os, threading\nfrom work import work\nthread = threading.Thread(target=work)\nthread.start()\n\
                os.environ['A'] = '1'\nthread.join()\n";
    put("main.py", racy);
    let racy_work = "import os\ndef work():\n    os.system('a')\n";
    put("work.py", racy_work);
    put("quiet.py", "import os\ndef calm():\n    os.getcwd()\n");
    let scan = |no_cache: bool| super::args::Scan {
        cache_dir: (!no_cache).then(|| shelf.path().to_owned()),
        no_cache,
        ..super::args::Scan::default()
    };
    let step = |what: &str, found: bool| {
        let kept = said(folder.path(), &scan(false)).0;
        assert_eq!(kept, said(folder.path(), &scan(true)).0, "{what}");
        assert_eq!(kept.contains("\"mutation\""), found, "{what}: {kept}");
    };
    // Longer than any file system's tick.
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    step("nothing is known", true);
    step("everything is known", true);
    // As long as before, and as old by the time that anybody can set.
    let before = std::fs::metadata(path("work.py")).and_then(|found| found.modified());
    let harmless = "import os\ndef work():\n    os.getpid (  )\n";
    assert_eq!(harmless.len(), racy_work.len());
    put("work.py", harmless);
    let file = std::fs::File::options().write(true).open(path("work.py"));
    let set = file.and_then(|file| file.set_modified(before?));
    set.expect("times can be set");
    step("the command went", false);
    put("work.py", racy_work);
    step("it came back", true);
    std::fs::rename(path("quiet.py"), path("work.py")).expect("files can be renamed");
    step("another file took the name", false);
    std::fs::remove_file(path("main.py")).expect("files can be removed");
    step("the change went", false);
    put(
        "main.py",
        &racy.replace("from work import work", "work = lambda: os.system('a')"),
    );
    step("and came back otherwise", true);
}
