//! Commands about being in a meeting together.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State as Extract},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;

use super::{Answer, Body, done, length};
use crate::http::{
    Api, Backend, Fault, Refused,
    wire::{Answered, Ask, Diagnosis, Empty, FileRef, Hand, Policy, React, Record},
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

/// What `POST /api/file` calls the file.
#[derive(Clone, Debug, Deserialize)]
pub(in crate::http) struct Named {
    name: String,
}

pub(in crate::http) async fn offer_file<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Query(Named { name }): Query<Named>,
    bytes: Bytes,
) -> Answer<FileRef> {
    length("name", &name, 1_024)?;
    if bytes.is_empty() {
        return Err(Refused::new(Fault::Wrong, "the file is empty", "choose another one"));
    }
    api.backend.offer_file(name, bytes.into()).await.map(Json)
}

pub(in crate::http) async fn take_file<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Body(ask): Body<FileRef>,
) -> Answer<Empty> {
    length("id", &ask.id, 64)?;
    api.backend.take_file(ask).await.map(done)
}

pub(in crate::http) async fn file<B: Backend>(
    Extract(api): Extract<Api<B>>,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    length("id", &id, 64)?;
    let file = api.backend.file(FileRef { id }).await?;
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, saved_as(&file.name))];
    Ok((headers, file.bytes).into_response())
}

/// The browser saves it under this name (RFC 6266, RFC 8187) and never shows it.
fn saved_as(name: &str) -> HeaderValue {
    let mut text = "attachment; filename*=UTF-8''".to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}
