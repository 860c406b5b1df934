//! Five people in a meeting over a consortium of four.

use std::{collections::BTreeMap, ops::Range, path::Path};

use anyhow::{Context as _, Result, ensure};
use conclave_protocol::Params;
use futures::future::try_join_all;

use super::{STEP, TAIL};
use crate::{
    http::wire::{
        Admit, Empty, Freshness, InfoForm, Invitation, KeyState, Meeting, Member, NewMeeting,
        Opened, Phase,
    },
    node::record::now_ns,
    stage::{Daemon, GUESTS, Recording, World},
};

/// How many validators the consortium has.
const VALIDATORS: usize = 4;
/// How many people meet.
pub(super) const PEOPLE: usize = 5;

/// A consortium and the people who meet.
#[derive(Debug)]
pub(super) struct People {
    /// The consortium.
    pub(super) world: World,
    /// Those who meet, in the order of [`GUESTS`].
    pub(super) all: Vec<Daemon>,
}

/// A meeting that began.
#[derive(Clone, Debug)]
pub(super) struct Begun {
    /// The meeting, hex.
    pub(super) mid: String,
    /// Its invite.
    pub(super) link: String,
}

impl People {
    /// Founds the consortium below `dir` and gives everyone an identity.
    pub(super) async fn found(dir: &Path) -> Result<Self> {
        // People meet more often here than the ledger lets a person speak: 60 times at once, then
        // once in 10 s.
        let params = Params { burst: 10_000, ..Params::default() };
        let world = World::found_with(dir, VALIDATORS, params).await?;
        let mut people = Self { world, all: Vec::new() };
        for number in 0..PEOPLE {
            let daemon = people.arrive(number).await?;
            register(&daemon).await?;
            people.all.push(daemon);
        }
        Ok(people)
    }

    /// Starts the daemon of one person; a record of an earlier life is deleted.
    pub(super) async fn arrive(&self, number: usize) -> Result<Daemon> {
        let name = *GUESTS.get(number).context("there are not so many people")?;
        let clip = Some(u8::try_from(number)?);
        self.world.participant(name, clip, true, 0).await
    }

    /// One of them opens a meeting, the others come in, and everyone hears everyone.
    pub(super) async fn meet(&self, leader: usize) -> Result<Begun> {
        let lead = &self.all[leader];
        let ask = NewMeeting { title: "Monthly summary".to_owned(), ..NewMeeting::default() };
        let Opened { mid } = lead.post("/api/meetings", &ask).await?;
        let invited = |m: &Meeting| {
            let invite = m.invite.as_ref().filter(|_| m.mid == mid && m.phase == Phase::Live);
            invite.map(|invite| invite.link.clone())
        };
        let link = lead.until_meeting("the published meeting", STEP, invited).await?;
        for (number, guest) in self.all.iter().enumerate() {
            if number != leader {
                let _: Opened = guest.post("/api/join", &Invitation { link: link.clone() }).await?;
            }
        }
        admit(lead, PEOPLE - 1).await?;
        self.hear(&self.all.iter().collect::<Vec<_>>()).await?;
        Ok(Begun { mid, link })
    }

    /// Waits until each of them holds the same key and hears every other one.
    pub(super) async fn hear(&self, who: &[&Daemon]) -> Result<()> {
        self.hear_without(who, None).await
    }

    /// The same while somebody who is dead has a seat still.
    pub(super) async fn hear_without(&self, who: &[&Daemon], dead: Option<u16>) -> Result<()> {
        let waits = who.iter().map(|daemon| {
            daemon.until_meeting("everyone's packets", STEP, |m| {
                let hears =
                    |m: &Member| m.me || m.streams.iter().filter(|stream| stream.live).count() >= 2;
                let mut here = m.members.iter().filter(|member| Some(member.idx) != dead);
                (together_without(m, who.len(), dead) && here.all(hears)).then_some(())
            })
        });
        try_join_all(waits).await?;
        Ok(())
    }

    /// Everyone but those at these places.
    pub(super) fn but(&self, gone: &[usize]) -> Vec<&Daemon> {
        let here = |(number, daemon)| (!gone.contains(&number)).then_some(daemon);
        self.all.iter().enumerate().filter_map(here).collect()
    }
}

/// Makes an identity.
pub(super) async fn register(daemon: &Daemon) -> Result<()> {
    daemon.until("the first blocks", STEP, |s| (s.network.height > 1).then_some(())).await?;
    let identity = daemon.register(InfoForm::Clear).await?;
    ensure!(identity.registered, "{} is not registered", daemon.name);
    back(daemon).await
}

/// Waits until a daemon that was started again knows who it is and follows the ledger.
pub(super) async fn back(daemon: &Daemon) -> Result<()> {
    let ready = |s: &crate::http::wire::State| {
        let registered = s.identity.as_ref().is_some_and(|identity| identity.registered);
        (registered && s.network.freshness == Freshness::Fresh).then_some(())
    };
    daemon.until("the ledger and the identity", STEP, ready).await
}

/// Lets in so many as soon as all of them are verified.
pub(super) async fn admit(leader: &Daemon, guests: usize) -> Result<()> {
    let verified = |m: &Meeting| {
        let all = m.lobby.len() >= guests && m.lobby.iter().all(|guest| guest.ready);
        all.then(|| m.lobby.iter().map(|guest| guest.idx).collect::<Vec<u16>>())
    };
    for idx in leader.until_meeting("the verified requests", STEP, verified).await? {
        let _: Empty = leader.post("/api/admit", &Admit { idx }).await?;
    }
    Ok(())
}

/// Whether a daemon shows a live meeting of so many who all hold its key.
pub(super) fn together(meeting: &Meeting, members: usize) -> bool {
    together_without(meeting, members, None)
}

/// The same, not counting somebody who is dead.
pub(super) fn together_without(meeting: &Meeting, members: usize, dead: Option<u16>) -> bool {
    let here = meeting.members.iter().filter(|member| Some(member.idx) != dead);
    let keys: Vec<KeyState> = here.map(|member| member.key).collect();
    meeting.phase == Phase::Live
        && meeting.epoch > 0
        && keys.len() == members
        && keys.iter().all(|key| *key == KeyState::Ok)
}

/// What the media of those who stayed went through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flow {
    /// The longest time one of them opened nothing of another one, nanoseconds.
    pub(super) silence_ns: u64,
    /// Packets sealed by one for another that the other never opened.
    pub(super) lost: usize,
    /// Packets opened in time.
    pub(super) opened: usize,
}

/// How media flowed between all of `who` from `start_ns` until now; call it [`TAIL`] after the
/// last packet that counts.
pub(super) fn flow(who: &[&Daemon], start_ns: u64) -> Result<Flow> {
    let tail = u64::try_from(TAIL.as_nanos())?;
    let span: Range<u64> = start_ns..now_ns().saturating_sub(tail);
    let recordings = who.iter().map(|daemon| Recording::of(daemon)).collect::<Result<Vec<_>>>()?;
    let by_name: BTreeMap<&str, &Recording> = recordings.iter().map(|r| (r.name, r)).collect();
    let mut flow = Flow::default();
    for (name, from) in &by_name {
        for (_, to) in by_name.iter().filter(|(other, _)| *other != name) {
            let journey = from.journey(to, span.clone());
            flow.lost += journey.lost;
            flow.opened += journey.took_us.len();
            let idx = from.idx_at(start_ns).with_context(|| format!("{name} has no index"))?;
            flow.silence_ns = flow.silence_ns.max(to.silence(idx, span.clone()));
        }
    }
    ensure!(flow.opened > 0, "no media flowed, so there is nothing to measure");
    Ok(flow)
}
