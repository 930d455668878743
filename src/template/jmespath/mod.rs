//! JMESPath, the language of `json_query` (<https://jmespath.org/specification.html>).

mod eval;
mod functions;
mod parse;

use serde_json::Value as Json;

/// What is wrong with an expression, or with what it is asked of.
pub(super) type Told<T> = Result<T, String>;

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
enum Expr {
    /// `@`
    Current,
    Field(String),
    Index(i64),
    Slice([Option<i64>; 3]),
    Literal(Json),
    /// The right side of what the left side gives.
    Sub(Box<Expr>, Box<Expr>),
    /// The right side of each item of the list that the left side gives.
    Each(Box<Expr>, Box<Expr>),
    /// The right side of each value of the mapping that the left side gives.
    EachValue(Box<Expr>, Box<Expr>),
    /// The right side of each item for which the condition holds.
    Filter(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Lists in the list become part of it.
    Flatten(Box<Expr>),
    Pipe(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare(&'static str, Box<Expr>, Box<Expr>),
    List(Vec<Expr>),
    Map(Vec<(String, Expr)>),
    Call(String, Vec<Expr>),
    /// `&expression`
    Reference(Box<Expr>),
}

/// What an expression finds in a value.
///
/// # Errors
/// The expression cannot be understood, or a function of it is given what it does not take.
pub(super) fn search(expression: &str, value: &Json) -> Told<Json> {
    eval::of(&parse::parse(expression)?, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected values were made with jmespath 1.0 for Python.
    #[test]
    fn what_expressions_find() {
        let value: Json = serde_json::from_str(
            r#"{"a": {"b": [1, 2, 3]}, "people": [{"name": "ann", "age": 30, "tags": ["x", "y"]}, {"name": "bob", "age": 20, "tags": []}, {"name": "cy", "age": 25}], "map": {"k1": {"v": 1}, "k2": {"v": 2}}, "odd-name": 1, "nested": [[1, [2]], [3]]}"#,
        )
        .unwrap();
        for (expression, expected) in [
            ("a.b[0]", "1"),
            ("a.b[-1]", "3"),
            ("a.b[::2]", "[1,3]"),
            ("a.b[::-1]", "[3,2,1]"),
            ("a.nope.x", "null"),
            ("people[*].name", r#"["ann","bob","cy"]"#),
            ("people[].tags[]", r#"["x","y"]"#),
            ("people[?age > `20`].name", r#"["ann","cy"]"#),
            ("people[?name == 'bob'].age | [0]", "20"),
            ("people[?tags && age < `40`].name", r#"["ann"]"#),
            ("people[?!tags].name", r#"["bob","cy"]"#),
            ("people[?contains(tags, 'x')].name", "error"),
            ("people[?contains(not_null(tags, `[]`), 'x')].name", r#"["ann"]"#),
            ("people[*].{n: name, a: age}", r#"[{"n":"ann","a":30},{"n":"bob","a":20},{"n":"cy","a":25}]"#),
            ("people[*].[name, age]", r#"[["ann",30],["bob",20],["cy",25]]"#),
            ("map.*.v", "[1,2]"),
            ("\"odd-name\"", "1"),
            ("nested[]", "[1,[2],3]"),
            ("length(people)", "3"),
            ("sort_by(people, &age)[*].name", r#"["bob","cy","ann"]"#),
            ("max_by(people, &age).name", r#""ann""#),
            ("join(',', people[*].name)", r#""ann,bob,cy""#),
            ("keys(map)", r#"["k1","k2"]"#),
            ("sum(a.b)", "6.0"),
            ("type(a)", r#""object""#),
            ("to_string(a.b)", r#""[1,2,3]""#),
            ("a.nope || 'other'", r#""other""#),
            ("@.a.b | length(@)", "3"),
            ("map(&age, people)", "[30,20,25]"),
            ("people[0].tags == ['x', 'y']", "true"),
            ("reverse(a.b)", "[3,2,1]"),
            ("a.b.", "error"),
            ("nope(a)", "error"),
        ] {
            let found = search(expression, &value).map_or_else(|_| "error".to_owned(), |found| found.to_string());
            assert_eq!(found, expected, "{expression}");
        }
    }
}
