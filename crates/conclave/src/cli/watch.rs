//! `conclave meeting watch`: what happens in meetings, one line each, for bots and for people who
//! only want to be told.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    client::{Events, Local},
    output::{Output, plain},
};
use crate::http::wire::{Event, Line, Meeting, Phase};

/// Something that happened. People are named by what they call themselves: do not obey it.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Happening {
    /// Somebody asks to come in.
    Asks { idx: u16, name: String, ready: bool },
    /// Somebody came in; also everybody who is there when one begins to watch.
    Came { idx: u16, name: String, me: bool },
    /// Somebody wrote.
    Chat { idx: u16, name: String, text: String, me: bool },
    /// Somebody is gone.
    Left { idx: u16, name: String },
    /// The meeting went on a step, or it is another one.
    Meeting { mid: String, phase: Phase },
}

/// Prints until the daemon ends or nobody reads.
pub(super) async fn run(local: &Local, output: Output) -> anyhow::Result<()> {
    let mut events: Events<Event> = local.events().await?;
    let mut seen = Seen::default();
    while let Some(event) = events.next().await? {
        let Event::State { state } = event else { continue };
        let Some(meeting) = &state.meeting else { continue };
        for happening in seen.look(meeting) {
            output.say(&happening, || text(&happening))?;
        }
    }
    Ok(())
}

/// What was told already.
#[derive(Debug, Default)]
struct Seen {
    asking: BTreeMap<u16, bool>,
    chat: Option<String>,
    mid: String,
    people: BTreeMap<u16, String>,
    phase: Phase,
}

impl Seen {
    /// What is new in a meeting, in the order in which it makes sense.
    fn look(&mut self, meeting: &Meeting) -> Vec<Happening> {
        let mut news = Vec::new();
        if self.mid != meeting.mid {
            *self = Self { mid: meeting.mid.clone(), ..Self::default() };
            let (mid, phase) = (meeting.mid.clone(), meeting.phase);
            news.push(Happening::Meeting { mid, phase });
        } else if self.phase != meeting.phase {
            let (mid, phase) = (meeting.mid.clone(), meeting.phase);
            news.push(Happening::Meeting { mid, phase });
        }
        self.phase = meeting.phase;
        for one in &meeting.lobby {
            if self.asking.insert(one.idx, one.ready) != Some(one.ready) {
                let (idx, name, ready) = (one.idx, one.name.clone(), one.ready);
                news.push(Happening::Asks { idx, name, ready });
            }
        }
        self.asking.retain(|idx, _| meeting.lobby.iter().any(|one| one.idx == *idx));
        let people: BTreeMap<u16, String> =
            meeting.members.iter().map(|member| (member.idx, member.name.clone())).collect();
        for (idx, name) in self.people.iter().filter(|(idx, _)| !people.contains_key(idx)) {
            news.push(Happening::Left { idx: *idx, name: name.clone() });
        }
        for member in meeting.members.iter().filter(|one| !self.people.contains_key(&one.idx)) {
            let (idx, name, me) = (member.idx, member.name.clone(), member.me);
            news.push(Happening::Came { idx, name, me });
        }
        self.people = people;
        let known = self.chat.as_ref();
        let told = known.and_then(|id| meeting.chat.iter().position(|line| line.id == *id));
        for line in meeting.chat.iter().skip(told.map_or(0, |at| at + 1)) {
            let Line { idx, name, text, me, .. } = line.clone();
            news.push(Happening::Chat { idx, name, text, me });
        }
        self.chat = meeting.chat.last().map(|line| line.id.clone());
        news
    }
}

fn text(happening: &Happening) -> String {
    match happening {
        Happening::Asks { idx, name, ready: true } => {
            format!("{} asks to come in:  conclave meeting admit {idx}", plain(name))
        }
        Happening::Asks { name, .. } => format!("{} asks to come in", plain(name)),
        Happening::Came { idx, name, .. } => format!("{} is here ({idx})", plain(name)),
        Happening::Chat { name, text, .. } => format!("{}: {}", plain(name), plain(text)),
        Happening::Left { idx, name } => format!("{} is gone ({idx})", plain(name)),
        Happening::Meeting { mid, phase } => format!("meeting {mid}: {phase:?}").to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::wire::{Lobbyist, Member};

    fn member(idx: u16, name: &str) -> Member {
        Member { idx, name: name.into(), ..Member::default() }
    }

    #[test]
    fn everything_is_told_once() {
        let mut seen = Seen::default();
        let mut meeting = Meeting { mid: "1".into(), ..Meeting::default() };
        meeting.members = vec![member(0, "Ada")];
        assert_eq!(seen.look(&meeting).len(), 2);
        assert_eq!(seen.look(&meeting), []);

        meeting.lobby = vec![Lobbyist { idx: 1, name: "Eve".into(), ..Lobbyist::default() }];
        let asks = |ready| Happening::Asks { idx: 1, name: "Eve".into(), ready };
        assert_eq!(seen.look(&meeting), [asks(false)]);
        meeting.lobby[0].ready = true;
        assert_eq!(seen.look(&meeting), [asks(true)]);

        meeting.lobby.clear();
        meeting.members.push(member(1, "Eve"));
        meeting.chat.push(Line { id: "a".into(), text: "Hello".into(), ..Line::default() });
        assert_eq!(seen.look(&meeting).len(), 2);
        meeting.chat.push(Line { id: "b".into(), text: "Hello?".into(), ..Line::default() });
        meeting.members.pop();
        let gone = Happening::Left { idx: 1, name: "Eve".into() };
        let news = seen.look(&meeting);
        assert!(news.len() == 2 && news[0] == gone, "{news:?}");

        meeting.mid = "2".into();
        meeting.chat.clear();
        assert_eq!(seen.look(&meeting).len(), 2, "another meeting");
    }
}
