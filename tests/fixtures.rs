//! What the analysis makes of the fixtures: racy programs have exactly the findings that their markers say, safe ones
//! have none, and a safe one with its join, lock, order or `env=` taken away has one.

mod support;

use std::collections::BTreeMap;

use envrace::detect::{Options, Persona, analyse};
use envrace::facts::Language;
use envrace::finding::{Finding, Severity};
use envrace::frontend::{Share, Shared, lower_in};
use envrace::input::{Source, Sources};
use envrace::knowledge::{Catalog, Target};
use rayon::prelude::*;
use support::fixtures::{Marker, Theme, themes};

fn language_of(path: &str, theme: &Theme) -> Option<Language> {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    match extension {
        Some("c" | "h") => Some(Language::C),
        Some("py") => Some(Language::Python),
        Some("rs") => Some(Language::Rust),
        None if theme.language == "python" && !path.ends_with("README") => Some(Language::Python),
        _ => None,
    }
}

fn findings(theme: &Theme, files: Vec<(String, String)>) -> Vec<Finding> {
    let sources: Vec<Source> = files
        .into_iter()
        .filter_map(|(path, text)| {
            Some(Source {
                language: language_of(&path, theme)?,
                path,
                text,
            })
        })
        .collect();
    let shared = Shared::of(sources.iter().filter_map(Share::of).collect());
    let facts = sources.iter().map(|source| lower_in(source, &shared).0).collect();
    let options = Options {
        target: Target::default(),
        persona: Persona::Regular,
        preview: false,
        extent: envrace::model::Extent::Pairs,
        steps: envrace::model::STEPS,
    };
    analyse(facts, &Sources::new(sources), &Catalog::builtin(), &options).findings
}

fn shown(finding: &Finding) -> String {
    let partner = finding.partner.as_ref().map_or_else(String::new, |partner| {
        format!(" partner={}:{}", partner.location.path, partner.location.line)
    });
    format!(
        "{}:{} {}{partner} effect={} severity={} ({}) in {}",
        finding.mutation.location.path,
        finding.mutation.location.line,
        finding.code.code(),
        finding.effect.name(),
        finding.severity.name(),
        finding.confidence.name(),
        finding.overlap.ancestor
    )
}

fn partner_of(finding: &Finding) -> Option<(String, u32)> {
    finding
        .partner
        .as_ref()
        .map(|partner| (partner.location.path.clone(), partner.location.line))
}

fn fits(marker: &Marker, finding: &Finding) -> bool {
    marker.path == finding.mutation.location.path
        && marker.line == finding.mutation.location.line
        && marker.code == finding.code.code()
        && (marker.partners.is_empty() || partner_of(finding).is_some_and(|partner| marker.partners.contains(&partner)))
        && marker
            .effect
            .as_deref()
            .is_none_or(|effect| effect == finding.effect.name())
        && marker
            .severity
            .as_deref()
            .is_none_or(|severity| severity == finding.severity.name())
}

/// What is wrong with the findings of a theme, by its markers.
fn complaints(theme: &Theme) -> Vec<String> {
    let markers = theme.markers();
    let found = findings(theme, theme.files());
    let mut wrong = Vec::new();
    for marker in markers.iter().filter(|marker| marker.demanded) {
        let place = format!("{}:{} {}", marker.path, marker.line, marker.code);
        if marker.partners.is_empty() && !found.iter().any(|finding| fits(marker, finding)) {
            wrong.push(format!("missing: {place}"));
        }
        for partner in &marker.partners {
            let one = Marker {
                partners: vec![partner.clone()],
                ..marker.clone()
            };
            if !found.iter().any(|finding| fits(&one, finding)) {
                wrong.push(format!("missing: {place} partner={}:{}", partner.0, partner.1));
            }
        }
    }
    for finding in &found {
        let expected = markers.iter().any(|marker| fits(marker, finding));
        // A note is what is said when asked for; it is no false alarm.
        if !expected && finding.severity > Severity::Note {
            wrong.push(format!("unexpected: {}", shown(finding)));
        }
    }
    wrong
}

fn check(language: &str) {
    let complaints: BTreeMap<String, Vec<String>> = themes()
        .into_par_iter()
        .filter(|theme| theme.language == language)
        .map(|theme| {
            (
                format!("{}/{}/{}", theme.language, theme.side, theme.name),
                complaints(&theme),
            )
        })
        .filter(|(_, wrong)| !wrong.is_empty())
        .collect();
    let text: Vec<String> = complaints
        .iter()
        .map(|(theme, wrong)| format!("{theme}\n    {}", wrong.join("\n    ")))
        .collect();
    assert!(
        text.is_empty(),
        "{} themes are not as marked:\n{}",
        text.len(),
        text.join("\n")
    );
}

fn break_safe(language: &str) {
    let silent: Vec<String> = themes()
        .into_par_iter()
        .filter(|theme| theme.language == language && theme.side == "safe")
        .filter_map(|theme| {
            let edited = theme.edited()?;
            let loud = !findings(&theme, edited).is_empty();
            (!loud).then(|| theme.name.clone())
        })
        .collect();
    assert_eq!(
        silent,
        Vec::<String>::new(),
        "safe programs that were broken, without a finding"
    );
}

#[test]
fn python_fixtures_are_as_marked() {
    check("python");
}

#[test]
fn c_fixtures_are_as_marked() {
    check("c");
}

#[test]
fn rust_fixtures_are_as_marked() {
    check("rust");
}

#[test]
fn broken_python_fixtures_are_found() {
    break_safe("python");
}

#[test]
fn broken_c_fixtures_are_found() {
    break_safe("c");
}

#[test]
fn broken_rust_fixtures_are_found() {
    break_safe("rust");
}
