//! The protocol as other nodes see it: bytes, signatures, rules.

#![cfg(test)]

mod attacks;
mod bounds;
mod encoding;
mod foreign_vectors;
mod frozen_vectors;
mod identity;
mod invariants;
mod links;
mod meeting;
mod samples;
mod table;
mod world;
