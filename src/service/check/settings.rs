//! Checks the settings of the environment.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::Finding;
use super::files::backup_folder_fault;
use crate::answer::embedding;
use crate::answer::model::ModelProvider;
use crate::config::Settings;

const NAME: &str = "settings";

/// Settings that are not valid, or that contradict each other.
pub(super) fn check(settings: &Result<Settings, String>) -> Finding {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => return Finding::fault(NAME, error.clone()),
    };
    if let Err(error) = settings.check() {
        return Finding::fault(NAME, error.to_string());
    }
    if let Err(error) = ModelProvider::new(settings, Arc::default()) {
        return Finding::fault(NAME, error.to_string());
    }
    if let Err(error) = embedding::provider(&settings.embedding) {
        return Finding::fault(NAME, error.to_string());
    }
    let warnings = warnings(settings);
    if !warnings.is_empty() {
        return Finding::warning(NAME, warnings.join("; "));
    }
    Finding::sound(NAME, "the variables of this shell agree with each other")
}

fn warnings(settings: &Settings) -> Vec<Cow<'static, str>> {
    let is_local = settings.listen.ip().is_loopback();
    let is_https = settings
        .public_url
        .as_ref()
        .is_some_and(|url| url.as_str().starts_with("https:"));
    let mut warnings = Vec::<Cow<str>>::new();
    if let Some(folder) = &settings.backup.backup_dir
        && let Some(fault) = backup_folder_fault(folder)
    {
        warnings.push(format!("PARLOR_BACKUP_DIR: {fault}").into());
    }
    if is_https && !settings.behind_proxy {
        warnings.push(
            "PARLOR_PUBLIC_URL is an https URL, but PARLOR_BEHIND_PROXY is not set: all visitors \
             have the address of the proxy and share one rate limit; set PARLOR_BEHIND_PROXY=true"
                .into(),
        );
    }
    let is_default = settings.backup.backup_every == Duration::from_secs(24 * 60 * 60);
    let has_target = settings.backup.backup_dir.is_some() || settings.backup.backup_url.is_some();
    if !has_target && !is_default {
        warnings.push(
            "PARLOR_BACKUP_EVERY is set, but PARLOR_BACKUP_DIR and PARLOR_BACKUP_URL are not: no \
             backups are made; set one of them"
                .into(),
        );
    }
    if settings.behind_proxy && !is_local {
        warnings.push(
            "PARLOR_BEHIND_PROXY is set, and PARLOR_LISTEN is not a loopback address: a client \
             that reaches it without the proxy can claim any address; allow only the proxy to \
             connect"
                .into(),
        );
    }
    warnings
}
