//! Ports for processes that a test starts, now or later.

use std::{mem, net::SocketAddr, path::Path};

use tokio::net::TcpSocket;

/// Loopback ports for whoever is told them, all different: the system gives them to nobody else.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    [(); N].map(|()| hold(([127, 0, 0, 1], 0).into()))
}

/// The same for all validators of the network below `net`, which chose theirs.
pub(crate) fn hold_all(net: &Path) {
    for entry in std::fs::read_dir(net).unwrap() {
        let file = entry.unwrap().path().join("validator.toml");
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        for address in text.split('"').filter_map(|word| word.parse().ok()) {
            hold(address);
        }
    }
}

/// Binds a socket that never listens, until this process ends: who asks for any port gets another
/// one, and who asks for this one may listen there.
fn hold(address: SocketAddr) -> u16 {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    let port = socket.local_addr().unwrap().port();
    mem::forget(socket);
    port
}
