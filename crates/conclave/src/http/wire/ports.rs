//! Ports for bots, recorders and studios.

use serde::{Deserialize, Serialize};

/// `POST /api/ports`: RTP on loopback, Opus at 48 kHz and VP8 at 90 kHz. 0 is any free port. The
/// answer is a stream of events, each a [`PortNews`]; the ports close with it, and with the meeting.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPorts {
    /// Where sound comes in that this member sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_in: Option<u16>,
    /// Where pictures come in that this member sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_in: Option<u16>,
    /// Where sound is sent to; reports go to the port behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_out: Option<u16>,
    /// Where pictures are sent to; reports go to the port behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_out: Option<u16>,
    /// Index of the member to send; else whoever speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u16>,
    /// What goes out is played to somebody and kept nowhere. Else the others are told that this
    /// member records, for as long as the ports are open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub played: bool,
}

/// One event of open ports.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum PortNews {
    /// The first event: where they are.
    Open {
        /// Where sound comes in.
        audio_in: Option<u16>,
        /// Where pictures come in.
        video_in: Option<u16>,
        /// Where sound is sent to.
        audio_out: Option<u16>,
        /// Where pictures are sent to.
        video_out: Option<u16>,
        /// A description of what goes out, for its receiver (RFC 8866).
        sdp: Option<String>,
    },
    /// What goes out is this member's from now on.
    From {
        /// Pictures; else sound.
        video: bool,
        /// Index of the member.
        idx: u16,
    },
    /// Something that came in was dropped; each reason is told once.
    Dropped {
        /// At the port for pictures; else for sound.
        video: bool,
        /// Why, in plain words.
        text: String,
    },
}
