//! Commands about being in a meeting together.

use axum::{Json, extract::State as Extract};

use super::{Answer, Body, done, length};
use crate::http::{
    Api, Backend,
    wire::{Answered, Ask, Diagnosis, Empty, Hand, Policy, React, Record},
};

pub(in crate::http) async fn hand<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Hand>,
) -> Answer<Empty> {
    api.backend.hand(ask).await.map(done)
}

pub(in crate::http) async fn react<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<React>,
) -> Answer<Empty> {
    length("emoji", &ask.emoji, 16)?;
    api.backend.react(ask).await.map(done)
}

pub(in crate::http) async fn ask<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Ask>,
) -> Answer<Empty> {
    api.backend.ask(ask).await.map(done)
}

pub(in crate::http) async fn answered<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Answered>,
) -> Answer<Empty> {
    length("id", &ask.id, 64)?;
    api.backend.answered(ask).await.map(done)
}

pub(in crate::http) async fn record<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Record>,
) -> Answer<Empty> {
    api.backend.record(ask).await.map(done)
}

pub(in crate::http) async fn admit_known<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(Empty {}): Body<Empty>,
) -> Answer<Empty> {
    api.backend.admit_known().await.map(done)
}

pub(in crate::http) async fn policy<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<Policy>,
) -> Answer<Empty> {
    api.backend.policy(ask).await.map(done)
}

pub(in crate::http) async fn doctor<B: Backend>(Extract(api): Extract<Api<B>>) -> Json<Diagnosis> {
    Json(api.backend.doctor().await)
}
