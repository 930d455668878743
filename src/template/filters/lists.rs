//! Filters for lists.

use super::super::compare;
use super::super::fault::{Fault, Outcome, fail};
use super::super::operators;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;
use super::Set;
use super::select::{attribute, folded};

pub(super) const TABLE: &[Spec] = &[
    spec("length", &[], length),
    spec("count", &[], length),
    spec("list", &[], list),
    spec("first", &[], first),
    spec("last", &[], last),
    spec("reverse", &[], reverse),
    spec("sort", &["reverse", "case_sensitive", "attribute"], sort),
    spec("min", &["case_sensitive", "attribute"], min),
    spec("max", &["case_sensitive", "attribute"], max),
    spec("sum", &["attribute", "start"], sum),
    spec("unique", &["case_sensitive", "attribute"], unique),
    spec("batch", &["linecount", "fill_with"], batch),
    spec("slice", &["slices", "fill_with"], slice),
    spec("flatten", &["levels", "skip_nulls"], flatten),
    spec("zip", &["*"], zip),
    spec("zip_longest", &["*", "**"], zip_longest),
    spec("product", &["*", "**"], product),
    spec("combinations", &["r"], combinations),
    spec("permutations", &["r"], permutations),
];

fn length(given: &Given) -> Outcome<V> {
    Ok(V::Int(given.run.len(given.value)? as i128))
}

fn list(given: &Given) -> Outcome<V> {
    Ok(V::list(given.own_items()?))
}

fn empty(name: &str) -> V {
    V::Undefined(std::rc::Rc::new(Fault::undefined(format!("the list has no {name} item: it is empty"))))
}

fn first(given: &Given) -> Outcome<V> {
    if given.value.is_list() {
        return Ok(given.run.get(given.value, &V::Int(0))?.unwrap_or_else(|| empty("first")));
    }
    Ok(given.own_items()?.into_iter().next().unwrap_or_else(|| empty("first")))
}

fn last(given: &Given) -> Outcome<V> {
    Ok(given.own_items()?.pop().unwrap_or_else(|| empty("last")))
}

fn reverse(given: &Given) -> Outcome<V> {
    let mut items = given.own_items()?;
    items.reverse();
    Ok(match given.value {
        V::Str(_) => V::from(items.iter().filter_map(V::as_str).collect::<String>()),
        _ => V::list(items),
    })
}

fn key(given: &Given, item: &V, path: Option<&V>, case_sensitive: bool) -> Outcome<V> {
    let value = match path {
        Some(path) if !matches!(path, V::None) => attribute(given.run, item, path)?,
        _ => item.clone(),
    };
    match value {
        V::Undefined(fault) => Err(Box::new((*fault).clone())),
        value => Ok(folded(value, case_sensitive)),
    }
}

fn keyed(given: &Given, path: Option<&V>, case_sensitive: bool) -> Outcome<Vec<(V, V)>> {
    given.own_items()?.into_iter().map(|item| Ok((key(given, &item, path, case_sensitive)?, item))).collect()
}

fn sort(given: &Given) -> Outcome<V> {
    let case_sensitive = given.flag(1, false);
    let mut items = match given.arg(2) {
        // several attributes are compared one after the other
        Some(V::Str(paths)) if paths.contains(',') => {
            let paths: Vec<V> = paths.split(',').map(V::from).collect();
            let key = |item: &V| -> Outcome<V> {
                Ok(V::list(paths.iter().map(|path| key(given, item, Some(path), case_sensitive)).collect::<Outcome<_>>()?))
            };
            given.own_items()?.into_iter().map(|item| Ok((key(&item)?, item))).collect::<Outcome<Vec<_>>>()?
        }
        path => keyed(given, path, case_sensitive)?,
    };
    compare::sort(given.run, &mut items, given.flag(0, false))?;
    Ok(V::list(items.into_iter().map(|(_, item)| item).collect()))
}

fn extreme(given: &Given, greatest: bool) -> Outcome<V> {
    let mut best: Option<(V, V)> = None;
    for (key, item) in keyed(given, given.arg(1), given.flag(0, false))? {
        let better = match &best {
            None => true,
            Some((other, _)) => {
                let order = compare::order(given.run, &key, other)?;
                order.is_some_and(|order| if greatest { order.is_gt() } else { order.is_lt() })
            }
        };
        if better {
            best = Some((key, item));
        }
    }
    Ok(best.map_or_else(|| empty(if greatest { "greatest" } else { "smallest" }), |(_, item)| item))
}

fn min(given: &Given) -> Outcome<V> {
    extreme(given, false)
}

fn max(given: &Given) -> Outcome<V> {
    extreme(given, true)
}

fn sum(given: &Given) -> Outcome<V> {
    let mut total = given.arg(1).cloned().unwrap_or(V::Int(0));
    for item in given.own_items()? {
        let item = key(given, &item, given.arg(0), true)?;
        total = operators::binary(given.run, minijinja::machinery::ast::BinOpKind::Add, &total, &item)?;
    }
    Ok(total)
}

fn unique(given: &Given) -> Outcome<V> {
    let (mut seen, mut items) = (Set::default(), Vec::new());
    for (key, item) in keyed(given, given.arg(1), given.flag(0, false))? {
        if seen.add(given.run, key)? {
            items.push(item);
        }
    }
    Ok(V::list(items))
}

fn batch(given: &Given) -> Outcome<V> {
    let size = given.size(0, 0)?;
    if size == 0 {
        return fail("`batch` needs a number above zero");
    }
    let mut batches: Vec<Vec<V>> = given.own_items()?.chunks(size).map(<[V]>::to_vec).collect();
    if let (Some(fill), Some(last)) = (given.arg(1).filter(|fill| !matches!(fill, V::None)), batches.last_mut()) {
        given.run.spend(size as u64)?;
        last.resize(size, fill.clone());
    }
    Ok(V::list(batches.into_iter().map(V::list).collect()))
}

fn slice(given: &Given) -> Outcome<V> {
    let (items, slices) = (given.own_items()?, given.size(0, 0)?);
    if slices == 0 {
        return fail("`slice` needs a number above zero");
    }
    given.run.spend((slices as u64).saturating_mul(2))?;
    let (each, longer) = (items.len() / slices, items.len() % slices);
    let (mut out, mut rest) = (Vec::new(), items.into_iter());
    for at in 0..slices {
        let mut part: Vec<V> = rest.by_ref().take(each + usize::from(at < longer)).collect();
        let fill = given.arg(1).filter(|fill| !matches!(fill, V::None) && at >= longer && longer > 0);
        part.extend(fill.cloned());
        out.push(V::list(part));
    }
    Ok(V::list(out))
}

/// The items of lists in a list, down to a level.
pub(super) fn flat(given: &Given, value: &V, levels: Option<i128>, skip_nulls: bool, out: &mut Vec<V>) -> Outcome<()> {
    let _level = given.run.deeper()?;
    for item in given.items(value)? {
        let null = match &item {
            V::None => true,
            V::Str(text) => matches!(&**text, "None" | "null"),
            _ => false,
        };
        if null && skip_nulls {
            continue;
        }
        match levels {
            _ if !item.is_list() => out.push(item),
            Some(levels) if levels < 1 => out.push(item),
            levels => flat(given, &item, levels.map(|levels| levels - 1), skip_nulls, out)?,
        }
    }
    Ok(())
}

fn flatten(given: &Given) -> Outcome<V> {
    let mut out = Vec::new();
    flat(given, given.value, given.int(0)?, given.flag(1, true), &mut out)?;
    Ok(V::list(out))
}

fn columns(given: &Given) -> Outcome<Vec<Vec<V>>> {
    let mut columns = vec![given.own_items()?];
    for other in &given.rest {
        columns.push(given.items(other)?);
    }
    Ok(columns)
}

fn rows(columns: &[Vec<V>], length: usize, fill: &V) -> V {
    let row = |at: usize| V::tuple(columns.iter().map(|column| column.get(at).unwrap_or(fill).clone()).collect());
    V::list((0..length).map(row).collect())
}

fn zip(given: &Given) -> Outcome<V> {
    let columns = columns(given)?;
    let length = columns.iter().map(Vec::len).min().unwrap_or(0);
    Ok(rows(&columns, length, &V::None))
}

fn zip_longest(given: &Given) -> Outcome<V> {
    let columns = columns(given)?;
    let length = columns.iter().map(Vec::len).max().unwrap_or(0);
    given.run.spend((length as u64).saturating_mul(columns.len() as u64))?;
    let fill = given.extra.iter().find(|(name, _)| name == "fillvalue").map_or(V::None, |(_, value)| value.clone());
    Ok(rows(&columns, length, &fill))
}

fn product(given: &Given) -> Outcome<V> {
    let mut columns = columns(given)?;
    if let Some((_, times)) = given.extra.iter().find(|(name, _)| name == "repeat") {
        let times = times.as_int().and_then(|times| usize::try_from(times).ok()).unwrap_or(1).min(64);
        columns = std::iter::repeat_n(columns, times).flatten().collect();
    }
    let mut all = vec![Vec::new()];
    for column in &columns {
        given.run.spend((all.len() as u64).saturating_mul(column.len() as u64).saturating_mul(columns.len() as u64))?;
        all = all.iter().flat_map(|row| column.iter().map(move |item| [row.as_slice(), std::slice::from_ref(item)].concat())).collect();
    }
    Ok(V::list(all.into_iter().map(V::tuple).collect()))
}

/// Ways to take `size` of the items, in the order in which Python gives them.
fn taken(given: &Given, size: usize, in_order: bool) -> Outcome<V> {
    let items = given.own_items()?;
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size.min(items.len() + 1) {
        given.run.spend((rows.len() as u64).saturating_mul(items.len() as u64).saturating_mul(size as u64))?;
        rows = rows
            .iter()
            .flat_map(|row| {
                let first = if in_order { row.last().map_or(0, |last| last + 1) } else { 0 };
                (first..items.len()).filter(|at| !row.contains(at)).map(|at| [row.as_slice(), &[at]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    let row = |row: Vec<usize>| V::tuple(row.iter().filter_map(|at| items.get(*at)).cloned().collect());
    Ok(V::list(rows.into_iter().map(row).collect()))
}

fn combinations(given: &Given) -> Outcome<V> {
    given.need(0, "a number")?;
    taken(given, given.size(0, 0)?, true)
}

fn permutations(given: &Given) -> Outcome<V> {
    let all = given.run.len(given.value)?;
    taken(given, given.size(0, all)?, false)
}
