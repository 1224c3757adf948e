//! One run: threads that do the partner's part beside one that mutates.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::pattern_native::{NativeMutation, NativePartner};
use super::super::symptom::Symptom;
use super::board::Board;
use super::environment::{Names, prepare};
use super::{ControlMode, Parameters, c_forms, rust_forms};

/// What a trial showed: nothing, or a symptom and perhaps a second one.
pub type Shown = Option<(Symptom, Option<Symptom>)>;

/// Everything that the forms need.
#[derive(Debug)]
pub struct Scene {
    pub names: Names,
    /// The checker and its arguments, for forms that start a program.
    pub check: Vec<std::ffi::CString>,
    /// The same with builtins of a shell alone.
    pub shell: std::ffi::CString,
    pub size: u32,
    pub mutation: NativeMutation,
    /// The step of a partner that mutates, shared by its threads.
    pub turn: AtomicUsize,
}

/// One lock for both sides, or none. Partners give way to a waiting mutator, which they would starve otherwise.
struct Lock {
    used: bool,
    mutex: Mutex<()>,
    wanted: AtomicBool,
}

impl Lock {
    fn partner(&self) -> Option<MutexGuard<'_, ()>> {
        while self.wanted.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_micros(5));
        }
        self.used
            .then(|| self.mutex.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mutator(&self) -> Option<MutexGuard<'_, ()>> {
        self.wanted.store(self.used, Ordering::Relaxed);
        let guard = self
            .used
            .then(|| self.mutex.lock().unwrap_or_else(PoisonError::into_inner));
        self.wanted.store(false, Ordering::Relaxed);
        guard
    }
}

/// Runs both sides beside each other, in a forked child; no longer than until the `wanted` trials are made.
pub fn run(board: &Board, parameters: &Parameters, size: u32, wanted: Option<u64>, began: Instant) {
    let scene = scene(parameters, size);
    prepare(parameters, &scene.names, size);
    let lock = Lock {
        used: parameters.control == ControlMode::OneLock,
        mutex: Mutex::new(()),
        wanted: AtomicBool::new(false),
    };
    let stop = AtomicBool::new(false);
    // Otherwise a mutator without a pause has ended before they begin.
    let ready = Barrier::new(parameters.threads + 1);
    std::thread::scope(|scope| {
        for _ in 0..parameters.threads {
            scope.spawn(|| {
                ready.wait();
                do_partner(board, parameters.partner, &scene, &lock, &stop, began);
            });
        }
        ready.wait();
        mutate(board, parameters, &scene, &lock, wanted);
        stop.store(true, Ordering::Relaxed);
    });
    let lossy = matches!(parameters.partner, NativePartner::Mutation(_)) && parameters.mutation.keeps_sentinels();
    if lossy && !c_forms::is_whole(&scene) {
        board.add_symptom(Symptom::Torn, board.trials(), began.elapsed().as_secs_f64());
    }
}

fn mutate(board: &Board, parameters: &Parameters, scene: &Scene, lock: &Lock, wanted: Option<u64>) {
    let end = Instant::now() + Duration::from_secs_f64(parameters.run_seconds);
    std::thread::sleep(Duration::from_micros(parameters.lead_us));
    for step in 0..parameters.steps {
        let guard = lock.mutator();
        if parameters.control != ControlMode::NoMutation {
            do_mutation(parameters.mutation, scene, step);
        }
        drop(guard);
        board.add_mutation();
        if parameters.pace_us > 0 {
            std::thread::sleep(Duration::from_micros(parameters.pace_us));
        }
        if Instant::now() > end || wanted.is_some_and(|wanted| board.trials() >= wanted) {
            break;
        }
    }
}

fn do_mutation(mutation: NativeMutation, scene: &Scene, step: usize) {
    if mutation.is_std() {
        rust_forms::mutate(mutation, scene, step);
    } else {
        c_forms::mutate(mutation, scene, step);
    }
}

/// The mutation that a partner makes: from the other end of the same names, over and over.
fn do_other_mutation(mutation: NativeMutation, scene: &Scene) -> Shown {
    let steps = scene.names.steps.len();
    let turn = scene.turn.fetch_add(1, Ordering::Relaxed) % steps.max(1);
    do_mutation(mutation, scene, steps - 1 - turn);
    None
}

/// Does the partner's part until told to stop. Reads are counted in batches, since one takes nanoseconds.
fn do_partner(board: &Board, partner: NativePartner, scene: &Scene, lock: &Lock, stop: &AtomicBool, began: Instant) {
    let quick = partner.is_read() || matches!(partner, NativePartner::Mutation(_));
    let batch = if quick { 20 } else { 1 };
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..batch {
            let guard = lock.partner();
            let shown = match partner {
                NativePartner::Mutation(other) => do_other_mutation(other, scene),
                _ if partner.is_std() => rust_forms::partner(partner, scene),
                _ => c_forms::partner(partner, scene),
            };
            drop(guard);
            if let Some((symptom, also)) = shown {
                let seconds = began.elapsed().as_secs_f64();
                board.add_symptom(symptom, board.trials() + 1, seconds);
                if let Some(also) = also {
                    board.add_symptom(also, 0, seconds);
                }
                if symptom == Symptom::Hang {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        board.add_trials(batch);
    }
}

fn scene(parameters: &Parameters, size: u32) -> Scene {
    let names = Names::new(parameters);
    let text = |text: &str| std::ffi::CString::new(text).unwrap_or_default();
    let clears = parameters.mutation == NativeMutation::Clearenv;
    let count = parameters.sentinels.to_string();
    let mut check = vec![text(&parameters.checker), text(&parameters.check_command), text(&count)];
    let mut empty = String::new();
    let mut held = String::new();
    let mut expected = String::new();
    for (name, value) in &names.sentinels {
        held.push('$');
        held.push_str(&name.to_string_lossy());
        expected.push_str(&value.to_string_lossy());
    }
    if clears {
        check.push(text("emptied"));
        empty = format!(" || [ -z \"{held}\" ]");
    }
    let mut command = format!("[ \"{held}\" = \"{expected}\" ]{empty} || exit 77");
    let padding = parameters.command_length.saturating_sub(command.len() + 3);
    if padding > 0 {
        let padding = "x".repeat(padding);
        command.push_str(" # ");
        command.push_str(&padding);
        check.push(text(&padding));
    }
    let shell = text(&command);
    Scene {
        names,
        check,
        shell,
        size,
        mutation: parameters.mutation,
        turn: AtomicUsize::new(0),
    }
}
