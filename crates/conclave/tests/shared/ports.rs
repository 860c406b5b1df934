//! Ports for processes that a test starts.

use std::net::TcpListener;

/// Loopback ports that nothing listens on, all different.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    held.map(|socket| socket.local_addr().unwrap().port())
}
