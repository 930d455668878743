//! Methods that change a list or a mapping where it is: `{% if names.append(name) %}{% endif %}`.
//!
//! Values never change here. The changed one takes the place of the one it was made of, wherever the template holds it: what
//! Python's shared objects look like from outside. As with Ansible, a variable is changed for this template only.

use std::collections::HashMap;
use std::rc::Rc;

use minijinja::machinery::ast::Expr;

use super::call::Args;
use super::compare;
use super::fault::{Outcome, fail};
use super::render::Eval;
use super::run::Run;
use super::value::{Dict, V};

const LIST: &[&str] = &["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];
const DICT: &[&str] = &["clear", "pop", "popitem", "setdefault", "update"];

/// Whether a value of that kind has a method of that name that changes it.
pub(super) fn changes(value: &V, name: &str) -> bool {
    match value {
        V::Tuple(_) | V::Range(_) => false,
        _ if value.is_map() => DICT.contains(&name),
        _ => value.is_list() && LIST.contains(&name),
    }
}

impl<'t> Eval<'t> {
    /// `place.name(args)`, which changes what is at that place: what the method gives back.
    pub(super) fn change(&mut self, place: &'t Expr<'t>, value: V, name: &str, args: &Args) -> Outcome<V> {
        let run = self.run;
        let value = match (place, value) {
            (Expr::Var(var), V::List(items)) => {
                let frame = self.frames.iter().rev().find(|frame| frame.borrow().contains_key(var.id)).cloned();
                if let Some(frame) = frame {
                    // nobody else holds a list that is being built up: it need not be copied for every item
                    drop(frame.borrow_mut().remove(var.id));
                    match Rc::try_unwrap(items) {
                        Ok(items) => {
                            let mut list = items.into_values();
                            let answer = change_list(run, &mut list, name, args);
                            frame.borrow_mut().insert(var.id.to_owned(), V::list(list));
                            return answer;
                        }
                        Err(items) => {
                            frame.borrow_mut().insert(var.id.to_owned(), V::List(Rc::clone(&items)));
                            V::List(items)
                        }
                    }
                } else {
                    V::List(items)
                }
            }
            (_, value) => value,
        };
        let (new, answer) = if value.is_map() {
            let mut dict = (*run.dict(&value)?).clone();
            let answer = change_dict(run, &mut dict, name, args)?;
            (V::dict(dict), answer)
        } else {
            let mut list = run.items(&value)?;
            let answer = change_list(run, &mut list, name, args)?;
            (V::list(list), answer)
        };
        self.replace(&value, &new)?;
        if matches!(place, Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_)) {
            let now = self.expr(place)?;
            if identity(&now) != identity(&new) {
                self.put(place, new)?;
            }
        }
        Ok(answer)
    }

    /// Wherever the template holds the one, it holds the other from now on.
    fn replace(&mut self, old: &V, new: &V) -> Outcome<()> {
        let Some(old) = identity(old) else { return Ok(()) };
        let mut swap = Swap { run: self.run, old, new, seen: HashMap::new() };
        let declared = self.macros.iter().flat_map(|declared| &declared.frames);
        for frame in self.frames.iter().chain(declared) {
            let names: Vec<(String, V)> = frame.borrow().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            for (name, value) in names {
                if let Some(value) = swap.of(&value)? {
                    frame.borrow_mut().insert(name, value);
                }
            }
        }
        Ok(())
    }

    /// Puts a value at a place that is, or is in, a variable from outside: the template has its own of it from now on.
    fn put(&mut self, place: &'t Expr<'t>, new: V) -> Outcome<()> {
        let (of, key) = match place {
            Expr::Var(var) => {
                let own = self.frames.iter().rev().find(|frame| frame.borrow().contains_key(var.id));
                if let Some(frame) = own.or(self.frames.first()) {
                    frame.borrow_mut().insert(var.id.to_owned(), new);
                }
                return Ok(());
            }
            Expr::GetAttr(attr) => (&attr.expr, V::from(attr.name)),
            Expr::GetItem(item) => (&item.expr, self.expr(&item.subscript_expr)?),
            // of what was made in this expression nobody sees anything again
            _ => return Ok(()),
        };
        let around = self.expr(of)?;
        if around.is_map() {
            let mut dict = (*self.run.dict(&around)?).clone();
            dict.insert(key, new);
            return self.put(of, V::dict(dict));
        }
        let (mut items, Some(at)) = (self.run.items(&around)?, key.as_int()) else { return Ok(()) };
        let len = i128::try_from(items.len()).unwrap_or(i128::MAX);
        if let Some(item) = usize::try_from(if at < 0 { len + at } else { at }).ok().and_then(|at| items.get_mut(at)) {
            *item = new;
        }
        self.put(of, V::list(items))
    }
}

/// Which object it is, if it is one that can change.
fn identity(value: &V) -> Option<*const ()> {
    match value {
        V::List(items) | V::Tuple(items) => Some(Rc::as_ptr(items).cast()),
        V::Dict(dict) => Some(Rc::as_ptr(dict).cast()),
        V::Lazy(lazy) => Some(Rc::as_ptr(lazy).cast()),
        V::Namespace(names) => Some(Rc::as_ptr(names).cast()),
        _ => None,
    }
}

/// One object in the place of another, in all that holds it. What is held in several places stays one object.
struct Swap<'r, 'e> {
    run: &'r Run<'e>,
    old: *const (),
    new: &'r V,
    seen: HashMap<*const (), Option<V>>,
}

impl Swap<'_, '_> {
    /// What takes the place of a value; `None` if it stays as it is.
    fn of(&mut self, value: &V) -> Outcome<Option<V>> {
        let Some(identity) = identity(value) else { return Ok(None) };
        if identity == self.old {
            return Ok(Some(self.new.clone()));
        }
        if let Some(known) = self.seen.get(&identity) {
            return Ok(known.clone());
        }
        // a circle ends here
        self.seen.insert(identity, None);
        let _level = self.run.deeper()?;
        let swapped = match value {
            V::List(items) | V::Tuple(items) => {
                self.run.spend(items.len() as u64)?;
                let new = items.iter().map(|item| self.of(item)).collect::<Outcome<Vec<_>>>()?;
                let is_list = matches!(value, V::List(_));
                new.iter().any(Option::is_some).then(|| {
                    let items = new.into_iter().zip(items.iter()).map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect();
                    if is_list { V::list(items) } else { V::tuple(items) }
                })
            }
            V::Dict(dict) => {
                let mut new = None;
                for (key, value) in dict.entries() {
                    if let Some(value) = self.of(value)? {
                        new.get_or_insert_with(|| (**dict).clone()).insert(key.clone(), value);
                    }
                }
                self.run.spend(dict.len() as u64)?;
                new.map(V::dict)
            }
            V::Namespace(names) => {
                let entries = names.borrow().entries().to_vec();
                for (key, value) in entries {
                    if let Some(value) = self.of(&value)? {
                        names.borrow_mut().insert(key, value);
                    }
                }
                None
            }
            _ => None,
        };
        self.seen.insert(identity, swapped.clone());
        Ok(swapped)
    }
}

fn first<'a>(args: &'a Args, name: &str) -> Outcome<&'a V> {
    args.positional.first().map_or_else(|| fail(format!("`.{name}()` needs a value")), Ok)
}

/// A place in a list as Python counts it.
fn place(args: &Args, at: usize, usual: i128, len: usize) -> Outcome<i128> {
    let index = match args.positional.get(at) {
        None => usual,
        Some(value) => value.as_int().map_or_else(|| fail(format!("a place in a list is a whole number, not {}", value.kind())), Ok)?,
    };
    Ok(if index < 0 { index + i128::try_from(len).unwrap_or(i128::MAX) } else { index })
}

fn change_list(run: &Run, list: &mut Vec<V>, name: &str, args: &Args) -> Outcome<V> {
    match name {
        "append" => {
            run.spend(1)?;
            list.push(first(args, name)?.clone());
        }
        "extend" => list.extend(run.items(first(args, name)?)?),
        "clear" => list.clear(),
        "reverse" => list.reverse(),
        "insert" => {
            let Some(value) = args.positional.get(1) else { return fail("`.insert()` needs a place and a value") };
            let at = usize::try_from(place(args, 0, 0, list.len())?.max(0)).unwrap_or(usize::MAX);
            list.insert(at.min(list.len()), value.clone());
        }
        "pop" => {
            let at = usize::try_from(place(args, 0, -1, list.len())?).ok().filter(|at| *at < list.len());
            return at.map_or_else(|| fail("there is nothing at that place of the list"), |at| Ok(list.remove(at)));
        }
        "remove" => {
            let wanted = first(args, name)?;
            for at in 0..list.len() {
                if list.get(at).map_or(Ok(false), |item| compare::equal(run, item, wanted))? {
                    list.remove(at);
                    return Ok(V::None);
                }
            }
            return fail("the value is not in the list");
        }
        _ => {
            if args.named.iter().any(|(key, _)| key == "key") {
                return fail("`.sort()` with `key` needs a function, which a template has none of");
            }
            let reverse = args.named.iter().any(|(key, value)| key == "reverse" && value.truth());
            let mut keyed: Vec<(V, V)> = list.iter().map(|item| (item.clone(), item.clone())).collect();
            compare::sort(run, &mut keyed, reverse)?;
            *list = keyed.into_iter().map(|(_, item)| item).collect();
        }
    }
    Ok(V::None)
}

fn change_dict(run: &Run, dict: &mut Dict, name: &str, args: &Args) -> Outcome<V> {
    let unhashable = |key: &V| fail(format!("{} cannot be a key", key.kind()));
    match name {
        "clear" => *dict = Dict::new(),
        "update" => {
            for value in &args.positional {
                for (key, value) in run.pairs(value)? {
                    if !dict.insert(key.clone(), value) {
                        return unhashable(&key);
                    }
                }
            }
            args.named.iter().for_each(|(key, value)| dict.set(key, value.clone()));
        }
        "setdefault" => {
            let key = first(args, name)?;
            if let Some(is) = dict.get(key) {
                return Ok(is.clone());
            }
            let value = args.positional.get(1).cloned().unwrap_or(V::None);
            return if dict.insert(key.clone(), value.clone()) { Ok(value) } else { unhashable(key) };
        }
        _ => {
            let key = match name {
                "pop" => Some(first(args, name)?.clone()),
                _ => dict.entries().last().map(|(key, _)| key.clone()),
            };
            let Some(key) = key else { return fail("the mapping is empty") };
            let Some(value) = dict.get(&key).cloned() else {
                return args.positional.get(1).map_or_else(|| fail("the mapping has no such key"), |usual| Ok(usual.clone()));
            };
            let mut rest = Dict::new();
            for (other, value) in dict.entries() {
                if !compare::equal(run, other, &key)? {
                    rest.insert(other.clone(), value.clone());
                }
            }
            *dict = rest;
            return Ok(if name == "pop" { value } else { V::tuple(vec![key, value]) });
        }
    }
    Ok(V::None)
}
