//! Facts, findings and texts made of arbitrary bytes: every byte is a choice, and bytes that are missing are zeros, so that
//! a fuzzer's small changes are small changes of what is made.

use envrace::facts::*;

/// Bytes to choose by.
pub struct Choices<'a> {
    bytes: &'a [u8],
}

/// Names that the catalog, the languages or the model know, and some that nobody does.
const NAMES: [&str; 44] = [
    "f",
    "g",
    "main",
    "self",
    "x",
    "__main__",
    "__name__",
    "__init__",
    "__enter__",
    "run",
    "start",
    "join",
    "os",
    "environ",
    "os.environ",
    "os.putenv",
    "os.system",
    "os.fork",
    "os.execv",
    "os.getenv",
    "os._exit",
    "subprocess.Popen",
    "threading.Thread",
    "threading.Lock",
    "threading.Thread.start",
    "threading.Thread.join",
    "concurrent.futures.ThreadPoolExecutor",
    "queue.Queue",
    "acquire",
    "release",
    "exec",
    "setenv",
    "unsetenv",
    "getenv",
    "system",
    "fork",
    "pthread_create",
    "pthread_join",
    "pthread_mutex_lock",
    "std::env::set_var",
    "std::env::var",
    "std::thread::spawn",
    "std::process::Command::new",
    "crate::a::T",
];

/// How deep made values and regions nest.
const DEEP: u32 = 4;

/// The text that every made file is said to have.
pub const TEXT: &str = "0123456789 the words of a line\nand of the next one, é\n\n    and so on; and so on\n";

impl<'a> Choices<'a> {
    /// The choices that these bytes are.
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices { bytes }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    /// A number below `end`, which is small.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end.max(1)
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number that is mostly small and at times as large as can be.
    pub fn number(&mut self) -> u32 {
        match self.byte() {
            byte @ ..=199 => u32::from(byte),
            200..=220 => u32::from(self.byte()) << 8 | u32::from(self.byte()),
            221..=240 => u32::MAX - u32::from(self.byte()),
            _ => 0,
        }
    }

    /// Some text of the bytes that are left.
    pub fn text(&mut self) -> String {
        let length = self.below(40).min(self.bytes.len());
        let (text, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        String::from_utf8_lossy(text).into_owned()
    }

    fn name(&mut self) -> String {
        match self.below(NAMES.len() + 4) {
            index if index < NAMES.len() => NAMES[index].to_owned(),
            _ => self.text(),
        }
    }

    fn list<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }

    fn span(&mut self) -> Span {
        let places: Vec<usize> = TEXT.char_indices().map(|(at, _)| at).chain([TEXT.len()]).collect();
        let first = self.below(places.len());
        let last = (first + self.below(30)).min(places.len() - 1);
        let position = |at: usize| {
            let before = &TEXT[..at];
            let begin = before.rfind('\n').map_or(0, |at| at + 1);
            (
                before.matches('\n').count() as u32 + 1,
                before[begin..].chars().count() as u32 + 1,
            )
        };
        let ((line, column), (end_line, end_column)) = (position(places[first]), position(places[last]));
        Span {
            start: places[first] as u32,
            end: places[last] as u32,
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// The files of a tree, sorted by path as a tree must be.
pub fn files(choices: &mut Choices) -> Vec<FileFacts> {
    const PATHS: [&str; 6] = ["a/__init__.py", "a/b.py", "main.py", "src/lib.rs", "src/main.rs", "x.c"];
    let mut files = Vec::new();
    for path in PATHS {
        if choices.flag() {
            files.push(Maker::new(choices).file(path));
        }
    }
    files
}

/// What values of a file may name.
struct Maker<'c, 'a> {
    choices: &'c mut Choices<'a>,
    /// Locals and calls of each function.
    counts: Vec<(usize, usize)>,
    types: usize,
}

impl<'c, 'a> Maker<'c, 'a> {
    fn new(choices: &'c mut Choices<'a>) -> Maker<'c, 'a> {
        let functions = 1 + choices.below(6);
        let counts = (0..functions).map(|_| (choices.below(5), choices.below(7))).collect();
        let types = choices.below(3);
        Maker { choices, counts, types }
    }

    fn file(mut self, path: &str) -> FileFacts {
        let language = match path.rsplit('.').next() {
            Some("py") => Language::Python,
            Some("rs") => Language::Rust,
            _ => Language::C,
        };
        FileFacts {
            path: path.to_owned(),
            language,
            module: if language == Language::Rust {
                "crate".to_owned()
            } else {
                String::new()
            },
            functions: (0..self.counts.len()).map(|index| self.function(index)).collect(),
            types: (0..self.types).map(|_| self.declaration()).collect(),
            imports: self.some(3, |maker| Import {
                path: maker.choices.name().into(),
                name: maker.choices.flag().then(|| maker.choices.name().into()),
                star: maker.choices.flag(),
                exported: maker.choices.flag(),
                elsewhere: maker.choices.flag(),
                span: maker.choices.span(),
            }),
            statics: self.some(2, |maker| maker.choices.name()),
            directives: self.some(2, |maker| Directive {
                text: maker.choices.text(),
                span: maker.choices.span(),
                own_line: maker.choices.flag(),
            }),
        }
    }

    fn some<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.choices.below(most + 1)).map(|_| one(self)).collect()
    }

    fn function(&mut self, index: usize) -> Function {
        let (locals, calls) = self.counts[index];
        let parameters = self.choices.below(locals + 1);
        let kind = match (index, self.choices.below(8)) {
            (0, _) => FunctionKind::Module,
            (_, 0) => FunctionKind::ClassBody,
            (_, 1) => FunctionKind::Closure,
            (_, 2) => FunctionKind::Macro,
            (_, 3) => FunctionKind::Declaration,
            (_, 4) => FunctionKind::Method,
            _ => FunctionKind::Function,
        };
        let name = if index == 0 {
            "<module>".to_owned()
        } else {
            self.choices.name()
        };
        Function {
            qualified: name.clone(),
            name: name.into(),
            kind,
            visibility: if self.choices.flag() {
                Visibility::Public
            } else {
                Visibility::Private
            },
            owner: (self.types > 0 && self.choices.flag()).then(|| TypeIndex(self.choices.below(self.types) as u32)),
            // A function is nested in one that begins before it.
            parent: (index > 1 && self.choices.flag()).then(|| FunctionIndex(1 + self.choices.below(index - 1) as u32)),
            locals: (0..locals).map(|local| self.local(local < parameters)).collect(),
            calls: (0..calls).map(|_| self.call()).collect(),
            body: self.region(RegionKind::Seq, index, 0),
            attributes: self.some(2, |maker| Attribute {
                value: maker.value(1),
                args: maker.some(2, Maker::argument),
                span: maker.choices.span(),
            }),
            is_async: self.choices.flag(),
            is_generator: self.choices.flag(),
            returns: self.ty(0),
            signature: self.choices.flag().then(|| "fn(int)->void *".into()),
            test_only: self.choices.flag(),
            span: self.choices.span(),
            name_span: self.choices.span(),
        }
    }

    fn local(&mut self, parameter: bool) -> Local {
        let kind = match self.choices.below(5) {
            0 => ParameterKind::Receiver,
            1 => ParameterKind::KeywordOnly,
            2 => ParameterKind::VarPositional,
            3 => ParameterKind::VarKeyword,
            _ => ParameterKind::Normal,
        };
        Local {
            name: self.choices.name().into(),
            parameter: parameter.then_some(kind),
            default: self.choices.flag().then(|| Box::new(self.value(1))),
            ty: self.ty(0).map(Box::new),
            kept: self.choices.flag(),
            fixed: self.choices.flag(),
        }
    }

    fn ty(&mut self, deep: u32) -> Option<TypeRef> {
        self.choices.flag().then(|| TypeRef {
            name: if self.choices.flag() {
                "fn".to_owned().into()
            } else {
                self.choices.name().into()
            },
            args: if deep < 2 {
                self.some(2, |maker| maker.ty(deep + 1)).into_iter().flatten().collect()
            } else {
                Vec::new()
            },
            local: self.choices.flag(),
        })
    }

    fn call(&mut self) -> Call {
        Call {
            callee: self.value(0),
            args: self.some(3, Maker::argument),
            span: self.choices.span(),
            discarded: self.choices.flag(),
        }
    }

    fn argument(&mut self) -> Argument {
        Argument {
            name: self.choices.flag().then(|| self.choices.name().into()),
            value: self.value(0),
            span: self.choices.span(),
        }
    }

    fn declaration(&mut self) -> TypeDecl {
        let kind = match self.choices.below(4) {
            0 => TypeKind::Trait,
            1 => TypeKind::Impl,
            2 => TypeKind::Alias,
            _ => TypeKind::Class,
        };
        TypeDecl {
            name: self.choices.name().into(),
            kind,
            bases: self.some(2, |maker| maker.value(1)),
            methods: self.some(3, Maker::function_index),
            fields: self.some(2, |maker| Field {
                name: maker.choices.name().into(),
                ty: maker.ty(0),
                span: maker.choices.span(),
            }),
            target: self.ty(0),
            attributes: Vec::new(),
            body: self.some(1, Maker::function_index).pop(),
            span: self.choices.span(),
        }
    }

    fn function_index(&mut self) -> FunctionIndex {
        FunctionIndex(self.choices.below(self.counts.len()) as u32)
    }

    fn value(&mut self, deep: u32) -> Value {
        let choice = self.choices.below(if deep < DEEP { 22 } else { 11 });
        let boxed = |maker: &mut Self| Box::new(maker.value(deep + 1));
        match choice {
            0 => Value::Unknown,
            1 => Value::None,
            2 => Value::Int(i64::from(self.choices.byte())),
            3 | 4 => Value::Global(self.choices.name().into()),
            5 | 6 => Value::Path(self.choices.name().into()),
            7 => self.value_of_function(|(locals, _), owner, index| {
                (index < locals).then_some(Value::Local(owner, LocalIndex(index as u32)))
            }),
            8 => self.value_of_function(|(_, calls), owner, index| {
                (index < calls).then_some(Value::Call(owner, CallIndex(index as u32)))
            }),
            9 => Value::Function(self.function_index()),
            10 => Value::text(self.choices.name()),
            11 | 12 => Value::Attribute(boxed(self), self.choices.name().into()),
            13 => Value::Item(boxed(self), boxed(self)),
            14 => Value::Element(boxed(self)),
            15 => Value::Super(self.function_index()),
            16 => Value::OneOf(self.some(3, |maker| maker.value(deep + 1)).into()),
            17 => Value::List(self.some(3, |maker| maker.value(deep + 1)).into()),
            18 => Value::Map(
                self.some(2, |maker| (maker.value(deep + 1), maker.value(deep + 1)))
                    .into(),
            ),
            19 => Value::record(
                self.ty(0),
                self.some(2, |maker| {
                    (FieldKey::Name(maker.choices.name().into()), maker.value(deep + 1))
                }),
            ),
            20 => Value::Text(vec![Piece::Hole(self.value(deep + 1)), Piece::Literal(self.choices.name())].into()),
            _ => Value::Await(boxed(self)),
        }
    }

    fn value_of_function(&mut self, make: impl Fn((usize, usize), FunctionIndex, usize) -> Option<Value>) -> Value {
        let owner = self.function_index();
        let index = self.choices.below(7);
        make(self.counts[owner.0 as usize], owner, index).unwrap_or(Value::Unknown)
    }

    fn condition(&mut self, deep: u32) -> Condition {
        match self.choices.below(if deep < 2 { 9 } else { 6 }) {
            0 => Condition::Always,
            1 => Condition::Truthy(self.value(1)),
            2 => Condition::Equal(self.value(1), self.value(1)),
            3 => Condition::Less(self.value(1), self.value(1)),
            4 => Condition::Contains(self.value(1), self.value(1)),
            6 => Condition::Not(Box::new(self.condition(deep + 1))),
            7 => Condition::All(self.some(2, |maker| maker.condition(deep + 1))),
            8 => Condition::Any(self.some(2, |maker| maker.condition(deep + 1))),
            _ => Condition::Unknown,
        }
    }

    fn region(&mut self, kind: RegionKind, function: usize, deep: u32) -> Region {
        let nodes = self.some(if deep < DEEP { 6 } else { 3 }, |maker| maker.node(function, deep));
        Region {
            kind,
            nodes: nodes.into_iter().flatten().collect(),
            span: self.choices.span(),
        }
    }

    fn node(&mut self, function: usize, deep: u32) -> Option<Node> {
        if deep >= DEEP || self.choices.below(3) > 0 {
            return self.event(function).map(Node::Event);
        }
        let deeper = deep + 1;
        let part = |kind: RegionKind, maker: &mut Self| Node::Region(Box::new(maker.region(kind, function, deeper)));
        let kind = match self.choices.below(8) {
            0 => RegionKind::Loop {
                over: self.choices.flag().then(|| self.value(1)),
                test: self.condition(0),
                at_least_once: self.choices.flag(),
            },
            1 => {
                let arms = self.some(3, |maker| {
                    let test = maker.condition(0);
                    part(RegionKind::Arm { test }, maker)
                });
                let kind = RegionKind::Branch {
                    exhaustive: self.choices.flag(),
                };
                return Some(Node::Region(Box::new(Region {
                    kind,
                    nodes: arms,
                    span: self.choices.span(),
                })));
            }
            2 => {
                let parts = [RegionKind::TryBody, RegionKind::Handler, RegionKind::Finally];
                let nodes = parts.into_iter().map(|kind| part(kind, self)).collect();
                return Some(Node::Region(Box::new(Region {
                    kind: RegionKind::Try,
                    nodes,
                    span: self.choices.span(),
                })));
            }
            3 | 4 => {
                let locals = self.counts[function].0;
                let bound = (locals > 0).then(|| LocalIndex(self.choices.below(locals) as u32));
                RegionKind::Scope {
                    manager: self.value(1),
                    bound,
                    manager_span: self.choices.span(),
                }
            }
            5 => RegionKind::Pragma {
                text: ["omp parallel", "omp task", "omp parallel for", "once"][self.choices.below(4)].to_owned(),
            },
            6 => RegionKind::Conditional {
                text: self.choices.name(),
            },
            _ => RegionKind::Unreached {
                reason: self.choices.name(),
            },
        };
        Some(part(kind, self))
    }

    fn event(&mut self, function: usize) -> Option<Event> {
        let calls = self.counts[function].1;
        let span = self.choices.span();
        let form = [AccessForm::Whole, AccessForm::Attribute, AccessForm::Subscript][self.choices.below(3)];
        Some(match self.choices.below(16) {
            0..=5 => Event::Call(CallIndex((calls > 0).then(|| self.choices.below(calls))? as u32)),
            6 | 7 => Event::Store {
                target: self.value(1),
                form,
                kind: [StoreKind::Assign, StoreKind::Augmented, StoreKind::Delete][self.choices.below(3)],
                value: Box::new(self.value(0)),
                span,
            },
            8 => Event::Load {
                value: self.value(1),
                form,
                span,
            },
            9 => Event::Await {
                value: self.value(1),
                span,
            },
            10 => Event::Drop {
                value: self.value(1),
                span,
            },
            11 => Event::Return {
                value: self.value(0),
                span,
            },
            12 => Event::Yield {
                value: self.value(0),
                span,
            },
            13 => [Event::Raise { span }, Event::Break, Event::Continue]
                .into_iter()
                .nth(self.choices.below(3))?,
            14 => Event::Import {
                path: self.choices.name().into(),
                span,
            },
            _ => Event::Define {
                function: self.function_index(),
                span,
            },
        })
    }
}
