//! This computer and one directory on it.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::Finding;
use crate::{
    keystore::Keystore,
    limits,
    network::{DirLock, KEY, Network, NetworkError, ValidatorHome},
};

/// Permissions of the directory and of the key in it.
pub(super) fn directory(dir: &Path) -> Vec<Finding> {
    let key = dir.join(KEY);
    [(dir, 0o700, "directory"), (key.as_path(), 0o600, "key")]
        .into_iter()
        .map(|(path, most, check)| private(check, path, most))
        .collect()
}

/// The home of a person: who can enter it, who can read the identity, room on its disk.
pub(super) fn home(home: &Path) -> Vec<Finding> {
    let mut found = vec![private("home", home, 0o700)];
    let identity = Keystore::new(home).path();
    if identity.exists() {
        found.push(private("identity file", &identity, 0o600));
    }
    if let Some(free) = limits::disk(home) {
        let saw = format!("{} MB free on the disk of {}", free >> 20, home.display());
        let todo = "make room: recordings, files and what is remembered of people need it";
        found.push(if free < LEAST_HOME / 8 {
            Finding::error("disk", saw, todo)
        } else if free < LEAST_HOME {
            Finding::warning("disk", saw, todo)
        } else {
            Finding::ok("disk", saw)
        });
    }
    found
}

fn private(check: &str, path: &Path, most: u32) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(meta) => {
            let mode = meta.permissions().mode() & 0o777;
            if mode & !most == 0 {
                return Finding::ok(check, format!("{shown} has mode {mode:03o}"));
            }
            let saw = format!("{shown} has mode {mode:03o}: others can enter or read it");
            let todo = format!("chmod {most:03o} {shown}");
            // A key that others could read may be known to them.
            if check == KEY {
                Finding::error(check, saw, todo)
            } else {
                Finding::warning(check, saw, todo)
            }
        }
        Err(error) => Finding::error(
            check,
            format!("{shown}: {error}"),
            "conclave validator init --dir DIR, or name the directory of a validator",
        ),
    }
}

/// Disk, memory, open files.
pub(super) fn resources(dir: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(free) = limits::disk(dir) {
        let saw = format!("{} MB free on the disk of {}", free >> 20, dir.display());
        found.push(if free < limits::LEAST_DISK / 8 {
            Finding::error("disk", saw, "make room now: a validator whose disk is full stops")
        } else if free < limits::LEAST_DISK {
            Finding::warning("disk", saw, "make room: an idle ledger takes 50 MB a day")
        } else {
            Finding::ok("disk", saw)
        });
    }
    if let Some(memory) = limits::memory() {
        let saw = format!("{} MB of memory can still be had", memory >> 20);
        found.push(if memory < limits::LEAST_MEMORY {
            Finding::warning("memory", saw, "stop other programs, or give this machine more memory")
        } else {
            Finding::ok("memory", saw)
        });
    }
    let files = limits::raise_files();
    let saw = format!("{files} files can be open");
    let todo = "ulimit -n 65536, or LimitNOFILE=65536 in its unit";
    found.push(if files < limits::FEWEST_FILES {
        Finding::error("open files", saw, todo)
    } else if files < limits::ENOUGH_FILES {
        Finding::warning("open files", saw, todo)
    } else {
        Finding::ok("open files", saw)
    });
    found
}

/// The genesis of a network file, which its reading has checked.
pub(super) fn genesis(network: &Network) -> Finding {
    let genesis = &network.genesis;
    Finding::ok(
        "genesis",
        format!(
            "network {}, {}, {} validators",
            genesis.name.as_str(),
            genesis.chain_id().to_hex(),
            genesis.validators.len()
        ),
    )
}

/// The network file against the key and the addresses of this directory.
pub(super) fn belongs(home: &ValidatorHome) -> Vec<Finding> {
    let mut found = vec![genesis(&home.network)];
    let key = home.key();
    let Some(peer) = home.peer() else {
        found.push(Finding::warning(
            "membership",
            format!("the key {key} is not one of the founders'"),
            "conclave validator list: it must have been added by the others",
        ));
        return found;
    };
    found.push(Finding::ok("membership", format!("the key {key} is one of the founders'")));
    if let Some(p2p) = &peer.p2p
        && p2p.port() != home.p2p.port()
    {
        found.push(Finding::warning(
            "p2p address",
            format!("others dial {p2p}, and this validator listens on {}", home.p2p),
            "look whether the router or firewall passes the one to the other",
        ));
    }
    found
}

/// Whether a process has the directory.
pub(super) fn runs(dir: &Path) -> bool {
    matches!(DirLock::take(dir), Err(NetworkError::InUse { .. }))
}

/// Whether the ports can be had, or answer if the validator runs.
pub(super) async fn ports(home: &ValidatorHome, runs: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let all =
        [("p2p port", Some(home.p2p)), ("RPC port", Some(home.rpc)), ("relay port", home.relay)];
    for (check, address) in all {
        let Some(address) = address else { continue };
        found.push(if runs { answers(check, address).await } else { free(check, address).await });
    }
    // It has run before, so it should.
    if !runs && home.ledgers().exists() {
        let todo = format!("conclave validator run --dir {}", home.dir.display());
        found.push(Finding::error("process", "this validator does not run", todo));
    }
    found
}

async fn free(check: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::ok(check, format!("{address} is free")),
        Err(error) => {
            let todo = match error.kind() {
                io::ErrorKind::AddrInUse => {
                    "stop the program that listens there, or change validator.toml"
                }
                io::ErrorKind::PermissionDenied => {
                    "take a port above 1023, or give the unit CAP_NET_BIND_SERVICE"
                }
                _ => "name an address of this machine in validator.toml",
            };
            Finding::error(check, format!("cannot listen on {address}: {error}"), todo)
        }
    }
}

async fn answers(check: &str, address: SocketAddr) -> Finding {
    match timeout(QUICK, TcpStream::connect(at_home(address))).await {
        Ok(Ok(_)) => Finding::ok(check, format!("this validator runs and listens on {address}")),
        _ => Finding::error(
            check,
            format!("a process has the directory, and nothing listens on {address}"),
            "look at the log of this validator, and restart it",
        ),
    }
}

/// The URL of this validator's own RPC, from this machine.
pub(super) fn own_url(address: SocketAddr) -> String {
    format!("http://{}", at_home(address))
}

/// Where a program on this machine reaches one that listens there.
fn at_home(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

const QUICK: Duration = Duration::from_secs(3);
/// Room that a person's home should have.
const LEAST_HOME: u64 = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{doctor::Verdict, network::create};

    fn verdict(found: &[Finding], check: &str) -> Verdict {
        found.iter().find(|finding| finding.check == check).unwrap().verdict
    }

    #[test]
    fn a_home_that_others_can_read_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let identity = dir.path().join("identity");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(verdict(&home(dir.path()), "home"), Verdict::Ok);
        fs::write(&identity, b"sealed").unwrap();
        fs::set_permissions(&identity, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let found = home(dir.path());
        assert_eq!(verdict(&found, "home"), Verdict::Warning);
        assert_eq!(verdict(&found, "identity file"), Verdict::Warning);
    }

    #[tokio::test]
    async fn a_sound_validator_is_found_sound_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), 1).unwrap();
        let dir = dir.path().join("validator-0");
        let home = ValidatorHome::load(&dir).unwrap();
        let all = directory(&dir).into_iter().chain(belongs(&home));
        assert!(all.into_iter().all(|finding| finding.verdict == Verdict::Ok));
        let free = ports(&home, runs(&dir)).await;
        assert_eq!(free.len(), 3);
        assert!(free.iter().all(|finding| finding.verdict == Verdict::Ok), "{free:?}");

        let taken = TcpListener::bind(home.rpc).await.unwrap();
        let found = ports(&home, runs(&dir)).await;
        assert_eq!(verdict(&found, "RPC port"), Verdict::Error);
        assert_eq!(verdict(&found, "p2p port"), Verdict::Ok);
        drop(taken);

        let lock = DirLock::take(&dir).unwrap();
        assert!(runs(&dir));
        let found = ports(&home, true).await;
        assert_eq!(verdict(&found, "p2p port"), Verdict::Error, "it should listen, and does not");
        drop(lock);

        fs::set_permissions(dir.join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
        let found = directory(&dir);
        assert_eq!(verdict(&found, KEY), Verdict::Error);
        let todo = found.iter().find_map(|finding| finding.todo.clone()).unwrap();
        assert_eq!(todo, format!("chmod 600 {}", dir.join(KEY).display()));
        fs::remove_file(dir.join(KEY)).unwrap();
        assert_eq!(verdict(&directory(&dir), KEY), Verdict::Error);
    }
}
