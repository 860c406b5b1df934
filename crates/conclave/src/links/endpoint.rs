//! The QUIC endpoint of one meeting: its key, its timers and the relays it may use.

use std::time::Duration;

use iroh::{
    Endpoint, NetReportConfig, RelayConfig, RelayMap, RelayMode, RelayUrl, SecretKey,
    endpoint::{IdleTimeout, QuicTransportConfig, VarInt, presets},
};
use iroh_relay::RelayQuicConfig;

use super::{Alpn, Config, StartError, address::check_relay};

/// A link is down when the peer was silent for this long.
const IDLE_TIMEOUT_MS: u32 = 5_000;
const KEEP_ALIVE: Duration = Duration::from_secs(1);

/// At most this much media waits for the network; what does not fit pushes the oldest out.
const DATAGRAMS_OUT: usize = 64 * 1024;
const DATAGRAMS_IN: usize = 512 * 1024;

/// What one peer may send ahead of the reader, on its only stream and in all.
const WINDOW: u32 = 512 * 1024;
const SEND_WINDOW: u64 = 1024 * 1024;

/// Binds the endpoint. It contacts nothing but the given relays.
pub(super) async fn bind(config: &Config, relays: &[RelayUrl]) -> Result<Endpoint, StartError> {
    let mut builder = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&config.seed))
        .alpns(Alpn::ALL.map(|alpn| alpn.as_bytes().to_vec()).into())
        .net_report_config(net_report())
        .transport_config(transport());
    if relays.is_empty() && config.relay_only {
        return Err(StartError::NoRelay);
    }
    if !relays.is_empty() {
        let relays = relays.iter().map(|url| RelayConfig::new(url.clone(), discovery(url)));
        builder = builder.relay_mode(RelayMode::Custom(RelayMap::from_iter(relays)));
    }
    if config.relay_only {
        builder = builder.clear_ip_transports();
    }
    builder.bind().await.map_err(|error| StartError::Bind(error.into()))
}

/// Reads relay URLs as configured by the user.
pub(super) fn parse_relays(relays: &[String]) -> Result<Vec<RelayUrl>, StartError> {
    let parse = |text: &String| {
        let url: Option<RelayUrl> = text.parse().ok();
        url.filter(|url| check_relay(url).is_ok()).ok_or_else(|| StartError::Relay(text.clone()))
    };
    relays.iter().map(parse).collect()
}

/// Only a relay with TLS can tell an endpoint its public address (by QUIC, on the default port).
fn discovery(url: &RelayUrl) -> Option<RelayQuicConfig> {
    (url.scheme() == "https").then(RelayQuicConfig::default)
}

/// Relays are measured, which the choice of the home relay needs; captive portals are not
/// looked for, because that sends a request in the clear.
fn net_report() -> NetReportConfig {
    let mut config = NetReportConfig::default();
    config.captive_portal_check = false;
    config
}

fn transport() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(KEEP_ALIVE)
        .default_path_keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(WINDOW))
        .receive_window(VarInt::from_u32(WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_send_buffer_size(DATAGRAMS_OUT)
        .datagram_receive_buffer_size(Some(DATAGRAMS_IN))
        .build()
}
