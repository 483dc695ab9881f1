//! The national hub's server: services over the coordinator's engine, and a dispatcher that carries its effects.

mod acceptance;
mod alarms;
mod announcer;
mod answers;
mod audit;
mod check;
mod compensations;
mod coordinator;
mod dispatcher;
mod due_alarms;
mod inquiries;
mod lane;
mod link;
mod lists;
mod node_status;
mod recovery;
mod regions;
mod repeats;
mod resync_tasks;
mod rulebooks;
mod settlement;
mod transfers;
mod tries;

use crate::config::HubConfig;
use crate::config::apps::{HubApp, Provinces};
use crate::config::limits::Limits;
use crate::config::peers::NodePeer;
use crate::domain::hub::tables::Key;
use crate::domain::hub::{Deadlines, HubMachine, Input, Record, first_window, unfinished_transfers};
use crate::store::{Tables as _, each_after, is_restored, sqlite, unlisted};

use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::machine::{Scan, SelfRow, TableRow};
use crate::domain::value::{ProvinceCode, RegionDirectory, StartId, WorkingDays};
use crate::engine::{Clock, Core, Engine, Handle, Reader, SystemClock, last_stamp, outcome};
use crate::privacy::in_force::KeyInForce;
use crate::privacy::key::VaultKey;
use crate::privacy::names::Form;
use crate::privacy::random::random_16;
use crate::proto::hub::audit_service_server::{self, AuditServiceServer};
use crate::proto::hub::compensation_service_server::{self, CompensationServiceServer};
use crate::proto::hub::coordinator_service_server::{self, CoordinatorServiceServer};
use crate::proto::hub::operation_service_server::{self, OperationServiceServer};
use crate::proto::hub::region_service_server::{self, RegionServiceServer};
use crate::proto::hub::rulebook_service_server::{self, RulebookServiceServer};
use crate::proto::hub::settlement_service_server::{self, SettlementServiceServer};
use crate::proto::hub::transfer_service_server::{self, TransferServiceServer};
use crate::server::common::health::Health;
use crate::server::common::lists::Lists;
use crate::server::common::operations::Operations;
use crate::server::common::rulebook_reload::Rules;
use crate::server::common::running::{Ready, Stop};
use crate::server::common::sender::Mark;
use crate::server::common::serve::{ServeError, ServerError, Setup, with_health};
use crate::server::common::snapshot_stream::Books;
use crate::server::common::unlisted_areas;
use crate::server::common::vault_keys::{self, VaultKeys};
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, replay};
use crate::transport::access::{AppGrant, GrantError, Grants};
use crate::transport::identity::Role;
use crate::transport::peer::Peer;
use crate::wire;
use crate::wire::reader::Former;
use inquiries::Inquiries;
use link::Link;
use recovery::Recovery;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tries::Tries;

/// What the hub's services share.
#[derive(Debug)]
pub(crate) struct Shared {
    engine: Handle<HubMachine>,
    /// For what the protocol and its callers wait for: rows by key, the journal.
    reader: Reader<Record>,
    /// For what nodes wait for: it never stands behind lists.
    protocol: Reader<Record>,
    lists: Lists<Record>,
    statements: settlement::statement::Statements,
    clock: Arc<SystemClock>,
    places: Arc<RegionDirectory>,
    places_version: String,
    rulebook: Arc<Rules>,
    /// By which due dates are counted.
    working_days: WorkingDays,
    keys: Arc<KeyInForce>,
    grants: Grants,
    links: BTreeMap<ProvinceCode, Link>,
    mark: Mark,
    books: Books,
    inquiries: Inquiries,
    tries: Arc<Tries>,
    deadline_default_ms: u64,
    recovery: Recovery,
    /// By when a break is to be closed after it was found.
    break_due_ms: u64,
    /// True from the moment that a stop is asked for: streams end then, so that draining does.
    stopping: watch::Receiver<bool>,
}

impl Shared {
    /// Follows the key file at `path`.
    fn vault_keys(&self, path: PathBuf) -> VaultKeys<HubMachine> {
        VaultKeys {
            keys: Arc::clone(&self.keys),
            path,
            engine: self.engine.clone(),
            reader: self.reader.clone(),
            restored: false,
            clock: Arc::clone(&self.clock),
            keep: |ticket, changes| Input::Keep { ticket, changes },
        }
    }

    /// Reads requests for this hub.
    fn reading(&self) -> wire::reader::Reader<'_> {
        self.reading_in(Form::TODAY, Former::No)
    }

    /// Reads requests with their texts in this form, and these places as they were once.
    fn reading_in<'a>(&'a self, form: Form, former: Former<'a>) -> wire::reader::Reader<'a> {
        wire::reader::Reader { regions: &self.places, home: None, texts: form.texts(), former }
    }

    /// Whether a caller may act for members of a province: pay from it, watch it.
    fn may_act_for(&self, role: &Role, province: ProvinceCode) -> bool {
        match role {
            Role::App(name) => self.grants.allows_province(name, province),
            Role::Platform(own) | Role::Node(own) => *own == province,
            Role::Operator(_) => true,
            Role::Hub | Role::Finance(..) => false,
        }
    }
}

fn grants(config: &HubConfig, places: &RegionDirectory) -> Result<Grants, GrantError> {
    let grant = |app: &HubApp| {
        let provinces = match &app.provinces {
            Provinces::All => places.provinces().map(|province| province.code).collect(),
            Provinces::Listed(listed) => listed.iter().copied().collect(),
        };
        let methods = app.methods.iter().map(|method| format!("TransferService.{method}")).collect();
        (app.name.clone(), AppGrant { provinces, methods })
    };
    let grants = Grants::new(config.apps.iter().map(grant).collect())?;
    let nodes = config.nodes.iter().map(|node| node.province);
    Ok(grants.with_callers(config.server.callers.clone()).with_nodes(nodes))
}

/// Opens the hub's store and reads what its start needs: what is unfinished, whom it must hear if it was restored, and
/// else the life in which it last recovered.
fn open(config: &HubConfig) -> Result<(SqliteStore<Record>, Input, Option<u64>), ServerError> {
    let mut store = SqliteStore::open(&config.server.data, "hub")?;
    replay::check_start::<Record>(&config.server.data)?;
    let everything = Scan { filter: unfinished_transfers(), after: None, limit: usize::MAX };
    let unfinished: Vec<TransferRow> =
        store.scan(&everything)?.iter().filter_map(TableRow::of).cloned().collect();
    tracing::info!(unsettled = unfinished.len(), "the store is open");
    // It is old until a recovery has ended after the restore.
    let restored = store.restored()?;
    let left_out = left_out_since(&mut store, restored)?;
    let restored = is_restored(&mut store, restored, |record| matches!(record, Record::HubRecovered(_)))?;
    if restored {
        tracing::warn!(
            "this store was restored from a backup: every node is asked what it lost, then the hub serves"
        );
    }
    let nodes: Vec<ProvinceCode> = config.nodes.iter().map(|node| node.province).collect();
    // A recovery that an earlier start began goes on without those that were left out of it.
    let waited_for: Vec<ProvinceCode> = nodes.iter().filter(|it| !left_out.contains(it)).copied().collect();
    let nodes = if waited_for.is_empty() { nodes } else { waited_for };
    let restored = Some(nodes).filter(|nodes| restored && !nodes.is_empty());
    let own = store.load(&[Key::OWN])?.into_iter().flatten().find_map(|row| SelfRow::of(&row).cloned());
    let recovered = own.map_or(0, |own| own.recovered);
    let recovered = restored.is_none().then_some(recovered);
    let first = store.scan(&first_window())?;
    let first_window = first.iter().find_map(|row| PositionRow::of(row).map(|row| row.window));
    Ok((store, Input::Start { unfinished, restored, first_window }, recovered))
}

/// A province that no node serves is out of reach from the start: nothing is held for a transfer that cannot be.
fn unserved(config: &HubConfig, places: &RegionDirectory) -> impl Iterator<Item = Input> {
    let served = |province| config.nodes.iter().any(|node| node.province == province);
    let unserved =
        places.provinces().map(|province| province.code).filter(move |province| !served(*province));
    unserved.map(|province| Input::Link { province, up: false })
}

/// Provinces that two operators have left out of the recovery since the store was restored.
fn left_out_since(
    store: &mut SqliteStore<Record>,
    restored: Option<u64>,
) -> Result<BTreeSet<ProvinceCode>, ServerError> {
    let mut left_out = BTreeSet::new();
    if let Some(after) = restored {
        each_after(store, after, |record| {
            if let Record::ProvinceLeftOut(record) = record {
                left_out.insert(record.province);
            }
            true
        })?;
    }
    Ok(left_out)
}

/// A link to each node that the configuration names.
fn links(
    config: &HubConfig,
    setup: &Setup,
    mark: &Mark,
) -> Result<BTreeMap<ProvinceCode, Link>, ServerError> {
    let link = |node: &NodePeer| {
        let peer = Peer::new(&node.address, setup.tls(), Role::Node(node.province), setup.role())?;
        Ok((node.province, Link::new(node.province, peer, mark.clone())))
    };
    config.nodes.iter().map(link).collect()
}

/// Starts what looks by itself, from time to time: at what waits, and at the key file.
fn look(shared: &Arc<Shared>, config: &HubConfig, news: watch::Receiver<()>) -> [JoinHandle<()>; 6] {
    let with = || (Arc::clone(shared), config.server.alarms.clone());
    [
        tokio::spawn(shared.vault_keys(config.server.vault_key.clone()).run()),
        tokio::spawn(alarms::run(with())),
        tokio::spawn(alarms::run_breaks(with())),
        tokio::spawn(due_alarms::run(with())),
        tokio::spawn(settlement::task::run(with())),
        tokio::spawn(announcer::run(Arc::clone(shared), news)),
    ]
}

/// How long transfers may take.
fn deadlines(limits: &Limits) -> Deadlines {
    Deadlines { least_ms: limits.deadline_min_ms, most_ms: limits.deadline_max_ms }
}

/// Runs a hub until `stop`; tells `ready` where it listens.
pub async fn run(config: HubConfig, ready: Ready, stop: Stop) -> Result<(), ServerError> {
    let setup = Setup::new(&config.server, Role::Hub).await?;
    let key = VaultKey::for_store(&config.server.vault_key, sqlite::exists(&config.server.data))?;
    let (mut store, start, recovered) = open(&config)?;
    let clock = Arc::new(SystemClock::new(config.server.civil_start, last_stamp(&mut store)?));
    let keys = vault_keys::begin(key, &config.server.vault_key, &mut store, (clock.as_ref(), false))?;
    let recovery = Recovery::new(recovered);
    let places = Arc::new(config.server.regions.directory.clone());
    let rulebook = Arc::new(Rules::open(&config.server, Arc::clone(&places), None)?);
    let start_id = StartId(random_16());
    let limits = &config.server.limits;
    let machine = HubMachine::new(start_id, Arc::clone(&places), rulebook.now(), deadlines(limits));
    let views = [store.reader()?, store.reader()?, store.reader()?, store.reader()?];
    let [reader, protocol, lists, statements] = views.map(Reader::new);
    let core = Core::new(machine, store)?;
    let (dispatcher, lanes) =
        dispatcher::dispatcher(config.nodes.iter().map(|node| node.province), Arc::clone(&clock));
    let news = dispatcher.news();
    let incarnation = core.incarnation() + 1;
    let first = [start].into_iter().chain(unserved(&config, &places)).collect();
    let Engine { handle, thread } =
        crate::engine::start(core, Arc::clone(&clock) as Arc<dyn Clock>, Box::new(dispatcher), first)?;
    let engine = handle.with_waiting_max(limits.in_flight_max);
    let mark = Mark::new(incarnation, start_id, engine.heads(), Arc::clone(&clock));
    let links = links(&config, &setup, &mark)?;
    let tasks = lanes.run(links.clone(), &engine, protocol.clone(), (mark.clone(), recovery.clone()));
    let in_force = engine.clone();
    let reloading =
        tokio::spawn(Arc::clone(&rulebook).reload_on_hangup(move |book| in_force.tell(Input::Rules(book))));
    let (stop_streams, stopping) = watch::channel(false);
    let shared = Arc::new(Shared {
        engine: engine.clone(),
        reader,
        protocol,
        lists: Lists::new(lists),
        statements: settlement::statement::Statements::new(statements),
        clock,
        grants: grants(&config, &places)?,
        places,
        places_version: config.server.regions.version.clone(),
        rulebook,
        working_days: config.working_days.clone(),
        keys,
        links,
        mark,
        books: Books::new(config.server.data.clone()),
        inquiries: Inquiries::new(config.nodes.iter().map(|node| node.province), limits.inquiries_max),
        tries: Arc::new(Tries::new(limits)),
        deadline_default_ms: limits.deadline_default_ms,
        break_due_ms: config.settlement.break_due_s.saturating_mul(1_000),
        stopping,
        recovery,
    });
    let stop = async move {
        // Whoever started this server asks for its end, or has gone.
        let _ = stop.await;
        stop_streams.send_replace(true);
    };
    unlisted_areas::tell(config.server.data.clone(), Arc::clone(&shared.places), unlisted::at_hub);
    let watching = look(&shared, &config, news);
    let served = serve(setup, &config, &shared, ready, stop).await;
    drop(tasks);
    watching.iter().for_each(JoinHandle::abort);
    reloading.abort();
    engine.stop();
    let ended = outcome(engine, thread).await;
    served?;
    Ok(ended?)
}

/// The services that this server lists.
const SERVICES: [&str; 8] = [
    transfer_service_server::SERVICE_NAME,
    coordinator_service_server::SERVICE_NAME,
    region_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    rulebook_service_server::SERVICE_NAME,
    compensation_service_server::SERVICE_NAME,
    operation_service_server::SERVICE_NAME,
    settlement_service_server::SERVICE_NAME,
];

async fn serve(
    setup: Setup,
    config: &HubConfig,
    shared: &Arc<Shared>,
    ready: Ready,
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let bytes_max = config.server.limits.message_bytes_max;
    let transfers = TransferServiceServer::new(transfers::Transfers(Arc::clone(shared)));
    let coordinator = CoordinatorServiceServer::new(coordinator::Nodes(Arc::clone(shared)));
    let regions = RegionServiceServer::new(regions::Regions(Arc::clone(shared)));
    let compensations = CompensationServiceServer::new(compensations::Compensations(Arc::clone(shared)));
    let rulebooks = RulebookServiceServer::new(rulebooks::Rulebooks(Arc::clone(shared)));
    let reading = Arc::clone(shared);
    let operations = Operations {
        engine: shared.engine.clone(),
        lists: shared.lists.clone(),
        clock: Arc::clone(&shared.clock),
        input: Box::new(move |ticket, request| {
            let reads_cuts = reading.cuts_unread_by().is_none();
            Input::Operate { ticket, request, reads_cuts }
        }),
        assign: |ticket, request| Input::Assign { ticket, request },
    };
    let services = Routes::new(transfers.max_decoding_message_size(bytes_max))
        .add_service(coordinator.max_decoding_message_size(bytes_max))
        .add_service(regions.max_decoding_message_size(bytes_max))
        .add_service(AuditServiceServer::new(audit::Audits(Arc::clone(shared))))
        .add_service(compensations.max_decoding_message_size(bytes_max))
        .add_service(rulebooks.max_decoding_message_size(bytes_max))
        .add_service(OperationServiceServer::new(operations))
        .add_service(SettlementServiceServer::new(settlement::Settlement(Arc::clone(shared))));
    let (reporter, services) = with_health(services, &SERVICES, config.server.reflection)?;
    let health = Health::new(reporter, None, &[]).await;
    let following = [
        tokio::spawn(health.clone().follow_clock(shared.clock.doubts())),
        tokio::spawn(health.clone().follow_engine(shared.engine.progress())),
    ];
    let address = setup.address();
    tracing::info!(%address, "the hub serves");
    // Whoever started this server may not care where it listens.
    let _ = ready.send(address);
    let ended = shared.engine.clone().ended();
    let stop = async move {
        tokio::select! {
            () = stop => {}
            () = ended => {}
        }
        tracing::info!("stopping: calls that are running end first");
    };
    let served = setup.serve(&config.server, services, shared.grants.clone(), health, stop).await;
    following.iter().for_each(JoinHandle::abort);
    served
}
