use std::time::{Duration, Instant};

use super::*;
use crate::diagnostics::Source;
use crate::yaml::Style;

fn engine() -> Engine {
    Engine::new(Surroundings {
        env: BTreeMap::from([("TOKEN".to_owned(), "t".to_owned())]),
        dir: "/srv".into(),
        home: "/home/me".into(),
        decrypt: Arc::new(|text| {
            if text.contains("bad") {
                Err(("the password is wrong".to_owned(), "give another".to_owned()))
            } else {
                Ok("hidden {{ plain }}".to_owned())
            }
        }),
        from_yaml: Some(|text| Ok(vec![Value::from(format!("{{{{ {text} }}}}"))])),
        programs: false,
    })
}

/// A file of `name: template` lines, as a scope.
fn scope(text: &str) -> Arc<dyn Scope> {
    let source = Source::new("vars.yml", text);
    let mut vars = BTreeMap::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (name, value) = line.trim_end().split_once(": ").unwrap();
        let at = start + name.len() + 2;
        vars.insert(name.to_owned(), Node::new(value, source.at(at..at + value.len())).style(Style::Plain));
        start += line.len();
    }
    Arc::new(vars)
}

fn node(text: &str) -> Node {
    let source = Source::new("site.yml", format!("msg: '{text}'\n"));
    Node::new(text, source.at(5..7 + text.len())).style(Style::Quoted)
}

fn problem(text: &str, vars: &str) -> String {
    let problem = engine().render(&node(text), scope(vars)).expect_err("an error");
    problem.render(false)
}

fn message(text: &str, vars: &str) -> String {
    engine().render(&node(text), scope(vars)).expect_err("an error").message
}

#[test]
fn what_is_undefined_is_shown_where_it_is_with_what_was_meant() {
    assert_eq!(
        problem("{{ a }} {{ nodes | join }}", "a: 1\nnode: 2\n"),
        "error: `nodes` is not defined\n --> site.yml:1:18\n  |\n1 | msg: '{{ a }} {{ nodes | join }}'\n  |                  ^^^^^ did you mean `node`?"
    );
}

#[test]
fn a_problem_in_another_variable_is_shown_there_and_where_that_is_used() {
    assert_eq!(
        problem("go {{ first }}", "first: {{ second }}!\nsecond: x{{ 1 + node }}\nnodes: 2\n"),
        "error: `node` is not defined\n --> vars.yml:2:17\n  |\n1 | first: {{ second }}!\n  |           ------ used here\n2 | second: x{{ 1 + node }}\n  |                 ^^^^ did you mean `nodes`?\n  |\n ::: site.yml:1:13\n  |\n1 | msg: 'go {{ first }}'\n  |             ----- used here"
    );
    let drawn = problem("{{ first }}", "first: {{ 1 + []}}\n");
    assert!(drawn.contains("vars.yml:1:11") && drawn.contains("site.yml:1:10"), "{drawn}");
}

#[test]
fn problems_in_words() {
    for (text, expected) in [
        ("{{ nope.a }}", "`nope` is not defined"),
        ("{{ d.x }}", "`d` has no `x`: it is a text"),
        ("{{ 1 | to_jsno }}", "unknown filter `to_jsno`"),
        ("{{ 1 is definde }}", "unknown test `definde`"),
        ("{{ loookup(1) }}", "unknown function `loookup`"),
        ("{{ lookup(\"pipe\", \"id\") }}", "the lookups `pipe` and `lines` run nothing here"),
        ("{{ lookup(\"evn\", \"id\") }}", "unknown lookup `evn`"),
        ("{{ d", "the template is not closed: `}}` is missing"),
        ("{% if d", "the template is not closed: `%}` is missing"),
        ("{% if d %}x", "`{% if %}` is not closed: `{% endif %}` is missing"),
        ("{# x", "the comment is not closed: `#}` is missing"),
        ("{{ \"x }}", "a text in the template is not closed: its quote is missing"),
        ("{% include \"x\" %}", "there is no template `x`"),
        ("{{ 1 + d }}", "`+` cannot join a number and a text"),
        ("{{ 1 < d }}", "a number and a text cannot be put in order"),
        ("{{ d | default(1, x=2) }}", "`default` takes no `x`"),
        ("{{ d | lower(1) }}", "`lower` takes no values in brackets"),
        ("{{ d.keys }}", "`d` has no `keys`: it is a text"),
        ("{{ {}.keys }}", "`keys` is a method of a mapping"),
        ("{{ d.splt() }}", "a text has no method `splt`"),
        ("{{ range }}", "`range` is a function"),
        ("{{ d | from_json }}", "the text is not JSON: line 1, column 1 of it cannot be read"),
        ("{{ d | regex_replace(\"(\", \"\") }}", "the pattern is not a regular expression"),
        ("{{ d && d }}", "the template cannot be understood: `&&` is not an operator"),
        ("{{ d || d }}", "the template cannot be understood: `||` is not an operator"),
        ("{{ !d }}", "the template cannot be understood: `!` is not an operator"),
        ("{{ d ? d }}", "the template cannot be understood: unexpected character"),
        ("{{ 1 if }}", "the template cannot be understood: unexpected `}}`"),
        ("{{ d {{ d }} }}", "the template cannot be understood: unexpected `{`, expected `}}`"),
        ("{{ nope | mandatory(\"say who\") }}", "say who"),
        ("{{ lookup(\"file\", \"nope.txt\") }}", "cannot read `/srv/nope.txt`: there is no such file"),
    ] {
        assert_eq!(message(text, "d: secret\n"), expected, "{text}");
    }
}

#[test]
fn circles_are_named() {
    assert_eq!(message("{{ a }}", "a: {{ b }}\nb: {{ c }}\nc: {{ b }}\n"), "variables refer to one another in a circle: b -> c -> b");
    assert_eq!(message("{{ a }}", "a: {{ a }}\n"), "variables refer to one another in a circle: a -> a");
    let place = || Source::new("x", "").whole();
    let map = Node::new(Value::Map(vec![(Node::new("x", place()), Node::new("{{ m.x }}", place()))]), place());
    let scope: Arc<dyn Scope> = Arc::new(BTreeMap::from([("m".to_owned(), map)]));
    let problem = engine().render(&node("{{ m.x }}"), scope).unwrap_err();
    assert_eq!(problem.message, "variables refer to one another in a circle: m.x -> m.x");
    let long: String = (0..60).map(|at| format!("v{at}: {{{{ v{} }}}}\n", at + 1)).collect();
    assert_eq!(message("{{ v0 }}", &long), "more than 40 variables refer to one another in a row");
}

#[test]
fn what_touched_a_secret_is_secret() {
    let place = || Source::new("x", "").whole();
    let mut password = Node::new("pw", place());
    password.secret = true;
    let vault = Node::new(Value::Vault("$ANSIBLE_VAULT;1".into()), place());
    let inner = Node::new(
        Value::Map(vec![(Node::new("p", place()), password.clone()), (Node::new("q", place()), Node::new("open", place()))]),
        place(),
    );
    let scope: Arc<dyn Scope> = Arc::new(BTreeMap::from([
        ("password".to_owned(), password),
        ("vault".to_owned(), vault.clone()),
        ("m".to_owned(), inner),
        ("plain".to_owned(), Node::new("open", place())),
        ("via".to_owned(), Node::new("{{ password }}", place())),
    ]));
    for (text, secret, value) in [
        ("{{ plain }}", false, "open"),
        ("x {{ password }}", true, "x pw"),
        ("{{ via }}", true, "pw"),
        ("{{ via | length }}", true, "2"),
        ("{{ m.p }}", true, "pw"),
        ("{{ m.q }}", false, "open"),
        ("{{ vault }}", true, "hidden open"),
        ("{{ via if true else 1 }}{{ via }}", true, "pwpw"),
    ] {
        let rendered = engine().render(&node(text), scope.clone()).unwrap();
        assert_eq!(rendered.secret, secret, "{text}");
        assert!(rendered.as_str() == Some(value) || rendered.value == Value::Int(value.parse().unwrap_or(-1)), "{text}");
    }
    let both = Node::new(Value::List(vec![node("{{ plain }}"), node("{{ via }}"), vault]), place());
    let rendered = engine().render(&both, scope.clone()).unwrap();
    let secrets: Vec<bool> = rendered.as_list().unwrap().iter().map(|item| item.secret).collect();
    assert_eq!(secrets, [false, true, true]);
    let bad = Node::new(Value::Vault("bad".into()), place());
    assert_eq!(engine().render(&bad, scope).unwrap_err().message, "the password is wrong");
}

#[test]
fn rendered_text_is_not_rendered_again_and_literal_text_never() {
    let rendered = engine().render(&node("{{ x | from_yaml }}"), scope("x: plain\n")).unwrap();
    assert_eq!((rendered.as_str(), rendered.literal), (Some("{{ plain }}"), true));
    let mut literal = node("{{ nope }}");
    literal.literal = true;
    assert_eq!(engine().render(&literal, scope("")).unwrap().as_str(), Some("{{ nope }}"));
}

#[test]
fn no_input_takes_for_ever_or_all_memory() {
    let chain = |part: &str, times: usize| format!("{{{{ {}1 }}}}", part.repeat(times));
    let deep = |open: &str, close: &str| format!("{{{{ {}1{} }}}}", open.repeat(140), close.repeat(140));
    let cases = [
        "{{ \"x\" * 10**9 }}".to_owned(),
        "{{ [1] * 10**9 }}".to_owned(),
        "{{ 10**9**9 }}".to_owned(),
        "{{ range(10**12) | list }}".to_owned(),
        "{% for a in range(10**5) %}{% for b in range(10**5) %}{{ a }}{% endfor %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=\"ab\") %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for a in range(99) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
        "{% set ns = namespace(x=[1]) %}{% for a in range(9999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x == ns.x }}".to_owned(),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
        "{{ range(9999) | product(range(9999)) | list }}".to_owned(),
        "{{ range(99) | list | combinations(50) | list }}".to_owned(),
        "{{ range(99) | list | permutations | list }}".to_owned(),
        "{{ (\"a\" * 99999) | join(\"b\" * 9999) }}".to_owned(),
        "{{ (\"a\\n\" * 9999) | replace(\"\", \"x\" * 99999) }}".to_owned(),
        "{{ \"%0999999999d\" % 1 }}".to_owned(),
        "{{ \"{:999999999}\".format(1) }}".to_owned(),
        "{{ \"x\".zfill(10**12) }}".to_owned(),
        format!("{{{{ x | string | {} }}}}", "map(".to_owned() + &"\"map\", ".repeat(1000) + "1)"),
        "{{ (\"a\" * 50 ~ \"!\") | regex_search(\"^(?=(a|aa)+$)\") | nope }}".to_owned(),
        "{{ \"a\" | regex_replace(\"(a{1000}){1000}{1000}\", \"\") }}".to_owned(),
        "{{ (\"a\" * 50 ~ \"!\") | regex_search(\"^(?=(a+)+$)(a|aa)+$(?<!x)\") | default(1) | nope }}".to_owned(),
        "{{ (\"a\" * 9999 ~ \"!\") | regex_findall(\"(a|a)*\\\\1b\") | nope }}".to_owned(),
        format!("{{{{ \"{}\" | from_json }}}}", "[".repeat(5000)),
        chain("1 + ", 5000),
        chain("not ", 5000),
        chain("- ", 5000),
        chain("(", 5000),
        chain("[", 5000),
        deep("(", ")"),
        deep("[", "]"),
        deep("{1: ", "}"),
        "{% if 1 %}".repeat(5000),
        format!("{{{{ x{} }}}}", ".a".repeat(5000)),
        format!("{{{{ x{} }}}}", "[0]".repeat(1400)),
        format!("{{{{ 1{} | nope }}}}", " | string".repeat(600)),
        format!("{{{{ {} }}}}", "a".repeat(100_000)),
        format!("{{{{ 1 | {} }}}}", "a".repeat(100_000)),
    ];
    for text in cases {
        let start = Instant::now();
        let result = engine().render(&node(&text), scope("x: 1\n"));
        let shown: String = text.chars().take(80).collect();
        let fine = text.starts_with("{{ ((") || text.starts_with("{{ [[") || text.starts_with("{{ {1");
        assert!(result.is_err() || fine, "{shown}");
        assert!(start.elapsed() < Duration::from_secs(20), "{shown}: {:?}", start.elapsed());
    }
}

#[test]
fn deep_values_are_an_error_and_no_crash() {
    let place = Source::new("x", "").whole();
    let mut deep = Node::new("{{ 1 }}", place.clone());
    for _ in 0..150 {
        deep = Node::new(Value::List(vec![deep]), place.clone());
    }
    let scope: Arc<dyn Scope> = Arc::new(BTreeMap::from([("deep".to_owned(), deep)]));
    for text in ["{{ deep }}", "{{ deep | to_json }}", "{{ deep | to_yaml }}", "{{ deep == deep }}", "x{{ deep }}", "{{ deep | flatten }}"]
    {
        let _ = engine().render(&node(text), scope.clone());
    }
}

#[test]
fn deep_templates_are_an_error_and_no_crash() {
    let try_it = |text: &str| {
        engine().check(&node(text), &mut Diagnostics::new());
        let _ = engine().render(&node(text), scope("x: 1\n"));
    };
    let nested = |open: &str, close: &str, times: usize| format!("{}x{}", open.repeat(times), close.repeat(times));
    for times in [30, 49, 50, 60, 140, 1400] {
        for (open, close) in [
            ("{% if true %}{% elif true %}", "{% endif %}"),
            ("{% if true %}{% endif %}", ""),
            ("{% set y = 1 %}", ""),
            ("{% for a in [1] %}", "{% endfor %}"),
            ("{% if true %}", "{% endif %}"),
            ("{% filter upper %}", "{% endfilter %}"),
            ("{% set y %}", "{% endset %}"),
            ("{% with z = 1 %}", "{% endwith %}"),
            ("{% macro m() %}", "{% endmacro %}{{ m() }}"),
            ("{% call m() %}", "{% endcall %}"),
        ] {
            try_it(&nested(open, close, times));
        }
        for (open, close) in [
            ("(", ")"),
            ("not ", ""),
            ("- ", ""),
            ("1 if 0 else ", ""),
            ("1 + ", ""),
            ("", ".x"),
            ("", " | string"),
            ("", " is eq(1)"),
            ("[", "][0]"),
            ("(1 if ", " else 2)"),
            ("lookup(\"vars\", ", ")"),
            ("dict(a=", ")"),
            ("(x is eq(", "))"),
            ("x | default(", ")"),
            ("x.replace(\"a\", ", ")"),
            ("x[", "]"),
            ("\"{}\".format(", ")"),
            ("[1] | map(\"default\", ", ")"),
        ] {
            try_it(&format!("{{{{ {} }}}}", nested(open, close, times)));
        }
    }
}

#[test]
fn everything_is_checked_without_being_evaluated() {
    let source = Source::new(
        "site.yml",
        "- '{{ x | upcase }}'\n- '{{ lookup(\"evn\", 1) is stirng }}'\n- '{{ 1 '\n- '{{ l | map(\"nope\") | select(\"matsch\") }}{{ foo() }}'\n",
    );
    let mut items = Vec::new();
    let mut start = 0;
    for line in source.text.clone().split_inclusive('\n') {
        let text = line.trim_end().trim_start_matches("- '").trim_end_matches('\'');
        items.push(Node::new(text, source.at(start + 2..start + line.trim_end().len())));
        start += line.len();
    }
    let mut problems = Diagnostics::new();
    engine().check(&Node::new(Value::List(items), source.whole()), &mut problems);
    let told: Vec<String> =
        problems.0.iter().map(|p| format!("{} {} {}", p.place.as_ref().unwrap(), p.message, p.label.as_deref().unwrap_or("-"))).collect();
    assert_eq!(
        told,
        [
            "site.yml:1:11 unknown filter `upcase` -",
            "site.yml:2:14 unknown lookup `evn` did you mean `env`?",
            "site.yml:2:27 unknown test `stirng` did you mean `string`?",
            "site.yml:3:4 the template is not closed: `}}` is missing -",
            "site.yml:4:15 unknown filter `nope` -",
            "site.yml:4:32 unknown test `matsch` did you mean `match`?",
            "site.yml:4:47 unknown function `foo` -",
        ]
    );
}

#[test]
fn bare_expressions() {
    let expression = |text: &str| engine().expression(&node(text), scope("a: 1\n")).map(|node| node.value).map_err(|p| (p.message, p.hint));
    assert_eq!(expression("a == \"1\""), Ok(Value::Bool(true)));
    assert_eq!(expression("{{ a == \"1\" }}"), Ok(Value::Bool(true)));
    let (message, hint) = expression("{{ a }} == 1 +").unwrap_err();
    assert!(message.starts_with("the expression cannot be understood"), "{message}");
    assert_eq!(hint.as_deref(), Some("an expression is written without `{{ }}`"));
    assert_eq!(expression("omit").unwrap_err().0, "`omit` is not defined");
    let mut problems = Diagnostics::new();
    engine().check_expression(&node("{{ a }}"), &mut problems);
    assert!(!problems.has_errors() && problems.0.len() == 1);
    let yes = Node::new(true, Source::new("x", "").whole());
    assert_eq!(engine().expression(&yes, scope("")).unwrap().value, Value::Bool(true));
}

#[test]
fn a_value_in_several_lines_is_shown_at_its_line() {
    let source = Source::new("site.yml", "msg: |\n  one\n  two {{ nope }}\n");
    let node = Node::new("one\ntwo {{ nope }}\n", source.at(5..source.text.len()));
    let problem = engine().render(&node, scope("")).unwrap_err();
    assert_eq!(problem.place.unwrap().to_string(), "site.yml:3:10");
}

#[test]
fn no_filter_test_or_operator_is_brought_down_by_an_odd_value() {
    const VALUES: [&str; 20] = [
        "none",
        "true",
        "0",
        "-1",
        "(-(2**126) * 2)",
        "2**126",
        "1.5",
        "-1e300",
        "\"\"",
        "\"a b-ü/c.d:e=1\"",
        "\"0\"",
        "[]",
        "[[]]",
        "[3, \"a\", none]",
        "(1, (2, 3))",
        "{}",
        "{\"a\": {\"b\": [1]}}",
        "range(3, -9, -2)",
        "nope",
        "[{\"a\": 1}, {\"a\": nope}]",
    ];
    let (engine, scope) = (engine(), scope("x: 1\n"));
    let try_it = |text: String| {
        let _ = engine.render(&node(&text), scope.clone());
    };
    for value in VALUES {
        for name in super::super::filters::names() {
            try_it(format!("{{{{ {value} | {name} }}}}"));
            VALUES.iter().for_each(|arg| try_it(format!("{{{{ {value} | {name}({arg}) }}}}")));
            try_it(format!("{{{{ {value} | {name}({value}, {value}, {value}) }}}}"));
        }
        for name in super::super::tests::names() {
            try_it(format!("{{{{ {value} is {name} }}}}"));
            VALUES.iter().for_each(|arg| try_it(format!("{{{{ {value} is {name}({arg}) }}}}")));
        }
        for op in ["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and"] {
            VALUES.iter().for_each(|other| try_it(format!("{{{{ {value} {op} {other} }}}}")));
        }
        for form in [
            "-V",
            "not V",
            "V[V]",
            "V[V:V:V]",
            "V.a.b",
            "V[0]",
            "V[-1:]",
            "\"%d %s %5.2f %x\" % V",
            "\"%*d\" % (9, V)",
            "\"{:>5} {0[a]}\".format(V)",
            "lookup(\"file\", V)",
            "lookup(\"first_found\", V)",
            "lookup(\"vars\", V)",
            "range(V)",
            "dict(V)",
        ] {
            try_it(format!("{{{{ {} }}}}", form.replace('V', value)));
        }
        for method in [
            "split",
            "get",
            "join",
            "replace",
            "find",
            "startswith",
            "strip",
            "zfill",
            "center",
            "splitlines",
            "partition",
            "rsplit",
            "index",
            "count",
            "items",
            "title",
        ] {
            VALUES.iter().for_each(|arg| try_it(format!("{{{{ {value}.{method}({arg}) }}}}")));
            try_it(format!("{{{{ {value}.{method}() }}}}"));
            try_it(format!("{{{{ {value}.{method}({value}, {value}) }}}}"));
        }
    }
}

#[test]
fn a_mistake_behind_the_last_column_that_is_counted() {
    let text = message(&"{#".repeat(40_000), "a: 1\n");
    assert!(text.contains("comment is not closed") || text.contains("too long"), "{text}");
}

#[test]
fn templates_within_a_condition_are_taken_for_their_values() {
    let (engine, scope) = (engine(), scope("up: 1\nlist: a\n"));
    let holds = |text: &str| engine.expression(&node(text), scope.clone()).map(|value| value.value).map_err(|error| error.message);
    assert_eq!(holds("{{up}} == '1' and ('b' not in {{ list }})"), Ok(Value::Bool(true)));
    assert_eq!(holds("not {{ up }} or 'a }} b' == \"x\""), Ok(Value::Bool(false)));
    assert!(holds("{{ up }} == {{").is_err());
    let mut problems = Diagnostics::new();
    engine.check_expression(&node("{{up}} == true"), &mut problems);
    assert_eq!(problems.0.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>(), ["this expression has templates in it"]);
    assert!(!problems.has_errors());
}

#[test]
fn a_macro_may_call_one_that_stands_below_it() {
    let text = "{% macro a(n) %}{{ b(n) }}{% endmacro %}{% macro b(n) %}<{{ n }}>{% endmacro %}{{ a(1) }}";
    let mut problems = Diagnostics::new();
    engine().check(&node(text), &mut problems);
    assert!(problems.0.is_empty());
    assert_eq!(engine().render(&node(text), scope("a: 1\n")).unwrap().as_str(), Some("<1>"));
}

#[test]
fn a_test_does_not_read_the_whole_of_what_it_asks_one_part_of() {
    /// Facts, of which one part is to be had alone.
    struct Facts;
    impl Scope for Facts {
        fn get(&self, name: &str) -> Option<Node> {
            panic!("the whole of `{name}` was asked for")
        }
        fn entry(&self, _: &str, key: &str) -> Option<Node> {
            Some(node(key))
        }
        fn names(&self) -> Vec<String> {
            Vec::new()
        }
    }
    let value = engine().render(&node("{{ ansible_facts.x is defined and ansible_facts.x is string }}"), Arc::new(Facts)).unwrap();
    assert_eq!(value.value, Value::Bool(true));
}
