//! Where what a rendering opens is kept until it is over.

use std::cell::OnceCell;

/// A place for values that are lent out for as long as it lives. What is put there stays.
pub(super) struct Shelf<T> {
    value: OnceCell<T>,
    next: OnceCell<Box<Shelf<T>>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { value: OnceCell::new(), next: OnceCell::new() }
    }
}

impl<T> Shelf<T> {
    /// Puts a value there.
    pub fn keep(&self, value: T) -> &T {
        let mut at = self;
        while at.value.get().is_some() {
            at = at.next.get_or_init(Box::default);
        }
        at.value.get_or_init(|| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_where_it_is() {
        let shelf = Shelf::default();
        let kept: Vec<&String> = (0..5).map(|number| shelf.keep(format!("{number}"))).collect();
        assert_eq!(kept, ["0", "1", "2", "3", "4"]);
    }
}
