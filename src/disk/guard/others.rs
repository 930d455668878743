//! Programs that write to disks among much else: downloads, benchmarks, copies of filesystems.

use super::programs::{Does, Effect, each, is_no_disk};
use super::shell::Word;

/// wget and curl: the device that they write to.
pub(super) fn download(arguments: &[Word]) -> Effect {
    let before = |index: usize| index.checked_sub(1).and_then(|before| arguments.get(before)).map_or("", |word| word.text.as_str());
    let sends = |index: usize| matches!(before(index), "-T" | "--upload-file" | "--post-file");
    let device =
        |text: &str| text.find("/dev/").filter(|at| *at == 0 || text.starts_with('-')).and_then(|at| text.get(at..).map(str::to_owned));
    let named = arguments.iter().enumerate().filter(|(index, _)| !sends(*index));
    let named: Vec<(&Word, String)> = named.filter_map(|(_, word)| Some((word, device(&word.text)?))).collect();
    act(named.into_iter().filter(|(_, path)| !is_no_disk(path)).collect())
}

/// fio: its files, unless it only reads. What a job file names is not seen.
pub(super) fn fio(arguments: &[Word]) -> Effect {
    let tells = ["--help", "--version", "--parse-only", "--enghelp", "--cmdhelp", "-h", "-v"];
    if arguments.iter().any(|word| tells.iter().any(|option| word.text == *option)) {
        return Effect::None;
    }
    let is_job_file = |word: &&Word| (word.text == "-" || !word.text.starts_with('-')) && !word.text.is_empty();
    if let Some(word) = arguments.iter().find(is_job_file) {
        return Effect::Unseen(format!("what the job file {:?} names is not looked into: name it with --filename", word.text));
    }
    let is_mode = |word: &&Word| ["write", "rw", "trim"].iter().any(|mode| word.text.rsplit('=').next().unwrap_or_default().contains(mode));
    if !arguments.iter().any(|word| is_mode(&word) && !word.text.starts_with("--filename") && !word.text.starts_with("--name")) {
        return Effect::None;
    }
    let files = arguments.iter().flat_map(|word| {
        let paths = word.text.strip_prefix("--filename=").unwrap_or(&word.text);
        let is_filled = !word.is_literal && word.text.starts_with("--filename");
        let paths: Vec<String> = paths.split(':').map(str::to_owned).collect();
        paths.into_iter().filter(move |path| is_filled || path.starts_with("/dev/")).map(move |path| (word, path))
    });
    act(files.filter(|(word, path)| !word.is_literal || !is_no_disk(path)).collect())
}

/// `e2image -r`, `-ra`, `-Q`: onto its second file; `-I` onto its first.
pub(super) fn e2image(arguments: &[Word]) -> Effect {
    let installs = arguments.iter().any(|word| word.text.starts_with('-') && word.text.contains('I'));
    let files = arguments.iter().filter(|word| !word.text.starts_with('-')).skip(usize::from(!installs)).take(1);
    let is_file = |word: &&Word| !word.is_literal || word.text.starts_with("/dev/") && !is_no_disk(&word.text);
    act(files.filter(is_file).map(|word| (word, word.text.clone())).collect())
}

/// ntfsclone: what stands behind `-o` or `-O`; the rest is read.
pub(super) fn ntfsclone<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let is_output = |word: &str| {
        matches!(word, "--output" | "--overwrite") || !word.starts_with("--") && word.starts_with('-') && word.ends_with(['o', 'O'])
    };
    let behind = words.windows(2).filter(|pair| pair.first().is_some_and(|word| is_output(word))).filter_map(|pair| pair.get(1).copied());
    let glued = words.iter().filter_map(|word| ["--output=", "--overwrite="].iter().find_map(|option| word.strip_prefix(option)));
    let short = words.iter().filter(|word| word.starts_with("-o/") || word.starts_with("-O/")).filter_map(|word| word.get(2..));
    behind.chain(glued).chain(short).filter(|path| *path != "-").collect()
}

/// nvme(1): some of its verbs act on all that is behind a controller.
pub(super) fn nvme(words: &[&str]) -> Effect {
    let all =
        |word: &&str| matches!(*word, "sanitize" | "delete-ns" | "create-ns" | "detach-ns") || word.to_lowercase().contains("0xffffffff");
    if words.iter().any(all) {
        return Effect::Unseen("it acts on the whole controller and not on one disk".into());
    }
    let devices: Vec<&str> = words.iter().copied().filter(|word| word.starts_with('/')).collect();
    if devices.is_empty() {
        return Effect::Unseen("it names no device by its path".into());
    }
    Effect::Acts(each(Does::Overwrites, devices))
}

/// ceph-volume(8): devices, and volumes as GROUP/VOLUME; some of its verbs find theirs themselves.
pub(super) fn ceph_volume(words: &[&str]) -> Effect {
    let path = |word: &&str| match word.starts_with('/') {
        true => Some((*word).to_owned()),
        false => word.contains('/').then(|| format!("/dev/{word}")),
    };
    let devices: Vec<String> = words.iter().filter_map(path).collect();
    if devices.is_empty() {
        return Effect::Unseen("it names no device by its path".into());
    }
    Effect::Acts(each(Does::Overwrites, devices.iter().map(String::as_str)))
}

/// qemu-img(1): every device but the one that it reads from.
pub(super) fn qemu_img(arguments: &[Word]) -> Effect {
    let verb = arguments.iter().map(|word| word.text.as_str()).find(|word| !word.starts_with('-'));
    if matches!(verb, None | Some("info" | "check" | "map" | "compare" | "measure" | "bench")) {
        return Effect::None;
    }
    let is_value = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| arguments.get(before)).map_or("", |word| word.text.as_str());
        matches!(before, "-f" | "-O" | "-o" | "-t" | "-T" | "-F" | "-l" | "-r" | "-m" | "-S" | "--object" | "-s")
    };
    let words = arguments.iter().enumerate().filter(|(index, word)| !word.text.starts_with('-') && !is_value(*index)).map(|(_, word)| word);
    // behind the verb comes what is read
    let reads_first = matches!(verb, Some("convert"));
    let device = |word: &&Word| {
        let text = word.text.strip_prefix("of=").unwrap_or(&word.text);
        text.starts_with("/dev/") && !is_no_disk(text)
    };
    let named = words.skip(1 + usize::from(reads_first)).filter(device);
    act(named.map(|word| (word, word.text.trim_start_matches("of=").to_owned())).collect())
}

/// Overwrites all of these, if it is known what they are.
fn act(named: Vec<(&Word, String)>) -> Effect {
    match named.iter().find(|(word, _)| !word.is_literal) {
        Some((word, _)) => Effect::Unseen(format!("{:?} is filled in only when it runs", word.text)),
        None if named.is_empty() => Effect::None,
        None => Effect::Acts(each(Does::Overwrites, named.iter().map(|(_, path)| path.as_str()))),
    }
}
