use gatehouse_types::{PageRequest, Role, Timestamp};

use super::All;
use crate::html::errors::FieldErrors;
use crate::html::nav::{Nav, NavGroup, NavItem, NavSection};
use crate::html::page::{Page, Viewer, ViewerWorkspace};
use crate::html::parts::{Choice, Step, StepState, Tab, Tone, When};

/// A row of the sample list.
pub(super) struct Row {
    pub(super) when: When,
    pub(super) person: &'static str,
    pub(super) outcome: &'static str,
    pub(super) tone: Tone,
    pub(super) decision: &'static str,
}

pub(super) fn viewer() -> Viewer {
    Viewer {
        name: "Ada Lovelace".into(),
        email: "ada@example.test".into(),
        workspace: "Example Works".into(),
        role: Role::Owner,
        others: vec![ViewerWorkspace { id: "ws_2".into(), name: "Example Lab".into() }],
    }
}

pub(super) fn nav() -> Nav {
    let item = NavItem::new;
    let security = vec![
        item("components", "Single Sign On", "/dev/components"),
        item("scopes", "API Scopes", "/dev/components?scopes"),
        item("profiles", "Authorization profile", "/dev/components?profiles"),
    ];
    let alone = vec![item("scripts", "Manage Custom Scripts", "/dev/components?scripts")];
    Nav {
        sections: vec![
            NavSection { item: item("flows", "Flows", "/dev/components?flows"), groups: vec![] },
            NavSection {
                item: item("settings", "Settings", "/dev/components"),
                groups: vec![
                    NavGroup { label: "Security & Control", items: security },
                    NavGroup { label: "", items: alone },
                ],
            },
        ],
        ..Nav::default()
    }
}

pub(super) fn all(page: Page) -> All {
    let mut errors = FieldErrors::none();
    errors.add("entryPoint", "The sign-in URL must begin with https://.");
    let now = When::from(Timestamp::from_seconds(1_795_493_472));
    let request = PageRequest::new(2, 20);
    let pagination = request.map(|r| gatehouse_types::Page::<()>::new(Vec::new(), r, 57).pagination);
    All {
        page,
        tabs: vec![tab("Overview", true), tab("Attempts", false), tab("Settings", false)],
        errors,
        choices: vec![Choice::new("okta", "Okta"), Choice::new("azure", "Microsoft Entra ID")],
        protocols: vec![
            Choice::new("saml", "SAML 2.0").hint("What most identity providers speak."),
            Choice::new("wsfed", "WS-Federation").hint("For older Microsoft servers."),
        ],
        certificates: vec!["-----BEGIN CERTIFICATE-----\nMIIC…\n-----END CERTIFICATE-----".into()],
        excluded: vec!["break-glass@example.test".into()],
        chips: vec!["example.test".into(), "lab.example.test".into()],
        steps: steps(),
        rows: rows(&now),
        pagination: pagination.unwrap_or_else(|_| unreachable!("the bounds are constants")),
        now,
    }
}

fn tab(label: &str, current: bool) -> Tab {
    Tab { label: label.into(), href: format!("/dev/components?tab={}", label.to_lowercase()), current }
}

fn steps() -> Vec<Step> {
    let step = |label: &str, detail: &str, state| Step {
        label: label.into(),
        detail: detail.into(),
        href: if state == StepState::Current { "#buttons".into() } else { String::new() },
        state,
    };
    vec![
        step("Tell us about your identity provider", "", StepState::Done),
        step("Prove your domain", "The TXT record was not found.", StepState::Failed),
        step("Sign in once as a test", "Nobody else notices.", StepState::Current),
        step("Turn it on", "", StepState::Waiting),
    ]
}

fn rows(when: &When) -> Vec<Row> {
    let row = |person, outcome, tone, decision| Row { when: when.clone(), person, outcome, tone, decision };
    vec![
        row("grace@example.test", "Signed in", Tone::Good, "dec_0198c5f0e8a07c3f"),
        row("alan@example.test", "Rejected", Tone::Bad, "dec_0198c5f0e8a07c40"),
        row("unknown", "Expired", Tone::Warn, "dec_0198c5f0e8a07c41"),
    ]
}
