//! Commands about the person's own user.

use axum::{Json, extract::State as Extract};

use super::{Answer, Body, done, length};
use crate::http::{
    Api, Backend,
    wire::{
        AcceptDevice, Disclosed, Empty, ForgetContact, Handed, Identity, Link, RevokeDevice,
        RotateKey,
    },
};

pub(in crate::http) async fn offer_device<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Handed> {
    api.backend.offer_device().await.map(Json)
}

pub(in crate::http) async fn accept_device<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<AcceptDevice>,
) -> Answer<Handed> {
    length("link", &ask.link, 2_048)?;
    api.backend.accept_device(ask).await.map(Json)
}

pub(in crate::http) async fn add_device<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Link>,
) -> Answer<Empty> {
    length("link", &ask.link, 2_048)?;
    api.backend.add_device(ask).await.map(done)
}

pub(in crate::http) async fn revoke_device<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<RevokeDevice>,
) -> Answer<Empty> {
    length("device", &ask.device, 64)?;
    api.backend.revoke_device(ask).await.map(done)
}

pub(in crate::http) async fn rotate_key<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<RotateKey>,
) -> Answer<Identity> {
    api.backend.rotate_key(ask).await.map(Json)
}

pub(in crate::http) async fn acknowledge_changes<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Empty> {
    api.backend.acknowledge_changes().await.map(done)
}

pub(in crate::http) async fn disclose<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Handed> {
    api.backend.disclose().await.map(Json)
}

pub(in crate::http) async fn check_disclosure<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Link>,
) -> Answer<Disclosed> {
    length("link", &ask.link, 2_048)?;
    api.backend.check_disclosure(ask).await.map(Json)
}

pub(in crate::http) async fn forget_contact<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<ForgetContact>,
) -> Answer<Empty> {
    length("user", &ask.user, 64)?;
    api.backend.forget_contact(ask).await.map(done)
}
