//! The text of an ansible.cfg as Python's configparser reads it, with `;` for comments behind a value.

use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};

/// The section whose values stand in every other one too.
const EVERYWHERE: &str = "DEFAULT";

/// One `key = value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) section: String,
    /// In small letters.
    pub(super) key: String,
    pub(super) key_place: Place,
    /// The lines of it without the blanks around each.
    pub(super) value: String,
    /// Where the value stands; an empty one is where its key is.
    pub(super) place: Place,
}

/// What the file says.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) entries: Vec<Entry>,
    /// In their order, with the places of their headers.
    pub(super) sections: Vec<(String, Place)>,
}

impl File {
    /// The value for that key of that section.
    pub(super) fn get(&self, section: &str, key: &str) -> Option<&Entry> {
        let of = |section: &str| self.entries.iter().find(|entry| entry.section == section && entry.key == key);
        // the values for all sections are not looked at where the section itself is not there
        let there = self.sections.iter().any(|(name, _)| name == section);
        of(section).or_else(|| of(EVERYWHERE).filter(|_| there))
    }
}

/// Reads the text. Whatever is wrong with it is added to `problems`, all at once.
pub(super) fn parse(source: &Source, problems: &mut Diagnostics) -> File {
    let mut reader = Reader { source, problems, file: File::default(), section: None, open: None, indent: 0, said_no_section: false };
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        reader.line(line, start);
        start += line.len();
    }
    reader.close();
    reader.file
}

/// An entry whose value may go on in the next line.
struct Open {
    entry: Entry,
    lines: Vec<String>,
    /// Such an entry is there already.
    twice: bool,
}

struct Reader<'a> {
    source: &'a Source,
    problems: &'a mut Diagnostics,
    file: File,
    section: Option<String>,
    open: Option<Open>,
    /// How far the line of the last key was indented, in characters.
    indent: usize,
    said_no_section: bool,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, start: usize) {
        let commented = comment(line);
        let content = commented.and_then(|at| line.get(..at)).unwrap_or(line);
        let text = content.trim();
        if text.is_empty() {
            // an empty line belongs to the value if it goes on after it
            if let Some(open) = self.open.as_mut().filter(|_| commented.is_none()) {
                open.lines.push(String::new());
            }
            return;
        }
        let leading = line.len() - line.trim_start().len();
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        let begin = start + leading;
        let place = self.source.at(begin..begin + text.len());
        match &mut self.open {
            Some(open) if indent > self.indent => {
                if open.entry.value.is_empty() && open.lines.iter().all(String::is_empty) {
                    open.entry.place = place.clone();
                }
                open.entry.place.span.end = place.span.end;
                open.lines.push(text.to_owned());
                return;
            }
            _ => self.indent = indent,
        }
        if let Some(name) = header(text) {
            self.close();
            self.header(name, place);
        } else if let Some(section) = self.section.clone() {
            self.key(section, text, place);
        } else if !self.said_no_section {
            self.said_no_section = true;
            let error = Diagnostic::error("this stands before the first section").at(place);
            self.problems.push(if text.starts_with('\u{feff}') {
                error.label("an invisible mark (BOM) stands here").hint("save the file as UTF-8 without a byte order mark")
            } else {
                error.hint("write `[defaults]` above it")
            });
        }
    }

    fn header(&mut self, name: &str, place: Place) {
        match self.file.sections.iter().find(|(other, _)| other == name && other != EVERYWHERE) {
            Some((_, first)) => {
                let error = Diagnostic::error(format!("the section `[{name}]` stands twice")).at(place).also(first.clone(), "first here");
                self.problems.push(error.hint("put the two together"));
            }
            None => self.file.sections.push((name.to_owned(), place)),
        }
        self.section = Some(name.to_owned());
    }

    fn key(&mut self, section: String, text: &str, place: Place) {
        let Some(at) = text.find(['=', ':']) else {
            let error = Diagnostic::error("this is no setting").at(place).label("write `key = value`");
            self.problems.push(error.hint("a line that goes on with the value above it is indented; a comment begins with `#`"));
            return;
        };
        let (key, value) = (text.get(..at).unwrap_or_default().trim_end(), text.get(at + 1..).unwrap_or_default().trim());
        if key.is_empty() {
            self.problems.push(Diagnostic::error("this value has no key").at(place).hint("write `key = value`, or take the line out"));
            return;
        }
        self.close();
        let key_place = self.source.at(place.span.start..place.span.start + key.len());
        let value_place = if value.is_empty() { key_place.clone() } else { self.source.at(place.span.end - value.len()..place.span.end) };
        let key = key.to_lowercase();
        let first = self.file.entries.iter().find(|entry| entry.section == section && entry.key == key);
        if let Some(first) = first {
            let error = Diagnostic::error(format!("`{key}` stands twice in `[{section}]`")).at(key_place.clone());
            self.problems.push(error.also(first.key_place.clone(), "first here").hint("take one of the two out"));
        }
        let twice = first.is_some();
        let entry = Entry { section, key, key_place, value: value.to_owned(), place: value_place };
        self.open = Some(Open { entry, lines: Vec::new(), twice });
    }

    /// The entry that was read last is complete.
    fn close(&mut self) {
        let Some(Open { mut entry, lines, twice }) = self.open.take() else { return };
        for line in lines {
            entry.value.push('\n');
            entry.value.push_str(&line);
        }
        entry.value.truncate(entry.value.trim_end().len());
        if !twice {
            self.file.entries.push(entry);
        }
    }
}

/// Where a comment begins: a whole line of it, or after a blank and `;`.
fn comment(line: &str) -> Option<usize> {
    if line.trim_start().starts_with(['#', ';']) {
        return Some(0);
    }
    line.match_indices(';').map(|(at, _)| at).find(|&at| line.get(..at).is_some_and(|before| before.ends_with(char::is_whitespace)))
}

/// `[name]`, whatever stands behind the last bracket.
fn header(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}
