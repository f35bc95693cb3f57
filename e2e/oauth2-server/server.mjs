// A second independent authorization server (npm `@node-oauth/oauth2-server`) with an API behind it, in a process of its
// own. Refresh tokens rotate; access tokens live `AS_TOKEN_SECONDS`. PKCE is the library's own. What the library leaves to
// who uses it is here: the page that asks, the storage, and revocation.
import OAuth2Server from '@node-oauth/oauth2-server'
import express from 'express'

const { AS_PORT, AS_TOKEN_SECONDS } = process.env
const client = {
  id: 'gatehouse',
  clientSecret: 'gatehouse-secret-of-the-second',
  grants: ['authorization_code', 'refresh_token', 'client_credentials'],
  redirectUris: [],
}
const codes = new Map()
const access = new Map()
const refresh = new Map()
const counts = { authorization_code: 0, refresh_token: 0, client_credentials: 0, revoked: 0 }

const model = {
  getClient: async (id, secret) => (id === client.id && (!secret || secret === client.clientSecret) ? client : null),
  saveAuthorizationCode: async (code, of, user) => {
    codes.set(code.authorizationCode, { ...code, client: of, user })
    return codes.get(code.authorizationCode)
  },
  getAuthorizationCode: async (code) => codes.get(code),
  revokeAuthorizationCode: async (code) => codes.delete(code.authorizationCode),
  getUserFromClient: async () => ({ name: 'the client itself' }),
  saveToken: async (token, of, user) => {
    const kept = { ...token, client: of, user }
    access.set(token.accessToken, kept)
    if (token.refreshToken) refresh.set(token.refreshToken, kept)
    return kept
  },
  getAccessToken: async (token) => access.get(token),
  getRefreshToken: async (token) => refresh.get(token),
  revokeToken: async (token) => refresh.delete(token.refreshToken),
  validateScope: async (_user, _client, scope) => scope ?? [],
}
const server = new OAuth2Server({
  model,
  accessTokenLifetime: Number(AS_TOKEN_SECONDS),
  requireClientAuthentication: { authorization_code: true },
})

const app = express()
app.use(express.urlencoded({ extended: false }))
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)

app.get('/authorize', (request, response) => {
  const hidden = Object.entries(request.query).map(([k, v]) => `<input type="hidden" name="${escaped(k)}" value="${escaped(String(v))}">`)
  response.send(
    `<!doctype html><html lang="en"><title>Allow?</title><h1>Gatehouse wants your data</h1><form method="post" action="/authorize">` +
      `${hidden.join('')}<label>Your name <input name="who"></label><button name="answer" value="allow">Allow</button>` +
      `<button name="answer" value="deny">Deny</button></form></html>`,
  )
})
app.post('/authorize', async (request, response) => {
  const { who, answer, ...asked } = request.body
  if (answer === 'deny') {
    const back = new URL(asked.redirect_uri)
    back.search = new URLSearchParams({ error: 'access_denied', state: asked.state })
    return response.redirect(back.href)
  }
  const answered = new OAuth2Server.Response()
  const handler = { handle: () => ({ name: who }) }
  const wanted = new OAuth2Server.Request({ method: 'POST', headers: request.headers, query: {}, body: asked })
  await server
    .authorize(wanted, answered, { authenticateHandler: handler })
    .then(() => response.redirect(answered.headers.location))
    .catch((error) => response.status(error.code ?? 500).send(error.message))
})
app.post('/token', async (request, response) => {
  const answered = new OAuth2Server.Response()
  await server.token(new OAuth2Server.Request(request), answered).then(
    () => (counts[request.body.grant_type] += 1),
    () => {},
  )
  response.status(answered.status).set(answered.headers).json(answered.body)
})
app.post('/revoke', (request, response) => {
  counts.revoked += 1
  access.delete(request.body.token)
  refresh.delete(request.body.token)
  response.status(200).end()
})
app.get('/api/who', async (request, response) => {
  const answered = new OAuth2Server.Response()
  await server
    .authenticate(new OAuth2Server.Request(request), answered)
    .then(({ user }) => response.json({ who: user.name }))
    .catch((error) => response.status(error.code ?? 500).json({ error: error.name }))
})
// of the journey alone
app.post('/journey/client', (request, response) => {
  client.redirectUris = [request.body.redirectUri]
  response.json({})
})
app.post('/journey/forget', (_request, response) => {
  access.clear()
  refresh.clear()
  response.json({})
})
app.get('/journey/counts', (_request, response) => response.json({ ...counts, refreshTokens: refresh.size }))
app.listen(Number(AS_PORT), 'localhost')
