//! Transactions of both ledgers and the rules that accept them: pure and deterministic.
