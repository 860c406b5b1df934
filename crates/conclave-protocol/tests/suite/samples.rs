//! Arbitrary values of every type that is written down.

use std::net::SocketAddr;

use conclave_protocol::{
    codec::{Blob, List, Set, Text},
    identity::{
        DeviceStatus, Gate, Handle, HandleRecord, PendingRecord, Recovery, UserStatus, Wish,
    },
    invite::{Checkpoint, Invite, InviteSecret, Node},
    meeting::{
        Absence, AutoAdmit, MAX_INDEXES, MeetingPolicy, MemberStatus, Policy, Reason, RefreshKeys,
        Removal, RosterRecord, Succession, Suite, VoteLeader, VoteRecord,
    },
    state::{RequestTimes, Seat},
    tx::{Role, RoleSignature},
    validators::{
        AnchorEntry, AnchorsRecord, CastVote, ValidatorChangeRecord, ValidatorKeysRecord,
        ValidatorRecord, ValidatorSetRecord,
    },
    *,
};
use proptest::{collection::vec, option, prelude::*};

macro_rules! ids {
    ($($fun:ident $name:ident $inner:ty;)*) => {
        $(pub(crate) fn $fun() -> impl Strategy<Value = $name> + Clone {
            any::<$inner>().prop_map($name)
        })*
    };
}

ids! {
    chain ChainId [u8; 32];
    device_id DeviceId [u8; 32];
    digest Digest [u8; 32];
    epk Epk [u8; 32];
    epoch Epoch u32;
    height Height u64;
    idx MemberIdx u16;
    mid MeetingId [u8; 32];
    npk Npk [u8; 32];
    seconds Seconds u64;
    term Term u32;
    user_id UserId [u8; 32];
    validator ValidatorKey [u8; 32];
}

pub(crate) fn ivk() -> impl Strategy<Value = Ivk> + Clone {
    prop_oneof![
        any::<[u8; 32]>().prop_map(Ivk::Ed25519),
        vec(any::<u8>(), 33).prop_map(|bytes| Ivk::Secp256k1(bytes.try_into().unwrap())),
        vec(any::<u8>(), 57).prop_map(|bytes| Ivk::Ed448(bytes.try_into().unwrap())),
    ]
}

pub(crate) fn signature() -> impl Strategy<Value = Signature> {
    prop_oneof![
        vec(any::<u8>(), 64).prop_map(|bytes| Signature::Ed25519(bytes.try_into().unwrap())),
        vec(any::<u8>(), 64).prop_map(|bytes| Signature::Secp256k1(bytes.try_into().unwrap())),
        vec(any::<u8>(), 114).prop_map(|bytes| Signature::Ed448(bytes.try_into().unwrap())),
    ]
}

pub(crate) fn position() -> impl Strategy<Value = Position> {
    (height(), any::<u32>(), seconds()).prop_map(|(height, index, time)| Position {
        height,
        index,
        time,
    })
}

pub(crate) fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    "[a-z0-9 \u{e9}\u{4f60}\u{1f600}]{0,8}".prop_map(|text| Text::new(&text).unwrap())
}

pub(crate) fn blob<const MAX: usize>() -> impl Strategy<Value = Blob<MAX>> {
    vec(any::<u8>(), 0..=MAX).prop_map(|bytes| Blob::new(bytes).unwrap())
}

pub(crate) fn info() -> impl Strategy<Value = UserInfo> {
    prop_oneof![
        text().prop_map(UserInfo::Clear),
        (any::<[u8; 8]>(), any::<[u8; 12]>(), blob())
            .prop_map(|(key, nonce, ct)| UserInfo::Encrypted(key, nonce, ct)),
        any::<[u8; 32]>().prop_map(UserInfo::Commit),
    ]
}

pub(crate) fn gate() -> impl Strategy<Value = Gate> {
    prop_oneof![validator().prop_map(Gate::Sponsor), any::<u64>().prop_map(Gate::Work)]
}

prop_compose! {
    pub(crate) fn register()(
        salt in any::<[u8; 16]>(), user in user_id(), dev in device_id(), ivk_ in ivk(),
        info in info(), recovery_ivk in option::of(ivk()), gate in gate(),
    ) -> RegisterUser {
        RegisterUser { salt, user, dev, ivk: ivk_, info, recovery_ivk, gate }
    }
}

pub(crate) fn suite() -> impl Strategy<Value = Suite> {
    prop_oneof![Just(Suite::Hybrid), Just(Suite::X25519)]
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let auto = prop_oneof![Just(AutoAdmit::Never), Just(AutoAdmit::Invited)];
    (any::<u8>(), auto, any::<bool>(), any::<bool>()).prop_map(|(rules, auto, locked, sealed)| {
        let mut policy = Policy::new(rules, auto);
        (policy.locked, policy.sealed) = (locked, sealed);
        policy
    })
}

prop_compose! {
    pub(crate) fn publish()(
        mid in mid(), suite in suite(), policy in policy(), info in info(), user in user_id(),
        dev in device_id(), ivk_ in ivk(), epk in epk(), ek_hash in any::<[u8; 32]>(), npk in npk(),
    ) -> PublishMeeting {
        PublishMeeting { mid, suite, policy, info, user, dev, ivk: ivk_, epk, ek_hash, npk }
    }
}

prop_compose! {
    pub(crate) fn request()(
        mid in mid(), user in user_id(), dev in device_id(), ivk_ in ivk(), epk in epk(),
        ek_hash in any::<[u8; 32]>(), npk in npk(), term in term(),
    ) -> MeetingRequest {
        MeetingRequest { mid, user, dev, ivk: ivk_, epk, ek_hash, npk, term }
    }
}

pub(crate) fn index() -> impl Strategy<Value = MemberIdx> {
    (0..u16::try_from(MAX_INDEXES).unwrap()).prop_map(MemberIdx)
}

pub(crate) fn roster() -> impl Strategy<Value = Roster> {
    vec(index(), 0..40).prop_map(|indexes| Roster::new(indexes).unwrap())
}

pub(crate) fn reason() -> impl Strategy<Value = Reason> {
    prop::sample::select(vec![
        Reason::Left,
        Reason::Kicked,
        Reason::Banned,
        Reason::Revoked,
        Reason::TimedOut,
    ])
}

pub(crate) fn removal() -> impl Strategy<Value = Removal> {
    (idx(), reason()).prop_map(|(idx, reason)| Removal { idx, reason })
}

prop_compose! {
    pub(crate) fn epoch_record()(
        mid in mid(), term in term(), epoch in epoch(), prev in digest(), roster in roster(),
        added in vec(idx(), 0..20), removed in vec(removal(), 0..20),
        unbanned in vec(user_id(), 0..4), mk_commit in digest(), roster_hash in digest(),
    ) -> EpochRecord {
        EpochRecord {
            mid, term, epoch, prev, roster, mk_commit, roster_hash,
            added: Set::new(added).unwrap(),
            removed: Set::new(removed).unwrap(),
            unbanned: Set::new(unbanned).unwrap(),
        }
    }
}

prop_compose! {
    pub(crate) fn add_device()(
        user in user_id(), dev in device_id(), ivk_ in ivk(), seq in any::<u32>(), prev in digest(),
    ) -> AddDevice {
        AddDevice { user, dev, ivk: ivk_, seq, prev }
    }
}

prop_compose! {
    pub(crate) fn revoke_device()(
        user in user_id(), dev in device_id(), reason in any::<u8>(), seq in any::<u32>(),
        prev in digest(),
    ) -> RevokeDevice {
        RevokeDevice { user, dev, reason, seq, prev }
    }
}

prop_compose! {
    pub(crate) fn rotate_key()(
        dev in device_id(), ivk_ in ivk(), seq in any::<u32>(), prev in digest(),
    ) -> RotateKey {
        RotateKey { dev, ivk: ivk_, seq, prev }
    }
}

prop_compose! {
    pub(crate) fn update_info()(
        user in user_id(), info in info(), seq in any::<u32>(), prev in digest(),
    ) -> UpdateInfo {
        UpdateInfo { user, info, seq, prev }
    }
}

prop_compose! {
    fn recover()(
        user in user_id(), dev in device_id(), ivk_ in ivk(), recovery_ivk in option::of(ivk()),
        seq in any::<u32>(), prev in digest(),
    ) -> Recover {
        Recover { user, dev, ivk: ivk_, recovery_ivk, seq, prev }
    }
}

/// The other changes of a user.
fn change() -> impl Strategy<Value = Body> {
    let at = || (user_id(), any::<u32>(), digest());
    prop_oneof![
        recover().prop_map(Body::from),
        (at(), text())
            .prop_map(|((user, seq, prev), name)| { ClaimHandle { user, name, seq, prev }.into() }),
        (at(), device_id())
            .prop_map(|((user, seq, prev), dev)| Cancel { user, dev, seq, prev }.into()),
        (at(), option::of(ivk())).prop_map(|((user, seq, prev), recovery_ivk)| {
            SetRecoveryKey { user, recovery_ivk, seq, prev }.into()
        }),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        device_id().prop_map(Wish::Revocation),
        (ivk(), option::of(ivk()), ivk()).prop_map(|(ivk, recovery_ivk, by)| {
            Wish::Recovery(Recovery { ivk, recovery_ivk, by })
        }),
        option::of(ivk()).prop_map(Wish::RecoveryKey),
    ]
}

prop_compose! {
    pub(crate) fn reassign()(
        mid in mid(), term in term(), prev_ivk in ivk(), idx_ in idx(), ivk_ in ivk(),
        epk in epk(),
        rule in prop::sample::select(vec![Succession::Time, Succession::Appoint, Succession::Vote]),
        absent in vec((idx(), seconds(), signature()), 0..4),
    ) -> LeaderReassign {
        let absent: Vec<_> =
            absent.into_iter().map(|(idx, at, sig)| Absence { idx, at, sig }).collect();
        LeaderReassign {
            mid, term, rule, prev_ivk, idx: idx_, ivk: ivk_, epk, absent: Set::new(absent).unwrap(),
        }
    }
}

fn vote_record() -> impl Strategy<Value = VoteRecord> {
    (term(), epoch(), idx(), seconds()).prop_map(|(term, epoch, candidate, at)| VoteRecord {
        term,
        epoch,
        candidate,
        at,
    })
}

pub(crate) fn contact() -> impl Strategy<Value = Contact> {
    (text(), text(), text()).prop_map(|(name, p2p, rpc)| Contact { name, p2p, rpc })
}

pub(crate) fn validator_change() -> impl Strategy<Value = ValidatorChange> {
    prop_oneof![
        (validator(), contact()).prop_map(|(key, contact)| ValidatorChange::Add(key, contact)),
        validator().prop_map(ValidatorChange::Remove),
        (validator(), validator(), contact())
            .prop_map(|(old, key, contact)| ValidatorChange::Replace(old, key, contact)),
    ]
}

pub(crate) fn anchor_place() -> impl Strategy<Value = AnchorPlace> {
    prop_oneof![
        (any::<u64>(), any::<[u8; 32]>(), any::<[u8; 32]>())
            .prop_map(|(chain, txid, block)| AnchorPlace::Ethereum(chain, txid, block)),
        (any::<[u8; 32]>(), any::<[u8; 32]>())
            .prop_map(|(txid, block)| AnchorPlace::Bitcoin(txid, block)),
    ]
}

/// What validators say.
fn of_validators() -> impl Strategy<Value = Body> {
    prop_oneof![
        (any::<u32>(), validator_change())
            .prop_map(|(seq, change)| ValidatorVote { seq, change }.into()),
        (height(), digest(), anchor_place()).prop_map(|(height, header, anchor)| {
            AnchorRecord { height, header, anchor }.into()
        }),
    ]
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    let turn = || (mid(), term(), epoch());
    prop_oneof![
        register().prop_map(Body::from),
        add_device().prop_map(Body::from),
        revoke_device().prop_map(Body::from),
        rotate_key().prop_map(Body::from),
        update_info().prop_map(Body::from),
        change(),
        of_validators(),
        publish().prop_map(Body::from),
        request().prop_map(Body::from),
        epoch_record().prop_map(Body::from),
        (mid(), idx()).prop_map(|(mid, idx)| MeetingLeave { mid, idx }.into()),
        turn().prop_map(|(mid, term, epoch)| Heartbeat { mid, term, epoch }.into()),
        turn().prop_map(|(mid, term, epoch)| MeetingDismiss { mid, term, epoch }.into()),
        reassign().prop_map(Body::from),
        (mid(), term(), idx(), idx()).prop_map(|(mid, term, idx, candidate)| VoteLeader {
            mid,
            term,
            idx,
            candidate
        }
        .into()),
        (mid(), idx(), epk(), any::<[u8; 32]>()).prop_map(|(mid, idx, epk, ek_hash)| RefreshKeys {
            mid,
            idx,
            epk,
            ek_hash
        }
        .into()),
        (mid(), idx()).prop_map(|(mid, next)| PruneMeeting { mid, next }.into()),
        (mid(), term(), policy()).prop_map(|(mid, term, policy)| {
            let Policy { auto_admit, locked, .. } = policy;
            MeetingPolicy { mid, term, auto_admit, locked }.into()
        }),
    ]
}

pub(crate) fn role_signature() -> impl Strategy<Value = RoleSignature> {
    let roles = vec![Role::Signer, Role::Sponsor, Role::Possession, Role::Handover];
    let role = prop::sample::select(roles);
    (role, signature()).prop_map(|(role, signature)| RoleSignature { role, signature })
}

prop_compose! {
    pub(crate) fn tx()(
        chain_id in chain(), signer in device_id(), nonce in any::<u64>(), expiry in seconds(),
        body in body(), sigs in vec(role_signature(), 0..3),
    ) -> Tx {
        let tx = Tx::new(chain_id, signer, nonce, expiry, body);
        sigs.into_iter().fold(tx, |tx, sig| tx.with(sig.role, sig.signature))
    }
}

prop_compose! {
    pub(crate) fn user_record()(
        retired in any::<bool>(), seq in any::<u32>(), devices in any::<u8>(),
        info_chunks in any::<u8>(), handle in option::of(text()), recovery_ivk in option::of(ivk()),
        last_tx in digest(), registered in position(), tokens in any::<u16>(),
        refilled in seconds(),
    ) -> UserRecord {
        let status = if retired { UserStatus::Retired } else { UserStatus::Active };
        UserRecord {
            status, seq, devices, info_chunks, handle, recovery_ivk, last_tx, registered, tokens,
            refilled,
        }
    }
}

prop_compose! {
    pub(crate) fn device_record()(
        user in user_id(), ivk_ in ivk(), revoked_ in any::<bool>(), seniority in any::<u32>(),
        added in position(), revoked in option::of(height()), next_nonce in any::<u64>(),
        recovery in any::<bool>(),
    ) -> DeviceRecord {
        let status = if revoked_ { DeviceStatus::Revoked } else { DeviceStatus::Active };
        DeviceRecord {
            user, ivk: ivk_, status, seniority, added, revoked, next_nonce, recovery,
        }
    }
}

prop_compose! {
    pub(crate) fn meeting_record()(
        (ended, suite, policy, info_chunks) in (any::<bool>(), suite(), policy(), any::<u8>()),
        (term, epoch, leader, next_idx) in (term(), epoch(), idx(), idx()),
        lease_end in seconds(), gone_at in option::of(seconds()),
        rekey_due in option::of(seconds()), mk_commit in digest(), last_rec in digest(),
        last_rec_height in height(), last_activity in seconds(), published in position(),
    ) -> MeetingRecord {
        MeetingRecord {
            ended, suite, policy, info_chunks, term, epoch, leader, lease_end, gone_at, rekey_due,
            next_idx, mk_commit, last_rec, last_rec_height, last_activity, published,
        }
    }
}

pub(crate) fn member_status() -> impl Strategy<Value = MemberStatus> {
    prop_oneof![
        Just(MemberStatus::Requested),
        Just(MemberStatus::Admitted),
        Just(MemberStatus::Left),
        reason().prop_map(MemberStatus::Removed),
    ]
}

prop_compose! {
    pub(crate) fn member_record()(
        user in user_id(), dev in device_id(), ivk_ in ivk(), epk in epk(),
        ek_hash in any::<[u8; 32]>(), npk in npk(), status in member_status(), term in term(),
        requested in seconds(), admitted in position(),
    ) -> MemberRecord {
        MemberRecord {
            user, dev, ivk: ivk_, epk, ek_hash, npk, status, term, requested, admitted,
        }
    }
}

pub(crate) fn roster_record() -> impl Strategy<Value = RosterRecord> {
    (roster(), digest()).prop_map(|(roster, hash)| RosterRecord { roster, hash })
}

prop_compose! {
    pub(crate) fn validator_record()(
        next_nonce in any::<u64>(), tokens in any::<u16>(), refilled in seconds(),
        vote in option::of((any::<u32>(), digest())),
    ) -> ValidatorRecord {
        let vote = vote.map(|(seq, change)| CastVote { seq, change });
        ValidatorRecord { next_nonce, tokens, refilled, vote }
    }
}

prop_compose! {
    pub(crate) fn anchor_entry()(
        height in height(), header in digest(), place in anchor_place(), by in validator(),
        at in position(),
    ) -> AnchorEntry {
        AnchorEntry { height, header, place, by, at }
    }
}

/// What the identity ledger keeps of its validators.
fn validators_record() -> impl Strategy<Value = Record> {
    prop_oneof![
        (any::<u32>(), any::<u8>()).prop_map(|(changes, members)| {
            Record::ValidatorSet(ValidatorSetRecord { changes, members })
        }),
        vec(validator(), 0..=7)
            .prop_map(|keys| Record::ValidatorKeys(ValidatorKeysRecord::new(keys).unwrap())),
        (validator_change(), position()).prop_map(|(change, agreed)| {
            Record::ValidatorChange(ValidatorChangeRecord { change, agreed })
        }),
        validator_record().prop_map(Record::Validator),
        (any::<u32>(), height())
            .prop_map(|(count, newest)| Record::Anchors(AnchorsRecord { count, newest })),
        anchor_entry().prop_map(Record::Anchor),
    ]
}

pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        user_record().prop_map(Record::User),
        blob().prop_map(Record::Info),
        device_id().prop_map(Record::DeviceId),
        device_record().prop_map(Record::Device),
        (user_id(), position(), option::of(seconds())).prop_map(|(user, claimed, released)| {
            Record::Handle(HandleRecord { user, claimed, released })
        }),
        (user_id(), wish(), seconds())
            .prop_map(|(user, wish, due)| Record::Pending(PendingRecord { user, wish, due })),
        validators_record(),
        meeting_record().prop_map(Record::Meeting),
        member_record().prop_map(Record::Member),
        roster_record().prop_map(Record::Roster),
        height().prop_map(Record::Ban),
        vec(seconds(), 0..=16)
            .prop_map(|times| Record::RequestTimes(RequestTimes::new(times).unwrap())),
        (mid(), idx()).prop_map(|(mid, idx)| Record::Seat(Seat { mid, idx })),
        vote_record().prop_map(Record::Vote),
    ]
}

pub(crate) fn key() -> impl Strategy<Value = Key> {
    prop_oneof![
        user_id().prop_map(Key::User),
        (user_id(), any::<u8>()).prop_map(|(user, part)| Key::UserInfo(user, part)),
        (user_id(), any::<u8>()).prop_map(|(user, number)| Key::UserDevice(user, number)),
        device_id().prop_map(Key::Device),
        ivk().prop_map(Key::IvkIndex),
        text().prop_map(|name: Handle| Key::Handle(name)),
        device_id().prop_map(Key::Pending),
        Just(Key::ValidatorSet),
        any::<u8>().prop_map(Key::ValidatorKeys),
        any::<u32>().prop_map(Key::ValidatorChange),
        validator().prop_map(Key::Validator),
        Just(Key::Anchors),
        any::<u32>().prop_map(Key::Anchor),
        mid().prop_map(Key::Meeting),
        (mid(), any::<u8>()).prop_map(|(mid, part)| Key::MeetingInfo(mid, part)),
        (mid(), idx()).prop_map(|(mid, idx)| Key::Member(mid, idx)),
        mid().prop_map(Key::Roster),
        (mid(), user_id()).prop_map(|(mid, user)| Key::Ban(mid, user)),
        (mid(), user_id()).prop_map(|(mid, user)| Key::RequestTimes(mid, user)),
        npk().prop_map(Key::NpkIndex),
        (mid(), user_id()).prop_map(|(mid, user)| Key::Vote(mid, user)),
    ]
}

pub(crate) fn genesis() -> impl Strategy<Value = Genesis> {
    (text(), any::<u64>(), vec(validator(), 0..5)).prop_map(|(name, time_ms, validators)| Genesis {
        name,
        time_ms,
        validators: Set::new(validators).unwrap(),
        params: Params::default(),
    })
}

pub(crate) fn node() -> impl Strategy<Value = Node> {
    (npk(), option::of(text()), vec(any::<SocketAddr>(), 0..=4)).prop_map(
        |(npk, relay, addresses)| {
            let addresses: Vec<_> = addresses.into_iter().map(Into::into).collect();
            Node { npk, relay, addresses: List::new(addresses).unwrap() }
        },
    )
}

prop_compose! {
    pub(crate) fn invite()(
        chain_id in chain(), mid in mid(), leader in user_id(), ivk_fp in any::<[u8; 16]>(),
        height in height(), hash in digest(), secret in any::<[u8; 16]>(), expires in seconds(),
        nodes in vec(node(), 0..=4),
    ) -> Invite {
        Invite {
            chain_id, mid, leader, ivk_fp, checkpoint: Checkpoint { height, hash },
            secret: InviteSecret::new(secret), expires, nodes: List::new(nodes).unwrap(),
        }
    }
}
