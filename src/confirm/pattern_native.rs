//! The mutation and partner forms of C and Rust, recognised from catalog entries. One list, because the two meet in one
//! process: Rust's std guards itself against itself, and not against C.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::finding::{PartnerKind, Site};

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
    /// One variable is set and taken away again, over and over.
    SetenvToggle,
    /// `environ = another array`; the old one is kept.
    EnvironStore,
    /// `environ[i] = another string`, in place.
    EnvironElement,
    SetVarAdd,
    SetVarOverwrite,
    SetVarToggle,
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
    /// It reads TZ in its first call only.
    LocaltimeR,
    Strftime,
    Mktime,
    Tzset,
    Setlocale,
    Newlocale,
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
            NativeMutation::SetVarAdd
                | NativeMutation::SetVarOverwrite
                | NativeMutation::SetVarToggle
                | NativeMutation::RemoveVar
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
                | NativePartner::LocaltimeR
                | NativePartner::Strftime
                | NativePartner::Mktime
                | NativePartner::Tzset
                | NativePartner::Setlocale
                | NativePartner::Newlocale
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
            NativeMutation::SetenvToggle => "setenv and unsetenv of one variable",
            NativeMutation::EnvironStore => "environ = array",
            NativeMutation::EnvironElement => "environ[i] = string",
            NativeMutation::SetVarAdd => "std::env::set_var",
            NativeMutation::SetVarOverwrite => "std::env::set_var (overwriting)",
            NativeMutation::SetVarToggle => "std::env::set_var and remove_var of one variable",
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
            NativePartner::LocaltimeR => "localtime_r",
            NativePartner::Strftime => "strftime",
            NativePartner::Newlocale => "newlocale(LC_ALL_MASK, \"\", 0)",
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

/// The mutation form of a site in C, Rust, or Python, whose calls come down to those of C.
///
/// An API without a form of its own gets that of what it does, by its shape; see [`mutation_stands_in`].
pub fn mutation_of(site: &Site) -> Result<NativeMutation, String> {
    own_mutation(site)
        .or_else(|| like_mutation(site))
        .ok_or_else(|| format!("no replay form for the mutation `{}`", site.api))
}

/// Whether the form is not the API's own.
pub fn mutation_stands_in(site: &Site) -> bool {
    own_mutation(site).is_none()
}

/// One name that is deleted over and over must have been set again in between.
fn is_toggled(site: &Site) -> bool {
    site.repeated && site.variable.is_some()
}

fn own_mutation(site: &Site) -> Option<NativeMutation> {
    let overwrites = site.shape.as_deref() == Some("overwrite");
    let pick = |add, overwrite| if overwrites { overwrite } else { add };
    let delete = |toggle, delete| if is_toggled(site) { toggle } else { delete };
    site.entries.iter().find_map(|entry| {
        let path = entry.split_once(':').map_or(entry.as_str(), |(_, path)| path);
        let of_libc = !path.contains("::") || path.starts_with("libc::") || path.starts_with("nix::");
        Some(match last_name(entry) {
            "setenv" if of_libc => pick(NativeMutation::SetenvAdd, NativeMutation::SetenvOverwrite),
            "putenv" => pick(NativeMutation::PutenvAdd, NativeMutation::PutenvOverwrite),
            "unsetenv" if of_libc => delete(NativeMutation::SetenvToggle, NativeMutation::Unsetenv),
            "clearenv" => NativeMutation::Clearenv,
            "environ" | "__environ" | "_environ" if entry.starts_with("store:") => {
                if entry.ends_with("[]") {
                    NativeMutation::EnvironElement
                } else {
                    NativeMutation::EnvironStore
                }
            }
            "set_var" => pick(NativeMutation::SetVarAdd, NativeMutation::SetVarOverwrite),
            "remove_var" => delete(NativeMutation::SetVarToggle, NativeMutation::RemoveVar),
            _ => return None,
        })
    })
}

/// What a library's function does to the environment, by its shape: crates of Rust by way of std, all others by that of
/// the C library.
fn like_mutation(site: &Site) -> Option<NativeMutation> {
    let of_std = site.language == "rust" && !site.entries.iter().any(|entry| entry.contains("glib::"));
    // These take their variable away again, where the shape only says that they add it.
    let scoped = site.entries.iter().any(|entry| entry.contains("temp_env::"));
    let pick = |std, c| if of_std { std } else { c };
    match site.shape.as_deref()? {
        "add" if scoped => Some(NativeMutation::SetVarToggle),
        "add" => Some(pick(NativeMutation::SetVarAdd, NativeMutation::SetenvAdd)),
        "overwrite" => Some(pick(NativeMutation::SetVarOverwrite, NativeMutation::SetenvOverwrite)),
        "delete" if is_toggled(site) => Some(pick(NativeMutation::SetVarToggle, NativeMutation::SetenvToggle)),
        "delete" => Some(pick(NativeMutation::RemoveVar, NativeMutation::Unsetenv)),
        "clear" => Some(NativeMutation::Clearenv),
        _ => None,
    }
}

/// The partner form of a site in C or Rust; where the API has none of its own, that of what it does.
pub fn partner_of(site: &Site, kind: PartnerKind) -> Result<NativePartner, String> {
    own_partner(site)
        .or_else(|| like_partner(site, kind))
        .ok_or_else(|| format!("no replay form for the partner `{}`", site.api))
}

/// Whether the form is not the API's own.
pub fn partner_stands_in(site: &Site) -> bool {
    own_partner(site).is_none()
}

fn own_partner(site: &Site) -> Option<NativePartner> {
    site.entries.iter().find_map(|entry| partner_of_entry(entry, site))
}

/// What a library's function comes down to: GLib, libuv and APR fork and exec, crates use `Command`; C reads with
/// `getenv`, and crates through std, which takes its lock.
fn like_partner(site: &Site, kind: PartnerKind) -> Option<NativePartner> {
    let of_std = site.language == "rust" && !site.entries.iter().any(|entry| entry.contains("libc::"));
    let named = |name: &str| site.entries.iter().any(|entry| last_name(entry) == name);
    match kind {
        PartnerKind::Spawn if named("pidfd_spawn") => Some(NativePartner::PosixSpawn),
        PartnerKind::Spawn if named("pidfd_spawnp") => Some(NativePartner::PosixSpawnp),
        PartnerKind::Spawn if of_std => Some(NativePartner::Command),
        PartnerKind::Spawn => Some(NativePartner::ForkExec),
        PartnerKind::Read if named("now_local") || named("local_offset_at") || named("current_local_offset") => {
            Some(NativePartner::LocaltimeR)
        }
        PartnerKind::Read if of_std => Some(NativePartner::EnvVar),
        PartnerKind::Read => Some(NativePartner::Getenv),
        PartnerKind::Mutation | PartnerKind::Fork => None,
    }
}

fn partner_of_entry(entry: &str, site: &Site) -> Option<NativePartner> {
    let path = entry.split_once(':').map_or(entry, |(_, path)| path);
    if path.contains("process::Command") || path.ends_with("CommandExt::exec") {
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
        "fork" | "_Fork" | "forkpty" | "execv" | "execvp" | "execvP" | "execl" | "execlp" | "execve" | "execvpe"
        | "fexecve" => NativePartner::ForkExec,
        "wordexp" => NativePartner::Wordexp,
        "getenv" | "secure_getenv" | "__secure_getenv" => NativePartner::Getenv,
        "environ" | "__environ" | "_environ" => NativePartner::EnvironWalk,
        "localtime" | "ctime" => NativePartner::Localtime,
        "localtime_r" | "ctime_r" => NativePartner::LocaltimeR,
        "strftime" => NativePartner::Strftime,
        "mktime" | "timelocal" => NativePartner::Mktime,
        "tzset" => NativePartner::Tzset,
        "setlocale" => NativePartner::Setlocale,
        "newlocale" => NativePartner::Newlocale,
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
        assert_eq!(
            mutation("store:environ[]", "unknown"),
            Ok(NativeMutation::EnvironElement)
        );
        assert!(mutation("call:setproctitle_init", "unknown").is_err());
        let partner = |entry: &str, code: &str| partner_of(&site(&[entry], None, code), PartnerKind::Spawn);
        assert_eq!(partner("call:system", ""), Ok(NativePartner::System));
        assert_eq!(partner("call:std::env::var", ""), Ok(NativePartner::EnvVar));
        assert_eq!(partner("call:*.to_socket_addrs", ""), Ok(NativePartner::Getaddrinfo));
        assert_eq!(partner("call:localtime_r", ""), Ok(NativePartner::LocaltimeR));
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

    #[test]
    fn what_has_no_form_of_its_own_gets_that_of_what_it_does() {
        let rust = |entry: &str, shape| Site {
            language: "rust".to_owned(),
            ..site(&[entry], shape, "")
        };
        let c = |entry: &str, shape| Site {
            language: "c".to_owned(),
            ..site(&[entry], shape, "")
        };
        let added = c("call:SDL_setenv", Some("add"));
        assert!(mutation_stands_in(&added) && !mutation_stands_in(&c("call:setenv", Some("add"))));
        assert_eq!(mutation_of(&added), Ok(NativeMutation::SetenvAdd));
        let dotenv = rust("call:dotenvy::dotenv", Some("add"));
        assert_eq!(mutation_of(&dotenv), Ok(NativeMutation::SetVarAdd));
        assert_eq!(
            mutation_of(&rust("call:glib::setenv", Some("add"))),
            Ok(NativeMutation::SetenvAdd)
        );
        let scoped = rust("call:temp_env::with_var", Some("add"));
        assert_eq!(mutation_of(&scoped), Ok(NativeMutation::SetVarToggle));
        let partner = |site: &Site, kind| partner_of(site, kind).expect("every spawn and read has a form");
        let spawn = c("call:g_spawn_sync", None);
        assert!(partner_stands_in(&spawn));
        assert_eq!(partner(&spawn, PartnerKind::Spawn), NativePartner::ForkExec);
        assert_eq!(
            partner(&rust("call:cc::Build::compile", None), PartnerKind::Spawn),
            NativePartner::Command
        );
        assert_eq!(
            partner(&rust("call:chrono::Local::now", None), PartnerKind::Read),
            NativePartner::EnvVar
        );
        assert_eq!(
            partner(&c("call:curl_easy_perform", None), PartnerKind::Read),
            NativePartner::Getenv
        );
    }

    #[test]
    fn one_variable_that_is_deleted_over_and_over_is_set_again_in_between() {
        let mut deleted = site(&["call:unsetenv"], Some("delete"), "");
        assert_eq!(mutation_of(&deleted), Ok(NativeMutation::Unsetenv));
        deleted.variable = Some("A".to_owned());
        assert_eq!(mutation_of(&deleted), Ok(NativeMutation::SetenvToggle));
        deleted.repeated = false;
        assert_eq!(mutation_of(&deleted), Ok(NativeMutation::Unsetenv));
    }
}
