//! `kill -9` of the program at the worst moments.

use crate::{
    anvil::Anvil,
    gate::{Gate, Way},
    world::World,
};

const ONCE: &[&str] = &["--once", "--every", "1", "--depth", "2", "--bump-after", "1000"];

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_it_was_written_down_and_before_it_was_sent() {
    killed(Way::HoldBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_it_was_sent_and_before_the_answer_came() {
    killed(Way::HoldAfter).await;
}

async fn killed(way: Way) {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let gate = Gate::before(&node).await;
    let reaches_the_node = matches!(way, Way::HoldAfter);
    gate.turn(way);
    let poster = world.poster(&[&gate.url], ONCE);
    gate.holds().await;
    poster.kill().await;
    assert_eq!(node.waiting().await.len(), usize::from(reaches_the_node));

    gate.turn(Way::Open);
    let mut poster = world.poster(&[&gate.url], ONCE);
    if !reaches_the_node {
        poster.tells("again").await;
    }
    crate::eventually("it waits in the pool", async || node.waiting().await.len() == 1).await;
    node.mine(2).await;
    poster.tells("recorded").await;
    assert_eq!(poster.ends().await, 0);
    let mut sent = gate.sent();
    sent.dedup();
    assert_eq!(sent.len(), 1, "the same bytes, however often");
    assert_eq!(node.has_one_post_per_height().await, 1);
    assert_eq!(world.records().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_it_goes_on_and_posts_each_height_once() {
    let (world, node) = (World::start().await, Anvil::start().await);
    world.reaches(1).await;
    let more = &["--every", "1", "--depth", "3", "--bump-after", "1000"];
    let mut posts = 0;
    for step in ["sent", "mined", "deep", "recorded"] {
        let mut poster = world.poster(&[&node.url], more);
        if posts == 0 {
            poster.tells("sent").await;
        }
        posts = 1;
        match step {
            "sent" => {}
            "mined" => {
                node.mine(1).await;
                poster.tells("mined").await;
            }
            // It may have been recorded before the kill comes; then the next one says nothing more.
            "deep" => {
                node.mine(2).await;
                poster.tells("deep").await;
            }
            _ => {
                crate::eventually("the record is there", async || {
                    !world.records().await.is_empty()
                })
                .await;
            }
        }
        poster.kill().await;
    }
    node.mine(3).await;
    let mut poster = world.poster(&[&node.url], &["--once", "--every", "1", "--depth", "1"]);
    let _ = poster.tells("ready").await;
    node.mine(3).await;
    crate::eventually("everything that was posted is recorded", async || {
        node.mine(1).await;
        world.records().await.len() == node.posts().await.len()
    })
    .await;
    poster.kill().await;
    node.has_one_post_per_height().await;
    let records = world.records().await;
    let mut heights: Vec<_> = records.iter().map(|(height, _)| *height).collect();
    heights.dedup();
    assert_eq!(heights.len(), records.len(), "each height was recorded once");
}
