//! The six steps of a set-up, with what is missing.

use gatehouse_web::{Step, StepState};

use crate::ConnectionView;
use crate::model::{ConnectionStatus, DomainStatus};

/// One step and whether it is behind us.
struct Item {
    done: bool,
    failed: bool,
    label: &'static str,
    detail: &'static str,
    href: &'static str,
}

/// The checklist of the page.
pub(super) fn steps(view: Option<&ConnectionView>, domain_needed: bool) -> Vec<Step> {
    let items = sign_on_items(view, domain_needed);
    let next = items.iter().position(|i| !i.done);
    let mut steps: Vec<Step> = items
        .into_iter()
        .enumerate()
        .map(|(at, item)| {
            let state = match (item.done, item.failed, next == Some(at)) {
                (true, _, _) => StepState::Done,
                (_, true, _) => StepState::Failed,
                (_, _, true) => StepState::Current,
                _ => StepState::Waiting,
            };
            step(
                item.label,
                if item.done { "" } else { item.detail },
                if item.done { "" } else { item.href },
                state,
            )
        })
        .collect();
    let later = "User provisioning over SCIM is not in this version.";
    steps.push(step("Create a SCIM token and set the provider up with it", later, "", StepState::Waiting));
    steps.push(step("Watch the provisioning", later, "", StepState::Waiting));
    steps
}

fn step(label: &str, detail: &str, href: &str, state: StepState) -> Step {
    Step { label: label.to_owned(), detail: detail.to_owned(), href: href.to_owned(), state }
}

fn sign_on_items(view: Option<&ConnectionView>, domain_needed: bool) -> [Item; 4] {
    let status = view.map(|v| v.connection.status);
    let active = status == Some(ConnectionStatus::Active);
    let verified = view.is_some_and(|v| v.domains.iter().any(|d| d.status == DomainStatus::Verified));
    let domain = if domain_needed {
        "Prove that the domain of your people's addresses is yours; only they sign in through the provider."
    } else {
        "This server does not insist on it, but without a domain the sign-in page does not know your people."
    };
    [
        Item {
            done: view.is_some(),
            failed: false,
            label: "Create the connection",
            detail: "Fill in your provider's values and save.",
            href: "#connection",
        },
        Item {
            done: verified,
            failed: false,
            label: "Add and verify a domain",
            detail: domain,
            href: "#domains",
        },
        Item {
            done: active || status == Some(ConnectionStatus::Testing),
            failed: status == Some(ConnectionStatus::Error),
            label: "Test the connection",
            detail: "Saving tests the values and says what is wrong with them.",
            href: "#connection",
        },
        Item {
            done: active,
            failed: false,
            label: "Activate it",
            detail: "Happens by itself when you save, or verify the domain, and nothing is missing.",
            href: "#connection",
        },
    ]
}
