pub mod db;
pub mod domain;
pub mod config;
pub mod error;
