//! The deployment examples are what the program and the system take.

use std::{fs, path::Path, process::Command};

use crate::world::text;

fn deploy(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(name);
    fs::read_to_string(file).unwrap()
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let unit = deploy("systemd/conclave-validator.service");
    for line in unit.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let section = line.starts_with('[') && line.ends_with(']');
        assert!(section || line.contains('='), "{line}");
    }
    for wanted in ["NoNewPrivileges=yes", "ProtectSystem=strict", "LimitNOFILE=65536", "UMask=0077"]
    {
        assert!(unit.lines().any(|line| line == wanted), "{wanted}");
    }
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("conclave-validator.service");
    fs::write(&file, unit.replace("/usr/local/bin/conclave", env!("CARGO_BIN_EXE_conclave")))
        .unwrap();
    // Where there is no systemd the lines above must do.
    if let Ok(verdict) = Command::new("systemd-analyze").args(["verify", text(&file)]).output() {
        let said = String::from_utf8_lossy(&verdict.stderr);
        assert!(verdict.status.success(), "{said}");
    }
}

#[test]
fn the_container_runs_the_same_command_as_the_unit_and_nobody_is_root_in_it() {
    let file = deploy("container/Containerfile");
    assert!(file.contains("USER conclave"));
    assert!(file.contains("STOPSIGNAL SIGTERM"));
    assert!(file.contains(r#"CMD ["validator", "run", "--dir", "/var/lib/conclave/validator"]"#));
    let compose = deploy("container/compose.yaml");
    assert!(compose.contains("dockerfile: deploy/container/Containerfile"));
    assert!(compose.contains("read_only: true"));
    assert!(deploy("container/prometheus.yml").contains("validator:4101"));
}
