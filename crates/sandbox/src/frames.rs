//! Length-prefixed JSON, and its bounds.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most that arguments or a result may take as JSON, in bytes.
pub const FRAME_MAX: usize = 6 * 1024 * 1024;
/// The most that one program run to its end may write to each of its outputs before the rest is dropped, in bytes.
pub const OUTPUT_MAX: usize = 4 * 1024 * 1024;
/// What a frame has around arguments or a result, at most, in bytes.
const ENVELOPE: usize = 4096;
/// How deep JSON from inside may be nested.
pub(crate) const DEPTH_MAX: usize = 128;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// The other side closed between two frames.
    #[error("closed")]
    Closed,
    /// The other side announced more than is allowed.
    #[error("a frame of {0} bytes was announced; {FRAME_MAX} are allowed")]
    TooLong(usize),
    /// Nested too deep.
    #[error("a frame is nested deeper than {DEPTH_MAX} levels")]
    TooDeep,
    /// Cut off, or a failure of the socket.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads the next frame. Nothing is reserved before it is announced within bounds.
pub(crate) async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, FrameError> {
    let mut length = [0u8; 4];
    match reader.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(FrameError::Closed),
        Err(error) => return Err(error.into()),
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > FRAME_MAX + ENVELOPE {
        return Err(FrameError::TooLong(length));
    }
    let mut body = Vec::new();
    // Grows with what really comes: a lie about the length costs nothing.
    let read = reader.take(length as u64).read_to_end(&mut body).await?;
    if read < length {
        return Err(FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()));
    }
    if !depth_is_within(&body, DEPTH_MAX) {
        return Err(FrameError::TooDeep);
    }
    Ok(body)
}

/// The frame around a body.
pub(crate) fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(body.len() + 4);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(body);
    frame
}

/// Whether JSON is nested at most this deep; what is no JSON may be judged either way.
pub(crate) fn depth_is_within(json: &[u8], most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
    for byte in json {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > most {
                    return false;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_frame_comes_back_as_it_was_sent() {
        let sent = frame(br#"{"a":[1]}"#);
        assert_eq!(read_frame(&mut sent.as_slice()).await.unwrap(), br#"{"a":[1]}"#);
        assert!(matches!(read_frame(&mut [].as_slice()).await, Err(FrameError::Closed)));
        assert!(matches!(read_frame(&mut &sent[..6]).await, Err(FrameError::Io(_))));
    }

    #[tokio::test]
    async fn a_lying_length_is_refused_before_anything_is_read() {
        let lie = u32::MAX.to_le_bytes();
        assert!(matches!(read_frame(&mut lie.as_slice()).await, Err(FrameError::TooLong(_))));
    }

    #[test]
    fn brackets_in_texts_do_not_count_as_depth() {
        assert!(depth_is_within(br#"["[[[[\"[[["]"#, 1));
        assert!(!depth_is_within(b"[[]]", 1));
        assert!(depth_is_within(b"[[],[],{}]", 2));
    }
}
