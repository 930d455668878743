//! Which variables a template names, without evaluating it.

use std::collections::BTreeSet;

use minijinja::machinery::ast::{self, BinOpKind, CallArg, Expr, Stmt};

use crate::diagnostics::Place;
use crate::yaml::{Node, Value};

use super::parse::{self, range};
use super::{filters, places, tests};

/// A variable that a template names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: String,
    /// Where.
    pub place: Place,
    /// What happens if it is not defined.
    pub need: Need,
}

/// What happens if a variable is not defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The template fails.
    Always,
    /// It fails if it comes to it: behind `and`, in an `if`, in a loop.
    Perhaps,
    /// Nothing: it is asked whether it is there, or there is a default.
    Tested,
}

/// What a walk has found.
struct Walk<'w> {
    node: &'w Node,
    text: &'w str,
    found: &'w mut Vec<Used>,
    /// Names that the template gives itself, anywhere in it.
    own: BTreeSet<String>,
    need: Need,
}

/// The variables that the templates in a value name. A template that cannot be understood names none.
pub(super) fn template(node: &Node, found: &mut Vec<Used>) {
    match &node.value {
        Value::Str(text) if node.is_template() => {
            if let Ok(text) = parse::unsigned(text, None)
                && let Ok(tree) = parse::template(&text)
            {
                let text = &*text;
                walk(node, text, found, |walk| walk.statement(&tree));
            }
        }
        Value::List(list) => list.iter().for_each(|item| template(item, found)),
        // keys are not rendered
        Value::Map(map) => map.iter().for_each(|(_, value)| template(value, found)),
        _ => {}
    }
}

/// The same for a bare expression.
pub(super) fn expression(node: &Node, found: &mut Vec<Used>) {
    let Some(text) = node.as_str() else { return template(node, found) };
    if parse::is_in_braces(text) {
        return template(node, found);
    }
    if let Ok(text) = parse::unsigned_expression(text)
        && let Ok(tree) = parse::expression(&text)
    {
        let text = &*text;
        walk(node, text, found, |walk| walk.expr(&tree));
    }
}

fn walk(node: &Node, text: &str, found: &mut Vec<Used>, visit: impl FnOnce(&mut Walk)) {
    let mut here = Vec::new();
    let own = ["loop", "self", "caller", "varargs", "kwargs"].map(str::to_owned).into();
    let mut walk = Walk { node, text, found: &mut here, own, need: Need::Always };
    visit(&mut walk);
    let own = walk.own;
    found.extend(here.into_iter().filter(|used| !own.contains(&used.name)));
}

impl Walk<'_> {
    /// Everything that `visit` finds is needed only so much.
    fn as_far_as(&mut self, need: Need, visit: impl FnOnce(&mut Self)) {
        let before = self.need;
        if before == Need::Always || need == Need::Tested {
            self.need = need;
        }
        visit(self);
        self.need = before;
    }

    fn perhaps(&mut self, statements: &[Stmt]) {
        self.as_far_as(Need::Perhaps, |walk| statements.iter().for_each(|statement| walk.statement(statement)));
    }

    /// Names that are given a value.
    fn gives(&mut self, target: &Expr) {
        match target {
            Expr::Var(var) => {
                self.own.insert(var.id.to_owned());
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.gives(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.gives(item)),
            _ => {}
        }
    }

    fn statement(&mut self, statement: &Stmt) {
        match statement {
            Stmt::Template(template) => template.children.iter().for_each(|statement| self.statement(statement)),
            Stmt::EmitExpr(emit) => self.expr(&emit.expr),
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(each) => {
                self.gives(&each.target);
                self.expr(&each.iter);
                self.as_far_as(Need::Perhaps, |walk| each.filter_expr.iter().for_each(|filter| walk.expr(filter)));
                self.perhaps(&each.body);
                self.perhaps(&each.else_body);
            }
            Stmt::IfCond(cond) => {
                self.expr(&cond.expr);
                self.perhaps(&cond.true_body);
                self.perhaps(&cond.false_body);
            }
            Stmt::WithBlock(with) => {
                for (target, value) in &with.assignments {
                    self.gives(target);
                    self.as_far_as(Need::Perhaps, |walk| walk.expr(value));
                }
                with.body.iter().for_each(|statement| self.statement(statement));
            }
            Stmt::Set(set) => {
                self.gives(&set.target);
                self.as_far_as(Need::Perhaps, |walk| walk.expr(&set.expr));
            }
            Stmt::SetBlock(set) => {
                self.gives(&set.target);
                self.perhaps(&set.body);
                self.as_far_as(Need::Perhaps, |walk| set.filter.iter().for_each(|filter| walk.expr(filter)));
            }
            Stmt::AutoEscape(block) => block.body.iter().for_each(|statement| self.statement(statement)),
            Stmt::FilterBlock(block) => {
                self.expr(&block.filter);
                block.body.iter().for_each(|statement| self.statement(statement));
            }
            Stmt::Macro(r#macro) => self.declares(r#macro),
            Stmt::CallBlock(block) => {
                self.as_far_as(Need::Perhaps, |walk| walk.call(&block.call));
                self.declares(&block.macro_decl);
            }
            Stmt::Do(block) => self.call(&block.call),
            Stmt::Include(include) => self.expr(&include.name),
            Stmt::Extends(extends) => self.expr(&extends.name),
            Stmt::Block(block) => self.perhaps(&block.body),
            Stmt::Import(import) => {
                self.expr(&import.expr);
                self.gives(&import.name);
            }
            Stmt::FromImport(import) => {
                self.expr(&import.expr);
                import.names.iter().for_each(|(name, alias)| self.gives(alias.as_ref().unwrap_or(name)));
            }
        }
    }

    fn declares(&mut self, r#macro: &ast::Macro) {
        self.own.insert(r#macro.name.to_owned());
        r#macro.args.iter().for_each(|arg| self.gives(arg));
        self.as_far_as(Need::Perhaps, |walk| r#macro.defaults.iter().for_each(|default| walk.expr(default)));
        self.perhaps(&r#macro.body);
    }

    fn args(&mut self, args: &[CallArg]) {
        // something undefined may be handed on
        self.as_far_as(Need::Perhaps, |walk| {
            for arg in args {
                match arg {
                    CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => walk.expr(expr),
                }
            }
        });
    }

    fn call(&mut self, call: &ast::Call) {
        // a function is no variable; one that nobody has is told by the check of the grammar
        if !matches!(call.expr, Expr::Var(_)) {
            self.expr(&call.expr);
        }
        self.args(&call.args);
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Var(var) => {
                let place = places::within(self.node, self.text, Some(range(expr.span())));
                self.found.push(Used { name: var.id.to_owned(), place, need: self.need });
            }
            Expr::Const(_) => {}
            Expr::Slice(slice) => {
                self.expr(&slice.expr);
                [&slice.start, &slice.stop, &slice.step].into_iter().flatten().for_each(|bound| self.expr(bound));
            }
            Expr::UnaryOp(op) => self.expr(&op.expr),
            Expr::BinOp(op) => {
                self.expr(&op.left);
                if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) {
                    self.as_far_as(Need::Perhaps, |walk| walk.expr(&op.right));
                } else {
                    self.expr(&op.right);
                }
            }
            Expr::Compare(chain) => {
                self.expr(&chain.expr);
                chain.ops.iter().for_each(|op| self.expr(&op.expr));
            }
            Expr::IfExpr(choice) => {
                self.expr(&choice.test_expr);
                self.as_far_as(Need::Perhaps, |walk| {
                    walk.expr(&choice.true_expr);
                    choice.false_expr.iter().for_each(|expr| walk.expr(expr));
                });
            }
            Expr::Filter(filter) => {
                let lenient = filters::find(filter.name).is_none_or(|spec| spec.lenient);
                let need = if lenient && filter.name != "mandatory" { Need::Tested } else { self.need };
                self.as_far_as(need, |walk| filter.expr.iter().for_each(|expr| walk.expr(expr)));
                self.args(&filter.args);
            }
            Expr::Test(test) => {
                let lenient = tests::find(test.name).is_none_or(|spec| spec.lenient);
                self.as_far_as(if lenient { Need::Tested } else { Need::Perhaps }, |walk| walk.expr(&test.expr));
                self.args(&test.args);
            }
            Expr::GetAttr(attr) => self.expr(&attr.expr),
            Expr::GetItem(item) => {
                self.expr(&item.expr);
                self.expr(&item.subscript_expr);
            }
            Expr::Call(call) => self.call(call),
            Expr::List(list) => list.items.iter().for_each(|item| self.expr(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expr(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.expr(item)),
        }
    }
}

#[cfg(test)]
mod tests_of_it {
    use super::*;
    use crate::diagnostics::Source;

    fn names(text: &str, is_expression: bool) -> String {
        let node = Node::new(text, Source::new("x", text).whole());
        let mut found = Vec::new();
        if is_expression {
            expression(&node, &mut found)
        } else {
            template(&node, &mut found)
        };
        let mark = |need| match need {
            Need::Always => "!",
            Need::Perhaps => "?",
            Need::Tested => "-",
        };
        found.iter().map(|used| format!("{}{}@{}", used.name, mark(used.need), used.place.line_column().1)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_expressions_name() {
        for (text, expected) in [
            ("a == b", "a!@1 b!@6"),
            ("a is defined and a.x == b", "a-@1 a?@18 b?@25"),
            ("a | default(b)", "a-@1 b?@13"),
            ("a.b['c'][d] | default('')", "a-@1 d-@10"),
            ("a if b else c", "b!@6 a?@1 c?@13"),
            ("lookup('file', a) ~ b", "a?@16 b!@21"),
            ("a.split(b)", "a!@1 b?@9"),
            ("a is version(b, '>')", "a?@1 b?@14"),
            ("not a", "a!@5"),
            ("[a, {'k': b}, true, none]", "a!@2 b!@11"),
            ("a =", ""),
            // no character ends an expression silently
            ("a && b", ""),
        ] {
            assert_eq!(names(text, true), expected, "{text}");
        }
    }

    #[test]
    fn what_templates_name() {
        for (text, expected) in [
            ("x {{ a }} {{ b.c }}", "a!@6 b!@14"),
            ("{% for i in a %}{{ i }}{{ b }}{{ loop.index }}{% endfor %}", "a!@13 b?@27"),
            ("{% set x = a %}{{ x }}", "a?@12"),
            ("{% if a %}{{ b }}{% endif %}", "a!@7 b?@14"),
            ("{% macro m(x) %}{{ x }}{{ y }}{% endmacro %}{{ m(z) }}", "y?@27 z?@50"),
            ("no template", ""),
        ] {
            assert_eq!(names(text, false), expected, "{text}");
        }
    }
}
