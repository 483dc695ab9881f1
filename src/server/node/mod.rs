//! A province's server: services over the participant's engine, its vault, and its way to the hub.

mod alarms;
mod audit;
mod inspect;
mod members;
mod participant;
mod requests;
mod resolver;
mod statement;
mod vault;
mod wallets;

use crate::config::NodeConfig;
use crate::config::apps::NodeApp;
use crate::domain::machine::{Scan, TableRow};
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::node::{Input, NodeMachine, Record, in_suspense, open_legs};
use crate::domain::value::{ProvinceCode, RegionDirectory, StartId};
use crate::engine::{Clock, Core, Engine, Handle, Reader, SystemClock, last_stamp, outcome};
use crate::privacy::key::VaultKey;
use crate::privacy::names::Form;
use crate::privacy::random::random_16;
use crate::proto::hub::operation_service_server::{self, OperationServiceServer};
use crate::proto::node::audit_service_server::{self, AuditServiceServer};
use crate::proto::node::member_service_server::{self, MemberServiceServer};
use crate::proto::node::participant_service_server::{self, ParticipantServiceServer};
use crate::proto::node::wallet_service_server::{self, WalletServiceServer};
use crate::server::common::health::{Health, Need};
use crate::server::common::lists::Lists;
use crate::server::common::operations::Operations;
use crate::server::common::rulebook_reload::Rules;
use crate::server::common::running::{Ready, Stop};
use crate::server::common::sender::Mark;
use crate::server::common::serve::{ServerError, Setup, with_health};
use crate::server::common::snapshot_stream::Books;
use crate::server::common::unlisted_areas;
use crate::server::common::vault_keys::{self, VaultKeys};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, Tables as _, is_restored, replay, sqlite, unlisted};
use crate::transport::access::{AppGrant, GrantError, Grants};
use crate::transport::identity::Role;
use crate::transport::peer::Peer;
use crate::wire;
use crate::wire::reader::Former;
use resolver::{Asked, Resolver};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tonic::service::Routes;
use vault::Vault;

/// What the node's services share.
#[derive(Debug)]
pub(crate) struct Shared {
    province: ProvinceCode,
    engine: Handle<NodeMachine>,
    /// For what the hub waits for, the way to it, and rows by key: it never stands behind lists.
    protocol: Reader<Record>,
    lists: Lists<Record>,
    vault: Vault,
    places: Arc<RegionDirectory>,
    grants: Grants,
    mark: Mark,
    books: Books,
    clock: Arc<SystemClock>,
    asked: Asked,
}

impl Shared {
    /// Follows the key file at `path`.
    fn vault_keys(&self, path: PathBuf, restored: bool) -> VaultKeys<NodeMachine> {
        VaultKeys {
            keys: self.vault.keys(),
            path,
            engine: self.engine.clone(),
            reader: self.protocol.clone(),
            restored,
            clock: Arc::clone(&self.clock),
            keep: |ticket, changes| Input::Keep { ticket, changes },
        }
    }

    /// Reads requests for this node.
    fn reading(&self) -> wire::reader::Reader<'_> {
        self.reading_in(Form::TODAY, Former::No)
    }

    /// Reads requests with their texts in this form, and these places as they were once.
    fn reading_in(&self, form: Form, former: Former<'static>) -> wire::reader::Reader<'_> {
        wire::reader::Reader { regions: &self.places, home: Some(self.province), texts: form.texts(), former }
    }
}

fn grants(config: &NodeConfig) -> Result<Grants, GrantError> {
    let grant = |app: &NodeApp| {
        let methods = app.methods.iter().map(|method| format!("WalletService.{method}")).collect();
        (app.name.clone(), AppGrant { provinces: [config.province].into(), methods })
    };
    let grants = Grants::new(config.apps.iter().map(grant).collect())?;
    Ok(grants.with_callers(config.server.callers.clone()))
}

/// Legs in doubt, and the accounts in which something stands in suspense.
type AtStart = (Vec<LegRow>, Vec<AccountRow>);

/// Opens the node's store and reads what its start needs.
fn open(config: &NodeConfig) -> Result<(SqliteStore<Record>, AtStart, bool), ServerError> {
    let mut store = SqliteStore::open(&config.server.data, &format!("node:{}", config.province))?;
    replay::check_start::<Record>(&config.server.data)?;
    let mut in_doubt = Vec::new();
    for filter in open_legs() {
        let rows = store.scan(&Scan { filter, after: None, limit: usize::MAX })?;
        in_doubt.extend(rows.iter().filter_map(TableRow::of).cloned());
    }
    let rows = store.scan(&Scan { filter: in_suspense(), after: None, limit: usize::MAX })?;
    let at_start = (in_doubt, rows.iter().filter_map(TableRow::of).cloned().collect());
    // A restored store is old until the hub has said, after the restore, that nothing is missing.
    let resynced = |record: &Record| matches!(record, Record::NodeResynced(_));
    let restored = store.restored()?;
    let restored = is_restored(&mut store, restored, resynced)?;
    Ok((store, at_start, restored))
}

/// Runs a node until `stop`; tells `ready` where it listens.
pub async fn run(config: NodeConfig, ready: Ready, stop: Stop) -> Result<(), ServerError> {
    let setup = Setup::new(&config.server, Role::Node(config.province)).await?;
    let key = VaultKey::for_store(&config.server.vault_key, sqlite::exists(&config.server.data))?;
    let (mut store, (in_doubt, waiting), restored) = open(&config)?;
    let clock = Arc::new(SystemClock::new(config.server.civil_start, last_stamp(&mut store)?));
    let keys = vault_keys::begin(key, &config.server.vault_key, &mut store, (clock.as_ref(), restored))?;
    tracing::info!(in_doubt = in_doubt.len(), "the store is open");
    let places = Arc::new(config.server.regions.directory.clone());
    let rulebook = Arc::new(Rules::open(&config.server, Arc::clone(&places), Some(config.province))?);
    let start_id = StartId(random_16());
    let vault = Arc::clone(&keys) as Arc<dyn crate::domain::node::Vault>;
    let machine =
        NodeMachine::new(config.province, start_id, Arc::clone(&places), rulebook.now(), vault, in_doubt)
            .with_suspense(waiting);
    let [for_vault, for_lists, for_protocol] = [store.reader()?, store.reader()?, store.reader()?];
    let core = Core::new(machine, store)?;
    let (outlet, calls) = resolver::calls(Arc::clone(&clock));
    let own = core.incarnation();
    let first = if restored { vec![Input::Restored] } else { Vec::new() };
    if restored {
        tracing::warn!(
            "ALARM: this store was restored: nothing is served until the hub has told what is missing"
        );
    }
    let Engine { handle, thread } =
        crate::engine::start(core, Arc::clone(&clock) as Arc<dyn Clock>, Box::new(outlet), first)?;
    let engine = handle.with_waiting_max(config.server.limits.in_flight_max);
    // Until the hub gives this start its incarnation, the last one says which store this is.
    let mark = Mark::new(own, start_id, engine.heads(), Arc::clone(&clock));
    let hub = Peer::new(&config.hub, setup.tls(), Role::Hub, setup.role())?;
    let shared = Arc::new(Shared {
        province: config.province,
        engine: engine.clone(),
        protocol: Reader::new(for_protocol),
        lists: Lists::new(Reader::new(for_lists)),
        vault: Vault::new(Reader::new(for_vault), keys),
        places,
        grants: grants(&config)?,
        mark: mark.clone(),
        books: Books::new(config.server.data.clone()),
        clock,
        asked: Asked::default(),
    });
    unlisted_areas::tell(config.server.data.clone(), Arc::clone(&shared.places), unlisted::at_node);
    let watching = tokio::spawn(alarms::run(Arc::clone(&shared), config.server.alarms.clone()));
    let in_force = engine.clone();
    let reloading = tokio::spawn(rulebook.reload_on_hangup(move |book| in_force.tell(Input::Rules(book))));
    let sealing = tokio::spawn(shared.vault_keys(config.server.vault_key.clone(), restored).run());
    let served = serve(setup, &config, &shared, (hub, calls, restored), (ready, stop)).await;
    sealing.abort();
    watching.abort();
    reloading.abort();
    engine.stop();
    let ended = outcome(engine, thread).await;
    served?;
    Ok(ended?)
}

/// The hub, the calls to it, and whether the store was restored.
type ToHub = (Peer, tokio::sync::mpsc::UnboundedReceiver<resolver::HubCall>, bool);

/// The services that this server lists.
const SERVICES: [&str; 5] = [
    participant_service_server::SERVICE_NAME,
    member_service_server::SERVICE_NAME,
    wallet_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    operation_service_server::SERVICE_NAME,
];

async fn serve(
    setup: Setup,
    config: &NodeConfig,
    shared: &Arc<Shared>,
    (hub, calls, restored): ToHub,
    (ready, stop): (Ready, Stop),
) -> Result<(), ServerError> {
    let bytes_max = config.server.limits.message_bytes_max;
    let participants = participant::Participants { shared: Arc::clone(shared), checks: AtomicUsize::new(0) };
    let participants = ParticipantServiceServer::new(participants);
    let members = MemberServiceServer::new(members::Members(Arc::clone(shared)));
    let wallets = WalletServiceServer::new(wallets::Wallets(Arc::clone(shared)));
    let operations = Operations {
        engine: shared.engine.clone(),
        lists: shared.lists.clone(),
        clock: Arc::clone(&shared.clock),
        input: Box::new(|ticket, request| Input::Operate { ticket, request }),
        assign: |ticket, request| Input::Assign { ticket, request },
    };
    let services = Routes::new(participants.max_decoding_message_size(bytes_max))
        .add_service(members.max_decoding_message_size(bytes_max))
        .add_service(wallets.max_decoding_message_size(bytes_max))
        .add_service(AuditServiceServer::new(audit::Audits(Arc::clone(shared))))
        .add_service(OperationServiceServer::new(operations));
    let (reporter, services) = with_health(services, &SERVICES, config.server.reflection)?;
    // A node serves once the hub has given it its incarnation: before that it must not vote.
    let missing = [Need::Admitted, Need::Whole];
    let health = Health::new(reporter, Some(participant_service_server::SERVICE_NAME), &missing).await;
    let following = [
        tokio::spawn(health.clone().follow_clock(shared.clock.doubts())),
        tokio::spawn(health.clone().follow_engine(shared.engine.progress())),
    ];
    let resolver = Resolver {
        province: config.province,
        hub,
        mark: shared.mark.clone(),
        engine: shared.engine.clone(),
        health: health.clone(),
        reader: shared.protocol.clone(),
        clock: Arc::clone(&shared.clock),
        asked: shared.asked.clone(),
        restored: AtomicBool::new(restored),
    };
    let mut resolving = tokio::spawn(resolver.run(calls));
    let address = setup.address();
    tracing::info!(%address, province = %config.province, "the node serves");
    // Whoever started this server may not care where it listens.
    let _ = ready.send(address);
    let ended = shared.engine.clone().ended();
    let fenced = Arc::new(AtomicBool::new(false));
    let fence = Arc::clone(&fenced);
    let way = resolving.abort_handle();
    let stop = async move {
        tokio::select! {
            _ = stop => {}
            () = ended => {}
            ended = &mut resolving => fence.store(matches!(ended, Ok(true)), Ordering::Relaxed),
        }
        tracing::info!("stopping: calls that are running end first");
    };
    let served = setup.serve(&config.server, services, shared.grants.clone(), health, stop).await;
    way.abort();
    following.iter().for_each(tokio::task::JoinHandle::abort);
    served?;
    if fenced.load(Ordering::Relaxed) { Err(ServerError::Fenced) } else { Ok(()) }
}
