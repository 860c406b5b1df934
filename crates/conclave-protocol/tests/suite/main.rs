//! The protocol as other nodes see it: bytes, signatures, rules.

#![cfg(test)]

mod algorithms;
mod anchor_vectors;
mod anchors;
mod attacks;
mod bounds;
mod changes;
mod documents;
mod encoding;
mod encoding_vectors;
mod foreign_vectors;
mod frozen_vectors;
mod handles;
mod identity;
mod invariants;
mod key_vectors;
mod link_vectors;
mod links;
mod meeting;
mod pruning;
mod recovery;
mod samples;
mod script_people;
mod script_pruning;
mod script_validators;
mod script_vectors;
mod succession;
mod table;
mod validators;
mod validators_random;
mod world;
