//! Blocks, finality, authenticated state and light clients: the only crate that names the consensus engine.
