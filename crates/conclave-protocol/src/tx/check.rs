//! Which signatures a transaction needs, separate from its rules so that many are checked at once.

use super::{Body, Role, Tx};
use crate::{
    identity::{Gate, PendingRecord, Recover, Wish},
    key::Ivk,
    meeting::{Absence, LeaderReassign, Succession, absence_message},
    signed::{BadSignature, Context, Item},
    state::{ApplyError, Draft, Key, Refusal, Rules, View},
};

/// The signatures of `tx` with the keys this state asks for: the device's or validator's own, for a
/// new user the sponsor's, for a new key its own. All of them must hold before [`apply`](crate::apply) is asked.
///
/// # Errors
/// The signer is unknown, or a role is missing or one too many.
pub fn signature_items(rules: &Rules, view: &impl View, tx: &Tx) -> Result<Vec<Item>, ApplyError> {
    let mut items = vec![Item::new(
        signer_key(view, tx)?,
        Context::Tx(tx.kind()),
        &rules.chain_id,
        &tx.unsigned_bytes(),
        tx.signature(Role::Signer).ok_or(Refusal::MissingSignature(Role::Signer))?,
    )];
    if let Body::RegisterUser(body) = &tx.body
        && let Gate::Sponsor(validator) = body.gate
    {
        items.push(Item::new(
            validator,
            Context::Sponsor,
            &rules.chain_id,
            &body.sponsor_message(),
            tx.signature(Role::Sponsor).ok_or(Refusal::MissingSignature(Role::Sponsor))?,
        ));
    }
    if let Some((ivk, message)) = tx.body.possession() {
        items.push(Item::new(
            ivk,
            Context::DevicePop,
            &rules.chain_id,
            &message,
            tx.signature(Role::Possession).ok_or(Refusal::MissingSignature(Role::Possession))?,
        ));
    }
    if let Body::LeaderReassign(body) = &tx.body
        && body.rule == Succession::Appoint
    {
        items.push(handover(rules, view, tx, body)?);
    }
    if tx.sigs.len() != items.len() {
        return Err(Refusal::ExtraSignature.into());
    }
    if let Body::LeaderReassign(body) = &tx.body {
        items.extend(absences(rules, view, body)?);
    }
    Ok(items)
}

/// Checks every signature of `tx`, one by one.
///
/// # Errors
/// Those of [`signature_items`], or a signature that does not hold.
pub fn check_signatures(rules: &Rules, view: &impl View, tx: &Tx) -> Result<(), CheckError> {
    for item in signature_items(rules, view, tx)? {
        item.verify()?;
    }
    Ok(())
}

/// Why the signatures of a transaction do not carry it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// A signature is wrong.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// Which signatures it needs cannot be said, or they are not there.
    #[error(transparent)]
    State(#[from] ApplyError),
}

/// The word of the leader so far, by the key its device has now (eq. 21).
fn handover(
    rules: &Rules,
    view: &impl View,
    tx: &Tx,
    body: &LeaderReassign,
) -> Result<Item, ApplyError> {
    let signature =
        tx.signature(Role::Handover).ok_or(Refusal::MissingSignature(Role::Handover))?;
    let draft = Draft::new(view);
    let meeting = draft.meeting(body.mid)?.ok_or(Refusal::UnknownMeeting)?;
    let leader = draft.member(body.mid, meeting.leader)?.ok_or(Refusal::UnknownMember)?;
    let device = draft.device(leader.dev)?.ok_or(Refusal::UnknownDevice)?;
    let message = body.handover_message();
    Ok(Item::new(device.ivk, Context::Handover, &rules.chain_id, &message, signature))
}

/// The words of those who do not hear the leader, by their transport keys.
fn absences(
    rules: &Rules,
    view: &impl View,
    body: &LeaderReassign,
) -> Result<Vec<Item>, ApplyError> {
    let draft = Draft::new(view);
    let meeting = draft.meeting(body.mid)?.ok_or(Refusal::UnknownMeeting)?;
    draft.need(body.absent.iter().map(|absence| Key::Member(body.mid, absence.idx)))?;
    let mut items = Vec::with_capacity(body.absent.len());
    for Absence { idx, at, sig } in &body.absent {
        let member = draft.member(body.mid, *idx)?.ok_or(Refusal::UnknownMember)?;
        let message = absence_message(&body.mid, &meeting, *idx, *at);
        items.push(Item::new(member.npk, Context::Absent, &rules.chain_id, &message, *sig));
    }
    Ok(items)
}

fn signer_key(view: &impl View, tx: &Tx) -> Result<Ivk, ApplyError> {
    match &tx.body {
        Body::RegisterUser(body) => Ok(body.ivk),
        Body::Recover(body) => recovery_key(view, body),
        Body::AnchorRecord(_) | Body::ValidatorVote(_) => {
            // Under a weak key anyone's signature would hold.
            Ivk::Ed25519(tx.signer.0).check().map_err(Refusal::Weak)?;
            Ok(Ivk::Ed25519(tx.signer.0))
        }
        _ => Ok(Draft::new(view).device(tx.signer)?.ok_or(Refusal::UnknownDevice)?.ivk),
    }
}

/// The key that began this recovery, or that may begin one.
fn recovery_key(view: &impl View, body: &Recover) -> Result<Ivk, ApplyError> {
    let draft = Draft::new(view);
    let user = draft.user(body.user)?.ok_or(Refusal::UnknownUser)?;
    match draft.pending(body.dev)? {
        Some(PendingRecord { wish: Wish::Recovery(recovery), .. }) => Ok(recovery.by),
        _ => Ok(user.recovery_ivk.ok_or(Refusal::NoRecoveryKey)?),
    }
}
