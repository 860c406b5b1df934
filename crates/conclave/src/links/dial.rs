//! One attempt to reach a peer.

use std::sync::Arc;

use iroh::{EndpointAddr, EndpointId};
use tokio::time::timeout;

use super::{
    AddressBlob, Alpn, LinkEvent, Npk, Reason, frame,
    hub::{Hub, Line},
    table::Dial,
};

/// Dials until there is a link, the time is over, or the attempt is cancelled.
pub(super) async fn run(hub: Arc<Hub>, npk: Npk, address: AddressBlob, dial: Dial) {
    let attempt = timeout(hub.limits.dial, connect(&hub, npk, dial.alpn, &address));
    let outcome = dial.cancel.run_until_cancelled(attempt).await;
    match outcome.unwrap_or(Ok(Err(Reason::Replaced))).unwrap_or(Err(Reason::Unreachable)) {
        Ok(line) => {
            // The link takes its place before anyone may see the attempt as over.
            let over = async { hub.table().end_dial(&npk, &dial) };
            tokio::join!(biased; hub.serve(line), over);
        }
        Err(reason) => {
            let alone = hub.table().end_dial(&npk, &dial);
            if alone {
                let _ = hub.events.send(LinkEvent::Down { npk, alpn: dial.alpn, reason }).await;
            }
        }
    }
}

/// Connects, and waits until the other end says that it takes the link.
async fn connect(hub: &Hub, npk: Npk, alpn: Alpn, address: &AddressBlob) -> Result<Line, Reason> {
    if alpn == Alpn::Meeting && !hub.is_member(&npk) {
        return Err(Reason::NotMember);
    }
    let address = endpoint_addr(hub, npk, address).ok_or(Reason::Unreachable)?;
    let conn = hub.endpoint.connect(address, alpn.as_bytes()).await;
    let conn = conn.map_err(|_| Reason::Unreachable)?;
    let streams = async {
        let (mut send, mut recv) = conn.open_bi().await.ok()?;
        frame::write(&mut send, bytes::Bytes::new()).await.ok()?;
        frame::read_hello(&mut recv).await.ok()?;
        Some((send, recv))
    };
    match streams.await {
        Some((send, recv)) => {
            Ok(Line { conn, npk, alpn, dialled: true, stranger: false, send, recv })
        }
        None => Err(conn.close_reason().map_or(Reason::Violation, |error| Reason::of(&error))),
    }
}

/// `None` for a key that is no point of the curve, or an address with nothing to dial.
fn endpoint_addr(hub: &Hub, npk: Npk, address: &AddressBlob) -> Option<EndpointAddr> {
    let id = EndpointId::from_bytes(&npk.0).ok()?;
    let address = address.to_endpoint(id, &hub.relays);
    (!address.is_empty()).then_some(address)
}
