//! Reproducers in C.

use super::super::pattern_native::{NativeMutation, NativePartner};
use super::{Pieces, check_text, needed};

/// The program that all of them share.
const TEMPLATE: &str = include_str!("template.c");

/// Headers beyond those of the template, by a word that calls for them.
const INCLUDES: &[(&str, &str)] = &[
    ("locale(", "#include <locale.h>\n"),
    ("getaddrinfo(", "#include <netdb.h>\n"),
    ("posix_spawn", "#include <spawn.h>\n"),
    ("setitimer(", "#include <sys/time.h>\n"),
    ("wordexp(", "#include <wordexp.h>\n"),
];

/// What turns results into words, by the name by which runs call for it; later ones call earlier ones.
const JUDGES: &[(&str, &str)] = &[
    (
        "judge_error(",
        r#"
static int judge_error(int thread, const char *what, int error)
{
    if (error == EFAULT)
        return ouch(thread, what, "errno = %d (Bad address)", error);
    return setback(thread, what, "errno = %d (%s)", error, strerror(error));
}
"#,
    ),
    (
        "judge_status(",
        r#"
/* What the wait status of a child says that runs CHECK. */
static int judge_status(int thread, const char *what, int status, int error)
{
    if (status == 0)
        return 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return ouch(thread, what, "a child hung and was ended");
    if (WIFSIGNALED(status))
        return ouch(thread, what, "a child was killed by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) == 77)
        return ouch(thread, what, "return code = %d: a child lacked variables that were always set", status);
    if (WEXITSTATUS(status) == 127)
        return ouch(thread, what, "return code = %d%s", status, error == EFAULT ? ", errno = 14 (Bad address)" : "");
    return setback(thread, what, "return code = %d", status);
}
"#,
    ),
    (
        "judge_child(",
        r#"
static int judge_child(int thread, const char *what, pid_t pid)
{
    int status;
    if (pid < 0)
        return judge_error(thread, what, errno);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return judge_error(thread, what, errno);
    return judge_status(thread, what, status, 0);
}
"#,
    ),
];

/// Looks for lost variables when the threads have ended: what two mutations at once can do.
const AFTER_MUTATIONS: &str = r#"    for (int i = 0; i < KEPT; i++) {
        char name[16];
        int found = 0, length = snprintf(name, sizeof name, "KEPT_%02d=", i);
        for (char **entry = environ; entry && *entry; entry++)
            found += strncmp(*entry, name, length) == 0;
        if (found != 1)
            ouch(0, "environment", "a variable that nobody touched is there %d times", found);
    }
"#;

const PREPARE_VICTIMS: &str = "    for (int n = 0; n < CHANGES; n++)\n        setenv(names[n], \"n\", 1);\n";

/// The program for this pattern; `None` for forms of Rust's standard library.
pub fn program(pattern: &str, mutation: NativeMutation, partner: NativePartner) -> Option<String> {
    let change = change(mutation)?;
    let both = matches!(partner, NativePartner::Mutation(_));
    let used = run(mutation, partner)?;
    let mut judges = needed(JUDGES, &used);
    if judges.contains("judge_child") {
        judges = JUDGES.iter().map(|(_, text)| *text).collect();
    }
    let (steps, pause) = partner.pace();
    let deletes = mutation == NativeMutation::Unsetenv || partner == NativePartner::Mutation(NativeMutation::Unsetenv);
    let mut includes = needed(INCLUDES, &used);
    includes.push_str("#ifdef __linux__\n#include <sys/prctl.h>\n#endif\n");
    let check = if used.contains("CHECK") {
        let text = check_text(mutation == NativeMutation::Clearenv).replace('"', "\\\"");
        format!(
            "/* With a shell's builtins alone, so that 127 cannot mean that a command was not found. */\n\
             static const char CHECK[] =\n    \"{text}\";\n"
        )
    } else {
        String::new()
    };
    let pieces: Pieces<'_> = &[
        ("PATTERN", pattern),
        ("PARTNER", &partner.to_string()),
        ("INCLUDES", &includes),
        ("CHANGES", &steps.to_string()),
        ("PAUSE", &pause.to_string()),
        ("CHECK", &check),
        ("JUDGES", &judges),
        ("MUTATION", change),
        ("USE", &used),
        ("PREPARE", if deletes { PREPARE_VICTIMS } else { "" }),
        ("AFTER", if both { AFTER_MUTATIONS } else { "" }),
    ];
    Some(super::fill(TEMPLATE, pieces))
}

/// One change, number `n`.
fn change(mutation: NativeMutation) -> Option<&'static str> {
    Some(match mutation {
        NativeMutation::SetenvAdd => "    setenv(names[n], \"n\", 1);",
        NativeMutation::SetenvOverwrite => "    setenv(\"CHANGED\", names[n], 1);",
        NativeMutation::PutenvAdd => "    putenv(strdup(entries[n]));",
        NativeMutation::PutenvOverwrite => {
            "    static char even[] = \"CHANGED=even\", odd[] = \"CHANGED=odd\";\n    putenv(n % 2 ? odd : even);"
        }
        NativeMutation::Unsetenv => "    unsetenv(names[n]);",
        NativeMutation::Clearenv => "    (void)n;\n    clearenv();\n    fill();",
        NativeMutation::EnvironStore => {
            "    size_t count = 0;
    (void)n;
    while (environ && environ[count])
        count++;
    /* The old array is kept, as by programs that make their own once. */
    char **copy = calloc(count + 1, sizeof *copy);
    if (copy && count)
        memcpy(copy, environ, count * sizeof *copy);
    environ = copy;"
        }
        NativeMutation::SetenvToggle => "    (void)n;\n    setenv(\"NEW\", \"n\", 1);\n    unsetenv(\"NEW\");",
        NativeMutation::EnvironElement => {
            "    static char even[] = \"CHANGED=even\", odd[] = \"CHANGED=odd\";
    for (char **entry = environ; entry && *entry; entry++)
        if (strncmp(*entry, \"CHANGED=\", 8) == 0) {
            *entry = n % 2 ? odd : even;
            break;
        }"
        }
        NativeMutation::SetVarAdd
        | NativeMutation::SetVarOverwrite
        | NativeMutation::SetVarToggle
        | NativeMutation::RemoveVar => return None,
    })
}

/// One run of the partner, by thread `thread`.
fn run(mutation: NativeMutation, partner: NativePartner) -> Option<String> {
    const ARGUMENTS: &str = "    char *arguments[] = {\"sh\", \"-c\", (char *)CHECK, NULL};\n";
    let spawned = |name: &str, program: &str| {
        format!(
            "{ARGUMENTS}    pid_t pid;
    int error = {name}(&pid, \"{program}\", NULL, NULL, arguments, environ);
    return error ? judge_error(thread, \"{name}\", error) : judge_child(thread, \"{name}\", pid);"
        )
    };
    let forked = |name: &str, what: &str| {
        format!(
            "{ARGUMENTS}    pid_t pid = {name}();
    if (pid == 0) {{
        execv(\"/bin/sh\", arguments);
        _exit(errno == EFAULT ? 127 : 126);
    }}
    return judge_child(thread, \"{what}\", pid);"
        )
    };
    Some(match partner {
        NativePartner::System => "    errno = 0;
    int status = system(CHECK), error = errno;
    return status == -1 ? judge_error(thread, \"system\", error) : judge_status(thread, \"system\", status, error);"
            .to_owned(),
        NativePartner::Popen => "    errno = 0;
    FILE *stream = popen(CHECK, \"r\");
    /* Some versions of glibc say ENOMEM whatever execve said. */
    if (stream == NULL && (errno == EFAULT || errno == ENOMEM))
        return ouch(thread, \"popen\", \"errno = %d\", errno);
    if (stream == NULL)
        return judge_error(thread, \"popen\", errno);
    while (fgetc(stream) != EOF)
        ;
    int status = pclose(stream);
    return status == -1 ? judge_error(thread, \"pclose\", errno) : judge_status(thread, \"popen\", status, 0);"
            .to_owned(),
        NativePartner::PosixSpawn => spawned("posix_spawn", "/bin/sh"),
        NativePartner::PosixSpawnp => spawned("posix_spawnp", "sh"),
        NativePartner::ForkExec => forked("fork", "execv"),
        NativePartner::VforkExec => forked("vfork", "execv"),
        NativePartner::Wordexp => "    wordexp_t words;
    int failed = wordexp(\"$(echo whole)\", &words, 0);
    if (failed)
        return ouch(thread, \"wordexp\", \"result = %d\", failed);
    int whole = words.we_wordc == 1 && strcmp(words.we_wordv[0], \"whole\") == 0;
    wordfree(&words);
    return whole ? 0 : ouch(thread, \"wordexp\", \"the command's output is lost\");"
            .to_owned(),
        NativePartner::ForkWindow => fork_window(mutation),
        NativePartner::Mutation(other) => format!(
            "    static atomic_int turn;
    int n = CHANGES - 1 - atomic_fetch_add(&turn, 1) % CHANGES;
    (void)thread;
    if (control)
        return 0;
{}
    return 0;",
            change(other)?
        ),
        _ => read(mutation, partner)?,
    })
}

fn fork_window(mutation: NativeMutation) -> String {
    let mutates = match mutation {
        NativeMutation::Unsetenv => "unsetenv(\"CHANGED\")",
        NativeMutation::Clearenv => "clearenv()",
        _ => "setenv(\"IN_CHILD\", \"c\", 1)",
    };
    format!(
        "    struct itimerval second = {{{{0, 0}}, {{1, 0}}}};
    pid_t pid = fork();
    if (pid == 0) {{
        signal(SIGALRM, SIG_DFL);
        setitimer(ITIMER_REAL, &second, NULL);
        {mutates};
        _exit(0);
    }}
    return judge_child(thread, \"fork\", pid);"
    )
}

/// Reads take nanoseconds, so that many make a run.
fn read(mutation: NativeMutation, partner: NativePartner) -> Option<String> {
    let empties = mutation == NativeMutation::Clearenv;
    let body = match partner {
        NativePartner::Getenv => {
            let wrong = if empties {
                "value && strcmp(value, \"l\")"
            } else {
                "!value || strcmp(value, \"l\")"
            };
            format!(
                "        const char *value = getenv(\"KEPT_11\");
        if ({wrong})
            return ouch(thread, \"getenv\", \"a variable that is always set is %s\", value ? \"another\" : \"absent\");"
            )
        }
        NativePartner::EnvironWalk => "        for (char **entry = environ; entry && *entry; entry++)
            letters += strlen(*entry);"
            .to_owned(),
        NativePartner::Localtime => "        time_t now = 0;\n        localtime(&now);".to_owned(),
        NativePartner::LocaltimeR => {
            "        time_t now = 0;\n        struct tm time;\n        localtime_r(&now, &time);".to_owned()
        }
        NativePartner::Strftime => "        struct tm noon = {.tm_year = 100, .tm_mday = 1, .tm_hour = 12};
        char text[64];
        strftime(text, sizeof text, \"%c %Z\", &noon);"
            .to_owned(),
        NativePartner::Newlocale => "        locale_t locale = newlocale(LC_ALL_MASK, \"\", (locale_t)0);
        if (locale)
            freelocale(locale);"
            .to_owned(),
        NativePartner::Mktime => "        struct tm noon = {.tm_year = 100, .tm_mday = 1, .tm_hour = 12};
        mktime(&noon);"
            .to_owned(),
        NativePartner::Tzset => "        tzset();".to_owned(),
        NativePartner::Setlocale => "        setlocale(LC_ALL, \"\");".to_owned(),
        NativePartner::Getaddrinfo => "        struct addrinfo *found;
        if (getaddrinfo(\"localhost\", NULL, NULL, &found) == 0)
            freeaddrinfo(found);"
            .to_owned(),
        _ => return None,
    };
    let times = if partner == NativePartner::Getaddrinfo { 1 } else { 1000 };
    let letters = if body.contains("letters") {
        "    static volatile size_t letters;\n"
    } else {
        ""
    };
    Some(format!(
        "{letters}    (void)thread;\n    for (int i = 0; i < {times}; i++) {{\n{body}\n    }}\n    return 0;"
    ))
}
