//! Black-box tests: real binaries, real clients, real servers. All of it lies in `tests/all`; `e2e/run`
//! builds what it needs and runs it. Nothing may depend on this crate, and it knows the product only as its
//! users do: files that are edited, ports that answer, mail on a disk.
