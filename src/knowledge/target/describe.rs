//! Sets of combinations as people say them: `glibc <2.41`, `musl`, `CPython 3.11.6 to 3.12`.

use super::{Combo, GLIBC_POINTS, Libc, LibcKind, PYTHON_POINTS, PythonVersion, Target};

/// Describes a set of combinations of the target, exactly.
///
/// The items of the list are libc ranges and CPython ranges; the set is every one of these libcs with every one of
/// these interpreters. What does not fit such a product stands as an item of its own, `CPython 3.13 and later,
/// free-threaded, on glibc >=2.41`. Interpreters are left out where the set holds for all of the target's.
pub fn describe_combos(target: &Target, combos: &[Combo]) -> Vec<String> {
    let groups = by_libcs(target, combos);
    let Some((first, rest)) = groups.split_first() else {
        return Vec::new();
    };
    let common: Vec<Libc> = first
        .libcs
        .iter()
        .copied()
        .filter(|libc| rest.iter().all(|group| group.libcs.contains(libc)))
        .collect();
    let mut texts = Vec::new();
    if !common.is_empty() {
        let pythons: Vec<PythonVersion> = groups.iter().flat_map(|group| group.pythons.iter().copied()).collect();
        texts.extend(libc_ranges(target, &common));
        texts.extend(python_ranges(target, &pythons));
    }
    for group in &groups {
        let extra: Vec<Libc> = group
            .libcs
            .iter()
            .copied()
            .filter(|libc| !common.contains(libc))
            .collect();
        let libcs = libc_ranges(target, &extra).join(" or ");
        if !libcs.is_empty() {
            texts.extend(
                python_ranges(target, &group.pythons)
                    .into_iter()
                    .map(|text| format!("{text}, on {libcs}")),
            );
        }
    }
    texts
}

/// Interpreters for which the same libcs are in the set.
struct Group {
    libcs: Vec<Libc>,
    pythons: Vec<PythonVersion>,
}

fn by_libcs(target: &Target, combos: &[Combo]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let interpreters: Vec<Option<PythonVersion>> = match combos.first() {
        Some(Combo { python: None, .. }) => vec![None],
        _ => target.pythons.iter().copied().map(Some).collect(),
    };
    for python in interpreters {
        let libcs: Vec<Libc> = target
            .libcs
            .iter()
            .copied()
            .filter(|&libc| combos.iter().any(|combo| combo.libc == libc && combo.python == python))
            .collect();
        if libcs.is_empty() {
            continue;
        }
        match groups.iter_mut().find(|group| group.libcs == libcs) {
            Some(group) => group.pythons.extend(python),
            None => groups.push(Group {
                libcs,
                pythons: python.into_iter().collect(),
            }),
        }
    }
    groups
}

/// The libcs as ranges: `glibc <2.41`, `glibc 2.36`, `musl`.
pub fn libc_ranges(target: &Target, libcs: &[Libc]) -> Vec<String> {
    let glibc: Vec<(u32, u32)> = versions(libcs);
    let everything = versions(&target.libcs) == GLIBC_POINTS;
    let mut texts: Vec<String> = if everything {
        runs(&GLIBC_POINTS, &glibc)
            .into_iter()
            .map(|(from, to)| glibc_run(from, to))
            .collect()
    } else {
        glibc
            .iter()
            .map(|(major, minor)| format!("glibc {major}.{minor}"))
            .collect()
    };
    for libc in libcs.iter().filter(|libc| libc.kind != LibcKind::Glibc) {
        let name = libc.kind.name().to_owned();
        if !texts.contains(&name) {
            texts.push(name);
        }
    }
    texts
}

fn versions(libcs: &[Libc]) -> Vec<(u32, u32)> {
    let mut versions: Vec<(u32, u32)> = libcs
        .iter()
        .filter(|libc| libc.kind == LibcKind::Glibc)
        .map(|libc| libc.version)
        .collect();
    versions.sort_unstable();
    versions
}

/// A run of points, by index: it reaches up to the next point.
fn glibc_run(from: usize, to: usize) -> String {
    let next = GLIBC_POINTS.get(to + 1);
    match (from, next) {
        (0, None) => "glibc".to_owned(),
        (0, Some((major, minor))) => format!("glibc <{major}.{minor}"),
        (from, None) => format!("glibc >={}.{}", GLIBC_POINTS[from].0, GLIBC_POINTS[from].1),
        (from, Some((major, minor))) => {
            format!(
                "glibc >={}.{} and <{major}.{minor}",
                GLIBC_POINTS[from].0, GLIBC_POINTS[from].1
            )
        }
    }
}

/// The interpreters as ranges; empty where they are all of the target's.
pub fn python_ranges(target: &Target, pythons: &[PythonVersion]) -> Vec<String> {
    if target.pythons.iter().all(|python| pythons.contains(python)) || pythons.is_empty() {
        return Vec::new();
    }
    if target.pythons != PYTHON_POINTS {
        return pythons.iter().map(|python| format!("CPython {python}")).collect();
    }
    let mut texts = Vec::new();
    for (free_threaded, suffix) in [(false, ""), (true, ", free-threaded")] {
        let points: Vec<PythonVersion> = PYTHON_POINTS
            .into_iter()
            .filter(|point| point.free_threaded == free_threaded)
            .collect();
        let chosen: Vec<PythonVersion> = pythons
            .iter()
            .copied()
            .filter(|python| python.free_threaded == free_threaded)
            .collect();
        texts.extend(
            runs(&points, &chosen)
                .into_iter()
                .map(|(from, to)| python_run(&points, from, to) + suffix),
        );
    }
    texts
}

/// A run of points, by index. A point stands for all micro versions after the point before it.
fn python_run(points: &[PythonVersion], from: usize, to: usize) -> String {
    let start = lower_bound(points, from);
    let end = points[to];
    let last = to + 1 == points.len();
    if last && from == 0 && !end.free_threaded {
        return "CPython, all builds with a GIL".to_owned();
    }
    if last {
        return format!("CPython {start} and later");
    }
    if from == 0 {
        return format!("CPython up to {}", plain(end));
    }
    if from == to && start == plain(end) {
        return format!("CPython {start}");
    }
    format!("CPython {start} to {}", plain(end))
}

/// The version without the mark of a free-threaded build, which ranges carry as words.
fn plain(python: PythonVersion) -> String {
    PythonVersion {
        free_threaded: false,
        ..python
    }
    .to_string()
}

/// The first version that a point stands for.
fn lower_bound(points: &[PythonVersion], index: usize) -> String {
    let (major, minor, _) = points[index].version;
    let before = index.checked_sub(1).map(|before| points[before].version);
    match before {
        Some((before_major, before_minor, micro)) if (before_major, before_minor) == (major, minor) => {
            format!("{major}.{minor}.{}", micro + 1)
        }
        _ => format!("{major}.{minor}"),
    }
}

/// Runs of neighbouring points, as (first, last) indices, among those that are chosen.
fn runs<T: PartialEq>(points: &[T], chosen: &[T]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (index, point) in points.iter().enumerate() {
        if !chosen.contains(point) {
            continue;
        }
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => runs.push((index, index)),
        }
    }
    runs
}
