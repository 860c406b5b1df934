//! The door: who is let in, to the meeting or to the lobby.

use std::{sync::Arc, time::Duration};

use iroh::endpoint::{Connection, Incoming};
use tokio::time::timeout;

use super::{
    Alpn, Npk, Reason, frame,
    gate::{Gate, Place, Source},
    hub::{Hub, Line},
};

/// How long an incoming link waits for the own attempt that the other end prefers.
const GLARE_WAIT: Duration = Duration::from_millis(500);

/// Lets connections in until the endpoint closes.
pub(super) async fn run(hub: Arc<Hub>) {
    let limits = &hub.limits;
    let handshakes = Gate::new(limits.handshakes_per_source, limits.handshakes);
    let lobby = Gate::new(limits.strangers_per_source, limits.strangers);
    while let Some(Some(incoming)) = hub.stop.run_until_cancelled(hub.endpoint.accept()).await {
        let source = Source::of(&incoming.remote_addr());
        let Some(place) = handshakes.enter(source) else {
            // Not even an answer: the address may be forged.
            incoming.ignore();
            continue;
        };
        // Under load an address must prove itself before it costs a signature.
        if handshakes.is_crowded() && !incoming.remote_addr_validated() {
            let _ = incoming.retry();
            continue;
        }
        let visit = Visit { hub: hub.clone(), source, lobby: lobby.clone() };
        hub.tasks.spawn(visit.run(incoming, place));
    }
}

/// One connection on its way in.
struct Visit {
    hub: Arc<Hub>,
    source: Source,
    lobby: Gate,
}

impl Visit {
    async fn run(self, incoming: Incoming, handshake: Place) {
        let Ok(accepting) = incoming.accept() else { return };
        let Ok(Ok(conn)) = timeout(self.hub.limits.handshake, accepting).await else { return };
        match self.greet(conn.clone()).await {
            Ok((line, place)) => {
                drop(handshake);
                self.hub.serve(line).await;
                drop(place);
            }
            Err(reason) => {
                tracing::debug!(?reason, "link refused");
                conn.close(reason.to_wire(), b"");
            }
        }
    }

    /// Decides whether the visitor comes in, and reads its hello. A stranger takes a place in the
    /// lobby.
    async fn greet(&self, conn: Connection) -> Result<(Line, Option<Place>), Reason> {
        let npk = Npk(*conn.remote_id().as_bytes());
        let alpn = Alpn::of(conn.alpn()).ok_or(Reason::Violation)?;
        let place = match alpn {
            Alpn::Meeting => {
                self.await_member(npk).await?;
                None
            }
            Alpn::Lobby if self.hub.is_member(&npk) => None,
            Alpn::Lobby => Some(self.lobby.enter(self.source).ok_or(Reason::Busy)?),
        };
        let streams = async {
            let (send, mut recv) = conn.accept_bi().await.map_err(|_| Reason::Lost)?;
            frame::read_hello(&mut recv).await.map_err(|_| Reason::Violation)?;
            Ok((send, recv))
        };
        let limit = self.hub.limits.handshake;
        let (send, recv) = timeout(limit, streams).await.unwrap_or(Err(Reason::Idle))?;
        let preferred = self.hub.table().preferred_dial(&npk, alpn);
        if let Some(dial) = preferred {
            let _ = timeout(GLARE_WAIT, dial.cancelled()).await;
        }
        let stranger = place.is_some();
        Ok((Line { conn, npk, alpn, dialled: false, stranger, send, recv }, place))
    }

    /// A member may know of its admission a moment before this end does.
    async fn await_member(&self, npk: Npk) -> Result<(), Reason> {
        let mut roster = self.hub.roster.clone();
        let known = roster.wait_for(|roster| roster.contains(&npk));
        match timeout(self.hub.limits.roster_lag, known).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Reason::NotMember),
        }
    }
}
