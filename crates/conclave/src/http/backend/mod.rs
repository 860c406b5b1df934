//! What the local API drives: one method per thing a person can do.

mod identity;
mod recovery;
mod room;

use std::{future::Future, sync::Arc};

use tokio::sync::{broadcast, watch};

use super::{
    metrics::Sample,
    wire::{
        Admit, Appoint, Chat, Deny, DismissNotice, Identity, Invitation, Kick, Lock, NewIdentity,
        NewMeeting, Notice, OpenPorts, Opened, Preview, Prune, Pruned, Published, Receive,
        Received, Source, State, Vote,
    },
};

use crate::ports::Lease;

pub use identity::IdentityBackend;
pub use recovery::RecoveryBackend;
pub use room::RoomBackend;

/// The daemon behind the API. Every method returns when the person's wish has been taken up or
/// refused; what becomes of it shows in [`state`](Self::state).
///
/// # Errors
/// Every fallible method answers [`Refused`] with what happened and what to do; a refused command
/// has changed nothing.
pub trait Backend: IdentityBackend + RecoveryBackend + RoomBackend + Send + Sync + 'static {
    /// The state after every change.
    fn state(&self) -> watch::Receiver<Arc<State>>;

    /// Notices as they come up; a reader that falls behind skips some.
    fn notices(&self) -> broadcast::Receiver<Notice>;

    /// Counters and gauges beyond what [`State`] already says.
    fn samples(&self) -> Vec<Sample>;

    /// Makes the identity of this device and registers it (eqs. 1-4). Returns when it is final.
    fn create_identity(
        &self,
        ask: NewIdentity,
    ) -> impl Future<Output = Result<Identity, Refused>> + Send;

    /// Publishes a meeting (eqs. 5-7). Returns when it has an id, before it is final.
    fn create_meeting(
        &self,
        ask: NewMeeting,
    ) -> impl Future<Output = Result<Opened, Refused>> + Send;

    /// Checks an invite against the ledger, asking nobody else.
    fn preview(&self, ask: Invitation) -> impl Future<Output = Result<Preview, Refused>> + Send;

    /// Asks to be let in (eqs. 8-10).
    fn join(&self, ask: Invitation) -> impl Future<Output = Result<Opened, Refused>> + Send;

    /// Admits one from the lobby.
    fn admit(&self, ask: Admit) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Turns one in the lobby away.
    fn deny(&self, ask: Deny) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Removes a member.
    fn kick(&self, ask: Kick) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Hands the chair to a member.
    fn appoint(&self, ask: Appoint) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Votes for who should lead.
    fn vote(&self, ask: Vote) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Closes or opens the door.
    fn lock(&self, ask: Lock) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Leaves the meeting.
    fn leave(&self) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Ends the meeting for everyone (eqs. 22, 23).
    fn end(&self) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Writes to everyone in the meeting.
    fn chat(&self, ask: Chat) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Clears old meetings away from the state of the ledger. Returns when that is final.
    fn prune(&self, ask: Prune) -> impl Future<Output = Result<Pruned, Refused>> + Send;

    /// Forgets a notice.
    fn dismiss_notice(
        &self,
        ask: DismissNotice,
    ) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Takes up a camera or a screen: SDP offer in, SDP answer out.
    fn publish(
        &self,
        source: Source,
        offer: String,
    ) -> impl Future<Output = Result<Published, Refused>> + Send;

    /// Ends a publication.
    fn unpublish(&self, id: String) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Opens ports for other programs of this machine.
    fn open_ports(&self, ask: OpenPorts) -> impl Future<Output = Result<Lease, Refused>> + Send;

    /// Opens or renegotiates the connection on which the browser receives.
    fn receive(&self, ask: Receive) -> impl Future<Output = Result<Received, Refused>> + Send;
}

/// Why a command was refused: what happened, and what to do about it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    /// Whose turn it is; decides the HTTP status.
    pub fault: Fault,
    /// What happened, in plain words.
    pub error: String,
    /// What to do, in plain words.
    pub next: String,
}

impl Refused {
    /// A refusal with its advice.
    pub fn new(fault: Fault, error: impl Into<String>, next: impl Into<String>) -> Self {
        Self { fault, error: error.into(), next: next.into() }
    }
}

/// Whose turn it is after a refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Not possible at this moment, e.g. already in a meeting: 409.
    Conflict,
    /// Something broke in this program: 500.
    Internal,
    /// There is no such thing: 404.
    Missing,
    /// The validators or the other side do not answer: 503.
    Unavailable,
    /// The request itself is wrong: 400.
    Wrong,
}
