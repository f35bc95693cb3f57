//! Settings as they are kept: JSON, which is sealed as a whole.

use std::collections::BTreeMap;

use gatehouse_types::Secret;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Given, Settings};

#[derive(Serialize, Deserialize)]
struct Kept {
    name: String,
    description: String,
    language: String,
    environment: BTreeMap<String, String>,
    timeout_seconds: i64,
    min_replicas: i64,
    max_replicas: i64,
    average_compute_utilization: i64,
    hardware_profile: String,
    #[serde(default)]
    egress: Option<String>,
    #[serde(default)]
    egress_hosts: Vec<String>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.environment.values_mut().for_each(Zeroize::zeroize);
    }
}

/// Settings as a text.
pub(crate) fn write(s: &Settings) -> Zeroizing<String> {
    let environment = s.environment().iter().map(|(k, v)| (k.to_owned(), v.expose().to_owned())).collect();
    let kept = Kept {
        name: s.name().to_owned(),
        description: s.description().to_owned(),
        language: s.language().as_str().to_owned(),
        environment,
        timeout_seconds: s.timeout_seconds().into(),
        min_replicas: s.min_replicas().into(),
        max_replicas: s.max_replicas().into(),
        average_compute_utilization: s.average_compute_utilization().into(),
        hardware_profile: s.hardware_profile().id().to_owned(),
        egress: Some(s.egress().as_str().to_owned()),
        egress_hosts: s.egress().hosts().to_vec(),
    };
    Zeroizing::new(serde_json::to_string(&kept).unwrap_or_default())
}

/// Settings of a text; `None` when it is none of ours.
pub(crate) fn read(text: &str) -> Option<Settings> {
    let mut kept: Kept = serde_json::from_str(text).ok()?;
    let environment = std::mem::take(&mut kept.environment).into_iter().map(|(k, v)| (k, Secret::new(v)));
    let given = Given {
        name: kept.name.clone(),
        description: kept.description.clone(),
        language: kept.language.clone(),
        language_version: None,
        environment: environment.collect(),
        timeout_seconds: Some(kept.timeout_seconds),
        min_replicas: Some(kept.min_replicas),
        max_replicas: Some(kept.max_replicas),
        average_compute_utilization: Some(kept.average_compute_utilization),
        hardware_profile: Some(kept.hardware_profile.clone()),
        egress: kept.egress.clone(),
        egress_hosts: kept.egress_hosts.clone(),
    };
    Settings::new(given).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_as_they_were() {
        let given = Given {
            name: "Invoices".to_owned(),
            description: "Reads them.".to_owned(),
            language: "python".to_owned(),
            environment: vec![("TOKEN".to_owned(), Secret::new("s3cret"))],
            timeout_seconds: Some(31),
            min_replicas: Some(2),
            max_replicas: Some(4),
            average_compute_utilization: Some(50),
            hardware_profile: Some("2vcpu-4gb".to_owned()),
            egress: Some("allow-list".to_owned()),
            egress_hosts: vec!["api.example.com".to_owned()],
            ..Given::default()
        };
        let settings = Settings::new(given).unwrap();
        let text = write(&settings);
        let again = read(&text).unwrap();
        assert_eq!(write(&again), text);
        assert_eq!((again.min_replicas(), again.max_replicas(), again.timeout_seconds()), (2, 4, 31));
        assert_eq!(again.environment().iter().next().unwrap().1.expose(), "s3cret");
        assert_eq!(again.egress().hosts(), ["api.example.com"]);
        assert!(read("{}").is_none());
        // kept before there was a choice
        let mut before: serde_json::Value = serde_json::from_str(&text).unwrap();
        before.as_object_mut().unwrap().retain(|name, _| !name.starts_with("egress"));
        assert_eq!(*read(&before.to_string()).unwrap().egress(), super::super::Egress::Public);
    }
}
