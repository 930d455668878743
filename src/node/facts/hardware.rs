//! Memory and processors: /proc/meminfo, /sys/devices/system/cpu.

use serde::{Deserialize, Serialize};

use super::parse::{count_ranges, no_words, number};
use super::{Kind, json};
use crate::node::script::Function;
use crate::plan::{Fact, Query, Touch};

/// The memory and how much of it is left, which moves by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory;

impl Fact for Memory {
    type Value = MemoryState;

    fn query(&self) -> Query {
        Query::new(MEMORY.name, [""; 0], vec![Touch::Mounts]).moving()
    }
}

/// Memory, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryState {
    /// All that the kernel can use.
    pub total: u64,
    /// What is used for nothing at all.
    pub free: u64,
    /// What programs could get without swapping.
    pub available: u64,
    /// All swap in use as such.
    pub swap_total: u64,
    /// What of it is not filled.
    pub swap_free: u64,
}

/// The processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processors;

impl Fact for Processors {
    type Value = ProcessorState;

    fn query(&self) -> Query {
        Query::new(PROCESSORS.name, [""; 0], Vec::new())
    }
}

/// Processors, as the scheduler counts them: threads, not sockets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorState {
    /// How many are in use.
    pub online: u32,
    /// How many are there.
    pub present: u32,
    /// What the first calls itself; not all architectures say.
    pub model: Option<String>,
}

pub(super) const MEMORY: Kind =
    Kind { name: "memory", function: &PROBE_MEMORY, merged: false, words: no_words, parse: |_, text| json(read_memory(text)?) };
pub(super) const PROCESSORS: Kind =
    Kind { name: "processors", function: &PROBE_PROCESSORS, merged: false, words: no_words, parse: |_, text| json(read_processors(text)?) };

static PROBE_MEMORY: Function = Function {
    name: "probe_memory",
    text: r#"
probe_memory() {
  r=
  if [ -r /proc/meminfo ]; then
    while read -r name value unit; do
      case $name in
      MemTotal:|MemFree:|MemAvailable:|SwapTotal:) r="$r$name$value " ;;
      SwapFree:) r="$r$name$value"; break ;;
      esac
    done </proc/meminfo
    answer "$1" 0
  else
    r="/proc/meminfo cannot be read"; answer "$1" 1
  fi
}
"#,
    needs: &[],
};

// the speed in /proc/cpuinfo moves by itself, so only the model is taken
static PROBE_PROCESSORS: Function = Function {
    name: "probe_processors",
    text: r#"
probe_processors() {
  online= present= model=
  cpus=/sys/devices/system/cpu
  [ ! -r $cpus/online ] || read -r online <$cpus/online
  [ ! -r $cpus/present ] || read -r present <$cpus/present
  [ ! -r /proc/cpuinfo ] || while read -r l; do
    case $l in
    "model name"*:*) model=${l#*: }; break ;;
    "") break ;;
    esac
  done </proc/cpuinfo
  if [ -z "$online" ]; then
    take grep -c ^processor /proc/cpuinfo || { r=$err; answer "$1" 1; return; }
    online=1-$r present=1-$r
  fi
  r="$online $present $model"
  answer "$1" 0
}
"#,
    needs: &[],
};

/// `MemTotal:24737372 MemFree:…`
fn read_memory(text: &str) -> Result<MemoryState, String> {
    let field = |name: &str| {
        let value = text.split(' ').find_map(|item| item.strip_prefix(name)?.strip_prefix(':'));
        number::<u64>(value, name).map(|kib| kib.saturating_mul(1024))
    };
    let free = field("MemFree")?;
    Ok(MemoryState {
        total: field("MemTotal")?,
        free,
        // kernels before 3.14 do not say
        available: field("MemAvailable").unwrap_or(free),
        swap_total: field("SwapTotal")?,
        swap_free: field("SwapFree")?,
    })
}

/// Ranges of those online, of those present, the model.
fn read_processors(text: &str) -> Result<ProcessorState, String> {
    let mut fields = text.splitn(3, ' ');
    let online = count_ranges(fields.next().unwrap_or_default())?;
    let present = count_ranges(fields.next().unwrap_or_default())?;
    let model = fields.next().map(str::trim).filter(|model| !model.is_empty()).map(str::to_owned);
    if online == 0 { Err("no processor".into()) } else { Ok(ProcessorState { online, present: present.max(online), model }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_bytes() {
        let memory = read_memory("MemTotal:1000 MemFree:10 MemAvailable:500 SwapTotal:0 SwapFree:0").unwrap();
        assert_eq!((memory.total, memory.free, memory.available, memory.swap_total), (1_024_000, 10_240, 512_000, 0));
        assert!(read_memory("MemTotal:1000").is_err());
    }

    #[test]
    fn processors_are_counted() {
        let two = read_processors("0-1 0-3 Intel(R) Xeon(R) Processor @ 2.60GHz").unwrap();
        assert_eq!((two.online, two.present, two.model.as_deref()), (2, 4, Some("Intel(R) Xeon(R) Processor @ 2.60GHz")));
        assert_eq!(read_processors("0 0 ").unwrap().model, None);
        assert!(read_processors("").is_err());
    }
}
