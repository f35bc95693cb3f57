// A service outside with an authorization server of its own (npm `oidc-provider`), in a process of its own: PKCE is
// demanded, refresh tokens count once, access tokens live for seconds. `POST /forget` ends what was granted, as somebody
// does who takes the consent back there; `/echo` answers to whoever comes with a token that counts.
import { Provider } from 'oidc-provider'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const { OP_PORT, OP_URL, OP_STATE } = process.env
const { redirectUri } = JSON.parse(readFileSync(join(OP_STATE, 'client.json'), 'utf8'))
const granted = new Set()

const provider = new Provider(OP_URL, {
  clients: [
    {
      client_id: 'gatehouse',
      client_secret: 'outbound-secret-of-the-journey',
      redirect_uris: [redirectUri],
      response_types: ['code'],
      grant_types: ['authorization_code', 'refresh_token'],
    },
  ],
  cookies: { keys: ['of-one-journey'] },
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'orders:read'],
  rotateRefreshToken: () => true,
  issueRefreshToken: async () => true,
  ttl: { AccessToken: 4, RefreshToken: 600, Grant: 600, Session: 600, Interaction: 600 },
  features: { devInteractions: { enabled: true }, revocation: { enabled: true } },
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
})
provider.on('grant.success', (ctx) => granted.add(ctx.oidc.entities.Grant?.jti))

provider.use(async (ctx, next) => {
  if (ctx.path === '/forget') {
    for (const id of granted) {
      if (!id) continue
      await provider.AccessToken.revokeByGrantId(id)
      await provider.RefreshToken.revokeByGrantId(id)
    }
    granted.clear()
    ctx.status = 204
    return
  }
  if (ctx.path === '/echo') {
    const token = await provider.AccessToken.find((ctx.get('authorization') || '').replace(/^Bearer /, ''))
    ctx.status = token ? 200 : 401
    ctx.body = token ? { account: token.accountId, token: token.jti, org: ctx.get('x-org') } : { error: 'invalid_token' }
    return
  }
  await next()
})
provider.listen(Number(OP_PORT), 'localhost')
