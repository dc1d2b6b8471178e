//! SEARCH keys and their evaluation.
