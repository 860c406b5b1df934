//! Answers: JSON out, and refusals that say what to do.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    backend::{Fault, Refused},
    wire::Refusal,
};

/// A refusal with its status.
pub(super) fn refuse(status: StatusCode, error: &str, next: &str) -> (StatusCode, Json<Refusal>) {
    (status, Json(Refusal { error: error.to_owned(), next: next.to_owned() }))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.fault {
            Fault::Conflict => StatusCode::CONFLICT,
            Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Fault::Missing => StatusCode::NOT_FOUND,
            Fault::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Wrong => StatusCode::BAD_REQUEST,
        };
        refuse(status, &self.error, &self.next).into_response()
    }
}
