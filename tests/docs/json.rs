//! Compares JSON with the documented JSON. A line "// …" stands for omitted members
//! or items, and the text "…" for any value. An object or an array without such a
//! line must be complete.

use serde_json::Value;

/// Marks an omitted part or value in the parsed JSON.
const OMITTED: &str = "…";

pub fn assert_json(page: &str, script: &str, expected: &str, output: &str) {
    let output_json: Value = serde_json::from_str(output)
        .unwrap_or_else(|error| panic!("{page}: {script}: {error}\n{output}"));
    let expected = mark_omissions(expected);
    let expected: Value =
        serde_json::from_str(&expected).unwrap_or_else(|error| panic!("{error} in\n{expected}"));
    if let Err(difference) = compare(&expected, &output_json, "") {
        panic!("{page} differs from the output: {difference}\n{script}\n{output_json:#}");
    }
}

/// Replaces each line "// …" with a member or an item [`OMITTED`], so that the
/// result is JSON.
fn mark_omissions(expected: &str) -> String {
    let mut json = String::new();
    let mut open = Vec::new();
    for line in expected.lines().map(str::trim) {
        if line != "// …" {
            json.push_str(line);
            let brackets = line.chars().filter(|character| "{}[]".contains(*character));
            brackets.for_each(|bracket| match bracket {
                '{' | '[' => open.push(bracket),
                _ => drop(open.pop()),
            });
            continue;
        }
        if !json.ends_with(['{', '[']) {
            json.push(',');
        }
        json.push_str(match open.last() {
            Some('[') => r#""…""#,
            _ => r#""…":0"#,
        });
    }
    json
}

/// Compares `output` with `expected`, except for omitted parts. The error names the
/// difference at `path`.
fn compare(expected: &Value, output: &Value, path: &str) -> Result<(), String> {
    match (expected, output) {
        _ if expected == OMITTED => Ok(()),
        (Value::Object(expected), Value::Object(output)) => {
            let is_partial = expected.contains_key(OMITTED);
            let names: Vec<_> = expected.keys().filter(|name| *name != OMITTED).collect();
            let output_names: Vec<_> = output.keys().take(names.len()).collect();
            let is_complete = is_partial || names.len() == output.len();
            if !is_complete || names != output_names {
                return Err(format!("the names in {path:?}"));
            }
            names.iter().try_for_each(|name| {
                compare(&expected[*name], &output[*name], &format!("{path}/{name}"))
            })
        }
        (Value::Array(expected), Value::Array(output)) => {
            let is_partial = expected.iter().any(|item| item == OMITTED);
            let items = expected.len() - usize::from(is_partial);
            let has_length = if is_partial {
                items < output.len()
            } else {
                items == output.len()
            };
            if !has_length {
                return Err(format!("the length of {path:?}"));
            }
            let mut pairs = expected[..items].iter().zip(output).enumerate();
            pairs.try_for_each(|(index, (expected, output))| {
                compare(expected, output, &format!("{path}/{index}"))
            })
        }
        _ if expected == output => Ok(()),
        _ => Err(format!("{path:?} is {output}, the page has {expected}")),
    }
}
