//! One participant: a `conclave up` of its own, driven through its local API.
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::{sleep, timeout};

use super::process::Process;
use crate::http::wire::{Identity, InfoForm, Meeting, NewIdentity, Refusal, State};

/// How often the state is looked at while waiting for something; small beside what is measured.
const LOOK: Duration = Duration::from_millis(5);

/// A running participant.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Where its packets and, for guests, its keys are recorded.
    pub(crate) record: PathBuf,
    /// The page, with the token in the fragment.
    pub(crate) url: String,
    process: Process,
    origin: String,
    token: String,
    http: reqwest::Client,
}

/// How a participant is to be started.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Directory for its home, its record and its log.
    pub(crate) dir: &'a Path,
    /// The consortium to join.
    pub(crate) network: &'a Path,
    /// The built-in clip it sends instead of a camera.
    pub(crate) clip: Option<u8>,
    /// Whether the keys are recorded besides the packets.
    pub(crate) record_keys: bool,
    /// Loopback port of the page; 0 for any.
    pub(crate) port: u16,
}

#[derive(Deserialize)]
struct Ready {
    url: String,
    token: String,
}

impl Daemon {
    /// Starts a participant and waits until its API answers.
    pub(crate) async fn start(plan: Plan<'_>) -> Result<Self> {
        let home = plan.dir.join("home");
        let record = plan.dir.join("record");
        std::fs::create_dir_all(&home)?;
        std::fs::create_dir_all(&record)?;
        let mut args: Vec<std::ffi::OsString> = Vec::new();
        for arg in ["up", "--json", "--no-browser", "--port"] {
            args.push(arg.into());
        }
        args.push(plan.port.to_string().into());
        args.extend(["--network".into(), plan.network.into()]);
        args.extend(["--home".into(), home.into_os_string()]);
        args.extend(["--record".into(), record.clone().into_os_string()]);
        if plan.record_keys {
            args.push("--record-keys".into());
        }
        if let Some(clip) = plan.clip {
            args.extend(["--clip".into(), clip.to_string().into()]);
        }
        let mut process = Process::start(plan.name, args, &plan.dir.join("log"))?;
        let Ready { url, token } = process.ready().await?;
        let origin = url.split("/#").next().unwrap_or(&url).trim_end_matches('/').to_owned();
        let http = crate::web::client().build()?;
        Ok(Self { name: plan.name, record, url, process, origin, token, http })
    }

    /// The operating system's number of the process.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// Kills it as `kill -9` does.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Sends one command and reads its answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let url = format!("{}{path}", self.origin);
        let request = self.http.post(url).bearer_auth(&self.token).header("origin", &self.origin);
        let answer = request.json(body).send().await.with_context(|| self.context(path))?;
        if !answer.status().is_success() {
            let refusal: Refusal = answer.json().await.with_context(|| self.context(path))?;
            bail!("{} {path}: {}; {}", self.name, refusal.error, refusal.next);
        }
        answer.json().await.with_context(|| self.context(path))
    }

    /// Makes an identity under its name, without a passphrase.
    pub(crate) async fn register(&self, form: InfoForm) -> Result<Identity> {
        let ask = NewIdentity {
            name: self.name.to_owned(),
            form,
            passphrase: None,
            key_store: Default::default(),
            key: Default::default(),
            work: false,
        };
        self.post("/api/identity", &ask).await
    }

    /// The whole state.
    pub(crate) async fn state(&self) -> Result<State> {
        let url = format!("{}/api/state", self.origin);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
        answer.error_for_status()?.json().await.with_context(|| self.context("/api/state"))
    }

    /// One number of `/metrics`, all labels summed; 0 if it is not there.
    pub(crate) async fn metric(&self, name: &str) -> Result<f64> {
        let url = format!("{}/metrics", self.origin);
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
        let text = answer.error_for_status()?.text().await?;
        let value = |line: &str| {
            let (head, value) = line.rsplit_once(' ')?;
            (head.split('{').next() == Some(name)).then(|| value.parse::<f64>().ok())?
        };
        Ok(text.lines().filter_map(value).sum())
    }

    /// Waits until the state is as wanted and gives what was picked from it.
    pub(crate) async fn until<T>(
        &self,
        what: &str,
        within: Duration,
        pick: impl Fn(&State) -> Option<T>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            let left = within.saturating_sub(start.elapsed());
            let state = timeout(left.max(LOOK), self.state()).await;
            if let Ok(Ok(state)) = &state
                && let Some(picked) = pick(state)
            {
                return Ok(picked);
            }
            if start.elapsed() >= within {
                let now = state.ok().and_then(Result::ok).and_then(|state| state.meeting);
                let now = now.map_or_else(|| "no meeting".to_owned(), |m| describe(&m));
                return Err(anyhow!(
                    "{}: {what} did not happen within {within:?} ({now})",
                    self.name
                ));
            }
            sleep(LOOK).await;
        }
    }

    /// As [`until`](Self::until), about the meeting.
    pub(crate) async fn until_meeting<T>(
        &self,
        what: &str,
        within: Duration,
        pick: impl Fn(&Meeting) -> Option<T>,
    ) -> Result<T> {
        self.until(what, within, |state| state.meeting.as_ref().and_then(&pick)).await
    }

    fn context(&self, path: &str) -> String {
        format!("asking {} for {path}", self.name)
    }
}

fn describe(meeting: &Meeting) -> String {
    let notices: Vec<&str> = meeting.notices.iter().map(|notice| notice.text.as_str()).collect();
    format!(
        "{:?}, epoch {}, {} members, {} in the lobby{}{}",
        meeting.phase,
        meeting.epoch,
        meeting.members.len(),
        meeting.lobby.len(),
        if notices.is_empty() { "" } else { "; " },
        notices.join("; ")
    )
}
