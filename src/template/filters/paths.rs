//! Filters for file names, as Python's `posixpath` has them. Only `fileglob` looks at files.

use super::super::fault::{Outcome, fail};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[
    spec("basename", &[], basename),
    spec("dirname", &[], dirname),
    spec("splitext", &[], splitext),
    spec("path_join", &[], path_join),
    spec("normpath", &[], normpath),
    spec("expanduser", &[], expanduser),
    spec("realpath", &[], realpath),
    spec("relpath", &["start"], relpath),
    spec("commonpath", &[], commonpath),
    spec("win_basename", &[], win_basename),
    spec("win_dirname", &[], win_dirname),
    spec("win_splitdrive", &[], win_splitdrive),
    spec("expandvars", &[], expandvars),
    spec("fileglob", &[], fileglob),
];

fn win_splitdrive(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    let bytes = path.as_bytes();
    let drive = if bytes.get(1) == Some(&b':') { 2 } else { 0 };
    let (drive, rest) = path.split_at_checked(drive).unwrap_or(("", &path));
    Ok(V::tuple(vec![V::from(drive), V::from(rest)]))
}

/// `$NAME` and `${NAME}` of the environment; what is not there stays.
fn expandvars(given: &Given) -> Outcome<V> {
    let text = given.own_text()?;
    let (mut out, mut rest) = (String::new(), text.as_str());
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let braced = behind.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let plain = behind.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(behind.len());
        let (name, after) = braced.unwrap_or_else(|| behind.split_at(plain));
        match given.run.around.env.get(name) {
            Some(value) => {
                out.push_str(value);
                rest = after;
            }
            None => {
                out.push('$');
                rest = behind;
            }
        }
    }
    Ok(V::from(out + rest))
}

fn fileglob(given: &Given) -> Outcome<V> {
    let pattern = given.run.around.dir.join(given.own_text()?).display().to_string();
    let options = glob::MatchOptions { require_literal_leading_dot: true, require_literal_separator: true, ..glob::MatchOptions::new() };
    let Ok(paths) = glob::glob_with(&pattern, options) else { return fail("this is no pattern of file names") };
    let paths: Vec<V> = paths.flatten().filter(|path| path.is_file()).map(|path| V::from(path.to_string_lossy().into_owned())).collect();
    given.run.spend(paths.len() as u64 + 50)?;
    Ok(V::list(paths))
}

fn basename(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    Ok(V::from(path.rsplit('/').next().unwrap_or("")))
}

fn dirname(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    let head = path.get(..path.rfind('/').map_or(0, |at| at + 1)).unwrap_or("");
    Ok(V::from(if head.chars().all(|c| c == '/') { head } else { head.trim_end_matches('/') }))
}

fn splitext(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    let start = path.rfind('/').map_or(0, |at| at + 1);
    let name = path.get(start..).unwrap_or("");
    let dots = name.len() - name.trim_start_matches('.').len();
    let at = name.rfind('.').filter(|at| *at >= dots).map_or(path.len(), |at| start + at);
    let (root, end) = path.split_at(at);
    Ok(V::tuple(vec![V::from(root), V::from(end)]))
}

fn joined(path: &str, part: &str) -> String {
    if part.starts_with('/') || path.is_empty() {
        part.to_owned()
    } else if path.ends_with('/') {
        format!("{path}{part}")
    } else {
        format!("{path}/{part}")
    }
}

fn path_join(given: &Given) -> Outcome<V> {
    if let V::Str(_) = given.value {
        return Ok(given.value.clone());
    }
    if !given.value.is_list() {
        return fail(format!("|path_join expects string or sequence, got {} instead", given.value.kind()));
    }
    let mut path = String::new();
    for (at, part) in given.own_items()?.iter().enumerate() {
        let part = repr::text(given.run, part)?;
        path = if at == 0 { part } else { joined(&path, &part) };
        given.run.bytes(path.len())?;
    }
    Ok(V::from(path))
}

fn normal(path: &str) -> String {
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let path = format!("{root}{}", parts.join("/"));
    if path.is_empty() { ".".to_owned() } else { path }
}

fn normpath(given: &Given) -> Outcome<V> {
    Ok(V::from(normal(&given.own_text()?)))
}

fn expanduser(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    let home = given.run.around.home.to_string_lossy();
    Ok(V::from(match path.strip_prefix('~') {
        Some("") => home.into_owned(),
        Some(rest) if rest.starts_with('/') => format!("{}{rest}", home.trim_end_matches('/')),
        _ => path,
    }))
}

/// The absolute path; symbolic links are not followed.
fn absolute(given: &Given, path: &str) -> String {
    normal(&joined(&given.run.around.dir.to_string_lossy(), path))
}

fn realpath(given: &Given) -> Outcome<V> {
    Ok(V::from(absolute(given, &given.own_text()?)))
}

fn relpath(given: &Given) -> Outcome<V> {
    let (path, start) = (absolute(given, &given.own_text()?), absolute(given, &given.text_or(0, ".")?));
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (path, start) = (parts(&path), parts(&start));
    let same = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), start.len() - same);
    let parts: Vec<String> = up.chain(path.into_iter().skip(same)).collect();
    Ok(V::from(if parts.is_empty() { ".".to_owned() } else { parts.join("/") }))
}

fn commonpath(given: &Given) -> Outcome<V> {
    if !given.value.is_list() {
        return fail(format!("|commonpath expects sequence, got {} instead", given.value.kind()));
    }
    let mut paths = Vec::new();
    for path in given.own_items()? {
        paths.push(repr::text(given.run, &path)?);
    }
    let Some(first) = paths.first() else { return fail("`commonpath` needs at least one path") };
    let absolute = first.starts_with('/');
    if paths.iter().any(|path| path.starts_with('/') != absolute) {
        return fail("`commonpath` cannot mix absolute and relative paths");
    }
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect::<Vec<_>>();
    let mut common = parts(first);
    for path in &paths {
        let same = common.iter().zip(parts(path)).take_while(|(a, b)| **a == *b).count();
        common.truncate(same);
    }
    Ok(V::from(format!("{}{}", if absolute { "/" } else { "" }, common.join("/"))))
}

fn win_basename(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    Ok(V::from(path.rsplit(['\\', '/', ':']).next().unwrap_or("")))
}

fn win_dirname(given: &Given) -> Outcome<V> {
    let path = given.own_text()?;
    let head = path.get(..path.rfind(['\\', '/']).map_or(0, |at| at + 1)).unwrap_or("");
    let cut = head.trim_end_matches(['\\', '/']);
    Ok(V::from(if cut.is_empty() || cut.ends_with(':') { head } else { cut }))
}
