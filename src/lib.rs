//! parlor: a website's conversations in one binary and one SQLite file.
//!
//! Imports point one way: [`cli`], [`server`], [`http`] use [`app`], [`service`]
//! and [`access`]; these use [`answer`], [`learn`], [`events`] and [`store`]; all
//! use [`domain`]. docs/ARCHITECTURE.md follows one request through the layers.

pub mod access;
pub mod address_policy;
pub mod answer;
pub mod app;
pub mod cache_stats;
pub mod cli;
pub mod clock_check;
pub mod config;
mod csv_cell;
pub mod demo;
pub mod domain;
pub mod events;
pub mod http;
mod json_surrogates;
pub mod learn;
pub mod listeners;
pub mod log_buffer;
pub mod log_format;
pub mod metrics;
pub mod own_urls;
mod redaction;
mod retry_after;
pub mod server;
pub mod service;

pub mod store;
