//! Users and meetings.

use std::collections::BTreeSet;

use anyhow::anyhow;
use conclave_protocol::{
    DeviceRecord, Key, MeetingId, MemberIdx, Record, UserId, UserInfo, UserRecord,
    code::fingerprint,
    identity::{Handle, assemble, is_handle},
    meeting::{MeetingStatus, MemberStatus},
};
use serde_json::json;

use super::{ASK_THEM, quoted, read, silent};
use crate::{
    chain::{Chain, Snapshot},
    cli::{
        advice::Advised as _,
        output::{Output, plain, utc},
    },
    explorer::{
        said as told,
        wire::{MeetingView, TxLine},
        words,
    },
};

pub(super) async fn user(chain: &Chain, who: &str, output: Output) -> anyhow::Result<()> {
    let id = find(chain, who).await?;
    let at = whole(chain, id).await.map_err(silent).advise(ASK_THEM)?;
    let Some(Record::User(user)) = at.record(&Key::User(id)) else {
        let none = || anyhow!("it is proven that there is no such user");
        return Err(none()).advise("conclave ledger user ID, with all 64 digits, or a handle");
    };
    let info = said(id, user, &at);
    let (form, text) = info.as_ref().map_or(("unreadable", ""), told);
    let handle = user.handle.as_ref().map(Handle::as_str);
    let line = json!({
        "proven": true, "user": id.to_hex(), "active": user.is_active(), "handle": handle,
        "info": { "form": form, "text": plain(text) }, "seq": user.seq, "registered": user.registered.height.0,
        "recovery": user.recovery_ivk.is_some(), "height": at.height().0,
    });
    output.say(&line, || {
        let state = if user.is_active() { "active" } else { "retired" };
        let handle = handle.map_or_else(String::new, |name| format!(", @{name}"));
        let info = match form {
            "clear" if text.is_empty() => "nothing".to_owned(),
            "clear" => quoted(text),
            "encrypted" => "encrypted".to_owned(),
            "commit" => "hidden but for a fingerprint".to_owned(),
            _ => "nothing that can be read".to_owned(),
        };
        format!(
            "proven: user {} ({state}{handle}) at block {}\n  says of itself: {info}\n  registered in \
             block {} of {}",
            id.to_hex(),
            at.height(),
            user.registered.height,
            utc(user.registered.time.0.saturating_mul(1_000)),
        )
    })?;
    for number in 0..user.devices {
        let Some(Record::DeviceId(dev)) = at.record(&Key::UserDevice(id, number)) else { continue };
        let Some(Record::Device(device)) = at.record(&Key::Device(*dev)) else { continue };
        let DeviceRecord { ivk, seniority, added, .. } = device;
        let line = json!({
            "proven": true, "device": dev.to_hex(), "active": device.is_active(),
            "fingerprint": fingerprint(ivk), "seniority": seniority, "added": added.height.0,
        });
        output.say(&line, || {
            let state = if device.is_active() { "active" } else { "revoked" };
            format!("proven: device {} ({state}), key {}", dev.to_hex(), fingerprint(ivk))
        })?;
    }
    // The record names the hash of the newest change, and each change that of the one before.
    for change in chain.changes(user.last_tx, None).await.map_err(silent).advise(ASK_THEM)? {
        let sentence = read(&words(&change.tx));
        let line = json!({
            "proven": true, "tx": change.id.to_hex(), "height": change.at.height.0,
            "time_ms": change.at.time_ms, "text": sentence,
        });
        output.say(&line, || format!("proven: {:>8}  {sentence}", change.at.height))?;
    }
    Ok(())
}

pub(super) async fn meeting(chain: &Chain, id: &str, output: Output) -> anyhow::Result<()> {
    let mid: MeetingId =
        id.parse().advise("conclave ledger meeting ID, with all 64 digits of the id")?;
    let view = chain.meeting_view(mid, &BTreeSet::new()).await.map_err(silent).advise(ASK_THEM)?;
    let Some(meeting) = &view.meeting else {
        let none = || anyhow!("it is proven that there is no such meeting");
        return Err(none()).advise("look whether the id is whole");
    };
    let status = match meeting.status_at(&chain.params(), view.time) {
        MeetingStatus::Ended => "ended",
        MeetingStatus::Expired => "expired",
        MeetingStatus::Open => "open",
    };
    let pruned = meeting.next_idx == MemberIdx(0);
    let line = json!({
        "proven": true, "meeting": mid.to_hex(), "state": status, "term": meeting.term.0,
        "epoch": meeting.epoch.0, "leader": meeting.leader.0, "height": view.height.0,
        "published": meeting.published.height.0, "members": view.roster.len(), "pruned": pruned,
    });
    output.say(&line, || {
        if pruned {
            return format!(
                "proven: meeting {} ({status}, and cleared away) at block {}\n  opened in block {}",
                mid.to_hex(),
                view.height,
                meeting.published.height,
            );
        }
        format!(
            "proven: meeting {} ({status}) at block {}\n  term {}, key {}, {} members, led by member \
             {}; opened in block {}",
            mid.to_hex(),
            view.height,
            meeting.term,
            meeting.epoch,
            view.roster.len(),
            meeting.leader,
            meeting.published.height,
        )
    })?;
    for (idx, seat) in &view.members {
        let status = match seat.member.status_at(&chain.params(), view.time) {
            Some(MemberStatus::Admitted) => "admitted",
            Some(MemberStatus::Left) => "left",
            Some(MemberStatus::Removed(_)) => "removed",
            Some(MemberStatus::Requested) => "waits",
            None => "waited too long",
        };
        let member = &seat.member;
        let line = json!({
            "proven": true, "idx": idx.0, "user": member.user.to_hex(),
            "device": member.dev.to_hex(), "status": status, "in": view.roster.contains(*idx),
        });
        output.say(&line, || {
            format!("proven: member {idx}, user {}, {status}", member.user.to_hex())
        })?;
    }
    timeline(chain, mid, output).await
}

/// What happened, as a validator remembers it: each transaction could be proven, that none is left
/// out could not.
async fn timeline(chain: &Chain, mid: MeetingId, output: Output) -> anyhow::Result<()> {
    let Ok((by, answer)) = chain.said(&format!("meetings/{}", mid.to_hex())).await else {
        return Ok(());
    };
    let Ok(view) = serde_json::from_slice::<MeetingView>(&answer) else { return Ok(()) };
    for TxLine { id, height, words, .. } in &view.txs {
        let sentence = read(words);
        let line = json!({
            "proven": false, "by": hex::encode(by.0), "tx": id, "height": height,
            "text": sentence,
        });
        output.say(&line, || format!("said by {by}, not proven: {height:>8}  {sentence}"))?;
    }
    Ok(())
}

/// The user of an id or of a handle.
async fn find(chain: &Chain, who: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = who.parse::<UserId>() {
        return Ok(id);
    }
    let wrong = || anyhow!("neither an id nor a handle");
    let name = Handle::new(who.trim_start_matches('@')).ok().filter(is_handle);
    let key = Key::Handle(name.ok_or_else(wrong).advise("conclave ledger user ID")?);
    let at = chain.snapshot(std::slice::from_ref(&key)).await.map_err(silent).advise(ASK_THEM)?;
    match at.record(&key) {
        Some(Record::Handle(record)) => Ok(record.user),
        _ => Err(anyhow!("it is proven that nobody has this handle"))
            .advise("conclave ledger user ID"),
    }
}

/// Everything about a user, at one height.
async fn whole(chain: &Chain, id: UserId) -> Result<Snapshot, crate::chain::ChainError> {
    let mut keys = BTreeSet::from([Key::User(id)]);
    loop {
        let list: Vec<Key> = keys.iter().cloned().collect();
        let at = chain.snapshot(&list).await?;
        let before = keys.len();
        if let Some(Record::User(user)) = at.record(&Key::User(id)) {
            keys.extend((0..user.info_chunks).map(|part| Key::UserInfo(id, part)));
            for number in 0..user.devices {
                let key = Key::UserDevice(id, number);
                if let Some(Record::DeviceId(dev)) = at.record(&key) {
                    keys.insert(Key::Device(*dev));
                }
                keys.insert(key);
            }
        }
        if keys.len() == before {
            return Ok(at);
        }
    }
}

/// What a user says of itself; nothing if that cannot be read.
fn said(id: UserId, user: &UserRecord, at: &Snapshot) -> Option<UserInfo> {
    let parts: Vec<_> = (0..user.info_chunks)
        .filter_map(|part| match at.record(&Key::UserInfo(id, part)) {
            Some(Record::Info(part)) => Some(part.clone()),
            _ => None,
        })
        .collect();
    assemble(&parts).ok()
}
