//! As much of JSON Schema as `docs/schemas` uses, each keyword of it known: one that is not is an error.

use std::path::Path;

use serde_json::{Map, Value};

/// What is wrong with `value` by this schema of `docs/schemas`; nothing, when it fits.
pub fn complaints(name: &str, value: &Value) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schemas").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let schema: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut out = Vec::new();
    check(&schema, value, name, &mut out);
    out
}

fn check(schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let schema = schema.as_object().unwrap_or_else(|| panic!("{at}: a schema is an object"));
    for (keyword, wanted) in schema {
        let fits = match keyword.as_str() {
            "$schema" | "title" | "description" => true,
            "type" => types(wanted).iter().any(|name| is(name, value)),
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches(wanted.as_str().unwrap(), text)),
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(wanted, item, &format!("{at}[{number}]"), out);
                }
                true
            }
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| {
                let mut tried = Vec::new();
                check(one, value, at, &mut tried);
                tried.is_empty()
            }),
            "properties" => {
                for (name, schema) in wanted.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        check(schema, inner, &format!("{at}.{name}"), out);
                    }
                }
                true
            }
            "required" => wanted.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "additionalProperties" => others(schema, wanted, value, at, out),
            other => panic!("{at}: the keyword {other} is not known here"),
        };
        if !fits {
            out.push(format!("{at}: {value} does not fit {keyword} {wanted}"));
        }
    }
}

fn others(schema: &Map<String, Value>, wanted: &Value, value: &Value, at: &str, out: &mut Vec<String>) -> bool {
    let known = |name: &str| schema.get("properties").is_some_and(|all| all.get(name).is_some());
    let more = value.as_object().into_iter().flatten().filter(|(name, _)| !known(name));
    if let Some(allowed) = wanted.as_bool() {
        return allowed || more.count() == 0;
    }
    for (name, inner) in more {
        check(wanted, inner, &format!("{at}.{name}"), out);
    }
    true
}

fn types(wanted: &Value) -> Vec<&str> {
    match wanted {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

/// The patterns of `docs/schemas` are literal text, `\d` with a count, and one `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$" => {
            let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            shape == "0000-00-00T00:00:00Z"
        }
        r"^v[1-9]\d*$" => text.strip_prefix('v').is_some_and(|digits| {
            digits.bytes().all(|b| b.is_ascii_digit()) && !digits.is_empty() && !digits.starts_with('0')
        }),
        other => panic!("the pattern {other} is not known here"),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let version = serde_json::json!({"name": "dokuen", "version": "1", "os": "linux", "architecture": "x"});
    assert_eq!(complaints("version", &version), [""; 0]);
    for (pointer, wrong) in [("name", Value::from("other")), ("version", Value::from(1)), ("more", Value::from("x"))] {
        let mut bad = version.clone();
        bad[pointer] = wrong;
        assert_eq!(complaints("version", &bad).len(), 1, "{bad}");
    }
    let moment = serde_json::json!({"at": "today", "by": "a", "from": null, "app": null, "what": "x", "exit": 0});
    assert!(complaints("event", &moment)[0].starts_with("event.at"));
}
