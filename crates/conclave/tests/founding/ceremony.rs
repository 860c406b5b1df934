//! Four organisations that trust nobody found a network, and start it one after the other.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{
    ports::free_ports,
    world::{Validator, say, text},
};

const NAMES: [&str; 4] = ["org-a", "org-b", "org-c", "org-d"];

/// `conclave validator init` at one organisation; its directory is `root/NAME`.
async fn init(root: &Path, name: &str, p2p: u16, rpc: u16) -> serde_json::Value {
    let (p2p, rpc) = (format!("127.0.0.1:{p2p}"), format!("http://127.0.0.1:{rpc}"));
    let dir = root.join(name).join("home");
    let said = say(&[
        "validator",
        "init",
        "--json",
        "--name",
        name,
        "--p2p",
        &p2p,
        "--rpc",
        &rpc,
        "--dir",
        text(&dir),
    ])
    .await;
    said.json()
}

/// Every organisation sends its public file to all others.
fn exchange(root: &Path) {
    for to in NAMES {
        let inbox = root.join(to).join("inbox");
        fs::create_dir(&inbox).unwrap();
        for from in NAMES {
            let file = format!("{from}.validator.toml");
            fs::copy(root.join(from).join("home").join(&file), inbox.join(&file)).unwrap();
        }
    }
}

/// What `conclave network assemble` says at one organisation, which has its own order of files.
async fn assemble(root: &Path, at: &str, first: usize) -> crate::world::Said {
    let inbox = root.join(at).join("inbox");
    let mut files: Vec<String> = NAMES
        .iter()
        .map(|from| text(&inbox.join(format!("{from}.validator.toml"))).to_owned())
        .collect();
    files.rotate_left(first);
    let out = root.join(at).join("network.toml");
    let mut args = vec!["network", "assemble", "--json", "--name", "four", "--out", text(&out)];
    args.extend(files.iter().map(String::as_str));
    say(&args).await
}

#[tokio::test(flavor = "multi_thread")]
async fn four_organisations_found_a_network_without_a_trusted_party() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let ports = free_ports::<8>();
    for (n, name) in NAMES.iter().enumerate() {
        let made = init(root, name, ports[2 * n], ports[2 * n + 1]).await;
        assert_eq!(made["name"], *name);
        let key = root.join(name).join("home/key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        let secret = fs::read_to_string(&key).unwrap();
        let card = fs::read_to_string(made["card"].as_str().unwrap()).unwrap();
        assert!(!card.contains(secret.trim()), "the key never leaves its directory");
    }
    exchange(root);

    // Somebody between them puts another address into the file of one organisation.
    let victim = root.join("org-b/inbox/org-c.validator.toml");
    let honest = fs::read_to_string(&victim).unwrap();
    let place = format!("127.0.0.1:{}", ports[4]);
    fs::write(&victim, honest.replace(&place, "127.0.0.1:9")).unwrap();
    let refused = assemble(root, "org-b", 0).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("org-c.validator.toml is refused"), "{refused:?}");
    assert!(refused.err.contains("signature"), "{refused:?}");
    assert!(!root.join("org-b/network.toml").exists());
    fs::write(&victim, honest).unwrap();

    let mut seen = Vec::new();
    for (n, name) in NAMES.iter().enumerate() {
        let said = assemble(root, name, n).await.json();
        seen.push((
            said["chain_id"].clone(),
            fs::read(root.join(name).join("network.toml")).unwrap(),
        ));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "everyone has the same bytes");
    let shown = say(&["network", "show", text(&root.join("org-d/network.toml")), "--qr"]).await;
    let hash = seen[0].0.as_str().unwrap();
    for group in 0..16 {
        assert!(shown.out.contains(&hash[group * 4..group * 4 + 4]), "{}", shown.out);
    }
    assert!(shown.out.contains("four") && shown.out.contains("3 of them decide"));
    assert!(shown.out.contains('\u{2588}'), "a picture to compare by camera");

    let file = root.join("org-a/network.toml");
    let home = |n: usize| root.join(NAMES[n]).join("home");
    let not_yet = say(&["validator", "run", "--dir", text(&home(1))]).await;
    assert_eq!(not_yet.code, 1);
    assert!(not_yet.err.contains("run: conclave validator install"), "{not_yet:?}");
    // A file of other founders is one to follow; of two networks a directory takes one.
    let other = crate::world::Net::new(1, 3_600).await;
    let install = async |file: &Path| {
        say(&["validator", "install", text(file), "--dir", text(&home(1))]).await
    };
    let strange = install(&other.file()).await;
    assert_eq!(strange.code, 0, "{strange:?}");
    assert!(strange.out.contains("this validator is not in the file"), "{strange:?}");
    let refused = install(&file).await;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("remove it from") && !refused.err.contains("init"), "{refused:?}");
    fs::remove_file(home(1).join("network.toml")).unwrap();
    let installed = install(&file).await;
    assert_eq!(installed.code, 0, "{installed:?}");
    assert!(!installed.out.contains("not in the file"), "{installed:?}");

    let mut first = Validator::run(&home(0), &["--network", text(&file)]).await;
    let waiting = first.logs("1 of 4 validators reachable, waiting for 3; missing: ").await;
    for (n, name) in NAMES.iter().enumerate().skip(1) {
        assert!(waiting.contains(&format!("{name} (127.0.0.1:{})", ports[2 * n])), "{waiting}");
    }
    let _second = Validator::run(&home(1), &[]).await;
    let waiting = first.logs("2 of 4 validators reachable, waiting for 3; missing: ").await;
    assert!(!waiting.contains("org-b") && waiting.contains("org-c"), "{waiting}");
    assert_eq!(first.height().await, 0, "two of four decide nothing");
    let third = Validator::run(&home(2), &["--network", text(&file)]).await;
    first.logs("quorum reached, block ").await;
    first.reaches(1).await;
    let fourth =
        Validator::run(&home(3), &["--network", text(&file), "--log-format", "json"]).await;
    fourth.reaches(2).await;

    let height = third.height().await;
    assert_eq!(third.stop().await, Some(0), "SIGTERM is a way to end");
    let third = Validator::run(&home(2), &[]).await;
    third.reaches(height).await;
    let twice = say(&["validator", "run", "--dir", text(&home(2))]).await;
    assert_eq!(twice.code, 1);
    assert!(twice.err.contains("is in use by process"), "{twice:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_objects_where_machines_read_them() {
    let net = crate::world::Net::new(1, 3_600).await;
    let mut one = Validator::run(&net.home(0), &["--log-format", "json"]).await;
    let line = one.logs("quorum reached, block").await;
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
    assert!(line["message"].as_str().unwrap().starts_with("quorum reached, block"));
}
