//! The demo for a person: they lead, three guests ask to come in and send what they have.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Options, timeline::Timeline};
use crate::http::wire::{Empty, InfoForm, Invitation, NewMeeting, Opened, Phase};
use crate::stage::{Daemon, GUESTS, World};

/// Bound of one step.
const STEP: Duration = Duration::from_secs(30);

/// Starts everyone, opens the page, and waits for the person to stop it with Ctrl-C.
pub(crate) async fn run(options: &Options, world: &World, timeline: &Timeline) -> Result<bool> {
    timeline.chapter("People (section IV.A)");
    let you = world.participant("You", None, false, options.port).await?;
    identity(&you, timeline).await?;
    let mut guests = Vec::new();
    for (i, name) in GUESTS.iter().enumerate().take(options.guests.clamp(1, GUESTS.len())) {
        let clip = u8::try_from(i + 1).context("counting guests")?;
        let guest = world.participant(name, Some(clip), false, 0).await?;
        identity(&guest, timeline).await?;
        guests.push(guest);
    }

    timeline.chapter("Your meeting (sections IV.B to IV.D)");
    let ask = NewMeeting {
        title: "My first meeting without a server".to_owned(),
        ..NewMeeting::default()
    };
    let _: Opened = you.post("/api/meetings", &ask).await?;
    let link = you
        .until_meeting("the published meeting", STEP, |m| {
            (m.phase == Phase::Live).then(|| m.invite.as_ref().map(|i| i.link.clone()))?
        })
        .await?;
    timeline.step("(5)-(7)", "you published a meeting and lead it");
    for guest in &guests {
        let _: Opened = guest.post("/api/join", &Invitation { link: link.clone() }).await?;
        timeline.step("(8)-(10)", &format!("{} asks to come in", guest.name));
    }

    timeline.chapter("Now it is your turn");
    timeline.step("", &format!("open  {}", you.url));
    timeline.step("", "admit the guests in the lobby; stop everything here with Ctrl-C");
    if options.browser && open::that_detached(&you.url).is_err() {
        timeline.step("", "no browser could be opened from here; use the address above");
    }
    tokio::signal::ctrl_c().await.context("waiting for Ctrl-C")?;
    for daemon in guests.iter().chain([&you]) {
        let _gone: Result<Empty> = daemon.post("/api/leave", &Empty {}).await;
    }
    Ok(true)
}

async fn identity(daemon: &Daemon, timeline: &Timeline) -> Result<()> {
    let identity = daemon.register(InfoForm::Clear).await?;
    timeline.step(
        "(1)-(3)",
        &format!("{} is registered with key {}", daemon.name, identity.fingerprint),
    );
    Ok(())
}
