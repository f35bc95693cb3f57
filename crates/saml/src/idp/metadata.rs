//! The lab identity provider's own metadata.

use crate::authn_request::{HTTP_POST, HTTP_REDIRECT};
use crate::certificate::Certificate;
use crate::metadata::{key_descriptor, logout_services};
use crate::write::Xml;
use crate::xml::ns;

/// What an identity provider says of itself.
#[derive(Debug, Clone)]
pub struct IdpDescription {
    /// Its entity id.
    pub entity_id: String,
    /// Single sign-on URL, for HTTP-Redirect and HTTP-POST.
    pub sso_url: String,
    /// The single logout service, by HTTP-Redirect and HTTP-POST.
    pub slo_url: Option<String>,
    /// Signing certificates.
    pub certificates: Vec<Certificate>,
    /// The passive endpoint, when it speaks WS-Federation too.
    pub passive_endpoint: Option<String>,
    /// Whether it wants signed requests.
    pub want_authn_requests_signed: bool,
}

/// The metadata document; the WS-Federation role comes first, as in AD FS.
pub fn idp_metadata(idp: &IdpDescription) -> String {
    let mut xml = Xml::new();
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml.open(
        "md:EntityDescriptor",
        &[("xmlns:md", ns::MD), ("xmlns:ds", ns::DS), ("entityID", &idp.entity_id)],
    );
    if let Some(endpoint) = &idp.passive_endpoint {
        token_service(&mut xml, endpoint, &idp.certificates);
    }
    xml.open(
        "md:IDPSSODescriptor",
        &[
            ("WantAuthnRequestsSigned", if idp.want_authn_requests_signed { "true" } else { "false" }),
            ("protocolSupportEnumeration", ns::SAMLP),
        ],
    );
    for certificate in &idp.certificates {
        key_descriptor(&mut xml, "signing", certificate);
    }
    logout_services(&mut xml, idp.slo_url.as_deref());
    for binding in [HTTP_REDIRECT, HTTP_POST] {
        xml.empty("md:SingleSignOnService", &[("Binding", binding), ("Location", &idp.sso_url)]);
    }
    xml.close("md:IDPSSODescriptor");
    xml.close("md:EntityDescriptor");
    xml.finish()
}

fn token_service(xml: &mut Xml, endpoint: &str, certificates: &[Certificate]) {
    const FED: &str = "http://docs.oasis-open.org/wsfed/federation/200706";
    const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
    xml.open(
        "md:RoleDescriptor",
        &[
            ("xmlns:xsi", XSI),
            ("xmlns:fed", FED),
            ("xsi:type", "fed:SecurityTokenServiceType"),
            ("protocolSupportEnumeration", FED),
        ],
    );
    for certificate in certificates {
        key_descriptor(xml, "signing", certificate);
    }
    xml.open("fed:PassiveRequestorEndpoint", &[]);
    xml.open("wsa:EndpointReference", &[("xmlns:wsa", "http://www.w3.org/2005/08/addressing")]);
    xml.leaf("wsa:Address", &[], endpoint);
    xml.close("wsa:EndpointReference");
    xml.close("fed:PassiveRequestorEndpoint");
    xml.close("md:RoleDescriptor");
}
