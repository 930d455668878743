//! Expected texts were made with ansible-core 2.19.14 (`template`, with these files under `templates`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::engine::{Engine, Surroundings};
use super::super::options::TemplateOptions;
use crate::diagnostics::Source;
use crate::yaml::{Node, Value};

/// What the first file gives, with these beside it.
fn rendered(files: &[(&str, &str)]) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join("templates").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let engine = Engine::new(Surroundings {
        env: BTreeMap::new(),
        dir: dir.path().to_owned(),
        home: dir.path().to_owned(),
        decrypt: Arc::new(|_| Err((String::new(), String::new()))),
        from_yaml: None,
        programs: false,
    });
    let source = Source::new(files[0].0, files[0].1);
    let place = source.whole();
    let list = Value::List(vec![Node::new("a", place.clone()), Node::new("b", place.clone())]);
    let scope: BTreeMap<String, Node> =
        [("x".to_owned(), Node::new("one", place.clone())), ("list".to_owned(), Node::new(list, place.clone()))].into();
    match engine.render_text(&source, Arc::new(scope), &TemplateOptions::default()) {
        Ok(node) => Ok(node.as_str().unwrap().to_owned()),
        Err(error) => Err(error.render(false).replace(&format!("{}/", dir.path().display()), "")),
    }
}

fn ok(files: &[(&str, &str)]) -> String {
    rendered(files).unwrap()
}

#[test]
fn what_is_included_sees_the_variables_and_the_loop() {
    let files = [
        ("main", "{% for i in list %}\n{% include 'part' %}\n{% endfor %}\n{% set y = 2 %}\n{% include 'sub/other' %}\nend\n"),
        ("part", "{{ i }}-{{ x }}\n"),
        ("sub/other", "{{ y }}{% set y = 3 %}{{ y }}\n"),
    ];
    assert_eq!(ok(&files), "a-oneb-one23end\n");
}

#[test]
fn the_first_that_is_there_is_included_or_none() {
    assert_eq!(ok(&[("main", "<{% include ['no', 'part'] %}>"), ("part", "p\n")]), "<p>");
    assert_eq!(ok(&[("main", "<{% include 'no' ignore missing %}>")]), "<>");
    let error = rendered(&[("main", "a\n{% include 'no' %}")]).unwrap_err();
    assert!(error.contains("there is no template `no`") && error.contains("main:2:4"), "{error}");
    assert!(rendered(&[("main", "{% include '../main' %}")]).unwrap_err().contains("there is no template"));
}

#[test]
fn macros_are_imported_without_the_variables_unless_it_is_said() {
    let lib = ("lib", "{% set name = 'lib' %}\n{% macro m(a, b='B') %}[{{ a }}{{ b }}{{ name }}{{ x | default('-') }}]{% endmacro %}\n");
    assert_eq!(ok(&[("main", "{% import 'lib' as lib %}{{ lib.m(1) }}{{ lib.name }}"), lib]), "[1Blib-]lib");
    assert_eq!(ok(&[("main", "{% import 'lib' as lib with context %}{{ lib.m(1, b=2) }}"), lib]), "[12libone]");
    assert_eq!(ok(&[("main", "{% from 'lib' import m as n, name %}{{ n(1) }}{{ name }}"), lib]), "[1Blib-]lib");
    let error = rendered(&[("main", "{% from 'lib' import nope %}{{ nope }}"), lib]).unwrap_err();
    assert!(error.contains("has no `nope`"), "{error}");
}

#[test]
fn a_macro_may_call_its_caller() {
    let lib = ("lib", "{% macro box(title) %}<{{ title }}:{{ caller('c') }}>{% endmacro %}");
    assert_eq!(ok(&[("main", "{% import 'lib' as l %}{% call(y) l.box('t') %}{{ x }}{{ y }}{% endcall %}"), lib]), "<t:onec>");
    let own = "{% macro m(x) %}{{ caller() }}{% endmacro %}{% call m('inner') %}{{ x }}{% endcall %}";
    assert_eq!(ok(&[("main", own)]), "one", "the body sees what is around it, not what the macro was given");
    let rest = "{% macro m(a) %}{{ a }}{{ varargs | join }}{{ kwargs.k }}{% endmacro %}{{ m(1, 2, 3, k=4) }}";
    assert_eq!(ok(&[("main", rest)]), "1234");
}

#[test]
fn blocks_stand_where_the_extended_template_has_them() {
    let base = ("base", "top\n{% block one %}\nbase one\n{% endblock %}\n{% block two %}base two{% endblock %}\n{{ self.two() }}\n");
    let middle = ("middle", "{% extends 'base' %}\n{% block one %}middle {{ super() }}{% endblock %}\n");
    let main = "{% extends 'middle' %}\nnot seen\n{% set z = 'Z' %}\n{% block one %}main {{ super() }}{% endblock %}\n{% block two %}{{ z }}{{ x }}{% endblock %}\n";
    assert_eq!(ok(&[("main", main), base, middle]), "top\nmain middle base one\nZoneZone\n");
    assert_eq!(ok(&[("base", base.1)]), "top\nbase one\nbase twobase two\n");
    let looped = "{% for i in list %}{% block b scoped %}{{ i }}{% endblock %}{% endfor %}";
    assert_eq!(ok(&[("main", looped)]), "ab");
    let required = [("main", "{% extends 'b' %}"), ("b", "{% block r required %}{% endblock %}")];
    assert!(rendered(&required).unwrap_err().contains("has to be given"));
}

#[test]
fn a_loop_may_call_itself() {
    let text = "{% for n in [[1, [2, 3]], 4] recursive %}{% if n is iterable %}({{ loop(n) }}){% else %}{{ n }}@{{ loop.depth }} {% endif %}{% endfor %}";
    assert_eq!(ok(&[("main", text)]), "(1@2 (2@3 3@3 ))4@1 ");
}

#[test]
fn circles_end() {
    assert!(rendered(&[("main", "{% include 'a' %}"), ("a", "{% include 'a' %}")]).unwrap_err().contains("too deeply"));
    assert!(rendered(&[("main", "{% extends 'a' %}"), ("a", "{% extends 'a' %}")]).is_err());
    assert!(rendered(&[("main", "{% import 'a' as a %}"), ("a", "{% import 'main' as a %}")]).is_err());
}

#[test]
fn a_mistake_is_shown_in_the_file_in_which_it_stands() {
    let error = rendered(&[("main", "a\n{% include 'part' %}"), ("part", "b\nc {{ nope }}\n")]).unwrap_err();
    assert!(error.contains("templates/part:2:6"), "{error}");
    let error = rendered(&[("main", "{% import 'l' as l %}{{ l.m() }}"), ("l", "\n{% macro m() %}{{ nope }}{% endmacro %}")]).unwrap_err();
    assert!(error.contains("templates/l:2:"), "{error}");
}
