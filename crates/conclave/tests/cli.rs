//! The command line as a person and as a script meet it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    collections::BTreeMap,
    process::{Command, Output, Stdio},
};

use conclave::{
    chain::Chain,
    network::{Network, Peer},
    rpc::Running,
};
use conclave_ledger::validator::start_dev;
use conclave_protocol::{
    Ed25519Signer, RegisterUser, Signer as _, Tx, UserInfo, codec::Text, identity::Gate, tx::Role,
};

fn conclave(home: &std::path::Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conclave"))
        .args(args)
        .env("CONCLAVE_HOME", home)
        .env_remove("CONCLAVE_PASSPHRASE")
        .env_remove("CONCLAVE_ETHEREUM_KEY")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn without_a_daemon_every_command_says_how_to_start_one() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        ["identity", "show"].as_slice(),
        &["identity", "create", "Ada", "--no-passphrase"],
        &["meeting", "create", "Budget"],
        &["meeting", "join", "conclave:j/1#x"],
        &["meeting", "list"],
        &["meeting", "show"],
        &["meeting", "admit", "1"],
        &["meeting", "deny", "1"],
        &["meeting", "kick", "1", "--ban"],
        &["meeting", "leave"],
        &["meeting", "end"],
        &["meeting", "chat", "hello"],
    ] {
        let output = conclave(home.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let expected = "error: no daemon is running here\n  run: conclave up\n";
        assert_eq!(text(&output.stderr), expected, "{args:?}");
        assert!(output.stdout.is_empty());
        let output = conclave(home.path(), &[args, &["--json"]].concat());
        let error: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(error["next"], "conclave up");
    }
}

#[test]
fn a_daemon_that_was_killed_is_not_running() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("daemon.json");
    // Port 1 is never ours.
    std::fs::write(&file, format!(r#"{{"port":1,"token":"{}","pid":1}}"#, "0".repeat(64))).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, private).unwrap();
    let output = conclave(home.path(), &["meeting", "show"]);
    let expected = "error: no daemon is running here\n  run: conclave up\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn wrong_usage_has_its_own_exit_status() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        ["meeting", "admit", "everyone"].as_slice(),
        &["identity", "create", "Ada", "--form", "secret"],
        &["network", "new", "--validators", "0", "--dir", "x"],
        &["up", "--dev", "--network", "x"],
        &["demo", "--guests", "7"],
        &["bench", "rekey", "--members", "0"],
        &["bench", "ledger", "--users", "0"],
        &["bench", "ledger", "--only", "nothing"],
        &["bench", "ledger", "--at", "1"],
        &["anchor", "run", "--validator", "x"],
        &["anchor", "run", "--validator", "x", "--ethereum", "y", "--max-fee-gwei", "0"],
        &["anchor", "verify", "--network", "x", "--depth", "0"],
        &["ledger", "block", "minus"],
        &["ledger", "user"],
        &["fly"],
        &[],
    ] {
        assert_eq!(conclave(home.path(), args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(conclave(home.path(), &["--help"]).status.code(), Some(0));
}

#[test]
fn a_consortium_is_founded_once() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("net");
    let args = ["network", "new", "--json", "--validators", "4", "--dir", dir.to_str().unwrap()];
    let output = conclave(home.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["validators"], 4);
    assert_eq!(answer["chain_id"].as_str().unwrap().len(), 64);
    assert!(dir.join("network.toml").exists() && dir.join("validator-3/key").exists());
    let output = conclave(home.path(), &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("exists already"));
}

#[test]
fn anchoring_says_what_is_missing_and_never_what_is_secret() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("net");
    let new = ["network", "new", "--validators", "1", "--dir", dir.to_str().unwrap()];
    assert_eq!(conclave(home.path(), &new).status.code(), Some(0));
    let validator = dir.join("validator-0");
    let validator = validator.to_str().unwrap();
    let network = dir.join("network.toml");
    let network = network.to_str().unwrap();
    let key = home.path().join("ethereum-key");
    std::fs::write(&key, "0xSECRET").unwrap();
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&key, readable).unwrap();
    let key = key.to_str().unwrap();
    let run = ["anchor", "run", "--validator", validator, "--ethereum", "http://127.0.0.1:1"];
    for (args, expected) in [
        (run.to_vec(), "no key of an Ethereum account is given\n  next: "),
        ([&run[..], &["--key-file", key]].concat(), "others may read it (mode 644)\n  next: "),
        (vec!["anchor", "verify", "--network", network], "no Ethereum endpoint is named\n  run: "),
        (
            vec!["anchor", "verify", "--network", network, "--ethereum", "ftp://x/SECRET"],
            "an Ethereum endpoint is an http:// or https:// URL\n  next: ",
        ),
    ] {
        let output = conclave(home.path(), &args);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(error.contains(expected), "{args:?}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("net");
    let mut child = Command::new(env!("CARGO_BIN_EXE_conclave"))
        .args(["network", "new", "--dir", dir.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_cost_of_a_new_key_is_told_in_lines_that_scripts_read() {
    let home = tempfile::tempdir().unwrap();
    let output = conclave(home.path(), &["bench", "rekey", "--members", "3", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let mut units = BTreeMap::new();
    for line in text(&output.stdout).lines() {
        let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert_eq!(line.keys().collect::<Vec<_>>(), ["name", "unit", "value"]);
        assert!(line["value"].as_f64().unwrap() > 0.0, "{line:?}");
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        assert_eq!(units.insert(text("name"), text("unit")), None, "one figure, one name");
    }
    for (name, unit) in [
        ("machine/cores", "cores"),
        ("rekey/leader/chain-step/3", "ms"),
        ("rekey/member/chain-step/3", "ms"),
        ("rekey/bytes/chain-step/3", "B"),
        ("rekey/leader/fresh/3", "ms"),
        ("rekey/member/fresh/3", "ms"),
        ("rekey/bytes/fresh/3", "B"),
    ] {
        assert_eq!(units.get(name).map(String::as_str), Some(unit), "{name}");
    }
}

#[test]
fn the_cost_of_a_new_key_is_told_in_rows_that_people_read() {
    let home = tempfile::tempdir().unwrap();
    let output = conclave(home.path(), &["bench", "rekey", "--members", "3,4"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let rows: Vec<Vec<&str>> =
        text(&output.stdout).lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[1][..2], ["members", "way"]);
    let ways: Vec<&[&str]> = rows[2..].iter().map(|row| &row[..2]).collect();
    assert_eq!(ways, [["3", "chain-step"], ["3", "fresh"], ["4", "chain-step"], ["4", "fresh"]]);
}

#[test]
fn peers_are_measured_from_a_source_tree_only() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_conclave"))
        .args(["bench", "rekey", "--members", "3", "--peers"])
        .current_dir(home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "nothing is measured in vain");
    let expected = "error: no source tree of Conclave is here: bench/peers/Cargo.toml was not \
                    found\n  next: --peers works in a clone of Conclave, on a machine with \
                    cargo\n";
    assert_eq!(text(&output.stderr), expected);
}

#[test]
fn a_ledger_is_looked_at_with_the_file_of_its_network() {
    let home = tempfile::tempdir().unwrap();
    for args in [["show"].as_slice(), &["validators"], &["block", "1"], &["user", "@ada"]] {
        let output = conclave(home.path(), &[["ledger"].as_slice(), args].concat());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let error = text(&output.stderr);
        assert!(error.starts_with("error: cannot read "), "{error}");
        assert!(error.ends_with("\n  next: name the network: --network FILE\n"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_line_about_a_ledger_says_whether_it_is_proven() {
    let dir = tempfile::tempdir().unwrap();
    let (validator, genesis) = start_dev(&dir.path().join("dev")).unwrap();
    let key = validator.status().key;
    let running = Running::embedded(validator, genesis.clone()).await.unwrap();
    let rpc = format!("http://{}", running.rpc);
    let network = Network {
        genesis,
        validators: vec![Peer { key, rpc, name: None, p2p: None, relay: None }],
        anchors: Vec::new(),
    };
    // The command finds it in the home directory.
    std::fs::write(dir.path().join("network.toml"), network.to_toml().unwrap()).unwrap();
    let chain = Chain::start(&network).unwrap();
    let signer = Ed25519Signer::from_seed(&[1; 32]);
    let info = UserInfo::Clear(Text::new("Ada \u{202e}live").unwrap());
    let gate = Gate::Sponsor(key);
    let body = RegisterUser::new(&chain.chain_id(), signer.ivk(), [1; 16], info, gate);
    let (body, word) = chain.sponsor(body).await.unwrap();
    let (user, dev) = (body.user, body.dev);
    let expiry = chain.time().await.unwrap().plus(120);
    let tx = Tx::new(chain.chain_id(), dev, 0, expiry, body);
    let tx = tx.sign(&signer).with(Role::Sponsor, word);
    let place = chain.submit(&tx).await.unwrap();

    let home = dir.path().to_owned();
    let ask = move |args: &[&str]| -> Vec<serde_json::Value> {
        let output = conclave(&home, &[["ledger"].as_slice(), args, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        let lines = text(&output.stdout).lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (height, id, user) = (place.height.to_string(), tx.id().to_hex(), user.to_hex());
    tokio::task::spawn_blocking(move || {
        let show = ask(&["show"]);
        assert_eq!(show[0]["proven"], true);
        assert!(show[0]["height"].as_u64().unwrap() >= place.height.0);
        assert_eq!(show[1]["proven"], false);
        let block = ask(&["block", &height]);
        assert!(block.iter().all(|line| line["proven"] == true));
        assert_eq!((&block[0]["identity"], &block[1]["tx"]), (&1.into(), &id.as_str().into()));
        assert_eq!(block[0]["proposer"], hex::encode(key.0));
        let genesis = ask(&["block", "0"]);
        assert_eq!((&genesis[0]["height"], &genesis[0]["proposer"]), (&0.into(), &().into()));
        let tx = ask(&["tx", &id]);
        assert_eq!((&tx[0]["proven"], &tx[0]["kind"]), (&true.into(), &"RegisterUser".into()));
        let lines = ask(&["user", &user]);
        assert!(lines.iter().all(|line| line["proven"] == true));
        assert_eq!(lines[0]["info"], serde_json::json!({ "form": "clear", "text": "Ada  live" }));
        assert_eq!(lines[1]["device"], dev.to_hex());
        assert_eq!(lines[2]["tx"], id.as_str());
        let validators = ask(&["validators"]);
        assert_eq!(validators[0]["key"], hex::encode(key.0));
        assert_eq!(
            (&validators[0]["proven"], &validators[0]["answers"]),
            (&true.into(), &true.into())
        );
    })
    .await
    .unwrap();
    for args in [["user", "@nobody"], ["user", &"ee".repeat(32)], ["meeting", &"ee".repeat(32)]] {
        let home = dir.path().to_owned();
        let args = args.map(str::to_owned);
        let output =
            tokio::task::spawn_blocking(move || conclave(&home, &["ledger", &args[0], &args[1]]));
        let output = output.await.unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).starts_with("error: it is proven that "), "it says so");
    }
    drop(chain);
    running.stop().await;
}
