//! Environment variables that were renamed keep working under their old names.

use clap::Command;

/// The old and the new name of each renamed variable. Flags keep their old names
/// as hidden aliases.
pub const RENAMED_VARIABLES: [(&str, &str); 11] = [
    ("PARLOR_READERS", "PARLOR_DB_READERS"),
    ("PARLOR_PATIENCE", "PARLOR_DB_TIMEOUT_MS"),
    ("PARLOR_KEPT", "PARLOR_LIST_CACHE_MB"),
    ("PARLOR_MAX_BODY", "PARLOR_MAX_BODY_BYTES"),
    ("PARLOR_INIT_RATE_LIMIT", "PARLOR_IP_RATE_LIMIT"),
    ("PARLOR_SESSION_IDLE", "PARLOR_SESSION_IDLE_HOURS"),
    ("PARLOR_SESSION_MAX", "PARLOR_SESSION_MAX_DAYS"),
    ("PARLOR_SHUTDOWN_GRACE", "PARLOR_SHUTDOWN_TIMEOUT"),
    (
        "PARLOR_MODEL_FIRST_TIMEOUT",
        "PARLOR_MODEL_FIRST_TOKEN_TIMEOUT",
    ),
    ("PARLOR_MODEL_PAUSE_TIMEOUT", "PARLOR_MODEL_IDLE_TIMEOUT"),
    ("PARLOR_MODEL_PRIVATE", "PARLOR_MODEL_PRIVATE_NETWORK"),
];

/// Makes a command read the old name of an environment variable if the variable
/// with the new name is not set.
pub fn accept_renamed_variables(command: Command) -> Command {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let command = command.mut_args(|arg| {
        let old = RENAMED_VARIABLES.iter().find_map(|(old, new)| {
            let applies = arg.get_env().is_some_and(|name| name == *new);
            (applies && is_set(old) && !is_set(new)).then_some(*old)
        });
        match old {
            Some(old) => arg.env(old),
            None => arg,
        }
    });
    command.mut_subcommands(accept_renamed_variables)
}

#[cfg(test)]
mod tests {
    use clap::{Arg, CommandFactory, Parser};

    use super::*;
    use crate::config::Settings;

    #[derive(Debug, Parser)]
    struct TestArgs {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn renamed_variables_belong_to_a_setting() {
        let command = TestArgs::command();
        let variables: Vec<_> = command.get_arguments().filter_map(Arg::get_env).collect();
        for (old, new) in RENAMED_VARIABLES {
            assert!(variables.iter().any(|name| *name == new), "{new}");
            assert!(!variables.iter().any(|name| *name == old), "{old}");
        }
    }
}
