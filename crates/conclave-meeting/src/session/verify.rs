//! The checks of section 7: who asks to come in, and who is in a roster.

use conclave_protocol::{
    ChainId, MeetingId, MeetingRequest, MemberIdx, Npk, UserId, UserInfo, UserRecord,
    invite::InviteSecret, meeting::MemberStatus,
};

use super::{
    bearer::Bearers,
    input::{MeetingView, MemberView},
    output::{Fact, FactName, Knocker},
};
use crate::wire::{Bearer, Knock};

/// What the checks need to know of the meeting.
pub(super) struct Checker<'a> {
    pub(super) chain: &'a ChainId,
    pub(super) mid: &'a MeetingId,
    pub(super) invite: &'a InviteSecret,
    /// Who bears the personas, in a sealed meeting.
    pub(super) bearers: Option<&'a Bearers>,
}

impl Checker<'_> {
    /// Every check of one request, with the knock and the link it came over, if it came.
    pub(super) fn knocker(
        &self,
        view: &MeetingView,
        idx: MemberIdx,
        asker: &MemberView,
        knock: Option<&(Npk, Knock)>,
    ) -> Knocker {
        let real = self.bearers.map(|bearers| bearers.known(view, idx));
        let banned = |(bearer, _): (&Bearer, _)| {
            self.bearers.is_some_and(|bearers| bearers.banned.contains(&bearer.user))
        };
        let out = asker.banned || real.flatten().is_some_and(banned);
        let mut facts = vec![identity(asker), ban(out)];
        facts.extend(real.map(|real| bearer(real.is_some())));
        facts.extend(match knock {
            Some((npk, knock)) => [
                self.signature(asker, knock),
                transport(asker, *npk),
                keys(asker, knock),
                self.invite(asker, knock),
                match real {
                    None => info(asker.info.as_ref(), asker.member.user, knock),
                    Some(Some((bearer, seen))) => info(seen.info.as_ref(), bearer.user, knock),
                    Some(None) => info(None, asker.member.user, knock),
                },
            ]
            .to_vec(),
            None => Vec::new(),
        });
        let ready = knock.is_some()
            && asker.member.status == MemberStatus::Requested
            && facts.iter().all(|fact| fact.ok || fact.name == FactName::Invite);
        let name = knock.map(|(_, knock)| knock.name.as_str().to_owned()).unwrap_or_default();
        Knocker { idx, name, facts, height: view.height, ready }
    }

    /// Step 3: the device signed this very request (equation 12).
    fn signature(&self, asker: &MemberView, knock: &Knock) -> Fact {
        let member = &asker.member;
        let request = MeetingRequest {
            mid: *self.mid,
            user: member.user,
            dev: member.dev,
            ivk: member.ivk,
            epk: member.epk,
            ek_hash: member.ek_hash,
            npk: member.npk,
            term: member.term,
        };
        fact(
            FactName::Signature,
            knock.verify(self.chain, member.ivk, &request).is_ok(),
            "the request is signed by the device's identity key",
            "the signature does not belong to the device on the ledger",
        )
    }

    /// Step 9: the guest holds an invite of this meeting.
    fn invite(&self, asker: &MemberView, knock: &Knock) -> Fact {
        let member = &asker.member;
        fact(
            FactName::Invite,
            self.invite.tag_matches(self.mid, &member.dev, &member.epk, &member.npk, &knock.invite),
            "the guest holds your invite",
            "the guest shows no valid invite",
        )
    }
}

/// Steps 1 to 7 for somebody who is in a roster: what every member checks before it sends.
pub(super) fn is_sound(member: &MemberView) -> bool {
    let here = matches!(member.member.status, MemberStatus::Admitted | MemberStatus::Requested);
    here && identity(member).ok
        && ban(member.banned).ok
        && member.member.epk.check().is_ok()
        && member.member.npk.check().is_ok()
}

/// Step 4: device and user are active, and the keys are theirs, all at one height.
fn identity(asker: &MemberView) -> Fact {
    let member = &asker.member;
    let device = asker.device.as_ref();
    let owner = asker.user.as_ref().is_some_and(UserRecord::is_active);
    let holds = device.is_some_and(|device| {
        device.is_active() && device.user == member.user && device.ivk == member.ivk
    });
    fact(
        FactName::Identity,
        owner && holds,
        "user and device are registered and active, and the key is the device's",
        "user, device and key do not belong together on the ledger",
    )
}

/// Step 6.
fn ban(banned: bool) -> Fact {
    fact(FactName::Ban, !banned, "the user is not banned", "the user is banned")
}

/// Section 13.1: somebody the ledger knows bears the persona.
fn bearer(known: bool) -> Fact {
    fact(
        FactName::Bearer,
        known,
        "the person behind the request is registered and active; the ledger does not see who it is",
        "the request does not show who is behind it",
    )
}

/// Step 7: both exchange keys are sound, and the large one is the announced one.
fn keys(asker: &MemberView, knock: &Knock) -> Fact {
    let member = &asker.member;
    let ok =
        member.epk.check().is_ok() && knock.ek.hash().0 == member.ek_hash && knock.ek.is_valid();
    fact(
        FactName::Keys,
        ok,
        "the exchange keys are sound and the ones on the ledger",
        "the exchange keys are not the ones on the ledger",
    )
}

/// Step 8: the link proved the transport key on the ledger.
fn transport(asker: &MemberView, npk: Npk) -> Fact {
    fact(
        FactName::Transport,
        asker.member.npk == npk,
        "the call comes from the device on the ledger",
        "the call comes from another device than the one on the ledger",
    )
}

/// Step 10: what the guest says about themselves is what the ledger says of the user.
fn info(info: Option<&UserInfo>, user: UserId, knock: &Knock) -> Fact {
    let (ok, text) = match (info, &knock.opening) {
        (Some(UserInfo::Clear(text)), _) => (
            !knock.name.as_str().is_empty() && text.as_str().starts_with(knock.name.as_str()),
            "the name is the one on the ledger",
        ),
        (Some(info @ UserInfo::Commit(_)), Some(opening)) => (
            info.commit_matches(&opening.r, &user, opening.seq, opening.text.as_str()),
            "the name is the one committed to on the ledger",
        ),
        (Some(UserInfo::Commit(_)), None) => (true, "the name on the ledger was not opened"),
        (Some(UserInfo::Encrypted(..)), _) => (true, "the name on the ledger is encrypted"),
        (None, _) => (true, "the ledger holds no name"),
    };
    fact(FactName::Info, ok, text, "the name is not the one on the ledger")
}

fn fact(name: FactName, ok: bool, good: &str, bad: &str) -> Fact {
    Fact { name, ok, text: if ok { good } else { bad }.to_owned() }
}
