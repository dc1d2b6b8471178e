//! Keys compiled for evaluation: folded texts, and a flat program that runs without recursion.

use super::charset::Charset;
use super::key::{AddressField, Key, UidSet};
use super::needle::Needle;
use super::text;
use crate::date::Day;
use crate::mime::Structure;
use crate::store::{Body, BodyLost, Row, StoreError};
use crate::{InternalDate, Keyword, SystemFlag};
use std::cell::OnceCell;
use std::sync::Arc;

/// A message that may match. What costs something is asked for only when it decides.
///
/// `None` says that the message is gone; such a message matches nothing.
pub trait Candidate {
    /// Its UID and flags.
    fn row(&self) -> &Row;

    /// Whether it is recent to this session.
    fn is_recent(&self) -> bool;

    /// When it arrived.
    fn internal_date(&self) -> Result<Option<InternalDate>, StoreError>;

    /// Its size in wire bytes.
    fn size(&self) -> Result<Option<u64>, StoreError>;

    /// Its bytes.
    fn body(&self) -> Result<Option<Arc<dyn Body>>, StoreError>;

    /// Its structure, when its bytes are at hand.
    fn structure(&self, body: &dyn Body) -> Result<Arc<Structure>, StoreError> {
        Structure::scan(body)
            .map(Arc::new)
            .map_err(StoreError::from)
    }
}

/// A text in a key is not in the charset that the command names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a search text is not in the charset {}", .0.name())]
pub struct CompileError(pub Charset);

/// A compiled SEARCH.
#[derive(Debug)]
pub struct Search {
    /// The tree, parents before children; the first is the root.
    nodes: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    /// All, or any, of these nodes, cheap ones first.
    All(Vec<usize>),
    Any(Vec<usize>),
    Not(usize),
    Test(Box<Test>),
}

#[derive(Debug)]
enum Test {
    Always,
    Uids(UidSet),
    Flag(SystemFlag),
    Keyword(Keyword),
    Recent,
    Arrived(When, Day),
    Sent(When, Day),
    Larger(u64),
    Smaller(u64),
    Addresses(AddressField, Needle),
    Header { name: Box<[u8]>, needle: Needle },
    Body(Needle),
    Text(Needle),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    On,
    Since,
}

/// What an answer costs: nothing, a file's attributes, its header, all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cost {
    Row,
    Attributes,
    Header,
    Body,
}

impl When {
    fn holds(self, day: Day, limit: Day) -> bool {
        match self {
            Self::Before => day < limit,
            Self::On => day == limit,
            Self::Since => day >= limit,
        }
    }
}

impl Test {
    fn cost(&self) -> Cost {
        match self {
            Self::Always | Self::Uids(_) | Self::Flag(_) | Self::Keyword(_) | Self::Recent => {
                Cost::Row
            }
            Self::Arrived(..) | Self::Larger(_) | Self::Smaller(_) => Cost::Attributes,
            Self::Sent(..) | Self::Addresses(..) | Self::Header { .. } => Cost::Header,
            Self::Body(_) | Self::Text(_) => Cost::Body,
        }
    }
}

impl Search {
    /// Compiles a key whose texts are in this charset.
    pub fn compile(key: &Key, charset: Charset) -> Result<Self, CompileError> {
        let mut nodes = Vec::new();
        // Where a node's number goes, and what it is made of.
        let mut todo = vec![(None, key)];
        while let Some((parent, key)) = todo.pop() {
            let index = nodes.len();
            if let Some(parent) = parent {
                adopt(&mut nodes[parent], index);
            }
            let node = match key {
                Key::And(keys) => {
                    todo.extend(keys.iter().map(|key| (Some(index), key)));
                    Node::All(Vec::new())
                }
                Key::Or(one, other) => {
                    todo.extend([(Some(index), &**one), (Some(index), &**other)]);
                    Node::Any(Vec::new())
                }
                Key::Not(inner) => {
                    todo.push((Some(index), &**inner));
                    Node::Not(index)
                }
                leaf => Node::Test(Box::new(test(leaf, charset)?)),
            };
            nodes.push(node);
        }
        let mut search = Self { nodes };
        search.order();
        Ok(search)
    }

    /// Whether a message matches.
    pub fn matches(&self, candidate: &dyn Candidate) -> Result<bool, StoreError> {
        let facts = Facts::new(candidate);
        match self.evaluate(&facts) {
            Ok(matched) => Ok(matched),
            Err(Stop::Gone) => Ok(false),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Sorts every node's children by what they cost.
    fn order(&mut self) {
        let mut costs = vec![Cost::Row; self.nodes.len()];
        // Children come behind their parents, so backwards they are known first.
        for index in (0..self.nodes.len()).rev() {
            let most = |children: &[usize]| children.iter().map(|child| costs[*child]).max();
            costs[index] = match &mut self.nodes[index] {
                Node::Test(test) => test.cost(),
                Node::Not(child) => costs[*child],
                Node::All(children) | Node::Any(children) => {
                    children.sort_by_key(|child| (costs[*child], *child));
                    most(children).unwrap_or(Cost::Row)
                }
            };
        }
    }

    /// Walks the tree with a stack of its own.
    fn evaluate(&self, facts: &Facts<'_>) -> Result<bool, Stop> {
        // Nodes on the way down, each with the number of children that are done.
        let mut stack: Vec<(usize, usize)> = vec![(0, 0)];
        let mut answer = true;
        while let Some((index, done)) = stack.pop() {
            // `answer` is that of the child done last.
            let next = match &self.nodes[index] {
                Node::Test(test) => {
                    answer = facts.test(test)?;
                    None
                }
                Node::Not(child) if done == 0 => Some(*child),
                Node::Not(_) => {
                    answer = !answer;
                    None
                }
                Node::All(children) => {
                    let going_on = done == 0 || answer;
                    answer = going_on;
                    children.get(done).copied().filter(|_| going_on)
                }
                Node::Any(children) => {
                    let found = done > 0 && answer;
                    answer = found;
                    children.get(done).copied().filter(|_| !found)
                }
            };
            if let Some(child) = next {
                stack.push((index, done + 1));
                stack.push((child, 0));
            }
        }
        Ok(answer)
    }
}

fn adopt(parent: &mut Node, child: usize) {
    match parent {
        Node::All(children) | Node::Any(children) => children.push(child),
        Node::Not(place) => *place = child,
        Node::Test(_) => {}
    }
}

fn test(key: &Key, charset: Charset) -> Result<Test, CompileError> {
    let needle = |text: &[u8]| {
        charset
            .decode(text)
            .map(Needle::new)
            .ok_or(CompileError(charset))
    };
    Ok(match key {
        Key::All | Key::And(_) | Key::Or(..) | Key::Not(_) => Test::Always,
        Key::Uids(set) => Test::Uids(set.clone()),
        Key::Flag(flag) => Test::Flag(*flag),
        Key::Keyword(keyword) => Test::Keyword(keyword.clone()),
        Key::Recent => Test::Recent,
        Key::Before(day) => Test::Arrived(When::Before, *day),
        Key::On(day) => Test::Arrived(When::On, *day),
        Key::Since(day) => Test::Arrived(When::Since, *day),
        Key::SentBefore(day) => Test::Sent(When::Before, *day),
        Key::SentOn(day) => Test::Sent(When::On, *day),
        Key::SentSince(day) => Test::Sent(When::Since, *day),
        Key::Larger(size) => Test::Larger(*size),
        Key::Smaller(size) => Test::Smaller(*size),
        Key::Addresses { field, text } => Test::Addresses(*field, needle(text)?),
        Key::Header { name, text } => Test::Header {
            name: name.clone(),
            needle: needle(text)?,
        },
        Key::Body(text) => Test::Body(needle(text)?),
        Key::Text(text) => Test::Text(needle(text)?),
    })
}

/// Why an evaluation ends without an answer.
enum Stop {
    Gone,
    Failed(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<BodyLost> for Stop {
    fn from(lost: BodyLost) -> Self {
        Self::Failed(lost.into())
    }
}

/// What is known of a candidate, each asked for at most once.
struct Facts<'a> {
    candidate: &'a dyn Candidate,
    body: OnceCell<Arc<dyn Body>>,
    structure: OnceCell<Arc<Structure>>,
    sent: OnceCell<Option<Day>>,
}

impl<'a> Facts<'a> {
    fn new(candidate: &'a dyn Candidate) -> Self {
        Self {
            candidate,
            body: OnceCell::new(),
            structure: OnceCell::new(),
            sent: OnceCell::new(),
        }
    }

    fn test(&self, test: &Test) -> Result<bool, Stop> {
        let row = self.candidate.row();
        Ok(match test {
            Test::Always => true,
            Test::Uids(set) => set.contains(row.uid),
            Test::Flag(flag) => row.flags.has(*flag),
            Test::Keyword(keyword) => row.flags.has_keyword(keyword),
            Test::Recent => self.candidate.is_recent(),
            Test::Arrived(when, limit) => {
                let date = self.candidate.internal_date()?.ok_or(Stop::Gone)?;
                when.holds(date.day(), *limit)
            }
            Test::Sent(when, limit) => self.sent()?.is_some_and(|day| when.holds(day, *limit)),
            Test::Larger(limit) => self.candidate.size()?.ok_or(Stop::Gone)? > *limit,
            Test::Smaller(limit) => self.candidate.size()?.ok_or(Stop::Gone)? < *limit,
            Test::Addresses(field, needle) => {
                text::in_addresses(&**self.body()?, field.name().as_bytes(), needle)?
            }
            Test::Header { name, needle } => text::in_field(&**self.body()?, name, needle)?,
            Test::Body(needle) => text::in_body(&**self.body()?, self.structure()?, needle)?,
            Test::Text(needle) => text::in_text(&**self.body()?, self.structure()?, needle)?,
        })
    }

    fn body(&self) -> Result<&Arc<dyn Body>, Stop> {
        if let Some(body) = self.body.get() {
            return Ok(body);
        }
        let body = self.candidate.body()?.ok_or(Stop::Gone)?;
        Ok(self.body.get_or_init(|| body))
    }

    fn structure(&self) -> Result<&Structure, Stop> {
        if let Some(structure) = self.structure.get() {
            return Ok(structure);
        }
        let structure = self.candidate.structure(&**self.body()?)?;
        Ok(self.structure.get_or_init(|| structure))
    }

    /// The day that the `Date` field names, whatever its time and zone (RFC 3501 6.4.4 SENTON).
    fn sent(&self) -> Result<Option<Day>, Stop> {
        if let Some(sent) = self.sent.get() {
            return Ok(*sent);
        }
        let value = text::last_value(&**self.body()?, b"Date")?;
        let sent = value.and_then(|value| super::date::day(&value));
        Ok(*self.sent.get_or_init(|| sent))
    }
}
