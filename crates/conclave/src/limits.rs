//! What the machine gives a validator: open files, memory, disk. Looked at before it starts and by
//! `conclave doctor`.

use std::{fs, path::Path};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files a validator works with at least: its ledgers and some clients.
pub(crate) const FEWEST_FILES: u64 = 512;
/// Open files with which no client is turned away: 2,048 connections and the ledgers.
pub(crate) const ENOUGH_FILES: u64 = 4_096;
/// Memory below which a validator is likely to be killed by the system.
pub(crate) const LEAST_MEMORY: u64 = 256 << 20;
/// Free disk below which a person must act: about two days of a busy ledger.
pub(crate) const LEAST_DISK: u64 = 1 << 30;

/// Raises the number of files this process may open as far as the system lets it, and says what it
/// is then.
pub(crate) fn raise_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let (now, most) = (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX));
    let wanted = most.min(MOST_FILES);
    if now >= wanted {
        return now;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => wanted,
        Err(_) => now,
    }
}

/// Files this process may open at most.
pub(crate) fn most_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Bytes of memory that this process may still take: of the machine, or of its control group if
/// that has less. Nothing where the system does not say.
pub(crate) fn memory() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| available(&text));
    let group = group_limit().zip(group_use()).map(|(most, used)| most.saturating_sub(used));
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (one, other) => one.or(other),
    }
}

/// Bytes that are free for this user on the disk that holds `path`.
pub(crate) fn disk(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Files that this process has open.
pub(crate) fn open_files() -> Option<u64> {
    u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

/// Bytes of memory that this process occupies.
pub(crate) fn resident() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    u64::try_from(rustix::param::page_size()).ok()?.checked_mul(pages)
}

/// Bytes of all files below `dir`.
pub(crate) fn below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => below(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1_024)
}

fn group_limit() -> Option<u64> {
    // "max" is no number, and then there is no limit.
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

fn group_use() -> Option<u64> {
    fs::read_to_string("/sys/fs/cgroup/memory.current").ok()?.trim().parse().ok()
}

const MOST_FILES: u64 = 65_536;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_what_it_has() {
        assert!(raise_files() >= 256);
        assert!(open_files().unwrap() > 2);
        assert!(resident().unwrap() > 1 << 20);
        assert!(memory().unwrap() > 1 << 20);
        let dir = tempfile::tempdir().unwrap();
        assert!(disk(dir.path()).unwrap() > 0);
        fs::create_dir(dir.path().join("a")).unwrap();
        fs::write(dir.path().join("a/b"), [0; 1_000]).unwrap();
        fs::write(dir.path().join("c"), [0; 24]).unwrap();
        assert_eq!(below(dir.path()), 1_024);
    }

    #[test]
    fn available_memory_is_read_in_bytes() {
        let text = "MemTotal:       24684788 kB\nMemAvailable:   22873088 kB\n";
        assert_eq!(available(text), Some(22_873_088 * 1_024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }
}
