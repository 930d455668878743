//! `stat`: what is at a path (modules/stat.py). It never changes anything.

use serde_json::{Map, Value, json};

use super::expand::expand_one;
use super::outcome::{Ended, decided};
use super::spec::{Kind, Opt, Spec};
use super::{Decision, Module, Task, paths};
use crate::node::facts::{Checksum, FileFlags, FileKind, FullStat, MimeType, RealPath, Status};
use crate::plan::{Facts, Reading, Stop};

/// The module.
pub struct Stat;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("path", Kind::Path).about("The path").aliases(&["dest", "name"]).required(),
        Opt::new("follow", Kind::Bool).about("Whether what a link leads to is meant").default("false"),
        Opt::new("get_checksum", Kind::Bool).about("Registers a digest of a file's content").default("true"),
        Opt::new("get_mime", Kind::Bool)
            .about("Registers what a file holds, as file(1) says")
            .aliases(&["mime", "mime_type", "mime-type"])
            .default("true"),
        Opt::new("get_attributes", Kind::Bool).about("Registers the flags of chattr(1)").aliases(&["attr", "attributes"]).default("true"),
        Opt::new("checksum_algorithm", Kind::Str)
            .about("Which digest")
            .aliases(&["checksum", "checksum_algo"])
            .default("sha1")
            .choices(&["md5", "sha1", "sha224", "sha256", "sha384", "sha512"]),
    ],
    about: "Registers what a path is",
    example: "- name: is it there\n  ansible.builtin.stat:\n    path: /etc/kubernetes/admin.conf\n  register: admin\n",
    ..Spec::new("ansible.builtin", "stat")
};

/// The letters of lsattr(1), as Ansible names them (FILE_ATTRIBUTES of module_utils/basic.py).
const FLAGS: &[(char, &str)] = &[
    ('A', "noatime"),
    ('a', "append"),
    ('c', "compressed"),
    ('C', "nocow"),
    ('d', "nodump"),
    ('D', "dirsync"),
    ('e', "extents"),
    ('E', "encrypted"),
    ('h', "blocksize"),
    ('i', "immutable"),
    ('I', "indexed"),
    ('j', "journalled"),
    ('N', "inline"),
    ('s', "zero"),
    ('S', "synchronous"),
    ('t', "notail"),
    ('T', "blockroot"),
    ('u', "undelete"),
    ('X', "compressedraw"),
    ('Z', "compresseddirty"),
];

impl Module for Stat {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(stat(task, facts).map(|stat| Decision::unchanged().with("stat", stat)))
    }
}

fn stat(task: &Task<'_>, facts: &Facts<'_>) -> Result<Map<String, Value>, Ended> {
    let args = task.args;
    let given = args.str("path").unwrap_or_default();
    let path = paths::path(given, task, facts)?;
    let (follow, checksum) = (args.is("follow"), args.bool("get_checksum").unwrap_or(true));
    // all that may be wanted, at once
    let status = facts.get(Status::new(&path, follow));
    let sum = Checksum::new(&path, args.str("checksum_algorithm").unwrap_or("sha1"));
    let sum = if checksum { facts.reading(&sum) } else { Ok(Reading::Absent) };
    let mime = if args.bool("get_mime").unwrap_or(true) { facts.get(MimeType::new(&path)).map(Some) } else { Ok(None) };
    let flags = if args.bool("get_attributes").unwrap_or(true) { facts.get(FileFlags::new(&path)).map(Some) } else { Ok(None) };
    let above = facts.get(crate::node::facts::Stat::followed(paths::above(&path)));
    let mime = super::outcome::both(mime, above);
    let (status, (sum, ((mime, above), flags))) =
        super::outcome::both(status, super::outcome::both(sum, super::outcome::both(mime, flags)))?;
    if status.is_none() && is_barred(&path, above, facts)? {
        return Err("Not a directory".into());
    }
    let mut result = Map::from_iter([("exists".to_owned(), json!(status.is_some()))]);
    let Some(status) = status else { return Ok(result) };
    fields(&mut result, &expand_one(task, facts, given)?, &status);
    let mut set = |name: &str, value: Value| {
        result.insert(name.into(), value);
    };
    if status.kind == FileKind::Link {
        let (real, link) = facts.get((RealPath::new(&path), crate::node::facts::Stat::new(&path)))?;
        set("lnk_source", real.map_or_else(|| path.clone().into(), Value::from));
        set("lnk_target", link.and_then(|link| link.target).unwrap_or_default().into());
    }
    if let (FileKind::File, [true, ..], Reading::Present(sum)) = (status.kind, status.access, sum) {
        set("checksum", sum);
    }
    if let Some(mime) = mime {
        let unknown = || "unknown".to_owned();
        let (kind, charset) = mime.map_or_else(|| (unknown(), unknown()), |mime| (mime.kind, mime.charset));
        set("mimetype", kind.into());
        set("charset", charset.into());
    }
    if let Some(flags) = flags {
        // Ansible asks for both at once, and has neither where there is no version
        let known = flags.and_then(|flags| Some((Value::from(flags.version?), flags.flags)));
        let (version, letters) = known.unwrap_or((Value::Null, String::new()));
        let named = |letter: char| FLAGS.iter().find(|(known, _)| *known == letter).map(|(_, name)| *name);
        set("version", version);
        set("attributes", letters.chars().filter_map(named).collect::<Vec<_>>().into());
        set("attr_flags", letters.into());
    }
    Ok(result)
}

/// Whether something on the way to a path is there and is no directory.
fn is_barred(path: &str, mut above: Option<crate::node::facts::FileStat>, facts: &Facts<'_>) -> Result<bool, Stop> {
    let mut directory = paths::above(path);
    while above.is_none() && directory != "/" {
        directory = paths::above(directory);
        above = facts.get(crate::node::facts::Stat::followed(directory))?;
    }
    Ok(above.is_some_and(|above| above.kind != FileKind::Directory))
}

/// What stat(2) says, in Ansible's names.
fn fields(result: &mut Map<String, Value>, path: &str, status: &FullStat) {
    let is = |kind: FileKind| json!(status.kind == kind);
    let bit = |bit: u32| json!(status.mode.0 & bit != 0);
    let [readable, writeable, executable] = status.access;
    let fields = [
        ("path", json!(path)),
        ("mode", status.mode.into()),
        ("isdir", is(FileKind::Directory)),
        ("ischr", is(FileKind::CharacterDevice)),
        ("isblk", is(FileKind::BlockDevice)),
        ("isreg", is(FileKind::File)),
        ("isfifo", is(FileKind::Fifo)),
        ("islnk", is(FileKind::Link)),
        ("issock", is(FileKind::Socket)),
        ("uid", json!(status.uid)),
        ("gid", json!(status.gid)),
        ("size", json!(status.size)),
        ("inode", json!(status.inode)),
        ("dev", json!(status.device)),
        ("nlink", json!(status.links)),
        ("atime", json!(status.accessed)),
        ("mtime", json!(status.modified)),
        ("ctime", json!(status.changed)),
        ("wusr", bit(0o200)),
        ("rusr", bit(0o400)),
        ("xusr", bit(0o100)),
        ("wgrp", bit(0o020)),
        ("rgrp", bit(0o040)),
        ("xgrp", bit(0o010)),
        ("woth", bit(0o002)),
        ("roth", bit(0o004)),
        ("xoth", bit(0o001)),
        ("isuid", bit(0o4000)),
        ("isgid", bit(0o2000)),
        ("blocks", json!(status.blocks)),
        ("block_size", json!(status.block_size)),
        ("device_type", json!(status.device_type)),
        ("readable", json!(readable)),
        ("writeable", json!(writeable)),
        ("executable", json!(executable)),
    ];
    result.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    let names = [("pw_name", &status.owner), ("gr_name", &status.group)];
    result.extend(names.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value.as_ref()?)))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::bench::{Bench, Seen};
    use crate::node::simulated::{Random, World};

    #[test]
    fn it_says_what_is_there_and_changes_nothing() {
        let (mut there, mut missing) = (0, 0);
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut world = World::new(seed);
            world.add_directory("/srv/d", 0o2755);
            world.add_file("/srv/f", b"text", *random.pick(&[0o644, 0o4711, 0]).unwrap());
            world.add_link("/srv/l", random.pick(&["f", "d", "none", "l"]).unwrap());
            world.add_fifo("/srv/p");
            let path = *random.pick(&["/srv/d", "/srv/f", "/srv/l", "/srv/p", "/srv/none", "/srv/f/x", "~"]).unwrap();
            let args = json!({"path": path, "follow": random.once_in(2), "get_checksum": random.once_in(2), "checksum_algo": "sha256"});
            let Seen::Unchanged(decision) = Bench::new(world).run(&Stat, &args) else { continue };
            let stat = decision.result["stat"].as_object().unwrap();
            if stat["exists"] == json!(true) {
                there += 1;
                let kinds = ["isdir", "ischr", "isblk", "isreg", "isfifo", "islnk", "issock"];
                assert_eq!(kinds.iter().filter(|kind| stat[**kind] == json!(true)).count(), 1, "{args} {stat:?}");
                assert_eq!(stat.contains_key("checksum"), stat["isreg"] == json!(true) && args["get_checksum"] == json!(true), "{args}");
                assert_eq!(stat.contains_key("lnk_target"), stat["islnk"] == json!(true), "{args}");
            } else {
                missing += 1;
                assert_eq!(stat.len(), 1);
            }
        }
        assert!(there > 100 && missing > 60, "{there} {missing}");
    }

    #[test]
    fn fields_have_ansibles_names() {
        let mut world = World::new(1);
        world.add_file("/srv/f", b"", 0o4640);
        world.add_link("/srv/l", "f");
        let mut bench = Bench::new(world);
        let Seen::Unchanged(decision) = bench.run(&Stat, &json!({"path": "/srv/f"})) else { panic!() };
        let stat = &decision.result["stat"];
        assert_eq!(
            (&stat["mode"], &stat["isuid"], &stat["wgrp"], &stat["pw_name"]),
            (&json!("4640"), &json!(true), &json!(false), &json!("root"))
        );
        assert_eq!(stat["checksum"], "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!((&stat["mimetype"], &stat["attributes"], &stat["version"]), (&json!("unknown"), &json!([]), &Value::Null));
        let Seen::Unchanged(decision) = bench.run(&Stat, &json!({"path": "/srv/l", "mime": false})) else { panic!() };
        let stat = &decision.result["stat"];
        assert_eq!((&stat["lnk_target"], &stat["lnk_source"], stat.get("mimetype")), (&json!("f"), &json!("/srv/f"), None));
    }
}
