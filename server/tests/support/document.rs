//! Checks responses against the OpenAPI document: an undocumented response fails the test that got it.

use http::Method;
use serde_json::{Value, json};

use super::Answer;

#[derive(Debug)]
pub struct Document(Value);

impl Document {
    pub fn new(value: Value) -> Self {
        Self(value)
    }

    /// Every operation: method, path template and entry.
    pub fn operations(&self) -> impl Iterator<Item = (Method, &str, &Value)> {
        self.0["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .iter()
                .map(move |(method, entry)| (method.to_uppercase().parse().unwrap(), path.as_str(), entry))
        })
    }

    /// Fails unless the document lists this status for the operation, with a body of this shape.
    pub fn check(&self, method: &Method, path: &str, answer: &Answer) {
        let Some(entry) = self.operation(method, path) else { return };
        let status = answer.status.as_str();
        let response = &entry["responses"][status];
        assert!(!response.is_null(), "{method} {path}: {status} is not documented: {}", answer.text());
        let content_type = answer.header("content-type");
        match response["content"].as_object() {
            None => {
                assert!(answer.body.is_empty(), "{method} {path}: {status} has a body: {}", answer.text());
            }
            Some(content) => {
                let media = content.get(content_type);
                let media = media.unwrap_or_else(|| panic!("{method} {path}: {status} is {content_type:?}"));
                if content_type.ends_with("json") {
                    self.check_body(&media["schema"], answer);
                }
            }
        }
        for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            // Of a guarded route's rejections, only the guard's own have a challenge: the 400 for two credentials but
            // not for bad input, the 403 for a missing scope but not for a wrong password.
            let may_lack = matches!(status, "400" | "403") && name.eq_ignore_ascii_case("www-authenticate");
            let is_there = may_lack || !answer.header(name).is_empty();
            assert!(is_there, "{method} {path}: {status} lacks {name}");
        }
    }

    fn operation(&self, method: &Method, path: &str) -> Option<&Value> {
        let matches = |template: &str| {
            let (mut names, mut steps) = (template.split('/'), path.split('/'));
            loop {
                match (names.next(), steps.next()) {
                    (None, None) => return true,
                    (Some(name), Some(step))
                        if name == step || (name.starts_with('{') && !step.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        self.operations()
            .find(|(known, template, _)| known == method && matches(template))
            .map(|(_, _, entry)| entry)
    }

    fn check_body(&self, schema: &Value, answer: &Answer) {
        let schema = json!({ "allOf": [schema], "components": self.0["components"] });
        let body = answer.json();
        let errors = jsonschema::validator_for(&schema)
            .unwrap()
            .iter_errors(&body)
            .map(|e| e.to_string())
            .collect::<Vec<_>>();
        assert!(errors.is_empty(), "a body that is not as documented: {errors:?}: {body}");
    }
}
