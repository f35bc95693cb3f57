"""python3-saml (libxmlsec1 in C) alone over made bodies; prints microseconds of CPU time each.
Use: python3_saml.py FILE CERTIFICATE ISSUER ACS AUDIENCE"""
import sys, time
from urllib.parse import parse_qs, urlsplit
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings

file, certificate, issuer, acs, audience = sys.argv[1:]
settings = OneLogin_Saml2_Settings({
    "strict": True,
    "sp": {"entityId": audience, "assertionConsumerService": {"url": acs}},
    "idp": {"entityId": issuer, "singleSignOnService": {"url": "https://idp.bench.example/sso"},
            "x509cert": open(certificate).read()},
    "security": {"wantAssertionsSigned": True},
})
bodies = [parse_qs(line.strip())["SAMLResponse"][0] for line in open(file)]
where = urlsplit(acs)
request = {"https": "off", "http_host": where.netloc, "script_name": where.path, "get_data": {}, "post_data": {}}
began = time.process_time()
for body in bodies:
    response = OneLogin_Saml2_Response(settings, body)
    if not response.is_valid(request) or not response.get_nameid().endswith("@bench.example"):
        sys.exit(f"refused: {response.get_error()}")
print(f"{(time.process_time() - began) * 1e6 / len(bodies):.2f}")
