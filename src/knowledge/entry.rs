//! One `[[api]]` table: what a call, store or with-block means. Data only.

use std::sync::Arc;

use crate::facts::Language;

use super::example::Sample;
use super::target::When;

/// What in the facts an entry speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MatchKind {
    /// `call:os.system`; a method is `call:threading.Thread.join` (type path, dot or `::`, name); `call:*.append` is a
    /// method of that name on any receiver whose type is not known to be another.
    Call,
    /// `store:os.environ[]` (subscript), `store:os.environ` (whole), `store:x.attr`.
    Store,
    /// `delete:os.environ[]`.
    Delete,
    /// `load:os.environ[]`, `load:environ`: a read that is no call.
    Load,
    /// `with:threading.Lock`: a with-block on a value of that type.
    With,
    /// `decorator:flask.Flask.route`, `attribute:tokio::main`.
    Decorator,
    /// `base:threading.Thread`: a class in the tree derives from it.
    Base,
    /// `pragma:omp parallel`.
    Pragma,
    /// `drop:std::sync::MutexGuard`: Rust's drop of a value of that type.
    Drop,
    /// `parameter:monkeypatch`: what a test runner hands to a parameter of that name.
    Parameter,
}

/// How a mutation changes the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shape {
    /// May add a variable (also: may add or overwrite; the worst is meant).
    Add,
    /// Surely only overwrites.
    Overwrite,
    Delete,
    /// Empties it, or deletes and refills it.
    Clear,
    Unknown,
}

/// How a spawn hands the environment to the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Passing {
    /// The child runs `execve` on the parent's memory: system, popen, posix_spawn, vfork.
    Shared,
    /// `fork` copied it: the site is the fork.
    ForkCopy,
}

/// Which argument: by keyword, by position from 0, or both (`target|1`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArgumentRef {
    /// Any of these positions or keywords, the first that is present.
    Of { positions: Vec<u32>, keywords: Vec<String> },
    /// The receiver of the method call.
    Receiver,
    /// The call's own result.
    Result,
    /// Each positional argument.
    Every,
    /// The last one, whatever its number (C's variable arguments).
    Last,
}

/// The types of addresses in numbers: `impl ToSocketAddrs` for these gives what they are (Rust
/// library/std/src/net/socket_addr.rs).
pub const ADDRESS_TYPES: [&str; 6] = [
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
    "core::net::SocketAddr",
    "core::net::SocketAddrV4",
    "core::net::SocketAddrV6",
];

/// The types of what stands before the port in a pair that is an address in numbers.
pub const HOST_TYPES: [&str; 6] = [
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "core::net::IpAddr",
    "core::net::Ipv4Addr",
    "core::net::Ipv6Addr",
];

/// What makes a value of these types, as a function of the type or as one of its variants.
pub const ADDRESS_MAKERS: [&str; 4] = ["new", "from", "V4", "V6"];

/// The texts of [`ArgumentTest::NewProgram`], and the type of a context that is made with one.
pub const NEW_PROGRAM: [&str; 2] = ["spawn", "forkserver"];
pub const NEW_PROGRAM_CONTEXT: &str = "multiprocessing.context.SpawnContext";

/// The texts of [`ArgumentTest::OnThreads`].
pub const ON_THREADS: [&str; 2] = ["threads", "threading"];

/// What an argument must be for the entry to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentTest {
    Absent,
    /// `None`, `NULL`.
    None,
    /// `None` on some ways, which are told apart by what callers hand over.
    MayBeNone,
    /// The live environment (`environ`, `os.environ`), or the string that names it (`patch.dict("os.environ")`).
    Live,
    /// Present, and neither none nor live.
    Own,
    Literal,
    /// Present, whatever it is.
    Present,
    /// A literal true / false.
    True,
    False,
    /// Present, and not evidently false or none.
    NotFalse,
    /// A string or a list whose first string evidently holds a slash (an absolute or relative path, no PATH search).
    Slash,
    /// Everything else that is present: a string without a slash, or one of which nothing is known.
    NoSlash,
    /// The empty string.
    Empty,
    /// Everything that is present but what is evidently an address in numbers, which nobody has to look up: a value of one of
    /// [`ADDRESS_TYPES`], or a text like `127.0.0.1:80`.
    NoAddress,
    /// What is evidently the name of a host, which somebody has to look up: a text like `localhost:80`.
    HostName,
    /// The number 1.
    One,
    /// The text by which Python's multiprocessing is told to begin processes as new programs, or a context that was made with it.
    NewProgram,
    /// The text by which Python's joblib and dask are told to run tasks on threads.
    OnThreads,
    /// The constant `ALL_COMPLETED` of Python's `concurrent.futures` and `asyncio`.
    AllCompleted,
}

/// A condition on arguments: every listed argument satisfies one of its tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate {
    pub argument: ArgumentRef,
    pub any_of: Vec<ArgumentTest>,
}

/// When a thread begins after a `start` entry matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartMoment {
    /// At the call itself.
    Now,
    /// When this method is called on the result (`start`).
    Method(String),
    /// Some time after the code at the top of the file is done: a framework calls it (`@app.route`).
    Later,
    /// As [`StartMoment::Later`], once and before all others: what it starts is alive beside them.
    First,
}

/// Who of a team runs a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamPart {
    All,
    /// One member, whichever it is.
    One,
    /// The first member.
    First,
    /// Any member, at some time until the next wait.
    Task,
    /// Several members, as several tasks.
    Tasks,
}

/// The result of a lock that was tried and is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    True,
    Zero,
    /// Zero under this name.
    Named(String),
}

/// Which threads a join ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinOf {
    /// Those whose handle the argument is (or is a container of).
    Handle(ArgumentRef),
    /// Those that were started through this owner (a pool, a scope).
    Owner(ArgumentRef),
}

/// Whether what an API calls runs once at a call, or again and again as in a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    Never,
    /// Where the receiver goes through several things: `map` is a method of options too.
    IfSeveral,
    Always,
}

/// What a framework runs by turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Turns {
    /// Whatever it is handed.
    All,
    /// Functions that are no coroutines; those are tasks, on any thread.
    Functions,
}

/// What the API does. One entry has one role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Changes the process environment. `key`: the argument that names the variable.
    Mutation {
        shape: Shape,
        key: Option<ArgumentRef>,
    },
    /// Starts a program with the live environment.
    Spawn {
        passing: Passing,
    },
    /// Says what a spawn of the same match starts. `command`: the argument is a command line for `/bin/sh -c`, else it is
    /// the program (or the list that begins with it). `status`: a failing `execve` is told as a wait status and not as an
    /// error.
    Spawns {
        argument: ArgumentRef,
        command: bool,
        status: bool,
    },
    /// Looks at the environment; `key` as above, or with `prefix` how the names of all of its variables begin, `variables` where it
    /// always looks at the same ones (`TZ`). `doubt`: why it may not look at all.
    Read {
        key: Option<ArgumentRef>,
        prefix: bool,
        variables: Vec<String>,
        doubt: Option<String>,
    },
    /// Begins a thread that runs `entry` (`method` of the receiver's or argument's class where set). `many`: any number
    /// of such threads. `process`: it is a process of its own (multiprocessing), so nothing pairs.
    Start {
        entry: ArgumentRef,
        method: Option<String>,
        /// The field of `entry` in which the function stands; `*` for every one (C's tables of callbacks). Several are
        /// separated by `|`.
        field: Option<String>,
        moment: StartMoment,
        many: bool,
        process: bool,
        /// The argument that is the pool on which it runs: a pool of processes makes it a process.
        pool: Option<ArgumentRef>,
        /// The argument or receiver that owns the thread, for [`JoinOf::Owner`].
        owner: Option<ArgumentRef>,
        /// What [`JoinOf::Handle`] is given to end it: the result, or C's out parameter (`pthread_create(&t, …)`).
        handle: ArgumentRef,
        /// A daemon or detached thread: nobody is expected to join it.
        detached: bool,
        /// A task of a runtime: it runs on a thread of its own only where the runtime has several ([`Role::Runtime`]).
        task: bool,
        /// What a framework runs by turns, on the thread of its loop; where absent, the coroutines of Python's.
        turns: Option<Turns>,
    },
    /// Makes a runtime for tasks.
    Runtime {
        /// It has threads of its own, not just the one that drives it.
        many: bool,
        /// The keyword and the text by which it is the other kind: `flavor = "current_thread"`.
        except: Option<(String, String)>,
    },
    /// Ends threads, surely or only perhaps (a time-out).
    Join {
        of: JoinOf,
        certain: bool,
        /// It raises where its time is up, so that what follows it runs after the end.
        raises: bool,
    },
    /// Detaches a thread.
    Detach {
        of: ArgumentRef,
    },
    /// Takes a lock; `shared` for the reader's side, `tries` where it may fail. `guard`: the result holds it until it is
    /// dropped (Rust) or the with-block ends (Python). `taken`: what the result of one that tries is where the lock is
    /// held.
    Lock {
        of: ArgumentRef,
        shared: bool,
        tries: bool,
        guard: bool,
        taken: Taken,
    },
    Unlock {
        of: ArgumentRef,
    },
    /// Who of a team of threads runs a region, and what they wait for at its end: each other, or the tasks made so far.
    Team {
        part: TeamPart,
        barrier: bool,
        taskwait: bool,
    },
    /// Makes a lock object.
    MakeLock,
    /// Waits until something is sent on `of`.
    Receive {
        of: ArgumentRef,
    },
    Send {
        of: ArgumentRef,
    },
    /// Makes the two ends of a channel: the first one sends, the other one receives.
    Channel,
    /// Waits until everything that was sent on `of` is dealt with (`Queue.join`): whoever receives from it waits again.
    Settle {
        of: ArgumentRef,
    },
    /// Says that what was received from `of` is dealt with (`Queue.task_done`).
    Done {
        of: ArgumentRef,
    },
    /// Asks whether the thread `of` is alive: a loop that goes on while it is has joined it. `done`: it asks whether it has ended.
    Alive {
        of: ArgumentRef,
        done: bool,
    },
    /// Asks whether one of the elements of `of` is true; `all`: whether all of them are.
    Quantifier {
        of: ArgumentRef,
        all: bool,
    },
    /// Enters a context manager, which is left with the block of the receiver.
    Enters {
        of: ArgumentRef,
    },
    /// Says how many elements there are.
    Length {
        of: ArgumentRef,
    },
    /// Gives a pair, in which come second those of the threads `of` that have not ended yet.
    Unfinished {
        of: ArgumentRef,
    },
    /// Gives all threads of the program that are alive, the one that asks among them. `count`: it says how many they are.
    AllThreads {
        count: bool,
    },
    /// Goes through its arguments together: each element has one of each, in their order.
    Together,
    /// Keeps what the function gives, so that one without parameters runs once.
    Cached,
    /// Makes a test of its own of a function, with these arguments: two of them on one function are two tests.
    TestCase,
    /// Makes something that runs what it is handed one after the other: a pool of one worker.
    Serial,
    /// The result is an iterator that comes to its end when the threads `of` have ended (`as_completed`, `Executor.map`).
    Stream {
        of: ArgumentRef,
    },
    /// Goes through an iterator to its end (`list`, `sum`).
    Consume {
        of: ArgumentRef,
    },
    /// Calls `entry` now, on this thread, any number of times (`map`, `sorted(key=)`, `pthread_once`). `scope`: threads
    /// started through the value that it passes end before it returns (`thread::scope`). `once`: what makes sure that it
    /// runs once in the process, and that whoever comes later waits until it has. `each`: it is called with the elements
    /// of this. `under`: a lock of its own that it holds meanwhile, and while it does what other entries say of the call.
    /// `task`: it goes on whenever the caller waits for something, until the caller waits for the result.
    CallsNow {
        entry: ArgumentRef,
        scope: bool,
        once: Option<ArgumentRef>,
        each: Option<ArgumentRef>,
        repeats: Repeats,
        under: Option<Arc<str>>,
        task: bool,
    },
    /// Keeps `entry` and calls it later, on this thread (`atexit`, signal handlers, event loops).
    CallsLater {
        entry: ArgumentRef,
        /// Any number of times (event loops), and not once.
        again: bool,
    },
    /// The result is `entry` with some arguments bound (`functools.partial`).
    Partial {
        entry: ArgumentRef,
    },
    /// The result, or what is read from it, is the same thing as `of` (`open`, `.read`, `compile`, `Arc::clone`, `iter`).
    Pass {
        of: ArgumentRef,
    },
    /// `of` gets `value` as an element (`append`, `push`, `put`).
    Insert {
        into: ArgumentRef,
        value: ArgumentRef,
    },
    /// The result is an element of `of` (`pop`, `get`).
    Element {
        of: ArgumentRef,
    },
    /// The result is the attribute of `of` whose name is the text of `name` (`getattr`).
    Attribute {
        of: ArgumentRef,
        name: ArgumentRef,
    },
    /// The result, or what is left in the place that `into` points to, is the symbol whose name is the text of `name`
    /// (`dlsym`).
    Symbol {
        name: ArgumentRef,
        into: Option<ArgumentRef>,
    },
    /// Joins path pieces; the result is a pattern.
    JoinPath,
    /// Forks; the result is 0 in the child, or the variant `child` of an enum. `vfork`: on the parent's memory.
    Fork {
        vfork: bool,
        child: Option<Arc<str>>,
    },
    /// Replaces the process; `environment`: the argument that holds the new one, none for the live one.
    Exec {
        environment: Option<ArgumentRef>,
    },
    /// `entry` runs between fork and exec in the child (`preexec_fn`, `pre_exec`).
    ForkWindow {
        entry: ArgumentRef,
    },
    /// Does not return; `fails`: since something went wrong (`abort`).
    Exit {
        fails: bool,
    },
    /// Says something to the user (print, log, raise helpers): an exit after it is not silent.
    Report,
    /// The elements of the result are the paths that a pattern means, in which `*` stands for anything (`glob.glob`).
    Paths {
        of: ArgumentRef,
    },
    /// Runs the file whose path or text `source` is.
    RunFile {
        source: ArgumentRef,
    },
    /// Runs the module of this name (`importlib.import_module`).
    RunModule {
        name: ArgumentRef,
        /// The package from which a name that begins with a dot counts.
        package: Option<ArgumentRef>,
        /// Each time, whether it was imported before or not (`runpy.run_module`).
        again: bool,
    },
    /// The function is a test that runs in parallel with its like (`#[test]`); `serial` takes it out, by group.
    ParallelTests,
    SerialTest {
        group: Option<ArgumentRef>,
        /// Those so marked run beside each other, and only not beside those that are not.
        shared: bool,
    },
    IgnoredTest,
    /// A decorated function is a context manager by its generator (`contextlib.contextmanager`).
    ContextManager,
    /// The decorated function is a program of its own, begun by a person (`@click.command`): its like do not run beside it.
    Program,
    /// The type of the result is what matters ([`Entry::returns`]), nothing else.
    Value,
    /// The result goes through any number of things, one after the other (`iter`, `lines`).
    Several,
    /// Known, and of no consequence: stops the guessing by name.
    Inert,
    /// Makes `environ` a heap array (distutils' `check_environ`): see design, the array's state.
    HeapArray,
    /// Whoever asks for a function by its name with this stands in front of it under the same name (`RTLD_NEXT`).
    Interpose,
}

/// A defect that makes a pair worse than its role says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hazard {
    /// A spawn that frees memory which it does not own if `environ` has moved meanwhile (CPython gh-149509), so that a
    /// moving addition corrupts the heap with every libc.
    FreesMovedArray,
    /// A mutation that frees the string it replaces while children and readers may still copy it (CPython up to 3.8
    /// gives `putenv` a buffer of its own and frees it on the next store).
    FreesReplacedString,
}

/// One `[[api]]` table.
#[derive(Debug, Clone)]
pub struct Entry {
    pub language: Language,
    pub kind: MatchKind,
    /// The path that is matched, without its `kind:` and without `[]`.
    pub path: String,
    /// The matched text as written: `call:os.system`.
    pub text: String,
    pub role: Role,
    /// Intrinsic guards that are held while the API does its work (`gil`, `std-env`, `libc-env`).
    pub hold: Vec<String>,
    /// The versions for which it applies.
    pub when: When,
    /// All must hold.
    pub arguments: Vec<Predicate>,
    /// The type path of the result (`threading.Thread`), or `self` for the receiver's own type.
    pub returns: Option<String>,
    /// It reads or copies the language's own mapping, not the C array (`os.environ.get`): effect `environment` at most.
    pub mapping_only: bool,
    /// What it keeps for the process, so that of all calls that keep the same the first one alone does its work.
    pub kept: Option<Arc<str>>,
    /// What it does to memory that others still use, beyond what its role says.
    pub hazard: Option<Hazard>,
    /// A fragment for the finding's reason on these versions: `CPython drops the GIL around vfork there`.
    pub because: Option<String>,
    /// What a replay can be expected to show: `common`, `rare`, `latent`. A `rare` one (a reader that looks once and
    /// remembers) makes its pairs rare.
    pub measured: Option<String>,
    /// File and function, RFC or bug number.
    pub source: String,
    /// Text of its own for the finding's help.
    pub help: Option<String>,
    /// The shapes of a mutation beside which the help is meant; all where it is empty.
    pub help_beside: Vec<Shape>,
    /// How a person writes it, for reports: `os.environ[k] = v`.
    pub display: String,
    /// What its examples are made of: see [`super::Catalog::examples`].
    pub(super) samples: Arc<[Sample]>,
    /// The word for what it does: `mutation`.
    pub effect: String,
    /// Comes from the user's configuration.
    pub user: bool,
}

impl Entry {
    /// Whether the match ends in `[]`: an element of the thing and not the thing itself (`store:os.environ[]`).
    pub fn is_subscript(&self) -> bool {
        self.text.ends_with("[]")
    }
}

impl Role {
    /// A read that copies or walks the whole environment.
    pub fn reads_everything(&self) -> bool {
        matches!(self, Role::Read { key: None, variables, .. } if variables.is_empty())
    }
}
