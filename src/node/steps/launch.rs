//! A program in the background, whose result is left in a file.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::run::{FINDABLE, Run};
use super::{Action, Call, Invalid, check};
use crate::node::apply::LOGIN_ENVIRONMENT;
use crate::node::script::Function;
use crate::plan::Touch;

/// Begins to run a program in a session of its own, and does not wait for it: it goes on when the connection ends.
///
/// Its result is JSON in the file `job`: `{"started": true, "finished": false, "ansible_job_id": …}` as long as it runs, and then
/// what `head` says, with `rc`, `errno` (why it could not be started, or `null`), `over` (whether it was ended because it took
/// longer than `seconds`), `began` and `ended` (`date '+%s.%N %z'`), and what it printed as `stdout_base64` and
/// `stderr_base64`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Launch {
    /// The program; [`Run::timed`] says nothing here.
    pub run: Run,
    /// The absolute path of the file, in a directory that is made for its owner alone if it is missing.
    pub job: String,
    /// What the result begins with: a JSON object.
    pub head: String,
    /// After so many seconds it is killed.
    pub seconds: u64,
}

impl std::fmt::Debug for Launch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launch").field("run", &self.run).field("job", &self.job).finish_non_exhaustive()
    }
}

/// What runs in the background: the file, seconds, what the result begins with, the program and its arguments. There is no
/// single quote in it.
const JOB: &str = r#"job=$1 limit=$2 head=$3 input=${s_input-}
unset s_input
shift 3
now() { date "+%s.%N %z"; }
began=$(now) errno=null over=false status=0
(umask 077; : >"$job.out"; : >"$job.err")
(s_findable "$1") || errno=$?
if [ "$errno" != null ]; then
  status=$errno
elif [ -n "$input" ]; then
  printf %s "$input" | base64 -d | timeout -s KILL "$limit" "$@" >"$job.out" 2>"$job.err"
  status=$?
else
  timeout -s KILL "$limit" "$@" </dev/null >"$job.out" 2>"$job.err"
  status=$?
fi
ended=$(now)
if [ "$status" -eq 137 ] && [ $((${ended%%.*} - ${began%%.*})) -ge "$limit" ]; then over=true; fi
umask 077
{
  printf "%s, \"rc\": %s, \"errno\": %s, \"over\": %s, \"began\": \"%s\", \"ended\": \"%s\"" "${head%\}}" "$status" "$errno" "$over" "$began" "$ended"
  printf ", \"stdout_base64\": \"%s\", \"stderr_base64\": \"%s\"}\n" "$(base64 <"$job.out" | tr -d "\n")" "$(base64 <"$job.err" | tr -d "\n")"
} >"$job.new" && mv -f -- "$job.new" "$job"
rm -f -- "$job.out" "$job.err""#;

/// The function's text with the job in it.
static TEXT: LazyLock<String> = LazyLock::new(|| {
    format!(
        r#"s_launch() (
  if [ -n "$1" ]; then cd -P -- "$1" || exit 1; fi
  job=$2 limit=$3 head=$4 s_input=$5 left=$6
  shift 6
  (
    umask 077
    mkdir -p -- "${{job%/*}}" &&
      printf '{{"started": true, "finished": false, "ansible_job_id": "%s"}}\n' "${{job##*/}}" >"$job.new" &&
      mv -f -- "$job.new" "$job"
  ) || exit 1
  s_login_environment
  while [ "$left" -gt 0 ]; do
    export "$1"
    shift
    left=$((left - 1))
  done
  export s_input
  setsid sh -c '{}
{JOB}' job "$job" "$limit" "$head" "$@" </dev/null >/dev/null 2>&1 8>&- 9>&- &
)"#,
        FINDABLE.text
    )
});

static LAUNCH: LazyLock<Function> = LazyLock::new(|| Function { name: "s_launch", needs: &[&LOGIN_ENVIRONMENT], text: TEXT.as_str() });

impl Action for Launch {
    fn call(&self) -> Call {
        let stdin = self.run.stdin.as_deref().map(|text| STANDARD.encode(text)).unwrap_or_default();
        let mut words = vec![
            self.run.cwd.clone().unwrap_or_default(),
            self.job.clone(),
            self.seconds.to_string(),
            self.head.clone(),
            stdin,
            self.run.env.len().to_string(),
        ];
        words.extend(self.run.env.iter().map(|(name, value)| format!("{name}={value}")));
        words.extend(self.run.argv.iter().cloned());
        Call::new(&LAUNCH, words)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::Everything]
    }

    fn describe(&self) -> String {
        format!("{} in the background", self.run.describe())
    }

    fn check(&self) -> Result<(), Invalid> {
        check::path(&self.job)?;
        self.run.check()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use super::*;
    use crate::node::script::Script;
    use crate::node::steps::Step;
    use crate::node::testing::{SHELLS, run};

    fn launched(shell: &[&str], launch: Launch) -> String {
        let call = Step::from(launch).call().unwrap();
        let mut script = Script::new();
        script.set("login_umask", "022").unwrap();
        script.set("k", "n1").unwrap();
        script.call(call.function, call.words).unwrap();
        script.text("echo \"<$?>\"");
        let output = run(shell, "n1", &script.finish());
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn finished(path: &std::path::Path) -> Value {
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if let Ok(text) = std::fs::read_to_string(path)
                && let Ok(value) = serde_json::from_str::<Value>(&text)
                && value.get("finished") != Some(&Value::Bool(false))
            {
                return value;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the job does not end");
    }

    #[test]
    fn a_program_runs_in_the_background_and_leaves_its_result() {
        for shell in SHELLS {
            let dir = tempfile::tempdir().unwrap();
            let job = |name: &str, argv: &[&str], seconds| Launch {
                run: Run {
                    argv: argv.iter().map(|word| (*word).to_owned()).collect(),
                    env: vec![("ODD".into(), "a'b \"$(reboot)\"".into())],
                    stdin: Some("read 'this'\n".into()),
                    any_status: true,
                    ..Run::default()
                },
                job: dir.path().join("jobs").join(name).display().to_string(),
                head: r#"{"ansible_job_id": "it's"}"#.into(),
                seconds,
            };
            let long = job("j1", &["sh", "-c", "cat; printf '%s' \"$ODD\" >&2; sleep 1; exit 3"], 20);
            let began = Instant::now();
            assert_eq!(launched(shell, long.clone()), "<0>\n", "{shell:?}");
            assert!(began.elapsed() < Duration::from_millis(900), "it was waited for");
            let path = dir.path().join("jobs/j1");
            let first: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(first, serde_json::json!({ "started": true, "finished": false, "ansible_job_id": "j1" }));
            let said = finished(&path);
            let text = |name: &str| String::from_utf8(STANDARD.decode(said[name].as_str().unwrap()).unwrap()).unwrap();
            assert_eq!((said["rc"].as_i64(), said["over"].as_bool(), said["errno"].is_null()), (Some(3), Some(false), true), "{said}");
            assert_eq!((text("stdout_base64").as_str(), text("stderr_base64").as_str()), ("read 'this'\n", "a'b \"$(reboot)\""));
            assert_eq!(said["ansible_job_id"], "it's");
            launched(shell, job("j2", &["no-such-program"], 20));
            assert_eq!(finished(&dir.path().join("jobs/j2"))["errno"], 2);
            launched(shell, job("j3", &["sleep", "30"], 1));
            assert_eq!(finished(&dir.path().join("jobs/j3"))["over"], true);
            let left: Vec<_> = std::fs::read_dir(dir.path().join("jobs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            std::thread::sleep(Duration::from_millis(200));
            assert!(left.len() >= 3, "{left:?}");
        }
    }
}
