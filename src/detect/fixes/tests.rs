//! Programs with the fix that they have, or the reason why it is not safe, or none.

use crate::detect::{Options, Persona, analyse};
use crate::facts::Language;
use crate::finding::{Finding, Fix, Safety};
use crate::frontend;
use crate::input::{Source, Sources};
use crate::knowledge::{Catalog, Target};

fn findings(path: &str, text: &str) -> Vec<Finding> {
    let language = if path.ends_with(".py") {
        Language::Python
    } else {
        Language::Rust
    };
    let source = Source {
        path: path.to_owned(),
        language,
        text: text.to_owned(),
    };
    let (facts, problems) = frontend::lower(&source);
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    let options = Options {
        target: Target::default(),
        persona: Persona::Regular,
        preview: false,
        extent: crate::model::Extent::Pairs,
        steps: crate::model::STEPS,
    };
    analyse(vec![facts], &Sources::new([source]), &Catalog::builtin(), &options).findings
}

fn applied(text: &str, fix: &Fix) -> String {
    let mut out = text.to_owned();
    for edit in fix.edits.iter().rev() {
        out.replace_range(edit.start as usize..edit.end as usize, &edit.replacement);
    }
    out
}

/// What becomes of the program by its first fix; and afterwards nothing is found at its place.
fn fixed(path: &str, text: &str) -> (String, Safety, String) {
    let found = findings(path, text);
    let first = found.first().unwrap_or_else(|| panic!("nothing was found in\n{text}"));
    let fix = first.fix.clone().unwrap_or_else(|| panic!("no fix in\n{text}"));
    let after = applied(text, &fix);
    let left = findings(path, &after);
    assert!(
        left.iter()
            .all(|finding| finding.mutation.variable != first.mutation.variable),
        "{left:?}\n{after}"
    );
    (after, fix.safety, fix.because)
}

fn python(body: &str) -> String {
    format!(
        "import os\nimport subprocess\nimport threading\n\ndef job(directory):\n{body}\n\
         threads = [threading.Thread(target=job, args=(d,)) for d in (\"a\", \"b\")]\n\
         for t in threads:\n    t.start()\nfor t in threads:\n    t.join()\n"
    )
}

fn rust(body: &str) -> String {
    format!(
        "use std::process::Command;\nfn job(dir: &str) {{\n{body}}}\nfn main() {{\n    \
         let a = std::thread::spawn(|| job(\"a\"));\n    let b = std::thread::spawn(|| job(\"b\"));\n    \
         a.join().unwrap();\n    b.join().unwrap();\n}}\n"
    )
}

#[test]
fn python_hands_variables_to_the_child() {
    for (before, after) in [
        (
            "    os.environ[\"OUT\"] = directory\n    if subprocess.call([\"make\", \"all\"]) != 0:\n        print(\"no\")\n",
            "    if subprocess.call([\"make\", \"all\"], env={**os.environ, \"OUT\": directory}) != 0:\n        print(\"no\")\n",
        ),
        (
            "    os.environ['OUT'] = directory\n    os.environ['MODE'] = f'x{directory}'\n    return subprocess.run(\n        ['make'],\n        check=True,\n    )\n",
            "    return subprocess.run(\n        ['make'],\n        check=True, env={**os.environ, 'OUT': directory, 'MODE': f'x{directory}'},\n    )\n",
        ),
        (
            "    os.environ[\"OUT\"] = directory\n    os.posix_spawn(\"/bin/true\", [\"true\"], os.environ)\n",
            "    os.posix_spawn(\"/bin/true\", [\"true\"], {**os.environ, \"OUT\": directory})\n",
        ),
    ] {
        let (text, safety, because) = fixed("a.py", &python(before));
        assert_eq!(text, python(after));
        assert_eq!((safety, because.as_str()), (Safety::Safe, ""));
    }
}

#[test]
fn rust_hands_variables_to_the_child() {
    for (before, after) in [
        (
            "    unsafe { std::env::set_var(\"OUT\", dir) };\n    let status = Command::new(\"make\").arg(\"all\").status();\n    println!(\"{status:?}\");\n",
            "    let status = Command::new(\"make\").env(\"OUT\", dir).arg(\"all\").status();\n    println!(\"{status:?}\");\n",
        ),
        (
            "    let mut make = Command::new(\"make\");\n    // SAFETY: none\n    unsafe {\n        std::env::set_var(\"OUT\", dir);\n    }\n    make.status().unwrap();\n",
            "    let mut make = Command::new(\"make\");\n    make.env(\"OUT\", dir);\n    make.status().unwrap();\n",
        ),
    ] {
        let (text, safety, because) = fixed("main.rs", &rust(before));
        assert_eq!(text, rust(after));
        assert_eq!((safety, because.as_str()), (Safety::Safe, ""));
    }
}

#[test]
fn line_ends_stay_as_they_are() {
    let before = python("    os.environ[\"OUT\"] = directory\n    subprocess.call([\"make\"])\n").replace('\n', "\r\n");
    let after =
        python("    subprocess.call([\"make\"], env={**os.environ, \"OUT\": directory})\n").replace('\n', "\r\n");
    assert_eq!(fixed("a.py", &before).0, after);
}

/// The reason why the fix of this body is not safe.
fn doubt(body: &str) -> String {
    let (_, safety, because) = fixed("a.py", &python(body));
    assert_eq!(safety, Safety::Unsafe, "{body}");
    because
}

#[test]
fn what_may_need_the_variable_makes_it_unsafe() {
    let set = "    os.environ[\"OUT\"] = directory\n    subprocess.call([\"make\"])\n";
    assert!(doubt(&format!("{set}    os.system(\"true\")\n")).contains("os.system at a.py:8 no longer gets OUT"));
    assert!(doubt(&format!("{set}    print(\"OUT\")\n")).contains("also named at a.py:8"));
    assert!(doubt(&set.replace("OUT", "TMPDIR")).contains("themselves"));
    assert!(doubt(&format!("    import requests\n{set}")).contains("`requests` was not analysed"));
}

/// The body has findings, and none has a fix that takes the variable away.
fn none(body: &str) {
    let found = findings("a.py", &python(body));
    assert!(!found.is_empty(), "{body}");
    for fix in found.iter().filter_map(|finding| finding.fix.as_ref()) {
        assert!(fix.title.starts_with("hand a copy"), "{fix:?}\n{body}");
        assert_eq!(fix.safety, Safety::Unsafe);
    }
}

#[test]
fn what_needs_the_variable_leaves_it() {
    let set = "    os.environ[\"OUT\"] = directory\n    subprocess.call([\"make\"])\n";
    none(&format!("{set}    print(os.environ.get(\"OUT\"))\n"));
    none(&format!("{set}    print(os.environ.get(directory))\n"));
    none(&format!("{set}    del os.environ[\"OUT\"]\n"));
    none("    os.environ[\"OUT\"] = directory\n    print(1)\n    subprocess.call([\"make\"])\n");
    none("    os.environ[\"OUT\"] = directory  # why\n    subprocess.call([\"make\"])\n");
    none("    os.environ[\"OUT\"] = directory\n    os.system(\"make\")\n");
    none("    os.environ[\"OUT\"] = directory\n    subprocess.call([\"make\"], **{})\n");
    none("    os.environ[directory] = \"x\"\n    subprocess.call([\"make\"])\n");
    none("    if directory:\n        os.environ[\"OUT\"] = directory\n    subprocess.call([\"make\"])\n");
}

#[test]
fn a_copy_made_before_is_always_unsafe() {
    let text = "import os\nimport subprocess\nimport threading\n\ndef work():\n    subprocess.run([\"make\"])\n\n\
                t = threading.Thread(target=work)\nt.start()\nos.environ[\"A\"] = \"1\"\nt.join()\n";
    let (after, safety, because) = fixed("a.py", text);
    assert_eq!(safety, Safety::Unsafe);
    assert!(because.contains("no longer reaches the child"));
    assert!(after.contains("import threading\n\nCHILD_ENVIRONMENT = os.environ.copy()\n\ndef work"));
    assert!(after.contains("subprocess.run([\"make\"], env=CHILD_ENVIRONMENT)"));
}
