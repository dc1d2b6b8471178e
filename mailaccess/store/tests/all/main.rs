//! The store as its users see it: one suite for memory and Maildir, and what is Maildir's own.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod notice;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod traits;
#[cfg(test)]
mod trouble;
