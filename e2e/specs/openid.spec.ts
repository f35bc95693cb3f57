// OpenID Connect with an independent provider: npm `oidc-provider`, certified by the OpenID Foundation.
import { test as base, expect } from '../fixtures'
import { done, field, signIn, whoAmI } from '../support/console'
import type { Owner } from '../support/gatehouse'
import { expectGood } from '../support/looks'
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

test('an administrator connects it on the page', async ({ page, gatehouse, op, dns, apiOf }) => {
  test.setTimeout(120_000)
  owner = await gatehouse.createOwner('OpenID', 'owner@openid.test')
  await signIn(page, owner)
  await page.goto('/settings/security/sso?tab=enable')
  await field(page, 'Sign-on protocol').selectOption({ label: 'OpenID Connect' })
  const providers = ['Google account (Sign in with Google)', 'Okta', 'Entra ID (Windows Azure)', 'Other']
  await expect(field(page, 'SSO provider').locator('option')).toHaveText(providers)
  // whoever had Okta in mind keeps it
  await expect(field(page, 'SSO provider')).toHaveValue('okta')
  await field(page, 'SSO provider').selectOption({ label: providers[0] })
  await expect(page.getByText('The operator of this server has no client at Google yet')).toBeVisible()
  await expectGood(page)
  await field(page, 'SSO provider').selectOption({ label: 'Other' })
  await field(page, 'Issuer url').fill(op.url)
  await expectGood(page)
  await op.start({
    redirectUri: await field(page, 'Redirect URI').inputValue(),
    postLogoutRedirectUri: await field(page, 'Post logout redirect URI').inputValue(),
    backchannelLogoutUri: await field(page, 'Back-channel logout URI').inputValue(),
  })
  await field(page, 'Client id').fill('gatehouse')
  await field(page, 'Client secret').fill('gatehouse-secret-of-the-journey')
  await page.getByLabel('Make an account at the first sign-in').check()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(done(page, 'SSO updated')).toBeVisible()
  await expect(field(page, 'Client secret')).toHaveValue('')
  await expect(page.getByText('One is stored, sealed, and never shown.')).toBeVisible()

  const api = await apiOf(owner)
  const settings = await api.get('/api/v1/sso/settings')
  id = settings.connectionId
  expect(settings.redirectUri).toBe(`${gatehouse.url}/oidc/callback/${id}`)
  expect(await api.get(path())).toMatchObject({ protocol: 'oidc', status: 'testing', oidcConfig: { hasClientSecret: true } })
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
