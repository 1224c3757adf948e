//! What holds around an access: guards, those that callers hold and it gives up, messages waited for, threads joined before, what callers must hand over. Thousands of accesses share a few of
//! these, so that each is kept once and compared by its number.

use std::cmp::Reverse;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use super::needs::{Need, in_short};
use super::places::{Keys, is_message, meet};
use super::programs::InPrograms;
use super::summary::{Access, Held, StartId};
use super::tree::FuncId;
use super::whose::Owners;

/// So many ways to one place are told apart by what must be handed over for them; of more, what all of them ask for counts.
const MOST_WAYS: usize = 64;

/// What holds around an access. Two of one [`Arounds`] are the same thing exactly if they are equal.
#[derive(Debug, Clone, Default)]
pub struct Around(Rc<Content>);

#[derive(Debug, Default)]
struct Content {
    /// Zero: nothing holds.
    number: u32,
    holding: Holding,
}

/// The things that hold around an access, since the function began.
#[derive(Debug, Clone, Default)]
pub struct Holding {
    /// See [`Around::guards`].
    pub guards: Vec<Held>,
    /// See [`Around::given_up`].
    pub given_up: Vec<Keys>,
    /// See [`Around::gate`].
    pub gate: Vec<Keys>,
    /// See [`Around::joined`].
    pub joined: Vec<StartId>,
    /// See [`Around::needs`].
    pub needs: Vec<Need>,
}

impl Around {
    /// The guards that are surely held, the innermost function's first.
    pub fn guards(&self) -> &[Held] {
        &self.0.holding.guards
    }

    /// The guards that were surely released without having been taken since the function began: a caller who holds them does
    /// not hold them here.
    pub fn given_up(&self) -> &[Keys] {
        &self.0.holding.given_up
    }

    /// The queues of which one was surely received from before, since the function began: messages, gates that were open, and
    /// work that is done once and was not done ([`super::firsts`]).
    pub fn gate(&self) -> &[Keys] {
        &self.0.holding.gate
    }

    /// Threads surely joined before, since the function began.
    pub fn joined(&self) -> &[StartId] {
        &self.0.holding.joined
    }

    /// What callers must hand over for the access to be reached.
    pub fn needs(&self) -> &[Need] {
        &self.0.holding.needs
    }

    fn size(&self) -> usize {
        self.guards().len() + self.gate().len() + self.joined().len() + self.needs().len()
    }

    /// All of it, to be changed.
    pub fn holding(&self) -> Holding {
        self.0.holding.clone()
    }

    /// The number by which it is told from others.
    pub fn number(&self) -> u32 {
        self.0.number
    }

    /// Whether all that holds here holds there too, so that whatever may overlap the one there may overlap this one.
    fn is_within(&self, other: &Around) -> bool {
        let held = |held: &Held| {
            let mut others = other.guards().iter();
            others.any(|known| known.keys == held.keys && known.of == held.of && known.shared == held.shared)
        };
        self.joined().len() <= other.joined().len()
            && self.guards().iter().all(held)
            && other.given_up().iter().all(|keys| self.given_up().contains(keys))
            && self.gate().iter().all(|keys| other.gate().contains(keys))
            && self
                .joined()
                .iter()
                .all(|start| other.joined().binary_search(start).is_ok())
            && self
                .needs()
                .iter()
                .all(|need| other.needs().iter().any(|known| known.implies(need)))
    }

    fn is_nothing(&self) -> bool {
        self.0.number == 0
    }
}

impl Holding {
    fn is_nothing(&self) -> bool {
        self.guards.is_empty()
            && self.given_up.is_empty()
            && self.gate.is_empty()
            && self.joined.is_empty()
            && self.needs.is_empty()
    }
}

impl PartialEq for Around {
    fn eq(&self, other: &Around) -> bool {
        self.0.number == other.0.number
    }
}

impl Eq for Around {}

/// What tells one from another: how a guard is called, or who holds it, does not.
type Identity = (Vec<(Keys, Owners, bool)>, [Vec<Keys>; 2], Vec<StartId>, Vec<Need>);

/// All that is known, each once.
#[derive(Debug, Default)]
pub struct Arounds {
    known: FxHashMap<Identity, Around>,
    within: FxHashMap<(u32, u32), Around>,
    weaker: FxHashMap<(u32, u32), bool>,
}

impl Arounds {
    /// The one with this content.
    pub fn make(&mut self, mut holding: Holding) -> Around {
        holding.needs = in_short(holding.needs);
        for keys in [&mut holding.gate, &mut holding.given_up] {
            keys.sort();
            keys.dedup();
        }
        holding.joined.sort();
        holding.joined.dedup();
        if holding.is_nothing() {
            return Around::default();
        }
        // Taken twice is held.
        let mut held: Vec<Held> = Vec::with_capacity(holding.guards.len());
        for guard in holding.guards {
            if !held
                .iter()
                .any(|known| known.keys == guard.keys && known.of == guard.of && known.shared == guard.shared)
            {
                held.push(guard);
            }
        }
        holding.guards = held;
        let identity: Identity = (
            holding
                .guards
                .iter()
                .map(|held| (held.keys.clone(), Rc::clone(&held.of), held.shared))
                .collect(),
            [holding.gate.clone(), holding.given_up.clone()],
            holding.joined.clone(),
            holding.needs.clone(),
        );
        let number = self.known.len() as u32 + 1;
        let content = || Around(Rc::new(Content { number, holding }));
        self.known.entry(identity).or_insert_with(content).clone()
    }

    /// Drops an access where the same place is reached as surely with less around it: every pair of the one is a pair of
    /// the other, here and in every caller.
    pub fn prune(&mut self, accesses: &mut Vec<Access>) {
        let mut by_site: FxHashMap<_, Vec<usize>> = FxHashMap::default();
        for (place, access) in accesses.iter().enumerate() {
            let what = (access.site, access.child, access.variable);
            by_site.entry(what).or_default().push(place);
        }
        let mut dropped = vec![false; accesses.len()];
        for mut places in by_site.into_values().filter(|places| places.len() > 1) {
            if places.len() > MOST_WAYS {
                self.fold(accesses, &places, &mut dropped);
                places.retain(|place| !dropped[*place]);
            }
            // What covers another comes before it.
            places.sort_by_key(|place| {
                let around = &accesses[*place].around;
                (around.size(), Reverse(around.given_up().len()))
            });
            let mut kept: Vec<usize> = Vec::new();
            for place in places {
                let access = &accesses[place];
                let covers = |known: &&usize| {
                    let known = &accesses[**known];
                    known.certainty.rank() >= access.certainty.rank()
                        && known.certainty.programs.covers(&access.certainty.programs)
                        && (access.through_module || !known.through_module)
                        && self.weaker(&known.around, &access.around)
                };
                match kept.iter().find(covers).copied() {
                    Some(known) => {
                        accesses[known].repeated |= accesses[place].repeated;
                        accesses[known].after_send |= accesses[place].after_send;
                        dropped[place] = true;
                    }
                    None => kept.push(place),
                }
            }
        }
        let mut place = 0;
        accesses.retain(|_| {
            place += 1;
            !dropped[place - 1]
        });
    }

    /// Makes one of the ways to a place that differ in nothing but what must be handed over, where these are too many: a
    /// thousand arms that all call one function. What it asks for is what all of them do, so that no pair is lost.
    fn fold(&mut self, accesses: &mut [Access], places: &[usize], dropped: &mut [bool]) {
        let mut alike: FxHashMap<(u32, bool, InPrograms), Vec<usize>> = FxHashMap::default();
        for place in places {
            let access = &accesses[*place];
            let bare = self.with_needs(&access.around, Vec::new()).number();
            let programs = access.certainty.programs.clone();
            alike
                .entry((bare, access.through_module, programs))
                .or_default()
                .push(*place);
        }
        for ways in alike.into_values().filter(|ways| ways.len() > MOST_WAYS) {
            let surest = |way: &&usize| {
                let access = &accesses[**way];
                (access.certainty.rank(), Reverse(access.chain.length()), Reverse(**way))
            };
            let best = *ways.iter().max_by_key(surest).expect("there are many");
            let mut needs = accesses[best].around.needs().to_vec();
            for way in &ways {
                let access = &accesses[*way];
                needs.retain(|need| access.around.needs().iter().any(|known| known.implies(need)));
                dropped[*way] = *way != best;
            }
            let repeated = ways.iter().any(|way| accesses[*way].repeated);
            accesses[best].repeated = repeated;
            let after_send = ways.iter().any(|way| accesses[*way].after_send);
            accesses[best].after_send = after_send;
            accesses[best].around = self.with_needs(&accesses[best].around.clone(), needs);
        }
    }

    /// What holds around an access, with these needs instead of its own.
    fn with_needs(&mut self, around: &Around, needs: Vec<Need>) -> Around {
        self.make(Holding {
            needs,
            ..around.holding()
        })
    }

    /// What holds around an access of a thread that is started and waited for under these guards. The thread cannot give up what
    /// another one holds.
    pub fn under(&mut self, around: &Around, guards: &[Held]) -> Around {
        if guards.is_empty() {
            return around.clone();
        }
        let mut holding = around.holding();
        holding.guards.extend_from_slice(guards);
        self.make(holding)
    }

    /// What holds around an access where nobody is left to meet the needs of other functions than this one.
    pub fn with_needs_of(&mut self, around: &Around, function: FuncId) -> Around {
        let is_met_above = |need: &Need| need.owner == function || need.is_of_any_caller();
        if around.needs().iter().all(is_met_above) {
            return around.clone();
        }
        let own = around.needs().iter().filter(|need| is_met_above(need));
        let own = own.cloned().collect();
        self.with_needs(around, own)
    }

    /// What holds around an access, but for gates that are no messages: [`is_message`].
    pub fn with_messages(&mut self, around: &Around) -> Around {
        if around.gate().iter().all(is_message) {
            return around.clone();
        }
        let mut holding = around.holding();
        holding.gate.retain(is_message);
        self.make(holding)
    }

    fn weaker(&mut self, a: &Around, b: &Around) -> bool {
        let known = self.weaker.entry((a.number(), b.number()));
        a.is_nothing() && b.given_up().is_empty() || *known.or_insert_with(|| a.is_within(b))
    }

    /// What holds around an access of a callee, seen from where the callee is called.
    pub fn within(&mut self, inner: &Around, outer: &Around) -> Around {
        if outer.is_nothing() || inner == outer && inner.given_up().is_empty() {
            return inner.clone();
        }
        if inner.is_nothing() {
            return outer.clone();
        }
        let key = (inner.number(), outer.number());
        if let Some(known) = self.within.get(&key) {
            return known.clone();
        }
        let mut holding = outer.holding();
        // A caller who holds what is given up does not hold it here; nobody holds it twice.
        let mut given_up = inner.given_up().to_vec();
        given_up.retain(|keys| {
            let held = holding.guards.iter().rposition(|held| meet(&held.keys, keys));
            held.map(|at| holding.guards.remove(at)).is_none()
        });
        let both = self.make(Holding {
            guards: [inner.guards(), &holding.guards].concat(),
            given_up: [given_up, holding.given_up].concat(),
            gate: [inner.gate(), outer.gate()].concat(),
            joined: [inner.joined(), outer.joined()].concat(),
            needs: [inner.needs(), outer.needs()].concat(),
        });
        self.within.insert(key, both.clone());
        both
    }
}

#[cfg(test)]
mod tests {
    use super::super::needs::number;
    use super::super::places::Key;
    use super::super::sites::SiteId;
    use super::super::summary::{Certainty, Chain};
    use super::*;
    use crate::finding::Confidence;

    fn under(guards: &[&str]) -> Holding {
        Holding {
            guards: guards.iter().map(|name| held(name)).collect(),
            ..Holding::default()
        }
    }

    fn held(name: &str) -> Held {
        Held {
            keys: Keys::of(vec![Key::Outside(name.into())]),
            of: Owners::default(),
            name: name.into(),
            holder: None,
            test: None,
            shared: false,
        }
    }

    #[test]
    fn the_same_content_is_the_same_thing() {
        let mut arounds = Arounds::default();
        let a = arounds.make(Holding {
            joined: vec![StartId(2), StartId(1)],
            ..under(&["a"])
        });
        let again = arounds.make(Holding {
            joined: vec![StartId(1), StartId(2)],
            ..under(&["a", "a"])
        });
        let b = arounds.make(under(&["b"]));
        assert_eq!(a, again);
        assert_ne!(a, b);
        assert_eq!(arounds.make(Holding::default()), Around::default());
    }

    fn access(site: u32, around: &Around, certainty: Certainty) -> Access {
        Access {
            site: SiteId(site),
            chain: Chain::default(),
            around: around.clone(),
            repeated: false,
            after_send: false,
            certainty,
            child: None,
            through_module: false,
            variable: None,
        }
    }

    #[test]
    fn less_around_the_same_place_covers_more() {
        let mut arounds = Arounds::default();
        let a = arounds.make(under(&["a"]));
        let b = arounds.make(under(&["b"]));
        let both = arounds.within(&a, &b);
        let doubt = Certainty::because(Confidence::Low, "");
        let mut accesses = vec![
            access(1, &both, Certainty::SURE),
            access(1, &a, Certainty::SURE),
            access(1, &b, doubt),
            access(2, &both, Certainty::SURE),
        ];
        arounds.prune(&mut accesses);
        let left: Vec<u32> = accesses.iter().map(|access| access.around.number()).collect();
        assert_eq!(left, [a.number(), b.number(), both.number()]);
        assert_eq!(accesses[2].site, SiteId(2));
    }

    /// Each arm of a long `switch` asks for its own constant; what they share is the lock.
    #[test]
    fn very_many_ways_that_ask_for_different_things_are_one() {
        let mut arounds = Arounds::default();
        let arms = |arounds: &mut Arounds, count: usize| -> Vec<Access> {
            let arm = |value: usize| number(FuncId(0), value as i64, true);
            (0..count)
                .map(|value| {
                    arounds.make(Holding {
                        needs: vec![arm(value)],
                        ..under(&["a"])
                    })
                })
                .map(|around| access(1, &around, Certainty::SURE))
                .collect()
        };
        let mut few = arms(&mut arounds, MOST_WAYS);
        arounds.prune(&mut few);
        assert_eq!(few.len(), MOST_WAYS);
        let mut many = arms(&mut arounds, MOST_WAYS + 1);
        arounds.prune(&mut many);
        let [left] = &many[..] else {
            panic!("{} ways are left", many.len());
        };
        assert!(left.around.needs().is_empty());
        assert_eq!(left.around.guards().len(), 1);
    }

    #[test]
    fn what_holds_at_the_call_holds_inside_the_callee() {
        let mut arounds = Arounds::default();
        let nothing = Around::default();
        let a = arounds.make(under(&["a"]));
        let b = arounds.make(Holding {
            joined: vec![StartId(1)],
            ..under(&["b"])
        });
        assert_eq!(arounds.within(&nothing, &a), a);
        assert_eq!(arounds.within(&a, &nothing), a);
        let both = arounds.within(&a, &b);
        assert_eq!(both.guards().len(), 2);
        assert_eq!(both.joined(), [StartId(1)]);
        assert_eq!(arounds.within(&both, &b), both);
    }

    #[test]
    fn what_the_callee_gives_up_does_not_hold_inside_it() {
        let mut arounds = Arounds::default();
        let without = arounds.make(Holding {
            given_up: vec![held("a").keys],
            ..under(&["b"])
        });
        let caller = arounds.make(under(&["a", "c"]));
        let inside = arounds.within(&without, &caller);
        let names: Vec<&str> = inside.guards().iter().map(|held| &*held.name).collect();
        assert_eq!(names, ["b", "c"]);
        assert!(inside.given_up().is_empty());
        // Further out somebody may hold it.
        let other = arounds.make(under(&["c"]));
        assert_eq!(arounds.within(&without, &other).given_up(), [held("a").keys]);
        let mut accesses = vec![
            access(1, &arounds.make(under(&["b"])), Certainty::SURE),
            access(1, &without, Certainty::SURE),
        ];
        arounds.prune(&mut accesses);
        assert_eq!(accesses[0].around, without);
        assert_eq!(accesses.len(), 1);
    }
}
