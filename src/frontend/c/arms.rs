//! The arms of conditionals: where each begins and ends, and whether it is compiled.

/// What is known of an arm of a conditional.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Presence {
    /// Surely compiled.
    Always,
    /// Surely not compiled, and why.
    Never(String),
    /// Compiled under this condition.
    When(String),
}

/// One arm of a conditional: the bytes between two of its lines.
#[derive(Debug)]
pub(super) struct Arm {
    pub presence: Presence,
    pub parent: Option<u32>,
    pub start: u32,
    pub end: u32,
}

/// All arms of a file.
#[derive(Debug, Default)]
pub(super) struct Arms {
    pub all: Vec<Arm>,
    /// From each offset on, which arm holds.
    pub borders: Vec<(u32, Option<u32>)>,
}

impl Arms {
    /// The innermost arm at an offset.
    pub fn at(&self, offset: u32) -> Option<u32> {
        let next = self.borders.partition_point(|(start, _)| *start <= offset);
        next.checked_sub(1).and_then(|index| self.borders[index].1)
    }

    /// The arms around an offset that matter (not those that are always compiled), outermost first.
    pub fn path(&self, offset: u32) -> Vec<u32> {
        let mut path = Vec::new();
        let mut arm = self.at(offset);
        while let Some(index) = arm {
            let found = &self.all[index as usize];
            if found.presence != Presence::Always {
                path.push(index);
            }
            arm = found.parent;
        }
        path.reverse();
        path
    }

    /// Whether some arm around `arm` (or itself) is never compiled.
    pub fn is_dead(&self, arm: Option<u32>) -> bool {
        self.any(arm, |presence| matches!(presence, Presence::Never(_)))
    }

    /// Whether some arm around `arm` (or itself) may be compiled or not.
    pub fn is_open(&self, arm: Option<u32>) -> bool {
        self.any(arm, |presence| matches!(presence, Presence::When(_)))
    }

    fn any(&self, mut arm: Option<u32>, accept: impl Fn(&Presence) -> bool) -> bool {
        while let Some(index) = arm {
            let found = &self.all[index as usize];
            if accept(&found.presence) {
                return true;
            }
            arm = found.parent;
        }
        false
    }
}
