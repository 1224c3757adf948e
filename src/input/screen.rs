//! One pass over the bytes of a file for a few words, before anything is parsed.
//!
//! The searcher looks for the shortest words only (`setenv` stands for `unsetenv` and `g_setenv` too); at each hit the whole
//! identifier is looked up. So a pass costs about what a search for the words costs, and `environment` is not `environ`.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, Input, MatchKind};
use memchr::memmem;
use serde::{Deserialize, Serialize};

/// What a pass can see, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signs(u8);

impl Signs {
    pub const NONE: Signs = Signs(0);

    /// The sign of this number, below 8.
    pub const fn number(number: u8) -> Signs {
        Signs(1 << number)
    }

    /// Both together.
    pub const fn and(self, other: Signs) -> Signs {
        Signs(self.0 | other.0)
    }

    /// Whether it holds one of these.
    pub const fn any_of(self, other: Signs) -> bool {
        self.0 & other.0 != 0
    }
}

/// What to look for.
#[derive(Debug, Clone)]
pub struct Sought {
    pub sign: Signs,
    pub words: BTreeSet<String>,
    /// The words are whole identifiers, else any pieces of text.
    pub whole: bool,
    /// Whether a whole word at a place is not meant there.
    pub excuse: Option<Excuse>,
}

/// A look at a word's place in the bytes.
pub type Look = dyn Fn(&[u8], Range<usize>) -> bool + Send + Sync;

/// Says whether a word at its place in the bytes is not meant.
#[derive(Clone)]
pub struct Excuse(pub Arc<Look>);

impl std::fmt::Debug for Excuse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Excuse")
    }
}

/// Looks for words in files of one language.
#[derive(Debug)]
pub struct Screen {
    searcher: Option<AhoCorasick>,
    whole: HashMap<Vec<u8>, Signs>,
    pieces: Vec<(Vec<u8>, Signs)>,
    excuses: Vec<(Signs, BTreeSet<String>, Excuse)>,
    /// What a word may begin and end with where the preprocessor glues it together.
    glued: Option<Glued>,
}

#[derive(Debug)]
struct Glued {
    beginnings: HashMap<Vec<u8>, Signs>,
    endings: HashMap<Vec<u8>, Signs>,
}

/// The fewest letters of a part of a glued word by which it is known.
const LEAST: usize = 3;

impl Screen {
    /// Looks for all of `sought`; `glues` where a preprocessor makes words out of parts (C).
    pub fn new(sought: &[Sought], glues: bool) -> Screen {
        let mut screen = Screen {
            searcher: None,
            whole: HashMap::new(),
            pieces: Vec::new(),
            excuses: Vec::new(),
            glued: None,
        };
        for one in sought {
            if let Some(excuse) = &one.excuse {
                screen.excuses.push((one.sign, one.words.clone(), excuse.clone()));
            }
            for word in &one.words {
                let plain = word.bytes().all(is_word);
                if one.whole && plain {
                    let signs = screen.whole.entry(word.clone().into_bytes()).or_default();
                    *signs = signs.and(one.sign);
                } else {
                    screen.pieces.push((word.clone().into_bytes(), one.sign));
                }
            }
        }
        let all = screen.whole.keys().chain(screen.pieces.iter().map(|(piece, _)| piece));
        let all: BTreeSet<&Vec<u8>> = all.collect();
        let shortest = all.iter().filter(|word| {
            let inside = |other: &&&Vec<u8>| **other != **word && memmem::find(word, other).is_some();
            !all.iter().any(|other| inside(&other))
        });
        let needles: Vec<&Vec<u8>> = shortest.copied().collect();
        // Few short needles always make a searcher; without one nothing could be told, and everything is there.
        // None lies inside another, so that the leftmost hit is also the one that ends first; asked for the leftmost one,
        // the searcher compares sixteen bytes at a time (Teddy).
        let kind = MatchKind::LeftmostFirst;
        screen.searcher = AhoCorasick::builder().match_kind(kind).build(needles).ok();
        screen.glued = glues.then(|| Glued::of(&screen.whole));
        screen
    }

    /// What stands in these bytes.
    pub fn look(&self, bytes: &[u8]) -> Signs {
        let Some(searcher) = &self.searcher else {
            return Signs(u8::MAX);
        };
        let mut seen = Signs::NONE;
        let mut at = 0;
        while let Some(hit) = searcher.find(Input::new(bytes).span(at..bytes.len())) {
            let start = word_start(bytes, hit.start());
            let end = word_end(bytes, hit.end());
            if let Some(signs) = self.whole.get(&bytes[start..end]) {
                seen = seen.and(self.meant(*signs, bytes, start..end, seen));
            }
            for (piece, signs) in &self.pieces {
                // A piece may go on where the word ends: `envrace:`.
                let to = bytes.len().min(end + piece.len());
                if memmem::find(&bytes[start..to], piece).is_some() {
                    seen = seen.and(*signs);
                }
            }
            at = end.max(hit.end());
        }
        match &self.glued {
            Some(glued) => seen.and(glued.look(bytes)),
            None => seen,
        }
    }
}

impl Screen {
    /// The signs of a word without those that are excused where it stands.
    fn meant(&self, signs: Signs, bytes: &[u8], place: Range<usize>, seen: Signs) -> Signs {
        let mut meant = signs;
        for (sign, words, excuse) in &self.excuses {
            let concerned = meant.any_of(*sign) && !seen.any_of(*sign);
            let named = || words.iter().any(|word| word.as_bytes() == &bytes[place.clone()]);
            if concerned && named() && (excuse.0)(bytes, place.clone()) {
                meant = Signs(meant.0 & !sign.0);
            }
        }
        meant
    }
}

impl Glued {
    fn of(words: &HashMap<Vec<u8>, Signs>) -> Glued {
        let mut glued = Glued {
            beginnings: HashMap::new(),
            endings: HashMap::new(),
        };
        for (word, signs) in words {
            for cut in 1..word.len() {
                let (beginning, ending) = word.split_at(cut);
                for (part, parts) in [(beginning, &mut glued.beginnings), (ending, &mut glued.endings)] {
                    if part.len() >= LEAST {
                        let known: &mut Signs = parts.entry(part.to_vec()).or_default();
                        *known = known.and(*signs);
                    }
                }
            }
        }
        glued
    }

    /// What may come of `a ## b`, and of a word that goes on behind the end of a line.
    fn look(&self, bytes: &[u8]) -> Signs {
        let mut seen = Signs::NONE;
        for at in memmem::find_iter(bytes, b"##") {
            let before = blank_back(bytes, at);
            let after = blank_on(bytes, at + 2);
            seen = seen.and(self.parts(bytes, before, after));
        }
        for at in memmem::find_iter(bytes, b"\\\n") {
            if bytes.get(at + 2).copied().is_some_and(is_word) && at > 0 && is_word(bytes[at - 1]) {
                seen = seen.and(self.parts(bytes, at, at + 2));
            }
        }
        seen
    }

    /// The word that ends at `before` and the one that begins at `after`.
    fn parts(&self, bytes: &[u8], before: usize, after: usize) -> Signs {
        let left = &bytes[word_start(bytes, before)..before];
        let right = &bytes[after..word_end(bytes, after)];
        let left = self.beginnings.get(left).copied().unwrap_or_default();
        left.and(self.endings.get(right).copied().unwrap_or_default())
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_start(bytes: &[u8], at: usize) -> usize {
    at - bytes[..at].iter().rev().take_while(|byte| is_word(**byte)).count()
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| is_word(**byte)).count()
}

fn blank_back(bytes: &[u8], at: usize) -> usize {
    at - bytes[..at]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_whitespace() || **byte == b'\\')
        .count()
}

fn blank_on(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace() || **byte == b'\\')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Signs = Signs::number(0);
    const PIECE: Signs = Signs::number(1);

    fn screen(glues: bool) -> Screen {
        let words = ["setenv", "unsetenv", "environ", "größe"];
        let sought = [
            Sought {
                sign: WORDS,
                words: words.map(str::to_owned).into(),
                whole: true,
                excuse: None,
            },
            Sought {
                sign: PIECE,
                words: ["envrace:".to_owned(), "PyInit_".to_owned()].into(),
                whole: false,
                excuse: None,
            },
        ];
        Screen::new(&sought, glues)
    }

    #[test]
    fn a_word_may_be_excused_where_it_stands() {
        let quoted = |bytes: &[u8], place: Range<usize>| bytes.get(place.end) == Some(&b'.');
        let sought = [Sought {
            sign: WORDS,
            words: ["environ".to_owned()].into(),
            whole: true,
            excuse: Some(Excuse(Arc::new(quoted))),
        }];
        let screen = Screen::new(&sought, false);
        for (text, expected) in [
            ("environ.get", Signs::NONE),
            ("environ.get environ", WORDS),
            ("environ environ.get", WORDS),
        ] {
            assert_eq!(screen.look(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn words_are_whole_and_pieces_are_not() {
        let cases: [(&str, Signs); 13] = [
            ("x = os.environ['A']", WORDS),
            ("the environment, environs, reenviron, environ_", Signs::NONE),
            ("environment environ", WORDS),
            ("getattr(os, \"environ\")", WORDS),
            ("setenv", WORDS),
            ("g_unsetenv unsetenv", WORDS),
            ("g_setenv(a, b)", Signs::NONE),
            ("# envrace: ignore[x] y", PIECE),
            ("envrace : ", Signs::NONE),
            ("PyInit_x setenv(", WORDS.and(PIECE)),
            ("größer", WORDS),
            ("", Signs::NONE),
            ("a environ", WORDS),
        ];
        for (text, expected) in cases {
            assert_eq!(screen(false).look(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_the_preprocessor_glues_counts() {
        let cases = [
            ("#define E(x) x##env(", WORDS),
            ("#define E(x) un ## setenv(", WORDS),
            ("#define E(x) put ## \\\n env", WORDS),
            ("#define E(x) foo_ ## x", Signs::NONE),
            ("sete\\\nnv(a)", WORDS),
            ("int set \\\n  a", Signs::NONE),
        ];
        for (text, expected) in cases {
            assert_eq!(screen(true).look(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(screen(false).look(b"x##env("), Signs::NONE);
    }

    #[test]
    fn no_words_see_nothing() {
        assert_eq!(Screen::new(&[], true).look(b"anything ## at all"), Signs::NONE);
    }

    proptest::proptest! {
        /// The pass sees exactly what splitting the text into identifiers sees.
        #[test]
        fn it_sees_what_splitting_sees(text in "(setenv|un|environ|_|ment| |\\.|x|\n){0,12}") {
            let split = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            let expected = split.into_iter().any(|word| ["setenv", "unsetenv", "environ"].contains(&word));
            assert_eq!(screen(false).look(text.as_bytes()).any_of(WORDS), expected, "{text:?}");
        }
    }
}
