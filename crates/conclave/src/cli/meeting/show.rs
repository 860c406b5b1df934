//! Meetings in words for a terminal.

use crate::{
    cli::output::{mark, plain},
    http::wire::{Codes, Evidence, Fact, LinkState, Meeting, Member, Preview},
};

pub(super) fn show_preview(preview: &Preview) -> String {
    let mut lines = vec![format!(
        "{}\n  led by {} ({})\n  proven at height {}",
        plain(&preview.title),
        plain(&preview.leader.name),
        preview.leader.fingerprint,
        preview.proof_height
    )];
    lines.extend(
        preview
            .checks
            .iter()
            .map(|check| format!("  {} {}: {}", mark(check.ok), check.name, check.text)),
    );
    lines.join("\n")
}

pub(super) fn show_codes(codes: &Codes) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none } else { text }.to_owned();
    let short: Vec<String> =
        codes.short.iter().map(|one| format!("{} {}", one.picture, one.name)).collect();
    let waits: Vec<String> = codes.waits_for.iter().map(|name| plain(name)).collect();
    let none = match waits.is_empty() {
        true => "not yet".to_owned(),
        false => format!("waits for {}", waits.join(", ")),
    };
    let mut lines = vec![
        format!("short code     {}", or(&short.join(", "), &none)),
        format!("security code  {}", or(&codes.security, "not yet")),
        format!("epoch code     {}", or(&codes.epoch, "not yet")),
    ];
    for Evidence { text, file, .. } in &codes.evidence {
        lines.push(format!("ALARM          {text}"));
        lines.extend(file.iter().map(|file| format!("  kept in      {file}")));
    }
    lines.join("\n")
}

pub(super) fn show(meeting: &Meeting) -> String {
    let how = meeting.ended_reason.as_ref().unwrap_or(&meeting.phase_text);
    let mut lines = vec![
        format!("{}  ({})", plain(&meeting.title), meeting.mid),
        format!("  {how}; term {}, epoch {}", meeting.term, meeting.epoch),
    ];
    if let Some(invite) = &meeting.invite {
        lines.push(format!("  invite {}", invite.link));
    }
    for member in &meeting.members {
        let leader = if member.leader { ", leader" } else { "" };
        let me = if member.me { ", this device" } else { "" };
        let hidden = if member.hidden { ", hidden from the ledger" } else { "" };
        lines.push(format!(
            "  {:>4}  {}  {}{leader}{me}{hidden}{} {}",
            member.idx,
            member.fingerprint,
            called(&member.name, member.handle.as_deref()),
            shows(member),
            member.key_text
        ));
    }
    for guest in &meeting.lobby {
        lines.push(format!(
            "  {:>4}  {}  {} asks to come in",
            guest.idx,
            guest.fingerprint,
            called(&guest.name, guest.handle.as_deref())
        ));
        for Fact { ok, text, .. } in &guest.facts {
            lines.push(format!("          {} {text}", mark(*ok)));
        }
    }
    for asked in &meeting.asked {
        let what = super::signals::words(asked.what);
        lines.push(format!("  {} asks you to {what}", plain(&asked.name)));
    }
    for notice in &meeting.notices {
        lines.push(format!("  note: {}; {}", notice.text, notice.next));
    }
    lines.join("\n")
}

/// A name, and the handle that is on the ledger.
fn called(name: &str, handle: Option<&str>) -> String {
    let handle = handle.map(|handle| format!(" (@{})", plain(handle))).unwrap_or_default();
    format!("{}{handle}", plain(name))
}

/// What a member shows, and how its link does.
fn shows(member: &Member) -> String {
    let hand = member.hand_ms.is_some().then(|| ", hand up".to_owned());
    let records = member.recording.then(|| ", records".to_owned());
    let link = (member.link == LinkState::Relayed).then(|| ", relayed".to_owned());
    let quality = member
        .quality
        .map(|quality| format!(", {} ms, {:.0} % lost", quality.rtt_ms, quality.loss * 100.0));
    [hand, records, link, quality].into_iter().flatten().collect()
}
