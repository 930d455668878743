//! A playbook of thirty tasks on a real machine, cut at each frame that a run sends: the connection is cut before or
//! behind it, or the controller is killed. The next run ends in the same tree as a run that nobody cut, and a reader on
//! the machine that polls a file never sees half of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Program, Ran};
use crate::testbed::{Bed, Machine};

/// Lines of the file that is polled, all alike.
const LINES: usize = 20_000;

/// What is done at a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It does not reach the machine.
    Before,
    /// It does, and no answer comes back.
    Behind,
    /// It does, and who sent it is no more.
    Killed,
}

/// A way to the machine that counts what the program says: what it sends after an answer is a frame.
struct Way {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    frames: AtomicUsize,
    cut: Mutex<Option<(usize, How)>>,
    was_cut: AtomicBool,
    program: AtomicU32,
}

impl State {
    /// Another frame; what becomes of it.
    fn frame(&self) -> Option<How> {
        let number = self.frames.fetch_add(1, Ordering::SeqCst) + 1;
        let how = self.cut.lock().unwrap().filter(|(at, _)| *at == number).map(|(_, how)| how);
        self.was_cut.fetch_or(how.is_some(), Ordering::SeqCst);
        how
    }

    fn kill(&self) {
        let late = Instant::now() + Duration::from_secs(10);
        while self.program.load(Ordering::SeqCst) == 0 && Instant::now() < late {
            std::thread::sleep(Duration::from_millis(1));
        }
        let pid = Pid::from_raw(i32::try_from(self.program.load(Ordering::SeqCst)).unwrap()).unwrap();
        kill_process(pid, Signal::KILL).unwrap();
    }
}

impl Way {
    /// To be called within the machine's network.
    fn to(machine: &Machine) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (port, state) = (listener.local_addr().unwrap().port(), Arc::new(State::default()));
        let (address, shared) = ((machine.address.clone(), machine.port), Arc::clone(&state));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect((address.0.as_str(), address.1))) else { return };
                let (_, _) = (client.set_nodelay(true), server.set_nodelay(true));
                carry(client, server, Arc::clone(&shared));
            }
        });
        Self { port, state }
    }

    /// Runs the program on this way; whether it was cut.
    fn run(&self, program: &Program, arguments: &[&str], cut: Option<(usize, How)>) -> (Ran, bool) {
        self.state.frames.store(0, Ordering::SeqCst);
        self.state.was_cut.store(false, Ordering::SeqCst);
        self.state.program.store(0, Ordering::SeqCst);
        *self.state.cut.lock().unwrap() = cut;
        let child = program.spawn(&[&["provision", "-i", "hosts"], arguments].concat());
        self.state.program.store(child.id(), Ordering::SeqCst);
        let ran = program.ran(child.wait_with_output().unwrap());
        (ran, self.state.was_cut.load(Ordering::SeqCst))
    }
}

fn carry(client: TcpStream, server: TcpStream, state: Arc<State>) {
    let answered = Arc::new(AtomicBool::new(true));
    let close = |one: &TcpStream, other: &TcpStream| {
        let (_, _) = (one.shutdown(Shutdown::Both), other.shutdown(Shutdown::Both));
    };
    let (mut from, mut to, flag) = (server.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(&answered));
    std::thread::spawn(move || {
        let mut bytes = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            flag.store(true, Ordering::SeqCst);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        close(&from, &to);
    });
    let (mut from, mut to) = (client, server);
    std::thread::spawn(move || {
        let mut bytes = [0; 65536];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            let how = if answered.swap(false, Ordering::SeqCst) { state.frame() } else { None };
            if how == Some(How::Before) || to.write_all(&bytes[..length]).is_err() {
                break;
            }
            match how {
                Some(How::Killed) => state.kill(),
                Some(How::Behind) => break,
                _ => {}
            }
        }
        close(&from, &to);
    });
}

fn project(bed: &Bed, machine: &Machine, port: u16) -> Program {
    let program = Program::new();
    for dir in ["home/.ssh", "templates", "files", "files/tree", "files/tree/sub"] {
        std::fs::create_dir(program.path(dir)).unwrap();
    }
    let known: Vec<String> = machine
        .known_hosts_lines()
        .lines()
        .filter_map(|line| line.split_once(' ').map(|(_, key)| format!("[127.0.0.1]:{port} {key}\n")))
        .collect();
    let hosts = format!(
        "[nodes]\nm1 ansible_host=127.0.0.1 ansible_port={port} ansible_user={} ansible_ssh_private_key_file={}\n",
        machine.user,
        bed.key_path().display()
    );
    program.file("home/.ssh/known_hosts", &known.concat()).file("hosts", &hosts).file("site.yml", include_str!("frames.yml"));
    program.file("templates/settings.j2", "{% for n in [1, 2] %}\nn{{ n }}\n{% endfor %}\n");
    program.file("files/big", &"line\n".repeat(4000)).file("files/tree/a", "a\n").file("files/tree/sub/b", "b\n");
    program
}

/// What a run with that number leaves, without the number.
fn tree(machine: &Machine, number: usize) -> String {
    let script = format!(
        "cd /srv/r{number} && find . -path ./home -prune -o -printf '%P %y %m %u:%g %n %l\\n' | grep -v '^ ' | sort && \
         find . -type f ! -path './home/*' -exec sha256sum {{}} + | sort -k2; stat -c '%n %a %U:%G' home etc/stamp; stat -c %Y etc/stamp; \
         sort -u /srv/polled | sed 's/ .*//'; wc -l </srv/polled; id -nG app{number}; getent passwd app{number} | cut -d: -f5-"
    );
    let said = machine.root_says(&script).unwrap();
    // a hard link's directory entry and the link counts of directories are the same everywhere
    said.replace(&format!("/srv/r{number}"), "/srv/rN").replace(&format!("app{number}"), "appN").replace(&format!("ops{number}"), "opsN")
}

/// A reader that looks at the file again and again, and writes down what it saw.
const READER: &str = "
cp /srv/polled /run/polled.first
(while [ ! -e /run/reader.end ]; do
  cat /srv/polled >/run/look
  echo look >>/run/looks
  [ \"$(sort -u /run/look | wc -l) $(wc -l </run/look)\" = '1 LINES' ] || echo half >>/run/halves
done) </dev/null >/dev/null 2>&1 &
";

#[test]
fn a_run_cut_at_any_frame_is_ended_by_the_next() {
    let bed = Bed::new().unwrap();
    let machine = bed.machine("m1").without_python().start().unwrap();
    bed.inside(|| {
        let way = Way::to(&machine);
        let program = project(&bed, &machine, way.port);
        let polled = |number: usize| program.file(&format!("files/polled-{number}"), &format!("word {number}\n").repeat(LINES));
        let run = |number: usize, cut| {
            polled(number);
            let variables = format!("number={number} base=/srv/r{number}");
            way.run(&program, &["-e", &variables, "site.yml"], cut)
        };
        let (whole, _) = run(0, None);
        assert_eq!(whole.code, Some(0), "{}", whole.all());
        let (frames, wanted) = (way.state.frames.load(Ordering::SeqCst), tree(&machine, 0));
        assert!(frames > 30, "only {frames} frames: {}", whole.all());
        machine.root_says(&READER.replace("LINES", &LINES.to_string())).unwrap();
        let (began, mut cuts) = (Instant::now(), [0; 3]);
        for number in 1..=frames {
            let how = [How::Before, How::Behind, How::Killed][number % 3];
            let (first, was_cut) = run(number, Some((number, how)));
            assert!(first.code != Some(0) || !was_cut || number + 3 > frames, "frame {number}, {how:?}: {}", first.all());
            cuts[number % 3] += usize::from(was_cut);
            let (next, _) = run(number, None);
            assert_eq!(next.code, Some(0), "after {how:?} at frame {number}: {}\nbefore: {}", next.all(), first.all());
            assert_eq!(tree(&machine, number), wanted, "after {how:?} at frame {number}");
        }
        machine.root_says("touch /run/reader.end").unwrap();
        let looks: usize = machine.root_says("wc -l </run/looks").unwrap().trim().parse().unwrap();
        assert_eq!(machine.root_says("cat /run/halves 2>/dev/null; true").unwrap(), "", "half a file was seen, {looks} looks");
        assert!(looks > frames, "the reader looked {looks} times only");
        let left = machine.root_says("find /srv -name '*homelabctl*'").unwrap();
        assert_eq!(left, "");
        println!("{frames} frames, cut before, behind, killed at: {cuts:?}; {looks} looks; {:?}", began.elapsed());
        assert!(cuts.iter().all(|count| *count >= frames / 4), "{cuts:?} of {frames}");
    })
    .unwrap();
}
