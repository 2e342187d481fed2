//! A proxy in front of the local AWS that does to connections what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// The connection closes before the server sees the request.
    Refuse,
    /// The server does what it is asked, but its answer is lost.
    LoseAnswer,
    /// The connection closes after so many bytes of the answer's body.
    Truncate(usize),
    /// After so many bytes of the answer's body nothing comes for so long.
    Stall(usize, Duration),
    /// The proxy answers instead: status and body.
    Answer(u16, String),
}

/// A request as the proxy sees it.
pub struct Request {
    pub method: String,
    pub target: String,
    head: String,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The operation of a JSON API: `UpdateItem`.
    pub fn operation(&self) -> &str {
        self.header("x-amz-target").and_then(|target| target.split_once('.')).map_or("", |(_, operation)| operation)
    }
}

type Rule = dyn Fn(&Request) -> Fault + Send + Sync;

/// Starts a proxy and returns its URL. It lasts as long as the process.
pub fn start(upstream: &str, rule: impl Fn(&Request) -> Fault + Send + Sync + 'static) -> String {
    let upstream = upstream.strip_prefix("http://").expect("a plain URL").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let rule: Arc<Rule> = Arc::new(rule);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (upstream, rule) = (upstream.clone(), Arc::clone(&rule));
            std::thread::spawn(move || {
                // A broken connection is what the proxy is for.
                let _ = serve(client, &upstream, &*rule);
            });
        }
    });
    url
}

/// Answers one request; the connection then closes.
fn serve(mut client: TcpStream, upstream: &str, rule: &Rule) -> std::io::Result<()> {
    let request = read_request(&mut client)?;
    let fault = rule(&request);
    match fault {
        Fault::Refuse => return client.shutdown(Shutdown::Both),
        Fault::Answer(status, body) => {
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            client.write_all(head.as_bytes())?;
            return client.write_all(body.as_bytes());
        }
        _ => {}
    }
    let mut server = TcpStream::connect(upstream)?;
    let head: String = request
        .head
        .split("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .filter(|line| !line.to_ascii_lowercase().starts_with("expect:"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    server.write_all(&request.body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let body = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    match fault {
        Fault::LoseAnswer => client.shutdown(Shutdown::Both),
        Fault::Truncate(bytes) => client.write_all(&answer[..answer.len().min(body + bytes)]),
        Fault::Stall(bytes, pause) => {
            let cut = answer.len().min(body + bytes);
            client.write_all(&answer[..cut])?;
            client.flush()?;
            std::thread::sleep(pause);
            client.write_all(&answer[cut..])
        }
        _ => client.write_all(&answer),
    }
}

fn read_request(client: &mut TcpStream) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        match client.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default().to_owned(), words.next().unwrap_or_default().to_owned());
    let mut request = Request { method, target, head, body: bytes.split_off(head_end + 4) };
    assert!(request.header("transfer-encoding").is_none(), "the proxy knows no chunked requests");
    if request.header("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    while request.body.len() < length {
        match client.read(&mut buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => request.body.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(request)
}
