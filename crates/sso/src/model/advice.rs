//! Plain words for checks and for the reasons of refusal.

/// What a check asks. The engine's checks are named in plain words already.
pub(crate) fn title(check: &str) -> &str {
    match check {
        "message" => "The message can be read",
        "form" => "The post is a form with a response",
        "request" => "The response answers a sign-in that began here, in this browser",
        "connection" => "The connection is active",
        "certificate fallback" => "The latest pinned certificate is the one in use",
        "round trips" => "The browser does not go to the provider and back without end",
        "clean-up" => "The provider ended its sessions of this browser",
        "provider's session" => "The provider has not ended the session of this response",
        "single use" => "The response signs in once",
        "name id" => "The name of the person has a sound length",
        "e-mail" => "The response carries one e-mail address",
        "domain" => "The provider speaks for the domain of the address",
        "identity" => "The person is known, or can be linked",
        "membership" => "The person may be a member of the workspace",
        "response" => "The response is acceptable",
        "answering issuer" => "The answer is from the provider that was asked",
        "answer" => "The provider signed the person in",
        "token endpoint" => "The provider gave tokens for the code",
        "token" => "The token can be read",
        "algorithm" => "The token is signed in a way that only the provider can",
        "issuer" => "The token is from the provider of the connection",
        "audience" => "The token is made for us",
        "authorized party" => "The token was asked for by us",
        "signature" => "The signature is from the provider's key",
        "expiry" => "The token is still valid",
        "issue time" => "The token is not of the future",
        "nonce" => "The token was made for this sign-in",
        "access token" => "The tokens belong together",
        "subject" => "The token names somebody",
        "userinfo" => "The provider tells the address",
        "organisation" => "The account is of an organisation whose domain is verified",
        "discovery" => "The provider describes itself",
        "keys" => "The provider publishes its keys",
        "provider" => "The operator has a client at the provider",
        "client authentication" => "We can prove who we are",
        "event" => "The token tells of a logout",
        other => other,
    }
}

/// What to do about a reason of refusal.
pub(crate) fn advice(code: &str) -> &'static str {
    here(code)
        .or_else(|| form(code))
        .or_else(|| signature(code))
        .or_else(|| statement(code))
        .or_else(|| super::advice_openid::openid(code))
        .unwrap_or("The detail says what was found. If it does not help, report it with the decision number.")
}

/// Reasons at this server.
fn here(code: &str) -> Option<&'static str> {
    Some(match code {
        "connection_changed" => "Nothing: the person signs in again, with the connection as it is now.",
        "connection_inactive" => "Test and activate the connection.",
        "request_unknown" => {
            "Start again at the sign-in page, not from a bookmark of the provider's page or with the Back button. \
             A request waits 15 minutes for its answer."
        }
        "authn_not_demanded" => {
            "Begin at the sign-in page, not at the provider's portal; or switch forceAuthn of the connection off."
        }
        "authn_not_fresh" => {
            "The provider must ask the person anew when a request says ForceAuthn. If it did, compare the clocks."
        }
        "authn_context_mismatch" => {
            "Let the provider authenticate people in one of the ways that authnContext of the connection names, or \
             widen that list."
        }
        "browser_mismatch" => {
            "Start again in one browser that keeps cookies, at the public URL in one spelling. If it was not the same \
             person, look at where the response came from."
        }
        "replayed" => {
            "Start again: each response signs in once. If many appear, something sends forms twice."
        }
        "reply_not_asked" => {
            "Begin at the sign-in page; or switch providerInitiated of the connection on, which gives up the tie between \
             a reply and the browser that asked."
        }
        "sign_in_loop" => {
            "The browser loses the session cookie: allow cookies for the public URL, and use it in one spelling. Then \
             begin again."
        }
        "tenant_mismatch" => {
            "Somebody of another tenant signed in. If that tenant is yours, set tenantId to it; otherwise look at where \
             the reply came from."
        }
        "tenant_unknown" => "Set tenantId of the connection to your tenant, and test it again.",
        "issuer_unknown" => {
            "Give the connection its federation metadata, or issuer and certificates by hand."
        }
        "email_missing" => "Release the e-mail attribute at the provider, or correct the attribute mapping.",
        "email_ambiguous" => "Release exactly one value of the e-mail attribute.",
        "name_id_too_long" => "Choose a shorter NameID at the provider.",
        "domain_not_verified" => {
            "Verify the domain of the address for this connection, or correct the address at the provider."
        }
        "domain_expired" => "Publish the proof of the domain again and verify it.",
        "domain_not_federated" => {
            "The domain is kept apart from single sign-on: use the password, or let the domain take part."
        }
        "identity_conflict" => {
            "If the person got a new account at the provider, unlink the old identity first."
        }
        "person_suspended" => "If the person shall come back, reactivate the access on the page People.",
        "person_unknown" => "Invite the person, or switch just-in-time accounts on.",
        "account_gone" => "Unlink the identity; its account does not exist any more.",
        "form_invalid" => {
            "The provider must post a form to this address: with the field SAMLResponse (SAML, HTTP-POST binding), or \
             with wa=wsignin1.0, wresult and wctx (WS-Federation)."
        }
        "internal" => "This is a fault of ours: report it with the request id.",
        _ => return None,
    })
}

/// Reasons in the form of the message.
fn form(code: &str) -> Option<&'static str> {
    const BROKEN: &str =
        "The message is broken at the provider or on its way. Look for a proxy or a size limit between.";
    const ATTACK: &str = "No sound provider sends this. Look at where it came from.";
    const MAKER: &str = "This is not as the standard demands: report it to the maker of the provider.";
    Some(match code {
        "not_base64" => {
            "The post was no SAML response, or was cut on its way. Look for a proxy's size limit."
        }
        "message_too_large"
        | "too_deep"
        | "too_many_elements"
        | "too_many_attributes"
        | "too_many_namespaces" => "Release fewer groups or attributes at the provider.",
        "not_utf8" | "xml_version_unsupported" | "not_well_formed" => BROKEN,
        "doctype_forbidden"
        | "entity_forbidden"
        | "processing_instruction_forbidden"
        | "misplaced_element"
        | "duplicate_id"
        | "signature_misplaced"
        | "signature_multiple"
        | "signature_malformed"
        | "reference_count"
        | "reference_mismatch"
        | "canonical_form_too_large" => ATTACK,
        "unexpected_root" => {
            "Choose the protocol of the connection at the provider: this was another kind of message."
        }
        "redirect_malformed" => BROKEN,
        "logout_expired" => {
            "Sign out again; if it happens once more, the clocks differ: let both sides use NTP."
        }
        "too_many_session_indexes" => "Let the provider name fewer sessions in one logout request.",
        "structure_invalid"
        | "time_malformed"
        | "assertion_without_expiry"
        | "confirmation_without_expiry"
        | "confirmation_not_before"
        | "conditions_missing"
        | "condition_unknown"
        | "authn_statement_missing" => MAKER,
        "assertion_missing" => "The provider answered without an assertion: see its own log.",
        "response_count" | "multiple_assertions" => "Set the provider to send exactly one assertion.",
        _ => return None,
    })
}

/// Reasons in signatures and encryption.
fn signature(code: &str) -> Option<&'static str> {
    Some(match code {
        "signature_missing" => "Set the provider to sign assertions.",
        "signature_wrong_key" => {
            "The response is signed with a certificate that is not pinned here: add the provider's current one."
        }
        "signature_invalid" | "digest_mismatch" => {
            "The message was changed after it was signed. Look for a proxy that rewrites bodies."
        }
        "certificate_expired" | "certificate_not_yet_valid" => {
            "Pin the provider's current certificate, and check the clock."
        }
        "certificate_count" => "Pin one or two certificates of the provider.",
        "key_forbidden" => "Let the provider make a new key: RSA of 2048 bits or more, or ECDSA on P-256.",
        "sha1_forbidden" => "Set SHA-256 for signatures at the provider.",
        "algorithm_forbidden"
        | "digest_algorithm_forbidden"
        | "canonicalization_forbidden"
        | "transform_forbidden" => "Set RSA-SHA256 and exclusive canonicalization at the provider.",
        "decryption_key_missing" | "decryption_failed" => {
            "The assertion is encrypted for another certificate: give the provider our current metadata."
        }
        "encryption_algorithm_forbidden" => "Set RSA-OAEP and AES-256-GCM at the provider.",
        "encryption_malformed" | "cipher_reference_forbidden" => {
            "The encryption is not as the profile demands: report it to the maker of the provider."
        }
        _ => return None,
    })
}

/// Reasons in what is said: by whom, to whom, when, of whom.
fn statement(code: &str) -> Option<&'static str> {
    Some(match code {
        "version_unsupported" => "Set SAML 2.0 at the provider.",
        "status_not_success" => {
            "The provider refused. Its own log has the cause: often the person is not assigned to the application."
        }
        "response_issuer_mismatch" | "issuer_mismatch" => {
            "Enter the provider's issuer, or entity id, on the connection exactly as the provider writes it, or use the right \
             connection."
        }
        "destination_missing" => "Set the provider to name the destination when it signs responses.",
        "destination_mismatch" | "recipient_missing" | "recipient_mismatch" => {
            "Correct the ACS url at the provider: it must be the very address the response is posted to."
        }
        "audience_missing" | "audience_mismatch" => {
            "SAML: set our entity id as the audience at the provider. OpenID Connect: compare the client id."
        }
        "in_response_to_mismatch" => {
            "Start again. If it happens once more, correct the ACS url: answers to requests go to the address without /idp."
        }
        "in_response_to_missing" | "in_response_to_unexpected" => {
            "Start again; then report it to the maker of the provider: response and assertion disagree."
        }
        "issued_in_future" | "assertion_not_yet_valid" => {
            "The clocks differ by more than 60 seconds. Let both sides use NTP."
        }
        "assertion_expired" | "confirmation_expired" => {
            "Start again without a pause. If it happens once more, the clocks differ: let both sides use NTP."
        }
        "session_expired" | "session_logged_out" => "Sign in at the provider anew: its session is over.",
        "subject_missing" | "name_id_missing" | "name_id_empty" => {
            "Set a NameID at the provider that every person has."
        }
        "name_id_multiple" | "subject_mismatch" => "Set exactly one NameID at the provider.",
        "bearer_confirmation_missing" => "Set the web single sign-on profile (bearer) at the provider.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_engine_has_its_advice() {
        let general = advice("no such reason");
        let left: Vec<_> =
            gatehouse_saml::Reason::ALL.iter().filter(|r| advice(r.code()) == general).collect();
        assert!(left.is_empty(), "without advice: {left:?}");
    }
}
