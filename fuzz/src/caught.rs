//! Panics of the YAML parser that are caught are none for the fuzzer either.

/// Puts this before what the fuzzer does at a panic, which is to stop.
pub fn let_be() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !homelabctl::yaml::panics_are_caught() {
            before(info);
        }
    }));
}
