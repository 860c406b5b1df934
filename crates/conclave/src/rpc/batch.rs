//! `POST /v1/txs`: several transactions in one question, with one verdict for each.
//!
//! For whoever has many: their signatures are checked together, and the way to a validator is paid
//! once. The body is a list of at most [`MOST`] blobs; what is refused is told by its place in it.

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use conclave_ledger::validator::Rejected;
use conclave_protocol::{
    codec::{Blob, List, decode},
    tx::MAX_TX_BYTES,
};
use serde::{Deserialize, Serialize};

use super::{FORGED, LATER, Rpc, refuse, refuse_for};
use crate::serve::Client;

/// Most transactions of one question.
pub(crate) const MOST: usize = 256;

/// Most bytes of one question.
pub(super) const MOST_BYTES: usize = 256 * 1_024;

/// Several transactions, as they travel.
pub(crate) type Batch = List<Blob<MAX_TX_BYTES>, MOST>;

/// What became of several transactions.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Verdicts {
    /// How many of them wait for a block here, or are final already.
    pub(crate) taken: usize,
    /// The others.
    pub(crate) refused: Vec<RefusedTx>,
}

/// One transaction that was not taken.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct RefusedTx {
    /// Its place in the question, from 0.
    pub(crate) index: usize,
    /// What is wrong.
    pub(crate) error: String,
    /// Milliseconds after which the same transaction may be taken, if waiting helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_ms: Option<u64>,
}

pub(super) async fn submit(
    State(rpc): State<Rpc>,
    client: Option<Extension<Client>>,
    txs: Bytes,
) -> Response {
    let txs: Batch = match decode(&txs) {
        Ok(txs) => txs,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let cost = u32::try_from(txs.len() / FOR_ONE).unwrap_or(u32::MAX);
    if let Some(Extension(client)) = client
        && let Err(wait) = rpc.requests.take(client, cost)
    {
        return refuse_for(StatusCode::TOO_MANY_REQUESTS, "too many transactions", wait);
    }
    let txs = txs.iter().map(|tx| Bytes::copy_from_slice(tx.as_slice())).collect();
    match rpc.validator.submit_all(txs).await {
        Ok(verdicts) => {
            let is_forged =
                |verdict: &&Result<_, _>| matches!(verdict, Err(Rejected::BadSignature));
            let forged = u32::try_from(verdicts.iter().filter(is_forged).count());
            if let Some(Extension(client)) = client {
                rpc.requests.charge(client, FORGED.saturating_mul(forged.unwrap_or(u32::MAX)));
            }
            (StatusCode::ACCEPTED, Json(tell(verdicts))).into_response()
        }
        Err(rejected) => refuse_for(StatusCode::SERVICE_UNAVAILABLE, rejected.to_string(), LATER),
    }
}

fn tell<T>(verdicts: Vec<Result<T, Rejected>>) -> Verdicts {
    let all = verdicts.len();
    let refused: Vec<_> = verdicts
        .into_iter()
        .enumerate()
        .filter_map(|(index, verdict)| {
            let rejected = verdict.err()?;
            let helps = matches!(rejected, Rejected::Busy(_) | Rejected::NotReady);
            let later = u64::try_from(LATER.as_millis()).unwrap_or(u64::MAX);
            let retry_after_ms = helps.then_some(later);
            Some(RefusedTx { index, error: rejected.to_string(), retry_after_ms })
        })
        .collect();
    Verdicts { taken: all.saturating_sub(refused.len()), refused }
}

/// Transactions that cost a client as much as one question: to check them together is cheap.
const FOR_ONE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_refused_for_want_of_room_is_told_when_to_come_back() {
        let verdicts = tell(vec![Ok(()), Err(Rejected::Busy("full")), Err(Rejected::Malformed)]);
        assert_eq!(verdicts.taken, 1);
        let refused: Vec<_> =
            verdicts.refused.iter().map(|tx| (tx.index, tx.retry_after_ms)).collect();
        assert_eq!(refused, [(1, Some(1_000)), (2, None)]);
    }
}
