// node-saml alone over made bodies; prints microseconds of CPU time each.
// Use: node node_saml.mjs MODULES FILE CERTIFICATE ISSUER ACS AUDIENCE
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const [modules, file, certificate, issuer, acs, audience] = process.argv.slice(2);
const { SAML } = createRequire(`${modules}/package.json`)('@node-saml/node-saml');
const saml = new SAML({
  idpCert: readFileSync(certificate, 'utf8'), issuer: audience, audience, callbackUrl: acs, idpIssuer: issuer,
  wantAssertionsSigned: true, wantAuthnResponseSigned: false, validateInResponseTo: 'never',
});
const bodies = readFileSync(file, 'utf8').trim().split('\n').map((line) => new URLSearchParams(line).get('SAMLResponse'));
const began = process.cpuUsage();
for (const SAMLResponse of bodies) {
  const { profile } = await saml.validatePostResponseAsync({ SAMLResponse });
  if (!profile?.nameID?.endsWith('@bench.example')) throw new Error('nobody');
}
const used = process.cpuUsage(began);
console.log(((used.user + used.system) / bodies.length).toFixed(2));
