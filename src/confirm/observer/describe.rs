//! An `execve` as a line in strace's form, which people can read and tools already parse.

use std::fmt::Write;

use super::ExecEvent;

/// `[pid 17] execve("/bin/sh", ["sh", "-c", "true"], 0x55e2c8c5d160 /* 12 vars */) = -1 EFAULT (Bad address)`.
pub fn trace_line(event: &ExecEvent) -> String {
    let arguments = match &event.arguments {
        None => "/* unreadable */".to_owned(),
        Some(list) => {
            let quoted: Vec<String> = list.iter().map(|text| quote(text)).collect();
            format!("[{}]", quoted.join(", "))
        }
    };
    let variables = match event.variables {
        Some(1) => "1 var".to_owned(),
        Some(count) => format!("{count} vars"),
        None => "vars unknown".to_owned(),
    };
    let mut line = format!(
        "[pid {}] execve({}, {arguments}, {:#x} /* {variables} */) = ",
        event.pid,
        quote_whole(&event.path),
        event.array
    );
    if event.errno == 0 {
        line.push('0');
    } else {
        let error = nix::errno::Errno::from_raw(event.errno);
        let _infallible = write!(line, "-1 {error:?} ({})", error.desc());
    }
    line
}

/// Bytes of an argument that are shown, as by strace; paths are shown whole.
const MOST_SHOWN: usize = 32;

/// A C string literal; what is no printable ASCII becomes an escape, so that a trace cannot steer a terminal. A long one
/// is cut, with dots behind it.
fn quote(text: &str) -> String {
    match text.get(..text.floor_char_boundary(MOST_SHOWN)) {
        Some(start) if start.len() < text.len() => quote_whole(start) + "...",
        _ => quote_whole(text),
    }
}

fn quote_whole(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b'\n' => quoted.push_str("\\n"),
            b'\t' => quoted.push_str("\\t"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => {
                let _infallible = write!(quoted, "\\x{byte:02x}");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confirm::observer::Change;

    #[test]
    fn a_line_reads_like_straces() {
        let event = ExecEvent {
            pid: 17,
            starter: None,
            path: "/bin/sh".to_owned(),
            arguments: Some(vec!["sh".to_owned(), "-c".to_owned(), "echo \"a\"\n\u{1b}".to_owned()]),
            array: 0x5632_d7c5_d160,
            variables: Some(82),
            errno: 14,
            change: Change::Moved,
        };
        assert_eq!(
            trace_line(&event),
            r#"[pid 17] execve("/bin/sh", ["sh", "-c", "echo \"a\"\n\x1b"], 0x5632d7c5d160 /* 82 vars */) = -1 EFAULT (Bad address)"#
        );
        assert_eq!(quote(&"x".repeat(40)), format!("\"{}\"...", "x".repeat(32)));
        let fine = ExecEvent {
            errno: 0,
            variables: Some(1),
            arguments: None,
            ..event
        };
        assert_eq!(
            trace_line(&fine),
            r#"[pid 17] execve("/bin/sh", /* unreadable */, 0x5632d7c5d160 /* 1 var */) = 0"#
        );
    }
}
