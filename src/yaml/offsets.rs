//! From the parser's positions, which count characters, to bytes.

/// How many characters stand between two positions that are remembered.
const STEP: usize = 256;

/// A text's positions.
pub(super) struct Offsets<'a> {
    text: &'a str,
    /// The byte at which each [`STEP`]th character begins; none if characters are bytes.
    steps: Vec<usize>,
}

impl<'a> Offsets<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let steps = if text.is_ascii() { Vec::new() } else { text.char_indices().step_by(STEP).map(|(at, _)| at).collect() };
        Self { text, steps }
    }

    /// The byte at which a character begins, or the text's end.
    pub(super) fn byte(&self, character: usize) -> usize {
        if self.steps.is_empty() {
            return character.min(self.text.len());
        }
        let Some(&start) = self.steps.get(character / STEP) else { return self.text.len() };
        let rest = self.text.get(start..).unwrap_or_default();
        rest.char_indices().nth(character % STEP).map_or(self.text.len(), |(at, _)| start + at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_become_bytes() {
        let text = "aäb".repeat(300);
        let offsets = Offsets::new(&text);
        for (character, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!(offsets.byte(character), byte);
        }
        assert_eq!(offsets.byte(900), 1200);
        assert_eq!(offsets.byte(9_999), 1200);
        assert_eq!(Offsets::new("abc").byte(7), 3);
    }
}
