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
        match self.with_reader(move |reader| reader.part(seq, CONTENT_PART)).await? {
            Content::Open(bytes) => Ok(Some(bytes)),
            Content::Erased | Content::NoKey => Ok(None),
        }
    }

    /// The newest checkpoint of the journal: a signed note (C2SP tlog-checkpoint).
    pub async fn checkpoint(&self) -> Result<String, ContentFault> {
        self.with_reader(Reader::checkpoint).await
    }

    pub(crate) async fn with_reader<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Reader) -> Result<T, journal::Error> + Send + 'static,
    ) -> Result<T, ContentFault> {
        let engine = self.clone();
        let place = self.inner.fetching.acquire().await.map_err(|_| ContentFault::Interrupted)?;
        let found = tokio::task::spawn_blocking(move || -> Result<T, journal::Error> {
            let pooled = engine.inner.readers.lock().pop();
            let reader = match pooled {
                Some(reader) => reader,
                None => Reader::open(&engine.inner.data)?,
            };
            let found = look(&reader);
            engine.inner.readers.lock().push(reader);
            found
        });
        let found = found.await;
        drop(place);
        Ok(found.map_err(|_| ContentFault::Interrupted)??)
    }

    /// One attachment of a raw mail, taken out by a worker process.
    pub async fn attachment(&self, raw: Seen<ContentRef>, index: u32) -> Result<Option<(Part, Vec<u8>)>, ContentFault> {
        match self.content(raw).await? {
            Some(raw) => Ok(self.inner.workers.attachment(raw, index).await),
            None => Ok(None),
        }
    }
}
