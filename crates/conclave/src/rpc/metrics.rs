//! What a validator counts, for Prometheus: the engine's numbers, the ledgers', the process's.
//!
//! Anybody may read them, so they say nothing about people, and are made once a second at most.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use conclave_ledger::validator::{AskError, Status, Validator};
use tokio::sync::Mutex;

use super::{Rpc, refuse};
use crate::{
    http::metrics::{Sample, gauge, write},
    limits,
};

/// `GET /metrics`
pub(super) async fn metrics(State(rpc): State<Rpc>) -> Response {
    match rpc.scrapes.text(&rpc.validator).await {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}

/// The newest text, and where the ledgers lie whose size is in it.
#[derive(Debug)]
pub(super) struct Scrapes {
    ledgers: Option<PathBuf>,
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Scrapes {
    pub(super) fn new(ledgers: Option<PathBuf>) -> Self {
        Self { ledgers, last: Mutex::default() }
    }

    async fn text(&self, validator: &Validator) -> Result<String, AskError> {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < FRESH
        {
            return Ok(text.to_string());
        }
        let engine = validator.metrics().await?;
        let mut text = engine.strip_suffix(END).unwrap_or(&engine).to_owned();
        write(&mut text, "conclave_validator_", &self.samples(validator).await);
        text.push_str(END);
        *last = Some((Instant::now(), text.as_str().into()));
        Ok(text)
    }

    async fn samples(&self, validator: &Validator) -> Vec<Sample> {
        let Status { time_ms, validators, mempool, is_ready, height, .. } = validator.status();
        let newest = validator.newest();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let lag = now.saturating_sub(Duration::from_millis(time_ms));
        let lag = if height.0 == 0 { Duration::ZERO } else { lag };
        let behind = newest.0.saturating_sub(height.0);
        let peers = validator.connected().borrow().len();
        let mut samples = vec![
            gauge("ready", "1 when this validator answers questions.", f64::from(is_ready)),
            gauge("set_size", "Validators of the network.", validators as f64),
            gauge("peers_connected", "Other validators that are connected.", peers as f64),
            gauge("mempool_transactions", "Transactions that wait for a block.", mempool as f64),
            gauge("lag_seconds", "Age of the newest executed block.", lag.as_secs_f64()),
            gauge("blocks_behind", "Final blocks not executed yet.", behind as f64),
        ];
        let ledgers = self.ledgers.clone();
        let machine = move || of_the_machine(ledgers.as_deref());
        samples.extend(tokio::task::spawn_blocking(machine).await.unwrap_or_default());
        samples
    }
}

/// What only the system knows; reads files, so it may wait for the disk.
fn of_the_machine(ledgers: Option<&Path>) -> Vec<Sample> {
    let disk = ledgers.map(limits::below);
    let free = ledgers.and_then(limits::disk);
    [
        ("memory_bytes", "Memory this process occupies.", limits::resident()),
        ("memory_available_bytes", "Memory it may still take.", limits::memory()),
        ("open_files", "Files and sockets this process has open.", limits::open_files()),
        ("open_files_max", "Files and sockets it may open.", Some(limits::most_files())),
        ("disk_bytes", "Size of both ledgers and the journal.", disk),
        ("disk_free_bytes", "Free space on their disk.", free),
    ]
    .into_iter()
    .filter_map(|(name, help, value)| Some(gauge(name, help, value? as f64)))
    .collect()
}

const FRESH: Duration = Duration::from_secs(1);
const END: &str = "# EOF\n";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
