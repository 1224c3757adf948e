//! A team of threads that run one region together (OpenMP): what of it two of them may do at the same time.
//!
//! The region is cut into phases by its barriers. Within a phase all members run the same code, except for the parts that
//! one of them runs alone; tasks are run by any member between the place where they are made and the next wait.

use crate::facts::{Argument, Region, Span, Value};
use crate::knowledge::{EntryId, MatchKind, Role, TeamPart};

use super::places::{Key, Keys};
use super::summary::{Access, Held};
use super::values::Values;
use super::walk::Walk;
use super::whose::Owners;

/// A part that one member runs; the first member's parts are all number 0.
type Alone = u32;

/// What the team has done so far, in the order of the code.
#[derive(Debug, Default)]
pub(super) struct Team {
    phase: u32,
    /// Phases that meet although they differ: a loop leads from the one back to the other.
    around: Vec<(u32, u32)>,
    parts: u32,
    alone: Vec<Alone>,
    task: Option<usize>,
    tasks: Vec<Task>,
    /// Where the outermost loop in the region began.
    loop_from: Option<usize>,
    made: Vec<Made>,
}

#[derive(Debug)]
struct Task {
    /// Accesses from this one on may happen beside it, up to the wait for it.
    from: usize,
    until: Option<usize>,
    /// Several of it may run.
    many: bool,
}

#[derive(Debug)]
struct Made {
    access: Access,
    phase: u32,
    alone: Vec<Alone>,
    task: Option<usize>,
}

impl Team {
    /// An access of the region.
    pub fn note(&mut self, access: &Access) {
        self.made.push(Made {
            access: access.clone(),
            phase: self.phase,
            alone: self.alone.clone(),
            task: self.task,
        });
    }

    fn barrier(&mut self) {
        self.phase += 1;
        self.taskwait();
    }

    fn taskwait(&mut self) {
        let now = self.made.len();
        for task in &mut self.tasks {
            task.until = task.until.or(Some(now));
        }
    }

    /// Enters a loop; what is returned is for [`Team::leave_loop`].
    pub fn enter_loop(&mut self) -> (u32, bool) {
        let outermost = self.loop_from.is_none();
        self.loop_from = self.loop_from.or(Some(self.made.len()));
        (self.phase, outermost)
    }

    /// Leaves it: its last phase may lead into its first.
    pub fn leave_loop(&mut self, (phase, outermost): (u32, bool)) {
        if phase != self.phase {
            self.around.push((phase, self.phase));
        }
        if outermost {
            self.loop_from = None;
        }
    }

    /// The accesses that two members may make at the same time.
    fn overlapping(&self) -> Vec<(&Access, &Access)> {
        let mut found = Vec::new();
        for (number, a) in self.made.iter().enumerate() {
            for (offset, b) in self.made[number..].iter().enumerate() {
                if self.overlap((number, a), (number + offset, b)) {
                    found.push((&a.access, &b.access));
                }
            }
        }
        found
    }

    fn overlap(&self, (i, a): (usize, &Made), (j, b): (usize, &Made)) -> bool {
        let phases = (a.phase.min(b.phase), a.phase.max(b.phase));
        if a.phase != b.phase && !self.around.contains(&phases) {
            return false;
        }
        let apart = !a.alone.iter().any(|part| b.alone.contains(part));
        match (a.task, b.task) {
            (None, None) => apart,
            (Some(task), None) => apart || self.tasks[task].is_open(j),
            (None, Some(task)) => apart || self.tasks[task].is_open(i),
            (Some(one), Some(other)) if one == other => apart || self.tasks[one].many,
            (Some(one), Some(other)) => {
                let (one, other) = (&self.tasks[one], &self.tasks[other]);
                let before = |a: &Task, b: &Task| a.until.is_none_or(|until| b.from < until);
                apart || before(one, other) && before(other, one)
            }
        }
    }
}

impl Task {
    fn is_open(&self, at: usize) -> bool {
        at >= self.from && self.until.is_none_or(|until| at < until)
    }
}

impl<'t> Walk<'_, 't> {
    /// A region under a pragma.
    pub(super) fn pragma(&mut self, region: &'t Region, text: &str) {
        let known = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let entries = self.engine.values.pragma_entries(self.here, &known);
        let catalog = self.engine.values.catalog;
        let roles: Vec<&Role> = entries.iter().map(|id| &catalog.entry(*id).role).collect();
        if roles.contains(&&Role::Inert) {
            return self.nodes(&region.nodes);
        }
        if roles.iter().any(|role| matches!(role, Role::Start { .. })) {
            return self.parallel_region(region);
        }
        for role in &roles {
            match role {
                Role::Lock { shared, .. } => {
                    let path = &catalog.entry(entries[0]).path;
                    return self.locked_region(region, path, &known, *shared);
                }
                Role::Team {
                    part,
                    barrier,
                    taskwait,
                } => return self.team_part(region, *part, *barrier, *taskwait),
                _ => {}
            }
        }
        self.nodes(&region.nodes)
    }

    /// The region runs on several threads at once, which end with it.
    fn parallel_region(&mut self, region: &'t Region) {
        let outer = self.team.replace(Team::default());
        self.nodes(&region.nodes);
        let team = std::mem::replace(&mut self.team, outer).unwrap_or_default();
        self.engine.meet_team(self.key.function, team.overlapping());
        if let Some(outer) = &mut self.team {
            for made in &team.made {
                outer.note(&made.access);
            }
        }
    }

    /// One lock for each name that stands after the pragma in parentheses.
    fn locked_region(&mut self, region: &'t Region, path: &str, text: &str, shared: bool) {
        let rest = text[path.len()..].trim();
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let name = match name {
            Some((name, _)) => format!("{path}({})", name.trim()),
            None => path.to_owned(),
        };
        let keys = Keys::of(vec![Key::Outside(name.as_str().into())]);
        self.state.guards.push(Held {
            keys: keys.clone(),
            of: Owners::default(),
            name: name.into(),
            holder: None,
            test: None,
            shared,
        });
        self.nodes(&region.nodes);
        self.state.release(&keys);
    }

    fn team_part(&mut self, region: &'t Region, part: TeamPart, barrier: bool, taskwait: bool) {
        let many = self.loops > 0;
        let Some(team) = &mut self.team else {
            // The team is that of some caller: a task may run beside its like there.
            return match part {
                TeamPart::Task | TeamPart::Tasks => self.parallel_region(region),
                _ => self.nodes(&region.nodes),
            };
        };
        let depth = team.alone.len();
        let outer = team.task;
        match part {
            TeamPart::All => {}
            TeamPart::First => team.alone.push(0),
            TeamPart::One => {
                team.parts += 1;
                team.alone.push(team.parts);
            }
            TeamPart::Task | TeamPart::Tasks => {
                team.tasks.push(Task {
                    from: team.loop_from.unwrap_or(team.made.len()),
                    until: None,
                    many: part == TeamPart::Tasks || many && team.loop_from.is_some(),
                });
                team.task = Some(team.tasks.len() - 1);
            }
        }
        self.nodes(&region.nodes);
        let Some(team) = &mut self.team else { return };
        team.alone.truncate(depth);
        team.task = outer;
        if barrier {
            team.barrier();
        } else if taskwait {
            team.taskwait();
        }
    }
}

impl Values<'_> {
    /// The entries that a pragma means: those of the longest match whose demands on the clauses hold.
    fn pragma_entries(&self, func: super::tree::FuncId, text: &str) -> Vec<EntryId> {
        let language = self.tree.language(func);
        let fits = |path: &str| {
            text.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(']))
        };
        let known: Vec<_> = self
            .catalog
            .iter()
            .filter(|(_, entry)| entry.language == language && entry.kind == MatchKind::Pragma && fits(&entry.path))
            .collect();
        let longest = known.iter().map(|(_, entry)| entry.path.len()).max();
        let longest = known.into_iter().filter(|(_, entry)| Some(entry.path.len()) == longest);
        let mut found = Vec::new();
        for (id, entry) in longest {
            let clauses = clauses(&text[entry.path.len()..]);
            if self.clauses_fit(func, &clauses, &entry.arguments) {
                found.push(id);
            }
        }
        found
    }
}

/// `nowait if(n > 1) num_threads(4)` as keyword arguments; what is no number is not evaluated.
fn clauses(text: &str) -> Vec<Argument> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let end = rest.find([' ', ',', '(']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('(') {
            Some(inner) => {
                let close = closing(inner);
                let text = inner[..close].trim();
                let value = text.parse().map_or(Value::Unknown, Value::Int);
                (value, inner.get(close + 1..).unwrap_or(""))
            }
            None => (Value::Bool(true), after),
        };
        found.push(Argument {
            name: Some(name.into()),
            value,
            span: Span::default(),
        });
        rest = after.trim_start_matches([' ', ',']);
    }
    found
}

/// Where the parenthesis that is open at the beginning is closed.
fn closing(text: &str) -> usize {
    let mut depth = 0;
    text.find(|sign| {
        depth += i32::from(sign == '(') - i32::from(sign == ')');
        depth < 0
    })
    .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::clauses;
    use crate::facts::{Name, Value};

    #[test]
    fn clauses_are_keyword_arguments() {
        let cases: [(&str, &[(&str, Value)]); 4] = [
            ("", &[]),
            (" nowait", &[("nowait", Value::Bool(true))]),
            (
                " if(0), nowait",
                &[("if", Value::Int(0)), ("nowait", Value::Bool(true))],
            ),
            (
                " if (f(n) > 1) num_threads(4)",
                &[("if", Value::Unknown), ("num_threads", Value::Int(4))],
            ),
        ];
        for (text, expected) in cases {
            let found: Vec<(Name, Value)> = clauses(text)
                .into_iter()
                .map(|clause| (clause.name.unwrap_or_default(), clause.value))
                .collect();
            let expected: Vec<(Name, Value)> = expected
                .iter()
                .map(|(name, value)| ((*name).into(), value.clone()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
