//! What the demo prints: every step of the protocol as it happens, for people or for machines.
use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Instant,
};

use serde_json::{Value, json};

/// Prints steps and remembers checks.
#[derive(Debug)]
pub(crate) struct Timeline {
    json: bool,
    colour: bool,
    start: Instant,
    checks: Vec<Check>,
}

/// One thing that had to hold.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) ok: bool,
}

impl Timeline {
    /// A timeline that starts now; JSON lines if `json`, else text.
    pub(crate) fn new(json: bool) -> Self {
        let colour = !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour, start: Instant::now(), checks: Vec::new() }
    }

    /// A part of the protocol begins, named as in the paper.
    pub(crate) fn chapter(&self, title: &str) {
        if self.json {
            self.line(&json!({"event": "chapter", "title": title}));
        } else {
            self.text(&format!("\n{}", self.bold(title)));
        }
    }

    /// Something happened. `equation` is the paper's number, or empty.
    pub(crate) fn step(&self, equation: &str, text: &str) {
        if self.json {
            let at_ms = self.elapsed_ms();
            self.line(
                &json!({"event": "step", "at_ms": at_ms, "equation": equation, "text": text}),
            );
        } else {
            self.text(&format!(
                "  {:>6.2} s  {equation:>9}  {text}",
                self.start.elapsed().as_secs_f64()
            ));
        }
    }

    /// Something had to hold; a failed check makes the demo fail in the end.
    pub(crate) fn check(&mut self, name: &'static str, ok: bool, text: &str) {
        self.checks.push(Check { name, ok });
        if self.json {
            let at_ms = self.elapsed_ms();
            self.line(
                &json!({"event": "check", "at_ms": at_ms, "name": name, "ok": ok, "text": text}),
            );
        } else {
            let mark = if ok { self.green("ok  ") } else { self.red("FAIL") };
            self.text(&format!(
                "  {:>6.2} s  {:>9}  {mark} {text}",
                self.start.elapsed().as_secs_f64(),
                ""
            ));
        }
    }

    /// The last line: whether all of it held, and what was measured.
    pub(crate) fn summary(&self, metrics: &Value) -> bool {
        let ok = !self.checks.is_empty() && self.checks.iter().all(|check| check.ok);
        if self.json {
            let checks: Vec<Value> =
                self.checks.iter().map(|c| json!({"name": c.name, "ok": c.ok})).collect();
            self.line(&json!({"event": "summary", "ok": ok, "checks": checks, "metrics": metrics}));
            return ok;
        }
        self.chapter("What was measured on this machine");
        for (name, value) in metrics.as_object().into_iter().flatten() {
            self.text(&format!("  {name:<28} {}", plain(value)));
        }
        let held = self.checks.iter().filter(|check| check.ok).count();
        let verdict = format!("\n{held} of {} checks held.", self.checks.len());
        self.text(&if ok { self.green(&verdict) } else { self.red(&verdict) });
        ok
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn line(&self, value: &Value) {
        self.text(&value.to_string());
    }

    /// Writes one line; whoever reads may have gone away, and that is not the demo's failure.
    fn text(&self, line: &str) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}");
        let _ = out.flush();
    }

    fn bold(&self, text: &str) -> String {
        self.paint("1", text)
    }

    fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    fn red(&self, text: &str) -> String {
        self.paint("1;31", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "not measured".to_owned(),
        Value::Number(n) => {
            n.as_f64().map_or_else(|| n.to_string(), |f| format!("{}", (f * 100.0).round() / 100.0))
        }
        other => other.to_string(),
    }
}
