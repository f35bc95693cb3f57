//! What to do about the reasons of refusal of OpenID Connect.

/// The advice for a reason.
pub(super) fn openid(code: &str) -> Option<&'static str> {
    const CLOCKS: &str = "The clocks differ by more than 60 seconds. Let both sides use NTP.";
    const MAKER: &str = "This is not as the standard demands: report it to the maker of the provider.";
    Some(match code {
        "state_unknown" => {
            "Start again at the sign-in page, not from a bookmark or with the Back button. A sign-in waits 15 minutes."
        }
        "issuer_mixed_up" => {
            "The answer came from another provider than was asked. If it happens again, look at where it came from."
        }
        "access_denied" => {
            "The person, or the provider, refused. Look at the provider's log; often the person is not assigned to the \
             application."
        }
        "provider_refused" => "The provider refused: its own log has the cause.",
        "code_missing" => MAKER,
        "token_refused" => {
            "Compare client id, client secret and redirect URI with the provider's. A code counts for a minute or so."
        }
        "client_refused" => {
            "Copy the client id and the client secret again: the secret's value, not its id. It may have ended, or the \
             provider wants another way of authentication (clientAuthentication)."
        }
        "token_unreachable" | "discovery_unreachable" | "jwks_unreachable" => {
            "This server must reach the provider: look at its address, the firewall and egress_allow."
        }
        "issuer_missing" => "Enter the provider's issuer and our client id there.",
        "client_secret_missing" => "Enter the client secret on the connection.",
        "operator_client_missing" => {
            "The operator sets google_client_id and google_client_secret; or choose another provider."
        }
        "discovery_invalid" | "jwks_invalid" => {
            "Open the discovery document in a browser: it must be the OpenID Connect document of the provider."
        }
        "discovery_issuer_mismatch" => {
            "Enter the issuer exactly as the discovery document writes it, a final slash included."
        }
        "token_missing" => "Allow the scope openid for our client at the provider.",
        "token_malformed" => MAKER,
        "algorithm_refused" => {
            "Set RS256 (or another of the accepted ones) for ID tokens of our client at the provider."
        }
        "key_unknown" => {
            "The provider signs with a key that it does not publish. If it rolled its key just now, try again in a minute."
        }
        "key_refused" => {
            "Let the provider make a new key: RSA of 2048 bits or more, P-256, P-384 or Ed25519."
        }
        "key_ambiguous" => "Let the provider name its key in the token (kid).",
        "nonce_mismatch" => {
            "Start again. If it happens once more, somebody sends tokens of other sign-ins here: look at where from."
        }
        "expired" | "issued_in_future" => CLOCKS,
        "authorized_party_mismatch" => {
            "The token was made for another client: use a client of our own at the provider."
        }
        "access_token_mismatch" | "subject_invalid" | "userinfo_subject_mismatch" => MAKER,
        "userinfo_failed" => {
            "Let the provider put the e-mail address into the ID token, or look at its userinfo endpoint."
        }
        "hosted_domain_mismatch" => {
            "Sign in with the account of the organisation, or verify its domain for this connection."
        }
        "email_unverified" => {
            "Let the person confirm the address at the provider, or let the provider vouch for it (email_verified)."
        }
        "logout_event_missing" | "nonce_forbidden" => MAKER,
        _ => return None,
    })
}
