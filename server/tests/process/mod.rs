//! The real binary, and the example that embeds it: killed, stopped, misconfigured, started twice, flooded and cut off
//! from its database.

mod api_keys;
mod attributes;
mod backup;
mod bounds;
mod breaches;
mod command_line;
mod configuration;
mod crash;
mod database;
mod doctor;
mod first_start;
mod flood;
mod instances;
mod log;
mod mail;
mod mounted;
mod operator;
mod outage;
mod pictures;
mod policy;
mod stop;
mod unread;
mod webhooks;
