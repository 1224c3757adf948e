//! Reproducers in Rust.

use super::super::pattern_native::{NativeMutation, NativePartner};
use super::{Pieces, check_text, needed};

/// The program that all of them share.
const TEMPLATE: &str = include_str!("template.rs.txt");

/// What the C library is declared to have beyond the template's, by a word that calls for it.
const EXTERNS: &[(&str, &str)] = &[
    ("__errno_location(", "    fn __errno_location() -> *mut c_int;\n"),
    (
        "clone(",
        "    fn clone(child: extern \"C\" fn(*mut c_void) -> c_int, stack: *mut c_void, flags: c_int, argument: *mut c_void)\n        \
         -> c_int;\n",
    ),
    ("environ", "    static mut environ: *mut *mut c_char;\n"),
    (
        "execv(",
        "    fn execv(program: *const c_char, arguments: *const *const c_char) -> c_int;\n",
    ),
    ("fgetc(", "    fn fgetc(stream: *mut c_void) -> c_int;\n"),
    (
        "newlocale(",
        "    fn newlocale(mask: c_int, name: *const c_char, base: *mut c_void) -> *mut c_void;\n    \
         fn freelocale(locale: *mut c_void);\n",
    ),
    (
        "strftime(",
        "    fn strftime(text: *mut c_char, size: usize, form: *const c_char, parts: *const c_void) -> usize;\n",
    ),
    ("freeaddrinfo(", "    fn freeaddrinfo(list: *mut c_void);\n"),
    (
        "getaddrinfo(",
        "    fn getaddrinfo(host: *const c_char, port: *const c_char, hints: *const c_void, found: *mut *mut c_void)\n        \
         -> c_int;\n",
    ),
    ("getenv(", "    fn getenv(name: *const c_char) -> *mut c_char;\n"),
    ("localtime(", "    fn localtime(time: *const i64) -> *mut c_void;\n"),
    (
        "localtime_r(",
        "    fn localtime_r(time: *const i64, parts: *mut c_void) -> *mut c_void;\n",
    ),
    ("mktime(", "    fn mktime(time: *mut c_void) -> i64;\n"),
    (
        "popen(",
        "    fn popen(command: *const c_char, kind: *const c_char) -> *mut c_void;\n    \
         fn pclose(stream: *mut c_void) -> c_int;\n",
    ),
    (
        "posix_spawn(",
        "    fn posix_spawn(pid: *mut c_int, program: *const c_char, actions: *const c_void, attributes: *const c_void,\n        \
         arguments: *const *const c_char, environment: *const *mut c_char) -> c_int;\n",
    ),
    (
        "posix_spawnp(",
        "    fn posix_spawnp(pid: *mut c_int, program: *const c_char, actions: *const c_void, attributes: *const c_void,\n        \
         arguments: *const *const c_char, environment: *const *mut c_char) -> c_int;\n",
    ),
    ("putenv(", "    fn putenv(entry: *mut c_char) -> c_int;\n"),
    (
        "setlocale(",
        "    fn setlocale(category: c_int, name: *const c_char) -> *mut c_char;\n",
    ),
    ("system(", "    fn system(command: *const c_char) -> c_int;\n"),
    ("tzset(", "    fn tzset();\n"),
    ("unsetenv(", "    fn unsetenv(name: *const c_char) -> c_int;\n"),
    (
        "wordexp(",
        "    fn wordexp(words: *const c_char, found: *mut Words, flags: c_int) -> c_int;\n    \
         fn wordfree(found: *mut Words);\n",
    ),
];

/// What turns results into words, by the name by which runs call for it; later ones call earlier ones.
const JUDGES: &[(&str, &str)] = &[
    (
        "judge_error(",
        r#"
    fn judge_error(&self, thread: usize, what: &str, error: i32) -> bool {
        if error == EFAULT {
            return self.ouch(thread, what, "errno = 14 (Bad address)");
        }
        self.setback(thread, what, &format!("errno = {error}"))
    }
"#,
    ),
    (
        "judge_status(",
        r#"
    /// What the wait status of a child says that runs CHECK.
    fn judge_status(&self, thread: usize, what: &str, status: c_int, error: i32) -> bool {
        let cause = if error == EFAULT { ", errno = 14 (Bad address)" } else { "" };
        match (status & 0x7f, status >> 8) {
            (0, 0) => true,
            (0, 77) => {
                let text = format!("return code = {status}: a child lacked variables that were always set");
                self.ouch(thread, what, &text)
            }
            (0, 127) => self.ouch(thread, what, &format!("return code = {status}{cause}")),
            (0, _) => self.setback(thread, what, &format!("return code = {status}")),
            (14, _) => self.ouch(thread, what, "a child hung and was ended"),
            (signal, _) => self.ouch(thread, what, &format!("a child was killed by signal {signal}")),
        }
    }
"#,
    ),
    (
        "judge_child(",
        r#"
    fn judge_child(&self, thread: usize, what: &str, pid: c_int) -> bool {
        let mut status = 0;
        if pid < 0 {
            return self.judge_error(thread, what, errno());
        }
        while unsafe { waitpid(pid, &mut status, 0) } < 0 {
            if Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                return self.judge_error(thread, what, errno());
            }
        }
        self.judge_status(thread, what, status, 0)
    }
"#,
    ),
];

const ERRNO: &str = "fn errno() -> i32 {\n    Error::last_os_error().raw_os_error().unwrap_or(0)\n}\n\n";

const WORDS: &str = "/// `wordexp_t`, with room to spare.
#[repr(C)]
struct Words {
    count: usize,
    words: *mut *mut c_char,
    offset: usize,
    reserved: [usize; 4],
}

";

/// Looks for lost variables when the threads have ended: what two mutations at once can do.
const AFTER_MUTATIONS: &str = r#"        for (name, _) in (0..KEPT).map(kept) {
            let found = std::env::vars_os().filter(|(held, _)| *held == *name).count();
            if found != 1 {
                self.ouch(0, "environment", &format!("a variable that nobody touched is there {found} times"));
            }
        }
"#;

const PREPARE_VICTIMS: &str = "        for name in &self.names {
            unsafe { setenv(name.as_ptr(), c\"n\".as_ptr(), 1) };
        }
";

/// The program for this pattern.
pub fn program(pattern: &str, mutation: NativeMutation, partner: NativePartner) -> Option<String> {
    let change = change(mutation);
    let used = run(mutation, partner)?;
    let both = matches!(partner, NativePartner::Mutation(_));
    let deletes = |mutation| matches!(mutation, NativeMutation::Unsetenv | NativeMutation::RemoveVar);
    let victims = match partner {
        NativePartner::Mutation(other) => deletes(mutation) || deletes(other),
        _ => deletes(mutation),
    };
    let mut judges = needed(JUDGES, &used);
    if judges.contains("judge_child") {
        judges = JUDGES.iter().map(|(_, text)| *text).collect();
    }
    let (steps, pause) = partner.pace();
    let body = format!("{change}{used}{judges}");
    let mut check = String::new();
    if body.contains("CHECK") {
        let text = check_text(mutation == NativeMutation::Clearenv).replace('"', "\\\"");
        check.push_str(&format!(
            "/// With a shell's builtins alone, so that 127 cannot mean that a command was not found.\n\
             const CHECK: &CStr =\n    c\"{text}\";\n\n"
        ));
    }
    for (word, text) in [("errno()", ERRNO), ("Words", WORDS)] {
        if body.contains(word) {
            check.push_str(text);
        }
    }
    let pieces: Pieces<'_> = &[
        ("PATTERN", pattern),
        ("PARTNER", &partner.to_string()),
        ("CHANGES", &steps.to_string()),
        ("PAUSE", &pause.to_string()),
        ("CHECK", &check),
        ("EXTERNS", &needed(EXTERNS, &body)),
        ("JUDGES", &judges),
        ("MUTATION", change),
        ("USE", &used),
        ("PREPARE", if victims { PREPARE_VICTIMS } else { "" }),
        ("AFTER", if both { AFTER_MUTATIONS } else { "" }),
    ];
    Some(super::fill(TEMPLATE, pieces))
}

/// One change, number `n`.
fn change(mutation: NativeMutation) -> &'static str {
    match mutation {
        NativeMutation::SetenvAdd => "        unsafe { setenv(self.names[n].as_ptr(), c\"n\".as_ptr(), 1) };",
        NativeMutation::SetenvOverwrite => {
            "        unsafe { setenv(c\"CHANGED\".as_ptr(), self.names[n].as_ptr(), 1) };"
        }
        NativeMutation::PutenvAdd => "        unsafe { putenv(self.entries[n].clone().into_raw()) };",
        NativeMutation::PutenvOverwrite => {
            "        let entry = if n % 2 == 0 { c\"CHANGED=even\" } else { c\"CHANGED=odd\" };
        unsafe { putenv(entry.as_ptr().cast_mut()) };"
        }
        NativeMutation::Unsetenv => "        unsafe { unsetenv(self.names[n].as_ptr()) };",
        NativeMutation::Clearenv => "        let _ = n;\n        unsafe { clearenv() };\n        fill(self.size);",
        NativeMutation::EnvironStore => {
            "        let _ = n;
        unsafe {
            let (mut copy, mut at) = (Vec::new(), environ);
            while !at.is_null() && !(*at).is_null() {
                copy.push(*at);
                at = at.add(1);
            }
            copy.push(ptr::null_mut());
            // The old array is kept, as by programs that make their own once.
            environ = copy.leak().as_mut_ptr();
        }"
        }
        NativeMutation::SetenvToggle => {
            "        let _ = n;
        unsafe {
            setenv(c\"NEW\".as_ptr(), c\"n\".as_ptr(), 1);
            unsetenv(c\"NEW\".as_ptr());
        }"
        }
        NativeMutation::EnvironElement => {
            "        let entry = if n % 2 == 0 { c\"CHANGED=even\" } else { c\"CHANGED=odd\" };
        unsafe {
            let mut at = environ;
            while !at.is_null() && !(*at).is_null() {
                if CStr::from_ptr(*at).to_bytes().starts_with(b\"CHANGED=\") {
                    *at = entry.as_ptr().cast_mut();
                    break;
                }
                at = at.add(1);
            }
        }"
        }
        NativeMutation::SetVarToggle => {
            "        let _ = n;
        #[allow(unused_unsafe)]
        unsafe {
            std::env::set_var(\"NEW\", \"n\");
            std::env::remove_var(\"NEW\");
        }"
        }
        NativeMutation::SetVarAdd => {
            "        let name = OsStr::from_bytes(self.names[n].to_bytes());
        #[allow(unused_unsafe)]
        unsafe {
            std::env::set_var(name, \"n\");
        }"
        }
        NativeMutation::SetVarOverwrite => {
            "        let value = OsStr::from_bytes(self.names[n].to_bytes());
        #[allow(unused_unsafe)]
        unsafe {
            std::env::set_var(\"CHANGED\", value);
        }"
        }
        NativeMutation::RemoveVar => {
            "        let name = OsStr::from_bytes(self.names[n].to_bytes());
        #[allow(unused_unsafe)]
        unsafe {
            std::env::remove_var(name);
        }"
        }
    }
}

const ARGUMENTS: &str = "        let arguments = [c\"sh\".as_ptr(), c\"-c\".as_ptr(), CHECK.as_ptr(), ptr::null()];\n";

/// One run of the partner, by thread `thread`.
fn run(mutation: NativeMutation, partner: NativePartner) -> Option<String> {
    let spawned = |name: &str, program: &str| {
        format!(
            "{ARGUMENTS}        let mut pid = 0;
        let (none, list) = (ptr::null(), arguments.as_ptr());
        let error = unsafe {{ {name}(&mut pid, c\"{program}\".as_ptr(), none, none, list, environ) }};
        if error != 0 {{
            return self.judge_error(thread, \"{name}\", error);
        }}
        self.judge_child(thread, \"{name}\", pid)"
        )
    };
    Some(match partner {
        NativePartner::System => "        let (status, error) = unsafe {
            *__errno_location() = 0;
            (system(CHECK.as_ptr()), *__errno_location())
        };
        if status == -1 {
            return self.judge_error(thread, \"system\", error);
        }
        self.judge_status(thread, \"system\", status, error)"
            .to_owned(),
        NativePartner::Popen => "        let stream = unsafe { popen(CHECK.as_ptr(), c\"r\".as_ptr()) };
        // Some versions of glibc say ENOMEM (12) whatever execve said.
        match (stream.is_null(), errno()) {
            (true, error) if error == EFAULT || error == 12 => {
                return self.ouch(thread, \"popen\", &format!(\"errno = {error}\"));
            }
            (true, error) => return self.judge_error(thread, \"popen\", error),
            _ => {}
        }
        while unsafe { fgetc(stream) } >= 0 {}
        match unsafe { pclose(stream) } {
            -1 => self.judge_error(thread, \"pclose\", errno()),
            status => self.judge_status(thread, \"popen\", status, 0),
        }"
        .to_owned(),
        NativePartner::PosixSpawn => spawned("posix_spawn", "/bin/sh"),
        NativePartner::PosixSpawnp => spawned("posix_spawnp", "sh"),
        NativePartner::ForkExec => format!(
            "{ARGUMENTS}        let pid = unsafe {{ fork() }};
        if pid == 0 {{
            unsafe {{
                execv(c\"/bin/sh\".as_ptr(), arguments.as_ptr());
                _exit(if errno() == EFAULT {{ 127 }} else {{ 126 }})
            }}
        }}
        self.judge_child(thread, \"execv\", pid)"
        ),
        NativePartner::VforkExec => VFORK.to_owned(),
        NativePartner::Wordexp => {
            "        let mut found = Words { count: 0, words: ptr::null_mut(), offset: 0, reserved: [0; 4] };
        let failed = unsafe { wordexp(c\"$(echo whole)\".as_ptr(), &mut found, 0) };
        if failed != 0 {
            return self.ouch(thread, \"wordexp\", &format!(\"result = {failed}\"));
        }
        let whole = unsafe {
            let whole = found.count == 1 && CStr::from_ptr(*found.words) == c\"whole\";
            wordfree(&mut found);
            whole
        };
        whole || self.ouch(thread, \"wordexp\", \"the command's output is lost\")"
                .to_owned()
        }
        NativePartner::ForkWindow => fork_window(mutation),
        NativePartner::Mutation(other) => format!(
            "        static TURN: AtomicUsize = AtomicUsize::new(0);
        let n = CHANGES - 1 - TURN.fetch_add(1, Relaxed) % CHANGES;
        let _ = thread;
        if self.control {{
            return true;
        }}
{}
        true",
            change(other)
        ),
        NativePartner::Command
        | NativePartner::CommandEnv
        | NativePartner::CommandEnvClear
        | NativePartner::CommandPreExec => command(partner),
        _ => read(mutation, partner)?,
    })
}

/// `vfork` as the kernel knows it: a function that returns twice is not for Rust.
const VFORK: &str = "        extern \"C\" fn child(arguments: *mut c_void) -> c_int {
            unsafe {
                execv(c\"/bin/sh\".as_ptr(), arguments.cast());
                _exit(if errno() == EFAULT { 127 } else { 126 })
            }
        }
        let arguments = [c\"sh\".as_ptr(), c\"-c\".as_ptr(), CHECK.as_ptr(), ptr::null()];
        let mut stack = vec![0u128; 2048];
        // CLONE_VM, CLONE_VFORK, SIGCHLD.
        let flags = 0x100 | 0x4000 | 17;
        let list = arguments.as_ptr().cast_mut().cast();
        let pid = unsafe { clone(child, stack.as_mut_ptr().add(stack.len()).cast(), flags, list) };
        self.judge_child(thread, \"execv\", pid)";

fn command(partner: NativePartner) -> String {
    let more = match partner {
        NativePartner::CommandEnv => "        command.env(\"MORE\", \"m\");\n",
        NativePartner::CommandEnvClear => "        command.env_clear().envs((0..KEPT).map(kept));\n",
        NativePartner::CommandPreExec => "        unsafe { command.pre_exec(|| Ok(())) };\n",
        _ => "",
    };
    format!(
        "        let mut command = Command::new(\"/bin/sh\");
        command.arg(\"-c\").arg(OsStr::from_bytes(CHECK.to_bytes())).stdin(Stdio::null());
{more}        match command.status() {{
            Ok(status) => self.judge_status(thread, \"Command\", status.into_raw(), 0),
            Err(error) => self.judge_error(thread, \"Command\", error.raw_os_error().unwrap_or(0)),
        }}"
    )
}

fn fork_window(mutation: NativeMutation) -> String {
    let mutates = match mutation {
        NativeMutation::Unsetenv | NativeMutation::RemoveVar => "unsetenv(c\"CHANGED\".as_ptr())",
        NativeMutation::Clearenv => "clearenv()",
        _ => "setenv(c\"IN_CHILD\".as_ptr(), c\"c\".as_ptr(), 1)",
    };
    format!(
        "        let pid = unsafe {{ fork() }};
        if pid == 0 {{
            unsafe {{
                alarm(1);
                {mutates};
                _exit(0)
            }}
        }}
        self.judge_child(thread, \"fork\", pid)"
    )
}

/// Reads take nanoseconds, so that many make a run.
fn read(mutation: NativeMutation, partner: NativePartner) -> Option<String> {
    let empties = mutation == NativeMutation::Clearenv;
    let gone = if empties { "true" } else { "false" };
    let body = match partner {
        NativePartner::Getenv => format!(
            "            let value = unsafe {{ getenv(c\"KEPT_11\".as_ptr()) }};
            let well = if value.is_null() {{ {gone} }} else {{ unsafe {{ CStr::from_ptr(value) == c\"l\" }} }};
            if !well {{
                return self.ouch(thread, \"getenv\", \"a variable that is always set is absent or another\");
            }}"
        ),
        NativePartner::EnvVar => format!(
            "            let value = std::env::var_os(\"KEPT_11\");
            if !value.map_or({gone}, |value| value == \"l\") {{
                return self.ouch(thread, \"std::env::var\", \"a variable that is always set is absent or another\");
            }}"
        ),
        NativePartner::EnvVars => "            std::hint::black_box(std::env::vars_os().count());".to_owned(),
        NativePartner::EnvironWalk => "            unsafe {
                let mut at = ptr::read_volatile(&raw const environ);
                while !at.is_null() && !ptr::read_volatile(at).is_null() {
                    std::hint::black_box(CStr::from_ptr(*at).to_bytes().len());
                    at = at.add(1);
                }
            }"
        .to_owned(),
        NativePartner::Localtime => "            unsafe { localtime(&0) };".to_owned(),
        NativePartner::LocaltimeR => "            let mut time = [0u64; 16];
            unsafe { localtime_r(&0, time.as_mut_ptr().cast()) };"
            .to_owned(),
        NativePartner::Strftime => "            let (time, mut text) = ([0u64; 16], [0u8; 64]);
            unsafe { strftime(text.as_mut_ptr().cast(), 64, c\"%c %Z\".as_ptr(), time.as_ptr().cast()) };"
            .to_owned(),
        // LC_ALL_MASK of glibc; musl takes any mask.
        NativePartner::Newlocale => "            unsafe {
                let locale = newlocale(0x1fbf, c\"\".as_ptr(), ptr::null_mut());
                if !locale.is_null() {
                    freelocale(locale);
                }
            }"
        .to_owned(),
        NativePartner::Mktime => "            let mut time = [0u64; 16];
            unsafe { mktime(time.as_mut_ptr().cast()) };"
            .to_owned(),
        NativePartner::Tzset => "            unsafe { tzset() };".to_owned(),
        // LC_ALL of glibc and musl.
        NativePartner::Setlocale => "            unsafe { setlocale(6, c\"\".as_ptr()) };".to_owned(),
        NativePartner::Getaddrinfo => "            let mut found = ptr::null_mut();
            unsafe {
                if getaddrinfo(c\"localhost\".as_ptr(), ptr::null(), ptr::null(), &mut found) == 0 {
                    freeaddrinfo(found);
                }
            }"
        .to_owned(),
        _ => return None,
    };
    let times = if partner == NativePartner::Getaddrinfo { 1 } else { 1000 };
    Some(format!(
        "        let _ = thread;\n        for _ in 0..{times} {{\n{body}\n        }}\n        true"
    ))
}
