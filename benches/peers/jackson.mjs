// SAML Jackson behind the smallest HTTP server. Use: node jackson.mjs MODULES PORT ENGINE METADATA [FILE]
// ENGINE is mem or sqlite; MODULES the folder with node_modules; METADATA the identity provider's.
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const [modules, port, engine, metadata, file] = process.argv.slice(2);
const require = createRequire(`${modules}/package.json`);
const { controllers } = require('@boxyhq/saml-jackson');
const base = `http://127.0.0.1:${port}`;
const redirectUrl = 'http://app.bench.example/callback';

const database = engine === 'mem' ? { engine: 'mem', ttl: 300, cleanupLimit: 1000 }
  : { engine: 'sql', type: 'sqlite', url: file, ttl: 300, cleanupLimit: 1000, manualMigration: false };
const { connectionAPIController, oauthController } = await controllers({
  externalUrl: base, samlPath: '/acs', samlAudience: `${base}/audience`, idpEnabled: true,
  clientSecretVerifier: 'dummy', db: database, noAnalytics: true,
});
const many = Number(process.env.CONNECTIONS ?? 1);
const xml = readFileSync(metadata, 'utf8');
for (let n = 0; n < many; n++) {
  await connectionAPIController.createSAMLConnection({
    tenant: `bench${n}.example`, product: 'bench', defaultRedirectUrl: redirectUrl, redirectUrl: [redirectUrl],
    rawMetadata: n === 0 ? xml : xml.replaceAll('https://idp.bench.example', `https://idp${n}.bench.example`),
  });
}

const form = (request) => new Promise((resolve, reject) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => resolve(Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString()))));
  request.on('error', reject);
});

async function answer(request) {
  const url = new URL(request.url, base);
  switch (url.pathname) {
    case '/readyz': return {};
    case '/authorize': return oauthController.authorize({
      response_type: 'code', client_id: 'dummy', tenant: 'bench0.example', product: 'bench', state: 's',
      redirect_uri: redirectUrl,
    });
    case '/acs': return oauthController.samlResponse(await form(request));
    case '/token': return { body: await oauthController.token(await form(request)) };
    case '/userinfo': return { body: await oauthController.userInfo(request.headers.authorization.slice(7)) };
    default: throw new Error('no such path');
  }
}

createServer(async (request, response) => {
  try {
    const { redirect_url: location, error, body } = await answer(request);
    if (error) throw new Error(error);
    if (location) return response.writeHead(location.includes('error=') ? 400 : 303, { location }).end();
    const text = JSON.stringify(body ?? {});
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
  } catch (error) {
    if (process.env.DEBUG) console.error(error);
    response.writeHead(400).end();
  }
}).listen(Number(port), '127.0.0.1');
