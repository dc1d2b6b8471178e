//! MIME structure of a message: byte ranges of its parts, and what ENVELOPE and BODYSTRUCTURE say of
//! them. Found by one streaming scan; nothing is decoded, and nothing that a client sizes is held.
//!
//! ```
//! use mailaccess_mail::mime::Structure;
//! # use mailaccess_mail::store::{Body, BodyLost};
//! # struct Text(&'static [u8]);
//! # impl Body for Text {
//! #     fn len(&self) -> u64 { self.0.len() as u64 }
//! #     fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
//! #         let rest = &self.0[(offset as usize).min(self.0.len())..];
//! #         let take = rest.len().min(buffer.len());
//! #         buffer[..take].copy_from_slice(&rest[..take]);
//! #         Ok(take)
//! #     }
//! #     fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost> {
//! #         self.read_at(offset, buffer).map(Some)
//! #     }
//! # }
//! let structure = Structure::scan(&Text(b"Subject: hi\r\n\r\ntext\r\n"))?;
//! assert_eq!(structure.root().content().subtype(), b"plain");
//! assert_eq!(structure.root().body(), 15..21);
//! # Ok::<_, BodyLost>(())
//! ```

pub(crate) mod address;
mod content;
mod envelope;
pub(crate) mod field;
mod header;
pub(crate) mod lines;
mod parameter;
mod part;
mod scan;
mod section;
#[cfg(test)]
pub(crate) mod tests;
mod token;

pub use address::{Address, Addresses};
pub use content::{Content, Disposition, Parameter};
pub use envelope::Envelope;
pub use part::{Kind, Part, Structure};
pub use section::{Pieces, Section, SectionText};
