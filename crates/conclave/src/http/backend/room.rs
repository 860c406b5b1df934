//! What people show each other in a meeting, whom a leader lets in, and how the machine does.

use std::future::Future;

use super::Refused;
use crate::http::wire::{
    Answered, Ask, Diagnosis, FileBytes, FileRef, Hand, Policy, React, Record,
};

/// The part of [`Backend`](super::Backend) about being in a meeting together.
///
/// # Errors
/// As for [`Backend`](super::Backend).
pub trait RoomBackend {
    /// Raises the own hand, or takes it down.
    fn hand(&self, ask: Hand) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Shows everyone a reaction.
    fn react(&self, ask: React) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Asks something of a member, or of all.
    fn ask(&self, ask: Ask) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Forgets a question of somebody else.
    fn answered(&self, ask: Answered) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Tells everyone, signed, that this machine records, or does no more.
    fn record(&self, ask: Record) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Admits everyone at the door who was met before and whose keys have an unbroken chain.
    fn admit_known(&self) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Chooses whom this device lets in without asking while it leads.
    fn policy(&self, ask: Policy) -> impl Future<Output = Result<(), Refused>> + Send;

    /// Offers a file to everyone who is in. Returns when it lies sealed on the disk.
    fn offer_file(
        &self,
        name: String,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<FileRef, Refused>> + Send;

    /// Fetches a file that somebody offers. Returns at once.
    fn take_file(&self, ask: FileRef) -> impl Future<Output = Result<(), Refused>> + Send;

    /// A file that is here.
    fn file(&self, ask: FileRef) -> impl Future<Output = Result<FileBytes, Refused>> + Send;

    /// Examines this machine and its way to the validators.
    fn doctor(&self) -> impl Future<Output = Diagnosis> + Send;
}
