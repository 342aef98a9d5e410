//! The tables of the pages agree with the program.

use std::process::Command;

use clap::Args;
use parlor::config::{RENAMED_VARIABLES, Settings};
use parlor::domain::{Sort, WIDGET_SETTINGS, WidgetPosition, WidgetType, WidgetValue};
use parlor::http::error::ERROR_CODES;
use parlor::service::readiness::NotReady;

use crate::pages::page;
use crate::server::{PARLOR, without_settings};

#[test]
fn settings_tables_match_help_of_serve() {
    let help = without_settings(Command::new(PARLOR))
        .args(["serve", "--help"])
        .output()
        .expect("parlor runs");
    let help = String::from_utf8(help.stdout).expect("UTF-8");
    let options = options(&help);
    let mut settings: Vec<_> = options.iter().filter_map(|option| row(option)).collect();
    assert!(settings.len() > 10, "{help}");
    let mut documented = page("docs/configuration.md").table("Flag");
    settings.sort();
    documented.sort();
    assert_eq!(documented, settings);
}

/// The options of a help text, each on one line.
fn options(help: &str) -> Vec<String> {
    let (_, listed) = help.split_once("Options:").expect("options");
    let mut options: Vec<String> = Vec::new();
    for line in listed.lines().map(str::trim) {
        match options.last_mut() {
            Some(option) if !line.starts_with('-') => *option += &format!(" {line}"),
            _ => options.push(line.to_owned()),
        }
    }
    options.retain(|option| !option.is_empty());
    options
}

/// The row of an option: flag, variable, default, meaning. None for --help.
fn row(option: &str) -> Option<Vec<String>> {
    let (flag, rest) = option.split_once(' ')?;
    let rest = match rest.split_once('>') {
        Some((_, text)) if rest.starts_with(['<', '[']) => text.trim_start_matches(']'),
        _ => rest,
    };
    let (meaning, notes) = rest.split_once(" [env: ")?;
    // The help shows the value of a variable unless it is a secret.
    let variable = notes.split(['=', ']']).next()?;
    let default = notes.split_once("[default: ").map(|(_, text)| text);
    let default = default.and_then(|text| text.split(']').next());
    let cells = [flag, variable, default.unwrap_or("–"), meaning.trim()];
    Some(cells.map(str::to_owned).to_vec())
}

#[test]
fn table_of_earlier_names_matches_the_settings() {
    let settings = Settings::augment_args(clap::Command::new("parlor"));
    let expected: Vec<_> = RENAMED_VARIABLES
        .iter()
        .map(|(old, new)| {
            let mut arguments = settings.get_arguments();
            let argument = arguments.find(|argument| argument.get_env() == Some(new.as_ref()));
            let aliases = argument.and_then(clap::Arg::get_all_aliases);
            let flags: Vec<_> = aliases
                .iter()
                .flatten()
                .map(|name| format!("--{name}"))
                .collect();
            vec![(*old).to_owned(), (*new).to_owned(), flags.join(", ")]
        })
        .collect();
    assert_eq!(
        page("docs/configuration.md").table("Earlier variable"),
        expected
    );
}

#[test]
fn error_table_matches_error_codes() {
    let expected: Vec<_> = ERROR_CODES
        .iter()
        .map(|entry| {
            let description = entry.description.replace('`', "");
            vec![entry.status.to_string(), entry.name.to_owned(), description]
        })
        .collect();
    assert_eq!(page("docs/api.md").table("Status"), expected);
}

#[test]
fn table_of_reasons_matches_the_readiness() {
    let expected = NotReady::REASONS
        .map(|(_, name, description)| vec![name.to_owned(), description.to_owned()]);
    let documented = page("docs/operations.md").table("Reason");
    assert_eq!(documented, expected);
}

#[test]
fn list_table_names_every_order() {
    let rows = page("docs/api.md").table("Parameter");
    let orders = rows.iter().find(|row| row[0] == "orderBy");
    let names = orders.map(|row| row[2].clone()).unwrap_or_default();
    assert_eq!(names, Sort::NAMES.map(|(name, _)| name).join(", "));
}

#[test]
fn table_of_widget_settings_matches_the_program() {
    let expected: Vec<_> = WIDGET_SETTINGS
        .iter()
        .map(|setting| {
            let values = match setting.value_type {
                WidgetType::Text { min, max, .. } => format!("{min} to {max} characters"),
                WidgetType::Color { .. } => "colour".to_owned(),
                WidgetType::Url => "URL".to_owned(),
                WidgetType::Number { min, max, .. } => format!("{min} to {max}"),
                WidgetType::Offset { max, .. } => format!("{{x, y}}, each 0 to {max}"),
                WidgetType::Position { .. } => {
                    WidgetPosition::NAMES.map(|(name, _)| name).join(", ")
                }
            };
            let default = match setting.default() {
                None => "null".to_owned(),
                Some(WidgetValue::Text(text)) if text.is_empty() => "empty".to_owned(),
                Some(value) => value.to_string(),
            };
            vec![setting.key.to_owned(), values, default]
        })
        .collect();
    assert_eq!(page("docs/api-contract.md").table("Setting"), expected);
}
