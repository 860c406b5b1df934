//! Changes of a user in plain words.

use conclave_protocol::Body;

/// What a change did.
pub(super) fn change(body: &Body) -> String {
    match body {
        Body::RegisterUser(_) => "the user was registered".to_owned(),
        Body::AddDevice(body) => format!("device {} was added", short(&body.dev.to_hex())),
        Body::RevokeDevice(body) => format!("device {} was revoked", short(&body.dev.to_hex())),
        Body::RotateKey(body) => {
            format!("device {} replaced its key", short(&body.dev.to_hex()))
        }
        Body::UpdateInfo(_) => "the info was replaced".to_owned(),
        other => format!("{:?}", other.kind()),
    }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
