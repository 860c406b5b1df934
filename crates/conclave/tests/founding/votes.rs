//! The set of validators changes by the votes of its members.

use serde_json::Value;

use crate::{
    ports::free_ports,
    world::{Net, eventually, say, text},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_agreed_when_more_than_two_thirds_have_voted_for_it() {
    let net = Net::new(4, 3_600).await;
    let running = net.run(4).await;
    running[0].reaches(1).await;
    let ports = free_ports::<2>();
    let (p2p, rpc) = (format!("127.0.0.1:{}", ports[0]), format!("http://127.0.0.1:{}", ports[1]));
    let fifth = net.path("org-e");
    let made = say(&[
        "validator",
        "init",
        "--json",
        "--name",
        "org-e",
        "--p2p",
        &p2p,
        "--rpc",
        &rpc,
        "--dir",
        text(&fifth),
    ])
    .await;
    let made = made.json();
    let card = made["card"].as_str().unwrap();

    let mut said = Value::Null;
    for (voted, index) in (1..).zip([0, 1]) {
        let home = net.home(index);
        said = say(&["validator", "add", card, "--json", "--dir", text(&home)]).await.json();
        assert_eq!(said["votes"], voted);
        assert_eq!(said["needed"], 3);
        assert_eq!(said["agreed"], false);
    }
    let digest = said["change"]["digest"].clone();
    let twice = say(&["validator", "add", card, "--dir", text(&net.home(0))]).await;
    assert_eq!(twice.code, 1);
    assert!(twice.err.contains("conclave validator list"), "{twice:?}");

    let list =
        async || say(&["validator", "list", "--json", "--network", text(&net.file())]).await.json();
    let mut open = Value::Null;
    eventually("all answer", async || {
        open = list().await;
        open["set"].as_array().unwrap().iter().all(|member| member["answers"] == true)
    })
    .await;
    assert_eq!(open["set"].as_array().unwrap().len(), 4);
    assert_eq!(open["open"][0]["change"], digest);
    assert_eq!(open["open"][0]["by"].as_array().unwrap().len(), 2);

    let said = say(&["validator", "add", card, "--json", "--dir", text(&net.home(2))]).await.json();
    assert_eq!(said["agreed"], true);
    assert_eq!(said["in_force_from"], 3_600);
    let agreed = list().await;
    assert_eq!(agreed["open"].as_array().unwrap().len(), 0);
    assert_eq!(agreed["next"].as_array().unwrap().len(), 5);
    assert_eq!(agreed["changes"][0]["name"], "org-e");
    let words = say(&["validator", "list", "--network", text(&net.file())]).await;
    assert!(words.out.contains("comes after block 3599: org-e"), "{}", words.out);

    let pending = say(&["validator", "remove", "validator-3", "--dir", text(&net.home(0))]).await;
    assert_eq!(pending.code, 1);
    let unknown = say(&["validator", "remove", "nobody", "--dir", text(&net.home(0))]).await;
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("no validator of the set is called nobody"), "{unknown:?}");
}
