//! The command line's way to the running daemon: the same local API as the page.

use std::{marker::PhantomData, time::Duration};

use anyhow::{Context as _, anyhow};
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};

use super::advice::Advised as _;
use crate::{
    config::{Daemon, Home},
    http::{
        Token,
        wire::{Event, Meeting, Refusal, State},
    },
};

/// A daemon that was found.
#[derive(Debug)]
pub(super) struct Local {
    http: Client,
    origin: String,
    daemon: Daemon,
}

/// Where and as whom a studio program publishes.
#[derive(Debug, Serialize)]
pub(super) struct Studio {
    /// The address.
    pub(super) url: String,
    /// The bearer token.
    pub(super) token: String,
}

impl Local {
    /// The daemon of this home.
    pub(super) fn find(home: &Home) -> anyhow::Result<Self> {
        let daemon = Daemon::find(home).ok_or_else(none).suggest("conclave up")?;
        let http = crate::web::client().connect_timeout(Duration::from_secs(2)).build()?;
        Ok(Self { http, origin: format!("http://127.0.0.1:{}", daemon.port), daemon })
    }

    /// How it is reached.
    pub(super) const fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Where a studio program publishes, as long as this daemon runs.
    pub(super) fn studio(&self) -> anyhow::Result<Studio> {
        let token = Token::from_hex(&self.daemon.token).context("the daemon's file is damaged")?;
        let token = token.studio().danger_hex().to_string();
        Ok(Studio { url: format!("{}/whip", self.origin), token })
    }

    /// The whole state.
    pub(super) async fn state(&self) -> anyhow::Result<State> {
        self.send(self.request(Method::GET, "/api/state")).await
    }

    /// The meeting of the moment.
    pub(super) async fn meeting(&self) -> anyhow::Result<Meeting> {
        let state = self.state().await?;
        let none = || anyhow!("there is no meeting");
        state.meeting.ok_or_else(none).suggest("conclave meeting create TITLE")
    }

    /// One command.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// The state after each change, and notices.
    pub(super) async fn events(&self) -> anyhow::Result<Events<Event>> {
        self.stream(self.request(Method::GET, "/api/events")).await
    }

    /// One command whose answer goes on.
    pub(super) async fn follow<T>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Events<T>> {
        self.stream(self.request(Method::POST, path).json(body)).await
    }

    async fn stream<T>(&self, request: RequestBuilder) -> anyhow::Result<Events<T>> {
        let answer = Self::ask(request).await?;
        Ok(Events { answer, rest: Vec::new(), of: PhantomData })
    }

    /// Sends a file.
    pub(super) async fn upload<T: DeserializeOwned>(
        &self,
        name: &str,
        bytes: Vec<u8>,
    ) -> anyhow::Result<T> {
        let name = form_urlencoded(name)?;
        let request = self.request(Method::POST, &format!("/api/file?{name}"));
        self.send(request.body(bytes)).await
    }

    /// What is in a file that the daemon has.
    pub(super) async fn download(&self, id: &str) -> anyhow::Result<Vec<u8>> {
        let answer = Self::ask(self.request(Method::GET, &format!("/api/file/{id}"))).await?;
        let bytes = answer.bytes().await.context("reading the file from the daemon")?;
        Ok(bytes.into())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.origin));
        request.bearer_auth(&self.daemon.token).header("origin", &self.origin)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        Self::ask(request).await?.json().await.context("reading the daemon's answer")
    }

    async fn ask(request: RequestBuilder) -> anyhow::Result<Response> {
        let answer = match request.send().await {
            Ok(answer) => answer,
            // It was killed and left its file behind.
            Err(error) if error.is_connect() => return Err(none()).suggest("conclave up"),
            Err(error) => return Err(error).context("asking the daemon"),
        };
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let refusal: Refusal =
            answer.json().await.with_context(|| format!("the daemon answered {status}"))?;
        Err(anyhow!(refusal.error)).advise(refusal.next)
    }
}

/// Events as the daemon sends them (the `data` of server-sent events), one after the other.
#[derive(Debug)]
pub(super) struct Events<T> {
    answer: Response,
    rest: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Events<T> {
    /// The next event; nothing when the daemon has ended. Nothing is lost when it is given up.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<T>> {
        loop {
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                if let Some(data) = line.strip_prefix(b"data:") {
                    return Ok(Some(serde_json::from_slice(data)?));
                }
            }
            match self.answer.chunk().await {
                Ok(Some(chunk)) => self.rest.extend_from_slice(&chunk),
                // A daemon that was killed says no goodbye.
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }
}

/// `name=...` as it stands in a query.
fn form_urlencoded(name: &str) -> anyhow::Result<String> {
    let url = Url::parse_with_params("http://localhost/", [("name", name)])?;
    Ok(url.query().unwrap_or_default().to_owned())
}

fn none() -> anyhow::Error {
    anyhow!("no daemon is running here")
}
