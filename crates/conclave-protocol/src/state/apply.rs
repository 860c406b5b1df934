//! One transaction on one state: refused, or a list of changes.

use super::{ApplyError, Changes, Draft, Key, Refusal, View, refusal::require};
use crate::{
    codec::EncodeSize,
    id::{ChainId, Position, Seconds},
    identity::{self, DeviceRecord, Gate},
    key::ValidatorKey,
    meeting,
    params::{Genesis, Params},
    state::Record,
    tx::{Body, Tx},
    validators,
};

/// What a network agreed on before its first block, as far as the rules ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The network.
    pub chain_id: ChainId,
    /// Its constants.
    pub params: Params,
    /// The set of validators before any change of it.
    pub validators: Vec<ValidatorKey>,
}

impl From<&Genesis> for Rules {
    fn from(genesis: &Genesis) -> Self {
        Self {
            chain_id: genesis.chain_id(),
            params: genesis.params,
            validators: genesis.validators.as_slice().to_vec(),
        }
    }
}

/// What `tx` does at this place of the chain, or why it is refused. A refused transaction changes
/// nothing.
///
/// Signatures are not looked at here: ask [`check_signatures`](crate::tx::check_signatures), or
/// gather [`signature_items`](crate::tx::signature_items) and check a block at once.
///
/// # Errors
/// [`ApplyError::Refused`] on every node alike; [`ApplyError::NotLoaded`] until the view has the
/// named records.
pub fn apply(
    rules: &Rules,
    at: Position,
    view: &impl View,
    tx: &Tx,
) -> Result<Changes, ApplyError> {
    let mut draft = Draft::new(view);
    check_envelope(rules, at.time, tx)?;
    if let Body::RegisterUser(body) = &tx.body {
        identity::rules::register(rules, at, &mut draft, tx, body)?;
        return Ok(draft.finish());
    }
    if let Body::Recover(body) = &tx.body {
        identity::rules::recover(&rules.params, at, &mut draft, tx, body)?;
        return Ok(draft.finish());
    }
    if validators::rules::apply(rules, at, &mut draft, tx)? {
        return Ok(draft.finish());
    }
    let signer = spend(&rules.params, at.time, &mut draft, tx)?;
    if (identity::rules::Change { params: &rules.params, at, tx, signer: &signer })
        .apply(&mut draft)?
    {
        return Ok(draft.finish());
    }
    let call = meeting::rules::Call { params: &rules.params, at, tx, signer: &signer };
    call.apply(&mut draft)?;
    Ok(draft.finish())
}

/// The nonce the next transaction of the signer of `tx` must carry; nothing if it is an unknown
/// device. A validator of which there is no record yet begins with 0.
///
/// # Errors
/// [`ApplyError::NotLoaded`] until the view has the record of the signer.
pub fn next_nonce(view: &impl View, tx: &Tx) -> Result<Option<u64>, ApplyError> {
    let draft = Draft::new(view);
    Ok(match tx.validator() {
        Some(key) => Some(draft.validator(key)?.map_or(0, |record| record.next_nonce)),
        None => draft.device(tx.signer)?.map(|device| device.next_nonce),
    })
}

/// The keys a transaction is sure to ask for, as far as it names them itself.
pub fn footprint(tx: &Tx) -> Vec<Key> {
    let mut keys = vec![tx.validator().map_or(Key::Device(tx.signer), Key::Validator)];
    match &tx.body {
        Body::ValidatorVote(body) => {
            keys.push(Key::ValidatorSet);
            keys.extend(body.change.incoming().map(Key::Validator));
        }
        Body::AnchorRecord(_) => keys.extend([Key::ValidatorSet, Key::Anchors]),
        Body::RegisterUser(body) => {
            if matches!(body.gate, Gate::Sponsor(_)) {
                keys.push(Key::ValidatorSet);
            }
            keys.extend([Key::User(body.user), Key::Device(body.dev), Key::IvkIndex(body.ivk)]);
            keys.extend(body.recovery_ivk.map(Key::IvkIndex));
        }
        Body::AddDevice(body) => {
            keys.extend([Key::User(body.user), Key::Device(body.dev), Key::IvkIndex(body.ivk)]);
        }
        Body::RevokeDevice(body) => {
            keys.extend([Key::User(body.user), Key::Device(body.dev), Key::Pending(body.dev)]);
        }
        Body::RotateKey(body) => keys.push(Key::IvkIndex(body.ivk)),
        Body::UpdateInfo(body) => keys.push(Key::User(body.user)),
        Body::ClaimHandle(body) => {
            keys.extend([Key::User(body.user), Key::Handle(body.name.clone())]);
        }
        Body::Cancel(body) => {
            keys.extend([Key::User(body.user), Key::Pending(body.dev), Key::Device(body.dev)]);
        }
        Body::SetRecoveryKey(body) => {
            keys.extend([Key::User(body.user), Key::Pending(tx.signer)]);
            keys.extend(body.recovery_ivk.map(Key::IvkIndex));
        }
        Body::Recover(body) => {
            keys.extend([Key::User(body.user), Key::Pending(body.dev), Key::IvkIndex(body.ivk)]);
            keys.extend(body.recovery_ivk.map(Key::IvkIndex));
        }
        Body::PublishMeeting(body) => {
            keys.extend([Key::User(body.user), Key::Meeting(body.mid), Key::NpkIndex(body.npk)]);
        }
        Body::MeetingRequest(body) => keys.extend([
            Key::User(body.user),
            Key::Meeting(body.mid),
            Key::NpkIndex(body.npk),
            Key::Ban(body.mid, body.user),
            Key::RequestTimes(body.mid, body.user),
        ]),
        Body::MeetingLeave(body) => keys.extend([
            Key::Meeting(body.mid),
            Key::Member(body.mid, body.idx),
            Key::Roster(body.mid),
        ]),
        Body::EpochRecord(body) => {
            keys.extend([Key::Meeting(body.mid), Key::Roster(body.mid)]);
            let named = body.roster.iter().chain(body.removed.iter().map(|gone| gone.idx));
            keys.extend(named.map(|idx| Key::Member(body.mid, idx)));
            keys.extend(body.unbanned.iter().map(|user| Key::Ban(body.mid, *user)));
        }
        Body::Heartbeat(body) => keys.push(Key::Meeting(body.mid)),
        Body::MeetingDismiss(body) => keys.push(Key::Meeting(body.mid)),
        Body::MeetingPolicy(body) => keys.push(Key::Meeting(body.mid)),
        Body::PruneMeeting(body) => keys.push(Key::Meeting(body.mid)),
        Body::RefreshKeys(body) => {
            keys.extend([Key::Meeting(body.mid), Key::Member(body.mid, body.idx)]);
        }
        Body::LeaderReassign(body) => {
            keys.extend([Key::Meeting(body.mid), Key::Roster(body.mid)]);
            let named = body.absent.iter().map(|absence| absence.idx).chain([body.idx]);
            keys.extend(named.map(|idx| Key::Member(body.mid, idx)));
        }
        Body::VoteLeader(body) => keys.extend([
            Key::Meeting(body.mid),
            Key::Roster(body.mid),
            Key::Member(body.mid, body.idx),
            Key::Member(body.mid, body.candidate),
        ]),
    }
    keys.sort();
    keys.dedup();
    keys
}

fn check_envelope(rules: &Rules, now: Seconds, tx: &Tx) -> Result<(), Refusal> {
    require(tx.chain_id == rules.chain_id, Refusal::WrongChain)?;
    require(tx.expiry >= now, Refusal::Expired)?;
    require(tx.expiry <= now.plus(rules.params.expiry_max.into()), Refusal::ExpiryTooFar)?;
    require(tx.encode_size() <= usize::from(rules.params.max_tx), Refusal::TooLarge)
}

/// Takes the nonce of the device and a token of its user.
fn spend<V: View>(
    params: &Params,
    now: Seconds,
    draft: &mut Draft<'_, V>,
    tx: &Tx,
) -> Result<DeviceRecord, ApplyError> {
    let mut device = draft.device(tx.signer)?.ok_or(Refusal::UnknownDevice)?;
    require(device.is_active(), Refusal::DeviceInactive)?;
    require(tx.nonce == device.next_nonce, Refusal::WrongNonce)?;
    let user = draft.user(device.user)?.ok_or(Refusal::UnknownUser)?;
    require(user.is_active(), Refusal::UserInactive)?;
    let user = user.spend(params, now).ok_or(Refusal::TooManyTransactions)?;
    device.next_nonce = device.next_nonce.checked_add(1).ok_or(Refusal::WrongNonce)?;
    draft.put(Key::User(device.user), Record::User(user));
    draft.put(Key::Device(tx.signer), Record::Device(device.clone()));
    Ok(device)
}
