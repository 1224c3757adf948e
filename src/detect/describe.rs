//! The words and places that all rules share: sites, chains, threads, and why the two sides overlap.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::facts::{Language, Span};
use crate::finding::{
    ArrayState, Confidence, Effect, Guard, Location, Overlap, PartnerKind, Side, Site, Status, Step, Thread,
};
use crate::input::Sources;
use crate::knowledge::{Entry, EntryId, MatchKind, PairVerdict, Role, Shape};
use crate::model::{
    AccessKind, Chain, ChainStep, Engine, FuncId, Pair, PairKind, PairSide, Program, SiteInfo, StartId, same_variable,
};

use super::{Case, Options};

/// What a rule needs to speak of a pair.
pub struct Describe<'p, 't> {
    engine: &'p Engine<'t>,
    sources: &'p Sources,
    options: &'p Options,
    /// The verdicts of lone mutations, by the entries that they are: a library has thousands of a few kinds.
    lone: RefCell<HashMap<Vec<EntryId>, PairVerdict>>,
}

impl<'p, 't> Describe<'p, 't> {
    /// Speaks of one program.
    pub fn new(program: &'p Program<'t>, sources: &'p Sources, options: &'p Options) -> Describe<'p, 't> {
        Describe {
            engine: &program.engine,
            sources,
            options,
            lone: RefCell::default(),
        }
    }

    fn info(&self, side: &PairSide) -> &SiteInfo {
        self.engine.sites.get(side.access.site)
    }

    /// A span of a function's file as a location.
    pub fn location(&self, func: FuncId, span: Span) -> Location {
        Location {
            path: self.path(func).to_owned(),
            line: span.line,
            column: span.column,
            end_line: span.end_line,
            end_column: span.end_column,
        }
    }

    fn path(&self, func: FuncId) -> &str {
        let tree = self.engine.values.tree;
        &tree.file(tree.file_of(func)).path
    }

    /// `path:line` of a side's site.
    pub fn place(&self, side: &PairSide) -> String {
        let info = self.info(side);
        format!("{}:{}", self.path(info.function), info.span.line)
    }

    /// How a person writes what the site does.
    pub fn api(&self, side: &PairSide) -> String {
        let info = self.info(side);
        match (info.shape, info.display.strip_suffix(" = v")) {
            (Some(Shape::Overwrite), Some(place)) => format!("{place} += v"),
            _ => info.display.clone(),
        }
    }

    /// The site of a side, with its chain.
    /// `thread` is the side's among the overlap's.
    pub fn site(&self, side: &PairSide, thread: Option<u32>) -> Site {
        let info = self.info(side);
        let location = self.location(info.function, info.span);
        let catalog = self.engine.values.catalog;
        let shape = (info.kind == AccessKind::Mutation).then(|| shape_name(self.shape(side)).to_owned());
        Site {
            code: self.code(&location.path, info.span),
            api: self.api(side),
            entries: info
                .entries
                .iter()
                .map(|id| catalog.entry(*id).text.clone())
                .fold(Vec::new(), |mut all, text| {
                    if !all.contains(&text) {
                        all.push(text);
                    }
                    all
                }),
            variable: info.variable.clone(),
            shape,
            function: self.engine.values.tree.display(info.function),
            chain: self.steps(&side.access.chain),
            thread,
            repeated: side.access.repeated || side.many,
            language: info.language.name().to_owned(),
            spawns: self.engine.spawned(info),
            location,
        }
    }

    /// The source text, white space folded.
    fn code(&self, path: &str, span: Span) -> String {
        let text = self
            .sources
            .text(path)
            .and_then(|text| text.get(span.start as usize..span.end as usize));
        text.unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn steps(&self, chain: &Chain) -> Vec<Step> {
        self.chain(&chain.steps())
    }

    /// Steps as places with words.
    pub fn chain(&self, steps: &[ChainStep]) -> Vec<Step> {
        steps
            .iter()
            .map(|step| Step {
                path: self.path(step.function).to_owned(),
                line: step.span.line,
                column: step.span.column,
                function: self.engine.values.tree.display(step.function),
                note: step.note.to_string(),
            })
            .collect()
    }

    /// What the partner is.
    pub fn partner_kind(&self, case: &Case<'_>) -> PartnerKind {
        match case.partner {
            AccessKind::Spawn => PartnerKind::Spawn,
            AccessKind::Read => PartnerKind::Read,
            AccessKind::Mutation => PartnerKind::Mutation,
            AccessKind::Fork => PartnerKind::Fork,
        }
    }

    /// Who runs a side: a thread by its entry, or the thread that started it.
    pub fn who(&self, side: &PairSide) -> String {
        match side.thread {
            Some(start) => format!("the thread of {}", self.thread_name(start)),
            None => "the thread that started it".to_owned(),
        }
    }

    /// The name of the function that a thread runs.
    pub fn thread_name(&self, start: StartId) -> String {
        let info = self.engine.start(start);
        let names: Vec<String> = info
            .entries
            .iter()
            .map(|func| self.engine.values.tree.display(*func))
            .collect();
        match names.as_slice() {
            [] => info
                .outside
                .first()
                .cloned()
                .unwrap_or_else(|| "unknown code".to_owned()),
            [only] => only.clone(),
            [first, ..] => format!("{first} and {} more", names.len() - 1),
        }
    }

    /// Why the two sides overlap.
    pub fn overlap(&self, pair: &Pair) -> Overlap {
        if pair.kind == PairKind::Tests {
            return self.tests_overlap(pair);
        }
        let mut threads: Vec<Thread> = Vec::new();
        let mut seen: Vec<StartId> = Vec::new();
        for side in [&pair.mutation, &pair.partner] {
            if let Some(start) = side.thread
                && !seen.contains(&start)
            {
                seen.push(start);
                threads.push(self.thread(start, side));
            }
        }
        if threads.is_empty() {
            threads.push(self.team(pair));
        }
        let ancestor = pair
            .owner
            .as_deref()
            .map_or_else(|| self.engine.values.tree.display(pair.ancestor), str::to_owned);
        Overlap {
            reason: self.reason(pair, &threads, &ancestor),
            threads,
            ancestor,
        }
    }

    /// Which of the overlap's threads makes the mutation, and which the partner.
    pub fn sides(&self, pair: &Pair) -> (Option<u32>, Option<u32>) {
        let first = pair.mutation.thread.map(|_| 0);
        match (pair.kind, pair.mutation.thread, pair.partner.thread) {
            (PairKind::Tests, ..) => (Some(0), Some(1)),
            // The child's fork is made where the mutation is; the partner's thread is one that is alive meanwhile.
            (PairKind::ForkWindow, ..) => (first, first),
            // A team of threads that run one region.
            (PairKind::Race, None, None) => (Some(0), Some(0)),
            (PairKind::Race, a, Some(b)) if a.is_none_or(|a| a == b) => (first, Some(0)),
            (PairKind::Race, _, Some(_)) => (first, Some(1)),
            (PairKind::Race, Some(_), None) => (first, None),
        }
    }

    fn thread(&self, start: StartId, side: &PairSide) -> Thread {
        let info = self.engine.start(start);
        let tree = self.engine.values.tree;
        let at = |site: crate::model::CallSite| self.location(site.0, tree.call(site).span);
        let joined = side.weak_join.or_else(|| self.engine.joined_at(start));
        let note = match (side.weak_join, joined, info.detached) {
            (Some(_), _, _) => Some(side_doubt(side)),
            (None, None, true) => Some("nobody waits for it: it is a daemon or detached".to_owned()),
            (None, None, false) => Some("nothing joins it".to_owned()),
            (None, Some(_), _) => None,
        };
        Thread {
            created: at(info.created),
            start: at(info.site),
            entry: self.thread_name(start),
            many: side.many,
            joined: joined.map(|(func, span)| self.location(func, span)),
            note,
        }
    }

    /// A team of threads that runs a region of the function itself.
    fn team(&self, pair: &Pair) -> Thread {
        let info = self.info(&pair.mutation);
        let here = self.location(info.function, info.span);
        Thread {
            created: here.clone(),
            start: here,
            entry: self.engine.values.tree.display(info.function),
            many: true,
            joined: None,
            note: None,
        }
    }

    fn reason(&self, pair: &Pair, threads: &[Thread], ancestor: &str) -> String {
        let Some(first) = threads.first() else {
            return String::new();
        };
        let start = format!("{}:{}", first.start.path, first.start.line);
        let until = match &first.joined {
            Some(joined) if first.note.is_none() => format!(", joined only at {}:{}", joined.path, joined.line),
            Some(joined) => format!(", and the join at {}:{} may not end it", joined.path, joined.line),
            None => ", and nothing joins it".to_owned(),
        };
        if pair.kind == PairKind::ForkWindow {
            return format!(
                "the thread of {} is started at {start}{until}, so the process that forks has threads",
                first.entry
            );
        }
        match (pair.mutation.thread, pair.partner.thread) {
            (Some(a), Some(b)) if a == b => {
                let times = if first.many {
                    "several of them run at once"
                } else {
                    "it is started more than once"
                };
                format!("the thread of {} is started at {start}{until}; {times}", first.entry)
            }
            (Some(_), Some(_)) => {
                let second = threads.get(1).map_or_else(String::new, |thread| {
                    format!(
                        " and that of {} at {}:{}",
                        thread.entry, thread.start.path, thread.start.line
                    )
                });
                format!(
                    "the thread of {} is started at {start}{second}; both may be alive at once",
                    first.entry
                )
            }
            _ => match &pair.owner {
                Some(owner) => format!(
                    "the thread of {} is started at {start}{until}; the other public functions of {owner} may run meanwhile",
                    first.entry
                ),
                None => format!(
                    "the thread of {} is started at {start}{until}; {ancestor} goes on meanwhile",
                    first.entry
                ),
            },
        }
    }

    fn tests_overlap(&self, pair: &Pair) -> Overlap {
        let names = self.tests(pair);
        let tree = self.engine.values.tree;
        let thread = |func: FuncId, entry: &str| {
            let location = self.location(func, tree.function(func).name_span);
            Thread {
                created: location.clone(),
                start: location,
                entry: entry.to_owned(),
                many: false,
                joined: None,
                note: None,
            }
        };
        let other = pair.partner_test.unwrap_or(pair.ancestor);
        Overlap {
            reason: format!(
                "{} of one binary, which runs its tests on threads of one process",
                match self.is_one_test(pair) {
                    true => format!("the cases of {} are tests", names.0),
                    false => format!("{} and {} are tests", names.0, names.1),
                }
            ),
            threads: match self.is_one_test(pair) {
                true => vec![Thread {
                    many: true,
                    ..thread(other, &names.1)
                }],
                false => vec![thread(pair.ancestor, &names.0), thread(other, &names.1)],
            },
            ancestor: "the test harness".to_owned(),
        }
    }

    /// The two tests are cases of one function.
    pub fn is_one_test(&self, pair: &Pair) -> bool {
        pair.partner_test.is_none_or(|test| test == pair.ancestor)
    }

    /// The names of the two tests.
    pub fn tests(&self, pair: &Pair) -> (String, String) {
        let tree = self.engine.values.tree;
        let other = pair.partner_test.unwrap_or(pair.ancestor);
        (tree.display(pair.ancestor), tree.display(other))
    }

    /// Locks that one side holds and the other does not.
    pub fn guards(&self, pair: &Pair) -> Vec<Guard> {
        let sides = [(&pair.mutation, Side::Mutation), (&pair.partner, Side::Partner)];
        let mut found: Vec<Guard> = Vec::new();
        for (side, which) in sides {
            for held in side.access.around.guards() {
                let guard = Guard {
                    name: held.name.to_string(),
                    side: which,
                };
                if !guard.name.is_empty() && !found.contains(&guard) {
                    found.push(guard);
                }
            }
        }
        found
    }

    /// What becomes of the spawn's result.
    pub fn status(&self, case: &Case<'_>) -> Option<Status> {
        self.info(&case.pair.partner).status.clone()
    }

    /// How sure, and what makes it less than sure.
    pub fn confidence(&self, case: &Case<'_>) -> (Confidence, Vec<String>) {
        let mut confidence = case.pair.certainty.confidence;
        let mut doubts: Vec<String> = case
            .pair
            .certainty
            .doubt
            .iter()
            .map(|doubt| doubt.to_string())
            .collect();
        if case.verdict.rare && confidence > Confidence::Low {
            confidence = Confidence::Low;
            doubts.push(rare_because(case.partner).to_owned());
        }
        if let Some(doubt) = self.doubted(&case.pair.partner) {
            confidence = Confidence::Low;
            doubts.push(doubt.to_owned());
        }
        let by_name = matches!(case.partner, AccessKind::Read | AccessKind::Mutation);
        if by_name
            && case.pair.kind != PairKind::ForkWindow
            && case.verdict.effect == Effect::Environment
            && !self.same_variable(case.pair)
            && confidence > Confidence::Low
        {
            confidence = Confidence::Low;
            doubts.push("the name of the variable is not known on both sides".to_owned());
        }
        if self.forks_under_gil(case) {
            confidence = Confidence::Low;
            doubts.push(
                "the GIL is held at the fork and by whoever changes `os.environ`, so that it takes a thread of C code, or a \
                 build without the GIL"
                    .to_owned(),
            );
        }
        if self.may_have_environment(&case.pair.partner) && confidence > Confidence::Medium {
            confidence = Confidence::Medium;
            doubts.push("the keywords that are passed on may hold an environment of its own".to_owned());
        }
        (confidence, doubts)
    }

    /// Whether the partner hardly ever comes to what the mutation changes, however surely the two run at once.
    pub fn is_rare(&self, case: &Case<'_>) -> bool {
        case.verdict.rare || self.doubted(&case.pair.partner).is_some()
    }

    /// Python's own forks: no thread of the interpreter holds the C library's lock meanwhile. CPython Modules/posixmodule.c
    /// os_fork_impl and Modules/_posixsubprocess.c fork with the GIL held, as os_putenv_impl changes the environment.
    pub fn forks_under_gil(&self, case: &Case<'_>) -> bool {
        let is_python = |side: &PairSide| self.info(side).language == Language::Python;
        case.pair.kind == PairKind::ForkWindow && is_python(&case.pair.mutation) && is_python(&case.pair.partner)
    }

    /// Why a read may not look at the environment at all, by what all entries of the catalog say that it meets.
    pub fn doubted(&self, side: &PairSide) -> Option<&str> {
        let catalog = self.engine.values.catalog;
        let entries = &self.info(side).entries;
        let mut doubts = entries.iter().filter_map(|id| match &catalog.entry(*id).role {
            Role::Read { doubt, .. } => Some(doubt.as_deref()),
            _ => None,
        });
        let first = doubts.next()??;
        doubts.all(|doubt| doubt.is_some()).then_some(first)
    }

    /// A spawn whose `**kwargs` may hold `env=`.
    fn may_have_environment(&self, side: &PairSide) -> bool {
        let info = self.info(side);
        let function = self.engine.values.tree.function(info.function);
        info.kind == AccessKind::Spawn
            && function
                .calls
                .iter()
                .any(|call| call.span == info.span && call.args.iter().any(|arg| arg.name.as_deref() == Some("**")))
    }

    /// Both names are known, and differ.
    pub fn different_variables(&self, pair: &Pair) -> bool {
        let (a, b) = (self.variables(&pair.mutation), self.variables(&pair.partner));
        !a.is_empty() && !b.is_empty() && !share_variable(&a, &b)
    }

    /// Both names are known, and one is common.
    pub fn same_variable(&self, pair: &Pair) -> bool {
        self.reads_everything(&pair.partner) || self.names_same_variable(pair)
    }

    /// Both sides name a variable, and it is one.
    pub fn names_same_variable(&self, pair: &Pair) -> bool {
        let (a, b) = (self.sure_variables(&pair.mutation), self.sure_variables(&pair.partner));
        share_variable(&a, &b)
    }

    /// Two changes of one variable after which it is the same, whichever comes last.
    pub fn leave_same(&self, pair: &Pair) -> bool {
        self.names_same_variable(pair) && self.engine.leaves_same(&pair.mutation.access, &pair.partner.access)
    }

    /// The variable that is changed, where it is known.
    pub fn mutated_name(&self, pair: &Pair) -> Option<&str> {
        self.info(&pair.mutation).variable.as_deref()
    }

    /// A copy or walk of the whole environment.
    fn reads_everything(&self, side: &PairSide) -> bool {
        let info = self.info(side);
        let catalog = self.engine.values.catalog;
        info.kind == AccessKind::Read && info.entries.iter().all(|id| catalog.entry(*id).role.reads_everything())
    }

    /// All variables that a side can be about.
    fn variables(&self, side: &PairSide) -> Vec<String> {
        let known = self.written_variables(side);
        match known.is_empty() {
            true => self.engine.names_of_site(side.access.site),
            false => known,
        }
    }

    /// The variables that a side is about, on the way that is shown.
    fn sure_variables(&self, side: &PairSide) -> Vec<String> {
        let known = self.written_variables(side);
        if !known.is_empty() {
            return known;
        }
        let mut names = self.engine.names_on_way(&side.access);
        if names.len() > 1 && !self.engine.is_about_all(&side.access) {
            names.clear();
        }
        names
    }

    fn written_variables(&self, side: &PairSide) -> Vec<String> {
        let info = self.info(side);
        info.variable.iter().chain(&info.variables).cloned().collect()
    }

    /// Whether `environ` can be a heap array when the threads start; only said of additions beside spawns, where it
    /// decides.
    pub fn array(&self, case: &Case<'_>) -> Option<ArrayState> {
        let site = case.pair.mutation.access.site;
        let decides = case.partner == AccessKind::Spawn
            && case.verdict.effect == Effect::Memory
            && matches!(self.shape(&case.pair.mutation), Shape::Add | Shape::Unknown)
            && !self.stores_array(site);
        if !decides {
            return None;
        }
        let earlier = case.pair.heap.filter(|heap| *heap != site);
        let earlier = earlier.or_else(|| self.engine.heap_before(case.pair.ancestor).filter(|heap| *heap != site));
        if let Some(heap) = earlier {
            let info = self.engine.sites.get(heap);
            let place = format!("{}:{}", self.path(info.function), info.span.line);
            return Some(ArrayState {
                heap: true,
                reason: format!(
                    "environ can be a heap array when the threads start: {} at {place} comes first",
                    info.display
                ),
            });
        }
        if case.pair.mutation.access.repeated || case.pair.mutation.many {
            return Some(ArrayState {
                heap: true,
                reason:
                    "the mutation may run more than once: its first addition makes environ a heap array, the next one \
                         moves it"
                        .to_owned(),
            });
        }
        if self.info(&case.pair.mutation).language == Language::Python {
            return Some(ArrayState {
                heap: true,
                reason: "environ is a heap array from the beginning where LANG is unset or C, since CPython then sets LC_CTYPE \
                         itself (PEP 538)"
                    .to_owned(),
            });
        }
        Some(ArrayState {
            heap: false,
            reason: "nothing seen here adds a variable before the threads start and this mutation runs once; the kernel's own \
                     array is never freed, so it does harm only where something else has added one before"
                .to_owned(),
        })
    }

    /// `environ = p`, `environ[i] = p`: the array itself, whatever made it.
    fn stores_array(&self, site: crate::model::SiteId) -> bool {
        self.array_stores(site).next().is_some()
    }

    /// `environ[i] = p`.
    fn stores_entry(&self, site: crate::model::SiteId) -> bool {
        self.array_stores(site).any(|entry| entry.text.ends_with("[]"))
    }

    /// The catalog's entries by which a site stores into C's array or its pointer.
    fn array_stores(&self, site: crate::model::SiteId) -> impl Iterator<Item = &Entry> {
        let info = self.engine.sites.get(site);
        let entries = info.entries.iter().map(|id| self.engine.values.catalog.entry(*id));
        entries.filter(move |entry| info.language == Language::C && entry.kind == MatchKind::Store)
    }

    /// Whether a mutation takes a lock or allocates: all but a bare store to `environ`.
    pub fn takes_a_lock(&self, side: &PairSide) -> bool {
        !self.stores_array(side.access.site)
    }

    /// What a side's own entry advises beside a mutation of this shape.
    pub fn advice(&self, side: &PairSide, case: &Case<'_>) -> Option<String> {
        let catalog = self.engine.values.catalog;
        let shape = self.shape(&case.pair.mutation);
        let entries = self.info(side).entries.iter().map(|id| catalog.entry(*id));
        entries
            .filter(|entry| entry.help_beside.is_empty() || entry.help_beside.contains(&shape))
            .find_map(|entry| entry.help.clone())
    }

    /// What to do instead: the entry's own advice, else the rule of thumb.
    pub fn help(&self, case: &Case<'_>) -> String {
        let advice = |side: &PairSide| self.advice(side, case);
        let mut help = advice(&case.pair.mutation).unwrap_or_else(|| {
            "change the environment before the first thread starts, or after the last one was joined".to_owned()
        });
        if let Some(more) = advice(&case.pair.partner)
            && !help.contains(&more)
        {
            help = format!("{help}; {more}");
        }
        if let [guard, ..] = self.guards(case.pair).as_slice() {
            let other = match guard.side {
                Side::Mutation => (&case.pair.partner, "the partner"),
                Side::Partner => (&case.pair.mutation, "the mutation"),
            };
            help = format!(
                "{help}; or take {} at {} ({}) as well",
                guard.name,
                self.place(other.0),
                other.1
            );
        }
        help
    }

    /// The shape of a mutation, on the ways on which it is made.
    pub fn shape(&self, side: &PairSide) -> Shape {
        match side.overwrites {
            true => Shape::Overwrite,
            false => self.engine.shape(side.access.site),
        }
    }

    /// What the mutation does to the array.
    pub fn what_changes(&self, case: &Case<'_>) -> &'static str {
        let site = case.pair.mutation.access.site;
        if self.stores_array(site) {
            return match self.stores_entry(site) {
                true => "an entry of the array becomes another one where it stands",
                false => "another array takes the place of the one that was there",
            };
        }
        match self.shape(&case.pair.mutation) {
            Shape::Add | Shape::Unknown => "the array grows, moves, and its old memory is freed",
            Shape::Overwrite => "the old string is freed",
            Shape::Delete => "the entries behind it move down and the array ends earlier",
            Shape::Clear => "the array is emptied and filled again",
        }
    }

    /// What the user sees of a failed spawn.
    pub fn symptom(&self, case: &Case<'_>) -> String {
        let seen = "EFAULT, or a child with foreign or missing variables";
        match self.status(case) {
            Some(Status {
                kind: crate::finding::StatusKind::SilentExit,
                line,
            }) => {
                format!("{seen}; line {line} then ends the program without a word")
            }
            Some(Status {
                kind: crate::finding::StatusKind::Dropped,
                ..
            }) => {
                format!("{seen}; nobody looks at the result")
            }
            _ => seen.to_owned(),
        }
    }

    /// The verdict on a mutation in the fork window.
    pub fn fork_verdict(&self) -> PairVerdict {
        PairVerdict {
            effect: Effect::Deadlock,
            holds_for: vec!["glibc".to_owned(), "musl (crash)".to_owned()],
            musl_only: false,
            nearly_nowhere: false,
            rare: false,
            why: "the child waits for a lock that nobody will release".to_owned(),
        }
    }

    /// The worst that a lone mutation can do to an unknown caller.
    pub fn lone_verdict(&self, side: &PairSide) -> PairVerdict {
        let entries = &self.info(side).entries;
        if let Some(known) = self.lone.borrow().get(entries) {
            return known.clone();
        }
        let found = self.find_lone_verdict(side);
        self.lone.borrow_mut().insert(entries.clone(), found.clone());
        found
    }

    fn find_lone_verdict(&self, side: &PairSide) -> PairVerdict {
        let catalog = self.engine.values.catalog;
        let language = self.info(side).language;
        // Beside the spawn that is worst in its own language: what the verdict is for the callers' worst case.
        let worst = catalog
            .iter()
            .filter(|(_, entry)| {
                entry.language == language && matches!(entry.role, Role::Spawn { .. } | Role::Read { .. })
            })
            .filter_map(|(id, _)| {
                crate::knowledge::pair_verdict(catalog, &self.info(side).entries, &[id], &self.options.target)
            })
            .max_by_key(|verdict| (verdict.effect, !verdict.rare, !verdict.musl_only));
        worst.unwrap_or_else(|| PairVerdict {
            effect: Effect::Environment,
            holds_for: Vec::new(),
            musl_only: false,
            nearly_nowhere: false,
            rare: false,
            why: String::new(),
        })
    }
}

fn side_doubt(side: &PairSide) -> String {
    side.access.certainty.doubt.as_ref().map_or_else(
        || "the join does not surely end it".to_owned(),
        |doubt| doubt.to_string(),
    )
}

fn shape_name(shape: Shape) -> &'static str {
    match shape {
        Shape::Add => "add",
        Shape::Overwrite => "overwrite",
        Shape::Delete => "delete",
        Shape::Clear => "clear",
        Shape::Unknown => "unknown",
    }
}

fn share_variable(a: &[String], b: &[String]) -> bool {
    a.iter().any(|name| b.iter().any(|other| same_variable(name, other)))
}

/// Why an effect that is real shows rarely, by what the partner does.
fn rare_because(partner: AccessKind) -> &'static str {
    match partner {
        AccessKind::Read => {
            "whether it looks at the environment at all depends on what it is handed, or on what came before"
        }
        _ => "fork copies the environment, and only an instant of the mutation shows in the copy",
    }
}
