//! Bytes to text. Every language has its own idea of what bytes a source file may hold: Rust is UTF-8, Python is UTF-8
//! unless a comment on one of the first two lines says otherwise (PEP 263), C takes any bytes.

use crate::facts::{Language, ProblemKind};

/// How many bytes at the start are looked at for NUL.
const BINARY_WINDOW: usize = 8 * 1024;

/// Decoded text, and what was wrong with the bytes, if anything.
pub struct Decoded {
    pub text: String,
    /// The bytes are not in the encoding that they claim; U+FFFD stands where they could not be understood.
    pub complaint: Option<String>,
}

/// Decodes the bytes of one file.
///
/// # Errors
/// Where no text can be made of it: the kind of problem and one sentence.
pub fn decode(bytes: Vec<u8>, language: Language) -> Result<Decoded, (ProblemKind, String)> {
    refuse(&bytes)?;
    let marked = bytes.starts_with(b"\xef\xbb\xbf");
    let bytes = if marked { bytes[3..].to_vec() } else { bytes };
    let declared = if language == Language::Python && !marked {
        declared_encoding(&bytes)
    } else {
        None
    };
    let mut decoded = by_encoding(bytes, language, declared);
    if language != Language::Rust {
        end_lines(&mut decoded.text);
    }
    Ok(decoded)
}

/// What [`decode`] would complain of, without making the text where that can be told without it.
///
/// # Errors
/// As [`decode`].
pub fn complaint(bytes: &[u8], language: Language) -> Result<Option<String>, (ProblemKind, String)> {
    refuse(bytes)?;
    let quiet = match language {
        Language::C => true,
        Language::Rust => str::from_utf8(bytes).is_ok(),
        Language::Python => {
            let declared = declared_encoding(bytes);
            declared.is_none_or(|name| is_utf8(&name)) && str::from_utf8(bytes).is_ok()
        }
    };
    if quiet {
        return Ok(None);
    }
    Ok(decode(bytes.to_vec(), language)?.complaint)
}

/// Why bytes are no text at all.
fn refuse(bytes: &[u8]) -> Result<(), (ProblemKind, String)> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err((
            ProblemKind::Encoding,
            "UTF-16 is not read; convert the file to UTF-8".to_owned(),
        ));
    }
    if bytes[..bytes.len().min(BINARY_WINDOW)].contains(&0) {
        return Err((
            ProblemKind::Binary,
            "holds NUL bytes, so it is no source text".to_owned(),
        ));
    }
    Ok(())
}

fn by_encoding(bytes: Vec<u8>, language: Language, declared: Option<String>) -> Decoded {
    match declared.as_deref() {
        Some(name) if is_single_byte(name) => {
            return Decoded {
                text: latin_1(&bytes),
                complaint: None,
            };
        }
        Some(name) if !is_utf8(name) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let complaint = match keeps_ascii(name) {
                true if bytes.is_ascii() => None,
                true => Some("what is not ASCII may be misread"),
                // `utf-7` and `unicode_escape` write any code in ASCII, so that none of it shows.
                false => Some("the code may be other than it reads"),
            };
            let complaint =
                complaint.map(|doubt| format!("declares the encoding `{name}`, which is not read; {doubt}"));
            return Decoded { text, complaint };
        }
        _ => {}
    }
    match String::from_utf8(bytes) {
        Ok(text) => Decoded { text, complaint: None },
        // A C compiler passes the bytes of comments and strings through, so there is nothing to complain of.
        Err(error) if language == Language::C => Decoded {
            text: latin_1(error.as_bytes()),
            complaint: None,
        },
        Err(error) => {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|&&b| b == b'\n')
                .count();
            let complaint = format!("not valid UTF-8 at line {line}; undecodable bytes were replaced");
            Decoded {
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
                complaint: Some(complaint),
            }
        }
    }
}

/// The encoding that PEP 263 lets one of the first two lines declare, lower case with `-` for `_`.
fn declared_encoding(bytes: &[u8]) -> Option<String> {
    let (first, rest) = first_line(bytes);
    if let Some(name) = declaration(first) {
        return Some(name);
    }
    // The second line counts only where the first is blank or a comment.
    let text = first.trim_ascii();
    if text.is_empty() || text.starts_with(b"#") {
        declaration(first_line(rest).0)
    } else {
        None
    }
}

/// What stands before the first line end, of any kind, and what stands after it.
fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) else {
        return (bytes, &[]);
    };
    let length = if bytes[end..].starts_with(b"\r\n") { 2 } else { 1 };
    (&bytes[..end], &bytes[end + length..])
}

fn declaration(line: &[u8]) -> Option<String> {
    let line = String::from_utf8_lossy(line);
    let comment = line.trim_start_matches([' ', '\t', '\x0c']).strip_prefix('#')?;
    // `coding[:=][ \t]*([-_.a-zA-Z0-9]+)`, wherever it first fits.
    comment.match_indices("coding").find_map(|(at, word)| {
        let rest = comment[at + word.len()..].strip_prefix([':', '='])?;
        let rest = rest.trim_start_matches([' ', '\t']);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let name = &rest[..rest.find(|c| !allowed(c)).unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_lowercase().replace('_', "-"))
    })
}

fn is_utf8(name: &str) -> bool {
    matches!(
        name,
        "utf-8" | "utf8" | "u8" | "utf-8-sig" | "utf" | "ascii" | "us-ascii"
    ) || name.starts_with("utf-8-")
}

/// Encodings in which every byte is one character and the lower half is ASCII. Read as Latin-1 they yield the same
/// tokens; only letters inside comments and strings differ.
fn is_single_byte(name: &str) -> bool {
    let compact = name.replace('-', "");
    matches!(
        compact.as_str(),
        "latin1" | "latin" | "l1" | "koi8r" | "koi8u" | "cp437" | "cp850" | "cp852" | "cp866"
    ) || compact.starts_with("iso8859")
        || compact.starts_with("latin")
        || compact.starts_with("windows125")
        || (compact.starts_with("cp125") && compact.len() == 6)
        || compact.starts_with("mac")
}

/// Encodings of more than one byte a character in which bytes of ASCII that stand alone are ASCII (the codecs of CPython,
/// "Standard Encodings"): a file that is all ASCII reads the same in them.
fn keeps_ascii(name: &str) -> bool {
    let compact = name.replace('-', "");
    let families = [
        "shiftjis",
        "sjis",
        "mskanji",
        "cp932",
        "windows31j",
        "euc",
        "ujis",
        "gb2312",
        "gbk",
        "gb18030",
        "cp936",
        "big5",
        "cp949",
        "cp950",
        "uhc",
        "johab",
        "ks",
        "tis620",
        "koi8",
        "ptcp154",
        "kz1048",
        "hproman8",
    ];
    families.iter().any(|family| compact.starts_with(family))
}

fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Turns a carriage return that no line feed follows into a line feed: Python and C compilers end a line there, and so
/// must whoever counts lines. (Rust does not.) Lengths do not change.
fn end_lines(text: &mut String) {
    let bytes = text.as_bytes();
    let lone = |index: usize| bytes.get(index + 1) != Some(&b'\n');
    if !memchr::memchr_iter(b'\r', bytes).any(lone) {
        return;
    }
    let mut result = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let lone = c == '\r' && chars.peek() != Some(&'\n');
        result.push(if lone { '\n' } else { c });
    }
    *text = result;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], language: Language) -> (String, Option<String>) {
        let decoded = decode(bytes.to_vec(), language).unwrap_or_else(|_| panic!("the bytes of this test are text"));
        (decoded.text, decoded.complaint)
    }

    proptest::proptest! {
        /// What is said without decoding is what decoding says.
        #[test]
        fn complaints_need_no_text(
            head in "(\u{feff})?(# coding: (latin-1|utf-8|big5|ascii)\n)?",
            tail in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        ) {
            let bytes = [head.as_bytes(), &tail].concat();
            for language in [Language::C, Language::Python, Language::Rust] {
                let whole = decode(bytes.clone(), language).map(|decoded| decoded.complaint);
                proptest::prop_assert_eq!(complaint(&bytes, language), whole);
            }
        }
    }

    fn lost(bytes: &[u8]) -> ProblemKind {
        decode(bytes.to_vec(), Language::Python)
            .err()
            .map(|(kind, _)| kind)
            .expect("the bytes of this test are no text")
    }

    #[test]
    fn byte_order_marks_go() {
        assert_eq!(
            text(b"\xef\xbb\xbfimport os\n", Language::Python),
            ("import os\n".to_owned(), None)
        );
    }

    #[test]
    fn declared_single_byte_encodings_are_decoded() {
        let (decoded, complaint) = text(
            b"#!/usr/bin/python\n# -*- coding: latin-1 -*-\ns = '\xe9'\n",
            Language::Python,
        );
        assert!(decoded.ends_with("s = 'é'\n"));
        assert_eq!(complaint, None);
        assert_eq!(
            text(b"# vim: set fileencoding=cp1252 :\n# \x80", Language::Python).1,
            None
        );
        assert_eq!(text(b"# coding=ISO_8859-15\r'\xa4'", Language::Python).1, None);
    }

    #[test]
    fn a_declaration_after_code_does_not_count() {
        let (_, complaint) = text(b"import os\n# coding: latin-1\n'\xe9'", Language::Python);
        assert!(complaint.is_some_and(|text| text.contains("line 3")));
        let (_, complaint) = text(b"# coding: latin-1\n'\xe9'", Language::Rust);
        assert!(complaint.is_some());
    }

    #[test]
    fn other_encodings_are_read_with_a_complaint() {
        let (decoded, complaint) = text(b"# coding: shift_jis\nx = 1 # \x83\x5c\n", Language::Python);
        assert!(decoded.contains("x = 1") && complaint.is_some_and(|text| text.contains("shift-jis")));
        assert_eq!(text(b"# coding: shift_jis\nx = 1\n", Language::Python).1, None);
    }

    #[test]
    fn code_that_hides_in_its_encoding_is_complained_of() {
        for name in [
            "utf-7",
            "unicode_escape",
            "raw-unicode-escape",
            "rot13",
            "hz",
            "iso2022_jp",
            "cp037",
            "utf-16",
            "no",
        ] {
            let (_, complaint) = text(format!("# coding: {name}\nx = 1\n").as_bytes(), Language::Python);
            assert!(
                complaint.is_some_and(|text| text.contains("other than it reads")),
                "{name}"
            );
        }
    }

    #[test]
    fn a_declaration_stands_where_python_looks_for_it() {
        let name = |bytes: &[u8]| declared_encoding(bytes);
        let latin = Some("latin-1".to_owned());
        for there in [
            &b"# coding: latin-1"[..],
            b"\n# coding: latin-1",
            b"\r\n#coding=latin-1\r\n",
            b"\r # vim: set fileencoding=latin_1 :",
            b"# the coding of coding: latin-1",
            b" \t\x0c#-*- coding: \t LATIN-1 -*-",
        ] {
            assert_eq!(name(there), latin, "{}", String::from_utf8_lossy(there));
        }
        for elsewhere in [
            &b"\n\n# coding: latin-1"[..],
            b"\r\n\r\n# coding: latin-1",
            b"x # coding: latin-1",
            b"x\n# coding: latin-1",
            b"# coding latin-1",
            b"# coding:",
            b"# coding: \xe9",
            b"'''\n# coding: latin-1",
            b"",
        ] {
            assert_eq!(name(elsewhere), None, "{}", String::from_utf8_lossy(elsewhere));
        }
    }

    #[test]
    fn c_takes_any_bytes() {
        assert_eq!(
            text(b"/* J\xf6rg */ int x;", Language::C),
            ("/* Jörg */ int x;".to_owned(), None)
        );
    }

    #[test]
    fn utf_16_and_binaries_are_lost() {
        assert_eq!(lost(b"\xff\xfei\0m\0p\0"), ProblemKind::Encoding);
        assert_eq!(lost(b"\xfe\xff\0i\0m"), ProblemKind::Encoding);
        assert_eq!(lost(b"import os\n\0\n"), ProblemKind::Binary);
    }

    #[test]
    fn lone_carriage_returns_end_lines_where_the_language_says_so() {
        assert_eq!(text(b"a\rb\r\nc\r", Language::Python).0, "a\nb\r\nc\n");
        assert_eq!(text(b"a\rb", Language::C).0, "a\nb");
        assert_eq!(text(b"a\rb", Language::Rust).0, "a\rb");
    }
}
