//! What may happen next, and the rules by which devices take part (docs/protocol.md, sections 8, 9).

use std::collections::BTreeSet;

use stateright::{Model, Property};

use crate::{
    meeting::{Bundle, Chain, Device, FRIEND, KEEPER, LATE, Meeting, Record},
    promises,
};

/// A meeting in which everything may happen.
#[derive(Clone, Copy)]
pub(crate) struct Exchange {
    pub(crate) bounds: Bounds,
    pub(crate) rules: Rules,
}

/// Where the model stops looking.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// The last epoch.
    pub(crate) epochs: u8,
    /// Records the ledger refuses.
    pub(crate) refusals: u8,
    /// Times somebody asks for what it missed.
    pub(crate) requests: u8,
    /// Wraps that hold another key than the record.
    pub(crate) lies: u8,
    /// Leaders that die.
    pub(crate) deaths: u8,
}

impl Bounds {
    /// An honest leader, that dies.
    pub(crate) const DYING: Self = Self { epochs: 2, refusals: 0, requests: 0, lies: 0, deaths: 1 };
    /// An honest leader, whose record the ledger refuses.
    pub(crate) const REFUSED: Self =
        Self { epochs: 2, refusals: 1, requests: 0, lies: 0, deaths: 0 };
    /// A leader that lies.
    pub(crate) const LIAR: Self = Self { epochs: 2, refusals: 0, requests: 1, lies: 1, deaths: 0 };
    /// All of it, and longer.
    pub(crate) const LARGE: Self = Self { epochs: 3, refusals: 1, requests: 2, lies: 1, deaths: 1 };
}

/// The rules; a mutant lacks one.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// Members compare MK with the commitment of the record.
    pub(crate) commitment: bool,
    /// Each pair has a chain of its own.
    pub(crate) pairwise: bool,
    /// The leader wraps for the roster of the record and for nobody else.
    pub(crate) new_roster: bool,
    /// Members install newer epochs only, or one in place of another that is not final.
    pub(crate) order: bool,
    /// Whoever missed a record gets a fresh exchange.
    pub(crate) restart: bool,
    /// A record that the ledger is known to have decided against is not taken.
    pub(crate) ledger: bool,
    /// A record that is not the ledger's is forgotten.
    pub(crate) void: bool,
}

impl Rules {
    pub(crate) const ALL: Self = Self {
        commitment: true,
        pairwise: true,
        new_roster: true,
        order: true,
        restart: true,
        ledger: true,
        void: true,
    };
}

/// What may happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A message arrives; it stays under way.
    Arrive(Bundle),
    /// The next member takes the chair of a dead leader.
    Claim,
    /// The leader is gone, for ever.
    Die,
    /// The ledger takes the pending record.
    Final,
    /// A device reads the next record of the ledger.
    Read(Device),
    /// The ledger refuses the pending record.
    Refuse,
    /// The leader makes an epoch: who is let in or thrown out, and to whom it lies about the key.
    Rekey { added: Option<Device>, removed: Option<Device>, deceived: Option<Device> },
    /// A member asks for the newest record, and the leader wraps it afresh.
    Request(Device),
}

impl Model for Exchange {
    type State = Meeting;
    type Action = Event;

    fn init_states(&self) -> Vec<Meeting> {
        vec![Meeting::new()]
    }

    fn actions(&self, meeting: &Meeting, events: &mut Vec<Event>) {
        let devices = || meeting.members.keys().copied();
        events.extend([Event::Final, Event::Refuse, Event::Die, Event::Claim]);
        let alive = devices().filter(|device| !meeting.dead.contains(device));
        events.extend(alive.flat_map(|device| [Event::Read(device), Event::Request(device)]));
        events.extend(meeting.net.iter().cloned().map(Event::Arrive));
        for (added, removed) in [(None, None), (Some(LATE), None), (None, Some(KEEPER))] {
            for deceived in [None, Some(FRIEND)].into_iter().take(1 + usize::from(self.bounds.lies))
            {
                events.push(Event::Rekey { added, removed, deceived });
            }
        }
    }

    fn next_state(&self, meeting: &Meeting, event: Event) -> Option<Meeting> {
        let mut next = meeting.clone();
        self.happen(&mut next, &event)?;
        (next != *meeting).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties()
    }

    fn within_boundary(&self, meeting: &Meeting) -> bool {
        meeting.lies <= self.bounds.lies
            && meeting.refusals <= self.bounds.refusals
            && meeting.requests <= self.bounds.requests
            && meeting.dead.len() <= usize::from(self.bounds.deaths)
    }
}

impl Exchange {
    /// What becomes of it; nothing if it cannot happen.
    pub(crate) fn happen(&self, meeting: &mut Meeting, event: &Event) -> Option<()> {
        match event {
            Event::Arrive(bundle) => self.arrive(meeting, bundle),
            Event::Claim => claim(meeting),
            Event::Die => {
                (meeting.dead.is_empty() && meeting.dead.insert(meeting.leader)).then_some(())
            }
            Event::Final => finalize(meeting),
            Event::Read(device) => self.read(meeting, *device),
            Event::Refuse => {
                meeting.refusals += 1;
                refuse(meeting)
            }
            Event::Rekey { added, removed, deceived } => {
                self.rekey(meeting, *added, *removed, *deceived)
            }
            Event::Request(device) => self.answer(meeting, *device),
        }
    }

    fn rekey(
        &self,
        meeting: &mut Meeting,
        added: Option<Device>,
        removed: Option<Device>,
        deceived: Option<Device>,
    ) -> Option<()> {
        let old = meeting.roster();
        let epoch = u8::try_from(meeting.ledger.len()).ok()? + 1;
        let named = added.is_none_or(|device| !old.contains(&device))
            && removed.is_none_or(|device| old.contains(&device) && device != meeting.leader);
        if !meeting.leads() || meeting.pending.is_some() || epoch > self.bounds.epochs || !named {
            return None;
        }
        let mut roster = old.clone();
        roster.extend(added);
        roster.retain(|device| Some(*device) != removed);
        let record = Record { epoch, term: meeting.term, roster, key: meeting.fresh() };
        let listed = if self.rules.new_roster { record.roster.clone() } else { old };
        let mut began = BTreeSet::new();
        let leader = meeting.leader;
        for to in listed.into_iter().filter(|device| *device != leader) {
            let is_fresh = !meeting.chains.contains_key(&to);
            if is_fresh {
                began.insert(to);
                self.exchange(meeting, to);
            }
            let lied = deceived == Some(to);
            let key = if lied { meeting.fresh() } else { record.key };
            meeting.lies += u8::from(lied);
            let chain = meeting.chains[&to].clone();
            meeting.net.insert(Bundle { to, record: record.clone(), is_fresh, chain, key });
        }
        install(meeting, meeting.leader, &record, record.key);
        meeting.pending = Some((record, began));
        Some(())
    }

    /// A fresh exchange with one member.
    fn exchange(&self, meeting: &mut Meeting, to: Device) {
        let coins = match meeting.chains.values().next() {
            Some(chain) if !self.rules.pairwise => chain.coins,
            _ => meeting.fresh(),
        };
        meeting.chains.insert(to, Chain { coins, past: Vec::new() });
    }

    /// Whoever is in and asks gets the last final record anew.
    fn answer(&self, meeting: &mut Meeting, to: Device) -> Option<()> {
        let record = meeting.ledger.last()?.clone();
        let lacks = !meeting.members[&to].keys.contains_key(&record.key);
        let due = lacks && to != meeting.leader && record.roster.contains(&to);
        let known = meeting.members[&meeting.leader].keys.contains_key(&record.key);
        if !due || !known || !meeting.leads() || meeting.pending.is_some() {
            return None;
        }
        meeting.requests += 1;
        if self.rules.restart {
            self.exchange(meeting, to);
        }
        let chain = meeting.chains.get(&to)?.clone();
        let (is_fresh, key) = (self.rules.restart, record.key);
        meeting.chains.get_mut(&to)?.past.push(key);
        meeting.net.insert(Bundle { to, record, is_fresh, chain, key });
        Some(())
    }

    /// A device gets a wrap, its own or, if it keeps what it should erase, anybody's.
    fn arrive(&self, meeting: &mut Meeting, bundle: &Bundle) -> Option<()> {
        let Bundle { to, record, is_fresh, chain, key } = bundle;
        for device in [*to, KEEPER] {
            if device == meeting.leader {
                continue;
            }
            let mut read = meeting.ledger.iter().take(meeting.members[&device].seen);
            let decided = read.any(|one| one.epoch >= record.epoch && one != record);
            let member = meeting.member(device);
            let opens = (*is_fresh && device == *to)
                || member.chain.as_ref().is_some_and(|own| match device == *to {
                    true => own == chain,
                    false => own.reaches(chain),
                });
            if !opens {
                continue;
            }
            if device != *to {
                member.keys.insert(record.key, *key);
                continue;
            }
            let newer = member.newest.as_ref().is_none_or(|newest| {
                let replaces = newest.epoch == record.epoch
                    && newest.term <= record.term
                    && member.settled < record.epoch;
                newest.epoch < record.epoch || (replaces && newest.key != record.key)
            });
            if (self.rules.order && !newer) || (self.rules.ledger && decided) {
                continue;
            }
            if self.rules.commitment && *key != record.key {
                member.alarmed = true;
                continue;
            }
            if *is_fresh {
                member.chain = Some(chain.clone());
                member.began_with = Some(record.key);
            }
            install(meeting, device, record, *key);
        }
        Some(())
    }

    /// A device learns what the ledger decided.
    fn read(&self, meeting: &mut Meeting, device: Device) -> Option<()> {
        let record = meeting.ledger.get(meeting.members[&device].seen)?.clone();
        let member = meeting.member(device);
        member.seen += 1;
        let void = member.newest.clone().filter(|newest| {
            newest.epoch == record.epoch && newest.key != record.key && self.rules.void
        });
        if let Some(void) = void {
            member.keys.remove(&void.key);
            member.newest = None;
            if member.began_with == Some(void.key) {
                member.chain = None;
            }
        }
        settle(meeting, device, &record);
        Some(())
    }
}

/// MK of a record is held from here on; if the ledger has decided already, the chain is stepped.
fn install(meeting: &mut Meeting, device: Device, record: &Record, key: u8) {
    let known = meeting.ledger.get(..meeting.members[&device].seen).unwrap_or_default();
    let is_final = known.contains(record);
    let member = meeting.member(device);
    member.keys.insert(record.key, key);
    member.newest = Some(record.clone());
    if is_final {
        settle(meeting, device, record);
    }
}

/// A record is final and known to be: who holds it steps its chain past it.
fn settle(meeting: &mut Meeting, device: Device, record: &Record) {
    let member = meeting.member(device);
    if member.newest.as_ref() != Some(record) {
        return;
    }
    member.settled = record.epoch;
    member.began_with = None;
    if let Some(chain) = &mut member.chain {
        chain.past.push(record.key);
    }
}

fn finalize(meeting: &mut Meeting) -> Option<()> {
    let (record, _) = meeting.pending.take()?;
    for (_, chain) in meeting.chains.iter_mut().filter(|(to, _)| record.roster.contains(to)) {
        chain.past.push(record.key);
    }
    meeting.chains.retain(|to, _| record.roster.contains(to));
    meeting.ledger.push(record.clone());
    let (leader, seen) = (meeting.leader, meeting.ledger.len());
    meeting.member(leader).seen = seen;
    settle(meeting, leader, &record);
    Some(())
}

/// The leader forgets the record, and the chains that began with it.
fn refuse(meeting: &mut Meeting) -> Option<()> {
    let (record, began) = meeting.pending.take()?;
    meeting.chains.retain(|to, _| !began.contains(to));
    let leader = meeting.leader;
    let member = meeting.member(leader);
    member.keys.remove(&record.key);
    member.newest = None;
    Some(())
}

/// The first living member in line leads by exchanges of its own; what the old one had pending never
/// becomes final, for its term is over.
fn claim(meeting: &mut Meeting) -> Option<()> {
    let record = meeting.ledger.last()?.clone();
    let next = record.roster.iter().find(|device| !meeting.dead.contains(device)).copied()?;
    if meeting.leads() {
        return None;
    }
    meeting.term += 1;
    meeting.leader = next;
    meeting.pending = None;
    meeting.chains.clear();
    Some(())
}
