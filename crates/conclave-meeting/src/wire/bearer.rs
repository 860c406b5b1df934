//! Who bears a persona in a sealed meeting (section 13.1).

use conclave_protocol::{
    ChainId, Context, DeviceId, Ivk, MeetingId, MemberRecord, Signature, Signer, UserId,
    codec::fields,
    encode,
    signed::{self, BadSignature},
};

/// The real device behind a seat, in its own word. It holds for one meeting, persona and link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bearer {
    /// The real user.
    pub user: UserId,
    /// The real device of that user.
    pub dev: DeviceId,
    /// By the identity key of that device, context `sealed-request`, over canonical
    /// {mid, user, dev, ivk, npk} of the persona's seat.
    pub sig: Signature,
}

fields!(Bearer { user, dev, sig });

impl Bearer {
    /// The word of the device `dev` of `user`, whose key `signer` holds, about the seat `persona`.
    #[must_use]
    pub fn new(
        chain: &ChainId,
        mid: &MeetingId,
        persona: &MemberRecord,
        (user, dev): (UserId, DeviceId),
        signer: &dyn Signer,
    ) -> Self {
        let sig = signer.sign(Context::SealedRequest, chain, &Self::body(mid, persona));
        Self { user, dev, sig }
    }

    /// Checks the signature of the real device, whose key is `ivk`.
    ///
    /// # Errors
    /// The signature does not hold.
    pub fn verify(
        &self,
        chain: &ChainId,
        mid: &MeetingId,
        persona: &MemberRecord,
        ivk: Ivk,
    ) -> Result<(), BadSignature> {
        let body = Self::body(mid, persona);
        signed::verify(ivk, Context::SealedRequest, chain, &body, &self.sig)
    }

    fn body(mid: &MeetingId, persona: &MemberRecord) -> Vec<u8> {
        let MemberRecord { user, dev, ivk, npk, .. } = persona;
        [encode(mid), encode(user), encode(dev), encode(ivk), encode(npk)].concat()
    }
}
