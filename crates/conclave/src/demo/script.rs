//! The whole paper by itself: every step is done, shown and checked.
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::sleep;

use super::{
    Options,
    archive::{Archive, Played},
    finality,
    measure::Scene,
    memory,
    timeline::Timeline,
};
use crate::http::wire::{
    Admit, Appoint, Empty, Freshness, InfoForm, Invitation, KeyState, Kick, Meeting, Member,
    NewMeeting, Opened, Phase, Preview,
};
use crate::stage::{Daemon, GUESTS, Recording, World};

/// Bound of every single step; reaching it is a failure, not a measurement.
const STEP: Duration = Duration::from_secs(30);
/// How many meetings are published to measure finality, with all validators and with one dead.
const SAMPLES: usize = 20;
/// How long media flows between two events, so that loss around a new key would show.
const LOOK: Duration = Duration::from_secs(2);

/// Runs the script and returns whether every check held.
pub(crate) async fn run(
    options: &Options,
    world: &mut World,
    timeline: &mut Timeline,
) -> Result<bool> {
    let archive = options.record.as_deref().map(Archive::reserve).transpose()?;
    let guests = options.guests.clamp(3, GUESTS.len());
    let scene = &mut Scene::default();

    timeline.chapter("Identity (section IV.A)");
    let leader = world.participant("Alice", Some(0), archive.is_some(), options.port).await?;
    let mut others = Vec::new();
    for (i, name) in GUESTS.iter().enumerate().take(guests) {
        let clip = u8::try_from(i + 1).context("counting guests")?;
        others.push(world.participant(name, Some(clip), true, 0).await?);
    }
    // The first block of a new network waits until its validators have found each other.
    leader.until("the first blocks", STEP, |s| (s.network.height > 1).then_some(())).await?;
    let forms = [InfoForm::Clear, InfoForm::Encrypted, InfoForm::Commit];
    for (i, daemon) in std::iter::once(&leader).chain(&others).enumerate() {
        identity(daemon, forms[i % forms.len()], timeline).await?;
    }

    timeline.chapter("Meeting information publish (section IV.B)");
    let (mid, link) = publish(&leader, timeline).await?;

    timeline.chapter("Meeting requests (sections IV.C and IV.D)");
    for guest in &others {
        request(guest, &leader, &link, timeline).await?;
    }
    let waiting = verified(&leader, guests, timeline).await?;

    timeline.chapter("Meeting key and key exchange (sections IV.E and IV.F)");
    for idx in waiting {
        let _: Empty = leader.post("/api/admit", &Admit { idx }).await?;
    }
    scene.admitted();
    for daemon in std::iter::once(&leader).chain(&others) {
        let everyone = guests + 1;
        let epoch = daemon.until_meeting("the first key", STEP, |m| together(m, everyone)).await?;
        timeline
            .step("(14)-(17)", &format!("{} holds the meeting key of epoch {epoch}", daemon.name));
    }
    timeline.chapter("Encrypted meeting (section IV.G)");
    everyone_hears(&leader, &others, timeline, "media_flows", "everyone opens everyone's packets")
        .await?;
    sleep(LOOK).await;

    timeline.chapter("Meeting key update (section IV.H)");
    let (kicked, rest) = others.split_last().context("the script needs guests")?;
    kick(&leader, kicked, rest, scene, timeline).await?;
    let (leaving, staying) = rest.split_last().context("the script needs guests")?;
    leave(&leader, leaving, staying, scene, timeline).await?;
    let (heir, members) = staying.split_first().context("the script needs guests")?;
    let present: Vec<&Daemon> = std::iter::once(&leader).chain(staying).collect();
    hand_over(&leader, heir, &present, timeline).await?;
    // Whoever is out has time to measure the ledger; one user's rate allows for so many each.
    finality::load(kicked, SAMPLES).await?;
    scene.validator_dies();
    validator_dies(world, &leader, staying, timeline).await?;
    finality::load(leaving, SAMPLES).await?;

    timeline.chapter("Meeting dismiss (section IV.I)");
    let refused = refused(&leader, &others).await?;
    let others_there: Vec<&Daemon> = std::iter::once(&leader).chain(members).collect();
    end(heir, &others_there, scene, timeline).await?;

    let recordings =
        std::iter::once(&leader).chain(&others).map(Recording::of).collect::<Result<Vec<_>>>()?;
    let (same, epochs) = one_key_per_epoch(&recordings);
    timeline.check(
        "same_key_for_all",
        same,
        &format!("the guests recorded one and the same key in each of {epochs} epochs"),
    );
    let keys_gone = keys_gone(&leader, &others, &recordings)?;
    timeline.check(
        "keys_gone",
        keys_gone.0 == 0,
        &format!(
            "none of the {} meeting keys is left in the memory of {} processes",
            keys_gone.1,
            others.len() + 1
        ),
    );
    let figures = scene.figures(&recordings, kicked.name, refused)?;
    timeline.check(
        "kicked_is_blind",
        figures.kicked_opens_after_rekey == 0,
        &format!("{} opens nothing that was sent under a later key", kicked.name),
    );
    timeline.check(
        "no_packet_lost_by_rekey",
        figures.rekey_gap_packets_lost == 0,
        &format!(
            "{} packets lost around {} new keys",
            figures.rekey_gap_packets_lost, figures.epochs
        ),
    );
    timeline.check(
        "packets_were_opened",
        figures.packets_opened > 0,
        &format!("{} packets opened, {} refused", figures.packets_opened, figures.packets_refused),
    );
    if let Some(archive) = archive {
        let participants = std::iter::once(&leader).chain(&others).zip(&recordings).collect();
        archive.write(world, &Played { mid: &mid, invite: &link, participants }).await?;
        let dir = archive.dir().display();
        timeline.step("", &format!("recorded in {dir}; check it with: python3 -m witness {dir}"));
    }
    Ok(timeline.summary(&json!(figures)))
}

async fn identity(daemon: &Daemon, form: InfoForm, timeline: &Timeline) -> Result<()> {
    let start = Instant::now();
    let identity = daemon.register(form).await?;
    let how = match form {
        InfoForm::Clear => "in the clear",
        InfoForm::Encrypted => "encrypted",
        InfoForm::Commit => "as an HMAC (eq. 4)",
    };
    timeline.step(
        "(1)-(4)",
        &format!(
            "{} registered device {} with key {}, name {how}; final after {} ms",
            daemon.name,
            short(&identity.device),
            identity.fingerprint,
            start.elapsed().as_millis()
        ),
    );
    ensure!(identity.registered, "{} is not registered", daemon.name);
    Ok(())
}

/// The meeting and its invite.
async fn publish(leader: &Daemon, timeline: &Timeline) -> Result<(String, String)> {
    let ask =
        NewMeeting { title: "Monthly summary conference".to_owned(), ..NewMeeting::default() };
    let opened: Opened = leader.post("/api/meetings", &ask).await?;
    let link = leader
        .until_meeting("the published meeting", STEP, |m| {
            (m.phase == Phase::Live).then(|| m.invite.as_ref().map(|i| i.link.clone()))?
        })
        .await?;
    timeline.step(
        "(5)-(7)",
        &format!("{} published meeting {} and has the invite", leader.name, short(&opened.mid)),
    );
    Ok((opened.mid, link))
}

async fn request(
    guest: &Daemon,
    leader: &Daemon,
    link: &str,
    timeline: &mut Timeline,
) -> Result<()> {
    let ask = Invitation { link: link.to_owned() };
    let preview: Preview = guest.post("/api/invite", &ask).await?;
    let held = preview.checks.iter().all(|check| check.ok) && !preview.checks.is_empty();
    timeline.check(
        "invite_verified",
        held,
        &format!(
            "{} checked the invite of {} against the ledger at height {}",
            guest.name, leader.name, preview.proof_height
        ),
    );
    let _: Opened = guest.post("/api/join", &ask).await?;
    guest
        .until_meeting("waiting in the lobby", STEP, |m| (m.phase == Phase::Waiting).then_some(()))
        .await?;
    timeline.step(
        "(8)-(10)",
        &format!("{}'s signed request is final and the leader has it", guest.name),
    );
    Ok(())
}

async fn verified(leader: &Daemon, guests: usize, timeline: &mut Timeline) -> Result<Vec<u16>> {
    let lobby = leader
        .until_meeting("the verified lobby", STEP, |m| {
            (m.lobby.len() == guests && m.lobby.iter().all(|l| l.ready)).then(|| m.lobby.clone())
        })
        .await?;
    for guest in &lobby {
        let facts: Vec<String> =
            guest.facts.iter().map(|fact| format!("{:?}", fact.name).to_lowercase()).collect();
        timeline.check(
            "request_verified",
            guest.facts.iter().all(|fact| fact.ok) && !facts.is_empty(),
            &format!(
                "(11)-(13) request {} of {} at height {}: {}",
                guest.idx,
                guest.name,
                guest.proof_height,
                facts.join(", ")
            ),
        );
    }
    Ok(lobby.iter().map(|guest| guest.idx).collect())
}

fn together(meeting: &Meeting, everyone: usize) -> Option<u32> {
    let whole =
        meeting.phase == Phase::Live && meeting.epoch > 0 && meeting.members.len() == everyone;
    (whole && meeting.members.iter().all(|m| m.key == KeyState::Ok)).then_some(meeting.epoch)
}

/// Every member opens fresh packets from every other one.
async fn everyone_hears(
    leader: &Daemon,
    others: &[Daemon],
    timeline: &mut Timeline,
    name: &'static str,
    text: &str,
) -> Result<()> {
    let mut ok = true;
    for daemon in std::iter::once(leader).chain(others) {
        let heard = daemon
            .until_meeting("media of all others", STEP, |m| {
                let live = |m: &Member| m.me || m.streams.iter().filter(|s| s.live).count() >= 2;
                m.members.iter().all(live).then_some(())
            })
            .await;
        ok &= heard.is_ok();
        if let Err(error) = heard {
            timeline.step("", &error.to_string());
        }
    }
    timeline.check(name, ok, text);
    Ok(())
}

async fn kick(
    leader: &Daemon,
    kicked: &Daemon,
    rest: &[Daemon],
    scene: &mut Scene,
    timeline: &mut Timeline,
) -> Result<()> {
    let of = |m: &Meeting| Some((m.mid.clone(), m.me?, m.epoch));
    let (mid, idx, epoch) = kicked.until_meeting("its index", STEP, of).await?;
    scene.kicked(&mid, epoch);
    let _: Empty = leader.post("/api/kick", &Kick { idx, ban: true }).await?;
    for daemon in std::iter::once(leader).chain(rest) {
        daemon
            .until_meeting("the key without the kicked guest", STEP, |m| {
                (m.epoch > epoch).then_some(())
            })
            .await?;
    }
    kicked.until_meeting("being told", STEP, |m| (m.phase == Phase::Removed).then_some(())).await?;
    timeline.step(
        "(14)-(18)",
        &format!("{} was removed and banned; new meeting key for the others", kicked.name),
    );
    sleep(LOOK).await;
    everyone_hears(leader, rest, timeline, "media_after_kick", "the others go on").await
}

async fn leave(
    leader: &Daemon,
    leaving: &Daemon,
    staying: &[Daemon],
    scene: &mut Scene,
    timeline: &mut Timeline,
) -> Result<()> {
    // The record of the epoch before may have been void, as when a guest renewed its keys in the same
    // block; then another one has the same number.
    let epoch = leader
        .until_meeting("the record of the kick", STEP, |m| (!m.provisional).then_some(m.epoch))
        .await?;
    scene.left(leaving.name);
    let _: Empty = leaving.post("/api/leave", &Empty {}).await?;
    for daemon in std::iter::once(leader).chain(staying) {
        daemon
            .until_meeting("the key after the leave", STEP, |m| (m.epoch > epoch).then_some(()))
            .await?;
    }
    timeline.step("(14)-(18)", &format!("{} left; new meeting key for the others", leaving.name));
    sleep(LOOK).await;
    everyone_hears(leader, staying, timeline, "media_after_leave", "the others go on").await
}

async fn validator_dies(
    world: &mut World,
    leader: &Daemon,
    staying: &[Daemon],
    timeline: &mut Timeline,
) -> Result<()> {
    timeline.chapter("A validator dies (section V: no one's failure stops a meeting)");
    let before = leader.until("the height", STEP, |s| Some(s.network.height)).await?;
    world.kill_one_validator().await?;
    timeline.step("", "one of the validators was killed");
    let start = Instant::now();
    let wanted = before + 4;
    let after = leader
        .until("blocks without it", STEP, |s| (s.network.height >= wanted).then_some(()))
        .await;
    timeline.check(
        "ledger_goes_on",
        after.is_ok(),
        &format!(
            "from height {before} to {wanted} in {} ms, certified by the others",
            start.elapsed().as_millis()
        ),
    );
    let fresh = leader.state().await?.network.freshness == Freshness::Fresh;
    timeline.check("ledger_fresh", fresh, "the newest header is fresh");
    everyone_hears(
        leader,
        staying,
        timeline,
        "media_without_validator",
        "the meeting did not notice",
    )
    .await
}

/// Packets that anybody refused, for whatever reason.
async fn refused(leader: &Daemon, others: &[Daemon]) -> Result<u64> {
    let mut refused = 0.0;
    for daemon in std::iter::once(leader).chain(others) {
        refused += daemon.metric("conclave_packets_refused_total").await?;
    }
    Ok(refused as u64)
}

/// The chair goes to a guest by the leader's word, and the meeting goes on.
async fn hand_over(
    leader: &Daemon,
    heir: &Daemon,
    present: &[&Daemon],
    timeline: &mut Timeline,
) -> Result<()> {
    let own = |m: &Meeting| Some((m.me?, m.term, m.epoch));
    let (idx, term, epoch) = heir.until_meeting("its index", STEP, own).await?;
    let _: Empty = leader.post("/api/appoint", &Appoint { idx }).await?;
    let mut led = true;
    for daemon in present {
        let after = |m: &Meeting| {
            let led = m.leader == Some(idx) && m.term == term + 1 && m.epoch > epoch;
            led.then(|| together(m, present.len()))?
        };
        led &= daemon.until_meeting("the new leader's key", STEP, after).await.is_ok();
    }
    timeline.check(
        "leader_changed",
        led,
        &format!("(19)-(21) {} handed the chair to {}, who made a new key", leader.name, heir.name),
    );
    sleep(LOOK).await;
    let mut heard = true;
    for daemon in present {
        let all = |m: &Meeting| {
            let live = |m: &Member| m.me || m.streams.iter().filter(|s| s.live).count() >= 2;
            m.members.iter().all(live).then_some(())
        };
        heard &= daemon.until_meeting("media of all others", STEP, all).await.is_ok();
    }
    timeline.check("media_after_handover", heard, "everyone hears everyone under that key");
    Ok(())
}

async fn end(
    leader: &Daemon,
    others: &[&Daemon],
    scene: &mut Scene,
    timeline: &Timeline,
) -> Result<()> {
    scene.ended();
    let _: Empty = leader.post("/api/end", &Empty {}).await?;
    for daemon in std::iter::once(&leader).chain(others) {
        daemon.until_meeting("the end", STEP, |m| (m.phase == Phase::Ended).then_some(())).await?;
    }
    timeline
        .step("(22)(23)", &format!("{} ended the meeting; everyone's daemon says so", leader.name));
    Ok(())
}

/// Whether everyone who recorded a key of an epoch recorded the same one, and in how many epochs
/// more than one guest did.
fn one_key_per_epoch(recordings: &[Recording]) -> (bool, usize) {
    let mut keys: BTreeMap<(&str, u32), Vec<&str>> = BTreeMap::new();
    for line in recordings.iter().flat_map(Recording::keys) {
        keys.entry((&line.mid, line.epoch)).or_default().push(&line.mk);
    }
    let shared: Vec<_> = keys.values().filter(|keys| keys.len() > 1).collect();
    let same = shared.iter().all(|keys| keys.iter().all(|key| Some(key) == keys.first()));
    (same && !shared.is_empty(), shared.len())
}

/// How many copies of meeting keys are left in memory, and how many keys were looked for.
fn keys_gone(
    leader: &Daemon,
    others: &[Daemon],
    recordings: &[Recording],
) -> Result<(usize, usize)> {
    let mut keys: Vec<[u8; 32]> = recordings.iter().flat_map(Recording::meeting_keys).collect();
    keys.sort_unstable();
    keys.dedup();
    ensure!(!keys.is_empty(), "no meeting key was recorded, so there is nothing to look for");
    let mut found = 0;
    for daemon in std::iter::once(leader).chain(others) {
        let pid = daemon.pid().with_context(|| format!("{} has gone", daemon.name))?;
        found += memory::count_secrets(pid, &keys)?;
    }
    Ok((found, keys.len()))
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
