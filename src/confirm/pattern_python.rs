//! Python's mutation and spawn forms, recognised from catalog entries and from the keywords of the flagged call.

use std::fmt;

use serde_json::{Value, json};

use crate::finding::Site;

use super::call_text::{CallText, Shape as ArgumentShape};
use super::pattern_native::NativeMutation;

/// How Python code changes the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PythonMutation {
    StoreAdd,
    StoreOverwrite,
    Delete,
    Pop,
    PopItem,
    SetDefault,
    UpdateAdd,
    UpdateOverwrite,
    Clear,
    PutenvAdd,
    PutenvOverwrite,
    Unsetenv,
    /// One variable is stored and deleted again, over and over.
    Toggle,
    /// C code of the process calls `setenv` for new names, without the interpreter's lock.
    NativeSetenv,
    /// C code of the process calls `unsetenv`.
    NativeUnsetenv,
}

impl PythonMutation {
    /// The form of a mutation in C or Rust beside a partner in Python.
    pub fn of_native(mutation: NativeMutation) -> Result<PythonMutation, String> {
        match mutation {
            NativeMutation::SetenvAdd
            | NativeMutation::PutenvAdd
            | NativeMutation::SetVarAdd
            | NativeMutation::SetenvToggle
            | NativeMutation::SetVarToggle => Ok(PythonMutation::NativeSetenv),
            NativeMutation::Unsetenv | NativeMutation::RemoveVar => Ok(PythonMutation::NativeUnsetenv),
            other => Err(format!("no replay for `{other}` beside a partner in Python")),
        }
    }

    /// The word by which the replay program knows it.
    pub fn word(self) -> &'static str {
        match self {
            PythonMutation::StoreAdd => "store-add",
            PythonMutation::StoreOverwrite => "store-overwrite",
            PythonMutation::Delete => "delete",
            PythonMutation::Pop => "pop",
            PythonMutation::PopItem => "popitem",
            PythonMutation::SetDefault => "setdefault",
            PythonMutation::UpdateAdd => "update-add",
            PythonMutation::UpdateOverwrite => "update-overwrite",
            PythonMutation::Clear => "clear",
            PythonMutation::PutenvAdd => "putenv-add",
            PythonMutation::PutenvOverwrite => "putenv-overwrite",
            PythonMutation::Unsetenv => "unsetenv",
            PythonMutation::Toggle => "toggle",
            PythonMutation::NativeSetenv => "native-setenv",
            PythonMutation::NativeUnsetenv => "native-unsetenv",
        }
    }
}

impl fmt::Display for PythonMutation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            PythonMutation::StoreAdd => "os.environ[k] = v",
            PythonMutation::StoreOverwrite => "os.environ[k] = v (overwriting)",
            PythonMutation::Delete => "del os.environ[k]",
            PythonMutation::Pop => "os.environ.pop(k)",
            PythonMutation::PopItem => "os.environ.popitem()",
            PythonMutation::SetDefault => "os.environ.setdefault(k, v)",
            PythonMutation::UpdateAdd => "os.environ.update(...)",
            PythonMutation::UpdateOverwrite => "os.environ.update(...) (overwriting)",
            PythonMutation::Clear => "os.environ.clear() and a refill",
            PythonMutation::PutenvAdd => "os.putenv(k, v)",
            PythonMutation::PutenvOverwrite => "os.putenv(k, v) (overwriting)",
            PythonMutation::Unsetenv => "os.unsetenv(k)",
            PythonMutation::Toggle => "os.environ[k] = v and del os.environ[k]",
            PythonMutation::NativeSetenv => "setenv in C",
            PythonMutation::NativeUnsetenv => "unsetenv in C",
        })
    }
}

/// The functions of `subprocess`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubprocessFunction {
    Call,
    CheckCall,
    CheckOutput,
    Run,
    Popen,
    GetOutput,
}

impl SubprocessFunction {
    fn word(self) -> &'static str {
        match self {
            SubprocessFunction::Call => "call",
            SubprocessFunction::CheckCall => "check_call",
            SubprocessFunction::CheckOutput => "check_output",
            SubprocessFunction::Run => "run",
            SubprocessFunction::Popen => "Popen",
            SubprocessFunction::GetOutput => "getoutput",
        }
    }
}

/// What a spawn is given as the child's environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Given {
    /// Nothing, or `None`: the child inherits the C array.
    Nothing,
    /// `os.environ` itself.
    Live,
    /// A copy, or a mapping of its own.
    Copy,
}

/// The keywords of `subprocess` that choose how CPython starts the child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subprocess {
    pub function: SubprocessFunction,
    /// `shell=True`: /bin/sh runs it.
    pub shell: bool,
    /// The command has no slash, so that PATH is searched.
    pub bare: bool,
    pub cwd: bool,
    /// `close_fds=False`.
    pub keep_fds: bool,
    pub preexec: bool,
    /// `start_new_session=True`.
    pub session: bool,
    pub pass_fds: bool,
    pub env: Given,
}

/// What runs beside a mutation in Python: a spawn, or a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PythonPartner {
    System,
    Popen,
    Subprocess(Subprocess),
    PosixSpawn {
        bare: bool,
        env: Given,
    },
    SpawnV {
        bare: bool,
    },
    ForkExec,
    /// A child that changes the environment between fork and exec: after `os.fork`, or in a `preexec_fn`.
    ForkWindow {
        preexec: bool,
    },
    /// A loop over `os.environ`: its own keys, under the GIL, but in many steps.
    Iterate,
    /// `os.environ.copy()`.
    Copy,
    Getaddrinfo,
    Localtime,
    Tzset,
    Setlocale,
}

impl PythonPartner {
    /// The word by which the replay program knows the partner, and its options.
    pub fn parameters(self) -> (&'static str, Value) {
        match self {
            PythonPartner::System => ("system", json!({})),
            PythonPartner::Popen => ("popen", json!({})),
            PythonPartner::Subprocess(form) => ("subprocess", form.options()),
            PythonPartner::PosixSpawn { bare, env } => {
                let env = match env {
                    Given::Nothing => "none",
                    Given::Live => "live",
                    Given::Copy => "copy",
                };
                ("posix_spawn", json!({"bare": bare, "env": env}))
            }
            PythonPartner::SpawnV { bare } => ("spawnv", json!({"bare": bare})),
            PythonPartner::ForkExec => ("fork_exec", json!({})),
            PythonPartner::ForkWindow { preexec } => ("fork_window", json!({"preexec": preexec})),
            PythonPartner::Iterate => ("iterate", json!({})),
            PythonPartner::Copy => ("copy", json!({})),
            PythonPartner::Getaddrinfo => ("getaddrinfo", json!({})),
            PythonPartner::Localtime => ("localtime", json!({})),
            PythonPartner::Tzset => ("tzset", json!({})),
            PythonPartner::Setlocale => ("setlocale", json!({})),
        }
    }

    /// It starts a program.
    pub fn spawns(self) -> bool {
        !matches!(
            self,
            PythonPartner::ForkWindow { .. }
                | PythonPartner::Iterate
                | PythonPartner::Copy
                | PythonPartner::Getaddrinfo
                | PythonPartner::Localtime
                | PythonPartner::Tzset
                | PythonPartner::Setlocale
        )
    }
}

impl Subprocess {
    /// The plain form of a function: a list whose first item has no slash.
    fn plain(function: SubprocessFunction) -> Subprocess {
        Subprocess {
            function,
            shell: false,
            bare: true,
            cwd: false,
            keep_fds: false,
            preexec: false,
            session: false,
            pass_fds: false,
            env: Given::Nothing,
        }
    }

    fn options(self) -> Value {
        json!({
            "function": self.function.word(),
            "shell": self.shell,
            "bare": self.bare && !self.shell,
            "cwd": self.cwd,
            "keep_fds": self.keep_fds,
            "preexec": self.preexec,
            "session": self.session,
            "pass_fds": self.pass_fds,
            "env": match self.env { Given::Nothing => Value::Null, Given::Live => json!("live"), Given::Copy => json!("copy") },
        })
    }

    /// The form that a call's text shows.
    fn of(function: SubprocessFunction, call: &CallText) -> Subprocess {
        let shell = call.keyword_is_true("shell") || function == SubprocessFunction::GetOutput;
        Subprocess {
            function,
            shell,
            bare: !shell && !matches!(call.first(), ArgumentShape::Path),
            cwd: call.has_keyword("cwd"),
            keep_fds: call.keyword_is_false("close_fds"),
            preexec: call.has_keyword("preexec_fn"),
            session: call.keyword_is_true("start_new_session"),
            pass_fds: call.has_keyword("pass_fds"),
            env: given(call.keyword("env")),
        }
    }
}

impl fmt::Display for PythonPartner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PythonPartner::System => out.write_str("os.system"),
            PythonPartner::Popen => out.write_str("os.popen"),
            PythonPartner::Subprocess(form) => form.fmt(out),
            PythonPartner::PosixSpawn { bare, env } => {
                let suffix = if *bare { "p" } else { "" };
                let env = match env {
                    Given::Nothing => "None",
                    Given::Live => "os.environ",
                    Given::Copy => "os.environ.copy()",
                };
                write!(out, "os.posix_spawn{suffix}(..., {env})")
            }
            PythonPartner::SpawnV { bare } => write!(out, "os.spawnv{}", if *bare { "p" } else { "" }),
            PythonPartner::ForkExec => out.write_str("os.fork and os.execv"),
            PythonPartner::ForkWindow { preexec: false } => out.write_str("os.fork, and the same in the child"),
            PythonPartner::ForkWindow { preexec: true } => out.write_str("the same in a preexec_fn"),
            PythonPartner::Iterate => out.write_str("a loop over os.environ"),
            PythonPartner::Copy => out.write_str("os.environ.copy()"),
            PythonPartner::Getaddrinfo => out.write_str("socket.getaddrinfo"),
            PythonPartner::Localtime => out.write_str("time.localtime"),
            PythonPartner::Tzset => out.write_str("time.tzset"),
            PythonPartner::Setlocale => out.write_str("locale.setlocale"),
        }
    }
}

impl fmt::Display for Subprocess {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.function == SubprocessFunction::GetOutput {
            return out.write_str("subprocess.getoutput");
        }
        let command = match (self.shell, self.bare) {
            (true, _) => "command, shell=True",
            (false, true) => "[name]",
            (false, false) => "[path]",
        };
        write!(out, "subprocess.{}({command}", self.function.word())?;
        for (present, text) in [
            (self.cwd, "cwd=..."),
            (self.keep_fds, "close_fds=False"),
            (self.preexec, "preexec_fn=..."),
            (self.session, "start_new_session=True"),
            (self.pass_fds, "pass_fds=..."),
            (self.env == Given::Live, "env=os.environ"),
            (self.env == Given::Copy, "env=copy"),
        ] {
            if present {
                write!(out, ", {text}")?;
            }
        }
        out.write_str(")")
    }
}

/// What an `env` argument gives the child.
fn given(argument: Option<&str>) -> Given {
    match argument.map(str::trim) {
        None | Some("None") => Given::Nothing,
        Some("os.environ" | "environ") => Given::Live,
        Some(_) => Given::Copy,
    }
}

/// The mutation form of a site.
///
/// The entry says which API, the shape whether it adds or only overwrites; an API without a form of its own gets that of
/// what it does, by its shape.
pub fn mutation_of(site: &Site) -> Result<PythonMutation, String> {
    own_mutation(site)
        .or_else(|| like_mutation(site))
        .ok_or_else(|| format!("no replay form for the mutation `{}`", site.api))
}

/// Whether the form is not the API's own.
pub fn mutation_stands_in(site: &Site) -> bool {
    own_mutation(site).is_none()
}

fn like_mutation(site: &Site) -> Option<PythonMutation> {
    let has = |text: &str| site.entries.iter().any(|entry| entry.contains(text));
    // Leaving `patch_env` or `paths_on_pythonpath` takes the variable away again.
    let scoped = has("patch_env") || has("paths_on_pythonpath") || has("exec_command");
    match site.shape.as_deref()? {
        "add" if has("GLib.") => Some(PythonMutation::NativeSetenv),
        "add" if scoped => Some(PythonMutation::Toggle),
        "add" => Some(PythonMutation::StoreAdd),
        "overwrite" => Some(PythonMutation::StoreOverwrite),
        "delete" => Some(PythonMutation::Delete),
        "clear" => Some(PythonMutation::Clear),
        _ => None,
    }
}

fn own_mutation(site: &Site) -> Option<PythonMutation> {
    // One name that is deleted over and over must have been set again in between.
    let delete = |form| {
        let toggled = site.repeated && site.variable.is_some();
        if toggled { PythonMutation::Toggle } else { form }
    };
    let overwrites = site.shape.as_deref() == Some("overwrite");
    let pick = |add, overwrite| if overwrites { overwrite } else { add };
    site.entries.iter().find_map(|entry| {
        let path = entry.split_once(':').map_or(entry.as_str(), |(_, path)| path);
        let path = path.strip_suffix("[]").unwrap_or(path);
        let path = path
            .strip_prefix("posix.")
            .map_or(path.to_owned(), |rest| format!("os.{rest}"));
        let deletes = entry.starts_with("delete:");
        Some(match path.replace("environb", "environ").as_str() {
            "os.environ" if deletes => delete(PythonMutation::Delete),
            "os.environ" if entry.ends_with("[]") => pick(PythonMutation::StoreAdd, PythonMutation::StoreOverwrite),
            "os.environ.__setitem__" => pick(PythonMutation::StoreAdd, PythonMutation::StoreOverwrite),
            "os.environ" if site.shape.as_deref() == Some("add") => PythonMutation::UpdateAdd,
            "os.environ.update" | "os.environ.__ior__" => {
                pick(PythonMutation::UpdateAdd, PythonMutation::UpdateOverwrite)
            }
            "os.environ.setdefault" => PythonMutation::SetDefault,
            "os.environ.pop" => delete(PythonMutation::Pop),
            "os.environ.popitem" => PythonMutation::PopItem,
            "os.environ.__delitem__" => delete(PythonMutation::Delete),
            "os.environ.clear" => PythonMutation::Clear,
            "os.putenv" => pick(PythonMutation::PutenvAdd, PythonMutation::PutenvOverwrite),
            "os.unsetenv" => PythonMutation::Unsetenv,
            _ => return None,
        })
    })
}

/// The form of a fork window: whether the child runs in a `preexec_fn`.
pub fn fork_window_of(site: &Site) -> PythonPartner {
    let forks = |entry: &String| entry.ends_with("fork") || entry.ends_with("forkpty");
    PythonPartner::ForkWindow {
        preexec: !site.entries.iter().any(forks),
    }
}

/// The partner form of a site; where the API has none of its own, that of what it does.
pub fn partner_of(site: &Site) -> Result<PythonPartner, String> {
    own_partner(site)
        .or_else(|| like_partner(site))
        .ok_or_else(|| without_form(site))
}

/// Whether the form is not the API's own.
pub fn partner_stands_in(site: &Site) -> bool {
    own_partner(site).is_none()
}

fn own_partner(site: &Site) -> Option<PythonPartner> {
    let call = CallText::parse(&site.code);
    site.entries.iter().find_map(|entry| {
        let path = entry.strip_prefix("call:")?;
        let path = path
            .strip_prefix("posix.")
            .map_or(path.to_owned(), |rest| format!("os.{rest}"));
        partner_of_path(&path, &call)
    })
}

/// Calls that start a program by way of `subprocess.Popen`, and those that fork and exec.
const BY_POPEN: [&str; 9] = [
    "distutils.",
    "setuptools._distutils.",
    "anyio.",
    "trio.",
    "webbrowser.",
    "platform.",
    "pydoc.",
    "paramiko.",
    "asyncio.AbstractEventLoop.subprocess_",
];
const BY_FORK: [&str; 5] = ["pexpect.", "ptyprocess.", "popen2.", "os.popen", "multiprocessing."];

fn like_partner(site: &Site) -> Option<PythonPartner> {
    let call = CallText::parse(&site.code);
    let paths = || site.entries.iter().filter_map(|entry| entry.strip_prefix("call:"));
    let by = |prefixes: &[&str]| paths().any(|path| prefixes.iter().any(|prefix| path.starts_with(prefix)));
    if by(&BY_POPEN) {
        let shell = paths().any(|path| path.ends_with("_shell"));
        return Some(PythonPartner::Subprocess(Subprocess {
            env: given(call.keyword("env")),
            cwd: call.has_keyword("cwd"),
            shell,
            bare: !shell && !matches!(call.first(), ArgumentShape::Path),
            ..Subprocess::plain(SubprocessFunction::Popen)
        }));
    }
    by(&BY_FORK).then_some(PythonPartner::ForkExec)
}

/// Why a partner has no form.
fn without_form(site: &Site) -> String {
    const MAPPING: [&str; 4] = [
        "os.environ.get",
        "os.getenv",
        "os.environ.__getitem__",
        "load:os.environ[]",
    ];
    let mapping = |entry: &String| MAPPING.iter().any(|name| entry.ends_with(name));
    if site.entries.iter().any(mapping) {
        return format!(
            "`{}` reads the interpreter's own mapping: which value it gets depends on timing, but nothing fails that a \
             replay could count",
            site.api
        );
    }
    format!("no replay form for the partner `{}`", site.api)
}

fn partner_of_path(path: &str, call: &CallText) -> Option<PythonPartner> {
    let subprocess = |function| PythonPartner::Subprocess(Subprocess::of(function, call));
    Some(match path {
        "os.system" => PythonPartner::System,
        "os.popen" | "platform.popen" => PythonPartner::Popen,
        "subprocess.call" => subprocess(SubprocessFunction::Call),
        "subprocess.check_call" => subprocess(SubprocessFunction::CheckCall),
        "subprocess.check_output" => subprocess(SubprocessFunction::CheckOutput),
        "subprocess.run" => subprocess(SubprocessFunction::Run),
        "subprocess.Popen" => subprocess(SubprocessFunction::Popen),
        "subprocess.getoutput" | "subprocess.getstatusoutput" | "commands.getoutput" | "commands.getstatusoutput" => {
            subprocess(SubprocessFunction::GetOutput)
        }
        "asyncio.create_subprocess_exec" | "asyncio.subprocess.create_subprocess_exec" => {
            PythonPartner::Subprocess(Subprocess {
                env: given(call.keyword("env")),
                cwd: call.has_keyword("cwd"),
                bare: !matches!(call.first(), ArgumentShape::Path),
                ..Subprocess::plain(SubprocessFunction::Popen)
            })
        }
        "asyncio.create_subprocess_shell" | "asyncio.subprocess.create_subprocess_shell" => {
            PythonPartner::Subprocess(Subprocess {
                env: given(call.keyword("env")),
                cwd: call.has_keyword("cwd"),
                shell: true,
                bare: false,
                ..Subprocess::plain(SubprocessFunction::Popen)
            })
        }
        "os.posix_spawn" | "os.posix_spawnp" => PythonPartner::PosixSpawn {
            bare: path.ends_with('p'),
            env: match call.positional(2).or(call.keyword("env")) {
                Some("None") => Given::Nothing,
                Some("os.environ" | "environ") | None => Given::Live,
                Some(_) => Given::Copy,
            },
        },
        "os.spawnv" | "os.spawnl" => PythonPartner::SpawnV { bare: false },
        "os.spawnvp" | "os.spawnlp" => PythonPartner::SpawnV { bare: true },
        "os.fork" | "os.forkpty" | "os.execv" | "os.execl" | "os.execvp" | "os.execlp" | "pty.spawn" | "pty.fork" => {
            PythonPartner::ForkExec
        }
        "os.environ.copy" | "builtins.dict" | "copy.copy" | "copy.deepcopy" => PythonPartner::Copy,
        "os.environ.items" | "os.environ.keys" | "os.environ.values" => PythonPartner::Iterate,
        "socket.getaddrinfo"
        | "socket.gethostbyname"
        | "socket.gethostbyname_ex"
        | "socket.gethostbyaddr"
        | "socket.getfqdn"
        | "socket.create_connection"
        | "urllib.request.urlopen"
        | "urllib2.urlopen" => PythonPartner::Getaddrinfo,
        "time.localtime"
        | "time.strftime"
        | "time.ctime"
        | "time.mktime"
        | "datetime.datetime.now"
        | "datetime.datetime.today"
        | "datetime.datetime.fromtimestamp"
        | "datetime.date.today" => PythonPartner::Localtime,
        "time.tzset" => PythonPartner::Tzset,
        "locale.setlocale" => PythonPartner::Setlocale,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::testing::site;

    fn form(path: &str, code: &str) -> Subprocess {
        match partner_of(&site(&[&format!("call:{path}")], None, code)) {
            Ok(PythonPartner::Subprocess(form)) => form,
            other => panic!("{other:?} is no subprocess form"),
        }
    }

    #[test]
    fn keywords_of_the_call_choose_the_form() {
        let call = form("subprocess.call", "subprocess.call(cmd, shell=True, cwd=base)");
        assert!(call.shell && call.cwd && !call.bare && call.env == Given::Nothing);
        let run = form(
            "subprocess.run",
            "run(['/bin/ls', 'shell=True'], close_fds=False, env=None)",
        );
        assert!(!run.shell && run.keep_fds && !run.bare && run.env == Given::Nothing);
        let popen = form(
            "subprocess.Popen",
            "Popen(args, preexec_fn=f, start_new_session=True, env=dict(e, a=1))",
        );
        assert!(popen.preexec && popen.session && popen.bare && popen.env == Given::Copy);
        assert_eq!(form("subprocess.call", "call(x, env=os.environ)").env, Given::Live);
    }

    #[test]
    fn the_shape_decides_between_adding_and_overwriting() {
        let of = |entries: &[&str], shape| mutation_of(&site(entries, shape, ""));
        assert_eq!(of(&["store:os.environ[]"], Some("add")), Ok(PythonMutation::StoreAdd));
        assert_eq!(
            of(&["store:os.environ[]"], Some("overwrite")),
            Ok(PythonMutation::StoreOverwrite)
        );
        assert_eq!(of(&["delete:os.environ[]"], Some("delete")), Ok(PythonMutation::Delete));
        assert_eq!(of(&["call:posix.putenv"], Some("add")), Ok(PythonMutation::PutenvAdd));
    }

    #[test]
    fn an_unknown_api_gets_the_form_of_what_it_does_or_is_refused_by_name() {
        let refused = mutation_of(&site(&["call:somewhere.change"], None, "")).unwrap_err();
        assert!(refused.contains("API"), "{refused}");
        let dotenv = site(&["call:dotenv.load_dotenv"], Some("add"), "");
        assert_eq!(mutation_of(&dotenv), Ok(PythonMutation::StoreAdd));
        assert!(mutation_stands_in(&dotenv));
        let patched = site(&["with:mock.patch.dict"], Some("clear"), "");
        assert_eq!(mutation_of(&patched), Ok(PythonMutation::Clear));
        let opened = site(&["call:webbrowser.open"], None, "webbrowser.open(url)");
        assert!(matches!(partner_of(&opened), Ok(PythonPartner::Subprocess(form)) if form.bare && !form.shell));
        assert!(partner_stands_in(&opened));
        assert!(!partner_stands_in(&site(&["call:os.system"], None, "os.system(c)")));
        assert!(partner_of(&site(&["call:somewhere.start"], None, "")).is_err());
    }
}
