//! Tests of the HTTP API over real ports. Each test starts a server with a
//! database of its own; each module covers one area.

#![expect(
    clippy::too_many_lines,
    reason = "a test of many requests is easier to read in one function"
)]

mod helpers;
#[path = "../stub_server/mod.rs"]
mod stub_server;

mod access;
mod agents;
mod agents_accounts;
mod agents_command;
mod agents_origin;
mod agents_pages;
mod agents_sessions;
mod agents_sign_in;
mod agents_take_over;
mod allowed_origins;
mod answer_failures;
mod answer_streams;
mod assistants;
mod auth;
mod availability;
mod backup;
mod backup_schedule;
mod blocked_visitors;
mod check;
mod cli;
mod completions;
mod conversation_export;
mod conversations;
mod database_file;
mod detached_answers;
mod documents;
mod durability;
mod durability_at_scale;
mod erasure;
mod erasure_files;
mod erasure_interruption;
mod erasure_search;
mod errors;
mod export;
mod export_limits;
mod export_resumption;
mod failed_answers;
mod headers;
mod health;
mod health_command;
mod idempotency;
mod identify;
mod identity;
mod import;
mod import_api;
mod import_hosted;
mod import_limits;
mod import_new_file;
mod import_rules;
mod interrupted_answers;
mod isolation;
mod isolation_endpoints;
mod journal;
mod json_format;
mod keys;
mod list_cache;
mod list_cursors;
mod list_filters;
mod list_order;
mod list_pagination;
mod list_parameters;
mod log_settings;
mod mass_assignment;
mod memory;
mod memory_attacks;
mod memory_shares;
mod message_search;
mod messages;
mod metrics;
mod names;
mod notes;
mod notification_durability;
mod notification_emails;
mod notifications;
#[cfg(feature = "s3")]
mod object_storage;
mod openapi;
mod openapi_responses;
mod output;
mod own_urls;
mod pages;
mod project_commands;
mod project_events;
mod projects;
mod qnas;
mod rate_limits;
mod reference;
mod repeated_messages;
mod request_log;
mod restore;
mod retention;
mod search;
mod second_server;
mod shutdown;
mod signing_secret;
mod sources;
mod start_up;
mod statistics;
mod streamed_lists;
mod stub_api;
mod two_projects;
mod unusable_files;
mod upgrade;
mod upgrade_safety;
mod waiting;
mod websocket;
