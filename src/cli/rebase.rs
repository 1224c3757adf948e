//! From paths relative to a project's root to those that the user sees. Fingerprints were made before, from the former,
//! so that they do not depend on the folder in which the command was run.

use crate::detect::ProgramView;
use crate::finding::{Finding, Location, Site};
use crate::input::{Prefix, Sources};

/// Rewrites every path of a finding, also those of files in `sources` that its sentences name.
pub fn finding(finding: &mut Finding, prefix: &Prefix, sources: &Sources) {
    if prefix.root() == "." {
        return;
    }
    site(&mut finding.mutation, prefix, sources);
    if let Some(partner) = &mut finding.partner {
        site(partner, prefix, sources);
    }
    for thread in &mut finding.overlap.threads {
        place(&mut thread.created, prefix);
        place(&mut thread.start, prefix);
        if let Some(joined) = &mut thread.joined {
            place(joined, prefix);
        }
        if let Some(note) = &mut thread.note {
            *note = sentence(note, prefix, sources);
        }
    }
    if let Some(fix) = &mut finding.fix {
        for edit in &mut fix.edits {
            place(&mut edit.location, prefix);
        }
        fix.because = sentence(&fix.because, prefix, sources);
    }
    let array = finding.array.iter_mut().map(|array| &mut array.reason);
    let single = [&mut finding.message, &mut finding.help, &mut finding.overlap.reason];
    for text in single
        .into_iter()
        .chain(array)
        .chain(&mut finding.interleaving)
        .chain(&mut finding.doubts)
    {
        *text = sentence(text, prefix, sources);
    }
}

/// Rewrites every path of a program's picture.
pub fn program(program: &mut ProgramView, prefix: &Prefix, sources: &Sources) {
    if prefix.root() == "." {
        return;
    }
    program.name = sentence(&program.name, prefix, sources);
    for lane in &mut program.lanes {
        place(&mut lane.place, prefix);
        lane.name = sentence(&lane.name, prefix, sources);
    }
    for event in &mut program.events {
        place(&mut event.place, prefix);
        for step in &mut event.chain {
            step.path = prefix.show(&step.path);
            step.note = sentence(&step.note, prefix, sources);
        }
    }
}

/// Rewrites the paths of known files in a sentence: a word that is one, bare or with a line, between punctuation.
pub fn sentence(text: &str, prefix: &Prefix, sources: &Sources) -> String {
    let rewrite = |word: &str| {
        let inner = word.trim_start_matches(['(', '`', '\'', '"']);
        let path = inner
            .split(':')
            .next()
            .unwrap_or(inner)
            .trim_end_matches([')', '`', '\'', '"', ',', ';', '.']);
        if sources.holds(path) {
            let start = word.len() - inner.len();
            format!("{}{}{}", &word[..start], prefix.show(path), &inner[path.len()..])
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(rewrite).collect::<Vec<_>>().join(" ")
}

fn site(site: &mut Site, prefix: &Prefix, sources: &Sources) {
    place(&mut site.location, prefix);
    for step in &mut site.chain {
        step.path = prefix.show(&step.path);
        step.note = sentence(&step.note, prefix, sources);
    }
}

fn place(place: &mut Location, prefix: &Prefix) {
    place.path = prefix.show(&place.path);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Language;
    use crate::input::Source;

    #[test]
    fn sentences_name_files_as_the_user_knows_them() {
        let source = |path: &str| Source {
            path: path.to_owned(),
            language: Language::C,
            text: String::new(),
        };
        let sources = Sources::new([source("main.c"), source("lib/a.c")]);
        let shown = |text: &str| sentence(text, &Prefix::new("x/y"), &sources);
        assert_eq!(
            shown("starts at main.c:12, ends (lib/a.c:3)"),
            "starts at x/y/main.c:12, ends (x/y/lib/a.c:3)"
        );
        assert_eq!(
            shown("runs `lib/a.c`; main.cc:1 and a.c:2"),
            "runs `x/y/lib/a.c`; main.cc:1 and a.c:2"
        );
    }
}
