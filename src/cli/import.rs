//! `parlor import`: reads what `parlor export` has written, or the API of another server.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};

use clap::Args;
use url::Url;

use super::CommandError;
use super::database::Database;
use super::export::describe;
use super::output::{print_error, print_line};
use super::progress::with_monitor;
use super::secret_prompt::read_secret;
use super::visible_text::VisibleText;
use crate::config::Secret;
use crate::domain::{parse_web_url, without_userinfo};
use crate::service::import::api::{ApiSource, import_from_api};
use crate::service::import::{self, ImportSummary, ImportTarget, NewDatabase, RefusedRecord};
use crate::service::project;

/// The problems that are printed one by one.
const MAX_PRINTED_PROBLEMS: u64 = 20;

/// The environment variable with the credential for the other server. It is no argument,
/// because other users of the machine can read the arguments of a process.
const KEY_VARIABLE: &str = "PARLOR_IMPORT_KEY";

/// Import what `parlor export` has written, also while a server uses the database file
///
/// The database file may have other projects. If it does not exist, it is created for the
/// first record, so that an import that fails before leaves no file. Records whose id is
/// stored already are skipped, so an import that was interrupted is run again. A record that
/// contradicts what is stored is printed with the number of its line and skipped; the exit
/// status is then 1.
///
/// With --from-api, the conversations come from another server: all of a project with a
/// private key of another parlor, or those of a visitor with a session token of a server with
/// the same API. The variable PARLOR_IMPORT_KEY has the key or token. They are imported into
/// a project that exists: a new file and its project are created with `parlor serve`.
#[derive(Debug, Args)]
pub struct Import {
    /// The export; - is standard input
    #[arg(value_name = "FILE|-", required_unless_present = "from_api")]
    source: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    /// Import from the API of this server, such as https://chat.example
    #[arg(long, value_name = "URL", value_parser = parse_api_url, conflicts_with = "source")]
    from_api: Option<Url>,
    /// With --from-api: the id or name of the project to import into, as `parlor projects list` shows it [default: the only project]
    #[arg(long, value_name = "ID|NAME", requires = "from_api")]
    project: Option<String>,
    /// With --from-api: a file with the private key or session token
    #[arg(long, value_name = "FILE", requires = "from_api")]
    key_file: Option<PathBuf>,
    /// With --from-api: the most requests in a second
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    requests_per_second: u32,
}

/// Parses the URL of a server or of its API. The result ends in `/v2`.
fn parse_api_url(text: &str) -> Result<Url, String> {
    let url = parse_web_url(text).map(without_userinfo);
    let mut url = url.ok_or("must be an address such as https://chat.example")?;
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v2").unwrap_or(path);
    url.set_path(&format!("{path}/v2"));
    Ok(url)
}

impl Import {
    pub fn run(self) -> Result<(), CommandError> {
        let mut problems = 0;
        let mut report = |problem: &RefusedRecord| print_problem(&mut problems, problem);
        let summary = match (&self.from_api, &self.source) {
            (Some(base), _) => self.import_from_api(base, &mut report),
            (None, Some(source)) => self.import_file(source, &mut report),
            // clap requires one of them.
            (None, None) => Ok(ImportSummary::default()),
        }?;
        finish(&summary, problems)
    }

    fn import_file(
        &self,
        source: &Path,
        report: &mut dyn FnMut(&RefusedRecord),
    ) -> Result<ImportSummary, CommandError> {
        if source == Path::new("-") {
            return self.import_lines(stdin().lock(), 0, report);
        }
        let unreadable = |error| CommandError::UnreadableFile(source.to_owned(), error);
        let file = File::open(source).map_err(unreadable)?;
        let bytes = file.metadata().map_err(unreadable)?.len();
        let input = BufReader::with_capacity(1 << 18, file);
        self.import_lines(input, bytes, report)
    }

    fn import_lines(
        &self,
        input: impl BufRead,
        bytes: u64,
        report: &mut dyn FnMut(&RefusedRecord),
    ) -> Result<ImportSummary, CommandError> {
        let target: Box<dyn ImportTarget> = match self.database.location().file() {
            Some(path) if !path.exists() => {
                Box::new(NewDatabase::new(path.to_owned(), self.database.options()))
            }
            _ => Box::new(self.database.open()?),
        };
        let result =
            with_monitor(|monitor| import::import(&*target, input, bytes, monitor, report));
        Ok(result??)
    }

    fn import_from_api(
        &self,
        base: &Url,
        report: &mut dyn FnMut(&RefusedRecord),
    ) -> Result<ImportSummary, CommandError> {
        let store = self.database.open()?;
        let project = project::select(&store, self.project.as_deref())?.id;
        let source = ApiSource {
            base: base.clone(),
            credential: self.credential()?,
            requests_per_second: self.requests_per_second,
        };
        let result =
            with_monitor(|monitor| import_from_api(&store, project, &source, monitor, report));
        Ok(result??)
    }

    /// The key or token for the other server: from the variable, the file, or the terminal.
    fn credential(&self) -> Result<Secret, CommandError> {
        let text = if let Some(path) = &self.key_file {
            let text = fs::read_to_string(path);
            text.map_err(|error| CommandError::UnreadableFile(path.clone(), error))?
        } else if let Ok(text) = std::env::var(KEY_VARIABLE) {
            text
        } else {
            read_secret("private key or session token: ")?.ok_or(CommandError::NoImportKey)?
        };
        match text.trim() {
            "" => Err(CommandError::NoImportKey),
            text => Ok(Secret::from(text.to_owned())),
        }
    }
}

fn print_problem(problems: &mut u64, problem: &RefusedRecord) {
    *problems += 1;
    if *problems <= MAX_PRINTED_PROBLEMS {
        print_error!("parlor: {}", VisibleText(&problem.to_string()));
    }
}

/// Prints the summary. Fails if records were refused.
fn finish(summary: &ImportSummary, problems: u64) -> Result<(), CommandError> {
    print_line!("imported {}", describe(&summary.imported));
    let unchanged = summary.unchanged.total();
    if unchanged > 0 {
        print_line!("{unchanged} records were imported before");
    }
    if summary.new_webhook_secrets > 0 {
        print_error!(
            "parlor: {} webhooks have a new secret, because the file has none (export \
             --with-secrets). Copy it from the notification settings to the receiver",
            summary.new_webhook_secrets
        );
    }
    if problems > MAX_PRINTED_PROBLEMS {
        let more = problems - MAX_PRINTED_PROBLEMS;
        print_error!("parlor: {more} more records contradict what is stored");
    }
    match summary.refused.total() {
        0 => Ok(()),
        refused => Err(CommandError::NotImported(refused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_url_ends_in_v2() {
        for (text, expected) in [
            ("https://chat.example", "https://chat.example/v2"),
            ("https://chat.example/", "https://chat.example/v2"),
            ("https://chat.example/v2", "https://chat.example/v2"),
            ("https://chat.example/v2/", "https://chat.example/v2"),
            (
                "https://chat.example/chat?a#b",
                "https://chat.example/chat/v2",
            ),
            ("http://ann:pw@127.0.0.1:8787", "http://127.0.0.1:8787/v2"),
        ] {
            assert_eq!(parse_api_url(text).expect(text).as_str(), expected);
        }
        for text in ["", "chat.example", "ftp://chat.example"] {
            assert!(parse_api_url(text).is_err(), "{text}");
        }
    }
}
