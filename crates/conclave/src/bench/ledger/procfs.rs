//! What the kernel says about a process and a directory (proc(5)).

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use conclave_ledger::validator::BOUNDED;

/// What a process has used at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    at: Instant,
    /// CPU time, user and system.
    cpu: Duration,
    /// Bytes it made the kernel write to storage.
    written: u64,
}

impl Usage {
    /// Of this process, by its number.
    ///
    /// # Errors
    /// It is gone, or this is no Linux.
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = read(pid, "stat")?;
        let io = read(pid, "io")?;
        let cpu = ticks(&stat).context("reading /proc/PID/stat")?;
        let cpu = Duration::from_millis(cpu.saturating_mul(1_000 / TICKS));
        let written = written(&io).context("reading /proc/PID/io")?;
        Ok(Self { at: Instant::now(), cpu, written })
    }

    /// Percent of one core since then.
    pub(super) fn cpu_percent(&self, before: &Self) -> f64 {
        let wall = self.at.saturating_duration_since(before.at).as_secs_f64();
        self.cpu.saturating_sub(before.cpu).as_secs_f64() / wall.max(1e-9) * 100.0
    }

    /// Bytes written since then.
    pub(super) const fn written(&self, before: &Self) -> u64 {
        self.written.saturating_sub(before.written)
    }
}

/// Bytes of memory a process holds now.
///
/// # Errors
/// It is gone, or this is no Linux.
pub(super) fn resident(pid: u32) -> anyhow::Result<u64> {
    let pages = pages(&read(pid, "statm")?).context("reading /proc/PID/statm")?;
    Ok(pages.saturating_mul(u64::try_from(rustix::param::page_size())?))
}

/// What the files below a directory take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Their lengths.
    pub(super) bytes: u64,
    /// The blocks of the file system they lie in, as `du` counts.
    pub(super) on_disk: u64,
}

/// Measures the ledgers of a validator: what stays, and what is bounded because it goes again.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn ledgers(dir: &Path) -> io::Result<(Size, Size)> {
    let (mut stays, mut goes) = (Size::default(), Size::default());
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_bounded = BOUNDED.iter().any(|start| name.starts_with(start));
        let part = if is_bounded { &mut goes } else { &mut stays };
        let size = if entry.path().is_dir() { size(&entry.path())? } else { Size::default() };
        part.bytes += size.bytes;
        part.on_disk += size.on_disk;
    }
    Ok((stays, goes))
}

/// Measures a directory.
///
/// # Errors
/// It cannot be read. A file that goes while it is read counts nothing.
pub(super) fn size(dir: &Path) -> io::Result<Size> {
    let mut size = Size::default();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            let inner = self::size(&entry.path())?;
            size.bytes += inner.bytes;
            size.on_disk += inner.on_disk;
        } else {
            size.bytes += about.len();
            size.on_disk += about.blocks() * 512;
        }
    }
    Ok(size)
}

fn read(pid: u32, file: &str) -> anyhow::Result<String> {
    let path = format!("/proc/{pid}/{file}");
    fs::read_to_string(&path).with_context(|| format!("reading {path}"))
}

/// Fields 14 and 15 together; the name before them may hold spaces and brackets.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<u64>);
    fields.next()?.ok()?.checked_add(fields.next()?.ok()?)
}

fn written(io: &str) -> Option<u64> {
    io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.parse().ok()
}

fn pages(statm: &str) -> Option<u64> {
    statm.split_whitespace().nth(1)?.parse().ok()
}

/// `USER_HZ`, which is 100 on every Linux that runs this.
const TICKS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_kernel_are_read() {
        let stat = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 5 0 100";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(written("rchar: 1\nwchar: 2\nread_bytes: 3\nwrite_bytes: 4096\n"), Some(4_096));
        assert_eq!(pages("100 25 3 4 0 5 0"), Some(25));
        assert_eq!(ticks("nonsense"), None);
    }

    #[test]
    fn this_process_and_its_files_are_measured() {
        let before = Usage::of(std::process::id()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        fs::write(dir.path().join("inner/file"), [0; 10_000]).unwrap();
        assert_eq!(size(dir.path()).unwrap().bytes, 10_000);
        let after = Usage::of(std::process::id()).unwrap();
        assert!(after.cpu_percent(&before) >= 0.0);
        assert!(resident(std::process::id()).unwrap() > 1_000_000);
    }
}
