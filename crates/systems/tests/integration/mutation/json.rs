//! Mutations of a page's JSON state.

use serde_json::{Map, Value};

use crate::mutation::Sampler;
use crate::mutation::html::MutantSink;

/// Keys that hold a count.
const COUNTS: [&str; 10] = [
    "total",
    "totalOperative",
    "count",
    "pages",
    "PHYSICAL",
    "DIGITAL",
    "limit",
    "page",
    "HOLDS",
    "CHECKOUTS",
];

/// Generates every mutant of a value, as text with a description of the change.
pub(crate) fn mutants(state: &Value, sampler: &mut Sampler, take: &mut MutantSink<'_>) {
    let mut paths = Vec::new();
    collect(state, &mut Vec::new(), &mut paths);
    for path in paths {
        // Copying a whole state for a mutant that isn't tried would take most of the time.
        if !sampler.picks_next() {
            continue;
        }
        let path_text = path
            .iter()
            .map(PathPart::to_string)
            .collect::<Vec<_>>()
            .join(".");
        let Some((last, before)) = path.split_last() else {
            continue;
        };
        let mut change = |what: &str, act: &dyn Fn(&mut Value, &PathPart)| {
            let mut mutant = state.clone();
            if let Some(parent) = find_mut(&mut mutant, before) {
                act(parent, last);
                take(&format!("{what} ({path_text})"), mutant.to_string());
            }
        };
        change("key dropped", &|parent, step| match (parent, step) {
            (Value::Object(map), PathPart::Key(key)) => drop(map.remove(key)),
            (Value::Array(list), PathPart::Index(index)) => drop(list.remove(*index)),
            _ => {}
        });
        change("key renamed", &|parent, step| {
            if let (Value::Object(map), PathPart::Key(key)) = (parent, step) {
                let value = map.remove(key).unwrap_or_default();
                map.insert(format!("x{key}"), value);
            }
        });
        change("value null", &|parent, step| set(parent, step, Value::Null));
        change("value emptied", &|parent, step| {
            let empty = match get(parent, step) {
                Some(Value::Object(_)) => Value::Object(Map::new()),
                Some(Value::Array(_)) => Value::Array(Vec::new()),
                Some(Value::String(_)) => Value::String(String::new()),
                _ => return,
            };
            set(parent, step, empty);
        });
        if let PathPart::Index(_) = last {
            change("entry doubled", &|parent, step| {
                if let (Value::Array(list), PathPart::Index(index)) = (parent, step) {
                    list.insert(*index, list[*index].clone());
                }
            });
        }
        if let PathPart::Key(key) = last
            && COUNTS.contains(&key.as_str())
        {
            change("count changed", &|parent, step| {
                if let Some(number) = get(parent, step).and_then(Value::as_u64) {
                    set(parent, step, Value::from(number + 1));
                }
            });
        }
    }
}

#[derive(Clone)]
enum PathPart {
    Key(String),
    Index(usize),
}

impl std::fmt::Display for PathPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Ids of items and patrons don't belong in a description.
            Self::Key(key) if key.bytes().any(|byte| byte.is_ascii_digit()) => f.write_str("#"),
            Self::Key(key) => f.write_str(key),
            Self::Index(_) => f.write_str("#"),
        }
    }
}

fn collect(value: &Value, path: &mut Vec<PathPart>, paths: &mut Vec<Vec<PathPart>>) {
    let steps: Vec<(PathPart, &Value)> = match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (PathPart::Key(key.clone()), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| (PathPart::Index(index), value))
            .collect(),
        _ => return,
    };
    for (step, value) in steps {
        path.push(step);
        paths.push(path.clone());
        collect(value, path, paths);
        path.pop();
    }
}

fn find_mut<'v>(value: &'v mut Value, path: &[PathPart]) -> Option<&'v mut Value> {
    let mut value = value;
    for step in path {
        value = match (value, step) {
            (Value::Object(map), PathPart::Key(key)) => map.get_mut(key)?,
            (Value::Array(list), PathPart::Index(index)) => list.get_mut(*index)?,
            _ => return None,
        };
    }
    Some(value)
}

fn get<'v>(parent: &'v Value, step: &PathPart) -> Option<&'v Value> {
    match (parent, step) {
        (Value::Object(map), PathPart::Key(key)) => map.get(key),
        (Value::Array(list), PathPart::Index(index)) => list.get(*index),
        _ => None,
    }
}

fn set(parent: &mut Value, step: &PathPart, value: Value) {
    match (parent, step) {
        (Value::Object(map), PathPart::Key(key)) => drop(map.insert(key.clone(), value)),
        (Value::Array(list), PathPart::Index(index)) => list[*index] = value,
        _ => {}
    }
}
