//! Expected values were made with ansible-core 2.19.14.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::super::engine::{Engine, Surroundings};
use crate::diagnostics::Source;
use crate::yaml::{Node, Value, python_str};

fn at(dir: &Path, expression: &str) -> Result<String, String> {
    let engine = Engine::new(Surroundings {
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("E".to_owned(), "env".to_owned())].into(),
        dir: dir.to_owned(),
        home: dir.to_owned(),
        decrypt: Arc::new(|_| Err((String::new(), String::new()))),
        from_yaml: None,
        programs: true,
    });
    let place = Source::new("x", expression).whole();
    let role = dir.join("role").display().to_string();
    let search = Value::List(vec![Node::new(role.as_str(), place.clone()), Node::new(dir.display().to_string().as_str(), place.clone())]);
    let scope: BTreeMap<String, Node> =
        [("ansible_search_path".to_owned(), Node::new(search, place.clone())), ("x".to_owned(), Node::new("X", place.clone()))].into();
    let value = engine.expression(&Node::new(expression, place), Arc::new(scope)).map_err(|error| error.message)?;
    Ok(value.as_str().map_or_else(|| python_str(&value), str::to_owned).replace(&dir.display().to_string(), "DIR"))
}

fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("files/a.txt", "from the playbook \n"),
        ("role/files/a.txt", "from the role\n"),
        ("role/files/b.txt", "b"),
        ("role/templates/t.j2", "{{ x }}{{ own | default('') }}{% include 'u.j2' %}\n"),
        ("role/templates/u.j2", "u\n"),
        ("role/templates/list.j2", "{{ [1, 2] }}\n"),
        ("role/files/x.ini", "[DEFAULT]\nd = 0\n[part]\nKey = value\nother: 2\n[global]\ng=1\n"),
        ("role/files/x.properties", "user.name = me\n"),
        ("bare.ini", "[part]\nbare\n"),
        ("twice.ini", "[twice]\nkey = 1\nKEY = 2\n"),
        ("role/files/x.csv", "a,b,c\nd,\"e, \"\"f\"\"\",g\n"),
    ] {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::write(dir.path().join("latin.ini"), b"[part]\nkey = \xe9\n").unwrap();
    dir
}

#[test]
fn what_lookups_give() {
    let dir = files();
    for (expression, expected) in [
        ("lookup('file', 'a.txt')", "from the role"),
        ("lookup('file', 'b.txt', 'a.txt')", "b,from the role"),
        ("lookup('unvault', 'a.txt')", "from the role\n"),
        ("query('fileglob', '*.txt')", "['DIR/role/files/a.txt', 'DIR/role/files/b.txt']"),
        ("query('fileglob', 'nope/*.txt')", "[]"),
        ("lookup('template', 't.j2')", "Xu\n"),
        ("lookup('template', 't.j2', template_vars={'own': 1})", "X1u\n"),
        ("lookup('template', 'list.j2')", "[1, 2]"),
        ("lookup('first_found', ['no', 'files/b.txt'])", "DIR/role/files/b.txt"),
        ("query('first_found', 'no', skip=true)", "[]"),
        ("lookup('pipe', 'echo $E; pwd')", "env\nDIR"),
        ("query('lines', 'printf \"1\\n2\\n\"')", "['1', '2']"),
        ("lookup('ini', 'key', section='part', file='x.ini')", "value"),
        ("lookup('ini', 'other section=part file=x.ini')", "2"),
        ("lookup('ini', 'd', section='part', file='x.ini')", "0"),
        ("lookup('ini', 'none', file='x.ini', default='x')", "x"),
        ("query('ini', 'bare', section='part', file='bare.ini', allow_none=true)", "[]"),
        ("lookup('csvfile', 'no', file='x.csv', delimiter=',', default=['a', 'b'])", "a,b"),
        ("query('ini', '.*', section='part', file='x.ini', re=true)", "['value', '2', '0']"),
        ("lookup('ini', 'user.name', type='properties', file='x.properties')", "me"),
        ("lookup('ini', 'key', section='part', file='latin.ini', encoding='iso8859-1')", "\u{e9}"),
        ("lookup('csvfile', 'd', file='x.csv', delimiter=',')", "e, \"f\""),
        ("lookup('csvfile', 'b file=x.csv delimiter=, col=2 keycol=1')", "c"),
        ("lookup('csvfile', 'no', file='x.csv', delimiter=',', default='-')", "-"),
        ("query('sequence', 'start=1 end=3 format=h%02d')", "['h01', 'h02', 'h03']"),
        ("query('sequence', '2-10/4:%x')", "['2', '6', 'a']"),
        ("query('sequence', count=3, start=5, stride=-2)", "['5', '3', '1', '-1']"),
        ("query('nested', [1, 2], ['a', 'b'])", "[[1, 'a'], [1, 'b'], [2, 'a'], [2, 'b']]"),
        ("query('together', [1, 2], [3])", "[[1, 3], [2, None]]"),
        ("query('indexed_items', ['a', ['b']])", "[[0, 'a'], [1, ['b']]]"),
        ("query('subelements', [{'n': 1, 'k': [2, 3]}], 'k')", "[[{'n': 1}, 2], [{'n': 1}, 3]]"),
        ("query('subelements', [{'n': 1}], 'k', {'skip_missing': true})", "[]"),
        ("query('dict', {'a': 1})", "[{'key': 'a', 'value': 1}]"),
        ("query('items', [1, [2]])", "[1, [2]]"),
        ("query('flattened', [1, [2, [3]]])", "[1, 2, 3]"),
        ("query('varnames', '^ansible_s')", "['ansible_search_path']"),
        ("lookup('random_choice', 'only')", "only"),
        ("lookup('vars', 'x')", "X"),
        ("lookup('config', 'DEFAULT_BECOME_USER')", "root"),
        ("lookup('ansible.builtin.file', 'nope', errors='ignore')", "None"),
    ] {
        assert_eq!(at(dir.path(), expression).unwrap_or_else(|error| format!("error: {error}")), expected, "{expression}");
    }
}

#[test]
fn what_cannot_be_looked_up_says_why() {
    let dir = files();
    for (expression, expected) in [
        ("lookup('csvfile', file='x.csv')", "needs the text of the column"),
        ("lookup('csvfile', 'a file=x.csv delimiter=, this=that')", "'this' is not a valid option"),
        ("lookup('ini', 'section=part file=x.ini')", "No key to look up"),
        ("lookup('ini', 'key', section='twice', file='twice.ini')", "two of the option `key`"),
        ("lookup('ini', 'key', section='part', file='x.ini', encoding='no-such')", "encoding no-such is not known"),
        ("lookup('ini', 'key', section='twice', file='latin.ini', encoding='ascii')", "is no text in ascii"),
        ("lookup('file', 'nope')", "there is no such file"),
        ("lookup('template', 'nope.j2')", "there is no template `nope.j2`"),
        ("lookup('pipe', 'exit 3')", "ended with status 3"),
        ("lookup('ini', 'k', section='no', file='x.ini')", "no section `no`"),
        ("lookup('csvfile', 'a', file='no.csv')", "there is no file `no.csv`"),
        ("query('sequence', 'start=5 end=1')", "negative `stride`"),
        ("query('sequence', 'start=5')", "needs `end` or `count`"),
        ("query('subelements', [{'n': 1}], 'k')", "could not find 'k' key"),
        ("lookup('url', 'http://x')", "has no lookup `url`"),
        ("lookup('first_found', 'no')", "none of the files was found"),
        ("lookup('password', 'p seed=1')", "takes no `seed`"),
        ("lookup('config', 'NOPE')", "not known here"),
    ] {
        let error = at(dir.path(), expression).unwrap_err();
        assert!(error.contains(expected), "{expression}: {error}");
    }
}

#[test]
fn a_password_is_made_up_once() {
    let dir = files();
    let first = at(dir.path(), "lookup('password', 'secret/p length=12 chars=digits')").unwrap();
    assert!(first.len() == 12 && first.bytes().all(|b| b.is_ascii_digit()), "{first}");
    assert_eq!(at(dir.path(), "lookup('password', 'secret/p length=12 chars=digits')").unwrap(), first);
    assert_eq!(std::fs::read_to_string(dir.path().join("secret/p")).unwrap(), format!("{first}\n"));
    let hash = at(dir.path(), "lookup('password', 'secret/q', encrypt='sha512_crypt')").unwrap();
    assert!(hash.starts_with("$6$"), "{hash}");
    assert_eq!(at(dir.path(), "lookup('password', 'secret/q', encrypt='sha512_crypt')").unwrap(), hash);
    let again = at(dir.path(), "lookup('password', '/dev/null', chars=['ascii_letters'])").unwrap();
    assert!(again.len() == 20 && again.bytes().all(|b| b.is_ascii_alphabetic()), "{again}");
}
