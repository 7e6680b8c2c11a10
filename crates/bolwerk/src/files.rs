//! How many files this process may have open, and how they are shared out: the storage never waits for a connection to end.

/// Kept for the storage, the processes that read mail, and mail that leaves.
const RESERVE: u64 = 192;

/// Connections at once, at most, by what listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// For the pages.
    pub http: usize,
    /// For each of SMTP and LMTP.
    pub mail: usize,
}

/// Shares of a limit: half of it at least, or all but the reserve, is for connections; the pages get half of that.
fn shares(limit: u64) -> Shares {
    let free = usize::try_from(limit - RESERVE.min(limit / 2)).unwrap_or(usize::MAX);
    Shares { http: (free / 2).max(1), mail: (free / 4).max(1) }
}

/// Raises the limit as far as the system lets us, and shares out what it is then.
pub fn share_out() -> Shares {
    shares(limits::raise())
}

#[allow(unsafe_code, reason = "the limits of the process are only reachable through libc")]
mod limits {
    /// Soft limits of most systems.
    const USUAL: u64 = 1024;

    /// Sets the soft limit of open files to the hard one; the limit that holds.
    pub fn raise() -> u64 {
        let mut limit = libc::rlimit { rlim_cur: USUAL, rlim_max: USUAL };
        // SAFETY: getrlimit writes nothing but the struct it is given.
        if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
            return USUAL;
        }
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        // SAFETY: setrlimit only reads the struct it is given.
        match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } {
            0 => raised.rlim_cur,
            _ => limit.rlim_cur,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_storage_whatever_the_limit() {
        for limit in [128, 256, 1024, 4096, 1 << 20, u64::MAX] {
            let Shares { http, mail } = shares(limit);
            let taken = (http as u64).saturating_add(2 * (mail as u64));
            assert!(taken <= limit - RESERVE.min(limit / 2), "{limit}: {taken}");
            assert!(http > 0 && mail > 0);
        }
        assert_eq!(shares(1024), Shares { http: 416, mail: 208 });
    }
}
