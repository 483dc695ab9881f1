//! The rulebook in force at a server: its texts are kept before anything is judged by them, and SIGHUP brings a new
//! one, whole or not at all.

use crate::config::{ConfigError, ServerConfig, rulebook};
use crate::domain::rules::rulebook::{RuleLayer, Rulebook};
use crate::domain::value::{Digest, ProvinceCode, RegionDirectory};
use crate::store::failpoint::{Failpoint, hit};
use crate::store::rulebook_archive::{TextError, Texts};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::signal::unix::{SignalKind, signal};

/// Why a new rulebook does not come into force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It has a mistake.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its texts cannot be kept.
    #[error(transparent)]
    Texts(#[from] TextError),
    /// The thread that read it failed.
    #[error("reading it failed")]
    Thread,
}

/// The rulebook in force.
#[derive(Debug)]
pub struct Rules {
    current: RwLock<Arc<Rulebook>>,
    texts: Texts,
    folder: PathBuf,
    places: Arc<RegionDirectory>,
    /// Whose texts are kept: one province's, or all.
    province: Option<ProvinceCode>,
}

impl Rules {
    /// The rulebook with which a server starts; its texts are kept when this returns. A node keeps those of its own
    /// `province`, by which alone it judges; the hub keeps all.
    ///
    /// # Errors
    /// When the texts cannot be kept: then no decision may name them.
    pub fn open(
        config: &ServerConfig,
        places: Arc<RegionDirectory>,
        province: Option<ProvinceCode>,
    ) -> Result<Rules, TextError> {
        let rules = Rules {
            current: RwLock::new(Arc::new(config.rulebook.clone())),
            texts: Texts::of(&config.data),
            folder: config.rulebooks_path.clone(),
            places,
            province,
        };
        rules.keep(&config.rulebook)?;
        Ok(rules)
    }

    /// The rulebook at this moment.
    pub fn now(&self) -> Arc<Rulebook> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The texts of a hash: of the rulebook in force, or of one of former days.
    ///
    /// # Errors
    /// When what is kept is damaged.
    pub fn texts(&self, hash: &Digest) -> Result<Option<Vec<RuleLayer>>, TextError> {
        match self.now().layers(hash) {
            Some(layers) => Ok(Some(layers.to_vec())),
            None => self.texts.read(hash),
        }
    }

    fn keep(&self, book: &Rulebook) -> Result<(), TextError> {
        self.texts.keep(book.texts_of(self.province).into_iter())
    }

    /// Reads the folder again. The rulebook in force stays when the new one is not sound.
    ///
    /// # Errors
    /// The mistake, with its file, line and column.
    pub fn reload(&self) -> Result<Arc<Rulebook>, ReloadError> {
        let book = Arc::new(rulebook::load(&self.folder, &self.places)?);
        self.keep(&book)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&book);
        Ok(book)
    }

    /// Reloads whenever the process gets SIGHUP, and hands each new rulebook to `put_in_force`: to the engine, whose
    /// thread changes it between two inputs, so that no transfer is judged by halves of two.
    pub async fn reload_on_hangup(self: Arc<Self>, put_in_force: impl Fn(Arc<Rulebook>)) {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else {
            tracing::error!("SIGHUP cannot be heard: a new rulebook needs a restart");
            return;
        };
        while hangup.recv().await.is_some() {
            hit(Failpoint::TaskReloads);
            let rules = Arc::clone(&self);
            let reloaded = tokio::task::spawn_blocking(move || rules.reload()).await;
            match reloaded.unwrap_or(Err(ReloadError::Thread)) {
                Ok(book) => {
                    tracing::info!(sets = book.texts().count(), "a new rulebook is in force");
                    put_in_force(book);
                }
                Err(error) => tracing::error!(%error, "the new rulebook is not taken; the old one stays"),
            }
        }
    }
}
