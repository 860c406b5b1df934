//! Writes the seeds of every target: `cargo run --release --bin seeds` in `fuzz/`.

fn main() {
    conclave_fuzz::seeds::write();
}
