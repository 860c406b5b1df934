//! Invites: making one for an own meeting, and checking one against the ledger before asking.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    hmac,
};

use conclave_protocol::{
    Height, Ivk, Key, MeetingId, MeetingRecord, MemberRecord, Npk, Position, Record, Seconds, Term,
    UserId, UserInfo,
    codec::{Blob, List, Text},
    identity::assemble,
    invite::{Address, Checkpoint, Invite, InviteSecret, Node},
    link::BadLink,
    meeting::{MeetingStatus, Suite},
};
use tokio::time::timeout;

use crate::{
    chain::{Chain, ChainError, Snapshot},
    http::wire::{Check, Preview, PreviewLeader},
    keystore::fingerprint,
    landing,
    links::AddressBlob,
};

/// How long an invite is good, in seconds: a day.
const LIFE: u64 = 86_400;
/// How long the validators that answer may take to know the block that an invite knows.
const CATCH_UP: Duration = Duration::from_secs(5);
/// Addresses of one node that fit into an invite.
const ADDRESSES: usize = 4;

/// Who invites, and to what.
pub(crate) struct Host<'a> {
    pub(crate) mid: MeetingId,
    pub(crate) user: UserId,
    pub(crate) ivk: Ivk,
    pub(crate) npk: Npk,
    pub(crate) address: &'a AddressBlob,
}

/// The link that leads to the meeting of `host`.
///
/// # Errors
/// No header was verified yet.
pub(crate) async fn invite(
    chain: &Chain,
    host: &Host<'_>,
    secret: InviteSecret,
) -> Result<Invite, ChainError> {
    let (height, hash) = chain.checkpoint().await?;
    let relay = host.address.relay().and_then(|url| Text::new(url).ok());
    // Loopback only helps on this machine, so it comes last, where the space may end.
    let mut sockets: Vec<SocketAddr> = host.address.sockets().copied().collect();
    sockets.sort_by_key(|socket| socket.ip().is_loopback());
    sockets.truncate(ADDRESSES);
    let addresses: Vec<Address> = sockets.into_iter().map(Address::from).collect();
    let node = Node { npk: host.npk, relay, addresses: List::new(addresses).unwrap_or_default() };
    Ok(Invite {
        chain_id: chain.chain_id(),
        mid: host.mid,
        leader: host.user,
        ivk_fp: host.ivk.fingerprint(),
        checkpoint: Checkpoint { height, hash },
        secret,
        expires: Seconds(chain.time().await?.0.saturating_add(LIFE)),
        nodes: List::new(vec![node]).unwrap_or_default(),
    })
}

/// Why an invite leads nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Invite(#[from] BadLink),
    #[error("the invite is for another network")]
    OtherNetwork,
    #[error("the invite knows another block {0} than the ledger that answers here")]
    OtherHistory(Height),
    #[error("the invite knows block {0}, and the ledger that answers here is not that far")]
    Behind(Height),
}

/// What an invite leads to.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) invite: Invite,
    pub(crate) preview: Preview,
    /// Whether guests ask as personas.
    pub(crate) sealed: bool,
}

/// Checks an invite against the ledger: nothing but the ledger is asked, nobody is told.
///
/// # Errors
/// The text is no invite, is for another network, or the ledger cannot be asked.
pub(crate) async fn look(chain: &Chain, link: &str) -> Result<Found, DoorError> {
    let invite: Invite = landing::invite(link).parse()?;
    if invite.chain_id != chain.chain_id() {
        return Err(DoorError::OtherNetwork);
    }
    same_history(chain, invite.checkpoint).await?;
    let head = chain.snapshot(&[Key::Meeting(invite.mid)]).await?;
    let Some(Record::Meeting(meeting)) = head.record(&Key::Meeting(invite.mid)).cloned() else {
        let text = "the ledger proves that there is no such meeting";
        let preview = Preview {
            mid: invite.mid.to_hex(),
            proof_height: head.height().0,
            checks: vec![check("meeting", false, text)],
            ..Preview::default()
        };
        return Ok(Found { invite, preview, sealed: false });
    };
    let snapshot = chain.snapshot(&keys(&invite, &meeting)).await?;
    // After a change of the leader, whoever made the invite has another seat.
    let handed_on =
        meeting.term > Term(1)
            && chain.meeting_view(invite.mid, &BTreeSet::new()).await?.members.values().any(
                |seat| made(&invite, &seat.member) && seat.member.admitted != Position::default(),
            );
    let preview = preview(chain, &invite, (&meeting, handed_on), &snapshot);
    Ok(Found { invite, preview, sealed: meeting.policy.sealed })
}

/// The ledger that answers here is the one that the invite was made on: keys of former validators
/// can seal another one, and whoever invites is the first who could know.
async fn same_history(chain: &Chain, known: Checkpoint) -> Result<(), DoorError> {
    if known.height == Height(0) {
        // The genesis, which the network's id is the hash of.
        return Ok(());
    }
    let mut headers = chain.headers();
    let there = headers
        .wait_for(|newest| newest.as_ref().is_some_and(|newest| newest.height >= known.height));
    if !matches!(timeout(CATCH_UP, there).await, Ok(Ok(_))) {
        return Err(DoorError::Behind(known.height));
    }
    let header = chain.header_at(known.height).await?;
    if header.digest == known.hash { Ok(()) } else { Err(DoorError::OtherHistory(known.height)) }
}

/// Everything a preview rests on, so that all of it is proven at one height.
fn keys(invite: &Invite, meeting: &MeetingRecord) -> Vec<Key> {
    let mid = invite.mid;
    let mut keys =
        vec![Key::Meeting(mid), Key::Member(mid, meeting.leader), Key::User(invite.leader)];
    keys.extend((0..meeting.info_chunks).map(|part| Key::MeetingInfo(mid, part)));
    keys.extend((0..5).map(|part| Key::UserInfo(invite.leader, part)));
    keys
}

/// `handed_on`: whether whoever made the invite was in and somebody else leads.
fn preview(
    chain: &Chain,
    invite: &Invite,
    (meeting, handed_on): (&MeetingRecord, bool),
    at: &Snapshot,
) -> Preview {
    let now = at.time();
    let open = meeting.status_at(&chain.params(), now) == MeetingStatus::Open;
    let leader = match at.record(&Key::Member(invite.mid, meeting.leader)) {
        Some(Record::Member(member)) => Some(member),
        _ => None,
    };
    let theirs = leader.is_some_and(|leader| made(invite, leader));
    let mut checks = vec![
        check("chain", true, "the invite is for the network this device follows"),
        check("meeting", open, if open { "the meeting is open" } else { "the meeting is over" }),
        check(
            "leader",
            theirs || handed_on,
            if theirs {
                "it is led by the person and the key that the invite names"
            } else if handed_on {
                "whoever made the invite was let in, and somebody else leads now by its rules"
            } else {
                "it is not led by the person and the key that the invite names"
            },
        ),
        check(
            "exchange",
            meeting.suite == Suite::Hybrid,
            if meeting.suite == Suite::Hybrid {
                "keys are exchanged with X25519 and ML-KEM-768 together"
            } else {
                "its key exchange is one that this version does not speak"
            },
        ),
        check(
            "expiry",
            now <= invite.expires,
            if now <= invite.expires {
                "the invite is still good"
            } else {
                "the invite has expired"
            },
        ),
    ];
    if meeting.policy.sealed {
        let text = "the ledger will not see that it is you: this device asks as a persona made for \
                    this meeting, and shows who you are to its members only";
        checks.push(check("sealed", true, text));
    }
    let info = |key: &dyn Fn(u8) -> Key, count: u8| {
        let parts = (0..count).filter_map(|part| match at.record(&key(part)) {
            Some(Record::Info(part)) => Some(part),
            _ => None,
        });
        assemble(parts).ok()
    };
    let text = |info: Option<UserInfo>| match info? {
        UserInfo::Clear(text) => Some(text.as_str().to_owned()),
        _ => None,
    };
    let name = text(info(&|part| Key::UserInfo(invite.leader, part), 5));
    let title = info(&|part| Key::MeetingInfo(invite.mid, part), meeting.info_chunks);
    let title = title.and_then(|info| open_title(&info, &invite.mid, invite.secret.danger_bytes()));
    Preview {
        mid: invite.mid.to_hex(),
        title: title.unwrap_or_else(|| "a meeting without a title".to_owned()),
        leader: PreviewLeader {
            user: invite.leader.to_hex(),
            name: name.unwrap_or_else(|| format!("user {}", invite.leader)),
            fingerprint: leader.map(|l| fingerprint(&l.ivk)).unwrap_or_default(),
        },
        proof_height: at.height().0,
        checks,
    }
}

/// Whether a member is who made the invite.
fn made(invite: &Invite, member: &MemberRecord) -> bool {
    member.user == invite.leader && invite.names(&member.ivk)
}

/// The title as it stands on the ledger: readable by whoever has an invite, and nobody else.
///
/// AES-256-GCM under `HMAC-SHA-256(invite secret, "title", mid)`. The key seals one title only, so
/// the nonce is fixed: a meeting is published once.
pub(crate) fn seal_title(title: &str, mid: &MeetingId, secret: &[u8; 16]) -> Option<UserInfo> {
    let mut bytes = title.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key(TITLE_NONCE);
    title_key(mid, secret)?.seal_in_place_append_tag(nonce, Aad::from(mid.0), &mut bytes).ok()?;
    let [key_id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
        mid.0;
    Some(UserInfo::Encrypted(key_id, TITLE_NONCE, Blob::new(bytes).ok()?))
}

fn open_title(info: &UserInfo, mid: &MeetingId, secret: &[u8; 16]) -> Option<String> {
    let (nonce, bytes) = match info {
        UserInfo::Clear(text) => return Some(text.as_str().to_owned()),
        UserInfo::Encrypted(_, nonce, bytes) => (*nonce, bytes),
        UserInfo::Commit(_) => return None,
    };
    let mut bytes = bytes.as_slice().to_vec();
    let nonce = Nonce::assume_unique_for_key(nonce);
    let text = title_key(mid, secret)?.open_in_place(nonce, Aad::from(mid.0), &mut bytes).ok()?;
    // What a peer encrypted is as hostile as what it says in the clear.
    let text = Text::<200>::new(std::str::from_utf8(text).ok()?).ok()?;
    Some(text.as_str().to_owned())
}

fn title_key(mid: &MeetingId, secret: &[u8; 16]) -> Option<LessSafeKey> {
    let mac = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let key = hmac::sign(&mac, &[b"title".as_slice(), &mid.0].concat());
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).ok()?))
}

const TITLE_NONCE: [u8; 12] = [0; 12];

fn check(name: &str, ok: bool, text: &str) -> Check {
    Check { name: name.to_owned(), ok, text: text.to_owned() }
}

/// Whom to call, as the invite says.
pub(crate) fn nodes(invite: &Invite) -> Vec<(Npk, conclave_meeting::wire::Address)> {
    let address = |node: &Node| {
        let sockets = node.addresses.iter().map(|address| SocketAddr::from(*address));
        let blob = AddressBlob::new(node.relay.as_ref().map(Text::as_str), sockets).ok()?;
        Some((node.npk, conclave_meeting::wire::Address::new(blob.encode()).ok()?))
    };
    invite.nodes.iter().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_opens_with_the_invite_and_with_nothing_else() {
        let (mid, secret) = (MeetingId([7; 32]), [9; 16]);
        let sealed = seal_title("Monthly summary", &mid, &secret).unwrap();
        assert_eq!(open_title(&sealed, &mid, &secret).as_deref(), Some("Monthly summary"));
        assert_eq!(open_title(&sealed, &mid, &[8; 16]), None);
        assert_eq!(open_title(&sealed, &MeetingId([6; 32]), &secret), None);
    }
}
