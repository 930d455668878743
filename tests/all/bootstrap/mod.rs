//! `homelabctl bootstrap`: against a real API server, the real controllers, and a GitHub that they pull from.

mod cut;
mod followed;
mod fresh;
mod lab;
mod now;
mod rebuilt;
mod refused;
mod repair;
mod secrets;
mod taken_over;
mod waited;
