use std::net::TcpListener;

use tokio::io::AsyncReadExt as _;

use super::*;
use crate::node::testing::server;

/// Connections of this machine's own; none to some hosts.
struct Here;

impl Tunnels for Here {
    async fn tunnel(&mut self, host: &str, port: u16) -> Result<Tunnel, TunnelError> {
        if host == "forbidden" {
            return Err(TunnelError::Forbidden);
        }
        match tokio::net::TcpStream::connect((host, port)).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(TunnelError::NotConnected { to: format!("{host}:{port}"), why: error.to_string() }),
        }
    }
}

fn get(url: String) -> Http {
    Http { url, method: "GET".into(), timeout: 2, follow: true, ..Http::default() }
}

async fn asked(http: &Http, change: impl FnOnce(&mut Question<'_>)) -> Result<(u16, String, String, String), Silence> {
    let mut question = Question { http, body: None, since: None, trust: Trust::default(), environment: BTreeMap::new(), netrc: None };
    change(&mut question);
    let mut answer = ask(&mut Here, &question).await?;
    let mut body = Vec::new();
    answer.body.read_to_end(&mut body).await.map_err(|error| error.to_string())?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok((answer.status, answer.url, text(answer.head), text(body)))
}

#[tokio::test]
async fn what_is_asked_arrives_and_what_is_answered_comes_back() {
    let (url, handle) =
        server(vec!["HTTP/1.1 201 Made It\r\nX-Odd: a: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\n\r\n1\r\nc\r\n0\r\n\r\n"]);
    let http = Http {
        method: "POST".into(),
        headers: vec![("X-Quote".into(), "a \"b\" ü".into()), ("Content-Type".into(), "x/y".into())],
        user: Some(("pat".into(), "s\"e\\c".into())),
        ..get(format!("{url}/a?b=c"))
    };
    let (status, at, head, body) = asked(&http, |question| question.body = Some(b"body|")).await.unwrap();
    assert_eq!((status, at, body.as_str()), (201, format!("{url}/a?b=c"), "ab\nc"));
    assert!(head.starts_with("HTTP/1.1 201 Made It\r\n") && head.contains("x-odd: a: b\r\n"), "{head}");
    let said = handle.join().unwrap().concat().to_lowercase();
    assert!(said.starts_with("post /a?b=c http/1.1\r\n") && said.ends_with("\r\n\r\nbody|"), "{said}");
    for line in
        ["x-quote: a \"b\" ü", "authorization: basic cgf0onmizvxj", "accept-encoding: identity", "content-length: 5", "connection: close"]
    {
        assert!(said.contains(&format!("\r\n{line}\r\n")), "{line}: {said}");
    }
}

#[tokio::test]
async fn we_go_where_we_are_sent_and_say_there_what_we_should() {
    let (there, other) = server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]);
    let (url, handle) = server(vec![
        "HTTP/1.1 307 Again\r\nLocation: /b\r\nSet-Cookie: a=b; Path=/\r\nContent-Length: 0\r\n\r\n".into(),
        format!("HTTP/1.1 302 Found\r\nLocation: {there}/c\r\nContent-Length: 0\r\n\r\n"),
    ]);
    let http = Http {
        method: "POST".into(),
        headers: vec![("X-First".into(), "1".into()), ("Content-Type".into(), "x/y".into())],
        unredirected: vec!["x-first".into()],
        user: Some(("pat".into(), "secret".into())),
        ..get(format!("{url}/a"))
    };
    let (status, at, _, body) = asked(&http, |question| question.body = Some(b"body|")).await.unwrap();
    assert_eq!((status, at, body.as_str()), (200, format!("{there}/c"), "ok"));
    let said: Vec<String> = handle.join().unwrap().iter().map(|text| text.to_lowercase()).collect();
    assert!(said[0].contains("x-first") && !said[0].contains("cookie"), "{said:?}");
    assert!(said[1].starts_with("post /b ") && said[1].ends_with("body|") && said[1].contains("cookie: a=b"), "{said:?}");
    assert!(said[1].contains("authorization") && !said[1].contains("x-first"), "{said:?}");
    let last = other.join().unwrap().concat().to_lowercase();
    assert!(last.starts_with("get /c ") && !last.contains("authorization") && !last.contains("content-type"), "{last}");

    let (url, handle) = server(vec!["HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"; HOPS + 1]);
    assert_eq!(asked(&get(url.clone()), |_| ()).await, Err(Silence::Failed("the server sends us on and on".into())));
    handle.join().unwrap();
    let (url, handle) = server(vec!["HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"]);
    assert_eq!(asked(&Http { follow: false, ..get(url) }, |_| ()).await.unwrap().0, 302);
    handle.join().unwrap();
}

#[tokio::test]
async fn who_the_address_names_stays_at_its_server() {
    let (there, other) = server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]);
    let (url, handle) = server(vec![
        "HTTP/1.1 302 Found\r\nLocation: /a b\r\nContent-Length: 0\r\n\r\n".into(),
        format!("HTTP/1.1 302 Found\r\nLocation: {there}/c\r\nContent-Length: 0\r\n\r\n"),
    ]);
    asked(&get(url.replace("http://", "http://pat:secret@")), |_| ()).await.unwrap();
    let said = handle.join().unwrap();
    assert!(said.iter().all(|text| text.to_lowercase().contains("authorization: basic cgf0onnly3jlda==")), "{said:?}");
    assert!(said[1].starts_with("GET /a%20b HTTP/1.1\r\n"), "{said:?}");
    assert!(!other.join().unwrap().concat().to_lowercase().contains("authorization"));
}

/// One connection, to a server that reads a little at a time.
struct Slow(Option<Tunnel>);

impl Tunnels for Slow {
    async fn tunnel(&mut self, _: &str, _: u16) -> Result<Tunnel, TunnelError> {
        self.0.take().ok_or_else(|| TunnelError::Lost("one only".into()))
    }
}

#[tokio::test]
async fn who_sends_for_long_is_not_silent() {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let body = vec![b'x'; 1 << 20];
    let server = tokio::spawn(async move {
        let mut piece = vec![0; 64 << 10];
        let mut count = 0;
        while count < 1 << 20 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            count += theirs.read(&mut piece).await.unwrap();
        }
        tokio::io::AsyncWriteExt::write_all(&mut theirs, b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    });
    let http = Http { method: "PUT".into(), timeout: 1, ..get("http://x/".into()) };
    let question =
        Question { http: &http, body: Some(&body), since: None, trust: Trust::default(), environment: BTreeMap::new(), netrc: None };
    let began = std::time::Instant::now();
    let answer = ask(&mut Slow(Some(Box::new(ours))), &question).await.map(|answer| answer.status);
    assert_eq!(answer, Ok(204));
    assert!(began.elapsed() > Duration::from_secs(1), "it was no slow one");
    server.await.unwrap();
    // after a server was asked the machine is gone
    let (ours, mut theirs) = tokio::io::duplex(4096);
    let server = tokio::spawn(async move {
        theirs.read_u8().await.unwrap();
        let answer = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut theirs, answer).await.unwrap();
        let _ = theirs.read_to_end(&mut Vec::new()).await;
    });
    let question = Question { body: None, ..question };
    let lost = ask(&mut Slow(Some(Box::new(ours))), &question).await.map(|answer| answer.status);
    assert_eq!(lost, Err(Silence::Sent("one only".into())));
    server.await.unwrap();
}

#[tokio::test]
async fn what_does_not_come_is_said() {
    let failed = |answer: Result<_, Silence>| match answer {
        Err(Silence::Failed(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(failed(asked(&get("http://127.0.0.1:1/".into()), |_| ()).await).contains("127.0.0.1:1: "));
    assert_eq!(asked(&get("http://forbidden/".into()), |_| ()).await, Err(Silence::Forbidden));
    let (url, handle) = server(vec!["HTTP/1.1 302 Found\r\nLocation: ftp://pat:secret@a/b\r\nContent-Length: 0\r\n\r\n"]);
    assert_eq!(failed(asked(&get(url), |_| ()).await), "ftp://pat:********@a/b is no address that HTTP leads to");
    handle.join().unwrap();
    let (url, handle) = server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]);
    assert!(!failed(asked(&get(url), |_| ()).await).is_empty(), "an answer that is cut off is none");
    handle.join().unwrap();
    // one that takes the connection and says nothing
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    assert_eq!(failed(asked(&Http { timeout: 1, ..get(url.clone()) }, |_| ()).await), "the server says nothing for 1 s");
    assert!(failed(asked(&get(url.replace("http:", "https:")), |_| ()).await).contains("says nothing"));
}

#[tokio::test]
async fn a_proxy_is_asked_instead_and_a_netrc_knows_who_we_are() {
    let (proxy, handle) = server(vec!["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 403 No\r\n\r\n"]);
    let environment: BTreeMap<String, String> =
        [("http_proxy", proxy.replace("http://", "http://x:y@")), ("https_proxy", proxy)].map(|(name, value)| (name.into(), value)).into();
    let http = Http { netrc: true, ..get("http://server.invalid/f".into()) };
    let answer = asked(&http, |question| {
        question.environment = environment.clone();
        question.netrc = Some("machine server.invalid login pat password secret".into());
    });
    assert_eq!(answer.await.unwrap().3, "ok");
    let refused = asked(&get("https://server.invalid/f".into()), |question| question.environment = environment.clone()).await;
    assert_eq!(refused, Err(Silence::Failed("the proxy gives no connection to server.invalid:443: HTTP/1.1 403 No".into())));
    let said = handle.join().unwrap();
    assert!(said[0].starts_with("GET http://server.invalid/f HTTP/1.1\r\n"), "{said:?}");
    assert!(said[0].contains("Basic eDp5") && said[0].contains("Basic cGF0OnNlY3JldA=="), "{said:?}");
    assert!(said[1].starts_with("CONNECT server.invalid:443 HTTP/1.1\r\n"), "{said:?}");
}
