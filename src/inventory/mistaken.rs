//! Files that are no INI although they are read as such: what they are, instead of one mistake for each line.

use super::read::looks_like_yaml;
use crate::diagnostics::{Diagnostic, Source};
use crate::yaml::load;

/// What a text is; `None` if it is INI with mistakes, or anything.
pub(super) fn told(source: &Source) -> Option<Diagnostic> {
    let name = &source.name;
    let (number, first) = source.text.lines().enumerate().find(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && (!line.starts_with(['#', ';']) || line.starts_with("#!"))
    })?;
    let here = |what: &str| Diagnostic::error(what).at(source.line(number + 1));
    if first.starts_with("#!") {
        return Some(here("this is a program, and it may not be run").hint(format!("let it be run: `chmod +x {name}`")));
    }
    let mut words = first.split_whitespace();
    let (word, second) = (words.next().unwrap_or_default(), words.next());
    if second.is_some_and(|second| !second.contains('=')) && (word.eq_ignore_ascii_case("host") || word.eq_ignore_ascii_case("match")) {
        let error = here("this looks like the configuration of ssh, and an inventory is expected");
        return Some(error.hint("~/.ssh/config is read without being named; name its hosts with `-i HOST,` (mind the comma)"));
    }
    let code = |line: &str| ["import ", "from ", "def ", "print(", "echo "].iter().any(|begin| line.starts_with(begin));
    if code(first) && !source.text.lines().any(|line| line.starts_with('[')) {
        let error = here("this looks like a program, and says not what runs it");
        return Some(error.hint(format!("begin with a line like `#!/usr/bin/env python3`, and let it be run: `chmod +x {name}`")));
    }
    // a host with a colon behind it is not yet YAML
    let holds_maps = |document: crate::yaml::Node| document.as_map().is_some_and(|map| map.iter().any(|(_, part)| part.as_map().is_some()));
    let is_map = || load(source).is_ok_and(|(document, _)| document.is_some_and(holds_maps));
    if looks_like_yaml(source) && is_map() {
        let stem =
            name.rsplit_once('.').filter(|(stem, ending)| !stem.is_empty() && !ending.contains('/')).map_or(&**name, |(stem, _)| stem);
        let error = here(if first.starts_with('{') {
            "this is JSON, and a file of this name is read as INI"
        } else {
            "this is YAML, and a file of this name is read as INI"
        });
        return Some(error.hint(format!("give it another ending: `mv {name} {stem}.yml`")));
    }
    None
}
