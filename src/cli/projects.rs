//! `parlor projects`: list, show, create, change and remove projects.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use clap::{Args, Subcommand};
use tokio::runtime::Builder;

use super::CommandError;
use super::database::{Database, ProjectArguments};
use super::keys::print_project_keys;
use super::output::{print_error, print_line, show_secret};
use super::progress::with_progress_bar;
use super::visible_text::VisibleText;
use crate::domain::{
    ChatWidgetConfig, Label, MAX_DESCRIPTION_CHARS, MAX_MESSAGE_QUOTA, MAX_PLAN_CHARS, Project,
    ProjectChange, ProjectName, ProjectStatistics, ProjectSummary, Timestamp, WIDGET_SETTINGS,
    WidgetChange, WidgetSetting, WidgetValue, month_name,
};
use crate::service::{project, project_removal, setup};
use crate::store::Store;

#[derive(Debug, Subcommand)]
pub enum Projects {
    /// List the projects: id, conversations, messages of visitors in this month, quota, plan, name
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Show a project: its properties, the settings of its chat widget and its statistics
    Show {
        #[command(flatten)]
        target: ProjectArguments,
    },
    /// Create a project, and print its id and its first keys, which are shown only once
    Create {
        #[command(flatten)]
        database: Database,
        /// The name of the website, 1 to 100 characters; no other project has it
        #[arg(long)]
        name: ProjectName,
        #[command(flatten)]
        options: OptionArguments,
    },
    /// Change a project; options that are not given stay unchanged. Running servers apply the change at once
    Set {
        #[command(flatten)]
        target: ProjectArguments,
        /// The name of the website, 1 to 100 characters; no other project has it
        #[arg(long)]
        name: Option<ProjectName>,
        #[command(flatten)]
        options: OptionArguments,
    },
    /// Remove a project with all its conversations, visitors, keys and documents
    Remove {
        #[command(flatten)]
        database: Database,
        /// The project's id or name, as `parlor projects list` shows it
        #[arg(value_name = "ID|NAME")]
        project: String,
        /// Confirm the removal, which cannot be undone
        #[arg(long)]
        yes: bool,
    },
}

/// The properties of a project, except its name.
#[derive(Debug, Args)]
pub struct OptionArguments {
    /// What the website is about, at most 500 characters; an empty text removes the description
    #[arg(long)]
    description: Option<NewLabel<MAX_DESCRIPTION_CHARS>>,
    /// The plan: `free` has no answers by a model, every other plan has; an empty text removes the plan
    #[arg(long)]
    plan: Option<NewLabel<MAX_PLAN_CHARS>>,
    /// Messages that visitors may send in a calendar month (UTC): a number, `unlimited`, or `default` for --monthly-messages of the server
    #[arg(long, value_name = "N", value_parser = parse_quota)]
    monthly_messages: Option<Quota>,
    /// A setting of the chat widget, such as brandColor=#0a7; may be repeated. `parlor projects show` lists the keys
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_setting)]
    set: Vec<NewSetting>,
    /// A setting of the chat widget that returns to its default; may be repeated
    #[arg(long, value_name = "KEY", value_parser = find_setting)]
    unset: Vec<&'static WidgetSetting>,
}

/// A description or the name of a plan. None: an empty text, which removes the old one.
#[derive(Debug, Clone)]
pub struct NewLabel<const MAX: usize>(Option<Label<MAX>>);

impl<const MAX: usize> FromStr for NewLabel<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_empty = text.is_empty();
        let label = (!is_empty).then(|| text.parse()).transpose();
        label.map(Self)
    }
}

/// The quota of a project. None: the setting of the server.
#[derive(Debug, Clone, Copy)]
pub struct Quota(Option<u32>);

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("default"),
            Some(0) => f.write_str("unlimited"),
            Some(limit) => write!(f, "{limit}"),
        }
    }
}

fn parse_quota(text: &str) -> Result<Quota, String> {
    match text {
        "default" => Ok(Quota(None)),
        "unlimited" => Ok(Quota(Some(0))),
        number => {
            let limit = number
                .parse()
                .ok()
                .filter(|limit| *limit <= MAX_MESSAGE_QUOTA);
            let limit = limit.ok_or("must be a whole number, `unlimited` or `default`")?;
            Ok(Quota(Some(limit)))
        }
    }
}

/// A setting of the chat widget with its new value.
type NewSetting = (&'static WidgetSetting, WidgetValue);

fn parse_setting(text: &str) -> Result<NewSetting, String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    let setting = find_setting(key)?;
    Ok((setting, setting.parse(value)?))
}

fn find_setting(key: &str) -> Result<&'static WidgetSetting, String> {
    WidgetSetting::find(key).ok_or_else(|| {
        let keys: Vec<_> = WIDGET_SETTINGS.iter().map(|setting| setting.key).collect();
        format!(
            "{key:?} is no setting; the settings are: {}",
            keys.join(", ")
        )
    })
}

impl OptionArguments {
    /// The change of a project.
    ///
    /// # Errors
    /// [`CommandError::RepeatedSetting`] if --set and --unset name a setting twice.
    fn into_change(self, name: Option<ProjectName>) -> Result<ProjectChange, CommandError> {
        let unset = self.unset.into_iter().map(|setting| (setting, None));
        let set = self
            .set
            .into_iter()
            .map(|(setting, value)| (setting, Some(value)));
        let widget: Vec<_> = unset.chain(set).collect();
        let mut keys = HashSet::new();
        let repeated = widget.iter().find(|(setting, _)| !keys.insert(setting.key));
        if let Some((setting, _)) = repeated {
            return Err(CommandError::RepeatedSetting(setting.key));
        }
        Ok(ProjectChange {
            name,
            description: self.description.map(|description| description.0),
            plan: self.plan.map(|plan| plan.0),
            message_quota: self.monthly_messages.map(|quota| quota.0),
            widget: WidgetChange(widget),
            ..ProjectChange::default()
        })
    }
}

impl Projects {
    pub fn run(self) -> Result<(), CommandError> {
        match self {
            Projects::List { database } => list(&database.open()?),
            Projects::Show { target } => {
                let (store, summary) = target.open_summary()?;
                show(&store, &summary)
            }
            Projects::Create {
                database,
                name,
                options,
            } => {
                let change = options.into_change(None)?;
                create(&database.open()?, &name, &change)
            }
            Projects::Set {
                target,
                name,
                options,
            } => set(&target, &options.into_change(name)?),
            Projects::Remove {
                database,
                project,
                yes,
            } => remove(&database.open()?, &project, yes),
        }
    }
}

fn list(store: &Store) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    for one in project::list(store)? {
        let conversations = count(one.conversations(), "conversation");
        let messages = project::messages_in_month(store, one.seq, Timestamp::now())?;
        let messages = count(messages, "message");
        let plan = VisibleText(one.plan.as_deref().unwrap_or("no plan"));
        writeln!(
            out,
            "{}  {conversations}, {messages} this month, quota {}, {plan}  {}",
            one.id,
            Quota(one.message_quota),
            VisibleText(&one.name)
        )?;
    }
    Ok(())
}

/// A number with its noun.
fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn show(store: &Store, summary: &ProjectSummary) -> Result<(), CommandError> {
    let project = project::read_blocking(store, summary.seq)?;
    let statistics = project::statistics(store, summary.seq)?;
    let mut out = io::stdout().lock();
    print_properties(&mut out, summary, &project)?;
    print_statistics(&mut out, summary, &statistics)?;
    print_widget(&mut out, &project.chat_widget_config)?;
    Ok(())
}

fn print_properties(
    out: &mut impl Write,
    summary: &ProjectSummary,
    project: &Project,
) -> io::Result<()> {
    let description = VisibleText(project.description.as_deref().unwrap_or("none"));
    let plan = VisibleText(summary.plan.as_deref().unwrap_or("none"));
    writeln!(out, "id           {}", project.id)?;
    writeln!(out, "name         {}", VisibleText(&project.name))?;
    writeln!(out, "description  {description}")?;
    writeln!(out, "plan         {plan}")?;
    writeln!(out, "quota        {}", Quota(summary.message_quota))
}

fn print_statistics(
    out: &mut impl Write,
    summary: &ProjectSummary,
    statistics: &ProjectStatistics,
) -> io::Result<()> {
    let total = summary.conversations();
    let (open, closed) = (summary.open_conversations, summary.closed_conversations);
    let with_agent = statistics.with_agent;
    let percent = 100.0 * with_agent as f64 / total.max(1) as f64;
    let (likes, dislikes) = (statistics.likes, statistics.dislikes);
    writeln!(out, "\nstatistics")?;
    writeln!(
        out,
        "  conversations  {total}: {open} open, {closed} closed"
    )?;
    writeln!(out, "  with an agent  {with_agent} ({percent:.1} %)")?;
    writeln!(
        out,
        "  feedback       {}, {}",
        count(likes, "like"),
        count(dislikes, "dislike")
    )?;
    writeln!(out, "  messages of visitors by month (UTC)")?;
    for (month, messages) in &statistics.messages_by_month {
        writeln!(out, "    {}  {messages}", month_name(*month))?;
    }
    Ok(())
}

fn print_widget(out: &mut impl Write, config: &ChatWidgetConfig) -> io::Result<()> {
    writeln!(out, "\nchat widget (* is set)")?;
    for setting in &WIDGET_SETTINGS {
        let mark = if config.is_set(setting) { '*' } else { ' ' };
        let value = config.value(setting);
        let value = value.map_or_else(
            || "null".to_owned(),
            |value| format!("{:?}", value.to_string()),
        );
        writeln!(out, "{mark} {:<26}  {value}", setting.key)?;
    }
    Ok(())
}

fn set(target: &ProjectArguments, change: &ProjectChange) -> Result<(), CommandError> {
    if *change == ProjectChange::default() {
        let options = "--name, --description, --plan, --monthly-messages, --set or --unset";
        return Err(CommandError::NoChange(options));
    }
    let (store, summary) = target.open_summary()?;
    project::change_blocking(&store, summary.seq, change)?;
    warn_of_contrast(&change.widget);
    print_line!("changed {}", summary.id);
    Ok(())
}

fn create(store: &Store, name: &ProjectName, change: &ProjectChange) -> Result<(), CommandError> {
    warn_of_contrast(&change.widget);
    setup::create_project(store, name, change, |id, keys| {
        show_secret(|out| {
            writeln!(
                out,
                "created the project {id} with two keys, which are shown only now:"
            )?;
            print_project_keys(out, keys)
        })
    })?;
    Ok(())
}

/// Warns of colours that are hard to see.
fn warn_of_contrast(change: &WidgetChange) {
    for (setting, value) in &change.0 {
        let warning = value
            .as_ref()
            .and_then(|value| setting.contrast_warning(value));
        if let Some(warning) = warning {
            print_error!("parlor: {warning}");
        }
    }
}

fn remove(store: &Store, name: &str, is_confirmed: bool) -> Result<(), CommandError> {
    let project = project::select(store, Some(name))?;
    if !is_confirmed {
        return Err(CommandError::NotConfirmed(project.name));
    }
    let total = project.conversations();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    with_progress_bar(|progress| {
        runtime.block_on(project_removal::remove(store, &project, |deleted| {
            progress(deleted, total, "conversations");
        }))
    })?;
    print_line!(
        "removed {} with {}",
        project.id,
        count(total, "conversation")
    );
    Ok(())
}
