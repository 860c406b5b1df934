//! `conclave validator add|remove|replace|list`: the set of validators, and changing it by votes.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use conclave_protocol::{
    Digest, Ed25519Signer, Height, Params, ValidatorChange, ValidatorKey,
    validators::{CastVote, Contact, ValidatorChangeRecord, epoch_of, last_height_of},
};
use serde_json::{Value, json};

use super::{Common, advice::Advised as _};
use crate::{
    chain::{Chain, ChainError, Consortium},
    network::{Network, SignedCard, ValidatorHome},
};

/// A vote for one more validator.
#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// The public file of the new validator
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory of the validator that votes
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// A vote to put a validator out.
#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    /// Its name, its key, or the first eight digits of its key
    #[arg(value_name = "NAME-OR-KEY")]
    who: String,
    /// The directory of the validator that votes
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// A vote to put one key in the place of another.
#[derive(Debug, Args)]
pub(in crate::cli) struct Replace {
    /// The one that goes: its name, its key, or the first eight digits of its key
    #[arg(value_name = "OLD")]
    old: String,
    /// The public file of the one that comes
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The directory of the validator that votes
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Who decides, who will, what is voted about, and who is there.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct List {
    /// The directory of a validator
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The network file
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
}

pub(super) async fn add(add: &Add, common: &Common) -> anyhow::Result<()> {
    let (key, contact) = newcomer(&add.file)?;
    vote(&add.dir, common, |_, _| Ok(ValidatorChange::Add(key, contact))).await
}

pub(super) async fn remove(remove: &Remove, common: &Common) -> anyhow::Result<()> {
    vote(&remove.dir, common, |network, now| {
        Ok(ValidatorChange::Remove(find(&remove.who, network, now)?))
    })
    .await
}

pub(super) async fn replace(replace: &Replace, common: &Common) -> anyhow::Result<()> {
    let (key, contact) = newcomer(&replace.file)?;
    vote(&replace.dir, common, |network, now| {
        Ok(ValidatorChange::Replace(find(&replace.old, network, now)?, key, contact))
    })
    .await
}

/// Casts the vote of the validator in `dir`, and says where the change stands then.
async fn vote(
    dir: &Path,
    common: &Common,
    change: impl FnOnce(&Network, &Consortium) -> anyhow::Result<ValidatorChange>,
) -> anyhow::Result<()> {
    let home = ValidatorHome::load(dir).suggest("conclave doctor --dir DIR")?;
    let chain = Chain::start(&home.network).suggest("conclave doctor --dir DIR")?;
    let now = chain.consortium().await.suggest("conclave doctor --dir DIR")?;
    let change = change(&home.network, &now)?;
    let signer = Ed25519Signer::from_seed(&home.seed);
    let cast = chain.vote(&signer, change.clone()).await;
    let next = match &cast {
        Err(ChainError::Refused(_)) => "conclave validator list --dir DIR",
        _ => "conclave doctor --dir DIR",
    };
    let (before, included) = cast.context("the vote was not taken").suggest(next)?;
    let after = chain.consortium().await.suggest("conclave validator list --dir DIR")?;
    let standing = Standing::of(&change.digest(), before.seq(), &after.changes, &after.open());
    let first =
        |record: &ValidatorChangeRecord| in_force_from(&home.network.genesis.params, record);
    // Open votes are those of the set as it is now; what was agreed was agreed by the one before.
    let (votes, counted) = match standing {
        Standing::Open(votes) => (votes, &after),
        Standing::Agreed(_) => (before.needed(), &before),
        Standing::Overtaken(_) => (0, &before),
    };
    let (needed, of) = (counted.needed(), counted.set.len());
    let (agreed, instead) = (standing.agreed(), standing.instead());
    let answer = json!({
        "change": described(&change),
        "height": included.height.0,
        "votes": votes,
        "needed": needed,
        "of": of,
        "agreed": agreed.is_some(),
        "in_force_from": agreed.map(|record| first(record).0),
        "agreed_instead": instead.map(|record| described(&record.change)),
    });
    common.output().say(&answer, || {
        let what = in_words(&change);
        match standing {
            Standing::Agreed(record) => {
                let (at, first) = (record.agreed.height, first(record));
                let wait = first.0.saturating_sub(at.0).saturating_mul(2).div_ceil(60);
                format!(
                    "{what}: agreed at block {at}\n  in force from block {first} on, in {wait} \
                     minutes at the most while the ledger is idle"
                )
            }
            Standing::Overtaken(record) => format!(
                "{what}: not agreed, and the vote counts no more: another change was agreed at \
                 block {}\n  that one: {}\n  one is agreed per epoch: vote again from block {} on",
                record.agreed.height,
                in_words(&record.change),
                first(record)
            ),
            Standing::Open(votes) => format!(
                "{what}: {votes} of {of} have voted for it, {needed} are needed\n  the others: \
                 the same command, with their own --dir"
            ),
        }
    })
}

/// Where a change stands after a vote for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Standing<'a> {
    /// It is agreed.
    Agreed(&'a ValidatorChangeRecord),
    /// Another one was agreed in its place, so the votes for this one count no more.
    Overtaken(&'a ValidatorChangeRecord),
    /// So many have voted for it.
    Open(usize),
}

impl<'a> Standing<'a> {
    /// Where the change of this digest stands, after a vote for it as change number `seq`. That some
    /// change was agreed since says nothing: others may have decided about theirs meanwhile.
    fn of(
        change: &Digest,
        seq: u32,
        agreed: &'a [ValidatorChangeRecord],
        open: &[(CastVote, Vec<ValidatorKey>)],
    ) -> Self {
        let since = agreed.get(usize::try_from(seq).unwrap_or(usize::MAX)..).unwrap_or_default();
        let is_this = |record: &&ValidatorChangeRecord| record.change.digest() == *change;
        match (since.iter().find(is_this), since.first()) {
            (Some(record), _) => Self::Agreed(record),
            (None, Some(record)) => Self::Overtaken(record),
            (None, None) => {
                let cast = open.iter().find(|(cast, _)| cast.change == *change);
                Self::Open(cast.map_or(0, |(_, by)| by.len()))
            }
        }
    }

    const fn agreed(self) -> Option<&'a ValidatorChangeRecord> {
        match self {
            Self::Agreed(record) => Some(record),
            Self::Overtaken(_) | Self::Open(_) => None,
        }
    }

    const fn instead(self) -> Option<&'a ValidatorChangeRecord> {
        match self {
            Self::Overtaken(record) => Some(record),
            Self::Agreed(_) | Self::Open(_) => None,
        }
    }
}

/// The first block of the epoch after the one in which a change was agreed, whenever it was voted
/// for first.
fn in_force_from(params: &Params, record: &ValidatorChangeRecord) -> Height {
    last_height_of(params, epoch_of(params, record.agreed.height)).next()
}

pub(super) async fn list(list: &List, common: &Common) -> anyhow::Result<()> {
    let network = match (&list.dir, &list.network) {
        (Some(dir), _) => ValidatorHome::load(dir).suggest("conclave doctor --dir DIR")?.network,
        (None, Some(file)) => Network::load(file).suggest("conclave doctor --network FILE")?,
        (None, None) => return Ok(()),
    };
    let chain = Chain::start(&network).suggest("conclave doctor --network FILE")?;
    let now = chain.consortium().await.suggest("conclave doctor --network FILE")?;
    // The first headers come from whoever answers first; the others have a moment more.
    let seen = |key: &ValidatorKey| {
        let key = key.to_string();
        chain.validators_status().into_iter().find(|seen| seen.key == key)
    };
    let settled = async {
        while !now.set.iter().all(|key| seen(key).is_some_and(|seen| seen.ok)) {
            tokio::time::sleep(LOOK).await;
        }
    };
    let _some_are_silent = tokio::time::timeout(SETTLE, settled).await;
    let member = |key: &ValidatorKey| {
        let seen = seen(key);
        json!({
            "key": hex::encode(key.0),
            "name": name_of(key, &network, &now),
            "answers": seen.as_ref().map(|seen| seen.ok),
            "height": seen.and_then(|seen| seen.height),
            "since": now.contact(key).map(|_| "a vote"),
        })
    };
    let open: Vec<Value> = now
        .open()
        .iter()
        .map(|(cast, by)| {
            let by: Vec<String> = by.iter().map(|key| name_of(key, &network, &now)).collect();
            json!({ "change": hex::encode(cast.change.0), "by": by, "needed": now.needed() })
        })
        .collect();
    let pending = now.next != now.set;
    let answer = json!({
        "height": now.height.0,
        "epoch": now.epoch,
        "epoch_ends": now.last.0,
        "set": now.set.iter().map(member).collect::<Vec<_>>(),
        "next": pending.then(|| now.next.iter().map(|key| hex::encode(key.0)).collect::<Vec<_>>()),
        "open": open,
        "changes": now.changes.iter().map(|record| described(&record.change)).collect::<Vec<_>>(),
    });
    common.output().say(&answer, || {
        let mut text = format!(
            "block {}, epoch {} until block {}; {} validators, {} decide",
            now.height.0,
            now.epoch,
            now.last.0,
            now.set.len(),
            now.needed()
        );
        for key in &now.set {
            let state = match seen(key).map(|seen| (seen.ok, seen.height)) {
                Some((true, Some(height))) => format!("answers, block {height}"),
                Some((true, None)) => "answers".to_owned(),
                Some((false, _)) => "silent".to_owned(),
                None => "nobody says where it is reached".to_owned(),
            };
            text.push_str(&format!("\n  {:<24} {key}  {state}", name_of(key, &network, &now)));
        }
        if pending {
            for key in now.next.iter().filter(|key| !now.set.contains(key)) {
                let name = name_of(key, &network, &now);
                text.push_str(&format!("\n  comes after block {}: {name} {key}", now.last.0));
            }
            for key in now.set.iter().filter(|key| !now.next.contains(key)) {
                let name = name_of(key, &network, &now);
                text.push_str(&format!("\n  goes after block {}: {name} {key}", now.last.0));
            }
        }
        for (cast, by) in now.open() {
            let by: Vec<String> = by.iter().map(|key| name_of(key, &network, &now)).collect();
            text.push_str(&format!(
                "\n  open vote {}: {} of {} needed, by {}",
                cast.change,
                by.len(),
                now.needed(),
                by.join(", ")
            ));
        }
        text
    })
}

/// What the file of a newcomer says, checked.
fn newcomer(file: &Path) -> anyhow::Result<(ValidatorKey, Contact)> {
    let card = SignedCard::load(file)
        .with_context(|| format!("{} is refused", file.display()))
        .advise("ask its organisation to send NAME.validator.toml again, unchanged")?;
    let card = card.card();
    let contact = Contact { name: card.name.clone(), p2p: card.p2p.clone(), rpc: card.rpc.clone() };
    Ok((card.key, contact))
}

/// The validator of the set that somebody means.
fn find(who: &str, network: &Network, now: &Consortium) -> anyhow::Result<ValidatorKey> {
    let is_meant = |key: &&ValidatorKey| {
        name_of(key, network, now) == who || hex::encode(key.0) == who || key.to_string() == who
    };
    let meant: Vec<&ValidatorKey> = now.set.iter().filter(is_meant).collect();
    match meant.as_slice() {
        [key] => Ok(**key),
        [] => Err(anyhow::anyhow!("no validator of the set is called {}", who.escape_debug())),
        _ => Err(anyhow::anyhow!("more than one validator is called {}", who.escape_debug())),
    }
    .advise("name its whole key: conclave validator list --dir DIR shows them")
}

/// What people call a validator: what the ledger or the network file says, else its key.
fn name_of(key: &ValidatorKey, network: &Network, now: &Consortium) -> String {
    let listed = || network.validators.iter().find(|peer| peer.key == *key)?.name.clone();
    let name = now.contact(key).map(|contact| contact.name.as_str().to_owned()).or_else(listed);
    name.map_or_else(|| key.to_string(), |name| super::output::plain(&name))
}

fn described(change: &ValidatorChange) -> Value {
    let (kind, old) = match change {
        ValidatorChange::Add(..) => ("add", None),
        ValidatorChange::Remove(old) => ("remove", Some(old)),
        ValidatorChange::Replace(old, ..) => ("replace", Some(old)),
    };
    json!({
        "kind": kind,
        "digest": hex::encode(change.digest().0),
        "old": old.map(|key| hex::encode(key.0)),
        "key": change.incoming().map(|key| hex::encode(key.0)),
        "name": change.contact().map(|contact| contact.name.as_str()),
        "p2p": change.contact().map(|contact| contact.p2p.as_str()),
        "rpc": change.contact().map(|contact| contact.rpc.as_str()),
    })
}

fn in_words(change: &ValidatorChange) -> String {
    let called = |contact: &Contact| super::output::plain(contact.name.as_str());
    match change {
        ValidatorChange::Add(key, contact) => format!("add {} {key}", called(contact)),
        ValidatorChange::Remove(key) => format!("remove {key}"),
        ValidatorChange::Replace(old, key, contact) => {
            format!("replace {old} by {} {key}", called(contact))
        }
    }
}

const LOOK: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use conclave_protocol::{Position, Seconds, codec::Text};

    use super::*;

    fn key(number: u8) -> ValidatorKey {
        Ed25519Signer::from_seed(&[number; 32]).validator()
    }

    fn add(number: u8) -> ValidatorChange {
        let contact = Contact {
            name: Text::new("new").unwrap(),
            p2p: Text::new("validator.example:2100").unwrap(),
            rpc: Text::new("https://validator.example").unwrap(),
        };
        ValidatorChange::Add(key(number), contact)
    }

    fn agreed(change: ValidatorChange, height: u64) -> ValidatorChangeRecord {
        let agreed = Position { height: Height(height), time: Seconds(1), ..Position::default() };
        ValidatorChangeRecord { change, agreed }
    }

    fn votes(seq: u32, change: &ValidatorChange, by: &[u8]) -> (CastVote, Vec<ValidatorKey>) {
        let by = by.iter().map(|number| key(*number)).collect();
        (CastVote { seq, change: change.digest() }, by)
    }

    #[test]
    fn who_votes_while_three_others_agree_on_another_change_does_not_read_that_it_is_agreed() {
        let (mine, theirs) = (add(50), ValidatorChange::Remove(key(4)));
        let changes = [agreed(add(9), 3), agreed(theirs.clone(), 13)];
        // The vote for mine is in block 12, the third one for theirs in block 13.
        let open = [votes(1, &mine, &[4]), votes(1, &theirs, &[1, 2])];
        assert_eq!(Standing::of(&mine.digest(), 1, &changes[..1], &open), Standing::Open(1));

        let standing = Standing::of(&mine.digest(), 1, &changes, &[]);
        assert_eq!(standing, Standing::Overtaken(&changes[1]));
        assert_eq!((standing.agreed(), standing.instead()), (None, Some(&changes[1])));
        let standing = Standing::of(&theirs.digest(), 1, &changes, &[]);
        assert_eq!(standing, Standing::Agreed(&changes[1]));
    }

    #[test]
    fn a_change_is_agreed_whoever_cast_the_vote_that_decided() {
        let change = add(50);
        let changes = [agreed(change.clone(), 7), agreed(add(51), 14)];
        // What was agreed after it does not matter, and what was before is another matter.
        let standing = Standing::of(&change.digest(), 0, &changes, &[]);
        assert_eq!(standing, Standing::Agreed(&changes[0]));
        let again = Standing::of(&change.digest(), 2, &changes, &[votes(2, &change, &[1])]);
        assert_eq!(again, Standing::Open(1));
        assert_eq!(Standing::of(&change.digest(), 2, &changes, &[]), Standing::Open(0));
    }

    #[test]
    fn the_epoch_counts_in_which_a_change_was_agreed_and_not_the_one_of_the_first_look() {
        let params = Params { epoch_blocks: 10, ..Params::default() };
        for (height, first) in [(1, 10), (9, 10), (10, 20), (19, 20)] {
            assert_eq!(in_force_from(&params, &agreed(add(50), height)), Height(first));
        }
    }
}
