//! What an attacker tries, and that each guard is the one that stops it.

mod bundles;
mod knocks;
mod packets;
mod strangers;
mod words;

use bytes::Bytes;

use crate::world::{Net, World};

/// A meeting of three in which device 1 has sent `count` packets to device 2.
fn streamed(count: usize) -> (World, Vec<Bytes>) {
    let mut world = World::meeting(50, 4, 3, Net::GOOD);
    world.open_stream(1);
    world.run(200);
    for _ in 0..count {
        assert!(world.send_unit(1, 60));
        world.run(1);
    }
    world.run(300);
    let packets = world.captured.iter().filter(|p| p.from == 1 && p.to == 2);
    let packets: Vec<Bytes> = packets.map(|packet| packet.bytes.clone()).collect();
    assert_eq!(packets.len(), count);
    (world, packets)
}

fn opened(world: &World) -> u64 {
    world.session(2).counters().opened
}
