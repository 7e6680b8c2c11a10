//! A DNS server that knows what a test tells it, and nothing else.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use post::dns::Dns;
use tokio::net::UdpSocket;

/// Names (lower case, without the last dot) and what they have. A name that is not here does not exist.
#[derive(Clone, Default)]
pub struct Zone {
    records: HashMap<String, Vec<RData>>,
    /// Names about which nothing is ever said.
    silent: Vec<String>,
}

fn name(text: &str) -> Name {
    Name::from_ascii(format!("{}.", text.trim_end_matches('.'))).unwrap()
}

impl Zone {
    fn with(mut self, at: &str, data: RData) -> Self {
        self.records.entry(at.to_lowercase()).or_default().push(data);
        self
    }

    pub fn txt(self, at: &str, text: &str) -> Self {
        let pieces = text.as_bytes().chunks(200).collect();
        self.with(at, RData::TXT(TXT::from_bytes(pieces)))
    }

    /// `host` empty: a null MX.
    pub fn mx(self, at: &str, preference: u16, host: &str) -> Self {
        let host = if host.is_empty() { Name::root() } else { name(host) };
        self.with(at, RData::MX(MX::new(preference, host)))
    }

    pub fn address(self, at: &str, address: &str) -> Self {
        let data = match address.parse().unwrap() {
            IpAddr::V4(four) => RData::A(A(four)),
            IpAddr::V6(six) => RData::AAAA(AAAA(six)),
        };
        self.with(at, data)
    }

    pub fn silent(mut self, at: &str) -> Self {
        self.silent.push(at.to_owned());
        self
    }

    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let asked = Message::from_vec(question).ok()?;
        let query = asked.queries.first()?.clone();
        let at = query.name().to_ascii().trim_end_matches('.').to_lowercase();
        if self.silent.contains(&at) {
            return None;
        }
        let mut answer = Message::new(asked.metadata.id, MessageType::Response, OpCode::Query);
        answer.metadata.recursion_available = true;
        match self.records.get(&at) {
            None => answer.metadata.response_code = ResponseCode::NXDomain,
            Some(records) => {
                for data in records.iter().filter(|data| data.record_type() == query.query_type()) {
                    answer.add_answer(Record::from_rdata(query.name().clone(), 300, data.clone()));
                }
            }
        }
        answer.add_query(query);
        answer.to_vec().ok()
    }

    /// Answers from now on, for as long as the test's runtime lives.
    pub async fn served(self) -> SocketAddr {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                if let Some(answer) = self.answer(&buffer[..length]) {
                    let _gone = socket.send_to(&answer, peer).await;
                }
            }
        });
        address
    }

    /// A resolver that asks only this.
    pub async fn dns(self) -> Dns {
        Dns::at(self.served().await).unwrap().within(Duration::from_secs(20))
    }

    /// A resolver that is not the product's, and asks only this.
    pub async fn resolver(self) -> TokioResolver {
        let server = self.served().await;
        let mut way = ConnectionConfig::udp();
        way.port = server.port();
        let config = ResolverConfig::from_name_servers(vec![NameServerConfig::new(server.ip(), true, vec![way])]);
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap()
    }
}
