//! The fixtures themselves are in order: markers can be read and point at code, racy programs have markers and twins,
//! safe ones have none and say how they become racy. What the analysis makes of them is another test's matter.

mod support;

use std::collections::BTreeSet;

use support::fixtures::{Theme, themes};

/// The rules that a marker may name.
const CODES: [&str; 7] = ["ER001", "ER002", "ER003", "ER004", "ER005", "ER006", "ER007"];

fn of_side(side: &str) -> Vec<Theme> {
    let found: Vec<Theme> = themes().into_iter().filter(|theme| theme.side == side).collect();
    assert!(!found.is_empty(), "no {side} fixtures at all");
    found
}

#[test]
fn every_marker_points_at_code() {
    for theme in themes() {
        let files = theme.files();
        for marker in theme.markers() {
            let place = format!("{}/{}:{}", theme.folder.display(), marker.path, marker.line);
            assert!(
                CODES.contains(&marker.code.as_str()),
                "{place}: unknown rule {}",
                marker.code
            );
            for (path, line) in &marker.partners {
                let (_, text) = files
                    .iter()
                    .find(|(file, _)| file == path)
                    .unwrap_or_else(|| panic!("{place}: no file {path}"));
                let code = text
                    .lines()
                    .nth(*line as usize - 1)
                    .unwrap_or_else(|| panic!("{place}: {path} has no line {line}"));
                let bare = code.trim();
                assert!(
                    !bare.is_empty() && !bare.starts_with('#') && !bare.starts_with("//"),
                    "{place}: no code at {path}:{line}"
                );
            }
        }
    }
}

#[test]
fn racy_programs_demand_a_finding() {
    for theme in of_side("racy") {
        let demanded = theme.markers().iter().filter(|marker| marker.demanded).count();
        assert!(demanded > 0, "{}: nothing is expected", theme.folder.display());
    }
}

#[test]
fn safe_programs_expect_nothing_and_can_be_broken() {
    for theme in of_side("safe") {
        assert_eq!(theme.markers(), Vec::new(), "{}", theme.folder.display());
        assert!(
            theme.edited().is_some(),
            "{}: no edit makes it racy",
            theme.folder.display()
        );
    }
}

#[test]
fn racy_programs_have_a_safe_twin() {
    let name = |theme: &Theme| (theme.language.clone(), theme.name.clone());
    let safe: BTreeSet<_> = of_side("safe").iter().map(name).collect();
    let racy: BTreeSet<_> = of_side("racy").iter().map(name).collect();
    let alone: Vec<_> = racy.difference(&safe).collect();
    assert!(alone.is_empty(), "racy themes without a safe twin: {alone:?}");
}
