//! What members show each other beside sound, picture and text (section 10.1): hands, reactions,
//! what one asks of another, who records, which files there are.
//!
//! A [`Signal`] is sealed like a line of chat, so only the roster of its epoch reads it, and whose it
//! is follows from link and key. Its first byte is a control character, which no line of chat has:
//! neither is ever taken for the other.

use conclave_protocol::{
    ChainId, Context, DecodeError, Ivk, MeetingId, MemberIdx, Seconds, Signature, Signer,
    codec::{fields, tags, variants},
    decode, encode,
    signed::{self, BadSignature},
};

use super::FileOffer;

/// One signal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Signal {
    /// The sender's hand is up, or down again. Said anew to whoever comes in.
    Hand(bool),
    /// How the sender takes what it hears.
    Reaction(Reaction),
    /// The sender asks something of the receiver.
    Ask(Ask),
    /// The sender records, or does no more. Said anew to whoever comes in.
    Recording(Recording),
    /// The sender has a file for those who are in now. Said anew to those of them who had no link.
    File(FileOffer),
}

variants!(Signal {
    0 => Hand(up: bool),
    1 => Reaction(reaction: Reaction),
    2 => Ask(ask: Ask),
    3 => Recording(recording: Recording),
    4 => File(offer: FileOffer),
});

impl Signal {
    /// The canonical bytes, to be sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads what was sealed.
    ///
    /// # Errors
    /// [`DecodeError`] for anything but the canonical bytes of one signal.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }
}

/// How somebody takes what they hear: a closed list, so that nothing hostile can be in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reaction {
    /// 👍
    ThumbsUp,
    /// 👎
    ThumbsDown,
    /// 👏
    Applause,
    /// 😂
    Laughter,
    /// 😮
    Surprise,
    /// ❤️
    Heart,
    /// 🎉
    Party,
    /// ✅
    Done,
}

tags!(Reaction {
    0 => ThumbsUp,
    1 => ThumbsDown,
    2 => Applause,
    3 => Laughter,
    4 => Surprise,
    5 => Heart,
    6 => Party,
    7 => Done,
});

impl Reaction {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::ThumbsUp,
        Self::ThumbsDown,
        Self::Applause,
        Self::Laughter,
        Self::Surprise,
        Self::Heart,
        Self::Party,
        Self::Done,
    ];

    /// The emoji.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ThumbsUp => "\u{1f44d}",
            Self::ThumbsDown => "\u{1f44e}",
            Self::Applause => "\u{1f44f}",
            Self::Laughter => "\u{1f602}",
            Self::Surprise => "\u{1f62e}",
            Self::Heart => "\u{2764}\u{fe0f}",
            Self::Party => "\u{1f389}",
            Self::Done => "\u{2705}",
        }
    }

    /// The reaction of this emoji, with or without the mark that asks for its coloured form.
    #[must_use]
    pub fn of(emoji: &str) -> Option<Self> {
        let bare = emoji.trim_end_matches(COLOURED);
        Self::ALL.into_iter().find(|one| one.as_str().trim_end_matches(COLOURED) == bare)
    }
}

/// Variation selector 16 of Unicode.
const COLOURED: char = '\u{fe0f}';

/// A question of one member to others. What follows from it the receiver decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ask {
    /// Who is asked; everybody, if the leader asks. All of the roster could read it, so it says so.
    pub to: Option<MemberIdx>,
    /// What for.
    pub favour: Favour,
}

fields!(Ask { to, favour });

/// What can be asked of a member.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Favour {
    /// To switch the microphone off.
    Mute,
    /// To switch it on: a question that a person answers.
    Unmute,
    /// To switch the camera off.
    CameraOff,
    /// To take the hand down.
    HandDown,
}

tags!(Favour { 0 => Mute, 1 => Unmute, 2 => CameraOff, 3 => HandDown });

/// A device's word that its person records what it hears and sees, or does no more. Whoever keeps
/// it can show it to others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Recording {
    /// Whether it does from now on.
    pub on: bool,
    /// Chain time at which it was said.
    pub at: Seconds,
    /// By the identity key of the seat, context `recording`, over canonical {mid, idx, on, at}.
    pub sig: Signature,
}

fields!(Recording { on, at, sig });

impl Recording {
    /// The word of member `idx`, whose identity key `signer` holds.
    #[must_use]
    pub fn new(
        chain: &ChainId,
        mid: &MeetingId,
        idx: MemberIdx,
        (on, at): (bool, Seconds),
        signer: &dyn Signer,
    ) -> Self {
        let sig = signer.sign(Context::Recording, chain, &Self::body(mid, idx, on, at));
        Self { on, at, sig }
    }

    /// Checks the signature of member `idx`, whose identity key is `ivk`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(
        &self,
        chain: &ChainId,
        mid: &MeetingId,
        idx: MemberIdx,
        ivk: Ivk,
    ) -> Result<(), BadSignature> {
        let body = Self::body(mid, idx, self.on, self.at);
        signed::verify(ivk, Context::Recording, chain, &body, &self.sig)
    }

    fn body(mid: &MeetingId, idx: MemberIdx, on: bool, at: Seconds) -> Vec<u8> {
        [encode(mid), encode(&idx), encode(&on), encode(&at)].concat()
    }
}
