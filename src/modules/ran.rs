//! What a program said, as Ansible registers it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::{Map, Value};

use crate::node::apply::{Carried, Output};
use crate::node::record::to_text;
use crate::node::steps::{HostTime, Ran};

/// The `msg` of a program that cannot be started.
pub(super) const NOT_STARTED: &str = "Error executing command.";

/// `rc`, `stdout`, `stderr` and their lines, of an [`Output`] whose error stream is `stderr`.
pub(super) fn said(output: &Output, stderr: &[u8], strip: bool) -> Map<String, Value> {
    let text = |bytes: &[u8]| {
        let text = to_text(bytes);
        if strip { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
    };
    let mut result = Map::new();
    result.insert("rc".into(), output.status.into());
    for (name, bytes) in [("stdout", output.stdout.as_slice()), ("stderr", stderr)] {
        let text = text(bytes);
        result.insert(format!("{name}_lines"), lines(&text).into());
        result.insert(name.into(), text.into());
    }
    if output.status != 0 {
        result.insert("failed".into(), true.into());
        result.insert("msg".into(), "non-zero return code".into());
    }
    if output.cut {
        result.insert("warnings".into(), vec!["what it printed is longer than what is kept of it"].into());
    }
    result
}

/// The same of the first program that was run, if one was.
pub(super) fn first(carried: Option<&Carried>) -> Map<String, Value> {
    let output = carried.and_then(|carried| carried.outputs.first());
    output.map(|output| said(output, &output.stderr, false)).unwrap_or_default()
}

/// The same of a program that was timed, with `start`, `end` and `delta`.
pub(super) fn timed(output: &Output, strip: bool) -> Map<String, Value> {
    let ran = Ran::read(&output.stderr);
    let Some(began) = ran.began else {
        let mut result = Map::new();
        result.insert("failed".into(), true.into());
        result.insert("changed".into(), false.into());
        result.insert("rc".into(), Value::Null);
        result.insert("msg".into(), "Unable to change directory before execution.".into());
        result.insert("exception".into(), to_text(&ran.stderr).trim_end().into());
        return result;
    };
    if let Some(errno) = ran.errno {
        let mut result = said(&Output { status: errno, ..Output::default() }, &[], strip);
        result.insert("msg".into(), NOT_STARTED.into());
        result.insert("changed".into(), false.into());
        return result;
    }
    let mut result = said(output, &ran.stderr, strip);
    result.entry("msg").or_insert_with(|| "".into());
    result.insert("start".into(), local(began).map_or(Value::Null, Value::from));
    if let Some(ended) = ran.ended {
        result.insert("end".into(), local(ended).map_or(Value::Null, Value::from));
        result.insert("delta".into(), delta(ended.unix_microseconds - began.unix_microseconds).into());
    }
    result
}

/// What a job that has ended left in its file, as Ansible registers it.
pub(super) fn of_job(mut data: Map<String, Value>) -> Map<String, Value> {
    let how = data.remove(super::JOB).unwrap_or_default();
    let flag = |name: &str| how.get(name).and_then(Value::as_bool).unwrap_or(false);
    let bytes = |data: &mut Map<String, Value>, name: &str| {
        let text = data.remove(name);
        text.as_ref().and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok()).unwrap_or_default()
    };
    let (stdout, stderr) = (bytes(&mut data, "stdout_base64"), bytes(&mut data, "stderr_base64"));
    let mut take = |name: &str| data.remove(name).unwrap_or_default();
    let (errno, over, began, ended) = (take("errno"), take("over"), take("began"), take("ended"));
    let mut result = Map::new();
    if flag("done") {
        data.remove("rc");
    } else if over == Value::Bool(true) {
        data.remove("rc");
        result.insert("failed".into(), true.into());
        result.insert("changed".into(), false.into());
        result.insert("msg".into(), "Timeout exceeded".into());
        result.insert("stdout".into(), "".into());
        result.insert("stderr".into(), "".into());
    } else {
        let status = take_number(&data.remove("rc").unwrap_or_default());
        result = said(&Output { status, stdout, ..Output::default() }, &stderr, flag("strip"));
        if !errno.is_null() {
            result.insert("msg".into(), "Error executing command.".into());
        }
        let time = |value: &Value| value.as_str().and_then(HostTime::read);
        if let (true, Some(began), Some(ended)) = (flag("timed"), time(&began), time(&ended)) {
            result.entry("msg").or_insert_with(|| "".into());
            result.insert("start".into(), local(began).map_or(Value::Null, Value::from));
            result.insert("end".into(), local(ended).map_or(Value::Null, Value::from));
            result.insert("delta".into(), delta(ended.unix_microseconds - began.unix_microseconds).into());
        }
        // what could not be started has changed nothing
        result.insert("changed".into(), errno.is_null().into());
        if let (false, Some(Value::Array(words))) = (errno.is_null(), data.get("cmd")) {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            result.insert("cmd".into(), words.join(" ").into());
        }
    }
    data.extend(result);
    data.insert("started".into(), true.into());
    data.insert("finished".into(), true.into());
    data
}

fn take_number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).unwrap_or_default()
}

/// A time as Python writes a `datetime`.
fn local(time: HostTime) -> Option<String> {
    let offset = Offset::from_seconds(time.utc_offset).ok()?;
    let local = offset.to_datetime(Timestamp::from_microsecond(time.unix_microseconds).ok()?);
    let fraction = time.unix_microseconds.rem_euclid(1_000_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    Some(format!("{}{fraction}", local.strftime("%Y-%m-%d %H:%M:%S")))
}

/// A span as Python writes a `timedelta`.
fn delta(microseconds: i64) -> String {
    let (seconds, fraction) = (microseconds.div_euclid(1_000_000), microseconds.rem_euclid(1_000_000));
    let (days, seconds) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let days = match days {
        0 => String::new(),
        1 | -1 => format!("{days} day, "),
        days => format!("{days} days, "),
    };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{days}{}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Python's `str.splitlines()`.
pub(super) fn lines(text: &str) -> Vec<String> {
    let is_end = |c: char| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let Some(at) = rest.find(is_end) else {
            lines.push(rest.to_owned());
            break;
        };
        let (line, tail) = rest.split_at(at);
        lines.push(line.to_owned());
        let end = tail.chars().next().map_or(1, char::len_utf8);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(end..)).unwrap_or_default();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_pythons_do() {
        assert_eq!(lines("a\r\nb\n\nc\u{2028}d"), ["a", "b", "", "c", "d"]);
        assert_eq!(lines("\n"), [""]);
        assert_eq!(lines(""), [""; 0]);
    }

    #[test]
    fn times_look_as_pythons() {
        assert_eq!(delta(3456), "0:00:00.003456");
        assert_eq!(delta(3_600_000_000 * 25 + 61_000_000), "1 day, 1:01:01");
        assert_eq!(delta(-1), "-1 day, 23:59:59.999999");
        let time = HostTime { unix_microseconds: 1_795_456_056_012_345, utc_offset: 3600 };
        assert_eq!(local(time).unwrap(), "2026-11-23 18:47:36.012345");
    }

    #[test]
    fn what_failed_says_so() {
        let output =
            Output { status: 3, stdout: b"a\n\n".to_vec(), stderr: b"@k 10.000000001 +0000\nno\n\n@k 11.5 +0000\n".to_vec(), cut: false };
        let result = Value::Object(timed(&output, true));
        assert_eq!(
            result,
            serde_json::json!({"rc": 3, "stdout_lines": ["a"], "stdout": "a", "stderr_lines": ["no"], "stderr": "no", "failed": true,
                "msg": "non-zero return code", "start": "1970-01-01 00:00:10", "end": "1970-01-01 00:00:11", "delta": "0:00:01"})
        );
        let output = Output { status: 127, stderr: b"@k 10.0 +0000\n@k errno 2\n\n@k 11.0 +0000\n".to_vec(), ..Output::default() };
        let result = timed(&output, true);
        assert_eq!((&result["rc"], &result["msg"], &result["stderr"]), (&2.into(), &"Error executing command.".into(), &"".into()));
        let output = Output { status: 1, stderr: b"sh: 1: cd: can't cd to /nope\n".to_vec(), ..Output::default() };
        assert_eq!(timed(&output, true)["msg"], "Unable to change directory before execution.");
    }
}
