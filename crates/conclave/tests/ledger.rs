//! A whole ledger in the hands of a stranger: exported from real validators, executed again, and
//! refused as soon as anything in it was touched.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use conclave::{
    audit::{
        VerifyError,
        file::{FileError, Frame, Last, Reader, Writer},
        verify_files, verify_network,
    },
    chain::Chain,
    network::{Network, Peer, ValidatorHome, create},
    rpc::{self, Running},
};
use conclave_ledger::{
    audit::{Author, Outline, What},
    validator::Seed,
};
use conclave_protocol::{
    Ed25519Signer, Genesis, Params, RegisterUser, Signer as _, Tx, UserInfo, codec::Text,
    identity::Gate, tx::Role,
};
use serde_json::{Value, json};

/// One validator that runs in this process, and its consortium as files.
struct Consortium {
    network: Network,
    running: Option<Running>,
    registered: u8,
    // Last: nobody writes there any more when it goes.
    dir: tempfile::TempDir,
}

impl Consortium {
    async fn start() -> Self {
        // Two of the program's libraries bring a TLS provider each; whoever was first stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let dir = tempfile::tempdir().unwrap();
        let network = create(dir.path(), 1).unwrap();
        let home = ValidatorHome::load(&dir.path().join("validator-0")).unwrap();
        let running = Some(rpc::run(&home, false).await.unwrap());
        Self { dir, network, running, registered: 0 }
    }

    /// Brings so many users onto the ledger.
    async fn register(&mut self, count: u8) {
        let chain = Chain::start(&self.network).unwrap();
        for _ in 0..count {
            self.registered += 1;
            let signer = Ed25519Signer::from_seed(&[self.registered; 32]);
            let info = UserInfo::Clear(Text::new("Ada").unwrap());
            let gate = Gate::Sponsor(chain.sponsor_key());
            let user = RegisterUser::new(&chain.chain_id(), signer.ivk(), [1; 16], info, gate);
            let (user, word) = chain.sponsor(user).await.unwrap();
            let expiry = chain.time().await.unwrap().plus(120);
            let tx = Tx::new(chain.chain_id(), user.dev, 0, expiry, user);
            chain.submit(&tx.sign(&signer).with(Role::Sponsor, word)).await.unwrap();
        }
    }

    fn network_file(&self) -> PathBuf {
        self.dir.path().join("network.toml")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Exports by the command line, from the network or from the validator's directory.
    async fn export(&self, out: &Path, more: &[&str]) -> Output {
        let network = self.network_file();
        let mut args = vec!["ledger", "export", "--network", network.to_str().unwrap()];
        args.extend(["--out", out.to_str().unwrap(), "--json"]);
        args.extend(more);
        conclave(&args).await
    }

    async fn stop(mut self) {
        self.running.take().unwrap().stop().await;
    }
}

async fn conclave(args: &[&str]) -> Output {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let run = move || Command::new(env!("CARGO_BIN_EXE_conclave")).args(args).output().unwrap();
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn answer(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn verified(path: &Path) -> Result<conclave_ledger::audit::Report, VerifyError> {
    verify_files(&[path.to_owned()], None, |_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_ledger_is_verified_by_a_stranger() {
    let mut consortium = Consortium::start().await;
    consortium.register(5).await;
    let file = consortium.path("ledger");
    let exported = answer(&consortium.export(&file, &[]).await);
    assert_eq!(exported["event"], "exported");
    assert_eq!(exported["written"], exported["last"]);

    let output = conclave(&["ledger", "verify", file.to_str().unwrap(), "--json"]).await;
    let report = answer(&output);
    assert_eq!(report["event"], "verified");
    assert_eq!(report["kinds"]["RegisterUser"], 5);
    assert_eq!(report["users"], 5);
    assert_eq!(report["chain_id"], exported["chain_id"]);
    assert_eq!(report["last"]["header"], exported["header"]);

    // The same in words, and straight from the validator.
    let output = conclave(&["ledger", "verify", file.to_str().unwrap()]).await;
    let words = String::from_utf8(output.stdout).unwrap();
    assert!(words.contains("Everything in the ledger of \"consortium\" holds."), "{words}");
    let report = verify_network(&consortium.network, |_| ()).await.unwrap();
    assert!(report.totals.users == 5 && report.totals.blocks >= exported["last"].as_u64().unwrap());

    let home = consortium.path("validator-0");
    let (home, other) = (home.to_str().unwrap(), consortium.path("other"));
    let args = ["ledger", "export", "--dir", home, "--out", other.to_str().unwrap(), "--json"];
    assert_eq!(answer(&conclave(&args).await)["event"], "exported");
    assert_eq!(verified(&other).unwrap().totals.users, 5);
    consortium.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_where_it_was_interrupted() {
    let mut consortium = Consortium::start().await;
    consortium.register(3).await;
    let file = consortium.path("ledger");
    let first = answer(&consortium.export(&file, &[]).await);
    let whole = fs::read(&file).unwrap();

    // Cut anywhere, it is told from a damaged one and completed to the same bytes and more.
    for part in [2, 3, 5] {
        let cut = whole.len() - whole.len() / part;
        fs::write(&file, &whole[..cut]).unwrap();
        let verdict = verified(&file);
        let is_cut =
            matches!(&verdict, Err(VerifyError::File { source: FileError::CutShort(_), .. }));
        assert!(is_cut, "{verdict:?}");
        let again = answer(&consortium.export(&file, &[]).await);
        assert!(again["last"].as_u64() >= first["last"].as_u64());
        let end = whole.len() - 9 - 40 - 8;
        assert_eq!(fs::read(&file).unwrap()[..end], whole[..end]);
        assert_eq!(verified(&file).unwrap().totals.users, 3);
    }

    // Stopped before its first record, it is begun again.
    for cut in [0, 9] {
        fs::write(&file, &whole[..cut]).unwrap();
        let again = answer(&consortium.export(&file, &[]).await);
        assert_eq!(again["written"], again["last"], "cut at {cut}");
        assert_eq!(verified(&file).unwrap().totals.users, 3);
    }

    // A later part continues the file, and alone it is not enough.
    let last = answer(&consortium.export(&file, &[]).await)["last"].as_u64().unwrap();
    consortium.register(1).await;
    let part = consortium.path("part");
    let from = (last + 1).to_string();
    answer(&consortium.export(&part, &["--from", &from]).await);
    let both = [file.clone(), part.clone()];
    assert_eq!(verify_files(&both, None, |_| ()).unwrap().totals.users, 4);
    assert!(matches!(verified(&part), Err(VerifyError::Gap { .. })));
    let output = conclave(&["ledger", "verify", part.to_str().unwrap()]).await;
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("height 1 is next") && words.contains("next: name the files"),
        "{words}"
    );
    consortium.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_touched_is_accepted() {
    let mut consortium = Consortium::start().await;
    consortium.register(4).await;
    let file = consortium.path("ledger");
    answer(&consortium.export(&file, &[]).await);
    let (whole, genesis) = (fs::read(&file).unwrap(), consortium.network.genesis.clone());
    let records = records(&file);
    consortium.stop().await;
    let dir = tempfile::tempdir().unwrap();
    let lie = dir.path().join("lie");

    // A byte of the file: the file says so.
    for at in (0..whole.len()).step_by(whole.len() / 67) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&lie, &bytes).unwrap();
        let verdict = verified(&lie);
        let is_told = matches!(
            &verdict,
            Err(VerifyError::File { source: FileError::Damaged(_) | FileError::NotOne, .. })
        );
        assert!(is_told, "byte {at} of {}: {verdict:?}", whole.len());
    }
    for cut in (0..whole.len()).step_by(whole.len() / 31) {
        fs::write(&lie, &whole[..cut]).unwrap();
        let verdict = verified(&lie);
        let is_told = matches!(
            &verdict,
            Err(VerifyError::File { source: FileError::CutShort(_) | FileError::NotOne, .. })
        );
        assert!(is_told, "cut at {cut}: {verdict:?}");
    }

    // A byte of a record, with the checks of the file made right: the audit says so.
    let mut step = 0;
    for number in [0, records.len() / 2, records.len() - 1] {
        for _ in 0..13 {
            step += 1;
            let mut records = records.clone();
            let at = step * 7919 % records[number].len();
            records[number][at] ^= 1 << (step % 8);
            write(&lie, &genesis, &records);
            let verdict = verified(&lie);
            let Err(VerifyError::Broken(broken)) = verdict else {
                panic!("byte {at} of record {number}: {verdict:?}")
            };
            assert_eq!(broken.height.0, number as u64 + 1, "{broken}");
        }
    }

    // Two blocks in each other's place.
    let mut swapped = records;
    swapped.swap(1, 2);
    write(&lie, &genesis, &swapped);
    let Err(VerifyError::Broken(broken)) = verified(&lie) else { panic!() };
    assert_eq!((broken.height.0, broken.what), (2, What::Height));
    let output = conclave(&["ledger", "verify", lie.to_str().unwrap(), "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["event"], "broken");
    assert_eq!(told["height"], 2);
    assert_eq!(told["what"], "height");
    assert_eq!((&told["expected"], &told["found"]), (&json!("height 2"), &json!("height 3")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_of_another_network_is_not_taken_for_this_one() {
    let mut one = Consortium::start().await;
    one.register(1).await;
    let other = Consortium::start().await;
    let file = one.path("ledger");
    answer(&one.export(&file, &[]).await);
    let theirs = other.network_file();
    let args = ["ledger", "verify", file.to_str().unwrap(), "--network", theirs.to_str().unwrap()];
    let output = conclave(&args).await;
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("the ledger of another network"), "{words}");
    // Nor is it continued.
    let output = other.export(&file, &[]).await;
    assert_eq!(output.status.code(), Some(1));
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_meets_a_fork_keeps_a_proof_that_others_verify() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<_> =
        (1..=4).map(|seed| Ed25519Signer::from_seed(&[seed; 32]).validator()).collect();
    let genesis = Genesis::new("forked", 1_000, keys.clone(), Params::default()).unwrap();
    let peer =
        Peer { key: keys[0], rpc: "http://127.0.0.1:1".into(), name: None, p2p: None, relay: None };
    let network = Network { genesis: genesis.clone(), validators: vec![peer], anchors: Vec::new() };
    let file = dir.path().join("network.toml");
    fs::write(&file, network.to_toml().unwrap()).unwrap();

    // All four sign two blocks of height 1.
    let [one, other] = [2_000, 3_000].map(|time_ms| {
        let states = tempfile::tempdir().unwrap();
        let seeds = (1..=4).map(|seed| Seed::new([seed; 32])).collect();
        let author = Author::start(states.path(), &genesis, seeds).unwrap();
        header_answer(&author.block(time_ms, Vec::new()).unwrap())
    });
    let chain = Chain::start(&network).unwrap();
    let home = dir.path().join("evidence");
    chain.keep_evidence(home.clone());
    let _first = chain.judge_header(&one);
    assert_eq!(chain.kept_fork(), None);
    let _second = chain.judge_header(&other);
    let proof = chain.kept_fork().unwrap();
    assert_eq!(proof, home.join("fork-1.evidence"));

    let (path, network) = (proof.to_str().unwrap(), file.to_str().unwrap());
    let args = ["ledger", "evidence", path, "--network", network];
    let told = answer(&conclave(&[&args[..], &["--json"]].concat()).await);
    assert_eq!((&told["event"], &told["height"]), (&json!("fork"), &json!(1)));
    assert_eq!((&told["one_round"], &told["validators"]), (&json!(true), &json!(4)));
    assert!(told["signers"].as_array().unwrap().len() >= 3);
    let words = String::from_utf8(conclave(&args).await.stdout).unwrap();
    assert!(words.contains("The ledger was forked at height 1"), "{words}");

    let mut bytes = fs::read(&proof).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&proof, bytes).unwrap();
    let output = conclave(&args).await;
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(words.contains("next: believe nothing of what came with it"), "{words}");
}

/// The header answer of a record without transactions: its header, no links, its certificate.
fn header_answer(record: &[u8]) -> Vec<u8> {
    const HEADER: usize = 1 + 8 + 8 + 32 + 24 + 32 + 2 * (3 * 32 + 4 + 16) + 64;
    let (header, rest) = record.split_at(HEADER);
    assert_eq!(rest[0], 1, "a certificate");
    [header, &[0], &rest[1..]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_has_its_own_exit_status() {
    for args in [
        ["ledger", "export", "--out", "x"].as_slice(),
        &["ledger", "export", "--network", "n", "--dir", "d", "--out", "x"],
        &["ledger", "export", "--network", "n", "--out", "x", "--from", "0"],
        &["ledger", "verify"],
        &["ledger", "evidence"],
        &["bench", "audit", "--txs", "0"],
    ] {
        assert_eq!(conclave(args).await.status.code(), Some(2), "{args:?}");
    }
}

/// The records of an exported ledger.
fn records(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = Reader::open(path).unwrap();
    let mut records = Vec::new();
    while let Some(frame) = reader.frame().unwrap() {
        if let Frame::Record(record) = frame {
            records.push(record);
        }
    }
    records
}

/// Writes records as if they were a ledger.
fn write(path: &Path, genesis: &Genesis, records: &[Vec<u8>]) {
    let _ = fs::remove_file(path);
    let mut outline = Outline::origin(genesis).unwrap();
    let before = Last { height: outline.height, digest: outline.digest };
    let mut writer = Writer::create(path, genesis, before).unwrap();
    for record in records {
        outline.height = outline.height.next();
        writer.append(record, &outline).unwrap();
    }
    writer.finish().unwrap();
}
