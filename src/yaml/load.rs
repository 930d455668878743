//! One document: from parser events to a tree of values.

use std::collections::HashMap;
use std::ops::Range;

use libyaml_safer::{Event, EventData, Parser, ScalarStyle};

use super::complaint;
use super::guard::guarded;
use super::surprise::Surprises;
use super::tag::Kind;
use super::value::{Map, Node, Style, Value};
use super::{json, merge, scalar};
use crate::diagnostics::{Diagnostic, Diagnostics, Source};

/// Deeper nesting is nobody's inventory.
const DEEPEST: usize = 128;
/// The most values that a document may hold once its aliases are replaced: an alias may stand for many others.
const MOST_NODES: usize = 2_000_000;

/// Reads the only document of a source, `None` if there is nothing in it. A document that is JSON is read as JSON, as
/// Ansible does: `1e5` is a number there.
///
/// # Errors
/// Every mistake up to the first that hides what follows it, and the warnings.
pub fn load(source: &Source) -> Result<(Option<Node>, Diagnostics), Diagnostics> {
    read(source, 1).map(|(documents, warnings)| (documents.into_iter().next(), warnings))
}

/// Reads every document of a source.
///
/// # Errors
/// As [`load`].
pub fn load_all(source: &Source) -> Result<(Vec<Node>, Diagnostics), Diagnostics> {
    read(source, usize::MAX)
}

fn read(source: &Source, most: usize) -> Result<(Vec<Node>, Diagnostics), Diagnostics> {
    if let Some(node) = json::load(source) {
        return Ok((vec![node], Diagnostics::new()));
    }
    let mut problems = Diagnostics::new();
    if let Some(problem) = complaint::control_character(source) {
        problems.push(problem);
        return Err(problems);
    }
    let mut loader = Loader {
        source,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        read: 0,
        root: None,
        documents: 0,
        most,
        done: Vec::new(),
        surprises: Surprises::default(),
        problems,
    };
    loader.run();
    let Loader { root, mut done, surprises, mut problems, .. } = loader;
    done.extend(root);
    if !problems.has_errors() {
        problems.extend(surprises.warnings(source));
    }
    problems.or(done)
}

struct Loader<'a> {
    source: &'a Source,
    stack: Vec<Open>,
    anchors: HashMap<String, Anchor>,
    nodes: usize,
    /// Where what was read last ends.
    read: usize,
    root: Option<Node>,
    documents: usize,
    /// How many documents there may be.
    most: usize,
    /// The documents before this one.
    done: Vec<Node>,
    surprises: Surprises,
    problems: Diagnostics,
}

/// What an alias may stand for.
struct Anchor {
    node: Node,
    extent: Extent,
}

/// How large a value is: it may hold others, and they others again.
#[derive(Clone, Copy)]
struct Extent {
    /// How many values it is, those in it too.
    nodes: usize,
    /// How many collections stand in each other.
    depth: usize,
}

/// A collection that has not ended.
struct Open {
    anchor: Option<String>,
    kind: Kind,
    start: usize,
    /// How many values there were before it.
    nodes_before: usize,
    /// How many collections stand in each other within it: aliases bring theirs with them.
    depth: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map { pairs: Map, key: Option<Node> },
}

/// The document cannot be read further; it has been said why.
struct Stop;

impl Loader<'_> {
    fn run(&mut self) {
        // the parser wants a line end behind a block of text, and says nothing of a text without one
        let end = if self.source.text.ends_with(['\n', '\r']) { "" } else { "\n" };
        let text = format!("{}{end}", self.source.text);
        let mut bytes = text.as_bytes();
        let mut parser = Parser::new();
        parser.set_encoding(libyaml_safer::Encoding::Utf8);
        parser.set_input_string(&mut bytes);
        loop {
            let event = match guarded(|| parser.parse()) {
                Some(Ok(event)) => event,
                Some(Err(error)) => return self.syntax(&error),
                None => return self.problems.push(complaint::given_up(self.source, self.read)),
            };
            let done = matches!(event.data, EventData::StreamEnd);
            if self.event(event).is_err() || done {
                return;
            }
        }
    }

    fn syntax(&mut self, error: &libyaml_safer::Error) {
        let byte = |mark: Option<libyaml_safer::Mark>| mark.map_or(self.source.text.len(), |mark| self.byte(mark));
        let problem = complaint::syntax(self.source, byte(error.problem_mark()), byte(error.context_mark()), &error.to_string());
        let rest = complaint::like(&problem, self.source);
        for problem in std::iter::once(problem).chain(rest) {
            if !self.problems.0.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Where a mark is, which may lie behind the line end that only we have put there.
    fn byte(&self, mark: libyaml_safer::Mark) -> usize {
        usize::try_from(mark.index).unwrap_or(usize::MAX).min(self.source.text.len())
    }

    fn event(&mut self, event: Event) -> Result<(), Stop> {
        let bytes = self.byte(event.start_mark)..self.byte(event.end_mark);
        self.read = bytes.end;
        match event.data {
            EventData::DocumentStart { .. } => {
                self.documents += 1;
                self.done.extend(self.root.take());
                self.anchors.clear();
                if self.documents > self.most {
                    let error = Diagnostic::error("a second document begins here, and there can be only one").at(self.source.at(bytes));
                    self.problems.push(error.hint("take away the line `---`, or put what follows it into a file of its own"));
                    return Err(Stop);
                }
                Ok(())
            }
            EventData::Scalar { value, style, anchor, tag, .. } => self.scalar(&value, style, anchor, tag.as_deref(), bytes),
            EventData::Alias { anchor } => self.alias(&anchor, bytes),
            EventData::SequenceStart { anchor, tag, .. } => self.open(anchor, tag.as_deref(), bytes, Inside::List(Vec::new())),
            EventData::MappingStart { anchor, tag, .. } => {
                self.open(anchor, tag.as_deref(), bytes, Inside::Map { pairs: Vec::new(), key: None })
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.close(bytes),
            EventData::StreamStart { .. } | EventData::StreamEnd | EventData::DocumentEnd { .. } => Ok(()),
        }
    }

    /// Remembers what an alias of that name stands for; one name stands for one value.
    fn name_anchor(&mut self, name: &str, node: &Node, extent: Extent) {
        if self.anchors.insert(name.to_owned(), Anchor { node: node.clone(), extent }).is_some() {
            let error = Diagnostic::error(format!("the anchor `&{name}` stands twice")).at(node.place.clone());
            self.problems.push(error.hint("give the second one another name"));
        }
    }

    fn kind(&mut self, tag: Option<&str>, bytes: &Range<usize>, otherwise: Kind) -> Kind {
        Kind::of(tag).unwrap_or_else(|name| {
            self.problems.push(complaint::unknown_tag(self.source, bytes, &name));
            otherwise
        })
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: Option<String>,
        tag: Option<&str>,
        bytes: Range<usize>,
    ) -> Result<(), Stop> {
        let kind = self.kind(tag, &bytes, Kind::Str);
        let is_key = self.is_key();
        let plain = style == ScalarStyle::Plain;
        let value = match kind {
            // a key `=` is a text, and so is `<<` where it merges
            Kind::None if plain && is_key && matches!(text, "=" | "<<") => Ok(Value::from(text)),
            Kind::None if plain => scalar::resolve(text).inspect(|value| {
                self.surprises.see(text, value, &bytes, is_key);
            }),
            Kind::None | Kind::Str => Ok(Value::from(text)),
            kind => kind.scalar(text),
        };
        // told with their place; the text itself stands in for the value
        let value = value.unwrap_or_else(|why| {
            let message = if kind == Kind::Vault { why.to_owned() } else { format!("`{}` cannot be read: {why}", complaint::short(text)) };
            self.problems.push(Diagnostic::error(message).at(self.source.at(bytes.clone())).hint(match kind {
                Kind::Vault => complaint::VAULT,
                _ if tag.is_some() => "take the tag out if a text is meant",
                _ => "put it in quotes if a text is meant",
            }));
            Value::from(text)
        });
        let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let value = match value {
            Value::Str(text) if block && bytes.end >= self.source.text.len() => Value::from(self.unfinished(&text)),
            value => value,
        };
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            _ if block => Style::Block,
            _ => Style::Quoted,
        };
        if let (Some(name), true) = (&anchor, value == Value::Null && text.is_empty()) {
            let warning = Diagnostic::warning(format!("`&{name}` names an empty value")).at(self.source.at(bytes.clone()));
            self.problems.push(warning.hint("put the value in quotes if a text is meant"));
        }
        let mut node = Node::new(value, self.source.at(self.tight(bytes))).style(style);
        node.literal = kind == Kind::Unsafe;
        self.add(node, anchor, Extent { nodes: 1, depth: 0 })
    }

    /// A block of text at the end of a document, without the line end that only we have put there.
    fn unfinished<'t>(&self, text: &'t str) -> &'t str {
        let last = self.source.text.rsplit(['\n', '\r']).next().unwrap_or_default();
        if last.trim().is_empty() { text } else { text.strip_suffix('\n').unwrap_or(text) }
    }

    /// The span without the white space at its end: for an empty value it begins where the next token does.
    fn tight(&self, bytes: Range<usize>) -> Range<usize> {
        let text = self.source.text.get(bytes.clone()).unwrap_or_default();
        bytes.start..bytes.start + text.trim_end_matches([' ', '\t', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']).len()
    }

    fn alias(&mut self, name: &str, bytes: Range<usize>) -> Result<(), Stop> {
        let Some(Anchor { node, extent }) = self.anchors.get(name) else {
            let inside = self.stack.iter().any(|open| open.anchor.as_deref() == Some(name));
            let known = self.anchors.keys().map(String::as_str);
            self.problems.push(complaint::unknown_alias(self.source.at(bytes), name, inside, known));
            return Err(Stop);
        };
        let mut extent = *extent;
        if self.nodes + extent.nodes > MOST_NODES {
            return self.too_many(bytes);
        }
        if self.is_merge() {
            // its pairs go into the mapping, it does not
            extent.depth = extent.depth.saturating_sub(1);
        }
        if self.stack.len() + extent.depth > DEEPEST {
            return self.too_deep(bytes);
        }
        let mut node = node.clone();
        // a merge looks at where the anchor stands; a value stands where it is used
        if !self.is_merge() {
            node.place = self.source.at(bytes);
        }
        self.add(node, None, extent)
    }

    fn too_deep(&mut self, bytes: Range<usize>) -> Result<(), Stop> {
        let error = Diagnostic::error(format!("more than {DEEPEST} collections stand in each other here"));
        self.problems.push(error.at(self.source.at(bytes)));
        Err(Stop)
    }

    fn too_many(&mut self, bytes: Range<usize>) -> Result<(), Stop> {
        let error = Diagnostic::error(format!("the document holds more than {MOST_NODES} values")).at(self.source.at(bytes));
        self.problems.push(error.hint("aliases of aliases multiply; write less of them"));
        Err(Stop)
    }

    fn open(&mut self, anchor: Option<String>, tag: Option<&str>, bytes: Range<usize>, inside: Inside) -> Result<(), Stop> {
        if self.stack.len() >= DEEPEST {
            return self.too_deep(bytes.start..bytes.start + 1);
        }
        let kind = self.kind(tag, &bytes, Kind::None);
        if let Some(problem) = kind.misplaced(matches!(inside, Inside::List(_))) {
            let error = Diagnostic::error(problem).at(self.source.at(bytes.clone()));
            let hint = if kind == Kind::Vault { complaint::VAULT } else { "take the tag out, or correct what stands behind it" };
            self.problems.push(error.hint(hint));
        }
        self.stack.push(Open { anchor, kind, start: bytes.start, nodes_before: self.nodes, depth: 0, inside });
        Ok(())
    }

    fn close(&mut self, bytes: Range<usize>) -> Result<(), Stop> {
        let Some(Open { anchor, kind, start, nodes_before, depth, inside }) = self.stack.pop() else { return Ok(()) };
        let span = self.tight(start..bytes.end.max(start));
        let value = match inside {
            Inside::List(list) => Value::List(list),
            Inside::Map { pairs, .. } => {
                let pairs = self.finish_map(pairs);
                // a set: its members are keys without a value
                if kind == Kind::Set { Value::List(pairs.into_iter().map(|(key, _)| key).collect()) } else { Value::Map(pairs) }
            }
        };
        let mut node = Node::new(value, self.source.at(span)).style(Style::Collection);
        if kind == Kind::Unsafe {
            node.each_mut(&mut |inner| inner.literal = true);
        }
        let inner = self.nodes - nodes_before;
        self.add(node, anchor, Extent { nodes: inner + 1, depth: depth + 1 }).map(|()| self.nodes -= inner)
    }

    /// Merges, and keys that stand twice.
    fn finish_map(&mut self, pairs: Map) -> Map {
        for (key, _) in pairs.iter().filter(|(key, _)| matches!(key.value, Value::List(_) | Value::Map(_))) {
            self.problems.push(complaint::collection_as_key(self.source, key));
        }
        if pairs.iter().any(|(key, _)| merge::is_key(key)) {
            merge::flatten(pairs, &mut self.problems)
        } else {
            merge::unique(pairs, &mut self.problems)
        }
    }

    /// Whether the next value is a key.
    fn is_key(&self) -> bool {
        matches!(self.stack.last(), Some(Open { inside: Inside::Map { key: None, .. }, .. }))
    }

    /// Whether the next value is, or stands in a list that is, what a `<<` merges.
    fn is_merge(&self) -> bool {
        let merges = |open: &Open| matches!(&open.inside, Inside::Map { key: Some(key), .. } if merge::is_key(key));
        match self.stack.as_slice() {
            [.., outer, Open { inside: Inside::List(_), .. }] => merges(outer),
            [.., last] => merges(last),
            [] => false,
        }
    }

    /// Puts a value where it belongs.
    fn add(&mut self, node: Node, anchor: Option<String>, extent: Extent) -> Result<(), Stop> {
        self.nodes += extent.nodes;
        if self.nodes > MOST_NODES {
            return self.too_many(node.place.span);
        }
        if let Some(name) = anchor {
            self.name_anchor(&name, &node, extent);
            // the copy takes its share too
            self.nodes += extent.nodes;
        }
        if let Some(open) = self.stack.last_mut() {
            open.depth = open.depth.max(extent.depth);
        }
        match self.stack.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(list)) => list.push(node),
            Some(Inside::Map { pairs, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => pairs.push((key, node)),
            },
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{errors, node, shown, warned};

    #[test]
    fn collections_scalars_and_styles() {
        assert_eq!(shown("a: 1\nb: [x, 'no', no]\nc:\n- {}\n- ~\n"), r#"{a: 1, b: ["x", "no", false], c: [{}, null]}"#);
        assert_eq!(shown("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), r#"{a: "x\ny\n", b: "x y"}"#);
        assert_eq!(shown(""), "nothing");
        assert_eq!(shown("---\n# only\n"), "null");
        assert_eq!(shown("{\"a\": 1e5, \"b\": \"yes\"}"), r#"{a: 100000.0, b: "yes"}"#);
        assert_eq!(shown("a: 1e5"), r#"{a: "1e5"}"#);
    }

    #[test]
    fn tags() {
        assert_eq!(shown("[!!str 5, !!int '5', !!float 1, !!bool 'yes', !!null '']"), r#"["5", 5, 1.0, true, null]"#);
        assert_eq!(shown("a: !unsafe '{{ x }}'\nb: !unsafe [x, {y: z}]"), r#"{a: literal "{{ x }}", b: [literal "x", {y: literal "z"}]}"#);
        assert_eq!(shown("!unsafe '5'"), "5");
        assert_eq!(shown("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"), "{a: vault}");
        assert_eq!(shown("!!set {b, a}"), r#"["b", "a"]"#);
        insta::assert_snapshot!(errors("a: !foo x\nb: !!int x\nc: !vault [1]\nd: !!binary aGk=\n"));
    }

    #[test]
    fn anchors_and_merges() {
        assert_eq!(shown("a: &a {x: 1, y: 2}\nb: {z: 0, <<: *a, y: 3}\n"), "{a: {x: 1, y: 2}, b: {x: 1, y: 3, z: 0}}");
        assert_eq!(shown("a: &a [1]\nb: *a\n"), "{a: [1], b: [1]}");
        assert_eq!(shown("a: &a {x1: 1}\nb: &b {x1: 2, y1: 2}\nc: {<<: [*a, *b]}\n"), "{a: {x1: 1}, b: {x1: 2, y1: 2}, c: {x1: 2, y1: 2}}");
        insta::assert_snapshot!(warned("a: &a {x1: 1}\nb: &b {x1: 2, y1: 2}\nc: {<<: [*a, *b]}\n"));
        insta::assert_snapshot!(errors("a: &a [*a]\n"));
        insta::assert_snapshot!(errors("a: {<<: 5}\nb: {<<: [{x: 1}, 2]}\n"));
    }

    #[test]
    fn places_in_a_text_with_other_letters() {
        let text = "ä: ö\nü: [ß, 'é', 漢字]\n";
        let mut found = Vec::new();
        node(text).each(&mut |node| found.push(text[node.place.span.clone()].to_owned()));
        assert_eq!(found[1..], ["ä", "ö", "ü", "[ß, 'é', 漢字]", "ß", "'é'", "漢字"]);
    }

    #[test]
    fn only_what_is_blank_for_yaml_is_no_part_of_a_value() {
        let text = "a\u{3000}: \u{a0}\n";
        let mut found = Vec::new();
        node(text).each(&mut |node| found.push(text[node.place.span.clone()].to_owned()));
        assert_eq!(found[1..], ["a\u{3000}", "\u{a0}"]);
    }

    #[test]
    fn where_the_parser_gives_up_there_is_still_a_place() {
        insta::assert_snapshot!(errors("a: 1\nb: [!vault, x]\n"));
    }

    #[test]
    fn duplicate_keys_show_both_places() {
        insta::assert_snapshot!(errors("a: 1\nb:\n  x: 1\n  y: 2\n  x: 3\na: 2\n1: x\n1: y\n"));
    }

    #[test]
    fn what_people_get_wrong() {
        for (name, text) in [
            ("template", "a: {{ x }}\n"),
            ("template_and_more", "a: {{ x }}/y\n"),
            ("tab", "a:\n\tb: 1\n"),
            ("colon", "a: b: c\n"),
            ("quote", "a: 'x\nb: 1\n"),
            ("after_quote", "a: \"x\" y\n"),
            ("at", "a: @x\n"),
            ("percent", "a: %x\n"),
            ("backtick", "a: `x`\n"),
            ("indentation", "a:\n    b: 1\n  c: 2\n"),
            ("two_documents", "a: 1\n---\nb: 2\n"),
            ("unclosed", "a: [1, 2\nb: 3\n"),
            ("alias", "a: *none\n"),
            ("list_and_map", "- a\nb: 1\n"),
            ("key_without_value", "a: 1\nb\nc: 2\n"),
            ("control", "a: \u{1}\n"),
            ("date", "a: 2024-02-30\n"),
            ("star", "hosts: *\n"),
            ("bang", "a: !x:y\n"),
        ] {
            insta::assert_snapshot!(name, errors(text));
        }
    }

    #[test]
    fn yaml_11_surprises_are_told() {
        insta::assert_snapshot!(warned("country: NO\nmode: 0644\ntime: 22:22\nfine: [no, yes, on, off, 'NO', 644, true]\non: push\n"));
        insta::assert_snapshot!(warned("[0644, 0644, 0644, 0644, 0644, 0644]"));
    }

    #[test]
    fn bombs_end_in_an_error() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{before}]\n");
        }
        assert!(errors(&bomb).contains("more than 2000000 values"));
        assert!(errors(&"[".repeat(100_000)).contains("stand in each other"));
        assert!(errors(&"- ".repeat(100_000)).contains("stand in each other"));
        // one within the other, a level at a time: nothing may recurse into it
        let mut tower = String::from("a0: &a0 [x]\n");
        (1..1000).for_each(|level| tower += &format!("a{level}: &a{level} [*a{}]\n", level - 1));
        assert!(errors(&tower).contains("stand in each other"));
        // merges put nothing into anything
        let mut merges = String::from("a0: &a0 {x: 1}\n");
        (1..500).for_each(|level| merges += &format!("a{level}: &a{level} {{<<: *a{}}}\n", level - 1));
        assert!(!shown(&merges).contains("error"));
    }
}
