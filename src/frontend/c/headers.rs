//! Macros of headers that other files are written in: those that open or close something, make a function or a table's
//! entry, or stand for a piece of code. Their uses do not read as C before they are expanded, so every file is given those
//! that it may see; all other macros are functions and names, which the model follows from file to file.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::facts::{Import, Language};
use crate::input::Source;

use super::lex::{Kind, Texts, Token};
use super::macros::{Macro, shapes_code};
use super::preprocess::{self, Dead};
use super::text::Lines;

/// The most headers that are looked at for one file.
const MOST: usize = 2_000;

/// A macro without its file.
#[derive(Debug, Serialize, Deserialize)]
struct Loose {
    name: String,
    parameters: Option<Vec<String>>,
    variadic: bool,
    body: Vec<Piece>,
}

/// A token's text; the parts of an operator touch.
#[derive(Debug, Serialize, Deserialize)]
struct Piece {
    kind: Kind,
    text: String,
    touches: bool,
}

/// What a header defines and includes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Header {
    path: String,
    includes: Vec<String>,
    macros: Vec<Loose>,
    /// Names for something else and uses of it with other arguments, which may be one of them.
    names: Vec<Loose>,
    /// The headers that it includes.
    #[serde(skip)]
    reaches: Vec<usize>,
}

/// What the headers of a tree define that shapes the code of other files.
#[derive(Debug, Default)]
pub struct Headers {
    all: Vec<Header>,
    /// Headers by the last part of their path.
    by_basename: HashMap<String, Vec<usize>>,
    /// The header, and the macro in it.
    by_name: HashMap<String, Vec<(usize, usize)>>,
}

impl Headers {
    /// Takes in all headers of a tree, in order of their paths.
    pub fn of(all: Vec<Header>) -> Headers {
        let mut headers = Headers {
            all,
            ..Headers::default()
        };
        for (number, header) in headers.all.iter().enumerate() {
            let known = headers.by_basename.entry(basename(&header.path).to_owned());
            known.or_default().push(number);
            for (place, found) in header.macros.iter().enumerate() {
                let known = headers.by_name.entry(found.name.clone());
                known.or_default().push((number, place));
            }
        }
        for _ in 0..super::macros::DEPTH {
            if !headers.take_names() {
                break;
            }
        }
        for number in 0..headers.all.len() {
            let Header { path, includes, .. } = &headers.all[number];
            headers.all[number].reaches = includes
                .iter()
                .flat_map(|include| headers.meant(path, include))
                .collect();
        }
        for header in &mut headers.all {
            header.names.clear();
        }
        headers
    }

    /// All that other files see of these headers, in bytes: which there are, what they include, and the macros that shape
    /// code. Where that is the same, every file reads the same.
    pub fn trace(&self) -> Vec<u8> {
        let mut trace = Vec::new();
        let mut add = |text: &str| {
            trace.extend((text.len() as u64).to_le_bytes());
            trace.extend(text.as_bytes());
        };
        // Without macros nothing is looked for in any header.
        for header in self.all.iter().filter(|_| !self.by_name.is_empty()) {
            add(&header.path);
            header.includes.iter().for_each(|include| add(include));
            add("");
            for found in &header.macros {
                add(&format!("{found:?}"));
            }
            add("");
        }
        trace
    }

    /// Takes in what stands for one of the macros; whether there was any.
    fn take_names(&mut self) -> bool {
        let mut news = false;
        for (number, header) in self.all.iter_mut().enumerate() {
            let (meant, others) = header.names.drain(..).partition::<Vec<Loose>, _>(|found| {
                let words = found.body.iter().filter(|piece| piece.kind == Kind::Word);
                // What is used with arguments is the first word: the others are its arguments.
                let most = if found.parameters.is_some() { 1 } else { usize::MAX };
                let mut words = words.take(most);
                words.any(|piece| self.by_name.contains_key(&piece.text))
            });
            header.names = others;
            for found in meant {
                news = true;
                let known = self.by_name.entry(found.name.clone()).or_default();
                known.push((number, header.macros.len()));
                header.macros.push(found);
            }
        }
        news
    }

    /// The macros that a file uses and does not define, from the headers that it includes, the nearest first.
    pub(super) fn used_in(
        &self,
        path: &str,
        includes: &[Import],
        own: &[Macro],
        tokens: &[Token],
        texts: &mut Texts,
    ) -> Vec<Macro> {
        if self.by_name.is_empty() || includes.is_empty() {
            return Vec::new();
        }
        let own: HashSet<&str> = own.iter().map(|found| found.name.as_str()).collect();
        let mut known: HashSet<&str> = HashSet::new();
        let mut waiting: Vec<&str> = Vec::new();
        for token in tokens.iter().filter(|token| token.kind == Kind::Word) {
            if let Some((name, _)) = self.by_name.get_key_value(texts.of(token))
                && !own.contains(name.as_str())
                && known.insert(name)
            {
                waiting.push(name);
            }
        }
        if waiting.is_empty() {
            return Vec::new();
        }
        let ranks = self.included(path, includes);
        let mut found = Vec::new();
        let mut next = 0;
        while let Some(name) = waiting.get(next).copied() {
            next += 1;
            let definitions = self.by_name.get(name).into_iter().flatten();
            let nearest = definitions.filter_map(|(header, place)| Some((ranks.get(header)?, header, place)));
            let Some((_, header, place)) = nearest.min() else {
                continue;
            };
            let meant = &self.all[*header].macros[*place];
            for word in meant.body.iter().filter(|piece| piece.kind == Kind::Word) {
                if let Some((inner, _)) = self.by_name.get_key_value(&word.text)
                    && !own.contains(inner.as_str())
                    && known.insert(inner)
                {
                    waiting.push(inner);
                }
            }
            found.push(meant.at_home(texts));
        }
        found
    }

    /// The headers of the tree that a file may include, directly or not, with their ranks, the nearest first.
    fn included(&self, path: &str, includes: &[Import]) -> HashMap<usize, usize> {
        let mut ranks = HashMap::new();
        let from_file = includes.iter().flat_map(|import| self.meant(path, &import.path));
        let mut waiting: VecDeque<usize> = from_file.collect();
        while let Some(header) = waiting.pop_front() {
            if self.all[header].path == path || ranks.len() >= MOST || ranks.contains_key(&header) {
                continue;
            }
            ranks.insert(header, ranks.len());
            waiting.extend(&self.all[header].reaches);
        }
        ranks
    }

    /// The headers that an include may mean: where several end so, those that share most of their path with the includer.
    fn meant(&self, from: &str, include: &str) -> Vec<usize> {
        let include = include.trim_start_matches("./").trim_start_matches("../");
        let candidates = self.by_basename.get(basename(include)).into_iter().flatten();
        let ends_so = |header: &&usize| {
            let rest = self.all[**header].path.strip_suffix(include);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        let candidates: Vec<(usize, usize)> = candidates
            .filter(ends_so)
            .map(|header| (common(&self.all[*header].path, from), *header))
            .collect();
        let most = candidates.iter().map(|(shared, _)| *shared).max();
        let nearest = candidates.into_iter().filter(|(shared, _)| Some(*shared) == most);
        nearest.map(|(_, header)| header).collect()
    }
}

impl Header {
    /// Whether a file is a header, by its name.
    pub fn is_possible(path: &str, language: Language) -> bool {
        language == Language::C && path.ends_with(".h")
    }

    /// Reads a header; nothing of any other file.
    pub fn read(source: &Source) -> Option<Header> {
        if !Header::is_possible(&source.path, source.language) {
            return None;
        }
        let lines = Lines::new(&source.text);
        let prepared = preprocess::prepare(&source.text, &lines, Dead::Dropped);
        let texts = Texts::new(&source.text);
        let (shaping, others): (Vec<&Macro>, Vec<&Macro>) =
            prepared.macros.iter().partition(|found| shapes_code(found, &texts));
        let names = others
            .into_iter()
            .filter(|found| found.parameters.is_none() || is_one_use(found));
        Some(Header {
            path: source.path.clone(),
            macros: shaping.into_iter().map(|found| Loose::of(found, &texts)).collect(),
            names: names.map(|found| Loose::of(found, &texts)).collect(),
            includes: prepared
                .includes
                .into_iter()
                .map(|import| import.path.to_string())
                .collect(),
            reaches: Vec::new(),
        })
    }
}

/// Whether a macro with parameters is nothing but one use of another one: `#define MAIN(run) MAIN_WITH(, run(argc, argv))`.
fn is_one_use(found: &Macro) -> bool {
    match found.body.as_slice() {
        [name, open, .., close] => name.kind == Kind::Word && open.is(b'(') && close.is(b')'),
        _ => false,
    }
}

impl Loose {
    fn of(found: &Macro, texts: &Texts) -> Loose {
        let mut end = None;
        let body = found.body.iter().map(|token| Piece {
            kind: token.kind,
            text: texts.of(token).to_owned(),
            touches: end.replace(token.end) == Some(token.start),
        });
        Loose {
            name: found.name.clone(),
            parameters: found.parameters.clone(),
            variadic: found.variadic,
            body: body.collect(),
        }
    }

    /// The macro as if it were defined before everything else in the file whose texts these are.
    fn at_home(&self, texts: &mut Texts) -> Macro {
        let start = Token {
            start: 0,
            end: 0,
            at: 0,
            at_end: 0,
            kind: Kind::Word,
            opens_line: false,
        };
        let name_at = texts.word(&self.name, &start);
        let mut body = Vec::with_capacity(self.body.len());
        for piece in &self.body {
            if !piece.touches {
                texts.part();
            }
            body.push(texts.make(&piece.text, piece.kind, &start));
        }
        Macro {
            name: self.name.clone(),
            name_at,
            parameters: self.parameters.clone(),
            variadic: self.variadic,
            body,
            optional: false,
            foreign: true,
            span: crate::facts::Span::default(),
        }
    }
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// How many leading folders two paths share.
fn common(a: &str, b: &str) -> usize {
    let folders = a.split('/').zip(b.split('/'));
    folders.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use crate::facts::{FunctionKind, Language};
    use crate::input::Source;

    use super::{Header, Headers};

    fn source(path: &str, text: &str) -> Source {
        Source {
            path: path.to_owned(),
            language: Language::C,
            text: text.to_owned(),
        }
    }

    /// The functions of `main.c` that have a body, with the calls in each.
    fn functions(headers: &[(&str, &str)], main: &str) -> Vec<(String, Vec<String>)> {
        let headers: Vec<Source> = headers.iter().map(|(path, text)| source(path, text)).collect();
        let shared = Headers::of(headers.iter().filter_map(Header::read).collect());
        let (facts, _) = super::super::lower_with(&source("main.c", main), &shared);
        let functions = facts.functions.iter().filter(|f| f.kind == FunctionKind::Function);
        functions
            .map(|function| {
                let calls = function.calls.iter();
                let names = calls.map(|call| format!("{:?}", call.callee)).collect();
                (function.name.to_string(), names)
            })
            .collect()
    }

    const FRAME: &str = "#define OPEN_WORK static int work(void *job) {\n#define CLOSE_WORK return 0; }\n";

    #[test]
    fn a_header_opens_and_closes_functions_of_other_files() {
        let code = "#include \"frame.h\"\nOPEN_WORK\n step();\nCLOSE_WORK\nint after(void) { last(); return 0; }\n";
        let found = functions(&[("frame.h", FRAME)], code);
        assert_eq!(found[0], ("work".to_owned(), vec!["Global(\"step\")".to_owned()]));
        assert_eq!(found[1].0, "after");
        // Who does not include it does not see it.
        let stranger = code.replace("#include \"frame.h\"\n", "#include \"other.h\"\n");
        assert!(
            functions(&[("frame.h", FRAME)], &stranger)
                .iter()
                .all(|(name, _)| name != "work")
        );
    }

    #[test]
    fn a_name_for_such_a_macro_is_one_too() {
        let header = format!(
            "{FRAME}#define OPEN OPEN_WORK\n#define CALLED(name) int name(void) {{ return 0; }}\n#define NAMED CALLED(named)\n"
        );
        let code = "#include \"frame.h\"\nNAMED\nOPEN\n step();\nCLOSE_WORK\n";
        let names: Vec<String> = functions(&[("frame.h", &header)], code)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["named", "work"]);
    }

    #[test]
    fn a_use_of_such_a_macro_with_other_arguments_is_one_too() {
        let header = "#define MAIN_WITH(before, step) int main(int argc, char **argv) { before; step; return 0; }\n\
                      #define MAIN(run) MAIN_WITH(, run(argc, argv))\n";
        let code = "#include \"main.h\"\nstatic void start(int argc, char **argv) { step(); }\nMAIN(start);\n";
        let found = functions(&[("main.h", header)], code);
        assert_eq!(found[1], ("main".to_owned(), vec!["Global(\"start\")".to_owned()]));
    }

    #[test]
    fn the_trace_is_that_of_what_other_files_see() {
        let trace = |text: &str| {
            let headers = [source("frame.h", text)];
            Headers::of(headers.iter().filter_map(Header::read).collect()).trace()
        };
        let plain = trace(FRAME);
        assert_eq!(
            trace(&format!("/* new */ {FRAME}#define LIMIT 3\nint f(void);\n")),
            plain
        );
        assert_ne!(trace(&FRAME.replace("work", "job")), plain);
        assert_ne!(trace(&format!("#include \"more.h\"\n{FRAME}")), plain);
        assert_ne!(trace(&format!("{FRAME}#define OPEN OPEN_WORK\n")), plain);
        assert!(trace("#define LIMIT 3\n").is_empty());
    }

    #[test]
    fn what_a_file_defines_itself_goes_before_what_headers_define() {
        let own = "#define OPEN_WORK static int mine(void) {\n";
        let code = format!("#include \"frame.h\"\n{own}OPEN_WORK\n step();\nCLOSE_WORK\n");
        assert_eq!(functions(&[("frame.h", FRAME)], &code)[0].0, "mine");
    }

    #[test]
    fn headers_are_followed_through_headers_and_the_nearest_is_meant() {
        let far = "#define OPEN_WORK static int far(void) {\n#define CLOSE_WORK }\n";
        let headers = [
            ("all.h", "#include \"part/frame.h\"\n"),
            ("part/frame.h", FRAME),
            ("else/part/frame.h", far),
        ];
        let code = "#include <all.h>\nOPEN_WORK\n step();\nCLOSE_WORK\n";
        assert_eq!(functions(&headers, code)[0].0, "work");
    }
}
