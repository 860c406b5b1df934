//! What a transaction says, as a sentence whose names lead somewhere.

use conclave_protocol::{
    Body, DeviceId, EpochRecord, Height, LeaderReassign, MeetingId, MemberIdx, Tx, UserId,
    UserInfo, ValidatorKey,
    identity::Gate,
    meeting::{AutoAdmit, PRUNED_AT_ONCE, Reason, Succession},
    validators::{AnchorPlace, Contact, ValidatorChange},
};

use super::wire::{Part, Target, TargetKind};

/// The sentence of a transaction.
pub(crate) fn words(tx: &Tx) -> Vec<Part> {
    let by = match tx.validator() {
        Some(key) => Sentence::new().say("Validator ").validator(key),
        None => Sentence::new().say("Device ").device(tx.signer),
    };
    let sentence = match &tx.body {
        Body::ValidatorVote(body) => change(by.say(" votes to "), &body.change),
        Body::AnchorRecord(body) => {
            let (network, _) = place(&body.anchor);
            let block = by.say(" wrote the hash of block ").block(body.height);
            block.say(&format!(" on {network}"))
        }
        Body::RegisterUser(body) => {
            let registered = Sentence::new().say("User ").user(body.user);
            let registered = registered.say(" registered with device ").device(body.dev);
            let admitted = match body.gate {
                Gate::Sponsor(key) => registered.say(", sponsored by validator ").validator(key),
                Gate::Work(_) => registered.say(", with a stamp of work"),
            };
            admitted.info(&body.info)
        }
        Body::AddDevice(body) => {
            by.say(" added device ").device(body.dev).say(" to user ").user(body.user)
        }
        Body::RevokeDevice(body) => {
            let why = match body.reason {
                1 => ": lost",
                2 => ": stolen",
                3 => ": replaced",
                _ => "",
            };
            let revoked = by.say(" revokes device ").device(body.dev);
            revoked.say(" of user ").user(body.user).say(why)
        }
        Body::RotateKey(_) => by.say(" took another identity key"),
        Body::UpdateInfo(body) => {
            let who = Sentence::new().say("User ").user(body.user);
            who.say(" changed what it says about itself").info(&body.info)
        }
        Body::ClaimHandle(body) => {
            let who = Sentence::new().say("User ").user(body.user).say(" claimed the handle ");
            who.quote(&format!("@{}", body.name.as_str()))
        }
        Body::Recover(body) => {
            let who = Sentence::new().say("The recovery key of user ").user(body.user);
            who.say(" puts device ").device(body.dev).say(" in the place of all others")
        }
        Body::Cancel(body) => by.say(" called off what device ").device(body.dev).say(" waits for"),
        Body::SetRecoveryKey(body) => {
            let what = if body.recovery_ivk.is_some() { "sets a" } else { "takes away the" };
            by.say(&format!(" {what} recovery key of user ")).user(body.user)
        }
        Body::PublishMeeting(body) => by.say(" opened meeting ").meeting(body.mid).info(&body.info),
        Body::MeetingRequest(body) => by.say(" asked to join meeting ").meeting(body.mid),
        Body::MeetingLeave(body) => by.say(" left meeting ").meeting(body.mid),
        Body::EpochRecord(body) => epoch(by, body),
        Body::Heartbeat(body) => by.say(" goes on leading meeting ").meeting(body.mid),
        Body::LeaderReassign(body) => reassign(by, body),
        Body::VoteLeader(body) => {
            let whom = format!(" votes for member {} to lead meeting ", body.candidate.0);
            by.say(&whom).meeting(body.mid)
        }
        Body::MeetingDismiss(body) => by.say(" ended meeting ").meeting(body.mid),
        Body::PruneMeeting(body) => {
            let what = match body.next.0 {
                0 => " cleared away what was left of meeting ".to_owned(),
                next => {
                    let first = next.saturating_sub(PRUNED_AT_ONCE);
                    format!(" cleared away members {first} to {} of meeting ", next - 1)
                }
            };
            by.say(&what).meeting(body.mid).say(", which is long over")
        }
        Body::RefreshKeys(body) => {
            by.say(" renewed its exchange keys in meeting ").meeting(body.mid)
        }
        Body::MeetingPolicy(body) => {
            let door = if body.locked { " locked meeting " } else { " unlocked meeting " };
            let rest = match body.auto_admit {
                AutoAdmit::Never => "",
                AutoAdmit::Invited => "; whoever shows an invite is let in",
            };
            by.say(door).meeting(body.mid).say(rest)
        }
    };
    sentence.parts()
}

/// What is said about somebody: the text, or that it is hidden.
pub(crate) fn said(info: &UserInfo) -> (&'static str, &str) {
    match info {
        UserInfo::Clear(text) => ("clear", text.as_str()),
        UserInfo::Encrypted(..) => ("encrypted", ""),
        UserInfo::Commit(_) => ("commit", ""),
    }
}

/// What validators vote about, or agreed on.
pub(super) fn change(sentence: Sentence, change: &ValidatorChange) -> Sentence {
    let named = |sentence: Sentence, contact: &Contact| match contact.name.as_str() {
        "" => sentence,
        name => sentence.say(" ").quote(name),
    };
    match change {
        ValidatorChange::Add(key, contact) => {
            named(sentence.say("add validator ").validator(*key), contact)
        }
        ValidatorChange::Remove(key) => sentence.say("remove validator ").validator(*key),
        ValidatorChange::Replace(old, key, contact) => {
            let sentence = sentence.say("replace the key of validator ").validator(*old);
            named(sentence.say(" by ").validator(*key), contact)
        }
    }
}

/// Another network, and the transaction on it as its own tools write it.
pub(super) fn place(place: &AnchorPlace) -> (String, String) {
    match place {
        AnchorPlace::Ethereum(1, txid, _) => {
            ("Ethereum".into(), format!("0x{}", hex::encode(txid)))
        }
        AnchorPlace::Ethereum(chain, txid, _) => {
            (format!("Ethereum chain {chain}"), format!("0x{}", hex::encode(txid)))
        }
        // Bitcoin's tools show hashes backwards.
        AnchorPlace::Bitcoin(txid, _) => {
            let backwards: Vec<u8> = txid.iter().rev().copied().collect();
            ("Bitcoin".into(), hex::encode(backwards))
        }
    }
}

/// Why a member is out.
pub(super) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Left => "left",
        Reason::Kicked => "kicked",
        Reason::Banned => "banned",
        Reason::Revoked => "device revoked",
        Reason::TimedOut => "silent",
    }
}

fn epoch(by: Sentence, body: &EpochRecord) -> Sentence {
    let mut sentence = by.say(&format!(" made key {} of meeting ", body.epoch.0)).meeting(body.mid);
    if !body.added.is_empty() {
        sentence = sentence.say(&format!(", let in {}", members(body.added.iter().copied())));
    }
    for gone in body.removed.iter().take(MOST) {
        let why = reason(gone.reason);
        sentence = sentence.say(&format!(", put out {} ({why})", members([gone.idx])));
    }
    if body.removed.len() > MOST {
        sentence = sentence.say(&format!(" and {} more", body.removed.len() - MOST));
    }
    let count = body.roster.len();
    sentence.say(&if count == 1 { "; 1 is in".into() } else { format!("; {count} are in") })
}

fn reassign(by: Sentence, body: &LeaderReassign) -> Sentence {
    let how = match body.rule {
        Succession::Appoint => ", by the word of the leader before",
        Succession::Time if body.absent.is_empty() => ", because it was its turn",
        Succession::Time => ", because the leader was silent",
        Succession::Vote => ", by vote",
    };
    by.say(" took the chair of meeting ").meeting(body.mid).say(how)
}

fn members(indexes: impl IntoIterator<Item = MemberIdx>) -> String {
    let all: Vec<String> = indexes.into_iter().map(|idx| idx.0.to_string()).collect();
    let shown: Vec<&str> = all.iter().take(MOST).map(String::as_str).collect();
    let more = all.len().saturating_sub(MOST);
    let noun = if all.len() == 1 { "member" } else { "members" };
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{noun} {}{rest}", shown.join(", "))
}

/// Members one sentence names.
const MOST: usize = 8;

/// A sentence that grows.
#[derive(Debug, Default)]
pub(super) struct Sentence(Vec<Part>);

impl Sentence {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn parts(self) -> Vec<Part> {
        self.0
    }

    pub(super) fn say(mut self, text: &str) -> Self {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.to.is_none() && !last.quoted => last.text.push_str(text),
            _ => self.0.push(Part { text: text.to_owned(), ..Part::default() }),
        }
        self
    }

    pub(super) fn quote(mut self, text: &str) -> Self {
        self.0.push(Part { text: text.to_owned(), to: None, quoted: true });
        self
    }

    pub(super) fn user(self, id: UserId) -> Self {
        self.link(TargetKind::User, id.0)
    }

    pub(super) fn device(self, id: DeviceId) -> Self {
        self.link(TargetKind::Device, id.0)
    }

    pub(super) fn meeting(self, id: MeetingId) -> Self {
        self.link(TargetKind::Meeting, id.0)
    }

    pub(super) fn validator(self, key: ValidatorKey) -> Self {
        self.link(TargetKind::Validator, key.0)
    }

    fn block(mut self, height: Height) -> Self {
        let to = Target { kind: TargetKind::Block, id: height.to_string() };
        self.0.push(Part { text: height.to_string(), to: Some(to), quoted: false });
        self
    }

    fn info(self, info: &UserInfo) -> Self {
        match said(info) {
            ("clear", "") => self,
            ("clear", text) => self.say(": ").quote(text),
            ("encrypted", _) => self.say(", encrypted"),
            _ => self.say(", hidden but for a fingerprint"),
        }
    }

    fn link(mut self, kind: TargetKind, id: [u8; 32]) -> Self {
        let id = hex::encode(id);
        let text = format!("{}\u{2026}", id.get(..8).unwrap_or(&id));
        self.0.push(Part { text, to: Some(Target { kind, id }), quoted: false });
        self
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::{
        ChainId, ClaimHandle, Digest, Ed25519Signer, Epk, Epoch, Ivk, MeetingRequest, Npk,
        PruneMeeting, RegisterUser, Roster, Seconds, Signer as _, Term,
        codec::{Set, Text},
        identity::Handle,
        meeting::Removal,
        validators::{AnchorRecord, ValidatorVote},
    };

    use super::*;

    const MID: MeetingId = MeetingId([0x91; 32]);

    fn tx(body: impl Into<Body>) -> Tx {
        Tx::new(ChainId([1; 32]), DeviceId([0x3f; 32]), 4, Seconds(9), body)
    }

    fn read(tx: &Tx) -> String {
        words(tx).iter().map(|part| part.text.as_str()).collect()
    }

    #[test]
    fn a_request_reads_as_a_sentence_whose_names_lead_somewhere() {
        let tx = tx(MeetingRequest {
            mid: MID,
            user: UserId([2; 32]),
            dev: DeviceId([0x3f; 32]),
            ivk: Ivk::Ed25519([3; 32]),
            epk: Epk([4; 32]),
            ek_hash: [5; 32],
            npk: Npk([6; 32]),
            term: Term(1),
        });
        assert_eq!(read(&tx), "Device 3f3f3f3f\u{2026} asked to join meeting 91919191\u{2026}");
        let targets: Vec<_> = words(&tx).into_iter().filter_map(|part| part.to).collect();
        let kinds: Vec<_> = targets.iter().map(|target| target.kind).collect();
        assert_eq!(kinds, [TargetKind::Device, TargetKind::Meeting]);
        assert_eq!(targets[1].id, MID.to_hex());
    }

    #[test]
    fn an_epoch_record_says_who_came_and_who_went() {
        let gone = |idx, reason| Removal { idx: MemberIdx(idx), reason };
        let record = EpochRecord {
            mid: MID,
            term: Term(1),
            epoch: Epoch(3),
            prev: Digest::default(),
            roster: Roster::new((0..20).map(MemberIdx)).unwrap(),
            added: Set::new((1..15).map(MemberIdx).collect::<Vec<_>>()).unwrap(),
            removed: Set::new(vec![gone(30, Reason::Kicked), gone(31, Reason::Left)]).unwrap(),
            unbanned: Set::default(),
            mk_commit: Digest::default(),
            roster_hash: Digest::default(),
        };
        let expected = "Device 3f3f3f3f\u{2026} made key 3 of meeting 91919191\u{2026}, let in members \
             1, 2, 3, 4, 5, 6, 7, 8 and 6 more, put out member 30 (kicked), put out member 31 (left); \
             20 are in";
        assert_eq!(read(&tx(record)), expected);
    }

    #[test]
    fn a_meeting_that_is_long_over_is_cleared_away_in_parts() {
        let prune = |next| read(&tx(PruneMeeting { mid: MID, next: MemberIdx(next) }));
        let expected = "Device 3f3f3f3f\u{2026} cleared away members 6 to 69 of meeting \
             91919191\u{2026}, which is long over";
        assert_eq!(prune(70), expected);
        let expected = "Device 3f3f3f3f\u{2026} cleared away what was left of meeting \
             91919191\u{2026}, which is long over";
        assert_eq!(prune(0), expected);
    }

    #[test]
    fn validators_speak_for_themselves() {
        let (name, p2p) = (Text::new("Acme").unwrap(), Text::new("a:1").unwrap());
        let contact = Contact { name, p2p, rpc: Text::new("http://a").unwrap() };
        let key = ValidatorKey([0xaa; 32]);
        let vote = ValidatorVote { seq: 0, change: ValidatorChange::Add(key, contact) };
        let expected = "Validator 3f3f3f3f\u{2026} votes to add validator aaaaaaaa\u{2026} Acme";
        assert_eq!(read(&tx(vote)), expected);
        let anchor = AnchorPlace::Bitcoin([1; 32], [2; 32]);
        let record = AnchorRecord { height: Height(9), header: Digest::default(), anchor };
        let expected = "Validator 3f3f3f3f\u{2026} wrote the hash of block 9 on Bitcoin";
        assert_eq!(read(&tx(record)), expected);
    }

    #[test]
    fn what_others_wrote_is_marked_and_stands_alone() {
        let ivk = Ed25519Signer::from_seed(&[1; 32]).ivk();
        let hostile = "<b>\u{202e}Ada</b>";
        let info = UserInfo::Clear(Text::new(hostile).unwrap());
        let gate = Gate::Sponsor(ValidatorKey([7; 32]));
        let body = RegisterUser::new(&ChainId([1; 32]), ivk, [0; 16], info, gate);
        let parts = words(&tx(body));
        let quoted: Vec<_> = parts.iter().filter(|part| part.quoted).collect();
        assert_eq!(quoted.len(), 1);
        assert_eq!(quoted[0].text, hostile);
        assert!(parts.iter().all(|part| part.quoted || !part.text.contains('<')));

        let name = Handle::new("ada").unwrap();
        let (user, prev) = (UserId([2; 32]), Digest::default());
        let claim = tx(ClaimHandle { user, name, seq: 1, prev });
        assert_eq!(read(&claim), "User 02020202\u{2026} claimed the handle @ada");
    }
}
