//! A validator that lost its journal contradicts itself never, and comes back.

use std::{fs, net::TcpListener, path::Path};

use crate::{
    ports::free_ports,
    world::{Net, Said, Validator, eventually, say, text},
};

async fn back_up(home: &Path, out: &Path) {
    let said = say(&["validator", "backup", "--dir", text(home), "--out", text(out)]).await;
    assert_eq!(said.code, 0, "{said:?}");
}

async fn restore(backup: &Path, home: &Path, words: &[&str]) -> Said {
    say(&[&["validator", "restore", text(backup), "--dir", text(home)], words].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_validator_follows_in_silence_and_signs_from_the_next_epoch_on() {
    let net = Net::new(4, 20).await;
    let mut running = net.run(4).await;
    running[3].reaches(2).await;
    let (backup, home) = (net.path("backup"), net.path("restored"));
    back_up(&net.home(3), &backup).await;
    running.pop().unwrap().kill().await;

    let unsaid = restore(&backup, &home, &[]).await;
    assert_eq!(unsaid.code, 2, "it must be said that the old machine is gone");
    let gone = restore(&backup, &home, &["--the-old-machine-is-gone"]).await;
    assert_eq!(gone.code, 0, "{gone:?}");
    let mut restored = Validator::run(&home, &[]).await;
    restored.logs("the journal of this key is lost").await;
    assert_eq!(restored.status().await.unwrap()["role"], "silent");
    restored.reaches(running[0].height().await).await;
    restored.logs("this validator signs from this epoch on").await;
    let role = async || restored.status().await.map(|status| status["role"].clone());
    eventually("it signs", async || role().await == Some("member".into())).await;
    assert!(fs::read_to_string(home.join("guard.toml")).unwrap().contains("signs_from"));

    // Without another one the ledger now needs its votes.
    running[2].kill().await;
    let height = running[0].height().await;
    running[0].reaches(height + 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_validator_stops_when_the_old_machine_still_signs() {
    let net = Net::new(4, 3_600).await;
    let running = net.run(4).await;
    running[3].reaches(2).await;
    let (backup, home) = (net.path("backup"), net.path("twin"));
    back_up(&net.home(3), &backup).await;
    let gone = restore(&backup, &home, &["--the-old-machine-is-gone"]).await;
    assert_eq!(gone.code, 0, "{gone:?}");
    // The twin has a machine of its own.
    let [p2p, rpc] = free_ports();
    let settings = format!(
        "network = \"network.toml\"\np2p = \"127.0.0.1:{p2p}\"\nrpc = \"127.0.0.1:{rpc}\"\n"
    );
    fs::write(home.join("validator.toml"), settings).unwrap();
    let mut twin = Validator::run(&home, &[]).await;
    twin.logs("another machine signs with the key of this validator").await;
    assert_eq!(twin.ends().await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_whose_ledgers_were_deleted_is_silent_too() {
    let net = Net::new(4, 3_600).await;
    let mut running = net.run(4).await;
    running[3].reaches(2).await;
    running.pop().unwrap().kill().await;
    fs::remove_dir_all(net.home(3).join("ledgers")).unwrap();
    let wiped = Validator::run(&net.home(3), &[]).await;
    assert_eq!(wiped.status().await.unwrap()["role"], "silent");
    wiped.reaches(running[0].height().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_and_no_damage() {
    let net = Net::new(4, 3_600).await;
    let mut running = net.run(4).await;
    running[3].reaches(2).await;
    assert_eq!(running.pop().unwrap().stop().await, Some(0));
    let home = net.home(3);
    let settings = fs::read_to_string(home.join("validator.toml")).unwrap();
    let p2p = settings.lines().find_map(|line| line.strip_prefix("p2p = ")).unwrap();
    let _taken = TcpListener::bind(p2p.trim_matches('"')).unwrap();
    let said = say(&["validator", "run", "--dir", text(&home)]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains(p2p.trim_matches('"')), "{said:?}");
    assert!(!home.join("ledgers.damaged").exists(), "a taken port is not taken for a broken disk");
}
