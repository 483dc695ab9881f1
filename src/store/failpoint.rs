//! Places where a test build dies when it is told to: `GONGJI_FAILPOINT=store.before-commit:3` aborts the process at
//! the third time that it comes there, with nothing flushed and nobody told. A build without debug assertions, and so
//! every release, has none of it: there `hit` is a constant function, which can read no environment and end nothing.

macro_rules! failpoints {
    ($($(#[$meta:meta])* $name:ident $text:literal,)*) => {
        /// A place at which the process can be made to die.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Failpoint {
            $($(#[$meta])* $name,)*
        }

        impl Failpoint {
            /// All of them, in the order in which a life comes to them.
            pub const ALL: &[Failpoint] = &[$(Failpoint::$name,)*];

            /// Its name in the environment, "store.before-commit".
            pub const fn name(self) -> &'static str {
                match self {
                    $(Failpoint::$name => $text,)*
                }
            }
        }
    };
}

failpoints! {
    /// The migrations of a new or older store ran, and are not committed.
    MigrationRan "store.migration-ran",
    /// They are committed; nobody owns the store yet.
    MigrationCommitted "store.migration-committed",
    /// The start's checks are done, and the head is noted beside the database.
    Opened "store.opened",
    /// A batch is decided, and nothing of it is written.
    BeforeBegin "store.before-begin",
    /// Its journal records are written.
    RecordsWritten "store.records-written",
    /// Its rows are written too.
    RowsWritten "store.rows-written",
    /// Its rows of the vault are written too: all but the commit.
    BeforeCommit "store.before-commit",
    /// It is durable; the head beside the database does not say so yet.
    Committed "store.committed",
    /// The head is noted.
    HeadNoted "store.head-noted",
    /// The store is done with the batch; nobody is answered yet.
    BeforeAnswers "engine.before-answers",
    /// The thread is about to copy the log into the database.
    CheckpointBegins "store.checkpoint-begins",
    /// The log is copied; the head beside the database is not synced.
    CheckpointDone "store.checkpoint-done",
    /// A task of the server reloads what people have changed. Here it panics.
    TaskReloads "server.task-reloads",
    /// A page of the vault is sealed anew.
    VaultPageSealed "vault.page-sealed",
    /// A backup's database is copied.
    BackupCopied "backup.copied",
    /// Its rule texts are written too.
    BackupTextsWritten "backup.texts-written",
    /// Its key file is written too.
    BackupKeyWritten "backup.key-written",
    /// Its manifest is written too: all but its name.
    BackupManifestWritten "backup.manifest-written",
    /// It has its name; the folder of backups is not synced, and old ones are still there.
    BackupNamed "backup.named",
    /// A restore has copied the database.
    RestoreCopied "restore.copied",
    /// It is marked as restored.
    RestoreMarked "restore.marked",
    /// The rule texts are beside it.
    RestoreTextsWritten "restore.texts-written",
    /// The key file is in its place.
    RestoreKeyWritten "restore.key-written",
    /// The head is noted: all but the database's name.
    RestoreHeadNoted "restore.head-noted",
}

/// Dies here if that was asked for.
#[cfg(not(debug_assertions))]
pub const fn hit(_: Failpoint) {}

/// Whether the log is to be kept so short that checkpoints come under a small load.
#[cfg(not(debug_assertions))]
pub const fn log_is_short() -> bool {
    false
}

/// What can be evaluated by the compiler can neither look at the environment nor end the process.
#[cfg(not(debug_assertions))]
const _: () = {
    hit(Failpoint::BeforeBegin);
    assert!(!log_is_short());
};

#[cfg(debug_assertions)]
pub use armed::{hit, log_is_short};

#[cfg(debug_assertions)]
mod armed {
    use super::Failpoint;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Fatal {
        point: Failpoint,
        left: AtomicU64,
    }

    static FATAL: LazyLock<Option<Fatal>> = LazyLock::new(|| {
        let asked = std::env::var("GONGJI_FAILPOINT").ok()?;
        let fatal = parse(&asked);
        // A test that misspells its point would otherwise test nothing.
        Some(fatal.unwrap_or_else(|| panic!("GONGJI_FAILPOINT={asked}: there is no such failpoint")))
    });

    fn parse(text: &str) -> Option<Fatal> {
        let (name, times) = text.split_once(':').unwrap_or((text, "1"));
        let point = Failpoint::ALL.iter().copied().find(|point| point.name() == name)?;
        Some(Fatal { point, left: AtomicU64::new(times.parse().ok().filter(|times| *times > 0)?) })
    }

    /// Dies here if that was asked for.
    pub fn hit(point: Failpoint) {
        if let Some(fatal) = FATAL.as_ref()
            && fatal.point == point
            && fatal.left.fetch_sub(1, Ordering::Relaxed) == 1
        {
            // Whoever waits for this task must not wait for ever.
            assert!(point != Failpoint::TaskReloads, "a panic that a test asked for");
            std::process::abort();
        }
    }

    /// Whether the log is to be kept so short that checkpoints come under a small load.
    pub fn log_is_short() -> bool {
        let asked = [Failpoint::CheckpointBegins, Failpoint::CheckpointDone];
        FATAL.as_ref().is_some_and(|fatal| asked.contains(&fatal.point))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_point_is_named_with_the_time_at_which_it_is_fatal() {
            let read = |text| parse(text).map(|fatal| (fatal.point, fatal.left.into_inner()));
            assert_eq!(read("store.before-commit:3"), Some((Failpoint::BeforeCommit, 3)));
            assert_eq!(read("backup.copied"), Some((Failpoint::BackupCopied, 1)));
            for wrong in ["", "store", "store.before-commit:0", "store.before-commit:x"] {
                assert_eq!(read(wrong), None, "{wrong}");
            }
        }
    }
}
