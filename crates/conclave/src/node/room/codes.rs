//! Codes and alarms in the words of the page.

use conclave_meeting::{
    evidence::{Equivocation, Fork},
    session::{Alarm, Codes, ShortCode},
};
use conclave_protocol::MemberIdx;

use crate::http::wire::{self, EvidenceKind, Picture};

/// The codes as the page shows them; `name` says what a member is called.
pub(super) fn shown(codes: Codes, name: impl Fn(MemberIdx) -> String) -> wire::Codes {
    let (short, waits_for) = match codes.short {
        ShortCode::None => (Vec::new(), Vec::new()),
        ShortCode::Pending(_, late) => (Vec::new(), late.into_iter().map(name).collect()),
        ShortCode::Shown(_, pictures) => {
            let picture = |emoji: conclave_protocol::code::Emoji| Picture {
                picture: emoji.picture.to_string(),
                name: emoji.name.to_owned(),
            };
            (pictures.into_iter().map(picture).collect(), Vec::new())
        }
    };
    wire::Codes {
        security: codes.security,
        epoch: codes.epoch.map(|(_, digits)| digits).unwrap_or_default(),
        short,
        waits_for,
        evidence: Vec::new(),
    }
}

/// What proves that somebody lied, if anything does.
pub(in crate::node) fn evidence(
    fork: Option<Fork>,
    equivocation: Option<&Equivocation>,
) -> Vec<wire::Evidence> {
    let fork = fork.map(|fork| wire::Evidence {
        kind: EvidenceKind::Fork,
        text: "The validators signed two blocks of one height. Do not trust this ledger."
            .to_owned(),
        parts: vec![hex::encode(fork.first), hex::encode(fork.second)],
        file: None,
    });
    let equivocation = equivocation.map(|evidence| wire::Evidence {
        kind: EvidenceKind::Equivocation,
        text: format!("The leader signed two records for epoch {}.", evidence.epoch()),
        parts: vec![hex::encode(evidence.to_bytes())],
        file: None,
    });
    fork.into_iter().chain(equivocation).collect()
}

/// What a person should do about an alarm.
pub(super) const fn advice(alarm: &Alarm) -> &'static str {
    match alarm {
        Alarm::CodeBroken(..) => {
            "somebody may be trying to choose the code: read the 40 digits to each other instead"
        }
        Alarm::FalseHeader(..) => "their device is broken or lies: ask them, or remove them",
        Alarm::HeadersDiffer(..) => {
            "their device is asked for proof; decide nothing important until then"
        }
        Alarm::LeaderEquivocated(_) => {
            "nothing is sent under a leader that is proven to lie: vote for another one, or leave"
        }
        Alarm::LedgerForked(_) => {
            "stop: believe no admission from here on, and show the evidence to the operators"
        }
        _ => "do not trust this meeting; end it and start another one",
    }
}
