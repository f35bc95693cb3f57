// An independent OpenID provider (npm `oidc-provider`) in a process of its own. Its own sign-in pages stay: whoever
// enters a name is that person. `OP_FAULT` in the settings file changes the nonce of the next ID tokens.
import { Provider } from 'oidc-provider'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { OP_PORT, OP_URL, OP_STATE } = process.env
const settings = JSON.parse(readFileSync(join(OP_STATE, 'client.json'), 'utf8'))
const fault = () => JSON.parse(readFileSync(join(OP_STATE, 'fault.json'), 'utf8')).fault
const key = (type, options, alg, kid) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg,
  kid,
})
const keys = [key('rsa', { modulusLength: 2048 }, 'RS256', 'rsa'), key('ec', { namedCurve: 'P-256' }, 'ES256', 'ec')]

const provider = new Provider(OP_URL, {
  clients: [
    {
      client_id: 'gatehouse',
      client_secret: 'gatehouse-secret-of-the-journey',
      redirect_uris: [settings.redirectUri],
      post_logout_redirect_uris: [settings.postLogoutRedirectUri],
      backchannel_logout_uri: settings.backchannelLogoutUri,
      backchannel_logout_session_required: true,
      response_types: ['code'],
      grant_types: ['authorization_code'],
    },
  ],
  jwks: { keys },
  cookies: { keys: ['of-one-journey'] },
  pkce: { required: () => true },
  claims: { openid: ['sub', 'sid'], email: ['email', 'email_verified'], profile: ['name'] },
  features: {
    devInteractions: { enabled: true },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // the back channel reaches the server of the journey, which is on this machine: the library's dispatcher, which
  // keeps away from loopback addresses, is left out
  fetch: (url, { dispatcher: _, ...options }) => globalThis.fetch(url, options),
  // the address is told at the userinfo endpoint, unless the client asks otherwise: the library's own way
  findAccount: async (_ctx, id) => ({
    accountId: id,
    claims: async () => ({ sub: id, email: `${id}@openid.test`, email_verified: true, name: `${id} of OpenID` }),
  }),
})

// a nonce of another sign-in, as a stolen token would carry it
provider.use(async (ctx, next) => {
  if (ctx.path === '/auth' && fault() === 'wrong_nonce' && ctx.query.nonce) {
    ctx.query = { ...ctx.query, nonce: 'of-another-sign-in' }
  }
  await next()
})
// its own pages know no choice among accounts: whoever asks for one gets the sign-in
provider.use(async (ctx, next) => {
  if (ctx.path === '/auth' && ctx.query.prompt === 'select_account') {
    const { prompt: _, ...others } = ctx.query
    ctx.query = others
  }
  await next()
})
provider.listen(Number(OP_PORT), 'localhost')
