//! `local`: the whole path without a cluster. The same files, the same validation, documents and statuses,
//! the real pod; only reading and writing differ from a cluster.

pub mod figures_file;
pub mod greeting;
pub mod ledger_file;
pub mod mount;
pub mod objects;
pub mod pod;
pub mod port_offset;
pub mod projection;
pub mod provision;
pub mod quickstart;
pub mod terminal;
pub mod watch;

use crate::faults::Found;
use crate::files::dereference;
use crate::files::source::read_directory;
use crate::files::{Ledger, Notice, ObjectId, SourceFile};
use crate::pod_status;
use crate::reconcile::build::{self, Built, Moment};
use crate::reconcile::dereference::Operator;
use crate::reconcile::report::{PodReport, PodStatus};
use crate::reconcile::update_status::Statuses;
use crate::reconcile::validate::{Validated, validate};
use crate::reconcile::{Object, apply, update_status};
use anyhow::{Context as _, Result, bail};
use figures_file::FiguresFile;
use greeting::{People, Place};
use k8s_openapi::jiff::Timestamp;
use ledger_file::LedgerFile;
use mailaccess_config::MailboxAddress;
use mailaccess_crds::ConditionStatus;
use mount::Mount;
use objects::Objects;
use pod::{Pod, PodArguments};
use port_offset::PortOffset;
use provision::Provision;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use terminal::Terminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep, sleep_until};
use watch::Watch;

/// What holds while files cannot be read.
const LAST_ACCEPTED: &str = "what was accepted last stays in force";
/// The only pod's name.
const POD: &str = "local";
/// How often the pod is asked while nothing is: it may become unready.
const ASK_SELDOM: Duration = Duration::from_secs(2);
/// How often while something is outstanding.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How soon after something was written; then less and less often.
const ASK_SOON: Duration = Duration::from_millis(20);
/// Documents are written at most so often: the first change at once, later ones collected.
const WRITE_EVERY: Duration = Duration::from_millis(200);
/// Certificates come of age while nobody edits anything.
const LOOK_EVERY: Duration = Duration::from_hours(1);

/// What `local` was started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The files.
    pub directory: PathBuf,
    /// Whose passwords are known.
    pub people: People,
    /// Mail and state.
    pub data: PathBuf,
    /// The namespace of objects that name none.
    pub namespace: String,
    /// Which server, if there are several.
    pub server: Option<String>,
    /// Where the pod listens.
    pub bind: IpAddr,
    /// Added to each port.
    pub port_offset: PortOffset,
    /// The pod's binary.
    pub binary: PathBuf,
    /// What the pod logs.
    pub log: String,
    /// What the operator of a cluster would be started with.
    pub operator: Operator,
}

/// How `local` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Somebody asked for it.
    Asked,
    /// The pod ended by itself.
    PodDied,
}

/// Runs until somebody ends it or the pod dies.
pub async fn run<W: Write>(options: Options, out: W) -> Result<End> {
    let mut watch = Watch::start(&options.directory)
        .with_context(|| format!("watch {}", options.directory.display()))?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // A terminal that is closed.
    let mut hangup = signal(SignalKind::hangup())?;
    let mut local = Local::open(options, out)?;
    let end = tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(End::Asked),
        _ = terminate.recv() => Ok(End::Asked),
        _ = hangup.recv() => Ok(End::Asked),
        end = local.serve(&mut watch) => end,
    };
    let stopped = local.stop_pod().await;
    let end = end?;
    stopped?;
    Ok(end)
}

/// What `local` waits for.
enum Event {
    /// The files are others.
    Edited,
    /// The pod says something else, or nothing any more.
    Said(Option<PodStatus>),
    /// Certificates may have come of age.
    Hour,
    /// The pod did, by itself.
    Ended(String),
}

/// Everything that `local` holds.
struct Local<W> {
    /// Two on the same data would write over each other.
    _lock: File,
    options: Options,
    terminal: Terminal<W>,
    ledger: Ledger,
    memory: LedgerFile,
    figures: FiguresFile,
    objects: Objects,
    mount: Mount,
    pod: Option<Pod>,
    report: PodReport,
    provision: Provision,
    /// The server that is served, while there is one.
    server: Option<ObjectId>,
    outstanding: bool,
    /// How long to wait before the pod is asked again.
    patience: Duration,
    /// The server whose greeting was printed.
    greeted: Option<ObjectId>,
    /// What was said last of servers that are not served.
    unserved: String,
    /// What was said last of a directory that cannot be read.
    unreadable: Option<String>,
}

impl<W: Write> Local<W> {
    fn open(options: Options, out: W) -> Result<Self> {
        let open = |name: &str| options.data.join(name);
        let lock = File::create(open(LOCK)).context("open the lock file")?;
        if lock.try_lock().is_err() {
            bail!("another `local` uses {}", options.data.display());
        }
        let mut terminal = Terminal::new(out);
        let mut ledger = Ledger::new(&options.namespace);
        let memory = LedgerFile::open(open(LEDGER), &mut ledger, &mut terminal)?;
        Ok(Self {
            _lock: lock,
            objects: Objects::open(open("objects")).context("open the folder of objects")?,
            mount: Mount::open(open("documents")).context("open the folder of documents")?,
            terminal,
            ledger,
            memory,
            figures: FiguresFile::new(open(figures_file::NAME)),
            pod: None,
            report: PodReport {
                pod: POD.to_owned(),
                said: None,
                ..PodReport::default()
            },
            provision: Provision::new(&options.binary, open(MAIL)),
            server: None,
            outstanding: true,
            patience: ASK_SOON,
            greeted: None,
            unserved: String::new(),
            unreadable: None,
            options,
        })
    }

    /// Never returns but when the pod ends by itself or something cannot be written.
    async fn serve(&mut self, watch: &mut Watch) -> Result<End> {
        self.read_files()?;
        self.refuse_to_guess()?;
        loop {
            let next_write = Instant::now() + WRITE_EVERY;
            self.reconcile().await?;
            match self.wait(watch).await {
                Event::Edited => {
                    sleep_until(next_write).await;
                    self.provision.try_again();
                    self.read_files_again()?;
                }
                Event::Said(said) => self.report.said = said,
                Event::Hour => self.provision.try_again(),
                Event::Ended(how) => {
                    self.pod = None;
                    self.terminal
                        .say(&format!("the pod ended by itself: {how}"))?;
                    return Ok(End::PodDied);
                }
            }
        }
    }

    /// Waits until something is other than it was. What the pod says again is not.
    async fn wait(&mut self, watch: &mut Watch) -> Event {
        let look_again = Instant::now() + LOOK_EVERY;
        loop {
            let admin = self.pod.is_some().then(|| self.admin());
            let pause = if self.outstanding {
                self.patience
            } else {
                ASK_SELDOM
            };
            tokio::select! {
                biased;
                ended = pod_ended(self.pod.as_mut()) => return Event::Ended(ended),
                () = watch.changed() => return Event::Edited,
                said = ask_again(admin, pause) => {
                    self.patience = ASK_EVERY.min(self.patience * 2);
                    if said != self.report.said {
                        return Event::Said(said);
                    }
                }
                () = sleep_until(look_again) => return Event::Hour,
            }
        }
    }

    /// Reads the files again. A directory that cannot be read, as during a checkout, changes nothing.
    fn read_files_again(&mut self) -> Result<()> {
        let directory = self.options.directory.display();
        match read_directory(&self.options.directory) {
            Ok(files) => {
                self.unreadable = None;
                self.apply_files(&files)
            }
            Err(error) => {
                let said = format!("refused: read {directory}: {error}\n  {LAST_ACCEPTED}");
                if self.unreadable.as_ref() != Some(&said) {
                    self.terminal.say(&said)?;
                }
                self.unreadable = Some(said);
                Ok(())
            }
        }
    }

    fn read_files(&mut self) -> Result<()> {
        let files = read_directory(&self.options.directory)
            .with_context(|| format!("read {}", self.options.directory.display()))?;
        self.apply_files(&files)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the driver reads the clock; what it calls is told"
    )]
    fn apply_files(&mut self, files: &[SourceFile]) -> Result<()> {
        for notice in self.ledger.apply(files, Timestamp::now()) {
            self.terminal.notice(&notice)?;
            if let Notice::Refused { fault, .. } = &notice {
                self.figures.refused(fault);
            }
        }
        // Before anything of it is served: what was accepted stays so whenever this process ends.
        self.memory.keep(&self.ledger, &mut self.terminal)
    }

    /// Once through all five steps.
    async fn reconcile(&mut self) -> Result<()> {
        let server = self.choose_server();
        if self.server != server
            && let Some(before) = self.server.take()
        {
            tracing::debug!(%before, "no longer served");
            self.stop_pod().await?;
            self.greeted = None;
        }
        self.server = server;
        self.show_unserved()?;
        self.collect_garbage()?;
        let mut found = Found::default();
        if let Some(id) = self.server.clone() {
            let world = dereference::dereference(&self.ledger, &id, self.surroundings()?);
            let Some(mut world) = world else {
                bail!("{id} vanished while it was looked at");
            };
            let validated = validate(&world);
            found = Found::of(&validated);
            let moment = Moment {
                now: world.now,
                fresh_key: &world.fresh_key,
                pods: &world.pods,
                cluster_domain: &world.operator.cluster_domain,
            };
            let built = build::build(&validated, &moment);
            self.make_mailboxes(&validated).await?;
            self.write(&built, world.now)?;
            self.run_pod().await?;
            world.pods = self.pods();
            let statuses = update_status::compute(&world, &validated, &built);
            self.show(&id, &statuses)?;
            self.outstanding = statuses.is_outstanding();
            self.greet(&id, &validated, &built, &statuses)?;
        }
        self.show_orphans(&mut found)?;
        self.figures.judged(found);
        self.figures.write()?;
        self.memory.keep(&self.ledger, &mut self.terminal)
    }

    fn write(&mut self, built: &Built, now: Timestamp) -> Result<()> {
        let existing = self.objects.all();
        let changes = apply::changes(built, &existing);
        if !changes.is_empty() {
            self.patience = ASK_SOON;
        }
        for object in &changes {
            tracing::debug!(kind = object.kind(), name = object.name(), "write");
        }
        self.objects.write(&changes).context("write the objects")?;
        let written = self.objects.all();
        if let Some(deployment) = deployment(&written) {
            let written: Vec<&Object> = written.iter().collect();
            let files = projection::project(deployment, &written);
            self.mount
                .show(&files, now)
                .context("write the documents")?;
        }
        Ok(())
    }

    async fn make_mailboxes(&mut self, validated: &Validated) -> Result<()> {
        let Some(settings) = &validated.settings else {
            return Ok(());
        };
        let people: BTreeSet<MailboxAddress> = validated
            .people
            .passwords
            .iter()
            .filter(|(address, hash)| hash.is_some() && settings.has_domain(address.domain()))
            .map(|(address, _)| address.clone())
            .collect();
        for news in self.provision.provide(&settings.store.path, &people).await {
            self.terminal.say(&news)?;
        }
        Ok(())
    }

    /// One pod stands for all replicas.
    async fn run_pod(&mut self) -> Result<()> {
        let written = self.objects.all();
        let replicas = deployment(&written)
            .and_then(|deployment| deployment.spec.as_ref()?.replicas)
            .unwrap_or_default();
        match (&self.pod, replicas > 0) {
            (None, true) => {
                // Another pod's answers would be taken for those of ours.
                if !pod_status::falls_silent(self.admin()).await {
                    bail!(
                        "{} is taken, perhaps by another `local`: try --port-offset",
                        self.admin()
                    );
                }
                let arguments = PodArguments {
                    documents: self.mount.path().to_owned(),
                    volume: self.provision.volume().to_owned(),
                    bind: self.options.bind,
                    port_offset: self.options.port_offset,
                    log: self.options.log.clone(),
                };
                let pod = Pod::start(&self.options.binary, &arguments).context("start the pod")?;
                tracing::debug!(id = pod.id(), "the pod runs");
                self.pod = Some(pod);
            }
            (Some(_), false) => self.stop_pod().await?,
            _ => {}
        }
        Ok(())
    }

    async fn stop_pod(&mut self) -> Result<()> {
        self.report.said = None;
        if let Some(pod) = self.pod.take() {
            pod.stop().await.context("stop the pod")?;
        }
        Ok(())
    }

    /// What a cluster does with the objects of a server that is gone.
    fn collect_garbage(&mut self) -> Result<()> {
        let owners = dereference::servers(&self.ledger)
            .into_iter()
            .filter_map(|id| dereference::uid(&self.ledger, &id))
            .collect();
        self.objects
            .keep_controlled_by(&owners)
            .context("delete the objects of a server that is gone")
    }

    fn pods(&self) -> Vec<PodReport> {
        self.pod.iter().map(|_| self.report.clone()).collect()
    }

    /// Among several, the one that is served already: another file ends nobody's session. Else none.
    fn choose_server(&self) -> Option<ObjectId> {
        let servers = dereference::servers(&self.ledger);
        match (&self.options.server, servers.as_slice()) {
            (Some(name), servers) => servers.iter().find(|server| server.name == *name).cloned(),
            (None, [server]) => Some(server.clone()),
            (None, servers) => self.server.clone().filter(|it| servers.contains(it)),
        }
    }

    /// Whoever starts it with several servers has to say which one; later, nothing is served until one is left.
    fn refuse_to_guess(&self) -> Result<()> {
        let servers = dereference::servers(&self.ledger);
        if self.options.server.is_none() && servers.len() > 1 {
            bail!(
                "there are several MailAccessServers ({}): choose one with --server",
                names(&servers)
            );
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the driver reads the clock; what it calls is told"
    )]
    fn surroundings(&self) -> Result<dereference::Surroundings> {
        Ok(dereference::Surroundings {
            existing: self.objects.all(),
            pods: self.pods(),
            addresses: vec![self.options.bind.to_string()],
            operator: self.options.operator.clone(),
            now: Timestamp::now(),
            fresh_key: build::self_signed::FreshKey::generate()?,
        })
    }

    fn show(&mut self, server: &ObjectId, statuses: &Statuses) -> Result<()> {
        let Statuses {
            server: status,
            mailboxes,
            bindings,
        } = statuses;
        let of_kind = |kind: &str, name: &str| ObjectId {
            kind: kind.to_owned(),
            namespace: server.namespace.clone(),
            name: name.to_owned(),
        };
        self.ledger.set_status(server, status);
        self.terminal.status(server, &status.conditions)?;
        for (name, status) in mailboxes {
            let id = of_kind("CASMailbox", name);
            self.ledger.set_status(&id, status);
            self.terminal.status(&id, &status.conditions)?;
        }
        for (name, status) in bindings {
            let id = of_kind("CertificateBinding", name);
            self.ledger.set_status(&id, status);
            self.terminal.status(&id, &status.conditions)?;
        }
        Ok(())
    }

    fn show_unserved(&mut self) -> Result<()> {
        let directory = self.options.directory.display();
        let servers = dereference::servers(&self.ledger);
        let text = match (&self.server, &self.options.server) {
            (None, None) if servers.is_empty() => {
                format!("no MailAccessServer in {directory}: nothing is served")
            }
            (None, None) => format!(
                "there are several MailAccessServers ({}), of which none was served before: nothing is \
                 served",
                names(&servers)
            ),
            (None, Some(name)) => {
                format!("no MailAccessServer {name} in {directory}: nothing is served")
            }
            (Some(served), None) => servers
                .iter()
                .filter(|server| *server != served)
                .map(|server| format!("{server} is not served here: --server chooses one"))
                .collect::<Vec<_>>()
                .join("\n"),
            // Whoever chose one knows of the others.
            (Some(_), Some(_)) => String::new(),
        };
        if self.unserved != text {
            self.unserved = text;
            if !self.unserved.is_empty() {
                self.terminal.say(&self.unserved)?;
            }
        }
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the driver reads the clock; what it calls is told"
    )]
    fn show_orphans(&mut self, found: &mut Found) -> Result<()> {
        for (id, conditions) in dereference::orphans(&self.ledger, Timestamp::now()) {
            let name = format!("{}/{}", id.namespace, id.name);
            found.add_orphan(&id.kind, &name, &conditions);
            self.terminal.status(&id, &conditions)?;
        }
        Ok(())
    }

    fn greet(
        &mut self,
        id: &ObjectId,
        validated: &Validated,
        built: &Built,
        statuses: &Statuses,
    ) -> Result<()> {
        let is_served = statuses.server.conditions.iter().any(|condition| {
            condition.type_ == "Programmed" && condition.status == ConditionStatus::True
        });
        let Some(entry) = self
            .ledger
            .entry(id)
            .filter(|_| is_served && self.greeted.as_ref() != Some(id))
        else {
            return Ok(());
        };
        let place = Place {
            bind: self.options.bind,
            port_offset: self.options.port_offset,
            file: &entry.place.file,
            people: self.options.people,
        };
        let text = greeting::text(validated, built, &place);
        self.terminal.say(&text)?;
        self.greeted = Some(id.clone());
        Ok(())
    }

    fn admin(&self) -> SocketAddr {
        (self.options.bind, self.options.port_offset.admin_port()).into()
    }
}

const LEDGER: &str = "ledger.json";
const LOCK: &str = "lock";
const MAIL: &str = "mail";

fn deployment(objects: &[Object]) -> Option<&k8s_openapi::api::apps::v1::Deployment> {
    objects.iter().find_map(|object| match object {
        Object::Deployment(deployment) => Some(&**deployment),
        _ => None,
    })
}

fn names(servers: &[ObjectId]) -> String {
    let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
    names.join(", ")
}

async fn pod_ended(pod: Option<&mut Pod>) -> String {
    match pod {
        Some(pod) => match pod.ended().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        },
        None => std::future::pending().await,
    }
}

async fn ask_again(admin: Option<SocketAddr>, pause: Duration) -> Option<PodStatus> {
    match admin {
        Some(admin) => {
            sleep(pause).await;
            match pod_status::status(admin).await {
                // On a busy machine one answer may come too late.
                None => pod_status::status(admin).await,
                said => said,
            }
        }
        None => std::future::pending().await,
    }
}
