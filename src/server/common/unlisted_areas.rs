//! Says at a start what stands in areas that are not listed any more. Beside the writer: a start waits for nothing.

use crate::domain::machine::Record;
use crate::domain::value::RegionDirectory;
use crate::store::StoreError;
use crate::store::sqlite::Snapshot;
use crate::store::unlisted::Unlisted;
use std::path::PathBuf;
use std::sync::Arc;

/// Counts, and says it in one line.
pub fn tell<R: Record>(
    folder: PathBuf,
    places: Arc<RegionDirectory>,
    count: fn(&Snapshot<R>, &RegionDirectory) -> Result<Unlisted, StoreError>,
) {
    tokio::task::spawn_blocking(move || {
        match Snapshot::open(&folder).and_then(|snapshot| count(&snapshot, &places)) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => tracing::warn!(%found, "what stands in areas that are not listed"),
            Err(error) => tracing::warn!(%error, "nobody knows what stands in areas that are not listed"),
        }
    });
}
