//! In check mode: owners and groups that nobody has yet (check_owner_exists and check_group_exists of modules/file.py).

use crate::modules::Args;
use crate::node::facts::{Content, FileContent, Group, User};
use crate::plan::{Fact, Facts, Reading, Stop};

/// The databases are not longer than this.
const AT_MOST: u64 = 1 << 20;

/// What of `owner` and `group` is not there: `user` or `group`, and which. What cannot be read is not missed.
///
/// # Errors
/// What has to be read first.
pub(super) fn not_there(args: &Args, facts: &Facts<'_>) -> Result<Vec<(&'static str, String)>, Stop> {
    let mut missing = Vec::new();
    if let Some(owner) = args.str("owner")
        && !is_there(owner, &User::new(owner), "/etc/passwd", facts)?
    {
        missing.push(("user", owner.trim().to_owned()));
    }
    if let Some(group) = args.str("group")
        && !is_there(group, &Group::new(group), "/etc/group", facts)?
    {
        missing.push(("group", group.trim().to_owned()));
    }
    Ok(missing)
}

fn is_there<F: Fact>(name: &str, fact: &F, database: &str, facts: &Facts<'_>) -> Result<bool, Stop> {
    let number = name.trim();
    if number.parse::<u32>().is_err() {
        return Ok(!matches!(facts.reading(fact)?, Reading::Absent));
    }
    let Reading::Present(content) = facts.reading(&Content::itself(database, AT_MOST))? else { return Ok(true) };
    let text = serde_json::from_value::<FileContent>(content.clone()).ok().map(|content| content.bytes());
    let Some(text) = text.and_then(|bytes| String::from_utf8(bytes).ok()) else { return Ok(true) };
    Ok(text.lines().any(|line| line.split(':').nth(2) == Some(number)))
}
