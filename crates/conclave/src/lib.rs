//! Video meetings that nobody has to be trusted for: the program, and all of its I/O.
