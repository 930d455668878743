use super::*;
use crate::node::script::Script;
use crate::node::steps::Action;
use crate::node::steps::{Source, Step};
use crate::node::testing::{SHELLS, run, server};

fn carried(shell: &[&str], step: impl Into<Step>) -> (Vec<u8>, String, Option<i32>) {
    let call = step.into().call().unwrap();
    let mut script = Script::new();
    script.call(call.function, call.words).unwrap();
    let output = run(shell, "n1", &script.finish());
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

fn ask(http: Http) -> Request {
    Request { http: Box::new(http), whole: false, save: None }
}

fn get(url: String) -> Http {
    Http { url, method: "GET".into(), timeout: 5, follow: true, no_proxy: true, ..Http::default() }
}

#[test]
fn what_is_asked_arrives_and_what_is_answered_comes_back() {
    for shell in SHELLS {
        let (url, handle) = server(vec!["HTTP/1.1 201 Created\r\nX-Odd: a: b\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab\nc"]);
        let request = Http {
            method: "POST".into(),
            headers: vec![("X-Quote".into(), "a \"b\" \\ c".into())],
            body: Some(Body::Bytes(b"body 'x' \"y\"\n|".to_vec())),
            user: Some(("pat".into(), "s\"e\\c".into())),
            ..get(format!("{url}/a?b=c"))
        };
        let (stdout, stderr, status) = carried(shell, ask(request));
        let answer = Answer::read(&stdout).unwrap_or_else(|| panic!("{stderr}"));
        assert_eq!((status, answer.status, answer.body.as_slice()), (Some(0), 201, b"ab\nc".as_slice()));
        assert!(answer.headers.contains(&("x-odd".into(), "a: b".into())));
        assert!(answer.url.ends_with("/a?b=c"));
        let asked = handle.join().unwrap().concat();
        assert!(asked.starts_with("POST /a?b=c HTTP/1.1") && asked.ends_with("body 'x' \"y\"\n|"), "{asked}");
        assert!(asked.contains("X-Quote: a \"b\" \\ c\r\n") && asked.contains("Authorization: Basic cGF0OnMiZVxj\r\n"), "{asked}");
    }
}

#[test]
fn a_server_that_is_not_there_says_why() {
    for shell in SHELLS {
        let (stdout, _, status) = carried(shell, ask(get("http://127.0.0.1:1/".into())));
        let answer = Answer::read(&stdout).unwrap();
        assert_eq!((answer.status, status), (-1, Some(0)));
        assert!(!answer.body.is_empty());
    }
}

fn fetch(url: String, path: &std::path::Path) -> Fetch {
    let (owner, group) = (rustix::process::getuid().as_raw().to_string(), rustix::process::getgid().as_raw().to_string());
    Fetch {
        request: Box::new(get(url)),
        path: path.to_str().unwrap().into(),
        only_newer: false,
        checksum: None,
        checksum_list: None,
        backup: false,
        owner,
        group,
        mode: 0o640,
    }
}

const FILE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn a_file_is_fetched_whole_or_not_at_all() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b");
    let (url, handle) = server(vec![
        FILE,
        FILE,
        FILE,
        "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ]);
    let step = |change: fn(&mut Fetch)| {
        let mut step = fetch(format!("{url}/f"), &path);
        change(&mut step);
        let (stdout, stderr, status) = carried(SHELLS[0], step);
        (Fetched::read(&stdout), stderr, status)
    };
    let wrong = step(|step| step.checksum = Some(("sha256".into(), "00".into())));
    assert!(wrong.1.contains("did not match") && !path.exists(), "{wrong:?}");
    let first = step(|step| step.checksum = Some(("sha256".into(), SHA256.into())));
    assert_eq!((first.0.changed, first.0.status, first.0.size, first.2), (true, Some(200), Some(5), Some(0)), "{}", first.1);
    assert_eq!(std::fs::read(&path).unwrap(), b"hello");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    assert!(!step(|_| {}).0.changed);
    let newer = step(|step| step.only_newer = true);
    assert_eq!((newer.0.status, newer.0.changed), (Some(304), false), "{}", newer.1);
    let gone = step(|_| {});
    assert_eq!((gone.0.status, gone.2), (Some(404), Some(1)));
    let asked = handle.join().unwrap();
    assert!(asked[3].contains("If-Modified-Since: ") && !asked[2].contains("If-Modified-Since"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_list_of_checksums_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f");
    let list = "HTTP/1.1 200 OK\r\nContent-Length: 140\r\nConnection: close\r\n\r\n0000000000000000000000000000000000000000000000000000000000000000  other\n\
        2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824 *f\n";
    let (url, handle) = server(vec![list, FILE, list, list]);
    let step = |name: &str| {
        let mut step = fetch(format!("{url}/f"), &path);
        step.checksum = Some(("sha256".into(), String::new()));
        step.checksum_list = Some((Box::new(get(format!("{url}/sums"))), name.into()));
        carried(SHELLS[0], step)
    };
    let (stdout, stderr, status) = step("f");
    assert_eq!((Fetched::read(&stdout).changed, status), (true, Some(0)), "{stderr}");
    // what is there already is not fetched
    let (stdout, _, status) = step("f");
    assert_eq!((Fetched::read(&stdout).changed, status), (false, Some(0)));
    let (_, stderr, status) = step("g");
    assert!(status == Some(1) && stderr.contains("Unable to find a checksum for file 'g'"), "{stderr}");
    handle.join().unwrap();
}

#[test]
fn what_cannot_be_asked_is_refused() {
    for (change, what) in [
        ((|http: &mut Http| http.url = "http://a b".into()) as fn(&mut Http), "url"),
        (|http| http.method = "get".into(), "method"),
        (|http| http.headers = vec![("X".into(), "a\r\nY: b".into())], "header"),
        (|http| http.user = Some(("a\n".into(), String::new())), "user or password"),
    ] {
        let mut http = get("http://a".into());
        change(&mut http);
        assert_eq!(ask(http).check().unwrap_err().what, what);
    }
}

#[test]
fn who_is_sent_on_goes_as_python_goes() {
    for shell in SHELLS {
        let (there, at_the_other) = server(vec![FILE]);
        let to = |code: u32, place: &str| {
            &*format!("HTTP/1.1 {code} Go\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").leak()
        };
        let (url, at_the_first) = server(vec![to(307, "/b?x=\"\\"), to(302, &format!("{there}/f"))]);
        let request = Http {
            method: "PUT".into(),
            headers: vec![("X-Once".into(), "a".into()), ("X-Always".into(), "b".into()), ("Content-Type".into(), "text/x".into())],
            unredirected: vec!["x-once".into()],
            body: Some(Body::Bytes(b"body|".to_vec())),
            user: Some(("pat".into(), "secret".into())),
            ..get(format!("{url}/a"))
        };
        let (stdout, stderr, _) = carried(shell, ask(request));
        let answer = Answer::read(&stdout).unwrap_or_else(|| panic!("{stderr}"));
        assert_eq!((answer.status, answer.reason.as_str(), answer.url), (200, "OK", format!("{there}/f")), "{stderr}");
        let (first, last) = (at_the_first.join().unwrap(), at_the_other.join().unwrap());
        assert!(first[0].starts_with("PUT /a ") && first[0].contains("X-Once") && first[0].contains("Authorization"), "{first:?}");
        assert!(first[1].starts_with("PUT /b?x=") && !first[1].contains("X-Once") && first[1].ends_with("body|"), "{first:?}");
        assert!(last[0].starts_with("GET /f ") && last[0].contains("X-Always") && !last[0].contains("Authorization"), "{last:?}");
        assert!(!last[0].contains("text/x") && !last[0].contains("Accept:") && !last[0].contains("body|"), "{last:?}");
    }
}

#[test]
fn an_answer_goes_into_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let named =
        "HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"../up\"\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    let (url, handle) = server(vec![FILE, "HTTP/1.1 304 No\r\nConnection: close\r\n\r\n", named, FILE, FILE]);
    let path = dir.path().to_str().unwrap().to_owned();
    let save =
        |path: &str, status| Some(Save { path: path.into(), statuses: vec![status], owner: None, group: None, mode: Some("0600".into()) });
    let asked = |address: &str, save: Option<Save>| {
        let (stdout, stderr, _) = carried(SHELLS[0], Request { save, ..ask(get(format!("{url}{address}"))) });
        let answer = Answer::read(&stdout).unwrap_or_else(|| panic!("{stderr}"));
        (answer.status, answer.path, answer.saved)
    };
    let place = format!("{path}/a b%");
    assert_eq!(asked("/x/a%20b%", save(&path, 200)), (200, Some(place.clone()), true));
    assert_eq!(std::fs::read(&place).unwrap(), b"hello");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&place).unwrap().permissions()) & 0o777, 0o600);
    assert_eq!(asked("/", save(&place, 304)), (304, Some(place.clone()), false));
    assert_eq!(asked("/", save(&path, 200)), (200, Some(format!("{path}/up")), true));
    assert_eq!(asked("/..%2f", save(&path, 200)), (200, Some(format!("{path}/index.html")), true));
    assert_eq!(asked("/none", save(&format!("{path}/none"), 201)), (200, Some(format!("{path}/none")), false));
    assert!(handle.join().unwrap()[1].contains("If-Modified-Since: "));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
}

fn had(body: Source, is_packed: bool) -> Asker {
    let head = b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n".to_vec();
    Asker::Had(Box::new(Had::Answer { status: 200, url: "http://there/g".into(), head, is_packed, body }))
}

#[test]
fn an_answer_that_was_had_before_is_taken_as_if_it_came_now() {
    let dir = tempfile::tempdir().unwrap();
    for (number, shell) in SHELLS.into_iter().enumerate() {
        let http = Http {
            user: Some(("pat".into(), "secret".into())),
            asker: had(Source::Bytes(b"hello".to_vec()), false),
            ..get("http://here/f".into())
        };
        assert!(!format!("{:?}", http.words()).contains("secret"), "what is not needed any more does not travel");
        let (stdout, stderr, _) = carried(shell, ask(http));
        let answer = Answer::read(&stdout).unwrap_or_else(|| panic!("{stderr}"));
        assert_eq!((answer.status, answer.url.as_str(), answer.body.as_slice()), (200, "http://there/g", b"hello".as_slice()));
        assert_eq!(answer.headers, [("x-a".to_owned(), "b".to_owned())]);

        // one that was put on the machine goes away once it is taken
        let staged = dir.path().join(format!("staged {number}"));
        std::fs::write(&staged, "hello").unwrap();
        let path = dir.path().join(format!("f{number}"));
        let mut step = fetch("http://here/f".into(), &path);
        step.request.asker = had(Source::Staged { path: staged.to_str().unwrap().into(), sha256: String::new() }, false);
        let (stdout, stderr, status) = carried(shell, step);
        let fetched = Fetched::read(&stdout);
        assert_eq!((status, fetched.changed, fetched.status, fetched.size), (Some(0), true, Some(200), Some(5)), "{stderr}");
        assert_eq!((std::fs::read_to_string(&path).unwrap().as_str(), staged.exists()), ("hello", false));

        let silence = Http { asker: Asker::Had(Box::new(Had::Silence("nobody's there".into()))), ..get("http://here/f".into()) };
        let (stdout, _, _) = carried(shell, ask(silence));
        let answer = Answer::read(&stdout).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (-1, b"nobody's there".as_slice()));
    }
    let packed = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 7, 0, 0x86, 0xa6, 0x10, 0x36, 5, 0, 0, 0];
    let http = Http { asker: had(Source::Bytes(packed.to_vec()), true), ..get("http://here/f".into()) };
    assert_eq!(Answer::read(&carried(SHELLS[0], ask(http)).0).unwrap().body, b"hello");
}

#[test]
fn a_digest_is_found_in_a_list_as_the_step_finds_it() {
    let list = format!("00  other\n{}  *./f\n", SHA256.to_uppercase());
    assert_eq!(digest_in(&list, "f").as_deref(), Some(SHA256));
    assert_eq!(digest_in("AB\n", "f").as_deref(), Some("ab"));
    assert_eq!((digest_in("ab other", "f"), digest_in("ab\ncd\n", "f")), (None, None));
}

#[test]
fn of_nothing_there_is_nothing_to_unpack() {
    for shell in SHELLS {
        let head = b"HTTP/1.1 204 No Content\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
        let had = Had::Answer { status: 204, url: "http://x/".into(), head, is_packed: true, body: Source::Bytes(Vec::new()) };
        let (stdout, stderr, status) = carried(shell, ask(Http { asker: Asker::Had(Box::new(had)), ..get("http://x/".into()) }));
        let answer = Answer::read(&stdout).unwrap_or_else(|| panic!("{stderr}"));
        assert_eq!((status, answer.status, answer.body.as_slice()), (Some(0), 204, b"".as_slice()), "{stderr}");
    }
}
