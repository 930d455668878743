//! Steps on simulated and on real machines.

mod agreement;
mod disk_agreement;
mod plans;
mod real_cuts;
mod sequences;
mod simulated_cuts;
