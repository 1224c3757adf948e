//! What a trial can show, and whether that is evidence of a race.

/// What a trial showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symptom {
    /// A call failed with EFAULT: evidence.
    Fault,
    /// The same beside another symptom of the same trial, which is counted already.
    FaultToo,
    /// `system` and its like said 127 for a command that cannot be missing: evidence.
    Status127,
    /// A child lacked a variable that was always set, or had a doubled or foreign one: evidence.
    Torn,
    /// A reader did not get the value of a variable that was always set: evidence.
    WrongValue,
    /// A child was killed by this signal: evidence.
    ChildSignal(i32),
    /// A child waited for ever: evidence.
    Hang,
    /// Another errno, which has other causes.
    OtherError(i32),
    /// Another wait status, which has other causes.
    OtherStatus(i32),
}

/// Codes are `kind << 16 | number`, and never 0.
const KIND: i32 = 16;

impl Symptom {
    /// A number for shared memory, never 0.
    pub fn code(self) -> i32 {
        let (kind, number) = match self {
            Symptom::Fault => (1, 0),
            Symptom::FaultToo => (2, 0),
            Symptom::Status127 => (3, 0),
            Symptom::Torn => (4, 0),
            Symptom::WrongValue => (5, 0),
            Symptom::ChildSignal(signal) => (6, signal),
            Symptom::Hang => (7, 0),
            Symptom::OtherError(errno) => (8, errno),
            Symptom::OtherStatus(status) => (9, status),
        };
        kind << KIND | (number & 0xffff)
    }

    /// The symptom of a number.
    pub fn of_code(code: i32) -> Option<Symptom> {
        let number = code & 0xffff;
        Some(match code >> KIND {
            1 => Symptom::Fault,
            2 => Symptom::FaultToo,
            3 => Symptom::Status127,
            4 => Symptom::Torn,
            5 => Symptom::WrongValue,
            6 => Symptom::ChildSignal(number),
            7 => Symptom::Hang,
            8 => Symptom::OtherError(number),
            9 => Symptom::OtherStatus(number),
            _ => return None,
        })
    }

    /// Makes the trial a failure.
    pub fn is_evidence(self) -> bool {
        !self.is_spoiled() && self != Symptom::FaultToo
    }

    /// Makes the trial one that says nothing.
    pub fn is_spoiled(self) -> bool {
        matches!(self, Symptom::OtherError(_) | Symptom::OtherStatus(_))
    }

    /// The name in evidence.
    pub fn name(self) -> String {
        match self {
            Symptom::Fault | Symptom::FaultToo => "EFAULT".to_owned(),
            Symptom::Status127 => "status:32512".to_owned(),
            Symptom::Torn => "torn".to_owned(),
            Symptom::WrongValue => "wrong-value".to_owned(),
            Symptom::ChildSignal(signal) => format!("signal:{signal}"),
            Symptom::Hang => "hang".to_owned(),
            Symptom::OtherError(errno) => format!("{:?}", nix::errno::Errno::from_raw(errno)),
            Symptom::OtherStatus(status) => format!("status:{status}"),
        }
    }

    /// What an errno says.
    pub fn of_errno(errno: i32) -> Symptom {
        if errno == libc::EFAULT {
            Symptom::Fault
        } else {
            Symptom::OtherError(errno)
        }
    }

    /// What the wait status of a child that checks its environment says; `None` where all is well.
    pub fn of_status(status: i32) -> Option<Symptom> {
        if libc::WIFSIGNALED(status) {
            return Some(match libc::WTERMSIG(status) {
                libc::SIGALRM => Symptom::Hang,
                signal => Symptom::ChildSignal(signal),
            });
        }
        match libc::WEXITSTATUS(status) {
            0 => None,
            77..=79 => Some(Symptom::Torn),
            127 => Some(Symptom::Status127),
            _ => Some(Symptom::OtherStatus(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_come_back_as_what_they_were() {
        for symptom in [
            Symptom::Fault,
            Symptom::FaultToo,
            Symptom::Status127,
            Symptom::Torn,
            Symptom::WrongValue,
            Symptom::ChildSignal(11),
            Symptom::Hang,
            Symptom::OtherError(12),
            Symptom::OtherStatus(256),
        ] {
            assert_ne!(symptom.code(), 0);
            assert_eq!(Symptom::of_code(symptom.code()), Some(symptom));
        }
        assert_eq!(Symptom::of_code(0), None);
    }

    #[test]
    fn only_what_has_no_other_cause_is_evidence() {
        assert!(Symptom::of_errno(libc::EFAULT).is_evidence());
        assert!(!Symptom::of_errno(libc::ENOMEM).is_evidence());
        assert_eq!(Symptom::of_status(32512), Some(Symptom::Status127));
        assert_eq!(Symptom::of_status(77 << 8), Some(Symptom::Torn));
        assert_eq!(Symptom::of_status(0), None);
        assert_eq!(Symptom::of_status(11), Some(Symptom::ChildSignal(11)));
        assert_eq!(Symptom::of_status(1 << 8), Some(Symptom::OtherStatus(256)));
    }
}
