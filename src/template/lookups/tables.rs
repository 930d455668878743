//! Lookups in tables: INI files and comma-separated values.

use super::super::encoding::Encoding;
use super::super::fault::{Outcome, fail, fail_hint};
use super::super::files;
use super::super::regex::Pattern;
use super::super::value::V;
use super::Asked;

/// An option: what stands beside the key in the term, or what the lookup was given.
struct Options<'a> {
    asked: &'a Asked<'a>,
    beside: Vec<(String, String)>,
}

impl Options<'_> {
    /// Whether all that stands beside the key is known.
    fn known(&self, names: &[&str]) -> Outcome<()> {
        match self.beside.iter().find(|(key, _)| !names.contains(&key.as_str())) {
            Some((key, _)) => fail(format!("'{}' is not a valid option of `{}`", super::super::fault::shown(key), self.asked.given.name)),
            None => Ok(()),
        }
    }

    /// The text of the file.
    fn text(&self, name: &str) -> Outcome<String> {
        let encoding = self.get("encoding")?.unwrap_or_else(|| "utf-8".to_owned());
        let Some(known) = Encoding::of(&encoding) else { return fail(format!("the encoding {encoding} is not known here")) };
        let bytes = bytes_of(self.asked, name)?;
        known.decode(&bytes).map_or_else(|| fail(format!("`{}` is no text in {encoding}", super::super::fault::shown(name))), Ok)
    }

    fn get(&self, name: &str) -> Outcome<Option<String>> {
        match self.beside.iter().find(|(key, _)| key == name) {
            Some((_, value)) => Ok(Some(value.clone())),
            None => self.asked.text_option(name),
        }
    }

    fn flag(&self, name: &str) -> Outcome<bool> {
        Ok(self.get(name)?.is_some_and(|text| matches!(text.to_lowercase().as_str(), "yes" | "true" | "on" | "1" | "y" | "t")))
    }

    fn number(&self, name: &str, usual: usize) -> Outcome<usize> {
        match self.get(name)? {
            Some(text) => text.trim().parse().or_else(|_| fail(format!("`{name}` is the number of a column, not `{text}`"))),
            None => Ok(usual),
        }
    }
}

fn bytes_of(asked: &Asked, name: &str) -> Outcome<Vec<u8>> {
    match files::find(asked.given.run, "files", name)? {
        Some(path) => files::read_whole(asked.given.run, &path),
        None => fail_hint(
            format!("there is no file `{}`", super::super::fault::shown(name)),
            "it is looked for in `files` of the role and of the playbook, and beside them",
        ),
    }
}

/// What may stand beside a key.
const OF_INI: &[&str] =
    &["type", "section", "re", "default", "case_sensitive", "allow_no_value", "allow_none", "file", "encoding", "interpolation"];
const OF_CSV: &[&str] = &["file", "delimiter", "encoding", "col", "keycol", "default"];

pub(super) fn ini(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut found = Vec::new();
    for term in asked.texts()? {
        let (key, beside) = asked.words(&term)?;
        let options = Options { asked, beside };
        options.known(OF_INI)?;
        if key.is_empty() {
            return fail("No key to look up was provided as first term within string inline options");
        }
        let file = options.get("file")?.unwrap_or_else(|| "ansible.ini".to_owned());
        let properties = options.get("type")?.as_deref() == Some("properties");
        let section =
            if properties { "java_properties".to_owned() } else { options.get("section")?.unwrap_or_else(|| "global".to_owned()) };
        let cased = options.flag("case_sensitive")?;
        let no_value = options.flag("allow_no_value")? || options.flag("allow_none")?;
        let text = options.text(&file)?;
        let entries = entries(&text, &section, properties, cased, no_value)?;
        run.spend(entries.len() as u64)?;
        if options.flag("re")? {
            let pattern = Pattern::new(run, &key, false, false)?;
            for (name, value) in entries {
                // as `re.match`: from the beginning
                if pattern.first(run, &name)?.and_then(|captures| captures.get(0)).is_some_and(|all| all.start() == 0) {
                    found.push(value.map_or(V::None, V::from));
                }
            }
            continue;
        }
        let key = if cased { key } else { key.to_lowercase() };
        match entries.into_iter().rev().find(|(name, _)| *name == key) {
            // what has no value gives none
            Some((_, value)) => found.extend(value.map(V::from)),
            None => found.push(V::from(options.get("default")?.unwrap_or_default())),
        }
    }
    Ok(found)
}

/// The names and values of a section (configparser of Python, without interpolation).
fn entries(text: &str, section: &str, properties: bool, cased: bool, no_value: bool) -> Outcome<Vec<(String, Option<String>)>> {
    let (mut at, mut seen, mut found) = (if properties { section.to_owned() } else { String::new() }, properties, Vec::new());
    let (mut common, mut indent): (Vec<(String, Option<String>)>, usize) = (Vec::new(), 0);
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let blanks = line.len() - line.trim_start().len();
        let list = if at == "DEFAULT" { &mut common } else { &mut found };
        if blanks > indent
            && let Some((name, Some(value))) = list.last_mut()
            && (at == section || at == "DEFAULT")
            && !str::is_empty(name)
        {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        indent = blanks;
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()).filter(|_| trimmed.contains(']')) {
            name.clone_into(&mut at);
            seen |= at == section;
            continue;
        }
        if at.is_empty() {
            return fail(format!("line {} of the file stands in no section", number + 1));
        }
        let (name, value) = match trimmed.find(['=', ':']) {
            Some(split) => (trimmed.get(..split).unwrap_or_default(), Some(trimmed.get(split + 1..).unwrap_or_default().trim())),
            None if no_value => (trimmed, None),
            None => return fail(format!("line {} of the file has no `=`", number + 1)),
        };
        let name = if cased { name.trim().to_owned() } else { name.trim().to_lowercase() };
        let list = match at.as_str() {
            "DEFAULT" => &mut common,
            _ if at == section => &mut found,
            _ => continue,
        };
        // as Python's configparser, which Ansible lets be strict
        if !properties && list.iter().any(|(known, _)| *known == name) {
            return fail(format!("the file has two of the option `{}`", super::super::fault::shown(&name)));
        }
        list.push((name, value.map(str::to_owned)));
    }
    if !seen {
        return fail(format!("the file has no section `{}`", super::super::fault::shown(section)));
    }
    common.retain(|(name, _)| !found.iter().any(|(known, _)| known == name));
    Ok([found, common].concat())
}

pub(super) fn csvfile(asked: &Asked) -> Outcome<Vec<V>> {
    let run = asked.given.run;
    let mut found = Vec::new();
    let terms = asked.texts()?;
    for term in if terms.is_empty() { vec![String::new()] } else { terms } {
        let (key, beside) = asked.words(&term)?;
        if key.is_empty() {
            return fail("the lookup `csvfile` needs the text of the column that is searched");
        }
        let options = Options { asked, beside };
        options.known(OF_CSV)?;
        let file = options.get("file")?.unwrap_or_else(|| "ansible.csv".to_owned());
        let delimiter = match options.get("delimiter")?.as_deref() {
            None | Some("TAB" | "\\t" | "\t") => '\t',
            Some(text) => match (text.chars().next(), text.chars().count()) {
                (Some(mark), 1) => mark,
                _ => return fail(format!("`delimiter` is one character, not `{text}`")),
            },
        };
        let (column, of_key) = (options.number("col", 1)?, options.number("keycol", 0)?);
        let text = options.text(&file)?;
        let mut value = match options.beside.iter().find(|(key, _)| key == "default") {
            Some((_, text)) => Some(V::from(text.as_str())),
            None => asked.option("default").cloned(),
        };
        for row in rows(&text, delimiter) {
            run.spend(row.len() as u64 + 1)?;
            if row.get(of_key) == Some(&key) {
                value = match row.get(column) {
                    Some(cell) => Some(V::from(cell.as_str())),
                    None => return fail(format!("the row of `{key}` has no column {column}")),
                };
                break;
            }
        }
        // a list is several values
        match value {
            Some(list) if list.is_list() => found.extend(run.items(&list)?),
            value => found.extend(value),
        }
    }
    Ok(found)
}

/// Rows of cells; a cell in quotes may hold the delimiter, line ends, and quotes written twice.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => quoted = true,
            c if c == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|row| row.len() > 1 || row.iter().any(|cell| !cell.is_empty()));
    rows
}
