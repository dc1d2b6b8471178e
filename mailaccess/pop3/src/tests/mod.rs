//! Tests of whole sessions: transcripts, capability lists, and properties of arbitrary input, all against
//! the store in memory. They live here and not in `tests/` because they look at what a session holds.

mod capabilities;
mod driver;
mod properties;
mod transcripts;
