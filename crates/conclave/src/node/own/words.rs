//! Changes of a user in plain words.

use conclave_protocol::{Body, identity::Gate};

/// What a change did.
pub(super) fn change(body: &Body) -> String {
    match body {
        Body::RegisterUser(body) => match &body.gate {
            Gate::Sponsor(key) => {
                let key = hex::encode(key.0);
                format!("the user was registered, let in by validator {}", short(&key))
            }
            Gate::Work(_) => "the user was registered, let in by work".to_owned(),
        },
        Body::AddDevice(body) => format!("device {} was added", short(&body.dev.to_hex())),
        Body::RevokeDevice(body) => {
            format!("device {} was asked to be put out, or put out", short(&body.dev.to_hex()))
        }
        Body::RotateKey(body) => {
            format!("device {} replaced its key", short(&body.dev.to_hex()))
        }
        Body::UpdateInfo(_) => "the info was replaced".to_owned(),
        Body::ClaimHandle(body) => {
            format!("the name \u{201c}{}\u{201d} was claimed", body.name.as_str())
        }
        Body::Recover(body) => {
            format!("a recovery to device {} was asked or done", short(&body.dev.to_hex()))
        }
        Body::Cancel(body) => {
            format!("what device {} waited for was called off", short(&body.dev.to_hex()))
        }
        Body::SetRecoveryKey(body) if body.recovery_ivk.is_some() => {
            "another recovery key was asked for or set".to_owned()
        }
        Body::SetRecoveryKey(_) => "no recovery key was asked for or set".to_owned(),
        other => format!("{:?}", other.kind()),
    }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}
