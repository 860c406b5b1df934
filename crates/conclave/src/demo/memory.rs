//! Looks for known secrets in another process's memory, as a thief with root would.
use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
};

use anyhow::{Context as _, Result};

/// Bytes read at once; consecutive reads overlap so that no secret hides on a border.
const CHUNK: usize = 1 << 20;

/// How often any of `secrets` (32 bytes each) stands in the readable memory of process `pid`.
///
/// # Errors
/// `/proc/PID/maps` or `mem` cannot be opened: not Linux, or no right to look.
pub(crate) fn count_secrets(pid: u32, secrets: &[[u8; 32]]) -> Result<usize> {
    let maps = File::open(format!("/proc/{pid}/maps")).context("opening the memory map")?;
    let memory = File::open(format!("/proc/{pid}/mem")).context("opening the memory")?;
    let mut found = 0;
    for line in BufReader::new(maps).lines() {
        if let Some((start, end)) = readable_range(&line?) {
            found += count_in_range(&memory, start, end, secrets);
        }
    }
    Ok(found)
}

fn readable_range(line: &str) -> Option<(u64, u64)> {
    let mut fields = line.split_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let readable = fields.next()?.starts_with('r');
    // The kernel's own pages (vvar, vsyscall) refuse to be read and hold no program data.
    if !readable || line.contains("[v") {
        return None;
    }
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

fn count_in_range(memory: &File, start: u64, end: u64, secrets: &[[u8; 32]]) -> usize {
    let mut buffer = vec![0; CHUNK + 31];
    let mut found = 0;
    let mut at = start;
    while at < end {
        let want = buffer.len().min(usize::try_from(end - at).unwrap_or(buffer.len()));
        // A page that cannot be read (never touched, or just unmapped) holds nothing.
        let got = memory.read_at(&mut buffer[..want], at).unwrap_or(0);
        found += count_in(&buffer[..got], secrets);
        at += CHUNK as u64;
    }
    found
}

fn count_in(bytes: &[u8], secrets: &[[u8; 32]]) -> usize {
    let is_secret = |window: &[u8]| secrets.iter().any(|secret| secret == window);
    // A key is 32 random bytes: comparing only windows whose first byte fits keeps this a scan.
    let first: Vec<u8> = secrets.iter().map(|secret| secret[0]).collect();
    bytes.windows(32).filter(|window| first.contains(&window[0]) && is_secret(window)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_this_process_is_found_and_an_absent_one_is_not() {
        let key: [u8; 32] = std::array::from_fn(|i| (i * 37 + 11) as u8 ^ 0xa5);
        let held = Box::new(key);
        assert!(count_secrets(std::process::id(), &[*held]).unwrap() >= 1);
        // Derived only inside the scan below, so it stands nowhere before.
        let absent: [u8; 32] = std::array::from_fn(|i| (i * 91 + 3) as u8 ^ key[i]);
        assert_eq!(count_in(&[0; 4096], &[absent]), 0);
    }
}
