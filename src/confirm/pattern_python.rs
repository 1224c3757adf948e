//! Python's mutation and spawn forms, recognised from catalog entries and from the keywords of the flagged call.

use std::fmt;

use serde_json::{Value, json};

use crate::finding::Site;

use super::call_text::{CallText, Shape as ArgumentShape};

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
}

impl PythonMutation {
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
/// The entry says which API, the shape whether it adds or only overwrites.
pub fn mutation_of(site: &Site) -> Result<PythonMutation, String> {
    let overwrites = site.shape.as_deref() == Some("overwrite");
    let pick = |add, overwrite| if overwrites { overwrite } else { add };
    site.entries
        .iter()
        .find_map(|entry| {
            let path = entry.split_once(':').map_or(entry.as_str(), |(_, path)| path);
            let path = path.strip_suffix("[]").unwrap_or(path);
            let path = path
                .strip_prefix("posix.")
                .map_or(path.to_owned(), |rest| format!("os.{rest}"));
            let deletes = entry.starts_with("delete:");
            Some(match path.replace("environb", "environ").as_str() {
                "os.environ" if deletes => PythonMutation::Delete,
                "os.environ" if entry.ends_with("[]") => pick(PythonMutation::StoreAdd, PythonMutation::StoreOverwrite),
                "os.environ.__setitem__" => pick(PythonMutation::StoreAdd, PythonMutation::StoreOverwrite),
                "os.environ" if site.shape.as_deref() == Some("add") => PythonMutation::UpdateAdd,
                "os.environ.update" | "os.environ.__ior__" => {
                    pick(PythonMutation::UpdateAdd, PythonMutation::UpdateOverwrite)
                }
                "os.environ.setdefault" => PythonMutation::SetDefault,
                "os.environ.pop" => PythonMutation::Pop,
                "os.environ.popitem" => PythonMutation::PopItem,
                "os.environ.__delitem__" => PythonMutation::Delete,
                "os.environ.clear" => PythonMutation::Clear,
                "os.putenv" => pick(PythonMutation::PutenvAdd, PythonMutation::PutenvOverwrite),
                "os.unsetenv" => PythonMutation::Unsetenv,
                _ => return None,
            })
        })
        .ok_or_else(|| format!("no replay form for the mutation `{}`", site.api))
}

/// The form of a fork window: whether the child runs in a `preexec_fn`.
pub fn fork_window_of(site: &Site) -> PythonPartner {
    let forks = |entry: &String| entry.ends_with("fork") || entry.ends_with("forkpty");
    PythonPartner::ForkWindow {
        preexec: !site.entries.iter().any(forks),
    }
}

/// The partner form of a site.
pub fn partner_of(site: &Site) -> Result<PythonPartner, String> {
    let call = CallText::parse(&site.code);
    site.entries
        .iter()
        .find_map(|entry| {
            let path = entry.strip_prefix("call:")?;
            let path = path
                .strip_prefix("posix.")
                .map_or(path.to_owned(), |rest| format!("os.{rest}"));
            partner_of_path(&path, &call)
        })
        .ok_or_else(|| without_form(site))
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
        "os.popen" => PythonPartner::Popen,
        "subprocess.call" => subprocess(SubprocessFunction::Call),
        "subprocess.check_call" => subprocess(SubprocessFunction::CheckCall),
        "subprocess.check_output" => subprocess(SubprocessFunction::CheckOutput),
        "subprocess.run" => subprocess(SubprocessFunction::Run),
        "subprocess.Popen" => subprocess(SubprocessFunction::Popen),
        "subprocess.getoutput" | "subprocess.getstatusoutput" => subprocess(SubprocessFunction::GetOutput),
        "asyncio.create_subprocess_exec" => PythonPartner::Subprocess(Subprocess {
            env: given(call.keyword("env")),
            cwd: call.has_keyword("cwd"),
            bare: !matches!(call.first(), ArgumentShape::Path),
            ..Subprocess::plain(SubprocessFunction::Popen)
        }),
        "asyncio.create_subprocess_shell" => PythonPartner::Subprocess(Subprocess {
            env: given(call.keyword("env")),
            cwd: call.has_keyword("cwd"),
            shell: true,
            bare: false,
            ..Subprocess::plain(SubprocessFunction::Popen)
        }),
        "distutils.spawn.spawn" => PythonPartner::Subprocess(Subprocess::plain(SubprocessFunction::Popen)),
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
        "os.fork" | "os.execv" | "os.execl" | "os.execvp" | "os.execlp" | "pty.spawn" | "pty.fork" => {
            PythonPartner::ForkExec
        }
        "os.environ.copy" | "builtins.dict" | "copy.copy" | "copy.deepcopy" => PythonPartner::Copy,
        "os.environ.items" | "os.environ.keys" | "os.environ.values" => PythonPartner::Iterate,
        "socket.getaddrinfo" | "socket.gethostbyname" | "socket.create_connection" => PythonPartner::Getaddrinfo,
        "time.localtime" | "time.strftime" | "time.ctime" | "time.mktime" => PythonPartner::Localtime,
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
    fn an_unknown_api_is_refused_by_name() {
        let refused = mutation_of(&site(&["call:somewhere.change"], Some("add"), "")).unwrap_err();
        assert!(refused.contains("API"), "{refused}");
        assert!(partner_of(&site(&["call:somewhere.start"], None, "")).is_err());
    }
}
