//! The rows and columns of the matrix: how a program writes each mutation and each partner.

use crate::facts::Language;

/// A mutation as a statement, with the entry that it is and its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation {
    pub code: &'static str,
    pub entry: &'static str,
    pub shape: &'static str,
}

/// A spawn or a read as a statement, with the entry that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partner {
    pub code: &'static str,
    pub entry: &'static str,
    /// It is a read, not a spawn.
    pub reads: bool,
}

const fn mutation(code: &'static str, entry: &'static str, shape: &'static str) -> Mutation {
    Mutation { code, entry, shape }
}

const fn spawn(code: &'static str, entry: &'static str) -> Partner {
    let reads = false;
    Partner { code, entry, reads }
}

const fn read(code: &'static str, entry: &'static str) -> Partner {
    let reads = true;
    Partner { code, entry, reads }
}

/// The rows of a language.
pub fn mutations(language: Language) -> &'static [Mutation] {
    match language {
        Language::C => C_MUTATIONS,
        Language::Python => PYTHON_MUTATIONS,
        Language::Rust => RUST_MUTATIONS,
    }
}

/// The columns of a language.
pub fn partners(language: Language) -> &'static [Partner] {
    match language {
        Language::C => C_PARTNERS,
        Language::Python => PYTHON_PARTNERS,
        Language::Rust => RUST_PARTNERS,
    }
}

/// A program in which one thread does the partner's part beside the mutation.
pub fn program(language: Language, mutation: Mutation, partner: Partner) -> String {
    let template = match language {
        Language::C => C_PROGRAM,
        Language::Python => PYTHON_PROGRAM,
        Language::Rust => RUST_PROGRAM,
    };
    template
        .replace("MUTATION", mutation.code)
        .replace("PARTNER", partner.code)
}

const C_MUTATIONS: &[Mutation] = &[
    mutation("setenv(k, \"v\", 1);", "call:setenv", "add"),
    mutation("putenv(k);", "call:putenv", "add"),
    mutation("unsetenv(k);", "call:unsetenv", "delete"),
    mutation("clearenv();", "call:clearenv", "clear"),
    mutation("environ = list;", "store:environ", "unknown"),
];

const C_PARTNERS: &[Partner] = &[
    spawn("system(k);", "call:system"),
    spawn("popen(k, \"r\");", "call:popen"),
    spawn("posix_spawn(&pid, k, 0, 0, list, environ);", "call:posix_spawn"),
    spawn("posix_spawnp(&pid, k, 0, 0, list, environ);", "call:posix_spawnp"),
    spawn("if (vfork() == 0) { execv(k, list); _exit(1); }", "call:vfork"),
    spawn("if (fork() == 0) { execv(k, list); _exit(1); }", "call:fork"),
    spawn("wordexp(k, &words, 0);", "call:wordexp"),
    read("getenv(k);", "call:getenv"),
    read("for (char **e = environ; *e; e++) count++;", "load:environ"),
    read("localtime(&now);", "call:localtime"),
    read("mktime(&date);", "call:mktime"),
    read("tzset();", "call:tzset"),
    read("setlocale(LC_ALL, \"\");", "call:setlocale"),
    read("getaddrinfo(k, 0, 0, &found);", "call:getaddrinfo"),
];

const C_PROGRAM: &str = r#"#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>
extern char **environ;
static char *k, **list;
static pid_t pid;
static wordexp_t words;
static int count;
static time_t now;
static struct tm date;
static struct addrinfo *found;
static void *work(void *unused)
{
    PARTNER
    return unused;
}
int main(int argc, char **argv)
{
    pthread_t thread;
    k = argv[argc - 1];
    list = argv;
    pthread_create(&thread, 0, work, 0);
    MUTATION
    pthread_join(thread, 0);
    return 0;
}
"#;

const PYTHON_MUTATIONS: &[Mutation] = &[
    mutation("os.environ[k] = 'v'", "store:os.environ[]", "add"),
    mutation("os.environ['CHANGED'] += k", "store:os.environ[]", "overwrite"),
    mutation("os.environ.update({k: 'v'})", "call:os.environ.update", "add"),
    mutation("os.putenv(k, 'v')", "call:os.putenv", "add"),
    mutation("del os.environ[k]", "delete:os.environ[]", "delete"),
    mutation("os.environ.pop(k)", "call:os.environ.pop", "delete"),
    mutation("os.unsetenv(k)", "call:os.unsetenv", "delete"),
    mutation("os.environ.clear()", "call:os.environ.clear", "clear"),
];

const PYTHON_PARTNERS: &[Partner] = &[
    spawn("os.system(k)", "call:os.system"),
    spawn("os.popen(k)", "call:os.popen"),
    spawn("subprocess.run(['/bin/true'])", "call:subprocess.run"),
    spawn("subprocess.run(['true'])", "call:subprocess.run"),
    spawn("subprocess.call(k, shell=True)", "call:subprocess.call"),
    spawn("subprocess.run(['/bin/true'], cwd='/')", "call:subprocess.run"),
    spawn(
        "subprocess.run(['/bin/true'], start_new_session=True)",
        "call:subprocess.run",
    ),
    spawn("subprocess.run(['/bin/true'], close_fds=False)", "call:subprocess.run"),
    spawn("subprocess.run(['/bin/true'], preexec_fn=f)", "call:subprocess.run"),
    spawn("subprocess.run(['/bin/true'], env={'A': 'b'})", "call:subprocess.run"),
    spawn("subprocess.getoutput(k)", "call:subprocess.getoutput"),
    spawn(
        "os.posix_spawn('/bin/true', ['true'], os.environ)",
        "call:os.posix_spawn",
    ),
    spawn("os.spawnv(os.P_WAIT, '/bin/true', ['true'])", "call:os.spawnv"),
    spawn("os.fork() or os.execv('/bin/true', ['true'])", "call:os.fork"),
    read("os.environ.copy()", "call:os.environ.copy"),
    read("time.tzset()", "call:time.tzset"),
    read("time.localtime()", "call:time.localtime"),
    read("locale.setlocale(locale.LC_ALL, '')", "call:locale.setlocale"),
    read("socket.getaddrinfo(k, None)", "call:socket.getaddrinfo"),
];

const PYTHON_PROGRAM: &str = "\
import locale, os, socket, subprocess, sys, threading, time

def f():
    pass

def work(k):
    PARTNER

def main(k):
    os.environ['CHANGED'] = 'old'
    thread = threading.Thread(target=work, args=(k,))
    thread.start()
    MUTATION
    thread.join()

main(sys.argv[1])
";

const RUST_MUTATIONS: &[Mutation] = &[
    mutation("std::env::set_var(name, \"v\");", "call:std::env::set_var", "add"),
    mutation("std::env::remove_var(name);", "call:std::env::remove_var", "delete"),
    mutation("libc::setenv(k, k, 1);", "call:libc::setenv", "add"),
    mutation("libc::unsetenv(k);", "call:libc::unsetenv", "delete"),
];

const RUST_PARTNERS: &[Partner] = &[
    spawn(
        "let _ = Command::new(\"/bin/true\").status();",
        "call:std::process::Command::status",
    ),
    spawn(
        "let _ = Command::new(\"/bin/true\").env(\"A\", \"b\").status();",
        "call:std::process::Command::status",
    ),
    spawn(
        "let _ = Command::new(\"/bin/true\").env_clear().status();",
        "call:std::process::Command::status",
    ),
    read("let _ = std::env::var(name);", "call:std::env::var"),
    read("let _ = std::env::vars().count();", "call:std::env::vars"),
    spawn("libc::system(k);", "call:libc::system"),
    spawn("libc::popen(k, k);", "call:libc::popen"),
    read("libc::getenv(k);", "call:libc::getenv"),
    read("libc::tzset();", "call:libc::tzset"),
    read("libc::localtime(&0);", "call:libc::localtime"),
    read("let _ = (name, 80).to_socket_addrs();", "call:*.to_socket_addrs"),
];

const RUST_PROGRAM: &str = r#"use std::net::ToSocketAddrs;
use std::process::Command;

unsafe fn work(name: &str, k: *const libc::c_char) {
    PARTNER
}

fn run(name: &'static str, k: *const libc::c_char) {
    let thread = std::thread::spawn(move || unsafe { work(name, k) });
    unsafe {
        MUTATION
    }
    thread.join().unwrap();
}

fn main() {
    let name: &'static str = std::env::args().nth(1).unwrap().leak();
    run(name, name.as_ptr().cast());
}
"#;
