//! Python's two ways to format: `'%05d' % n` and `'{:>5}'.format(n)`.

use crate::yaml::python_float;

use super::fault::{Outcome, fail};
use super::repr;
use super::run::Run;
use super::value::V;

/// How wide a field may become.
const WIDTH: usize = 100_000;

/// `text % values`
pub(super) fn format(run: &Run, text: &str, values: &V) -> Outcome<V> {
    let given = match values {
        V::Tuple(values) => values.to_vec(),
        value => vec![value.clone()],
    };
    let (mut out, mut chars, mut next) = (String::new(), text.chars().peekable(), given.iter());
    let (mut named, missing) = (false, "the text has more `%` places than there are values");
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut name = None;
        if chars.next_if_eq(&'(').is_some() {
            named = true;
            name = Some(chars.by_ref().take_while(|c| *c != ')').collect::<String>());
        }
        let mut spec = Spec::default();
        while let Some(flag) = chars.next_if(|c| "-+ 0#".contains(*c)) {
            match flag {
                '-' => spec.align = Some('<'),
                '0' => spec.zero = true,
                '+' | ' ' => spec.sign = Some(flag),
                _ => spec.alternate = true,
            }
        }
        let mut number = |chars: &mut std::iter::Peekable<std::str::Chars>| -> Outcome<Option<usize>> {
            if chars.next_if_eq(&'*').is_some() {
                let value = next.next().and_then(V::as_int).and_then(|n| usize::try_from(n).ok());
                return value.map_or_else(|| fail(missing), |n| Ok(Some(n)));
            }
            digits(chars)
        };
        spec.width = number(&mut chars)?;
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(number(&mut chars)?.unwrap_or(0));
        }
        while chars.next_if(|c| "hlL".contains(*c)).is_some() {}
        let Some(kind) = chars.next() else { return fail("the text ends inside a `%` place") };
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match name {
            Some(name) => run.get(values, &V::from(name))?,
            None => next.next().cloned(),
        };
        let Some(value) = value else { return fail(missing) };
        if !spec.zero && spec.align.is_none() {
            spec.align = Some('>');
        } else if spec.align == Some('<') {
            spec.zero = false;
        }
        out.push_str(&match kind {
            's' => spec.text(&repr::text(run, &value)?)?,
            'r' => {
                let mut text = String::new();
                repr::repr(run, &value, &mut text)?;
                spec.text(&text)?
            }
            'c' => spec.text(&repr::text(run, &value)?)?,
            'd' | 'i' | 'u' => match &value {
                #[allow(clippy::cast_possible_truncation)]
                V::Float(number) => spec.number(&V::Int(number.trunc() as i128), 'd')?,
                value => spec.number(value, 'd')?,
            },
            kind => spec.number(&value, kind)?,
        });
        run.bytes(out.len())?;
    }
    if !named && next.next().is_some() && !values.is_map() {
        return fail("there are more values than `%` places in the text");
    }
    Ok(V::from(out))
}

/// `text.format(...)`
pub(super) fn braces(run: &Run, text: &str, positional: &[V], named: &[(String, V)]) -> Outcome<V> {
    let (mut out, mut chars, mut auto) = (String::new(), text.chars().peekable(), 0);
    while let Some(c) = chars.next() {
        match c {
            '{' if chars.next_if_eq(&'{').is_some() => out.push('{'),
            '}' if chars.next_if_eq(&'}').is_some() => out.push('}'),
            '}' => return fail("a `}` in the text has no `{`"),
            '{' => {
                let (mut field, mut depth) = (String::new(), 1);
                for c in chars.by_ref() {
                    depth += i32::from(c == '{') - i32::from(c == '}');
                    if depth == 0 {
                        break;
                    }
                    field.push(c);
                }
                if depth > 0 {
                    return fail("a `{` in the text is not closed");
                }
                let (field, spec) = field.split_once(':').unwrap_or((&field, ""));
                let (field, conversion) = field.split_once('!').map_or((field, None), |(field, c)| (field, Some(c)));
                let end = field.find(['.', '[']).unwrap_or(field.len());
                let (name, path) = field.split_at(end);
                let value = if name.is_empty() {
                    auto += 1;
                    positional.get(auto - 1)
                } else if let Ok(at) = name.parse::<usize>() {
                    positional.get(at)
                } else {
                    named.iter().find(|(key, _)| key == name).map(|(_, value)| value)
                };
                let Some(mut value) = value.cloned() else { return fail("the text has a `{}` place without a value") };
                for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
                    let key = part.parse().map_or_else(|_| V::from(part), V::Int);
                    let Some(inner) = run.get(&value, &key)? else { return fail("the text names a part that its value does not have") };
                    value = inner;
                }
                if conversion == Some("r") {
                    let mut text = String::new();
                    repr::repr(run, &value, &mut text)?;
                    value = V::from(text);
                }
                out.push_str(&formatted(run, &value, spec)?);
                run.bytes(out.len())?;
            }
            c => out.push(c),
        }
    }
    Ok(V::from(out))
}

/// `format(value, spec)`
fn formatted(run: &Run, value: &V, text: &str) -> Outcome<String> {
    let (mut spec, chars) = (Spec::default(), text.chars().collect::<Vec<_>>());
    let mut rest = text;
    if let (Some(fill), Some(align)) = (chars.first(), chars.get(1).filter(|c| "<>^=".contains(**c))) {
        (spec.fill, spec.align) = (Some(*fill), Some(*align));
        rest = text.get(fill.len_utf8() + 1..).unwrap_or("");
    }
    let mut chars = rest.chars().peekable();
    if let (None, Some(align)) = (spec.align, chars.next_if(|c| "<>^=".contains(*c))) {
        spec.align = Some(align);
    }
    spec.sign = chars.next_if(|c| "+- ".contains(*c));
    spec.alternate = chars.next_if_eq(&'#').is_some();
    spec.zero = chars.next_if_eq(&'0').is_some();
    spec.width = digits(&mut chars)?;
    spec.group = chars.next_if(|c| ",_".contains(*c));
    if chars.next_if_eq(&'.').is_some() {
        spec.precision = digits(&mut chars)?;
    }
    let kind = chars.next();
    if chars.next().is_some() {
        return fail("the text has a `{}` place that cannot be understood");
    }
    match (value, kind) {
        (V::Str(text), None | Some('s')) => spec.text(text),
        (V::Bool(_), None) => spec.text(&repr::text(run, value)?),
        (V::Int(_) | V::Bool(_) | V::Float(_), kind) => spec.number(value, kind.unwrap_or(' ')),
        (value, None | Some('s')) => spec.text(&repr::text(run, value)?),
        _ => fail(format!("{} cannot be written in that form", value.kind())),
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars>) -> Outcome<Option<usize>> {
    let mut text = String::new();
    while let Some(c) = chars.next_if(char::is_ascii_digit) {
        text.push(c);
    }
    match text.parse() {
        Ok(number) if number <= WIDTH => Ok(Some(number)),
        Err(_) if text.is_empty() => Ok(None),
        _ => fail("the text asks for a place that is too wide"),
    }
}

/// How one value is written.
#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: Option<usize>,
    group: Option<char>,
    precision: Option<usize>,
}

impl Spec {
    fn padded(&self, text: &str, align: char, prefix: usize) -> Outcome<String> {
        let width = self.width.unwrap_or(0);
        if width > WIDTH {
            return fail("the text asks for a place that is too wide");
        }
        let missing = width.saturating_sub(text.chars().count());
        let fill = self.fill.unwrap_or(if self.zero && self.align.is_none_or(|a| a == '=') { '0' } else { ' ' });
        let fills = |count: usize| fill.to_string().repeat(count);
        Ok(match self.align.unwrap_or(align) {
            '<' => text.to_owned() + &fills(missing),
            '^' => fills(missing / 2) + text + &fills(missing - missing / 2),
            '=' => {
                let (sign, digits) = text.split_at(prefix.min(text.len()));
                format!("{sign}{}{digits}", fills(missing))
            }
            _ => fills(missing) + text,
        })
    }

    fn text(&self, text: &str) -> Outcome<String> {
        let cut: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        self.padded(&cut, '<', 0)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn number(&self, value: &V, kind: char) -> Outcome<String> {
        let (negative, digits) = match kind {
            'd' | 'x' | 'X' | 'o' | 'b' | ' ' | 'n' if value.as_int().is_some() => {
                let number = value.as_int().unwrap_or(0);
                let size = number.unsigned_abs();
                let (digits, prefix) = match kind {
                    'x' => (format!("{size:x}"), "0x"),
                    'X' => (format!("{size:X}"), "0X"),
                    'o' => (format!("{size:o}"), "0o"),
                    'b' => (format!("{size:b}"), "0b"),
                    _ => (size.to_string(), ""),
                };
                let digits = format!("{}{digits}", "0".repeat(self.precision.unwrap_or(0).min(WIDTH).saturating_sub(digits.len())));
                (number < 0, if self.alternate { prefix.to_owned() + &digits } else { digits })
            }
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%' | ' ' => {
                let Some(number) = value.as_float() else { return fail(format!("a number is needed here, and this is {}", value.kind())) };
                let size = number.abs();
                let precision = self.precision.unwrap_or(6).min(500);
                let digits = match kind {
                    'f' | 'F' => format!("{size:.precision$}"),
                    'e' | 'E' => exponent(&format!("{size:.precision$e}")),
                    '%' => format!("{:.precision$}%", size * 100.0),
                    ' ' if self.precision.is_none() => python_float(size),
                    _ => general(size, precision.max(1)),
                };
                (number.is_sign_negative(), if kind.is_ascii_uppercase() { digits.to_uppercase() } else { digits })
            }
            _ => return fail(format!("{} cannot be written in that form", value.kind())),
        };
        let digits = self.group.map_or_else(|| digits.clone(), |mark| grouped(&digits, mark));
        let sign = if negative { "-".to_owned() } else { self.sign.filter(|c| *c != '-').map_or_else(String::new, String::from) };
        self.padded(&format!("{sign}{digits}"), if self.zero { '=' } else { '>' }, sign.len())
    }
}

/// `1e5` as C writes it: `1e+05`.
fn exponent(text: &str) -> String {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// C's `%g`.
fn general(number: f64, precision: usize) -> String {
    let scientific = format!("{number:.*e}", precision - 1);
    let power: i32 = scientific.split_once('e').and_then(|(_, power)| power.parse().ok()).unwrap_or(0);
    let trimmed =
        |text: &str| if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() };
    if power < -4 || power >= i32::try_from(precision).unwrap_or(i32::MAX) {
        let (digits, _) = scientific.split_once('e').unwrap_or((&scientific, ""));
        return exponent(&format!("{}e{power}", trimmed(digits)));
    }
    let decimals = usize::try_from(i32::try_from(precision).unwrap_or(0) - 1 - power).unwrap_or(0);
    trimmed(&format!("{number:.decimals$}"))
}

fn grouped(digits: &str, mark: char) -> String {
    let (whole, rest) = digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
    let mut out = String::new();
    for (at, c) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(mark);
        }
        out.push(c);
    }
    out + rest
}
