//! A light HTTP/1.1 client: one connection kept open, a cookie, plain bodies, and the live stream.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longest line of a head, bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 200 and so on.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Whole.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The cookie that it sets, as `name=value`.
    pub fn cookie(&self) -> Option<String> {
        self.header("set-cookie").map(|c| c.split(';').next().unwrap_or_default().to_owned())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection to the pages.
pub struct Client {
    server: SocketAddr,
    cookie: Option<String>,
    connection: Option<BufReader<TcpStream>>,
}

impl Client {
    /// One that connects with the first request.
    pub fn new(server: SocketAddr, cookie: Option<String>) -> Client {
        Client { server, cookie, connection: None }
    }

    /// Fetches a page.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.request(&self.head("GET", path, ""))
    }

    /// Fetches a page as a browser would; the body is left as it comes, compressed or not.
    pub fn get_packed(&mut self, path: &str) -> io::Result<Answer> {
        self.request(&self.head("GET", path, "Accept-Encoding: gzip\r\n"))
    }

    /// Sends a form.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> io::Result<Answer> {
        let body = form(fields);
        let more = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", body.len());
        self.request(&(self.head("POST", path, &more) + &body))
    }

    fn head(&self, method: &str, path: &str, more: &str) -> String {
        let cookie = self.cookie.iter().map(|c| format!("Cookie: {c}\r\n")).collect::<String>();
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n{cookie}{more}\r\n", self.server)
    }

    fn request(&mut self, request: &str) -> io::Result<Answer> {
        // A connection that was idle may have been closed by the server: then once more over a new one.
        if let Some(open) = self.connection.take()
            && let Ok(answer) = self.exchange(open, request)
        {
            return Ok(answer);
        }
        let new = connect(self.server)?;
        self.exchange(new, request)
    }

    fn exchange(&mut self, mut connection: BufReader<TcpStream>, request: &str) -> io::Result<Answer> {
        connection.get_mut().write_all(request.as_bytes())?;
        let (status, headers) = read_head(&mut connection)?;
        let mut answer = Answer { status, headers, body: Vec::new() };
        let chunked = answer.header("transfer-encoding").is_some_and(|t| t.eq_ignore_ascii_case("chunked"));
        let length = answer.header("content-length").and_then(|l| l.parse::<u64>().ok());
        let mut body = Vec::new();
        match length {
            _ if chunked => drop(Chunks::new(&mut connection).read_to_end(&mut body)?),
            Some(length) => {
                let read = Read::take(&mut connection, length).read_to_end(&mut body)?;
                if read as u64 != length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            None if matches!(status, 204 | 304) => {}
            None => drop(connection.read_to_end(&mut body)?),
        }
        answer.body = body;
        let closes = answer.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("close"));
        if !closes && (chunked || length.is_some()) {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Opens the live stream on a connection of its own.
    pub fn stream(&self, path: &str) -> io::Result<Stream> {
        let mut connection = connect(self.server)?;
        let cookie = self.cookie.iter().map(|c| format!("Cookie: {c}\r\n")).collect::<String>();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/event-stream\r\n{cookie}\r\n", self.server);
        connection.get_mut().write_all(head.as_bytes())?;
        let (status, headers) = read_head(&mut connection)?;
        let kind = headers.iter().find(|(n, _)| n == "content-type").map_or("", |(_, v)| v.as_str());
        if status != 200 || !kind.starts_with("text/event-stream") {
            return Err(io::Error::other(format!("{path}: {status} {kind}, no stream of events")));
        }
        Ok(Stream { chunks: BufReader::with_capacity(64 * 1024, Chunks::new(connection)) })
    }
}

fn connect(server: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&server, TIMEOUT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}

fn read_head(input: &mut impl BufRead) -> io::Result<(u16, Vec<(String, String)>)> {
    let first = line(input)?;
    let status = first.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no answer: {first:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = line(input)?;
        let Some((name, value)) = line.split_once(':') else { return Ok((status, headers)) };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    Read::take(input, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}

/// A body in chunks (RFC 9112, 7.1), without them.
struct Chunks<R> {
    input: R,
    left: u64,
    begun: bool,
    ended: bool,
}

impl<R: BufRead> Chunks<R> {
    fn new(input: R) -> Chunks<R> {
        Chunks { input, left: 0, begun: false, ended: false }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.begun {
            line(&mut self.input)?;
        }
        self.begun = true;
        let size = line(&mut self.input)?;
        let digits = size.split(';').next().unwrap_or_default().trim();
        self.left = u64::from_str_radix(digits, 16).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        if self.left == 0 {
            while !line(&mut self.input)?.is_empty() {}
            self.ended = true;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended {
            self.next_chunk()?;
        }
        if self.ended || out.is_empty() {
            return Ok(0);
        }
        let most = out.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.input.read(&mut out[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// An event of the live stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When its first data line had come.
    pub at: Instant,
    /// Its name; `message` when it has none.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// The live stream (WHATWG HTML, 9.2).
pub struct Stream {
    chunks: BufReader<Chunks<BufReader<TcpStream>>>,
}

impl Stream {
    /// Waits for the next event; comments are passed over.
    pub fn next(&mut self) -> io::Result<Event> {
        read_event(&mut self.chunks)
    }
}

fn read_event(input: &mut impl BufRead) -> io::Result<Event> {
    let (mut at, mut name, mut data) = (None, "message".to_owned(), String::new());
    loop {
        let mut raw = Vec::new();
        if input.read_until(b'\n', &mut raw)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(raw.trim_ascii_end()).into_owned();
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                at.get_or_insert_with(Instant::now);
                data.push_str(value);
                data.push('\n');
            }
            "event" => name = value.to_owned(),
            "" if line.is_empty() => match at {
                Some(at) => return Ok(Event { at, name, data }),
                None => name = "message".to_owned(),
            },
            _ => {}
        }
    }
}

fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect::<Vec<_>>().join("&")
}

/// Percent-encoded, for a form or a query.
pub fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Answers each request with the next of these, over as few connections as the client uses; ends with the last.
    fn server(answers: &'static [&'static str]) -> (SocketAddr, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let thread = std::thread::spawn(move || {
            let mut seen = Vec::new();
            let (stream, _) = listener.accept().unwrap();
            let mut input = BufReader::new(stream);
            for answer in answers {
                seen.push(line(&mut input).unwrap());
                while !line(&mut input).unwrap().is_empty() {}
                input.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            seen
        });
        (address, thread)
    }

    #[test]
    fn bodies_of_both_kinds_are_read_whole_over_one_connection() {
        let (address, thread) = server(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=b; Path=/\r\n\r\nhello",
            "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n",
        ]);
        let mut client = Client::new(address, None);
        let first = client.get("/1").unwrap();
        assert_eq!((first.status, first.text().as_str(), first.cookie().as_deref()), (200, "hello", Some("a=b")));
        let second = client.get("/2").unwrap();
        assert_eq!((second.status, second.text().as_str()), (404, "abcde"));
        assert_eq!(client.get("/3").unwrap().status, 204);
        assert_eq!(thread.join().unwrap(), ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"]);
    }

    #[test]
    fn events_are_told_from_comments_and_retries() {
        let mut input =
            io::Cursor::new(b": hello\n\nretry: 1000\n\nevent: rij\ndata: a\ndata:b\n\ndata: c\r\n\r\n".to_vec());
        let first = read_event(&mut input).unwrap();
        assert_eq!((first.name.as_str(), first.data.as_str()), ("rij", "a\nb\n"));
        let second = read_event(&mut input).unwrap();
        assert_eq!((second.name.as_str(), second.data.as_str()), ("message", "c\n"));
        assert!(read_event(&mut input).is_err());
    }

    #[test]
    fn a_body_cut_short_is_an_error() {
        let mut cut = Chunks::new(io::Cursor::new(b"5\r\nabc".to_vec()));
        assert!(cut.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form(&[("a b", "c&d"), ("e", "é")]), "a%20b=c%26d&e=%C3%A9");
    }
}
