//! Writes the seeds of every target: `cargo run --release --bin seeds` in `fuzzing/`.

fn main() {
    conclave_fuzz::seeds::write();
}
