//! The validators of a network, as this machine reaches them. What they say is verified.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conclave_ledger::light::{HeaderFacts, LightClient, Refusal};
use conclave_protocol::ValidatorKey;
use futures::future::join_all;
use reqwest::{Client, header::DATE};
use tokio::{net::TcpStream, time::timeout};

use super::Finding;
use crate::{
    chain::Chain,
    network::{Network, Peer, url},
};

/// The way from a person's machine to the validators: their RPC, the clock, the newest block.
pub(super) async fn reach(network: &Network) -> Vec<Finding> {
    match client() {
        Ok(client) => ask_all(&client, network, None).await.0,
        Err(finding) => vec![finding],
    }
}

/// Asks every validator. `me` is the one of this machine, `own` where its RPC is if it runs.
pub(super) async fn examine(
    network: &Network,
    me: Option<ValidatorKey>,
    own: Option<String>,
) -> Vec<Finding> {
    let client = match client() {
        Ok(client) => client,
        Err(finding) => return vec![finding],
    };
    let (mut found, good) = ask_all(&client, network, me.map(|key| (key, own.is_some()))).await;
    let dialled = network.validators.iter().filter(|peer| Some(peer.key) != me).map(p2p);
    found.extend(join_all(dialled).await.into_iter().flatten());
    if let Some(own) = own {
        let good: Vec<&Answer> = good.iter().collect();
        found.push(in_step(ask(&client, network, &own).await.ok().as_ref(), &good));
    }
    found
}

fn client() -> Result<Client, Finding> {
    let client = crate::web::client().connect_timeout(QUICK).timeout(PATIENCE).build();
    client.map_err(|_| Finding::error("HTTP", "no HTTP client can be made", "look at the log"))
}

/// What the RPC of every validator says, and what follows from it. `me` is the one of this machine,
/// which is not asked, and whether it runs.
async fn ask_all(
    client: &Client,
    network: &Network,
    me: Option<(ValidatorKey, bool)>,
) -> (Vec<Finding>, Vec<Answer>) {
    let is_me = |peer: &Peer| Some(peer.key) == me.map(|(key, _)| key);
    let each = async |peer: Peer| {
        let answer = ask(client, network, &peer.rpc).await;
        (peer, answer)
    };
    let others = network.validators.iter().filter(|peer| !is_me(peer)).cloned();
    let mut answers = join_all(others.map(each)).await;
    let set = set_of(network, &answers);
    let newcomers = newcomers(network, &set).await.into_iter().filter(|peer| !is_me(peer));
    answers.extend(join_all(newcomers.map(each)).await);
    let mut found: Vec<Finding> = answers.iter().map(|(peer, answer)| rpc(peer, answer)).collect();
    let mut there: Vec<ValidatorKey> =
        me.filter(|(_, runs)| *runs).map(|(key, _)| key).into_iter().collect();
    there.extend(answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(peer, _)| peer.key));
    found.push(quorum(&set, &there));
    let good: Vec<Answer> = answers.into_iter().filter_map(|(_, answer)| answer.ok()).collect();
    if !good.is_empty() {
        let good: Vec<&Answer> = good.iter().collect();
        found.push(clock(&good));
        found.push(ledger(&good));
    }
    (found, good)
}

/// What one validator answered.
#[derive(Clone, Debug)]
struct Answer {
    newest: HeaderFacts,
    /// The set that the next block is decided by, as far as it proves.
    set: Vec<ValidatorKey>,
    /// How far its clock is ahead of ours, in milliseconds, as far as a Date of whole seconds tells.
    ahead_ms: Option<i64>,
}

async fn ask(client: &Client, network: &Network, url: &str) -> Result<Answer, String> {
    let before = now_ms();
    let answer = client.get(format!("{url}/v1/latest")).send().await.map_err(|e| words(&e))?;
    let after = now_ms();
    let date = answer.headers().get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let ahead_ms = date.map(|date| {
        // The Date was cut to a second, so on average half a second is missing.
        let there = date.timestamp().as_millisecond().saturating_add(500);
        let here = i64::try_from(u64::midpoint(before, after)).unwrap_or(i64::MAX);
        there.saturating_sub(here)
    });
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    if answer.content_length().is_some_and(|length| length > MOST) {
        return Err("its answer is too long".into());
    }
    let bytes = answer.bytes().await.map_err(|error| words(&error))?;
    let mut light = LightClient::new(&network.genesis).map_err(|error| error.to_string())?;
    let mut verdict = light.on_header(&bytes, now_ms());
    while matches!(verdict, Err(Refusal::UnknownValidators)) && learn(client, url, &mut light).await
    {
        verdict = light.on_header(&bytes, now_ms());
    }
    let newest =
        verdict.map_err(|refusal| format!("its newest block does not verify: {refusal}"))?;
    let set = light.validators(newest.height.next());
    Ok(Answer { newest, set, ahead_ms })
}

/// Follows the changes of the validator set that it proves; whether there were any.
async fn learn(client: &Client, url: &str, light: &mut LightClient) -> bool {
    let url = format!("{url}/v1/handovers?from={}", light.handovers());
    let Ok(answer) = client.get(url).send().await else { return false };
    if answer.content_length().is_none_or(|length| length > MOST) {
        return false;
    }
    let Ok(bytes) = answer.bytes().await else { return false };
    matches!(light.on_handovers(&bytes, now_ms()), Ok(new) if new > 0)
}

/// A cause in one line: what reqwest itself says has the URL and not the reason.
fn words(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn called(peer: &Peer) -> String {
    peer.name.clone().unwrap_or_else(|| peer.key.to_string())
}

fn rpc(peer: &Peer, answer: &Result<Answer, String>) -> Finding {
    let check = format!("RPC of {}", called(peer));
    match answer {
        Ok(answer) => {
            Finding::ok(check, format!("{} proves block {}", peer.rpc, answer.newest.height.0))
        }
        Err(error) => Finding::warning(
            check,
            format!("{}: {error}", peer.rpc),
            format!("ask {} whether it runs, and look at firewalls between", called(peer)),
        ),
    }
}

async fn p2p(peer: &Peer) -> Option<Finding> {
    let place = peer.p2p.as_ref()?.to_string();
    let check = format!("p2p of {}", called(peer));
    let todo =
        format!("ask {} to open this port to you, and look at your own firewall", called(peer));
    Some(match timeout(QUICK, TcpStream::connect(&place)).await {
        Ok(Ok(_)) => Finding::ok(check, format!("{place} takes connections")),
        Ok(Err(error)) => Finding::warning(check, format!("{place}: {error}"), todo),
        Err(_) => Finding::warning(check, format!("{place}: no answer in {QUICK:?}"), todo),
    })
}

/// The set as whoever is furthest ahead proves it; the founders if nobody answers.
fn set_of(network: &Network, answers: &[(Peer, Result<Answer, String>)]) -> Vec<ValidatorKey> {
    let good = answers.iter().filter_map(|(_, answer)| answer.as_ref().ok());
    let furthest = good.max_by_key(|answer| answer.newest.height);
    furthest.map_or_else(
        || network.validators.iter().map(|peer| peer.key).collect(),
        |answer| answer.set.clone(),
    )
}

/// Those of the set that the network file does not name, at the addresses the ledger has of them.
async fn newcomers(network: &Network, set: &[ValidatorKey]) -> Vec<Peer> {
    let is_named = |key: &ValidatorKey| network.validators.iter().any(|peer| peer.key == *key);
    let unnamed: Vec<_> = set.iter().filter(|key| !is_named(key)).collect();
    if unnamed.is_empty() {
        return Vec::new();
    }
    let Ok(chain) = Chain::start(network) else { return Vec::new() };
    let Ok(Ok(consortium)) = timeout(PATIENCE, chain.consortium()).await else { return Vec::new() };
    let peers = unnamed.into_iter().filter_map(|key| {
        let contact = consortium.contact(key)?;
        let (rpc, name) = (url(contact.rpc.as_str()).ok()?, contact.name.as_str().to_owned());
        Some(Peer { key: *key, name: Some(name), rpc, p2p: None, relay: None })
    });
    peers.collect()
}

/// Whether enough validators of the set answer for the ledger to go on.
fn quorum(set: &[ValidatorKey], there: &[ValidatorKey]) -> Finding {
    let of = set.len();
    let needed = of - of.saturating_sub(1) / 3;
    let there = set.iter().filter(|key| there.contains(key)).count();
    let saw = format!("{there} of {of} validators answer, {needed} decide");
    let todo = "the ledger stands still until more of them run: ask those named above";
    if there < needed { Finding::error("quorum", saw, todo) } else { Finding::ok("quorum", saw) }
}

/// This machine's clock against theirs. The one in the middle counts: a third of them may lie.
fn clock(answers: &[&Answer]) -> Finding {
    let mut ahead: Vec<i64> = answers.iter().filter_map(|answer| answer.ahead_ms).collect();
    ahead.sort_unstable();
    let newest = answers.iter().map(|answer| answer.newest.time_ms).max().unwrap_or_default();
    let chain_ahead = i128::from(newest) - i128::from(now_ms());
    let todo = "set the clock by NTP: timedatectl set-ntp true (a validator 2 s behind votes late, \
                one 60 s ahead is refused)";
    let Some(middle) = ahead.get(ahead.len() / 2).copied() else {
        return Finding::warning("clock", "no validator says its time", "look at its RPC");
    };
    let seconds = middle as f64 / 1_000.0;
    let way = if middle >= 0 { "behind" } else { "ahead of" };
    let saw = format!("{:.1} s {way} the clocks of {} validators", seconds.abs(), ahead.len());
    if middle.abs() > 5_000 || chain_ahead > 3_000 {
        Finding::error("clock", saw, todo)
    } else if middle.abs() > 2_000 {
        Finding::warning("clock", saw, todo)
    } else {
        Finding::ok("clock", saw)
    }
}

/// How old the newest certificate is.
fn ledger(answers: &[&Answer]) -> Finding {
    let newest = answers.iter().map(|answer| &answer.newest).max_by_key(|newest| newest.height);
    let Some(newest) = newest else { return Finding::ok("ledger", "nothing was asked") };
    let age = now_ms().saturating_sub(newest.time_ms) / 1_000;
    let saw = format!("block {} is certified, {age} s old", newest.height.0);
    let todo = "the ledger stands still: see which validators do not answer";
    match age {
        0..=15 => Finding::ok("ledger", saw),
        16..=60 => Finding::warning("ledger", saw, todo),
        _ => Finding::error("ledger", saw, todo),
    }
}

/// How far this validator is behind the others.
fn in_step(own: Option<&Answer>, others: &[&Answer]) -> Finding {
    let best = others.iter().map(|answer| answer.newest.height.0).max();
    let Some(own) = own else {
        let todo =
            "wait until it has caught up; its log and conclave_validator_height say how far it is";
        return Finding::warning("progress", "this validator proves no block yet", todo);
    };
    let height = own.newest.height.0;
    let behind = best.unwrap_or_default().saturating_sub(height);
    let best = best
        .map_or_else(|| "no other one answers".to_owned(), |best| format!("the others at {best}"));
    let saw = format!("this validator is at block {height}, {best}");
    match behind {
        0..=16 => Finding::ok("progress", saw),
        17..=1_000 => Finding::warning("progress", saw, "wait until it has caught up"),
        _ => Finding::error(
            "progress",
            saw,
            "look whether it is connected: p2p lines above, and its log",
        ),
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const QUICK: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(6);
const MOST: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use conclave_protocol::{Digest, Height};

    use super::*;
    use crate::doctor::Verdict;

    fn answer(height: u64, age_ms: u64, ahead_ms: i64) -> Answer {
        let none = Digest([0; 32]);
        Answer {
            newest: HeaderFacts {
                height: Height(height),
                time_ms: now_ms() - age_ms,
                digest: none,
                parent: none,
                identity_root: none,
                meeting_root: none,
                identity_txs: 0,
                meeting_txs: 0,
                proposer: ValidatorKey([0; 32]),
                valset_hash: none,
            },
            set: Vec::new(),
            ahead_ms: Some(ahead_ms),
        }
    }

    #[test]
    fn a_quorum_is_one_of_the_set_of_now_and_not_of_the_founders() {
        let key = |n: u8| ValidatorKey([n; 32]);
        let set: Vec<_> = (1..=5).map(key).collect();
        let three = quorum(&set, &[key(1), key(2), key(3)]);
        assert_eq!(three.verdict, Verdict::Error);
        assert_eq!(three.saw, "3 of 5 validators answer, 4 decide");
        let gone = quorum(&set, &[key(1), key(2), key(3), key(9)]);
        assert_eq!(gone.verdict, Verdict::Error, "who is not in it decides nothing");
        assert_eq!(quorum(&set, &[key(1), key(2), key(3), key(5)]).verdict, Verdict::Ok);
    }

    #[test]
    fn a_clock_is_judged_by_the_one_in_the_middle() {
        let judge = |ahead: [i64; 3]| {
            let answers = ahead.map(|ahead| answer(1, 1_000, ahead));
            clock(&answers.iter().collect::<Vec<_>>())
        };
        assert_eq!(judge([100, -400, 500]).verdict, Verdict::Ok);
        assert_eq!(judge([100, -400, 900_000]).verdict, Verdict::Ok, "one of them lies");
        let slow = judge([2_500, 2_600, 100]);
        assert_eq!(
            (slow.verdict, slow.saw.as_str()),
            (Verdict::Warning, "2.5 s behind the clocks of 3 validators")
        );
        let fast = judge([-9_000, -9_100, -8_900]);
        assert_eq!(
            (fast.verdict, fast.saw.as_str()),
            (Verdict::Error, "9.0 s ahead of the clocks of 3 validators")
        );
        assert!(fast.todo.unwrap().contains("NTP"));
    }

    #[test]
    fn a_ledger_that_stands_still_and_a_validator_that_is_late_are_named() {
        let fresh = answer(5_000, 2_000, 0);
        let old = answer(5_000, 90_000, 0);
        assert_eq!(ledger(&[&fresh]).verdict, Verdict::Ok);
        assert_eq!(ledger(&[&old]).verdict, Verdict::Error);
        assert_eq!(in_step(Some(&answer(4_990, 0, 0)), &[&fresh]).verdict, Verdict::Ok);
        assert_eq!(in_step(Some(&answer(4_900, 0, 0)), &[&fresh]).verdict, Verdict::Warning);
        assert_eq!(in_step(Some(&answer(10, 0, 0)), &[&fresh]).verdict, Verdict::Error);
        assert_eq!(in_step(None, &[&fresh]).verdict, Verdict::Warning);
    }
}
