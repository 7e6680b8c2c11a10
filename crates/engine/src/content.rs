//! Content that is too large to keep in memory: raw messages and whole readings.

use crate::engine::Engine;
use desk::intake::ContentRef;
use desk::lens::Seen;
use journal::{Content, Reader};
use post::read::Part;

/// Why content cannot be handed out.
#[derive(Debug, thiserror::Error)]
pub enum ContentFault {
    /// The store says why.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The task that looked for it was ended.
    #[error("interrupted")]
    Interrupted,
}

/// Contents fetched at once: each takes a connection to the store, or a few open files.
pub(crate) const FETCHES_MAX: usize = 6;

/// Place of the content among a fact's sealed parts: the replayed one comes first.
pub(crate) const CONTENT_PART: usize = 1;

impl Engine {
    /// The content of a fact; `None` when it was erased, or its key is not here.
    pub async fn content(&self, content: Seen<ContentRef>) -> Result<Option<Vec<u8>>, ContentFault> {
        self.content_at(content.into_inner().seq).await
    }

    pub(crate) async fn content_at(&self, seq: u64) -> Result<Option<Vec<u8>>, ContentFault> {
        let engine = self.clone();
        let place = self.inner.fetching.acquire().await.map_err(|_| ContentFault::Interrupted)?;
        let found = tokio::task::spawn_blocking(move || -> Result<Content, journal::Error> {
            let pooled = engine.inner.readers.lock().pop();
            let reader = match pooled {
                Some(reader) => reader,
                None => Reader::open(&engine.inner.data)?,
            };
            let content = reader.part(seq, CONTENT_PART);
            engine.inner.readers.lock().push(reader);
            content
        });
        let found = found.await;
        drop(place);
        match found.map_err(|_| ContentFault::Interrupted)?? {
            Content::Open(bytes) => Ok(Some(bytes)),
            Content::Erased | Content::NoKey => Ok(None),
        }
    }

    /// One attachment of a raw mail, taken out by a worker process.
    pub async fn attachment(&self, raw: Seen<ContentRef>, index: u32) -> Result<Option<(Part, Vec<u8>)>, ContentFault> {
        match self.content(raw).await? {
            Some(raw) => Ok(self.inner.workers.attachment(raw, index).await),
            None => Ok(None),
        }
    }
}
