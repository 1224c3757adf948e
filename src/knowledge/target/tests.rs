use super::*;

fn parsed(text: &str) -> Target {
    Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn named_components_replace_the_default_and_the_rest_stays() {
    let target = parsed("libc=glibc-2.41,python=3.13t,rust=1.85,rust-test-runner=nextest");
    assert_eq!(
        target.libcs,
        [Libc {
            kind: LibcKind::Glibc,
            version: (2, 41)
        }]
    );
    assert_eq!(target.pythons, [PythonVersion::free_threaded(3, 13, LAST_MICRO)]);
    assert_eq!(target.rust, Some((1, 85, 0)));
    assert!(target.process_per_test && target.libc_named && target.python_named);
    assert_eq!(parsed("python=3.8").libcs, Target::default().libcs);
}

#[test]
fn versions_are_read_in_every_form() {
    assert_eq!(
        parsed("python=3.11").pythons,
        [PythonVersion::with_gil(3, 11, LAST_MICRO)]
    );
    assert_eq!(parsed("python=3.11.2").pythons, [PythonVersion::with_gil(3, 11, 2)]);
    assert_eq!(parsed("python=3.8,python=3.9").pythons.len(), 2);
    assert_eq!(parsed("libc=musl").libcs, [MUSL]);
    assert_eq!(parsed("libc=musl-1.2.3").libcs, [MUSL]);
    assert_eq!(parsed("libc=macos").libcs[0].kind, LibcKind::Macos);
    assert_eq!(parsed("libc=freebsd").libcs[0].kind, LibcKind::Bsd);
    assert_eq!(parsed("libc=glibc").libcs.len(), GLIBC_POINTS.len());
}

#[test]
fn mistakes_say_what_would_be_right() {
    let unknown = Target::parse("lbc=musl").unwrap_err();
    assert_eq!(unknown.help.as_deref(), Some("did you mean `libc`?"));
    for wrong in [
        "libc",
        "libc=uclibc",
        "python=three",
        "python=3.12t",
        "python=3.1.2.3",
        "rust-test-runner=tox",
    ] {
        assert!(Target::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn ranges_bound_what_they_say() {
    let range = VersionRange::parse(">=3.11.6,<3.13").unwrap();
    assert!(range.contains((3, 11, 6)) && range.contains((3, 12, LAST_MICRO)));
    assert!(!range.contains((3, 11, 5)) && !range.contains((3, 13, 0)));
    assert!(VersionRange::parse("<=3.1").is_err() && VersionRange::parse("3.1").is_err());
    assert!(VersionRange::parse("<3.1,<3.2").is_err());
}

#[test]
fn products_are_described_by_both_dimensions() {
    let target = Target::default();
    let combos: Vec<Combo> = target
        .combos(Interpreter::Matters)
        .into_iter()
        .filter(|combo| !combo.libc.keeps_old_arrays())
        .filter(|combo| {
            combo
                .python
                .is_some_and(|python| python.free_threaded || ((3, 11, 6)..(3, 13, 0)).contains(&python.version))
        })
        .collect();
    let said = describe_combos(&target, &combos);
    assert_eq!(
        said,
        [
            "glibc <2.41",
            "musl",
            "CPython 3.11.6 to 3.12",
            "CPython 3.13 and later, free-threaded"
        ]
    );
}

#[test]
fn what_is_no_product_stands_alone() {
    let target = Target::default();
    let combos: Vec<Combo> = target
        .combos(Interpreter::Matters)
        .into_iter()
        .filter(|combo| {
            let python = combo.python.expect("the interpreter matters here");
            python.free_threaded || (python.version.1 == 12 && combo.libc.kind == LibcKind::Musl)
        })
        .collect();
    assert_eq!(
        describe_combos(&target, &combos),
        [
            "musl",
            "CPython 3.12",
            "CPython 3.13 and later, free-threaded",
            "CPython 3.13 and later, free-threaded, on glibc"
        ]
    );
}

#[test]
fn named_points_are_listed_one_by_one() {
    let target = parsed("libc=glibc-2.36,libc=glibc-2.41,python=3.8,python=3.12");
    let combos: Vec<Combo> = target
        .combos(Interpreter::Matters)
        .into_iter()
        .filter(|combo| combo.libc.version == (2, 36) && combo.python.is_some_and(|python| python.version.1 == 12))
        .collect();
    assert_eq!(describe_combos(&target, &combos), ["glibc 2.36", "CPython 3.12"]);
}
