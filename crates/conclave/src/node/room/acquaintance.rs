//! Who of those in a meeting, or at its door, was met before, and with which key.
//!
//! Every proven view of the meeting goes in; one line per person comes out. When somebody's user
//! changed since, the ledger is asked whether the changes lead without a gap from what was known to
//! what is there now; until it answers, nothing is said. Whoever is in a meeting with this device
//! and holds what was known of them is remembered.

use std::collections::BTreeMap;

use conclave_meeting::session::{MeetingView, MemberView};
use conclave_protocol::{Digest, MemberIdx, UserId, meeting::MemberStatus};
use tokio::sync::mpsc;

use super::actor::Late;
use crate::{
    chain::Chain,
    http::wire,
    node::book::{Acquaintance, Book, Person},
};

/// What is known of the people of one meeting.
#[derive(Debug)]
pub(super) struct Acquaintances {
    book: Book,
    me: UserId,
    /// What is said of each, for the user record that ends with this change.
    judged: BTreeMap<MemberIdx, Judged>,
    /// Who was remembered in this meeting already.
    remembered: BTreeMap<MemberIdx, Digest>,
}

/// What is said of somebody.
#[derive(Debug)]
struct Judged {
    /// The last change of their user.
    last: Digest,
    fact: Option<wire::Fact>,
}

impl Acquaintances {
    pub(super) const fn new(book: Book, me: UserId) -> Self {
        Self { book, me, judged: BTreeMap::new(), remembered: BTreeMap::new() }
    }

    /// What is said of somebody.
    pub(super) fn fact(&self, idx: MemberIdx) -> Option<wire::Fact> {
        self.judged.get(&idx)?.fact.clone()
    }

    /// Whether somebody was met before, and nothing they changed since is unexplained.
    pub(super) fn is_known(&self, idx: MemberIdx) -> bool {
        let fact = self.judged.get(&idx).and_then(|one| one.fact.as_ref());
        fact.is_some_and(|fact| fact.known && fact.ok)
    }

    /// A newer view. `live` says that this device holds a key of the meeting.
    pub(super) fn look(
        &mut self,
        view: &MeetingView,
        live: bool,
        name: impl Fn(MemberIdx) -> String,
        chain: &Chain,
        inputs: &mpsc::Sender<Late>,
    ) {
        for (idx, member) in &view.members {
            let Some(record) = &member.user else { continue };
            if member.member.user == self.me {
                continue;
            }
            let name = name(*idx);
            let person = person(member, record, &name);
            let judged = self.judged.get(idx).is_some_and(|one| one.last == record.last_tx);
            if !judged {
                let judgement = self.book.judge(&person);
                let (last, fact) = (record.last_tx, say(judgement));
                self.judged.insert(*idx, Judged { last, fact });
                if let Acquaintance::Changed { since_ms, known, changes } = judgement {
                    let (chain, inputs, idx, last) =
                        (chain.clone(), inputs.clone(), *idx, record.last_tx);
                    tokio::spawn(async move {
                        let Ok(changes_found) = chain.changes(last, Some(known)).await else {
                            return;
                        };
                        // The walk ended at what was known, after as many steps as the numbers say.
                        let explained = changes_found
                            .last()
                            .is_some_and(|oldest| oldest.tx.body.prev() == Some(known))
                            && changes_found.len() == usize::try_from(changes).unwrap_or(0);
                        let fact = explain(explained, since_ms, changes);
                        let _over = inputs.send(Late::Explained(idx, last, fact)).await;
                    });
                }
            }
            let admitted = member.member.status == MemberStatus::Admitted;
            let trusted = self.fact(*idx).is_some_and(|fact| fact.ok);
            let news = self.remembered.get(idx) != Some(&record.last_tx);
            if live && admitted && trusted && news {
                self.remembered.insert(*idx, record.last_tx);
                if let Err(error) = self.book.met(&person, now_ms()) {
                    tracing::warn!(%error, "a contact could not be written down");
                }
            }
        }
    }

    /// The ledger was asked about somebody's changes.
    pub(super) fn explained(&mut self, idx: MemberIdx, last: Digest, fact: wire::Fact) {
        if let Some(judged) = self.judged.get_mut(&idx)
            && judged.last == last
        {
            judged.fact = Some(fact);
        }
    }
}

fn person<'a>(
    member: &'a MemberView,
    record: &'a conclave_protocol::UserRecord,
    name: &'a str,
) -> Person<'a> {
    let head = &member.member;
    Person { user: head.user, dev: head.dev, ivk: &head.ivk, record, name }
}

fn say(judgement: Acquaintance) -> Option<wire::Fact> {
    let known = judgement != Acquaintance::New;
    let (ok, text) = match judgement {
        Acquaintance::New => (true, "you have not met before".to_owned()),
        Acquaintance::SameKey { since_ms } => {
            (true, format!("you met before, first {}, with the same key", ago(since_ms)))
        }
        Acquaintance::OtherDevice { since_ms } => {
            let text = format!(
                "you met before, first {}; this is another device of theirs",
                ago(since_ms)
            );
            (true, text)
        }
        Acquaintance::Rewritten { since_ms } => {
            let met = ago(since_ms);
            (false, format!("you met first {met}, and the ledger now shows another past of theirs"))
        }
        Acquaintance::Changed { .. } => return None,
    };
    Some(wire::Fact { name: wire::FactName::Met, ok, text, known })
}

fn explain(explained: bool, since_ms: u64, changes: u32) -> wire::Fact {
    let met = ago(since_ms);
    let text = if explained {
        format!("you met first {met}; {changes} change(s) since, each signed by their own keys")
    } else {
        format!("you met first {met}; their keys changed since, and nothing explains it")
    };
    wire::Fact { name: wire::FactName::Met, ok: explained, text, known: true }
}

/// Days are enough to remember somebody by.
fn ago(since_ms: u64) -> String {
    match now_ms().saturating_sub(since_ms) / 86_400_000 {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
