//! Bodies of `multipart/form-data` (RFC 7578), read part by part. Only files are as long as a body may be; all else in it
//! stands in memory and has one bound for all together.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use gatehouse_types::{Error, Kind, Result};
use tokio_stream::Stream;

/// All texts of a body together, in bytes: settings with a full environment.
pub(crate) const MAX_TEXTS: usize = 3 * 1024 * 1024;
/// What may have come of a body without having been part of a field, in bytes: lines between parts, and what is read ahead.
const MAX_AHEAD: usize = 8 * 1024 * 1024;
/// What is read ahead at once, in bytes.
const TURN: usize = 256 * 1024;

pub(crate) fn too_large() -> Error {
    Error::new(Kind::PayloadTooLarge, "The body is larger than this address takes.")
}

fn broken(e: &MultipartError) -> Error {
    match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Error::invalid_request("The body is not readable multipart/form-data."),
    }
}

/// A body on its way.
pub(crate) struct Multipart {
    body: axum::extract::Multipart,
    ahead: Arc<AtomicUsize>,
    /// What is left for texts, in bytes.
    left: usize,
}

/// One part of a body.
pub(crate) struct Part<'a> {
    field: Field<'a>,
    ahead: &'a AtomicUsize,
    left: &'a mut usize,
}

impl Multipart {
    /// Begins to read.
    ///
    /// # Errors
    /// `InvalidRequest` for a body that says it is of another kind.
    pub(crate) async fn new(request: Request) -> Result<Self> {
        let ahead = Arc::new(AtomicUsize::new(0));
        let counted = |body: Body| {
            let inner = body.into_data_stream();
            Body::from_stream(Counted { inner, ahead: Arc::clone(&ahead), turn: 0 })
        };
        let body = axum::extract::Multipart::from_request(request.map(counted), &()).await;
        let body = body.map_err(|_| Error::invalid_request("The body must be multipart/form-data."))?;
        Ok(Self { body, ahead, left: MAX_TEXTS })
    }

    /// The next part.
    ///
    /// # Errors
    /// `InvalidRequest` for what is no such body; `PayloadTooLarge`.
    pub(crate) async fn next(&mut self) -> Result<Option<Part<'_>>> {
        let field = self.body.next_field().await.map_err(|e| broken(&e))?;
        Ok(field.map(|field| Part { field, ahead: &self.ahead, left: &mut self.left }))
    }
}

impl Part<'_> {
    /// What it is called; empty without a name.
    pub(crate) fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// The name of the file that it holds.
    pub(crate) fn file_name(&self) -> Option<&str> {
        self.field.file_name()
    }

    /// The next piece of a file.
    ///
    /// # Errors
    /// As [`Multipart::next`].
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.field.chunk().await.map_err(|e| broken(&e))?;
        if let Some(piece) = &piece {
            // never below what is still there: lines between parts count too
            let _ = self.ahead.fetch_update(Ordering::AcqRel, Ordering::Acquire, |ahead| {
                Some(ahead.saturating_sub(piece.len()))
            });
        }
        Ok(piece)
    }

    /// A text.
    ///
    /// # Errors
    /// `PayloadTooLarge` when all texts together have too many bytes.
    pub(crate) async fn text(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            *self.left = self.left.checked_sub(piece.len()).ok_or_else(too_large)?;
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

/// A body of which only so much is read ahead of what its reader has taken out of it.
struct Counted {
    inner: BodyDataStream,
    /// What came and was not taken out.
    ahead: Arc<AtomicUsize>,
    /// What came in this turn.
    turn: usize,
}

impl Stream for Counted {
    type Item = std::result::Result<Bytes, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.turn >= TURN {
            // the reader goes on only when nothing comes, and would take all in before it looks
            self.turn = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(piece) = ready!(Pin::new(&mut self.inner).poll_next(context)) else {
            return Poll::Ready(None);
        };
        let piece = piece?;
        self.turn += piece.len();
        let ahead = self.ahead.fetch_add(piece.len(), Ordering::AcqRel) + piece.len();
        Poll::Ready(Some(match ahead > MAX_AHEAD {
            true => Err("more lies between the parts of the body than is taken".into()),
            false => Ok(piece),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: Body) -> Result<(usize, usize)> {
        let mut request =
            Request::builder().header("content-type", "multipart/form-data; boundary=x").body(body).unwrap();
        axum::extract::DefaultBodyLimit::disable().apply(&mut request);
        let mut body = Multipart::new(request).await?;
        let (mut parts, mut bytes) = (0, 0);
        while let Some(mut part) = body.next().await? {
            parts += 1;
            if part.name() == "file" {
                while let Some(piece) = part.piece().await? {
                    bytes += piece.len();
                }
            } else {
                bytes += part.text().await?.len();
            }
        }
        Ok((parts, bytes))
    }

    /// Pieces that are all there at once.
    fn body(begin: &str, megabytes: usize, end: &str) -> Body {
        let piece = Bytes::from(vec![b'a'; 1024 * 1024]);
        let pieces = std::iter::once(Bytes::from(begin.to_owned()))
            .chain(std::iter::repeat_n(piece, megabytes))
            .chain([Bytes::from(end.to_owned())]);
        Body::from_stream(tokio_stream::iter(pieces.map(Ok::<_, std::io::Error>)))
    }

    const END: &str = "\r\n--x--\r\n";

    #[tokio::test]
    async fn a_file_of_any_length_comes_through() {
        let file = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
        let parted = format!("\r\n--x\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nhello{END}");
        let body = body(file, 60, &parted);
        assert_eq!(read(body).await.unwrap(), (2, 60 * 1024 * 1024 + 5));
    }

    #[tokio::test]
    async fn texts_have_one_bound_together() {
        let text = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
        assert_eq!(read(body(text, 4, END)).await.unwrap_err().kind(), Kind::PayloadTooLarge);
    }

    #[tokio::test]
    async fn what_belongs_to_no_part_has_a_bound() {
        assert!(read(body("no boundary yet ", 100, END)).await.is_err());
        let headers = "--x\r\nContent-Disposition: form-data; name=\"a\"; b=\"";
        assert!(read(body(headers, 100, END)).await.is_err());
    }
}
