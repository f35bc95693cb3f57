use std::time::Duration;

use gatehouse_types::Secret;

use super::egress::Egress;
use super::environment::Environment;
use super::hardware::Profile;
use super::language::Language;
use super::names::{checked_description, checked_name};
use super::problems::Problems;
use super::status::Status;

/// The shortest time a function may take, in seconds.
pub const MIN_TIMEOUT_SECONDS: i64 = 30;
/// The longest time a function may take, in seconds.
pub const MAX_TIMEOUT_SECONDS: i64 = 600;
/// The time a function may take when nothing is said, in seconds.
pub const DEFAULT_TIMEOUT_SECONDS: i64 = 60;
/// The most replicas of a script.
pub const MAX_REPLICAS: i64 = 10;
/// The average use of processors, in percent, above which replicas are added, when nothing is said.
pub const DEFAULT_UTILIZATION: i64 = 75;

/// Settings as somebody gives them; nothing is judged yet.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// `python` or `javascript`.
    pub language: String,
    /// The version; comes with the language when it is not given.
    pub language_version: Option<String>,
    /// Environment variables.
    pub environment: Vec<(String, Secret)>,
    /// Seconds that a function may take.
    pub timeout_seconds: Option<i64>,
    /// The fewest replicas.
    pub min_replicas: Option<i64>,
    /// The most replicas; as many as the fewest when it is not given.
    pub max_replicas: Option<i64>,
    /// Percent of the processors above which replicas are added. Ignored when the numbers of replicas are equal.
    pub average_compute_utilization: Option<i64>,
    /// The id of a hardware profile; the smallest when it is not given.
    pub hardware_profile: Option<String>,
    /// `public`, `allow-list` or `none`; `public` when it is not given.
    pub egress: Option<String>,
    /// The hosts of a list; they count for a list alone.
    pub egress_hosts: Vec<String>,
}

/// Settings that hold.
#[derive(Clone, Debug)]
pub struct Settings {
    name: String,
    description: String,
    language: Language,
    environment: Environment,
    timeout_seconds: u16,
    min_replicas: u8,
    max_replicas: u8,
    average_compute_utilization: u8,
    hardware_profile: Profile,
    egress: Egress,
}

impl Settings {
    /// Judges everything, and tells everything that is wrong at once.
    pub fn new(given: Given) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let name = problems.keep(checked_name("name", &given.name));
        let description = problems.keep(checked_description(&given.description));
        let language = problems.keep(language(&given.language));
        if let (Some(language), Some(version)) = (language, &given.language_version)
            && let Err(wrong) = version_of(language, version)
        {
            problems.keep::<()>(Err(wrong));
        }
        let environment = problems.keep(Environment::new(given.environment));
        let timeout = given.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
        if !(MIN_TIMEOUT_SECONDS..=MAX_TIMEOUT_SECONDS).contains(&timeout) {
            problems.add("timeoutSeconds", "range", "The execution timeout must be 30 to 600 seconds.");
        }
        let (min, max) = replicas(given.min_replicas, given.max_replicas, &mut problems);
        let utilization = match given.average_compute_utilization {
            Some(percent) if min != max => percent,
            _ => DEFAULT_UTILIZATION,
        };
        if !(1..=100).contains(&utilization) {
            let message = "The average compute utilization must be 1 to 100 percent.";
            problems.add("averageComputeUtilization", "range", message);
        }
        let profile = problems.keep(profile(given.hardware_profile.as_deref()));
        let egress = problems.keep(Egress::new(given.egress.as_deref(), &given.egress_hosts));
        match (name, description, language, environment, profile.zip(egress)) {
            (
                Some(name),
                Some(description),
                Some(language),
                Some(environment),
                Some((hardware_profile, egress)),
            ) if problems.is_empty() => {
                Ok(Self {
                    name,
                    description,
                    language,
                    environment,
                    // Judged above.
                    timeout_seconds: timeout as u16,
                    min_replicas: min as u8,
                    max_replicas: max as u8,
                    average_compute_utilization: utilization as u8,
                    hardware_profile,
                    egress,
                })
            }
            _ => Err(problems),
        }
    }

    /// Whether these may follow `before` in a status. What is in service keeps its name; what was deployed once keeps
    /// its language, since callers rely on its functions.
    pub fn may_follow(&self, before: &Self, status: Status) -> Result<(), Problems> {
        let mut problems = Problems::none();
        if status == Status::Deployed && self.name != before.name {
            let message = "The name of a deployed script cannot be changed. Undeploy it first.";
            problems.add("name", "locked", message);
        }
        if status != Status::Draft && self.language != before.language {
            let message = "The language cannot be changed after the first deployment. Import a new script.";
            problems.add("language", "locked", message);
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Its version, as it is offered.
    pub const fn language_version(&self) -> &'static str {
        self.language.version()
    }

    /// Environment variables.
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Seconds that a function may take.
    pub const fn timeout_seconds(&self) -> u16 {
        self.timeout_seconds
    }

    /// The time that a function may take.
    pub const fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds as u64)
    }

    /// The fewest replicas.
    pub const fn min_replicas(&self) -> u8 {
        self.min_replicas
    }

    /// The most replicas.
    pub const fn max_replicas(&self) -> u8 {
        self.max_replicas
    }

    /// Percent of the processors above which replicas are added.
    pub const fn average_compute_utilization(&self) -> u8 {
        self.average_compute_utilization
    }

    /// Whether the number of replicas follows their load.
    pub const fn scales(&self) -> bool {
        self.min_replicas != self.max_replicas
    }

    /// What each replica may use.
    pub const fn hardware_profile(&self) -> Profile {
        self.hardware_profile
    }

    /// What of the network it reaches.
    pub const fn egress(&self) -> &Egress {
        &self.egress
    }
}

fn language(word: &str) -> Result<Language, Problems> {
    Language::parse(word)
        .ok_or_else(|| Problems::one("language", "language", "The language must be python or javascript."))
}

fn version_of(language: Language, version: &str) -> Result<(), Problems> {
    if version == language.version() {
        return Ok(());
    }
    let message = format!("The version of {} is {}.", language.label(), language.version());
    Err(Problems::one("languageVersion", "language_version", message))
}

fn replicas(min: Option<i64>, max: Option<i64>, problems: &mut Problems) -> (i64, i64) {
    let least = min.unwrap_or(1);
    let most = max.unwrap_or_else(|| least.clamp(1, MAX_REPLICAS));
    for (field, number) in [("minReplicas", least), ("maxReplicas", most)] {
        if !(1..=MAX_REPLICAS).contains(&number) {
            problems.add(field, "range", "The number of replicas must be 1 to 10.");
        }
    }
    if least > most {
        let message = "The minimum of replicas must not be larger than the maximum.";
        problems.add("minReplicas", "min_above_max", message);
    }
    (least, most)
}

fn profile(id: Option<&str>) -> Result<Profile, Problems> {
    let Some(id) = id else { return Ok(Profile::Cpu1Memory2) };
    Profile::parse(id).ok_or_else(|| {
        let known = Profile::ALL.map(Profile::id).join(", ");
        Problems::one(
            "hardwareProfile",
            "hardware_profile",
            format!("The hardware profile must be one of {known}."),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        Given { name: "Invoices".to_owned(), language: "python".to_owned(), ..Given::default() }
    }

    fn told(given: Given) -> Vec<(String, &'static str)> {
        let problems = Settings::new(given).unwrap_err();
        problems.iter().map(|p| (p.field.clone(), p.code)).collect()
    }

    fn one(field: &str, code: &'static str) -> Vec<(String, &'static str)> {
        vec![(field.to_owned(), code)]
    }

    #[test]
    fn a_name_and_a_language_are_enough() {
        let s = Settings::new(given()).unwrap();
        assert_eq!((s.name(), s.language(), s.language_version()), ("Invoices", Language::Python, "3.10.15"));
        assert_eq!((s.min_replicas(), s.max_replicas(), s.average_compute_utilization()), (1, 1, 75));
        assert_eq!((s.timeout(), s.hardware_profile()), (Duration::from_secs(60), Profile::Cpu1Memory2));
        assert!(!s.scales() && s.environment().is_empty() && s.description().is_empty());
    }

    #[test]
    fn the_timeout_is_thirty_to_six_hundred_seconds() {
        for (seconds, good) in [(29, false), (30, true), (600, true), (601, false), (0, false), (-30, false)]
        {
            let result = Settings::new(Given { timeout_seconds: Some(seconds), ..given() });
            assert_eq!(result.is_ok(), good, "{seconds}");
        }
        assert_eq!(
            told(Given { timeout_seconds: Some(i64::MAX), ..given() }),
            one("timeoutSeconds", "range")
        );
    }

    #[test]
    fn replicas_are_one_to_ten_and_in_order() {
        let of = |min, max| Given { min_replicas: Some(min), max_replicas: Some(max), ..given() };
        for (min, max) in [(1, 1), (1, 10), (10, 10), (3, 4)] {
            let s = Settings::new(of(min, max)).unwrap();
            assert_eq!((i64::from(s.min_replicas()), i64::from(s.max_replicas())), (min, max));
        }
        assert_eq!(told(of(0, 1)), one("minReplicas", "range"));
        assert_eq!(told(of(1, 11)), one("maxReplicas", "range"));
        assert_eq!(told(of(4, 3)), one("minReplicas", "min_above_max"));
        let only = Settings::new(Given { min_replicas: Some(3), ..given() }).unwrap();
        assert_eq!((only.min_replicas(), only.max_replicas()), (3, 3));
        assert_eq!(told(Given { min_replicas: Some(11), ..given() })[0], ("minReplicas".to_owned(), "range"));
    }

    #[test]
    fn the_utilization_counts_only_where_replicas_scale() {
        let of = |max, percent| Given {
            max_replicas: Some(max),
            average_compute_utilization: Some(percent),
            ..given()
        };
        for percent in [1, 50, 100] {
            let s = Settings::new(of(2, percent)).unwrap();
            assert_eq!(i64::from(s.average_compute_utilization()), percent);
        }
        for percent in [0, 101, -1] {
            assert_eq!(told(of(2, percent)), one("averageComputeUtilization", "range"));
            assert_eq!(Settings::new(of(1, percent)).unwrap().average_compute_utilization(), 75);
        }
    }

    #[test]
    fn only_the_offered_versions_are_taken() {
        let of = |language: &str, version: &str| Given {
            language: language.to_owned(),
            language_version: Some(version.to_owned()),
            ..given()
        };
        assert!(Settings::new(of("python", "3.10.15")).is_ok());
        assert!(Settings::new(of("javascript", "20.19.0")).is_ok());
        assert_eq!(told(of("python", "3.11.0")), one("languageVersion", "language_version"));
        assert_eq!(told(of("javascript", "3.10.15")), one("languageVersion", "language_version"));
        assert_eq!(told(of("ruby", "3.10.15")), one("language", "language"));
    }

    #[test]
    fn everything_wrong_is_told_at_once_by_its_field() {
        let wrong = Given {
            name: " ".to_owned(),
            description: "x".repeat(2_001),
            language: "Python".to_owned(),
            language_version: None,
            environment: vec![("PATH".to_owned(), Secret::new("/evil"))],
            timeout_seconds: Some(1),
            min_replicas: Some(0),
            max_replicas: Some(99),
            average_compute_utilization: Some(0),
            hardware_profile: Some("huge".to_owned()),
            egress: Some("all".to_owned()),
            egress_hosts: Vec::new(),
        };
        let error = gatehouse_types::Error::from(Settings::new(wrong).unwrap_err());
        let fields: Vec<_> = error.fields().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            [
                "name",
                "description",
                "language",
                "environment.PATH",
                "timeoutSeconds",
                "minReplicas",
                "maxReplicas",
                "averageComputeUtilization",
                "hardwareProfile",
                "egress"
            ]
        );
        assert_eq!(error.kind(), gatehouse_types::Kind::Validation);
        assert!(error.message().contains("1vcpu-2gb, 2vcpu-4gb"));
    }

    #[test]
    fn what_is_in_service_keeps_name_and_language() {
        let before = Settings::new(given()).unwrap();
        let renamed = Settings::new(Given { name: "Bills".to_owned(), ..given() }).unwrap();
        let other = Settings::new(Given { language: "javascript".to_owned(), ..given() }).unwrap();
        for status in Status::ALL {
            assert_eq!(renamed.may_follow(&before, status).is_ok(), status != Status::Deployed, "{status}");
            assert_eq!(other.may_follow(&before, status).is_ok(), status == Status::Draft, "{status}");
            assert!(before.may_follow(&before, status).is_ok());
        }
        let problems = renamed.may_follow(&before, Status::Deployed).unwrap_err();
        assert_eq!(problems.iter().next().unwrap().field, "name");
    }
}
