//! The ways into a route: what a request may present so that every guard lets it through.

use serde_json::{Map, Value, json};

use super::Asked;
use crate::{credential::Place, scope::NamedScope};

/// What one guard demands: a credential for one of these verifiers, with one of these sets of scopes.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) asked: Vec<Asked>,
    pub(crate) scopes: Vec<Vec<NamedScope>>,
    /// Whether it lets through a request that presents nothing to it.
    pub(crate) is_optional: bool,
}

/// The ways past every guard so far. Those that no request can take are left out.
#[derive(Debug)]
pub(crate) struct Ways {
    demands: Vec<Demand>,
    open: Vec<Way>,
    /// Why ways were left out.
    clashes: Vec<Clash>,
}

/// One way in.
#[derive(Debug, Clone, Default)]
struct Way {
    /// The verifier whose credential meets each demand. `None` if nothing is presented to it.
    met_by: Vec<Option<Asked>>,
    /// The schemes that it needs, each with its scopes (OpenAPI 3.1 §4.8.30).
    requirement: Map<String, Value>,
}

const PRESENTED: &str = "a credential for one is also presented to the other, which rejects it";

const ONE_KIND: &str = "an `Either` takes one kind of credential at a time";

/// Whether two demands can be met in this way.
enum Together {
    Fit,
    /// Another way is the same.
    Repeat,
    Clash(Clash),
}

/// Two schemes that one request cannot present, and why.
#[derive(Debug)]
struct Clash {
    schemes: [&'static str; 2],
    why: &'static str,
}

impl Ways {
    /// Lets anyone in.
    pub(crate) fn new() -> Self {
        Self { demands: Vec::new(), open: vec![Way::default()], clashes: Vec::new() }
    }

    /// Adds a demand.
    pub(crate) fn narrow(&mut self, demand: Demand) {
        let choices = demand.choices();
        for way in std::mem::take(&mut self.open) {
            for (met_by, requirement) in &choices {
                match self.together(&way, &demand, *met_by) {
                    Together::Fit => self.open.push(way.with(*met_by, requirement)),
                    Together::Repeat => {}
                    Together::Clash(clash) if self.clashes.iter().any(|known| known.is(&clash)) => {}
                    Together::Clash(clash) => self.clashes.push(clash),
                }
            }
        }
        self.demands.push(demand);
    }

    /// Whether a guard reads a key from the query parameter `name`.
    pub(crate) fn ask_in_query(&self, name: &str) -> bool {
        let mut asked = self.demands.iter().flat_map(|demand| &demand.asked);
        asked.any(|asked| matches!(asked.place, Place::Query(key) if key == name))
    }

    fn together(&self, way: &Way, demand: &Demand, met_by: Option<Asked>) -> Together {
        let known = self.demands.iter().zip(&way.met_by);
        let mut pairs = known.map(|(known, known_by)| together((known, *known_by), (demand, met_by)));
        pairs.find(|pair| !matches!(pair, Together::Fit)).unwrap_or(Together::Fit)
    }

    /// The requirements, one of which suffices.
    ///
    /// # Errors
    /// Why there is no way in, or which `Maybe` nothing can be presented to.
    pub(crate) fn requirements(self) -> Result<Vec<Map<String, Value>>, Vec<String>> {
        let is_met = |at: usize| self.open.iter().any(|way| way.met_by.get(at).is_some_and(Option::is_some));
        if !(0..self.demands.len()).all(is_met) {
            let mut sentences: Vec<_> = self.clashes.iter().map(Clash::sentence).collect();
            if sentences.is_empty() {
                // Never empty: that would be no defect, and the route would be documented as open.
                sentences.push("no request can satisfy its guards".to_owned());
            }
            return Err(sentences);
        }
        let mut requirements = Vec::new();
        for Way { requirement, .. } in self.open {
            if !requirements.contains(&requirement) {
                requirements.push(requirement);
            }
        }
        Ok(requirements)
    }
}

impl Clash {
    /// Whether both say the same, in any order.
    fn is(&self, other: &Self) -> bool {
        self.why == other.why && self.schemes.iter().all(|scheme| other.schemes.contains(scheme))
    }

    fn sentence(&self) -> String {
        let Self { schemes: [one, other], why } = self;
        format!("`{one}` and `{other}` cannot be asked for together: {why}")
    }
}

impl Demand {
    /// Each verifier with each set of scopes, and nothing at all if that suffices.
    fn choices(&self) -> Vec<(Option<Asked>, Map<String, Value>)> {
        let with = |asked: &Asked, scopes: &[NamedScope]| {
            let scopes: Vec<_> = scopes.iter().map(|scope| scope.name).collect();
            (Some(*asked), Map::from_iter([(asked.scheme.to_owned(), json!(scopes))]))
        };
        let choices =
            self.asked.iter().flat_map(|asked| self.scopes.iter().map(|scopes| with(asked, scopes)));
        choices.chain(self.is_optional.then(|| (None, Map::new()))).collect()
    }

    /// Its verifier that reads from this place.
    fn reader(&self, place: Place) -> Option<&Asked> {
        self.asked.iter().find(|asked| asked.place == place)
    }
}

impl Way {
    /// The schemes of both, each with the scopes of both.
    fn with(&self, met_by: Option<Asked>, requirement: &Map<String, Value>) -> Self {
        let mut both = self.clone();
        both.met_by.push(met_by);
        for (scheme, scopes) in requirement {
            let known = both.requirement.entry(scheme).or_insert_with(|| json!([]));
            if let (Some(known), Some(scopes)) = (known.as_array_mut(), scopes.as_array()) {
                let new: Vec<_> = scopes.iter().filter(|scope| !known.contains(scope)).cloned().collect();
                known.extend(new);
            }
        }
        both
    }
}

/// Two demands, each with the verifier that meets it. Every guard reads the whole request, so what is presented to one
/// of them is presented to the other, too.
fn together(
    (first, first_by): (&Demand, Option<Asked>),
    (second, second_by): (&Demand, Option<Asked>),
) -> Together {
    let clash =
        |one: &Asked, other: &Asked, why| Together::Clash(Clash { schemes: [one.scheme, other.scheme], why });
    match (first_by, second_by) {
        (None, None) => Together::Fit,
        (Some(one), Some(other)) if one.is(&other) => Together::Fit,
        (Some(one), Some(other)) => {
            if let Some(why) = excludes(one.place, other.place) {
                clash(&one, &other, why)
            } else if one.place == other.place {
                // Both must accept it, which is possible. But a `Maybe` that must accept a credential is not optional.
                if first.is_optional || second.is_optional {
                    clash(&one, &other, PRESENTED)
                } else {
                    Together::Fit
                }
            } else if first.reader(other.place).or(second.reader(one.place)).is_some() {
                clash(&one, &other, ONE_KIND)
            } else {
                Together::Fit
            }
        }
        (Some(brought), None) => beside(brought, second, |other, why| clash(&brought, other, why)),
        (None, Some(brought)) => beside(brought, first, |other, why| clash(other, &brought, why)),
    }
}

/// Whether `brought` can be presented to another demand while nothing is presented to this one.
fn beside(brought: Asked, nothing: &Demand, clash: impl Fn(&Asked, &'static str) -> Together) -> Together {
    if nothing.asked.iter().any(|asked| asked.is(&brought)) {
        return Together::Repeat;
    }
    if let Some(reader) = nothing.reader(brought.place) {
        return clash(reader, PRESENTED);
    }
    if brought.place.is_cookie() {
        return Together::Fit;
    }
    // A verifier that reads `Authorization` or a cookie rejects an `Authorization` of another scheme.
    let mut clashes =
        nothing.asked.iter().filter_map(|asked| Some((asked, excludes(asked.place, brought.place)?)));
    clashes.next().map_or(Together::Fit, |(asked, why)| clash(asked, why))
}

/// Why no request can have a credential in each of these places.
fn excludes(one: Place, other: Place) -> Option<&'static str> {
    use Place::{Authorization, Cookie};

    match (one, other) {
        (Authorization(_), Authorization(_)) if one != other => {
            Some("an `Authorization` header has one credential")
        }
        (Authorization(_), Cookie(_)) | (Cookie(_), Authorization(_)) => {
            Some("a cookie does not count beside an `Authorization` header")
        }
        _ => None,
    }
}
