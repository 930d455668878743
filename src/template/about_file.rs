//! What a template may say of its own file: `template_host` and the like.

use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::yaml::Value;

/// The variables that Ansible gives a template about its file and this machine. `template_run_date` is another one each time.
pub fn about_file(path: &Path) -> Vec<(&'static str, Value)> {
    let mut found = vec![
        ("template_host", Value::from(&*rustix::system::uname().nodename().to_string_lossy())),
        ("template_run_date", date(SystemTime::now())),
    ];
    if let Ok(about) = std::fs::metadata(path) {
        found.push(("template_uid", owner(&about)));
        found.extend(about.modified().ok().map(|time| ("template_mtime", date(time))));
    }
    found
}

/// The owner's name, or its number if it has none.
fn owner(about: &std::fs::Metadata) -> Value {
    let uid = std::os::unix::fs::MetadataExt::uid(about);
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| Value::from(name))
    });
    name.unwrap_or(Value::Int(i64::from(uid)))
}

/// A local time as Python's `str()` writes it.
fn date(time: SystemTime) -> Value {
    let time = Timestamp::try_from(time).unwrap_or_default().to_zoned(TimeZone::system()).datetime();
    let micros = time.subsec_nanosecond() / 1000;
    let text = jiff::fmt::strtime::format("%Y-%m-%d %H:%M:%S", time).unwrap_or_default();
    Value::Time(if micros == 0 { text } else { format!("{text}.{micros:06}") }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_owner_and_its_time() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_micros(1_500_000)).unwrap();
        let about = about_file(file.path());
        let of = |name: &str| about.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap();
        let Value::Time(time) = of("template_mtime") else { panic!("{about:?}") };
        assert!(time.ends_with(":01.500000"), "{time}");
        assert_ne!(of("template_host"), Value::from(""));
        assert!(matches!(of("template_uid"), Value::Str(_) | Value::Int(_)));
        assert_eq!(about_file(Path::new("/nowhere")).len(), 2);
    }
}
