//! Refusals: what is wrong, and, where waiting helps, when to come back.

use std::time::Duration;

use axum::{
    Json,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};

/// The body of every answer with a status of 400 or more.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Refused {
    /// What is wrong.
    pub error: String,
    /// Milliseconds after which the same question may be answered, if waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

pub(crate) fn refuse(status: StatusCode, error: impl Into<String>) -> Response {
    (status, Json(Refused { error: error.into(), retry_after_ms: None })).into_response()
}

/// The same, and when to come back; the header counts whole seconds, so it says a little more.
pub(crate) fn refuse_for(status: StatusCode, error: impl Into<String>, wait: Duration) -> Response {
    let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    let seconds = retry_after_ms.div_ceil(1_000).to_string();
    let mut error = error.into();
    error.push_str("; come back later");
    let refused = Refused { error, retry_after_ms: Some(retry_after_ms) };
    (status, [(header::RETRY_AFTER, seconds)], Json(refused)).into_response()
}
