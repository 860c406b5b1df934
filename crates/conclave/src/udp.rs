//! Waiting at several UDP sockets at once.

use std::{future::poll_fn, net::SocketAddr, task::Poll};

use tokio::{io::ReadBuf, net::UdpSocket};

/// The next datagram of any socket: index of the socket, length in `buffer`, sender. Never ends
/// without a socket.
///
/// The one at `turn` is asked first: who asks from the one behind the last that answered, lets no
/// flood at one socket drown the others. What is longer than `buffer` is cut.
pub(crate) async fn receive(
    sockets: &[UdpSocket],
    turn: usize,
    buffer: &mut [u8],
) -> (usize, usize, SocketAddr) {
    poll_fn(|context| {
        let count = sockets.len();
        for (at, socket) in sockets.iter().enumerate().cycle().skip(turn % count.max(1)).take(count)
        {
            let mut read = ReadBuf::new(buffer);
            // An error is an earlier datagram that was not delivered: poll again.
            while let Poll::Ready(received) = socket.poll_recv_from(context, &mut read) {
                if let Ok(source) = received {
                    return Poll::Ready((at, read.filled().len(), source));
                }
                read.clear();
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_flood_at_one_socket_does_not_drown_the_other() {
        let bind = || UdpSocket::bind("127.0.0.1:0");
        let sockets = [bind().await.unwrap(), bind().await.unwrap()];
        let sender = bind().await.unwrap();
        for _ in 0..10 {
            sender.send_to(b"flood", sockets[0].local_addr().unwrap()).await.unwrap();
        }
        sender.send_to(b"word", sockets[1].local_addr().unwrap()).await.unwrap();
        for socket in &sockets {
            socket.readable().await.unwrap();
        }

        let (mut buffer, mut turn, mut came) = ([0; 8], 0, Vec::new());
        for _ in 0..2 {
            let (at, length, from) = receive(&sockets, turn, &mut buffer).await;
            assert_eq!(from, sender.local_addr().unwrap());
            came.push((at, buffer[..length].to_vec()));
            turn = at + 1;
        }
        assert_eq!(came, [(0, b"flood".to_vec()), (1, b"word".to_vec())]);
    }
}
