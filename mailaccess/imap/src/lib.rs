//! Placeholder while the workspace is laid.
#![no_std]
extern crate alloc;
