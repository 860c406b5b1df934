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
        // Anyone may knock for any seat: a name counts only in the words of the device that asked.
        let said = |name| facts.iter().any(|fact: &Fact| fact.name == name && fact.ok);
        let theirs = said(FactName::Signature) && said(FactName::Transport);
        let name = knock.filter(|_| theirs).map(|(_, knock)| knock.name.as_str().to_owned());
        let name = name.unwrap_or_default();
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

/// Step 10: what the guest says about themselves is what the ledger says of the user. The name of
/// a knock is what the text begins with, for it is the shorter of the two.
fn info(info: Option<&UserInfo>, user: UserId, knock: &Knock) -> Fact {
    let name = knock.name.as_str();
    let named = |text: &str| !name.is_empty() && text.starts_with(name);
    let (ok, text) = match (info, &knock.opening) {
        (Some(UserInfo::Clear(text)), _) => {
            (named(text.as_str()), "the name is the one on the ledger")
        }
        (Some(info @ UserInfo::Commit(_)), Some(opening)) => (
            named(opening.text.as_str())
                && info.commit_matches(&opening.r, &user, opening.seq, opening.text.as_str()),
            "the name is the one committed to on the ledger",
        ),
        (Some(UserInfo::Commit(_)), None) => {
            (true, "the ledger hides the name and it was not opened: it is what the guest says")
        }
        (Some(UserInfo::Encrypted(..)), _) => {
            (true, "the ledger holds the name encrypted: it is what the guest says")
        }
        (None, _) => (true, "the ledger holds no name: it is what the guest says"),
    };
    fact(FactName::Info, ok, text, "the name is not the one on the ledger")
}

fn fact(name: FactName, ok: bool, good: &str, bad: &str) -> Fact {
    Fact { name, ok, text: if ok { good } else { bad }.to_owned() }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::{Signature, codec::Text};

    use super::*;
    use crate::wire::{Address, Name, Opening};

    const USER: UserId = UserId([7; 32]);

    fn knock(name: &str, opened: Option<&str>) -> Knock {
        let opening =
            opened.map(|text| Opening { seq: 3, r: [4; 32], text: Text::new(text).unwrap() });
        Knock {
            idx: MemberIdx(1),
            ek: conclave_protocol::decode(&[1; 1_184]).unwrap(),
            invite: [2; 32],
            name: Name::new(name).unwrap(),
            opening,
            address: Address::new(vec![0, 0]).unwrap(),
            sig: Signature::Ed25519([5; 64]),
        }
    }

    fn clear(text: &str) -> UserInfo {
        UserInfo::Clear(Text::new(text).unwrap())
    }

    fn commit(text: &str) -> UserInfo {
        UserInfo::commitment(&[4; 32], &USER, 3, text)
    }

    #[test]
    fn who_commits_to_one_name_and_knocks_under_another_is_found_out() {
        let holds = |on_ledger: &UserInfo, name, opened| {
            info(Some(on_ledger), USER, &knock(name, opened)).ok
        };
        let mallory = commit("Mallory");
        assert!(holds(&mallory, "Mallory", Some("Mallory")));
        assert!(!holds(&mallory, "Ada", Some("Mallory")), "opened honestly, named falsely");
        assert!(!holds(&mallory, "Ada", Some("Ada")), "opened falsely");
        assert!(!holds(&mallory, "", Some("Mallory")), "named not at all");
        let long = "Ada Lovelace of the Analytical Engine ".repeat(3);
        assert!(holds(&commit(long.trim()), &long[..64], Some(long.trim())));
        assert!(holds(&clear(long.trim()), &long[..64], None));
        assert!(!holds(&clear("Mallory"), "Ada", None) && !holds(&clear("Ada"), "", None));
    }

    #[test]
    fn a_name_that_nothing_proves_is_said_to_be_what_the_guest_says() {
        let sealed = UserInfo::Encrypted([1; 8], [2; 12], Default::default());
        for on_ledger in [Some(commit("Mallory")), Some(sealed), None] {
            let fact = info(on_ledger.as_ref(), USER, &knock("Ada", None));
            assert!(fact.ok && fact.text.ends_with("it is what the guest says"), "{fact:?}");
        }
    }
}
