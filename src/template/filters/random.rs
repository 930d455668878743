//! Filters that choose: `random` and `shuffle`, with a seed as Python's `random` chooses.

use sha2::{Digest, Sha512};

use super::super::fault::{Outcome, fail};
use super::super::repr;
use super::super::spec::{Given, Spec, spec};
use super::super::value::V;

pub(super) const TABLE: &[Spec] = &[spec("random", &["start", "step", "seed"], random), spec("shuffle", &["seed"], shuffle)];

/// Numbers below a bound.
enum Source {
    /// Nobody knows which.
    Any,
    /// The same each time.
    Seeded(Box<Twister>),
}

impl Source {
    fn of(given: &Given, seed: Option<&V>) -> Outcome<Self> {
        let words = match seed {
            None | Some(V::None) => return Ok(Self::Any),
            Some(seed) => match seed.as_int() {
                Some(number) => words(&number.unsigned_abs().to_be_bytes()),
                None => {
                    let text = repr::text(given.run, seed)?;
                    let digest = Sha512::digest(&text);
                    words(&[text.as_bytes(), digest.as_slice()].concat())
                }
            },
        };
        given.run.spend(5000)?;
        Ok(Self::Seeded(Box::new(Twister::new(&words))))
    }

    fn below(&mut self, bound: u64) -> u64 {
        match self {
            Self::Any => rand::random_range(0..bound.max(1)),
            Self::Seeded(twister) => twister.below(bound),
        }
    }
}

fn random(given: &Given) -> Outcome<V> {
    let mut source = Source::of(given, given.arg(2))?;
    if let Some(end) = given.value.as_int() {
        let (start, step) = (given.int(0)?.unwrap_or(0), given.int(1)?.filter(|step| *step != 0).unwrap_or(1));
        let span = if step > 0 { end.saturating_sub(start) } else { start.saturating_sub(end) };
        let count = if span > 0 { (span - 1).unsigned_abs() / step.unsigned_abs() + 1 } else { 0 };
        return match u64::try_from(count) {
            Ok(count) if count > 0 => {
                let chosen = i128::from(source.below(count));
                Ok(V::Int(start.saturating_add(step.saturating_mul(chosen))))
            }
            _ => fail("`random` has no number to choose from"),
        };
    }
    if given.int(0)?.is_some_and(|start| start != 0) || given.int(1)?.is_some_and(|step| step != 0) {
        return fail("start and step can only be used with integer values");
    }
    if !given.value.is_list() && given.value.as_str().is_none() {
        return fail(format!("random can only be used on sequences and integers, not on {}", given.value.kind()));
    }
    let items = given.own_items()?;
    if items.is_empty() {
        return fail("`random` has nothing to choose from");
    }
    let at = usize::try_from(source.below(items.len() as u64)).unwrap_or(0);
    Ok(items.get(at).cloned().unwrap_or(V::None))
}

fn shuffle(given: &Given) -> Outcome<V> {
    // as in Ansible, what has no items stays as it is
    if matches!(given.value, V::None | V::Bool(_) | V::Int(_) | V::Float(_) | V::Time(_)) {
        return Ok(given.value.clone());
    }
    let mut items = given.own_items()?;
    let mut source = Source::of(given, given.arg(0).filter(|seed| seed.truth()))?;
    for at in (1..items.len()).rev() {
        let other = usize::try_from(source.below(at as u64 + 1)).unwrap_or(0);
        items.swap(at, other);
    }
    Ok(V::list(items))
}

/// A large number's words of 32 bits, the lowest first.
fn words(bytes: &[u8]) -> Vec<u32> {
    let mut words: Vec<u32> = bytes.rchunks(4).map(|part| part.iter().fold(0, |word, byte| word << 8 | u32::from(*byte))).collect();
    while words.len() > 1 && words.last() == Some(&0) {
        words.pop();
    }
    words
}

/// The Mersenne Twister, MT19937 (Matsumoto and Nishimura 1998), seeded as CPython's `random.Random`.
struct Twister {
    state: Vec<u32>,
    at: usize,
}

const SIZE: usize = 624;

impl Twister {
    fn new(key: &[u32]) -> Self {
        let mut state: Vec<u32> = Vec::with_capacity(SIZE);
        let mut last = 19_650_218_u32;
        state.push(last);
        for at in 1..SIZE as u32 {
            last = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(at);
            state.push(last);
        }
        let mut twister = Self { state, at: SIZE };
        let (mut i, mut j) = (1, 0);
        for _ in 0..SIZE.max(key.len()) {
            let before = twister.word(i - 1);
            let mixed = (twister.word(i) ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key.get(j).copied().unwrap_or(0))
                .wrapping_add(j as u32);
            twister.set(i, mixed);
            i += 1;
            j += 1;
            if i >= SIZE {
                let last = twister.word(SIZE - 1);
                twister.set(0, last);
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..SIZE - 1 {
            let before = twister.word(i - 1);
            let mixed = (twister.word(i) ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            twister.set(i, mixed);
            i += 1;
            if i >= SIZE {
                let last = twister.word(SIZE - 1);
                twister.set(0, last);
                i = 1;
            }
        }
        twister.set(0, 0x8000_0000);
        twister
    }

    fn word(&self, at: usize) -> u32 {
        self.state.get(at % SIZE).copied().unwrap_or(0)
    }

    fn set(&mut self, at: usize, word: u32) {
        if let Some(slot) = self.state.get_mut(at) {
            *slot = word;
        }
    }

    fn next(&mut self) -> u32 {
        if self.at >= SIZE {
            for at in 0..SIZE {
                let mixed = (self.word(at) & 0x8000_0000) | (self.word(at + 1) & 0x7fff_ffff);
                let odd = if mixed & 1 == 1 { 0x9908_b0df } else { 0 };
                let new = self.word(at + 397) ^ (mixed >> 1) ^ odd;
                self.set(at, new);
            }
            self.at = 0;
        }
        let mut word = self.word(self.at);
        self.at += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// `getrandbits`, for at most 64 bits.
    fn bits(&mut self, bits: u32) -> u64 {
        if bits <= 32 {
            return u64::from(self.next() >> (32 - bits));
        }
        let low = u64::from(self.next());
        low | u64::from(self.next() >> (64 - bits)) << 32
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let bits = 64 - bound.leading_zeros();
        loop {
            let number = self.bits(bits);
            if number < bound {
                return number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_what_python_gives() {
        // random.Random('m1').randrange(60), and five of random.Random(42)
        let of = |text: &str| Twister::new(&words(&[text.as_bytes(), Sha512::digest(text).as_slice()].concat()));
        assert_eq!((of("m1").below(60), of("web01.example.com").below(60)), (PYTHON_M1, PYTHON_WEB));
        let mut twister = Twister::new(&words(&42_u128.to_be_bytes()));
        assert_eq!([(); 5].map(|()| twister.below(100)), PYTHON_42);
    }

    const PYTHON_M1: u64 = 11;
    const PYTHON_WEB: u64 = 38;
    const PYTHON_42: [u64; 5] = [81, 14, 3, 94, 35];
}
