//! The methods of Python's texts, lists and mappings that templates call.

use super::call::Args;
use super::compare;
use super::fault::{Fault, Outcome, fail};
use super::percent;
use super::run::Run;
use super::value::V;

const STR: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "endswith",
    "find",
    "format",
    "index",
    "isalnum",
    "isalpha",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
];
const LIST: &[&str] = &["count", "index", "copy"];
const DICT: &[&str] = &["copy", "get", "items", "keys", "values"];
/// Whether a value of that kind has a method of that name.
pub(super) fn known(value: &V, name: &str) -> bool {
    match value {
        V::Str(_) => STR.contains(&name),
        _ if value.is_map() => DICT.contains(&name),
        _ if value.is_list() => LIST.contains(&name),
        _ => false,
    }
}

/// `value.name(args)`
pub(super) fn call(run: &Run, value: &V, name: &str, args: &Args) -> Outcome<V> {
    if let V::Time(time) = value {
        return super::filters::date_method(time, name, args.positional.first());
    }
    if !known(value, name) {
        let names = match value {
            V::Str(_) => STR,
            _ if value.is_map() => DICT,
            _ if value.is_list() => LIST,
            _ => return fail(format!("{} has no methods", value.kind())),
        };
        let label = super::fault::meant(name, names.iter().copied());
        return Err(Box::new(Fault::new(format!("{} has no method `{name}`", value.kind())).label(label)));
    }
    match value {
        V::Str(text) => string(run, text, name, args),
        _ if value.is_map() => dict(run, value, name, args),
        _ => list(run, value, name, args),
    }
}

fn arg<'a>(args: &'a Args, at: usize, name: &str) -> Option<&'a V> {
    args.positional.get(at).or_else(|| args.named.iter().find(|(key, _)| key == name).map(|(_, value)| value))
}

fn text<'a>(args: &'a Args, at: usize, method: &str) -> Outcome<&'a str> {
    match args.positional.get(at) {
        Some(V::Str(text)) => Ok(text),
        Some(other) => fail(format!("`.{method}()` needs a text, not {}", other.kind())),
        None => fail(format!("`.{method}()` needs a text in its brackets")),
    }
}

fn dict(run: &Run, value: &V, name: &str, args: &Args) -> Outcome<V> {
    Ok(match name {
        "get" => {
            let Some(key) = args.positional.first() else { return fail("`.get()` needs a key") };
            run.get(value, key)?.unwrap_or_else(|| arg(args, 1, "default").cloned().unwrap_or(V::None))
        }
        "keys" => V::list(run.items(value)?),
        "values" => V::list(run.pairs(value)?.into_iter().map(|(_, value)| value).collect()),
        "items" => V::list(run.pairs(value)?.into_iter().map(|(key, value)| V::tuple(vec![key, value])).collect()),
        // one of its own
        _ => V::dict((*run.dict(value)?).clone()),
    })
}

fn list(run: &Run, value: &V, name: &str, args: &Args) -> Outcome<V> {
    if name == "copy" {
        return Ok(V::list(run.items(value)?));
    }
    let Some(wanted) = args.positional.first() else { return fail(format!("`.{name}()` needs a value")) };
    let mut found = Vec::new();
    for (at, item) in run.items(value)?.iter().enumerate() {
        if compare::equal(run, item, wanted)? {
            found.push(at);
        }
    }
    match (name, found.first()) {
        ("count", _) => Ok(V::Int(found.len() as i128)),
        (_, Some(at)) => Ok(V::Int(*at as i128)),
        _ => fail("the value is not in the list"),
    }
}

fn string(run: &Run, own: &str, name: &str, args: &Args) -> Outcome<V> {
    run.bytes(own.len())?;
    let strip = || -> Outcome<Box<dyn Fn(char) -> bool>> {
        Ok(match args.positional.first() {
            None | Some(V::None) => Box::new(char::is_whitespace),
            Some(_) => {
                let set: Vec<char> = text(args, 0, name)?.chars().collect();
                Box::new(move |c| set.contains(&c))
            }
        })
    };
    let affix = |test: &dyn Fn(&str) -> bool| -> Outcome<V> {
        match args.positional.first() {
            Some(V::Tuple(several)) => Ok(V::Bool(several.iter().filter_map(V::as_str).any(test))),
            _ => Ok(V::Bool(test(text(args, 0, name)?))),
        }
    };
    let all = |test: fn(char) -> bool| V::Bool(!own.is_empty() && own.chars().all(test));
    let cased = |test: fn(char) -> bool, other: fn(char) -> bool| V::Bool(own.chars().any(test) && !own.chars().any(other));
    Ok(match name {
        "lower" | "casefold" => V::from(own.to_lowercase()),
        "upper" => V::from(own.to_uppercase()),
        "capitalize" => V::from(capitalized(own)),
        "title" => V::from(titled(own)),
        "swapcase" => V::from(
            own.chars()
                .map(|c| if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() })
                .collect::<String>(),
        ),
        "strip" => V::from(own.trim_matches(&*strip()?)),
        "lstrip" => V::from(own.trim_start_matches(&*strip()?)),
        "rstrip" => V::from(own.trim_end_matches(&*strip()?)),
        "startswith" => affix(&|part| own.starts_with(part))?,
        "endswith" => affix(&|part| own.ends_with(part))?,
        "removeprefix" => V::from(own.strip_prefix(text(args, 0, name)?).unwrap_or(own)),
        "removesuffix" => V::from(own.strip_suffix(text(args, 0, name)?).unwrap_or(own)),
        "isdigit" | "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => cased(char::is_uppercase, char::is_lowercase),
        "islower" => cased(char::is_lowercase, char::is_uppercase),
        "replace" => {
            let (old, new) = (text(args, 0, name)?, text(args, 1, name)?);
            let most = arg(args, 2, "count").and_then(V::as_int).and_then(|most| usize::try_from(most).ok());
            replaced(run, own, old, new, most)?
        }
        "join" => {
            let Some(items) = args.positional.first() else { return fail("`.join()` needs a list") };
            let mut parts = Vec::new();
            for item in run.items(items)? {
                match item {
                    V::Str(part) => parts.push(part),
                    other => return fail(format!("`.join()` needs a list of texts, and one of them is {}", other.kind())),
                }
            }
            run.bytes(parts.iter().map(|part| part.len() + own.len()).sum())?;
            V::from(parts.join(own))
        }
        "split" | "rsplit" => split(run, own, args, name == "rsplit")?,
        "splitlines" => V::list(lines(own).into_iter().map(V::from).collect()),
        "partition" | "rpartition" => {
            let mark = text(args, 0, name)?;
            let at = if name == "partition" { own.split_once(mark) } else { own.rsplit_once(mark) };
            V::tuple(match at {
                Some((before, after)) => vec![V::from(before), V::from(mark), V::from(after)],
                None if name == "partition" => vec![V::from(own), V::from(""), V::from("")],
                None => vec![V::from(""), V::from(""), V::from(own)],
            })
        }
        "find" | "rfind" | "index" => {
            let part = text(args, 0, name)?;
            let found = if name == "rfind" { own.rfind(part) } else { own.find(part) };
            match found {
                Some(at) => V::Int(own.get(..at).unwrap_or("").chars().count() as i128),
                None if name == "index" => return fail("the text does not contain that part"),
                None => V::Int(-1),
            }
        }
        "count" => {
            let part = text(args, 0, name)?;
            V::Int(if part.is_empty() { own.chars().count() + 1 } else { own.matches(part).count() } as i128)
        }
        "format" => percent::braces(run, own, &args.positional, &args.named)?,
        "zfill" | "ljust" | "rjust" | "center" => {
            let Some(width) = args.positional.first().and_then(V::as_int) else { return fail(format!("`.{name}()` needs a width")) };
            let missing = usize::try_from(width).unwrap_or(0).saturating_sub(own.chars().count());
            run.bytes(missing)?;
            let fill = if name == "zfill" { "0" } else { args.positional.get(1).and_then(V::as_str).unwrap_or(" ") };
            let fills = |count: usize| fill.repeat(count);
            V::from(match name {
                "ljust" => own.to_owned() + &fills(missing),
                "rjust" => fills(missing) + own,
                "center" => {
                    // Python puts the odd one to the left, if the width is odd
                    let left = missing / 2 + (missing & usize::try_from(width).unwrap_or(0) & 1);
                    fills(left) + own + &fills(missing - left)
                }
                _ => {
                    let (sign, digits) = own.split_at(usize::from(own.starts_with(['+', '-'])));
                    format!("{sign}{}{digits}", fills(missing))
                }
            })
        }
        _ => return fail(format!("`.{name}()` is not supported")),
    })
}

/// `text.replace(old, new)`
pub(super) fn replaced(run: &Run, own: &str, old: &str, new: &str, most: Option<usize>) -> Outcome<V> {
    let times = if old.is_empty() { own.chars().count() + 1 } else { own.matches(old).count() };
    run.bytes(own.len().saturating_add(times.min(most.unwrap_or(usize::MAX)).saturating_mul(new.len())))?;
    Ok(V::from(most.map_or_else(|| own.replace(old, new), |most| own.replacen(old, new, most))))
}

/// `text.split(mark, most)`, from the right too.
pub(super) fn split(run: &Run, own: &str, args: &Args, right: bool) -> Outcome<V> {
    let most = arg(args, 1, "maxsplit").and_then(V::as_int).and_then(|most| usize::try_from(most).ok());
    let parts: Vec<V> = match arg(args, 0, "sep") {
        None | Some(V::None) => match most {
            None => own.split_whitespace().map(V::from).collect(),
            Some(most) => blanks(own, most, right),
        },
        Some(V::Str(mark)) if mark.is_empty() => return fail("a text cannot be split at nothing"),
        Some(V::Str(mark)) => match (most, right) {
            (None, _) => own.split(&**mark).map(V::from).collect(),
            (Some(most), false) => own.splitn(most.saturating_add(1), &**mark).map(V::from).collect(),
            (Some(most), true) => {
                let mut parts: Vec<V> = own.rsplitn(most.saturating_add(1), &**mark).map(V::from).collect();
                parts.reverse();
                parts
            }
        },
        Some(other) => return fail(format!("a text is split at a text, not at {}", other.kind())),
    };
    run.spend(parts.len() as u64)?;
    Ok(V::list(parts))
}

fn blanks(own: &str, most: usize, right: bool) -> Vec<V> {
    let (mut parts, mut rest) = (Vec::new(), own.trim());
    while !rest.is_empty() && parts.len() < most {
        let cut = if right {
            rest.rsplit_once(char::is_whitespace).map(|(rest, word)| (word, rest))
        } else {
            rest.split_once(char::is_whitespace)
        };
        let Some((word, other)) = cut else { break };
        parts.push(V::from(word));
        rest = if right { other.trim_end() } else { other.trim_start() };
    }
    if !rest.is_empty() {
        parts.push(V::from(rest));
    }
    if right {
        parts.reverse();
    }
    parts
}

/// `text.splitlines()`
pub(super) fn lines(own: &str) -> Vec<&str> {
    own.split_inclusive(['\n', '\r'])
        .fold(Vec::new(), |mut lines: Vec<&str>, line| {
            // the second half of `\r\n` is no line of its own
            if !(line == "\n" && lines.last().is_some_and(|last| last.ends_with('\r'))) {
                lines.push(line);
            }
            lines
        })
        .into_iter()
        .map(|line| line.trim_end_matches(['\n', '\r']))
        .collect()
}

/// `text.capitalize()`
pub(super) fn capitalized(own: &str) -> String {
    let mut chars = own.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect())
}

/// `text.title()`
pub(super) fn titled(own: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for c in own.chars() {
        if inside {
            out.extend(c.to_lowercase())
        } else {
            out.extend(c.to_uppercase())
        }
        inside = c.is_alphabetic();
    }
    out
}
