//! The mutation and partner forms of C and Rust, recognised from catalog entries. One list, because the two meet in one
//! process: Rust's std guards itself against itself, and not against C.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::Site;

/// How native code changes the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NativeMutation {
    SetenvAdd,
    SetenvOverwrite,
    PutenvAdd,
    PutenvOverwrite,
    Unsetenv,
    Clearenv,
    /// `environ = another array`; the old one is kept.
    EnvironStore,
    SetVarAdd,
    SetVarOverwrite,
    RemoveVar,
}

/// What runs beside a native mutation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NativePartner {
    System,
    Popen,
    PosixSpawn,
    PosixSpawnp,
    ForkExec,
    VforkExec,
    Wordexp,
    Getenv,
    EnvironWalk,
    Localtime,
    Mktime,
    Tzset,
    Setlocale,
    Getaddrinfo,
    Command,
    CommandEnv,
    CommandEnvClear,
    CommandPreExec,
    EnvVar,
    EnvVars,
    /// A child that changes the environment between fork and exec.
    ForkWindow,
    /// Another mutation.
    Mutation(NativeMutation),
}

impl NativeMutation {
    /// It never touches the variables that a replay keeps from its beginning to its end.
    pub fn keeps_sentinels(self) -> bool {
        self != NativeMutation::Clearenv
    }

    /// A form of Rust's standard library.
    pub fn is_std(self) -> bool {
        matches!(
            self,
            NativeMutation::SetVarAdd | NativeMutation::SetVarOverwrite | NativeMutation::RemoveVar
        )
    }
}

impl NativePartner {
    /// It looks at the environment and starts nothing: a crash is its symptom, and its trials take next to no time.
    pub fn is_read(self) -> bool {
        matches!(
            self,
            NativePartner::Getenv
                | NativePartner::EnvironWalk
                | NativePartner::Localtime
                | NativePartner::Mktime
                | NativePartner::Tzset
                | NativePartner::Setlocale
                | NativePartner::Getaddrinfo
                | NativePartner::EnvVar
                | NativePartner::EnvVars
        )
    }

    /// It starts a program.
    pub fn spawns(self) -> bool {
        !self.is_read() && !matches!(self, NativePartner::ForkWindow | NativePartner::Mutation(_))
    }

    /// Its own result hides the errno of `execve`, so that only an observer can tell (glibc 2.36's popen says ENOMEM).
    pub fn hides_errno(self) -> bool {
        matches!(self, NativePartner::Popen | NativePartner::Wordexp)
    }

    /// A form of Rust's standard library; a partner that mutates is none of its own.
    pub fn is_std(self) -> bool {
        matches!(
            self,
            NativePartner::Command
                | NativePartner::CommandEnv
                | NativePartner::CommandEnvClear
                | NativePartner::CommandPreExec
                | NativePartner::EnvVar
                | NativePartner::EnvVars
        )
    }

    /// How a mutator beside it is to go: steps in one run, and microseconds after each.
    ///
    /// Arrays of more than about 127 entries are rarely moved (glibc's small bins end there), so a new run with a small
    /// environment shows more than a longer one.
    pub fn pace(self) -> (usize, u64) {
        match self {
            // A resolver reads the environment in its first call, and a run has few of these.
            NativePartner::Getaddrinfo => (300, 0),
            // A crash needs the reader inside the freed array: many moves in a short time.
            _ if self.is_read() => (1000, 10),
            // The window of a Command with env is a walk over the array, short beside the start of a process.
            NativePartner::Mutation(_) | NativePartner::CommandEnv => (1000, 0),
            // The lock is held for a moment in each step.
            NativePartner::ForkWindow => (20000, 0),
            _ => (100, 50),
        }
    }
}

impl fmt::Display for NativeMutation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            NativeMutation::SetenvAdd => "setenv",
            NativeMutation::SetenvOverwrite => "setenv (overwriting)",
            NativeMutation::PutenvAdd => "putenv",
            NativeMutation::PutenvOverwrite => "putenv (overwriting)",
            NativeMutation::Unsetenv => "unsetenv",
            NativeMutation::Clearenv => "clearenv and a refill",
            NativeMutation::EnvironStore => "environ = array",
            NativeMutation::SetVarAdd => "std::env::set_var",
            NativeMutation::SetVarOverwrite => "std::env::set_var (overwriting)",
            NativeMutation::RemoveVar => "std::env::remove_var",
        })
    }
}

impl fmt::Display for NativePartner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            NativePartner::System => "system",
            NativePartner::Popen => "popen",
            NativePartner::PosixSpawn => "posix_spawn(..., environ)",
            NativePartner::PosixSpawnp => "posix_spawnp(..., environ)",
            NativePartner::ForkExec => "fork and execv",
            NativePartner::VforkExec => "vfork and execv",
            NativePartner::Wordexp => "wordexp with a command",
            NativePartner::Getenv => "getenv",
            NativePartner::EnvironWalk => "a walk over environ",
            NativePartner::Localtime => "localtime",
            NativePartner::Mktime => "mktime",
            NativePartner::Tzset => "tzset",
            NativePartner::Setlocale => "setlocale(LC_ALL, \"\")",
            NativePartner::Getaddrinfo => "getaddrinfo",
            NativePartner::Command => "std::process::Command",
            NativePartner::CommandEnv => "std::process::Command with env",
            NativePartner::CommandEnvClear => "std::process::Command with env_clear",
            NativePartner::CommandPreExec => "std::process::Command with pre_exec",
            NativePartner::EnvVar => "std::env::var",
            NativePartner::EnvVars => "std::env::vars",
            NativePartner::ForkWindow => "fork, and the same between fork and exec",
            NativePartner::Mutation(other) => return other.fmt(out),
        })
    }
}

/// The last name of an entry's path: `setenv` of `call:libc::setenv`, `f` of `call:*.f`.
fn last_name(entry: &str) -> &str {
    let path = entry.split_once(':').map_or(entry, |(_, path)| path);
    let path = path.strip_suffix("[]").unwrap_or(path);
    path.rsplit([':', '.']).next().unwrap_or(path)
}

/// The mutation form of a site in C or Rust.
pub fn mutation_of(site: &Site) -> Result<NativeMutation, String> {
    let overwrites = site.shape.as_deref() == Some("overwrite");
    let pick = |add, overwrite| if overwrites { overwrite } else { add };
    site.entries
        .iter()
        .find_map(|entry| {
            Some(match last_name(entry) {
                "setenv" | "g_setenv" | "uv_os_setenv" => {
                    pick(NativeMutation::SetenvAdd, NativeMutation::SetenvOverwrite)
                }
                "putenv" => pick(NativeMutation::PutenvAdd, NativeMutation::PutenvOverwrite),
                "unsetenv" | "g_unsetenv" | "uv_os_unsetenv" => NativeMutation::Unsetenv,
                "clearenv" => NativeMutation::Clearenv,
                "environ" | "__environ" | "_environ" if entry.starts_with("store:") && !entry.ends_with("[]") => {
                    NativeMutation::EnvironStore
                }
                "set_var" => pick(NativeMutation::SetVarAdd, NativeMutation::SetVarOverwrite),
                "remove_var" => NativeMutation::RemoveVar,
                _ => return None,
            })
        })
        .ok_or_else(|| format!("no replay form for the mutation `{}`", site.api))
}

/// The partner form of a site in C or Rust.
pub fn partner_of(site: &Site) -> Result<NativePartner, String> {
    site.entries
        .iter()
        .find_map(|entry| partner_of_entry(entry, site))
        .ok_or_else(|| format!("no replay form for the partner `{}`", site.api))
}

fn partner_of_entry(entry: &str, site: &Site) -> Option<NativePartner> {
    let path = entry.split_once(':').map_or(entry, |(_, path)| path);
    if path.contains("process::Command") {
        return Some(command_form(&site.code));
    }
    if path == "std::net::TcpStream::connect" {
        return Some(NativePartner::Getaddrinfo);
    }
    Some(match last_name(entry) {
        "system" => NativePartner::System,
        "popen" => NativePartner::Popen,
        "posix_spawn" => NativePartner::PosixSpawn,
        "posix_spawnp" => NativePartner::PosixSpawnp,
        "vfork" => NativePartner::VforkExec,
        "fork" | "execv" | "execvp" | "execl" | "execlp" | "forkpty" => NativePartner::ForkExec,
        "wordexp" => NativePartner::Wordexp,
        "getenv" | "secure_getenv" | "__secure_getenv" | "g_getenv" | "uv_os_getenv" => NativePartner::Getenv,
        "environ" | "__environ" | "_environ" => NativePartner::EnvironWalk,
        "localtime" | "ctime" => NativePartner::Localtime,
        "mktime" | "timelocal" => NativePartner::Mktime,
        "tzset" => NativePartner::Tzset,
        "setlocale" => NativePartner::Setlocale,
        "getaddrinfo" | "to_socket_addrs" => NativePartner::Getaddrinfo,
        "var" | "var_os" if path.contains("env::") => NativePartner::EnvVar,
        "vars" | "vars_os" if path.contains("env::") => NativePartner::EnvVars,
        _ => return None,
    })
}

/// The form of a `Command` whose builder calls stand in the flagged expression; builders in other statements are not
/// seen, and the plain form is meant.
fn command_form(code: &str) -> NativePartner {
    if code.contains(".env_clear(") {
        NativePartner::CommandEnvClear
    } else if code.contains(".pre_exec(") {
        NativePartner::CommandPreExec
    } else if [".env(", ".envs(", ".env_remove("]
        .iter()
        .any(|call| code.contains(call))
    {
        NativePartner::CommandEnv
    } else {
        NativePartner::Command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::testing::site;

    #[test]
    fn entries_choose_the_form_in_both_languages() {
        let mutation = |entry: &str, shape| mutation_of(&site(&[entry], Some(shape), ""));
        assert_eq!(mutation("call:setenv", "add"), Ok(NativeMutation::SetenvAdd));
        assert_eq!(
            mutation("call:libc::setenv", "overwrite"),
            Ok(NativeMutation::SetenvOverwrite)
        );
        assert_eq!(mutation("store:environ", "unknown"), Ok(NativeMutation::EnvironStore));
        assert_eq!(mutation("call:std::env::set_var", "add"), Ok(NativeMutation::SetVarAdd));
        assert!(mutation("call:unheard_of", "add").is_err());
        let partner = |entry: &str, code: &str| partner_of(&site(&[entry], None, code));
        assert_eq!(partner("call:system", ""), Ok(NativePartner::System));
        assert_eq!(partner("call:std::env::var", ""), Ok(NativePartner::EnvVar));
        assert_eq!(partner("call:*.to_socket_addrs", ""), Ok(NativePartner::Getaddrinfo));
        assert!(partner("call:var", "").is_err());
        assert_eq!(
            partner(
                "call:std::process::Command::output",
                "Command::new(\"x\").env(\"A\", b).output()"
            ),
            Ok(NativePartner::CommandEnv)
        );
        assert_eq!(
            partner("call:std::process::Command::status", "c.status()"),
            Ok(NativePartner::Command)
        );
    }
}
