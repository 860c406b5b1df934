//! The anchor as an output of a Bitcoin transaction that nobody can spend: `OP_RETURN
//! OP_PUSHDATA1 77 anchor`, 80 bytes of script, 77 of data, which nodes relay.
//!
//! An organisation with a Bitcoin wallet of its own pays for such an output; what it needs is the
//! script, and what others need is to read it back.

use super::{ANCHOR_BYTES, Anchor, BadAnchor};

/// Bytes of the script.
pub const SCRIPT_BYTES: usize = ANCHOR_BYTES.saturating_add(3);

/// The script of an output that carries this anchor.
pub fn script(anchor: &Anchor) -> Vec<u8> {
    [&HEAD[..], &anchor.to_bytes()].concat()
}

/// The anchor that this script carries. Only the one way that [`script`] writes it is read.
///
/// # Errors
/// [`BadScript`].
pub fn parse(script: &[u8]) -> Result<Anchor, BadScript> {
    let data = script.strip_prefix(&HEAD).ok_or(BadScript::NotAnOutput)?;
    Ok(Anchor::parse(data)?)
}

/// Why a script carries no anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadScript {
    /// The data is no anchor.
    #[error(transparent)]
    Anchor(#[from] BadAnchor),
    /// No OP_RETURN with one push of 77 bytes.
    #[error("not an OP_RETURN of 77 bytes")]
    NotAnOutput,
}

/// OP_RETURN; OP_PUSHDATA1, the shortest push of more than 75 bytes; how many.
const HEAD: [u8; 3] = [0x6a, 0x4c, 77];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChainId, Digest, Height};

    #[test]
    fn the_output_is_within_what_nodes_relay_and_reads_back() {
        let anchor =
            Anchor { chain_id: ChainId([1; 32]), height: Height(600), header: Digest([2; 32]) };
        let bytes = script(&anchor);
        assert_eq!(bytes.len(), SCRIPT_BYTES);
        assert!(bytes.len() <= 83, "Bitcoin's limit for a data output");
        assert_eq!(parse(&bytes), Ok(anchor));
    }
}
