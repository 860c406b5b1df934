//! What a person sees of a validator that waits or catches up: one line that changes on a terminal,
//! lines of the log elsewhere.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use conclave_ledger::validator::Validator;
use conclave_protocol::ValidatorKey;

use super::super::network::quorum;
use crate::network::Network;

/// Tells how the validator gets on until it is dropped.
pub(super) async fn watch(validator: Validator, network: Network) {
    let mut teller = Teller::new();
    let mut pace = Pace::new(validator.status().height.0);
    let me = validator.status().key;
    let connected = validator.connected();
    loop {
        let (height, newest) = (validator.status().height.0, validator.newest().0);
        pace.at(height, Instant::now());
        let others = connected.borrow().clone();
        let members = validator.members();
        teller.tell(Phase::of(
            &network,
            &members,
            me,
            &others,
            (height, newest),
            pace.per_second(),
        ));
        tokio::time::sleep(LOOK).await;
    }
}

/// What a validator is doing.
#[derive(Clone, Debug, PartialEq)]
enum Phase {
    /// Too few of the others are there.
    Waiting { reachable: usize, of: usize, quorum: usize, missing: Vec<String> },
    /// Enough are there, and nothing is final yet.
    Starting { reachable: usize, of: usize },
    /// It executes what the others have decided without it.
    CatchingUp { height: u64, newest: u64, per_second: f64 },
    /// It is in step.
    Final { height: u64 },
}

impl Phase {
    fn of(
        network: &Network,
        members: &[ValidatorKey],
        me: ValidatorKey,
        connected: &[ValidatorKey],
        (height, newest): (u64, u64),
        per_second: f64,
    ) -> Self {
        let gone = |key: &&ValidatorKey| **key != me && !connected.contains(key);
        let missing: Vec<String> =
            members.iter().filter(gone).map(|key| called(network, key)).collect();
        let of = members.len();
        let reachable = of.saturating_sub(missing.len());
        if reachable < quorum(of) {
            Self::Waiting { reachable, of, quorum: quorum(of), missing }
        } else if newest > height.saturating_add(BEHIND) {
            Self::CatchingUp { height, newest, per_second }
        } else if height == 0 {
            Self::Starting { reachable, of }
        } else {
            Self::Final { height }
        }
    }

    /// Whether the log should have a line of its own for the step from `last`.
    fn is_news_after(&self, last: Option<&Self>) -> bool {
        match (self, last) {
            (Self::Waiting { missing, .. }, Some(Self::Waiting { missing: known, .. })) => {
                missing != known
            }
            (Self::CatchingUp { .. }, Some(Self::CatchingUp { .. }))
            | (Self::Starting { .. }, Some(Self::Starting { .. }))
            | (Self::Final { .. }, Some(Self::Final { .. })) => false,
            _ => true,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting { reachable, of, quorum, missing } => write!(
                f,
                "{reachable} of {of} validators reachable, waiting for {quorum}; missing: {}",
                missing.join(", ")
            ),
            Self::Starting { reachable, of } => {
                write!(f, "quorum reached, {reachable} of {of} validators; block 1 is being made")
            }
            Self::CatchingUp { height, newest, per_second } => {
                write!(
                    f,
                    "catching up: {} of {} blocks, {}/s",
                    grouped(*height),
                    grouped(*newest),
                    grouped(per_second.round() as u64)
                )?;
                let left = newest.saturating_sub(*height) as f64 / per_second;
                if left.is_finite() {
                    write!(f, ", {} s left", grouped(left.ceil() as u64))?;
                }
                Ok(())
            }
            Self::Final { height } => {
                write!(f, "quorum reached, block {} final", grouped(*height))
            }
        }
    }
}

/// How a person finds a validator that is missing.
fn called(network: &Network, key: &ValidatorKey) -> String {
    let Some(peer) = network.validators.iter().find(|peer| peer.key == *key) else {
        return key.to_string();
    };
    let name = peer.name.clone().unwrap_or_else(|| key.to_string());
    match &peer.p2p {
        Some(place) => format!("{name} ({place})"),
        None => name,
    }
}

/// 12,400
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Blocks a second, over the last few seconds.
struct Pace {
    seen: Vec<(Instant, u64)>,
}

impl Pace {
    fn new(height: u64) -> Self {
        Self { seen: vec![(Instant::now(), height)] }
    }

    fn at(&mut self, height: u64, now: Instant) {
        self.seen.push((now, height));
        if self.seen.len() > WINDOW {
            self.seen.remove(0);
        }
    }

    fn per_second(&self) -> f64 {
        let (Some(first), Some(last)) = (self.seen.first(), self.seen.last()) else { return 0.0 };
        let blocks = last.1.saturating_sub(first.1) as f64;
        let seconds = last.0.saturating_duration_since(first.0).as_secs_f64();
        if seconds > 0.0 { blocks / seconds } else { 0.0 }
    }
}

/// Where the line goes.
struct Teller {
    terminal: bool,
    last: Option<Phase>,
    logged: Instant,
    /// Whether the line on the terminal waits to be replaced.
    open: bool,
}

impl Teller {
    fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            last: None,
            logged: Instant::now(),
            open: false,
        }
    }

    fn tell(&mut self, phase: Phase) {
        let news = phase.is_news_after(self.last.as_ref());
        let settled = matches!(phase, Phase::Final { .. });
        if self.terminal {
            if news || !settled {
                let mut err = io::stderr().lock();
                let end = if settled { "\n" } else { "" };
                let _ = write!(err, "\r\x1b[2K{phase}{end}");
                let _ = err.flush();
                self.open = !settled;
            }
        } else if news || (!settled && self.logged.elapsed() >= AGAIN) {
            self.logged = Instant::now();
            match &phase {
                Phase::Waiting { .. } => tracing::warn!("{phase}"),
                _ => tracing::info!("{phase}"),
            }
        }
        self.last = Some(phase);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if self.open {
            let _ = writeln!(io::stderr().lock());
        }
    }
}

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);
/// Between two lines of the log that say the same in other numbers.
const AGAIN: Duration = Duration::from_secs(10);
/// Blocks by which a validator is behind before that is worth a word: more than one exchange of
/// certificates takes, at several blocks a second.
const BEHIND: u64 = 16;
/// Looks that the pace is taken over.
const WINDOW: usize = 6;

#[cfg(test)]
mod tests {
    use conclave_protocol::{Ed25519Signer, Genesis, Params};

    use super::*;
    use crate::network::Peer;

    fn network() -> Network {
        let validators: Vec<Peer> = (1..=4_u8)
            .map(|n| Peer {
                key: Ed25519Signer::from_seed(&[n; 32]).validator(),
                name: Some(format!("org-{n}")),
                rpc: format!("http://org-{n}.example.org"),
                p2p: Some(format!("org-{n}.example.org:4100").parse().unwrap()),
                relay: None,
            })
            .collect();
        let keys: Vec<_> = validators.iter().map(|peer| peer.key).collect();
        let genesis = Genesis::new("test", 0, keys, Params::default()).unwrap();
        Network { genesis, validators, anchors: Vec::new() }
    }

    #[test]
    fn a_validator_says_whom_it_waits_for() {
        let network = network();
        let key = |n: usize| network.validators[n].key;
        let members: Vec<_> = (0..4).map(key).collect();
        let of = |connected: &[ValidatorKey], height| {
            Phase::of(&network, &members, key(0), connected, (height, height), 0.0)
        };
        let phase = of(&[key(1)], 0);
        assert_eq!(
            phase.to_string(),
            "2 of 4 validators reachable, waiting for 3; missing: org-3 (org-3.example.org:4100), \
             org-4 (org-4.example.org:4100)"
        );
        assert!(!phase.is_news_after(Some(&phase)));
        let more = of(&[key(1), key(2)], 0);
        assert!(more.is_news_after(Some(&phase)));
        assert!(more.to_string().starts_with("quorum reached, 3 of 4 validators"));
        let done = of(&[key(1), key(2)], 1);
        assert_eq!(done.to_string(), "quorum reached, block 1 final");
        let lost = of(&[], 9);
        assert!(lost.to_string().starts_with("1 of 4 validators reachable, waiting for 3"));

        let newcomer = Ed25519Signer::from_seed(&[9; 32]).validator();
        let five = [members.as_slice(), &[newcomer]].concat();
        let grown = Phase::of(&network, &five, key(0), &[key(1)], (9, 9), 0.0).to_string();
        assert!(grown.starts_with("2 of 5 validators reachable, waiting for 4"), "{grown}");
        assert!(grown.ends_with(&newcomer.to_string()), "the network file does not know it");
    }

    #[test]
    fn a_late_one_says_how_far_it_is() {
        let network = network();
        let keys: Vec<_> = network.validators.iter().map(|peer| peer.key).collect();
        let phase =
            |height, pace| Phase::of(&network, &keys, keys[0], &keys[1..], (height, 51_000), pace);
        assert_eq!(
            phase(12_400, 2_300.0).to_string(),
            "catching up: 12,400 of 51,000 blocks, 2,300/s, 17 s left"
        );
        assert_eq!(phase(0, 0.0).to_string(), "catching up: 0 of 51,000 blocks, 0/s");
        assert_eq!(phase(51_000 - BEHIND, 9.0).to_string(), "quorum reached, block 50,984 final");
    }

    #[test]
    fn the_pace_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut pace = Pace { seen: vec![(start, 0)] };
        for second in 1..20_u64 {
            let height = if second < 10 { second * 1_000 } else { 9_000 + (second - 9) * 10 };
            pace.at(height, start + Duration::from_secs(second));
        }
        assert!((pace.per_second() - 10.0).abs() < 1e-6);
    }
}
