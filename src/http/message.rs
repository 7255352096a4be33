//! Requests and responses.

use std::fmt::Write as _;
use std::sync::Arc;

/// What was asked for, and by whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The path, without what follows a `?`.
    pub path: String,
    /// HEAD: the answer goes without its body.
    pub head: bool,
    /// The header `Authorization`.
    pub authorization: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 200, 404, ….
    pub status: u16,
    /// Of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Arc<[u8]>,
    /// Further headers.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// How much of a request has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// Not all of its head.
    Partial,
    /// Its head.
    Whole(Request),
    /// Something that is answered so, without looking further.
    Refused(Response),
}

/// Headers in a request.
const HEADERS: usize = 64;

impl Response {
    /// Status 200.
    pub fn ok(content_type: &'static str, body: impl Into<Arc<[u8]>>) -> Self {
        Self { status: 200, content_type, body: body.into(), headers: Vec::new() }
    }

    /// A status with a line of text.
    pub fn line(status: u16, line: &str) -> Self {
        let body = format!("{line}\n").into_bytes().into();
        Self { status, content_type: "text/plain; charset=utf-8", body, headers: Vec::new() }
    }

    /// 503: come back in a second.
    pub fn busy() -> Self {
        let headers = vec![("Retry-After", "1")];
        Self { headers, ..Self::line(503, "too many connections; try again") }
    }

    /// 404.
    pub fn not_found() -> Self {
        Self::line(404, "there is nothing here")
    }

    /// The bytes to send.
    pub(super) fn bytes(&self, head: bool) -> Vec<u8> {
        let Self { status, content_type, body, headers } = self;
        let mut text = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n",
            reason(*status),
            body.len()
        );
        for (name, value) in headers {
            write!(text, "{name}: {value}\r\n").expect("a text grows");
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        if !head {
            bytes.extend_from_slice(body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

/// Reads the head of a request; what may follow it is not looked at.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return Parsed::Partial,
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Parsed::Refused(Response::line(431, "too many headers")),
        Err(e) => return Parsed::Refused(Response::line(400, &format!("no HTTP request: {e}"))),
    }
    let (method, path) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
    if !matches!(method, "GET" | "HEAD") {
        let headers = vec![("Allow", "GET, HEAD")];
        return Parsed::Refused(Response { headers, ..Response::line(405, "only GET and HEAD are answered") });
    }
    let authorization = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("authorization"));
    Parsed::Whole(Request {
        path: origin_form(path).split('?').next().unwrap_or_default().into(),
        head: method == "HEAD",
        authorization: authorization.map(|h| h.value.to_vec()),
    })
}

/// The path of a target that may name scheme and host before it, as requests to proxies do; servers take both (RFC 9112,
/// section 3.2.2).
fn origin_form(target: &str) -> &str {
    match target.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |path| &rest[path..]),
        _ => target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_read_once_its_head_is_there() {
        let text = b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\naUTHORIZATION: Basic eA==\r\n\r\nrest";
        let request = Request { path: "/metrics".into(), head: false, authorization: Some(b"Basic eA==".to_vec()) };
        assert_eq!(parse(text), Parsed::Whole(request));
        assert_eq!(parse(&text[..30]), Parsed::Partial);
        let path = |text: &str| match parse(text.as_bytes()) {
            Parsed::Whole(request) => request.path,
            other => panic!("{other:?}"),
        };
        assert_eq!(path("GET http://a:1/metrics?x HTTP/1.1\r\n\r\n"), "/metrics");
        assert_eq!(path("GET http://a HTTP/1.1\r\n\r\n"), "/");
        assert_eq!(path("GET /a://b/c HTTP/1.1\r\n\r\n"), "/a://b/c");
        let status = |text: &str| match parse(text.as_bytes()) {
            Parsed::Refused(response) => response.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status("POST / HTTP/1.1\r\n\r\n"), 405);
        assert_eq!(status("\u{16}\u{3}\u{1} a TLS greeting"), 400);
        assert_eq!(status("GET / HTTP/3\r\n\r\n"), 400);
        assert_eq!(status(&format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65))), 431);
    }

    #[test]
    fn a_head_has_the_length_of_the_body_and_not_the_body() {
        let response = Response::ok("text/plain", *b"hello");
        let [whole, head] = [false, true].map(|head| String::from_utf8(response.bytes(head)).unwrap());
        assert!(head.contains("Content-Length: 5\r\n") && head.ends_with("\r\n\r\n"), "{head}");
        assert_eq!(whole, head + "hello");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            parse(&bytes);
        }
    }
}
