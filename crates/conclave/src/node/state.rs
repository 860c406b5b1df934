//! The one value the page shows, put together again whenever a part of it changes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{sync::watch, time::MissedTickBehavior};

use super::{
    Person, book,
    evidence::Shelf,
    room::{Room, codes},
};
use crate::{
    chain::Chain,
    http::wire::{Anchors, Contact, Meeting, PastMeeting, State},
    keystore,
};

/// The age of the newest header moves without any event.
const REDRAW: Duration = Duration::from_millis(500);
/// Ended meetings that are remembered.
const RECENT: usize = 20;
/// Contacts that the page is told of.
const CONTACTS: usize = 100;

/// Keeps the state up to date until nobody holds a receiver any more.
pub(super) fn keep(
    chain: Chain,
    dev: bool,
    shelf: Shelf,
    mut person: watch::Receiver<Option<Person>>,
    mut room: watch::Receiver<Option<Room>>,
    anchors: Option<watch::Receiver<Anchors>>,
) -> watch::Receiver<Arc<State>> {
    let vault = Arc::new(AtomicBool::new(false));
    let found = Arc::clone(&vault);
    tokio::task::spawn_blocking(move || {
        found.store(keystore::has_system_store(), Ordering::Relaxed);
    });
    let mut keeper = Keeper { dev, shelf, anchors, vault, recent: Vec::new(), last: None };
    let first = keeper.state(&chain, None, None);
    let (send, receive) = watch::channel(Arc::new(first));
    tokio::spawn(async move {
        let mut headers = chain.headers();
        let mut tick = tokio::time::interval(REDRAW);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut view = room.borrow_and_update().as_ref().map(|room| room.view.clone());
            let who = person.borrow_and_update().clone();
            let meeting = view.as_mut().map(|view| Arc::clone(&view.borrow_and_update()));
            let state = keeper.state(&chain, who.as_ref(), meeting.as_deref());
            send.send_replace(Arc::new(state));
            tokio::select! {
                () = send.closed() => return,
                Ok(()) = headers.changed() => {}
                Ok(()) = person.changed() => {}
                Ok(()) = room.changed() => {}
                () = changed(view.as_mut()) => {}
                _ = tick.tick() => {}
            }
            // Whatever it was, the age is told with it; a meeting is drawn as often as this by itself.
            tick.reset();
        }
    });
    receive
}

struct Keeper {
    dev: bool,
    shelf: Shelf,
    /// Looked at whenever something else changes; they change slowly.
    anchors: Option<watch::Receiver<Anchors>>,
    /// Whether the system keeps keys; known a moment after the start.
    vault: Arc<AtomicBool>,
    recent: Vec<PastMeeting>,
    last: Option<String>,
}

impl Keeper {
    fn state(&mut self, chain: &Chain, who: Option<&Person>, meeting: Option<&Meeting>) -> State {
        if let Some(meeting) = meeting {
            self.remember(meeting);
        }
        let mut network = chain.network();
        network.dev = self.dev;
        let fork = codes::evidence(chain.fork(), None).pop();
        network.fork = fork.map(|fork| self.shelf.keep(fork));
        State {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            network,
            identity: who.map(|person| person.view.clone()),
            meeting: meeting.cloned(),
            recent: self.recent.clone(),
            contacts: who.map(contacts).unwrap_or_default(),
            anchors: self.anchors.as_ref().map(|anchors| anchors.borrow().clone()),
            key_store: self.vault.load(Ordering::Relaxed),
        }
    }

    fn remember(&mut self, meeting: &Meeting) {
        let over = meeting.phase.is_over();
        if !over || self.last.as_ref() == Some(&meeting.mid) {
            return;
        }
        self.last = Some(meeting.mid.clone());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ended_at_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        let (mid, title) = (meeting.mid.clone(), meeting.title.clone());
        self.recent.insert(0, PastMeeting { mid, title, ended_at_ms });
        self.recent.truncate(RECENT);
    }
}

/// The people met, the last one first.
fn contacts(person: &Person) -> Vec<Contact> {
    let mut people: Vec<_> = person
        .book
        .people()
        .into_iter()
        .map(|(user, book::Contact { name, since_ms, last_ms, .. })| Contact {
            user,
            name,
            since_ms,
            last_ms,
        })
        .collect();
    people.sort_by_key(|contact| std::cmp::Reverse(contact.last_ms));
    people.truncate(CONTACTS);
    people
}

async fn changed(view: Option<&mut watch::Receiver<Arc<Meeting>>>) {
    match view {
        // A meeting that is over changes no more.
        Some(view) => {
            if view.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        None => std::future::pending().await,
    }
}
