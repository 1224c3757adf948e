//! Reproducers in Python.

use super::super::pattern_python::{Given, PythonMutation, PythonPartner, Subprocess, SubprocessFunction};
use super::{Pieces, check_text, needed};

/// The program that all of them share.
const TEMPLATE: &str = include_str!("template.py");

/// Modules, sorted, by a word that calls for them.
const MODULES: &[(&str, &str)] = &[
    ("ctypes.", "import ctypes\n"),
    ("errno.", "import errno\n"),
    ("locale.", "import locale\n"),
    ("os.", "import os\n"),
    ("resource.", "import resource\n"),
    ("signal.", "import signal\n"),
    ("socket.", "import socket\n"),
    ("subprocess.", "import subprocess\n"),
    ("sys.", "import sys\n"),
    ("threading.", "import threading\n"),
    ("time.", "import time\n"),
];

/// What turns results into words, by the name by which runs call for it.
const JUDGES: &[(&str, &str)] = &[
    (
        "judge_status(",
        r#"
def judge_status(scene, thread, status):
    """What the wait status of a child says that runs CHECK."""
    if status == 0:
        return True
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM:
        scene.ouch(thread, "a child hung and was ended")
    elif os.WIFSIGNALED(status):
        scene.ouch(thread, "a child was killed by signal %d" % os.WTERMSIG(status))
    elif os.WEXITSTATUS(status) == 77:
        scene.ouch(thread, "return code = %d: a child lacked variables that were always set" % status)
    elif os.WEXITSTATUS(status) == 127:
        scene.ouch(thread, "return code = %d" % status)
    else:
        scene.setback(thread, "return code = %d" % status)
    return False

"#,
    ),
    (
        "judge_code(",
        r#"
def judge_code(scene, thread, code):
    """The same of a return code: an exit code, or a signal's number below zero."""
    return judge_status(scene, thread, -code if code < 0 else code << 8)

"#,
    ),
    (
        "change_in_child",
        r#"
def change_in_child():
    """What a child does between fork and exec, and a bound on how long it may take."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(1)
    os.environ["IN_CHILD"] = "c"

"#,
    ),
];

const PREPARE_VICTIMS: &str = "    for n in range(CHANGES):\n        os.environ[\"NEW_%04d\" % n] = \"n\"\n";

/// The program for this pattern.
pub fn program(pattern: &str, mutation: PythonMutation, partner: PythonPartner) -> String {
    let used = run(partner);
    let mut judges = needed(JUDGES, &used);
    if judges.contains("judge_code") && !used.contains("judge_status(") {
        judges.insert_str(0, JUDGES[0].1);
    }
    let mut check = String::new();
    if used.contains("CHECK") {
        let text = check_text(mutation == PythonMutation::Clear);
        check = format!(
            "# With a shell's builtins alone, so that 127 cannot mean that a command was not found.\nCHECK = '{text}'\n\n"
        );
    }
    let deletes = matches!(
        mutation,
        PythonMutation::Delete
            | PythonMutation::Pop
            | PythonMutation::PopItem
            | PythonMutation::Unsetenv
            | PythonMutation::NativeUnsetenv
    );
    let modules = needed(MODULES, &format!("{TEMPLATE}{judges}{used}{}", change(mutation)));
    let name = partner.to_string();
    let pieces: Pieces<'_> = &[
        ("PATTERN", pattern),
        ("PARTNER", &name),
        ("NAME", name.split(['(', ' ']).next().unwrap_or_default()),
        ("IMPORTS", modules.trim_end()),
        ("CHANGES", "100"),
        ("CHECK", &check),
        ("JUDGES", &judges),
        ("MUTATION", change(mutation)),
        ("USE", &used),
        ("PREPARE", if deletes { PREPARE_VICTIMS } else { "" }),
    ];
    super::fill(TEMPLATE, pieces)
}

/// One change, number `n`.
fn change(mutation: PythonMutation) -> &'static str {
    match mutation {
        PythonMutation::StoreAdd => r#"os.environ["NEW_%04d" % n] = "n""#,
        PythonMutation::StoreOverwrite => r#"os.environ["CHANGED"] = "new%d" % n"#,
        PythonMutation::Delete => r#"del os.environ["NEW_%04d" % n]"#,
        PythonMutation::Pop => r#"os.environ.pop("NEW_%04d" % n)"#,
        // It takes the oldest away, which are those that were set for it.
        PythonMutation::PopItem => "os.environ.popitem()",
        PythonMutation::SetDefault => r#"os.environ.setdefault("NEW_%04d" % n, "n")"#,
        PythonMutation::UpdateAdd => r#"os.environ.update({"NEW_%04d" % n: "n"})"#,
        PythonMutation::UpdateOverwrite => r#"os.environ.update({"CHANGED": "new%d" % n})"#,
        PythonMutation::Clear => "held = dict(os.environ)\n    os.environ.clear()\n    os.environ.update(held)",
        PythonMutation::PutenvAdd => r#"os.putenv("NEW_%04d" % n, "n")"#,
        PythonMutation::PutenvOverwrite => r#"os.putenv("CHANGED", "new%d" % n)"#,
        PythonMutation::Unsetenv => r#"os.unsetenv("NEW_%04d" % n)"#,
        PythonMutation::Toggle => "os.environ[\"NEW\"] = \"n\"\n    del os.environ[\"NEW\"]",
        PythonMutation::NativeSetenv => r#"ctypes.CDLL(None).setenv(b"NEW_%04d" % n, b"n", 1)"#,
        PythonMutation::NativeUnsetenv => r#"ctypes.CDLL(None).unsetenv(b"NEW_%04d" % n)"#,
    }
}

/// One run of the partner, by thread `thread`.
fn run(partner: PythonPartner) -> String {
    const LIST: &str = r#"["/bin/sh", "-c", CHECK]"#;
    const BARE: &str = r#"["sh", "-c", CHECK]"#;
    match partner {
        PythonPartner::System => "    return judge_status(scene, thread, os.system(CHECK))".to_owned(),
        PythonPartner::Popen => "    stream = os.popen(CHECK)
    stream.read()
    return judge_status(scene, thread, stream.close() or 0)"
            .to_owned(),
        PythonPartner::Subprocess(form) => subprocess(form),
        PythonPartner::PosixSpawn { bare, env } => {
            let (function, program) = if bare {
                ("posix_spawnp", "sh")
            } else {
                ("posix_spawn", "/bin/sh")
            };
            let env = match env {
                Given::Nothing => "None",
                Given::Live => "os.environ",
                Given::Copy => "os.environ.copy()",
            };
            format!(
                "    pid = os.{function}(\"{program}\", {BARE}, {env})
    return judge_status(scene, thread, os.waitpid(pid, 0)[1])"
            )
        }
        PythonPartner::SpawnV { bare: true } => {
            format!("    return judge_code(scene, thread, os.spawnvp(os.P_WAIT, \"sh\", {BARE}))")
        }
        PythonPartner::SpawnV { bare: false } => {
            format!("    return judge_code(scene, thread, os.spawnv(os.P_WAIT, \"/bin/sh\", {LIST}))")
        }
        PythonPartner::ForkExec => format!(
            "    pid = os.fork()
    if pid == 0:
        try:
            os.execv(\"/bin/sh\", {LIST})
        except OSError as problem:
            os._exit(127 if problem.errno == errno.EFAULT else 126)
    return judge_status(scene, thread, os.waitpid(pid, 0)[1])"
        ),
        PythonPartner::ForkWindow { preexec: true } => {
            "    return judge_code(scene, thread, subprocess.call([\"/bin/true\"], preexec_fn=change_in_child))"
                .to_owned()
        }
        PythonPartner::ForkWindow { preexec: false } => "    pid = os.fork()
    if pid == 0:
        change_in_child()
        os._exit(0)
    return judge_status(scene, thread, os.waitpid(pid, 0)[1])"
            .to_owned(),
        PythonPartner::Iterate => read("for _name in os.environ:\n            pass", 100),
        PythonPartner::Copy => read("os.environ.copy()", 100),
        PythonPartner::Getaddrinfo => read("socket.getaddrinfo(\"localhost\", None)", 1),
        PythonPartner::Localtime => read("time.localtime()", 100),
        PythonPartner::Tzset => read("time.tzset()", 100),
        PythonPartner::Setlocale => read("locale.setlocale(locale.LC_ALL, \"\")", 100),
    }
}

/// Reads take next to no time, so that many make a run.
fn read(call: &str, times: u32) -> String {
    format!("    for _ in range({times}):\n        {call}\n    return True")
}

fn subprocess(form: Subprocess) -> String {
    let mut call = String::from(match (form.shell, form.bare) {
        (true, _) => "CHECK, shell=True",
        (false, true) => r#"["sh", "-c", CHECK]"#,
        (false, false) => r#"["/bin/sh", "-c", CHECK]"#,
    });
    for (present, text) in [
        (form.cwd, ", cwd=\"/\""),
        (form.keep_fds, ", close_fds=False"),
        (form.preexec, ", preexec_fn=int"),
        (form.session, ", start_new_session=True"),
        (form.pass_fds, ", pass_fds=(2,)"),
        (form.env == Given::Live, ", env=os.environ"),
        (form.env == Given::Copy, ", env=os.environ.copy()"),
    ] {
        if present {
            call.push_str(text);
        }
    }
    match form.function {
        SubprocessFunction::Call => format!("    return judge_code(scene, thread, subprocess.call({call}))"),
        SubprocessFunction::Run => format!("    return judge_code(scene, thread, subprocess.run({call}).returncode)"),
        SubprocessFunction::GetOutput => {
            "    return judge_code(scene, thread, subprocess.getstatusoutput(CHECK)[0])".to_owned()
        }
        SubprocessFunction::Popen => format!(
            "    with subprocess.Popen({call}) as process:
        return judge_code(scene, thread, process.wait())"
        ),
        SubprocessFunction::CheckCall | SubprocessFunction::CheckOutput => {
            let function = if form.function == SubprocessFunction::CheckCall {
                "check_call"
            } else {
                "check_output"
            };
            format!(
                "    try:
        subprocess.{function}({call})
        return True
    except subprocess.CalledProcessError as problem:
        return judge_code(scene, thread, problem.returncode)"
            )
        }
    }
}
