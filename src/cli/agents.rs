//! `parlor agents`: accounts of the people who answer visitors.

use std::io::{self, Read, Write};

use clap::{Args, Subcommand};

use super::CommandError;
use super::database::{Database, ProjectArguments};
use super::output::{print_line, show_secret};
use super::secret_prompt::read_secret;
use super::visible_text::VisibleText;
use crate::config::{DEFAULT_LISTEN, parse_public_url};
use crate::domain::{
    AgentAccount, AgentId, AgentName, AgentRole, EmailAddress, MAX_PASSWORD_CHARS, Origin, Password,
};
use crate::service::agent_account::{AccountSpec, Link};
use crate::service::agent_commands::{self as service, AccountName};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub enum Agents {
    /// Create an account, and print a link with which its agent signs in and sets a password
    Add {
        #[command(flatten)]
        target: ProjectArguments,
        /// The name that visitors see, 1 to 100 characters
        #[arg(long)]
        name: AgentName,
        /// The e-mail address with which the agent signs in
        #[arg(long)]
        email: EmailAddress,
        /// owner: may also change keys, agents and settings, erase and export; agent: reads and answers conversations [default: owner for the first account of a project, else agent]
        #[arg(long, value_parser = parse_role)]
        role: Option<AgentRole>,
        #[command(flatten)]
        url: UrlArgument,
    },
    /// List the accounts: id, role, e-mail address, name, and whether there is a password
    List {
        #[command(flatten)]
        target: ProjectArguments,
    },
    /// Delete an account; running servers end its sessions within a second
    Remove {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        account: AccountArgument,
    },
    /// Set the password of an account, from a prompt or from standard input; its sessions end
    Password {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        account: AccountArgument,
    },
    /// Print a new link that signs an agent in once, for example after the password was lost; it replaces the earlier one
    Link {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        account: AccountArgument,
        #[command(flatten)]
        url: UrlArgument,
    },
}

/// The account that a command changes.
#[derive(Debug, Args)]
pub struct AccountArgument {
    /// The e-mail address or the id of the account, as `parlor agents list` shows them
    #[arg(value_name = "EMAIL|ID", value_parser = parse_account)]
    account: AccountName,
}

/// The beginning of links.
#[derive(Debug, Args)]
pub struct UrlArgument {
    /// The URL under which browsers reach the server, such as https://chat.example; links begin with it
    #[arg(long, env = "PARLOR_PUBLIC_URL", value_name = "URL", value_parser = parse_public_url)]
    public_url: Option<Origin>,
}

fn parse_role(text: &str) -> Result<AgentRole, String> {
    AgentRole::parse(text).map_err(|invalid| invalid.reason)
}

fn parse_account(text: &str) -> Result<AccountName, String> {
    if let Some(id) = AgentId::parse(text) {
        return Ok(AccountName::Id(id));
    }
    let expected = |_| "must be an e-mail address or an id, as `parlor agents list` shows them";
    let email = text.parse().map_err(expected)?;
    Ok(AccountName::Email(email))
}

impl Agents {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Agents::Add {
                target,
                name,
                email,
                role,
                url,
            } => add(&target, name, email, role, &url),
            Agents::List { target } => print_agents(&target),
            Agents::Remove { database, account } => {
                let store = database.open()?;
                let account = account.find(&store)?;
                service::delete(&store, account.seq)?;
                print_line!("removed {}", account.email);
                Ok(())
            }
            Agents::Password { database, account } => {
                let store = database.open()?;
                let account = account.find(&store)?;
                service::change_password(&store, account.seq, &read_password()?)?;
                print_line!(
                    "changed the password of {}; its sessions have ended",
                    account.email
                );
                Ok(())
            }
            Agents::Link {
                database,
                account,
                url,
            } => {
                let store = database.open()?;
                let account = account.find(&store)?;
                show_link(&url, &service::create_link(&store, account.seq)?)
            }
        }
    }
}

impl AccountArgument {
    fn find(self, store: &Store) -> Result<AgentAccount, CommandError> {
        let found = service::find(store, &self.account)?;
        found.ok_or(CommandError::NoSuchAgent(self.account))
    }
}

fn add(
    target: &ProjectArguments,
    name: AgentName,
    email: EmailAddress,
    role: Option<AgentRole>,
    url: &UrlArgument,
) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let spec = AccountSpec {
        name,
        email,
        role: match role {
            Some(role) => role,
            None => service::default_role(&store, project)?,
        },
        avatar_url: None,
    };
    let account = service::create(&store, project, spec)?;
    print_line!(
        "created the {} {} with the id {}",
        account.role.as_str(),
        account.email,
        account.id
    );
    show_link(url, &service::create_link(&store, account.seq)?)
}

/// Prints a link. If it cannot be printed, `parlor agents link` makes another one.
fn show_link(url: &UrlArgument, link: &Link) -> Result<(), CommandError> {
    let path = link.sign_in_path();
    show_secret(|out| {
        writeln!(out, "This link signs in once, within 7 days:")?;
        match &url.public_url {
            Some(public_url) => writeln!(out, "  {}{path}", public_url.as_str()),
            None => writeln!(
                out,
                "  http://{DEFAULT_LISTEN}{path}\n\
                 If the server has another URL, replace the beginning, or name it with \
                 --public-url URL."
            ),
        }
    })
    .map_err(CommandError::LinkNotShown)
}

/// The longest input that can have a password: 4 bytes for each character, and a line end.
const MAX_INPUT_BYTES: u64 = 4 * MAX_PASSWORD_CHARS as u64 + 2;

/// Reads a password from the terminal, twice, or the first line of standard input.
fn read_password() -> Result<Password, CommandError> {
    if let Some(first) = read_secret("new password: ")? {
        let second = read_secret("the same again: ")?.unwrap_or_default();
        if first != second {
            return Err(CommandError::PasswordsDiffer);
        }
        return parse_password(&first);
    }
    let mut input = String::new();
    io::stdin()
        .take(MAX_INPUT_BYTES + 1)
        .read_to_string(&mut input)?;
    parse_password(&input)
}

fn parse_password(input: &str) -> Result<Password, CommandError> {
    let line = input.lines().next().unwrap_or_default();
    line.parse().map_err(CommandError::InvalidPassword)
}

fn print_agents(target: &ProjectArguments) -> Result<(), CommandError> {
    let (store, project) = target.open()?;
    let mut out = io::stdout().lock();
    for agent in service::list(&store, project)? {
        let sign_in = if agent.has_password {
            "password"
        } else {
            "no password"
        };
        let (id, role, email) = (agent.id, agent.role.as_str(), VisibleText(&agent.email));
        let name = VisibleText(&agent.name);
        writeln!(out, "{id}  {role:<5}  {email}  {name}  ({sign_in})")?;
    }
    Ok(())
}
