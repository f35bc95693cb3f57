// A second identity provider that shares no code with ours nor with the first: npm `samlp`, in one small process.
// It keeps one person signed in for each browser, and remembers who is signed in where for single logout.
'use strict'
const express = require('express')
const samlp = require('samlp')
const SessionParticipants = require('samlp/lib/sessionParticipants')
const { randomUUID } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

const { IDP_PORT, IDP_URL, IDP_STATE } = process.env
const issuer = `${IDP_URL}/metadata`
const keys = Object.fromEntries(
  ['old', 'new'].map((name) => [name, { cert: readFileSync(join(IDP_STATE, `${name}.crt`)), key: readFileSync(join(IDP_STATE, `${name}.key`)) }]),
)
const people = { alice: 'Alice Second', bob: 'Bob Second' }
/** By cookie: the person, the session's index, the service providers it was used at. */
const sessions = new Map()
let leaving
const settings = () => JSON.parse(readFileSync(join(IDP_STATE, 'settings.json'), 'utf8'))
const pair = () => keys[settings().rolled ? 'new' : 'old']

const app = express()
app.use(express.urlencoded({ extended: false }))
app.use((req, _res, next) => {
  const id = /(?:^|; )samlp_idp=([^;]+)/.exec(req.headers.cookie ?? '')?.[1]
  req.idpSession = sessions.get(id)
  req.session = req.idpSession?.state ?? {}
  next()
})

app.get('/', (req, res) => res.send(req.idpSession ? `Signed in as ${req.idpSession.person}` : 'Signed out'))

app.post('/login', (req, res) => {
  const { username, password, back } = req.body
  if (!(username in people) || password !== `${username}-pass`) return res.status(403).send(form(back, 'Wrong user name or password'))
  const id = randomUUID()
  sessions.set(id, { person: username, index: `_${randomUUID()}`, participants: [], state: {} })
  res.setHeader('Set-Cookie', `samlp_idp=${id}; Path=/; HttpOnly; SameSite=Lax`)
  res.redirect(303, back)
})

app.get('/metadata', (req, res, next) =>
  samlp.metadata({ issuer, cert: pair().cert, redirectEndpointPath: '/sso', postEndpointPath: '/sso', logoutEndpointPaths: { redirect: '/slo', post: '/slo' } })(req, res, next),
)

app.all('/sso', (req, res, next) => {
  const query = req.method === 'GET' ? req.originalUrl : `/sso?${new URLSearchParams({ ...req.body, binding: 'post' })}`
  if (!req.idpSession) return res.send(form(query, ''))
  const { person, index } = req.idpSession
  const { sp, encryptionCert, signResponse } = settings()
  samlp.auth({
    issuer,
    ...pair(),
    audience: sp.entityId,
    recipient: sp.acsUrl,
    destination: sp.acsUrl,
    signResponse,
    sessionIndex: index,
    getUserFromRequest: () => ({ id: person, emails: [{ value: `${person}@second.test` }], displayName: people[person], name: { givenName: person, familyName: 'Second' } }),
    getPostURL: (_audience, _dom, _req, done) => {
      const known = req.idpSession.participants.some((p) => p.serviceProviderId === sp.entityId)
      if (!known)
        req.idpSession.participants.push({
          serviceProviderId: sp.entityId,
          nameId: person,
          nameIdFormat: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
          sessionIndex: index,
          serviceProviderLogoutURL: sp.sloUrl,
          cert: sp.certificate,
          binding: settings().logoutBinding,
        })
      done(null, sp.acsUrl)
    },
    ...(encryptionCert ? { encryptionCert, encryptionPublicKey: publicKeyOf(encryptionCert) } : {}),
  })(req, res, next)
})

app.all('/slo', (req, res, next) => {
  // A post from another site carries no cookie of ours: the request itself names the session, and an answer belongs
  // to the logout that is under way.
  const posted = Buffer.from(req.body?.SAMLRequest ?? '', 'base64').toString()
  const index = /SessionIndex[^>]*>([^<]+)</.exec(posted)?.[1]
  const session = [...sessions.values()].find((s) => s.index === index) ?? req.idpSession ?? leaving
  leaving = session
  if (!session) return res.send('Nobody is signed in')
  req.session = session.state
  samlp.logout({
    issuer,
    ...pair(),
    deflate: req.method === 'GET' || settings().logoutBinding.endsWith('HTTP-Redirect'),
    protocolBinding: settings().logoutBinding,
    sessionParticipants: new SessionParticipants(session.participants),
    clearIdPSession: (done) => {
      for (const [id, held] of sessions) if (held === session) sessions.delete(id)
      done()
    },
  })(req, res, next)
})

app.use((error, _req, res, _next) => res.status(500).send(`The identity provider refused: ${error.message}`))
app.listen(Number(IDP_PORT), '127.0.0.1')

function publicKeyOf(certificate) {
  const { X509Certificate } = require('node:crypto')
  return new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'pem' })
}

function escape(text) {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`)
}

function form(back, message) {
  return `<!doctype html><title>Second provider</title><h1>Second provider</h1><p>${escape(message)}</p><form method="post" action="/login">
    <input type="hidden" name="back" value="${escape(back ?? '/')}"><label>Username <input name="username"></label>
    <label>Password <input name="password" type="password"></label><button>Login</button></form>`
}
