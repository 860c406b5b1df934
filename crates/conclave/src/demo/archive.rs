//! `--record DIR`: everything a stranger needs to recompute the demo's meeting from outside.
//!
//! `docs/recording.md` describes the files; `python3 -m witness DIR` reads them. They hold the
//! secrets of a meeting of actors: real participants never write theirs.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{BufWriter, ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use conclave_meeting::media::Header;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::stage::{Daemon, Recording, World};
use crate::{
    chain::{ANSWERS, AnswerLine},
    http::wire::{Empty, Handed, Identity, InfoForm},
    network::Network,
    node::record::{self, NOBODY},
};

/// Packets of each stream and epoch that are kept: so many from its begin ...
const FIRST: usize = 32;
/// ... and so many from its end, where a new key came.
const LAST: usize = 8;
/// Tags of the messages that are kept: what carries keys, what names streams, what is compared.
const KEPT: [u8; 6] = [0, 1, 2, 4, 12, 13];

/// A directory that will hold one recording.
#[derive(Debug)]
pub(crate) struct Archive {
    dir: PathBuf,
}

/// What was played.
#[derive(Debug)]
pub(crate) struct Played<'a> {
    pub(crate) mid: &'a str,
    pub(crate) invite: &'a str,
    /// Everyone, each with what was written down there.
    pub(crate) participants: Vec<(&'a Daemon, &'a Recording)>,
}

impl Archive {
    /// A directory that does not exist yet, or is empty.
    ///
    /// # Errors
    /// It holds something, or is no directory.
    pub(crate) fn reserve(dir: &Path) -> Result<Self> {
        match fs::read_dir(dir) {
            Ok(mut entries) => ensure!(
                entries.next().is_none(),
                "{} is not empty, and nothing in it is overwritten",
                dir.display()
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => bail!("{} cannot be used: {error}", dir.display()),
        }
        Ok(Self { dir: dir.to_owned() })
    }

    /// Where the recording will be.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes everything: the whole directory appears at once, for this user only.
    ///
    /// # Errors
    /// A file cannot be written, or a validator does not give its blocks.
    pub(crate) async fn write(&self, world: &World, played: &Played<'_>) -> Result<()> {
        let dir = std::path::absolute(&self.dir)?;
        let parent = dir.parent().context("a recording needs a directory to lie in")?;
        fs::create_dir_all(parent)?;
        // Gone again if anything below fails.
        let draft = tempfile::Builder::new()
            .prefix(".conclave-recording-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(parent)?;
        let network = Network::load(&world.network_file())?;
        let height = blocks(&network, &mut Lines::create(draft.path(), "blocks")?).await?;
        let mut people = Vec::new();
        let mut secrets = Lines::create(draft.path(), "secrets")?;
        let mut messages = Lines::create(draft.path(), "messages")?;
        let mut answers = Lines::create(draft.path(), "answers")?;
        for (daemon, recording) in &played.participants {
            let idx = recording.idx().with_context(|| format!("{} has no index", daemon.name))?;
            let identity = daemon.state().await?.identity.context("an identity")?;
            let Identity { user, device, info, .. } = identity;
            people.push(json!({"idx": idx, "name": daemon.name, "user": user, "device": device}));
            secrets.push(&secret(daemon, recording, played.mid, (idx, info.form)).await?)?;
            for said in recording.messages().filter(|said| is_kept(&said.bytes)) {
                let from = (said.idx != NOBODY).then_some(said.idx);
                let message = hex::encode(&said.bytes);
                messages.push(&Message { to: idx, from, at_ns: said.at_ns, message })?;
            }
            let path = daemon.record.join(ANSWERS);
            for line in record::lines::<AnswerLine>(&path)? {
                answers.push(&Answer { to: idx, line })?;
            }
        }
        let mut packets = Lines::create(draft.path(), "packets")?;
        for packet in chosen(played) {
            packets.push(&packet)?;
        }
        for lines in [secrets, messages, answers, packets] {
            lines.finish()?;
        }
        let index = json!({
            "format": "conclave-recording/1",
            "chain_id": network.genesis.chain_id().to_hex(),
            "genesis": hex::encode(conclave_protocol::encode(&network.genesis)),
            "height": height,
            "mid": played.mid,
            "invite": played.invite,
            "participants": people,
        });
        fs::write(draft.path().join("recording.json"), format!("{index:#}\n"))?;
        fs::rename(draft.path(), &dir)
            .with_context(|| format!("putting the recording to {}", dir.display()))?;
        // It lies elsewhere now; there is nothing left to delete.
        let _moved = draft.keep();
        Ok(())
    }
}

fn is_kept(message: &[u8]) -> bool {
    message.first().is_some_and(|tag| KEPT.contains(tag))
}

/// One line of `blocks.jsonl`.
#[derive(Serialize)]
struct Block {
    height: u64,
    /// Header and transactions, hex.
    block: String,
    /// The header answer: what makes it final, hex.
    answer: String,
}

/// One line of `secrets.jsonl`.
#[derive(Serialize)]
struct Secret {
    idx: u16,
    /// The exchange keys, in the order in which they were used.
    pairs: Vec<Pair>,
    /// Every meeting key this participant installed.
    keys: Vec<Key>,
    /// What opens its user info, if the ledger does not show it.
    info: Option<String>,
}

#[derive(Serialize)]
struct Pair {
    esk: String,
    dk: String,
}

#[derive(Serialize)]
struct Key {
    epoch: u32,
    record: String,
    mk: String,
}

/// One line of `messages.jsonl`.
#[derive(Serialize)]
struct Message {
    to: u16,
    from: Option<u16>,
    at_ns: u64,
    message: String,
}

/// One line of `answers.jsonl`.
#[derive(Serialize)]
struct Answer {
    to: u16,
    #[serde(flatten)]
    line: AnswerLine,
}

/// One line of `packets.jsonl`.
#[derive(Serialize)]
struct Packet {
    to: u16,
    from: u16,
    at_ns: u64,
    packet: String,
}

async fn secret(
    daemon: &Daemon,
    recording: &Recording,
    mid: &str,
    (idx, form): (u16, InfoForm),
) -> Result<Secret> {
    let lines = record::read_secrets(&daemon.record)?;
    let own = lines.into_iter().filter(|line| line.mid == mid);
    let pairs: Vec<Pair> = own.map(|line| Pair { esk: line.esk, dk: line.dk }).collect();
    ensure!(!pairs.is_empty(), "{} wrote no exchange keys", daemon.name);
    let mut keys = BTreeMap::new();
    for key in recording.keys().filter(|key| key.mid == mid) {
        keys.insert((key.epoch, key.record.clone()), key.mk.clone());
    }
    let keys = keys.into_iter().map(|((epoch, record), mk)| Key { epoch, record, mk }).collect();
    let info = match form {
        InfoForm::Clear => None,
        InfoForm::Commit | InfoForm::Encrypted => {
            let shown: Handed = daemon.post("/api/info/disclose", &Empty {}).await?;
            Some(shown.link)
        }
    };
    Ok(Secret { idx, pairs, keys, info })
}

/// Writes all blocks from the first on; the height of the last.
async fn blocks(network: &Network, lines: &mut Lines) -> Result<u64> {
    #[derive(Deserialize)]
    struct Status {
        height: u64,
    }
    let validator = network.validators.first().context("a network has validators")?;
    let client = crate::web::client().build()?;
    let ask = async |path: String| -> Result<Vec<u8>> {
        let url = format!("{}/v1/{path}", validator.rpc);
        let answer = client.get(&url).send().await?.error_for_status();
        let answer = answer.with_context(|| format!("asking a validator for {path}"))?;
        Ok(answer.bytes().await?.to_vec())
    };
    let Status { height } = serde_json::from_slice(&ask("status".to_owned()).await?)?;
    for height in 0..=height {
        let block = hex::encode(ask(format!("block/{height}")).await?);
        // Nobody signs the block of height 0: it is made from the genesis.
        let answer = match height {
            0 => String::new(),
            _ => hex::encode(ask(format!("header/{height}")).await?),
        };
        lines.push(&Block { height, block, answer })?;
    }
    lines.file.flush()?;
    Ok(height)
}

/// The first and last packets of every stream and epoch, in the order in which they came.
fn chosen(played: &Played<'_>) -> Vec<Packet> {
    let mut streams: BTreeMap<u64, BTreeMap<u64, Packet>> = BTreeMap::new();
    for (_, recording) in &played.participants {
        let Some(to) = recording.idx() else { continue };
        for (at_ns, from, packet) in recording.received() {
            let Ok(header) = Header::read(&packet) else { continue };
            let stream = streams.entry(header.kid).or_default();
            let packet = hex::encode(packet);
            stream.entry(header.ctr).or_insert(Packet { to, from, at_ns, packet });
        }
    }
    let mut chosen = Vec::new();
    for stream in streams.into_values() {
        let last = stream.len().saturating_sub(LAST);
        let kept = stream.into_values().enumerate().filter(|(n, _)| *n < FIRST || *n >= last);
        chosen.extend(kept.map(|(_, packet)| packet));
    }
    chosen.sort_by_key(|packet| packet.at_ns);
    chosen
}

/// A file of one JSON object per line.
struct Lines {
    file: BufWriter<File>,
}

impl Lines {
    fn create(dir: &Path, name: &str) -> Result<Self> {
        let path = dir.join(format!("{name}.jsonl"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("writing {}", path.display()))?;
        Ok(Self { file: BufWriter::new(file) })
    }

    fn push(&mut self, line: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.file, line)?;
        self.file.write_all(b"\n")?;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        Ok(self.file.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_holds_something_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Archive::reserve(dir.path()).is_ok(), "it is empty");
        assert!(Archive::reserve(&dir.path().join("new")).is_ok(), "it does not exist");
        fs::write(dir.path().join("file"), b"something").unwrap();
        let refused = Archive::reserve(dir.path()).unwrap_err();
        assert!(refused.to_string().contains("not empty"), "{refused}");
        assert!(Archive::reserve(&dir.path().join("file")).is_err(), "it is a file");
    }
}
