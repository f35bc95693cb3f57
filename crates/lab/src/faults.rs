//! Misbehaviour in words: what a form sends and what a person reads.

use gatehouse_saml::idp::Fault;
use gatehouse_types::{Error, Result};
use gatehouse_web::Choice;

/// What a form sends for an honest answer.
pub const NO_FAULT: &str = "none";

/// What the fault does, in plain words.
pub fn label(fault: Fault) -> &'static str {
    match fault {
        Fault::Unsigned => "Do not sign the answer",
        Fault::WrongSignature => "Break the signature",
        Fault::Tampered => "Change the person's name after signing",
        Fault::OtherCertificate => "Sign with another certificate",
        Fault::Expired => "Answer two hours late",
        Fault::FutureClock => "Run a clock two hours ahead",
        Fault::WrongAudience => "Address it to another audience",
        Fault::WrongRecipient => "Confirm it for another recipient",
        Fault::WrongDestination => "Name another destination",
        Fault::WrongIssuer => "Speak as another identity provider",
        Fault::WrongInResponseTo => "Answer a request that was never made",
        Fault::Denied => "Refuse the sign-in",
        Fault::Wrapped => "Add a forged assertion beside the signed one",
        // new faults of the engine are usable at once, by their code
        other => other.code(),
    }
}

/// The fault of that stable code; [`NO_FAULT`] and nothing at all mean an honest answer.
///
/// # Errors
/// `Validation` on the field `fault` for a code that is none.
pub fn parse(code: &str) -> Result<Option<Fault>> {
    if matches!(code, "" | NO_FAULT) {
        return Ok(None);
    }
    let fault = Fault::from_code(code);
    fault.map(Some).ok_or_else(|| Error::validation("fault", "The lab knows no such misbehaviour."))
}

/// Every way to answer, the honest one first.
pub(crate) fn choices() -> Vec<Choice> {
    let honest = Choice::new(NO_FAULT, "Behave (no fault)");
    let faults = Fault::ALL.iter().map(|f| Choice::new(f.code(), label(*f)));
    std::iter::once(honest).chain(faults).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_words_of_its_own_and_is_found_by_its_code() {
        for fault in Fault::ALL {
            assert_ne!(label(*fault), fault.code(), "words are missing");
            assert_eq!(parse(fault.code()).unwrap(), Some(*fault));
        }
        let labels: BTreeSet<_> = choices().into_iter().map(|c| c.label).collect();
        assert_eq!(labels.len(), Fault::ALL.len() + 1);
    }

    #[test]
    fn no_fault_is_an_honest_answer_and_an_unknown_one_is_named() {
        assert_eq!(parse("").unwrap(), None);
        assert_eq!(parse(NO_FAULT).unwrap(), None);
        assert_eq!(parse("replay").unwrap_err().field(), Some("fault"));
    }
}
