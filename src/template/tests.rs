//! Tests: what stands behind `is`.

use super::compare;
use super::fault::{Fault, Outcome, fail};
use super::files;
use super::filters::Set;
use super::regex::Pattern;
use super::repr;
use super::spec::{self, Given, Spec, lenient, spec};
use super::value::V;
use super::version;
use minijinja::machinery::ast::CompareOpKind;

const TABLE: &[Spec] = &[
    lenient("defined", &[], |given| Ok(V::Bool(!matches!(given.value, V::Undefined(_))))),
    lenient("undefined", &[], |given| Ok(V::Bool(matches!(given.value, V::Undefined(_))))),
    spec("none", &[], |given| Ok(V::Bool(matches!(given.value, V::None)))),
    spec("string", &[], |given| Ok(V::Bool(matches!(given.value, V::Str(_))))),
    spec("number", &[], |given| Ok(V::Bool(given.value.as_float().is_some()))),
    spec("integer", &[], |given| Ok(V::Bool(matches!(given.value, V::Int(_))))),
    spec("float", &[], |given| Ok(V::Bool(matches!(given.value, V::Float(_))))),
    spec("boolean", &[], |given| Ok(V::Bool(matches!(given.value, V::Bool(_))))),
    spec("true", &[], |given| Ok(V::Bool(matches!(given.value, V::Bool(true))))),
    spec("false", &[], |given| Ok(V::Bool(matches!(given.value, V::Bool(false))))),
    spec("mapping", &[], |given| Ok(V::Bool(given.value.is_map()))),
    spec("iterable", &[], |given| Ok(V::Bool(many(given.value)))),
    spec("sequence", &[], |given| Ok(V::Bool(many(given.value)))),
    spec("callable", &[], |given| Ok(V::Bool(matches!(given.value, V::Macro(_))))),
    spec("lower", &[], |given| cased(given, char::is_lowercase, char::is_uppercase)),
    spec("upper", &[], |given| cased(given, char::is_uppercase, char::is_lowercase)),
    spec("odd", &[], |given| whole(given).map(|number| V::Bool(number.rem_euclid(2) == 1))),
    spec("even", &[], |given| whole(given).map(|number| V::Bool(number.rem_euclid(2) == 0))),
    spec("divisibleby", &["num"], divisibleby),
    spec("in", &["seq"], |given| compare::contains(given.run, given.need(0, "a list")?, given.value).map(V::Bool)),
    spec("contains", &["value"], |given| compare::contains(given.run, given.value, given.need(0, "a value")?).map(V::Bool)),
    spec("sameas", &["other"], sameas),
    spec("eq", &["other"], |given| compared(given, CompareOpKind::Eq)),
    spec("equalto", &["other"], |given| compared(given, CompareOpKind::Eq)),
    spec("==", &["other"], |given| compared(given, CompareOpKind::Eq)),
    spec("ne", &["other"], |given| compared(given, CompareOpKind::Ne)),
    spec("!=", &["other"], |given| compared(given, CompareOpKind::Ne)),
    spec("lt", &["other"], |given| compared(given, CompareOpKind::Lt)),
    spec("<", &["other"], |given| compared(given, CompareOpKind::Lt)),
    spec("lessthan", &["other"], |given| compared(given, CompareOpKind::Lt)),
    spec("le", &["other"], |given| compared(given, CompareOpKind::Lte)),
    spec("<=", &["other"], |given| compared(given, CompareOpKind::Lte)),
    spec("gt", &["other"], |given| compared(given, CompareOpKind::Gt)),
    spec(">", &["other"], |given| compared(given, CompareOpKind::Gt)),
    spec("greaterthan", &["other"], |given| compared(given, CompareOpKind::Gt)),
    spec("ge", &["other"], |given| compared(given, CompareOpKind::Gte)),
    spec(">=", &["other"], |given| compared(given, CompareOpKind::Gte)),
    spec("match", &["pattern", "ignorecase", "multiline"], |given| matched(given, true)),
    spec("search", &["pattern", "ignorecase", "multiline"], |given| matched(given, false)),
    spec("regex", &["pattern", "ignorecase", "multiline", "match_type"], |given| {
        let start = given.text_or(3, "search")? == "match";
        matched(given, start)
    }),
    spec("version", &["version", "operator", "strict", "version_type"], compared_versions),
    spec("version_compare", &["version", "operator", "strict", "version_type"], compared_versions),
    spec("subset", &["b"], |given| within(given, false)),
    spec("issubset", &["b"], |given| within(given, false)),
    spec("superset", &["b"], |given| within(given, true)),
    spec("issuperset", &["b"], |given| within(given, true)),
    spec("any", &[], |given| Ok(V::Bool(given.own_items()?.iter().any(V::truth)))),
    spec("all", &[], |given| Ok(V::Bool(given.own_items()?.iter().all(V::truth)))),
    spec("truthy", &["convert_bool"], |given| Ok(V::Bool(truthy(given)))),
    spec("falsy", &["convert_bool"], |given| Ok(V::Bool(!truthy(given)))),
    spec("nan", &[], |given| Ok(V::Bool(given.value.as_float().is_some_and(f64::is_nan)))),
    spec("failed", &[], |given| result(given, "failed")),
    spec("failure", &[], |given| result(given, "failed")),
    spec("succeeded", &[], |given| not(result(given, "failed"))),
    spec("success", &[], |given| not(result(given, "failed"))),
    spec("successful", &[], |given| not(result(given, "failed"))),
    spec("changed", &[], changed),
    spec("change", &[], changed),
    spec("skipped", &[], |given| result(given, "skipped")),
    spec("skip", &[], |given| result(given, "skipped")),
    spec("unreachable", &[], |given| result(given, "unreachable")),
    spec("reachable", &[], |given| not(result(given, "unreachable"))),
    spec("timedout", &[], timedout),
    spec("isnan", &[], |given| Ok(V::Bool(given.value.as_float().is_some_and(f64::is_nan)))),
    spec("escaped", &[], |_| Ok(V::Bool(false))),
    spec("mount", &[], |given| files::test(given, files::Kind::Mount)),
    spec("is_mount", &[], |given| files::test(given, files::Kind::Mount)),
    spec("same_file", &["b"], files::same),
    spec("is_same_file", &["b"], files::same),
    spec("uri", &["schemes"], |given| address(given, |_| true)),
    spec("url", &["schemes"], |given| address(given, |uri| !uri.host.is_empty() || uri.scheme.eq_ignore_ascii_case("file"))),
    spec("urn", &[], |given| address(given, |uri| uri.scheme.eq_ignore_ascii_case("urn"))),
    spec("vaulted_file", &[], |given| files::test(given, files::Kind::Vaulted)),
    spec("finished", &[], |given| async_result(given, "finished")),
    spec("started", &[], |given| async_result(given, "started")),
    spec("vault_encrypted", &[], |given| Ok(V::Bool(given.value.as_str().is_some_and(|text| text.starts_with("$ANSIBLE_VAULT;"))))),
    // Ansible's own tests ask which texts it would evaluate; only of a variable that can be said
    spec("ansible._protomatter.tagged_with", &["tag_name"], |_| Ok(V::Bool(false))),
    spec("file", &[], |given| files::test(given, files::Kind::File)),
    spec("is_file", &[], |given| files::test(given, files::Kind::File)),
    spec("directory", &[], |given| files::test(given, files::Kind::Directory)),
    spec("is_dir", &[], |given| files::test(given, files::Kind::Directory)),
    spec("link", &[], |given| files::test(given, files::Kind::Link)),
    spec("is_link", &[], |given| files::test(given, files::Kind::Link)),
    spec("exists", &[], |given| files::test(given, files::Kind::Exists)),
    spec("link_exists", &[], |given| files::test(given, files::Kind::LinkExists)),
    spec("abs", &[], |given| Ok(V::Bool(given.own_text()?.starts_with('/')))),
    spec("is_abs", &[], |given| Ok(V::Bool(given.own_text()?.starts_with('/')))),
    spec("filter", &[], |given| Ok(V::Bool(super::filters::find(&given.own_text()?).is_some()))),
    spec("test", &[], |given| Ok(V::Bool(find(&given.own_text()?).is_some()))),
];

/// The test of that name.
pub(super) fn find(name: &str) -> Option<&'static Spec> {
    let name = spec::short(name);
    TABLE.iter().find(|spec| spec.name == name)
}

/// Every test's name.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|spec| spec.name)
}

/// The problem of a test that is not there.
pub(super) fn unknown(name: &str) -> Fault {
    spec::unknown("test", name, TABLE.iter().map(|spec| spec.name))
}

/// What tells addresses apart.
struct Address<'t> {
    scheme: &'t str,
    host: &'t str,
}

/// Whether the value is an address of that kind, and of one of these schemes if some are given; as Python's `urlparse` takes
/// it, to which any text is a path at least.
fn address(given: &Given, is: impl Fn(&Address) -> bool) -> Outcome<V> {
    let text = given.own_text()?;
    let (scheme, rest) = text.split_once(':').unwrap_or(("", &text));
    let known =
        scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    let (scheme, rest) = if known { (scheme, rest) } else { ("", text.as_str()) };
    let host = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or("")).unwrap_or("");
    let address = Address { scheme, host };
    let of_these = match given.arg(0) {
        None | Some(V::None) => true,
        Some(schemes) => {
            let schemes = given.items(schemes)?;
            schemes.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(address.scheme)))
        }
    };
    Ok(V::Bool(is(&address) && of_these))
}

fn timedout(given: &Given) -> Outcome<V> {
    let Some(told) = said(given, "timedout")?.filter(V::is_map) else { return Ok(V::Bool(false)) };
    Ok(V::Bool(given.run.get(&told, &V::from("period"))?.is_some_and(|period| period.truth())))
}

fn many(value: &V) -> bool {
    value.is_list() || value.is_map() || value.as_str().is_some()
}

fn not(answer: Outcome<V>) -> Outcome<V> {
    answer.map(|answer| V::Bool(!answer.truth()))
}

fn cased(given: &Given, wanted: fn(char) -> bool, unwanted: fn(char) -> bool) -> Outcome<V> {
    let text = given.own_text()?;
    Ok(V::Bool(text.chars().any(wanted) && !text.chars().any(unwanted)))
}

fn whole(given: &Given) -> Outcome<i128> {
    given.value.as_int().map_or_else(|| fail(format!("`{}` needs a whole number, not {}", given.name, given.value.kind())), Ok)
}

fn divisibleby(given: &Given) -> Outcome<V> {
    match (whole(given)?, given.need(0, "a number")?.as_int()) {
        (_, Some(0)) => fail("a number is divided by zero"),
        (number, Some(by)) => Ok(V::Bool(number.checked_rem(by).is_none_or(|rest| rest == 0))),
        _ => fail("`divisibleby` needs a whole number"),
    }
}

/// Python's `is`: here only what is there once in Python is the same.
fn sameas(given: &Given) -> Outcome<V> {
    let other = given.need(0, "a value")?;
    Ok(V::Bool(given.value.python_type() == other.python_type() && compare::equal(given.run, given.value, other)?))
}

fn compared(given: &Given, op: CompareOpKind) -> Outcome<V> {
    compare::holds(given.run, op, given.value, given.need(0, "a value")?).map(V::Bool)
}

fn matched(given: &Given, at_start: bool) -> Outcome<V> {
    let text = given.own_text()?;
    let pattern = given.text_or(0, "")?;
    let pattern = if at_start { format!("\\A(?:{pattern})") } else { pattern };
    let pattern = Pattern::new(given.run, &pattern, given.flag(1, false), given.flag(2, false))?;
    Ok(V::Bool(pattern.first(given.run, &text)?.is_some()))
}

fn compared_versions(given: &Given) -> Outcome<V> {
    let other = given.need(0, "a version")?;
    if !given.value.truth() {
        return fail("input version value cannot be empty");
    }
    if !other.truth() {
        return fail("version parameter to compare against cannot be empty");
    }
    let kind = match given.text(3)? {
        Some(_) if given.arg(2).is_some_and(|strict| !matches!(strict, V::None)) => {
            return fail("only one of `strict` and `version_type` can be given");
        }
        Some(kind) => kind,
        None if given.flag(2, false) => "strict".to_owned(),
        None => "loose".to_owned(),
    };
    let order = version::compare(&kind, &given.own_text()?, &repr::text(given.run, other)?)?;
    Ok(V::Bool(match given.text_or(1, "eq")?.as_str() {
        "==" | "=" | "eq" => order.is_eq(),
        "<" | "lt" => order.is_lt(),
        "<=" | "le" => order.is_le(),
        ">" | "gt" => order.is_gt(),
        ">=" | "ge" => order.is_ge(),
        "!=" | "<>" | "ne" => order.is_ne(),
        _ => return fail("a version is compared by one of ==, !=, <, <=, >, >="),
    }))
}

fn within(given: &Given, turned: bool) -> Outcome<V> {
    let own = Set::of(given.run, given.own_items()?)?;
    let other = Set::of(given.run, given.items(given.need(0, "a list")?)?)?;
    Ok(V::Bool(if turned { other.within(given.run, &own)? } else { own.within(given.run, &other)? }))
}

fn truthy(given: &Given) -> bool {
    match given.value {
        V::Str(text) if given.flag(0, false) => match text.trim().to_lowercase().as_str() {
            "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => true,
            "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => false,
            _ => given.value.truth(),
        },
        value => value.truth(),
    }
}

/// What a task's result says at a key.
fn said(given: &Given, key: &str) -> Outcome<Option<V>> {
    if !given.value.is_map() {
        return fail(format!("`is {}` needs the result of a task, not {}", given.name, given.value.kind()));
    }
    given.run.get(given.value, &V::from(key))
}

fn result(given: &Given, key: &str) -> Outcome<V> {
    Ok(V::Bool(said(given, key)?.is_some_and(|value| value.truth())))
}

fn async_result(given: &Given, key: &str) -> Outcome<V> {
    Ok(V::Bool(said(given, key)?.is_none_or(|value| value.truth())))
}

fn changed(given: &Given) -> Outcome<V> {
    if let Some(changed) = said(given, "changed")? {
        return Ok(V::Bool(changed.truth()));
    }
    let Some(results) = said(given, "results")?.filter(V::is_list) else { return Ok(V::Bool(false)) };
    for result in given.run.items(&results)?.iter().filter(|result| result.is_map()) {
        if given.run.get(result, &V::from("changed"))?.is_some_and(|changed| changed.truth()) {
            return Ok(V::Bool(true));
        }
    }
    Ok(V::Bool(false))
}

#[cfg(test)]
mod all {
    /// The tests of ansible-core 2.19.14 and of the Jinja2 that it runs with.
    const TESTS: &str = "!= < <= == > >= abs all any boolean callable change changed contains defined directory divisibleby eq equalto \
        escaped even exists failed failure false falsy file filter finished float ge greaterthan gt in integer is_abs \
        is_dir is_file is_link is_mount is_same_file isnan issubset issuperset iterable le lessthan link link_exists \
        lower lt mapping match mount nan ne none number odd reachable regex same_file sameas search sequence skip \
        skipped started string subset succeeded success successful superset test timedout true truthy undefined \
        unreachable upper uri url urn vault_encrypted vaulted_file version version_compare";

    #[test]
    fn every_test_of_ansible_and_jinja_is_there() {
        let missing: Vec<&str> = TESTS.split_whitespace().filter(|name| super::find(name).is_none()).collect();
        assert_eq!(missing, [""; 0]);
    }
}
