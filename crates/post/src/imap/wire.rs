//! What an IMAP server sends, cut into responses of bounded size (RFC 3501, 2.2.2 and 4.3).

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

use super::fault::Fault;

/// All text of one response without its literals, in bytes.
pub(super) const TEXT_MAX_BYTES: usize = 64 * 1024;
/// Literals of one response.
const LITERALS_MAX: usize = 16;
/// Memory that is reserved on the server's word alone, in bytes.
const RESERVE_MAX_BYTES: usize = 256 * 1024;

/// One response: its text without line ends, and the literals with the place in the text where each stood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub text: Vec<u8>,
    pub literals: Vec<(usize, Vec<u8>)>,
}

/// A connection that is read response by response.
pub(super) struct Wire<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + Unpin> Wire<S> {
    pub fn new(stream: S) -> Self {
        Self { stream: BufReader::with_capacity(16 * 1024, stream) }
    }

    /// The bare stream. What was read ahead is dropped, so nothing that was said before TLS counts within it.
    pub fn into_inner(self) -> S {
        self.stream.into_inner()
    }

    /// Whether something has been read that nobody asked for yet.
    pub fn ahead(&self) -> bool {
        !self.stream.buffer().is_empty()
    }

    /// Resolves when there is something to read, or the end. May be dropped and called again.
    pub async fn ready(&mut self) -> Result<(), Fault> {
        if self.stream.fill_buf().await?.is_empty() { Err(Fault::Closed) } else { Ok(()) }
    }

    /// The next response; its literals have at most `literals_max` bytes together. Not to be used again after an error,
    /// or when dropped on the way.
    pub async fn frame(&mut self, literals_max: usize) -> Result<Frame, Fault> {
        let (mut frame, mut room) = (Frame::default(), literals_max);
        loop {
            let start = frame.text.len();
            self.line(&mut frame.text).await?;
            let Some((marker, bytes)) = literal(&frame.text, start) else { return Ok(frame) };
            frame.text.truncate(marker);
            if frame.literals.len() == LITERALS_MAX {
                return Err(Fault::Gibberish("too many literals"));
            }
            let len = usize::try_from(bytes).ok().filter(|len| *len <= room);
            let len = len.ok_or(Fault::Literal { bytes, max: room })?;
            room -= len;
            let mut content = Vec::with_capacity(len.min(RESERVE_MAX_BYTES));
            (&mut self.stream).take(bytes).read_to_end(&mut content).await?;
            if content.len() < len {
                return Err(Fault::Closed);
            }
            frame.literals.push((frame.text.len(), content));
        }
    }

    /// One line, without its end.
    async fn line(&mut self, text: &mut Vec<u8>) -> Result<(), Fault> {
        let start = text.len();
        let room = TEXT_MAX_BYTES.saturating_sub(start) as u64;
        (&mut self.stream).take(room).read_until(b'\n', text).await?;
        if text.pop_if(|byte| *byte == b'\n').is_none() {
            return Err(if text.len() >= TEXT_MAX_BYTES { Fault::Gibberish("endless line") } else { Fault::Closed });
        }
        // A CR from before a literal is no part of this line.
        if text.len() > start {
            text.pop_if(|byte| *byte == b'\r');
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Sends one line.
    pub async fn send(&mut self, line: &str) -> Result<(), Fault> {
        let mut bytes = Vec::with_capacity(line.len() + 2);
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
        self.stream.write_all(&bytes).await?;
        Ok(self.stream.flush().await?)
    }
}

/// Where the text ends in `{length}`, the place of the marker and the length. Only data has literals: a human's text
/// that ends in braces is no literal.
fn literal(text: &[u8], start: usize) -> Option<(usize, u64)> {
    if start == 0 && !is_data(text) {
        return None;
    }
    let inner = text[start..].strip_suffix(b"}")?;
    let open = memchr::memrchr(b'{', inner)?;
    let digits = &inner[open + 1..];
    let lawful = (1..=19).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let length = std::str::from_utf8(digits).ok().filter(|_| lawful)?.parse().ok()?;
    Some((start + open, length))
}

fn is_data(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"* ") else { return false };
    let word = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    !["OK", "NO", "BAD", "BYE", "PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frame(bytes: &[u8], literals_max: usize) -> Result<Frame, Fault> {
        Wire::new(bytes).frame(literals_max).await
    }

    #[tokio::test]
    async fn literals_stand_where_their_markers_stood() {
        let frame = frame(b"* 1 FETCH (BODY[] {5}\r\na\r\nb) X {1}\r\n} UID 7)\r\n* OK", 6).await.unwrap();
        assert_eq!(frame.text, b"* 1 FETCH (BODY[]  X  UID 7)");
        assert_eq!(frame.literals, [(18, b"a\r\nb)".to_vec()), (21, b"}".to_vec())]);
    }

    #[tokio::test]
    async fn a_stray_cr_before_a_literal_stays_where_it_was() {
        let frame = frame(b"* 1 FETCH (BODY[] \r{2}\r\nab\n* OK", 10).await.unwrap();
        assert_eq!(frame.text, b"* 1 FETCH (BODY[] \r");
        assert_eq!(frame.literals, [(19, b"ab".to_vec())]);
    }

    #[tokio::test]
    async fn a_persons_text_is_no_literal() {
        for line in ["* OK see {99999999}", "A1 NO {5}", "+ {3}", "* BYE {1}"] {
            let frame = frame(format!("{line}\r\n").as_bytes(), 0).await.unwrap();
            assert_eq!(frame.text, line.as_bytes());
        }
    }

    #[tokio::test]
    async fn nothing_is_taken_beyond_its_bound() {
        let endless = vec![b'a'; TEXT_MAX_BYTES + 10];
        assert!(matches!(frame(&endless, 0).await, Err(Fault::Gibberish("endless line"))));
        let announced = frame(b"* 1 FETCH (BODY[] {101}\r\n", 100).await;
        assert!(matches!(announced, Err(Fault::Literal { bytes: 101, max: 100 })));
        let twice = frame(b"* 1 FETCH (A {3}\r\nabc B {3}\r\nabc)\r\n", 5).await;
        assert!(matches!(twice, Err(Fault::Literal { bytes: 3, max: 2 })));
        let many = format!("* 1 FETCH ({}\r\n", "{0}\r\n".repeat(LITERALS_MAX + 1));
        assert!(matches!(frame(many.as_bytes(), 0).await, Err(Fault::Gibberish("too many literals"))));
        // A line goes on after a literal: the bound is for all of it.
        let long = format!("* 1 {} {{1}}\r\nx{}\r\n", "a".repeat(TEXT_MAX_BYTES / 2), "b".repeat(TEXT_MAX_BYTES / 2));
        assert!(matches!(frame(long.as_bytes(), 9).await, Err(Fault::Gibberish("endless line"))));
    }

    #[tokio::test]
    async fn half_a_response_is_the_end_of_the_connection() {
        for cut in [&b""[..], b"* OK", b"* 1 FETCH (BODY[] {5}\r\nabc", b"* 1 FETCH (BODY[] {5}\r\nabcde"] {
            assert!(matches!(frame(cut, 100).await, Err(Fault::Closed)), "{cut:?}");
        }
    }
}
