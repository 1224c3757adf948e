//! `confirm` replays patterns of its own: nothing of the program that was analysed runs, and no word of it becomes an
//! argument or a variable of any process.

mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::hostile::folder_of;

/// A word that no process has unless it took it from the source.
const WORD: &str = "wqxzhostileword";

#[test]
fn nothing_of_the_target_reaches_a_process() {
    let source = format!(
        "import os, threading\n\ndef {WORD}():\n    os.system('touch {WORD}_ran; : $({WORD}) ; {WORD}')\n\n\
         thread = threading.Thread(target={WORD})\nthread.start()\nfor n in range(9):\n    os.environ['{WORD}%d' % n] = '{WORD}'\nthread.join()\n"
    );
    let folder = folder_of([(format!("{WORD} ; touch {WORD}_ran.py"), source)]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_envrace"))
        .args([
            "confirm",
            "--no-keep",
            "--no-cache",
            "--budget",
            "1",
            "--format",
            "json",
            ".",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command was built for this test");
    let own = std::process::id().to_string();
    let mut seen = 0;
    while child.try_wait().expect("the child is ours").is_none() {
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let pid = entry.file_name().to_string_lossy().into_owned();
            if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            for file in ["cmdline", "environ"] {
                let text = fs::read(entry.path().join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text).into_owned();
                assert!(!text.contains(WORD), "{file} of {pid}: {text}");
                seen += 1;
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(seen > 50, "the processes were looked at");
    let output = child.wait_with_output().expect("it has ended");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report is JSON");
    let evidence = &document["findings"][0]["confirmation"];
    assert!(
        evidence["trials"].as_u64().is_some_and(|trials| trials > 0),
        "it was replayed: {document}"
    );
    let left: Vec<_> = fs::read_dir(folder.path()).expect("it is there").flatten().collect();
    assert_eq!(left.len(), 1, "nothing was run and nothing written: {left:?}");
}
