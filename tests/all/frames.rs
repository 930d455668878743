//! A playbook of thirty tasks on a real machine, cut at each frame that a run sends: the connection is cut before or
//! behind it, or the controller is killed. The next run ends in the same tree as a run that nobody cut, and a reader in
//! the machine's file system that polls a file never sees half of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{Program, Ran};
use crate::testbed::{Bed, Machine};

/// Lines of the file that is polled, all alike.
const LINES: usize = 20_000;
/// How long the reader leaves it alone: without a pause three of them take the processors from all other tests.
const LOOK_EVERY: Duration = Duration::from_millis(2);

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

/// What a reader saw.
struct Looks {
    count: usize,
    /// Of what was not the whole file.
    halves: Vec<String>,
}

/// Looks at the file again and again, until the other end of `over` is gone.
fn poll(file: &Path, over: &Receiver<()>) -> Looks {
    let mut looks = Looks { count: 0, halves: Vec::new() };
    while over.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        looks.count += 1;
        match std::fs::read(file) {
            Ok(seen) if is_whole(&seen) => {}
            Ok(seen) => looks.halves.push(format!("{} bytes", seen.len())),
            Err(error) => looks.halves.push(error.to_string()),
        }
    }
    looks
}

/// As many lines as there should be, each as the first.
fn is_whole(seen: &[u8]) -> bool {
    let line = seen.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    line > 0 && seen.len() == line * LINES && seen[line..] == seen[..seen.len() - line]
}

#[test]
fn a_reader_knows_half_a_file() {
    let whole = "word 12\n".repeat(LINES);
    assert!(is_whole(whole.as_bytes()));
    let other = "word 13\n".repeat(LINES / 2);
    for half in ["", "\n", &whole[..whole.len() / 2], &whole[8..], &whole[..whole.len() - 1], &format!("{other}{}", &whole[other.len()..])]
    {
        assert!(!is_whole(half.as_bytes()), "{} bytes", half.len());
    }
}

/// One machine, the way to it, and what runs there.
struct Lane<'a> {
    machine: &'a Machine,
    way: Way,
    program: Program,
}

impl Lane<'_> {
    fn run(&self, number: usize, cut: Option<(usize, How)>) -> (Ran, bool) {
        self.program.file(&format!("files/polled-{number}"), &format!("word {number}\n").repeat(LINES));
        let variables = format!("number={number} base=/srv/r{number}");
        self.way.run(&self.program, &["-e", &variables, "site.yml"], cut)
    }

    /// A run that is cut at that frame, and the next; how often one of them was cut and ended well all the same.
    fn cut(&self, number: usize, how: How, wanted: &str) -> (bool, bool) {
        let (first, was_cut) = self.run(number, Some((number, how)));
        let (next, _) = self.run(number, None);
        assert_eq!(next.code, Some(0), "after {how:?} at frame {number}: {}\nbefore: {}", next.all(), first.all());
        assert_eq!(tree(self.machine, number), wanted, "after {how:?} at frame {number}: {}", first.all());
        (was_cut, was_cut && first.code == Some(0))
    }
}

#[test]
fn a_run_cut_at_any_frame_is_ended_by_the_next() {
    let bed = Bed::new().unwrap();
    let machines = bed.start_all(["m1", "m2", "m3"].map(|name| bed.machine(name).without_python()).into()).unwrap();
    bed.inside(|| {
        let lane = |machine| {
            let way = Way::to(machine);
            Lane { machine, program: project(&bed, machine, way.port), way }
        };
        let lanes: Vec<Lane<'_>> = machines.iter().map(lane).collect();
        let (whole, _) = lanes[0].run(0, None);
        assert_eq!(whole.code, Some(0), "{}", whole.all());
        let (frames, wanted) = (lanes[0].way.state.frames.load(Ordering::SeqCst), tree(&machines[0], 0));
        assert!(frames > 30, "only {frames} frames: {}", whole.all());
        let began = Instant::now();
        let work = |(index, lane): (usize, &Lane<'_>)| {
            lane.run(1000, None);
            let (file, (going_on, over)) = (lane.machine.root_directory().unwrap().join("srv/polled"), channel());
            let reader = std::thread::spawn(move || poll(&file, &over));
            let mut count = [0; 4];
            for number in (1..=frames).filter(|number| number % 3 == index) {
                let how = [How::Before, How::Behind, How::Killed][number / 3 % 3];
                let (was_cut, ended_well) = lane.cut(number, how, &wanted);
                count[number / 3 % 3] += usize::from(was_cut);
                count[3] += usize::from(ended_well);
            }
            drop(going_on);
            (count, reader.join().unwrap())
        };
        let (counts, looks): (Vec<[usize; 4]>, Vec<Looks>) = std::thread::scope(|scope| {
            let work = &work;
            let threads: Vec<_> = lanes.iter().enumerate().map(|lane| scope.spawn(move || work(lane))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).unzip()
        });
        for (machine, looks) in machines.iter().zip(&looks) {
            assert!(looks.halves.is_empty(), "half a file was seen, {} looks: {:?}", looks.count, looks.halves);
            assert_eq!(machine.root_says("find /srv -name '*homelabctl*'").unwrap(), "", "left on {}", machine.name);
        }
        let looks: usize = looks.iter().map(|looks| looks.count).sum();
        let sum = |index: usize| counts.iter().map(|count| count[index]).sum::<usize>();
        let [before, behind, killed, well] = [0, 1, 2, 3].map(sum);
        println!("{frames} frames: cut before {before}, behind {behind}, killed at {killed}; {well} ended well all the same");
        println!("{looks} looks at the file, {:?}", began.elapsed());
        assert!(looks > frames && before + behind + killed + 5 > frames, "{looks} looks");
        // a connection that is lost before anything was asked is made again
        assert!(well < frames / 4, "{well} of them ended well all the same");
    })
    .unwrap();
}
