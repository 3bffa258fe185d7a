//! The real binary: killed, stopped, started wrongly, started twice, flooded and cut off from its database.

mod bounds;
mod breaches;
mod configuration;
mod crash;
mod first_start;
mod flood;
mod instances;
mod log;
mod operator;
mod outage;
mod pictures;
mod stop;
mod webhooks;
