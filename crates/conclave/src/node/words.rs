//! What went wrong, and what to do next, in words for a person.

use super::{profile::ProfileError, room::door};
use crate::{
    chain::ChainError,
    http::{Fault, Refused},
    keystore::SaveError,
    ports::PortError,
    rtc,
};

pub(super) fn refused(error: &ProfileError) -> Refused {
    match error {
        ProfileError::Chain(_) => Refused::new(
            Fault::Unavailable,
            format!("the identity was not registered: {error}"),
            "look whether the validators run, then try again",
        ),
        ProfileError::Name(_) => {
            Refused::new(Fault::Wrong, error.to_string(), "choose another name")
        }
        ProfileError::NotAdded => {
            Refused::new(Fault::Conflict, error.to_string(), "add it from the first device")
        }
        ProfileError::Seal => Refused::new(Fault::Internal, error.to_string(), "try again"),
    }
}

/// Why the identity is not on the disk.
pub(super) fn not_saved(error: &SaveError) -> Refused {
    let (fault, next) = match error {
        SaveError::Vault(_) => (
            Fault::Conflict,
            "log in to a desktop with a key store and start conclave there, or do without: \
             --key-store file, or a passphrase",
        ),
        _ => (Fault::Internal, "make room on the disk and try again"),
    };
    Refused::new(fault, error.to_string(), next)
}

pub(super) fn no_way_in(error: &door::DoorError) -> Refused {
    let (fault, next) = match error {
        door::DoorError::Chain(_) => {
            (Fault::Unavailable, "look whether the validators run, then try again")
        }
        door::DoorError::Invite(_) => (Fault::Wrong, "copy the whole link and try again"),
        door::DoorError::OtherNetwork => {
            (Fault::Wrong, "start conclave with the network file of the one who invites")
        }
        door::DoorError::OtherHistory(_) => (
            Fault::Conflict,
            "do not join: ask whoever invites, over another channel, which ledger they see; one of \
             the two was forged",
        ),
        door::DoorError::Behind(_) => {
            (Fault::Unavailable, "wait a moment and try again, or ask for a new invite")
        }
    };
    Refused::new(fault, error.to_string(), next)
}

pub(super) fn no_persona(error: &ChainError) -> Refused {
    let text = format!("the persona for this meeting was not registered: {error}");
    Refused::new(Fault::Unavailable, text, "look whether the validators run, then try again")
}

pub(super) fn not_pruned(error: &ChainError) -> Refused {
    let (fault, next) = match error {
        ChainError::NotRegistered => (Fault::Conflict, "wait until the identity is registered"),
        ChainError::Refused(_) => (Fault::Conflict, "wait a minute, then try again"),
        _ => (Fault::Unavailable, "look whether the validators run, then try again"),
    };
    Refused::new(fault, error.to_string(), next)
}

pub(super) fn no_keys(error: &impl ToString) -> Refused {
    Refused::new(Fault::Internal, error.to_string(), "try again")
}

pub(super) fn media(error: &rtc::RtcError) -> Refused {
    let fault = match error {
        rtc::RtcError::NoSession(_) | rtc::RtcError::NoPublication(_) => Fault::Missing,
        rtc::RtcError::Offer(_) | rtc::RtcError::Want(_) => Fault::Wrong,
        rtc::RtcError::TooMany => Fault::Conflict,
        _ => Fault::Internal,
    };
    Refused::new(fault, error.to_string(), "reload the page")
}

/// Why no ports were opened.
pub(super) fn no_ports(error: &PortError) -> Refused {
    let (fault, next) = match error {
        PortError::Bind { .. } => (Fault::Conflict, "take another port, or 0 for any"),
        PortError::Nothing => (Fault::Wrong, "ask for at least one port"),
        PortError::Over => (Fault::Conflict, "start or join another meeting"),
        PortError::Reports(_) => (Fault::Wrong, "take a port below 65535"),
        PortError::TooMany => (Fault::Conflict, "end one of the commands that hold them"),
    };
    Refused::new(fault, error.to_string(), next)
}
