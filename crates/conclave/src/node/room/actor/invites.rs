//! The invite: whoever leads hands out links that name this device.

use conclave_meeting::session::Config;
use conclave_protocol::invite::InviteSecret;

use super::{super::door, Actor, Late};
use crate::http::wire;

/// What the invites of a meeting are made of. Every member has it, for every member may come to
/// lead.
pub(crate) struct Inviter {
    pub(crate) config: Config,
    /// The meeting's one secret, so that older links stay good and show the title.
    pub(crate) secret: InviteSecret,
}

impl Actor {
    /// Makes the link of this device, which leads.
    pub(super) fn make_invite(&self) {
        let (chain, inputs, mid) = (self.ground.chain.clone(), self.inputs.clone(), self.mid);
        let (npk, address) = (self.links.own_key(), self.links.own_address());
        let Inviter { config, secret } = &self.inviter;
        let (user, ivk) = (config.user, config.signer.ivk());
        let secret = InviteSecret::new(*secret.danger_bytes());
        tokio::spawn(async move {
            let host = door::Host { mid, user, ivk, npk, address: &address };
            let made = door::invite(&chain, &host, secret).await;
            match made.map(|invite| invite.to_string()) {
                Ok(link) => {
                    let qr = crate::qr::draw(&link);
                    let _over = inputs.send(Late::Invite(wire::Invite { link, qr })).await;
                }
                Err(error) => tracing::warn!(%error, "no invite"),
            }
        });
    }
}
