//! Commands about names, what waits, and recovery.

use axum::{Json, extract::State as Extract};

use super::{Answer, Body, done, length};
use crate::http::{
    Api, Backend,
    wire::{CancelChange, ClaimHandle, Empty, Identity, KeepSheet, NewName, Recover, Sheet},
};

/// 24 words of at most eight letters, and room for careless spaces.
const WORDS: usize = 512;

pub(in crate::http) async fn claim_handle<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<ClaimHandle>,
) -> Answer<Empty> {
    length("name", &ask.name, 32)?;
    api.backend.claim_handle(ask).await.map(done)
}

pub(in crate::http) async fn rename<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<NewName>,
) -> Answer<Identity> {
    length("name", &ask.name, 1_024)?;
    api.backend.rename(ask).await.map(Json)
}

pub(in crate::http) async fn draw_sheet<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Sheet> {
    api.backend.draw_sheet().await.map(Json)
}

pub(in crate::http) async fn keep_sheet<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<KeepSheet>,
) -> Answer<Empty> {
    length("words", ask.words.danger_str(), WORDS)?;
    api.backend.keep_sheet(ask).await.map(done)
}

pub(in crate::http) async fn recover<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Recover>,
) -> Answer<Identity> {
    length("words", ask.words.danger_str(), WORDS)?;
    api.backend.recover(ask).await.map(Json)
}

pub(in crate::http) async fn cancel_change<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<CancelChange>,
) -> Answer<Empty> {
    length("device", &ask.device, 64)?;
    api.backend.cancel_change(ask).await.map(done)
}
