//! What the fuzzer's bytes say happens.

use arbitrary::Arbitrary;

use super::word::Word;

/// One thing that happens.
#[derive(Arbitrary, Debug)]
pub(super) enum Step {
    /// Any bytes as a message.
    Message {
        from: Attacker,
        leader: bool,
        bytes: Vec<u8>,
    },
    /// A message somebody sent, perhaps with a byte changed, from somebody else.
    Replay {
        from: Attacker,
        leader: bool,
        which: u16,
        flip: Option<(u16, u8)>,
    },
    /// Somebody's knock for one seat after the other.
    Knocks {
        from: Attacker,
        first: u16,
        count: u8,
    },
    /// Any bytes as a datagram.
    Datagram {
        from: Attacker,
        leader: bool,
        bytes: Vec<u8>,
    },
    /// A packet somebody sent, perhaps with a byte changed, from somebody else.
    Packet {
        from: Attacker,
        leader: bool,
        which: u16,
        flip: Option<(u16, u8)>,
    },
    /// A packet well sealed under the newest key.
    Sealed {
        from: Attacker,
        leader: bool,
        packet: Packet,
    },
    /// Something the insider says, perhaps many times.
    Said {
        leader: bool,
        times: u8,
        word: Word,
    },
    /// A link of the attacker comes or goes.
    Link {
        from: Attacker,
        leader: bool,
        up: bool,
        lobby: bool,
    },
    /// Strangers call, say something, and are gone.
    Strangers {
        leader: bool,
        count: u16,
        knock: bool,
    },
    /// The light client refuses a header, or the own network says how large datagrams are.
    Local {
        leader: bool,
        limit: u16,
        unproven: bool,
    },
    /// The honest ones go on.
    Unit {
        leader: bool,
    },
    Chat,
    Wait(u8),
}

/// Who attacks.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Attacker {
    /// The dishonest member.
    Insider,
    /// The dishonest guest.
    Guest,
    /// Somebody with a fresh key.
    Stranger(u16),
}

/// A packet in the name of any member, on any of its streams.
#[derive(Arbitrary, Debug)]
pub(super) struct Packet {
    pub(super) idx: u8,
    pub(super) stream: u8,
    pub(super) kind: u8,
    /// Counters left out.
    pub(super) skip: u8,
    pub(super) unit: Vec<u8>,
}
