//! parlor: a website's conversations in one binary and one SQLite file.
//!
//! Layers, each of which knows only those below it: [`cli`], [`http`], [`app`],
//! [`access`], [`answer`], [`learn`], [`events`], [`store`], [`domain`].
//! docs/ARCHITECTURE.md follows one request through them.

pub mod access;
pub mod address_policy;
pub mod answer;
pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod domain;
pub mod events;
pub mod http;
pub mod learn;

pub mod store;
