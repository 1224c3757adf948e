//! Each program's threads as a picture shows them: places and words instead of indices.

use crate::finding::{Finding, Location, PartnerKind, Step};
use crate::model::{self, AccessKind, FuncId, LaneEvent, Lanes, Moment, Pair, Program, RootKind, Runner};

use super::describe::Describe;
use super::library_mutates_env;

/// A program with its threads. Paths are relative to the project's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramView {
    /// `build.py`, `main in src/main.rs`.
    pub name: String,
    /// `script`, `main`, `function`, `class or file`, `library`, `tests`.
    pub kind: &'static str,
    pub lanes: Vec<LaneView>,
    pub events: Vec<EventView>,
    /// Lanes and accesses that were left out.
    pub hidden: u32,
}

/// A thread, or several that do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneView {
    /// The function that it runs.
    pub name: String,
    pub many: bool,
    pub place: Location,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Mutation,
    Spawn,
    Read,
    /// Of the lane of that number.
    Start(usize),
    Join {
        lane: usize,
        sure: bool,
    },
}

/// Something that happens on a lane, in the order of the program's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    pub lane: usize,
    pub kind: EventKind,
    /// What it is, as a person writes it: `os.environ[k] = v`.
    pub label: String,
    /// The variable where it is known.
    pub variable: Option<String>,
    pub place: Location,
    pub function: String,
    /// The calls that lead to it from the beginning of its lane.
    pub chain: Vec<Step>,
    pub repeated: bool,
}

/// The kind of a program that is a file's public functions, called from threads that nobody here knows.
const LIBRARY: &str = "library";

/// The programs of a tree, those with findings first.
pub fn programs(
    program: &mut Program<'_>,
    sources: &crate::input::Sources,
    options: &super::Options,
    findings: &[Finding],
) -> Vec<ProgramView> {
    let (reported, open) = {
        let describe = Describe::new(program, sources, options);
        let engine = &program.engine;
        let place = |site| {
            let info = engine.sites.get(site);
            describe.location(info.function, info.span)
        };
        let known: std::collections::HashSet<(&Location, Option<&Location>)> = findings
            .iter()
            .map(|finding| {
                let partner = finding.partner.as_ref().map(|site| &site.location);
                (&finding.mutation.location, partner)
            })
            .collect();
        let is_reported = |pair: &&Pair| {
            let (mutation, partner) = (place(pair.mutation.access.site), place(pair.partner.access.site));
            known.contains(&(&mutation, Some(&partner)))
        };
        let reported: Vec<Pair> = engine.pairs.iter().filter(is_reported).cloned().collect();
        let alone: Vec<&Finding> = findings.iter().filter(|finding| finding.partner.is_none()).collect();
        let open = library_mutates_env::open_mutations(engine).filter(|(func, access)| {
            let (name, at) = (engine.values.tree.display(*func), place(access.site));
            let is_it = |finding: &&Finding| finding.overlap.ancestor == name && finding.mutation.location == at;
            alone.iter().any(is_it)
        });
        let open: Vec<model::Open> = open.map(|(func, access)| (func, access.clone())).collect();
        (reported, open)
    };
    let lanes = model::lanes(&mut program.engine, &reported, &open);
    let describe = Describe::new(program, sources, options);
    let mut views: Vec<ProgramView> = lanes.iter().map(|lanes| view(program, &describe, lanes)).collect();
    views.sort_by_key(|view| std::cmp::Reverse(links(view, findings).len().min(1)));
    views
}

fn view(program: &Program<'_>, describe: &Describe<'_, '_>, lanes: &Lanes) -> ProgramView {
    let tree = program.engine.values.tree;
    let path = |func: FuncId| &tree.file(tree.file_of(func)).path;
    let root = lanes.root;
    let name = match &lanes.kind {
        RootKind::Script | RootKind::Library => path(root).clone(),
        RootKind::Main | RootKind::Function => format!("{} in {}", tree.display(root), path(root)),
        RootKind::Owner(owner) => owner.to_string(),
        RootKind::Tests => format!("tests beside {}", path(root)),
    };
    let kind = match &lanes.kind {
        RootKind::Script => "script",
        RootKind::Main => "main",
        RootKind::Function => "function",
        RootKind::Owner(_) => "class or file",
        RootKind::Library => LIBRARY,
        RootKind::Tests => "tests",
    };
    let lane = |lane: &model::Lane| {
        let (name, func) = match lane.runner {
            // The program's name says whose.
            Runner::First if matches!(lanes.kind, RootKind::Owner(_) | RootKind::Library) => {
                ("callers".to_owned(), root)
            }
            Runner::First if lanes.kind == RootKind::Script => ("main thread".to_owned(), root),
            Runner::First => (tree.display(root), root),
            Runner::Test(test) => (tree.display(test), test),
            Runner::Thread(start) => {
                let info = program.engine.start(start);
                let entry = info.entries.first().copied().unwrap_or(info.created.0);
                (describe.thread_name(start), entry)
            }
        };
        LaneView {
            name,
            many: lane.many,
            place: describe.location(func, tree.function(func).name_span),
        }
    };
    ProgramView {
        kind,
        lanes: lanes.lanes.iter().map(lane).collect(),
        events: lanes
            .events
            .iter()
            .map(|event| event_view(program, describe, lanes, event))
            .collect(),
        hidden: lanes.hidden,
        name,
    }
}

fn event_view(program: &Program<'_>, describe: &Describe<'_, '_>, lanes: &Lanes, event: &LaneEvent) -> EventView {
    let tree = program.engine.values.tree;
    let runs = |lane: usize| match lanes.lanes[lane].runner {
        Runner::Thread(start) => describe.thread_name(start),
        Runner::Test(test) => tree.display(test),
        Runner::First => tree.display(lanes.root),
    };
    let many = |lane: usize| lanes.lanes[lane].many;
    let mut variable = None;
    let (kind, label) = match event.moment {
        Moment::Start(lane) => {
            let what = if many(lane) {
                "starts threads"
            } else {
                "starts a thread"
            };
            (EventKind::Start(lane), format!("{what} of {}", runs(lane)))
        }
        Moment::Join { lane, sure } => {
            let what = if many(lane) {
                "joins the threads"
            } else {
                "joins the thread"
            };
            let doubt = if sure { "" } else { ", but not surely" };
            (
                EventKind::Join { lane, sure },
                format!("{what} of {}{doubt}", runs(lane)),
            )
        }
        Moment::Access(site) => {
            let info = program.engine.sites.get(site);
            variable.clone_from(&info.variable);
            let kind = match info.kind {
                AccessKind::Mutation => EventKind::Mutation,
                AccessKind::Read => EventKind::Read,
                AccessKind::Spawn | AccessKind::Fork => EventKind::Spawn,
            };
            (kind, info.display.clone())
        }
    };
    EventView {
        lane: event.lane,
        kind,
        label,
        variable,
        place: describe.location(event.function, event.span),
        function: tree.display(event.function),
        chain: describe.chain(&event.chain),
        repeated: event.repeated,
    }
}

/// A finding in a picture: the events of its two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Index into the findings.
    pub finding: usize,
    /// Indices into the program's events. A side that has none of its own, as what unknown callers do, is the other one.
    pub mutation: usize,
    pub partner: usize,
}

/// Where the findings that are not silenced stand in a program.
pub fn links(program: &ProgramView, findings: &[Finding]) -> Vec<Link> {
    let at = |place: &Location, wanted: &dyn Fn(EventKind) -> bool| -> Vec<usize> {
        let events = program.events.iter().enumerate();
        events
            .filter(|(_, event)| wanted(event.kind) && event.place == *place)
            .map(|(index, _)| index)
            .collect()
    };
    let is_access = |kind: EventKind| !matches!(kind, EventKind::Start(_) | EventKind::Join { .. });
    let mut found = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        // Where a function without known callers is called in a program here, that call is not what the finding is about.
        if finding.suppressed.is_some() || finding.partner.is_none() != (program.kind == LIBRARY) {
            continue;
        }
        let mutations = at(&finding.mutation.location, &|kind| kind == EventKind::Mutation);
        let partners = match &finding.partner {
            Some(partner) => at(&partner.location, &is_access),
            None => Vec::new(),
        };
        let pairs = || mutations.iter().flat_map(|a| partners.iter().map(move |b| (*a, *b)));
        let lane = |event: usize| program.events[event].lane;
        // A child goes on in the thread that forked it; else the sides are on two lanes, or on one of many beside itself.
        let forked = finding.partner_kind == PartnerKind::Fork;
        let own = || pairs().find(|(a, b)| forked && lane(*a) == lane(*b));
        let apart = || pairs().find(|(a, b)| lane(*a) != lane(*b));
        let alike = || pairs().find(|(a, _)| program.lanes[lane(*a)].many);
        // A fork has no event of its own, nor have unknown callers: the mutation stands for them.
        let alone = || mutations.first().filter(|_| partners.is_empty()).map(|a| (*a, *a));
        if let Some((mutation, partner)) = own().or_else(apart).or_else(alike).or_else(alone) {
            found.push(Link {
                finding: index,
                mutation,
                partner,
            });
        }
    }
    found
}
