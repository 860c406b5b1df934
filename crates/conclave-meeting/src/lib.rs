//! One device's part in a meeting: session, key exchange and protected media, without any I/O.
