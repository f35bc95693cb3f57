// OpenID Connect with an independent provider: npm `oidc-provider`, certified by the OpenID Foundation.
import { test as base, expect } from '../fixtures'
import { whoAmI } from '../support/console'
import type { Owner } from '../support/gatehouse'
import { OpenIdProvider } from '../support/openid-provider'

const test = base.extend<object, { op: OpenIdProvider }>({
  op: [
    async ({}, use) => {
      const provider = await OpenIdProvider.prepare()
      await use(provider)
      await provider.stop()
    },
    { scope: 'worker', timeout: 60_000 },
  ],
})

test.describe.configure({ mode: 'serial' })

let owner: Owner
let id: string
const path = () => `/api/v1/sso/connections/${id}`

test('an administrator connects it', async ({ gatehouse, op, dns, apiOf }) => {
  owner = await gatehouse.createOwner('OpenID', 'owner@openid.test')
  const api = await apiOf(owner)
  const created = await api.post('/api/v1/sso/connections', {
    name: 'oidc-provider',
    protocol: 'oidc',
    oidcConfig: { issuerUrl: op.url, clientId: 'gatehouse', clientSecret: 'gatehouse-secret-of-the-journey' },
    jitProvisioning: true,
  })
  id = created.id
  await op.start({
    redirectUri: `${gatehouse.url}/oidc/callback/${id}`,
    postLogoutRedirectUri: `${gatehouse.url}/oidc/logged-out/${id}`,
    backchannelLogoutUri: `${gatehouse.url}/oidc/backchannel-logout/${id}`,
  })
  const { domain, dnsRecord } = await api.post(`${path()}/domains`, { domain: 'openid.test' })
  await dns.setTxt({ [dnsRecord.name]: dnsRecord.value })
  await api.put(`${path()}/domains/${domain.id}/verify`)
  const tested = await api.post(`${path()}/test`)
  expect(tested, JSON.stringify(tested)).toMatchObject({ success: true, details: { discoveryValid: true, jwksValid: true } })
  expect(await api.post(`${path()}/activate`)).toMatchObject({ status: 'active' })
})

test('somebody new signs in and gets an account', async ({ page, gatehouse, op }) => {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await op.signIn(page, 'alice')
  await expect(page).toHaveURL(`${gatehouse.url}/account`)
  expect(await whoAmI(page)).toMatchObject({ user: { email: 'alice@openid.test' }, role: 'viewer' })
})

test('a token with the nonce of another sign-in is refused', async ({ page, op, apiOf }) => {
  op.misbehave('wrong_nonce')
  await page.goto(`/sso/${id}/start`)
  const [answer] = await Promise.all([
    page.waitForResponse((response) => new URL(response.url()).pathname.startsWith('/oidc/callback')),
    op.signIn(page, 'alice'),
  ])
  op.misbehave(null)
  expect(answer.status()).toBe(401)
  expect(await whoAmI(page)).toBeNull()
  const attempts = await (await apiOf(owner)).get(`${path()}/attempts?outcome=failure`)
  expect(attempts.data[0].reason).toBe('nonce_mismatch')
})

test('signing out here signs out there', async ({ page, op }) => {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await op.signIn(page, 'alice')
  await expect(page).toHaveURL(/\/account$/)
  await page.getByRole('banner').getByText(owner.workspace).first().click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  // the provider asks whether its own session shall end
  await page.locator('button[name=logout]').click()
  await expect(page).toHaveURL(/\/login$/)
  expect(await whoAmI(page)).toBeNull()
  // the provider asks anew who it is
  await page.goto(`/sso/${id}/start`)
  await expect(page.locator('input[name=login]')).toBeVisible()
})

test('signing out there ends the session here', async ({ page, op, stranger }) => {
  await page.goto(`/sso/${id}/start?returnTo=/account`)
  await op.signIn(page, 'bob')
  await expect(page).toHaveURL(/\/account$/)
  const held = (await page.context().cookies()).find((c) => c.name.endsWith('gatehouse_session'))!
  await op.signOut(page)
  await expect
    .poll(async () => (await stranger.get('/api/v1/me', { headers: { cookie: `${held.name}=${held.value}` } })).status())
    .toBe(401)
})
