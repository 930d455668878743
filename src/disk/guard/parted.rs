//! parted(8): its commands stand among its words, several in one where there are blanks.

/// The device, the commands and what belongs to them.
pub(super) fn words<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let (mut found, mut skips, mut all) = (Vec::new(), false, false);
    for word in arguments {
        match *word {
            _ if skips => skips = false,
            _ if all => found.extend(word.split_whitespace()),
            "--" => all = true,
            "--align" => skips = true,
            word if word.starts_with("--") => {}
            // `-a` has a value, which may be glued to it
            word if word.starts_with('-') && word.len() > 1 => skips = word.find('a') == Some(word.len() - 1),
            word => found.extend(word.split_whitespace()),
        }
    }
    found
}

/// How many words belong to a command that takes nothing away; nothing for others.
fn taken(command: &str) -> Option<usize> {
    Some(match command {
        "print" | "p" | "help" | "version" | "quit" => 0,
        "unit" | "u" | "select" => 1,
        "align-check" | "toggle" | "name" | "disk_set" => 2,
        "set" => 3,
        _ => return None,
    })
}

/// Whether every command only tells something, or sets a flag or a name.
pub(super) fn only_tells(arguments: &[&str]) -> bool {
    let is_list = |word: &&str| match word.strip_prefix("--") {
        Some(long) => matches!(long, "list" | "version" | "help"),
        None => word.starts_with('-') && word.split('a').next().unwrap_or_default().contains(['l', 'v', 'h']),
    };
    if arguments.iter().take_while(|word| word.starts_with('-') && **word != "--").any(is_list) {
        return true;
    }
    let words = words(arguments);
    let Some((_, mut rest)) = words.split_first() else { return false };
    let has_one = !rest.is_empty();
    while let Some((command, behind)) = rest.split_first() {
        let Some(taken) = taken(command) else { return false };
        let is_what = |word: &&str| matches!(*word, "devices" | "free" | "list" | "all") || word.bytes().all(|byte| byte.is_ascii_digit());
        let taken = taken + usize::from(matches!(*command, "print" | "p") && behind.first().is_some_and(is_what));
        rest = behind.get(taken..).unwrap_or_default();
    }
    has_one
}
