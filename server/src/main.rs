//! The `shelfscan-server` command: serve, and look after tokens.
//!
//! Owns arguments, signals and exit codes: 0 done, 1 it failed, 2 wrong arguments. All settings are in the environment.

#![forbid(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use shelfscan_server::database::Database;
use shelfscan_server::database::tokens::Role;
use shelfscan_server::{Config, Server, serve};
use tokio::net::TcpListener;

/// Recognises shelf photos, takes in the phones' crop queues, and has people label them.
///
/// Settings are environment variables, also from a file `.env`; docs/server.md lists them.
#[derive(Debug, Parser)]
#[command(name = "shelfscan-server", version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; what is done without a command.
    Serve,
    /// Make, list and take back tokens.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the public key that phones are given to trust the deltas of this server.
    Key,
    /// Write the API's description as OpenAPI JSON.
    Openapi,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it: this once, as only its hash is kept.
    Create {
        /// What it allows: device, reviewer or admin.
        #[arg(long)]
        role: Role,
        /// Whose it is, for the audit.
        #[arg(long, value_parser = name)]
        name: String,
    },
    /// List all tokens, without what it takes to use them.
    List,
    /// Take a token back; it works no more from the next request on.
    Revoke {
        /// Its id, as `list` shows it.
        id: String,
    },
}

fn name(text: &str) -> Result<String, String> {
    if (1..=100).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(text.into())
    } else {
        Err("1 to 100 bytes without control characters are needed".into())
    }
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info,sqlx=warn")).init();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run(arguments.command.unwrap_or(Command::Serve))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&*error),
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

async fn run(command: Command) -> Result<(), Box<dyn Error>> {
    if let Command::Openapi = command {
        println!("{}", shelfscan_server::description().to_pretty_json()?);
        return Ok(());
    }
    let config = Config::from_env()?;
    match command {
        Command::Key => {
            let key = shelfscan_server::signing::key(config.signing_key.0.as_deref(), &config.data)?;
            println!("{}", key.public());
            Ok(())
        }
        Command::Token(command) => tokens(&Database::open(&config.database_url.0).await?, command).await,
        _ => run_server(config).await,
    }
}

async fn run_server(config: Config) -> Result<(), Box<dyn Error>> {
    let listen = config.listen;
    let (server, writer) = Server::open(config).await?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("SHELFSCAN_LISTEN={listen}: {error}"))?;
    if server.database.tokens().await?.iter().all(|token| token.revoked_at.is_some()) {
        log::warn!("there is no token yet: `shelfscan-server token create --role admin --name NAME` makes one");
    }
    // Tests read this line to learn the port.
    log::info!("listening on http://{}", listener.local_addr()?);
    let house = tokio::spawn(server.clone().keep_house());
    serve(server.clone(), listener, stopped()).await?;
    house.abort();
    let _ = house.await;
    let database = server.database.clone();
    match Arc::try_unwrap(server) {
        // The writer ends when nobody can hand it rows any more.
        Ok(server) => drop(server),
        Err(_) => log::warn!("some requests were cut off"),
    }
    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), writer).await;
    database.close().await;
    Ok(())
}

/// Until somebody asks the process to end.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

async fn tokens(database: &Database, command: TokenCommand) -> Result<(), Box<dyn Error>> {
    match command {
        TokenCommand::Create { role, name } => {
            let (token, secret) = database.create_token(&name, role).await?;
            eprintln!("token {} for {} ({}); it is shown this once:", token.id, token.name, token.role);
            println!("{secret}");
        }
        TokenCommand::List => {
            for token in database.tokens().await? {
                let state = if token.revoked_at.is_some() { "revoked" } else { "good" };
                println!("{}  {:<8}  {:<7}  {}", token.id, token.role.name(), state, token.name);
            }
        }
        TokenCommand::Revoke { id } => {
            if !database.revoke_token(&id).await? {
                return Err(format!("there is no good token `{id}`; `token list` shows them").into());
            }
            eprintln!("token {id} works no more");
        }
    }
    database.close().await;
    Ok(())
}
