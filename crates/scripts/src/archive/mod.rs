//! Reading and judging an uploaded project. Whatever stands in an archive was written by a stranger: it is read as a
//! stream under bounds, nothing that it says of itself is believed, and only plain files and folders come out.
//!
//! `.zip`, `.tar` and `.gz` that holds a tar are recognised by their content. The entry loops are our own: the unpacking
//! of the usual libraries follows links, keeps modes like 6777, and lets a second entry of a name win.

mod findings;
mod format;
mod inspection;
mod limits;
mod main_file;
mod paths;
mod tarball;
mod tree;
mod unpacking;
mod walk;
mod zipped;

#[cfg(test)]
mod tests;

pub use findings::{Code, Finding};
pub use format::Format;
pub use inspection::{MAX_FINDINGS, MAX_LOCK_BYTES, MAX_MANIFEST_BYTES, Manifests, Report, inspect};
pub use limits::{Limits, MAX_ARCHIVE_BYTES};
pub use unpacking::{UnpackError, Unpacked, unpack};
